//! N-period jitter: how far n periods together lie from n T.

use super::moments::Moments;
use super::rational::Rational;
use super::reference::Period;
use super::times::Times;
use serde::{Deserialize, Serialize};

/// The lengths of all stretches of n periods, t_{k+n} - t_k.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NPeriod {
    /// Periods in a stretch.
    pub n: u64,
    /// How many stretches.
    pub count: u64,
    /// The shortest less n T, in cycles.
    pub least: Rational,
    /// The longest less n T, in cycles.
    pub greatest: Rational,
    /// The longest less the shortest, in cycles.
    pub pp: u64,
    /// RMS deviation from the mean stretch, in cycles.
    pub rms: f64,
}

impl NPeriod {
    /// None when there are not n periods.
    #[must_use]
    pub fn of(times: Times, t: Period, n: u64) -> Option<NPeriod> {
        let all = times.all();
        let stride = usize::try_from(n)
            .ok()
            .filter(|&s| s > 0 && s < all.len())?;
        // Near the mean: then the squares are small.
        let expected = u128::from(times.span()) * u128::from(n) / times.periods() as u128;
        let mut m = Moments::about(expected as i64);
        for (end, begin) in all[stride..].iter().zip(all) {
            m.add((end - begin) as i64);
        }
        let (min, max) = (m.min()?, m.max()?);
        let target = Rational::new(t.cycles.num().checked_mul(i128::from(n))?, t.cycles.den())?;
        Some(NPeriod {
            n,
            count: m.count(),
            least: target.from_whole(i128::from(min))?,
            greatest: target.from_whole(i128::from(max))?,
            pp: max.abs_diff(min),
            rms: m.deviation()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::Reference;
    use super::*;

    #[test]
    fn jitter_that_cancels_is_gone_over_two() {
        let times: Vec<u64> = (0..21).map(|k| k * 100 + (k % 2) * 8).collect();
        let times = Times::new(&times).expect("ascending");
        let t = Reference::Mean.of(times).expect("edges");
        let one = NPeriod::of(times, t, 1).expect("periods");
        assert_eq!((one.pp, one.rms, one.count), (16, 8.0, 20));
        assert_eq!(
            (one.least.to_string(), one.greatest.to_string()),
            ("-8".into(), "8".into())
        );
        let two = NPeriod::of(times, t, 2).expect("periods");
        assert_eq!((two.pp, two.rms, two.count), (0, 0.0, 19));
        for n in [0, 21, u64::MAX] {
            assert_eq!(NPeriod::of(times, t, n), None);
        }
    }
}
