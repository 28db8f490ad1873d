//! When a stimulus acts: moments, and steps that follow each other at a pace.
//!
//! Time in seconds is true time, whatever the core clock does: an action at a time happens at the first cycle
//! that is not before it, by the machine's clock segments in whole attoseconds.

use emu_core::{Ctx, Cycles, Ratio};
use serde::{Deserialize, Serialize};

/// Attoseconds in a second.
const AS_PER_S: u128 = 1_000_000_000_000_000_000;

/// A point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Moment {
    /// A core cycle since power-on.
    Cycle(u64),
    /// Attoseconds since power-on.
    Time(u128),
}

impl Moment {
    /// The first cycle that is not before it, at the present core frequency.
    #[must_use]
    pub fn cycle(self, ctx: &Ctx<'_>) -> Cycles {
        match self {
            Moment::Cycle(n) => Cycles(n),
            Moment::Time(t) => ctx.cycle_at(t),
        }
    }

    /// The moment `ticks` of a pace after this one; `None` when it is beyond all time. Call it at this moment or
    /// later with the anchor of [`Moment::anchored`] when the units differ.
    pub(super) fn after(self, ticks: u128, pace: Pace) -> Option<Moment> {
        match (self, pace) {
            (Moment::Cycle(start), Pace::Cycles) => {
                let at = u128::from(start).checked_add(ticks)?;
                Some(Moment::Cycle(u64::try_from(at).ok()?))
            }
            (Moment::Time(start), Pace::PerSecond(hz)) => {
                start.checked_add(time_of(ticks, hz)?).map(Moment::Time)
            }
            _ => None,
        }
    }

    /// This moment, which is now, in the unit of a pace.
    pub(super) fn anchored(self, pace: Pace, ctx: &Ctx<'_>) -> Moment {
        match (self, pace) {
            (Moment::Cycle(_), Pace::PerSecond(_)) => Moment::Time(ctx.attoseconds()),
            (Moment::Time(_), Pace::Cycles) => Moment::Cycle(ctx.now().0),
            (same, _) => same,
        }
    }
}

/// What a tick is, of those that a stimulus counts its steps in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// A core cycle.
    Cycles,
    /// So many ticks a second of true time.
    PerSecond(Ratio),
}

impl Pace {
    /// Ticks of one attosecond.
    #[must_use]
    pub fn attoseconds() -> Pace {
        Pace::PerSecond(Ratio::hz(AS_PER_S as u64))
    }
}

/// Attoseconds that so many ticks take, rounded down.
fn time_of(ticks: u128, hz: Ratio) -> Option<u128> {
    let (num, den) = (u128::from(hz.num()), u128::from(hz.den()));
    let n = ticks.checked_mul(den)?;
    let whole = n.checked_div(num)?.checked_mul(AS_PER_S)?;
    // The remainder is below 2⁶⁴.
    whole.checked_add(n % num * AS_PER_S / num)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lose_nothing() {
        let third = Pace::PerSecond(Ratio::hz(3));
        let at = |n| Moment::Time(5).after(n, third);
        assert_eq!(at(1), Some(Moment::Time(5 + AS_PER_S / 3)));
        assert_eq!(at(3_000_000), Some(Moment::Time(5 + 1_000_000 * AS_PER_S)));
        let odd = Pace::PerSecond(Ratio::new(999_983_000_019, 1_000_000));
        let hour = Moment::Time(0).after(3600 * 999_983_000_019, odd);
        assert_eq!(hour, Some(Moment::Time(3600 * 1_000_000 * AS_PER_S)));
        assert_eq!(
            Moment::Cycle(7).after(9, Pace::Cycles),
            Some(Moment::Cycle(16))
        );
    }

    #[test]
    fn beyond_all_time_is_never() {
        assert_eq!(
            Moment::Cycle(7).after(u128::from(u64::MAX), Pace::Cycles),
            None
        );
        let slow = Pace::PerSecond(Ratio::new(1, u64::MAX));
        assert_eq!(Moment::Time(0).after(u128::MAX, slow), None);
        let stopped = Pace::PerSecond(Ratio::ZERO);
        assert_eq!(Moment::Time(0).after(1, stopped), None);
    }
}
