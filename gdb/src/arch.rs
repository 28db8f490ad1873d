//! Cortex-M as gdb sees it: numbers, sizes and order of registers.
//!
//! The numbers are the same for every core; a core that lacks a register leaves its number out of the target
//! description (see [`crate::description`]) and of the `g` packet.

use emu_core::machine::Registers;
use gdbstub::arch::{self, Arch};
use std::num::NonZeroUsize;

/// The architecture.
pub enum CortexM {}

impl Arch for CortexM {
    type Usize = u32;
    type Registers = View;
    type BreakpointKind = Thumb;
    type RegId = Register;
}

/// Kinds of breakpoints that gdb asks for on ARM; the core only knows addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Thumb {
    /// A 16-bit instruction.
    Narrow,
    /// A 32-bit instruction.
    Wide,
}

impl arch::BreakpointKind for Thumb {
    fn from_usize(kind: usize) -> Option<Thumb> {
        match kind {
            2 => Some(Thumb::Narrow),
            // 4 is a 32-bit ARM instruction, which gdb takes for what it cannot tell.
            3 | 4 => Some(Thumb::Wide),
            _ => None,
        }
    }
}

/// Which registers a core has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shape {
    /// BASEPRI and FAULTMASK.
    pub v7m: bool,
    /// FP registers.
    pub fpu: bool,
}

/// A register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Register {
    /// R0 to R12, SP, LR, PC.
    Core(u8),
    /// xPSR.
    Xpsr,
    /// Main stack pointer.
    Msp,
    /// Process stack pointer.
    Psp,
    /// PRIMASK.
    Primask,
    /// BASEPRI.
    Basepri,
    /// FAULTMASK.
    Faultmask,
    /// CONTROL.
    Control,
    /// D0 to D15.
    Double(u8),
    /// FPSCR.
    Fpscr,
    /// The present cycle.
    Cycles,
}

impl Register {
    /// All, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Register> {
        (0..=40).filter_map(Register::from_number)
    }

    /// The register with this number in the protocol.
    pub fn from_number(n: usize) -> Option<Register> {
        Some(match n {
            0..=15 => Register::Core(n as u8),
            16 => Register::Xpsr,
            17 => Register::Msp,
            18 => Register::Psp,
            19 => Register::Primask,
            20 => Register::Basepri,
            21 => Register::Faultmask,
            22 => Register::Control,
            23..=38 => Register::Double(n as u8 - 23),
            39 => Register::Fpscr,
            40 => Register::Cycles,
            _ => return None,
        })
    }

    /// Its number in the protocol.
    pub fn number(self) -> usize {
        match self {
            Register::Core(n) => usize::from(n),
            Register::Xpsr => 16,
            Register::Msp => 17,
            Register::Psp => 18,
            Register::Primask => 19,
            Register::Basepri => 20,
            Register::Faultmask => 21,
            Register::Control => 22,
            Register::Double(n) => 23 + usize::from(n),
            Register::Fpscr => 39,
            Register::Cycles => 40,
        }
    }

    /// Its size in bytes.
    pub fn size(self) -> usize {
        match self {
            Register::Double(_) | Register::Cycles => 8,
            _ => 4,
        }
    }

    /// Does a core of this shape have it?
    pub fn exists(self, shape: Shape) -> bool {
        match self {
            Register::Basepri | Register::Faultmask => shape.v7m,
            Register::Double(_) | Register::Fpscr => shape.fpu,
            _ => true,
        }
    }
}

impl arch::RegId for Register {
    fn from_raw_id(id: usize) -> Option<(Register, Option<NonZeroUsize>)> {
        let r = Register::from_number(id)?;
        Some((r, NonZeroUsize::new(r.size())))
    }

    fn to_raw_id(&self) -> Option<usize> {
        Some(self.number())
    }
}

/// All registers of a core, with the cycle.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Which of them exist.
    pub shape: Shape,
    /// Their values.
    pub values: Registers,
    /// The present cycle.
    pub cycles: u64,
}

/// Is the process stack in use?
fn on_process_stack(r: &Registers) -> bool {
    r.control & 2 != 0 && r.xpsr & 0x1FF == 0
}

impl View {
    /// A register's value; the low half is all there is of 32-bit ones.
    pub fn get(&self, register: Register) -> u64 {
        let v = &self.values;
        u64::from(match register {
            Register::Core(n) => v.r[usize::from(n & 15)],
            Register::Xpsr => v.xpsr,
            Register::Msp => v.msp,
            Register::Psp => v.psp,
            Register::Primask => v.primask,
            Register::Basepri => v.basepri,
            Register::Faultmask => v.faultmask,
            Register::Control => v.control,
            Register::Fpscr => v.fpscr,
            Register::Double(n) => {
                let i = usize::from(n & 15) * 2;
                return u64::from(v.s[i + 1]) << 32 | u64::from(v.s[i]);
            }
            Register::Cycles => return self.cycles,
        })
    }

    /// Change a register. SP and the stack pointer in use are one.
    pub fn set(&mut self, register: Register, value: u64) {
        let low = value as u32;
        let v = &mut self.values;
        match register {
            Register::Core(13) => {
                v.r[13] = low;
                if on_process_stack(v) {
                    v.psp = low;
                } else {
                    v.msp = low;
                }
            }
            Register::Core(n) => v.r[usize::from(n & 15)] = low,
            Register::Xpsr => v.xpsr = low,
            Register::Msp => {
                v.msp = low;
                if !on_process_stack(v) {
                    v.r[13] = low;
                }
            }
            Register::Psp => {
                v.psp = low;
                if on_process_stack(v) {
                    v.r[13] = low;
                }
            }
            Register::Primask => v.primask = low,
            Register::Basepri => v.basepri = low,
            Register::Faultmask => v.faultmask = low,
            Register::Control => {
                v.control = low;
                v.r[13] = if on_process_stack(v) { v.psp } else { v.msp };
            }
            Register::Fpscr => v.fpscr = low,
            Register::Double(n) => {
                let i = usize::from(n & 15) * 2;
                v.s[i] = low;
                v.s[i + 1] = (value >> 32) as u32;
            }
            Register::Cycles => self.cycles = value,
        }
    }
}

impl arch::Registers for View {
    type ProgramCounter = u32;

    fn pc(&self) -> u32 {
        self.values.r[15]
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        for r in Register::all().filter(|r| r.exists(self.shape)) {
            for byte in &self.get(r).to_le_bytes()[..r.size()] {
                write_byte(Some(*byte));
            }
        }
    }

    /// The shape follows from the length: each has its own.
    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let shapes = [(false, false), (true, false), (true, true), (false, true)];
        let length = |shape| -> usize {
            Register::all()
                .filter(|r| r.exists(shape))
                .map(Register::size)
                .sum()
        };
        self.shape = shapes
            .iter()
            .map(|&(v7m, fpu)| Shape { v7m, fpu })
            .find(|&shape| length(shape) == bytes.len())
            .ok_or(())?;
        let (mut rest, shape) = (bytes, self.shape);
        for r in Register::all().filter(|r| r.exists(shape)) {
            let (now, later) = rest.split_at(r.size());
            let value = now.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
            // SP comes before the pointers that it stands for; those decide.
            self.set(r, value);
            rest = later;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use gdbstub::arch::Registers as _;

    #[test]
    fn numbers_go_there_and_back() {
        for (n, r) in Register::all().enumerate() {
            assert_eq!(r.number(), n);
        }
        assert_eq!(Register::from_number(41), None);
    }

    #[test]
    fn g_packets_go_there_and_back_for_each_shape() {
        for (v7m, fpu) in [(false, false), (true, false), (true, true)] {
            let shape = Shape { v7m, fpu };
            let mut view = View {
                shape,
                ..View::default()
            };
            for (i, r) in Register::all().filter(|r| r.exists(shape)).enumerate() {
                view.set(r, 0x0101_0101_0000_0000 + i as u64 * 4);
            }
            view.set(Register::Xpsr, 0x0100_0000);
            view.set(Register::Control, 0);
            let mut bytes = Vec::new();
            view.gdb_serialize(|b| bytes.extend(b));
            let mut back = View::default();
            back.gdb_deserialize(&bytes).unwrap();
            assert_eq!(back, view);
            assert!(View::default().gdb_deserialize(&bytes[1..]).is_err());
        }
    }

    #[test]
    fn sp_and_the_stack_pointer_in_use_are_one() {
        let mut v = View::default();
        v.set(Register::Msp, 0x100);
        v.set(Register::Psp, 0x200);
        assert_eq!(v.get(Register::Core(13)), 0x100);
        v.set(Register::Control, 2);
        assert_eq!(v.get(Register::Core(13)), 0x200);
        v.set(Register::Core(13), 0x300);
        assert_eq!((v.values.msp, v.values.psp), (0x100, 0x300));
        v.set(Register::Xpsr, 3); // a handler runs on the main stack
        v.set(Register::Msp, 0x400);
        assert_eq!(v.get(Register::Core(13)), 0x400);
    }
}
