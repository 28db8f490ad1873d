//! What a report shows: plain data, filled in by whoever measured.
//!
//! Numbers are shown as they are given here; the page computes nothing but differences between markers. Texts may come from
//! firmware (symbols, file names) and need not be clean: the writer escapes them. Times are core cycles since power-on.

use serde::Serialize;
use std::collections::BTreeMap;

/// One page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// What stands at the top.
    pub title: String,
    /// Name and version of the tool.
    pub tool: String,
    /// The command line that makes this report again; may be empty.
    pub command: String,
    /// Remarks that a reader must not miss, such as warnings of the model.
    pub notes: Vec<String>,
    /// The runs, in the order of their colours.
    pub runs: Vec<Run>,
    /// Budgets and baselines, if there were any.
    pub verdicts: Vec<Verdict>,
    /// Further tables, shown at the end.
    pub tables: Vec<Table>,
}

/// A budget or baseline, and whether it holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// What was asked for: `PA5.period.pp`.
    pub name: String,
    /// The limit, as text: `<= 200 cy`.
    pub wanted: String,
    /// What was measured, as text.
    pub got: String,
    /// Does it hold?
    pub passed: bool,
    /// Where to look: `kernel.c:120`; may be empty.
    #[serde(rename = "where")]
    pub place: String,
}

/// A table of texts. Columns whose cells are all numbers are aligned to the right.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// What it says.
    pub title: String,
    /// Heads of the columns.
    pub columns: Vec<String>,
    /// The rows, with one cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// One run of one firmware on one machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Run {
    /// Its short name in legends and tables.
    pub label: String,
    /// The firmware: file name, perhaps with a hash.
    pub firmware: String,
    /// The machine.
    pub machine: String,
    /// The seed, if there was one.
    pub seed: Option<u64>,
    /// Core clock in Hz: that of the last segment.
    pub core_hz: f64,
    /// The cycle at which it ended.
    pub cycles: u64,
    /// Stretches of constant core frequency, ascending. Empty: `core_hz` throughout.
    pub clock: Vec<ClockSegment>,
    /// What was measured. Signals of the same name in other runs are shown together.
    pub signals: Vec<Signal>,
    /// Rows of the timeline.
    pub lanes: Vec<Lane>,
}

/// A stretch of constant core frequency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ClockSegment {
    /// Its first cycle.
    pub from: u64,
    /// Time of its first cycle since power-on, in picoseconds.
    pub start_ps: u64,
    /// Core frequency in Hz.
    pub hz: f64,
}

/// A measured signal of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Signal {
    /// Its name. One run has each name once.
    pub name: String,
    /// Where it comes from: `pin PA5, rising edges`.
    pub source: String,
    /// What the numbers of the histogram and percentiles are: `period`, `pause`, `latency`.
    pub quantity: String,
    /// Their unit, nearly always `cycles`.
    pub unit: String,
    /// How many there are.
    pub n: u64,
    /// The reference that deviations were taken against: `T = 16800 cycles (nominal)`; may be empty.
    pub reference: String,
    /// When it happened.
    pub events: Events,
    /// What `values` are: `TIE`, `duration`.
    pub value_name: String,
    /// A value in cycles for each edge or interval, or for the first ones of them; may be empty.
    pub values: Vec<f64>,
    /// The exact histogram: cycles and count, ascending.
    pub histogram: Vec<(i64, u64)>,
    /// The percentiles, ascending.
    pub percentiles: Vec<Percentile>,
    /// Further figures.
    pub metrics: Vec<Metric>,
    /// The spectrum of the TIE: Hz, ascending, and amplitude in cycles; may be empty.
    pub spectrum: Vec<(f64, f64)>,
    /// The periodic disturbance that was found: `every 64th period, +800 cycles, phase 0`.
    pub comb: Option<String>,
    /// The worst edges, worst first.
    pub worst: Vec<Worst>,
    /// Least mutator share (0 to 1) over windows of this many cycles, ascending; may be empty.
    pub mmu: Vec<(u64, f64)>,
}

/// When a signal happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Events {
    /// Cycles of edges, ascending.
    Edges(Vec<u64>),
    /// First cycle and end of intervals, ascending by the first.
    Intervals(Vec<(u64, u64)>),
}

impl Default for Events {
    fn default() -> Events {
        Events::Edges(Vec::new())
    }
}

/// A percentile.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Percentile {
    /// `p99.9`, `max`.
    pub name: String,
    /// Its value in cycles.
    pub value: i64,
    /// Are there enough samples for it?
    pub supported: bool,
}

/// A figure in the table of metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metric {
    /// `period jitter, RMS`.
    pub name: String,
    /// Its value, as text.
    pub value: String,
    /// Its unit; may be empty.
    pub unit: String,
}

/// An edge that came far from where it should be.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Worst {
    /// Which edge or interval, from 0.
    pub index: u64,
    /// When it came.
    pub cycle: u64,
    /// The same since power-on, in seconds.
    pub seconds: f64,
    /// How much too late, in cycles.
    pub deviation: f64,
    /// Program counter, if known.
    pub pc: Option<u32>,
    /// Function; may be empty.
    pub function: String,
    /// `file:line`; may be empty.
    pub line: String,
}

/// A row of the timeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub group: Group,
    /// From which cycle on it has which value, ascending. 0 is idle, low, awake. Before the first change nothing is drawn.
    pub changes: Vec<(u64, u32)>,
    /// Names of values; a value without one is shown as a number.
    pub names: BTreeMap<u32, String>,
}

/// What a lane shows, and so how it is drawn. Lanes are shown in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Levels: 0 and 1.
    #[default]
    Pins,
    /// Which task runs. With up to 24 values each gets its own row.
    Tasks,
    /// Active or not.
    Exceptions,
    /// Asleep or not.
    Sleep,
    /// Any number.
    Values,
}
