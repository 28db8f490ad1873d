//! From a description to a machine's bus.

use crate::check::check;
use crate::errors::{Diagnostic, Errors};
use crate::file::{Device as DeviceEntry, NetBinding};
use crate::spec::MachineSpec;
use crate::suggest::advice;
use crate::value::Sp;
use crate::wiring::Wiring;
use emu_core::cortex_m::number;
use emu_core::machine::CoreKind;
use emu_core::riscv::lines::Lines;
use emu_core::{Binding, Bus, Device, DeviceId, Ports};
use peripherals::CreateError;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Makes a device of a model from its parameters.
pub type Create = fn(&str, Table) -> Result<Box<dyn Device>, CreateError>;

/// Where device models are from.
#[derive(Clone, Copy)]
pub struct Catalogue {
    /// Makes a device of a model.
    pub create: Create,
    /// The names of all models.
    pub models: fn() -> Vec<&'static str>,
}

impl Default for Catalogue {
    fn default() -> Catalogue {
        Catalogue {
            create: peripherals::create,
            models: || peripherals::models().map(|m| m.name).collect(),
        }
    }
}

/// How a machine is built.
#[derive(Clone, Copy, Default)]
pub struct BuildOptions {
    /// Seed of the run, for devices that make random data.
    pub seed: u64,
    /// Where device models are from.
    pub catalogue: Catalogue,
}

impl MachineSpec {
    /// Make the bus with all memory and devices, not yet reset.
    ///
    /// # Errors
    /// Everything that is wrong with the description, as far as it can be found at once.
    pub fn build(&self, options: &BuildOptions) -> Result<(CoreKind, Bus), Errors> {
        let mut errors = check(self);
        // Without a core clock, or with ranges that are none, there is no bus to go on with.
        let clocks = match self.clock_tree() {
            Some(clocks) if self.ranges_fit() => clocks,
            _ => return Err(Errors(errors)),
        };
        let mut bus = Bus::new(self.system(), clocks);
        if self.core.is_riscv() {
            bus.lines = Some(Lines::default());
            bus.reset_vector = self.file.core.vtor.as_ref().map_or(0, |v| v.value);
        }
        bus.seed = options.seed;
        self.memory(&mut bus);
        errors.extend(self.add_nets(&mut bus));
        let mut builder = Builder {
            spec: self,
            catalogue: options.catalogue,
            bus,
            ports: BTreeMap::new(),
            errors,
        };
        builder.devices();
        Wiring::new(self, &builder.ports, &mut builder.errors).connect(&mut builder.bus);
        builder.guards_and_console();
        if builder.errors.is_empty() {
            Ok((self.core, builder.bus))
        } else {
            Err(Errors(builder.errors))
        }
    }
}

struct Builder<'a> {
    spec: &'a MachineSpec,
    catalogue: Catalogue,
    bus: Bus,
    /// Devices that were made, by name.
    ports: BTreeMap<String, (DeviceId, Ports)>,
    errors: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn devices(&mut self) {
        let spec = self.spec;
        for entry in spec.file.device.iter().chain(&spec.file.part) {
            let Some(device) = self.create(entry) else {
                continue;
            };
            let ports = device.ports();
            let binding = Binding {
                name: entry.name.value.clone(),
                base: entry.base.as_ref().map_or(0, |b| b.value),
                size: entry.size.as_ref().map_or(0, |s| s.value.0 as u32),
                irqs: self.irqs(entry, &ports),
                clocks: self.clocks(entry, &ports),
                nets: self.nets(entry, &ports),
            };
            let id = self.bus.add(binding, device);
            // A second one of that name has been told already.
            let name = entry.name.value.clone();
            self.ports.entry(name).or_insert((id, ports));
        }
    }

    fn create(&mut self, entry: &DeviceEntry) -> Option<Box<dyn Device>> {
        let model = entry.model.as_ref()?;
        let mut params = Table::new();
        for (name, value) in &entry.params {
            params.insert(name.clone(), self.parameter(value));
        }
        let sources = &self.spec.sources;
        let error = match (self.catalogue.create)(model, params) {
            Ok(device) => return Some(device),
            Err(e) => e,
        };
        let d = match &error {
            CreateError::UnknownModel(_) => Diagnostic::new(error.to_string())
                .at(sources, &model.at, "unknown model")
                .help(advice("models", model, (self.catalogue.models)())),
            CreateError::Parameter(p) => {
                // The message names the parameter in backticks, when it is about one.
                let named = p.0.split('`').nth(1).and_then(|n| entry.params.get(n));
                let at = named.map_or(&entry.name.at, |v| &v.at);
                Diagnostic::new(format!(
                    "the parameters of `{}` do not fit its model `{}`",
                    entry.name.value, model.value
                ))
                .at(sources, at, p.0.clone())
            }
        };
        self.errors.push(d);
        None
    }

    /// A parameter's value; `$clock.NAME.hz` is a frequency.
    fn parameter(&mut self, value: &Sp<Value>) -> Value {
        let reference = value.as_str().and_then(|s| s.strip_prefix("$clock."));
        let Some(name) = reference.and_then(|r| r.strip_suffix(".hz")) else {
            return value.value.clone();
        };
        if let Some(id) = self.bus.clocks.find(name) {
            let hz = self.bus.clocks.hz(id);
            return Value::Integer((hz.num() / hz.den()) as i64);
        }
        self.unknown_clock(name, &value.at);
        Value::Integer(0)
    }

    fn unknown_clock(&mut self, name: &str, at: &crate::source::At) {
        let help = advice("clocks", name, self.bus.clocks.iter().map(|(n, _)| n));
        self.errors.push(
            Diagnostic::new(format!("there is no clock `{name}`"))
                .at(&self.spec.sources, at, "unknown clock")
                .help(help),
        );
    }

    fn unknown_port(
        &mut self,
        entry: &DeviceEntry,
        what: &str,
        port: &str,
        at: &crate::source::At,
        known: &[String],
    ) {
        let model = entry.model.as_ref().map_or("", |m| m.as_str());
        self.errors.push(
            Diagnostic::new(format!("`{model}` has no {what} port `{port}`"))
                .at(
                    &self.spec.sources,
                    at,
                    format!("in device `{}`", entry.name.value),
                )
                .help(advice("ports", port, known.iter().map(String::as_str))),
        );
    }

    fn irqs(&mut self, entry: &DeviceEntry, ports: &Ports) -> Vec<Option<u16>> {
        for (port, irq) in &entry.irq {
            if !ports.irqs.contains(port) {
                self.unknown_port(entry, "interrupt", port, &irq.at, &ports.irqs);
            }
        }
        let limit = self.bus.system.irq_count;
        ports
            .irqs
            .iter()
            .map(|p| entry.irq.get(p).filter(|n| n.value < limit))
            .map(|n| n.map(|n| number::IRQ0 + n.value))
            .collect()
    }

    fn clocks(&mut self, entry: &DeviceEntry, ports: &Ports) -> Vec<emu_core::ClockId> {
        for (port, name) in &entry.clock {
            if !ports.clocks.contains(port) {
                self.unknown_port(entry, "clock", port, &name.at, &ports.clocks);
            }
        }
        let mut ids = Vec::new();
        for port in &ports.clocks {
            let own = self.bus.clocks.find(port);
            let reference = self.spec.file.core.systick_ref.as_ref();
            let bound = match (entry.clock.get(port), own, port.as_str()) {
                (Some(name), ..) => Some(name),
                (None, None, "ref") => reference,
                _ => None,
            };
            let core = self.bus.clocks.core();
            ids.push(match (bound, own) {
                (Some(name), _) => self.bus.clocks.find(name).unwrap_or_else(|| {
                    self.unknown_clock(name, &name.at);
                    core
                }),
                (None, Some(own)) => own,
                (None, None) if port == "core" || port == "ref" => core,
                (None, None) => {
                    let known = advice("clocks", port, self.bus.clocks.iter().map(|(n, _)| n));
                    self.errors.push(
                        Diagnostic::new(format!("clock port `{port}` is not bound"))
                            .at(
                                &self.spec.sources,
                                &entry.name.at,
                                format!("needs `clock = {{ {port} = … }}`"),
                            )
                            .help(known),
                    );
                    core
                }
            });
        }
        ids
    }

    fn nets(&mut self, entry: &DeviceEntry, ports: &Ports) -> Vec<Option<emu_core::NetId>> {
        let spec = self.spec;
        let mut bound: BTreeMap<&str, &Sp<String>> = BTreeMap::new();
        match &entry.net {
            None => {}
            Some(NetBinding::Only(net)) => match ports.nets.as_slice() {
                [port] => {
                    bound.insert(port, net);
                }
                several => {
                    let known = advice("ports", "", several.iter().map(String::as_str));
                    self.errors.push(
                        Diagnostic::new(format!(
                            "`{}` has {} net ports, not one",
                            entry.name.value,
                            several.len()
                        ))
                        .at(&spec.sources, &net.at, "write `net = { PORT = \"NET\" }`")
                        .help(known),
                    );
                }
            },
            Some(NetBinding::Ports(map)) => {
                for (port, net) in map {
                    if ports.nets.contains(port) {
                        bound.insert(port, net);
                    } else {
                        self.unknown_port(entry, "net", port, &net.at, &ports.nets);
                    }
                }
            }
        }
        let mut ids = Vec::new();
        for port in &ports.nets {
            let Some(net) = bound.get(port.as_str()) else {
                ids.push(self.bus.nets.find(port));
                continue;
            };
            let found = self.bus.nets.find(spec.net(net));
            if found.is_none() {
                let names = spec.file.pin_names.keys().map(String::as_str);
                let help = advice("nets", net, self.bus.nets.names().chain(names));
                self.errors.push(
                    Diagnostic::new(format!("there is no net `{}`", net.value))
                        .at(&spec.sources, &net.at, "unknown net")
                        .help(help),
                );
            }
            ids.push(found);
        }
        ids
    }

    fn guards_and_console(&mut self) {
        for m in &self.spec.file.memory {
            if let Some((id, _)) = m.guard.as_ref().and_then(|g| self.ports.get(&g.value)) {
                self.bus.memory.set_guard(&m.name, *id);
            }
        }
        if let Some(console) = &self.spec.file.console
            && let Some((_, ports)) = self.ports.get(&console.value)
            && !ports.serial
        {
            self.errors.push(
                Diagnostic::new(format!("`{}` is no serial port", console.value)).at(
                    &self.spec.sources,
                    &console.at,
                    "cannot be the console",
                ),
            );
        }
        for (name, net) in &self.spec.file.pin_names {
            if self.bus.nets.find(net).is_none() {
                self.errors.push(
                    Diagnostic::new(format!("there is no net `{}`", net.value))
                        .at(&self.spec.sources, &net.at, format!("meant by `{name}`"))
                        .help(advice("nets", net, self.bus.nets.names())),
                );
            }
        }
    }
}
