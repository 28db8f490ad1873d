//! Where the cycles of a run went: by instruction, by exception, by call path.
//!
//! The cycles from an instruction's first execute cycle to that of the next one belong to the instruction: a load's
//! stall or a branch's refill shows at the load or branch. Cycles of exception entry and return belong to the
//! exception; those that an interrupted instruction still takes are part of the entry. All parts add up to the
//! cycles of the run.

mod calls;
mod functions;
pub(crate) mod profiler;

pub use calls::{CallTree, Node, Origin};
pub(crate) use calls::{Stack, Transfer};
pub use functions::Functions;

use std::collections::BTreeMap;

/// Cycles and how often.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Core cycles.
    pub cycles: u64,
    /// How often it was executed or entered.
    pub times: u64,
}

/// A profile: see [`crate::machine::Machine::profile`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// All cycles since profiling began, of which the others are parts.
    pub cycles: u64,
    /// Each instruction that was executed, by address.
    pub instructions: BTreeMap<u32, Counts>,
    /// Entry and return of each exception, by number; `times` counts entries.
    pub exceptions: BTreeMap<u16, Counts>,
    /// Asleep.
    pub sleep: u64,
    /// Before the first instruction, and in resets.
    pub other: u64,
    /// The same cycles but for `sleep` and `other`, by call path.
    pub calls: CallTree,
}

impl Profile {
    /// The cycles of all parts: `cycles`, unless cycles were lost.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let of = |c: &Counts| c.cycles;
        self.instructions.values().map(of).sum::<u64>()
            + self.exceptions.values().map(of).sum::<u64>()
            + self.sleep
            + self.other
    }

    /// Instructions executed.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.instructions.values().map(|c| c.times).sum()
    }
}
