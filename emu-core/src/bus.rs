//! The bus: which device or memory answers at an address, and how devices reach each other.
//!
//! Devices are called one at a time. What one of them does to others (signals, nets, clocks) is
//! queued and delivered in order, in the same cycle, when the call returns.
//!
//! Modelled: 8-, 16- and 32-bit accesses, bit-band aliases, holes that read as zero (with a notice)
//! or fault. Not modelled here: bus timing (see the timing models).

use crate::clock::{ClockId, ClockTree};
use crate::cortex_m::System;
use crate::device::{Access, Ctx, Device, DeviceId, ResetCause, StateError, Width};
use crate::events::EventQueue;
use crate::memory::{Memory, MemoryKind};
use crate::nets::{Drive, Driver, NetId, Nets};
use crate::notices::{NoticeKind, Notices};
use crate::probe::{ProbeKind, Probes};
use crate::time::Cycles;
use serde::{Deserialize, Serialize};
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
    irq_levels: Vec<bool>,
    /// Level of [`RESET_INPUT`].
    in_reset: bool,
    pub(crate) clocks: Vec<ClockId>,
    pub(crate) nets: Vec<Option<NetId>>,
    /// Sinks of each output.
    pub(crate) wires: Vec<Vec<(DeviceId, u16)>>,
    serial: Option<u8>,
}

/// Bytes that a serial port has sent.
#[derive(Clone, Debug, Default)]
pub struct SerialPort {
    /// Name of its device.
    pub name: String,
    /// The device.
    pub device: Option<DeviceId>,
    /// Sent and not yet taken by the host.
    pub sent: Vec<u8>,
    /// The last bytes sent, for [`StopOn::SerialText`].
    tail: Vec<u8>,
}

/// A condition of the outside world that ends a run, at its exact cycle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StopOn {
    /// A serial port has sent this text (any port when `None`).
    SerialText {
        /// Which port.
        port: Option<u8>,
        /// The bytes.
        text: Vec<u8>,
    },
    /// A net got this level.
    Edge {
        /// Which net.
        net: NetId,
        /// Its new level.
        level: bool,
    },
    /// A clock has another frequency: limits that were computed from a time must be computed again.
    ClockChange,
}

/// Everything on the bus that a run depends on, but for memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BusState {
    now: Cycles,
    events: EventQueue,
    clocks: ClockTree,
    nets: Nets,
    system: System,
    reset_request: Option<ResetCause>,
    reset_cause: ResetCause,
    seed: u64,
    devices: Vec<Vec<u8>>,
    irq_levels: Vec<Vec<bool>>,
    in_reset: Vec<bool>,
    net_listeners: Vec<Vec<(DeviceId, u16)>>,
    serial_tails: Vec<Vec<u8>>,
    line_counts: Vec<u16>,
    memory_parameters: BTreeMap<String, u32>,
}

enum Signal {
    Input {
        device: DeviceId,
        port: u16,
        value: u32,
    },
    Net {
        device: DeviceId,
        index: u16,
        level: bool,
    },
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
    /// Gaps that were touched.
    pub notices: Notices,
    /// System registers of the Cortex-M core.
    pub system: System,
    /// A device asked for a reset.
    pub reset_request: Option<ResetCause>,
    /// Why the machine was last reset.
    pub reset_cause: ResetCause,
    stop_request: bool,
    stop_on: Vec<StopOn>,
    /// Conditions of `stop_on` that were met since they were last asked for.
    met: Vec<StopOn>,
    /// Seed of the run.
    pub seed: u64,
    pub(crate) debug: bool,
    pub(crate) slots: Vec<Slot>,
    /// Device by address: for each of the 4096 megabytes a leaf (or none), in it pages of 256 bytes.
    tops: Vec<u16>,
    leaves: Vec<Box<[u16]>>,
    windows: Vec<IoWindow>,
    bit_bands: Vec<BitBand>,
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
            notices: Notices::default(),
            system,
            reset_request: None,
            reset_cause: ResetCause::PowerOn,
            stop_request: false,
            stop_on: Vec::new(),
            met: Vec::new(),
            seed: 0,
            debug: false,
            slots: Vec::new(),
            tops: vec![NO_DEVICE; 1 << 12],
            leaves: Vec::new(),
            windows: Vec::new(),
            bit_bands: Vec::new(),
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

    // ----- building -----

    /// Add a device. Overlapping windows are the caller's error: the later one wins.
    pub fn add(&mut self, binding: Binding, device: Box<dyn Device>) -> DeviceId {
        let id = DeviceId(self.slots.len() as u16);
        let ports = device.ports();
        let serial = ports.serial.then(|| {
            self.serial.push(SerialPort {
                name: binding.name.clone(),
                device: Some(id),
                ..SerialPort::default()
            });
            self.serial.len() as u8 - 1
        });
        let mut nets = binding.nets.clone();
        nets.resize(ports.nets.len(), None);
        let mut page = binding.base >> PAGE_BITS;
        let end = (u64::from(binding.base) + u64::from(binding.size)).div_ceil(1 << PAGE_BITS);
        while u64::from(page) < end {
            self.page_entry(page, id);
            page += 1;
        }
        self.slots.push(Slot {
            irq_levels: vec![false; ports.irqs.len()],
            in_reset: false,
            clocks: binding.clocks.clone(),
            nets,
            wires: vec![Vec::new(); ports.outputs.len()],
            serial,
            binding,
            device: Some(device),
        });
        id
    }

    /// Tell a device about edges of one of its nets, or no longer.
    pub(crate) fn listen(&mut self, id: DeviceId, index: usize, on: bool) {
        let Some(net) = self.slots[usize::from(id.0)]
            .nets
            .get(index)
            .copied()
            .flatten()
        else {
            return;
        };
        let i = usize::from(net.0);
        if self.net_listeners.len() <= i {
            self.net_listeners.resize(i + 1, Vec::new());
        }
        let list = &mut self.net_listeners[i];
        list.retain(|&l| l != (id, index as u16));
        if on {
            list.push((id, index as u16));
            list.sort_unstable();
        }
        let listened = !list.is_empty() || self.stops_on(net);
        self.nets.set_listened(net, listened);
    }

    fn stops_on(&self, id: NetId) -> bool {
        self.stop_on
            .iter()
            .any(|s| matches!(s, StopOn::Edge { net, .. } if *net == id))
    }

    fn page_entry(&mut self, page: u32, id: DeviceId) {
        let top = &mut self.tops[(page >> 12) as usize];
        if *top == NO_DEVICE {
            *top = self.leaves.len() as u16;
            self.leaves
                .push(vec![NO_DEVICE; 1 << 12].into_boxed_slice());
        }
        self.leaves[usize::from(*top)][(page & 0xFFF) as usize] = id.0;
    }

    /// Connect an output of one device to an input of another.
    pub fn connect(&mut self, from: DeviceId, output: usize, to: DeviceId, input: usize) {
        if let Some(w) = self.slots[usize::from(from.0)].wires.get_mut(output) {
            w.push((to, input as u16));
        }
    }

    /// Add a window in which devices live.
    pub fn add_window(&mut self, window: IoWindow) {
        self.windows.push(window);
    }

    /// The windows in which devices live.
    #[must_use]
    pub fn windows(&self) -> &[IoWindow] {
        &self.windows
    }

    /// Add a bit-band alias.
    pub fn add_bit_band(&mut self, band: BitBand) {
        self.bit_bands.push(band);
    }

    /// The bit-band aliases.
    #[must_use]
    pub fn bit_bands(&self) -> &[BitBand] {
        &self.bit_bands
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

    /// Call a device. One that is already being called (a DMA controller that is pointed at its own
    /// registers) does not answer: the caller gets `busy`.
    fn call<R>(
        &mut self,
        id: DeviceId,
        busy: R,
        f: impl FnOnce(&mut dyn Device, &mut Ctx<'_>) -> R,
    ) -> R {
        let Some(mut device) = self.slots[usize::from(id.0)].device.take() else {
            return busy;
        };
        let result = f(device.as_mut(), &mut Ctx { id, bus: self });
        self.slots[usize::from(id.0)].device = Some(device);
        if self.clocks_changed() || !self.signals.is_empty() {
            self.settle();
        }
        result
    }

    fn clocks_changed(&mut self) -> bool {
        if !self.clocks.take_changed() {
            return false;
        }
        self.probe(ProbeKind::ClockChange);
        self.meet(|s| *s == StopOn::ClockChange);
        for i in 0..self.slots.len() {
            self.call_quietly(DeviceId(i as u16), |d, ctx| d.clock_changed(ctx));
        }
        true
    }

    fn call_quietly(&mut self, id: DeviceId, f: impl FnOnce(&mut dyn Device, &mut Ctx<'_>)) {
        if let Some(mut device) = self.slots[usize::from(id.0)].device.take() {
            f(device.as_mut(), &mut Ctx { id, bus: self });
            self.slots[usize::from(id.0)].device = Some(device);
        }
    }

    /// Deliver queued signals until none is left. A loop of signals that never settles is cut off.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            let Some(signal) = self.signals.pop_front() else {
                return;
            };
            let device = match signal {
                Signal::Input { device, .. } | Signal::Net { device, .. } => device,
            };
            if self.slots[usize::from(device.0)].device.is_none() {
                // Its call is still running further up: it is served when that returns.
                self.signals.push_back(signal);
                if self.signals.iter().all(|s| {
                    let (Signal::Input { device, .. } | Signal::Net { device, .. }) = s;
                    self.slots[usize::from(device.0)].device.is_none()
                }) {
                    return;
                }
                continue;
            }
            match signal {
                Signal::Input {
                    device,
                    port,
                    value,
                } if usize::from(port) == RESET_INPUT => {
                    if value != 0 {
                        self.call_quietly(device, |d, ctx| d.reset(ctx));
                    }
                }
                Signal::Input {
                    device,
                    port,
                    value,
                } => {
                    if usize::from(port) == RESET_INPUT {
                        self.reset_input(device, value != 0);
                    } else {
                        self.call_quietly(device, |d, ctx| d.input(port, value, ctx));
                    }
                }
                Signal::Net {
                    device,
                    index,
                    level,
                } => {
                    self.call_quietly(device, |d, ctx| d.net_changed(index, level, ctx));
                }
            }
        }
        self.signals.clear();
        self.note(
            NoticeKind::Misuse,
            "signals between devices do not settle".to_owned(),
        );
    }

    fn reset_input(&mut self, id: DeviceId, level: bool) {
        let slot = &mut self.slots[usize::from(id.0)];
        let rises = level && !slot.in_reset;
        slot.in_reset = level;
        if rises {
            for index in 0..slot.irq_levels.len() {
                self.set_irq(id, index, false);
            }
            self.call_quietly(id, |d, ctx| d.reset(ctx));
        }
    }

    // ----- what devices do -----

    pub(crate) fn queue_output(&mut self, from: DeviceId, output: usize, value: u32) {
        let slot = &self.slots[usize::from(from.0)];
        if let Some(sinks) = slot.wires.get(output) {
            for &(device, port) in sinks {
                self.signals.push_back(Signal::Input {
                    device,
                    port,
                    value,
                });
            }
        }
    }

    pub(crate) fn set_irq(&mut self, id: DeviceId, index: usize, level: bool) {
        let slot = &mut self.slots[usize::from(id.0)];
        let Some(old) = slot.irq_levels.get_mut(index) else {
            return;
        };
        if std::mem::replace(old, level) == level {
            return;
        }
        let Some(number) = slot.binding.irqs.get(index).copied().flatten() else {
            return;
        };
        let count = &mut self.line_counts[usize::from(number)];
        if level {
            *count += 1;
            if *count == 1 {
                let was = self.system.is_pending(number);
                self.system.set_line(number, true, self.now);
                if !was {
                    self.probe(ProbeKind::ExceptionPend { number });
                }
            }
        } else {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.system.set_line(number, false, self.now);
            }
        }
    }

    /// Pend an exception by software.
    pub fn pend(&mut self, number: u16) {
        if !self.system.is_pending(number) {
            self.probe(ProbeKind::ExceptionPend { number });
        }
        self.system.set_pending(number, self.now);
    }

    fn probe(&mut self, kind: ProbeKind) {
        self.probes.record(self.now, self.pc, kind);
    }

    /// End the run at the next instruction boundary.
    pub fn request_stop(&mut self) {
        self.stop_request = true;
    }

    /// Was the end of the run asked for? Asking forgets it.
    pub fn take_stop_request(&mut self) -> bool {
        std::mem::take(&mut self.stop_request)
    }

    /// Is the end of the run asked for?
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        self.stop_request
    }

    /// End the run when this happens.
    pub fn stop_on(&mut self, condition: StopOn) {
        if let StopOn::Edge { net, .. } = condition {
            self.nets.set_listened(net, true);
        }
        self.stop_on.push(condition);
    }

    /// The conditions of [`Bus::stop_on`] that were met since this was last asked, in order.
    pub fn take_met(&mut self) -> Vec<StopOn> {
        std::mem::take(&mut self.met)
    }

    fn meet(&mut self, is: impl Fn(&StopOn) -> bool) {
        if let Some(condition) = self.stop_on.iter().find(|s| is(s)) {
            self.stop_request = true;
            if !self.met.contains(condition) {
                self.met.push(condition.clone());
            }
        }
    }

    /// Drive a net from a device or from outside. Edges are recorded and listeners told.
    pub fn drive(&mut self, net: NetId, driver: Driver, drive: Drive) {
        let Some(level) = self.nets.drive(net, driver, drive) else {
            return;
        };
        self.probe(ProbeKind::Edge { net, level });
        self.meet(|s| *s == StopOn::Edge { net, level });
        if let Some(list) = self.net_listeners.get(usize::from(net.0)) {
            for &(device, index) in list {
                self.signals.push_back(Signal::Net {
                    device,
                    index,
                    level,
                });
            }
        }
    }

    /// As [`Bus::drive`], from outside a device call: listeners are told before it returns.
    pub fn drive_external(&mut self, net: NetId, drive: Drive) {
        self.drive(net, Driver::External, drive);
        self.settle();
    }

    pub(crate) fn serial_out(&mut self, id: DeviceId, byte: u8) {
        if let Some(port) = self.slots[usize::from(id.0)].serial {
            self.serial_push(port, byte);
        }
    }

    pub(crate) fn serial_received(&mut self, id: DeviceId, byte: u8) {
        if let Some(port) = self.slots[usize::from(id.0)].serial {
            self.probe(ProbeKind::UartRx { port, byte });
        }
    }

    /// The serial ports, in order of their index.
    #[must_use]
    pub fn serial_ports(&self) -> &[SerialPort] {
        &self.serial
    }

    /// Add a serial port that is not a device on the bus (semihosting, RTT, ITM). Returns its index.
    pub fn add_serial(&mut self, name: &str) -> u8 {
        self.serial.push(SerialPort {
            name: name.to_owned(),
            ..SerialPort::default()
        });
        self.serial.len() as u8 - 1
    }

    /// A byte goes out on a port of [`Bus::add_serial`].
    pub fn serial_push(&mut self, port: u8, byte: u8) {
        let Some(p) = self.serial.get_mut(usize::from(port)) else {
            return;
        };
        p.sent.push(byte);
        let tail = p.tail.len().saturating_sub(MAX_TAIL - 1);
        p.tail.drain(..tail);
        p.tail.push(byte);
        if !self.stop_on.is_empty() {
            let tail = p.tail.clone();
            self.meet(|s| {
                matches!(s, StopOn::SerialText { port: on, text }
                    if on.is_none_or(|on| on == port) && tail.ends_with(text))
            });
        }
        self.probe(ProbeKind::UartTx { port, byte });
    }

    /// Take what a serial port has sent since the last call.
    pub fn take_sent(&mut self, port: u8) -> Vec<u8> {
        self.serial
            .get_mut(usize::from(port))
            .map(|p| std::mem::take(&mut p.sent))
            .unwrap_or_default()
    }

    /// Send bytes from the host to a serial port, starting at the present cycle.
    pub fn serial_in(&mut self, port: u8, bytes: &[u8]) {
        if let Some(id) = self.serial.get(usize::from(port)).and_then(|p| p.device) {
            self.call(id, (), |d, ctx| d.serial_in(bytes, ctx));
        }
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

    /// Give an input of a device a value from outside, such as the `pressed` of a button.
    pub fn set_input(&mut self, id: DeviceId, port: usize, value: u32) {
        self.call(id, (), |d, ctx| d.input(port as u16, value, ctx));
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

    /// Take over the states that [`Bus::save_devices`] gave.
    ///
    /// # Errors
    /// [`StateError`] when they are from another machine.
    pub fn load_devices(&mut self, states: &[Vec<u8>]) -> Result<(), StateError> {
        for (slot, state) in self.slots.iter_mut().zip(states) {
            if let Some(device) = &mut slot.device {
                device.load(state)?;
            }
        }
        Ok(())
    }

    /// Everything that a run depends on, but for memory.
    #[must_use]
    pub fn save(&self) -> BusState {
        BusState {
            now: self.now,
            events: self.events.clone(),
            clocks: self.clocks.clone(),
            nets: self.nets.clone(),
            system: self.system.clone(),
            reset_request: self.reset_request,
            reset_cause: self.reset_cause,
            seed: self.seed,
            devices: self.save_devices(),
            irq_levels: self.slots.iter().map(|s| s.irq_levels.clone()).collect(),
            in_reset: self.slots.iter().map(|s| s.in_reset).collect(),
            net_listeners: self.net_listeners.clone(),
            serial_tails: self.serial.iter().map(|p| p.tail.clone()).collect(),
            line_counts: self.line_counts.clone(),
            memory_parameters: self.memory_parameters.clone(),
        }
    }

    /// Go on from a saved state of this machine.
    ///
    /// # Errors
    /// [`StateError`] when it is from another machine.
    pub fn load(&mut self, s: &BusState) -> Result<(), StateError> {
        self.load_devices(&s.devices)?;
        self.now = s.now;
        self.events.clone_from(&s.events);
        self.clocks.clone_from(&s.clocks);
        self.nets.clone_from(&s.nets);
        self.system.clone_from(&s.system);
        self.system.restored();
        self.reset_request = s.reset_request;
        self.reset_cause = s.reset_cause;
        self.seed = s.seed;
        for (slot, levels) in self.slots.iter_mut().zip(&s.irq_levels) {
            slot.irq_levels.clone_from(levels);
        }
        for (slot, &in_reset) in self.slots.iter_mut().zip(&s.in_reset) {
            slot.in_reset = in_reset;
        }
        self.net_listeners.clone_from(&s.net_listeners);
        for (port, tail) in self.serial.iter_mut().zip(&s.serial_tails) {
            port.tail.clone_from(tail);
            port.sent.clear();
        }
        self.line_counts.clone_from(&s.line_counts);
        self.memory_parameters.clone_from(&s.memory_parameters);
        self.memory_parameters_changed = true;
        self.signals.clear();
        self.stop_request = false;
        Ok(())
    }

    /// State of every device, in order, for snapshots and hashes.
    #[must_use]
    pub fn save_devices(&self) -> Vec<Vec<u8>> {
        self.slots
            .iter()
            .map(|s| s.device.as_ref().map(|d| d.save()).unwrap_or_default())
            .collect()
    }
}
