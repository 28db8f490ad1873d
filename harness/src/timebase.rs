//! From cycles to time: the segments of constant core frequency, and exact conversions over them.
//!
//! Cycles are the truth. These views round only in the last step, and saturate on figures that no
//! run can reach (a damaged file must not bring the tool down).

use crate::units::AS_PER_S;
use emu_core::clock::Segment;
use emu_core::{Cycles, Ratio};

/// Attoseconds in a picosecond.
const AS_PER_PS: u128 = 1_000_000;

/// The stretches of constant core frequency of a run, ascending.
#[derive(Clone, PartialEq, Debug)]
pub struct Timebase {
    segments: Vec<Segment>,
}

impl Timebase {
    /// Over these segments. An empty list reads as 1 Hz from the start.
    #[must_use]
    pub fn new(mut segments: Vec<Segment>) -> Timebase {
        if segments.is_empty() {
            segments.push(Segment {
                from: Cycles::ZERO,
                start_as: 0,
                hz: Ratio::hz(1),
            });
        }
        Timebase { segments }
    }

    /// The segments.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Time of a cycle in attoseconds since power-on, rounded down.
    #[must_use]
    pub fn attoseconds(&self, at: Cycles) -> u128 {
        let i = self.segments.partition_point(|s| s.from <= at).max(1) - 1;
        let s = self.segments[i];
        let num = u128::from(s.hz.num()).max(1);
        let den = u128::from(s.hz.den());
        // u64 * 10^18 fits u128.
        let n = u128::from(at.since(s.from)) * AS_PER_S;
        s.start_as
            .saturating_add((n / num).saturating_mul(den))
            .saturating_add((n % num) * den / num)
    }

    /// Core frequency in Hz at a cycle.
    #[must_use]
    pub fn hz_at(&self, at: Cycles) -> Ratio {
        let i = self.segments.partition_point(|s| s.from <= at).max(1) - 1;
        self.segments[i].hz
    }

    /// The first cycle at which `attoseconds` have passed.
    #[must_use]
    pub fn cycle_at(&self, attoseconds: u128) -> Cycles {
        let i = self.segments.partition_point(|s| s.start_as <= attoseconds);
        cycle_at(&self.segments[..i.max(1)], attoseconds)
    }

    /// Time of a cycle in picoseconds, rounded to the nearest.
    #[must_use]
    pub fn picoseconds(&self, at: Cycles) -> u64 {
        let ps = self.attoseconds(at).saturating_add(AS_PER_PS / 2) / AS_PER_PS;
        u64::try_from(ps).unwrap_or(u64::MAX)
    }

    /// Time of a cycle in seconds as a decimal with twelve places (picoseconds).
    #[must_use]
    pub fn decimal_seconds(&self, at: Cycles) -> String {
        let ps = self.picoseconds(at);
        format!("{}.{:012}", ps / 1_000_000_000_000, ps % 1_000_000_000_000)
    }
}

/// The first cycle, by the last of these segments, at which `attoseconds` have passed.
#[must_use]
pub fn cycle_at(segments: &[Segment], attoseconds: u128) -> Cycles {
    let Some(s) = segments.last() else {
        return Cycles::MAX;
    };
    let left = attoseconds.saturating_sub(s.start_as);
    let den = u128::from(s.hz.den()) * AS_PER_S;
    let (whole, rest) = (left / den, left % den);
    let cycles = whole
        .saturating_mul(u128::from(s.hz.num()))
        .saturating_add(rest.saturating_mul(u128::from(s.hz.num())).div_ceil(den));
    s.from + u64::try_from(cycles).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use emu_core::ClockTree;

    fn tree() -> ClockTree {
        let mut t = ClockTree::new("HCLK", Ratio::hz(16_000_000));
        t.set_hz(t.core(), Ratio::hz(168_000_000), Cycles(16_000));
        t.set_hz(t.core(), Ratio::new(100_000_000, 3), Cycles(184_001));
        t
    }

    #[test]
    fn agrees_with_the_clock_tree() {
        let tree = tree();
        let base = Timebase::new(tree.segments().to_vec());
        for c in [0, 1, 15_999, 16_000, 16_001, 184_000, 184_001, 999_999_999] {
            assert_eq!(base.attoseconds(Cycles(c)), tree.attoseconds(Cycles(c)));
        }
    }

    #[test]
    fn a_168_mhz_cycle_is_rounded_only_in_the_view() {
        let base = Timebase::new(vec![Segment {
            from: Cycles::ZERO,
            start_as: 0,
            hz: Ratio::hz(168_000_000),
        }]);
        assert_eq!(base.picoseconds(Cycles(1)), 5952);
        assert_eq!(base.picoseconds(Cycles(168_000_000)), 1_000_000_000_000);
        assert_eq!(base.decimal_seconds(Cycles(168_000_001)), "1.000000005952");
    }

    #[test]
    fn cycle_at_is_the_first_cycle_not_before_the_time() {
        let tree = tree();
        let base = Timebase::new(tree.segments().to_vec());
        for t in [3_000_000_000_000_000u128, 3_000_000_000_000_001, AS_PER_S] {
            let c = cycle_at(tree.segments(), t);
            // Rounding down of the view costs at most one attosecond.
            assert!(base.attoseconds(c) + 1 >= t);
            assert!(base.attoseconds(Cycles(c.0 - 1)) < t);
        }
    }

    #[test]
    fn absurd_segments_do_not_panic() {
        let base = Timebase::new(vec![Segment {
            from: Cycles(5),
            start_as: u128::MAX,
            hz: Ratio::new(u64::MAX, u64::MAX - 1),
        }]);
        let _ = base.picoseconds(Cycles::MAX);
        let _ = base.picoseconds(Cycles(0));
        let _ = cycle_at(base.segments(), u128::MAX);
    }
}
