//! `tickscope trace`: a firmware runs, and what its pins do is written in the formats of other tools.

use super::execute::{execute, prepare};
use super::export::{Show, write};
use super::options::RunOptions;
use crate::capture::Capture;
use crate::export;
use crate::failure::Failure;
use crate::recording::Temporary;
use crate::terminal::Terminal;
use clap::{Args, ValueHint};
use emu_core::probe::ProbeMask;
use std::path::PathBuf;

/// Arguments of `trace`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    options: RunOptions,

    #[command(flatten)]
    show: Show,

    /// Output; the extension tells the format: .vcd, .fst, .sr (sigrok), .perfetto-trace or .pftrace, .csv, .ndjson, .svg
    #[arg(short, long, required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Vec<PathBuf>,
}

/// Run and export.
///
/// # Errors
/// A [`Failure`] for bad input.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let Arguments {
        options,
        show,
        output,
    } = arguments;
    let targets = export::targets(output)?;
    let prepared = prepare(options, terminal)?;
    let pins: Result<Vec<String>, Failure> = show
        .gpio
        .iter()
        .map(|name| Ok(prepared.nets().name(prepared.pin(name)?).to_owned()))
        .collect();
    let show = Show {
        gpio: pins?,
        ..show.clone()
    };
    // Every export is made from a capture; one that nobody asked for goes again.
    let temporary = Temporary::new();
    let (path, mask) = match &options.capture {
        Some(path) => (path.as_path(), ProbeMask::ALL),
        None => (temporary.path(), show.probes()),
    };
    let code = execute(prepared, options, Some((path, mask)), terminal)?;
    let capture = Capture::open(path)?;
    // One that cannot be made does not cost the others.
    let mut failed = None;
    for (target, format) in &targets {
        match write(&capture, &show, *format, target, terminal) {
            Ok(()) if options.quiet => {}
            Ok(()) => terminal.say(&format!("tickscope: wrote {}", target.display())),
            Err(e) => drop(failed.get_or_insert(e)),
        }
    }
    match failed {
        Some(e) => Err(e),
        None => Ok(code),
    }
}
