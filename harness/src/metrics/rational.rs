//! Exact fractions of cycles: reference periods, means and whatever is measured against them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A fraction in lowest terms with a positive denominator. Written `16800` or `33601/2`, in files too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rational {
    num: i128,
    den: i128,
}

/// A text that is not a fraction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number: write 16800, 16800.5 or 33601/2")]
pub struct RationalError(String);

impl Rational {
    /// Nothing.
    pub const ZERO: Rational = Rational { num: 0, den: 1 };

    /// `num / den`. None when `den` is zero, or when a term does not fit.
    #[must_use]
    pub fn new(num: i128, den: i128) -> Option<Rational> {
        let negative = (num < 0) != (den < 0);
        let (n, d) = (num.unsigned_abs(), den.unsigned_abs());
        let g = match gcd(n, d) {
            _ if d == 0 => return None,
            0 => 1,
            g => g,
        };
        let n = i128::try_from(n / g).ok()?;
        Some(Rational {
            num: if negative { -n } else { n },
            den: i128::try_from(d / g).ok()?,
        })
    }

    /// A whole number.
    #[must_use]
    pub fn whole(n: impl Into<i128>) -> Rational {
        Rational {
            num: n.into(),
            den: 1,
        }
    }

    /// Numerator, in lowest terms.
    #[must_use]
    pub fn num(self) -> i128 {
        self.num
    }

    /// Denominator, in lowest terms, above zero.
    #[must_use]
    pub fn den(self) -> i128 {
        self.den
    }

    /// Is it above zero?
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.num > 0
    }

    /// `n - self`, exact. None when it does not fit.
    #[must_use]
    pub fn from_whole(self, n: i128) -> Option<Rational> {
        Rational::new(n.checked_mul(self.den)?.checked_sub(self.num)?, self.den)
    }

    /// The nearest whole number, halves away from zero.
    #[must_use]
    pub fn round(self) -> i128 {
        let (q, r) = (self.num / self.den, self.num % self.den);
        let up = r.unsigned_abs() >= self.den.unsigned_abs() - r.unsigned_abs();
        q + if up && r != 0 { self.num.signum() } else { 0 }
    }

    /// The nearest float, but for a few last bits.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl PartialOrd for Rational {
    fn partial_cmp(&self, other: &Rational) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rational {
    /// By continued fractions: exact, and never wider than the terms.
    fn cmp(&self, other: &Rational) -> Ordering {
        let (mut a, mut b, mut c, mut d) = (self.num, self.den, other.num, other.den);
        loop {
            let whole = a.div_euclid(b).cmp(&c.div_euclid(d));
            let (ra, rc) = (a.rem_euclid(b), c.rem_euclid(d));
            if whole != Ordering::Equal {
                return whole;
            }
            match (ra, rc) {
                (0, 0) => return Ordering::Equal,
                (0, _) => return Ordering::Less,
                (_, 0) => return Ordering::Greater,
                // ra/b < rc/d just when d/rc < b/ra.
                _ => (a, b, c, d) = (d, rc, b, ra),
            }
        }
    }
}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

impl FromStr for Rational {
    type Err = RationalError;

    fn from_str(text: &str) -> Result<Rational, RationalError> {
        let trimmed = text.trim();
        let parsed = if let Some((num, den)) = trimmed.split_once('/') {
            num.trim()
                .parse()
                .ok()
                .zip(den.trim().parse().ok())
                .and_then(|(n, d)| Rational::new(n, d))
        } else {
            decimal(trimmed)
        };
        parsed.ok_or_else(|| RationalError(text.to_owned()))
    }
}

/// `-12`, `12.5`, `.5`.
fn decimal(text: &str) -> Option<Rational> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let digits = format!("{whole}{places}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let den = 10i128.checked_pow(u32::try_from(places.len()).ok()?)?;
    Rational::new(format!("{sign}{digits}").parse().ok()?, den)
}

impl Serialize for Rational {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rational {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rational, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn r(text: &str) -> Rational {
        text.parse().expect(text)
    }

    #[test]
    fn reads_and_shows_lowest_terms() {
        for (text, shown) in [
            ("16800", "16800"),
            ("33601/2", "33601/2"),
            ("16800.5", "33601/2"),
            ("-0.5", "-1/2"),
            ("6/-4", "-3/2"),
            (".25", "1/4"),
            ("0/7", "0"),
        ] {
            assert_eq!(r(text).to_string(), shown);
            assert_eq!(r(shown), r(text));
        }
        for bad in ["", ".", "-", "1/0", "1/2/3", "1e3", "x", "1.-5", "+-3"] {
            let e = bad.parse::<Rational>().expect_err(bad).to_string();
            assert!(e.contains("is not a number"), "{e}");
        }
    }

    #[test]
    fn the_extremes_do_not_overflow() {
        let big = Rational::new(i128::MAX, 3).expect("fits");
        let near = Rational::new(i128::MAX - 1, 3).expect("fits");
        assert!(near < big);
        assert_eq!(big.cmp(&near), Ordering::Greater);
        assert_eq!(big.cmp(&big), Ordering::Equal);
        assert_eq!(Rational::new(i128::MIN, 1), None);
        assert_eq!(big.from_whole(i128::MAX), None);
        assert_eq!(r("1/2").from_whole(3), Some(r("5/2")));
    }

    #[test]
    fn rounds_halves_away_from_zero() {
        for (text, n) in [("5/2", 3), ("-5/2", -3), ("7/3", 2), ("-7/3", -2), ("4", 4)] {
            assert_eq!(r(text).round(), n, "{text}");
        }
    }

    proptest! {
        #[test]
        fn orders_as_cross_products_do(a in -1000i128..1000, b in 1i128..60, c in -1000i128..1000, d in 1i128..60) {
            let (x, y) = (Rational::new(a, b).expect("fits"), Rational::new(c, d).expect("fits"));
            prop_assert_eq!(x.cmp(&y), (a * d).cmp(&(c * b)));
        }
    }
}
