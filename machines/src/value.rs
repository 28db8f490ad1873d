//! Values of machine files: each with the place where it was written, and numbers with units.

use crate::source::At;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Deref;

thread_local! {
    /// The source that [`parse`] reads now; a deserialiser has no place to carry it.
    static SOURCE: Cell<u16> = const { Cell::new(0) };
}

/// Read a TOML text whose values remember that they are from `source`.
///
/// # Errors
/// The parser's error, with its span.
pub fn parse<T: for<'a> Deserialize<'a>>(text: &str, source: u16) -> Result<T, toml::de::Error> {
    SOURCE.set(source);
    toml::from_str(text)
}

/// A value with the place where it was written.
#[derive(Clone, Debug, Default)]
pub struct Sp<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub at: At,
}

impl<T> Deref for Sp<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sp<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Sp<T>, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(d)?;
        let at = At {
            source: SOURCE.get(),
            span: spanned.span(),
        };
        let value = spanned.into_inner();
        Ok(Sp { value, at })
    }
}

impl<T: Serialize> Serialize for Sp<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(s)
    }
}

impl<T: JsonSchema> JsonSchema for Sp<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(g: &mut SchemaGenerator) -> Schema {
        T::json_schema(g)
    }
}

macro_rules! quantity {
    ($name:ident, $doc:literal, $pattern:literal, $example:literal, $units:expr) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// From a number with an optional unit.
            #[must_use]
            pub fn parse(text: &str) -> Option<$name> {
                number_with_unit(text, &$units).map($name)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<$name, D::Error> {
                struct V;
                impl de::Visitor<'_> for V {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a number or a text such as ", $example))
                    }
                    fn visit_i64<E: de::Error>(self, v: i64) -> Result<$name, E> {
                        u64::try_from(v).map($name).map_err(|_| {
                            E::invalid_value(de::Unexpected::Signed(v), &self)
                        })
                    }
                    fn visit_u64<E: de::Error>(self, v: u64) -> Result<$name, E> {
                        Ok($name(v))
                    }
                    fn visit_str<E: de::Error>(self, v: &str) -> Result<$name, E> {
                        $name::parse(v)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(v), &self))
                    }
                }
                d.deserialize_any(V)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schemars::json_schema!({
                    "description": $doc,
                    "anyOf": [
                        { "type": "integer", "minimum": 0 },
                        { "type": "string", "pattern": $pattern }
                    ]
                })
            }
        }
    };
}

quantity!(
    Size,
    "A size in bytes: a number, or a text with K or M (1024 and 1024² bytes), such as \"112K\".",
    "^[0-9]+ *([KM](iB)?)?$",
    "\"112K\" or \"1 MiB\"",
    [
        ("", 1),
        ("K", 1 << 10),
        ("KiB", 1 << 10),
        ("M", 1 << 20),
        ("MiB", 1 << 20)
    ]
);

quantity!(
    Hertz,
    "A frequency in Hz: a number, or a text with a unit, such as \"25 MHz\".",
    "^[0-9]+(\\.[0-9]+)? *([kM]?Hz)?$",
    "\"25 MHz\" or \"32.768 kHz\"",
    [("", 1), ("Hz", 1), ("kHz", 1_000), ("MHz", 1_000_000)]
);

/// `12.5 MHz` as 12 500 000; `None` when it is no number, no unit, or no whole result.
fn number_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let &(_, factor) = units.iter().find(|(u, _)| *u == unit.trim())?;
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if fraction.len() > 9 {
        return None;
    }
    let scale = 10u64.pow(fraction.len() as u32);
    let part: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let total = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(scale)?
        .checked_add(part)?
        .checked_mul(factor)?;
    (total % scale == 0).then_some(total / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(Size::parse("112K"), Some(Size(112 << 10)));
        assert_eq!(Size::parse("1 MiB"), Some(Size(1 << 20)));
        assert_eq!(Size::parse("1 MB"), None);
        assert_eq!(Hertz::parse("25MHz"), Some(Hertz(25_000_000)));
        assert_eq!(Hertz::parse("32.768 kHz"), Some(Hertz(32_768)));
        assert_eq!(Hertz::parse("0.5 Hz"), None);
        assert_eq!(Hertz::parse("MHz"), None);
    }

    #[test]
    fn values_remember_where_they_were_written() {
        #[derive(Deserialize)]
        struct T {
            a: Sp<u32>,
            b: std::collections::BTreeMap<String, Sp<toml::Value>>,
        }
        let text = "a = 0x10\nb = { c = [1] }\n";
        let t: T = parse(text, 3).expect("is TOML");
        assert_eq!(t.a.value, 16);
        assert_eq!(t.a.at.source, 3);
        assert_eq!(&text[t.a.at.span.clone()], "0x10");
        assert_eq!(&text[t.b["c"].at.span.clone()], "[1]");
    }
}
