//! Window watchdog (`stm32.wwdg`), RM0090 chapter 22.
//!
//! Modelled: the free-running counter and prescaler, the window, the early wake-up interrupt, resets.
//! Not modelled: the debug freeze of DBGMCU.
//!
//! The counter steps every `4096 * 2^WDGTB` ticks of PCLK1. A write to CR does not restart the
//! prescaler, so the first step after it comes sooner than a whole period (§22.4). Since
//! RCC's clock gate is not seen here, EWIF is set only once the watchdog has been activated.

use crate::ParameterError;
use emu_core::{Ctx, Cycles, Device, Ports, Ratio, ResetCause, Ticker, Width};
use serde::{Deserialize, Serialize};

const CR: u32 = 0x00;
const CFR: u32 = 0x04;
const SR: u32 = 0x08;

const WDGA: u32 = 1 << 7;
/// The counter's bit T6: when it falls the watchdog bites.
const T6: u32 = 1 << 6;
const T_MASK: u32 = 0x7F;
const EWI: u32 = 1 << 9;

const DUE: u32 = 0;

/// Makes a `stm32.wwdg`. It has no parameters.
///
/// # Errors
/// [`ParameterError`] for any parameter.
pub fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {}
    let Parameters {} = crate::parameters(table)?;
    Ok(Box::new(Wwdg::new()))
}

#[derive(Clone, Serialize, Deserialize)]
struct Wwdg {
    /// Ticks of PCLK1.
    ticker: Ticker,
    /// T at the tick `at`.
    t: u32,
    at: u64,
    active: bool,
    cfr: u32,
    early: bool,
}

impl Wwdg {
    fn new() -> Wwdg {
        Wwdg {
            ticker: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
            t: T_MASK,
            at: 0,
            active: false,
            cfr: T_MASK,
            early: false,
        }
    }

    /// PCLK1 ticks per step.
    fn period(&self) -> u64 {
        4096 << ((self.cfr >> 7) & 3)
    }

    /// Steps until T comes to `value` (a whole round when it is there).
    fn steps_to(&self, value: u32) -> u64 {
        match self.t.wrapping_sub(value) & T_MASK {
            0 => u64::from(T_MASK) + 1,
            n => n.into(),
        }
    }

    fn catch_up(&mut self, now: Cycles) {
        let tick = self.ticker.ticks_at(now);
        let steps = tick / self.period() - self.at / self.period();
        self.early |= self.active && steps >= self.steps_to(T6);
        self.t = self.t.wrapping_sub(steps as u32) & T_MASK;
        self.at = tick;
    }

    /// Where the counter is below 0x40 with the watchdog active, the chip is reset.
    fn check(&mut self, ctx: &mut Ctx<'_>) {
        if self.active && self.t & T6 == 0 {
            ctx.request_reset(ResetCause::WindowWatchdog);
        }
        ctx.set_irq(0, self.early && self.cfr & EWI != 0);
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let early = (self.active && self.cfr & EWI != 0 && !self.early).then(|| self.steps_to(T6));
        let bite = (self.active && self.t & T6 != 0).then(|| self.steps_to(T6 - 1));
        let steps = early.into_iter().chain(bite).min();
        let at = steps.and_then(|n| {
            let tick = (self.at / self.period() + n) * self.period();
            self.ticker.cycle_of(tick)
        });
        ctx.schedule_or_cancel(DUE, at);
    }

    fn value(&self, reg: u32) -> u32 {
        match reg {
            CR => self.t | if self.active { WDGA } else { 0 },
            CFR => self.cfr,
            SR => self.early.into(),
            _ => 0,
        }
    }
}

impl Device for Wwdg {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["ewi"]),
            clocks: Ports::names(&["PCLK1"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        *self = Wwdg::new();
        self.ticker = Ticker::new(ctx.now(), 0, ctx.clock(0));
        ctx.cancel(DUE);
        ctx.set_irq(0, false);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        // On a copy: looking must not change what a later look sees.
        let mut copy = self.clone();
        copy.catch_up(ctx.now());
        width.extract(copy.value(offset & !3), offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx.now());
        let reg = offset & !3;
        let merged = width.merge(self.value(reg), offset, value);
        match reg {
            CR => {
                if self.active && self.t > self.cfr & T_MASK {
                    ctx.request_reset(ResetCause::WindowWatchdog); // reloaded before the window
                }
                self.t = merged & T_MASK;
                self.active |= merged & WDGA != 0; // only a reset clears it
            }
            CFR => self.cfr = merged & 0x3FF | self.cfr & EWI, // only a reset clears EWI
            SR => self.early &= width.merge(1, offset, value) & 1 != 0,
            _ => {}
        }
        self.check(ctx);
        self.plan(ctx);
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx.now());
        self.check(ctx);
        self.plan(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        let ratio = ctx.clock(0);
        if ratio != self.ticker.ratio() {
            self.catch_up(ctx.now());
            self.ticker.set_ratio(ctx.now(), ratio);
            self.plan(ctx);
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        ["CR", "CFR", "SR"]
            .get(offset as usize / 4)
            .map(|s| (*s).to_owned())
    }

    emu_core::device_state!();
}
