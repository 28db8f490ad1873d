//! A decoded Thumb instruction: what the timing models and the core loop need to know about it.

use serde::{Deserialize, Serialize};

/// A set of R0 to R15, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct RegisterSet(pub u16);

impl RegisterSet {
    /// No register.
    pub const NONE: RegisterSet = RegisterSet(0);

    /// One register.
    #[must_use]
    pub fn one(n: u32) -> RegisterSet {
        RegisterSet(1 << (n & 15))
    }

    /// Both sets together.
    #[must_use]
    pub fn with(self, other: RegisterSet) -> RegisterSet {
        RegisterSet(self.0 | other.0)
    }

    /// Those not in the other set.
    #[must_use]
    pub fn without(self, other: RegisterSet) -> RegisterSet {
        RegisterSet(self.0 & !other.0)
    }

    /// Do the sets share a register?
    #[must_use]
    pub fn meets(self, other: RegisterSet) -> bool {
        self.0 & other.0 != 0
    }

    /// How many registers.
    #[must_use]
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// No register?
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The registers, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..16).filter(move |n| self.0 >> n & 1 != 0)
    }
}

/// Instruction classes, as the timing tables of the TRMs group them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Class {
    /// Data processing, shifts, extends, bit fields, saturation.
    Alu,
    /// NOP and hints that do nothing.
    Nop,
    /// LDR, LDRH, LDRB and signed forms, LDREX.
    Load,
    /// STR, STRH, STRB.
    Store,
    /// STREX.
    StoreExclusive,
    /// LDM, POP without PC.
    LoadMultiple,
    /// STM, PUSH.
    StoreMultiple,
    /// LDRD.
    LoadDual,
    /// STRD.
    StoreDual,
    /// B.
    Branch,
    /// B with a condition.
    BranchConditional,
    /// BL.
    BranchLink,
    /// BX, BLX with a register.
    BranchRegister,
    /// LDR to PC.
    LoadPc,
    /// POP or LDM with PC.
    LoadMultiplePc,
    /// TBB, TBH.
    TableBranch,
    /// MOV or ADD to PC.
    MovePc,
    /// CBZ, CBNZ.
    CompareBranch,
    /// MUL and the other multiplies with a 32-bit result and no accumulator.
    Multiply,
    /// MLA, MLS and the other multiplies with accumulator.
    MultiplyAccumulate,
    /// SMULL, UMULL.
    MultiplyLong,
    /// SMLAL, UMLAL, UMAAL.
    MultiplyAccumulateLong,
    /// SDIV, UDIV.
    Divide,
    /// IT.
    It,
    /// MRS.
    Mrs,
    /// MSR.
    Msr,
    /// CPS.
    Cps,
    /// DMB, DSB, ISB.
    Barrier,
    /// SVC.
    Svc,
    /// BKPT.
    Bkpt,
    /// WFI.
    Wfi,
    /// WFE.
    Wfe,
    /// SEV.
    Sev,
    /// YIELD.
    Yield,
    /// FP add, subtract, multiply, convert, compare, move.
    FpAlu,
    /// VMLA, VFMA and relatives.
    FpMultiplyAccumulate,
    /// VDIV, VSQRT.
    FpDivide,
    /// VLDR.
    FpLoad,
    /// VSTR.
    FpStore,
    /// VLDM, VPOP.
    FpLoadMultiple,
    /// VSTM, VPUSH.
    FpStoreMultiple,
    /// VMOV, VMRS, VMSR with one core register.
    FpMoveCore,
    /// VMOV with two core registers.
    FpMoveCore2,
    /// No instruction that this core knows.
    Undefined,
}

impl Class {
    /// Is it a floating-point instruction?
    #[must_use]
    pub fn is_fp(self) -> bool {
        matches!(
            self,
            Class::FpAlu
                | Class::FpMultiplyAccumulate
                | Class::FpDivide
                | Class::FpLoad
                | Class::FpStore
                | Class::FpLoadMultiple
                | Class::FpStoreMultiple
                | Class::FpMoveCore
                | Class::FpMoveCore2
        )
    }

    /// Does it always leave the sequence when it executes?
    #[must_use]
    pub fn always_branches(self) -> bool {
        matches!(
            self,
            Class::Branch
                | Class::BranchLink
                | Class::BranchRegister
                | Class::LoadPc
                | Class::LoadMultiplePc
                | Class::TableBranch
                | Class::MovePc
        )
    }
}

/// How a load or store makes its address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Addressing {
    /// Base register; 15 for literals (address is aligned PC + 4 + displacement).
    pub base: u8,
    /// Index register and its left shift.
    pub index: Option<(u8, u8)>,
    /// Displacement in bytes, applied before the access (zero for post-indexed forms).
    pub displacement: i32,
    /// The base is written back.
    pub writeback: bool,
    /// Bytes of one element: 1, 2 or 4.
    pub width: u8,
}

/// One instruction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Insn {
    /// Its address.
    pub address: u32,
    /// The encoding: one halfword, or two with the first in the high half.
    pub raw: u32,
    /// 2 or 4 bytes.
    pub size: u8,
    /// Its class.
    pub class: Class,
    /// Condition from an IT block; 14 is always.
    pub condition: u8,
    /// Core registers it reads as data.
    pub reads: RegisterSet,
    /// Core registers it writes (write-back included).
    pub writes: RegisterSet,
    /// Core registers it reads for an address.
    pub address_reads: RegisterSet,
    /// Registers moved by multiple transfers, or words for FP ones; else 1.
    pub count: u8,
    /// Address computation of loads and stores.
    pub addressing: Option<Addressing>,
    /// May change N, Z, C or V.
    pub sets_flags: bool,
    /// Target of a direct branch.
    pub target: Option<u32>,
    /// S registers that it reads and writes.
    pub fp_reads: u32,
    /// S registers that it writes.
    pub fp_writes: u32,
}

impl Insn {
    /// Address of the instruction behind it.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.address.wrapping_add(u32::from(self.size))
    }

    /// Is it a 32-bit encoding?
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.size == 4
    }

    /// Is it under an IT condition that can fail?
    #[must_use]
    pub fn is_predicated(&self) -> bool {
        self.condition < 14
    }

    /// The registers of a multiple transfer.
    #[must_use]
    pub fn register_list(&self) -> RegisterSet {
        let low = RegisterSet((self.raw & 0xFF) as u16);
        match (self.size, self.raw >> 9) {
            (2, 0b101_1010) => low.with(RegisterSet(((self.raw >> 8 & 1) << 14) as u16)),
            (2, 0b101_1110) => low.with(RegisterSet(((self.raw >> 8 & 1) << 15) as u16)),
            (2, _) => low,
            _ => RegisterSet(self.raw as u16),
        }
    }
}

/// ITSTATE after one more instruction (ARMv7-M ARM A7.3.2 `ITAdvance`).
#[must_use]
pub fn it_advance(it: u8) -> u8 {
    if it & 7 == 0 {
        0
    } else {
        (it & 0xE0) | ((it << 1) & 0x1F)
    }
}

/// The condition that ITSTATE puts on the next instruction.
#[must_use]
pub fn it_condition(it: u8) -> u8 {
    if it & 0xF == 0 { 14 } else { it >> 4 }
}
