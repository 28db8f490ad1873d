//! A point in real time that keeps its place when the core clock changes.
//!
//! Oscillator start-up and flash programming take a time, not a number of cycles.

use emu_core::{Ctx, Cycles, Ratio};
use serde::{Deserialize, Serialize};

/// Attoseconds in a second and in a nanosecond.
const AS_PER_S: u128 = 1_000_000_000_000_000_000;
const AS_PER_NS: u128 = 1_000_000_000;

/// Attoseconds since power-on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Deadline(u128);

impl Deadline {
    /// `ns` nanoseconds from now.
    pub(crate) fn after_ns(ctx: &Ctx<'_>, ns: u64) -> Deadline {
        Deadline(ctx.attoseconds() + u128::from(ns) * AS_PER_NS)
    }

    /// `n` periods of a clock from now; now when the clock stands still.
    pub(crate) fn after_periods(ctx: &Ctx<'_>, n: u64, hz: u64) -> Deadline {
        let delay = (u128::from(n) * AS_PER_S).checked_div(u128::from(hz));
        Deadline(ctx.attoseconds() + delay.unwrap_or(0))
    }

    /// This deadline put off by `ns` nanoseconds.
    pub(crate) fn later_ns(self, ns: u64) -> Deadline {
        Deadline(self.0 + u128::from(ns) * AS_PER_NS)
    }

    /// The first core cycle at or after it, as long as the core stays at `core_hz`.
    pub(crate) fn cycle(self, ctx: &Ctx<'_>, core_hz: Ratio) -> Cycles {
        let left = self.0.saturating_sub(ctx.attoseconds());
        let cycles = left
            .saturating_mul(u128::from(core_hz.num()))
            .div_ceil(AS_PER_S.saturating_mul(u128::from(core_hz.den())));
        ctx.now() + u64::try_from(cycles).unwrap_or(u64::MAX)
    }
}
