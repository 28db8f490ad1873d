//! The clock tree: named clocks, each with an exact frequency, and the segments of core-clock time.
//!
//! One clock is the core clock; cycles count its ticks. When its frequency changes a new segment
//! starts, so that any cycle can be turned into seconds exactly.

use crate::time::{Cycles, Ratio};
use serde::{Deserialize, Serialize};

/// Handle of a clock in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ClockId(pub u16);

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Clock {
    name: String,
    /// True frequency: the nominal one with the tolerance of its oscillator.
    hz: Ratio,
    nominal: Ratio,
    /// The clock whose tolerance it has; itself for an oscillator.
    oscillator: ClockId,
    /// True over nominal frequency, for those that follow it.
    tolerance: Ratio,
    /// It is that clock, divided.
    divided: Option<(ClockId, u32)>,
}

impl Clock {
    fn new(name: &str, hz: Ratio, id: ClockId) -> Clock {
        Clock {
            name: name.to_owned(),
            hz,
            nominal: hz,
            oscillator: id,
            tolerance: Ratio::ONE,
            divided: None,
        }
    }
}

/// A stretch of time over which the core clock had one frequency.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Segment {
    /// First cycle of the stretch.
    pub from: Cycles,
    /// Time at its start, in attoseconds since power-on.
    pub start_as: u128,
    /// Core frequency in it, in Hz.
    pub hz: Ratio,
}

/// Attoseconds (10⁻¹⁸ s) in a second.
const AS_PER_S: u128 = 1_000_000_000_000_000_000;

/// All clocks of a machine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClockTree {
    clocks: Vec<Clock>,
    core: ClockId,
    segments: Vec<Segment>,
    /// Set when any frequency changed; the bus then tells every device.
    changed: bool,
}

impl ClockTree {
    /// A tree with one clock, the core clock.
    #[must_use]
    pub fn new(core_name: &str, hz: Ratio) -> ClockTree {
        ClockTree {
            clocks: vec![Clock::new(core_name, hz, ClockId(0))],
            core: ClockId(0),
            segments: vec![Segment {
                from: Cycles::ZERO,
                start_as: 0,
                hz,
            }],
            changed: false,
        }
    }

    /// Add a clock, or find it when the name is known.
    pub fn add(&mut self, name: &str, hz: Ratio) -> ClockId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let id = ClockId(self.clocks.len() as u16);
        self.clocks.push(Clock::new(name, hz, id));
        id
    }

    /// Add a clock that is another one divided, at any time.
    pub fn add_divided(&mut self, name: &str, of: ClockId, div: u32) -> ClockId {
        let id = self.add(name, self.hz(of).scale(1, u64::from(div)));
        self.clocks[usize::from(id.0)].divided = Some((of, div));
        id
    }

    /// The clock of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ClockId> {
        self.clocks
            .iter()
            .position(|c| c.name == name)
            .map(|i| ClockId(i as u16))
    }

    /// The core clock.
    #[must_use]
    pub fn core(&self) -> ClockId {
        self.core
    }

    /// Frequency of a clock in Hz; zero when it stands still.
    #[must_use]
    pub fn hz(&self, id: ClockId) -> Ratio {
        self.clocks[usize::from(id.0)].hz
    }

    /// Frequency that a clock would have without tolerances, in Hz: what limits of a data sheet are compared with.
    #[must_use]
    pub fn nominal_hz(&self, id: ClockId) -> Ratio {
        let clock = &self.clocks[usize::from(id.0)];
        match clock.divided {
            Some((of, div)) => self.nominal_hz(of).scale(1, u64::from(div)),
            None => clock.nominal,
        }
    }

    /// Names and frequencies, in order of definition.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Ratio)> {
        self.clocks.iter().map(|c| (c.name.as_str(), c.hz))
    }

    /// Ticks of a clock per core cycle.
    #[must_use]
    pub fn per_core_cycle(&self, id: ClockId) -> Ratio {
        self.hz(id).over(self.hz(self.core))
    }

    /// Core cycles per tick of a clock; `None` when it stands still.
    #[must_use]
    pub fn core_cycles_per_tick(&self, id: ClockId) -> Option<Ratio> {
        let period = self.hz(self.core).over(self.hz(id));
        (!period.is_zero()).then_some(period)
    }

    /// Change a frequency at cycle `now`. The core clock never stops: zero is ignored for it.
    pub fn set_hz(&mut self, id: ClockId, hz: Ratio, now: Cycles) {
        self.set_hz_from(id, hz, id, now);
    }

    /// Change the nominal frequency of a clock that comes from an oscillator at cycle `now`: it is as far off as
    /// that is.
    pub fn set_hz_from(&mut self, id: ClockId, nominal: Ratio, oscillator: ClockId, now: Cycles) {
        if id == self.core && nominal.is_zero() {
            return;
        }
        let clock = &mut self.clocks[usize::from(id.0)];
        (clock.nominal, clock.oscillator) = (nominal, oscillator);
        self.retune(id, now);
    }

    /// Is its frequency its own, not that of another clock multiplied or divided? Known once the clock
    /// controllers have been reset.
    #[must_use]
    pub fn is_oscillator(&self, id: ClockId) -> bool {
        let clock = &self.clocks[usize::from(id.0)];
        clock.oscillator == id && clock.divided.is_none()
    }

    /// An oscillator, and every clock that comes from it, is `tolerance` times as fast as it nominally is, from cycle
    /// `now` on. Zero is ignored.
    pub fn set_tolerance(&mut self, oscillator: ClockId, tolerance: Ratio, now: Cycles) {
        if tolerance.is_zero() {
            return;
        }
        self.clocks[usize::from(oscillator.0)].tolerance = tolerance;
        for i in 0..self.clocks.len() {
            let clock = &self.clocks[i];
            if clock.oscillator == oscillator && clock.divided.is_none() {
                self.retune(ClockId(i as u16), now);
            }
        }
    }

    /// Give a clock its nominal frequency with the tolerance of its oscillator.
    fn retune(&mut self, id: ClockId, now: Cycles) {
        let clock = &self.clocks[usize::from(id.0)];
        let tolerance = self.clocks[usize::from(clock.oscillator.0)].tolerance;
        let hz = clock.nominal.scale(tolerance.num(), tolerance.den());
        self.change(id, hz, now);
    }

    fn change(&mut self, id: ClockId, hz: Ratio, now: Cycles) {
        let old = self.clocks[usize::from(id.0)].hz;
        if old == hz {
            return;
        }
        self.clocks[usize::from(id.0)].hz = hz;
        self.changed = true;
        if id == self.core {
            let start_as = self.attoseconds(now);
            if self.segments.last().is_some_and(|s| s.from == now) {
                self.segments.pop();
            }
            self.segments.push(Segment {
                from: now,
                start_as,
                hz,
            });
        }
        for i in 0..self.clocks.len() {
            if let Some((of, div)) = self.clocks[i].divided
                && of == id
            {
                self.change(ClockId(i as u16), hz.scale(1, u64::from(div)), now);
            }
        }
    }

    /// How many bytes of host memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let names: usize = self.clocks.iter().map(|c| c.name.len()).sum();
        size_of::<ClockTree>()
            + size_of_val(&self.clocks[..])
            + names
            + size_of_val(&self.segments[..])
    }

    /// Did a frequency change since this was last asked?
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The stretches of constant core frequency.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Time of a cycle in attoseconds since power-on.
    #[must_use]
    pub fn attoseconds(&self, at: Cycles) -> u128 {
        let i = self.segments.partition_point(|s| s.from <= at).max(1) - 1;
        let s = self.segments[i];
        s.start_as
            + u128::from(at.since(s.from)) * AS_PER_S / u128::from(s.hz.num())
                * u128::from(s.hz.den())
            + u128::from(at.since(s.from)) * AS_PER_S % u128::from(s.hz.num())
                * u128::from(s.hz.den())
                / u128::from(s.hz.num())
    }

    /// Time of a cycle in seconds, for display.
    #[must_use]
    pub fn seconds(&self, at: Cycles) -> f64 {
        self.attoseconds(at) as f64 / AS_PER_S as f64
    }

    /// The first cycle that is not before a time in attoseconds since power-on, as long as the core keeps its
    /// present frequency. For times of the past, a cycle that is not after the present one.
    #[must_use]
    pub fn cycle_at(&self, attoseconds: u128) -> Cycles {
        let Some(s) = self.segments.last() else {
            return Cycles::MAX;
        };
        let left = attoseconds.saturating_sub(s.start_as);
        let (num, den) = (u128::from(s.hz.num()), u128::from(s.hz.den()) * AS_PER_S);
        let whole = (left / den).saturating_mul(num);
        let rest = (left % den).saturating_mul(num).div_ceil(den);
        s.from + u64::try_from(whole.saturating_add(rest)).unwrap_or(u64::MAX)
    }

    /// Core cycles in `ns` nanoseconds at the present frequency, rounded up.
    #[must_use]
    pub fn cycles_in_ns(&self, ns: u64) -> u64 {
        let hz = self.hz(self.core);
        let n = u128::from(ns) * u128::from(hz.num());
        let d = 1_000_000_000 * u128::from(hz.den());
        u64::try_from(n.div_ceil(d)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_keep_time_over_a_pll_switch() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(16_000_000));
        t.set_hz(t.core(), Ratio::hz(168_000_000), Cycles(16_000));
        assert!(t.take_changed());
        assert_eq!(t.attoseconds(Cycles(16_000)), AS_PER_S / 1000);
        assert_eq!(t.attoseconds(Cycles(16_000 + 168_000)), AS_PER_S / 500);
    }

    #[test]
    fn a_divided_clock_follows() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(16_000_000));
        let eighth = t.add_divided("HCLK/8", t.core(), 8);
        assert_eq!(t.hz(eighth), Ratio::hz(2_000_000));
        t.set_hz(t.core(), Ratio::hz(168_000_000), Cycles(5));
        assert_eq!(t.per_core_cycle(eighth), Ratio::new(1, 8));
    }

    #[test]
    fn a_tolerance_moves_all_that_comes_from_an_oscillator() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(8_000_000));
        let hse = t.add("HSE", Ratio::hz(8_000_000));
        let lsi = t.add("LSI", Ratio::hz(32_000));
        let systick = t.add_divided("HCLK/8", t.core(), 8);
        t.set_hz_from(t.core(), Ratio::hz(168_000_000), hse, Cycles::ZERO);
        assert!(t.is_oscillator(hse) && t.is_oscillator(lsi));
        assert!(!t.is_oscillator(t.core()) && !t.is_oscillator(systick));
        t.set_tolerance(hse, Ratio::new(1_000_020, 1_000_000), Cycles(168_000));
        assert_eq!(t.hz(t.core()), Ratio::hz(168_003_360));
        assert_eq!(t.hz(systick), Ratio::hz(21_000_420));
        assert_eq!(t.nominal_hz(systick), Ratio::hz(21_000_000));
        assert_eq!(t.hz(hse), Ratio::hz(8_000_160));
        assert_eq!(t.hz(lsi), Ratio::hz(32_000));
        assert_eq!(t.segments().len(), 2);
        // A new setting of the PLL keeps the tolerance; another oscillator has its own.
        t.set_hz_from(t.core(), Ratio::hz(84_000_000), hse, Cycles(168_000));
        assert_eq!(t.hz(t.core()), Ratio::hz(84_001_680));
        t.set_hz_from(t.core(), Ratio::hz(32_000), lsi, Cycles(168_000));
        assert_eq!(t.hz(t.core()), Ratio::hz(32_000));
        t.set_tolerance(lsi, Ratio::ZERO, Cycles(168_000));
        assert_eq!(t.hz(lsi), Ratio::hz(32_000));
    }

    #[test]
    fn cycle_at_is_the_first_cycle_not_before_a_time() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(16_000_000));
        t.set_hz(t.core(), Ratio::hz(168_000_000), Cycles(16_000));
        t.set_hz(t.core(), Ratio::new(100_000_000, 3), Cycles(184_000));
        assert_eq!(t.cycle_at(AS_PER_S / 500), Cycles(184_000));
        for time in [AS_PER_S / 300, AS_PER_S / 300 + 1, 7 * AS_PER_S / 3] {
            let c = t.cycle_at(time);
            assert!(t.attoseconds(c) >= time);
            assert!(t.attoseconds(Cycles(c.0 - 1)) < time);
        }
        assert!(t.cycle_at(0) <= Cycles(184_000));
        assert!(t.cycle_at(u128::MAX) > Cycles(1 << 60));
    }

    #[test]
    fn ratio_to_core() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(168_000_000));
        let p = t.add("PCLK1", Ratio::hz(42_000_000));
        assert_eq!(t.per_core_cycle(p), Ratio::new(1, 4));
        assert_eq!(t.cycles_in_ns(1_000_000), 168_000);
    }
}
