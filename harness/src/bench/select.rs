//! What tables and plots show: which runs, signals and metrics, and the lists that tell them apart.

use super::file::{Bench, SignalEntry};
use super::matrix::Run;
use crate::failure::Failure;
use crate::metrics::name::Metric;
use crate::metrics::value::Unit;
use machines::Sp;
use machines::source::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// A name, or a list of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Names {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[String] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Several(names) => names,
        }
    }
}

/// A list of the bench file whose entries tell figures apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    /// `matrix.firmware`
    Firmware,
    /// `matrix.machine`
    Machine,
    /// `matrix.settings`
    Settings,
    /// `matrix.poke`
    Poke,
    /// `matrix.stimuli`
    Stimuli,
    /// `matrix.seed`
    Seed,
    /// `[[signal]]`
    Signal,
    /// The metrics of a table.
    Metric,
}

const LISTS: [(&str, List); 8] = [
    ("firmware", List::Firmware),
    ("machine", List::Machine),
    ("settings", List::Settings),
    ("poke", List::Poke),
    ("stimuli", List::Stimuli),
    ("seed", List::Seed),
    ("signal", List::Signal),
    ("metric", List::Metric),
];

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = LISTS.iter().find(|(_, list)| list == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

impl FromStr for List {
    type Err = String;

    fn from_str(text: &str) -> Result<List, String> {
        let known = LISTS.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, list)| *list)
            .ok_or_else(|| format!("there is no list `{text}`"))
    }
}

/// The lists that an entry names.
///
/// # Errors
/// A [`Failure`] at the place of an unknown one.
pub fn lists(bench: &Bench, names: &Sp<Names>) -> Result<Vec<List>, Failure> {
    let matrix = &bench.file.matrix;
    let all = names.value.all().iter().map(|name| {
        let list: List = name.parse()?;
        let empty = match list {
            List::Machine => matrix.machine.is_empty(),
            List::Settings => matrix.settings.is_empty(),
            List::Poke => matrix.poke.is_empty(),
            List::Stimuli => matrix.stimuli.is_empty(),
            List::Seed => matrix.seed.is_empty(),
            List::Firmware | List::Signal | List::Metric => false,
        };
        match empty {
            true => Err(format!("the matrix has no list `{name}`")),
            false => Ok(list),
        }
    });
    all.collect::<Result<_, String>>().map_err(|e| {
        let known: Vec<&str> = LISTS.iter().map(|(name, _)| *name).collect();
        bench.wrong(&names.at, e, format!("lists are: {}", known.join(", ")))
    })
}

/// What is shown in one cell of a table, as one point of a line or as one curve.
#[derive(Clone, Debug)]
pub struct Item {
    /// Name of the run.
    pub run: String,
    /// Name of the signal.
    pub signal: String,
    /// The metric, where a single figure is shown.
    pub metric: Option<Metric>,
    parts: Vec<(&'static str, String)>,
}

impl Item {
    /// What it is called in a list; empty when the matrix does not have the list.
    #[must_use]
    pub fn name(&self, list: List) -> String {
        match list {
            List::Signal => self.signal.clone(),
            List::Metric => self.metric.map(|m| m.to_string()).unwrap_or_default(),
            other => {
                let key = match other {
                    List::Firmware => "fw".to_owned(),
                    other => other.to_string(),
                };
                let part = self.parts.iter().find(|(k, _)| *k == key);
                part.map(|(_, name)| name.clone()).unwrap_or_default()
            }
        }
    }

    /// What it is called in several lists together.
    #[must_use]
    pub fn label(&self, lists: &[List]) -> String {
        let names = lists.iter().map(|l| self.name(*l));
        let names: Vec<String> = names.filter(|n| !n.is_empty()).collect();
        names.join(" ")
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.run, self.signal)?;
        self.metric.map_or(Ok(()), |m| write!(f, " {m}"))
    }
}

/// What an entry of the file chooses.
pub struct Choice<'a> {
    /// Signals.
    pub signal: &'a Sp<Names>,
    /// Metrics, for what shows figures.
    pub metric: Option<&'a Sp<Names>>,
    /// Firmware; all when empty.
    pub firmware: &'a [Sp<String>],
    /// Parts of the names of runs.
    pub only: &'a [Sp<String>],
}

/// What an entry shows, in the order of the file.
///
/// # Errors
/// A [`Failure`] at the place of a signal, metric, firmware or `where` that there is not.
pub fn items(bench: &Bench, runs: &[Run], choice: &Choice<'_>) -> Result<Vec<Item>, Failure> {
    let Choice { signal, metric, .. } = choice;
    let known = &bench.file.signal;
    let mut entries: Vec<&SignalEntry> = Vec::new();
    for name in signal.value.all() {
        let found = known.iter().find(|s| s.name.value == *name);
        entries.push(found.ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|s| s.name.as_str()).collect();
            let help = format!("there are: {}", names.join(", "));
            bench.wrong(&signal.at, format!("there is no signal `{name}`"), help)
        })?);
    }
    let metrics = match metric {
        None => vec![None],
        Some(names) => metrics(bench, names)?.into_iter().map(Some).collect(),
    };
    bench.known_firmware(choice.firmware)?;
    let named = |run: &&Run| {
        let mut names = choice.firmware.iter();
        choice.firmware.is_empty() || names.any(|f| f.value == run.firmware)
    };
    let mut chosen: Vec<&Run> = runs.iter().filter(named).collect();
    for text in choice.only {
        chosen.retain(|run| run.has(text));
        if chosen.is_empty() {
            let title = format!("no run has `{}`", text.value);
            let help = "write as in `tickscope bench --list`: poke=M=16";
            return Err(bench.wrong(&text.at, title, help));
        }
    }
    let mut items = Vec::new();
    for run in chosen {
        for entry in &entries {
            if !entry.firmware.is_empty() && entry.firmware.iter().all(|f| f.value != run.firmware)
            {
                continue;
            }
            items.extend(metrics.iter().map(|metric| Item {
                run: run.id.clone(),
                signal: entry.name.value.clone(),
                metric: *metric,
                parts: run.parts.clone(),
            }));
        }
    }
    if items.is_empty() {
        let title = "none of the runs that are chosen has this signal";
        return Err(bench.wrong(&signal.at, title, "see the signal's own `firmware` list"));
    }
    Ok(items)
}

/// The metrics that an entry names.
///
/// # Errors
/// A [`Failure`] at its place.
pub fn metrics(bench: &Bench, names: &Sp<Names>) -> Result<Vec<Metric>, Failure> {
    let all = names.value.all().iter().map(|n| n.parse::<Metric>());
    all.collect::<Result<_, _>>().map_err(|e| {
        let help = "write as in: period.pp, duration.max, mmu(1ms)";
        bench.wrong(&names.at, e.to_string(), help)
    })
}

/// The metrics that tables and plots show of a signal.
///
/// # Errors
/// A [`Failure`] at the place of one that is none.
pub fn wanted(bench: &Bench, signal: &str) -> Result<Vec<Metric>, Failure> {
    let tables = bench.file.table.iter().map(|t| (&t.signal, &t.metric));
    let plots = bench.file.plot.iter();
    let plots = plots.filter_map(|p| Some((&p.signal, p.metric.as_ref()?)));
    let mut all = Vec::new();
    for (signals, names) in tables.chain(plots) {
        if signals.value.all().iter().any(|s| s == signal) {
            all.extend(metrics(bench, names)?);
        }
    }
    Ok(all)
}

/// Each item needs a place of its own; `place` says which it has.
///
/// # Errors
/// A [`Failure`] at `at` with two items that have the same.
pub fn distinct(
    bench: &Bench,
    at: &At,
    items: &[Item],
    place: impl Fn(&Item) -> Vec<String>,
) -> Result<(), Failure> {
    for (i, item) in items.iter().enumerate() {
        let other = items[..i].iter().find(|o| place(o) == place(item));
        if let Some(other) = other {
            let title = format!("`{other}` and `{item}` would stand in the same place");
            let help = "name one more list, or choose with where = [\"poke=M=16\"]";
            return Err(bench.wrong(at, title, help));
        }
    }
    Ok(())
}

/// A figure with what is needed to show it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shown {
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// Core clock, in Hz.
    pub hz: f64,
}

/// What cycles are shown in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Core cycles.
    #[default]
    Cycles,
    /// Nanoseconds.
    Ns,
    /// Microseconds.
    Us,
    /// Milliseconds.
    Ms,
}

impl Scale {
    /// The value in this scale; what is not in cycles stays as it is.
    #[must_use]
    pub fn of(self, shown: Shown) -> f64 {
        let per_second = match self {
            Scale::Cycles => return shown.value,
            Scale::Ns => 1e9,
            Scale::Us => 1e6,
            Scale::Ms => 1e3,
        };
        match shown.unit {
            Unit::Cycles => shown.value * per_second / shown.hz,
            _ => shown.value,
        }
    }

    /// For the axis of a plot.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scale::Cycles => "cycles",
            Scale::Ns => "ns",
            Scale::Us => "µs",
            Scale::Ms => "ms",
        }
    }
}
