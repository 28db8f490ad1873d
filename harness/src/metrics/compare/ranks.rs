//! Ranks with ties, and how rank sums are distributed when chance alone decides.

/// Ranks of values, and how large the groups of equal values are.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranks {
    /// Twice the rank of each value, in the order given: whole numbers even where ties share a mean rank.
    pub doubled: Vec<u64>,
    /// Sum over groups of t equal values of t³ - t.
    pub ties: f64,
}

/// Ranks from 1; equal values share the mean of their ranks.
#[must_use]
pub fn ranks(values: &[f64]) -> Ranks {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut doubled = vec![0; values.len()];
    let (mut ties, mut below) = (0.0, 0u64);
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let t = group.len() as u64;
        for &i in group {
            doubled[i] = 2 * below + t + 1;
        }
        below += t;
        ties += (t as f64).powi(3) - t as f64;
    }
    Ranks { doubled, ties }
}

/// Of all ways to choose `k` of these numbers, how many have each sum. Exact below 2^53 ways.
#[must_use]
pub fn sums_of_subsets(numbers: &[u64], k: usize) -> Vec<f64> {
    let total = numbers.iter().sum::<u64>() as usize;
    let mut ways = vec![vec![0.0; total + 1]; k + 1];
    ways[0][0] = 1.0;
    for (i, &number) in numbers.iter().enumerate() {
        let number = number as usize;
        for chosen in (0..k.min(i + 1)).rev() {
            let (fewer, more) = ways.split_at_mut(chosen + 1);
            for sum in number..=total {
                more[0][sum] += fewer[chosen][sum - number];
            }
        }
    }
    ways.swap_remove(k)
}

/// Of all subsets of these numbers, how many have each sum. Exact below 2^53 subsets.
#[must_use]
pub fn sums_of_all_subsets(numbers: &[u64]) -> Vec<f64> {
    let total = numbers.iter().sum::<u64>() as usize;
    let mut ways = vec![0.0; total + 1];
    ways[0] = 1.0;
    for &number in numbers {
        let number = number as usize;
        for sum in (number..=total).rev() {
            ways[sum] += ways[sum - number];
        }
    }
    ways
}

/// The share of `ways` whose sum is at least as far from the middle as the one observed; `twice_middle` is twice the
/// mean sum.
#[must_use]
pub fn as_extreme(ways: &[f64], observed: u64, twice_middle: u64) -> f64 {
    let far = (2 * observed).abs_diff(twice_middle);
    let extreme = |&(sum, _): &(usize, &f64)| (2 * sum as u64).abs_diff(twice_middle) >= far;
    let all: f64 = ways.iter().sum();
    let those: f64 = ways.iter().enumerate().filter(extreme).map(|w| w.1).sum();
    those / all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_ranks() {
        let r = ranks(&[3.0, 1.0, 3.0, 2.0, 3.0, -0.0, 0.0]);
        assert_eq!(r.doubled, [12, 6, 12, 8, 12, 3, 3]);
        assert_eq!(r.ties, 24.0 + 6.0);
    }

    #[test]
    fn subsets_are_counted() {
        // Pairs of 2, 4, 6, 8: sums 6, 8, 10, 10, 12, 14.
        let ways = sums_of_subsets(&[2, 4, 6, 8], 2);
        let some: Vec<(usize, f64)> = ways
            .iter()
            .copied()
            .enumerate()
            .filter(|w| w.1 > 0.0)
            .collect();
        assert_eq!(some, [(6, 1.0), (8, 1.0), (10, 2.0), (12, 1.0), (14, 1.0)]);
        assert_eq!(as_extreme(&ways, 6, 20), 2.0 / 6.0);
        assert_eq!(
            sums_of_all_subsets(&[1, 2, 3]),
            [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]
        );
    }
}
