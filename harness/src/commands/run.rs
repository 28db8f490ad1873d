//! `tickscope run`: a firmware runs, its console is on standard output.

use super::execute::{execute, prepare};
use super::options::RunOptions;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use emu_core::probe::ProbeMask;

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    options: RunOptions,
}

/// Run.
///
/// # Errors
/// A [`Failure`] for bad input.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let options = &arguments.options;
    let prepared = prepare(options, terminal)?;
    let capture = options.capture.as_deref().map(|c| (c, ProbeMask::ALL));
    execute(prepared, options, capture, terminal)
}
