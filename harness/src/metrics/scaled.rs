//! Time interval error as whole numbers: x_k times the denominator of T, so that comparisons are exact.

use super::rational::Rational;
use super::reference::Period;
use super::times::Times;

/// den (t_k - t_0) - k num for each edge, where T = num / den.
#[derive(Debug)]
pub struct Scaled {
    den: i128,
    values: Values,
}

/// As narrow as they fit: half the memory, twice the speed.
#[derive(Debug)]
pub enum Values {
    /// Nearly always.
    Narrow(Vec<i64>),
    /// T with a large denominator, as the best fit has over many edges.
    Wide(Vec<i128>),
}

/// Whole numbers that can be scaled errors.
pub trait Whole: Copy + Ord {
    /// In full width.
    fn wide(self) -> i128;
    /// `self - other`, which fits for any two errors of a signal.
    fn minus(self, other: Self) -> Self;
    /// As a float.
    fn float(self) -> f64;
}

impl Whole for i64 {
    fn wide(self) -> i128 {
        i128::from(self)
    }

    #[inline]
    fn minus(self, other: i64) -> i64 {
        // Narrow values are below 2^62.
        self - other
    }

    #[inline]
    fn float(self) -> f64 {
        self as f64
    }
}

impl Whole for i128 {
    fn wide(self) -> i128 {
        self
    }

    #[inline]
    fn minus(self, other: i128) -> i128 {
        self - other
    }

    #[inline]
    fn float(self) -> f64 {
        self as f64
    }
}

/// Runs the same code on narrow and wide values.
macro_rules! on_values {
    ($scaled:expr, $v:ident => $body:expr) => {
        match $scaled.values() {
            $crate::metrics::scaled::Values::Narrow($v) => $body,
            $crate::metrics::scaled::Values::Wide($v) => $body,
        }
    };
}
pub(super) use on_values;

impl Scaled {
    /// Of all edges. The bounds on T ([`super::reference`]) and on the run keep everything within 128 bits.
    #[must_use]
    pub fn of(times: Times, t: Period) -> Scaled {
        let (num, den) = (t.cycles.num(), t.cycles.den());
        let each = || {
            let mut at = 0i128;
            let later = times.lengths().map(move |p| {
                at += den * i128::from(p) - num;
                at
            });
            (times.edges() > 0).then_some(0).into_iter().chain(later)
        };
        let bound = 1i128 << 62;
        let narrow = each().all(|s| -bound < s && s < bound);
        let values = if narrow {
            let mut values = Vec::with_capacity(times.edges());
            values.extend(each().map(|s| s as i64));
            Values::Narrow(values)
        } else {
            let mut values = Vec::with_capacity(times.edges());
            values.extend(each());
            Values::Wide(values)
        };
        Scaled { den, values }
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The values, to keep.
    #[must_use]
    pub fn into_values(self) -> Values {
        self.values
    }

    /// The latest edge less the earliest in cycles, exact. None without edges.
    #[must_use]
    pub fn pp(&self) -> Option<Rational> {
        fn spread<S: Whole>(values: &[S]) -> Option<i128> {
            let (low, high) = (values.iter().min()?, values.iter().max()?);
            Some(high.minus(*low).wide())
        }
        Rational::new(on_values!(self, v => spread(v))?, self.den)
    }

    /// What a scaled value is divided by.
    #[must_use]
    pub fn den(&self) -> i128 {
        self.den
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::{Kind, Reference};
    use super::*;

    #[test]
    fn narrow_and_wide_say_the_same() {
        let times: Vec<u64> = (0..100u64).map(|k| 10_000 + k * 977 + k * k % 31).collect();
        let times = Times::new(&times).expect("ascending");
        let t = Reference::BestFit.of(times).expect("edges");
        let Values::Narrow(narrow) = Scaled::of(times, t).values else {
            panic!("wide");
        };
        // The same T, but with a nominal denominator near 2^64.
        let (num, den) = (977 * ((1i128 << 64) - 59), (1i128 << 64) - 59);
        let fine = Period {
            kind: Kind::Nominal,
            cycles: Rational::new(num - 1, den).expect("fits"),
        };
        let scaled = Scaled::of(times, fine);
        let Values::Wide(wide) = scaled.values else {
            panic!("narrow");
        };
        for k in 0..times.edges() {
            let u = i128::from(times.all()[k] - times.all()[0]);
            assert_eq!(wide[k], u * den - k as i128 * (num - 1));
            assert_eq!(
                i128::from(narrow[k]),
                u * t.cycles.den() - k as i128 * t.cycles.num()
            );
        }
    }
}
