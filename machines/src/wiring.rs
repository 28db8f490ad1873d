//! Signals between devices: wires, alternate functions of pins, and resets.

use crate::errors::Diagnostic;
use crate::source::At;
use crate::spec::MachineSpec;
use crate::suggest::advice;
use emu_core::bus::RESET_INPUT;
use emu_core::{Bus, DeviceId, Ports};
use std::collections::BTreeMap;

/// A connection from an output to an input, by local indices.
type Link = (DeviceId, usize, DeviceId, usize);

/// Finds the two ends of every signal.
pub(crate) struct Wiring<'a> {
    spec: &'a MachineSpec,
    ports: &'a BTreeMap<String, (DeviceId, Ports)>,
    /// Which device has the alternate functions of a pin, by `PA2.AF7`.
    pins: BTreeMap<&'a str, (DeviceId, &'a str)>,
    errors: &'a mut Vec<Diagnostic>,
    links: Vec<Link>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Output,
    Input,
}

impl Side {
    fn names(self, ports: &Ports) -> &[String] {
        match self {
            Side::Output => &ports.outputs,
            Side::Input => &ports.inputs,
        }
    }
}

impl<'a> Wiring<'a> {
    pub(crate) fn new(
        spec: &'a MachineSpec,
        ports: &'a BTreeMap<String, (DeviceId, Ports)>,
        errors: &'a mut Vec<Diagnostic>,
    ) -> Wiring<'a> {
        let mut pins = BTreeMap::new();
        for (name, (id, p)) in ports {
            for port in &p.inputs {
                if port.contains(".AF") {
                    pins.insert(port.as_str(), (*id, name.as_str()));
                }
            }
        }
        Wiring {
            spec,
            ports,
            pins,
            errors,
            links: Vec::new(),
        }
    }

    /// Connects everything; what cannot be connected becomes an error.
    pub(crate) fn connect(mut self, bus: &mut Bus) {
        self.wires();
        self.alternate_functions();
        self.resets();
        for (from, output, to, input) in self.links {
            bus.connect(from, output, to, input);
        }
    }

    /// The device and local index of `DEVICE.PORT`. `None` without an error when the device exists in
    /// the description but could not be made: that has been told.
    fn end(&mut self, signal: &str, side: Side, at: &At) -> Option<(DeviceId, usize)> {
        let (device, port) = signal.split_once('.').unwrap_or((signal, ""));
        let Some((id, ports)) = self.ports.get(device) else {
            let file = &self.spec.file;
            let mut all = file
                .device
                .iter()
                .chain(&file.part)
                .map(|d| d.name.as_str());
            if !all.clone().any(|n| n == device) {
                self.errors.push(
                    Diagnostic::new(format!("there is no device `{device}`"))
                        .at(&self.spec.sources, at, "unknown device")
                        .help(advice("devices", device, &mut all)),
                );
            }
            return None;
        };
        let names = side.names(ports);
        let index = names.iter().position(|n| n == port);
        if index.is_none() {
            let what = match side {
                Side::Output => "output",
                Side::Input => "input",
            };
            self.errors.push(
                Diagnostic::new(format!("`{device}` has no {what} `{port}`"))
                    .at(&self.spec.sources, at, format!("unknown {what}"))
                    .help(advice(
                        &format!("{what}s of `{device}`"),
                        port,
                        names.iter().map(String::as_str),
                    )),
            );
        }
        Some((*id, index?))
    }

    fn wires(&mut self) {
        for wire in &self.spec.file.wire {
            let from = self.end(&wire.from, Side::Output, &wire.from.at);
            let to = self.end(&wire.to, Side::Input, &wire.to.at);
            if let (Some((from, output)), Some((to, input))) = (from, to) {
                self.links.push((from, output, to, input));
            }
        }
    }

    fn alternate_functions(&mut self) {
        for (pin, functions) in &self.spec.file.pins {
            for (number, list) in functions {
                let key = format!("{pin}.{number}");
                let Some(&(_, port)) = self.pins.get(key.as_str()) else {
                    self.no_such_pin(pin, number, &list.at);
                    continue;
                };
                for function in list.iter() {
                    self.alternate_function(&key, port, function, &list.at);
                }
            }
        }
    }

    fn no_such_pin(&mut self, pin: &str, number: &str, at: &At) {
        // A port that could not be made has been told already.
        let file = &self.spec.file;
        if self.ports.len() < file.device.len() + file.part.len() {
            return;
        }
        let pins: Vec<&str> = self.pins.keys().copied().collect();
        let wanted = format!("{pin}.{number}");
        self.errors.push(
            Diagnostic::new(format!("no device has the alternate function `{wanted}`"))
                .at(&self.spec.sources, at, "unknown pin or function number")
                .help(advice("pins", &wanted, pins)),
        );
    }

    /// The peripheral's output goes to the pin, and the pin's level to its input of the same name.
    fn alternate_function(&mut self, key: &str, port: &str, function: &str, at: &At) {
        let (device, signal) = function.split_once('.').unwrap_or((function, ""));
        let has = |side: Side| {
            self.ports
                .get(device)
                .is_some_and(|(_, p)| side.names(p).iter().any(|n| n == signal))
        };
        let (output, input) = (has(Side::Output), has(Side::Input));
        let pin = format!("{port}.{key}");
        if output || !input {
            let from = self.end(function, Side::Output, at);
            let to = self.end(&pin, Side::Input, at);
            if let (Some((from, output)), Some((to, input))) = (from, to) {
                self.links.push((from, output, to, input));
            }
        }
        if input {
            let from = self.end(&pin, Side::Output, at);
            let to = self.end(function, Side::Input, at);
            if let (Some((from, output)), Some((to, input))) = (from, to) {
                self.links.push((from, output, to, input));
            }
        }
    }

    fn resets(&mut self) {
        for entry in &self.spec.file.device {
            let Some(reset) = &entry.reset else { continue };
            let from = self.end(reset, Side::Output, &reset.at);
            let to = self.ports.get(&entry.name.value).map(|(id, _)| *id);
            if let (Some((from, output)), Some(to)) = (from, to) {
                self.links.push((from, output, to, RESET_INPUT));
            }
        }
    }
}
