//! `tickscope run`: a firmware runs, its console is on standard output.

use super::execute::{execute, execute_under, prepare};
use super::gdb::{HISTORY, Service, listen};
use super::options::RunOptions;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use emu_core::probe::ProbeMask;
use gdb::Listen;

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    options: RunOptions,

    /// Let gdb attach while it runs, as often as it likes: HOST:PORT, :PORT (on the loopback address), or unix:PATH
    #[arg(long, value_name = "ADDR", value_parser = listen)]
    gdb: Option<Listen>,

    /// Memory in MiB for checkpoints on gdb's way back (0: only the start of the run)
    #[arg(long, value_name = "MIB", default_value_t = HISTORY, requires = "gdb")]
    history: usize,
}

/// Run.
///
/// # Errors
/// A [`Failure`] for bad input.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let options = &arguments.options;
    let prepared = prepare(options, terminal)?;
    if let Some(listen) = &arguments.gdb {
        let service = Service {
            listen: listen.clone(),
            halted: false,
            history: arguments.history,
        };
        return execute_under(&service, prepared, options, terminal);
    }
    let capture = options.capture.as_deref().map(|c| (c, ProbeMask::ALL));
    execute(prepared, options, capture, terminal)
}
