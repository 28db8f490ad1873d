//! `stm32.rng`: random number generator (RM0090 chapter 24).
//!
//! Modelled: a new word every 40 periods of the 48 MHz clock; DRDY, cleared by reading DR; the clock
//! error (CECS, CEIS) when the clock is slower than HCLK/16; the interrupt. The numbers are a
//! SplitMix64 sequence of the run's seed, so that a run repeats.
//!
//! Not modelled: entropy. There are no seed errors: SECS and SEIS are never set by the device.

use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, NoticeKind, Ports, Ratio, ResetCause, Ticker, Width};
use serde::{Deserialize, Serialize};

const CR: u32 = 0x0;
const SR: u32 = 0x4;
const DR: u32 = 0x8;
const NAMES: &[(u32, &str)] = &[(CR, "CR"), (SR, "SR"), (DR, "DR")];

// RM0090 §24.4.1, §24.4.2.
const RNGEN: u32 = 1 << 2;
const IE: u32 = 1 << 3;
const DRDY: u32 = 1 << 0;
const CECS: u32 = 1 << 1;
const CEIS: u32 = 1 << 5;
const SEIS: u32 = 1 << 6;

/// Clock periods from one number to the next (RM0090 §24.3.1).
const PERIODS: u64 = 40;
const NEXT: u32 = 0;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

#[derive(Default, Serialize, Deserialize)]
struct Rng {
    /// State of the sequence; `None` until the first reset has given the seed.
    state: Option<u64>,
    cr: u32,
    sr: u32,
    dr: u32,
    clock: Option<Ticker>,
    /// Tick at which the next number is ready.
    next: u64,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let _: Parameters = parameters(table)?;
    Ok(Box::new(Rng::default()))
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014).
fn split_mix(state: &mut u64) -> u32 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 32) as u32
}

impl Rng {
    fn plan(&self, ctx: &mut Ctx<'_>) {
        let running = self.cr & RNGEN != 0 && self.sr & (DRDY | CECS) == 0;
        let at = self
            .clock
            .filter(|_| running)
            .and_then(|t| t.cycle_of(self.next));
        ctx.schedule_or_cancel(NEXT, at);
    }

    fn restart(&mut self, ctx: &mut Ctx<'_>) {
        self.clock = Some(Ticker::new(ctx.now(), 0, ctx.clock(0)));
        self.next = PERIODS;
        self.plan(ctx);
    }

    fn check_clock(&mut self, ctx: &mut Ctx<'_>) {
        if self.cr & RNGEN == 0 {
            return;
        }
        // HCLK is the core clock, so the ratio to it is the ratio to a core cycle.
        let ratio: Ratio = ctx.clock(0);
        let slow = u128::from(ratio.num()) * 16 < u128::from(ratio.den());
        if slow && self.sr & CECS == 0 {
            self.sr |= CECS | CEIS;
            ctx.note(
                NoticeKind::Misuse,
                "PLL48CK is stopped or slower than HCLK/16",
            );
        } else if !slow && self.sr & CECS != 0 {
            self.sr &= !CECS;
            self.restart(ctx);
        }
        self.update_irq(ctx);
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        let on = self.cr & IE != 0 && self.sr & (DRDY | CEIS | SEIS) != 0;
        ctx.set_irq(0, on);
    }
}

impl Device for Rng {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["rng"]),
            clocks: Ports::names(&["PLL48CK"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        // A reset does not repeat the numbers: only power-on starts the sequence anew.
        let fresh = ctx.reset_cause() == ResetCause::PowerOn || self.state.is_none();
        let state = if fresh { Some(ctx.seed()) } else { self.state };
        *self = Rng {
            state,
            ..Rng::default()
        };
        self.plan(ctx);
        self.update_irq(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let word = match offset & !3 {
            CR => self.cr,
            SR => self.sr,
            DR => {
                let value = self.dr;
                if !ctx.is_debug() && self.sr & DRDY != 0 {
                    self.sr &= !DRDY;
                    self.dr = 0;
                    // The next number has been in the making since the last one was done.
                    self.plan(ctx);
                    self.update_irq(ctx);
                }
                value
            }
            _ => {
                registers::reserved(ctx, offset);
                0
            }
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        match offset & !3 {
            CR => {
                let old = self.cr;
                self.cr = width.merge(self.cr, offset, value) & (RNGEN | IE);
                if (old ^ self.cr) & RNGEN != 0 {
                    self.sr &= !(DRDY | CECS);
                    self.restart(ctx);
                    self.check_clock(ctx);
                    self.plan(ctx);
                }
            }
            SR => {
                // CEIS and SEIS are cleared by writing 0.
                let zeros = !width.merge(!0, offset, value);
                self.sr &= !(zeros & (CEIS | SEIS));
            }
            DR => {}
            _ => registers::reserved(ctx, offset),
        }
        self.update_irq(ctx);
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        let state = self.state.get_or_insert(0);
        self.dr = split_mix(state);
        self.sr |= DRDY;
        self.next = self.clock.map_or(0, |t| t.ticks_at(ctx.now())) + PERIODS;
        self.update_irq(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        let (now, ratio) = (ctx.now(), ctx.clock(0));
        if let Some(t) = &mut self.clock {
            t.set_ratio(now, ratio);
        }
        self.check_clock(ctx);
        self.plan(ctx);
    }

    fn access(&self, offset: u32, write: bool, _bus: &emu_core::Bus) -> emu_core::Access {
        // Reading DR starts the next number and may lower the interrupt line.
        if write || offset & !3 == DR {
            emu_core::Access::Sync
        } else {
            emu_core::Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
