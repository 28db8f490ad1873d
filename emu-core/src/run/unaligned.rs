//! Unaligned data accesses: the engine refuses them all, so that none passes unseen; here they are made, or fault.
//!
//! ARMv7-M makes single transfers of words and halfwords at any address unless CCR.UNALIGN_TRP is set; multiple,
//! dual and exclusive ones fault (DDI 0403E A3.2.1). ARMv6-M always faults.
//! Not modelled: wait states of flash that is read so; bridges to devices.

use super::Core;
use super::faults::UNALIGNED;
use crate::decode::{Class, Insn};
use crate::device::Width;
use crate::memory::MemoryKind;
use crate::time::Cycles;
use crate::timing::Inputs;

impl Core {
    /// The instruction at `pc` accesses an unaligned address.
    pub(super) fn unaligned(&mut self, pc: u32) {
        let (insn, now, start) = self.up_to(pc);
        let system = &self.bus.system;
        let refused = !system.is_v7m() || system.ccr & 8 != 0 || !is_plain(&insn);
        if refused {
            self.raise_usage(UNALIGNED, insn.address, now, start);
            return;
        }
        let address = self.effective_address(&insn);
        let Some(a) = insn.addressing else { return };
        let bytes = u32::from(a.width);
        let load = insn.class == Class::Load;
        for i in 0..bytes {
            let at = address.wrapping_add(i);
            if !self.mpu_allows(at, !load) {
                self.raise_mem_manage(at, pc, now, start);
                return;
            }
        }
        if self.unaligned_hits(pc, address, bytes, !load) {
            return;
        }
        self.bus.now = self.bus.now.max(Cycles(start));
        self.bus.pc = pc;
        let value = match self.unaligned_transfer(&insn, address, bytes, load) {
            Some(v) => v,
            None => {
                self.raise_bus_fault(address, pc, now, start);
                return;
            }
        };
        let to = usize::from(transferred(&insn));
        if a.writeback {
            let base = usize::from(a.base);
            self.cpu
                .set_r(base, self.cpu.r(base).wrapping_add(written_back(&insn)));
        }
        if load {
            self.cpu.set_r(to, value);
        }
        let inputs = Inputs {
            slave: self.slaves.of(address),
            data: self.model.unaligned_cycles(address, a.width)
                + if load {
                    self.slaves.extra()[usize::from(self.slaves.of(address))]
                } else {
                    0
                },
            ..Inputs::PLAIN
        };
        let it = crate::decode::insn::it_advance(self.cpu.it_state());
        self.pass(&insn, inputs);
        self.cpu.set_r(15, insn.end());
        self.cpu.set_it_state(it);
    }

    /// Move the bytes; `None` is a bus error.
    fn unaligned_transfer(
        &mut self,
        insn: &Insn,
        address: u32,
        bytes: u32,
        load: bool,
    ) -> Option<u32> {
        let mut value = if load {
            0
        } else {
            self.cpu.r(usize::from(transferred(insn)))
        };
        for i in 0..bytes {
            let at = address.wrapping_add(i);
            if load {
                let b = match self.bus.memory.load(at, Width::Byte) {
                    Some(b) => b,
                    None => self.bus.read(at, Width::Byte).ok()?,
                };
                value |= b << (8 * i);
            } else {
                let b = value >> (8 * i) & 0xFF;
                let ram = self
                    .bus
                    .memory
                    .region_at(at)
                    .is_some_and(|r| r.kind == MemoryKind::Ram);
                if ram {
                    self.bus.memory.store(at, Width::Byte, b)?;
                    self.wrote(at, 1);
                } else {
                    self.bus.write(at, Width::Byte, b).ok()?;
                }
            }
        }
        if load && bytes == 2 && is_signed(insn) {
            value = i32::from(value as u16 as i16) as u32;
        }
        if !load {
            value = 0;
        }
        Some(value)
    }
}

/// A single transfer of a core register that is allowed to be unaligned.
fn is_plain(insn: &Insn) -> bool {
    let exclusive = insn.size == 4 && insn.raw & 0xFE40_0000 == 0xE840_0000;
    matches!(insn.class, Class::Load | Class::Store) && !exclusive
}

/// The register that is loaded or stored: Rt.
fn transferred(insn: &Insn) -> u8 {
    let raw = insn.raw;
    if insn.size == 4 {
        return (raw >> 12 & 15) as u8;
    }
    match raw >> 12 {
        0x4 | 0x9 => (raw >> 8 & 7) as u8, // literal, SP-relative
        _ => (raw & 7) as u8,
    }
}

/// LDRSH.
fn is_signed(insn: &Insn) -> bool {
    if insn.size == 4 {
        insn.raw >> 24 & 1 != 0
    } else {
        insn.raw >> 9 == 0b010_1111
    }
}

/// What encoding T4 adds to the base: an 8-bit constant, U is bit 9.
fn written_back(insn: &Insn) -> u32 {
    let n = insn.raw & 0xFF;
    if insn.raw >> 9 & 1 != 0 {
        n
    } else {
        n.wrapping_neg()
    }
}
