//! Two samples of a metric, each value from one run (a seed, a stimulus): do they differ, and by how much?
//!
//! Edges within a run are correlated, so they are no sample; a run is. A regression needs an effect over the tolerance
//! and significance, after Holm's correction over all that was compared.

pub mod bootstrap;
pub mod effect;
mod normal;
pub mod random;
mod ranks;
pub mod tests_of_rank;

use bootstrap::{Interval, Resampling, interval};
use serde::{Deserialize, Serialize};
use tests_of_rank::{
    Significance, least_p_paired, least_p_unpaired, mann_whitney, sign_test, wilcoxon,
};

/// Samples that cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Incomparable {
    /// Too few runs.
    #[error("{0} and {1} runs: comparing needs at least one of each")]
    Empty(usize, usize),
    /// Pairs that are not pairs.
    #[error(
        "{0} runs cannot be paired with {1}: run both with the same seeds, or compare them unpaired"
    )]
    Unpaired(usize, usize),
    /// A value that is no number.
    #[error("run {0} gave no finite value")]
    NotFinite(usize),
}

/// A test, and the least p that it could have given with so many runs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tests {
    /// Independent runs.
    Unpaired {
        /// Mann-Whitney.
        mann_whitney: Significance,
    },
    /// Runs in pairs: the same seed and stimulus before and after. Absent when no pair differs.
    Paired {
        /// Wilcoxon's signed ranks.
        wilcoxon: Option<Significance>,
        /// The sign test.
        sign: Option<Significance>,
    },
}

/// What comparing two samples gives. Differences are the second less the first, in the metric's unit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// Runs in the first sample.
    pub first: u64,
    /// Runs in the second sample.
    pub second: u64,
    /// The tests.
    pub tests: Tests,
    /// The least p that so many runs can give: above the level, nothing can be significant.
    pub least_p: f64,
    /// Cliff's delta, -1 to 1: above 0 the second is greater.
    pub cliffs_delta: f64,
    /// Hodges-Lehmann shift; of pairs, the median of their mean differences.
    pub shift: f64,
    /// Bootstrap interval of the shift: from two runs each.
    pub interval: Option<Interval>,
    /// Wasserstein-1 distance.
    pub wasserstein: f64,
}

impl Comparison {
    /// The p that counts: Mann-Whitney's or Wilcoxon's. 1 when no pair differs.
    #[must_use]
    pub fn p(&self) -> f64 {
        match self.tests {
            Tests::Unpaired { mann_whitney } => mann_whitney.p,
            Tests::Paired { wilcoxon, .. } => wilcoxon.map_or(1.0, |w| w.p),
        }
    }
}

fn check(first: &[f64], second: &[f64]) -> Result<(), Incomparable> {
    if first.is_empty() || second.is_empty() {
        return Err(Incomparable::Empty(first.len(), second.len()));
    }
    for sample in [first, second] {
        if let Some(i) = sample.iter().position(|v| !v.is_finite()) {
            return Err(Incomparable::NotFinite(i));
        }
    }
    Ok(())
}

/// Compares independent runs.
///
/// # Errors
/// An empty sample, or a value that is not finite.
pub fn unpaired(
    first: &[f64],
    second: &[f64],
    how: &Resampling,
) -> Result<Comparison, Incomparable> {
    check(first, second)?;
    let empty = Incomparable::Empty(first.len(), second.len());
    Ok(Comparison {
        first: first.len() as u64,
        second: second.len() as u64,
        tests: Tests::Unpaired {
            mann_whitney: mann_whitney(first, second).ok_or(empty)?,
        },
        least_p: least_p_unpaired(first.len(), second.len()),
        cliffs_delta: effect::cliffs_delta(first, second).ok_or(empty)?,
        shift: effect::shift(first, second).ok_or(empty)?,
        interval: interval([first, second], how, |[a, b]| effect::shift(a, b)),
        wasserstein: effect::wasserstein(first, second).ok_or(empty)?,
    })
}

/// Compares runs in pairs: the i-th of each with the same seed and stimulus.
///
/// # Errors
/// Samples of different size, empty ones, or a value that is not finite.
pub fn paired(first: &[f64], second: &[f64], how: &Resampling) -> Result<Comparison, Incomparable> {
    check(first, second)?;
    if first.len() != second.len() {
        return Err(Incomparable::Unpaired(first.len(), second.len()));
    }
    let empty = Incomparable::Empty(first.len(), second.len());
    let differences: Vec<f64> = second.iter().zip(first).map(|(b, a)| b - a).collect();
    Ok(Comparison {
        first: first.len() as u64,
        second: second.len() as u64,
        tests: Tests::Paired {
            wilcoxon: wilcoxon(&differences),
            sign: sign_test(&differences),
        },
        least_p: least_p_paired(differences.len()),
        cliffs_delta: effect::cliffs_delta(first, second).ok_or(empty)?,
        shift: effect::paired_shift(&differences).ok_or(empty)?,
        interval: interval([&differences], how, |[d]| effect::paired_shift(d)),
        wasserstein: effect::wasserstein(first, second).ok_or(empty)?,
    })
}

/// Holm's correction: each p made larger for how many were looked at, in the order given.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut least = 0.0f64;
    for (rank, &i) in order.iter().enumerate() {
        least = least.max((p[i] * (p.len() - rank) as f64).min(1.0));
        adjusted[i] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_steps_down() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn a_regression_of_ten_cycles_shows() {
        let before: Vec<f64> = (0..20).map(|k| 200.0 + f64::from(k * 7 % 20)).collect();
        let after: Vec<f64> = before.iter().map(|v| v + 10.0).collect();
        let how = Resampling::default();
        let p = paired(&before, &after, &how).expect("comparable");
        assert_eq!(
            (p.shift, p.interval),
            (
                10.0,
                Some(Interval {
                    low: 10.0,
                    high: 10.0
                })
            )
        );
        assert_eq!(p.p(), least_p_paired(20));
        let u = unpaired(&before, &after, &how).expect("comparable");
        assert!(u.p() < 0.01 && u.shift == 10.0 && u.wasserstein == 10.0);
        assert!(
            u.interval
                .is_some_and(|i| i.low > 0.0 && i.low < 10.0 && i.high > 10.0)
        );
        assert!(u.cliffs_delta > 0.7);
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let how = Resampling::default();
        let e = |r: Result<Comparison, Incomparable>| r.expect_err("bad").to_string();
        assert!(e(unpaired(&[], &[1.0], &how)).contains("0 and 1 runs"));
        assert!(e(paired(&[1.0], &[1.0, 2.0], &how)).contains("same seeds"));
        assert!(e(paired(&[1.0, f64::NAN], &[1.0, 2.0], &how)).contains("run 1"));
        let same = paired(&[1.0, 2.0], &[1.0, 2.0], &how).expect("comparable");
        assert_eq!((same.p(), same.shift), (1.0, 0.0));
    }
}
