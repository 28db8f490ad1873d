//! Spectrum of TIE: which disturbances repeat, and how large each is.
//!
//! TIE is sampled once an edge. A line is taken off first, so that drift is no line of the spectrum; then a Hann window
//! w_i = (1 - cos(2 pi i / N)) / 2, and A_j = 2 |X_j| / sum(w): the amplitude of a sine in bin j. Its frequency is
//! j / (N T): it repeats every N / j periods. Runs of more than 2^20 edges lose up to some percent of their end, to a
//! length that is quick to transform; `samples` says what was used.

use super::fourier;
use super::reference::Period;
use super::sum;
use super::view::peaks_kept;
use super::worst::Largest;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Fewer edges have no spectrum.
pub const NEEDS: usize = 16;

/// A peak counts when it is this much higher than the middle amplitude.
const ABOVE_FLOOR: f64 = 4.0;

/// What is below this share of the largest amplitude is rounding.
const ROUNDING: f64 = 1e-12;

/// A line of the spectrum.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Bin j.
    pub bin: u64,
    /// Periods after which it repeats: N / j.
    pub every: f64,
    /// Repetitions in a cycle: j / (N T). Times the core's frequency, Hz.
    pub frequency: f64,
    /// Amplitude in cycles.
    pub amplitude: f64,
}

/// The amplitude spectrum of TIE.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Spectrum {
    /// Edges that were transformed: N.
    pub samples: u64,
    /// Width of a bin, in repetitions in a cycle: 1 / (N T).
    pub resolution: f64,
    /// The middle one of all amplitudes, in cycles.
    pub floor: f64,
    /// The highest peaks above the floor, the highest first.
    pub peaks: Vec<Line>,
    /// Bin and amplitude (cycles) for plots: where bins are left out, the highest of each stretch stays.
    pub view: Vec<(u64, f64)>,
}

impl Spectrum {
    /// Of TIE in cycles. None below [`NEEDS`] edges, or when T is 0.
    #[must_use]
    pub fn of(tie: Vec<f64>, t: Period, peaks: usize, points: usize) -> Option<Spectrum> {
        let period = t.cycles.as_f64();
        if tie.len() < NEEDS || period <= 0.0 {
            return None;
        }
        let samples = fourier::length_within(tie.len());
        let mut tie = tie;
        tie.truncate(samples);
        let amplitudes = amplitudes(tie);
        let resolution = 1.0 / (samples as f64 * period);
        let line = |bin: usize| Line {
            bin: bin as u64,
            every: samples as f64 / bin as f64,
            frequency: bin as f64 * resolution,
            amplitude: amplitudes[bin],
        };
        let mut sorted = amplitudes[1..].to_vec();
        let middle = sorted.len() / 2;
        let floor = *sorted.select_nth_unstable_by(middle, f64::total_cmp).1;
        let top = sorted.iter().copied().fold(0.0, f64::max);
        let least = (floor * ABOVE_FLOOR).max(top * ROUNDING);
        let mut largest = Largest::new(peaks);
        for bin in 1..amplitudes.len() {
            let a = amplitudes[bin];
            let falls = amplitudes.get(bin + 1).is_none_or(|&next| a > next);
            // Bin 0 holds nothing after the line is off, so bin 1 may be a peak.
            let rises = bin == 1 || a >= amplitudes[bin - 1];
            if rises && falls && a > least {
                largest.offer(a, || line(bin));
            }
        }
        let view = peaks_kept(&amplitudes[1..], points);
        Some(Spectrum {
            samples: samples as u64,
            resolution,
            floor,
            peaks: largest.into_items().collect(),
            view: view.into_iter().map(|(at, a)| (at + 1, a)).collect(),
        })
    }
}

/// A_j for j from 0 to N/2, of a series that is detrended and windowed here.
#[must_use]
pub fn amplitudes(mut x: Vec<f64>) -> Vec<f64> {
    sum::detrend(&mut x);
    let n = x.len() as f64;
    for (i, v) in x.iter_mut().enumerate() {
        *v *= 0.5 - 0.5 * (TAU * i as f64 / n).cos();
    }
    // The window's sum is N / 2.
    let bins = fourier::forward(&mut x);
    bins.iter().map(|b| 4.0 * b.norm() / n).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rational::Rational;
    use super::super::reference::Kind;
    use super::*;

    fn t(cycles: i64) -> Period {
        Period {
            kind: Kind::Nominal,
            cycles: Rational::whole(cycles),
        }
    }

    #[test]
    fn a_sine_on_a_ramp_is_one_line() {
        let n = 1000;
        let x: Vec<f64> = (0..n)
            .map(|k| f64::from(k) * 3.0 + 50.0 * (TAU * f64::from(k) * 20.0 / f64::from(n)).sin())
            .collect();
        let s = Spectrum::of(x, t(16_800), 4, 64).expect("enough");
        assert_eq!(s.samples, 1000);
        let p = s.peaks[0];
        assert_eq!((p.bin, p.every), (20, 50.0));
        assert!((p.amplitude - 50.0).abs() < 0.7, "{p:?}");
        assert!((p.frequency * 16_800.0 - 0.02).abs() < 1e-12);
        assert!(s.view.len() <= 64 && s.view.contains(&(20, p.amplitude)));
    }

    #[test]
    fn nothing_has_no_peaks() {
        let s = Spectrum::of(vec![0.0; 100], t(10), 4, 64).expect("enough");
        assert_eq!((s.peaks.len(), s.floor), (0, 0.0));
        assert_eq!(Spectrum::of(vec![0.0; NEEDS - 1], t(10), 4, 64), None);
        assert_eq!(Spectrum::of(vec![0.0; NEEDS], t(0), 4, 64), None);
    }
}
