//! The groups of metrics: one line each, from which names are read, explained and listed.

use super::{DurationName, Group, Window};
use crate::units::Span;

/// What a group takes in parentheses.
#[derive(Clone, Copy, PartialEq)]
pub enum Argument {
    /// Nothing.
    None,
    /// A number of periods.
    Number,
    /// A length of time.
    Window,
}

/// A group as the grammar knows it.
pub struct Entry {
    /// As it is written.
    pub name: &'static str,
    /// What it takes.
    pub argument: Argument,
    /// Which statistics it has; none when it is one figure.
    pub statistics: &'static [&'static str],
    /// The group, with its argument.
    pub group: fn(Argued) -> Group,
    /// For the list of metrics.
    pub about: &'static str,
}

/// A parsed argument; what the group does not take is nothing.
#[derive(Clone, Copy)]
pub struct Argued {
    /// n or m.
    pub number: u64,
    /// A window.
    pub window: Span,
}

/// For groups without one.
pub const NO_ARGUMENT: Argued = Argued {
    number: 0,
    window: Span::Cycles(0),
};

const ALL: &[&str] = &["min", "max", "mean", "pp", "rms", "p50"];
const SPREAD: &[&str] = &["pp", "rms", "min", "max"];

macro_rules! entry {
    ($name:literal, $argument:ident, $statistics:expr, $group:expr, $about:literal) => {
        Entry {
            name: $name,
            argument: Argument::$argument,
            statistics: $statistics,
            group: $group,
            about: $about,
        }
    };
}

/// All groups.
pub const ENTRIES: &[Entry] = &[
    entry!("period", None, ALL, |_| Group::Period, "length of periods"),
    entry!(
        "c2c",
        None,
        &["max", "rms"],
        |_| Group::CycleToCycle,
        "difference of neighbouring periods"
    ),
    entry!(
        "nperiod",
        Number,
        SPREAD,
        |a| Group::NPeriod(a.number),
        "n periods together, less n T"
    ),
    entry!("tie", None, SPREAD, |_| Group::Tie, "time interval error"),
    entry!(
        "mtie",
        Number,
        &[],
        |a| Group::Mtie(a.number),
        "greatest change of TIE within n periods"
    ),
    entry!(
        "adev",
        Number,
        &[],
        |a| Group::Allan(a.number),
        "overlapping Allan deviation over m periods"
    ),
    entry!(
        "duty",
        None,
        &["pp", "mean", "min", "max"],
        |_| Group::Duty,
        "duty cycle"
    ),
    entry!("high", None, ALL, |_| Group::High, "high time"),
    entry!(
        "drift",
        None,
        &[],
        |_| Group::Drift,
        "mean against nominal period, ppm"
    ),
    entry!("skipped", None, &[], |_| Group::Skipped, "missing periods"),
    entry!("doubled", None, &[], |_| Group::Doubled, "edges too many"),
    entry!("count", None, &[], |_| Group::Count, "edges, or intervals"),
    entry!(
        "duration",
        None,
        ALL,
        |_| Group::Duration(DurationName::Duration),
        "length of intervals"
    ),
    entry!(
        "latency",
        None,
        ALL,
        |_| Group::Duration(DurationName::Latency),
        "the same: event to response"
    ),
    entry!(
        "pause",
        None,
        ALL,
        |_| Group::Duration(DurationName::Pause),
        "the same: a collector's pauses"
    ),
    entry!(
        "response",
        None,
        ALL,
        |_| Group::Duration(DurationName::Response),
        "the same: release to finish"
    ),
    entry!(
        "gap",
        None,
        ALL,
        |_| Group::Gap,
        "end of an interval to the next begin"
    ),
    entry!(
        "share",
        None,
        &[],
        |_| Group::Share,
        "share of the run inside intervals"
    ),
    entry!(
        "mmu",
        Window,
        &[],
        |a| Group::Mmu(Window(a.window)),
        "least share that intervals leave of any window"
    ),
    entry!(
        "comb.period",
        None,
        &[],
        |_| Group::CombPeriod,
        "periods from one disturbance to the next"
    ),
    entry!(
        "misses",
        None,
        &[],
        |_| Group::Misses,
        "intervals that are longer than the deadline"
    ),
    entry!(
        "value",
        None,
        ALL,
        |_| Group::Value,
        "what is written, sent or captured"
    ),
    entry!(
        "rate",
        None,
        &[],
        |_| Group::Rate,
        "growth of a written counter in a second"
    ),
    entry!(
        "comb.amplitude",
        None,
        &[],
        |_| Group::CombAmplitude,
        "size of that disturbance"
    ),
];

impl Entry {
    /// Its name with a placeholder for the argument.
    pub fn with_argument(&self) -> String {
        let argument = match self.argument {
            Argument::None => "",
            Argument::Number => "(N)",
            Argument::Window => "(TIME)",
        };
        format!("{}{argument}", self.name)
    }

    /// A name that it allows.
    pub fn example(&self) -> String {
        let name = self
            .with_argument()
            .replace("(N)", "(4)")
            .replace("(TIME)", "(1ms)");
        match self.statistics.first() {
            Some(first) => format!("{name}.{first}"),
            None => name,
        }
    }

    /// The names of its figures.
    pub fn figures(&self) -> String {
        let known = self.statistics;
        let name = self.with_argument().replace("(N)", "(4)");
        let all: Vec<String> = known.iter().map(|s| format!("{name}.{s}")).collect();
        let more = if known.contains(&"p50") {
            ", or any other percentile"
        } else {
            ""
        };
        format!("{}{more}", all.join(", "))
    }
}
