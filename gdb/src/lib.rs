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
//! Not there: watchpoints (gdb says that it cannot insert them; after `set can-use-hw-watchpoints 0` it steps and
//! compares by itself), reverse execution, tasks of an RTOS as threads.

mod description;
mod host;
mod memory_map;
pub mod monitor;
mod registers;
mod server;
mod session;
#[cfg(test)]
mod snapshots;
mod target;
mod wire;

pub use host::{Answer, Host, OnSerial, Waiting};
pub use server::{Listen, Server};

use emu_core::Cycles;
use emu_core::machine::{Machine, Stop};
use std::io;

/// The ELF file that gdb gets to see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Firmware {
    /// Name that gdb shows; it never leads to a file of the host.
    pub name: String,
    /// The whole file.
    pub elf: Vec<u8>,
}

/// What follows when gdb detaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AfterDetach {
    /// Come back at once.
    #[default]
    Return,
    /// Run on, and stop again when gdb attaches anew.
    RunOn,
}

/// How to serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The ELF file, when there is one.
    pub firmware: Option<Firmware>,
    /// The run ends before an instruction that would start after this cycle.
    pub limit: Cycles,
    /// Cycles between two looks at the connection and at serial output. It has no influence on the run.
    pub slice: u64,
    /// What follows when gdb detaches.
    pub after_detach: AfterDetach,
    /// Show serial output in gdb's own console too.
    pub serial_to_gdb: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            firmware: None,
            limit: Cycles::MAX,
            slice: 1_000_000,
            after_detach: AfterDetach::default(),
            serial_to_gdb: false,
        }
    }
}

/// How serving ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The firmware ended itself with this status.
    Exited(i32),
    /// gdb killed the run.
    Killed,
    /// gdb detached, and the caller wanted to go on by itself ([`AfterDetach::Return`]).
    Detached,
    /// The connection closed without a word; the machine stands where it stood.
    Closed,
    /// The run ended while nobody was attached ([`AfterDetach::RunOn`]).
    Stopped(Stop),
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
    /// The machine failed, not the firmware.
    #[error("the machine failed: {0}")]
    Machine(String),
}

/// Listen, wait for gdb and serve it until the end.
///
/// # Errors
/// [`Error`] when the address cannot be listened on, or the machine fails.
pub fn serve(
    machine: &mut Machine,
    listen: &Listen,
    options: &Options,
    host: &mut dyn Host,
) -> Result<Outcome, Error> {
    Server::bind(listen)?.serve(machine, options, host)
}
