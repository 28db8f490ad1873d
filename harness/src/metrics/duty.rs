//! High time and duty cycle, from rising and falling edges.

use super::histogram::{Histogram, Summary};
use super::rational::Rational;
use super::times::Times;
use serde::{Deserialize, Serialize};

/// High times and duty cycles. High pulse k starts at the k-th rising edge, from 0.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Duty {
    /// High times in cycles: from a rising edge to the next falling one. Their p-p is the duty-cycle distortion.
    pub high: Summary,
    /// Every high time with its count.
    pub histogram: Histogram,
    /// Periods that have a duty cycle: from a rising edge to the next, with a falling one between.
    pub periods: u64,
    /// The least duty cycle.
    pub min: Option<Rational>,
    /// The greatest.
    pub max: Option<Rational>,
    /// The share of time that those periods were high.
    pub mean: Option<Rational>,
    /// Rising edges without a falling one before the next rising one. Not measured.
    pub unmatched: u64,
}

impl Duty {
    /// None without a complete high time.
    #[must_use]
    pub fn of(rises: Times, falls: Times) -> Option<Duty> {
        let (rises, falls) = (rises.all(), falls.all());
        let mut high_times = Vec::new();
        let (mut high_total, mut total, mut periods, mut unmatched) = (0i128, 0i128, 0, 0);
        // As high time and period; compared by cross products, which fit.
        let (mut min, mut max) = (None, None);
        let less = |a: (i128, i128), b: (i128, i128)| a.0 * b.1 < b.0 * a.1;
        let mut fall = 0;
        for (i, &rise) in rises.iter().enumerate() {
            while falls.get(fall).is_some_and(|&f| f < rise) {
                fall += 1;
            }
            let next = rises.get(i + 1);
            let Some(&down) = falls.get(fall).filter(|&&f| next.is_none_or(|&n| f <= n)) else {
                // The last pulse may still be high when the run ends.
                unmatched += u64::from(next.is_some());
                continue;
            };
            fall += 1;
            let high = (down - rise) as i64;
            high_times.push(high);
            let Some(period) = next.map(|n| n - rise).filter(|&p| p > 0) else {
                continue;
            };
            periods += 1;
            high_total += i128::from(high);
            total += i128::from(period);
            let duty = (i128::from(high), i128::from(period));
            min = min.filter(|&m| less(m, duty)).or(Some(duty));
            max = max.filter(|&m| less(duty, m)).or(Some(duty));
        }
        let ratio = |d: (i128, i128)| Rational::new(d.0, d.1);
        let histogram = Histogram::of(high_times);
        Some(Duty {
            high: histogram.summary()?,
            histogram,
            periods,
            min: min.and_then(ratio),
            max: max.and_then(ratio),
            mean: Rational::new(high_total, total),
            unmatched,
        })
    }

    /// Greatest less least duty cycle. None without a whole period.
    #[must_use]
    pub fn pp(&self) -> Option<Rational> {
        let (min, max) = (self.min?, self.max?);
        // Terms are below 2^57, so the products fit.
        Rational::new(
            max.num() * min.den() - min.num() * max.den(),
            max.den() * min.den(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duty(rises: &[u64], falls: &[u64]) -> Option<Duty> {
        Duty::of(
            Times::new(rises).expect("ascending"),
            Times::new(falls).expect("ascending"),
        )
    }

    #[test]
    fn thirds_and_halves() {
        let d = duty(&[10, 40, 60, 90], &[5, 20, 50, 75]).expect("pulses");
        assert_eq!(d.histogram.bins(), [(10, 2), (15, 1)]);
        assert_eq!((d.periods, d.unmatched, d.high.pp), (3, 0, 5));
        let text = |r: Option<Rational>| r.expect("periods").to_string();
        assert_eq!((text(d.min), text(d.max)), ("1/3".into(), "1/2".into()));
        assert_eq!(text(d.mean), "7/16");
        assert_eq!(text(d.pp()), "1/6");
    }

    #[test]
    fn a_missing_fall_is_told_and_not_measured() {
        let d = duty(&[10, 40, 60], &[50, 70]).expect("pulses");
        assert_eq!((d.unmatched, d.high.count, d.periods), (1, 2, 1));
        assert_eq!(duty(&[10], &[]), None);
        let one = duty(&[10], &[15]).expect("a pulse");
        assert_eq!((one.pp(), one.mean, one.periods), (None, None, 0));
    }
}
