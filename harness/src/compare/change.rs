//! How one value differs from another, and whether that is worse.

use super::direction::Direction;
use super::tolerance::Tolerance;
use crate::metrics::compare::Comparison;
use crate::metrics::rational::Rational;
use crate::metrics::value::{MetricValue, Number};
use serde::Serialize;
use std::cmp::Ordering;

/// What a difference means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There is none.
    Same,
    /// Less than the tolerance.
    Within,
    /// Over many runs: chance would give it too often.
    Unsure,
    /// Better.
    Better,
    /// Worse.
    Worse,
    /// Another value, of a metric that is neither better nor worse.
    Changed,
    /// The first has it, this one does not.
    Missing,
    /// The first does not have it.
    New,
}

impl Verdict {
    /// The word in tables; nothing for what is the same.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Same => "",
            Verdict::Within => "within",
            Verdict::Unsure => "unsure",
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Changed => "changed",
            Verdict::Missing => "missing",
            Verdict::New => "new",
        }
    }
}

/// What many runs say.
#[derive(Clone, PartialEq, Debug)]
pub struct Statistics {
    /// Tests, effects, intervals.
    pub comparison: Comparison,
    /// p after Holm's correction.
    pub p: f64,
}

/// From the first run's value to another's.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// How much more it is; over many runs the Hodges-Lehmann shift. `None` when one is missing.
    pub delta: Option<MetricValue>,
    /// The same in percent of the first's; `None` when that is 0.
    pub percent: Option<f64>,
    /// What that means.
    pub verdict: Verdict,
    /// What many runs say; `None` for single runs, which are exact.
    pub statistics: Option<Statistics>,
}

/// What counts as worse.
#[derive(Clone, PartialEq, Debug)]
pub struct Judge {
    /// Differences within any of these are accepted.
    pub tolerances: Vec<Tolerance>,
    /// Significant is what chance gives less often than this.
    pub alpha: f64,
}

impl Default for Judge {
    fn default() -> Judge {
        Judge {
            tolerances: Vec::new(),
            alpha: 0.05,
        }
    }
}

impl Judge {
    /// One run against one run: every difference is real.
    #[must_use]
    pub fn exact(
        &self,
        direction: Direction,
        a: Option<MetricValue>,
        b: Option<MetricValue>,
    ) -> Option<Change> {
        let absent = |verdict| {
            Some(Change {
                delta: None,
                percent: None,
                verdict,
                statistics: None,
            })
        };
        let (a, b) = match (a, b) {
            (Some(a), Some(b)) => (a, b),
            (Some(_), None) => return absent(Verdict::Missing),
            (None, Some(_)) => return absent(Verdict::New),
            (None, None) => return None,
        };
        let delta = difference(a, b);
        let verdict = if a.number == b.number {
            Verdict::Same
        } else {
            let ranked = |v: MetricValue| direction.ranked(v.as_f64());
            let off = match direction {
                Direction::NearZero => ranked(b) - ranked(a),
                _ => delta.as_f64(),
            };
            self.verdict(direction, off, ranked(a), a)
        };
        Some(Change {
            percent: percent(delta.as_f64(), a.as_f64()),
            delta: Some(delta),
            verdict,
            statistics: None,
        })
    }

    /// Many runs against many: worse is what is over the tolerance and significant. `middle` is the first's median.
    #[must_use]
    pub fn many(
        &self,
        direction: Direction,
        middle: MetricValue,
        statistics: Statistics,
    ) -> Change {
        let shift = statistics.comparison.shift;
        let verdict = if statistics.p > self.alpha {
            Verdict::Unsure
        } else {
            self.verdict(direction, shift, middle.as_f64(), middle)
        };
        Change {
            // Adding 0 makes -0 a 0.
            delta: Some(MetricValue::real(shift + 0.0, middle.unit)),
            percent: percent(shift, middle.as_f64()),
            verdict,
            statistics: Some(statistics),
        }
    }

    fn verdict(&self, direction: Direction, off: f64, from: f64, of: MetricValue) -> Verdict {
        let mut tolerances = self.tolerances.iter();
        if tolerances.any(|t| t.accepts(off, from, of.unit)) {
            return Verdict::Within;
        }
        let lower = match direction {
            Direction::Lower | Direction::NearZero => Verdict::Better,
            Direction::Higher => Verdict::Worse,
            Direction::Neutral => return Verdict::Changed,
        };
        match off.total_cmp(&0.0) {
            Ordering::Less => lower,
            Ordering::Greater if lower == Verdict::Better => Verdict::Worse,
            Ordering::Greater => Verdict::Better,
            // As far from zero, on the other side.
            Ordering::Equal => Verdict::Changed,
        }
    }
}

/// `b - a`, exact where both are.
#[must_use]
pub fn difference(a: MetricValue, b: MetricValue) -> MetricValue {
    let exact = match (a.number, b.number) {
        (Number::Exact(a), Number::Exact(b)) => minus(b, a),
        _ => None,
    };
    match exact {
        Some(exact) => MetricValue::exact(exact, b.unit),
        None => MetricValue::real(b.as_f64() - a.as_f64(), b.unit),
    }
}

fn minus(a: Rational, b: Rational) -> Option<Rational> {
    let left = a.num().checked_mul(b.den())?;
    let right = b.num().checked_mul(a.den())?;
    Rational::new(left.checked_sub(right)?, a.den().checked_mul(b.den())?)
}

/// In percent of a value that is not 0.
#[must_use]
pub fn percent(delta: f64, of: f64) -> Option<f64> {
    (of != 0.0).then(|| delta / of.abs() * 100.0)
}

/// With its sign, `+12cy`.
#[must_use]
pub fn signed(value: MetricValue) -> String {
    match value.as_f64() > 0.0 {
        true => format!("+{value}"),
        false => value.to_string(),
    }
}

/// `+0.62 %`; a small one keeps two digits.
#[must_use]
pub fn signed_percent(percent: f64) -> String {
    match percent.abs() {
        0.0 => "0 %".to_owned(),
        p if p < 0.01 => format!("{percent:+.1e} %"),
        p if p >= 1e5 => format!("{percent:+.2e} %"),
        _ => format!("{percent:+.2} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::value::Unit;

    fn cycles(text: &str) -> Option<MetricValue> {
        Some(MetricValue::exact(text.parse().expect(text), Unit::Cycles))
    }

    #[test]
    fn one_run_is_exact() {
        let judge = Judge::default();
        let of = |d, a, b| judge.exact(d, cycles(a), cycles(b)).expect("both");
        let change = of(Direction::Lower, "800", "801");
        assert_eq!(change.verdict, Verdict::Worse);
        assert_eq!(signed(change.delta.expect("both")), "+1cy");
        assert_eq!(signed_percent(change.percent.expect("not 0")), "+0.12 %");
        assert_eq!(of(Direction::Higher, "800", "801").verdict, Verdict::Better);
        assert_eq!(of(Direction::Lower, "1/3", "1/4").verdict, Verdict::Better);
        assert_eq!(of(Direction::Neutral, "3", "4").verdict, Verdict::Changed);
        assert_eq!(of(Direction::Lower, "1/3", "2/6").verdict, Verdict::Same);
        assert_eq!(of(Direction::NearZero, "-3", "2").verdict, Verdict::Better);
        assert_eq!(of(Direction::NearZero, "-3", "-4").verdict, Verdict::Worse);
        assert_eq!(of(Direction::NearZero, "-3", "3").verdict, Verdict::Changed);
        // Beyond the digits of a float.
        let change = of(Direction::Lower, "9007199254740992", "9007199254740993");
        assert_eq!(change.verdict, Verdict::Worse);
        assert_eq!(signed(change.delta.expect("both")), "+1cy");
    }

    #[test]
    fn what_is_absent_is_told() {
        let judge = Judge::default();
        let a = cycles("1");
        let of = |a, b| judge.exact(Direction::Lower, a, b).map(|c| c.verdict);
        assert_eq!(of(a, None), Some(Verdict::Missing));
        assert_eq!(of(None, a), Some(Verdict::New));
        assert_eq!(of(None, None), None);
    }

    #[test]
    fn tolerances_accept() {
        let judge = Judge {
            tolerances: vec!["1%".parse().expect("fine"), "3cy".parse().expect("fine")],
            alpha: 0.05,
        };
        let of = |a, b| {
            let change = judge.exact(Direction::Lower, cycles(a), cycles(b));
            change.expect("both").verdict
        };
        assert_eq!(of("1000", "1010"), Verdict::Within);
        assert_eq!(of("1000", "1011"), Verdict::Worse);
        assert_eq!(of("0", "3"), Verdict::Within);
        assert_eq!(of("0", "4"), Verdict::Worse);
    }
}
