//! What gdb changes in the machine. Every write goes through [`Debuggee::change`], whatever packet asked for it.

use super::Debuggee;
use crate::registers::{Register, Values};
use emu_core::machine::Machine;
use gdbstub::target::{TargetError, TargetResult};

/// There is no memory, or it refuses.
pub const EFAULT: u8 = 14;
/// It is there, and cannot be changed.
pub const EPERM: u8 = 1;

/// A change of the machine from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// All registers of the core.
    Registers(Values),
    /// A control and status register of a RISC-V core.
    Csr {
        /// Its address.
        number: u16,
        /// Its new value.
        value: u32,
    },
    /// Memory, flash or device registers; see [`Machine::write_memory`].
    Memory {
        /// First address.
        address: u32,
        /// What is written.
        bytes: Vec<u8>,
    },
}

/// Why a change was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused(u8);

impl Change {
    /// Make it.
    fn apply(&self, machine: &mut Machine) -> Result<(), Refused> {
        match self {
            Change::Registers(Values::Arm(registers)) => machine.set_registers(registers),
            Change::Registers(Values::Riscv(registers)) => machine.set_riscv_registers(registers),
            Change::Csr { number, value } => {
                if !machine.set_riscv_csr(*number, *value) {
                    return Err(Refused(EPERM));
                }
            }
            Change::Memory { address, bytes } => {
                if machine.write_memory(*address, bytes) < bytes.len() {
                    return Err(Refused(EFAULT));
                }
            }
        }
        Ok(())
    }
}

impl Debuggee<'_> {
    /// Change the machine: the one place where gdb does.
    pub(super) fn change(&mut self, change: &Change) -> TargetResult<(), Self> {
        change
            .apply(self.machine)
            .map_err(|Refused(errno)| TargetError::Errno(errno))
    }

    /// Change registers. Those that have the value already are left alone, also read-only ones; of the others, later
    /// ones decide where two are one (SP and the stack pointer in use).
    pub(super) fn change_registers<'r>(
        &mut self,
        new: impl IntoIterator<Item = (&'r Register, u64)>,
    ) -> TargetResult<(), Self> {
        use crate::registers::Place;
        let mut values = Values::of(self.machine);
        let mut csrs = Vec::new();
        for (register, value) in new {
            if self.value(register) == Some(value) {
                continue;
            }
            match register.place {
                Place::Csr(number) => csrs.push(Change::Csr {
                    number,
                    value: value as u32,
                }),
                place if values.set(place, value) => {}
                _ => return Err(TargetError::Errno(EPERM)),
            }
        }
        if values != Values::of(self.machine) {
            self.change(&Change::Registers(values))?;
        }
        csrs.iter().try_for_each(|c| self.change(c))
    }

    /// A register's value now.
    pub(super) fn value(&self, register: &Register) -> Option<u64> {
        use crate::registers::Place;
        match register.place {
            Place::Csr(number) => self.machine.riscv_csr(number).map(u64::from),
            Place::Cycles => Some(self.machine.now().0),
            place => Values::of(self.machine).get(place),
        }
    }
}
