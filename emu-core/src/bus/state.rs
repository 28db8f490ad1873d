//! The bus's part of a snapshot.

use super::Bus;
use crate::clock::ClockTree;
use crate::cortex_m::System;
use crate::device::{DeviceId, ResetCause, StateError};
use crate::events::EventQueue;
use crate::nets::Nets;
use crate::riscv::lines::Lines;
use crate::time::Cycles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything on the bus that a run depends on, but for memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BusState {
    now: Cycles,
    events: EventQueue,
    clocks: ClockTree,
    nets: Nets,
    system: System,
    lines: Option<Lines>,
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
    bridges_free: Vec<u64>,
    stolen: u64,
}

impl Bus {
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
            lines: self.lines.clone(),
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
            bridges_free: self.bridges.iter().map(|b| b.1).collect(),
            stolen: self.stolen,
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
        self.lines.clone_from(&s.lines);
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
        for (bridge, &free) in self.bridges.iter_mut().zip(&s.bridges_free) {
            bridge.1 = free;
        }
        self.stolen = s.stolen;
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
