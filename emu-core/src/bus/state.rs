//! The bus's part of a snapshot.

use super::Bus;
use super::stamp::Stamp;
use crate::clock::ClockTree;
use crate::cortex_m::System;
use crate::device::{DeviceId, ResetCause, StateError, to_state};
use crate::events::EventQueue;
use crate::nets::{Net, NetId, Nets};
use crate::notices::Notices;
use crate::riscv::lines::Lines;
use crate::snapshot::shared;
use crate::time::Cycles;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything on the bus that a run depends on, but for memory. What seldom changes is shared with other snapshots.
#[derive(Clone, Debug)]
pub struct BusState {
    now: Cycles,
    pc: u32,
    events: EventQueue,
    clocks: Arc<ClockTree>,
    nets: Arc<Vec<Net>>,
    system: Arc<System>,
    lines: Option<Lines>,
    reset_request: Option<ResetCause>,
    reset_cause: ResetCause,
    seed: u64,
    devices: Vec<(Stamp, Arc<[u8]>)>,
    /// Of all devices, one after the other.
    irq_levels: Vec<bool>,
    in_reset: Vec<bool>,
    net_listeners: Arc<Vec<Vec<(DeviceId, u16)>>>,
    serial_tails: Arc<Vec<Vec<u8>>>,
    line_counts: Arc<Vec<u16>>,
    memory_parameters: Arc<BTreeMap<String, u32>>,
    memory_parameters_changed: bool,
    bridges_free: Vec<u64>,
    stolen: u64,
    notices: Arc<Notices>,
}

/// What a state hash covers.
#[derive(Serialize)]
struct Hashed<'a> {
    now: Cycles,
    events: &'a EventQueue,
    clocks: &'a ClockTree,
    nets: &'a Nets,
    system: &'a System,
    lines: &'a Option<Lines>,
    reset_request: Option<ResetCause>,
    reset_cause: ResetCause,
    seed: u64,
    devices: Vec<Vec<u8>>,
    irq_levels: Vec<&'a [bool]>,
    in_reset: Vec<bool>,
    net_listeners: &'a [Vec<(DeviceId, u16)>],
    serial_tails: Vec<&'a [u8]>,
    line_counts: &'a [u16],
    memory_parameters: &'a BTreeMap<String, u32>,
    bridges_free: Vec<u64>,
    stolen: u64,
}

impl BusState {
    /// How many bytes of host memory it holds that `other` does not share, beyond its own size.
    pub(crate) fn own_bytes(&self, other: Option<&BusState>) -> usize {
        fn own<T: ?Sized>(mine: &Arc<T>, other: Option<&Arc<T>>, bytes: usize) -> usize {
            let is_shared = other.is_some_and(|o| Arc::ptr_eq(mine, o));
            if is_shared { 0 } else { bytes }
        }
        let devices: usize = (0..)
            .zip(&self.devices)
            .map(|(i, (_, state))| {
                let other = other.and_then(|o| o.devices.get(i)).map(|o| &o.1);
                own(state, other, state.len() + 2 * size_of::<usize>())
            })
            .sum();
        let listeners: usize = self.net_listeners.iter().map(|l| size_of_val(&l[..])).sum();
        let tails: usize = self.serial_tails.iter().map(Vec::len).sum();
        let names: usize = self.memory_parameters.keys().map(String::len).sum();
        let lists = size_of_val(&self.devices[..])
            + self.irq_levels.len()
            + self.in_reset.len()
            + size_of_val(&self.bridges_free[..])
            + self.events.bytes();
        let o = other;
        devices
            + lists
            + own(&self.clocks, o.map(|o| &o.clocks), self.clocks.bytes())
            + own(&self.nets, o.map(|o| &o.nets), size_of_val(&self.nets[..]))
            + own(&self.system, o.map(|o| &o.system), self.system.bytes())
            + own(
                &self.net_listeners,
                o.map(|o| &o.net_listeners),
                size_of_val(&self.net_listeners[..]) + listeners,
            )
            + own(
                &self.serial_tails,
                o.map(|o| &o.serial_tails),
                size_of_val(&self.serial_tails[..]) + tails,
            )
            + own(
                &self.line_counts,
                o.map(|o| &o.line_counts),
                size_of_val(&self.line_counts[..]),
            )
            + own(
                &self.memory_parameters,
                o.map(|o| &o.memory_parameters),
                self.memory_parameters.len() * size_of::<(String, u32)>() + names,
            )
            + own(&self.notices, o.map(|o| &o.notices), self.notices.bytes())
    }
}

impl Bus {
    /// State of every device, in order.
    #[must_use]
    pub fn save_devices(&self) -> Vec<Vec<u8>> {
        self.slots
            .iter()
            .map(|s| s.device.as_ref().map(|d| d.save()).unwrap_or_default())
            .collect()
    }

    /// Take over the states that [`Bus::save_devices`] gave.
    ///
    /// # Errors
    /// [`StateError`] when they are from another machine.
    pub fn load_devices(&mut self, states: &[Vec<u8>]) -> Result<(), StateError> {
        for (slot, state) in self.slots.iter_mut().zip(states) {
            if let Some(device) = &mut slot.device {
                slot.stamp = self.stamps.new_one();
                device.load(state)?;
            }
        }
        Ok(())
    }

    /// Everything that a run depends on, but for memory.
    #[must_use]
    pub fn save(&self) -> BusState {
        self.save_sharing(None)
    }

    /// The same; what `before` has too is shared with it.
    pub(crate) fn save_sharing(&self, before: Option<&BusState>) -> BusState {
        let tails: Vec<Vec<u8>> = self.serial.iter().map(|p| p.tail.clone()).collect();
        let levels = self.slots.iter().flat_map(|s| &s.irq_levels);
        BusState {
            now: self.now,
            pc: self.pc,
            events: self.events.clone(),
            clocks: shared(&self.clocks, before.map(|b| &b.clocks)),
            nets: shared(self.nets.all(), before.map(|b| &b.nets)),
            system: shared(&self.system, before.map(|b| &b.system)),
            lines: self.lines.clone(),
            reset_request: self.reset_request,
            reset_cause: self.reset_cause,
            seed: self.seed,
            devices: self.save_slots(before),
            irq_levels: levels.copied().collect(),
            in_reset: self.slots.iter().map(|s| s.in_reset).collect(),
            net_listeners: shared(&self.net_listeners, before.map(|b| &b.net_listeners)),
            serial_tails: shared(&tails, before.map(|b| &b.serial_tails)),
            line_counts: shared(&self.line_counts, before.map(|b| &b.line_counts)),
            memory_parameters: shared(
                &self.memory_parameters,
                before.map(|b| &b.memory_parameters),
            ),
            memory_parameters_changed: self.memory_parameters_changed,
            bridges_free: self.bridges.iter().map(|b| b.1).collect(),
            stolen: self.stolen,
            notices: shared(&self.notices, before.map(|b| &b.notices)),
        }
    }

    fn save_slots(&self, before: Option<&BusState>) -> Vec<(Stamp, Arc<[u8]>)> {
        let slots = self.slots.iter().enumerate();
        let save = |(i, slot): (usize, &super::Slot)| {
            let before = before.and_then(|b| b.devices.get(i));
            if let Some(known) = before.filter(|b| b.0 == slot.stamp) {
                return known.clone();
            }
            let state = slot.device.as_ref().map(|d| d.save()).unwrap_or_default();
            let known = before.filter(|b| b.1[..] == state[..]);
            let state = known.map_or_else(|| Arc::from(state), |b| Arc::clone(&b.1));
            (slot.stamp, state)
        };
        slots.map(save).collect()
    }

    /// What a state hash covers, as bytes.
    pub(crate) fn state_for_hash(&self) -> Vec<u8> {
        to_state(&Hashed {
            now: self.now,
            events: &self.events,
            clocks: &self.clocks,
            nets: &self.nets,
            system: &self.system,
            lines: &self.lines,
            reset_request: self.reset_request,
            reset_cause: self.reset_cause,
            seed: self.seed,
            devices: self.save_devices(),
            irq_levels: self.slots.iter().map(|s| &s.irq_levels[..]).collect(),
            in_reset: self.slots.iter().map(|s| s.in_reset).collect(),
            net_listeners: &self.net_listeners,
            serial_tails: self.serial.iter().map(|p| &p.tail[..]).collect(),
            line_counts: &self.line_counts,
            memory_parameters: &self.memory_parameters,
            bridges_free: self.bridges.iter().map(|b| b.1).collect(),
            stolen: self.stolen,
        })
    }

    /// Go on from a saved state of this machine.
    ///
    /// # Errors
    /// [`StateError`] when it is from another machine.
    pub fn load(&mut self, s: &BusState) -> Result<(), StateError> {
        if self.slots.len() != s.devices.len() || self.nets.len() != s.nets.len() {
            return Err(StateError {
                device: "bus".to_owned(),
                reason: "the snapshot has other devices or pins".to_owned(),
            });
        }
        for (slot, (stamp, state)) in self.slots.iter_mut().zip(&s.devices) {
            if let Some(device) = &mut slot.device
                && slot.stamp != *stamp
            {
                device.load(state)?;
                slot.stamp = *stamp;
            }
        }
        self.now = s.now;
        self.pc = s.pc;
        self.events.clone_from(&s.events);
        if self.clocks != *s.clocks {
            self.clocks.clone_from(&s.clocks);
        }
        self.load_system(&s.system);
        self.lines.clone_from(&s.lines);
        self.reset_request = s.reset_request;
        self.reset_cause = s.reset_cause;
        self.seed = s.seed;
        let mut levels = s.irq_levels.iter();
        for (slot, &in_reset) in self.slots.iter_mut().zip(&s.in_reset) {
            for (level, &saved) in slot.irq_levels.iter_mut().zip(&mut levels) {
                *level = saved;
            }
            slot.in_reset = in_reset;
        }
        self.nets.restore(&s.nets);
        if self.net_listeners != *s.net_listeners {
            self.net_listeners.clone_from(&s.net_listeners);
        }
        self.find_listened_nets();
        // A port that was added since had sent nothing then.
        let tails = s.serial_tails.iter().map(|t| &t[..]);
        let tails = tails.chain(std::iter::repeat(&[][..]));
        for (port, tail) in self.serial.iter_mut().zip(tails) {
            port.tail.clear();
            port.tail.extend(tail);
            port.sent.clear();
        }
        self.line_counts.clone_from(&s.line_counts);
        self.memory_parameters_changed |= s.memory_parameters_changed;
        if self.memory_parameters != *s.memory_parameters {
            self.memory_parameters.clone_from(&s.memory_parameters);
            self.memory_parameters_changed = true;
        }
        for (bridge, &free) in self.bridges.iter_mut().zip(&s.bridges_free) {
            bridge.1 = free;
        }
        self.stolen = s.stolen;
        if self.notices != *s.notices {
            self.notices.clone_from(&s.notices);
        }
        self.signals.clear();
        self.stop_request = false;
        self.met.clear();
        Ok(())
    }

    /// Permissions that are cached stay when there is no MPU at work, neither now nor then.
    fn load_system(&mut self, s: &System) {
        let holds = |s: &System| !s.permissions_changed && s.mpu.ctrl & 1 == 0;
        let permissions_hold = holds(&self.system) && holds(s) && self.system.ccr == s.ccr;
        self.system.clone_from(s);
        self.system.restored();
        self.system.permissions_changed = !permissions_hold;
    }

    /// Which nets matter follows from who listens, and from what ends the run, which is no part of a snapshot.
    fn find_listened_nets(&mut self) {
        for i in 0..self.nets.len() as u16 {
            self.find_listened(NetId(i));
        }
    }

    pub(super) fn find_listened(&mut self, net: NetId) {
        let listeners = self.net_listeners.get(usize::from(net.0));
        let listened = listeners.is_some_and(|l| !l.is_empty()) || self.stops_on(net);
        self.nets.set_listened(net, listened);
    }
}
