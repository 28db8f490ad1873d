//! From a description to a machine's bus.

use crate::check::check;
use crate::errors::{Diagnostic, Errors};
use crate::file::{Device as DeviceEntry, Holes, Kind, NetBinding};
use crate::nets::expand;
use crate::spec::MachineSpec;
use crate::suggest::advice;
use crate::value::Sp;
use crate::wiring::Wiring;
use emu_core::bus::BitBand;
use emu_core::cortex_m::{Architecture, System, number};
use emu_core::machine::CoreKind;
use emu_core::memory::{Alias, MemoryKind};
use emu_core::{Binding, Bus, ClockTree, Device, DeviceId, IoWindow, Ports, Ratio};
use peripherals::CreateError;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Where device models are from.
#[derive(Clone, Copy)]
pub struct Catalogue {
    /// Makes a device of a model.
    pub create: fn(&str, Table) -> Result<Box<dyn Device>, CreateError>,
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
        // Without a core clock there is no bus to go on with.
        let Some(clocks) = self.clock_tree() else {
            return Err(Errors(errors));
        };
        let mut bus = Bus::new(self.system(), clocks);
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

    fn system(&self) -> System {
        let core = &self.file.core;
        let (architecture, cpuid) = match self.core {
            // CPUID: DDI 0432C §4.3.1, DDI 0484C §4.3.1, DDI 0337E §8.2.1, DDI 0439B §4.1, DDI 0489D §3.1.
            CoreKind::CortexM0 => (Architecture::V6M, 0x410C_C200),
            CoreKind::CortexM0plus => (Architecture::V6M, 0x410C_C601),
            CoreKind::CortexM3 => (Architecture::V7M, 0x412F_C231),
            CoreKind::CortexM4 | CoreKind::CortexM4f => (Architecture::V7EM, 0x410F_C241),
            CoreKind::CortexM7 => (Architecture::V7EM, 0x411F_C271),
        };
        let v7 = architecture != Architecture::V6M;
        let bits = core.priority_bits.as_ref();
        let bits = bits.map_or(if v7 { 3 } else { 2 }, |b| b.value);
        let irqs = core.irqs.as_ref().map_or(32, |i| i.value).min(240);
        let mut system = System::new(architecture, bits, irqs);
        system.cpuid = core.cpuid.as_ref().map_or(cpuid, |c| c.value);
        system.vtor_reset = core.vtor.as_ref().map_or(0, |v| v.value);
        system.mpu.regions = core.mpu_regions.as_ref().map_or(0, |r| r.value);
        system.has_fpu = matches!(self.core, CoreKind::CortexM4f | CoreKind::CortexM7);
        system.reset();
        system
    }

    fn clock_tree(&self) -> Option<ClockTree> {
        let is_core = |c: &&crate::file::Clock| c.core.as_ref().is_some_and(|c| c.value);
        let core = self.file.clock.iter().find(is_core)?;
        let hz = core.hz.as_ref().filter(|hz| hz.value.0 > 0)?;
        let mut tree = ClockTree::new(&core.name, Ratio::hz(hz.value.0));
        for clock in &self.file.clock {
            match (&clock.of, &clock.div, &clock.hz) {
                (Some(of), Some(div), _) => {
                    if let Some(of) = tree.find(of) {
                        tree.add_divided(&clock.name, of, div.value.max(1));
                    }
                }
                (_, _, Some(hz)) => {
                    tree.add(&clock.name, Ratio::hz(hz.value.0));
                }
                _ => {}
            }
        }
        Some(tree)
    }

    fn memory(&self, bus: &mut Bus) {
        for m in &self.file.memory {
            let (Some(kind), Some(base), Some(size)) = (&m.kind, &m.base, &m.size) else {
                continue;
            };
            let kind = match kind.value {
                Kind::Flash => MemoryKind::Flash,
                Kind::Ram => MemoryKind::Ram,
                Kind::Rom => MemoryKind::Rom,
            };
            let size = u32::try_from(size.value.0).unwrap_or(u32::MAX);
            bus.memory.add(&m.name, kind, base.value, size);
            if let Some(extra) = &m.load_extra {
                let name = format!("{}.load_extra", m.name.value);
                bus.set_memory_parameter(&name, extra.value);
            }
        }
        for a in &self.file.alias {
            if let (Some(base), Some(size), Some(target)) = (&a.base, &a.size, &a.target) {
                bus.memory.add_alias(Alias {
                    base: base.value,
                    size: size.value.0 as u32,
                    target: target.value,
                });
            }
        }
        for w in &self.file.window {
            if let (Some(base), Some(size), Some(holes)) = (&w.base, &w.size, &w.holes) {
                bus.add_window(IoWindow {
                    base: base.value,
                    size: size.value.0 as u32,
                    holes_fault: holes.value == Holes::Fault,
                });
            }
        }
        for b in &self.file.bit_band {
            if let (Some(base), Some(size), Some(target)) = (&b.base, &b.size, &b.target) {
                bus.add_bit_band(BitBand {
                    base: base.value,
                    size: size.value.0 as u32,
                    target: target.value,
                });
            }
        }
        for t in &self.file.timing {
            let Some(value) = &t.value else { continue };
            if t.pinned.as_ref().is_some_and(|p| p.value) {
                bus.pin_memory_parameter(&t.name, value.value);
            } else {
                bus.set_memory_parameter(&t.name, value.value);
            }
        }
    }

    fn add_nets(&self, bus: &mut Bus) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        for pattern in &self.file.nets {
            match expand(pattern) {
                Some(names) => {
                    for name in names {
                        bus.nets.add(&name);
                    }
                }
                None => errors.push(
                    Diagnostic::new("this is neither a net nor a range of nets").at(
                        &self.sources,
                        &pattern.at,
                        "write `PA5` or `PA[0-15]`",
                    ),
                ),
            }
        }
        errors
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
            self.ports.insert(entry.name.value.clone(), (id, ports));
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
