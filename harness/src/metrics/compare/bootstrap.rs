//! Bootstrap intervals: how far an estimate moves when the runs are drawn again, with repetition.

use super::random::Random;
use serde::{Deserialize, Serialize};

/// How resamples are drawn.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Resampling {
    /// Seed of the draws.
    pub seed: u64,
    /// How many resamples.
    pub resamples: u32,
    /// Share of the estimates inside the interval: 0.95.
    pub confidence: f64,
}

impl Default for Resampling {
    fn default() -> Resampling {
        Resampling {
            seed: 1,
            resamples: 2000,
            confidence: 0.95,
        }
    }
}

/// A percentile bootstrap interval.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end, in the estimate's unit.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The interval of an estimate from samples that are redrawn each on its own. None when a sample has fewer than two
/// values, or nothing is drawn.
#[must_use]
pub fn interval<const N: usize>(
    samples: [&[f64]; N],
    how: &Resampling,
    estimate: impl Fn([&[f64]; N]) -> Option<f64>,
) -> Option<Interval> {
    if samples.iter().any(|s| s.len() < 2) || !(0.0..1.0).contains(&how.confidence) {
        return None;
    }
    let mut random = Random::new(how.seed);
    let mut drawn = samples.map(<[f64]>::to_vec);
    let mut found = Vec::with_capacity(how.resamples as usize);
    for _ in 0..how.resamples {
        for (drawn, sample) in drawn.iter_mut().zip(samples) {
            drawn.fill_with(|| sample[random.below(sample.len() as u64) as usize]);
        }
        found.push(estimate(drawn.each_ref().map(Vec::as_slice))?);
    }
    found.sort_by(f64::total_cmp);
    let last = found.len().checked_sub(1)?;
    let outside = (1.0 - how.confidence) / 2.0 * found.len() as f64;
    let outside = (outside.floor() as usize).min(last / 2);
    Some(Interval {
        low: found[outside],
        high: found[last - outside],
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::sum::mean;
    use super::*;

    #[test]
    fn covers_the_mean_about_as_often_as_it_says() {
        let mut random = Random::new(3);
        let how = Resampling {
            resamples: 300,
            ..Resampling::default()
        };
        let mut covered = 0;
        for _ in 0..300 {
            let sample: Vec<f64> = (0..40).map(|_| random.below(1001) as f64).collect();
            let i = interval([&sample], &how, |[s]| Some(mean(s))).expect("values");
            covered += u32::from(i.low <= 500.0 && 500.0 <= i.high);
        }
        assert!((270..=297).contains(&covered), "{covered}");
    }

    #[test]
    fn the_seed_decides() {
        let sample = [1.0, 5.0, 9.0, 11.0, 30.0];
        let with = |seed| {
            let how = Resampling {
                seed,
                resamples: 50,
                confidence: 0.9,
            };
            interval([&sample, &sample], &how, |[a, b]| Some(mean(a) - mean(b)))
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
        let one = [1.0];
        assert_eq!(
            interval([&one], &Resampling::default(), |[s]| Some(mean(s))),
            None
        );
        let none = Resampling {
            resamples: 0,
            ..Resampling::default()
        };
        assert_eq!(interval([&sample], &none, |[s]| Some(mean(s))), None);
    }
}
