//! Against the nominal period: drift, periods that were skipped, edges too many.

use super::rational::Rational;
use super::times::Times;
use serde::{Deserialize, Serialize};

/// A period that is not one nominal period long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Irregular {
    /// Which, from 1: the edge that ends it.
    pub index: u64,
    /// The cycle at which it ends.
    pub cycle: u64,
    /// Its length in cycles.
    pub period: u64,
    /// Nominal periods in it, rounded, halves up: 0 for an edge too many, 2 and more where some are missing.
    pub nominal_periods: u64,
}

/// How a signal keeps to its nominal period.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Regularity {
    /// The nominal period in cycles.
    pub nominal: Rational,
    /// Mean period over nominal period less 1, in parts per million: above 0 is slow.
    pub drift_ppm: f64,
    /// Periods that are missing: a period of three nominal ones counts 2.
    pub skipped: u64,
    /// Edges too many: periods shorter than half of the nominal.
    pub doubled: u64,
    /// The first irregular periods.
    pub irregular: Vec<Irregular>,
}

impl Regularity {
    /// None without a period. `nominal` is above 0; at most `most` irregular periods are listed.
    #[must_use]
    pub fn of(times: Times, nominal: Rational, most: usize) -> Option<Regularity> {
        if times.periods() == 0 || !nominal.is_positive() {
            return None;
        }
        let (num, den) = (nominal.num(), nominal.den());
        let expected = num.checked_mul(times.periods() as i128)?;
        let off = (i128::from(times.span()).checked_mul(den)?).checked_sub(expected)?;
        let (mut skipped, mut doubled) = (0, 0);
        let mut irregular = Vec::new();
        // Lengths in 0.5 T ..< 1.5 T are one period.
        let least = num.checked_add(2 * den - 1)? / (2 * den);
        let most_regular = num.checked_mul(3)?.checked_add(2 * den - 1)? / (2 * den);
        for (i, p) in times.lengths().enumerate() {
            if (least..most_regular).contains(&i128::from(p)) {
                continue;
            }
            let n = (i128::from(p) * den * 2 + num) / (num * 2);
            let n = u64::try_from(n).unwrap_or(u64::MAX);
            skipped += n.saturating_sub(1);
            doubled += u64::from(n == 0);
            if irregular.len() < most {
                irregular.push(Irregular {
                    index: i as u64 + 1,
                    cycle: times.all()[i + 1],
                    period: p as u64,
                    nominal_periods: n,
                });
            }
        }
        Some(Regularity {
            nominal,
            drift_ppm: off as f64 / expected as f64 * 1e6,
            skipped,
            doubled,
            irregular,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_missing_and_what_is_too_much() {
        let times = Times::new(&[0, 100, 400, 410, 500, 649, 799]).expect("ascending");
        let r = Regularity::of(times, Rational::whole(100), 9).expect("periods");
        // 300 has two too many periods in it, 10 is an edge too many, 149 is one period, 150 rounds to two.
        assert_eq!((r.skipped, r.doubled), (3, 1));
        let listed: Vec<_> = r
            .irregular
            .iter()
            .map(|i| (i.index, i.nominal_periods))
            .collect();
        assert_eq!(listed, [(2, 3), (3, 0), (6, 2)]);
        assert!((r.drift_ppm - (799.0 / 600.0 - 1.0) * 1e6).abs() < 1e-6);
    }

    #[test]
    fn halves_of_fractions_round_up() {
        let t = "100.5".parse().expect("a number");
        let one = |p| {
            let times = [0, p];
            let times = Times::new(&times).expect("ascending");
            let r = Regularity::of(times, t, 0).expect("a period");
            (r.skipped, r.doubled)
        };
        assert_eq!(one(50), (0, 1));
        assert_eq!(one(51), (0, 0));
        assert_eq!(one(150), (0, 0));
        assert_eq!(one(151), (1, 0));
        assert_eq!(one(0), (0, 1));
    }

    #[test]
    fn drift_of_a_crystal() {
        let times: Vec<u64> = (0..1001).map(|k| k * 168_001).collect();
        let times = Times::new(&times).expect("ascending");
        let r = Regularity::of(times, Rational::whole(168_000), 9).expect("periods");
        assert!((r.drift_ppm - 1e6 / 168_000.0).abs() < 1e-9);
        assert!(r.irregular.is_empty());
    }
}
