//! Everything around a run: sessions, consoles, captures, exports, results, and the command line.
//!
//! A [`session`] drives a machine in slices of virtual time and moves bytes between its serial ports
//! and the host ([`console`]). What can be observed goes to a [`capture`]; every other output is
//! derived from captures by [`export`]. [`commands`] are thin: they turn arguments into calls of
//! these modules. Only [`parts`] knows how machines and images are made.

pub mod analysis;
pub mod bench;
pub mod capture;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod console;
pub mod cycles;
mod cycles_riscv;
pub mod export;
pub mod failure;
pub mod interrupt;
pub mod job;
pub mod ledger;
pub mod lockup;
pub mod metrics;
pub use emu_core::nearest;
pub mod outcome;
pub mod output;
pub mod parts;
pub mod pins;
pub mod prepared;
pub mod profile;
pub mod progress;
pub mod recording;
pub mod report;
pub mod rtt;
pub mod run_result;
pub mod session;
pub mod signal;
pub mod stimuli;
pub mod terminal;
pub mod timebase;
pub mod units;
pub mod until;

/// Name and version of the tool, as it stands in every output.
pub const TOOL: &str = concat!("tickscope ", env!("CARGO_PKG_VERSION"));
