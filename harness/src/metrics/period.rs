//! Period jitter (JEDEC JESD65B): how far single periods lie from T and from each other.

use super::histogram::{Histogram, Summary};
use super::rational::Rational;
use super::reference::Period;
use super::times::Times;
use super::worst::{Largest, Worst};
use serde::{Deserialize, Serialize};

/// Period jitter. Period k, from 1, ends at edge k.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeriodJitter {
    /// Count, extremes, p-p, mean, RMS about the mean, percentiles of the periods, in cycles.
    pub summary: Summary,
    /// The shortest period less T, in cycles.
    pub least: Rational,
    /// The longest period less T, in cycles.
    pub greatest: Rational,
    /// The periods farthest from T, by index and the cycle at which they end.
    pub worst: Vec<Worst<i64>>,
    /// Every period length with its count.
    pub histogram: Histogram,
}

impl PeriodJitter {
    /// None without a period.
    #[must_use]
    pub fn of(times: Times, t: Period, worst: usize) -> Option<PeriodJitter> {
        let histogram = Histogram::of(times.lengths().collect());
        let summary = histogram.summary()?;
        Some(PeriodJitter {
            least: t.cycles.from_whole(i128::from(summary.min))?,
            greatest: t.cycles.from_whole(i128::from(summary.max))?,
            worst: farthest(times, t, worst),
            summary,
            histogram,
        })
    }
}

fn farthest(times: Times, t: Period, most: usize) -> Vec<Worst<i64>> {
    let (num, den) = (t.cycles.num(), t.cycles.den());
    let mut largest = Largest::new(most);
    for (i, p) in times.lengths().enumerate() {
        // Exact: |P - T| times the denominator.
        let off = (i128::from(p) * den).wrapping_sub(num).unsigned_abs();
        largest.offer(off, || Worst {
            index: i as u64 + 1,
            cycle: times.all()[i + 1],
            value: p,
        });
    }
    largest.into_items().collect()
}

#[cfg(test)]
mod tests {
    use super::super::reference::Reference;
    use super::*;

    #[test]
    fn deviations_from_a_fraction_are_exact() {
        let times = Times::new(&[0, 100, 201, 301, 399]).expect("ascending");
        let nominal = Reference::Nominal("100.25".parse().expect("a number"));
        let t = nominal.of(times).expect("nominal");
        let j = PeriodJitter::of(times, t, 2).expect("periods");
        assert_eq!(j.least.to_string(), "-9/4");
        assert_eq!(j.greatest.to_string(), "3/4");
        assert_eq!(j.summary.pp, 3);
        let worst: Vec<_> = j
            .worst
            .iter()
            .map(|w| (w.index, w.cycle, w.value))
            .collect();
        assert_eq!(worst, [(4, 399, 98), (2, 201, 101)]);
    }
}
