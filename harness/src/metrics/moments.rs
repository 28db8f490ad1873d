//! Count, extremes, mean and deviation of whole numbers, summed exactly.

use super::rational::Rational;

/// Sums of whole numbers, taken about a base near their mean so that the squares stay small.
///
/// Exact as long as the sum of squares fits 128 bits: 16 million values that are 2^52 off the base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moments {
    base: i64,
    count: u64,
    min: i64,
    max: i64,
    sum: i128,
    squares: u128,
}

impl Moments {
    /// No values yet. `base` is taken off each value before it is summed: any number near the mean.
    #[must_use]
    pub fn about(base: i64) -> Moments {
        Moments {
            base,
            count: 0,
            min: i64::MAX,
            max: i64::MIN,
            sum: 0,
            squares: 0,
        }
    }

    /// One more value.
    #[inline]
    pub fn add(&mut self, value: i64) {
        let Some(off) = value.checked_sub(self.base) else {
            return self.add_many(value, 1);
        };
        let size = u128::from(off.unsigned_abs());
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += i128::from(off);
        self.squares = self.squares.saturating_add(size * size);
    }

    /// `count` more of the same value.
    #[inline]
    pub fn add_many(&mut self, value: i64, count: u64) {
        let off = i128::from(value) - i128::from(self.base);
        let square = off.unsigned_abs().saturating_mul(off.unsigned_abs());
        self.count += count;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += off * i128::from(count);
        self.squares = self
            .squares
            .saturating_add(square.saturating_mul(u128::from(count)));
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The least value; none without values.
    #[must_use]
    pub fn min(&self) -> Option<i64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest value.
    #[must_use]
    pub fn max(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max)
    }

    /// The mean, exact.
    #[must_use]
    pub fn mean(&self) -> Option<Rational> {
        let count = i128::from(self.count);
        let whole = i128::from(self.base).checked_mul(count)?;
        Rational::new(self.sum.checked_add(whole)?, count)
    }

    /// The root of the mean squared deviation from the mean (divided by the count, not one less).
    #[must_use]
    pub fn deviation(&self) -> Option<f64> {
        let n = u128::from(self.count);
        let sum = self.sum.unsigned_abs();
        let exact = n.checked_mul(self.squares).zip(sum.checked_mul(sum));
        let over_n_squared = match exact {
            Some((a, b)) => a.saturating_sub(b) as f64,
            None => (n as f64 * self.squares as f64 - sum as f64 * sum as f64).max(0.0),
        };
        (n > 0).then(|| over_n_squared.sqrt() / n as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_offsets_lose_nothing() {
        let mut m = Moments::about(0);
        let mut near = Moments::about(1_000_000_000_000);
        for v in [-1, 0, 1] {
            m.add(1_000_000_000_000 + v);
            near.add(1_000_000_000_000 + v);
        }
        assert_eq!(m.mean(), Some(Rational::whole(1_000_000_000_000i64)));
        assert_eq!(m.deviation(), Some(6.0f64.sqrt() / 3.0));
        assert_eq!(near.deviation(), m.deviation());
        assert_eq!(near.mean(), m.mean());
    }

    #[test]
    fn none_of_nothing_and_no_panic_on_the_extremes() {
        let mut m = Moments::about(i64::MIN);
        assert_eq!((m.min(), m.max()), (None, None));
        assert_eq!((m.mean(), m.deviation()), (None, None));
        for _ in 0..4 {
            m.add(i64::MAX);
        }
        assert_eq!(m.mean(), Some(Rational::whole(i64::MAX)));
        assert!(m.deviation().is_some_and(f64::is_finite));
    }
}
