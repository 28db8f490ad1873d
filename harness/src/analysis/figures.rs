//! The figures that are shown of every signal, by the names that budgets use.

use super::Analysis;
use crate::metrics::name::Metric;
use crate::metrics::rational::Rational;
use crate::metrics::value::{Absent, MetricValue, Number};

/// Of edges, in the order of tables.
const OF_EDGES: &[&str] = &[
    "count",
    "period.min",
    "period.mean",
    "period.max",
    "period.pp",
    "period.rms",
    "period.p50",
    "period.p99",
    "period.p99.9",
    "c2c.max",
    "c2c.rms",
    "tie.pp",
    "tie.rms",
    "mtie(16)",
    "adev(1)",
    "adev(16)",
    "duty.mean",
    "duty.pp",
    "high.min",
    "high.max",
    "drift",
    "skipped",
    "doubled",
    "comb.period",
    "comb.amplitude",
    "value.min",
    "value.mean",
    "value.max",
    "rate",
];

/// Of intervals.
const OF_INTERVALS: &[&str] = &[
    "count",
    "duration.min",
    "duration.mean",
    "duration.p50",
    "duration.p90",
    "duration.p99",
    "duration.p99.9",
    "duration.max",
    "duration.pp",
    "misses",
    "gap.min",
    "share",
    "mmu(1ms)",
    "mmu(10ms)",
    "mmu(100ms)",
];

/// A metric and its value.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// Its name, as `period.pp`.
    pub metric: String,
    /// Its value.
    pub value: MetricValue,
}

impl Figure {
    /// Exact to the last digit, with its unit: `168012cy`, `33601/2cy`.
    #[must_use]
    pub fn text(&self) -> String {
        let unit = self.value.unit.symbol();
        match self.value.number {
            Number::Exact(r) => format!("{r}{unit}"),
            Number::Real(v) => format!("{v}{unit}"),
        }
    }

    /// For people: a few digits.
    #[must_use]
    pub fn shown(&self) -> String {
        self.value.to_string()
    }

    /// Is its definition one of whole numbers?
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact().is_some()
    }

    /// Its value, when that is exact.
    #[must_use]
    pub fn exact(&self) -> Option<Rational> {
        match self.value.number {
            Number::Exact(r) => Some(r),
            Number::Real(_) => None,
        }
    }

    /// A number for JSON: whole where it is.
    #[must_use]
    pub fn number(&self) -> serde_json::Value {
        match self.value.number {
            Number::Exact(r) if r.den() == 1 => match i64::try_from(r.num()) {
                Ok(n) => n.into(),
                Err(_) => r.as_f64().into(),
            },
            _ => self.value.as_f64().into(),
        }
    }

    /// The exact fraction, when it is one that a JSON number cannot hold.
    #[must_use]
    pub fn fraction(&self) -> Option<String> {
        self.exact().filter(|r| r.den() != 1).map(|r| r.to_string())
    }
}

impl Analysis {
    /// One metric.
    ///
    /// # Errors
    /// [`Absent`], which says why there is none.
    pub fn metric(&self, metric: Metric) -> Result<MetricValue, Absent> {
        match self {
            Analysis::Edges(e) => metric.of_edges(e),
            Analysis::Intervals(i) => metric.of_intervals(i),
        }
    }
}

/// All usual figures that a signal has, and those of `also`.
#[must_use]
pub fn figures(analysis: &Analysis, also: &[Metric]) -> Vec<Figure> {
    let usual = match analysis {
        Analysis::Edges(_) => OF_EDGES,
        Analysis::Intervals(_) => OF_INTERVALS,
    };
    let usual = usual.iter().filter_map(|m| m.parse::<Metric>().ok());
    let mut all: Vec<Metric> = usual.collect();
    all.extend(also);
    let mut figures: Vec<Figure> = Vec::new();
    for metric in all {
        let name = metric.to_string();
        if let Ok(value) = analysis.metric(metric)
            && figures.iter().all(|f| f.metric != name)
        {
            figures.push(Figure {
                metric: name,
                value,
            });
        }
    }
    figures
}

/// The usual metrics, for options that must know what will be asked.
#[must_use]
pub fn usual() -> Vec<Metric> {
    let all = OF_EDGES.iter().chain(OF_INTERVALS);
    all.filter_map(|m| m.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_name_is_a_metric() {
        assert_eq!(usual().len(), OF_EDGES.len() + OF_INTERVALS.len());
    }
}
