//! A run that is ready to go: a firmware on its machine, after reset, with what shall be watched.

use crate::capture::Header;
use crate::failure::Failure;
use crate::parts::{self, Firmware, Spec};
use crate::pins;
use crate::rtt::RttPorts;
use crate::run_result::hex;
use crate::signal::{Signal, Watchlist};
use crate::stimuli::Stimuli;
use crate::until::Until;
use emu_core::bus::StopOn;
use emu_core::machine::{Machine, MachineError, Options};
use emu_core::nets::Nets;
use std::collections::BTreeMap;
use std::path::Path;

/// What runs on what.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The firmware file.
    pub firmware: &'a Path,
    /// Load address of a raw binary.
    pub base: Option<u32>,
    /// Machine: a name or the path of a file; found from the firmware when `None`.
    pub machine: Option<&'a str>,
    /// Values of the machine to change.
    pub set: &'a [String],
    /// Words of the firmware's image to change before it runs, by symbol.
    pub poke: &'a [(String, u32)],
    /// Seed of the run.
    pub seed: u64,
    /// What comes from outside.
    pub stimuli: Option<&'a Stimuli>,
    /// Folder that semihosting may reach.
    pub semihosting: Option<&'a Path>,
    /// Diagnostics in colour.
    pub colour: bool,
}

/// A run that is ready to go.
pub struct Prepared {
    pub(crate) firmware: Firmware,
    pub(crate) spec: Spec,
    pub(crate) machine: Machine,
    pub(crate) rtt: RttPorts,
    /// Why this machine, when the firmware chose it.
    pub why: Option<String>,
    /// Hash of the stimuli.
    pub(crate) stimuli: Option<[u8; 32]>,
    seed: u64,
    watched: Watchlist,
}

impl Prepared {
    /// Open the firmware, find its machine, build it, load it, reset it. `ports` are the serial ports that are named.
    ///
    /// # Errors
    /// A [`Failure`] that names what is wrong with the input.
    pub fn new<'p>(
        setup: &Setup<'_>,
        ports: impl Iterator<Item = &'p str>,
    ) -> Result<Prepared, Failure> {
        let colour = setup.colour;
        let mut firmware = Firmware::open(setup.firmware, setup.base)?;
        let (mut spec, why) = match setup.machine {
            Some(name) => (Spec::load(name, colour)?, None),
            None => {
                let (spec, why) = Spec::detect(&firmware, colour)?;
                (spec, Some(why))
            }
        };
        for assignment in setup.set {
            spec.set(assignment, colour)?;
        }
        for (symbol, value) in setup.poke {
            firmware.poke(symbol, *value)?;
        }
        let wrong = |e, spec: &Spec| wrong(e, setup.firmware, spec);
        let (core, mut bus) = spec.build(setup.seed, colour)?;
        let stimuli = match setup.stimuli {
            Some(stimuli) => Some(stimuli.attach_to(&spec, &mut bus, colour)?),
            None => None,
        };
        let mut machine =
            Machine::new(core, bus, Options::default()).map_err(|e| wrong(e, &spec))?;
        parts::enable_semihosting(&mut machine, setup.semihosting)?;
        machine.load(&firmware.image).map_err(|e| wrong(e, &spec))?;
        machine.reset();
        let block = firmware.rtt_control_block();
        let rtt = RttPorts::new(machine.bus_mut(), block, ports);
        Ok(Prepared {
            firmware,
            spec,
            machine,
            rtt,
            why,
            stimuli,
            seed: setup.seed,
            watched: Watchlist::default(),
        })
    }

    /// Have the machine record what these signals are made of.
    ///
    /// # Errors
    /// A [`Failure`] for what the firmware does not have.
    pub fn watch(&mut self, signals: &[Signal]) -> Result<(), Failure> {
        let pins: Vec<&str> = self.spec.pin_names().chain(self.nets().names()).collect();
        let is_pin = |name: &str| self.pin(name).is_ok();
        self.watched = Watchlist::new(signals, &self.firmware, is_pin, &pins)?;
        self.watched.apply(&mut self.machine);
        Ok(())
    }

    /// The firmware with its symbols.
    #[must_use]
    pub fn firmware(&self) -> &Firmware {
        &self.firmware
    }

    /// The firmware.
    #[must_use]
    pub fn image(&self) -> &emu_core::image::Image {
        &self.firmware.image
    }

    /// What it runs on.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The machine, reset.
    pub fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// The machine's nets.
    #[must_use]
    pub fn nets(&self) -> &Nets {
        &self.machine.bus().nets
    }

    /// The net of a pin, by the chip's name or the board's.
    ///
    /// # Errors
    /// A [`Failure`] that lists the pins.
    pub fn pin(&self, name: &str) -> Result<emu_core::NetId, Failure> {
        pins::find(self.nets(), self.spec.net(name)).map_err(|_| {
            let known: Vec<&str> = self.spec.pin_names().chain(self.nets().names()).collect();
            pins::unknown(name, &known)
        })
    }

    /// What the bus has to look out for, for this condition.
    ///
    /// # Errors
    /// A [`Failure`] that lists the ports or pins.
    pub fn stop_on(&self, until: &Until) -> Result<StopOn, Failure> {
        Ok(match until {
            Until::Uart { port, text } => {
                let ports = self.machine.bus().serial_ports();
                let index = |name: &String| {
                    let found = ports.iter().position(|p| p.name.eq_ignore_ascii_case(name));
                    found.map(|i| i as u8).ok_or_else(|| {
                        let names: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
                        Failure::usage(format!("the machine has no serial port `{name}`"))
                            .help(format!("its ports are: {}", names.join(", ")))
                    })
                };
                StopOn::SerialText {
                    port: port.as_ref().map(index).transpose()?,
                    text: text.clone(),
                }
            }
            Until::Pin { pin, level } => StopOn::Edge {
                net: self.pin(pin)?,
                level: *level,
            },
        })
    }

    /// The header of a capture of this run.
    #[must_use]
    pub fn header(&self) -> Header {
        let bus = self.machine.bus();
        let levels = bus.nets.states().zip(0u16..);
        let alias = |name: &str| (name.to_owned(), self.spec.net(name).to_owned());
        let mut header = Header {
            schema: Header::SCHEMA,
            tool: crate::TOOL.to_owned(),
            elf_sha256: hex(&self.firmware.image.sha256),
            machine: self.spec.name().to_owned(),
            machine_hash: self.spec.hash(),
            seed: self.seed,
            core_hz: bus.clocks.hz(bus.clocks.core()),
            start: bus.now.0,
            nets: bus.nets.names().map(str::to_owned).collect(),
            high: levels
                .filter(|((high, _), _)| *high)
                .map(|(_, i)| i)
                .collect(),
            pins: self.spec.pin_names().map(alias).collect(),
            ports: bus.serial_ports().iter().map(|p| p.name.clone()).collect(),
            interrupts: self.spec.interrupts(),
            devices: bus.devices().map(|(_, d)| d.name.clone()).collect(),
            places: Vec::new(),
            variables: Vec::new(),
            objects: BTreeMap::new(),
        };
        self.watched.describe(&self.firmware, &mut header);
        header
    }
}

fn wrong(e: MachineError, path: &Path, spec: &Spec) -> Failure {
    let message = format!("{}: {e} [machine {}]", path.display(), spec.name());
    match e {
        MachineError::Engine(_) => Failure::internal(message),
        MachineError::OtherArchitecture { .. } => Failure::usage(message)
            .help("choose a machine for it with -m, see `tickscope machine list`"),
        MachineError::OutsideMemory { .. } => Failure::usage(message)
            .help("is it linked for another chip? choose the machine with -m, see `tickscope machine list`"),
        MachineError::VectorTable(_) => Failure::usage(message)
            .help("the vector table must be at the start of the memory that the core boots from; was the right file linked?"),
    }
}
