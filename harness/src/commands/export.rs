//! `tickscope export`: a capture in the formats of other tools.

use crate::capture::{Capture, Ending};
use crate::export::{self, Format, Plan, Selection};
use crate::failure::Failure;
use crate::output;
use crate::pins;
use crate::terminal::Terminal;
use clap::{Args, ValueEnum, ValueHint};
use emu_core::probe::ProbeMask;
use std::path::{Path, PathBuf};

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// A file that `run --capture` has written
    #[arg(value_name = "CAPTURE", value_hint = ValueHint::FilePath)]
    capture: PathBuf,

    #[command(flatten)]
    show: Show,

    /// Output; the extension tells the format: .vcd, .csv, .ndjson or .svg
    #[arg(short, long, required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Vec<PathBuf>,

    /// Export what can be read of a capture that is cut off or damaged
    #[arg(long)]
    recover: bool,
}

/// What to show of a run.
#[derive(Clone, Debug, Args)]
pub struct Show {
    /// Pins, as PA5,PD12 [default: all that moved]
    #[arg(long, value_name = "PINS", value_delimiter = ',')]
    pub gpio: Vec<String>,

    /// What to show besides pins [default: nothing]
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub also: Vec<Also>,
}

impl Show {
    /// The probe events that these signals are made of.
    #[must_use]
    pub fn probes(&self) -> ProbeMask {
        let has = |what| self.also.contains(&what);
        ProbeMask {
            edges: true,
            exceptions: has(Also::Exceptions),
            bytes: has(Also::Uart),
            power: has(Also::Exceptions) || has(Also::Sleep),
            watches: false,
            timers: false,
        }
    }
}

/// Signals besides pins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Also {
    /// Which exception handler runs.
    Exceptions,
    /// Whether the core sleeps.
    Sleep,
    /// Bytes of serial ports (vectors in VCD, which sigrok up to 0.5 does not read).
    Uart,
}

/// Convert.
///
/// # Errors
/// A [`Failure`] for a file that is no capture, unknown pins, and outputs that cannot be written.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let targets = export::targets(&arguments.output)?;
    let capture = Capture::open(&arguments.capture)?;
    if let Ending::Damaged(why) = &capture.summary.ending {
        let name = arguments.capture.display();
        let (records, last) = (capture.summary.records, capture.summary.last);
        let message = format!("`{name}` is damaged: {why}");
        let readable = format!("{records} records up to cycle {last} can be read");
        if !arguments.recover {
            return Err(
                Failure::usage(message).help(format!("{readable}; add --recover to export them"))
            );
        }
        terminal.tell("warning", &format!("{message}; {readable}"));
    }
    for (target, format) in &targets {
        write(&capture, &arguments.show, *format, target)?;
    }
    Ok(0)
}

/// Write one export.
///
/// # Errors
/// A [`Failure`] for unknown pins and outputs that cannot be written.
pub fn write(capture: &Capture, show: &Show, format: Format, target: &Path) -> Result<(), Failure> {
    let names = &capture.header.nets;
    let find = |name: &String| {
        let found = names.iter().position(|n| n.eq_ignore_ascii_case(name));
        let all = || names.iter().map(String::as_str).collect::<Vec<_>>();
        found
            .map(|i| i as u16)
            .ok_or_else(|| pins::unknown(name, &all()))
    };
    let pins: Result<Vec<u16>, Failure> = show.gpio.iter().map(find).collect();
    let pins = pins?;
    let has = |what| show.also.contains(&what);
    let selection = Selection {
        pins: (!pins.is_empty()).then_some(pins),
        exceptions: has(Also::Exceptions),
        sleep: has(Also::Sleep),
        uart: has(Also::Uart),
    };
    let plan = Plan::new(capture, &selection);
    output::write_with(target, |out| export::export(capture, &plan, format, out))
}
