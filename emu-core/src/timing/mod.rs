//! Timing models: what each instruction costs, and why.
//!
//! A model is asked once for each instruction, in order: how many cycles after the first execute cycle of the
//! instruction before does this one start? What must be remembered between the two is a [`Pipe`]. Models are pure:
//! the same pipe, instruction and [`Inputs`] give the same answer, so that a block's cost for a pipe at its entry
//! is computed once and looked up from then on.
//!
//! One file for each core, the source beside each constant, and a [`Provenance`] on every cost. A new core is a new
//! file, and an entry in the list of cores (`cores.rs`).

pub mod ahead;
mod cache;
pub mod cortex_m0;
pub mod cortex_m3;
pub mod cortex_m33;
pub mod cortex_m7;
mod cost;
pub mod divide;
pub mod exceptions;
pub mod fetch;
pub mod flash;
pub mod operation;
mod pipe;
pub mod queue;

use crate::decode::{Class, Insn};
use crate::machine::CoreKind;

pub use cost::{Cost, Kind, Provenance, Spent};
pub use exceptions::ExceptionTiming;
pub use fetch::{Fetch, ZeroWait};
pub use pipe::{Last, Pipe};

/// What an instruction's cost depends on beside its encoding and the pipe.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Inputs {
    /// Its condition holds.
    pub executed: bool,
    /// More cycles from its operands' values ([`Model::operand_cycles`]).
    pub operand: u8,
    /// Bus slave that its data access goes to; 0 when that is not known to matter.
    pub slave: u8,
    /// More cycles of its data access: unaligned, wait states, what the slave adds.
    pub data: u8,
    /// Its data access goes through the single-cycle I/O port.
    pub io_port: bool,
}

impl Inputs {
    /// An instruction that executes and whose data does not matter.
    pub const PLAIN: Inputs = Inputs {
        executed: true,
        operand: 0,
        slave: 0,
        data: 0,
        io_port: false,
    };
}

/// A core's instruction timing.
pub trait Model: Send + Sync {
    /// Step over `insn`: the cycles from the first execute cycle of the instruction before it to its own. The pipe
    /// afterwards is as seen from the new instruction, all its times relative to its first execute cycle.
    fn step(&self, pipe: &mut Pipe, insn: &Insn, inputs: Inputs, fetch: &mut dyn Fetch) -> Cost;

    /// The last instruction branched: the pipe from which the instruction at the target is stepped over.
    fn branched(&self, pipe: &Pipe) -> Pipe;

    /// The cycles that the last instruction takes when nothing follows it in the pipeline (before an
    /// exception entry).
    fn drain(&self, pipe: &Pipe) -> u32;

    /// Extra cycles of a data-dependent instruction, from its operand values.
    fn operand_cycles(&self, insn: &Insn, n: u32, m: u32) -> u8;

    /// Does [`Model::operand_cycles`] depend on the operands of this class?
    fn depends_on_operands(&self, class: Class) -> bool;

    /// Can the bus slave that `insn` accesses change its cost or that of `next` (`None`: not known)? `before` is
    /// the class of the instruction before it, if known.
    fn slave_matters(&self, _before: Option<&Insn>, _insn: &Insn, _next: Option<&Insn>) -> bool {
        false
    }

    /// Can an access overlap with one of this class right before it?
    fn overlaps(&self, _class: Class) -> bool {
        false
    }

    /// Does the core have a single-cycle I/O port (an option of the chip's vendor)?
    fn has_io_port(&self) -> bool {
        false
    }

    /// More cycles of a data access of `bytes` at `address` for its alignment.
    fn unaligned_cycles(&self, _address: u32, _bytes: u8) -> u8 {
        0
    }

    /// Take over the core's parameters of the machine: `get` reads `core.NAME`. Says whether costs changed.
    fn configure(&mut self, _get: &dyn Fn(&str) -> Option<u32>) -> bool {
        false
    }

    /// Exception entry and return.
    fn exceptions(&self) -> &ExceptionTiming;
}

/// The model of a core.
#[must_use]
pub fn model(core: CoreKind) -> Box<dyn Model> {
    core.timing()
}
