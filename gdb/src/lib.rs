//! A gdb stub for a [`Machine`](emu_core::machine::Machine): the remote serial protocol over TCP, a UNIX socket or
//! stdin and stdout.
//!
//! ```text
//! $ gdb-multiarch -ex 'target remote :3333'
//! Reading /firmware.elf from remote target...
//! 0x000000c8 in reset_handler ()
//! (gdb) break main
//! (gdb) continue
//! (gdb) monitor cycles
//! ```
//!
//! * The machine waits at its present cycle until gdb attaches; while gdb thinks, virtual time stands still.
//! * Attaching, breakpoints and steps do not change the run: cycles and state hash are those of a run without gdb.
//!   What the user changes (registers, memory, flash, `monitor reset`) does, of course.
//! * gdb sees the registers that the core has, of Cortex-M and RISC-V, with `$cycles`: the present cycle. Looking at
//!   memory and at registers of devices (`x`, `print`) has no effects and takes no time; writing does what a write of
//!   that width does. RAM and flash are written at once, also code.
//! * A `BKPT` in the firmware does what it does without a debugger (semihosting, DebugMonitor or HardFault), for
//!   the same reason.
//! * The ELF is served to gdb, so `file` is not needed.
//!
//! * Going back: `reverse-stepi`, `reverse-continue` and the others go through the past of the run, see
//!   [`emu_core::timeline`]. What a user changes in the past cuts off what came after it.
//! * Tasks of an RTOS are threads, as far as [`emu_core::tasks`] knows the kernel.
//!
//! Not there: non-stop mode; breakpoint conditions are evaluated by gdb.

mod connection;
mod debugger;
mod description;
mod incoming;
mod memory_map;
mod monitor;
mod refusal;
mod registers;
mod server;
#[cfg(test)]
mod snapshots;
mod target;
mod wire;

pub use debugger::{Advance, Debugger, Held};
pub use server::{Listen, Server};

use std::collections::BTreeMap;
use std::io;

/// The ELF file that gdb gets to see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Firmware {
    /// Name that gdb shows; it never leads to a file of the host.
    pub name: String,
    /// The whole file.
    pub elf: Vec<u8>,
}

/// How to serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The ELF file, when there is one.
    pub firmware: Option<Firmware>,
    /// The machine stands still until gdb has attached.
    pub halted: bool,
    /// Cycles between two looks at the connection. It has no influence on the run.
    pub slice: u64,
    /// The board's names of pins, with the chip's name of each.
    pub pins: BTreeMap<String, String>,
    /// Interrupts by exception number (16 + IRQ).
    pub interrupts: BTreeMap<u16, String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            firmware: None,
            halted: true,
            slice: 1_000_000,
            pins: BTreeMap::new(),
            interrupts: BTreeMap::new(),
        }
    }
}

/// Why serving failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen for gdb on {address}: {source}")]
    Listen {
        /// What was asked for.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// No connection can be taken, or no thread started for it.
    #[error("cannot take a connection from gdb: {0}")]
    Accept(io::Error),
}
