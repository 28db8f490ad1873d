//! Cycles of SDIV and UDIV by their operands.

use crate::decode::Insn;

/// As measured on Cortex-M4 (compendium.i-0.nl, division timing): 2 when an operand is zero, 3 when the quotient is
/// zero, else 5 and one for each four bits by which the dividend is longer. Signs do not count.
#[must_use]
pub fn cycles(insn: &Insn, dividend: u32, divisor: u32) -> u8 {
    let signed = insn.raw >> 21 & 1 == 0;
    let bits = |v: u32| {
        let v = if signed { (v as i32).unsigned_abs() } else { v };
        32 - v.leading_zeros()
    };
    match (bits(dividend), bits(divisor)) {
        (0, _) | (_, 0) => 2,
        (n, m) if n < m => 3,
        (n, m) => (5 + (n - m) / 4) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::Architecture;
    use crate::decode::Decoder;

    #[test]
    fn the_formula() {
        let decoder = Decoder::new(Architecture::V7EM, true).expect("a decoder");
        let sdiv = decoder.one(0, &[0x91, 0xFB, 0xF2, 0xF0]);
        let udiv = decoder.one(0, &[0xB1, 0xFB, 0xF2, 0xF0]);
        for (n, m, expected) in [
            (0, 5, 2),
            (5, 0, 2),
            (5, 8, 3),
            (5, 7, 5),
            (31, 3, 5),
            (32, 3, 6),
            (u32::MAX, 1, 12),
        ] {
            assert_eq!(cycles(&udiv, n, m), expected, "{n} / {m}");
        }
        assert_eq!(cycles(&sdiv, (-16i32) as u32, 16), 5);
        assert_eq!(cycles(&sdiv, i32::MIN as u32, u32::MAX), 12);
    }
}
