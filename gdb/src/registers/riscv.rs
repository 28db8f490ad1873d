//! Registers of RV32 cores (gdb manual, "RISC-V Features"). A CSR has the number 65 + its address, as in gdb itself.
//!
//! Source of the fields: RISC-V privileged architecture 1.10, chapter 3.

use super::types::{Flags, bit, field, named};
use super::{Place, Register, Type, cycles, row};

const CPU: &str = "org.gnu.gdb.riscv.cpu";
const CSR: &str = "org.gnu.gdb.riscv.csr";
const VIRTUAL: &str = "org.gnu.gdb.riscv.virtual";

/// Number of the CSR with address 0.
const CSR0: usize = 65;
/// Behind the last CSR, as in gdb: the privilege mode.
const PRIV: usize = CSR0 + 4096;
const CYCLES: usize = PRIV + 1;

const INT: Type = Type::Plain("int");
const WORD: Type = Type::Plain("uint32");
const CODE: Type = Type::Plain("code_ptr");
const DATA: Type = Type::Plain("data_ptr");

const NAMES: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1", "a0", "a1", "a2", "a3", "a4",
    "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4",
    "t5", "t6",
];

const MSTATUS: Flags = Flags {
    id: "mstatus_type",
    fields: &[
        bit("MIE", 3),
        bit("MPIE", 7),
        named("MPP", 11, 12, &[("User", 0), ("Machine", 3)]),
    ],
};

const MIE: Flags = Flags {
    id: "mie_type",
    fields: &[bit("MSIE", 3), bit("MTIE", 7), bit("MEIE", 11)],
};

const MIP: Flags = Flags {
    id: "mip_type",
    fields: &[bit("MSIP", 3), bit("MTIP", 7), bit("MEIP", 11)],
};

const MCAUSE: Flags = Flags {
    id: "mcause_type",
    fields: &[bit("Interrupt", 31), field("Code", 0, 30)],
};

/// Control and status registers that a core may have. Views of the counters for user mode show nothing new, and
/// counters of events that nobody counts show nothing.
const CSRS: &[(u16, &str, Type)] = &[
    (0x300, "mstatus", Type::Flags(&MSTATUS)),
    (0x301, "misa", WORD),
    (0x304, "mie", Type::Flags(&MIE)),
    (0x305, "mtvec", WORD),
    (0x306, "mcounteren", WORD),
    (0x340, "mscratch", WORD),
    (0x341, "mepc", CODE),
    (0x342, "mcause", Type::Flags(&MCAUSE)),
    (0x343, "mtval", WORD),
    (0x344, "mip", Type::Flags(&MIP)),
    (0xB00, "mcycle", WORD),
    (0xB02, "minstret", WORD),
    (0xB80, "mcycleh", WORD),
    (0xB82, "minstreth", WORD),
    (0xF11, "mvendorid", WORD),
    (0xF12, "marchid", WORD),
    (0xF13, "mimpid", WORD),
    (0xF14, "mhartid", WORD),
];

/// The registers of a core that has these CSRs.
pub fn rows(has: impl Fn(u16) -> bool) -> Vec<Register> {
    let integer = (0u8..).zip(NAMES).map(|(n, name)| {
        let kind = match name {
            "ra" => CODE,
            "sp" | "gp" | "tp" | "fp" => DATA,
            _ => INT,
        };
        row(usize::from(n), name, CPU, kind, Place::X(n))
    });
    let csr = |number: u16, name: String, kind| Register {
        general: false,
        ..row(
            CSR0 + usize::from(number),
            name,
            CSR,
            kind,
            Place::Csr(number),
        )
    };
    let privilege = Register {
        general: false,
        saved: false,
        ..row(PRIV, "priv", VIRTUAL, INT, Place::Privilege)
    };
    let protection = (0..4)
        .map(|n| (0x3A0 + n, format!("pmpcfg{n}"), WORD))
        .chain((0..16).map(|n| (0x3B0 + n, format!("pmpaddr{n}"), DATA)));
    let csrs = CSRS
        .iter()
        .map(|&(number, name, kind)| (number, name.to_owned(), kind))
        .chain(protection)
        .filter(|c| has(c.0))
        .map(|(number, name, kind)| csr(number, name, kind));
    integer
        .chain([row(32, "pc", CPU, CODE, Place::Pc)])
        .chain(csrs)
        .chain([privilege, cycles(CYCLES)])
        .collect()
}
