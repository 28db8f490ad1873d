//! Values of stimuli files: times, rates, parts per million, shares. All are read exactly, as decimals.

use crate::units::Span;
use emu_core::Ratio;
use peripherals::ext::stimulus::Moment;
use peripherals::ext::stimulus::tolerance::MAX_PPB;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// The digits of a decimal and how many of them are behind the point, such as (-125, 2) for -1.25.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.replace('_', "");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let some = !whole.is_empty() || !fraction.is_empty();
    let fraction = fraction.trim_end_matches('0');
    let all = format!("{whole}{fraction}");
    let good = some && all.len() <= 30 && all.bytes().all(|b| b.is_ascii_digit());
    let value: i128 = if all.is_empty() { 0 } else { all.parse().ok()? };
    if !good {
        return None;
    }
    Some((sign * value, fraction.len() as u32))
}

/// A decimal as a whole number of 10⁻ᵖ; `None` when it is finer.
fn scaled(text: &str, power: u32) -> Option<i128> {
    let (value, places) = decimal(text)?;
    value.checked_mul(10i128.checked_pow(power.checked_sub(places)?)?)
}

/// A number and the unit behind it.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '+')))
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

/// A value that is written as a text, or as a number too.
macro_rules! value {
    ($(#[$doc:meta])* $name:ident($inner:ty), $example:literal, $types:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<$name, D::Error> {
                struct V;
                impl de::Visitor<'_> for V {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($example)
                    }
                    fn visit_i64<E: de::Error>(self, v: i64) -> Result<$name, E> {
                        self.visit_str(&v.to_string())
                    }
                    fn visit_u64<E: de::Error>(self, v: u64) -> Result<$name, E> {
                        self.visit_str(&v.to_string())
                    }
                    fn visit_f64<E: de::Error>(self, v: f64) -> Result<$name, E> {
                        self.visit_str(&v.to_string())
                    }
                    fn visit_str<E: de::Error>(self, v: &str) -> Result<$name, E> {
                        $name::read(v).map_err(E::custom)
                    }
                }
                d.deserialize_any(V)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schemars::json_schema!({ "description": $example, "type": $types })
            }
        }
    };
}

value!(
    /// A point in time since power-on, or a duration.
    Time(Span),
    "a time such as \"10us\", \"1.5ms\" or \"1680cy\"",
    ["string"]
);

impl Time {
    fn read(text: &str) -> Result<Time, String> {
        if text.trim().starts_with('-') {
            return Err(format!("`{text}` is before the start of the run"));
        }
        text.parse()
            .map(Time)
            .map_err(|e: crate::units::SpanError| e.to_string())
    }

    /// As a point in time.
    #[must_use]
    pub fn moment(self) -> Moment {
        match self.0 {
            Span::Cycles(n) => Moment::Cycle(n),
            Span::Time(t) => Moment::Time(t),
        }
    }

    /// As a number of cycles or of attoseconds.
    #[must_use]
    pub fn ticks(self) -> u128 {
        match self.0 {
            Span::Cycles(n) => n.into(),
            Span::Time(t) => t,
        }
    }

    /// Is it in core cycles?
    #[must_use]
    pub fn is_cycles(self) -> bool {
        matches!(self.0, Span::Cycles(_))
    }

    /// Is it earlier (or shorter) than the other? `None` when their units differ.
    #[must_use]
    pub fn before(self, other: Time) -> Option<bool> {
        (self.is_cycles() == other.is_cycles()).then(|| self.ticks() < other.ticks())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Span::Cycles(n) => write!(f, "{n}cy"),
            Span::Time(t) => write!(f, "{t}as"),
        }
    }
}

value!(
    /// How often a second.
    Rate(Ratio),
    "a rate such as 1000, \"1.5kHz\" or \"0.5 Hz\"",
    ["number", "string"]
);

impl Rate {
    fn read(text: &str) -> Result<Rate, String> {
        let (number, unit) = split(text);
        let factor = [("", 0), ("Hz", 0), ("kHz", 3), ("MHz", 6)]
            .into_iter()
            .find(|(name, _)| *name == unit);
        // In 10⁻⁹ Hz.
        let value = factor.and_then(|(_, power)| scaled(number, 9 + power));
        let value = value.and_then(|v| u64::try_from(v).ok());
        match value {
            Some(v @ 1..=100_000_000_000_000_000) => Ok(Rate(Ratio::new(v, 1_000_000_000))),
            Some(_) => Err(format!("`{text}` is not between 1 nHz and 100 MHz")),
            None => Err(format!(
                "`{text}` is not a rate: write 1000, \"1.5kHz\" or \"0.5 Hz\""
            )),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}Hz", self.0.num(), self.0.den())
    }
}

value!(
    /// An offset of a frequency, in parts per billion.
    Ppm(i64),
    "parts per million such as 20, -1.5 or \"20 ppm\"",
    ["number", "string"]
);

impl Ppm {
    fn read(text: &str) -> Result<Ppm, String> {
        let (number, unit) = split(text);
        let ppb = scaled(number, 3).filter(|_| matches!(unit, "" | "ppm"));
        let ppb = ppb.ok_or_else(|| {
            format!("`{text}` is not a number of ppm: write 20, -1.5 or \"20 ppm\", at most three decimals")
        })?;
        let limit = i128::from(MAX_PPB);
        if !(-limit..=limit).contains(&ppb) {
            return Err(format!("`{text}` is more than {} ppm", MAX_PPB / 1000));
        }
        Ok(Ppm(ppb as i64))
    }

    /// The frequency that is off by it.
    #[must_use]
    pub fn of(self, hz: Ratio) -> Ratio {
        let whole = 1_000_000_000u64;
        hz.scale(whole.saturating_add_signed(self.0), whole)
    }
}

impl fmt::Display for Ppm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ppb", self.0)
    }
}

value!(
    /// A drift of a frequency, in parts per billion per second.
    Slope(i64),
    "a drift such as \"0.5ppm/s\"",
    ["string"]
);

impl Slope {
    fn read(text: &str) -> Result<Slope, String> {
        let per_second = text.trim().strip_suffix("/s");
        let ppm = per_second.filter(|t| t.trim_end().ends_with("ppm"));
        let ppm = ppm.ok_or_else(|| format!("`{text}` is not a drift: write \"0.5ppm/s\""))?;
        Ppm::read(ppm).map(|ppm| Slope(ppm.0))
    }
}

impl fmt::Display for Slope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ppb/s", self.0)
    }
}

value!(
    /// The part of a period that is high, in 1/100 000.
    Duty(u32),
    "a share such as \"50%\" or \"12.5%\"",
    ["string"]
);

impl Duty {
    /// Parts of a whole period.
    pub const WHOLE: u32 = 100_000;

    fn read(text: &str) -> Result<Duty, String> {
        let (number, unit) = split(text);
        let parts = scaled(number, 3).filter(|_| unit == "%");
        let parts = parts.and_then(|p| u32::try_from(p).ok());
        parts
            .filter(|p| (1..Duty::WHOLE).contains(p))
            .map(Duty)
            .ok_or_else(|| {
                format!("`{text}` is not a share: write \"50%\", more than 0 and less than 100, at most three decimals")
            })
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, Duty::WHOLE)
    }
}

value!(
    /// How far something is from its time, in both directions.
    Jitter(Span),
    "a deviation such as \"±10us\" or \"10cy\"",
    ["string"]
);

impl Jitter {
    fn read(text: &str) -> Result<Jitter, String> {
        let plain = text.trim();
        let plain = plain
            .strip_prefix('±')
            .or(plain.strip_prefix("+-"))
            .unwrap_or(plain);
        Time::read(plain).map(|t| Jitter(t.0))
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Time(self.0).fmt(f)
    }
}

/// What a stimulus does to a pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// `0`
    Low,
    /// `1`
    High,
    /// `z`: nothing, the pin floats.
    Float,
}

value!(
    /// The level of a pin.
    PinLevel(Level),
    "a level: 0, 1, or \"z\" for a pin that floats",
    ["integer", "string"]
);

impl PinLevel {
    fn read(text: &str) -> Result<PinLevel, String> {
        Ok(PinLevel(match text.trim() {
            "0" => Level::Low,
            "1" => Level::High,
            "z" | "Z" => Level::Float,
            _ => {
                return Err(format!(
                    "`{text}` is not a level: write 0, 1 or \"z\" (floats)"
                ));
            }
        }))
    }
}

impl fmt::Display for PinLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Level::Low => "0",
            Level::High => "1",
            Level::Float => "z",
        })
    }
}

value!(
    /// A level of a pin from a point in time on.
    Edge((Time, PinLevel)),
    "a time and a level such as \"1.5ms 0\"",
    ["string"]
);

impl Edge {
    fn read(text: &str) -> Result<Edge, String> {
        let (time, level) = text
            .trim()
            .rsplit_once(char::is_whitespace)
            .ok_or_else(|| {
                format!("`{text}` is not an edge: write a time and a level, as in \"1.5ms 0\"")
            })?;
        Ok(Edge((Time::read(time)?, PinLevel::read(level)?)))
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, level) = self.0;
        write!(f, "{time} {level}")
    }
}

/// A name or a number of an interrupt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Irq(pub String);

impl<'de> Deserialize<'de> for Irq {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Irq, D::Error> {
        struct V;
        impl de::Visitor<'_> for V {
            type Value = Irq;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name or the number of an interrupt")
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Irq, E> {
                Ok(Irq(v.to_string()))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Irq, E> {
                Ok(Irq(v.to_owned()))
            }
        }
        d.deserialize_any(V)
    }
}

impl Serialize for Irq {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl JsonSchema for Irq {
    fn schema_name() -> Cow<'static, str> {
        "Irq".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "the name or the number of an interrupt",
            "type": ["integer", "string"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(scaled("1.25", 3), Some(1250));
        assert_eq!(scaled("-0.001", 3), Some(-1));
        assert_eq!(scaled("0.5000000", 1), Some(5));
        assert_eq!(scaled("0.0000", 2), Some(0));
        for bad in [
            "",
            ".",
            "-",
            "1e3",
            "1.2.3",
            "0.0001",
            "99999999999999999999999999999999",
        ] {
            assert_eq!(scaled(bad, 3), None, "{bad}");
        }
    }

    #[test]
    fn reads_what_people_write() {
        let rate = |t| Rate::read(t).map(|r| r.0);
        assert_eq!(rate("1000"), Ok(Ratio::hz(1000)));
        assert_eq!(rate("1.5kHz"), Ok(Ratio::hz(1500)));
        assert_eq!(rate("0.5 Hz"), Ok(Ratio::new(1, 2)));
        assert_eq!(rate("1.000001 MHz"), Ok(Ratio::hz(1_000_001)));
        assert_eq!(Ppm::read("-1.5"), Ok(Ppm(-1500)));
        assert_eq!(Ppm::read("20 ppm"), Ok(Ppm(20_000)));
        assert_eq!(Slope::read("0.5ppm/s"), Ok(Slope(500)));
        assert_eq!(Duty::read("12.5%"), Ok(Duty(12_500)));
        assert_eq!(
            Jitter::read("±10us").map(|j| j.0),
            "10us".parse().map_err(|_| String::new())
        );
        assert_eq!(
            Edge::read("1.5ms 0").map(|e| e.to_string()),
            Ok("1500000000000000as 0".to_owned())
        );
        assert_eq!(Ppm(20_000).of(Ratio::hz(8_000_000)), Ratio::hz(8_000_160));
    }

    #[test]
    fn refuses_the_rest_with_a_reason() {
        for (error, part) in [
            (Rate::read("0").map(drop), "between"),
            (Rate::read("-5").map(drop), "not a rate"),
            (Rate::read("1 GHz").map(drop), "not a rate"),
            (Rate::read("101MHz").map(drop), "between"),
            (Ppm::read("0.0001").map(drop), "three decimals"),
            (Ppm::read("200000").map(drop), "more than"),
            (Slope::read("5ppm").map(drop), "not a drift"),
            (Duty::read("100%").map(drop), "not a share"),
            (Duty::read("50").map(drop), "not a share"),
            (Time::read("-1ms").map(drop), "before the start"),
            (Edge::read("1ms").map(drop), "not an edge"),
            (Edge::read("1ms 2").map(drop), "not a level"),
        ] {
            let error = error.expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }
}
