//! RV32IMAC with Zicsr and Zifencei: what an instruction is, reads and writes, as far as timing and exact stops
//! need it.
//!
//! Source: RISC-V unprivileged ISA, instruction listings; privileged architecture for the SYSTEM opcode.

use super::compressed::expand;

/// Instruction classes, as the timing tables of the vendors' manuals group them.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub enum Class {
    /// Integer computation, LUI, AUIPC.
    Alu,
    /// LW.
    Load,
    /// LH, LHU, LB, LBU.
    LoadSmall,
    /// SW, SH, SB.
    Store,
    /// BEQ and its relatives.
    Branch,
    /// JAL.
    Jump,
    /// JALR.
    JumpRegister,
    /// MUL, MULH, MULHU, MULHSU.
    Multiply,
    /// DIV, DIVU, REM, REMU.
    Divide,
    /// LR.
    LoadReserved,
    /// SC.
    StoreConditional,
    /// AMO.
    Atomic,
    /// FENCE.
    Fence,
    /// FENCE.I.
    FenceI,
    /// A CSR instruction that does not write.
    CsrRead,
    /// A CSR instruction that writes.
    CsrWrite,
    /// ECALL.
    Ecall,
    /// EBREAK.
    Ebreak,
    /// MRET.
    Mret,
    /// WFI.
    Wfi,
    /// No instruction that this core knows.
    Illegal,
}

impl Class {
    /// All classes.
    pub const ALL: [Class; 21] = [
        Class::Alu,
        Class::Load,
        Class::LoadSmall,
        Class::Store,
        Class::Branch,
        Class::Jump,
        Class::JumpRegister,
        Class::Multiply,
        Class::Divide,
        Class::LoadReserved,
        Class::StoreConditional,
        Class::Atomic,
        Class::Fence,
        Class::FenceI,
        Class::CsrRead,
        Class::CsrWrite,
        Class::Ecall,
        Class::Ebreak,
        Class::Mret,
        Class::Wfi,
        Class::Illegal,
    ];

    /// May it leave the sequence (other than by a trap or MRET)?
    #[must_use]
    pub fn transfers(self) -> bool {
        matches!(self, Class::Branch | Class::Jump | Class::JumpRegister)
    }

    /// When it takes more than one cycle, is that because the pipeline is filled anew behind it?
    #[must_use]
    pub fn flushes(self) -> bool {
        matches!(self, Class::CsrWrite | Class::FenceI | Class::Mret)
    }
}

/// One instruction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Insn {
    /// Its address.
    pub address: u32,
    /// The encoding as it is in memory; 16-bit ones have zeros above.
    pub encoding: u32,
    /// The 32-bit instruction that it is or stands for.
    pub raw: u32,
    /// 2 or 4 bytes.
    pub size: u8,
    /// Its class.
    pub class: Class,
    /// Destination; 0 when there is none.
    pub rd: u8,
    /// First source; 0 when there is none.
    pub rs1: u8,
    /// Second source; 0 when there is none.
    pub rs2: u8,
    /// Immediate: of computations, the offset of loads, stores, branches and jumps.
    pub imm: u32,
    /// Bytes of a memory access; 0 when there is none.
    pub width: u8,
}

impl Insn {
    /// Address of the instruction behind it.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.address.wrapping_add(u32::from(self.size))
    }

    /// The function field, bits 14:12.
    #[must_use]
    pub fn funct3(&self) -> u32 {
        self.raw >> 12 & 7
    }

    /// Number of the CSR of a CSR instruction.
    #[must_use]
    pub fn csr(&self) -> u16 {
        (self.raw >> 20) as u16
    }

    /// Target of a direct branch or jump.
    #[must_use]
    pub fn target(&self) -> Option<u32> {
        matches!(self.class, Class::Branch | Class::Jump)
            .then(|| self.address.wrapping_add(self.imm))
    }

    /// JAL or JALR that stores its return address in x1 or x5 (unprivileged ISA, JALR: RAS hints).
    #[must_use]
    pub fn is_call(&self) -> bool {
        matches!(self.class, Class::Jump | Class::JumpRegister) && matches!(self.rd, 1 | 5)
    }

    /// JALR by x1 or x5 that stores no return address.
    #[must_use]
    pub fn is_return(&self) -> bool {
        self.class == Class::JumpRegister && matches!(self.rs1, 1 | 5) && !matches!(self.rd, 1 | 5)
    }

    /// A division by signed operands.
    #[must_use]
    pub fn is_signed_divide(&self) -> bool {
        self.class == Class::Divide && self.funct3() & 1 == 0
    }
}

fn sign(value: u32, bits: u32) -> u32 {
    ((value << (32 - bits)) as i32 >> (32 - bits)) as u32
}

/// Is the instruction that begins with this halfword 16 bits long?
#[must_use]
pub fn is_compressed(first: u16) -> bool {
    first & 3 != 3
}

/// The instruction at the start of `code`. Missing bytes make it illegal.
#[must_use]
pub fn one(address: u32, code: &[u8]) -> Insn {
    let half =
        |i: usize| -> Option<u16> { Some(u16::from_le_bytes([*code.get(i)?, *code.get(i + 1)?])) };
    let first = half(0).unwrap_or(0);
    let illegal = |encoding: u32, size: u8| Insn {
        address,
        encoding,
        raw: 0,
        size,
        class: Class::Illegal,
        rd: 0,
        rs1: 0,
        rs2: 0,
        imm: 0,
        width: 0,
    };
    if is_compressed(first) {
        return match expand(first) {
            Some(raw) => {
                let mut insn = decode(address, raw);
                insn.size = 2;
                insn.encoding = first.into();
                insn
            }
            None => illegal(first.into(), 2),
        };
    }
    match half(2) {
        Some(second) => decode(address, u32::from(second) << 16 | u32::from(first)),
        None => illegal(first.into(), 4),
    }
}

/// All instructions of a run of code.
#[must_use]
pub fn run(address: u32, code: &[u8]) -> Vec<Insn> {
    let mut list = Vec::new();
    let mut at = 0;
    while at + 2 <= code.len() {
        let insn = one(address.wrapping_add(at as u32), &code[at..]);
        at += usize::from(insn.size);
        list.push(insn);
    }
    list
}

fn decode(address: u32, raw: u32) -> Insn {
    let (rd, rs1, rs2) = (
        (raw >> 7 & 31) as u8,
        (raw >> 15 & 31) as u8,
        (raw >> 20 & 31) as u8,
    );
    let (funct3, funct7) = (raw >> 12 & 7, raw >> 25);
    let imm_i = sign(raw >> 20, 12);
    let mut insn = Insn {
        address,
        encoding: raw,
        raw,
        size: 4,
        class: Class::Illegal,
        rd: 0,
        rs1: 0,
        rs2: 0,
        imm: 0,
        width: 0,
    };
    let set = |insn: &mut Insn, class, rd, rs1, rs2, imm| {
        (insn.class, insn.rd, insn.rs1, insn.rs2, insn.imm) = (class, rd, rs1, rs2, imm);
    };
    match raw & 0x7F {
        0x37 => set(&mut insn, Class::Alu, rd, 0, 0, raw & 0xFFFF_F000),
        0x17 => set(&mut insn, Class::Alu, rd, 0, 0, raw & 0xFFFF_F000),
        0x6F => {
            let offset = (raw >> 31) << 20
                | (raw >> 12 & 0xFF) << 12
                | (raw >> 20 & 1) << 11
                | (raw >> 21 & 0x3FF) << 1;
            set(&mut insn, Class::Jump, rd, 0, 0, sign(offset, 21));
        }
        0x67 if funct3 == 0 => set(&mut insn, Class::JumpRegister, rd, rs1, 0, imm_i),
        0x63 if !matches!(funct3, 2 | 3) => {
            let offset = (raw >> 31) << 12
                | (raw >> 7 & 1) << 11
                | (raw >> 25 & 0x3F) << 5
                | (raw >> 8 & 0xF) << 1;
            set(&mut insn, Class::Branch, 0, rs1, rs2, sign(offset, 13));
        }
        0x03 if matches!(funct3, 0 | 1 | 2 | 4 | 5) => {
            let class = if funct3 == 2 {
                Class::Load
            } else {
                Class::LoadSmall
            };
            set(&mut insn, class, rd, rs1, 0, imm_i);
            insn.width = 1 << (funct3 & 3);
        }
        0x23 if funct3 < 3 => {
            let imm = sign(funct7 << 5 | raw >> 7 & 31, 12);
            set(&mut insn, Class::Store, 0, rs1, rs2, imm);
            insn.width = 1 << funct3;
        }
        0x13 => {
            let legal = match funct3 {
                1 => funct7 == 0,
                5 => matches!(funct7, 0 | 0x20),
                _ => true,
            };
            if legal {
                set(&mut insn, Class::Alu, rd, rs1, 0, imm_i);
            }
        }
        0x33 => match funct7 {
            0 => set(&mut insn, Class::Alu, rd, rs1, rs2, 0),
            0x20 if matches!(funct3, 0 | 5) => set(&mut insn, Class::Alu, rd, rs1, rs2, 0),
            1 if funct3 < 4 => set(&mut insn, Class::Multiply, rd, rs1, rs2, 0),
            1 => set(&mut insn, Class::Divide, rd, rs1, rs2, 0),
            _ => {}
        },
        0x2F if funct3 == 2 => {
            let class = match raw >> 27 {
                0x02 if rs2 == 0 => Class::LoadReserved,
                0x03 => Class::StoreConditional,
                0x00 | 0x01 | 0x04 | 0x08 | 0x0C | 0x10 | 0x14 | 0x18 | 0x1C => Class::Atomic,
                _ => Class::Illegal,
            };
            if class != Class::Illegal {
                set(&mut insn, class, rd, rs1, rs2, 0);
                insn.width = 4;
            }
        }
        0x0F if funct3 == 0 => insn.class = Class::Fence,
        0x0F if funct3 == 1 => insn.class = Class::FenceI,
        0x73 => system(&mut insn, funct3, rd, rs1),
        _ => {}
    }
    insn
}

fn system(insn: &mut Insn, funct3: u32, rd: u8, rs1: u8) {
    match funct3 {
        0 => {
            insn.class = match insn.raw {
                0x0000_0073 => Class::Ecall,
                0x0010_0073 => Class::Ebreak,
                0x3020_0073 => Class::Mret,
                0x1050_0073 => Class::Wfi,
                _ => Class::Illegal,
            };
        }
        4 => {}
        _ => {
            // CSRRW always writes; the others not with x0 or zero (privileged architecture, Zicsr).
            insn.class = if funct3 & 3 == 1 || rs1 != 0 {
                Class::CsrWrite
            } else {
                Class::CsrRead
            };
            insn.rd = rd;
            if funct3 < 4 {
                insn.rs1 = rs1;
            } else {
                insn.imm = rs1.into();
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use capstone::prelude::*;

    /// The mnemonics that Capstone may give to a class.
    fn fits(class: Class, mnemonic: &str) -> bool {
        let m = mnemonic.strip_prefix("c.").unwrap_or(mnemonic);
        let base = m.split('.').next().unwrap_or(m);
        match class {
            Class::Load => matches!(m, "lw" | "lwsp"),
            Class::LoadSmall => matches!(m, "lh" | "lhu" | "lb" | "lbu"),
            Class::Store => matches!(m, "sw" | "sh" | "sb" | "swsp"),
            Class::Branch => m.starts_with('b'),
            Class::Jump => matches!(m, "j" | "jal"),
            Class::JumpRegister => matches!(m, "jr" | "jalr" | "ret"),
            Class::Multiply => m.starts_with("mul"),
            Class::Divide => m.starts_with("div") || m.starts_with("rem"),
            Class::LoadReserved => base == "lr",
            Class::StoreConditional => base == "sc",
            Class::Atomic => base.starts_with("amo"),
            Class::Fence => base == "fence",
            Class::FenceI => m == "fence.i",
            Class::CsrRead | Class::CsrWrite => {
                m.starts_with("csr")
                    || m.starts_with("rd")
                    || m.starts_with("fr")
                    || m.starts_with("fs")
            }
            Class::Ecall => m == "ecall",
            Class::Ebreak => m == "ebreak",
            Class::Mret => m == "mret",
            Class::Wfi => m == "wfi",
            Class::Alu => {
                matches!(
                    m,
                    "lui"
                        | "auipc"
                        | "addi"
                        | "slti"
                        | "sltiu"
                        | "xori"
                        | "ori"
                        | "andi"
                        | "slli"
                        | "srli"
                        | "srai"
                        | "add"
                        | "sub"
                        | "sll"
                        | "slt"
                        | "sltu"
                        | "xor"
                        | "srl"
                        | "sra"
                        | "or"
                        | "and"
                        | "nop"
                        | "mv"
                        | "li"
                        | "not"
                        | "neg"
                        | "seqz"
                        | "snez"
                        | "sltz"
                        | "sgtz"
                        | "addi4spn"
                        | "addi16sp"
                )
            }
            Class::Illegal => false,
        }
    }

    /// Every halfword and a million words: the class is what Capstone says, or Capstone knows no such
    /// instruction.
    #[test]
    fn agrees_with_capstone() {
        let cs = Capstone::new()
            .riscv()
            .mode(arch::riscv::ArchMode::RiscV32)
            .extra_mode([arch::riscv::ArchExtraMode::RiscVC].into_iter())
            .build()
            .unwrap();
        let mut seen = 0;
        let mut compare = |bytes: &[u8]| {
            let insn = one(0x1000, bytes);
            let text = cs.disasm_count(bytes, 0x1000, 1).unwrap();
            let Some(other) = text.iter().next() else {
                // What Capstone 5 leaves out is asserted below.
                return;
            };
            let mnemonic = other.mnemonic().unwrap_or_default();
            if insn.class == Class::Illegal {
                // Of extensions, supervisor mode and hints that this decoder does not have.
                return;
            }
            assert_eq!(
                usize::from(insn.size),
                other.len(),
                "{bytes:02x?} {mnemonic}"
            );
            assert!(
                fits(insn.class, mnemonic),
                "{bytes:02x?}: {:?} and {mnemonic} {}",
                insn.class,
                other.op_str().unwrap_or_default()
            );
            seen += 1;
        };
        for h in 0..=u16::MAX {
            if is_compressed(h) {
                compare(&h.to_le_bytes());
            }
        }
        let mut x = 0x2545_F491u32;
        for _ in 0..1_000_000 {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            compare(&(x | 3).to_le_bytes());
        }
        assert!(seen > 200_000, "{seen}");
    }

    #[test]
    fn fields_of_compressed_instructions() {
        // c.lw a5, 20(a4); c.swsp s0, 8(sp); c.addi16sp sp, -32; c.beqz a0, -4; c.j +0x20
        let lw = one(0, &[0x5C, 0x4B]);
        assert_eq!((lw.class, lw.rd, lw.rs1, lw.imm), (Class::Load, 15, 14, 20));
        let sw = one(0, &[0x22, 0xC4]);
        assert_eq!((sw.class, sw.rs2, sw.rs1, sw.imm), (Class::Store, 8, 2, 8));
        let sp = one(0, &[0x01, 0x11]);
        assert_eq!((sp.class, sp.rd, sp.imm as i32), (Class::Alu, 2, -32));
        let b = one(0x100, &[0x75, 0xDD]);
        assert_eq!(
            (b.class, b.rs1, b.target()),
            (Class::Branch, 10, Some(0xFC))
        );
        let j = one(0x100, &[0x05, 0xA0]);
        assert_eq!((j.class, j.rd, j.target()), (Class::Jump, 0, Some(0x120)));
        assert_eq!(
            one(0, &[0, 0]).class,
            Class::Illegal,
            "the defined illegal one"
        );
        assert!(one(0, &[0x82, 0x80]).is_return());
    }

    #[test]
    fn csr_instructions_that_only_read() {
        let class = |raw: u32| one(0, &raw.to_le_bytes()).class;
        assert_eq!(class(0xB000_2573), Class::CsrRead, "csrr a0, mcycle");
        assert_eq!(class(0x3000_1073), Class::CsrWrite, "csrw mstatus, x0");
        assert_eq!(class(0x3004_6073), Class::CsrWrite, "csrsi mstatus, 8");
        assert_eq!(class(0x3000_7073), Class::CsrRead, "csrci mstatus, 0");
    }
}
