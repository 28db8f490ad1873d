//! Where firmware and machines come from: the seam to images, machine files and timing models.
//!
//! Everything else in this crate goes through here (and [`crate::cycles`]), so that a change of those interfaces is a change
//! of this file.

use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::nearest::nearest;
use crate::run_result::hex;
use crate::units;
use emu_core::image::{Architecture, Image, OpenOptions, SymbolKind};
use emu_core::machine::{CoreKind, Machine};
use emu_core::{Bus, Ratio};
use emu_core::{semihosting, timing};
use machines::{BuildOptions, Class, Detection, Errors, ImageFacts, MachineSpec};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// A firmware file with its symbols.
#[derive(Debug)]
pub struct Firmware {
    /// The parsed file.
    pub image: Image,
}

/// A function of the firmware.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// Its name as its language writes it.
    pub name: String,
    /// First address.
    pub start: u32,
    /// One past the last address.
    pub end: u32,
}

impl Firmware {
    /// Open a firmware file.
    ///
    /// # Errors
    /// A [`Failure`] that says what the file is instead.
    pub fn open(path: &Path, base: Option<u32>) -> Result<Firmware, Failure> {
        let image = Image::open(path, &OpenOptions { base }).map_err(|e| {
            Failure::usage(format!("{}: {}", path.display(), e.kind())).help(e.kind().help())
        })?;
        Ok(Firmware { image })
    }

    /// Change a word of the image, before it is loaded.
    ///
    /// # Errors
    /// A [`Failure`] for an unknown symbol, and one that is not in the loaded image.
    pub fn poke(&mut self, symbol: &str, value: u32) -> Result<(), Failure> {
        let Some(found) = self.image.symbols.find(symbol) else {
            let all = self.image.symbols.iter();
            let objects = all.filter(|s| s.kind == SymbolKind::Object);
            let near = nearest(symbol, objects.map(|s| s.demangled()), 4);
            let failure = Failure::usage(format!("the firmware has no symbol `{symbol}`"));
            return Err(match near.is_empty() {
                true => failure.help("only symbols of the ELF file can be changed"),
                false => failure.help(format!("near: {}", near.join(", "))),
            });
        };
        let (address, size) = (found.address, found.size);
        let width = if matches!(size, 1 | 2) {
            size as usize
        } else {
            4
        };
        if width < 4 && value >> (8 * width) != 0 {
            let message = format!("{value} does not fit into `{symbol}`, which has {width} bytes");
            return Err(Failure::usage(message).help("give a smaller value"));
        }
        let segments = self.image.segments.iter_mut();
        let place = segments.filter_map(|s| {
            let offset = address.checked_sub(s.linked)? as usize;
            s.bytes.get_mut(offset..offset + width)
        });
        match place.last() {
            Some(bytes) => {
                bytes.copy_from_slice(&value.to_le_bytes()[..width]);
                Ok(())
            }
            None => Err(Failure::usage(format!(
                "`{symbol}` at {address:#010x} is not in the loaded image"
            ))
            .help("it is zeroed at start-up or has no contents; give it an initial value in the source")),
        }
    }

    /// `main+0x12 (main.c:42)`.
    #[must_use]
    pub fn describe(&self, address: u32) -> String {
        let text = self.image.symbols.describe(address);
        if text.starts_with("0x") {
            text
        } else {
            format!("{address:#010x} {text}")
        }
    }

    /// The function that an address lies in.
    #[must_use]
    pub fn function_at(&self, address: u32) -> Option<Function> {
        let symbol = self.image.symbols.function_at(address)?;
        Some(Function {
            name: symbol.demangled().to_owned(),
            start: symbol.address,
            end: symbol.address.saturating_add(symbol.size),
        })
    }

    /// Source file and line of an address, as `file:line`.
    #[must_use]
    pub fn line(&self, address: u32) -> Option<String> {
        let location = self.image.symbols.lines().location(address)?;
        Some(format!("{}:{}", location.file, location.line))
    }

    /// All functions, by address. One without a size reaches to the next.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        let symbols = self.image.symbols.iter();
        let mut all: Vec<Function> = Vec::new();
        for s in symbols.filter(|s| s.kind == SymbolKind::Function) {
            if all.last().is_some_and(|f| f.start == s.address) {
                continue;
            }
            all.push(Function {
                name: s.demangled().to_owned(),
                start: s.address,
                end: s.address.saturating_add(s.size),
            });
        }
        for i in 0..all.len() {
            if all[i].end == all[i].start {
                let next = all.get(i + 1).map(|f| f.start);
                let start = all[i].start;
                let inside = self.image.segments.iter().map(|s| (s.address, s.end()));
                let segment = inside
                    .filter(|&(from, to)| from <= start && u64::from(start) < to)
                    .map(|(_, to)| to as u32);
                all[i].end = segment.chain(next).min().unwrap_or(start);
            }
        }
        all
    }

    /// Is this address data among code, such as a literal pool?
    #[must_use]
    pub fn is_data(&self, address: u32) -> bool {
        self.image.symbols.is_data(address)
    }

    /// Where the RTT control block is, when a symbol tells.
    #[must_use]
    pub fn rtt_control_block(&self) -> Option<u32> {
        self.image.symbols.find("_SEGGER_RTT").map(|s| s.address)
    }

    fn facts(&self) -> ImageFacts {
        let segments = &self.image.segments;
        let word = |i: usize| {
            let bytes = segments.first()?.bytes.get(i * 4..i * 4 + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let riscv = self.image.architecture == Some(Architecture::RiscV);
        let attributes = &self.image.attributes;
        let arm = |word: Option<u32>| word.filter(|_| !riscv);
        ImageFacts {
            hint: self.image.machine_hint.clone(),
            ranges: segments
                .iter()
                .map(|s| (s.address, s.bytes.len() as u32))
                .collect(),
            // The vector table is where the image begins, in all machines that there are.
            initial_sp: arm(word(0)),
            reset_vector: arm(word(1)),
            cpu: if riscv {
                attributes.riscv_isa.clone()
            } else {
                attributes.cpu_name.clone()
            },
            riscv_entry: self.image.entry.filter(|_| riscv),
        }
    }
}

/// A machine's description.
#[derive(Debug)]
pub struct Spec(MachineSpec);

/// A line of `machine list`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachineEntry {
    /// Name for `-m`.
    pub name: String,
    /// `chip`, `board` or `core`.
    pub class: &'static str,
    /// What it is.
    pub summary: String,
}

/// The built-in machines, by name.
#[must_use]
pub fn machines() -> Vec<MachineEntry> {
    let entries = machines::list().into_iter();
    entries
        .map(|e| MachineEntry {
            name: e.name,
            class: match e.class {
                Class::Chip => "chip",
                Class::Board => "board",
                Class::Bare => "core",
            },
            summary: e.summary,
        })
        .collect()
}

/// Diagnostics of a machine file that fit on one screen.
const SHOWN: usize = 3;

fn wrong(errors: &Errors, colour: bool) -> Failure {
    let more = errors.0.len().saturating_sub(SHOWN);
    let shown = Errors(errors.0.iter().take(SHOWN).cloned().collect());
    let failure = Failure::usage(shown.render(colour));
    match more {
        0 => failure,
        _ => failure.help(format!(
            "these are the first {SHOWN} errors; {more} more follow"
        )),
    }
}

impl Spec {
    /// Load a machine by its name or the path of its file.
    ///
    /// # Errors
    /// A [`Failure`] that shows where the file is wrong, or lists near names.
    pub fn load(name_or_path: &str, colour: bool) -> Result<Spec, Failure> {
        let spec = MachineSpec::load(name_or_path).map_err(|e| wrong(&e, colour))?;
        Ok(Spec(spec))
    }

    /// The machine of a firmware for which the command line names none, and why it is this one.
    ///
    /// # Errors
    /// A [`Failure`] that lists the candidates.
    pub fn detect(firmware: &Firmware, colour: bool) -> Result<(Spec, String), Failure> {
        match machines::detect(&firmware.facts()) {
            Detection::Certain { name, why } => Ok((Spec::load(&name, colour)?, why)),
            Detection::Candidates(all) if all.is_empty() => Err(Failure::usage(
                "no built-in machine fits this firmware: none has memory where it is linked to",
            )
            .help(
                "name a machine with -m: `tickscope machine list`, or the path of a machine file",
            )),
            Detection::Candidates(all) => {
                let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
                let mut message = "several machines fit this firmware:".to_owned();
                for (name, why) in &all {
                    let _ = write!(message, "\n  {name:width$}  {why}");
                }
                let first = &all[0].0;
                Err(Failure::usage(message).help(format!("name one of them, as in -m {first}")))
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Its core.
    #[must_use]
    pub fn core(&self) -> CoreKind {
        self.0.core()
    }

    /// Hash of its description with its settings, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        hex(&self.0.hash())
    }

    /// Name of the serial port that is its console.
    #[must_use]
    pub fn console(&self) -> Option<&str> {
        self.0.console()
    }

    /// The net of a pin name: boards give names of their own to pins.
    #[must_use]
    pub fn net<'a>(&'a self, pin: &'a str) -> &'a str {
        self.0.net(pin)
    }

    /// Names that the board gives to pins.
    pub fn pin_names(&self) -> impl Iterator<Item = &str> {
        self.0.file().pin_names.keys().map(String::as_str)
    }

    /// Names of its interrupts by exception number; on RISC-V those of the synchronous traps too, by their cause.
    #[must_use]
    pub fn interrupts(&self) -> BTreeMap<u16, String> {
        let all = self.0.file().interrupts.iter();
        let mut names: BTreeMap<u16, String> = all
            .map(|(name, irq)| (irq.value + 16, name.clone()))
            .collect();
        if self.core().is_riscv() {
            let traps = emu_core::riscv::EXCEPTIONS.iter().enumerate();
            names.extend(traps.map(|(n, name)| (n as u16, (*name).to_owned())));
        }
        names
    }

    /// The part that drives a net at all times, if there is one. Buttons and lamps do not.
    #[must_use]
    pub fn generator_on(&self, net: &str) -> Option<&str> {
        use machines::file::NetBinding;
        let on = |binding: &NetBinding| match binding {
            NetBinding::Only(name) => self.net(name) == net,
            NetBinding::Ports(ports) => ports.values().any(|name| self.net(name) == net),
        };
        let mut parts = self.0.file().part.iter();
        let found = parts.find(|part| {
            let model = part.model.as_ref().map(|m| m.as_str());
            !matches!(model, Some("ext.button" | "ext.led")) && part.net.as_ref().is_some_and(on)
        });
        found.map(|part| part.name.as_str())
    }

    /// The clocks that come from no other.
    ///
    /// # Errors
    /// A [`Failure`] when the machine cannot be built.
    pub fn oscillators(&self) -> Result<Vec<String>, Failure> {
        let (_, mut bus) = self.build(0, false)?;
        // Clock controllers say at reset what comes from what.
        bus.reset_devices(emu_core::ResetCause::PowerOn);
        let names = bus.clocks.iter().map(|(name, _)| name.to_owned());
        let is_own = |name: &String| {
            let id = bus.clocks.find(name);
            id.is_some_and(|id| bus.clocks.is_oscillator(id))
        };
        Ok(names.filter(is_own).collect())
    }

    /// What it is and consists of, for people.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be built.
    pub fn show(&self, colour: bool) -> Result<String, Failure> {
        let (core, bus) = self.build(0, colour)?;
        Ok(describe(&self.0, core, &bus))
    }

    /// Change one value of it, as `flash.wait_states=5`.
    ///
    /// # Errors
    /// A [`Failure`] when there is no such value.
    pub fn set(&mut self, assignment: &str, colour: bool) -> Result<(), Failure> {
        self.0.set(assignment).map_err(|e| wrong(&e, colour))
    }

    /// Make the bus with all devices.
    ///
    /// # Errors
    /// A [`Failure`] that shows what in the description is wrong.
    pub fn build(&self, seed: u64, colour: bool) -> Result<(CoreKind, Bus), Failure> {
        let options = BuildOptions {
            seed,
            ..BuildOptions::default()
        };
        self.0.build(&options).map_err(|e| wrong(&e, colour))
    }
}

fn describe(spec: &MachineSpec, core: CoreKind, bus: &Bus) -> String {
    let mut out = format!("{}: {}\n", spec.name(), spec.summary());
    let _ = writeln!(out, "hash {}", hex(&spec.hash()));
    if core.is_riscv() {
        let _ = writeln!(out, "core {core:?}");
    } else {
        let _ = writeln!(
            out,
            "core {core:?}, {} priority bits, {} interrupts",
            bus.system.priority_bits, bus.system.irq_count
        );
    }
    if let Some(console) = spec.console() {
        let _ = writeln!(out, "console {console}");
    }
    let _ = writeln!(out, "\nclocks at power-on:");
    for (name, hz) in bus.clocks.iter() {
        let _ = writeln!(out, "  {name:10} {}", frequency(hz));
    }
    let _ = writeln!(out, "\nmemory:");
    for r in bus.memory.regions() {
        let kind = format!("{:?}", r.kind).to_lowercase();
        let size = r.size() / 1024;
        let _ = writeln!(out, "  {:10} {:#010x} {size:6} KiB  {kind}", r.name, r.base);
    }
    for a in bus.memory.aliases() {
        let (base, target, size) = (a.base, a.target, a.size / 1024);
        let _ = writeln!(
            out,
            "  (alias)    {base:#010x} {size:6} KiB  of {target:#010x}"
        );
    }
    let _ = writeln!(out, "\ndevices:");
    let models: BTreeMap<&str, &str> = spec
        .file()
        .device
        .iter()
        .chain(&spec.file().part)
        .filter_map(|d| Some((d.name.as_str(), d.model.as_ref()?.as_str())))
        .collect();
    for (_, d) in bus.devices() {
        let model = models.get(d.name.as_str()).copied().unwrap_or_default();
        let place = match d.size {
            0 => "-".to_owned(),
            _ => format!("{:#010x}", d.base),
        };
        let _ = writeln!(out, "  {:10} {place:10}  {model}", d.name);
    }
    let names: Vec<&str> = bus.nets.names().collect();
    let _ = writeln!(out, "\npins: {}", crate::pins::grouped(names));
    for (name, net) in &spec.file().pin_names {
        let _ = writeln!(out, "  {name} = {}", net.as_str());
    }
    out
}

fn frequency(hz: Ratio) -> String {
    if hz.is_zero() {
        return "stopped".to_owned();
    }
    let period = units::AS_PER_S / u128::from(hz.num()) * u128::from(hz.den());
    format!("{:>12.6} MHz  ({})", hz.as_f64() / 1e6, units::time(period))
}

/// Answer the firmware's semihosting calls; files are reached only below `folder`.
///
/// # Errors
/// A [`Failure`] when the folder is not there.
pub fn enable_semihosting(machine: &mut Machine, folder: Option<&Path>) -> Result<(), Failure> {
    if let Some(folder) = folder.filter(|f| !f.is_dir()) {
        let message = format!("--semihosting-dir `{}` is no folder", folder.display());
        return Err(Failure::usage(message).help("name a folder that exists"));
    }
    machine.enable_semihosting(semihosting::Config {
        folder: folder.map(Path::to_owned),
        ..semihosting::Config::default()
    });
    Ok(())
}

/// The cycles of a run by the provenance of their cost and by kind.
#[must_use]
pub fn ledger(machine: &Machine) -> Ledger {
    let kind = machine.kind();
    let exceptions = if kind.is_riscv() {
        emu_core::riscv::timing::model(kind).trap_entry.provenance
    } else {
        timing::model(kind).exceptions().provenance
    };
    Ledger::new(machine.ledger(), exceptions, machine.now())
}
