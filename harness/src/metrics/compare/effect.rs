//! How large a difference is: Cliff's delta, the Hodges-Lehmann shift, the Wasserstein distance.

/// Cliff's delta: how much more often a value of `b` is greater than one of `a` than less; -1 to 1. None when one is empty.
#[must_use]
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, n) = (sorted(a), a.len() as f64 * b.len() as f64);
    let less = |v: f64| a.partition_point(|&x| x < v) as f64;
    let greater = |v: f64| (a.len() - a.partition_point(|&x| x <= v)) as f64;
    let sum: f64 = b.iter().map(|&v| less(v) - greater(v)).sum();
    (n > 0.0).then(|| sum / n)
}

/// The Hodges-Lehmann shift from `a` to `b`: the median of all differences b_j - a_i. None when one is empty.
#[must_use]
pub fn shift(a: &[f64], b: &[f64]) -> Option<f64> {
    let (b, negated) = (sorted(b), sorted(&a.iter().map(|v| -v).collect::<Vec<_>>()));
    let pairs = a.len() as u64 * b.len() as u64;
    median_of_sums(pairs, |most| sums_up_to(&b, &negated, most))
}

/// The Hodges-Lehmann estimate for paired samples: the median of the means of all two differences, each with itself, too.
#[must_use]
pub fn paired_shift(differences: &[f64]) -> Option<f64> {
    let d = sorted(differences);
    let n = d.len() as u64;
    let count =
        |most| (sums_up_to(&d, &d, most) + d.partition_point(|&x| x + x <= most) as u64) / 2;
    median_of_sums(n * (n + 1) / 2, count).map(|sum| sum / 2.0)
}

/// Wasserstein-1: the mean distance that values of one sample must move to make the other. None when one is empty.
#[must_use]
pub fn wasserstein(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let (a, b) = (sorted(a), sorted(b));
    let mut all = [a.as_slice(), &b].concat();
    all.sort_by(f64::total_cmp);
    let share = |v: &[f64], x: f64| v.partition_point(|&y| y <= x) as f64 / v.len() as f64;
    let apart = |w: &[f64]| (share(&a, w[0]) - share(&b, w[0])).abs() * (w[1] - w[0]);
    Some(super::super::sum::sum(all.windows(2).map(apart)))
}

/// Ascending.
#[must_use]
pub fn sorted(values: &[f64]) -> Vec<f64> {
    // Adding 0 makes -0 a 0.
    let mut values: Vec<f64> = values.iter().map(|v| v + 0.0).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// How many sums a_i + b_j are at most this; both ascend.
fn sums_up_to(a: &[f64], b: &[f64], most: f64) -> u64 {
    let mut below = b.len();
    let mut count = 0;
    for x in a {
        while below > 0 && x + b[below - 1] > most {
            below -= 1;
        }
        count += below as u64;
    }
    count
}

/// The median of `total` sums, of which `count` tells how many are at most a value: found by bisection over all floats.
fn median_of_sums(total: u64, count: impl Fn(f64) -> u64) -> Option<f64> {
    let ranked = |rank: u64| {
        let (mut low, mut high) = (key(f64::NEG_INFINITY), key(f64::INFINITY));
        while low < high {
            let middle = low + (high - low) / 2;
            if count(value(middle)) >= rank {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        value(low)
    };
    let middle = total / 2;
    match total {
        0 => None,
        _ if total % 2 == 1 => Some(ranked(middle + 1)),
        _ => {
            let (low, high) = (ranked(middle), ranked(middle + 1));
            Some(low + (high - low) / 2.0)
        }
    }
}

/// Whole numbers in the order of the floats that they stand for.
fn key(v: f64) -> u64 {
    let bits = v.to_bits();
    if bits >> 63 == 0 {
        bits | 1 << 63
    } else {
        !bits
    }
}

fn value(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 {
        key & !(1 << 63)
    } else {
        !key
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn effects_of_a_plain_shift() {
        let a = [10.0, 12.0, 15.0];
        let b = [110.0, 112.0, 115.0];
        assert_eq!(cliffs_delta(&a, &b), Some(1.0));
        assert_eq!(shift(&a, &b), Some(100.0));
        assert_eq!(wasserstein(&a, &b), Some(100.0));
        assert_eq!(paired_shift(&[100.0; 3]), Some(100.0));
        assert_eq!((shift(&[], &b), cliffs_delta(&a, &[])), (None, None));
        assert_eq!((wasserstein(&[], &b), paired_shift(&[])), (None, None));
        assert_eq!(shift(&[0.0], &[-0.0]), Some(0.0));
    }

    fn median(mut v: Vec<f64>) -> f64 {
        v.sort_by(f64::total_cmp);
        let (l, h) = (v[(v.len() - 1) / 2], v[v.len() / 2]);
        l + (h - l) / 2.0
    }

    proptest! {
        #[test]
        fn medians_of_all_pairs(
            a in prop::collection::vec(-50i32..50, 1..12),
            b in prop::collection::vec(-50i32..50, 1..12),
        ) {
            let f = |v: &[i32]| v.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            let (a, b) = (f(&a), f(&b));
            let all = b.iter().flat_map(|y| a.iter().map(move |x| y - x)).collect();
            prop_assert_eq!(shift(&a, &b), Some(median(all)));
            let walsh = (0..a.len()).flat_map(|i| (i..a.len()).map(move |j| (i, j)));
            let walsh = walsh.map(|(i, j)| (a[i] + a[j]) / 2.0).collect();
            prop_assert_eq!(paired_shift(&a), Some(median(walsh)));
        }
    }
}
