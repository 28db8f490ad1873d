//! Random numbers of a stimulus, the same on every host.
//!
//! The generator is xoshiro256** (Blackman and Vigna, 2018). Its state is four numbers of SplitMix64 (Steele, Lea
//! and Flood, 2014), whose own state is `a ^ stream`; `a` is the first number of SplitMix64 from the seed of the
//! run, and `stream` is the kind of the stimulus (in bits 63:32; 1 interrupt, 2 clock) and its index among its
//! kind. So one more stimulus does not change the numbers of the others.
//!
//! Everything is computed in integers:
//! - *uniform* below 2⁶⁴: the next number;
//! - *exponential*: von Neumann's method (1951), which only compares uniform numbers. Draw `u1`, then go on
//!   while each number is below the one before it. When the run is odd, the result is `k + u1 / 2⁶⁴`, with `k`
//!   the runs that were even; else begin again;
//! - *normal*: the sum of twelve uniform numbers of 32 bits, less its mean (Irwin-Hall; within ±6 deviations).

use serde::{Deserialize, Serialize};

/// A generator.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Random([u64; 4]);

/// One step of SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Random {
    /// For one of the streams of a run's seed.
    pub fn new(mut seed: u64, stream: u64) -> Random {
        let mut state = split_mix(&mut seed) ^ stream;
        Random([0; 4].map(|_| split_mix(&mut state)))
    }

    /// Was it given a seed?
    pub fn is_seeded(&self) -> bool {
        self.0 != [0; 4]
    }

    /// A uniform number.
    pub fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A uniform number from 0 to `most`, without bias.
    pub fn up_to(&mut self, most: u64) -> u64 {
        let Some(n) = most.checked_add(1) else {
            return self.next();
        };
        // Numbers of the last, incomplete round are drawn again.
        let rest = (u64::MAX % n + 1) % n;
        loop {
            let u = self.next();
            if u <= u64::MAX - rest {
                return u % n;
            }
        }
    }

    /// An exponential number of mean 1: its whole part, and its fraction in 2⁻⁶⁴.
    pub fn exponential(&mut self) -> (u64, u64) {
        for whole in 0.. {
            let first = self.next();
            let (mut last, mut run) = (first, 1u32);
            loop {
                let u = self.next();
                if u >= last {
                    break;
                }
                (last, run) = (u, run + 1);
            }
            if run % 2 == 1 {
                return (whole, first);
            }
        }
        unreachable!("a run of odd length comes long before 2⁶⁴ tries")
    }

    /// A normal number of deviation 1, in 2⁻³².
    pub fn normal(&mut self) -> i64 {
        let mut sum = 0;
        for _ in 0..6 {
            let u = self.next();
            sum += (u >> 32) as i64 + (u & 0xFFFF_FFFF) as i64;
        }
        sum - (6 << 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequences() {
        // SplitMix64 from 1234567, and xoshiro256** from 1, 2, 3, 4: the authors' C code.
        let mut state = 1_234_567;
        assert_eq!(split_mix(&mut state), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(&mut state), 3_203_168_211_198_807_973);
        let mut r = Random([1, 2, 3, 4]);
        let first: Vec<u64> = (0..4).map(|_| r.next()).collect();
        assert_eq!(first, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn streams_and_seeds_differ_and_repeat() {
        let first = |seed, stream| Random::new(seed, stream).next();
        assert_eq!(first(7, 1), first(7, 1));
        let mut all: Vec<u64> = (0..100).map(|i| first(i / 10, i % 10)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 100);
    }

    #[test]
    fn exponential_has_its_mean_variance_and_tail() {
        let mut r = Random::new(1, 1);
        let n = 200_000;
        let x: Vec<f64> = (0..n)
            .map(|_| {
                let (whole, part) = r.exponential();
                whole as f64 + part as f64 / 2f64.powi(64)
            })
            .collect();
        let mean = x.iter().sum::<f64>() / f64::from(n);
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        // Deviations: of the mean 1/√n, of the variance √8/√n.
        let unit = 1.0 / f64::from(n).sqrt();
        assert!((mean - 1.0).abs() < 5.0 * unit, "{mean}");
        assert!(
            (variance - 1.0).abs() < 5.0 * 8f64.sqrt() * unit,
            "{variance}"
        );
        for bound in [0.1, 0.5, 1.0, 2.0, 4.0] {
            let p = f64::exp(-bound);
            let above = x.iter().filter(|&&x| x > bound).count() as f64 / f64::from(n);
            let deviation = (p * (1.0 - p)).sqrt() * unit;
            assert!(
                (above - p).abs() < 5.0 * deviation,
                "above {bound}: {above}"
            );
        }
    }

    #[test]
    fn normal_has_its_mean_and_variance() {
        let mut r = Random::new(2, 3);
        let n = 100_000;
        let x: Vec<f64> = (0..n).map(|_| r.normal() as f64 / 2f64.powi(32)).collect();
        let mean = x.iter().sum::<f64>() / f64::from(n);
        let variance = x.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        let unit = 1.0 / f64::from(n).sqrt();
        assert!(mean.abs() < 5.0 * unit, "{mean}");
        assert!(
            (variance - 1.0).abs() < 5.0 * 2f64.sqrt() * unit,
            "{variance}"
        );
    }

    #[test]
    fn up_to_reaches_both_ends() {
        let mut r = Random::new(3, 0);
        let mut seen = [0u32; 5];
        for _ in 0..5000 {
            seen[r.up_to(4) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
        assert_eq!(r.up_to(0), 0);
        let _ = r.up_to(u64::MAX);
    }
}
