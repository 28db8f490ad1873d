//! An oscillator that is not at its nominal frequency.
//!
//! Modelled: a constant offset, a linear drift that is applied in steps, and noise that is drawn anew in steps: white
//! frequency noise (each step has a normal offset of its own) or a random walk (each step adds one). All clocks that come
//! from the oscillator follow. Offsets are in parts per billion (0.001 ppm), and never more than 10 %.
//! A step holds from its time to the next; the time is true time, not that of the oscillator.
//! Not modelled: phase noise within a step, temperature, the start-up of crystals.
//!
//! Ports: clock `oscillator`.

use super::random::Random;
use super::{Moment, Pace};
use emu_core::device::{StateError, from_state, to_state};
use emu_core::{Ctx, Device, Ports, Ratio, Width};
use serde::{Deserialize, Serialize};

const DRIFT: u32 = 0;
const NOISE: u32 = 1;

/// Random streams of this kind of stimulus.
const STREAM: u64 = 2 << 32;

/// Parts per billion in a whole.
const WHOLE: i64 = 1_000_000_000;
/// The largest offset in parts per billion.
pub const MAX_PPB: i64 = WHOLE / 10;

const AS_PER_S: i128 = 1_000_000_000_000_000_000;

/// How an oscillator drifts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drift {
    /// Parts per billion per second.
    pub ppb_per_s: i64,
    /// Attoseconds from one step to the next.
    pub every: u128,
}

/// How an oscillator is noisy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noise {
    /// Standard deviation of a step, in parts per billion.
    pub ppb: i64,
    /// Attoseconds from one step to the next.
    pub every: u128,
    /// Steps add up: a random walk, not white noise.
    pub walk: bool,
}

/// How an oscillator is off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Constant offset in parts per billion.
    pub ppb: i64,
    /// Drift, if any.
    pub drift: Option<Drift>,
    /// Noise, if any.
    pub noise: Option<Noise>,
    /// Which of the clocks' stimuli it is, for its random numbers.
    pub index: u32,
}

/// The tolerance.
pub struct Tolerance {
    shape: Shape,
    state: State,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct State {
    random: Random,
    drift_steps: u64,
    noise_steps: u64,
    /// Present offset of the noise, in parts per billion.
    noise: i64,
}

impl Tolerance {
    /// A tolerance of this shape.
    #[must_use]
    pub fn new(shape: Shape) -> Tolerance {
        Tolerance {
            shape,
            state: State::default(),
        }
    }

    /// Present offset in parts per billion.
    fn offset(&self) -> i64 {
        let drifted = self.shape.drift.map_or(0, |d| {
            let elapsed = i128::from(self.state.drift_steps).saturating_mul(d.every as i128);
            i128::from(d.ppb_per_s).saturating_mul(elapsed) / AS_PER_S
        });
        let all = i128::from(self.shape.ppb) + drifted + i128::from(self.state.noise);
        all.clamp(-i128::from(MAX_PPB), i128::from(MAX_PPB)) as i64
    }

    fn apply(&self, ctx: &mut Ctx<'_>) {
        let whole = WHOLE as u64;
        ctx.set_tolerance(
            0,
            Ratio::new(whole.saturating_add_signed(self.offset()), whole),
        );
    }

    fn draw(&mut self) {
        let Some(noise) = self.shape.noise else {
            return;
        };
        let step = (i128::from(noise.ppb) * i128::from(self.state.random.normal())) >> 32;
        let before = if noise.walk { self.state.noise } else { 0 };
        self.state.noise = (before + step as i64).clamp(-MAX_PPB, MAX_PPB);
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let s = &self.state;
        let next = |steps: u64, every: u128| {
            let ticks = u128::from(steps + 1).saturating_mul(every);
            Moment::Time(0).after(ticks, Pace::attoseconds())
        };
        let drift = self.shape.drift.and_then(|d| next(s.drift_steps, d.every));
        let noise = self.shape.noise.and_then(|n| next(s.noise_steps, n.every));
        for (tag, moment) in [(DRIFT, drift), (NOISE, noise)] {
            let at = moment.map(|moment| moment.cycle(ctx));
            ctx.schedule_or_cancel(tag, at);
        }
    }
}

impl Device for Tolerance {
    fn ports(&self) -> Ports {
        Ports {
            clocks: Ports::names(&["oscillator"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        if !self.state.random.is_seeded() {
            let stream = STREAM | u64::from(self.shape.index);
            self.state.random = Random::new(ctx.seed(), stream);
            self.draw();
        }
        self.apply(ctx);
        self.plan(ctx);
    }

    fn read(&mut self, _offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, _ctx: &mut Ctx<'_>) {}

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        if tag == DRIFT {
            self.state.drift_steps += 1;
        } else {
            self.state.noise_steps += 1;
            self.draw();
        }
        self.apply(ctx);
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
    use emu_core::Cycles;

    const MS: u128 = 1_000_000_000_000_000;
    const CONSTANT: Shape = Shape {
        ppb: 20_000,
        drift: None,
        noise: None,
        index: 0,
    };

    fn rig(shape: Shape, seed: u64) -> Rig {
        let mut r = Rig::m4();
        r.bus.seed = seed;
        r.attach(Box::new(Tolerance::new(shape)));
        r
    }

    fn hz(r: &Rig) -> Ratio {
        r.bus.clocks.hz(r.bus.clocks.core())
    }

    #[test]
    fn a_constant_offset_changes_seconds_not_cycles() {
        let mut r = rig(CONSTANT, 0);
        assert_eq!(hz(&r), Ratio::hz(168_003_360));
        assert_eq!(r.bus.clocks.segments().len(), 1, "from the start");
        r.at(168_003_360);
        assert_eq!(
            r.bus.clocks.attoseconds(Cycles(168_003_360)),
            AS_PER_S as u128
        );
        assert_eq!(r.bus.events.next_at(), Cycles::MAX);
    }

    #[test]
    fn drift_comes_in_steps() {
        let drift = Drift {
            ppb_per_s: -1_000_000,
            every: 100 * MS,
        };
        let mut r = rig(
            Shape {
                drift: Some(drift),
                ..CONSTANT
            },
            0,
        );
        r.at(167_800_000);
        let segments = r.bus.clocks.segments();
        assert_eq!(segments.len(), 10);
        for (n, s) in (0u64..).zip(segments) {
            let ppb = 1_000_020_000 - n * 100_000;
            assert_eq!(s.hz, Ratio::new(168 * ppb, 1000), "step {n}");
            // It begins at the first cycle that is not before its time.
            let early = s.start_as - u128::from(n) * 100 * MS;
            assert!(
                early * u128::from(s.hz.num()) < (AS_PER_S as u128) * 2 * u128::from(s.hz.den())
            );
        }
    }

    #[test]
    fn noise_is_white_or_walks() {
        let noise = |walk| Shape {
            ppb: 0,
            noise: Some(Noise {
                ppb: 2000,
                every: MS,
                walk,
            }),
            ..CONSTANT
        };
        let offsets = |shape, seed| -> Vec<f64> {
            let mut r = rig(shape, seed);
            r.at(168_000_000);
            let segments = r.bus.clocks.segments().iter();
            segments.map(|s| s.hz.as_f64() / 168e6 - 1.0).collect()
        };
        let deviation = |x: &[f64]| (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt();
        let white = offsets(noise(false), 1);
        assert!((998..=1001).contains(&white.len()), "{}", white.len());
        // 1000 steps: the deviation is known to 2.2 %.
        assert!((deviation(&white) / 2e-6 - 1.0).abs() < 0.11);
        assert_eq!(white, offsets(noise(false), 1));
        assert_ne!(white, offsets(noise(false), 2));
        let walk = offsets(noise(true), 1);
        let steps: Vec<f64> = walk.windows(2).map(|w| w[1] - w[0]).collect();
        assert!((deviation(&steps) / 2e-6 - 1.0).abs() < 0.11);
        assert!(deviation(&walk) > 3.0 * deviation(&steps));
    }

    #[test]
    fn offsets_are_bounded() {
        let r = rig(
            Shape {
                ppb: i64::MIN,
                ..CONSTANT
            },
            0,
        );
        assert_eq!(hz(&r), Ratio::hz(151_200_000));
    }
}
