//! Tails of the normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// How likely a standard normal value is at least this far from 0, on either side.
#[must_use]
pub fn two_sided(z: f64) -> f64 {
    erfc(z.abs() / SQRT_2)
}

/// The complementary error function for x >= 0, to about 14 digits.
fn erfc(x: f64) -> f64 {
    if x < 2.0 {
        // erf x = 2/sqrt(pi) exp(-x²) sum over n of 2^n x^(2n+1) / (2n+1)!!: all terms positive.
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while term > sum * 1e-17 {
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        return 1.0 - 2.0 / PI.sqrt() * (-x * x).exp() * sum;
    }
    // The continued fraction x + (1/2)/(x + 1/(x + (3/2)/(x + …))), from its tail.
    let tail = (1..=120).rev().fold(x, |f, k| x + f64::from(k) / 2.0 / f);
    (-x * x).exp() / (PI.sqrt() * tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        for (x, y) in [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_5),
            (1.0, 0.157_299_207_050_285_13),
            (1.999, 0.004_698_443_348_630_1),
            (2.0, 0.004_677_734_981_047_266),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_034_8e-12),
        ] {
            let e = erfc(x);
            assert!((e - y).abs() <= 1e-11 * y.max(1e-3), "{x}: {e}");
        }
        assert_eq!(erfc(40.0), 0.0);
        assert!((two_sided(-1.959_963_984_540_054) - 0.05).abs() < 1e-14);
    }
}
