//! Core-local interruptor (CLINT) of one hart.
//!
//! Modelled: msip, mtimecmp, mtime on its own clock, both writable as words (a wider access is two); the software
//! and the timer line. mtimecmp is all ones after reset, so that no interrupt comes before firmware set it (the
//! hardware leaves it undefined).
//! Not modelled: more than one hart.
//!
//! Ports: irqs `software`, `timer`; clock `rtc`. Source: SiFive E31 and FE310-G002 manuals, chapter on the CLINT
//! (memory map).

use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Cycles, Device, Ports, Ratio, Ticker, Width, device_state};
use serde::{Deserialize, Serialize};

const MSIP: u32 = 0x0000;
const MTIMECMP: u32 = 0x4000;
const MTIMECMPH: u32 = 0x4004;
const MTIME: u32 = 0xBFF8;
const MTIMEH: u32 = 0xBFFC;

const SOFTWARE: usize = 0;
const TIMER: usize = 1;
const DUE: u32 = 0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

/// The device.
#[derive(Serialize, Deserialize)]
pub struct Clint {
    msip: bool,
    mtimecmp: u64,
    mtime: Ticker,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let Parameters {} = parameters(table)?;
    Ok(Box::new(Clint {
        msip: false,
        mtimecmp: u64::MAX,
        mtime: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
    }))
}

impl Clint {
    /// The timer line is up as long as mtime has reached mtimecmp.
    fn update(&self, ctx: &mut Ctx<'_>) {
        let due = self.mtime.ticks_at(ctx.now()) >= self.mtimecmp;
        ctx.set_irq(TIMER, due);
        let next = (!due).then(|| self.mtime.cycle_of(self.mtimecmp)).flatten();
        ctx.schedule_or_cancel(DUE, next);
    }

    fn word(&self, register: u32, now: Cycles) -> u32 {
        let mtime = self.mtime.ticks_at(now);
        match register {
            MSIP => u32::from(self.msip),
            MTIMECMP => self.mtimecmp as u32,
            MTIMECMPH => (self.mtimecmp >> 32) as u32,
            MTIME => mtime as u32,
            MTIMEH => (mtime >> 32) as u32,
            _ => 0,
        }
    }
}

fn low(old: u64, value: u32) -> u64 {
    old & !0xFFFF_FFFF | u64::from(value)
}

fn high(old: u64, value: u32) -> u64 {
    old & 0xFFFF_FFFF | u64::from(value) << 32
}

impl Device for Clint {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["software", "timer"]),
            clocks: Ports::names(&["rtc"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.msip = false;
        self.mtimecmp = u64::MAX;
        self.mtime = Ticker::new(ctx.now(), 0, ctx.clock(0));
        ctx.set_irq(SOFTWARE, false);
        self.update(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        width.extract(self.word(offset & !3, ctx.now()), offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let register = offset & !3;
        let value = width.merge(self.word(register, now), offset, value);
        let mtime = self.mtime.ticks_at(now);
        match register {
            MSIP => {
                self.msip = value & 1 != 0;
                ctx.set_irq(SOFTWARE, self.msip);
            }
            MTIMECMP => self.mtimecmp = low(self.mtimecmp, value),
            MTIMECMPH => self.mtimecmp = high(self.mtimecmp, value),
            MTIME => self.mtime.set_ticks(now, low(mtime, value)),
            MTIMEH => self.mtime.set_ticks(now, high(mtime, value)),
            _ => {}
        }
        self.update(ctx);
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        self.update(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.mtime.set_ratio(ctx.now(), ctx.clock(0));
        self.update(ctx);
    }

    fn access(&self, _offset: u32, write: bool, _bus: &Bus) -> Access {
        if write { Access::Sync } else { Access::Plain }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let name = match offset {
            MSIP => "msip",
            MTIMECMP => "mtimecmp",
            MTIMECMPH => "mtimecmph",
            MTIME => "mtime",
            MTIMEH => "mtimeh",
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

    fn rig() -> Rig {
        let mut rig = Rig::m4();
        let hz = Ratio::hz(42_000_000);
        rig.bus.clocks.add("rtc", hz); // a quarter of the core's
        rig.add("riscv.clint", 0x0200_0000, "");
        rig
    }

    /// Level of the device's interrupt line.
    fn up(rig: &Rig, irq: usize) -> bool {
        let device = rig.bus.devices().next();
        device.is_some_and(|(id, _)| rig.bus.irq_level(id, irq))
    }

    #[test]
    fn the_timer_line_follows_mtime() {
        let mut r = rig();
        assert!(!up(&r, 1));
        r.write(MTIMECMPH, 0);
        r.write(MTIMECMP, 10);
        r.at(39);
        assert_eq!((r.read(MTIME), up(&r, 1)), (9, false));
        r.at(40);
        assert_eq!((r.read(MTIME), up(&r, 1)), (10, true));
        r.write(MTIMECMP, 20);
        assert!(!up(&r, 1));
        r.write(MTIME, 19);
        r.at(43);
        assert!(!up(&r, 1));
        r.at(44);
        assert!(up(&r, 1));
    }

    #[test]
    fn msip_is_one_bit() {
        let mut r = rig();
        r.write(MSIP, 0xFFFF_FFFF);
        assert_eq!((r.read(MSIP), up(&r, 0)), (1, true));
        r.write(MSIP, 0);
        assert!(!up(&r, 0));
    }
}
