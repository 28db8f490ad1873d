//! Accesses that must be aligned, known before a block runs.
//!
//! The engine makes misaligned accesses like others, so a core that traps on them must know beforehand. Most bases
//! are registers of which only constants were added since the block's entry: their low bits are checked there.
//! For the rest the few instructions that make the address are worked out on the side ([`first_misaligned`]); what
//! cannot be known so (a pointer loaded from a device, or from memory behind a store) starts a part of its own.

use super::decode::{Class, Insn};
use crate::backend::RiscvCpu;
use crate::device::Width;
use crate::memory::Memory;

/// `(x[register] + offset) & mask` must be zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Check {
    /// Register, at the block's entry.
    pub register: u8,
    /// Constant offset.
    pub offset: u32,
    /// Low bits that must be zero.
    pub mask: u32,
}

/// What must hold at a block's entry so that no access in it is misaligned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Alignment {
    /// Simple conditions.
    pub checks: Vec<Check>,
    /// There are others too: only [`first_misaligned`] can tell.
    pub more: bool,
}

/// Must this access be aligned?
fn must(insn: &Insn) -> bool {
    insn.width > 1
}

/// The conditions of a run of instructions.
#[must_use]
pub fn alignment(insns: &[Insn]) -> Alignment {
    // Each register as an entry register plus a constant, when it is that.
    let mut known: [Option<(u8, u32)>; 32] = std::array::from_fn(|r| Some((r as u8, 0)));
    let mut a = Alignment::default();
    for insn in insns {
        if must(insn) {
            match known[usize::from(insn.rs1)] {
                Some((register, base)) => {
                    let check = Check {
                        register,
                        offset: base.wrapping_add(insn.imm) & 3,
                        mask: u32::from(insn.width) - 1,
                    };
                    let always = register == 0 && check.offset & check.mask == 0;
                    if !always && !a.checks.contains(&check) {
                        a.checks.push(check);
                    }
                }
                None => a.more = true,
            }
        }
        if insn.rd != 0 {
            known[usize::from(insn.rd)] = match insn.raw & 0x7F {
                0x37 => Some((0, insn.imm)),
                0x17 => Some((0, insn.address.wrapping_add(insn.imm))),
                0x13 if insn.funct3() == 0 => {
                    known[usize::from(insn.rs1)].map(|(r, o)| (r, o.wrapping_add(insn.imm)))
                }
                0x33 if insn.class == Class::Alu && insn.raw >> 25 == 0 && insn.funct3() == 0 => {
                    match (known[usize::from(insn.rs1)], known[usize::from(insn.rs2)]) {
                        (Some((0, c)), Some((r, o))) | (Some((r, o)), Some((0, c))) => {
                            Some((r, o.wrapping_add(c)))
                        }
                        _ => None,
                    }
                }
                _ => None,
            };
        }
    }
    a
}

/// Do all simple conditions hold?
#[inline]
pub fn holds(checks: &[Check], cpu: RiscvCpu) -> bool {
    checks
        .iter()
        .all(|c| cpu.x(usize::from(c.register)).wrapping_add(c.offset) & c.mask == 0)
}

/// Work a run of instructions out on the side, from the registers as they are now: the index of the first access
/// that is misaligned, or whose address cannot be known yet.
pub fn first_misaligned(insns: &[Insn], cpu: RiscvCpu, memory: &Memory) -> Option<usize> {
    let mut x = Scratch {
        cpu,
        values: [None; 32],
        written: 0,
    };
    // Where memory is not what it is now; everywhere when an address is not known.
    let mut stored: Vec<(u32, u32)> = Vec::new();
    let mut anywhere = false;
    for (i, insn) in insns.iter().enumerate() {
        let base = x.get(insn.rs1);
        if must(insn) {
            match base {
                Some(b) if b.wrapping_add(insn.imm) & (u32::from(insn.width) - 1) == 0 => {}
                _ => return Some(i),
            }
        }
        let value = match insn.class {
            Class::Alu => alu(insn, base, x.get(insn.rs2)),
            Class::Load | Class::LoadSmall if !anywhere => {
                let address = base.map(|b| b.wrapping_add(insn.imm));
                let meets = |a: u32| {
                    let width = u32::from(insn.width);
                    stored
                        .iter()
                        .any(|&(s, w)| a.wrapping_sub(s) < w || s.wrapping_sub(a) < width)
                };
                address
                    .filter(|&a| !meets(a))
                    .and_then(|a| load(insn, a, memory))
            }
            Class::Multiply if insn.funct3() == 0 => {
                base.zip(x.get(insn.rs2)).map(|(a, b)| a.wrapping_mul(b))
            }
            Class::Jump | Class::JumpRegister => Some(insn.end()),
            _ => None,
        };
        match (insn.class, base) {
            (Class::Store, Some(b)) => stored.push((b.wrapping_add(insn.imm), insn.width.into())),
            (Class::Store | Class::StoreConditional | Class::Atomic, _) => anywhere = true,
            _ => {}
        }
        x.set(insn.rd, value);
    }
    None
}

/// The registers as they would be on the way; `None` for those that cannot be known.
struct Scratch {
    cpu: RiscvCpu,
    values: [Option<u32>; 32],
    written: u32,
}

impl Scratch {
    fn get(&self, r: u8) -> Option<u32> {
        if self.written >> r & 1 != 0 {
            self.values[usize::from(r & 31)]
        } else {
            Some(self.cpu.x(r.into()))
        }
    }

    fn set(&mut self, r: u8, value: Option<u32>) {
        if r != 0 {
            self.values[usize::from(r & 31)] = value;
            self.written |= 1 << r;
        }
    }
}

fn load(insn: &Insn, address: u32, memory: &Memory) -> Option<u32> {
    let value = memory.load(address, Width::from_bytes(insn.width.into()))?;
    Some(match insn.funct3() {
        0 => value as u8 as i8 as u32,
        1 => value as u16 as i16 as u32,
        _ => value,
    })
}

/// An integer computation; `None` when an operand is not known.
fn alu(insn: &Insn, a: Option<u32>, b: Option<u32>) -> Option<u32> {
    let (a, b) = match insn.raw & 0x7F {
        0x37 => return Some(insn.imm),
        0x17 => return Some(insn.address.wrapping_add(insn.imm)),
        0x13 => (a?, insn.imm),
        _ => (a?, b?),
    };
    let alternative = insn.raw >> 30 & 1 != 0 && (insn.raw & 0x7F == 0x33 || insn.funct3() == 5);
    Some(match (insn.funct3(), alternative) {
        (0, false) => a.wrapping_add(b),
        (0, true) => a.wrapping_sub(b),
        (1, _) => a << (b & 31),
        (2, _) => u32::from((a as i32) < b as i32),
        (3, _) => u32::from(a < b),
        (4, _) => a ^ b,
        (5, false) => a >> (b & 31),
        (5, true) => ((a as i32) >> (b & 31)) as u32,
        (6, _) => a | b,
        _ => a & b,
    })
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

    fn of(code: &[u32]) -> Alignment {
        let bytes: Vec<u8> = code.iter().flat_map(|w| w.to_le_bytes()).collect();
        alignment(&decode::run(0x1000, &bytes))
    }

    #[test]
    fn bases_that_only_moved_by_constants_are_one_check() {
        // lw a0, 8(sp); addi sp, sp, 16; sw a0, -4(sp); lh a1, 2(sp); lb a2, 1(sp)
        let a = of(&[
            0x0081_2503,
            0x0101_0113,
            0xFEA1_2E23,
            0x0021_1583,
            0x0011_0603,
        ]);
        let check = |offset, mask| Check {
            register: 2,
            offset,
            mask,
        };
        assert_eq!(a.checks, [check(0, 3), check(2, 1)]);
        assert!(!a.more);
        // lui a0, 0x80000; lw a1, 4(a0)
        assert_eq!(of(&[0x8000_0537, 0x0045_2583]), Alignment::default());
        // lw a0, 0(a0); lw a1, 4(a0)
        let a = of(&[0x0005_2503, 0x0045_2583]);
        assert_eq!((a.checks.len(), a.more), (1, true));
    }

    #[test]
    fn computations_on_the_side() {
        let one = |raw: u32, a: u32, b: u32| {
            alu(&decode::one(0x1000, &raw.to_le_bytes()), Some(a), Some(b))
        };
        assert_eq!(one(0x40B5_0533, 5, 7), Some(-2i32 as u32), "sub");
        assert_eq!(
            one(0x4035_5513, -16i32 as u32, 0),
            Some(-2i32 as u32),
            "srai 3"
        );
        assert_eq!(
            one(0xC005_0513, 5, 0),
            Some(5u32.wrapping_sub(1024)),
            "addi -1024"
        );
        assert_eq!(one(0x0000_1517, 0, 0), Some(0x2000), "auipc");
    }
}
