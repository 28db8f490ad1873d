//! What comes from outside: it is written down, to come again at the same moment.

use super::checkpoints::Moment;
use super::{Companion, Timeline};
use crate::machine::{Machine, Registers};
use crate::riscv;
use crate::semihosting;

/// Something that changes a machine from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Bytes arrive at a serial port, or are typed into the semihosting console when the port is that.
    Serial {
        /// Index of the port.
        port: u8,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Nothing more will be typed into the semihosting console.
    ConsoleEnd,
    /// A debugger sets the registers of a Cortex-M.
    Registers(Box<Registers>),
    /// A debugger sets the registers of a RISC-V core.
    RiscvRegisters(Box<riscv::Registers>),
    /// A debugger writes a control and status register of a RISC-V core.
    Csr {
        /// Number.
        number: u16,
        /// Value.
        value: u32,
    },
    /// A debugger writes memory, or registers of devices.
    Memory {
        /// First address.
        address: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A programmer writes memory whatever its kind, as `load` does with flash.
    Program {
        /// First address.
        address: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Power-on reset.
    Reset,
}

/// A change with the moment before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logged {
    pub at: Moment,
    pub change: Change,
}

impl<C: Companion> Timeline<C> {
    /// Change the machine from outside, now. In the past this cuts off everything that came after. Gives whether it
    /// could be done; what could not was not done at all, but for a write that ran into something that cannot be
    /// written.
    pub fn apply(&mut self, change: Change) -> bool {
        self.cut();
        let at = self.moment();
        let done = self.make(&change);
        self.changes.push(Logged { at, change });
        self.made += 1;
        self.end = self.moment();
        done
    }

    /// Forget what came after this moment.
    fn cut(&mut self) {
        self.found.forget();
        if !self.in_past {
            return;
        }
        let now = self.moment();
        self.changes.truncate(self.made);
        self.checkpoints.retain(|at| *at <= now);
        self.forget_later();
        self.end = now;
        self.rewritten = true;
        self.settle();
    }

    /// What was noted of later is void.
    pub(super) fn forget_later(&mut self) {
        self.found.forget();
        if let Some(host) = self.machine.semihosting() {
            host.forget_later();
        }
    }

    /// Make a change on the machine.
    pub(super) fn make(&mut self, change: &Change) -> bool {
        let machine = &mut self.machine;
        match change {
            Change::Serial { port, bytes } => {
                if !self.companion.give(*port, bytes) {
                    give(machine, *port, bytes);
                }
            }
            Change::ConsoleEnd => {
                if let Some(host) = machine.semihosting() {
                    host.close_input();
                }
            }
            Change::Registers(r) => machine.set_registers(r),
            Change::RiscvRegisters(r) => machine.set_riscv_registers(r),
            Change::Csr { number, value } => return machine.set_riscv_csr(*number, *value),
            Change::Memory { address, bytes } => {
                return machine.write_memory(*address, bytes) == bytes.len();
            }
            Change::Program { address, bytes } => {
                return machine.bus_mut().program(*address, bytes).is_ok();
            }
            Change::Reset => machine.reset(),
        }
        true
    }
}

/// Bytes for a serial port or for the semihosting console.
fn give(machine: &mut Machine, port: u8, bytes: &[u8]) {
    let ports = machine.bus().serial_ports();
    let name = ports.get(usize::from(port)).map(|p| p.name.as_str());
    if name == Some(semihosting::PORT) {
        if let Some(host) = machine.semihosting() {
            host.push_input(bytes);
        }
    } else if name.is_some() {
        machine.bus_mut().serial_in(port, bytes);
    }
}
