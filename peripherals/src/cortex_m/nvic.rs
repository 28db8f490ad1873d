//! NVIC: enable, pending, active and priority registers of the external interrupts.
//!
//! Modelled: ISER, ICER, ISPR, ICPR, IABR (ARMv7-M), IPR; bits of interrupts and priority bits that
//! are not implemented read as zero and ignore writes. Not modelled: nothing of this block.
//!
//! Window: 0xE000E100 to 0xE000E4EF. Source: ARMv7-M ARM (DDI 0403E) B3.4, ARMv6-M ARM (DDI 0419E) B3.4.

use super::common::note_narrow;
use crate::{ParameterError, parameters};
use emu_core::cortex_m::System;
use emu_core::cortex_m::number::IRQ0;
use emu_core::{Ctx, Device, NoticeKind, Ports, Width, device_state};
use serde::{Deserialize, Serialize};

/// Offset of each bank of bit registers; each bank has 128 bytes.
const BANK_SIZE: u32 = 0x80;
const IPR: u32 = 0x300;
const IPR_END: u32 = 0x3F0;

const BANKS: [&str; 5] = ["ISER", "ICER", "ISPR", "ICPR", "IABR"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

/// The register block. Its state is [`System`].
#[derive(Serialize, Deserialize)]
pub struct Nvic {}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let Parameters {} = parameters(table)?;
    Ok(Box::new(Nvic {}))
}

fn bits(system: &System, first: u16, is_set: impl Fn(&System, u16) -> bool) -> u32 {
    let end = IRQ0 + system.irq_count;
    (0..32)
        .filter(|&i| first + i < end && is_set(system, first + i))
        .fold(0, |word, i| word | 1 << i)
}

/// Exception number of bit 0 of a bit register.
fn first_of(register: u32) -> u16 {
    IRQ0 + (register % BANK_SIZE) as u16 * 8
}

impl Device for Nvic {
    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        let system = ctx.system();
        let is_v7m = system.is_v7m();
        let word = if register < BANKS.len() as u32 * BANK_SIZE {
            let first = first_of(register);
            match register / BANK_SIZE {
                0 | 1 => bits(system, first, System::is_enabled),
                2 | 3 => bits(system, first, System::is_pending),
                _ if is_v7m => bits(system, first, System::is_active),
                _ => 0,
            }
        } else if (IPR..IPR_END).contains(&register) {
            let first = IRQ0 + (register - IPR) as u16;
            (0..4).fold(0, |word, i| {
                word | u32::from(system.priority_byte(first + i)) << (8 * i)
            })
        } else {
            0
        };
        if !is_v7m || register < IPR {
            self.note(ctx, register, width);
        }
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        if !ctx.system().is_v7m() || register < IPR {
            self.note(ctx, register, width);
        }
        if (IPR..IPR_END).contains(&register) {
            let first = IRQ0 + (offset - IPR) as u16;
            for i in 0..width.bytes() as u16 {
                let byte = (value >> (8 * i)) as u8;
                ctx.system().set_priority_byte(first + i, byte);
            }
            return;
        }
        let mask = width.spread(offset, value);
        let first = first_of(register);
        for number in (0..32).filter(|i| mask >> i & 1 != 0).map(|i| first + i) {
            if number >= IRQ0 + ctx.system().irq_count {
                break;
            }
            match register / BANK_SIZE {
                0 => ctx.system().set_enabled(number, true),
                1 => ctx.system().set_enabled(number, false),
                2 => ctx.set_exception_pending(number, true),
                3 => ctx.set_exception_pending(number, false),
                _ => ctx.note(NoticeKind::Misuse, "write to a read-only register"),
            }
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let (name, index) = if offset < BANKS.len() as u32 * BANK_SIZE {
            let bank = BANKS[(offset / BANK_SIZE) as usize];
            (bank, offset % BANK_SIZE / 4)
        } else if (IPR..IPR_END).contains(&offset) {
            ("IPR", (offset - IPR) / 4)
        } else {
            return None;
        };
        Some(format!("{name}{index}"))
    }

    device_state!();
}

impl Nvic {
    fn note(&self, ctx: &mut Ctx<'_>, register: u32, width: Width) {
        if width != Width::Word
            && let Some(name) = self.register(register)
        {
            note_narrow(ctx, &name, width);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cortex_m::testing::Rig;
    use emu_core::Width::{Byte, Half};

    const BASE: u32 = 0xE000_E100;
    const ISER: u32 = 0;
    const ICER: u32 = 0x80;
    const ISPR: u32 = 0x100;
    const ICPR: u32 = 0x180;
    const IABR: u32 = 0x200;
    const IPR: u32 = 0x300;

    fn rig() -> Rig {
        let mut r = Rig::m4();
        r.add("cortex_m.nvic", BASE, "");
        r
    }

    #[test]
    fn enable_and_disable_only_what_exists() {
        let mut r = rig();
        r.write(ISER, 0x8000_0001);
        r.write(ISER + 8, 0xFFFF_FFFF);
        assert_eq!(r.read(ISER), 0x8000_0001);
        assert_eq!(r.read(ICER + 8), 0x0003_FFFF, "82 interrupts");
        r.write(ICER, 1);
        assert_eq!(r.read(ISER), 0x8000_0000);
        assert!(r.bus.system.is_enabled(16 + 31));
    }

    #[test]
    fn pend_clear_and_active() {
        let mut r = rig();
        r.write(ISPR + 4, 0x10);
        assert!(r.pending(16 + 36));
        assert_eq!(r.read(ICPR + 4), 0x10);
        r.bus.system.enter(16 + 36);
        assert_eq!((r.read(ISPR + 4), r.read(IABR + 4)), (0, 0x10));
        r.write(ISPR + 4, 0x10);
        r.write(ICPR + 4, 0x10);
        assert!(!r.pending(16 + 36));
    }

    #[test]
    fn priority_bits_that_do_not_exist_read_as_zero() {
        let mut r = rig();
        // How FreeRTOS finds the number of priority bits.
        r.write_as(IPR, Byte, 0xFF);
        assert_eq!(r.read_as(IPR, Byte), 0xF0);
        r.write_as(IPR + 2, Half, 0x5A47);
        assert_eq!(r.read(IPR), 0x5040_00F0);
        r.write(IPR + 80, 0xFFFF_FFFF);
        assert_eq!(r.read(IPR + 80), 0x0000_F0F0, "IRQ 80 and 81 are the last");
        assert!(
            r.bus.notices.all().is_empty(),
            "narrow accesses are allowed here"
        );
    }

    #[test]
    fn a_small_core_has_two_bits_and_no_active_register() {
        let mut r = Rig::m0plus();
        r.add("cortex_m.nvic", BASE, "");
        r.write(IPR + 4, 0xFFFF_FFFF);
        assert_eq!(r.read(IPR + 4), 0xC0C0_C0C0);
        r.bus.system.set_active(16, true);
        assert_eq!(r.read(IABR), 0);
        r.write_as(IPR + 5, Byte, 0x40);
        assert_eq!(r.read(IPR + 4), 0xC0C0_40C0);
        assert!(r.noted("IPR1"), "ARMv6-M defines word accesses only");
    }
}
