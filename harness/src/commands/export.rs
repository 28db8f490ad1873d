//! `tickscope export`: a capture in the formats of other tools.

use crate::capture::{Capture, Ending};
use crate::export::{self, ExportError, Format, Job, Plan, SampleRate, Selection};
use crate::failure::Failure;
use crate::output::{OutputError, PendingFile};
use crate::pins;
use crate::progress::CaptureProgress;
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

    /// Output; the extension tells the format: .vcd, .fst, .sr (sigrok), .perfetto-trace or .pftrace, .csv, .ndjson, .svg
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

    /// Samples a second in .sr, as 56MHz [default: the core clock, or a part of it for long runs]
    ///
    /// An edge is at the sample nearest to its time. A rate at which one would be lost is refused, with one that shows
    /// them all.
    #[arg(long, value_name = "RATE")]
    pub samplerate: Option<SampleRate>,
}

impl Show {
    /// The probe events that these signals are made of.
    #[must_use]
    pub fn probes(&self) -> ProbeMask {
        let has = |what| self.has(what);
        ProbeMask {
            edges: true,
            exceptions: has(Also::Exceptions),
            bytes: has(Also::Uart) || has(Also::Itm),
            // A reset ends calls, too.
            power: has(Also::Exceptions) || has(Also::Sleep) || has(Also::Places),
            watches: has(Also::Places) || has(Also::Variables),
            timers: has(Also::Captures),
        }
    }

    fn has(&self, what: Also) -> bool {
        self.also.contains(&what) || self.also.contains(&Also::All)
    }

    fn selection(&self, capture: &Capture) -> Result<Selection, Failure> {
        let names = &capture.header.nets;
        let find = |name: &String| {
            let found = names.iter().position(|n| n.eq_ignore_ascii_case(name));
            let all = || names.iter().map(String::as_str).collect::<Vec<_>>();
            found
                .map(|i| i as u16)
                .ok_or_else(|| pins::unknown(name, &all()))
        };
        let pins: Result<Vec<u16>, Failure> = self.gpio.iter().map(find).collect();
        let pins = pins?;
        Ok(Selection {
            pins: (!pins.is_empty()).then_some(pins),
            exceptions: self.has(Also::Exceptions),
            sleep: self.has(Also::Sleep),
            uart: self.has(Also::Uart),
            places: self.has(Also::Places),
            variables: self.has(Also::Variables),
            captures: self.has(Also::Captures),
            itm: self.has(Also::Itm),
        })
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
    /// Watched places in the code: calls of functions, or instants.
    Places,
    /// Values of watched variables.
    Variables,
    /// Input captures of timers.
    Captures,
    /// Values written to ITM stimulus ports.
    Itm,
    /// All of these.
    All,
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
        write(&capture, &arguments.show, *format, target, terminal)?;
    }
    Ok(0)
}

/// Write one export.
///
/// # Errors
/// A [`Failure`] for unknown pins, outputs that cannot be written, and captures that do not fit the format.
pub fn write(
    capture: &Capture,
    show: &Show,
    format: Format,
    target: &Path,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let plan = Plan::new(capture, &show.selection(capture)?);
    let hidden = plan.signals.iter().filter(|s| !format.shows(s));
    let hidden: Vec<&str> = hidden.map(|s| s.name.as_str()).collect();
    if !hidden.is_empty() {
        let (name, hidden) = (target.display(), hidden.join(", "));
        let text = format!("{name} is without {hidden}: its format holds levels, no numbers");
        terminal.tell("note", &text);
    }
    let progress = CaptureProgress::new(terminal, target, capture);
    let job = Job {
        capture,
        plan: &plan,
        samplerate: show.samplerate.map(|SampleRate(hz)| hz),
        progress: &|at| progress.update(at),
    };
    let mut file = PendingFile::create(target)?;
    let result = export::export(&job, format, &mut file);
    progress.finish();
    match result {
        Ok(()) => Ok(file.commit()?),
        Err(ExportError::Refused(failure)) => Err(failure),
        Err(ExportError::Io(source)) => Err(OutputError::Io {
            path: target.to_owned(),
            source,
        }
        .into()),
    }
}
