//! What a peripheral model is, and what it may do to the rest of the machine.
//!
//! A device knows its registers and its behaviour. It does not know its address, its chip, its
//! interrupt numbers or the CPU: those are bound when a machine is built, and reached through [`Ctx`]
//! by small local indices, in the order of the names in [`Ports`].

use crate::bus::{Bus, BusError};
use crate::clock::ClockId;
use crate::cortex_m::System;
use crate::nets::{Drive, Driver, NetId};
use crate::notices::NoticeKind;
use crate::probe::ProbeKind;
use crate::time::{Cycles, Ratio};
use serde::{Deserialize, Serialize};

/// Handle of a device on the bus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct DeviceId(pub u16);

/// Width of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Width {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Half,
    /// 32 bits.
    Word,
}

impl Width {
    /// From a number of bytes; anything but 1 and 2 is a word.
    #[must_use]
    pub fn from_bytes(n: u32) -> Width {
        match n {
            1 => Width::Byte,
            2 => Width::Half,
            _ => Width::Word,
        }
    }

    /// Number of bytes.
    #[must_use]
    pub fn bytes(self) -> u32 {
        match self {
            Width::Byte => 1,
            Width::Half => 2,
            Width::Word => 4,
        }
    }

    /// All value bits of this width.
    #[must_use]
    pub fn mask(self) -> u32 {
        match self {
            Width::Byte => 0xFF,
            Width::Half => 0xFFFF,
            Width::Word => 0xFFFF_FFFF,
        }
    }

    /// The part of the 32-bit register `word` that an access at `offset` reads, right-aligned.
    #[must_use]
    pub fn extract(self, word: u32, offset: u32) -> u32 {
        (word >> ((offset & 3) * 8)) & self.mask()
    }

    /// The 32-bit register after a write of `value` at `offset` changed only its byte lanes.
    #[must_use]
    pub fn merge(self, word: u32, offset: u32, value: u32) -> u32 {
        let shift = (offset & 3) * 8;
        let mask = self.mask() << shift;
        (word & !mask) | ((value << shift) & mask)
    }

    /// The value of a write moved to its byte lanes, other lanes zero (for set and clear registers).
    #[must_use]
    pub fn spread(self, offset: u32, value: u32) -> u32 {
        self.merge(0, offset, value)
    }
}

/// Does an access need an exact instruction boundary?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Its effect cannot pend an interrupt, fire an event sooner, or change a clock: it may happen
    /// in the middle of a translated block.
    Plain,
    /// It may; the instruction is made a block of its own first.
    Sync,
}

/// Names of a device's connections. The position of a name is the local index used with [`Ctx`].
#[derive(Clone, Debug, Default)]
pub struct Ports {
    /// Interrupt request lines.
    pub irqs: Vec<String>,
    /// Signals that it takes from other devices.
    pub inputs: Vec<String>,
    /// Signals that it gives to other devices.
    pub outputs: Vec<String>,
    /// Clocks that it runs on.
    pub clocks: Vec<String>,
    /// Pins that it drives or reads as nets.
    pub nets: Vec<String>,
    /// It is a serial port: bytes go to and come from the host.
    pub serial: bool,
}

impl Ports {
    /// Build the list of names from string slices.
    #[must_use]
    pub fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }
}

/// A snapshot that does not fit the device it is loaded into.
#[derive(Debug, thiserror::Error)]
#[error("snapshot of {device} does not fit: {reason}")]
pub struct StateError {
    /// Which device.
    pub device: String,
    /// Why.
    pub reason: String,
}

/// A peripheral model.
///
/// Register offsets are from the device's base. Values are right-aligned for the width of the access.
/// Reads with [`Ctx::is_debug`] set come from a debugger and must have no effect.
pub trait Device: Send {
    /// The names of its connections.
    fn ports(&self) -> Ports;

    /// Power-on or system reset: registers to their reset values, outputs and events accordingly.
    fn reset(&mut self, ctx: &mut Ctx<'_>);

    /// A read by the core, by a DMA controller or by a debugger.
    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32;

    /// A write by the core, by a DMA controller or by a debugger.
    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>);

    /// An event that it had scheduled is due; `ctx.now()` is exactly its cycle.
    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        let _ = (tag, ctx);
    }

    /// An input signal (index in [`Ports::inputs`]) has a new value.
    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        let _ = (port, value, ctx);
    }

    /// The net with this index in [`Ports::nets`] changed its level (whoever drives it); only for
    /// nets that the device asked for with [`Ctx::listen`].
    fn net_changed(&mut self, index: u16, level: bool, ctx: &mut Ctx<'_>) {
        let _ = (index, level, ctx);
    }

    /// Some clock changed its frequency: re-plan what depends on [`Ctx::clock`].
    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
    }

    /// Bytes from the host for a serial port; it receives them one after the other at its baud rate,
    /// starting now.
    fn serial_in(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        let _ = (bytes, ctx);
    }

    /// A frame with this byte begins on the line of a serial port now; it takes ten bits at `baud` bits a second,
    /// whatever rate the port is set to. By default it is a byte from the host as any other.
    fn serial_frame(&mut self, byte: u8, baud: Ratio, ctx: &mut Ctx<'_>) {
        let _ = baud;
        self.serial_in(&[byte], ctx);
    }

    /// A store to a memory region that this device guards (a flash controller programming its
    /// array); `offset` is from the start of the region. Default: a bus error.
    ///
    /// # Errors
    /// [`BusError`] when the store is refused.
    fn guarded_write(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), BusError> {
        let _ = (offset, width, value, ctx);
        Err(BusError)
    }

    /// Must this access happen at an exact instruction boundary? The default is safe.
    fn access(&self, offset: u32, write: bool, bus: &Bus) -> Access {
        let _ = (offset, bus);
        if write { Access::Sync } else { Access::Plain }
    }

    /// Name of the register at an offset, for messages.
    fn register(&self, offset: u32) -> Option<String> {
        let _ = offset;
        None
    }

    /// All state that a run depends on.
    fn save(&self) -> Vec<u8>;

    /// Take over a state from [`Device::save`].
    ///
    /// # Errors
    /// [`StateError`] when the bytes are not from a device of this kind.
    fn load(&mut self, state: &[u8]) -> Result<(), StateError>;
}

/// Implements [`Device::save`] and [`Device::load`] for a type that derives serde's traits.
#[macro_export]
macro_rules! device_state {
    () => {
        fn save(&self) -> Vec<u8> {
            $crate::device::to_state(self)
        }
        fn load(&mut self, state: &[u8]) -> Result<(), $crate::device::StateError> {
            *self = $crate::device::from_state(state)?;
            Ok(())
        }
    };
}

/// Serialises a device's state; used by [`device_state!`](crate::device_state).
#[must_use]
pub fn to_state<T: Serialize>(state: &T) -> Vec<u8> {
    postcard::to_allocvec(state).unwrap_or_default()
}

/// Reads a device's state; used by [`device_state!`](crate::device_state).
///
/// # Errors
/// [`StateError`] when the bytes are not a `T`.
pub fn from_state<T: for<'a> Deserialize<'a>>(state: &[u8]) -> Result<T, StateError> {
    postcard::from_bytes(state).map_err(|e| StateError {
        device: std::any::type_name::<T>().to_owned(),
        reason: e.to_string(),
    })
}

/// What a device may do while it is being called.
pub struct Ctx<'a> {
    pub(crate) id: DeviceId,
    pub(crate) bus: &'a mut Bus,
}

impl Ctx<'_> {
    /// The present cycle: of the access, or of the event that is due.
    #[must_use]
    pub fn now(&self) -> Cycles {
        self.bus.now
    }

    /// Is this access made by a debugger? Then it must have no effect.
    #[must_use]
    pub fn is_debug(&self) -> bool {
        self.bus.debug
    }

    /// Address of the instruction that makes the access, or that would run next.
    #[must_use]
    pub fn pc(&self) -> u32 {
        self.bus.pc
    }

    /// The device's own name, such as `USART2`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.bus.name(self.id)
    }

    /// The device's number on the bus, as probe events name it.
    #[must_use]
    pub fn device_index(&self) -> u16 {
        self.id.0
    }

    /// Plan the event `tag` for cycle `at` (not before the present one); an earlier plan is replaced.
    pub fn schedule(&mut self, tag: u32, at: Cycles) {
        let at = at.max(self.bus.now);
        self.bus.events.schedule(at, self.id, tag);
    }

    /// Plan the event `tag` in `cycles` cycles.
    pub fn schedule_in(&mut self, tag: u32, cycles: u64) {
        self.schedule(tag, self.bus.now + cycles);
    }

    /// Plan the event for `at`, or cancel it when there is no such cycle.
    pub fn schedule_or_cancel(&mut self, tag: u32, at: Option<Cycles>) {
        match at {
            Some(at) => self.schedule(tag, at),
            None => self.cancel(tag),
        }
    }

    /// Forget the event `tag`.
    pub fn cancel(&mut self, tag: u32) {
        self.bus.events.cancel(self.id, tag);
    }

    /// When the event `tag` is due.
    #[must_use]
    pub fn due(&self, tag: u32) -> Option<Cycles> {
        self.bus.events.due(self.id, tag)
    }

    /// Ticks per core cycle of the clock with this index in [`Ports::clocks`].
    #[must_use]
    pub fn clock(&self, index: usize) -> Ratio {
        self.bus.clocks.per_core_cycle(self.clock_id(index))
    }

    /// Frequency of the core clock in Hz.
    #[must_use]
    pub fn core_hz(&self) -> Ratio {
        self.bus.clocks.hz(self.bus.clocks.core())
    }

    /// Frequency in Hz of the clock with this index.
    #[must_use]
    pub fn clock_hz(&self, index: usize) -> Ratio {
        self.bus.clocks.hz(self.clock_id(index))
    }

    /// The same without the tolerance of its oscillator: what limits of a data sheet are compared with.
    #[must_use]
    pub fn nominal_hz(&self, index: usize) -> Ratio {
        self.bus.clocks.nominal_hz(self.clock_id(index))
    }

    /// Set the frequency of the clock with this index from this cycle on (for clock controllers).
    pub fn set_clock_hz(&mut self, index: usize, hz: Ratio) {
        let (id, now) = (self.clock_id(index), self.bus.now);
        self.bus.clocks.set_hz(id, hz, now);
    }

    /// As [`Ctx::set_clock_hz`], for a clock that comes from an oscillator, also by its index: it is as far off its
    /// nominal frequency as that is.
    pub fn set_clock_from(&mut self, index: usize, nominal: Ratio, oscillator: usize) {
        let (id, from) = (self.clock_id(index), self.clock_id(oscillator));
        let now = self.bus.now;
        self.bus.clocks.set_hz_from(id, nominal, from, now);
    }

    /// From this cycle on, the oscillator with this index is `tolerance` times as fast as it nominally is, and with
    /// it all clocks that come from it.
    pub fn set_tolerance(&mut self, oscillator: usize, tolerance: Ratio) {
        let (id, now) = (self.clock_id(oscillator), self.bus.now);
        self.bus.clocks.set_tolerance(id, tolerance, now);
    }

    /// Core cycles in a number of nanoseconds at the present core frequency, rounded up.
    #[must_use]
    pub fn cycles_in_ns(&self, ns: u64) -> u64 {
        self.bus.clocks.cycles_in_ns(ns)
    }

    /// Time since power-on in attoseconds.
    #[must_use]
    pub fn attoseconds(&self) -> u128 {
        self.bus.clocks.attoseconds(self.bus.now)
    }

    /// The first cycle that is not before a time in attoseconds since power-on, at the present core frequency.
    #[must_use]
    pub fn cycle_at(&self, attoseconds: u128) -> Cycles {
        self.bus.clocks.cycle_at(attoseconds)
    }

    fn clock_id(&self, index: usize) -> ClockId {
        self.bus.slots[usize::from(self.id.0)]
            .clocks
            .get(index)
            .copied()
            .unwrap_or(self.bus.clocks.core())
    }

    /// Set the level of the interrupt line with this index in [`Ports::irqs`].
    pub fn set_irq(&mut self, index: usize, level: bool) {
        self.bus.set_irq(self.id, index, level);
    }

    /// Give the output with this index in [`Ports::outputs`] a value; it reaches the connected
    /// inputs after this call, in the same cycle.
    pub fn output(&mut self, index: usize, value: u32) {
        self.bus.queue_output(self.id, index, value);
    }

    /// Is anything connected to this output?
    #[must_use]
    pub fn is_wired(&self, index: usize) -> bool {
        self.bus.slots[usize::from(self.id.0)]
            .wires
            .get(index)
            .is_some_and(|w| !w.is_empty())
    }

    /// The net with this index in [`Ports::nets`], if it is bound.
    #[must_use]
    pub fn net(&self, index: usize) -> Option<NetId> {
        self.bus.slots[usize::from(self.id.0)]
            .nets
            .get(index)
            .copied()
            .flatten()
    }

    /// Drive a net; readers and listeners see the new level in this cycle.
    pub fn drive(&mut self, net: NetId, driver: Driver, drive: Drive) {
        self.bus.drive(net, driver, drive);
    }

    /// Ask for [`Device::net_changed`] on the net with this index, or no longer. Stores that move a
    /// net with listeners are made at exact instruction boundaries, so listen only while it matters.
    pub fn listen(&mut self, index: usize, on: bool) {
        self.bus.listen(self.id, index, on);
    }

    /// Level of a net.
    #[must_use]
    pub fn level(&self, net: NetId) -> bool {
        self.bus.nets.level(net)
    }

    /// Record an observation with the present cycle and PC.
    pub fn probe(&mut self, kind: ProbeKind) {
        let (at, pc) = (self.bus.now, self.bus.pc);
        self.bus.probes.record(at, pc, kind);
    }

    /// Note a gap of the model or a misuse by the firmware; the device's name is put in front.
    pub fn note(&mut self, kind: NoticeKind, what: &str) {
        if self.bus.debug {
            return;
        }
        let what = format!("{}.{what}", self.name());
        self.bus.note(kind, what);
    }

    /// Give bytes to a serial port (by its index) as the host does, after this call in the same cycle.
    pub fn give_serial(&mut self, port: u8, bytes: &[u8]) {
        self.bus.queue_serial(port, bytes, None);
    }

    /// Begin to send a byte to a serial port (by its index) at `baud` bits a second, after this call in the same
    /// cycle.
    pub fn send_frame(&mut self, port: u8, byte: u8, baud: Ratio) {
        self.bus.queue_serial(port, &[byte], Some(baud));
    }

    /// A byte has left this serial port completely.
    pub fn serial_out(&mut self, byte: u8) {
        self.bus.serial_out(self.id, byte);
    }

    /// A byte from the host has been received completely (recorded for captures).
    pub fn serial_received(&mut self, byte: u8) {
        self.bus.serial_received(self.id, byte);
    }

    /// Read memory or a register as a bus master (DMA).
    ///
    /// # Errors
    /// [`BusError`] when nothing answers.
    pub fn bus_read(&mut self, address: u32, width: Width) -> Result<u32, BusError> {
        self.bus.steal(address);
        self.bus.accessed(address, width.bytes(), false);
        self.bus.read(address, width)
    }

    /// Write memory or a register as a bus master (DMA).
    ///
    /// # Errors
    /// [`BusError`] when nothing answers or the target cannot be written.
    pub fn bus_write(&mut self, address: u32, width: Width, value: u32) -> Result<(), BusError> {
        self.bus.steal(address);
        self.bus.accessed(address, width.bytes(), true);
        self.bus.write(address, width, value)
    }

    /// Change bytes of a memory region, past its write protection (flash programming and erase).
    ///
    /// # Errors
    /// [`BusError`] when the range is not in one memory region.
    pub fn program(&mut self, address: u32, bytes: &[u8]) -> Result<(), BusError> {
        self.bus.accessed(address, bytes.len() as u32, true);
        self.bus.program(address, bytes)
    }

    /// Set a timing parameter of the memory system, such as the flash wait states.
    pub fn set_memory_parameter(&mut self, name: &str, value: u32) {
        self.bus.set_memory_parameter(name, value);
    }

    /// Ask for a system reset at the next instruction boundary.
    pub fn request_reset(&mut self, cause: ResetCause) {
        self.bus.reset_request = Some(cause);
    }

    /// Why the machine was last reset.
    #[must_use]
    pub fn reset_cause(&self) -> ResetCause {
        self.bus.reset_cause
    }

    /// The seed of the run, for devices that make random data.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.bus.seed
    }

    /// The system registers of a Cortex-M core (for SysTick, NVIC, SCB, MPU, DWT).
    pub fn system(&mut self) -> &mut System {
        &mut self.bus.system
    }

    /// Pend or clear an exception by software.
    pub fn set_exception_pending(&mut self, number: u16, pending: bool) {
        if pending {
            self.bus.pend(number);
        } else {
            self.bus.system.clear_pending(number);
        }
    }
}

/// Why the machine was reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum ResetCause {
    /// Power came on.
    #[default]
    PowerOn,
    /// AIRCR.SYSRESETREQ.
    Software,
    /// Independent watchdog.
    IndependentWatchdog,
    /// Window watchdog.
    WindowWatchdog,
    /// The reset pin, or a debugger.
    Pin,
}
