//! The reference period T, that deviations are measured from.

use super::rational::Rational;
use super::times::{BadInput, LONGEST, Times};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where T is taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// The user's, in cycles; need not be whole.
    Nominal(Rational),
    /// The mean period: last edge less first, over the number of periods.
    Mean,
    /// The slope of the least-squares line through all edges.
    #[default]
    BestFit,
}

/// Which T was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The user's.
    Nominal,
    /// The mean period.
    Mean,
    /// The best-fit line's.
    BestFit,
}

/// A reference period, and where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Period {
    /// Where it comes from.
    pub kind: Kind,
    /// Its length in cycles.
    pub cycles: Rational,
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Nominal => "nominal",
            Kind::Mean => "mean",
            Kind::BestFit => "best fit",
        };
        if self.cycles.den() == 1 {
            write!(f, "{} cycles ({kind})", self.cycles)
        } else {
            write!(f, "{:.6} cycles ({kind})", self.cycles.as_f64())
        }
    }
}

impl Reference {
    /// Is it one that can be used?
    ///
    /// # Errors
    /// [`BadInput::Nominal`].
    pub fn check(self) -> Result<(), BadInput> {
        match self {
            Reference::Nominal(t) => check_nominal(t),
            Reference::Mean | Reference::BestFit => Ok(()),
        }
    }

    /// T for these edges. None when they are fewer than two and T is not the user's.
    #[must_use]
    pub fn of(self, times: Times) -> Option<Period> {
        let enough = times.periods() > 0;
        let (kind, cycles) = match self {
            Reference::Nominal(t) => (Kind::Nominal, t),
            Reference::Mean if enough => (Kind::Mean, mean(times)?),
            Reference::BestFit if enough => (Kind::BestFit, slope(times)?),
            Reference::Mean | Reference::BestFit => return None,
        };
        Some(Period { kind, cycles })
    }
}

/// A nominal period is above 0 and has terms of 64 bits, so that nothing that is computed from it overflows.
pub(super) fn check_nominal(t: Rational) -> Result<(), BadInput> {
    let fits = |n: i128| 0 < n && n <= i128::from(u64::MAX);
    if fits(t.num()) && fits(t.den()) {
        Ok(())
    } else {
        Err(BadInput::Nominal(t))
    }
}

fn mean(times: Times) -> Option<Rational> {
    Rational::new(i128::from(times.span()), times.periods() as i128)
}

/// The least-squares slope through (k, t_k), with n edges: sum((2k - n + 1) t_k) * 6 / (n (n² - 1)).
///
/// Exact, unless the fraction is so fine that deviations from it do not fit 128 bits (hundreds of millions of edges over
/// years): then it is rounded to 2^-40 cycles.
fn slope(times: Times) -> Option<Rational> {
    let n = times.edges() as i128;
    let first = *times.all().first()?;
    let mut weight = 1 - n;
    let mut sum = 0i128;
    for &t in times.all() {
        sum += weight * i128::from(t - first);
        weight += 2;
    }
    let exact = Rational::new(
        sum.checked_mul(6)?,
        n.checked_mul(n)?.checked_sub(1)?.checked_mul(n)?,
    )?;
    if exact.den().leading_zeros() > LONGEST.ilog2() + 4 {
        return Some(exact);
    }
    let (whole, rest) = (exact.num() / exact.den(), exact.num() % exact.den());
    let part = (rest as f64 / exact.den() as f64 * (1u64 << 40) as f64) as i128;
    Rational::new((whole << 40) + part, 1 << 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reference: Reference, times: &[u64]) -> Option<String> {
        let times = Times::new(times).expect("ascending");
        reference.of(times).map(|p| p.to_string())
    }

    #[test]
    fn a_straight_line_has_one_period() {
        let times: Vec<u64> = (0..50).map(|k| 1_000_000_000_000 + k * 168).collect();
        assert_eq!(
            of(Reference::Mean, &times).as_deref(),
            Some("168 cycles (mean)")
        );
        assert_eq!(
            of(Reference::BestFit, &times).as_deref(),
            Some("168 cycles (best fit)")
        );
    }

    #[test]
    fn fits_are_exact_fractions() {
        // By hand: k = -1, 0, 1; slope = (30 - 0) / 2; mean the same. Then with four points.
        assert_eq!(
            of(Reference::BestFit, &[0, 11, 30]).as_deref(),
            Some("15 cycles (best fit)")
        );
        let times = Times::new(&[0, 11, 30, 40]).expect("ascending");
        let fit = Reference::BestFit.of(times).expect("edges");
        // sum((2k-3) t) = -11 + 30 + 120 = 139; times 6 over 60.
        assert_eq!(fit.cycles, Rational::new(139, 10).expect("fits"));
        let mean = Reference::Mean.of(times).expect("edges");
        assert_eq!(mean.cycles, Rational::new(40, 3).expect("fits"));
    }

    #[test]
    fn too_few_edges_have_only_the_users() {
        for times in [&[][..], &[7]] {
            assert_eq!(of(Reference::Mean, times), None);
            assert_eq!(of(Reference::BestFit, times), None);
            assert!(of(Reference::Nominal(Rational::whole(5)), times).is_some());
        }
        assert!(Reference::Nominal(Rational::ZERO).check().is_err());
        assert!(Reference::Nominal(Rational::whole(-3)).check().is_err());
    }
}
