//! What core registers hold inside a block, as far as its instructions tell: an entry value plus a constant, or a
//! constant. It lets the addresses of most accesses be worked out when the block is entered.

use crate::decode::{Class, Insn, RegisterSet};

/// A register's value: that of a register at the block's entry (or nothing), and a constant to add.
type Value = (Option<u8>, u32);

/// The registers at one point of a block.
pub struct Values([Option<Value>; 16]);

impl Values {
    /// Each register holds what it holds.
    pub fn at_entry() -> Values {
        Values(std::array::from_fn(|n| Some((Some(n as u8), 0))))
    }

    /// What a register holds; `None` when it is not known.
    pub fn of(&self, register: u8) -> Option<Value> {
        self.0[usize::from(register & 15)]
    }

    /// Go past an instruction. `known` reads words that cannot change.
    pub fn step(&mut self, insn: &Insn, known: &dyn Fn(u32) -> Option<u32>) {
        let result = if insn.is_predicated() {
            None
        } else {
            self.result(insn, known)
        };
        let back = self.written_back(insn);
        for r in insn.writes.iter() {
            self.0[r] = None;
        }
        if let Some((register, value)) = result {
            self.0[usize::from(register)] = value;
        }
        if let (Some((register, value)), false) = (back, insn.is_predicated()) {
            self.0[usize::from(register)] = value;
        }
    }

    fn plus(&self, register: u8, n: u32) -> Option<Value> {
        self.of(register).map(|(r, c)| (r, c.wrapping_add(n)))
    }

    /// The register that a simple instruction computes, and its value.
    fn result(&self, insn: &Insn, known: &dyn Fn(u32) -> Option<u32>) -> Option<(u8, Option<Value>)> {
        let raw = insn.raw;
        let low = |at: u32| (raw >> at & 7) as u8;
        if insn.class == Class::Load {
            let a = insn.addressing.filter(|a| a.base == 15 && a.width == 4)?;
            let at = (insn.address.wrapping_add(4) & !3).wrapping_add(a.displacement as u32);
            let to = insn.writes.iter().next()? as u8;
            return Some((to, known(at).map(|v| (None, v))));
        }
        if insn.class != Class::Alu {
            return None;
        }
        if insn.size == 2 {
            // DDI 0403E A5.2: the 16-bit encodings of MOV, ADD, SUB with a constant.
            let (to, value) = match raw >> 8 {
                0x20..=0x27 => (low(8), Some((None, raw & 0xFF))),
                0x30..=0x37 => (low(8), self.plus(low(8), raw & 0xFF)),
                0x38..=0x3F => (low(8), self.plus(low(8), (raw & 0xFF).wrapping_neg())),
                0x1C | 0x1D => (low(0), self.plus(low(3), raw >> 6 & 7)),
                0x1E | 0x1F => (low(0), self.plus(low(3), (raw >> 6 & 7).wrapping_neg())),
                0x46 => (
                    (raw & 7 | raw >> 4 & 8) as u8,
                    self.of((raw >> 3 & 15) as u8),
                ),
                0xA8..=0xAF => (low(8), self.plus(13, (raw & 0xFF) * 4)),
                0xB0 if raw & 0x80 == 0 => (13, self.plus(13, (raw & 0x7F) * 4)),
                0xB0 => (13, self.plus(13, ((raw & 0x7F) * 4).wrapping_neg())),
                _ => return None,
            };
            return (to != 15).then_some((to, value));
        }
        let (to, from) = ((raw >> 8 & 15) as u8, (raw >> 16 & 15) as u8);
        let imm12 = raw & 0xFF | raw >> 4 & 0x700 | raw >> 15 & 0x800;
        let imm16 = imm12 & 0xFFF | raw >> 4 & 0xF000;
        let value = match raw & 0xFBF0_8000 {
            0xF200_0000 => self.plus(from, imm12), // ADDW
            0xF2A0_0000 => self.plus(from, imm12.wrapping_neg()), // SUBW
            0xF240_0000 => Some((None, imm16)),    // MOVW
            0xF2C0_0000 => match self.of(to) {
                Some((None, low)) => Some((None, low & 0xFFFF | imm16 << 16)), // MOVT
                _ => None,
            },
            // ADD and SUB with a modified immediate, of which only the plain 8-bit constants.
            0xF100_0000 if imm12 < 0x100 => self.plus(from, imm12),
            0xF1A0_0000 if imm12 < 0x100 => self.plus(from, imm12.wrapping_neg()),
            _ => return None,
        };
        (to != 15 && from != 15 || raw & 0xFBF0_8000 == 0xF240_0000 || raw & 0xFBF0_8000 == 0xF2C0_0000)
            .then_some((to, value))
    }

    /// The base register of a transfer that writes it back, and its value.
    fn written_back(&self, insn: &Insn) -> Option<(u8, Option<Value>)> {
        let a = insn.addressing.filter(|a| a.writeback)?;
        let words = 4 * u32::from(insn.count);
        let value = match insn.class {
            Class::LoadMultiple | Class::LoadMultiplePc | Class::FpLoadMultiple
                if insn.class != Class::FpLoadMultiple
                    && insn.register_list().meets(RegisterSet::one(u32::from(a.base))) =>
            {
                None
            }
            Class::LoadMultiple
            | Class::LoadMultiplePc
            | Class::StoreMultiple
            | Class::FpLoadMultiple
            | Class::FpStoreMultiple => {
                let by = if a.displacement < 0 {
                    words.wrapping_neg()
                } else {
                    words
                };
                self.plus(a.base, by)
            }
            Class::Load | Class::Store if insn.size == 4 => {
                // Encoding T4 of LDR and STR: U is bit 9, an 8-bit constant.
                let n = insn.raw & 0xFF;
                self.plus(
                    a.base,
                    if insn.raw >> 9 & 1 != 0 {
                        n
                    } else {
                        n.wrapping_neg()
                    },
                )
            }
            _ => None,
        };
        Some((a.base, value))
    }
}
