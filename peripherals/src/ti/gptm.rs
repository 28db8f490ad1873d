//! Stellaris general-purpose timer module: two 16-bit timers, or one of 32 bits.
//!
//! Modelled: one-shot and periodic mode in 32 bits, and in 16 bits with the 8-bit prescaler, for A and
//! B; CFG, TAMR, TBMR, CTL, IMR, RIS, MIS, ICR, TAILR, TBILR, TAPR, TBPR, TAR, TBR. The counter is a
//! function of the cycle: it starts at the load value, times out at zero and reloads on the next tick.
//! Not modelled: RTC, capture and PWM modes, ADC triggers, counting up (noted when selected).
//!
//! Ports: irqs `timer_a`, `timer_b`; clock `ker`. Source: LM3S6965 data sheet (DS-LM3S6965) §9.

use crate::{ParameterError, parameters};
use emu_core::{
    Access, Bus, Ctx, Cycles, Device, NoticeKind, Ports, Ratio, Ticker, Width, device_state,
};
use serde::{Deserialize, Serialize};

const CFG: u32 = 0x000;
const TAMR: u32 = 0x004;
const TBMR: u32 = 0x008;
const CTL: u32 = 0x00C;
const IMR: u32 = 0x018;
const RIS: u32 = 0x01C;
const MIS: u32 = 0x020;
const ICR: u32 = 0x024;
const TAILR: u32 = 0x028;
const TBILR: u32 = 0x02C;
const TAMATCHR: u32 = 0x030;
const TBPMR: u32 = 0x044;
const TAPR: u32 = 0x038;
const TBPR: u32 = 0x03C;
const TAR: u32 = 0x048;
const TBR: u32 = 0x04C;

/// GPTMCFG: 32-bit timer, real-time clock, two 16-bit timers.
const CFG_32: u32 = 0;
const CFG_16: u32 = 4;
/// GPTMTnMR.TnMR.
const ONE_SHOT: u32 = 1;
const PERIODIC: u32 = 2;
/// GPTMCTL.TAEN; TBEN is eight bits up. Interrupt TATO; TBTO is eight bits up.
const ENABLE: u32 = 1;
const TIMEOUT: u32 = 1;
const CTL_MASK: u32 = 0x6F7F;
const INT_MASK: u32 = 0x70F;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

/// One of the two timers.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Half {
    mode: u32,
    load: u32,
    prescale: u32,
    enabled: bool,
    /// The counter (with the prescaler below it) stood at `value` at tick `since`.
    value: u64,
    since: u64,
}

impl Half {
    const RESET: Half = Half {
        mode: 0,
        load: 0,
        prescale: 0,
        enabled: false,
        value: 0,
        since: 0,
    };
}

/// The module.
#[derive(Serialize, Deserialize)]
pub struct Gptm {
    cfg: u32,
    ctl: u32,
    imr: u32,
    ris: u32,
    /// Match and prescale match registers.
    matches: [u32; 6],
    half: [Half; 2],
    /// Ticks of the kernel clock.
    ticks: Ticker,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let Parameters {} = parameters(table)?;
    Ok(Box::new(Gptm {
        cfg: 0,
        ctl: 0,
        imr: 0,
        ris: 0,
        matches: [0; 6],
        half: [Half::RESET; 2],
        ticks: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
    }))
}

impl Gptm {
    fn is_wide(&self) -> bool {
        self.cfg != CFG_16
    }

    /// Ticks for each step of the counter.
    fn step(&self, i: usize) -> u64 {
        if self.is_wide() {
            1
        } else {
            u64::from(self.half[i].prescale) + 1
        }
    }

    /// The load value of a timer; in 32-bit mode A has B's as its upper half.
    fn load_value(&self, i: usize) -> u32 {
        if self.is_wide() {
            self.half[1].load << 16 | (self.half[0].load & 0xFFFF)
        } else {
            self.half[i].load & 0xFFFF
        }
    }

    /// Ticks that a full count takes: the last step ends with the reload.
    fn period(&self, i: usize) -> u64 {
        (u64::from(self.load_value(i)) + 1) * self.step(i)
    }

    /// Ticks to go in the present period at `now`, at least one while the timer runs.
    fn left(&self, i: usize, now: Cycles) -> u64 {
        let h = &self.half[i];
        if !h.enabled {
            return h.value;
        }
        let gone = self.ticks.ticks_at(now).saturating_sub(h.since);
        if gone < h.value {
            h.value - gone
        } else {
            let period = self.period(i);
            period - (gone - h.value) % period
        }
    }

    fn counter(&self, i: usize, now: Cycles) -> u32 {
        let left = self.left(i, now);
        (left.saturating_sub(1) / self.step(i)) as u32
    }

    fn rebase(&mut self, i: usize, now: Cycles) {
        let left = self.left(i, now);
        self.half[i].value = left;
        self.half[i].since = self.ticks.ticks_at(now);
    }

    fn restart(&mut self, i: usize, now: Cycles) {
        self.half[i].value = self.period(i);
        self.half[i].since = self.ticks.ticks_at(now);
    }

    /// Plan the tick on which the counter gets to zero.
    fn plan(&self, i: usize, ctx: &mut Ctx<'_>) {
        let h = &self.half[i];
        let runs = h.enabled && (i == 0 || !self.is_wide());
        let at = runs.then(|| {
            let now = self.ticks.ticks_at(ctx.now());
            // Zero is reached when one tick (of the last step) is left, counted from its start.
            let zero = h.since + h.value - self.step(i).min(h.value);
            let period = self.period(i);
            let next = if zero > now {
                zero
            } else {
                zero + ((now - zero) / period + 1) * period
            };
            self.ticks.cycle_of(next)
        });
        ctx.schedule_or_cancel(i as u32, at.flatten());
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        let active = self.ris & self.imr;
        ctx.set_irq(0, active & 0xFF != 0);
        ctx.set_irq(1, active & 0xF00 != 0);
    }

    fn check_mode(&self, ctx: &mut Ctx<'_>) {
        for (i, name) in ["TAMR", "TBMR"].into_iter().enumerate() {
            let h = &self.half[i];
            if h.enabled && !matches!(h.mode & 0xF, ONE_SHOT | PERIODIC) {
                let what = format!("{name}: mode {:#x} is not modelled", h.mode);
                ctx.note(NoticeKind::UnmodelledFeature, &what);
            }
        }
        if !matches!(self.cfg, CFG_32 | CFG_16) {
            ctx.note(NoticeKind::UnmodelledFeature, "CFG: real-time clock mode");
        }
    }

    fn write_control(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        self.ctl = value & CTL_MASK;
        for i in 0..2 {
            let on = self.ctl >> (8 * i) & ENABLE != 0;
            if on == self.half[i].enabled {
                continue;
            }
            if on {
                self.restart(i, now);
            } else {
                self.rebase(i, now);
            }
            self.half[i].enabled = on;
        }
        self.check_mode(ctx);
    }
}

impl Device for Gptm {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["timer_a", "timer_b"]),
            clocks: Ports::names(&["ker"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        (self.cfg, self.ctl, self.imr, self.ris) = (0, 0, 0, 0);
        self.matches = [0xFFFF, 0xFFFF, 0, 0, 0, 0];
        self.half = [Half::RESET; 2];
        for half in &mut self.half {
            half.load = 0xFFFF;
        }
        self.ticks = Ticker::new(ctx.now(), 0, ctx.clock(0));
        for i in 0..2 {
            self.restart(i, ctx.now());
            ctx.cancel(i as u32);
        }
        self.update_irq(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let now = ctx.now();
        let register = offset & !3;
        let word = match register {
            CFG => self.cfg,
            TAMR | TBMR => self.half[((register - TAMR) / 4) as usize].mode,
            CTL => self.ctl,
            IMR => self.imr,
            RIS => self.ris,
            MIS => self.ris & self.imr,
            TAILR if self.is_wide() => self.load_value(0),
            TAILR | TBILR => self.half[((register - TAILR) / 4) as usize].load & 0xFFFF,
            TAPR | TBPR => self.half[((register - TAPR) / 4) as usize].prescale,
            TAMATCHR..=TBPMR => self.matches[((register - TAMATCHR) / 4) as usize],
            TAR => self.counter(0, now),
            TBR if self.is_wide() => self.counter(0, now) >> 16,
            TBR => self.counter(1, now),
            // GPTM has no identification registers (data sheet §9.5).
            _ => 0,
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let register = offset & !3;
        let merge = |old| width.merge(old, offset, value);
        match register {
            CFG => {
                self.cfg = merge(self.cfg) & 7;
                if self.half.iter().any(|h| h.enabled) {
                    ctx.note(NoticeKind::Misuse, "CFG: changed while a timer runs");
                }
            }
            TAMR | TBMR => {
                let half = &mut self.half[((register - TAMR) / 4) as usize];
                half.mode = merge(half.mode) & 0xF;
                self.check_mode(ctx);
            }
            CTL => {
                let merged = merge(self.ctl);
                self.write_control(merged, ctx);
            }
            IMR => self.imr = merge(self.imr) & INT_MASK,
            ICR => self.ris &= !width.spread(offset, value),
            TAILR | TBILR => {
                let i = ((register - TAILR) / 4) as usize;
                let merged = merge(if i == 0 && self.is_wide() {
                    self.load_value(0)
                } else {
                    self.half[i].load
                });
                self.half[i].load = merged & 0xFFFF;
                if i == 0 && self.is_wide() {
                    self.half[1].load = merged >> 16;
                }
                // A running timer counts on from the new value (data sheet, GPTMTAILR).
                let timer = if self.is_wide() { 0 } else { i };
                self.restart(timer, now);
            }
            TAPR | TBPR => {
                let i = ((register - TAPR) / 4) as usize;
                self.rebase(i, now);
                self.half[i].prescale = merge(self.half[i].prescale) & 0xFF;
            }
            TAMATCHR..=TBPMR => {
                let m = &mut self.matches[((register - TAMATCHR) / 4) as usize];
                *m = merge(*m);
            }
            _ => {}
        }
        for i in 0..2 {
            self.plan(i, ctx);
        }
        self.update_irq(ctx);
    }

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        let i = (tag & 1) as usize;
        self.ris |= TIMEOUT << (8 * i);
        if self.half[i].mode & 3 == ONE_SHOT {
            // It stops, and holds the load value for the next start.
            self.half[i].enabled = false;
            self.ctl &= !(ENABLE << (8 * i));
            self.restart(i, ctx.now());
        }
        self.plan(i, ctx);
        self.update_irq(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.ticks.set_ratio(ctx.now(), ctx.clock(0));
        for i in 0..2 {
            self.plan(i, ctx);
        }
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        let _ = offset;
        if write { Access::Sync } else { Access::Plain }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let name = match offset {
            CFG => "CFG",
            TAMR => "TAMR",
            TBMR => "TBMR",
            CTL => "CTL",
            IMR => "IMR",
            RIS => "RIS",
            MIS => "MIS",
            ICR => "ICR",
            TAILR => "TAILR",
            TBILR => "TBILR",
            TAPR => "TAPR",
            TBPR => "TBPR",
            TAR => "TAR",
            TBR => "TBR",
            _ => return None,
        };
        Some(name.to_owned())
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    const BASE: u32 = 0x4003_0000;

    fn rig() -> Rig {
        let mut r = Rig::m4();
        r.add("ti.gptm", BASE, "");
        r
    }

    #[test]
    fn periodic_in_32_bits() {
        let mut r = rig();
        r.write(CFG, CFG_32);
        r.write(TAMR, PERIODIC);
        r.write(TAILR, 99);
        r.write(IMR, 1);
        r.at(10).write(CTL, 1);
        assert_eq!(r.read(TAR), 99);
        assert_eq!(r.at(11).read(TAR), 98);
        r.at(108);
        assert!(!r.pending(16));
        assert_eq!((r.at(109).read(TAR), r.read(MIS)), (0, 1));
        assert!(r.pending(16));
        r.write(ICR, 1);
        assert_eq!(r.at(110).read(TAR), 99);
        assert_eq!(r.at(208).read(RIS), 0);
        assert_eq!(r.at(209).read(RIS), 1);
    }

    #[test]
    fn a_wide_load_value_spans_both_halves() {
        let mut r = rig();
        r.write(TAILR, 0x0012_3456);
        assert_eq!((r.read(TAILR), r.read(TBILR)), (0x0012_3456, 0x12));
        r.write(TAMR, PERIODIC);
        r.write(CTL, 1);
        r.at(0x3457);
        assert_eq!((r.read(TAR), r.read(TBR)), (0x0011_FFFF, 0x11));
    }

    #[test]
    fn one_shot_stops_itself() {
        let mut r = rig();
        r.write(TAMR, ONE_SHOT);
        r.write(TAILR, 50);
        r.write(CTL, 1);
        assert_eq!((r.at(49).read(RIS), r.read(CTL)), (0, 1));
        assert_eq!((r.at(50).read(RIS), r.read(CTL)), (1, 0));
        r.write(ICR, 1);
        assert_eq!(r.at(500).read(RIS), 0);
        r.write(CTL, 1);
        assert_eq!(r.at(550).read(RIS), 1);
    }

    #[test]
    fn two_16_bit_timers_with_prescaler() {
        let mut r = rig();
        r.write(CFG, CFG_16);
        r.write(TAMR, PERIODIC);
        r.write(TBMR, PERIODIC);
        r.write(TAILR, 9);
        r.write(TBILR, 4);
        r.write(TBPR, 9); // ten ticks a step
        r.write(IMR, 0x101);
        r.write(CTL, 0x101);
        assert_eq!((r.read(TAR), r.read(TBR)), (9, 4));
        assert_eq!((r.at(9).read(TAR), r.read(TBR)), (0, 4));
        assert!(r.pending(16) && !r.pending(17));
        assert_eq!((r.at(10).read(TAR), r.read(TBR)), (9, 3));
        r.at(39);
        assert_eq!(r.read(RIS), 0x001);
        r.at(40);
        assert_eq!((r.read(RIS), r.read(TBR)), (0x101, 0));
        assert!(r.pending(17));
        r.write(ICR, 0x100);
        assert_eq!(r.at(50).read(TBR), 4);
        assert_eq!(r.at(89).read(RIS) & 0x100, 0);
        assert_eq!(r.at(90).read(RIS) & 0x100, 0x100);
    }

    #[test]
    fn a_new_load_value_counts_at_once() {
        let mut r = rig();
        r.write(TAMR, PERIODIC);
        r.write(TAILR, 1000);
        r.write(CTL, 1);
        r.at(100).write(TAILR, 10);
        assert_eq!(r.at(101).read(TAR), 9);
        assert_eq!((r.at(109).read(RIS), r.at(110).read(RIS)), (0, 1));
    }

    #[test]
    fn other_modes_are_noted() {
        let mut r = rig();
        r.write(TAMR, 3);
        r.write(CTL, 1);
        assert!(r.noted("TAMR"));
    }
}
