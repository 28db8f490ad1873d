//! Benches: a matrix of runs, what they measure, and whether it holds.
//!
//! [`Bench::open`] reads a file, [`run`] makes its runs on as many threads as asked for, [`Outcome`] holds what came
//! out: the same, to the byte, with any number of threads.

pub mod baseline;
mod blame;
mod budget;
mod file;
mod judge;
pub mod junit;
pub mod markdown;
mod matrix;
pub mod ndjson;
pub mod page;
pub mod plot;
mod pool;
pub mod schema;
mod select;
pub mod table;
pub mod verdict;

pub use crate::analysis::Figure;
pub use budget::Requirement;
pub use file::{Bench, BenchFile};
pub use matrix::Run;
pub use pool::run;

use crate::analysis::Analysis;
use crate::failure::Failure;
use crate::run_result::Stop;
use crate::signal::Recorded;
use crate::timebase::Timebase;
use select::{Item, Shown};
use verdict::{Place, Status, Verdict};

/// Look at everything in a bench file that does not need a run.
///
/// # Errors
/// A [`Failure`] at the place of what is wrong.
pub fn check(bench: &Bench) -> Result<(), Failure> {
    let runs = bench.runs()?;
    for budget in &bench.file.budget {
        Requirement::of(bench, budget)?;
        let has = |run: &&Run| {
            let mut signals = run.job.signals.iter();
            signals.any(|s| s.name == budget.signal.value)
        };
        if !runs.iter().filter(has).any(|run| budget.fits(run)) {
            let names: Vec<&str> = runs.iter().map(|r| r.id.as_str()).take(4).collect();
            let title = "no run has this budget, so it would never be checked";
            let help = format!(
                "its `firmware` and `where`, and those of its signal, fit no run; runs are called as in: {}",
                names.join("; ")
            );
            return Err(bench.wrong(&budget.signal.at, title, help));
        }
    }
    baseline::check_tolerances(bench)?;
    for table in &bench.file.table {
        table.check(bench, &runs)?;
    }
    plot::check(bench, &runs)
}

/// What a bench has given.
pub struct Outcome {
    /// Name of the bench.
    pub name: String,
    /// Path of its file.
    pub file: String,
    /// Its runs, in the order of the matrix.
    pub runs: Vec<RunOutcome>,
    /// Verdicts about the bench as a whole.
    pub verdicts: Vec<Verdict>,
}

/// What one run has given.
pub struct RunOutcome {
    /// Its name.
    pub id: String,
    /// Name of the firmware.
    pub firmware: String,
    /// Path of the firmware, as it was opened.
    pub path: String,
    /// SHA-256 of the firmware, in hex.
    pub sha256: String,
    /// The machine.
    pub machine: String,
    /// Hash of the machine with its settings, in hex.
    pub machine_hash: String,
    /// Values of the machine that were changed.
    pub set: Vec<String>,
    /// Words of the image that were changed.
    pub poke: Vec<(String, u32)>,
    /// Name of the stimuli.
    pub stimuli: Option<String>,
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub stop: Option<Stop>,
    /// The final cycle.
    pub cycles: u64,
    /// Instructions executed.
    pub instructions: u64,
    /// Virtual time, in seconds.
    pub seconds: f64,
    /// Core clock at the end, in Hz.
    pub core_hz: f64,
    /// Hash of the machine's state at the end, in hex.
    pub state_hash: String,
    /// Gaps of the model that the firmware met.
    pub unmodelled: Vec<String>,
    /// What was measured.
    pub signals: Vec<SignalOutcome>,
    /// What holds and what does not.
    pub verdicts: Vec<Verdict>,
    /// From cycles to time.
    pub timebase: Timebase,
}

/// What a signal has given.
pub struct SignalOutcome {
    /// Its name.
    pub name: String,
    /// How many edges or intervals.
    pub n: u64,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// Everything that is known of it.
    pub analysis: Analysis,
    /// When it happened; empty unless a page needs it.
    pub recorded: Recorded,
    /// The worst edge or interval.
    pub worst: Option<Place>,
}

/// Figures of a signal in all runs that have it.
pub struct Table {
    /// The signal.
    pub signal: String,
    /// Metrics.
    pub columns: Vec<String>,
    /// Name of each run, and a value for each metric, empty where there is none.
    pub rows: Vec<(String, Vec<String>)>,
}

impl Outcome {
    /// All verdicts, those of runs first.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        let of_runs = self.runs.iter().flat_map(|r| &r.verdicts);
        of_runs.chain(&self.verdicts)
    }

    /// Has a run not ended well, or lost a signal? Its figures are no measure for others.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        let mut all = self.verdicts();
        all.any(|v| matches!(v.kind, verdict::Kind::Run | verdict::Kind::Signal) && !v.passed())
    }

    /// How many passed, failed, and cannot be told.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let of = |status| self.verdicts().filter(|v| v.status == status).count();
        (of(Status::Pass), of(Status::Fail), of(Status::Error))
    }

    /// The exit code: the most serious verdict.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let all: Vec<Verdict> = self.verdicts().cloned().collect();
        verdict::exit_code(&all)
    }

    /// A signal of a run.
    fn signal(&self, run: &str, signal: &str) -> Option<(&RunOutcome, &SignalOutcome)> {
        let run = self.runs.iter().find(|r| r.id == run)?;
        let signal = run.signals.iter().find(|s| s.name == signal)?;
        Some((run, signal))
    }

    /// The figure of an item.
    fn shown(&self, item: &Item) -> Option<Shown> {
        let (run, signal) = self.signal(&item.run, &item.signal)?;
        let value = signal.analysis.metric(item.metric?).ok()?;
        Some(Shown {
            value: value.as_f64(),
            unit: value.unit,
            hz: run.core_hz,
        })
    }

    /// For each signal: its metrics, and their values for each run that has it.
    #[must_use]
    pub fn tables(&self) -> Vec<Table> {
        let mut names: Vec<&str> = Vec::new();
        for signal in self.runs.iter().flat_map(|r| &r.signals) {
            if !names.contains(&signal.name.as_str()) {
                names.push(&signal.name);
            }
        }
        let mut tables = Vec::new();
        for name in names {
            let having = self.runs.iter();
            let having = having.filter_map(|r| {
                let signal = r.signals.iter().find(|s| s.name == name)?;
                Some((r, signal))
            });
            let having: Vec<(&RunOutcome, &SignalOutcome)> = having.collect();
            let mut columns: Vec<String> = Vec::new();
            for figure in having.iter().flat_map(|(_, s)| &s.figures) {
                if !columns.contains(&figure.metric) {
                    columns.push(figure.metric.clone());
                }
            }
            let rows = having.iter().map(|(run, signal)| {
                let cell = |metric: &String| {
                    let found = signal.figures.iter().find(|f| f.metric == *metric);
                    found.map(Figure::text).unwrap_or_default()
                };
                (run.id.clone(), columns.iter().map(cell).collect())
            });
            let rows = rows.collect();
            tables.push(Table {
                signal: name.to_owned(),
                rows,
                columns,
            });
        }
        tables
    }
}
