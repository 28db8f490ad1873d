//! Tasks of an RTOS, read out of memory: names, states, and the registers of those that sleep.
//!
//! What a kernel keeps where is data: a [`Kernel`] description, in TOML, names variables, members and the layout
//! of saved registers. Offsets come from the firmware's DWARF ([`Types`](crate::image::Types)), so one
//! description fits all versions and settings of a kernel. Without DWARF, a description can fall back on the
//! offsets of the usual settings; [`Tasks::is_guess`] tells.
//!
//! Reading costs the guest nothing and changes nothing. Lists may be half-built or garbage (before start-up code
//! has cleared RAM, or in the middle of an insertion): each walk is bounded, and what does not look like a task
//! is left out.
//!
//! Described: FreeRTOS 9 to 11, Zephyr, ThreadX, RIOT, ChibiOS/RT, and the kernels of `fixtures/`. Not read: the
//! registers of tasks that a FreeRTOS port with an MPU keeps in its task control block.

mod find;
mod frame;
mod kernel;
mod path;
mod walk;

pub use frame::{ArmRegisters, RiscvRegisters, Saved};
pub use kernel::{DescriptionError, Kernel};

use crate::machine::Machine;
use find::Found;

/// Memory of a target.
pub trait Reader {
    /// Fill `into` from `address` on; false when not all of it is readable.
    fn read(&mut self, address: u32, into: &mut [u8]) -> bool;
}

impl Reader for Machine {
    fn read(&mut self, address: u32, into: &mut [u8]) -> bool {
        self.read_memory(address, into) == into.len()
    }
}

/// The kernel of a firmware, with all that is needed to list its tasks.
#[derive(Debug)]
pub struct Tasks {
    kernel: String,
    guess: bool,
    found: Found,
}

/// A task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    /// Address of its control block: never zero, and the same as long as it lives. 1 stands for the core while
    /// it runs no task.
    pub id: u32,
    /// Its name; made from its address when it has none.
    pub name: String,
    /// What it does: `running`, `ready`, `blocked until tick 120`. Words of the kernel.
    pub state: String,
    /// Its priority, as the kernel counts.
    pub priority: Option<i64>,
    /// Its own priority, when it has inherited another one for now.
    pub base_priority: Option<i64>,
    /// The core that it runs on, from 0. It keeps it while a handler runs: registers of the core are its own, or
    /// lead back to it.
    pub running_on: Option<u32>,
    /// Lowest address of its stack, when the kernel tells.
    pub stack_base: Option<u32>,
    /// Registers of a task that does not run; `None` when they are not where they should be.
    pub registers: Option<Saved>,
}

impl Task {
    /// State and priority for people: `blocked until tick 120, priority 3`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = self.state.clone();
        if let Some(p) = self.priority {
            text.push_str(&format!(", priority {p}"));
        }
        if let Some(base) = self.base_priority {
            text.push_str(&format!(" (inherited, own {base})"));
        }
        text
    }
}

impl Tasks {
    /// The name of the kernel.
    #[must_use]
    pub fn kernel(&self) -> &str {
        &self.kernel
    }

    /// Are offsets those of the kernel's usual settings, because the file has no DWARF types? Then all of it may
    /// be wrong.
    #[must_use]
    pub fn is_guess(&self) -> bool {
        self.guess
    }

    /// The tasks, by address. Empty before the scheduler starts: then there is only what the core does.
    #[must_use]
    pub fn list(&self, memory: &mut dyn Reader) -> Vec<Task> {
        self.found.list(memory)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
