//! Are two samples different? Mann-Whitney for independent runs; Wilcoxon and sign test for paired ones.
//!
//! Each p is two-sided. Small samples get the exact distribution given their ties; larger ones the normal
//! approximation with tie and continuity corrections.

use super::normal::two_sided;
use super::ranks::{as_extreme, ranks, sums_of_all_subsets, sums_of_subsets};
use serde::{Deserialize, Serialize};

/// Up to so many values the distribution is exact.
pub const EXACT: usize = 50;

/// The sign test is exact up to so many pairs: beyond it, 2^-n underflows.
const EXACT_SIGNS: u64 = 1000;

/// Where p comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All arrangements were counted.
    Exact,
    /// Normal approximation.
    Normal,
}

/// What a test says.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Significance {
    /// The statistic: U of the second sample (Mann-Whitney), the rank sum of positive differences (Wilcoxon), their
    /// number (sign test).
    pub statistic: f64,
    /// How likely so extreme a statistic is when there is no difference.
    pub p: f64,
    /// Where p comes from.
    pub method: Method,
}

/// Mann-Whitney U: pairs in which the second sample's value is greater, ties counted half. None when a sample is empty.
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64]) -> Option<Significance> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let all = [a, b].concat();
    let ranks = ranks(&all);
    let (n, m) = (a.len() as f64, b.len() as f64);
    let doubled_sum: u64 = ranks.doubled[a.len()..].iter().sum();
    let statistic = doubled_sum as f64 / 2.0 - m * (m + 1.0) / 2.0;
    let size = all.len();
    let (p, method) = if size <= EXACT {
        // The smaller sample's rank sum has as many arrangements.
        let (k, observed) = if b.len() <= a.len() {
            (b.len(), doubled_sum)
        } else {
            (a.len(), ranks.doubled.iter().sum::<u64>() - doubled_sum)
        };
        let twice_middle = 2 * (k * (size + 1)) as u64;
        let ways = sums_of_subsets(&ranks.doubled, k);
        (as_extreme(&ways, observed, twice_middle), Method::Exact)
    } else {
        let total = n + m;
        let variance = n * m / 12.0 * (total + 1.0 - ranks.ties / (total * (total - 1.0)));
        (normal(statistic, n * m / 2.0, variance), Method::Normal)
    };
    Some(Significance {
        statistic,
        p,
        method,
    })
}

/// Wilcoxon's signed rank test of differences; zeros are left out. None when nothing is left.
#[must_use]
pub fn wilcoxon(differences: &[f64]) -> Option<Significance> {
    let left: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
    if left.is_empty() {
        return None;
    }
    let sizes: Vec<f64> = left.iter().map(|d| d.abs()).collect();
    let ranks = ranks(&sizes);
    let positive = left.iter().zip(&ranks.doubled).filter(|(d, _)| **d > 0.0);
    let doubled_sum: u64 = positive.map(|(_, r)| r).sum();
    let statistic = doubled_sum as f64 / 2.0;
    let n = left.len() as f64;
    let (p, method) = if left.len() <= EXACT {
        let ways = sums_of_all_subsets(&ranks.doubled);
        let twice_middle = ranks.doubled.iter().sum();
        (as_extreme(&ways, doubled_sum, twice_middle), Method::Exact)
    } else {
        let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ranks.ties / 48.0;
        (
            normal(statistic, n * (n + 1.0) / 4.0, variance),
            Method::Normal,
        )
    };
    Some(Significance {
        statistic,
        p,
        method,
    })
}

/// The sign test of differences; zeros are left out. None when nothing is left.
#[must_use]
pub fn sign_test(differences: &[f64]) -> Option<Significance> {
    let positive = differences.iter().filter(|&&d| d > 0.0).count() as u64;
    let negative = differences.iter().filter(|&&d| d < 0.0).count() as u64;
    let n = positive + negative;
    if n == 0 {
        return None;
    }
    let (p, method) = if n <= EXACT_SIGNS {
        let mut ways = 0.5f64.powi(n as i32);
        let mut tail = 0.0;
        for i in 0..=positive.min(negative) {
            tail += ways;
            ways *= (n - i) as f64 / (i + 1) as f64;
        }
        ((2.0 * tail).min(1.0), Method::Exact)
    } else {
        let n = n as f64;
        (normal(positive as f64, n / 2.0, n / 4.0), Method::Normal)
    };
    Some(Significance {
        statistic: positive as f64,
        p,
        method,
    })
}

/// Two-sided p of a statistic in steps of one, with continuity correction. All values equal is no difference.
fn normal(statistic: f64, mean: f64, variance: f64) -> f64 {
    let far = ((statistic - mean).abs() - 0.5).max(0.0);
    if variance > 0.0 {
        two_sided(far / variance.sqrt())
    } else {
        1.0
    }
}

/// The least p that Mann-Whitney can give with samples of these sizes: 2 / C(n + m, n). Fewer runs prove nothing below it.
#[must_use]
pub fn least_p_unpaired(n: usize, m: usize) -> f64 {
    let ways = (1..=n.min(m)).fold(1.0, |w, i| w * (n.max(m) + i) as f64 / i as f64);
    (2.0 / ways).min(1.0)
}

/// The least p that Wilcoxon and the sign test can give with this many pairs: 2^(1 - n).
#[must_use]
pub fn least_p_paired(n: usize) -> f64 {
    0.5f64
        .powi(i32::try_from(n).unwrap_or(i32::MAX).saturating_sub(1))
        .min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separate_samples_have_the_least_p() {
        let t = mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0, 7.0]).expect("values");
        assert_eq!((t.statistic, t.method), (12.0, Method::Exact));
        assert!((t.p - 2.0 / 35.0).abs() < 1e-15);
        assert!((least_p_unpaired(3, 4) - t.p).abs() < 1e-15);
        let t = mann_whitney(&[4.0, 5.0], &[1.0, 2.0, 3.0]).expect("values");
        assert_eq!((t.statistic, t.p), (0.0, 0.2));
        assert_eq!(mann_whitney(&[], &[1.0]), None);
    }

    #[test]
    fn equal_samples_do_not_differ() {
        assert_eq!(mann_whitney(&[5.0; 4], &[5.0; 7]).map(|t| t.p), Some(1.0));
        assert_eq!(mann_whitney(&[5.0; 40], &[5.0; 70]).map(|t| t.p), Some(1.0));
        assert_eq!(wilcoxon(&[0.0; 5]), None);
        assert_eq!(sign_test(&[0.0; 5]), None);
    }

    #[test]
    fn wilcoxon_from_a_published_table() {
        // n = 8 with a smaller rank sum of 3 has p = 0.0391 (10 of 256).
        let d = [-1.0, -2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let t = wilcoxon(&d).expect("differences");
        assert_eq!((t.statistic, t.p), (33.0, 10.0 / 256.0));
        assert_eq!(sign_test(&d).map(|t| t.p), Some(2.0 * 37.0 / 256.0));
        assert_eq!(least_p_paired(8), 2.0 / 256.0);
        assert_eq!(least_p_paired(0), 1.0);
    }

    #[test]
    fn the_approximation_meets_the_exact_distribution() {
        let a: Vec<f64> = (0..25).map(|k| f64::from(k * 7 % 25)).collect();
        let b: Vec<f64> = (0..25).map(|k| f64::from(k * 11 % 25) + 5.3).collect();
        let exact = mann_whitney(&a, &b).expect("values");
        let near = {
            let variance = 25.0 * 25.0 / 12.0 * 51.0;
            normal(exact.statistic, 312.5, variance)
        };
        assert_eq!(exact.method, Method::Exact);
        assert!((exact.p - near).abs() < 0.002, "{} {near}", exact.p);
        let many: Vec<f64> = (0..1001)
            .map(|k| if k % 3 == 0 { -1.0 } else { 2.0 })
            .collect();
        assert!(sign_test(&many).is_some_and(|t| t.method == Method::Normal && t.p < 1e-20));
        assert!(wilcoxon(&many).is_some_and(|t| t.method == Method::Normal && t.p < 1e-20));
    }
}
