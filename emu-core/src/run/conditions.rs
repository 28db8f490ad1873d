//! Conditions known from what was compared, where later instructions of the block change the flags.

use super::values::{Value, Values, expanded, wide_imm12};
use crate::decode::{Class, Insn};

/// How the flags were made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Test {
    /// CMP: of a difference.
    Difference,
    /// CMN: of a sum.
    Sum,
    /// TST: N and Z of a conjunction.
    Conjunction,
}

/// A register or value compared with another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compared<T> {
    /// How.
    pub test: Test,
    /// Both sides.
    pub sides: [T; 2],
}

/// A side of a comparison as the instruction has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// A register.
    Register(u8),
    /// A constant.
    Constant(u32),
}

impl Compared<u32> {
    /// Does a condition hold behind this comparison? `None` when it hangs on flags that the comparison leaves.
    pub fn holds(&self, condition: u8) -> Option<bool> {
        let [a, b] = self.sides;
        let (result, carry, overflow) = match self.test {
            Test::Difference => {
                let r = a.wrapping_sub(b);
                (r, Some(a >= b), Some(((a ^ b) & (a ^ r)) >> 31 != 0))
            }
            Test::Sum => {
                let (r, c) = a.overflowing_add(b);
                (r, Some(c), Some((!(a ^ b) & (a ^ r)) >> 31 != 0))
            }
            Test::Conjunction => (a & b, None, None),
        };
        let (n, z) = (result >> 31 != 0, result == 0);
        let base = match condition >> 1 {
            0 => z,
            1 => carry?,
            2 => n,
            3 => overflow?,
            4 => carry? && !z,
            5 => n == overflow?,
            6 => !z && n == overflow?,
            _ => return Some(true),
        };
        Some(base != (condition & 1 != 0))
    }
}

/// Can this comparison tell a condition at all?
pub fn tells(test: Test, condition: u8) -> bool {
    let probe = Compared {
        test,
        sides: [0, 0],
    };
    probe.holds(condition).is_some()
}

/// The comparison that an instruction makes.
pub fn comparison(insn: &Insn) -> Option<Compared<Side>> {
    use Side::{Constant, Register};
    if insn.class != Class::Alu || insn.is_predicated() {
        return None;
    }
    let raw = insn.raw;
    let compared = |test, a: u32, b| {
        Some(Compared {
            test,
            sides: [Register((a & 15) as u8), b],
        })
    };
    let register = |n: u32| Register((n & 15) as u8);
    if insn.size == 2 {
        return match raw >> 6 {
            n if n >> 5 == 0b00101 => {
                compared(Test::Difference, raw >> 8 & 7, Constant(raw & 0xFF))
            }
            0x10A => compared(Test::Difference, raw & 7, register(raw >> 3 & 7)),
            0x10B => compared(Test::Sum, raw & 7, register(raw >> 3 & 7)),
            0x108 => compared(Test::Conjunction, raw & 7, register(raw >> 3 & 7)),
            n if n >> 2 == 0x45 => {
                compared(Test::Difference, raw & 7 | raw >> 4 & 8, register(raw >> 3))
            }
            _ => None,
        };
    }
    if raw >> 8 & 15 != 15 {
        return None; // it keeps its result
    }
    let constant = Constant(expanded(wide_imm12(raw)));
    let other = (raw & 0x70F0 == 0).then_some(register(raw)); // not shifted
    match raw & 0xFBF0_8000 {
        0xF1B0_0000 => compared(Test::Difference, raw >> 16, constant),
        0xF110_0000 => compared(Test::Sum, raw >> 16, constant),
        0xF010_0000 => compared(Test::Conjunction, raw >> 16, constant),
        0xEBB0_0000 => compared(Test::Difference, raw >> 16, other?),
        0xEB10_0000 => compared(Test::Sum, raw >> 16, other?),
        0xEA10_0000 => compared(Test::Conjunction, raw >> 16, other?),
        _ => None,
    }
}

/// A comparison of values at the block's entry.
pub fn at_entry(c: &Compared<Side>, values: &Values) -> Option<Compared<Value>> {
    let value = |s: Side| match s {
        Side::Register(n) => values.of(n),
        Side::Constant(n) => Some(Value {
            register: None,
            offsets: [n, 0, 0],
            loads: 0,
        }),
    };
    Some(Compared {
        test: c.test,
        sides: [value(c.sides[0])?, value(c.sides[1])?],
    })
}

/// The registers of a comparison.
pub fn registers(c: &Compared<Side>) -> u16 {
    c.sides.iter().fold(0, |set, s| match s {
        Side::Register(n) => set | 1 << n,
        Side::Constant(_) => set,
    })
}
