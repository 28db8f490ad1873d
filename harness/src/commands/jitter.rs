//! `tickscope jitter`: what signals of one or more runs do, exact in cycles.

use super::execute::{execute_then, prepare_to_measure};
use super::options::RunOptions;
use crate::analysis::{Against, Analysis, Column, How, Looked, Plot, look, page, plot, table};
use crate::failure::Failure;
use crate::metrics::name::Metric;
use crate::output;
use crate::parts::Firmware;
use crate::recording::{Recording, Temporary, is_capture, labels};
use crate::report;
use crate::signal::Signal;
use crate::terminal::Terminal;
use crate::units::Span;
use clap::{Args, ValueEnum, ValueHint};
use emu_core::probe::ProbeMask;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The grammar of signals, for `--help`.
pub const SIGNALS: &str = "\
Signals:
  PA5  PA5.fall  PA5.both            edges of a pin (rising when nothing is said)
  irq:TIM2.assert  .enter  .exit     an exception: its line is asserted, its handler starts, returns
  fn:NAME.entry  fn:NAME.return      a function is entered, has returned
  addr:0x08000123                    an instruction is executed
  write:VAR  write:VAR=5             a variable is written (with this value)
  uart:USART2.tx  uart:USART2.rx     a byte has left, has come
  itm:0  rtt:0                       words on ITM stimulus ports, RTT channels
  capture:TIM2.1                     a timer latches its counter on a channel
  sleep  wake                        the core goes to sleep, wakes
  A..B   begin=A,end=B               intervals: from each A to the next B
  fn:NAME  irq:NAME                  intervals: from each entry to its own return
  NAME=SIGNAL                        any of these, called NAME";

/// Arguments of `jitter`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    options: RunOptions,

    /// More firmware or captures, to be shown beside the first
    #[arg(value_name = "FW|CAPTURE", value_hint = ValueHint::FilePath)]
    more: Vec<PathBuf>,

    /// What is measured (see below)
    #[arg(long, required = true, value_name = "SIGNAL")]
    signal: Vec<Signal>,

    /// Nominal period of the signals: 1ms, 168000cy
    #[arg(long, value_name = "TIME")]
    period: Option<Span>,

    /// Deadline of intervals: longer ones count as misses
    #[arg(long, value_name = "TIME")]
    deadline: Option<Span>,

    /// What periods are compared with [default: nominal when there is a --period, else mean]
    #[arg(long, value_enum, value_name = "WHAT")]
    reference: Option<ReferenceArgument>,

    /// What is before this time or cycle does not count
    #[arg(long, value_name = "TIME")]
    warmup: Option<Span>,

    /// One more metric in the table: mtie(64), adev(100), mmu(5ms), period.p99.99
    #[arg(long, value_name = "METRIC")]
    metric: Vec<Metric>,

    /// Write a page with plots and a timeline
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    report: Option<PathBuf>,

    /// Write a plot of the first signal: histograms
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    svg: Option<PathBuf>,

    /// Which plot --svg writes
    #[arg(long, value_enum, value_name = "WHAT", default_value = "histogram")]
    plot: Plot,

    /// Write the figures as one JSON object on each line; `-` for standard output instead of the table
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    ndjson: Option<PathBuf>,

    /// Write the histograms in the format of cyclictest
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    histogram: Option<PathBuf>,

    /// The firmware that captures are of: then functions and lines are told
    #[arg(long, value_name = "FW", value_hint = ValueHint::FilePath)]
    elf: Option<PathBuf>,
}

/// What periods are compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ReferenceArgument {
    /// The nominal period.
    Nominal,
    /// The mean period.
    Mean,
    /// The best fit.
    Fit,
}

/// Run or read, and tell.
///
/// # Errors
/// A [`Failure`] for bad input.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let a = arguments;
    let outputs = [&a.report, &a.svg, &a.ndjson, &a.histogram];
    for path in outputs.into_iter().flatten() {
        if path != Path::new("-") {
            output::check(path)?;
        }
    }
    if a.reference == Some(ReferenceArgument::Nominal) && a.period.is_none() {
        let failure = Failure::usage("--reference nominal needs the nominal period");
        return Err(failure.help("give it: --period 1ms"));
    }
    if let (Some(_), Plot::Mmu, Some(first)) = (&a.svg, a.plot, a.signal.first())
        && !first.source.is_interval()
    {
        let message = format!("`{}` has no mutator utilisation: it is edges", first.name);
        return Err(Failure::usage(message)
            .help("--plot mmu is of intervals: fn:NAME, irq:NAME or A..B as the first signal"));
    }
    let paths: Vec<PathBuf> = std::iter::once(&a.options.firmware)
        .chain(&a.more)
        .cloned()
        .collect();
    let how = How {
        period: a.period,
        against: match a.reference {
            None => Against::Default,
            Some(ReferenceArgument::Nominal) => Against::Nominal,
            Some(ReferenceArgument::Mean) => Against::Mean,
            Some(ReferenceArgument::Fit) => Against::Fit,
        },
        deadline: a.deadline,
        also: a.metric.clone(),
    };
    let mut runs = Vec::new();
    let mut code = 0;
    for (path, label) in paths.iter().zip(labels(&paths)) {
        let mut recording = if is_capture(path) {
            Recording::open(path, a.elf.as_deref(), terminal)?
        } else {
            let (ended, recording) = run(a, path, terminal)?;
            code = code.max(ended);
            recording
        };
        recording.label = label;
        runs.push(look(&a.signal, &how, a.warmup, recording, terminal)?);
    }
    if a.ndjson.as_deref() != Some(Path::new("-")) {
        let mut text = String::new();
        for (n, signal) in a.signal.iter().enumerate() {
            let columns = runs.iter().map(|r| Column {
                label: &r.recording.label,
                analysis: &r.signals[n].1,
                figures: &r.signals[n].2,
            });
            let columns: Vec<Column<'_>> = columns.collect();
            let source = signal.source.to_string();
            let (width, colour) = (terminal.width(), terminal.colours_output());
            text.push_str(&table(&signal.name, &source, &columns, width, colour));
            for run in &runs {
                for line in run.signals[n].0.partners() {
                    let label = match runs.len() {
                        1 => String::new(),
                        _ => format!("{:.24}: ", run.recording.label),
                    };
                    text.push_str(&format!("  {label}{line}\n"));
                }
            }
            text.push('\n');
        }
        output::write_with(Path::new("-"), |w| w.write_all(text.as_bytes()))?;
    }
    if let Some(path) = &a.ndjson {
        output::write_with(path, |w| ndjson(&runs, w))?;
    }
    if let Some(path) = &a.histogram {
        output::write_with(path, |w| w.write_all(cyclictest(&runs).as_bytes()))?;
    }
    if let Some(path) = &a.svg {
        let picture = plot(&a.signal[0], a.plot, &runs);
        output::write_with(path, |w| w.write_all(picture?.as_bytes()))?;
    }
    if let Some(path) = &a.report {
        let page = page("Jitter of", &runs)?;
        output::write_with(path, |w| report::write(w, &page))?;
        if !a.options.quiet {
            terminal.say(&format!("tickscope: wrote {}", path.display()));
        }
    }
    for (n, signal) in a.signal.iter().enumerate() {
        if let Some(r) = runs.iter().find(|r| r.signals[n].0.is_empty()) {
            let message = format!("`{}` never happened in {}", signal.name, r.recording.label);
            return Err(Failure::usage(message)
                .help("is the name right, and the run long enough? see --for, --until"));
        }
    }
    Ok(code)
}

/// Run a firmware; everything is derived from the capture of it.
fn run(a: &Arguments, path: &Path, terminal: &Terminal) -> Result<(u8, Recording), Failure> {
    let options = RunOptions {
        firmware: path.to_owned(),
        ..a.options.clone()
    };
    let firmware = Firmware::open(path, options.base)?;
    let has_lanes = a.report.is_some();
    let (prepared, collector) = prepare_to_measure(&options, &a.signal, has_lanes, terminal)?;
    let lanes = ProbeMask {
        bytes: false,
        ..ProbeMask::ALL
    };
    let mask = match a.report {
        Some(_) => collector.mask().or(lanes),
        None => collector.mask(),
    };
    let temporary = Temporary::new();
    let (file, mask) = match &options.capture {
        Some(path) => (path.as_path(), ProbeMask::ALL),
        None => (temporary.path(), mask),
    };
    let code = execute_then(
        prepared,
        &options,
        Some((file, mask)),
        true,
        terminal,
        |_| Ok(None),
    )?;
    let mut recording = Recording::open(file, None, terminal)?;
    recording.firmware = Some(firmware);
    recording.keep(temporary);
    Ok((code, recording))
}

fn ndjson(runs: &[Looked], out: &mut dyn Write) -> std::io::Result<()> {
    for run in runs {
        for (recorded, analysis, figures) in &run.signals {
            for figure in figures {
                let mut line = json!({
                    "type": "metric", "run": run.recording.label, "signal": recorded.name,
                    "source": recorded.source, "metric": figure.metric, "value": figure.number(),
                    "unit": figure.value.unit.symbol(), "n": analysis.n(),
                });
                if let Some(exact) = figure.fraction() {
                    line["exact"] = json!(exact);
                }
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

fn cyclictest(runs: &[Looked]) -> String {
    let mut out = String::new();
    for run in runs {
        for (recorded, analysis, _) in &run.signals {
            let histogram = match analysis {
                Analysis::Edges(e) => e.period.as_ref().map(|p| &p.histogram),
                Analysis::Intervals(i) => Some(&i.histogram),
            };
            out.push_str(&format!("# {} of {}\n", recorded.name, run.recording.label));
            match histogram {
                Some(h) => out.push_str(&h.cyclictest()),
                None => out.push_str(&format!("# N = {}: no period\n", analysis.n())),
            }
        }
    }
    out
}
