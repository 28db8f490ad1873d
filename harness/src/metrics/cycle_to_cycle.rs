//! Cycle-to-cycle jitter (JESD65B): how much a period differs from the one before.

use super::moments::Moments;
use super::times::Times;
use super::worst::{Largest, Worst};
use serde::{Deserialize, Serialize};

/// Differences of neighbouring periods, C_k = P_{k+1} - P_k. Cycles, but for the count.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CycleToCycle {
    /// How many differences: two less than edges.
    pub count: u64,
    /// The largest, without its sign.
    pub max: u64,
    /// The root of the mean square.
    pub rms: f64,
    /// The largest ones: k, and the cycle of edge k, that lies between the two periods.
    pub worst: Vec<Worst<i64>>,
}

impl CycleToCycle {
    /// None with fewer than two periods.
    #[must_use]
    pub fn of(times: Times, worst: usize) -> Option<CycleToCycle> {
        let mut m = Moments::about(0);
        let mut largest = Largest::new(worst);
        for (i, w) in times.all().windows(3).enumerate() {
            let c = (w[2] - w[1]) as i64 - (w[1] - w[0]) as i64;
            m.add(c);
            largest.offer(c.unsigned_abs(), || Worst {
                index: i as u64 + 1,
                cycle: w[1],
                value: c,
            });
        }
        let (min, max) = (m.min()?, m.max()?);
        let (mean, deviation) = (m.mean()?.as_f64(), m.deviation()?);
        Some(CycleToCycle {
            count: m.count(),
            max: min.unsigned_abs().max(max.unsigned_abs()),
            rms: mean.hypot(deviation),
            worst: largest.into_items().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_neighbours() {
        // Periods 10, 13, 9: differences 3, -4.
        let times = Times::new(&[5, 15, 28, 37]).expect("ascending");
        let c = CycleToCycle::of(times, 1).expect("periods");
        assert_eq!((c.count, c.max), (2, 4));
        assert!((c.rms - 12.5f64.sqrt()).abs() < 1e-14);
        assert_eq!(
            c.worst,
            [Worst {
                index: 2,
                cycle: 28,
                value: -4
            }]
        );
        assert_eq!(
            CycleToCycle::of(Times::new(&[1, 2]).expect("fine"), 1),
            None
        );
    }
}
