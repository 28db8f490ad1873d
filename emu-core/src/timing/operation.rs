//! What kind of data processing an instruction does: the cores with late and early execution stages tell them apart
//! by where a shifter is needed.

use crate::decode::{Class, Insn, RegisterSet};

/// Kinds of data processing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// MOV, ADD, SUB with registers or constants that are not shifted.
    Simple,
    /// Other arithmetic and logic, comparisons too, with such operands.
    Logic,
    /// A constant that is a byte shifted left.
    ShiftedConstant,
    /// A register that is shifted on the way: LSL.
    ShiftedLeft,
    /// A register that is shifted on the way: LSR, ASR, ROR, RRX.
    ShiftedRight,
    /// LSL, LSR, ASR, ROR as instructions.
    Shift,
    /// BFI, BFC, UBFX, SBFX.
    BitField,
    /// UXTB and its like.
    Extend,
    /// UXTAB and its like.
    ExtendAdd,
    /// REV, REV16, REVSH, RBIT.
    Reverse,
    /// CLZ.
    CountZeros,
    /// SSAT, USAT, QADD and its like.
    Saturate,
    /// Two or four sums at once, SEL.
    Parallel,
    /// PKHBT, PKHTB.
    Pack,
}

/// The operation of an [`Class::Alu`] instruction (ARMv7-M ARM A5.2, A5.3).
#[must_use]
pub fn operation(insn: &Insn) -> Operation {
    if insn.is_wide() {
        wide(insn.raw)
    } else {
        narrow(insn.raw)
    }
}

fn narrow(h: u32) -> Operation {
    match h >> 10 {
        0b00_0000 if h >> 6 == 0 => Operation::Simple, // MOVS
        0b00_0000..=0b00_0101 => Operation::Shift,
        0b00_0110..=0b00_1001 => Operation::Simple, // ADDS, SUBS, MOVS
        0b00_1010 | 0b00_1011 => Operation::Logic,  // CMP
        0b00_1100..=0b00_1111 => Operation::Simple,
        0b01_0000 => match h >> 6 & 15 {
            2 | 3 | 4 | 7 => Operation::Shift,
            _ => Operation::Logic,
        },
        0b01_0001 if h >> 8 & 3 == 1 => Operation::Logic, // CMP
        0b10_1100..=0b10_1111 => match h >> 8 & 15 {
            2 => Operation::Extend,
            10 => Operation::Reverse,
            _ => Operation::Simple,
        },
        _ => Operation::Simple,
    }
}

fn wide(w: u32) -> Operation {
    let (op, rn) = (w >> 21 & 15, w >> 16 & 15);
    let plain = |op: u32| match op {
        2 if rn == 15 => Operation::Simple, // MOV
        8 | 13 if w >> 8 & 15 != 15 => Operation::Simple,
        _ => Operation::Logic,
    };
    match w >> 24 {
        0xEA | 0xEB => {
            let (amount, kind) = (w >> 10 & 0x1C | w >> 6 & 3, w >> 4 & 3);
            match (op, amount, kind) {
                (6, _, _) => Operation::Pack,
                (_, 0, 0) => plain(op),
                (2, 0, 3) if rn == 15 => Operation::ShiftedRight, // RRX
                (2, _, _) if rn == 15 => Operation::Shift,
                (_, _, 0) => Operation::ShiftedLeft,
                _ => Operation::ShiftedRight,
            }
        }
        0xF0..=0xF7 if w >> 25 & 1 == 0 => {
            // Constants of one, two or four bytes; or a byte shifted.
            if w >> 26 & 1 == 0 && w >> 14 & 1 == 0 {
                plain(op)
            } else {
                Operation::ShiftedConstant
            }
        }
        0xF0..=0xF7 => match w >> 20 & 31 {
            0 | 10 => Operation::Simple, // ADDW, SUBW
            4 | 12 => Operation::Simple, // MOVW, MOVT
            20 | 22 | 28 => Operation::BitField,
            _ => Operation::Saturate,
        },
        0xFA => match (w >> 20 & 15, w >> 7 & 1) {
            (0..=7, 0) => Operation::Shift,
            (0..=7, _) if rn == 15 => Operation::Extend,
            (0..=7, _) => Operation::ExtendAdd,
            (_, 0) => Operation::Parallel,
            (8, _) => Operation::Saturate,
            (9, _) => Operation::Reverse,
            (11, _) => Operation::CountZeros,
            _ => Operation::Parallel,
        },
        _ => Operation::Logic,
    }
}

/// Does it take the carry flag in?
#[must_use]
pub fn takes_carry(insn: &Insn) -> bool {
    if insn.class != Class::Alu {
        return false;
    }
    let raw = insn.raw;
    if insn.is_wide() {
        let data = matches!(raw >> 25, 0b111_0101) || raw >> 24 & 0xFA == 0xF0 && raw & 0x8000 == 0;
        data && matches!(raw >> 21 & 15, 10 | 11)
    } else {
        matches!(raw >> 6, 0x105 | 0x106) // ADCS, SBCS
    }
}

/// The register that goes through a shifter first.
#[must_use]
pub fn shifted(insn: &Insn, operation: Operation) -> RegisterSet {
    let (rn, rm) = (insn.raw >> 16 & 15, insn.raw & 15);
    match operation {
        Operation::ShiftedLeft | Operation::ShiftedRight | Operation::ExtendAdd => {
            RegisterSet::one(rm)
        }
        // BFC has no source: its field says 15.
        Operation::BitField if rn == 15 => RegisterSet::NONE,
        Operation::BitField => RegisterSet::one(rn),
        // PKHTB takes its first operand early, too.
        Operation::Pack if insn.raw & 0x20 != 0 => RegisterSet::one(rm).with(RegisterSet::one(rn)),
        Operation::Pack => RegisterSet::one(rm),
        Operation::Reverse | Operation::Saturate => insn.reads,
        _ => RegisterSet::NONE,
    }
}

/// The accumulator of a multiply-accumulate or of UXTAB and its like.
#[must_use]
pub fn accumulator(insn: &Insn) -> RegisterSet {
    match insn.class {
        Class::MultiplyAccumulate => RegisterSet::one(insn.raw >> 12 & 15),
        Class::MultiplyAccumulateLong => {
            RegisterSet::one(insn.raw >> 12 & 15).with(RegisterSet::one(insn.raw >> 8 & 15))
        }
        Class::Alu if insn.is_wide() && operation(insn) == Operation::ExtendAdd => {
            RegisterSet::one(insn.raw >> 16 & 15)
        }
        _ => RegisterSet::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::Architecture;
    use crate::decode::Decoder;

    fn one(code: &[u16]) -> Insn {
        let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
        Decoder::new(Architecture::V7EM, true)
            .expect("a decoder")
            .one(0x100, &bytes)
    }

    #[test]
    fn operations_by_encoding() {
        use Operation::*;
        for (code, what, text) in [
            (&[0x0008u16][..], Simple, "movs r0,r1"),
            (&[0x0048], Shift, "lsls r0,r1,#1"),
            (&[0x1888], Simple, "adds r0,r1,r2"),
            (&[0x2001], Simple, "movs r0,#1"),
            (&[0x2801], Logic, "cmp r0,#1"),
            (&[0x3801], Simple, "subs r0,#1"),
            (&[0x4008], Logic, "ands r0,r1"),
            (&[0x4088], Shift, "lsls r0,r1"),
            (&[0x41C8], Shift, "rors r0,r1"),
            (&[0x4148], Logic, "adcs r0,r1"),
            (&[0x4408], Simple, "add r0,r1"),
            (&[0x4580], Logic, "cmp r8,r0"),
            (&[0x4608], Simple, "mov r0,r1"),
            (&[0xA801], Simple, "add r0,sp,#4"),
            (&[0xB2C8], Extend, "uxtb r0,r1"),
            (&[0xBA08], Reverse, "rev r0,r1"),
            (&[0xB082], Simple, "sub sp,#8"),
            (&[0xEB01, 0x0002], Simple, "add.w r0,r1,r2"),
            (&[0xEB01, 0x0082], ShiftedLeft, "add.w r0,r1,r2,lsl #2"),
            (&[0xEA81, 0x50B2], ShiftedRight, "eor.w r0,r1,r2,ror #22"),
            (&[0xEA4F, 0x0081], Shift, "lsl.w r0,r1,#2"),
            (&[0xEA4F, 0x0031], ShiftedRight, "rrx r0,r1"),
            (&[0xEA4F, 0x0001], Simple, "mov.w r0,r1"),
            (&[0xEBB0, 0x0F01], Logic, "cmp.w r0,r1"),
            (&[0xEAC1, 0x0002], Pack, "pkhbt r0,r1,r2"),
            (&[0xF04F, 0x0001], Simple, "mov.w r0,#1"),
            (&[0xF081, 0x301B], Logic, "eor.w r0,r1,#0x1b1b1b1b"),
            (&[0xF481, 0x50FE], ShiftedConstant, "eor.w r0,r1,#0x1fc0"),
            (&[0xF201, 0x0001], Simple, "addw r0,r1,#1"),
            (&[0xF241, 0x0000], Simple, "movw r0,#0x1000"),
            (&[0xF3C1, 0x0007], BitField, "ubfx r0,r1,#0,#8"),
            (&[0xF361, 0x0007], BitField, "bfi r0,r1,#0,#8"),
            (&[0xF301, 0x0007], Saturate, "ssat r0,#8,r1"),
            (&[0xFA01, 0xF002], Shift, "lsl.w r0,r1,r2"),
            (&[0xFA5F, 0xF081], Extend, "uxtb.w r0,r1"),
            (&[0xFA51, 0xF082], ExtendAdd, "uxtab r0,r1,r2"),
            (&[0xFA91, 0xF002], Parallel, "sadd16 r0,r1,r2"),
            (&[0xFA82, 0xF081], Saturate, "qadd r0,r1,r2"),
            (&[0xFA91, 0xF0A1], Reverse, "rbit r0,r1"),
            (&[0xFAB1, 0xF081], CountZeros, "clz r0,r1"),
            (&[0xFAA1, 0xF082], Parallel, "sel r0,r1,r2"),
        ] {
            assert_eq!(operation(&one(code)), what, "{text}");
        }
    }

    #[test]
    fn carries_and_accumulators() {
        assert!(takes_carry(&one(&[0x4148])) && takes_carry(&one(&[0x4188])));
        assert!(takes_carry(&one(&[0xEB41, 0x0002])) && takes_carry(&one(&[0xF141, 0x0001])));
        assert!(!takes_carry(&one(&[0x1888])) && !takes_carry(&one(&[0xEB01, 0x0002])));
        assert_eq!(accumulator(&one(&[0xFB01, 0x3002])).0, 1 << 3, "mla");
        assert_eq!(accumulator(&one(&[0xFBC1, 0x0302])).0, 1 | 1 << 3, "smlal");
        assert_eq!(accumulator(&one(&[0xFA51, 0xF082])).0, 1 << 1, "uxtab");
        assert_eq!(
            shifted(&one(&[0xEB01, 0x0082]), Operation::ShiftedLeft).0,
            1 << 2
        );
    }
}
