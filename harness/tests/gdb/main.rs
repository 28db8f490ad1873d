//! `tickscope gdb` with the real gdb-multiarch.
//!
//! Without gdb these tests say so and pass, unless `TICKSCOPE_REQUIRE_TOOLS` is set.
#![allow(missing_docs)]

mod back_to_stops;
mod cores;
mod freertos;
mod listen;
mod reverse;
mod same_run;
mod session;
mod steps;
mod stops;
mod threads;
mod time;
mod vscode;
mod watchpoints;
mod whole_run;

/// Cores that `tickscope gdb` knows, by the names of their bare machines.
const ARM: [&str; 3] = ["cortex-m0plus", "cortex-m3", "cortex-m4f"];
