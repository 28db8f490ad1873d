//! The C extension on RV32 without F and D: each 16-bit instruction as the 32-bit one that it stands for.
//!
//! Source: RISC-V unprivileged ISA, chapter "C", tables of the three quadrants.

/// Bits `hi..=lo` of a halfword, moved down.
const fn field(h: u32, hi: u32, lo: u32) -> u32 {
    h >> lo & ((1 << (hi - lo + 1)) - 1)
}

const fn sign(value: u32, bits: u32) -> u32 {
    ((value << (32 - bits)) as i32 >> (32 - bits)) as u32
}

fn r_type(funct7: u32, rs2: u32, rs1: u32, funct3: u32, rd: u32, op: u32) -> u32 {
    funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | op
}

fn i_type(imm: u32, rs1: u32, funct3: u32, rd: u32, op: u32) -> u32 {
    imm << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | op
}

fn s_type(imm: u32, rs2: u32, rs1: u32, funct3: u32) -> u32 {
    (imm >> 5 & 0x7F) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 0x1F) << 7 | 0x23
}

fn jal(offset: u32, rd: u32) -> u32 {
    (offset >> 20 & 1) << 31
        | (offset >> 1 & 0x3FF) << 21
        | (offset >> 11 & 1) << 20
        | (offset >> 12 & 0xFF) << 12
        | rd << 7
        | 0x6F
}

fn branch(offset: u32, rs1: u32, funct3: u32) -> u32 {
    (offset >> 12 & 1) << 31
        | (offset >> 5 & 0x3F) << 25
        | rs1 << 15
        | funct3 << 12
        | (offset >> 1 & 0xF) << 8
        | (offset >> 11 & 1) << 7
        | 0x63
}

/// The 32-bit instruction that a 16-bit one stands for; `None` when it is illegal.
#[must_use]
pub fn expand(half: u16) -> Option<u32> {
    let h = u32::from(half);
    let (rd, rs2) = (field(h, 11, 7), field(h, 6, 2));
    // The three-bit fields name x8 to x15.
    let (low, high) = (8 + field(h, 4, 2), 8 + field(h, 9, 7));
    let imm6 = sign(field(h, 12, 12) << 5 | rs2, 6);
    let word_offset = field(h, 5, 5) << 6 | field(h, 12, 10) << 3 | field(h, 6, 6) << 2;
    Some(match (h & 3, h >> 13) {
        (0, 0) => {
            let imm = field(h, 10, 7) << 6
                | field(h, 12, 11) << 4
                | field(h, 5, 5) << 3
                | field(h, 6, 6) << 2;
            if imm == 0 {
                return None;
            }
            i_type(imm, 2, 0, low, 0x13) // C.ADDI4SPN
        }
        (0, 2) => i_type(word_offset, high, 2, low, 0x03), // C.LW
        (0, 6) => s_type(word_offset, low, high, 2),       // C.SW
        (1, 0) => i_type(imm6, rd, 0, rd, 0x13),           // C.NOP, C.ADDI
        (1, n @ (1 | 5)) => {
            let offset = field(h, 12, 12) << 11
                | field(h, 8, 8) << 10
                | field(h, 10, 9) << 8
                | field(h, 6, 6) << 7
                | field(h, 7, 7) << 6
                | field(h, 2, 2) << 5
                | field(h, 11, 11) << 4
                | field(h, 5, 3) << 1;
            jal(sign(offset, 12), u32::from(n == 1)) // C.JAL, C.J
        }
        (1, 2) => i_type(imm6, 0, 0, rd, 0x13), // C.LI
        (1, 3) if rd == 2 => {
            let imm = field(h, 12, 12) << 9
                | field(h, 4, 3) << 7
                | field(h, 5, 5) << 6
                | field(h, 2, 2) << 5
                | field(h, 6, 6) << 4;
            if imm == 0 {
                return None;
            }
            i_type(sign(imm, 10), 2, 0, 2, 0x13) // C.ADDI16SP
        }
        (1, 3) if imm6 != 0 => imm6 << 12 | rd << 7 | 0x37, // C.LUI
        (1, 4) => {
            let shift = field(h, 12, 12) == 0;
            match (field(h, 11, 10), field(h, 12, 12), field(h, 6, 5)) {
                (0, ..) if shift => i_type(rs2, high, 5, high, 0x13), // C.SRLI
                (1, ..) if shift => i_type(0x400 | rs2, high, 5, high, 0x13), // C.SRAI
                (2, ..) => i_type(imm6, high, 7, high, 0x13),         // C.ANDI
                (3, 0, 0) => r_type(0x20, low, high, 0, high, 0x33),  // C.SUB
                (3, 0, 1) => r_type(0, low, high, 4, high, 0x33),     // C.XOR
                (3, 0, 2) => r_type(0, low, high, 6, high, 0x33),     // C.OR
                (3, 0, 3) => r_type(0, low, high, 7, high, 0x33),     // C.AND
                _ => return None,
            }
        }
        (1, n @ (6 | 7)) => {
            let offset = field(h, 12, 12) << 8
                | field(h, 6, 5) << 6
                | field(h, 2, 2) << 5
                | field(h, 11, 10) << 3
                | field(h, 4, 3) << 1;
            branch(sign(offset, 9), high, n & 1) // C.BEQZ, C.BNEZ
        }
        (2, 0) if field(h, 12, 12) == 0 => i_type(rs2, rd, 1, rd, 0x13), // C.SLLI
        (2, 2) if rd != 0 => {
            let imm = field(h, 3, 2) << 6 | field(h, 12, 12) << 5 | field(h, 6, 4) << 2;
            i_type(imm, 2, 2, rd, 0x03) // C.LWSP
        }
        (2, 4) => match (field(h, 12, 12), rd, rs2) {
            (0, 0, 0) => return None,
            (0, _, 0) => i_type(0, rd, 0, 0, 0x67),    // C.JR
            (0, ..) => r_type(0, rs2, 0, 0, rd, 0x33), // C.MV
            (_, 0, 0) => 0x0010_0073,                  // C.EBREAK
            (_, _, 0) => i_type(0, rd, 0, 1, 0x67),    // C.JALR
            _ => r_type(0, rs2, rd, 0, rd, 0x33),      // C.ADD
        },
        (2, 6) => {
            let imm = field(h, 8, 7) << 6 | field(h, 12, 9) << 2;
            s_type(imm, rs2, 2, 2) // C.SWSP
        }
        _ => return None,
    })
}
