//! SysTick, with ICTR and ACTLR, which share its page.
//!
//! Modelled: SYST_CSR, SYST_RVR, SYST_CVR, SYST_CALIB; the counter is a function of the cycle: it
//! wraps every RELOAD + 1 ticks, COUNTFLAG and the exception come with the step from 1 to 0, a write
//! to CVR clears it and the next tick reloads, a new RELOAD counts from the next reload, RELOAD 0
//! stops it at zero. Core clock and reference clock, also across clock changes. ICTR, ACTLR storage.
//! Not modelled: the synchroniser of the reference clock (its ticks are taken as exact), the effects
//! of ACTLR.
//!
//! Ports: clocks `core`, `ref`; the exception (15) is pended directly. Window: 0xE000E000, 256 bytes.
//! Source: ARMv7-M ARM (DDI 0403E) B3.3, ARMv6-M ARM (DDI 0419E) B3.3.

use super::common::note_narrow;
use crate::{ParameterError, parameters};
use emu_core::cortex_m::number::SYSTICK;
use emu_core::{
    Access, Bus, Ctx, Cycles, Device, NoticeKind, Ports, Ratio, Ticker, Width, device_state,
};
use serde::{Deserialize, Serialize};

const ICTR: u32 = 0x004;
const ACTLR: u32 = 0x008;
const CSR: u32 = 0x010;
const RVR: u32 = 0x014;
const CVR: u32 = 0x018;
const CALIB: u32 = 0x01C;

const ENABLE: u32 = 1;
const TICKINT: u32 = 2;
const CLKSOURCE: u32 = 4;
const COUNTFLAG: u32 = 1 << 16;
/// RELOAD and CURRENT have 24 bits.
const MASK: u32 = 0x00FF_FFFF;

/// The event of the next step from 1 to 0.
const WRAP: u32 = 0;

const CLOCK_REF: usize = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Parameters {
    /// SYST_CALIB.TENMS: reload value for 10 ms, zero when unknown.
    tenms: u32,
    /// SYST_CALIB.SKEW: TENMS is not exact.
    skew: bool,
    /// SYST_CALIB.NOREF: there is no reference clock; CLKSOURCE reads as one.
    noref: bool,
}

/// The timer.
#[derive(Serialize, Deserialize)]
pub struct SysTick {
    calib: u32,
    noref: bool,
    /// ENABLE, TICKINT, CLKSOURCE.
    control: u32,
    reload: u32,
    /// COUNTFLAG as of `since`.
    flag: bool,
    /// The counter read this value at tick `since` of the selected clock, and `reload` is what it
    /// takes at every wrap after that.
    value: u32,
    since: u64,
    /// Ticks of the reference clock since reset: it runs whether it is used or not.
    reference: Ticker,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if p.tenms > MASK {
        return Err(ParameterError(format!(
            "tenms = {} does not fit the 24 bits of SYST_CALIB.TENMS",
            p.tenms
        )));
    }
    Ok(Box::new(SysTick {
        calib: u32::from(p.noref) << 31 | u32::from(p.skew) << 30 | p.tenms,
        noref: p.noref,
        control: 0,
        reload: 0,
        flag: false,
        value: 0,
        since: 0,
        reference: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
    }))
}

impl SysTick {
    fn running(&self) -> bool {
        self.control & ENABLE != 0
    }

    fn on_core_clock(&self) -> bool {
        self.control & CLKSOURCE != 0
    }

    /// Ticks of the selected clock.
    fn ticks(&self, now: Cycles) -> u64 {
        if self.on_core_clock() {
            now.0
        } else {
            self.reference.ticks_at(now)
        }
    }

    /// Ticks since the counter read `value`.
    fn elapsed(&self, now: Cycles) -> u64 {
        if self.running() {
            self.ticks(now).saturating_sub(self.since)
        } else {
            0
        }
    }

    fn current(&self, now: Cycles) -> u32 {
        let n = self.elapsed(now);
        let value = u64::from(self.value);
        if n <= value {
            return (value - n) as u32;
        }
        let period = u64::from(self.reload) + 1;
        self.reload - ((n - value - 1) % period) as u32
    }

    /// Has the counter stepped from 1 to 0 since it read `value`?
    fn reached_zero(&self, now: Cycles) -> bool {
        let n = self.elapsed(now);
        self.next_zero(0).is_some_and(|first| first <= n)
    }

    /// The first step from 1 to 0 that is more than `after` ticks after the counter read `value`.
    fn next_zero(&self, after: u64) -> Option<u64> {
        let value = u64::from(self.value);
        if value > after {
            return Some(value);
        }
        if self.reload == 0 {
            return None; // it stays at zero (DDI 0403E B3.3.1)
        }
        let period = u64::from(self.reload) + 1;
        Some(value + ((after - value) / period + 1) * period)
    }

    /// Start counting afresh from the value at `now`, so that the settings may change.
    fn rebase(&mut self, now: Cycles) {
        self.flag |= self.reached_zero(now);
        self.value = self.current(now);
        self.since = self.ticks(now);
    }

    fn plan(&mut self, ctx: &mut Ctx<'_>) {
        let at = (self.control & (ENABLE | TICKINT) == ENABLE | TICKINT)
            .then(|| self.next_zero(self.elapsed(ctx.now())))
            .flatten()
            .and_then(|n| self.cycle_of(self.since.saturating_add(n)));
        ctx.schedule_or_cancel(WRAP, at);
    }

    fn cycle_of(&self, tick: u64) -> Option<Cycles> {
        if self.on_core_clock() {
            Some(Cycles(tick))
        } else {
            self.reference.cycle_of(tick)
        }
    }

    fn read_word(&mut self, register: u32, ctx: &mut Ctx<'_>) -> u32 {
        match register {
            // Lines in groups of 32 (B3.4.2).
            ICTR if ctx.system().is_v7m() => {
                u32::from(ctx.system().irq_count).div_ceil(32).max(1) - 1
            }
            ACTLR => ctx.system().actlr,
            CSR => {
                let now = ctx.now();
                let flag = self.flag || self.reached_zero(now);
                if !ctx.is_debug() {
                    self.rebase(now);
                    self.flag = false;
                }
                self.control | if flag { COUNTFLAG } else { 0 }
            }
            RVR => self.reload,
            CVR => self.current(ctx.now()),
            CALIB => self.calib,
            _ => 0,
        }
    }

    fn write_control(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        self.rebase(now);
        self.control = value & (ENABLE | TICKINT | CLKSOURCE);
        if self.noref {
            self.control |= CLKSOURCE;
        }
        self.since = self.ticks(now); // of the clock that is selected now
    }
}

impl Device for SysTick {
    fn ports(&self) -> Ports {
        Ports {
            clocks: Ports::names(&["core", "ref"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.reference.set_ratio(ctx.now(), ctx.clock(CLOCK_REF));
        self.control = if self.noref { CLKSOURCE } else { 0 };
        // RVR and CVR are UNKNOWN out of reset; zero is what parts show.
        (self.reload, self.value, self.flag) = (0, 0, false);
        self.since = self.ticks(ctx.now());
        ctx.cancel(WRAP);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        if let Some(name) = self.register(offset & !3) {
            note_narrow(ctx, &name, width);
        }
        let word = self.read_word(offset & !3, ctx);
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        let Some(name) = self.register(register) else {
            return;
        };
        note_narrow(ctx, &name, width);
        let now = ctx.now();
        match register {
            ACTLR => {
                let old = ctx.system().actlr;
                ctx.system().actlr = width.merge(old, offset, value);
                if ctx.system().actlr != 0 {
                    ctx.note(NoticeKind::UnmodelledFeature, "ACTLR has no effect");
                }
            }
            CSR => {
                let merged = width.merge(self.control, offset, value);
                self.write_control(merged, ctx);
            }
            RVR => {
                self.rebase(now);
                self.reload = width.merge(self.reload, offset, value) & MASK;
            }
            CVR => {
                self.rebase(now);
                (self.value, self.flag) = (0, false);
            }
            _ => return,
        }
        self.plan(ctx);
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        ctx.set_exception_pending(SYSTICK, true);
        self.plan(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.reference.set_ratio(ctx.now(), ctx.clock(CLOCK_REF));
        self.plan(ctx);
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        // A read clears COUNTFLAG at most; nothing comes sooner by that.
        if write && offset & !3 != ACTLR {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let name = match offset {
            ICTR => "ICTR",
            ACTLR => "ACTLR",
            CSR => "SYST_CSR",
            RVR => "SYST_RVR",
            CVR => "SYST_CVR",
            CALIB => "SYST_CALIB",
            _ => return None,
        };
        Some(name.to_owned())
    }

    device_state!();
}

#[cfg(test)]
#[path = "systick_tests.rs"]
mod tests;
