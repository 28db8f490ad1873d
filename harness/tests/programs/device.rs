//! A device that interrupts at odd times and logs writes.

use emu_core::{Access, Bus, Ctx, Device, Ports, Width};
use serde::{Deserialize, Serialize};

/// Base of the device: nothing is there in any machine.
pub const DEVICE: u32 = 0x4000_8000;

/// Writes with their cycles.
pub type Log = Vec<(u64, u32)>;

/// Offset 0: reads the cycle. 8: a log of writes. 0x10, 0x14, 0x18: period of IRQ 1, 2, 3, which wanders.
/// 0x20: write n: pends IRQ n.
#[derive(Default, Serialize, Deserialize)]
pub struct Interrupter {
    periods: [u32; 3],
    seed: u64,
    pub log: Log,
}

impl Device for Interrupter {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["a", "b", "c"]),
            ..Ports::default()
        }
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        for tag in 0..3 {
            ctx.set_irq(tag, false);
        }
    }
    fn read(&mut self, offset: u32, _: Width, ctx: &mut Ctx<'_>) -> u32 {
        match offset {
            0 => ctx.now().0 as u32,
            _ => offset,
        }
    }
    fn write(&mut self, offset: u32, _: Width, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            8 => self.log.push((ctx.now().0, value)),
            0x10 | 0x14 | 0x18 => {
                let n = (offset - 0x10) / 4;
                self.periods[n as usize] = value;
                self.seed ^= u64::from(value);
                ctx.schedule_in(n, u64::from(value));
            }
            0x20 => ctx.set_exception_pending(16 + (value as u16 & 7), true),
            _ => {}
        }
    }
    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        ctx.set_irq(tag as usize, true);
        ctx.set_irq(tag as usize, false);
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let period = u64::from(self.periods[tag as usize]);
        ctx.schedule_in(tag, period + (self.seed >> 33) % period.max(1));
    }
    fn access(&self, offset: u32, write: bool, _: &Bus) -> Access {
        if write && offset != 8 {
            Access::Sync
        } else {
            Access::Plain
        }
    }
    emu_core::device_state!();
}
