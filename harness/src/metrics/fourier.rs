//! Fourier transforms of real series, with the scalar code paths only: the same bits on every host.

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Lengths up to this one are transformed as they are; longer ones are made easy first.
const ANY_LENGTH: usize = 1 << 20;

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
    // Fails only when the lengths do not fit the plan; they come from it.
    if plan.process(series, &mut bins).is_err() {
        unreachable!("the output has the plan's length");
    }
    bins
}

/// Sums of products, r(l) = sum over i of v_i v_{i+l}, for l from 0 to `most` (which is below the length).
#[must_use]
pub fn autocorrelation(values: &[f64], most: usize) -> Vec<f64> {
    let length = length_from(values.len() + most + 1);
    let mut series = vec![0.0; length];
    series[..values.len()].copy_from_slice(values);
    let mut bins = forward(&mut series);
    for b in &mut bins {
        *b = Complex::new(b.norm_sqr(), 0.0);
    }
    let plan = RealFftPlanner::new().plan_fft_inverse(length);
    if plan.process(&mut bins, &mut series).is_err() {
        unreachable!("both have the plan's length");
    }
    series.truncate(most + 1);
    for v in &mut series {
        *v /= length as f64;
    }
    series
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
        let values: Vec<f64> = (0..57).map(|k| f64::from((k * k + 3 * k) % 17)).collect();
        let fast = autocorrelation(&values, 40);
        for (l, r) in fast.iter().enumerate() {
            let slow: f64 = values.iter().zip(&values[l..]).map(|(a, b)| a * b).sum();
            assert!((r - slow).abs() < 1e-9, "{l}: {r} {slow}");
        }
        assert_eq!(fast.len(), 41);
        assert!(forward(&mut []).is_empty());
    }
}
