//! What devices do to each other: calls, signals, interrupt lines, nets, clock changes.
//!
//! A device is taken out of its slot while it is called. What it does to others is queued, and delivered in
//! order when its call returns, in the same cycle.

use super::{Bus, RESET_INPUT, StopOn};
use crate::device::{Ctx, Device, DeviceId};
use crate::nets::{Drive, Driver, NetId};
use crate::notices::NoticeKind;
use crate::probe::ProbeKind;
use crate::time::Ratio;

pub(super) enum Signal {
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
    Serial {
        device: DeviceId,
        bytes: Vec<u8>,
        /// Bits a second; `None` for bytes of the host, which come at the port's own rate.
        baud: Option<Ratio>,
    },
}

impl Signal {
    /// Whom it is for.
    fn device(&self) -> DeviceId {
        match self {
            Signal::Input { device, .. }
            | Signal::Net { device, .. }
            | Signal::Serial { device, .. } => *device,
        }
    }
}

impl Bus {
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

    pub(super) fn stops_on(&self, id: NetId) -> bool {
        self.stop_on
            .iter()
            .any(|s| matches!(s, StopOn::Edge { net, .. } if *net == id))
    }

    /// Call a device. One that is already being called (a DMA controller that is pointed at its own
    /// registers) does not answer: the caller gets `busy`.
    pub(super) fn call<R>(
        &mut self,
        id: DeviceId,
        busy: R,
        f: impl FnOnce(&mut dyn Device, &mut Ctx<'_>) -> R,
    ) -> R {
        let Some(mut device) = self.slots[usize::from(id.0)].device.take() else {
            return busy;
        };
        let result = f(device.as_mut(), &mut Ctx { id, bus: self });
        self.put_back(id, device);
        if self.clocks_changed() || !self.signals.is_empty() {
            self.settle();
        }
        result
    }

    pub(super) fn clocks_changed(&mut self) -> bool {
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

    pub(super) fn call_quietly(
        &mut self,
        id: DeviceId,
        f: impl FnOnce(&mut dyn Device, &mut Ctx<'_>),
    ) {
        if let Some(mut device) = self.slots[usize::from(id.0)].device.take() {
            f(device.as_mut(), &mut Ctx { id, bus: self });
            self.put_back(id, device);
        }
    }

    /// A device was called, and is back in its slot. Calls for a debugger have left it as it was.
    #[inline]
    fn put_back(&mut self, id: DeviceId, device: Box<dyn Device>) {
        let slot = &mut self.slots[usize::from(id.0)];
        slot.device = Some(device);
        if !self.debug {
            slot.stamp = self.stamps.new_one();
        }
    }

    /// Deliver queued signals until none is left. A loop of signals that never settles is cut off.
    pub(super) fn settle(&mut self) {
        for _ in 0..100_000 {
            let Some(signal) = self.signals.pop_front() else {
                return;
            };
            if self.slots[usize::from(signal.device().0)].device.is_none() {
                // Its call is still running further up: it is served when that returns.
                self.signals.push_back(signal);
                let waits = |s: &Signal| self.slots[usize::from(s.device().0)].device.is_none();
                if self.signals.iter().all(waits) {
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
                Signal::Serial {
                    device,
                    bytes,
                    baud,
                } => self.call_quietly(device, |d, ctx| match baud {
                    None => d.serial_in(&bytes, ctx),
                    Some(baud) => bytes.iter().for_each(|&b| d.serial_frame(b, baud, ctx)),
                }),
            }
        }
        self.signals.clear();
        self.note(
            NoticeKind::Misuse,
            "signals between devices do not settle".to_owned(),
        );
    }

    pub(super) fn reset_input(&mut self, id: DeviceId, level: bool) {
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

    pub(crate) fn queue_serial(&mut self, port: u8, bytes: &[u8], baud: Option<Ratio>) {
        let port = self.serial_ports().get(usize::from(port));
        if let Some(device) = port.and_then(|p| p.device) {
            let bytes = bytes.to_vec();
            self.signals.push_back(Signal::Serial {
                device,
                bytes,
                baud,
            });
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
            if *count == 1 && self.lines.is_some() {
                self.set_line(number, true);
                self.probe(ProbeKind::ExceptionPend { number });
            } else if *count == 1 {
                let was = self.system.is_pending(number);
                self.system.set_line(number, true, self.now);
                if !was {
                    self.probe(ProbeKind::ExceptionPend { number });
                }
            }
        } else {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.set_line(number, false);
            }
        }
    }

    /// Give a line into the core a level.
    fn set_line(&mut self, number: u16, level: bool) {
        match &mut self.lines {
            Some(lines) => lines.set(number, level, self.now),
            None => self.system.set_line(number, level, self.now),
        }
    }

    /// Pend an exception by software.
    pub fn pend(&mut self, number: u16) {
        if !self.system.is_pending(number) {
            self.probe(ProbeKind::ExceptionPend { number });
        }
        self.system.set_pending(number, self.now);
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

    /// Give an input of a device a value from outside, such as the `pressed` of a button.
    pub fn set_input(&mut self, id: DeviceId, port: usize, value: u32) {
        self.call(id, (), |d, ctx| d.input(port as u16, value, ctx));
    }
}
