//! Time: the core cycle, frequencies, and counters that run on another clock.
//!
//! The unit of truth is the core cycle. Seconds are a view, computed from the clock segments of
//! [`crate::clock::ClockTree`]. All conversions are exact integer ratios.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// A point in time or a duration, in core clock cycles since power-on.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Cycles(pub u64);

impl Cycles {
    /// The start of every run.
    pub const ZERO: Cycles = Cycles(0);
    /// Later than anything that happens.
    pub const MAX: Cycles = Cycles(u64::MAX);

    /// `self - earlier`, or zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Cycles) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Cycles {
    type Output = Cycles;
    fn add(self, n: u64) -> Cycles {
        Cycles(self.0.saturating_add(n))
    }
}

impl AddAssign<u64> for Cycles {
    fn add_assign(&mut self, n: u64) {
        *self = *self + n;
    }
}

impl Sub<Cycles> for Cycles {
    type Output = u64;
    fn sub(self, other: Cycles) -> u64 {
        self.0 - other.0
    }
}

impl fmt::Display for Cycles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a run is: its order is that of the run.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Position {
    /// Instructions executed so far.
    pub instructions: u64,
    /// The present cycle: it goes on without instructions while the core sleeps.
    pub cycle: Cycles,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cycle {}, instruction {}", self.cycle, self.instructions)
    }
}

/// An exact positive ratio, kept in lowest terms. A frequency is a ratio in Hz; the speed of a
/// device clock against the core is a ratio in ticks per core cycle.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Ratio {
    num: u64,
    den: u64,
}

impl Ratio {
    /// A stopped clock.
    pub const ZERO: Ratio = Ratio { num: 0, den: 1 };
    /// One tick per cycle.
    pub const ONE: Ratio = Ratio { num: 1, den: 1 };

    /// `num / den` in lowest terms. A zero denominator is read as a stopped clock.
    #[must_use]
    pub fn new(num: u64, den: u64) -> Ratio {
        if num == 0 || den == 0 {
            return Ratio::ZERO;
        }
        let g = gcd(u128::from(num), u128::from(den)) as u64;
        Ratio {
            num: num / g,
            den: den / g,
        }
    }

    /// A whole number of Hz.
    #[must_use]
    pub fn hz(hz: u64) -> Ratio {
        Ratio::new(hz, 1)
    }

    /// Numerator, in lowest terms.
    #[must_use]
    pub fn num(self) -> u64 {
        self.num
    }

    /// Denominator, in lowest terms, never zero.
    #[must_use]
    pub fn den(self) -> u64 {
        self.den
    }

    /// Is this a stopped clock?
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.num == 0
    }

    /// `self * num / den`, exact as long as the reduced terms fit 64 bits (else rounded down to fit).
    #[must_use]
    pub fn scale(self, num: u64, den: u64) -> Ratio {
        Ratio::from_wide(
            u128::from(self.num) * u128::from(num),
            u128::from(self.den) * u128::from(den),
        )
    }

    /// `self / other`; zero when either is zero.
    #[must_use]
    pub fn over(self, other: Ratio) -> Ratio {
        self.scale(other.den, other.num)
    }

    /// The value as a float, for display only.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    fn from_wide(num: u128, den: u128) -> Ratio {
        if num == 0 || den == 0 {
            return Ratio::ZERO;
        }
        let g = gcd(num, den);
        let (mut num, mut den) = (num / g, den / g);
        while num > u128::from(u64::MAX) || den > u128::from(u64::MAX) {
            num >>= 1;
            den = (den >> 1).max(1);
        }
        Ratio {
            num: num as u64,
            den: den as u64,
        }
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// A counter on another clock, as a function of the core cycle: `ticks(c) = base + (c - anchor) * ratio`.
///
/// Devices keep one of these instead of being called at every tick. The fraction of a tick that had
/// passed when the clock changed is kept, so that a change of speed loses no time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ticker {
    anchor: Cycles,
    /// Whole ticks at the anchor.
    base: u64,
    /// Part of a tick at the anchor, in units of 1/den tick.
    frac: u64,
    ratio: Ratio,
}

impl Ticker {
    /// A counter that reads `ticks` at `now` and runs at `ratio` ticks per core cycle.
    #[must_use]
    pub fn new(now: Cycles, ticks: u64, ratio: Ratio) -> Ticker {
        Ticker {
            anchor: now,
            base: ticks,
            frac: 0,
            ratio,
        }
    }

    /// Ticks per core cycle.
    #[must_use]
    pub fn ratio(&self) -> Ratio {
        self.ratio
    }

    /// Whole ticks that have passed by cycle `at` (ticks that fall exactly on `at` count).
    #[must_use]
    pub fn ticks_at(&self, at: Cycles) -> u64 {
        if self.ratio.den == 1 && self.ratio.num == 1 {
            return self.base.saturating_add(at.since(self.anchor));
        }
        let n =
            u128::from(at.since(self.anchor)) * u128::from(self.ratio.num) + u128::from(self.frac);
        self.base
            .saturating_add((n / u128::from(self.ratio.den)) as u64)
    }

    /// The first cycle at which [`Ticker::ticks_at`] reads at least `tick`; `None` when the clock
    /// stands still or the cycle does not fit 64 bits.
    #[must_use]
    pub fn cycle_of(&self, tick: u64) -> Option<Cycles> {
        if tick <= self.base {
            return Some(self.anchor);
        }
        if self.ratio.is_zero() {
            return None;
        }
        let need =
            u128::from(tick - self.base) * u128::from(self.ratio.den) - u128::from(self.frac);
        let cycles = need.div_ceil(u128::from(self.ratio.num));
        u64::try_from(cycles)
            .ok()?
            .checked_add(self.anchor.0)
            .map(Cycles)
    }

    /// Go on from `now` at another speed; the part of a tick that has passed is kept.
    pub fn set_ratio(&mut self, now: Cycles, ratio: Ratio) {
        let n =
            u128::from(now.since(self.anchor)) * u128::from(self.ratio.num) + u128::from(self.frac);
        let den = u128::from(self.ratio.den);
        self.base = self.base.saturating_add((n / den) as u64);
        self.frac = ((n % den) * u128::from(ratio.den) / den) as u64;
        self.anchor = now;
        self.ratio = ratio;
    }

    /// Make the counter read `ticks` at `now`, at the start of a tick.
    pub fn set_ticks(&mut self, now: Cycles, ticks: u64) {
        *self = Ticker::new(now, ticks, self.ratio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticker_is_exact_over_a_clock_change() {
        // 84 MHz timer under a 168 MHz core, then the core drops to 16 MHz with the timer at 16 MHz.
        let mut t = Ticker::new(Cycles(0), 0, Ratio::new(1, 2));
        assert_eq!(t.ticks_at(Cycles(7)), 3);
        assert_eq!(t.cycle_of(4), Some(Cycles(8)));
        t.set_ratio(Cycles(7), Ratio::ONE); // half a tick has passed
        assert_eq!(t.ticks_at(Cycles(8)), 4);
    }

    #[test]
    fn positions_are_in_the_order_of_the_run() {
        let at = |instructions, cycle| Position {
            instructions,
            cycle: Cycles(cycle),
        };
        assert!(at(45, 123) < at(45, 999), "asleep");
        assert!(at(45, 123) < at(46, 123), "two in one cycle");
        assert_eq!(at(45, 123).to_string(), "cycle 123, instruction 45");
    }

    #[test]
    fn cycle_of_is_the_inverse_of_ticks_at() {
        for (num, den) in [(1, 1), (1, 3), (3, 7), (32_768, 168_000_000), (5, 2)] {
            let t = Ticker::new(Cycles(11), 5, Ratio::new(num, den));
            for tick in 5..200 {
                let c = t.cycle_of(tick).expect("runs");
                assert!(t.ticks_at(c) >= tick);
                if c > Cycles(11) {
                    assert!(t.ticks_at(Cycles(c.0 - 1)) < tick);
                }
            }
        }
    }

    #[test]
    fn a_stopped_clock_never_arrives() {
        let t = Ticker::new(Cycles(0), 0, Ratio::ZERO);
        assert_eq!(t.ticks_at(Cycles(1_000_000)), 0);
        assert_eq!(t.cycle_of(1), None);
    }

    #[test]
    fn ratios_reduce() {
        assert_eq!(
            Ratio::hz(84_000_000).over(Ratio::hz(168_000_000)),
            Ratio::new(1, 2)
        );
        assert_eq!(Ratio::hz(8).scale(336, 8).num(), 336);
    }
}
