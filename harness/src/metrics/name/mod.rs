//! Names of metrics, as budgets and tables write them: `period.p99.9`, `nperiod(4).pp`, `mmu(1ms)`.
//!
//! A name is a group, an argument in parentheses where the group has one, and a statistic where it has some.

mod parse;
mod table;

use super::percentile::Percentile;
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
    /// Intervals that are longer than their deadline.
    Misses,
    /// Values that events carry.
    Value,
    /// How much a counter grows in a second.
    Rate,
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
        table::ENTRIES.iter().map(|e| {
            let statistics = match e.statistics {
                [] => String::new(),
                list => format!(".{{{}}}", list.join(",").replace("p50", "pNN")),
            };
            (format!("{}{statistics}", e.with_argument()), e.about)
        })
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Metric, MetricError> {
        parse::parse(text.trim()).map_err(|reason| MetricError {
            text: text.to_owned(),
            reason,
        })
    }
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
            Group::Misses => f.write_str("misses"),
            Group::Value => f.write_str("value"),
            Group::Rate => f.write_str("rate"),
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
