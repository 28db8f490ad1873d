//! `tickscope compare`: runs, or results of runs and benches, side by side.

use super::execute::{Ended, execute_then, prepare_to_measure};
use super::options::RunOptions;
use crate::analysis::{How, Looked, Places, Plot, look, page, plot};
use crate::capture::Ending;
use crate::compare::bench_result;
use crate::compare::benches;
use crate::compare::comparison::{Comparison, Kind, Problem};
use crate::compare::facts::{self, End, Facts};
use crate::compare::first_difference::{self, parting};
use crate::compare::input::{Input, check, input};
use crate::compare::selection::Selection;
use crate::compare::signals::{Side, compare as compare_signal};
use crate::compare::text::Layout;
use crate::compare::{Judge, Tolerance, markdown, ndjson, page as compared_page, run_file, text};
use crate::failure::{Exit, Failure};
use crate::metrics::name::Metric;
use crate::outcome::Outcome;
use crate::output;
use crate::parts::{self, Firmware};
use crate::profile::{Report, functions};
use crate::recording::{Recording, Temporary, labels};
use crate::report;
use crate::run_result::hex;
use crate::signal::Signal;
use crate::terminal::Terminal;
use crate::units::Span;
use clap::{Args, ValueHint};
use emu_core::probe::ProbeMask;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What ends a comparison, for `--help`.
pub const AFTER_HELP: &str = "\
What is compared, each with the first:
  firmware, captures   firmware runs now, all with the same options
  result.json          of `tickscope run --json` or `tickscope profile --json`
  result.ndjson        of `tickscope bench --ndjson`

Runs (firmware, captures) are compared exactly: one run is one sample. Results of `tickscope bench` with two or more
seeds or stimuli on each side are compared with statistics: in pairs of the same seed and stimuli (Wilcoxon), or else
as independent runs (Mann-Whitney); p after Holm's correction, and the Hodges-Lehmann shift, its bootstrap interval,
Cliff's delta and the Wasserstein distance beside it.

Exit codes:
  0    compared
  2    wrong usage or bad input
  3    with --fail: something is worse by more than the tolerance (and significantly, over many seeds), or is missing
  4    a firmware used something that is not modelled, under --strict
  5    internal error, or the host failed
  130  interrupted by Ctrl-C";

/// Arguments of `compare`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    options: RunOptions,

    /// What is compared with the first, which need not be firmware either (see below)
    #[arg(value_name = "FW|CAPTURE|RESULT", value_hint = ValueHint::FilePath)]
    more: Vec<PathBuf>,

    /// What is measured in runs, as in `tickscope jitter`; of results of benches, only these
    #[arg(long, value_name = "SIGNAL")]
    signal: Vec<String>,

    /// One more metric of runs; of results of benches, only these
    #[arg(long, value_name = "METRIC")]
    metric: Vec<String>,

    /// Nominal period of the signals: 1ms, 168000cy
    #[arg(long, value_name = "TIME")]
    period: Option<Span>,

    /// What is before this time or cycle does not count for signals
    #[arg(long, value_name = "TIME")]
    warmup: Option<Span>,

    /// End with exit code 3 when something is worse or missing
    #[arg(long)]
    fail: bool,

    /// So much worse is no failure: 1%, 10cy, 5ppm; 0.01 for metrics without a unit
    #[arg(long, value_name = "N")]
    tolerance: Vec<Tolerance>,

    /// Over many seeds: a difference that chance gives more often is no failure
    #[arg(long, value_name = "P", default_value = "0.05", value_parser = probability)]
    alpha: f64,

    /// Functions in the table of those that differ most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 15)]
    top: usize,

    /// The firmware that a capture is of: then functions and lines are told
    #[arg(long, value_name = "FW", value_hint = ValueHint::FilePath)]
    elf: Vec<PathBuf>,

    /// Write a page with overlaid plots, timelines and tables
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    report: Option<PathBuf>,

    /// Write a plot of the first signal of all runs: histograms
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    svg: Option<PathBuf>,

    /// Which plot --svg writes
    #[arg(long, value_enum, value_name = "WHAT", default_value = "histogram")]
    plot: Plot,

    /// Write one JSON object for each figure; `-` for standard output instead of the tables
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    ndjson: Option<PathBuf>,

    /// Write Markdown for the summary of a CI step
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    markdown: Option<PathBuf>,
}

fn probability(text: &str) -> Result<f64, String> {
    let p: f64 = text.parse().map_err(|_| "write 0.05".to_owned())?;
    match p > 0.0 && p < 1.0 {
        true => Ok(p),
        false => Err("it is between 0 and 1".to_owned()),
    }
}

/// Run or read, compare, tell.
///
/// # Errors
/// A [`Failure`] for bad input.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let a = arguments;
    let outputs = [&a.report, &a.svg, &a.ndjson, &a.markdown];
    let dash = |p: &&PathBuf| p.as_path() == Path::new("-");
    let files = outputs.into_iter().flatten();
    if files.clone().filter(dash).count() > 1 {
        let message = "only one output can go to standard output";
        return Err(Failure::usage(message).help("write the others to files"));
    }
    for path in files.filter(|p| !dash(p)) {
        output::check(path)?;
    }
    let paths: Vec<PathBuf> = std::iter::once(&a.options.firmware)
        .chain(&a.more)
        .cloned()
        .collect();
    let kinds = paths.iter().map(|p| input(p, a.options.base.is_some()));
    let kinds: Vec<Input> = kinds.collect::<Result<_, _>>()?;
    let inputs: Vec<(&Path, Input)> = paths.iter().map(PathBuf::as_path).zip(kinds).collect();
    check(&inputs)?;
    fits(a, &inputs)?;
    let judge = Judge {
        tolerances: a.tolerance.clone(),
        alpha: a.alpha,
    };
    let labels = without_common_end(labels(&paths));
    let (comparison, code, runs) = match inputs[0].1 {
        Input::Firmware | Input::Capture => runs(a, &inputs, &labels, &judge, terminal)?,
        Input::RunResult => {
            let files = paths.iter().zip(&labels);
            let files: Result<Vec<Facts>, Failure> =
                files.map(|(p, label)| run_file::read(p, label)).collect();
            let mut found = facts::compare(&files?, &judge, a.top());
            found.notes.push(ONE_SAMPLE.to_owned());
            (found, 0, Vec::new())
        }
        Input::BenchResult => {
            let files = paths.iter().zip(&labels);
            let files: Result<Vec<_>, Failure> = files
                .map(|(p, label)| bench_result::read(p, label))
                .collect();
            let results = files?;
            let select = Selection {
                signals: a.signal.clone(),
                metrics: a.metric.clone(),
            };
            select.check(&results)?;
            (benches::compare(&results, &select, &judge), 0, Vec::new())
        }
    };
    let failed = a.fail && comparison.fails();
    let code = match (code, failed) {
        (0, true) => Exit::Regression as u8,
        (code, _) => code,
    };
    write(a, &comparison, code, &runs, terminal)?;
    for (n, signal) in a.signal.iter().enumerate() {
        if !runs.is_empty() && runs.iter().all(|r| r.signals[n].0.is_empty()) {
            let message = format!("`{signal}` never happened in any run");
            return Err(Failure::usage(message)
                .help("is the name right, and are the runs long enough? see --for, --until"));
        }
    }
    Ok(code)
}

const ONE_SAMPLE: &str = "one run is one sample: differences are exact, and no statistics are made";

impl Arguments {
    fn top(&self) -> usize {
        if self.top == 0 { usize::MAX } else { self.top }
    }
}

/// Are there options that these inputs cannot take?
fn fits(a: &Arguments, inputs: &[(&Path, Input)]) -> Result<(), Failure> {
    let o = &a.options;
    let refuse = |given: bool, option: &str, why: &str, help: &str| match given {
        true => Err(Failure::usage(format!("{option} {why}")).help(help.to_owned())),
        false => Ok(()),
    };
    let help = "make it with `tickscope run`, and compare it then";
    refuse(o.json.is_some(), "--json", "is the result of one run", help)?;
    refuse(o.capture.is_some(), "--capture", "is of one run", help)?;
    if !inputs.iter().any(|i| i.1 == Input::Firmware) {
        let why = "changes how firmware runs, and none is run here";
        let help = "give it where the run was made";
        for (given, option) in [
            (!o.set.is_empty(), "--set"),
            (!o.poke.is_empty(), "--poke"),
            (o.stimuli.is_some(), "--stimuli"),
            (o.limit().is_some(), "--for, or --cycles,"),
            (!o.until.is_empty(), "--until"),
            (o.strict, "--strict"),
            (!o.watch.is_empty(), "--watch"),
        ] {
            refuse(given, option, why, help)?;
        }
    }
    let are_runs = inputs.iter().all(|i| i.1.is_run());
    if !are_runs {
        let why = "needs runs, and results have only figures";
        let help = "compare firmware or captures";
        refuse(a.svg.is_some(), "--svg", why, help)?;
        refuse(!a.elf.is_empty(), "--elf", why, help)?;
        refuse(a.period.is_some(), "--period", why, help)?;
        refuse(a.warmup.is_some(), "--warmup", why, help)?;
    }
    if inputs.iter().all(|i| i.1 == Input::RunResult) {
        let why = "needs signals, and the result of a run has none";
        let help = "compare firmware, captures, or results of benches";
        refuse(!a.signal.is_empty(), "--signal", why, help)?;
        refuse(!a.metric.is_empty(), "--metric", why, help)?;
    }
    let help = "say what is measured: --signal PA5";
    let no_signal = are_runs && a.signal.is_empty();
    refuse(
        no_signal && a.svg.is_some(),
        "--svg",
        "needs a signal",
        help,
    )?;
    refuse(
        no_signal && !a.metric.is_empty(),
        "--metric",
        "needs a signal",
        help,
    )
}

/// Labels without the extension that all of them have: `kernel-8` of `kernel-8.stm32f407`.
fn without_common_end(labels: Vec<String>) -> Vec<String> {
    let end = |l: &String| l.rfind('.').filter(|&n| n > 0).map(|n| l[n..].to_owned());
    let ends: Vec<Option<String>> = labels.iter().map(end).collect();
    match &ends[..] {
        [Some(first), rest @ ..] if rest.iter().all(|e| e.as_ref() == Some(first)) => {
            let n = first.len();
            labels
                .into_iter()
                .map(|l| l[..l.len() - n].to_owned())
                .collect()
        }
        _ => labels,
    }
}

fn parsed<T: FromStr<Err: Display>>(texts: &[String]) -> Result<Vec<T>, Failure> {
    let all = texts.iter().map(|t| t.parse());
    all.collect::<Result<_, _>>()
        .map_err(|e: T::Err| Failure::usage(e.to_string()))
}

/// Firmware and captures.
fn runs(
    a: &Arguments,
    inputs: &[(&Path, Input)],
    labels: &[String],
    judge: &Judge,
    terminal: &Terminal,
) -> Result<(Comparison, u8, Vec<Looked>), Failure> {
    let signals: Vec<Signal> = parsed(&a.signal)?;
    let how = How {
        period: a.period,
        also: parsed::<Metric>(&a.metric)?,
        ..How::default()
    };
    // All files are opened before anything runs.
    let mut elves = Vec::new();
    for path in &a.elf {
        elves.push((path, Firmware::open(path, None)?));
    }
    let mut opened = Vec::new();
    for &(path, kind) in inputs {
        opened.push(match kind {
            Input::Firmware => None,
            _ => Some(Recording::open(path, None, terminal)?),
        });
    }
    let hash = |r: &Recording| r.capture.header.elf_sha256.clone();
    let hashes: Vec<String> = opened.iter().flatten().map(hash).collect();
    for (path, firmware) in &elves {
        if !hashes.contains(&hex(&firmware.image.sha256)) {
            let message = format!(
                "`{}` is the firmware of none of the captures",
                path.display()
            );
            return Err(Failure::usage(message).help("give the file that was run, unchanged"));
        }
    }
    let (mut facts, mut looked, mut code) = (Vec::new(), Vec::new(), 0);
    for ((&(path, _), label), recording) in inputs.iter().zip(labels).zip(opened) {
        let (mut recording, known, ended) = match recording {
            Some(mut recording) => {
                let sha256 = recording.capture.header.elf_sha256.clone();
                let elf = elves.iter().find(|e| hex(&e.1.image.sha256) == sha256);
                recording.firmware = match elf {
                    Some((path, _)) => Some(Firmware::open(path, None)?),
                    None => None,
                };
                let known = recorded(&recording, elf.map(|e| e.0.as_path()));
                (recording, known, 0)
            }
            None => run(a, path, &signals, terminal)?,
        };
        recording.label.clone_from(label);
        facts.push(Facts {
            label: label.clone(),
            ..known
        });
        // The first run that failed for reasons of ours.
        code = if code == 0 { ended } else { code };
        looked.push(look(&signals, &how, a.warmup, recording, terminal)?);
    }
    let mut comparison = facts::compare(&facts, judge, a.top());
    comparison.notes.push(ONE_SAMPLE.to_owned());
    for (n, signal) in signals.iter().enumerate() {
        let sides = looked.iter().zip(labels).map(|(run, label)| Side {
            label,
            happened: !run.signals[n].0.is_empty(),
            figures: &run.signals[n].2,
        });
        let sides: Vec<Side<'_>> = sides.collect();
        let (table, problems) = compare_signal(signal, &sides, judge);
        comparison.tables.insert(1 + n, table);
        comparison.problems.extend(problems);
    }
    for (label, run) in labels.iter().zip(&looked) {
        let summary = &run.recording.capture.summary;
        if let Ending::Damaged(why) = &summary.ending {
            comparison.problems.push(Problem {
                kind: Kind::Ending,
                group: String::new(),
                signal: String::new(),
                metric: String::new(),
                text: format!("{label} is known up to cycle {} only: {why}", summary.last),
                fails: true,
            });
        }
    }
    for (label, other) in labels.iter().zip(&looked).skip(1) {
        let [a, b] = [&looked[0].recording, &other.recording].map(|r| first_difference::Side {
            capture: &r.capture,
            places: Places(r.firmware.as_ref()),
        });
        comparison.partings.push((label.clone(), parting(a, b)?));
    }
    Ok((comparison, code, looked))
}

/// What is known of a captured run.
fn recorded(recording: &Recording, elf: Option<&Path>) -> Facts {
    let (header, summary) = (&recording.capture.header, &recording.capture.summary);
    Facts {
        label: String::new(),
        firmware: elf.map_or(String::new(), |p| p.display().to_string()),
        sha256: header.elf_sha256.clone(),
        machine: header.machine.clone(),
        seed: header.seed,
        end: None,
        cycles: summary.last.0,
        attoseconds: summary.timebase.attoseconds(summary.last),
        instructions: None,
        ledger: None,
        profile: None,
    }
}

/// Run a firmware with its profile; everything else is derived from the capture of it. The exit code is that of a run
/// that tells nothing: interrupted, not modelled, an error of ours.
fn run(
    a: &Arguments,
    path: &Path,
    signals: &[Signal],
    terminal: &Terminal,
) -> Result<(Recording, Facts, u8), Failure> {
    let options = RunOptions {
        firmware: path.to_owned(),
        ..a.options.clone()
    };
    let firmware = Firmware::open(path, options.base)?;
    // Which task runs is what schedulers differ in first.
    let (mut prepared, _) = prepare_to_measure(&options, signals, true, terminal)?;
    let ranges = functions(prepared.firmware());
    prepared.machine().enable_profile(ranges);
    let temporary = Temporary::new();
    let waited = !options.until.is_empty();
    let mut known = None;
    let capture = Some((temporary.path(), ProbeMask::ALL));
    execute_then(prepared, &options, capture, true, terminal, |ended| {
        let Ended {
            machine,
            firmware,
            spec,
            outcome,
        } = ended;
        let profile = machine.profile();
        let profile = profile.map(|p| Report::new(&p, firmware, spec.interrupts()).result());
        let now = machine.now();
        let end = End {
            text: outcome.to_string(),
            code: outcome.exit_code(waited),
            limit: matches!(outcome, Outcome::Limit),
        };
        let serious = match outcome {
            Outcome::Unmodelled | Outcome::Interrupted | Outcome::Internal(_) => end.code,
            _ => 0,
        };
        let facts = Facts {
            label: String::new(),
            firmware: path.display().to_string(),
            sha256: hex(&firmware.image.sha256),
            machine: spec.name().to_owned(),
            seed: options.seed,
            end: Some(end),
            cycles: now.0,
            attoseconds: machine.bus().clocks.attoseconds(now),
            instructions: Some(machine.instructions()),
            ledger: Some(parts::ledger(machine)),
            profile,
        };
        known = Some((facts, serious));
        Ok(None)
    })?;
    let mut recording = Recording::open(temporary.path(), None, terminal)?;
    recording.firmware = Some(firmware);
    recording.keep(temporary);
    let (facts, code) =
        known.ok_or_else(|| Failure::internal("the run has left nothing".to_owned()))?;
    Ok((recording, facts, code))
}

/// All outputs.
fn write(
    a: &Arguments,
    comparison: &Comparison,
    code: u8,
    runs: &[Looked],
    terminal: &Terminal,
) -> Result<(), Failure> {
    let dash = Path::new("-");
    let files = [&a.report, &a.svg, &a.ndjson, &a.markdown];
    if !files.into_iter().flatten().any(|p| p == dash) {
        let layout = Layout {
            width: terminal.width(),
            colour: terminal.colours_output(),
        };
        let shown = text::text(comparison, layout);
        output::write_with(dash, |w| w.write_all(shown.as_bytes()))?;
    }
    if let Some(path) = &a.ndjson {
        output::write_with(path, |w| ndjson::write(comparison, code, w))?;
    }
    if let Some(path) = &a.markdown {
        let failed = a.fail.then(|| comparison.fails());
        output::write_with(path, |w| markdown::write(comparison, failed, w))?;
    }
    if let (Some(path), Some(signal)) = (&a.svg, parsed(&a.signal)?.first()) {
        let picture = plot(signal, a.plot, runs);
        output::write_with(path, |w| w.write_all(picture?.as_bytes()))?;
    }
    if let Some(path) = &a.report {
        let mut page = page("Comparison of", runs)?;
        if runs.is_empty() {
            let names: Vec<&str> = comparison.inputs.iter().map(|i| i.0.as_str()).collect();
            page.title = format!("Comparison of {}", names.join(", "));
        }
        compared_page::add(comparison, a.fail, &mut page);
        output::write_with(path, |w| report::write(w, &page))?;
        if !a.options.quiet && path != dash {
            terminal.say(&format!("tickscope: wrote {}", path.display()));
        }
    }
    Ok(())
}
