//! A comb: one period in so many is longer (a collector's pause, a tick that does more) or shorter.
//!
//! Its lines fill the whole spectrum, so its period is looked for in the autocorrelation of the period lengths. A lag
//! counts when its correlation is a peak far above chance (Bartlett's bound, which grows with what is correlated at
//! shorter lags, so that slow wander is no comb), and when most teeth, laid over each other, agree.
//! Deviations are cut at the fourth largest first: a start-up or three odd edges cannot hide a comb.

use super::fourier;
use super::times::Times;
use super::worst::Largest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Fewer periods have no comb.
pub const NEEDS: usize = 8;

/// A comb's period is at most this, which only matters in runs of more than a million periods.
const LONGEST: usize = 1 << 18;

/// A comb has at least this many teeth.
const TEETH: usize = 4;

/// Deviations are cut at this rank.
const CUT: usize = 4;

/// Standard deviations above chance.
const SURE: f64 = 5.0;

/// A repetition as exact as this is no chance, however short the run.
const EXACT: f64 = 0.9;

/// Peaks below this share of the highest are not looked at.
const SHARE: f64 = 0.5;

/// How many peaks are looked at, the shortest lags first.
const CANDIDATES: usize = 16;

/// Share of the teeth that must be within half of the amplitude.
const AGREE: f64 = 0.6;

/// Every so many periods, one is longer or shorter.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Comb {
    /// Periods from tooth to tooth.
    pub period: u64,
    /// The tooth ends at the edges k with k mod `period` = `phase`.
    pub phase: u64,
    /// The middle tooth less the middle one of the other periods, in cycles.
    pub amplitude: i64,
    /// How many teeth there are.
    pub teeth: u64,
    /// Correlation of the period lengths at this lag; 1 when nothing else disturbs them.
    pub correlation: f64,
}

impl fmt::Display for Comb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.amplitude.abs() == 1 {
            "cycle"
        } else {
            "cycles"
        };
        write!(
            f,
            "every {}{} period, {:+} {unit}, phase {}",
            self.period,
            ordinal(self.period),
            self.amplitude,
            self.phase
        )
    }
}

fn ordinal(n: u64) -> &'static str {
    match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

impl Comb {
    /// The comb in these edges. None when there is none, and below [`NEEDS`] periods.
    #[must_use]
    pub fn of(times: Times) -> Option<Comb> {
        if times.periods() < NEEDS {
            return None;
        }
        let periods: Vec<i64> = times.lengths().collect();
        let cut = cut(&periods)?;
        let correlation = correlation(&cut);
        let candidates = candidates(&correlation, cut.len());
        candidates
            .into_iter()
            .find_map(|lag| fold(&periods, &cut, lag, correlation[lag]))
    }
}

/// Deviations from the middle period, cut at the fourth largest. None when fewer deviate.
fn cut(periods: &[i64]) -> Option<Vec<i64>> {
    let middle = lower_median(periods.to_vec())?;
    let mut largest = Largest::new(CUT);
    for p in periods {
        largest.offer((p - middle).abs(), || (p - middle).abs());
    }
    let limit = largest.into_items().nth(CUT - 1)?;
    let cut = |p: &i64| (p - middle).clamp(-limit, limit);
    (limit > 0).then(|| periods.iter().map(cut).collect())
}

/// Correlation by lag, up to the longest that has enough teeth.
fn correlation(cut: &[i64]) -> Vec<f64> {
    let total: i128 = cut.iter().map(|&d| i128::from(d)).sum();
    let mean = total as f64 / cut.len() as f64;
    let mut r = fourier::autocorrelation(cut, mean, (cut.len() / TEETH).min(LONGEST));
    let n = cut.len() as f64;
    let scale = r[0] / n;
    for (lag, v) in r.iter_mut().enumerate() {
        // All-equal values have no correlation.
        *v = if scale > 0.0 {
            *v / (n - lag as f64) / scale
        } else {
            0.0
        };
    }
    r
}

/// Lags whose correlation is a peak above chance, the shortest first.
fn candidates(r: &[f64], n: usize) -> Vec<usize> {
    let mut peaks = Vec::new();
    let mut shorter = 0.0;
    for lag in 1..r.len() {
        let next = r.get(lag + 1).copied().unwrap_or(f64::NEG_INFINITY);
        let chance = ((1.0 + 2.0 * shorter) / (n - lag) as f64).sqrt();
        let rises = lag > 1 && r[lag] > r[lag - 1];
        if rises && r[lag] >= next && r[lag] > (SURE * chance).min(EXACT) {
            peaks.push(lag);
        }
        shorter += r[lag] * r[lag];
    }
    let highest = peaks.iter().map(|&l| r[l]).fold(0.0, f64::max);
    peaks.retain(|&l| r[l] >= SHARE * highest);
    peaks.truncate(CANDIDATES);
    peaks
}

/// Lays the periods over each other; a comb when one phase stands out and its teeth agree.
fn fold(periods: &[i64], cut: &[i64], lag: usize, correlation: f64) -> Option<Comb> {
    let mut sums = vec![(0i128, 0i128); lag];
    for (i, &d) in cut.iter().enumerate() {
        // Period k, from 1, ends at edge k.
        let s = &mut sums[(i + 1) % lag];
        s.0 += i128::from(d);
        s.1 += 1;
    }
    // A late edge makes one period longer and the next shorter: the longer one names the comb, unless shorter ones are
    // more than twice as far off.
    let weight = |s: i128| if s > 0 { 2 * s } else { -s };
    let mut phase = 0;
    for p in 1..lag {
        if weight(sums[p].0) * sums[phase].1 > weight(sums[phase].0) * sums[p].1 {
            phase = p;
        }
    }
    let is_tooth = |i: usize| (i + 1) % lag == phase;
    let pick = |tooth: bool| -> Vec<i64> {
        let all = periods.iter().enumerate();
        all.filter(|(i, _)| is_tooth(*i) == tooth)
            .map(|(_, p)| *p)
            .collect()
    };
    let teeth = pick(true);
    let tooth = lower_median(teeth.clone())?;
    let amplitude = tooth - lower_median(pick(false))?;
    let agreeing = teeth
        .iter()
        .filter(|&&p| 2 * p.abs_diff(tooth) <= amplitude.unsigned_abs())
        .count();
    (amplitude != 0 && agreeing as f64 >= AGREE * teeth.len() as f64).then_some(Comb {
        period: lag as u64,
        phase: phase as u64,
        amplitude,
        teeth: teeth.len() as u64,
        correlation,
    })
}

fn lower_median(mut values: Vec<i64>) -> Option<i64> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::super::compare::random::Random;
    use super::*;

    fn comb(periods: impl IntoIterator<Item = u64>) -> Option<Comb> {
        let mut at = 1_000_000_000_000;
        let mut times = vec![at];
        for p in periods {
            at += p;
            times.push(at);
        }
        Comb::of(Times::new(&times).expect("ascending"))
    }

    fn told(periods: impl IntoIterator<Item = u64>) -> String {
        comb(periods).map_or("none".into(), |c| c.to_string())
    }

    #[test]
    fn a_pause_every_64th_period() {
        let longer = (1..=1000u64).map(|k| 16_800 + if k % 64 == 0 { 800 } else { 0 });
        assert_eq!(told(longer), "every 64th period, +800 cycles, phase 0");
        // One late edge: the period after it is shorter.
        let late = (1..=1000u64).map(|k| match k % 64 {
            5 => 17_600,
            6 => 16_000,
            _ => 16_800,
        });
        assert_eq!(told(late), "every 64th period, +800 cycles, phase 5");
        let few = (1..=256u64).map(|k| 16_800 + if k % 64 == 0 { 800 } else { 0 });
        assert_eq!(told(few), "every 64th period, +800 cycles, phase 0");
    }

    #[test]
    fn noise_and_a_start_up_do_not_hide_it() {
        let mut random = Random::new(1);
        let noisy = (1..=4000u64).map(|k| {
            let start = if k <= 3 { 50_000 * k } else { 0 };
            16_800 + random.below(300) + start + if k % 21 == 3 { 800 } else { 0 }
        });
        let c = comb(noisy).expect("a comb");
        assert_eq!((c.period, c.phase), (21, 3));
        assert!((c.amplitude - 800).abs() < 60, "{c}");
    }

    #[test]
    fn alternation_is_a_comb_of_two_and_shorter_is_told() {
        let halves = (0..100u64).map(|k| 16_800 + k % 2);
        assert_eq!(told(halves), "every 2nd period, +1 cycle, phase 0");
        let shorter = (1..=300u64).map(|k| if k % 11 == 4 { 900 } else { 1000 });
        assert_eq!(told(shorter), "every 11th period, -100 cycles, phase 4");
    }

    #[test]
    fn teeth_of_two_heights_have_the_longer_period() {
        let two = (1..=3200u64).map(|k| match k % 64 {
            0 => 10_800,
            32 => 10_400,
            _ => 10_000,
        });
        assert_eq!(told(two), "every 64th period, +800 cycles, phase 0");
    }

    #[test]
    fn steady_random_and_wandering_signals_have_none() {
        assert_eq!(comb([100; 500]), None);
        assert_eq!(comb([100; 3]), None);
        for seed in 0..40 {
            let mut random = Random::new(seed);
            assert_eq!(
                comb((0..700).map(|_| 1000 + random.below(100))),
                None,
                "{seed}"
            );
            // Heavy tails: a few large ones at random places.
            let rare = (0..700)
                .map(|_| 1000 + random.below(3) + if random.below(90) == 0 { 900 } else { 0 });
            assert_eq!(comb(rare.collect::<Vec<_>>()), None, "{seed}");
            let mut wander = 0.0;
            let slow = (0..700).map(|_| {
                wander = 0.95 * wander + random.below(200) as f64 - 99.5;
                (10_000.0 + wander) as u64
            });
            assert_eq!(comb(slow.collect::<Vec<_>>()), None, "{seed}");
        }
    }

    #[test]
    fn chance_seldom_makes_one_of_few_periods() {
        for n in [8u64, 12, 16, 24, 32, 48, 64, 100] {
            for range in [2u64, 3, 10, 1000] {
                let mut found = 0;
                for seed in 0..1000 {
                    let mut random = Random::new(seed * 1000 + n * 10 + range);
                    found +=
                        usize::from(comb((0..n).map(|_| 1000 + random.below(range))).is_some());
                }
                assert!(
                    found <= 10,
                    "{found} of 1000 with {n} periods of {range} lengths"
                );
            }
        }
    }

    #[test]
    fn ordinals() {
        for (n, s) in [
            (1, "st"),
            (2, "nd"),
            (3, "rd"),
            (4, "th"),
            (11, "th"),
            (112, "th"),
            (121, "st"),
        ] {
            assert_eq!(ordinal(n), s, "{n}");
        }
    }
}
