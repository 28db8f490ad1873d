//! Durations as people write them: `10us`, `1.5ms`, `2s`, `1680cy`.

use std::fmt;
use std::str::FromStr;

/// Attoseconds (10⁻¹⁸ s) in a second.
pub const AS_PER_S: u128 = 1_000_000_000_000_000_000;

/// A duration, in time or in core cycles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// Core cycles.
    Cycles(u64),
    /// Virtual time, in attoseconds.
    Time(u128),
}

/// A text that is not a duration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {reason} (write 10us, 1.5ms, 2s or 1680cy)")]
pub struct SpanError {
    text: String,
    reason: &'static str,
}

/// Unit and the power of ten of an attosecond that it is.
const UNITS: [(&str, u32); 7] = [
    ("ps", 6),
    ("ns", 9),
    ("us", 12),
    ("µs", 12),
    ("μs", 12),
    ("ms", 15),
    ("s", 18),
];

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Span, SpanError> {
        let err = |reason| SpanError {
            text: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        let split = trimmed
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .ok_or_else(|| err("the unit is missing"))?;
        let (number, unit) = trimmed.split_at(split);
        let number = number.replace('_', "");
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(err("the number is missing"));
        }
        let digits = |s: &str| -> Result<u128, SpanError> {
            if s.is_empty() {
                return Ok(0);
            }
            s.parse().map_err(|_| err("the number is wrong"))
        };
        let unit = unit.trim();
        if matches!(unit, "cy" | "cycles") {
            if !fraction.is_empty() {
                return Err(err("cycles are whole"));
            }
            let n = u64::try_from(digits(whole)?).map_err(|_| err("it is too long"))?;
            return Ok(Span::Cycles(n));
        }
        let power = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| err("the unit is unknown"))?
            .1;
        let fraction = fraction.trim_end_matches('0');
        let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        if places > power {
            return Err(err("it is finer than an attosecond"));
        }
        let scaled = digits(whole)?
            .checked_mul(10u128.pow(power))
            .and_then(|w| Some(w + digits(fraction).ok()? * 10u128.pow(power - places)))
            .filter(|&t| t <= AS_PER_S * 1_000_000_000)
            .ok_or_else(|| err("it is too long"))?;
        Ok(Span::Time(scaled))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Span::Cycles(n) => write!(f, "{n}cy"),
            Span::Time(t) => f.write_str(&time(t)),
        }
    }
}

/// A time for people: `12.345 ms`, at most four significant decimals.
#[must_use]
pub fn time(attoseconds: u128) -> String {
    let (unit, power) = [("s", 18), ("ms", 15), ("us", 12), ("ns", 9), ("ps", 6)]
        .into_iter()
        .find(|&(_, p)| attoseconds >= 10u128.pow(p))
        .unwrap_or(("s", 18));
    let scale = 10u128.pow(power);
    let (whole, rest) = (attoseconds / scale, attoseconds % scale);
    let fraction = format!("{:04}", rest / (scale / 10_000));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{fraction} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let t = |s: &str| s.parse::<Span>();
        assert_eq!(t("10us"), Ok(Span::Time(10_000_000_000_000)));
        assert_eq!(t("1.5ms"), Ok(Span::Time(1_500_000_000_000_000)));
        assert_eq!(t(".5 s"), Ok(Span::Time(AS_PER_S / 2)));
        assert_eq!(t("2s"), Ok(Span::Time(2 * AS_PER_S)));
        assert_eq!(t("1_680cy"), Ok(Span::Cycles(1680)));
        assert_eq!(t("3µs"), t("3us"));
    }

    #[test]
    fn refuses_the_rest_with_a_reason() {
        for bad in [
            "",
            "5",
            "ms",
            "1.5cy",
            "1..2s",
            "1x",
            "-3ms",
            "1e3s",
            "0.0000000000001ps",
            "99999999999999999999999999999999999999999s",
            "18446744073709551616cy",
        ] {
            let e = bad.parse::<Span>().expect_err(bad).to_string();
            assert!(e.contains("is not a duration"), "{e}");
        }
    }

    #[test]
    fn shows_times() {
        assert_eq!(time(0), "0 s");
        assert_eq!(time(1_500_000_000_000_000), "1.5 ms");
        assert_eq!(time(AS_PER_S * 61), "61 s");
        assert_eq!(time(5_952_380_952), "5.9523 ns");
    }
}
