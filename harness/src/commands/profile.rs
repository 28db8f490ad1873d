//! `tickscope profile`: a firmware runs, and where its cycles went is told.

use super::execute::{Ended, execute_then, prepare};
use super::options::RunOptions;
use crate::failure::Failure;
use crate::output;
use crate::profile::table::{self, Layout};
use crate::profile::{Report, callgrind, folded, functions};
use crate::terminal::Terminal;
use clap::{Args, ValueHint};
use emu_core::probe::ProbeMask;
use std::path::{Path, PathBuf};

/// Arguments of `profile`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    options: RunOptions,

    /// Rows of the table; 0 for all
    #[arg(long, value_name = "N", default_value_t = 25)]
    top: usize,

    /// By source line instead of by function
    #[arg(long)]
    lines: bool,

    /// Write call paths with their cycles, for flame graphs; `-` for standard output instead of the table
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    folded: Option<PathBuf>,

    /// Write a profile for KCachegrind and callgrind_annotate; `-` for standard output instead of the table
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    callgrind: Option<PathBuf>,
}

/// Run and tell.
///
/// # Errors
/// A [`Failure`] for bad input.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let Arguments {
        options,
        top,
        lines,
        folded: stacks,
        callgrind: grind,
    } = arguments;
    let dash = |p: &&PathBuf| p.as_path() == Path::new("-");
    let outputs = [&options.json, stacks, grind];
    let on_stdout = outputs.into_iter().flatten().filter(dash).count();
    if on_stdout > 1 {
        let message = "only one of --json, --folded and --callgrind can go to standard output";
        return Err(Failure::usage(message).help("write the others to files"));
    }
    for path in [stacks, grind].into_iter().flatten().filter(|p| !dash(p)) {
        output::check(path)?;
    }
    let mut prepared = prepare(options, terminal)?;
    let ranges = functions(prepared.firmware());
    prepared.machine().enable_profile(ranges);
    let capture = options.capture.as_deref().map(|c| (c, ProbeMask::ALL));
    let layout = Layout {
        top: if *top == 0 { usize::MAX } else { *top },
        width: terminal.width(),
    };
    execute_then(prepared, options, capture, true, terminal, |ended| {
        let Ended {
            machine,
            firmware,
            spec,
            ..
        } = ended;
        let Some(profile) = machine.profile() else {
            return Err(Failure::internal("the machine has no profile".to_owned()));
        };
        let report = Report::new(&profile, firmware, spec.interrupts());
        let command = options.firmware.display().to_string();
        if let Some(path) = stacks {
            output::write_with(path, |w| folded::write(&report, w))?;
        }
        if let Some(path) = grind {
            output::write_with(path, |w| callgrind::write(&report, &command, w))?;
        }
        if on_stdout == 0 {
            let text = if *lines {
                table::lines(&report, layout)
            } else {
                table::functions(&report, layout)
            };
            output::write_with(Path::new("-"), |w| w.write_all(text.as_bytes()))?;
        }
        Ok(Some(report.result()))
    })
}
