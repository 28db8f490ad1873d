//! Exact histograms: one count for each value, no buckets, so no cycle is lost.

use super::moments::Moments;
use super::percentile::Percentile;
use super::rational::Rational;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Values in cycles with their counts, ascending.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram {
    bins: Vec<(i64, u64)>,
}

/// A percentile of a histogram.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PercentileValue {
    /// Which.
    pub percentile: Percentile,
    /// The value at its rank, in cycles.
    pub value: i64,
    /// Are there values enough to trust it? See [`Percentile::supported_by`].
    pub supported: bool,
}

/// What a table shows of a histogram. Cycles, but for the count.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// How many values.
    pub count: u64,
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
    /// Greatest less least.
    pub pp: u64,
    /// The mean, exact.
    pub mean: Rational,
    /// Root of the mean squared deviation from the mean.
    pub rms: f64,
    /// The usual percentiles, each marked where the count does not support it.
    pub percentiles: Vec<PercentileValue>,
}

impl Histogram {
    /// Counts these values. Sorts them in place.
    #[must_use]
    pub fn of(mut values: Vec<i64>) -> Histogram {
        values.sort_unstable();
        let bins = values
            .chunk_by(|a, b| a == b)
            .map(|run| (run[0], run.len() as u64))
            .collect();
        Histogram { bins }
    }

    /// Values with their counts, ascending.
    #[must_use]
    pub fn bins(&self) -> &[(i64, u64)] {
        &self.bins
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bins.iter().map(|b| b.1).sum()
    }

    /// The least value.
    #[must_use]
    pub fn min(&self) -> Option<i64> {
        self.bins.first().map(|b| b.0)
    }

    /// The greatest value.
    #[must_use]
    pub fn max(&self) -> Option<i64> {
        self.bins.last().map(|b| b.0)
    }

    /// Count, extremes, mean and deviation.
    #[must_use]
    pub fn moments(&self) -> Moments {
        let mut m = Moments::about(self.bins.get(self.bins.len() / 2).map_or(0, |b| b.0));
        for &(value, count) in &self.bins {
            m.add_many(value, count);
        }
        m
    }

    /// The percentile by nearest rank. None without values.
    #[must_use]
    pub fn percentile(&self, percentile: Percentile) -> Option<PercentileValue> {
        let n = self.count();
        let mut left = percentile.rank(n);
        for &(value, count) in &self.bins {
            if left <= count {
                return Some(PercentileValue {
                    percentile,
                    value,
                    supported: percentile.supported_by(n),
                });
            }
            left -= count;
        }
        None
    }

    /// What a table shows. None without values.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let m = self.moments();
        let (min, max) = (m.min()?, m.max()?);
        Some(Summary {
            count: m.count(),
            min,
            max,
            pp: max.abs_diff(min),
            mean: m.mean()?,
            rms: m.deviation()?,
            percentiles: Percentile::USUAL
                .iter()
                .filter_map(|&p| self.percentile(p))
                .collect(),
        })
    }

    /// This one and another, counted together.
    #[must_use]
    pub fn merge(&self, other: &Histogram) -> Histogram {
        let mut bins: Vec<(i64, u64)> = [self.bins.as_slice(), &other.bins].concat();
        bins.sort_unstable();
        bins.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        Histogram { bins }
    }

    /// As text in the manner of `cyclictest -h`: a line for each value, then total and extremes as comments. Tools that
    /// plot cyclictest's output read it. The unit is the cycle.
    #[must_use]
    pub fn cyclictest(&self) -> String {
        let mut text = String::from("# Histogram\n");
        for (value, count) in &self.bins {
            let _ = writeln!(text, "{value:06} {count:06}");
        }
        let m = self.moments();
        let mean = m.mean().map_or(0, |m| m.num().div_euclid(m.den()));
        let (min, max) = (self.min().unwrap_or(0), self.max().unwrap_or(0));
        let _ = write!(
            text,
            "# Total: {:09}\n# Min Latencies: {min:05}\n# Avg Latencies: {mean:05}\n# Max Latencies: {max:05}\n\
             # Histogram Overflows: 00000\n",
            m.count()
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_summarises() {
        let h = Histogram::of(vec![5, 3, 5, -2, 5]);
        assert_eq!(h.bins(), [(-2, 1), (3, 1), (5, 3)]);
        let s = h.summary().expect("values");
        assert_eq!((s.count, s.min, s.max, s.pp), (5, -2, 5, 7));
        assert_eq!(s.mean, Rational::new(16, 5).expect("fits"));
        let deviation = [5.0, 3.0, 5.0, -2.0, 5.0f64]
            .iter()
            .map(|v| (v - 3.2) * (v - 3.2))
            .sum::<f64>();
        assert!((s.rms - (deviation / 5.0).sqrt()).abs() < 1e-14);
        assert_eq!(s.percentiles[0].value, 5);
        assert!(!s.percentiles[0].supported);
    }

    #[test]
    fn nothing_gives_nothing() {
        let h = Histogram::default();
        assert_eq!(h.summary(), None);
        assert_eq!(h.percentile(Percentile::USUAL[0]), None);
        assert!(h.cyclictest().contains("# Total: 000000000"));
    }

    #[test]
    fn merging_is_counting_together() {
        let (a, b) = (vec![1, 2, 2, 9], vec![-4, 2, 9, 10]);
        let both = Histogram::of([a.clone(), b.clone()].concat());
        assert_eq!(Histogram::of(a).merge(&Histogram::of(b)), both);
        assert_eq!(both.merge(&Histogram::default()), both);
    }

    #[test]
    fn text_as_cyclictest_writes_it() {
        let text = Histogram::of(vec![12, 14, 12]).cyclictest();
        assert_eq!(
            text,
            "# Histogram\n000012 000002\n000014 000001\n# Total: 000000003\n# Min Latencies: 00012\n\
             # Avg Latencies: 00012\n# Max Latencies: 00014\n# Histogram Overflows: 00000\n"
        );
    }
}
