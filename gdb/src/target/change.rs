//! What gdb changes in the machine. Every write goes through [`Debuggee::change`], whatever packet asked for it.

use super::Debuggee;
use crate::registers::{Place, Register, Values};
use emu_core::machine::{self, Machine};
use emu_core::riscv;
use gdbstub::target::{TargetError, TargetResult};

/// There is no memory, or it refuses.
pub const EFAULT: u8 = 14;
/// It is there, and cannot be changed.
pub const EPERM: u8 = 1;

/// A change of the machine from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// All registers of a Cortex-M.
    Registers(Box<machine::Registers>),
    /// All registers of a RISC-V core.
    RiscvRegisters(Box<riscv::Registers>),
    /// A control and status register of a RISC-V core.
    Csr {
        /// Its number.
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

impl Change {
    /// Make it. Could all of it be done?
    fn apply(&self, machine: &mut Machine) -> bool {
        match self {
            Change::Registers(registers) => machine.set_registers(registers),
            Change::RiscvRegisters(registers) => machine.set_riscv_registers(registers),
            Change::Csr { number, value } => return machine.set_riscv_csr(*number, *value),
            Change::Memory { address, bytes } => {
                return machine.write_memory(*address, bytes) == bytes.len();
            }
        }
        true
    }

    /// What gdb is told when it could not.
    fn error(&self) -> u8 {
        match self {
            Change::Memory { .. } => EFAULT,
            _ => EPERM,
        }
    }
}

impl Debuggee<'_> {
    /// Change the machine: the one place where gdb does.
    pub(super) fn change(&mut self, change: &Change) -> TargetResult<(), Self> {
        match change.apply(self.machine) {
            true => Ok(()),
            false => Err(TargetError::Errno(change.error())),
        }
    }

    /// Change registers. Those that have the value already are left alone, also read-only ones; of the others, later
    /// ones decide where two are one (SP and the stack pointer in use).
    pub(super) fn change_registers<'r>(
        &mut self,
        new: impl IntoIterator<Item = (&'r Register, u64)>,
    ) -> TargetResult<(), Self> {
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
            self.change(&match values {
                Values::Arm(registers) => Change::Registers(registers),
                Values::Riscv(registers) => Change::RiscvRegisters(registers),
            })?;
        }
        csrs.iter().try_for_each(|c| self.change(c))
    }

    /// A register's value now.
    pub(super) fn value(&self, register: &Register) -> Option<u64> {
        match register.place {
            Place::Csr(number) => self.machine.riscv_csr(number).map(u64::from),
            Place::Privilege => self.machine.riscv_privilege().map(u64::from),
            Place::Cycles => Some(self.machine.now().0),
            place => Values::of(self.machine).get(place),
        }
    }
}
