//! Timing models: what each instruction costs, and why.
//!
//! A model gives each instruction the cycle of its first execute stage, relative to the instruction before.
//! What must be remembered between two instructions is a [`Pipe`]; a block's cost is a function of its
//! instructions and the pipe at its entry, and is computed once for each pair.
//!
//! One file for each core, the source beside each constant, and a [`Provenance`] on every cost.

pub mod cortex_m0;
pub mod cortex_m3;
pub mod cortex_m7;
pub mod exceptions;
pub mod flash;

use crate::decode::{Class, Insn, RegisterSet};
use crate::machine::CoreKind;

pub use exceptions::ExceptionTiming;

/// How well a cost is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Provenance {
    /// Documented by the vendor or ARM, and unambiguous.
    Exact,
    /// A published measurement on silicon.
    Measured,
    /// Engineering judgement, or a documented range.
    Estimate,
}

/// What the pipeline remembers of the instruction before: enough to cost the next one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pipe {
    /// Class of the last instruction; `None` right after a refill whose cost is already settled.
    pub last: Option<Class>,
    /// Registers that it wrote (loads: only the destination).
    pub writes: RegisterSet,
    /// Registers transferred by it.
    pub count: u8,
    /// It made its address with a register offset.
    pub register_offset: bool,
    /// It wrote its base back.
    pub writeback: bool,
    /// It executed (its condition held).
    pub executed: bool,
    /// 32-bit encoding.
    pub wide: bool,
    /// A register branch whose register was written by the instruction before it.
    pub late_target: bool,
    /// FP registers whose result is one instruction late.
    pub fp_late: u32,
}

impl Pipe {
    /// After reset, an exception entry or return: the next instruction's time is already known.
    pub const SETTLED: Pipe = Pipe {
        last: None,
        writes: RegisterSet::NONE,
        count: 1,
        register_offset: false,
        writeback: false,
        executed: true,
        wide: false,
        late_target: false,
        fp_late: 0,
    };

    /// The state that an instruction leaves, before a model adds what is its own.
    #[must_use]
    pub fn after(before: &Pipe, insn: &Insn, executed: bool) -> Pipe {
        Pipe {
            last: Some(insn.class),
            writes: if executed {
                insn.writes
            } else {
                RegisterSet::NONE
            },
            count: insn.count,
            register_offset: insn.addressing.is_some_and(|a| a.index.is_some()),
            writeback: insn.addressing.is_some_and(|a| a.writeback),
            executed,
            wide: insn.is_wide(),
            late_target: insn.class == Class::BranchRegister && before.writes.meets(insn.reads),
            fp_late: if executed && matches!(insn.class, Class::FpAlu | Class::FpMultiplyAccumulate)
            {
                insn.fp_writes
            } else {
                0
            },
        }
    }
}

/// A cost in cycles with where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Core cycles.
    pub cycles: u32,
    /// How well it is known.
    pub provenance: Provenance,
    /// Why, in a few words.
    pub reason: &'static str,
}

impl Cost {
    const fn exact(cycles: u32, reason: &'static str) -> Cost {
        Cost {
            cycles,
            provenance: Provenance::Exact,
            reason,
        }
    }
    const fn measured(cycles: u32, reason: &'static str) -> Cost {
        Cost {
            cycles,
            provenance: Provenance::Measured,
            reason,
        }
    }
    const fn estimate(cycles: u32, reason: &'static str) -> Cost {
        Cost {
            cycles,
            provenance: Provenance::Estimate,
            reason,
        }
    }
}

/// A core's instruction timing.
pub trait Model: Send + Sync {
    /// The cycles from the last instruction's first execute cycle to that of `insn`. `taken` says that
    /// the last instruction branched here. Depends on the last instruction's cost, of course: it is due here.
    fn enter(&self, pipe: &Pipe, insn: &Insn, taken: bool) -> Cost;

    /// The cycles that the last instruction takes when nothing follows it in the pipeline (before an
    /// exception entry).
    fn drain(&self, pipe: &Pipe) -> u32;

    /// Extra cycles of a data-dependent instruction, from its operand values.
    fn operand_cycles(&self, insn: &Insn, n: u32, m: u32) -> u32;

    /// Does [`Model::operand_cycles`] depend on the operands of this class?
    fn depends_on_operands(&self, class: Class) -> bool;

    /// Exception entry and return.
    fn exceptions(&self) -> &ExceptionTiming;
}

/// The model of a core.
#[must_use]
pub fn model(core: CoreKind) -> Box<dyn Model> {
    match core {
        CoreKind::CortexM0 => Box::new(cortex_m0::CortexM0::M0),
        CoreKind::CortexM0plus => Box::new(cortex_m0::CortexM0::M0PLUS),
        CoreKind::CortexM3 => Box::new(cortex_m3::CortexM3::M3),
        CoreKind::CortexM4 | CoreKind::CortexM4f => Box::new(cortex_m3::CortexM3::M4),
        CoreKind::CortexM7 => Box::new(cortex_m7::CortexM7),
        CoreKind::E31 | CoreKind::Bumblebee | CoreKind::Rv32 => {
            unreachable!("{core:?} has its model in riscv::timing")
        }
    }
}
