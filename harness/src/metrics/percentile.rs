//! Percentiles by nearest rank, and how many values each needs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Parts in a whole.
const WHOLE: u64 = 1_000_000;

/// Values that must lie above a percentile before it says something.
const TAIL: u64 = 10;

/// A share of the values in parts per million, above 0 and below 1. Written `p99.9`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percentile(u32);

/// A text that is not a percentile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a percentile: write p50, p99.9 or p99.99 (above p0, below p100, at most four decimals; \
         for the ends write min and max)"
)]
pub struct PercentileError(String);

impl Percentile {
    /// What reports show.
    pub const USUAL: [Percentile; 5] = [
        Percentile(500_000),
        Percentile(900_000),
        Percentile(990_000),
        Percentile(999_000),
        Percentile(999_900),
    ];

    /// From parts per million: 999 000 is p99.9. None at and beyond the ends.
    #[must_use]
    pub fn from_ppm(ppm: u32) -> Option<Percentile> {
        (0 < ppm && u64::from(ppm) < WHOLE).then_some(Percentile(ppm))
    }

    /// In parts per million.
    #[must_use]
    pub fn ppm(self) -> u32 {
        self.0
    }

    /// The rank among `n` ascending values, from 1: the least rank that has this share at or below it.
    #[must_use]
    pub fn rank(self, n: u64) -> u64 {
        let rank = (u128::from(n) * u128::from(self.0)).div_ceil(u128::from(WHOLE));
        (rank as u64).max(1)
    }

    /// Are there enough values for it? At least ten are expected above it: N (1 - p) >= 10.
    #[must_use]
    pub fn supported_by(self, n: u64) -> bool {
        n >= self.needs()
    }

    /// The least number of values that supports it.
    #[must_use]
    pub fn needs(self) -> u64 {
        (TAIL * WHOLE).div_ceil(WHOLE - u64::from(self.0))
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10_000, self.0 % 10_000);
        let part = format!("{part:04}");
        match part.trim_end_matches('0') {
            "" => write!(f, "p{whole}"),
            part => write!(f, "p{whole}.{part}"),
        }
    }
}

impl FromStr for Percentile {
    type Err = PercentileError;

    fn from_str(text: &str) -> Result<Percentile, PercentileError> {
        parse(text).ok_or_else(|| PercentileError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Percentile> {
    let number = text.strip_prefix('p')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() > 2 || part.len() > 4 {
        return None;
    }
    let ppm = whole.parse::<u32>().ok()? * 10_000 + format!("{part:0<4}").parse::<u32>().ok()?;
    Percentile::from_ppm(ppm)
}

impl TryFrom<String> for Percentile {
    type Error = PercentileError;

    fn try_from(text: String) -> Result<Percentile, PercentileError> {
        text.parse()
    }
}

impl From<Percentile> for String {
    fn from(p: Percentile) -> String {
        p.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["p50", "p90", "p99", "p99.9", "p99.99", "p0.0001", "p2.5"] {
            assert_eq!(name.parse::<Percentile>().expect(name).to_string(), name);
        }
        for bad in [
            "",
            "p",
            "50",
            "p0",
            "p100",
            "p99.",
            "p.5",
            "p99.99999",
            "p-1",
            "p1e1",
            "p0.0",
        ] {
            assert!(bad.parse::<Percentile>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ranks_are_nearest_ranks() {
        let p = |text: &str| text.parse::<Percentile>().expect(text);
        assert_eq!(p("p50").rank(5), 3);
        assert_eq!(p("p50").rank(4), 2);
        assert_eq!(p("p30").rank(5), 2);
        assert_eq!(p("p0.0001").rank(5), 1);
        assert_eq!(p("p99.9").rank(1000), 999);
        assert_eq!(p("p99.9").rank(1001), 1000);
    }

    #[test]
    fn a_tail_of_ten_is_wanted() {
        let p = |text: &str| text.parse::<Percentile>().expect(text);
        for (name, needs) in [("p50", 20), ("p90", 100), ("p99", 1000), ("p99.9", 10_000)] {
            assert_eq!(p(name).needs(), needs);
            assert!(p(name).supported_by(needs) && !p(name).supported_by(needs - 1));
        }
        assert_eq!(p("p33.3333").needs(), 15);
    }
}
