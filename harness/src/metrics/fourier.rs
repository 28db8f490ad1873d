//! Fourier transforms of real series, with the scalar code paths only: the same bits on every host.

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Lengths up to this one are transformed as they are; longer ones are made easy first.
const ANY_LENGTH: usize = 1 << 20;

/// Values in a block of an autocorrelation, at least.
const BLOCK: usize = 1 << 16;

/// The longest length up to `n` that is quick to transform.
#[must_use]
pub fn length_within(n: usize) -> usize {
    if n <= ANY_LENGTH {
        return n;
    }
    (0..=n).rev().find(|&l| is_easy(l)).unwrap_or(n)
}

/// The shortest length from `n` that is quick to transform.
#[must_use]
pub fn length_from(n: usize) -> usize {
    (n.max(2)..).find(|&l| is_easy(l)).unwrap_or(n)
}

/// Even, and without a prime factor above 5.
fn is_easy(n: usize) -> bool {
    let mut left = n;
    for factor in [2, 3, 5] {
        while left > 0 && left.is_multiple_of(factor) {
            left /= factor;
        }
    }
    left == 1 && n.is_multiple_of(2)
}

/// The transform of `series`, bins 0 to n/2. Uses `series` as its workspace.
#[must_use]
pub fn forward(series: &mut [f64]) -> Vec<Complex<f64>> {
    if series.is_empty() {
        return Vec::new();
    }
    let plan: Arc<dyn RealToComplex<f64>> = RealFftPlanner::new().plan_fft_forward(series.len());
    let mut bins = plan.make_output_vec();
    done(plan.process(series, &mut bins));
    bins
}

/// Sums of products, r(l) = sum over i of v_i v_{i+l} with v = values - mean, for l from 0 to `most`.
///
/// Block by block, so that transforms stay short however many values there are.
#[must_use]
pub fn autocorrelation(values: &[i64], mean: f64, most: usize) -> Vec<f64> {
    let block = values.len().min(3 * most.max(BLOCK));
    let length = length_from(block + most);
    let mut planner = RealFftPlanner::new();
    let (there, back) = (
        planner.plan_fft_forward(length),
        planner.plan_fft_inverse(length),
    );
    let mut series = vec![0.0; length];
    let mut scratch = there.make_scratch_vec();
    let (mut bins, mut longer) = (there.make_output_vec(), there.make_output_vec());
    let mut sums = there.make_output_vec();
    let mut transform = |part: &[i64], bins: &mut [Complex<f64>]| {
        series.fill(0.0);
        for (s, &v) in series.iter_mut().zip(part) {
            *s = v as f64 - mean;
        }
        done(there.process_with_scratch(&mut series, bins, &mut scratch));
    };
    for begin in (0..values.len()).step_by(block.max(1)) {
        let end = (begin + block).min(values.len());
        let with_rest = &values[begin..(end + most).min(values.len())];
        transform(&values[begin..end], &mut bins);
        transform(with_rest, &mut longer);
        for ((s, b), l) in sums.iter_mut().zip(&bins).zip(&longer) {
            *s += b.conj() * l;
        }
    }
    // The ends of a real series' transform are real; sums leave them so but for a signed zero.
    done(back.process(&mut sums, &mut series));
    series.truncate(most + 1);
    for v in &mut series {
        *v /= length as f64;
    }
    series
}

/// Transforms fail only on lengths that do not fit the plan, and ours come from it.
fn done(result: Result<(), realfft::FftError>) {
    if let Err(e) = result {
        unreachable!("{e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(length_within(1_000_003), 1_000_003);
        assert_eq!(length_within(10_000_001), 10_000_000);
        assert_eq!(length_from(7), 8);
        assert_eq!(length_from(0), 2);
        assert_eq!(length_from(9_999_999), 10_000_000);
        assert_eq!(length_from(241), 250);
    }

    #[test]
    fn autocorrelation_is_its_definition() {
        for (n, most) in [(57, 40), (500_000, 3)] {
            let values: Vec<i64> = (0..n).map(|k| (k * k + 3 * k) % 17).collect();
            let fast = autocorrelation(&values, 8.5, most);
            assert_eq!(fast.len(), most + 1);
            for (l, r) in fast.iter().enumerate() {
                let pairs = values.iter().zip(&values[l..]);
                let slow: f64 = pairs
                    .map(|(&a, &b)| (a as f64 - 8.5) * (b as f64 - 8.5))
                    .sum();
                assert!((r - slow).abs() < 1e-9 * n as f64, "{l}: {r} {slow}");
            }
        }
        assert!(forward(&mut []).is_empty());
    }
}
