//! From stimuli to devices on a machine's bus, and the checks that need the machine.

use super::{Stimuli, file};
use crate::parts::Spec;
use crate::pins;
use emu_core::{Binding, Bus, Device, NetId};
use machines::source::At;
use machines::{Diagnostic, Errors, Sp, advice};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Puts the stimuli of a file onto a bus, and collects what is wrong with them.
pub(super) struct Attach<'a> {
    pub stimuli: &'a Stimuli,
    pub spec: &'a Spec,
    pub bus: &'a mut Bus,
    pub errors: Vec<Diagnostic>,
    /// Which nets are driven, and where that was written.
    driven: BTreeMap<NetId, At>,
    hash: Sha256,
}

impl Stimuli {
    /// Add them to the bus of a machine that has not been reset yet. Gives a hash of all that they do: of the
    /// tables and of the files that they name.
    ///
    /// # Errors
    /// Everything that is wrong with them on this machine.
    pub fn attach(&self, spec: &Spec, bus: &mut Bus) -> Result<[u8; 32], Errors> {
        let mut attach = Attach {
            stimuli: self,
            spec,
            bus,
            errors: Vec::new(),
            driven: BTreeMap::new(),
            hash: Sha256::new(),
        };
        attach
            .hash
            .update(serde_json::to_vec(self).unwrap_or_default());
        for entry in &self.uart {
            let done = attach.uart(entry);
            attach.keep(done);
        }
        for entry in &self.pin {
            let done = attach.pin(entry);
            attach.keep(done);
        }
        for (index, entry) in (0..).zip(&self.interrupt) {
            let done = attach.interrupt(index, entry);
            attach.keep(done);
        }
        attach.clocks();
        if attach.errors.is_empty() {
            Ok(attach.hash.finalize().into())
        } else {
            Err(Errors(attach.errors))
        }
    }
}

impl Attach<'_> {
    fn keep(&mut self, done: Result<(), Diagnostic>) {
        self.errors.extend(done.err());
    }

    /// An error at a place of the file.
    pub fn wrong(&self, title: impl Into<String>, at: &At, label: impl Into<String>) -> Diagnostic {
        self.stimuli.wrong(title, at, label)
    }

    /// Add a device that has nothing of the address space.
    pub fn add(&mut self, binding: Binding, device: Box<dyn Device>) {
        self.bus.add(binding, device);
    }

    /// The index of a serial port.
    pub fn port(&self, name: &Sp<String>) -> Result<u8, Diagnostic> {
        let ports = self.bus.serial_ports();
        let found = ports
            .iter()
            .position(|p| p.device.is_some() && p.name.eq_ignore_ascii_case(name));
        found.map(|i| i as u8).ok_or_else(|| {
            let title = format!("the machine has no serial port `{}`", name.value);
            let known = ports.iter().filter(|p| p.device.is_some());
            let help = advice("its ports", name, known.map(|p| p.name.as_str()));
            self.wrong(title, &name.at, "unknown port").help(help)
        })
    }

    /// The net of a pin that nothing else drives with strength.
    pub fn net(&mut self, name: &Sp<String>) -> Result<NetId, Diagnostic> {
        let net = pins::find(&self.bus.nets, self.spec.net(name)).map_err(|_| {
            let nets = &self.bus.nets;
            let known: Vec<&str> = self.spec.pin_names().chain(nets.names()).collect();
            let failure = pins::unknown(name, &known);
            self.wrong(failure.message, &name.at, "unknown pin")
                .help(failure.help.unwrap_or_default())
        })?;
        if let Some(first) = self.driven.insert(net, name.at.clone()) {
            let title = format!("two stimuli drive `{}`", self.bus.nets.name(net));
            return Err(self.wrong(title, &name.at, "driven again").at(
                &self.stimuli.origin.sources,
                &first,
                "driven here",
            ));
        }
        if let Some(part) = self.spec.generator_on(self.bus.nets.name(net)) {
            let title = format!(
                "`{}` is driven by the part `{part}`",
                self.bus.nets.name(net)
            );
            return Err(self.wrong(title, &name.at, "driven twice").help(format!(
                "take `{part}` out of the machine file, or choose another pin"
            )));
        }
        Ok(net)
    }

    /// The contents of a file that an entry names.
    pub fn read(&mut self, name: &Sp<String>) -> Result<Vec<u8>, Diagnostic> {
        let path = self.stimuli.origin.folder.join(&name.value);
        let bytes = super::read_file(&path)
            .map_err(|why| self.wrong(format!("cannot read {}", path.display()), &name.at, why))?;
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(&bytes);
        Ok(bytes)
    }

    /// Exactly one of these must be given.
    pub fn one_of(&self, at: &At, given: &[(&str, bool)]) -> Result<(), Diagnostic> {
        if given.iter().filter(|(_, is)| *is).count() == 1 {
            return Ok(());
        }
        let names: Vec<String> = given.iter().map(|(n, _)| format!("`{n}`")).collect();
        let title = format!("give exactly one of {}", names.join(", "));
        Err(self.wrong(title, at, "in this entry"))
    }

    /// A period that is more than nothing.
    pub fn period(&self, every: &Sp<super::values::Time>) -> Result<(), Diagnostic> {
        const SHORTEST_AS: u128 = 10_000_000_000;
        let least = if every.is_cycles() { 1 } else { SHORTEST_AS };
        if every.ticks() < least {
            let label = "the shortest period is 1cy or 10ns";
            return Err(self.wrong("the period is too short", &every.at, label));
        }
        Ok(())
    }

    fn clocks(&mut self) {
        let stimuli = self.stimuli;
        if stimuli.clock.is_empty() {
            return;
        }
        let oscillators = match self.spec.oscillators() {
            Ok(oscillators) => oscillators,
            Err(failure) => {
                self.errors.push(Diagnostic::new(failure.message));
                return;
            }
        };
        let mut seen: BTreeMap<&str, At> = BTreeMap::new();
        for (index, entry) in (0..).zip(&stimuli.clock) {
            let done = self.clock(index, entry, &oscillators);
            self.keep(done);
            let Some(name) = &entry.clock else { continue };
            if let Some(first) = seen.insert(name, name.at.clone()) {
                let title = format!("two entries set the clock `{}`", name.value);
                let d = self.wrong(title, &name.at, "again");
                let d = d.at(&stimuli.origin.sources, &first, "first here");
                self.errors.push(d);
            }
        }
    }
}

/// The field of an entry that must be there.
pub(super) fn required<'a, T, E>(
    attach: &Attach<'_>,
    entry: &Sp<E>,
    field: &'a Option<Sp<T>>,
    name: &str,
) -> Result<&'a Sp<T>, Diagnostic> {
    field
        .as_ref()
        .ok_or_else(|| attach.wrong(format!("`{name}` is missing"), &entry.at, "in this entry"))
}

impl file::Strength {
    /// What a level is on the net.
    pub(super) fn drive(self, level: super::values::Level) -> emu_core::Drive {
        use super::values::Level;
        use emu_core::Drive;
        use file::Strength;
        match (self, level) {
            (_, Level::Float) | (Strength::OpenDrain, Level::High) => Drive::Float,
            (Strength::Pull, Level::High) => Drive::PullUp,
            (Strength::Pull, Level::Low) => Drive::PullDown,
            (Strength::PushPull, Level::High) => Drive::High,
            (_, Level::Low) => Drive::Low,
        }
    }
}
