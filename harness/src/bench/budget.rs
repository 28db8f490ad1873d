//! Budgets: `period.pp <= 200cy`, `latency.p99.9 < 2us`, `mmu(1ms) >= 0.5`.

use super::file::{Bench, Budget};
use super::verdict::{Kind, Status, Verdict};
use crate::analysis::Analysis;
use crate::failure::{Exit, Failure};
use crate::metrics::name::Metric;
use crate::metrics::rational::Rational;
use crate::metrics::value::Unit;
use crate::units::{AS_PER_S, Span};
use emu_core::Ratio;
use std::cmp::Ordering;
use std::fmt;

/// A budget that was read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Requirement {
    /// What is measured.
    pub metric: Metric,
    relation: Relation,
    limit: Limit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
}

const RELATIONS: [(&str, Relation); 6] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("==", Relation::Equal),
    ("<", Relation::Below),
    (">", Relation::Above),
    ("=", Relation::Equal),
];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Limit {
    /// A number in the metric's own unit.
    Number(Rational),
    /// A number of cycles.
    Cycles(Rational),
    /// A number in ppm.
    Ppm(Rational),
    /// Time in attoseconds.
    Time(u128),
}

impl Requirement {
    /// Read a budget of a bench file.
    ///
    /// # Errors
    /// A [`Failure`] at its place.
    pub fn of(bench: &Bench, budget: &Budget) -> Result<Requirement, Failure> {
        parse(&budget.require.value).map_err(|e| {
            let help = "write as in: period.pp <= 200cy, latency.p99.9 < 2us, mmu(1ms) >= 0.5";
            bench.wrong(&budget.require.at, e, help)
        })
    }

    /// Does it hold?
    #[must_use]
    pub fn judge(&self, analysis: &Analysis, hz: Ratio) -> Verdict {
        let mut verdict = Verdict {
            run: String::new(),
            kind: Kind::Budget,
            status: Status::Error,
            signal: String::new(),
            metric: self.metric.to_string(),
            wanted: self.wanted(),
            got: String::new(),
            message: String::new(),
            place: None,
            asked_at: None,
            exit: Exit::Firmware as u8,
        };
        let value = match analysis.metric(self.metric) {
            Ok(value) => value,
            Err(absent) => {
                verdict.message = absent.to_string();
                return verdict;
            }
        };
        verdict.got = value.to_string();
        let Some(limit) = self.limit.in_unit(value.unit, hz) else {
            verdict.message = format!("{} is no limit for {}", self.limit, self.metric);
            return verdict;
        };
        let order = value.against(limit);
        let holds = match self.relation {
            Relation::AtMost => order != Ordering::Greater,
            Relation::Below => order == Ordering::Less,
            Relation::AtLeast => order != Ordering::Less,
            Relation::Above => order == Ordering::Greater,
            Relation::Equal => order == Ordering::Equal,
        };
        verdict.status = if holds { Status::Pass } else { Status::Fail };
        if !holds {
            verdict.message = format!("it is {value}");
        }
        verdict
    }

    fn wanted(&self) -> String {
        let sign = RELATIONS.iter().find(|(_, r)| *r == self.relation);
        format!("{} {}", sign.map_or("", |(s, _)| s), self.limit)
    }
}

impl Limit {
    fn in_unit(self, unit: Unit, hz: Ratio) -> Option<Rational> {
        match (self, unit) {
            (Limit::Number(n), _)
            | (Limit::Cycles(n), Unit::Cycles)
            | (Limit::Ppm(n), Unit::Ppm) => Some(n),
            (Limit::Time(t), Unit::Cycles) => {
                let t = Rational::new(i128::try_from(t).ok()?, AS_PER_S as i128)?;
                let num = t.num().checked_mul(hz.num().into())?;
                Rational::new(num, t.den().checked_mul(hz.den().into())?)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Number(n) => write!(f, "{}", decimal(*n)),
            Limit::Cycles(n) => write!(f, "{}cy", decimal(*n)),
            Limit::Ppm(n) => write!(f, "{}ppm", decimal(*n)),
            Limit::Time(t) => write!(f, "{}", crate::units::time(*t).replace(' ', "")),
        }
    }
}

/// As it was written: limits are decimal.
fn decimal(n: Rational) -> String {
    match n.den() {
        1 => n.to_string(),
        _ => n.as_f64().to_string(),
    }
}

fn parse(text: &str) -> Result<Requirement, String> {
    let found = RELATIONS
        .iter()
        .filter_map(|(sign, relation)| Some((text.find(sign)?, *sign, *relation)))
        // The first sign, and of those there the longest.
        .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
    let Some((at, sign, relation)) = found else {
        return Err(format!("`{text}` compares nothing"));
    };
    let metric = text[..at].trim().parse::<Metric>();
    let metric = metric.map_err(|e| e.to_string())?;
    let limit = limit(text[at + sign.len()..].trim())?;
    Ok(Requirement {
        metric,
        relation,
        limit,
    })
}

fn limit(text: &str) -> Result<Limit, String> {
    let number = |t: &str| number(t).ok_or_else(|| format!("`{text}` is no limit"));
    if let Some(percent) = text.strip_suffix('%') {
        let n = number(percent)?;
        let share = n
            .den()
            .checked_mul(100)
            .and_then(|d| Rational::new(n.num(), d));
        return share
            .map(Limit::Number)
            .ok_or_else(|| format!("`{text}` is no limit"));
    }
    if let Some(ppm) = text.strip_suffix("ppm") {
        return number(ppm).map(Limit::Ppm);
    }
    if let Some(cycles) = text.strip_suffix("cycles").or(text.strip_suffix("cy")) {
        return number(cycles).map(Limit::Cycles);
    }
    if text.ends_with(|c: char| c.is_ascii_digit()) {
        return number(text).map(Limit::Number);
    }
    match text.parse::<Span>() {
        Ok(Span::Time(t)) => Ok(Limit::Time(t)),
        Ok(Span::Cycles(n)) => Ok(Limit::Cycles(Rational::whole(n))),
        Err(e) => Err(e.to_string()),
    }
}

/// `200`, `-3`, `0.5` as an exact number.
pub(super) fn number(text: &str) -> Option<Rational> {
    let plain = text.trim().replace('_', "");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let digits = fraction.len() <= 18 && fraction.chars().all(|c| c.is_ascii_digit());
    if !digits || whole.is_empty() {
        return None;
    }
    let scaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    Rational::new(scaled, 10i128.pow(fraction.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_documented() {
        for (text, wanted) in [
            ("period.pp <= 200cy", "<= 200cy"),
            ("latency.p99.9<2us", "< 2us"),
            ("mmu(1ms) >= 0.5", ">= 0.5"),
            ("duty.mean == 50%", "== 0.5"),
            ("drift < 1.5ppm", "< 1.5ppm"),
            ("skipped = 0", "== 0"),
        ] {
            assert_eq!(parse(text).expect(text).wanted(), wanted);
        }
        let e = parse("period.pp 200").expect_err("no relation");
        assert!(e.contains("compares nothing"), "{e}");
        let e = parse("perod.pp < 200").expect_err("no metric");
        assert!(e.contains("no metric"), "{e}");
        assert!(parse("period.pp < fast").is_err() && parse("period.pp < ").is_err());
    }

    #[test]
    fn limits_of_another_unit_are_no_pass() {
        let hz = Ratio::hz(168_000_000);
        let cycles = limit("1us").expect("time").in_unit(Unit::Cycles, hz);
        assert_eq!(cycles, Some(Rational::whole(168)));
        assert_eq!(limit("1us").expect("time").in_unit(Unit::Ratio, hz), None);
        assert_eq!(limit("3cy").expect("cycles").in_unit(Unit::Ppm, hz), None);
    }
}
