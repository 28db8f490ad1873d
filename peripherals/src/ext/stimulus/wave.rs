//! A square wave on a pin, at a frequency or in cycles.
//!
//! Modelled: a wave that rises at its start and after each period, and falls after the high part; each edge is computed
//! from the start, so nothing adds up. Low before the start. Not modelled: jitter, slew; harmonics of a real generator.
//!
//! Ports: net `pin`.

use super::{Moment, Pace};
use emu_core::device::{StateError, from_state, to_state};
use emu_core::{Ctx, Device, Drive, Driver, Ports, Width};
use serde::{Deserialize, Serialize};

const NEXT: u32 = 0;

/// How a wave is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The first rise.
    pub start: Moment,
    /// What a tick is.
    pub pace: Pace,
    /// Ticks from rise to rise.
    pub period: u128,
    /// Ticks from rise to fall: more than zero and less than the period.
    pub high: u128,
    /// What the pin gets while the wave is high.
    pub one: Drive,
    /// What the pin gets while it is low, and before.
    pub zero: Drive,
}

/// The generator.
pub struct Wave {
    shape: Shape,
    state: State,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct State {
    /// Edges so far; even ones are rises.
    done: u64,
    /// The start in the unit of the pace, once it has come.
    anchor: Option<Moment>,
}

impl Wave {
    /// A wave of this shape.
    #[must_use]
    pub fn new(shape: Shape) -> Wave {
        Wave {
            shape,
            state: State::default(),
        }
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let Shape { period, high, .. } = self.shape;
        let at = match self.state.anchor {
            None => Some(self.shape.start),
            Some(anchor) => {
                let rise = u128::from(self.state.done / 2).saturating_mul(period);
                let part = u128::from(self.state.done % 2) * high;
                anchor.after(rise.saturating_add(part), self.shape.pace)
            }
        };
        let at = at.map(|moment| moment.cycle(ctx));
        ctx.schedule_or_cancel(NEXT, at);
    }

    fn drive(&self, ctx: &mut Ctx<'_>) {
        if let Some(net) = ctx.net(0) {
            let high = self.state.done % 2 == 1;
            let drive = if high {
                self.shape.one
            } else {
                self.shape.zero
            };
            ctx.drive(net, Driver::Stimulus, drive);
        }
    }
}

impl Device for Wave {
    fn ports(&self) -> Ports {
        Ports {
            nets: Ports::names(&["pin"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.drive(ctx);
        self.plan(ctx);
    }

    fn read(&mut self, _offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, _ctx: &mut Ctx<'_>) {}

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        if self.state.anchor.is_none() {
            self.state.anchor = Some(self.shape.start.anchored(self.shape.pace, ctx));
        }
        self.state.done += 1;
        self.drive(ctx);
        self.plan(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.plan(ctx);
    }

    fn save(&self) -> Vec<u8> {
        to_state(&self.state)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        self.state = from_state(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;
    use emu_core::{Cycles, Ratio, ResetCause};

    fn rig(start: Moment, pace: Pace, period: u128, high: u128) -> Rig {
        let mut r = Rig::m4();
        r.attach(Box::new(Wave::new(Shape {
            start,
            pace,
            period,
            high,
            one: Drive::High,
            zero: Drive::Low,
        })));
        r
    }

    #[test]
    fn in_cycles() {
        let mut r = rig(Moment::Cycle(7), Pace::Cycles, 10, 3);
        let expected = [(7, true), (10, false), (17, true), (20, false)];
        assert_eq!(r.edges("pin", 26), expected);
        r.bus.reset_devices(ResetCause::Software);
        assert_eq!(r.edges("pin", 30), [(27, true), (30, false)]);
    }

    #[test]
    fn in_hertz_over_a_clock_change_nothing_is_lost() {
        // 1 MHz and 20 ppm more, in thousandths of a period, from 1 us on.
        let hz = Ratio::new(1_000_020, 1).scale(1000, 1);
        let start = Moment::Time(1_000_000_000_000);
        let mut r = rig(start, Pace::PerSecond(hz), 1000, 500);
        let first = r.edges("pin", 168 * 1000 - 1);
        assert_eq!(first.len(), 2 * 999 + 1);
        r.core_hz(Ratio::hz(84_000_000), Cycles(168_000));
        let mut all = first;
        all.extend(r.edges("pin", 168_000 + 84_000));
        for (k, &(cycle, level)) in all.iter().enumerate() {
            // Edge k in attoseconds, and the first cycle that is not before it.
            let time = 1_000_000_000_000 + k as u128 * 1_000_000_000_000_000_000 / (2 * 1_000_020);
            let (before, rest) = match time.checked_sub(1_000_000_000_000_000) {
                Some(left) => (168_000, left * 84),
                None => (0, time * 168),
            };
            let expected = before + rest.div_ceil(1_000_000_000_000) as u64;
            assert_eq!((cycle, level), (expected, k % 2 == 0), "edge {k}");
        }
    }

    #[test]
    fn a_start_at_a_cycle_with_a_pace_in_time() {
        let pace = Pace::PerSecond(Ratio::hz(2_000_000));
        let mut r = rig(Moment::Cycle(5), pace, 2, 1);
        assert_eq!(r.edges("pin", 200), [(5, true), (89, false), (173, true)]);
    }
}
