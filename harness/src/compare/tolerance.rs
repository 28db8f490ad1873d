//! How much worse a metric may get: `1%`, `10cy`, `5ppm`, `0.01`.

use crate::metrics::value::Unit;
use std::str::FromStr;

/// A difference that is accepted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Tolerance {
    /// So many percent of the first run's value. For metrics in any unit.
    Percent(f64),
    /// So much, for metrics in this unit; [`Unit::One`] stands for those without one.
    Absolute(f64, Unit),
}

/// A text that is no tolerance.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no tolerance: write 1%, 10cy, 5ppm, or 0.01 for metrics without a unit")]
pub struct ToleranceError(String);

impl FromStr for Tolerance {
    type Err = ToleranceError;

    fn from_str(text: &str) -> Result<Tolerance, ToleranceError> {
        let wrong = || ToleranceError(text.to_owned());
        let plain = text.trim();
        let split = plain
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(plain.len());
        let (number, unit) = plain.split_at(split);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        match unit.trim() {
            "%" => Ok(Tolerance::Percent(number)),
            "cy" | "cycles" => Ok(Tolerance::Absolute(number, Unit::Cycles)),
            "ppm" => Ok(Tolerance::Absolute(number, Unit::Ppm)),
            "" => Ok(Tolerance::Absolute(number, Unit::One)),
            _ => Err(wrong()),
        }
    }
}

impl Tolerance {
    /// Does it accept this difference from a value?
    #[must_use]
    pub fn accepts(&self, difference: f64, from: f64, unit: Unit) -> bool {
        let unit = match unit {
            Unit::Ratio | Unit::Count => Unit::One,
            other => other,
        };
        match *self {
            Tolerance::Percent(p) => difference.abs() <= from.abs() * p / 100.0,
            Tolerance::Absolute(n, of) => of == unit && difference.abs() <= n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let t = |s: &str| s.parse::<Tolerance>();
        assert_eq!(t("1%"), Ok(Tolerance::Percent(1.0)));
        assert_eq!(t(" 0.5 %"), Ok(Tolerance::Percent(0.5)));
        assert_eq!(t("10cy"), Ok(Tolerance::Absolute(10.0, Unit::Cycles)));
        assert_eq!(t("5ppm"), Ok(Tolerance::Absolute(5.0, Unit::Ppm)));
        assert_eq!(t("0.01"), Ok(Tolerance::Absolute(0.01, Unit::One)));
        for bad in ["", "%", "-1%", "1ms", "ten", "1e3cy", "inf", "NaN%"] {
            assert!(t(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn units_must_fit() {
        let ten = Tolerance::Absolute(10.0, Unit::Cycles);
        assert!(ten.accepts(-10.0, 3.0, Unit::Cycles));
        assert!(!ten.accepts(10.5, 3.0, Unit::Cycles));
        assert!(!ten.accepts(0.1, 3.0, Unit::Ratio));
        let percent = Tolerance::Percent(1.0);
        assert!(percent.accepts(2.0, -200.0, Unit::Cycles));
        assert!(!percent.accepts(2.1, 200.0, Unit::Ratio));
        assert!(!percent.accepts(0.001, 0.0, Unit::Ratio));
        let share = Tolerance::Absolute(0.01, Unit::One);
        assert!(share.accepts(0.01, 0.5, Unit::Ratio));
    }
}
