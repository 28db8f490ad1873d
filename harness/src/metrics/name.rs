//! Names of metrics, as budgets and tables write them: `period.p99.9`, `nperiod(4).pp`, `mmu(1ms)`.
//!
//! A name is a group, an argument in parentheses where the group has one, and a statistic where it has some.

use super::percentile::Percentile;
use crate::nearest::nearest;
use crate::units::{AS_PER_S, Span};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Lengths of periods.
    Period,
    /// Differences of neighbouring periods.
    CycleToCycle,
    /// Lengths of n periods together, less n T.
    NPeriod(u64),
    /// Time interval error.
    Tie,
    /// MTIE over n periods.
    Mtie(u64),
    /// Overlapping Allan deviation over m periods.
    Allan(u64),
    /// Duty cycle.
    Duty,
    /// High time.
    High,
    /// Mean period against the nominal one, in ppm.
    Drift,
    /// Periods that are missing, against the nominal one.
    Skipped,
    /// Edges too many, against the nominal period.
    Doubled,
    /// How many edges or intervals there are.
    Count,
    /// Lengths of intervals, under one of their names.
    Duration(DurationName),
    /// From the end of an interval to the next begin.
    Gap,
    /// Share of the run that intervals cover.
    Share,
    /// Minimum mutator utilisation in windows of this length.
    Mmu(Window),
    /// Periods from tooth to tooth of the comb.
    CombPeriod,
    /// Height of the comb's teeth.
    CombAmplitude,
}

/// What lengths of intervals are called. They all measure the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DurationName {
    /// `duration`
    Duration,
    /// `latency`
    Latency,
    /// `pause`
    Pause,
    /// `response`
    Response,
}

/// The length of a window, as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window(pub Span);

/// Which figure of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Statistic {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean.
    Mean,
    /// Greatest less least.
    Pp,
    /// Root mean square (of deviations from the mean, but for c2c and TIE).
    Rms,
    /// A percentile by nearest rank.
    Percentile(Percentile),
}

/// The name of a metric. See the module for the grammar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Metric {
    group: Group,
    statistic: Option<Statistic>,
}

/// A text that names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no metric: {reason}")]
pub struct MetricError {
    text: String,
    reason: String,
}

/// What a group takes in parentheses.
#[derive(Clone, Copy, PartialEq)]
enum Argument {
    None,
    Number,
    Window,
}

/// A group as the grammar knows it.
struct Entry {
    name: &'static str,
    argument: Argument,
    /// Which statistics it has; none when it is one figure.
    statistics: &'static [&'static str],
    group: fn(Argued) -> Group,
    /// For the list of metrics.
    about: &'static str,
}

/// A parsed argument; what the group does not take is nothing.
#[derive(Clone, Copy)]
struct Argued {
    number: u64,
    window: Span,
}

const NO_ARGUMENT: Argued = Argued {
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

const ENTRIES: &[Entry] = &[
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
        "comb.amplitude",
        None,
        &[],
        |_| Group::CombAmplitude,
        "size of that disturbance"
    ),
];

impl Metric {
    /// What is measured.
    #[must_use]
    pub fn group(self) -> Group {
        self.group
    }

    /// Which figure of it; none for a group that is one figure.
    #[must_use]
    pub fn statistic(self) -> Option<Statistic> {
        self.statistic
    }

    /// A pattern for each metric, with what it says: `nperiod(N).{pp,rms,min,max}`. For help texts.
    pub fn patterns() -> impl Iterator<Item = (String, &'static str)> {
        ENTRIES.iter().map(|e| {
            let statistics = match e.statistics {
                [] => String::new(),
                list => format!(".{{{}}}", list.join(",").replace("p50", "pNN")),
            };
            (format!("{}{statistics}", e.with_argument()), e.about)
        })
    }
}

impl Entry {
    fn with_argument(&self) -> String {
        let argument = match self.argument {
            Argument::None => "",
            Argument::Number => "(N)",
            Argument::Window => "(TIME)",
        };
        format!("{}{argument}", self.name)
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Metric, MetricError> {
        parse(text.trim()).map_err(|reason| MetricError {
            text: text.to_owned(),
            reason,
        })
    }
}

fn parse(text: &str) -> Result<Metric, String> {
    let (entry, rest) = find(text)?;
    let (argued, rest) = argument(entry, rest)?;
    let statistic = match (entry.statistics, rest.strip_prefix('.')) {
        ([], _) if rest.is_empty() => None,
        ([], _) => {
            return Err(format!(
                "`{}` is one figure; leave out `{rest}`",
                entry.name
            ));
        }
        (known, Some(name)) => Some(statistic(entry, known, name)?),
        (known, None) => return Err(format!("say which figure: {}", listed(entry, known))),
    };
    Ok(Metric {
        group: (entry.group)(argued),
        statistic,
    })
}

/// The entry whose name the text begins with, and what follows.
fn find(text: &str) -> Result<(&'static Entry, &str), String> {
    let exact = ENTRIES.iter().find_map(|e| {
        let rest = text.strip_prefix(e.name)?;
        let ends = rest.is_empty() || rest.starts_with(['(', '.']);
        ends.then_some((e, rest))
    });
    exact.ok_or_else(|| {
        let group = text.split(['(', '.']).next().unwrap_or(text);
        let whole = ENTRIES.iter().map(|e| e.name);
        let mut near = nearest(text, whole.clone().filter(|n| n.contains('.')), 2);
        near.extend(nearest(
            group,
            whole.clone().filter(|n| !n.contains('.')),
            3,
        ));
        let near: Vec<String> = if near.is_empty() {
            whole.map(str::to_owned).collect()
        } else {
            let entry = |n: &&str| ENTRIES.iter().find(|e| e.name == *n);
            near.iter().filter_map(entry).map(example).collect()
        };
        format!("write {}", near.join(", "))
    })
}

/// A name that the entry allows.
fn example(e: &Entry) -> String {
    let name = e
        .with_argument()
        .replace("(N)", "(4)")
        .replace("(TIME)", "(1ms)");
    match e.statistics.first() {
        Some(first) => format!("{name}.{first}"),
        None => name,
    }
}

fn argument<'a>(entry: &Entry, rest: &'a str) -> Result<(Argued, &'a str), String> {
    let inside = rest
        .strip_prefix('(')
        .map(|r| {
            r.split_once(')')
                .ok_or_else(|| "a parenthesis is open".to_owned())
        })
        .transpose()?;
    let missing = || format!("write {}", example(entry));
    match (entry.argument, inside) {
        (Argument::None, None) => Ok((NO_ARGUMENT, rest)),
        (Argument::None, Some(_)) => Err(format!("`{}` takes no argument", entry.name)),
        (_, None) => Err(missing()),
        (Argument::Number, Some((inside, rest))) => {
            let n = inside.trim().parse::<u64>().ok().filter(|&n| n > 0);
            let number =
                n.ok_or_else(|| format!("`{inside}` is not a number of periods from 1"))?;
            Ok((
                Argued {
                    number,
                    ..NO_ARGUMENT
                },
                rest,
            ))
        }
        (Argument::Window, Some((inside, rest))) => {
            let window: Span = inside
                .parse()
                .map_err(|e: crate::units::SpanError| e.to_string())?;
            if matches!(window, Span::Cycles(0) | Span::Time(0)) {
                return Err("a window must be longer than nothing".to_owned());
            }
            Ok((
                Argued {
                    window,
                    ..NO_ARGUMENT
                },
                rest,
            ))
        }
    }
}

fn statistic(entry: &Entry, known: &[&str], name: &str) -> Result<Statistic, String> {
    let percentiles = known.contains(&"p50");
    let starts_as_percentile = name
        .strip_prefix('p')
        .is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()));
    match name {
        _ if percentiles && starts_as_percentile => name
            .parse()
            .map(Statistic::Percentile)
            .map_err(|e: super::percentile::PercentileError| e.to_string()),
        _ if !known.contains(&name) => Err(format!(
            "`{name}` is none of its figures: {}",
            listed(entry, known)
        )),
        "min" => Ok(Statistic::Min),
        "max" => Ok(Statistic::Max),
        "mean" => Ok(Statistic::Mean),
        "pp" => Ok(Statistic::Pp),
        _ => Ok(Statistic::Rms),
    }
}

fn listed(entry: &Entry, known: &[&str]) -> String {
    let name = entry.with_argument().replace("(N)", "(4)");
    let all: Vec<String> = known.iter().map(|s| format!("{name}.{s}")).collect();
    let more = if known.contains(&"p50") {
        ", or any other percentile"
    } else {
        ""
    };
    format!("{}{more}", all.join(", "))
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            Group::Period => f.write_str("period"),
            Group::CycleToCycle => f.write_str("c2c"),
            Group::NPeriod(n) => write!(f, "nperiod({n})"),
            Group::Tie => f.write_str("tie"),
            Group::Mtie(n) => write!(f, "mtie({n})"),
            Group::Allan(m) => write!(f, "adev({m})"),
            Group::Duty => f.write_str("duty"),
            Group::High => f.write_str("high"),
            Group::Drift => f.write_str("drift"),
            Group::Skipped => f.write_str("skipped"),
            Group::Doubled => f.write_str("doubled"),
            Group::Count => f.write_str("count"),
            Group::Duration(DurationName::Duration) => f.write_str("duration"),
            Group::Duration(DurationName::Latency) => f.write_str("latency"),
            Group::Duration(DurationName::Pause) => f.write_str("pause"),
            Group::Duration(DurationName::Response) => f.write_str("response"),
            Group::Gap => f.write_str("gap"),
            Group::Share => f.write_str("share"),
            Group::Mmu(window) => write!(f, "mmu({window})"),
            Group::CombPeriod => f.write_str("comb.period"),
            Group::CombAmplitude => f.write_str("comb.amplitude"),
        }?;
        match self.statistic {
            None => Ok(()),
            Some(Statistic::Min) => f.write_str(".min"),
            Some(Statistic::Max) => f.write_str(".max"),
            Some(Statistic::Mean) => f.write_str(".mean"),
            Some(Statistic::Pp) => f.write_str(".pp"),
            Some(Statistic::Rms) => f.write_str(".rms"),
            Some(Statistic::Percentile(p)) => write!(f, ".{p}"),
        }
    }
}

impl fmt::Display for Window {
    /// In the largest unit that keeps it exact: it reads back as the same window.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span::Time(t) = self.0 else {
            return self.0.fmt(f);
        };
        let units = [
            ("s", AS_PER_S),
            ("ms", AS_PER_S / 1000),
            ("us", 1_000_000_000_000),
            ("ns", 1_000_000_000),
        ];
        match units.into_iter().find(|u| t.is_multiple_of(u.1)) {
            Some((unit, scale)) => write!(f, "{}{unit}", t / scale),
            None => {
                let text = format!("{}.{:06}", t / 1_000_000, t % 1_000_000);
                write!(f, "{}ps", text.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

impl TryFrom<String> for Metric {
    type Error = MetricError;

    fn try_from(text: String) -> Result<Metric, MetricError> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(m: Metric) -> String {
        m.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in [
            "period.pp",
            "period.min",
            "period.max",
            "period.rms",
            "period.mean",
            "period.p99.9",
            "c2c.max",
            "c2c.rms",
            "nperiod(4).pp",
            "tie.pp",
            "tie.rms",
            "mtie(16)",
            "adev(10)",
            "duty.pp",
            "duty.mean",
            "high.p99",
            "drift",
            "skipped",
            "doubled",
            "count",
            "duration.pp",
            "latency.p99.99",
            "pause.max",
            "response.mean",
            "gap.min",
            "share",
            "mmu(1ms)",
            "mmu(16800cy)",
            "mmu(1500us)",
            "comb.period",
            "comb.amplitude",
            "mmu(5s)",
            "mmu(1.5ps)",
        ] {
            let m: Metric = name.parse().expect(name);
            assert_eq!(m.to_string(), name);
            let json = serde_json::to_string(&m).expect("JSON");
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Metric>(&json).expect("JSON"), m);
        }
        assert_eq!(
            " mmu( 1.5 ms ) "
                .parse::<Metric>()
                .expect("fine")
                .to_string(),
            "mmu(1500us)"
        );
    }

    #[test]
    fn every_pattern_is_a_name() {
        assert_eq!(Metric::patterns().count(), ENTRIES.len());
        for e in ENTRIES {
            let name = example(e);
            assert_eq!(name.parse::<Metric>().expect(&name).to_string(), name);
            for s in e.statistics {
                let name = format!("{}.{s}", e.with_argument().replace("(N)", "(7)"));
                assert_eq!(name.parse::<Metric>().expect(&name).to_string(), name);
            }
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, says) in [
            ("perod.pp", "write period.min"),
            ("jitter", "period"),
            ("period", "say which figure: period.min"),
            ("period.avg", "`avg` is none of its figures"),
            ("period.p100", "for the ends write min and max"),
            ("c2c.p99", "c2c.max, c2c.rms"),
            ("nperiod.pp", "write nperiod(4).pp"),
            ("nperiod(0).pp", "from 1"),
            ("mtie(4", "parenthesis"),
            ("mtie(4).pp", "one figure"),
            ("drift.max", "one figure"),
            ("drift(3)", "takes no argument"),
            ("mmu(1)", "the unit is missing"),
            ("mmu(0ms)", "longer than nothing"),
            ("comb.amplitud", "comb.amplitude"),
            ("mtie(4)x", "one figure"),
            ("", "write"),
        ] {
            let e = text.parse::<Metric>().expect_err(text).to_string();
            assert!(
                e.contains(says) && e.contains("is no metric"),
                "{text}: {e}"
            );
        }
    }
}
