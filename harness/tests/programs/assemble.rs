//! Encodings of Thumb instructions (ARMv7-M ARM, A7.7) as halfwords.

/// The halfwords of a 32-bit instruction.
pub fn wide(w: u32) -> Vec<u16> {
    vec![(w >> 16) as u16, w as u16]
}

fn plain_immediate(op: u32, d: u32, imm12: u32) -> Vec<u16> {
    wide(op | (imm12 >> 11 & 1) << 26 | (imm12 >> 8 & 7) << 12 | d << 8 | imm12 & 0xFF)
}

/// MOVW.
pub fn movw(d: u32, v: u32) -> Vec<u16> {
    plain_immediate(0xF240_0000 | (v >> 12 & 15) << 16, d, v & 0xFFF)
}

/// MOVW and MOVT.
pub fn load(d: u32, v: u32) -> Vec<u16> {
    let mut out = movw(d, v & 0xFFFF);
    let v = v >> 16;
    out.extend(plain_immediate(
        0xF2C0_0000 | (v >> 12 & 15) << 16,
        d,
        v & 0xFFF,
    ));
    out
}

/// ADDW.
pub fn addw(d: u32, n: u32, imm12: u32) -> Vec<u16> {
    plain_immediate(0xF200_0000 | n << 16, d, imm12)
}

/// STR.W with an immediate offset.
pub fn str_w(t: u32, n: u32, offset: u32) -> Vec<u16> {
    wide(0xF8C0_0000 | n << 16 | t << 12 | offset)
}

/// LDR.W with an immediate offset.
pub fn ldr_w(t: u32, n: u32, offset: u32) -> Vec<u16> {
    wide(0xF8D0_0000 | n << 16 | t << 12 | offset)
}

/// MSR to a special register.
pub fn msr(special: u32, n: u32) -> Vec<u16> {
    wide(0xF380_8800 | n << 16 | special)
}

/// MRS of a special register.
pub fn mrs(d: u32, special: u32) -> Vec<u16> {
    wide(0xF3EF_8000 | d << 8 | special)
}

/// DSB, ISB.
pub fn barrier() -> Vec<u16> {
    vec![0xF3BF, 0x8F4F, 0xF3BF, 0x8F6F]
}

/// B.W (`link`: BL) from the halfword at index `from` to the one at `to`.
pub fn branch(from: usize, to: usize, link: bool) -> Vec<u16> {
    let delta = (to as i32 - from as i32 - 2) * 2;
    let s = (delta >> 24 & 1) as u16;
    let j = |bit: i32| (!((delta >> bit & 1) as u16 ^ s)) & 1;
    let high = 0xF000 | s << 10 | (delta >> 12 & 0x3FF) as u16;
    let low = if link { 0xD000 } else { 0x9000 };
    vec![
        high,
        low | j(23) << 13 | j(22) << 11 | (delta >> 1 & 0x7FF) as u16,
    ]
}

/// A floating-point instruction of three single registers.
pub fn fp3(op: u32, d: u32, n: u32, m: u32) -> Vec<u16> {
    wide(op | fp_d(d) | (n >> 1) << 16 | (n & 1) << 7 | m >> 1 | (m & 1) << 5)
}

/// The destination of a floating-point instruction.
pub fn fp_d(d: u32) -> u32 {
    (d & 1) << 22 | (d >> 1) << 12
}
