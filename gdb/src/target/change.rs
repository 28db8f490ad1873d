//! What gdb changes in the machine. Every write goes through [`Debuggee::change`], whatever packet asked for it.

use super::Debuggee;
use crate::registers::{Place, Register, Values};
use emu_core::timeline::Change;
use emu_core::timeline::Companion;
use gdbstub::target::{TargetError, TargetResult};

/// There is no memory, or it refuses.
pub const EFAULT: u8 = 14;
/// It is there, and cannot be changed.
pub const EPERM: u8 = 1;

/// What gdb is told when a change could not be made.
fn error(change: &Change) -> u8 {
    match change {
        Change::Memory { .. } => EFAULT,
        _ => EPERM,
    }
}

impl<C: Companion + 'static> Debuggee<C> {
    /// Change the machine: the one place where gdb does.
    pub(super) fn change(&mut self, change: Change) -> TargetResult<(), Self> {
        self.threads.forget();
        let error = error(&change);
        match self.timeline.apply(change) {
            true => Ok(()),
            false => Err(TargetError::Errno(error)),
        }
    }

    /// Change registers. Those that have the value already are left alone, also read-only ones; of the others, later
    /// ones decide where two are one (SP and the stack pointer in use).
    pub(super) fn change_registers<'r>(
        &mut self,
        new: impl IntoIterator<Item = (&'r Register, u64)>,
    ) -> TargetResult<(), Self> {
        let mut values = Values::of(self.machine());
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
        if values != Values::of(self.machine()) {
            self.change(match values {
                Values::Arm(registers) => Change::Registers(registers),
                Values::Riscv(registers) => Change::RiscvRegisters(registers),
            })?;
        }
        csrs.into_iter().try_for_each(|c| self.change(c))
    }

    /// A register's value now.
    pub(super) fn value(&self, register: &Register) -> Option<u64> {
        match register.place {
            Place::Csr(number) => self.machine().riscv_csr(number).map(u64::from),
            Place::Privilege => self.machine().riscv_privilege().map(u64::from),
            Place::Cycles => Some(self.machine().now().0),
            place => Values::of(self.machine()).get(place),
        }
    }
}
