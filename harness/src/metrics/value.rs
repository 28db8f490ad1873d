//! The value of a metric, or why there is none.

use super::name::Metric;
use super::rational::Rational;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// What a value counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Core cycles.
    Cycles,
    /// A share of a whole.
    Ratio,
    /// Parts per million.
    Ppm,
    /// Things: edges, periods.
    Count,
    /// Something a second.
    PerSecond,
    /// No unit (Allan deviation: a fraction of the frequency).
    One,
}

impl Unit {
    /// A number as it is written, and its unit: that of the symbol behind it, else none.
    #[must_use]
    pub fn split(text: &str) -> (&str, Unit) {
        let text = text.trim();
        let mut behind = [Unit::Cycles, Unit::Ppm, Unit::PerSecond].into_iter();
        let found = behind.find_map(|u| Some((text.strip_suffix(u.symbol())?, u)));
        let (number, unit) = found.unwrap_or((text, Unit::One));
        (number.trim(), unit)
    }

    /// What stands behind a number: `cy`, `ppm`, or nothing.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Cycles => "cy",
            Unit::Ppm => "ppm",
            Unit::PerSecond => "/s",
            Unit::Ratio | Unit::Count | Unit::One => "",
        }
    }
}

/// A number, exact where its definition is.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// Whole, or a fraction of whole numbers. In files a text: `"800"`, `"33601/2"`.
    Exact(Rational),
    /// A root, a fit, a deviation.
    Real(f64),
}

/// What a metric is for one signal.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct MetricValue {
    /// How much.
    pub number: Number,
    /// Of what.
    pub unit: Unit,
}

impl MetricValue {
    /// An exact value.
    #[must_use]
    pub fn exact(value: Rational, unit: Unit) -> MetricValue {
        MetricValue {
            number: Number::Exact(value),
            unit,
        }
    }

    /// A float.
    #[must_use]
    pub fn real(value: f64, unit: Unit) -> MetricValue {
        MetricValue {
            number: Number::Real(value),
            unit,
        }
    }

    /// The value as a float.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        match self.number {
            Number::Exact(r) => r.as_f64(),
            Number::Real(v) => v,
        }
    }

    /// Cycles as seconds, at this core frequency in Hz. None for other units.
    #[must_use]
    pub fn seconds(&self, core_hz: Rational) -> Option<f64> {
        let clock = core_hz.is_positive() && self.unit == Unit::Cycles;
        clock.then(|| self.as_f64() / core_hz.as_f64())
    }

    /// Against a limit: exact values compare exactly.
    #[must_use]
    pub fn against(&self, limit: Rational) -> Ordering {
        match self.number {
            Number::Exact(r) => r.cmp(&limit),
            Number::Real(v) => v.total_cmp(&limit.as_f64()),
        }
    }
}

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Number::Exact(r) if r.den() == 1 => write!(f, "{r}")?,
            _ => f.write_str(&shortened(self.as_f64()))?,
        }
        f.write_str(self.unit.symbol())
    }
}

/// Six significant digits, or six decimals of large numbers' tails: `16800.5`, `0.333333`, `2.92232e-7`.
fn shortened(v: f64) -> String {
    if v != 0.0 && v.abs() < 1e-3 {
        return format!("{v:.5e}");
    }
    let text = format!("{v:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Why a metric has no value. Never a pass.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Absent {
    /// Not enough of something.
    #[error("{metric} needs {needs} {what}; there are {have}")]
    TooFew {
        /// The metric.
        metric: Metric,
        /// The least number that gives it.
        needs: u64,
        /// How many there are.
        have: u64,
        /// Of what.
        what: &'static str,
    },
    /// A percentile with too small a tail.
    #[error("{metric} needs {needs} {what} (ten above the percentile); there are {have}")]
    Unsupported {
        /// The metric.
        metric: Metric,
        /// The least number that supports it.
        needs: u64,
        /// How many there are.
        have: u64,
        /// Of what.
        what: &'static str,
    },
    /// The signal is of another kind.
    #[error("{metric} is a metric of {wanted}; this signal has {found}")]
    WrongSignal {
        /// The metric.
        metric: Metric,
        /// What it is of.
        wanted: &'static str,
        /// What the signal is.
        found: &'static str,
    },
    /// A window that does not fit.
    #[error("{metric} needs a run of {window} cycles; this one has {run}")]
    WindowTooLong {
        /// The metric.
        metric: Metric,
        /// Window in cycles.
        window: u64,
        /// Run in cycles.
        run: u64,
    },
    /// No nominal period was given.
    #[error("{0} needs a nominal period: give the signal one")]
    NoNominal(Metric),
    /// A window in seconds, and no frequency.
    #[error("{0} needs the core's frequency, or a window in cycles")]
    NoFrequency(Metric),
    /// No falling edges.
    #[error("{0} needs falling edges as well as rising ones")]
    NoFalls(Metric),
    /// No deadline was given.
    #[error("{0} needs a deadline: give the signal one")]
    NoDeadline(Metric),
    /// Events without values.
    #[error("{0} needs values: of write:, itm:, uart: or capture: events")]
    NoValues(Metric),
    /// Nothing repeats.
    #[error("{metric}: no comb was found in {periods} periods")]
    NoComb {
        /// The metric.
        metric: Metric,
        /// Periods that were searched.
        periods: u64,
    },
    /// All edges are in one cycle.
    #[error("{0} has no meaning: the mean period is 0")]
    NoPeriod(Metric),
    /// The analysis was made without it.
    #[error("{0} was not computed: the analysis was not told that it is needed")]
    NotComputed(Metric),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_with_units() {
        let exact = |t: &str, u| MetricValue::exact(t.parse().expect(t), u).to_string();
        assert_eq!(exact("800", Unit::Cycles), "800cy");
        assert_eq!(exact("33601/2", Unit::Cycles), "16800.5cy");
        assert_eq!(exact("1/3", Unit::Ratio), "0.333333");
        assert_eq!(
            MetricValue::real(2.922_319e-7, Unit::One).to_string(),
            "2.92232e-7"
        );
        assert_eq!(MetricValue::real(-5.95, Unit::Ppm).to_string(), "-5.95ppm");
        assert_eq!(MetricValue::real(0.0, Unit::Cycles).to_string(), "0cy");
    }

    #[test]
    fn cycles_have_seconds() {
        let v = MetricValue::exact(Rational::whole(168), Unit::Cycles);
        assert_eq!(v.seconds(Rational::whole(168_000_000)), Some(1e-6));
        assert_eq!(v.seconds(Rational::ZERO), None);
        assert_eq!(
            MetricValue::real(1.0, Unit::Ppm).seconds(Rational::whole(1)),
            None
        );
    }

    #[test]
    fn units_are_found_behind_numbers() {
        assert_eq!(Unit::split(" 12cy"), ("12", Unit::Cycles));
        assert_eq!(Unit::split("-1.5ppm"), ("-1.5", Unit::Ppm));
        assert_eq!(Unit::split("5/2/s"), ("5/2", Unit::PerSecond));
        assert_eq!(Unit::split("1/3"), ("1/3", Unit::One));
    }

    #[test]
    fn limits_compare_exactly() {
        let third = MetricValue::exact("1/3".parse().expect("fits"), Unit::Ratio);
        assert_eq!(
            third.against("0.3333333333333333333333".parse().expect("fits")),
            Ordering::Greater
        );
        assert_eq!(third.against("1/3".parse().expect("fits")), Ordering::Equal);
        assert_eq!(
            MetricValue::real(0.5, Unit::Ratio).against(Rational::whole(1)),
            Ordering::Less
        );
    }

    #[test]
    fn files_keep_them_exact() {
        for v in [
            MetricValue::exact("33601/2".parse().expect("fits"), Unit::Cycles),
            MetricValue::real(0.5, Unit::One),
        ] {
            let text = serde_json::to_string(&v).expect("JSON");
            assert_eq!(
                serde_json::from_str::<MetricValue>(&text).expect("JSON"),
                v,
                "{text}"
            );
        }
    }
}
