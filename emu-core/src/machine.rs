//! The machine: a core, its exact clock, and everything around it.

use crate::bus::{Bus, StopOn};
use crate::device::{ResetCause, StateError, Width};
use crate::image::{Architecture, Image};
use crate::profile::{Functions, Profile};
use crate::riscv;
use crate::run::{self, Console};
use crate::semihosting::{self, Semihosting};
use crate::snapshot::{Changes, Contents};
use crate::time::{Cycles, Position};
use crate::watch::{Place, Variable};
use crate::watchpoint::{Hit, WatchReport, Watchpoint};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

pub use crate::cores::{ArmCore, CoreInfo, CoreKind, Fpu};
pub use crate::run::Ledger;
pub use crate::snapshot::Snapshot;

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
    /// Something watched is accessed.
    Watchpoint(Hit),
    /// One step was made.
    Stepped,
    /// The core sleeps and nothing can ever wake it.
    Asleep,
    /// A semihosting call waits for console input: push some, or close it, and run on.
    AwaitsInput,
    /// Something asked for it through [`Bus::request_stop`]: a text was seen on a serial port, a pin edge.
    Requested,
    /// The machine failed, not the firmware.
    Internal(String),
}

/// What stops a machine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stops {
    /// Addresses of instructions.
    pub breakpoints: BTreeSet<u32>,
    /// Accesses.
    pub watchpoints: Vec<Watchpoint>,
}

/// Registers of a Cortex-M that a debugger sees. On RISC-V only SP (x2), LR (x1) and PC are filled in, for who
/// asks where a machine is; see [`Machine::riscv_registers`].
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
    /// MSPLIM (ARMv8-M; zero on other cores).
    pub msplim: u32,
    /// PSPLIM (ARMv8-M; zero on other cores).
    pub psplim: u32,
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
    /// The image is for another instruction set.
    #[error("the firmware is for {firmware}, the machine's core is {core:?}")]
    OtherArchitecture {
        /// Instruction set of the image.
        firmware: &'static str,
        /// The core.
        core: CoreKind,
    },
    /// There is no usable vector table.
    #[error("{0}")]
    VectorTable(String),
}

/// The core of a machine.
enum Core {
    Arm(Box<run::Core>),
    Riscv(Box<riscv::Core>),
}

/// Its part of a snapshot.
#[derive(Debug)]
pub(crate) enum CoreState {
    Arm(Box<run::CoreState>),
    Riscv(Box<riscv::CoreState>),
}

impl CoreState {
    /// How many bytes of host memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            CoreState::Arm(s) => s.bytes(),
            CoreState::Riscv(s) => s.bytes(),
        }
    }
}

/// The same expression on whichever core there is.
macro_rules! on_core {
    ($core:expr, $c:ident => $e:expr) => {
        match $core {
            Core::Arm($c) => $e,
            Core::Riscv($c) => $e,
        }
    };
}

impl Core {
    fn bus(&self) -> &Bus {
        on_core!(self, c => &c.bus)
    }

    fn bus_mut(&mut self) -> &mut Bus {
        on_core!(self, c => &mut c.bus)
    }

    fn semihosting(&mut self) -> &mut Option<Console> {
        on_core!(self, c => &mut c.semihosting)
    }

    fn save(&self) -> CoreState {
        match self {
            Core::Arm(c) => CoreState::Arm(Box::new(c.save())),
            Core::Riscv(c) => CoreState::Riscv(Box::new(c.save())),
        }
    }

    fn load(&mut self, state: &CoreState, changes: &Changes) -> Result<(), StateError> {
        match (self, state) {
            (Core::Arm(c), CoreState::Arm(s)) => c.load(s, changes),
            (Core::Riscv(c), CoreState::Riscv(s)) => c.load(s, changes),
            _ => Err(StateError {
                device: "core".to_owned(),
                reason: "the snapshot is of another kind of core".to_owned(),
            }),
        }
    }

    fn run(&mut self, limit: Cycles) -> Stop {
        match self {
            Core::Arm(c) => run::Core::run(c, limit),
            Core::Riscv(c) => riscv::Core::run(c, limit),
        }
    }
}

/// A machine.
pub struct Machine {
    core: Core,
}

// SAFETY: a machine owns its engine and everything the engine points to, and runs on one thread at a time.
unsafe impl Send for Machine {}

impl Machine {
    /// Put a core to a bus. Call [`Machine::load`] and [`Machine::reset`] next.
    ///
    /// # Errors
    /// [`MachineError::Engine`] when the execution engine cannot be set up.
    pub fn new(kind: CoreKind, bus: Bus, options: Options) -> Result<Machine, MachineError> {
        let core = if kind.is_riscv() {
            riscv::Core::new(kind, bus, options.single_step).map(Core::Riscv)
        } else {
            run::Core::new(kind, bus, options.single_step).map(Core::Arm)
        };
        Ok(Machine {
            core: core.map_err(MachineError::Engine)?,
        })
    }

    /// Put an image into memory and check that the vector table is usable.
    ///
    /// # Errors
    /// [`MachineError`] when a segment lies outside memory or the vector table is empty.
    pub fn load(&mut self, image: &Image) -> Result<(), MachineError> {
        let core = self.kind();
        match (image.architecture, core.is_riscv()) {
            (Some(Architecture::Arm), true) => {
                return Err(MachineError::OtherArchitecture {
                    firmware: "ARM",
                    core,
                });
            }
            (Some(Architecture::RiscV), false) => {
                return Err(MachineError::OtherArchitecture {
                    firmware: "RISC-V",
                    core,
                });
            }
            _ => {}
        }
        for segment in &image.segments {
            let memory = &mut self.core.bus_mut().memory;
            match memory.slice_mut(segment.address, segment.bytes.len()) {
                Some(place) => place.copy_from_slice(&segment.bytes),
                None => {
                    let list: Vec<String> = memory
                        .regions()
                        .iter()
                        .map(|r| {
                            format!(
                                "{} {:#010x}..{:#010x}",
                                r.name,
                                r.base,
                                u64::from(r.base) + u64::from(r.size())
                            )
                        })
                        .collect();
                    return Err(MachineError::OutsideMemory {
                        start: segment.address,
                        end: u64::from(segment.address) + segment.bytes.len() as u64,
                        memory: list.join(", "),
                    });
                }
            }
        }
        match &mut self.core {
            Core::Arm(_) => self.check_vectors(),
            Core::Riscv(c) => {
                // An entry point stands in for a boot ROM that would jump there.
                if let Some(entry) = image.entry {
                    c.set_start(entry);
                }
                let start = c.start();
                if start & 1 != 0 || c.bus.memory.region_at(start).is_none() {
                    return Err(MachineError::VectorTable(format!(
                        "execution starts at {start:#010x}, which is not code in memory: is the firmware linked \
                         for another address or machine?"
                    )));
                }
                Ok(())
            }
        }
    }

    /// The first two words of the vector table must be a stack pointer and a Thumb address in memory.
    fn check_vectors(&self) -> Result<(), MachineError> {
        let bus = self.core.bus();
        let vtor = bus.system.vtor_reset;
        let word = |at: u32| bus.memory.load(at, Width::Word);
        let (Some(sp), Some(pc)) = (word(vtor), word(vtor.wrapping_add(4))) else {
            return Err(MachineError::VectorTable(format!(
                "there is no memory at the vector table, {vtor:#010x}"
            )));
        };
        let empty = (sp == 0 && pc == 0) || (sp == u32::MAX && pc == u32::MAX);
        if empty {
            return Err(MachineError::VectorTable(format!(
                "the vector table at {vtor:#010x} is empty: is the firmware linked for another address or machine?"
            )));
        }
        if pc & 1 == 0 || bus.memory.region_at(pc & !1).is_none() {
            return Err(MachineError::VectorTable(format!(
                "the reset vector {pc:#010x} (at {:#010x}) is not a Thumb address in memory",
                vtor.wrapping_add(4)
            )));
        }
        Ok(())
    }

    /// Answer semihosting calls; without this, BKPT 0xAB (on RISC-V EBREAK in its sequence) is a breakpoint like
    /// any other. Returns the index of
    /// the serial port that is the console.
    pub fn enable_semihosting(&mut self, config: semihosting::Config) -> u8 {
        let port = self.core.bus_mut().add_serial(semihosting::PORT);
        *self.core.semihosting() = Some(Console {
            host: Semihosting::new(config),
            port,
        });
        port
    }

    /// The semihosting host, for console input and command lines.
    pub fn semihosting(&mut self) -> Option<&mut Semihosting> {
        self.core.semihosting().as_mut().map(|c| &mut c.host)
    }

    /// Power-on reset.
    pub fn reset(&mut self) {
        let at = self.core.bus().now.0;
        on_core!(&mut self.core, c => c.reset_core(ResetCause::PowerOn, at));
        self.bus_mut().unmeet(&StopOn::Reset);
    }

    /// Run until something stops it, at the latest before an instruction that would start after cycle `limit`.
    pub fn run_until(&mut self, limit: Cycles) -> Stop {
        self.core.run(limit)
    }

    /// Execute one instruction, or sleep until something wakes the core. The step ends too when an exception was entered
    /// (or a reset made) before, instead of or behind the instruction: at the handler's first one.
    pub fn step(&mut self) -> Stop {
        self.step_until(Cycles::MAX)
    }

    /// As [`Machine::step`], at the latest until cycle `limit`: a step can take long when the core sleeps.
    /// A further call goes on with a sleep that the limit cut short.
    pub fn step_until(&mut self, limit: Cycles) -> Stop {
        on_core!(&mut self.core, c => c.set_stepping(true));
        let stop = self.core.run(limit);
        on_core!(&mut self.core, c => c.set_stepping(false));
        stop
    }

    /// Does the core sleep (WFI, WFE, sleep-on-exit)?
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        on_core!(&self.core, c => c.is_asleep())
    }

    /// The present cycle: the start of the last instruction, or later when the core slept.
    #[must_use]
    pub fn now(&self) -> Cycles {
        self.core.bus().now
    }

    /// Instructions executed so far.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        on_core!(&self.core, c => c.executed())
    }

    /// Where the run is.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            instructions: self.instructions(),
            cycle: self.now(),
        }
    }

    /// Cycles by provenance and kind.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        on_core!(&self.core, c => c.save().ledger(self.now()))
    }

    /// Count from now on where the cycles go, by the address ranges of functions. Changes no cycle; a run becomes
    /// somewhat slower. [`Machine::restore`] starts the counts anew.
    pub fn enable_profile(&mut self, functions: Functions) {
        on_core!(&mut self.core, c => c.enable_profile(functions));
    }

    /// Where the cycles went since [`Machine::enable_profile`]; `None` without it.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        on_core!(&self.core, c => c.profile(self.now().0))
    }

    /// Record, as probe events, when execution comes to these places, and stores to these variables; the numbers in the
    /// events are positions in these lists. Changes nothing in the run.
    pub fn watch(&mut self, places: &[Place], variables: &[Variable]) {
        on_core!(&mut self.core, c => c.watch(places, variables));
    }

    /// Which core.
    #[must_use]
    pub fn kind(&self) -> CoreKind {
        on_core!(&self.core, c => c.kind)
    }

    /// Everything around the core.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        self.core.bus()
    }

    /// Everything around the core, writable.
    pub fn bus_mut(&mut self) -> &mut Bus {
        self.core.bus_mut()
    }

    /// All registers of a Cortex-M; see [`Registers`] for what a RISC-V core shows here.
    #[must_use]
    pub fn registers(&self) -> Registers {
        match &self.core {
            Core::Arm(c) => c.registers(),
            Core::Riscv(c) => {
                let from = c.registers();
                let mut r = Registers::default();
                (r.r[13], r.r[14], r.r[15]) = (from.x[2], from.x[1], from.pc);
                r
            }
        }
    }

    /// Set all registers of a Cortex-M; does nothing on RISC-V. A core that sleeps wakes when PC moves.
    pub fn set_registers(&mut self, registers: &Registers) {
        if let Core::Arm(c) = &mut self.core {
            if registers.r[15] != c.registers().r[15] {
                c.wake_for_debugger();
            }
            c.set_registers(registers);
        }
    }

    /// All registers of a RISC-V core; `None` on others.
    #[must_use]
    pub fn riscv_registers(&self) -> Option<riscv::Registers> {
        match &self.core {
            Core::Arm(_) => None,
            Core::Riscv(c) => Some(c.registers()),
        }
    }

    /// Set all registers of a RISC-V core; does nothing on others. A core that sleeps wakes when PC moves.
    pub fn set_riscv_registers(&mut self, registers: &riscv::Registers) {
        if let Core::Riscv(c) = &mut self.core {
            if registers.pc != c.registers().pc {
                c.wake_for_debugger();
            }
            c.set_registers(registers);
        }
    }

    /// A control and status register as machine mode reads it; `None` when there is none of that number.
    #[must_use]
    pub fn riscv_csr(&self, number: u16) -> Option<u32> {
        match &self.core {
            Core::Arm(_) => None,
            Core::Riscv(c) => c.csr(number),
        }
    }

    /// The privilege mode of a RISC-V core: 3 machine, 0 user. `None` on others.
    #[must_use]
    pub fn riscv_privilege(&self) -> Option<u8> {
        match &self.core {
            Core::Arm(_) => None,
            Core::Riscv(c) => Some(c.privilege()),
        }
    }

    /// Set a control and status register, as machine mode would. `false` when there is none of that number, or
    /// when it keeps its value whatever is written.
    pub fn set_riscv_csr(&mut self, number: u16, value: u32) -> bool {
        match &mut self.core {
            Core::Arm(_) => false,
            Core::Riscv(c) => c.set_csr(number, value),
        }
    }

    /// Read memory or registers for a debugger: no effects, no time. Devices see the widest aligned accesses that
    /// fit. Returns how many bytes were readable.
    pub fn read_memory(&mut self, address: u32, into: &mut [u8]) -> usize {
        if let Core::Arm(c) = &mut self.core {
            c.show_masks();
        }
        self.core.bus_mut().debug_read(address, into)
    }

    /// Write memory for a debugger: RAM and flash at once, devices at the present cycle, by the widest aligned
    /// accesses that fit, with all effects. Returns how many bytes were written.
    pub fn write_memory(&mut self, address: u32, bytes: &[u8]) -> usize {
        self.core.bus_mut().debug_write(address, bytes)
    }

    /// Stop before the instruction at this address.
    pub fn add_breakpoint(&mut self, address: u32) {
        on_core!(&mut self.core, c => c.set_breakpoint(address & !1, true));
    }

    /// Forget a breakpoint.
    pub fn remove_breakpoint(&mut self, address: u32) {
        on_core!(&mut self.core, c => c.set_breakpoint(address & !1, false));
    }

    /// Stop at accesses to these addresses; an empty list ends it. Changes nothing else in the run. By default the
    /// machine stops where debuggers expect it: on a Cortex-M before the instruction that accesses, on RISC-V behind it
    /// (see [`Machine::set_watch_reporting`]). A run or a step that begins before such an instruction stops there again,
    /// with nothing done.
    pub fn set_watchpoints(&mut self, points: &[Watchpoint]) {
        on_core!(&mut self.core, c => c.set_watchpoints(points));
    }

    /// Where the machine stops for an access by an instruction.
    #[must_use]
    pub fn watch_reporting(&self) -> WatchReport {
        self.core.bus().watchpoints.report
    }

    /// Set where the machine stops for an access by an instruction.
    pub fn set_watch_reporting(&mut self, report: WatchReport) {
        self.core.bus_mut().watchpoints.report = report;
    }

    /// What stops the machine, as it was set.
    #[must_use]
    pub fn stops(&self) -> Stops {
        Stops {
            breakpoints: on_core!(&self.core, c => c.breakpoints().clone()),
            watchpoints: self.core.bus().watchpoints.points().collect(),
        }
    }

    /// Is there a breakpoint on the next instruction? None is while [`Machine::ignore_stops`] is on, and while the
    /// core sleeps.
    #[must_use]
    pub fn is_at_breakpoint(&self) -> bool {
        let pc = self.registers().r[15];
        let there = on_core!(&self.core, c => c.breakpoints().contains(&pc));
        there && !self.core.bus().watchpoints.ignored && !self.is_asleep()
    }

    /// A run from here does not stop at a breakpoint on the next instruction.
    pub fn pass_breakpoint(&mut self) {
        on_core!(&mut self.core, c => c.pass_breakpoint());
    }

    /// Since when the core has slept; `None` while it is awake.
    #[must_use]
    pub fn asleep_since(&self) -> Option<Cycles> {
        let since = on_core!(&self.core, c => c.slept_at());
        self.is_asleep().then_some(Cycles(since))
    }

    /// Run past breakpoints and watchpoints, or stop at them again. They stay set: this costs nothing.
    pub fn ignore_stops(&mut self, on: bool) {
        on_core!(&mut self.core, c => c.ignore_stops(on));
    }

    /// A hash over the whole state: registers, memory, devices, events, time.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let state = match self.core.save() {
            CoreState::Arm(s) => crate::device::to_state(&s.for_hash()),
            CoreState::Riscv(s) => crate::device::to_state(&s.for_hash()),
        };
        hash.update(state);
        for region in self.core.bus().memory.regions() {
            hash.update(region.bytes());
        }
        hash.update(self.core.bus().state_for_hash());
        hash.finalize().into()
    }

    /// Take a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_sharing(None)
    }

    /// Take a snapshot that shares with a previous one what has not changed since. The previous one is best the last
    /// that was taken or restored, but any snapshot of this machine does.
    #[must_use]
    pub fn snapshot_after(&self, previous: &Snapshot) -> Snapshot {
        self.snapshot_sharing(Some(previous))
    }

    fn snapshot_sharing(&self, previous: Option<&Snapshot>) -> Snapshot {
        let bus = self.core.bus();
        Snapshot {
            kind: self.kind(),
            position: self.position(),
            core: Arc::new(self.core.save()),
            memory: Contents::of(&bus.memory, previous.map(|p| &p.memory[..])),
            bus: bus.save_sharing(previous.map(|p| &p.bus)),
        }
    }

    /// Go back (or forth) to a snapshot of this machine. Only what is different is changed: what was decoded and
    /// translated stays, as far as it holds for the snapshot too.
    ///
    /// # Errors
    /// [`StateError`] when the snapshot is from another machine.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), StateError> {
        let kind = self.kind();
        let regions = self.core.bus_mut().memory.regions_mut();
        let fits = snapshot.kind == kind
            && regions.len() == snapshot.memory.len()
            && regions.iter().zip(&snapshot.memory).all(|(r, c)| c.fits(r));
        if !fits {
            return Err(StateError {
                device: "the machine".to_owned(),
                reason: "it has another core or other regions of memory".to_owned(),
            });
        }
        let mut changes = Changes::default();
        for (region, contents) in regions.iter_mut().zip(&snapshot.memory) {
            contents.put_back(region, &mut changes);
        }
        self.core.bus_mut().load(&snapshot.bus)?;
        self.core.load(&snapshot.core, &changes)
    }
}
