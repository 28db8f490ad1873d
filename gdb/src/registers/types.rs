//! How gdb shows a register: a type that it knows, or named bits.

/// The type of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// One that gdb knows.
    Plain(&'static str),
    /// Named bits: `[ Z C T ]`.
    Flags(&'static Flags),
}

/// Named bits of a 32-bit register.
#[derive(PartialEq, Eq, Debug)]
pub struct Flags {
    /// The name of the type.
    pub id: &'static str,
    /// The fields, in the order in which gdb shows them.
    pub fields: &'static [Field],
}

/// A field.
#[derive(PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its lowest bit.
    pub low: u8,
    /// Its highest bit.
    pub high: u8,
    /// Names of its values.
    pub values: &'static [(&'static str, u32)],
}

/// A single bit.
pub const fn bit(name: &'static str, at: u8) -> Field {
    field(name, at, at)
}

/// Several bits.
pub const fn field(name: &'static str, low: u8, high: u8) -> Field {
    named(name, low, high, &[])
}

/// Several bits whose values have names.
pub const fn named(
    name: &'static str,
    low: u8,
    high: u8,
    values: &'static [(&'static str, u32)],
) -> Field {
    Field {
        name,
        low,
        high,
        values,
    }
}
