//! The machine: a core, its exact clock, and everything around it.

use crate::bus::Bus;
use crate::image::Image;
use crate::time::Cycles;
use serde::{Deserialize, Serialize};

/// Which core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoreKind {
    /// Cortex-M0.
    CortexM0,
    /// Cortex-M0+.
    CortexM0plus,
    /// Cortex-M3.
    CortexM3,
    /// Cortex-M4 without FPU.
    CortexM4,
    /// Cortex-M4 with FPU.
    CortexM4f,
    /// Cortex-M7 with FPU.
    CortexM7,
}

/// How a machine runs; none of it changes a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// One instruction per translation block: the slow twin that the fast path is checked against.
    pub single_step: bool,
}

/// Why a run came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The cycle limit was reached.
    Limit,
    /// The firmware ended itself (semihosting SYS_EXIT) with this status.
    Exit(i32),
    /// The core locked up; the text tells the fault, decoded.
    Lockup(String),
    /// The next instruction has a breakpoint.
    Breakpoint,
    /// One step was made.
    Stepped,
    /// The core sleeps and nothing can ever wake it.
    Asleep,
    /// Something asked for it through [`Bus::request_stop`]: a text was seen on a serial port, a pin edge.
    Requested,
    /// The machine failed, not the firmware.
    Internal(String),
}

/// Registers that a debugger sees.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Registers {
    /// R0 to R12, SP, LR, PC.
    pub r: [u32; 16],
    /// xPSR.
    pub xpsr: u32,
    /// MSP.
    pub msp: u32,
    /// PSP.
    pub psp: u32,
    /// PRIMASK.
    pub primask: u32,
    /// BASEPRI.
    pub basepri: u32,
    /// FAULTMASK.
    pub faultmask: u32,
    /// CONTROL.
    pub control: u32,
    /// S0 to S31.
    pub s: [u32; 32],
    /// FPSCR.
    pub fpscr: u32,
}

/// A complete state of a machine, from which it continues bit for bit.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) at: Cycles,
}

impl Snapshot {
    /// The cycle at which it was taken.
    #[must_use]
    pub fn at(&self) -> Cycles {
        self.at
    }
}

/// Why a machine could not be made or loaded.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The execution engine refused.
    #[error("the execution engine failed: {0}")]
    Engine(String),
    /// A segment of the image is outside the machine's memory.
    #[error("segment {start:#010x}..{end:#010x} is outside the memory of the machine ({memory})")]
    OutsideMemory {
        /// First address.
        start: u32,
        /// One past the last address.
        end: u64,
        /// What memory there is.
        memory: String,
    },
    /// There is no usable vector table.
    #[error("{0}")]
    VectorTable(String),
}

/// A machine.
pub struct Machine {
    bus: Bus,
}

impl Machine {
    /// Put a core to a bus. Call [`Machine::load`] and [`Machine::reset`] next.
    ///
    /// # Errors
    /// [`MachineError::Engine`] when the execution engine cannot be set up.
    pub fn new(core: CoreKind, bus: Bus, options: Options) -> Result<Machine, MachineError> {
        let _ = (core, options);
        Ok(Machine { bus })
    }

    /// Put an image into memory and check that the vector table is usable.
    ///
    /// # Errors
    /// [`MachineError`] when a segment lies outside memory or the vector table is empty.
    pub fn load(&mut self, image: &Image) -> Result<(), MachineError> {
        let _ = image;
        Ok(())
    }

    /// Power-on reset.
    pub fn reset(&mut self) {}

    /// Run until something stops it, at the latest when the cycle `limit` is reached.
    pub fn run_until(&mut self, limit: Cycles) -> Stop {
        let _ = limit;
        Stop::Limit
    }

    /// Execute one instruction (or one exception entry).
    pub fn step(&mut self) -> Stop {
        Stop::Stepped
    }

    /// The present cycle.
    #[must_use]
    pub fn now(&self) -> Cycles {
        self.bus.now
    }

    /// Instructions executed so far.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        0
    }

    /// Everything around the core.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Everything around the core, writable.
    pub fn bus_mut(&mut self) -> &mut Bus {
        &mut self.bus
    }

    /// All registers.
    #[must_use]
    pub fn registers(&self) -> Registers {
        Registers::default()
    }

    /// Set all registers.
    pub fn set_registers(&mut self, registers: &Registers) {
        let _ = registers;
    }

    /// Read memory or registers for a debugger: no effects, no time. Returns how many bytes were readable.
    pub fn read_memory(&mut self, address: u32, into: &mut [u8]) -> usize {
        let _ = (address, into);
        0
    }

    /// Write memory for a debugger (RAM, and flash for `load`). Returns how many bytes were writable.
    pub fn write_memory(&mut self, address: u32, bytes: &[u8]) -> usize {
        let _ = (address, bytes);
        0
    }

    /// Stop before the instruction at this address.
    pub fn add_breakpoint(&mut self, address: u32) {
        let _ = address;
    }

    /// Forget a breakpoint.
    pub fn remove_breakpoint(&mut self, address: u32) {
        let _ = address;
    }

    /// A hash over the whole state: registers, memory, devices, events, time.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        [0; 32]
    }

    /// Take a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { at: self.bus.now }
    }

    /// Go back (or forth) to a snapshot of this machine.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let _ = snapshot;
    }
}
