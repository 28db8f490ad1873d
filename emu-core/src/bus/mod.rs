//! The bus: which device or memory answers at an address, and how devices reach each other.
//!
//! Devices are called one at a time. What one of them does to others (signals, nets, clocks) is
//! queued and delivered in order, in the same cycle, when the call returns.
//!
//! Modelled: 8-, 16- and 32-bit accesses, bit-band aliases, holes that read as zero (with a notice)
//! or fault; the time that bridges to slower buses take ([`Bridge`]). Not modelled here: the timing of
//! memories (see the timing models).

mod bridge;
mod build;
mod debug;
mod serial;
mod signals;
mod stamp;
mod state;
mod stops;

pub use bridge::Bridge;
pub use serial::SerialPort;
pub use state::BusState;
pub use stops::{Met, StopOn};

use crate::clock::{ClockId, ClockTree};
use crate::cortex_m::System;
use crate::device::{Access, Device, DeviceId, ResetCause, Width};
use crate::events::EventQueue;
use crate::memory::{Memory, MemoryKind};
use crate::nets::{NetId, Nets};
use crate::notices::{NoticeKind, Notices};
use crate::probe::{ProbeKind, Probes};
use crate::riscv::lines::Lines;
use crate::time::Cycles;
use crate::watch::{Variable, Variables};
use crate::watchpoint::Watchpoints;
use signals::Signal;
use stamp::{Stamp, Stamps};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Nothing answers at the address, or it refuses the access.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("bus error")]
pub struct BusError;

/// A window of the address space in which devices live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IoWindow {
    /// First address, a multiple of 4 KiB.
    pub base: u32,
    /// Size in bytes, a multiple of 4 KiB.
    pub size: u32,
    /// What an address without a device does: fault, or read as zero and ignore writes (told once).
    pub holes_fault: bool,
}

/// A bit-band alias: each word of it is one bit of the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BitBand {
    /// First address of the alias, `0x2200_0000` or `0x4200_0000`.
    pub base: u32,
    /// Size of the alias in bytes.
    pub size: u32,
    /// Address of the first bit.
    pub target: u32,
}

/// How a device is bound into a machine.
#[derive(Clone, Debug, Default)]
pub struct Binding {
    /// Name, such as `USART2`.
    pub name: String,
    /// Base address.
    pub base: u32,
    /// Size of its register window in bytes; zero for parts that have no registers.
    pub size: u32,
    /// Exception number (16 + IRQ) for each interrupt line, in the order of its ports.
    pub irqs: Vec<Option<u16>>,
    /// Clock for each of its clocks.
    pub clocks: Vec<ClockId>,
    /// Net for each of its net ports.
    pub nets: Vec<Option<NetId>>,
}

pub(crate) struct Slot {
    pub(crate) binding: Binding,
    /// Taken out while the device is being called.
    device: Option<Box<dyn Device>>,
    /// Names the state that it is in.
    stamp: Stamp,
    irq_levels: Vec<bool>,
    /// Level of [`RESET_INPUT`].
    in_reset: bool,
    pub(crate) clocks: Vec<ClockId>,
    pub(crate) nets: Vec<Option<NetId>>,
    /// Sinks of each output.
    pub(crate) wires: Vec<Vec<(DeviceId, u16)>>,
    serial: Option<u8>,
}

/// The input of every device that resets it when it rises; connect a clock controller's reset bits to it.
pub const RESET_INPUT: usize = 0xFFFF;

const PAGE_BITS: u32 = 8;
const NO_DEVICE: u16 = u16::MAX;
/// The longest text that [`StopOn::SerialText`] can wait for, in bytes.
pub const MAX_TAIL: usize = 256;

/// Everything outside the core.
pub struct Bus {
    /// The present cycle.
    pub now: Cycles,
    /// The instruction that is responsible for what happens now.
    pub pc: u32,
    /// Pending events.
    pub events: EventQueue,
    /// Clocks.
    pub clocks: ClockTree,
    /// Pins.
    pub nets: Nets,
    /// Memory.
    pub memory: Memory,
    /// Observations.
    pub probes: Probes,
    pub(crate) watched: Variables,
    pub(crate) watchpoints: Watchpoints,
    /// Gaps that were touched.
    pub notices: Notices,
    /// System registers of the Cortex-M core.
    pub system: System,
    /// Interrupt lines of a RISC-V hart; `None` on other cores.
    pub lines: Option<Lines>,
    /// Where a RISC-V hart starts when the image names no entry point.
    pub reset_vector: u32,
    /// A device asked for a reset.
    pub reset_request: Option<ResetCause>,
    /// Why the machine was last reset.
    pub reset_cause: ResetCause,
    stop_request: bool,
    stop_on: Vec<StopOn>,
    /// Conditions of `stop_on` that were met since they were last asked for.
    met: Vec<Met>,
    /// Seed of the run.
    pub seed: u64,
    pub(crate) debug: bool,
    pub(crate) slots: Vec<Slot>,
    stamps: Stamps,
    /// Device by address: for each of the 4096 megabytes a leaf (or none), in it pages of 256 bytes.
    tops: Vec<u16>,
    leaves: Vec<Box<[u16]>>,
    windows: Vec<IoWindow>,
    bit_bands: Vec<BitBand>,
    /// Bridges, each with the cycle from which it is free.
    bridges: Vec<(Bridge, u64)>,
    /// Addresses of the single-cycle I/O port: first and size.
    io_port: Option<(u32, u32)>,
    /// Bus cycles that other masters took from the core since it last looked.
    stolen: u64,
    signals: VecDeque<Signal>,
    net_listeners: Vec<Vec<(DeviceId, u16)>>,
    serial: Vec<SerialPort>,
    /// How many sources hold each exception's line up.
    line_counts: Vec<u16>,
    memory_parameters: BTreeMap<String, u32>,
    pinned_parameters: BTreeSet<String>,
    /// Memory parameters changed: the timing model must look again.
    pub(crate) memory_parameters_changed: bool,
    /// Ranges that were changed behind the core's back (programming, DMA into code).
    pub(crate) dirty_code: Vec<(u32, u32)>,
}

impl Bus {
    /// An empty machine around a core's system registers and a clock tree.
    #[must_use]
    pub fn new(system: System, clocks: ClockTree) -> Bus {
        Bus {
            now: Cycles::ZERO,
            pc: 0,
            events: EventQueue::default(),
            clocks,
            nets: Nets::default(),
            memory: Memory::default(),
            probes: Probes::default(),
            watched: Variables::default(),
            watchpoints: Watchpoints::default(),
            notices: Notices::default(),
            system,
            lines: None,
            reset_vector: 0,
            reset_request: None,
            reset_cause: ResetCause::PowerOn,
            stop_request: false,
            stop_on: Vec::new(),
            met: Vec::new(),
            seed: 0,
            debug: false,
            slots: Vec::new(),
            stamps: Stamps::default(),
            tops: vec![NO_DEVICE; 1 << 12],
            leaves: Vec::new(),
            windows: Vec::new(),
            bit_bands: Vec::new(),
            bridges: Vec::new(),
            io_port: None,
            stolen: 0,
            signals: VecDeque::new(),
            net_listeners: Vec::new(),
            serial: Vec::new(),
            line_counts: vec![0; crate::cortex_m::EXCEPTIONS],
            memory_parameters: BTreeMap::new(),
            pinned_parameters: BTreeSet::new(),
            memory_parameters_changed: false,
            dirty_code: Vec::new(),
        }
    }

    // ----- looking -----

    /// Name of a device.
    #[must_use]
    pub fn name(&self, id: DeviceId) -> &str {
        &self.slots[usize::from(id.0)].binding.name
    }

    /// The device of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<DeviceId> {
        self.slots
            .iter()
            .position(|s| s.binding.name == name)
            .map(|i| DeviceId(i as u16))
    }

    /// All devices: name, base, size.
    pub fn devices(&self) -> impl Iterator<Item = (DeviceId, &Binding)> {
        self.slots
            .iter()
            .enumerate()
            .map(|(i, s)| (DeviceId(i as u16), &s.binding))
    }

    /// Level of a device's interrupt line, by its index in [`crate::Ports::irqs`].
    #[must_use]
    pub fn irq_level(&self, id: DeviceId, index: usize) -> bool {
        let slot = self.slots.get(usize::from(id.0));
        slot.and_then(|s| s.irq_levels.get(index))
            .is_some_and(|l| *l)
    }

    /// The device that answers at an address, and the offset in it.
    #[must_use]
    pub fn device_at(&self, address: u32) -> Option<(DeviceId, u32)> {
        let page = address >> PAGE_BITS;
        let leaf = self
            .leaves
            .get(usize::from(self.tops[(page >> 12) as usize]))?;
        let id = leaf[(page & 0xFFF) as usize];
        let slot = self.slots.get(usize::from(id))?;
        let offset = address.wrapping_sub(slot.binding.base);
        (offset < slot.binding.size).then_some((DeviceId(id), offset))
    }

    /// `USART2.BRR`, or the address in hex when nobody knows it.
    #[must_use]
    pub fn register_name(&self, address: u32) -> String {
        match self.device_at(address) {
            Some((id, offset)) => {
                let slot = &self.slots[usize::from(id.0)];
                let reg = slot.device.as_ref().and_then(|d| d.register(offset & !3));
                match reg {
                    Some(r) => format!("{}.{r}", slot.binding.name),
                    None => format!("{}+{offset:#05x}", slot.binding.name),
                }
            }
            None => format!("{address:#010x}"),
        }
    }

    /// Must an access to this address happen at an exact instruction boundary?
    #[must_use]
    pub fn access_kind(&self, address: u32, write: bool) -> Access {
        let address = self.bit_band_target(address).map_or(address, |(a, _)| a);
        match self.device_at(address) {
            Some((id, offset)) => self.slots[usize::from(id.0)]
                .device
                .as_ref()
                .map_or(Access::Sync, |d| d.access(offset, write, self)),
            None => Access::Plain,
        }
    }

    // ----- accesses -----

    /// The byte address and bit number that a bit-band alias address stands for.
    #[must_use]
    pub fn bit_band_target(&self, address: u32) -> Option<(u32, u32)> {
        self.bit_bands.iter().find_map(|b| {
            let off = address.wrapping_sub(b.base);
            (off < b.size).then_some((b.target + (off >> 5), (off >> 2) & 7))
        })
    }

    /// Read by a bus master, at the present cycle.
    ///
    /// # Errors
    /// [`BusError`] when nothing answers.
    pub fn read(&mut self, address: u32, width: Width) -> Result<u32, BusError> {
        if let Some((target, bit)) = self.bit_band_target(address) {
            // The bit is read through the word that holds it (DDI 0337 §4.2).
            let word = self.read(target & !3, Width::Word)?;
            return Ok((word >> ((target & 3) * 8 + bit)) & 1);
        }
        if let Some(value) = self.memory.load(address, width) {
            return Ok(value);
        }
        let Some((id, offset)) = self.device_at(address) else {
            return self.hole(address, width, None).map(|()| 0);
        };
        let value = self.call(id, 0, |d, ctx| d.read(offset, width, ctx));
        Ok(value & width.mask())
    }

    /// Write by a bus master, at the present cycle.
    ///
    /// # Errors
    /// [`BusError`] when nothing answers or the target cannot be written.
    pub fn write(&mut self, address: u32, width: Width, value: u32) -> Result<(), BusError> {
        if let Some((target, bit)) = self.bit_band_target(address) {
            let shift = (target & 3) * 8 + bit;
            let word = self.read(target & !3, Width::Word)?;
            let word = (word & !(1 << shift)) | ((value & 1) << shift);
            return self.write(target & !3, Width::Word, word);
        }
        if let Some(region) = self.memory.region_at(address) {
            if region.kind == MemoryKind::Ram {
                let resolved = self.memory.resolve(address);
                self.memory.store(address, width, value).ok_or(BusError)?;
                self.dirty_code.push((resolved, width.bytes()));
                self.stored(resolved, width.bytes());
                return Ok(());
            }
            let guard = region.guard.ok_or(BusError)?;
            let offset = self.memory.resolve(address) - region.base;
            return self.call(guard, Err(BusError), |d, ctx| {
                d.guarded_write(offset, width, value, ctx)
            });
        }
        let Some((id, offset)) = self.device_at(address) else {
            return self.hole(address, width, Some(value));
        };
        self.call(id, (), |d, ctx| {
            d.write(offset, width, value & width.mask(), ctx)
        });
        Ok(())
    }

    /// A read for a debugger: no effects, no time, no notices.
    ///
    /// # Errors
    /// [`BusError`] when nothing answers.
    pub fn peek(&mut self, address: u32, width: Width) -> Result<u32, BusError> {
        self.debug = true;
        let value = self.read(address, width);
        self.debug = false;
        value
    }

    fn hole(&mut self, address: u32, width: Width, value: Option<u32>) -> Result<(), BusError> {
        let window = self
            .windows
            .iter()
            .find(|w| address.wrapping_sub(w.base) < w.size);
        if window.is_none_or(|w| w.holes_fault) {
            return Err(BusError);
        }
        if !self.debug {
            let what = match value {
                Some(_) => format!("{address:#010x} ({}-bit write ignored)", width.bytes() * 8),
                None => format!("{address:#010x} ({}-bit read as zero)", width.bytes() * 8),
            };
            self.note(NoticeKind::UnmappedAddress, what);
        }
        Ok(())
    }

    /// Note a gap with the present PC and cycle.
    pub fn note(&mut self, kind: NoticeKind, what: String) {
        let (pc, now) = (self.pc, self.now);
        self.notices.note(kind, what, pc, now);
    }

    /// Change bytes of a memory region whatever its kind.
    ///
    /// # Errors
    /// [`BusError`] when the range is not in one region.
    pub fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), BusError> {
        self.memory
            .slice_mut(address, bytes.len())
            .ok_or(BusError)?
            .copy_from_slice(bytes);
        let resolved = self.memory.resolve(address);
        self.dirty_code.push((resolved, bytes.len() as u32));
        Ok(())
    }

    /// Record stores to these variables.
    pub(crate) fn watch(&mut self, variables: &[Variable]) {
        let resolved = variables.iter().map(|v| Variable {
            address: self.memory.resolve(v.address),
            ..*v
        });
        let resolved: Vec<Variable> = resolved.collect();
        self.watched.set(resolved);
    }

    /// RAM was written: record it when a watched variable is there.
    pub(crate) fn stored(&mut self, address: u32, length: u32) {
        if self.watched.is_empty() || self.debug {
            return;
        }
        let address = self.memory.resolve(address);
        for (variable, v) in self.watched.within(address, length) {
            let bytes = self.memory.slice(v.address, v.size.min(4) as usize);
            let bytes = bytes.unwrap_or_default().iter().rev();
            let value = bytes.fold(0, |value, &b| value << 8 | u32::from(b));
            let kind = ProbeKind::Store { variable, value };
            self.probes.record(self.now, self.pc, kind);
        }
    }

    pub(super) fn probe(&mut self, kind: ProbeKind) {
        self.probes.record(self.now, self.pc, kind);
    }

    /// Set a timing parameter of the memory system. One that is pinned keeps its value.
    pub fn set_memory_parameter(&mut self, name: &str, value: u32) {
        if self.pinned_parameters.contains(name) {
            return;
        }
        if self.memory_parameters.insert(name.to_owned(), value) != Some(value) {
            self.memory_parameters_changed = true;
        }
    }

    /// Set a timing parameter for good: what the firmware programs no longer changes it.
    pub fn pin_memory_parameter(&mut self, name: &str, value: u32) {
        self.pinned_parameters.remove(name);
        self.set_memory_parameter(name, value);
        self.pinned_parameters.insert(name.to_owned());
    }

    /// A timing parameter of the memory system, such as `flash.wait_states`.
    #[must_use]
    pub fn memory_parameter(&self, name: &str) -> Option<u32> {
        self.memory_parameters.get(name).copied()
    }

    // ----- time -----

    /// Fire every event that is due at `until` or before, each at its own cycle, and leave the
    /// present cycle at `until`.
    pub fn advance_to(&mut self, until: Cycles) {
        while let Some(event) = self.events.pop_due(until) {
            self.now = event.at;
            self.call(event.device, (), |d, ctx| d.event(event.tag, ctx));
        }
        self.now = until;
    }

    /// Reset every device (not memory, not time).
    pub fn reset_devices(&mut self, cause: ResetCause) {
        self.reset_cause = cause;
        self.reset_request = None;
        self.events.clear();
        self.signals.clear();
        for id in 0..self.slots.len() as u16 {
            for index in 0..self.slots[usize::from(id)].irq_levels.len() {
                self.set_irq(DeviceId(id), index, false);
            }
        }
        self.system.reset();
        for i in 0..self.slots.len() {
            self.slots[i].in_reset = false;
            self.call(DeviceId(i as u16), (), |d, ctx| d.reset(ctx));
        }
    }
}
