//! Allan deviation, overlapping (IEEE 1139; NIST SP 1065 section 5.2.4).

use super::reference::Period;
use super::times::Times;
use serde::{Deserialize, Serialize};

/// The overlapping Allan deviation for one averaging time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Allan {
    /// Averaging factor: periods averaged over.
    pub m: u64,
    /// Averaging time m T, in cycles.
    pub tau: f64,
    /// Second differences that it was computed from.
    pub terms: u64,
    /// The deviation of the fractional frequency; no unit.
    pub deviation: f64,
}

impl Allan {
    /// From second differences of the edges, which T drops out of: they are whole and summed exactly.
    ///
    /// None when there are fewer than 2m + 1 edges, or T is 0.
    #[must_use]
    pub fn of(times: Times, t: Period, m: u64) -> Option<Allan> {
        let all = times.all();
        let step = usize::try_from(m).ok().filter(|&s| s > 0)?;
        let last = all.get(step.checked_mul(2)?..).filter(|l| !l.is_empty())?;
        let period = t.cycles.as_f64();
        if period <= 0.0 {
            return None;
        }
        let mut sum = 0u128;
        for ((end, middle), begin) in last.iter().zip(&all[step..]).zip(all) {
            let d = (end - middle) as i64 - (middle - begin) as i64;
            let square = u128::from(d.unsigned_abs()) * u128::from(d.unsigned_abs());
            sum = sum.saturating_add(square);
        }
        let tau = m as f64 * period;
        Some(Allan {
            m,
            tau,
            terms: last.len() as u64,
            deviation: (sum as f64 / (2.0 * last.len() as f64)).sqrt() / tau,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rational::Rational;
    use super::super::reference::Reference;
    use super::*;

    #[test]
    fn the_nine_periods_of_nbs_monograph_140() {
        let mut at = 0;
        let mut times = vec![0];
        for y in [892, 809, 823, 798, 671, 644, 883, 903, 677] {
            at += y;
            times.push(at);
        }
        let times = Times::new(&times).expect("ascending");
        let t = Reference::Nominal(Rational::whole(1))
            .of(times)
            .expect("nominal");
        let deviation = |m| Allan::of(times, t, m).map(|a| a.deviation);
        let one = deviation(1).expect("edges");
        let two = deviation(2).expect("edges");
        assert!((one - 91.22945).abs() < 5e-6, "{one}");
        assert!((two - 85.95287).abs() < 5e-6, "{two}");
        assert!(deviation(4).is_some());
        for m in [0, 5, u64::MAX] {
            assert_eq!(deviation(m), None);
        }
    }
}
