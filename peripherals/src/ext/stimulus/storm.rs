//! Interrupts on a line, whatever its device does.
//!
//! Modelled: a line that is asserted periodically, periodically with a uniform jitter that does not add up, or as a Poisson
//! process. Without a width it is asserted for an instant: on Cortex-M that pends the interrupt, as a line does that is
//! asserted until its handler is entered; one that comes while the last is still pending is lost, as in the NVIC. With a
//! width the line stays up for that long, and an interrupt that ends before it falls is pended again.
//! Each assertion of a line that was low is recorded as an exception that was pended.
//!
//! Ports: irq `line`.

use super::random::Random;
use super::{Moment, Pace};
use emu_core::device::{StateError, from_state, to_state};
use emu_core::{Ctx, Device, Ports, Width};
use serde::{Deserialize, Serialize};

const STOP: u32 = 0;
const FALL: u32 = 1;
const RISE: u32 = 2;

/// Random streams of this kind of stimulus.
const STREAM: u64 = 1 << 32;

/// How far one interrupt is from the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gaps {
    /// Always as far, in ticks; the first one is at the start.
    Periodic {
        /// Ticks from one to the next.
        period: u128,
        /// Each one is up to so many ticks early or late; less than half the period.
        jitter: u64,
    },
    /// Exponential, the first one counted from the start.
    Poisson {
        /// Mean in ticks, at most 2⁸⁰.
        mean: u128,
    },
}

/// How a storm is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// When it begins.
    pub start: Moment,
    /// What a tick is.
    pub pace: Pace,
    /// From one interrupt to the next.
    pub gaps: Gaps,
    /// How long the line stays up, in ticks; 0 is an instant.
    pub width: u128,
    /// No interrupt at or after this moment.
    pub stop: Option<Moment>,
    /// So many interrupts at most.
    pub count: Option<u64>,
    /// Which of the storms it is, for its random numbers.
    pub index: u32,
}

/// The storm.
pub struct Storm {
    shape: Shape,
    state: State,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct State {
    random: Random,
    /// The start in the unit of the pace, once it has come.
    anchor: Option<Moment>,
    /// Interrupts so far.
    done: u64,
    /// Time of the last one without jitter, or with all gaps, in 2⁻³² ticks after the start.
    elapsed: u128,
    /// Ticks after the start of the next one.
    next: u128,
    /// Ticks after the start at which the line falls.
    falls: Option<u128>,
    stopped: bool,
}

impl Storm {
    /// A storm of this shape.
    #[must_use]
    pub fn new(shape: Shape) -> Storm {
        Storm {
            shape,
            state: State::default(),
        }
    }

    /// Choose when the next one comes.
    fn choose(&mut self) {
        let s = &mut self.state;
        s.next = match self.shape.gaps {
            Gaps::Periodic { period, jitter } => {
                let nominal = u128::from(s.done).saturating_mul(period);
                if jitter == 0 {
                    nominal
                } else {
                    let offset = u128::from(s.random.up_to(jitter.saturating_mul(2)));
                    nominal
                        .saturating_add(offset)
                        .saturating_sub(u128::from(jitter))
                }
            }
            Gaps::Poisson { mean } => {
                let (whole, part) = s.random.exponential();
                let mean = mean.min(1 << 80);
                let (high, low) = (u128::from(part >> 32), u128::from(part & 0xFFFF_FFFF));
                let part = mean * high + ((mean * low) >> 32);
                let gap = ((mean * u128::from(whole.min(1 << 15))) << 32) + part;
                s.elapsed = s.elapsed.saturating_add(gap);
                s.elapsed >> 32
            }
        };
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let s = &self.state;
        // First planned, first served: nothing comes in the cycle of the stop.
        let stop = self.shape.stop.filter(|_| !s.stopped);
        let stop = stop.map(|moment| moment.cycle(ctx));
        ctx.schedule_or_cancel(STOP, stop);
        let at = |ticks| {
            let moment = match s.anchor {
                Some(anchor) => anchor.after(ticks, self.shape.pace)?,
                None => self.shape.start,
            };
            Some(moment.cycle(ctx))
        };
        let fall = s.falls.and_then(at);
        let over = s.stopped || self.shape.count.is_some_and(|n| s.done >= n);
        let rise = at(s.next).filter(|_| !over);
        ctx.schedule_or_cancel(FALL, fall);
        ctx.schedule_or_cancel(RISE, rise);
    }

    fn rise(&mut self, ctx: &mut Ctx<'_>) {
        ctx.set_irq(0, true);
        if self.shape.width == 0 {
            ctx.set_irq(0, false);
        } else {
            self.state.falls = Some(self.state.next.saturating_add(self.shape.width));
        }
        self.state.done += 1;
        self.choose();
    }
}

impl Device for Storm {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["line"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        if !self.state.random.is_seeded() {
            let stream = STREAM | u64::from(self.shape.index);
            self.state.random = Random::new(ctx.seed(), stream);
        }
        // The reset of the chip has lowered the line; outside it is as it was.
        ctx.set_irq(0, self.state.falls.is_some());
        self.plan(ctx);
    }

    fn read(&mut self, _offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, _ctx: &mut Ctx<'_>) {}

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        match tag {
            STOP => self.state.stopped = true,
            FALL => {
                self.state.falls = None;
                ctx.set_irq(0, false);
            }
            _ if self.state.anchor.is_none() => {
                self.state.anchor = Some(self.shape.start.anchored(self.shape.pace, ctx));
                self.choose();
            }
            _ => self.rise(ctx),
        }
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

    const BASE: Shape = Shape {
        start: Moment::Cycle(0),
        pace: Pace::Cycles,
        gaps: Gaps::Periodic {
            period: 100,
            jitter: 0,
        },
        width: 0,
        stop: None,
        count: None,
        index: 0,
    };

    fn rig(shape: Shape, seed: u64) -> Rig {
        let mut r = Rig::m4();
        r.bus.seed = seed;
        r.attach(Box::new(Storm::new(shape)));
        r
    }

    /// Cycles at which the interrupt is pended, up to `until`; it is taken at once.
    fn pended(r: &mut Rig, until: u64) -> Vec<u64> {
        let mut seen = Vec::new();
        while r.bus.events.next_at().0 <= until {
            let next = r.bus.events.next_at().0;
            r.at(next);
            if r.pending(16) {
                seen.push(next);
                r.bus.system.clear_pending(16);
            }
        }
        seen
    }

    #[test]
    fn periodic_with_start_stop_and_count() {
        let shape = Shape {
            start: Moment::Cycle(50),
            stop: Some(Moment::Cycle(450)),
            ..BASE
        };
        assert_eq!(pended(&mut rig(shape, 0), 10_000), [50, 150, 250, 350]);
        let shape = Shape {
            count: Some(2),
            ..BASE
        };
        assert_eq!(pended(&mut rig(shape, 0), 10_000), [0, 100]);
        // 1 us at 168 MHz.
        let shape = Shape {
            pace: Pace::attoseconds(),
            gaps: Gaps::Periodic {
                period: 1_000_000_000_000,
                jitter: 0,
            },
            count: Some(3),
            ..BASE
        };
        assert_eq!(pended(&mut rig(shape, 0), 10_000), [0, 168, 336]);
    }

    #[test]
    fn jitter_is_bounded_and_does_not_add_up() {
        let shape = Shape {
            start: Moment::Cycle(1000),
            gaps: Gaps::Periodic {
                period: 100,
                jitter: 10,
            },
            ..BASE
        };
        let seen = pended(&mut rig(shape, 5), 1_001_000);
        assert!(seen.len() >= 10_000);
        let offsets: Vec<i64> = (0..)
            .zip(&seen)
            .map(|(k, &at)| at as i64 - (1000 + 100 * k))
            .collect();
        assert!(offsets.iter().all(|o| (-10..=10).contains(o)));
        assert!(offsets.contains(&-10) && offsets.contains(&10));
        assert_ne!(seen, pended(&mut rig(shape, 6), 1_001_000));
    }

    #[test]
    fn poisson_has_its_rate_and_repeats() {
        let shape = Shape {
            gaps: Gaps::Poisson { mean: 1000 },
            ..BASE
        };
        let seen = pended(&mut rig(shape, 1), 20_000_000);
        // 20 000 are expected; the deviation is their root.
        let off = (seen.len() as f64 - 20_000.0).abs();
        assert!(off < 5.0 * 20_000f64.sqrt(), "{}", seen.len());
        assert_eq!(seen, pended(&mut rig(shape, 1), 20_000_000));
        assert_ne!(seen, pended(&mut rig(shape, 2), 20_000_000));
        let second = Shape { index: 1, ..shape };
        assert_ne!(seen, pended(&mut rig(second, 1), 20_000_000));
        // A snapshot in the middle goes on the same way.
        let mut r = rig(shape, 1);
        let mut parts = pended(&mut r, 9_999_999);
        let state = r.bus.save();
        let mut other = rig(shape, 99);
        other.bus.load(&state).expect("fits");
        parts.extend(pended(&mut other, 20_000_000));
        assert_eq!(parts, seen);
    }

    #[test]
    fn with_a_width_the_line_stays_up() {
        let shape = Shape { width: 30, ..BASE };
        let mut r = rig(shape, 0);
        assert!(r.at(0).bus.system.line(16));
        assert!(r.at(29).bus.system.line(16));
        assert!(!r.at(30).bus.system.line(16));
        assert!(r.at(105).bus.system.line(16));
        r.bus.reset_devices(emu_core::ResetCause::Software);
        assert!(r.bus.system.line(16), "a reset does not reach the world");
        assert!(!r.at(130).bus.system.line(16));
    }
}
