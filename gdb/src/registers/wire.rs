//! The architecture as gdbstub wants it: types that carry bytes and numbers, whatever the core. The table gives them
//! their meaning.

use super::Table;
use gdbstub::arch::{self, Arch};
use std::num::NonZeroUsize;

/// Any of the 32-bit, little-endian cores.
pub enum AnyCore {}

impl Arch for AnyCore {
    type Usize = u32;
    type Registers = Packet;
    type BreakpointKind = Length;
    type RegId = Number;
}

/// What gdb says of the instruction at a breakpoint: its length (RISC-V), or 2, 3 and 4 for a Thumb instruction of 16
/// bits, of 32 bits, and one that gdb takes for an ARM instruction. The core only knows addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Length;

impl arch::BreakpointKind for Length {
    fn from_usize(kind: usize) -> Option<Length> {
        matches!(kind, 2..=4).then_some(Length)
    }
}

/// A register by its number. Whether there is one, and its size, is up to the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number(pub usize);

impl arch::RegId for Number {
    fn from_raw_id(id: usize) -> Option<(Number, Option<NonZeroUsize>)> {
        Some((Number(id), None))
    }

    fn to_raw_id(&self) -> Option<usize> {
        Some(self.0)
    }
}

/// The contents of a `g` or `G` packet: the bytes of the general registers, in the order of their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Packet {
    pc: u32,
    bytes: Vec<Option<u8>>,
}

impl Packet {
    /// The general registers of a table. One without a value is told to be unavailable.
    pub fn new(
        table: &Table,
        pc: u32,
        mut value: impl FnMut(&super::Register) -> Option<u64>,
    ) -> Packet {
        let mut bytes = Vec::new();
        for r in table.general() {
            let value = value(r).map(u64::to_le_bytes);
            bytes.extend((0..r.bytes()).map(|i| value.map(|v| v[i])));
        }
        Packet { pc, bytes }
    }

    /// The registers of a table with the values in it; `None` when it has another length.
    pub fn values<'t>(&self, table: &'t Table) -> Option<Vec<(&'t super::Register, Option<u64>)>> {
        let mut rest = self.bytes.as_slice();
        let mut all = Vec::new();
        for r in table.general() {
            let (now, later) = rest.split_at_checked(r.bytes())?;
            let value = now
                .iter()
                .rev()
                .try_fold(0, |v, &b| Some(v << 8 | u64::from(b?)));
            all.push((r, value));
            rest = later;
        }
        rest.is_empty().then_some(all)
    }
}

impl arch::Registers for Packet {
    type ProgramCounter = u32;

    fn pc(&self) -> u32 {
        self.pc
    }

    fn gdb_serialize(&self, write_byte: impl FnMut(Option<u8>)) {
        self.bytes.iter().copied().for_each(write_byte);
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.bytes = bytes.iter().copied().map(Some).collect();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::registers::{Place, arm};
    use emu_core::cortex_m::Architecture;
    use gdbstub::arch::{BreakpointKind as _, Registers as _};

    #[test]
    fn packets_go_there_and_back() {
        for (architecture, fpu, length) in [
            (Architecture::V6M, false, 21 * 4),
            (Architecture::V7M, false, 23 * 4),
            (Architecture::V7EM, true, 24 * 4 + 16 * 8),
            (Architecture::V8M, true, 24 * 4 + 16 * 8),
        ] {
            let table = Table {
                architecture: "",
                rows: arm::rows(architecture, fpu),
            };
            let value = |r: &crate::registers::Register| match r.place {
                Place::Core(2) => None,
                _ => Some(r.number as u64 * 0x0101),
            };
            let packet = Packet::new(&table, 0, value);
            let mut bytes = Vec::new();
            packet.gdb_serialize(|b| bytes.push(b));
            assert_eq!(bytes.len(), length);
            assert_eq!(bytes[8..12], [None; 4]);
            let bytes: Vec<u8> = bytes.iter().map(|b| b.unwrap_or(7)).collect();
            let mut back = Packet::default();
            back.gdb_deserialize(&bytes).unwrap();
            for (r, read) in back.values(&table).unwrap() {
                assert_eq!(read, value(r).or(Some(0x0707_0707)), "{}", r.name);
            }
            back.gdb_deserialize(&bytes[1..]).unwrap();
            assert_eq!(back.values(&table), None);
        }
    }

    #[test]
    fn breakpoints_of_all_lengths() {
        let kinds: Vec<bool> = (0..6).map(|k| Length::from_usize(k).is_some()).collect();
        assert_eq!(kinds, [false, false, true, true, true, false]);
    }
}
