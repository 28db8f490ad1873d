//! Laying one machine file over another.

use crate::errors::Diagnostic;
use crate::file::{
    Alias, BitBand, Bus, Clock, Device, MachineFile, Memory, NetBinding, Timing, Window,
};
use crate::source::Source;
use crate::suggest::advice;
use crate::value::Sp;

/// An entry of a list, known by its name.
pub(crate) trait Named {
    /// Its name.
    fn name(&self) -> &Sp<String>;
    /// Take the fields that `over` gives.
    fn lay_over(&mut self, over: Self);
}

macro_rules! take {
    ($to:expr, $from:expr; $($field:ident),*) => {
        $( if $from.$field.is_some() { $to.$field = $from.$field; } )*
    };
}

macro_rules! named {
    ($($type:ident { $($field:ident),* })*) => {$(
        impl Named for $type {
            fn name(&self) -> &Sp<String> {
                &self.name
            }
            fn lay_over(&mut self, over: $type) {
                take!(self, over; $($field),*);
            }
        }
    )*};
}

named! {
    Clock { hz, of, div, core, source }
    Memory { kind, base, size, guard, load_extra, execute, source }
    Alias { base, size, target, source }
    Window { base, size, holes, source }
    BitBand { base, size, target, source }
    Bus { base, size, clock, read, write, posted, single_cycle, source }
    Timing { value, pinned, source }
}

impl Named for Device {
    fn name(&self) -> &Sp<String> {
        &self.name
    }

    fn lay_over(&mut self, over: Device) {
        if over.model.is_some() {
            // Another model has other ports and parameters.
            let same =
                self.model.as_ref().map(|m| &m.value) == over.model.as_ref().map(|m| &m.value);
            if !same {
                (self.irq, self.clock, self.net, self.params) = Default::default();
            }
        }
        take!(self, over; model, base, size, reset, source);
        self.irq.extend(over.irq);
        self.clock.extend(over.clock);
        self.params.extend(over.params);
        self.net = match (self.net.take(), over.net) {
            (Some(NetBinding::Ports(mut a)), Some(NetBinding::Ports(b))) => {
                a.extend(b);
                Some(NetBinding::Ports(a))
            }
            (a, None) => a,
            (_, b) => b,
        };
    }
}

fn lists<T: Named>(base: &mut Vec<T>, over: Vec<T>) {
    for entry in over {
        match base
            .iter_mut()
            .find(|b| b.name().value == entry.name().value)
        {
            Some(known) => known.lay_over(entry),
            None => base.push(entry),
        }
    }
}

impl MachineFile {
    /// Take everything that `over` says. What names a file stays its own.
    pub(crate) fn lay_over(
        &mut self,
        over: MachineFile,
        sources: &[Source],
        errors: &mut Vec<Diagnostic>,
    ) {
        self.remove_devices(&over.remove, sources, errors);
        (self.name, self.summary, self.known_as, self.partial) =
            (over.name, over.summary, over.known_as, over.partial);
        take!(self, over; schema, source, console);
        take!(self.core, over.core;
            kind, priority_bits, irqs, vtor, mpu_regions, cpuid, systick_ref, source);
        if over
            .clock
            .iter()
            .any(|c| c.core.as_ref().is_some_and(|c| c.value))
        {
            for clock in &mut self.clock {
                clock.core = None;
            }
        }
        lists(&mut self.clock, over.clock);
        lists(&mut self.memory, over.memory);
        lists(&mut self.alias, over.alias);
        lists(&mut self.window, over.window);
        lists(&mut self.bit_band, over.bit_band);
        lists(&mut self.bus, over.bus);
        lists(&mut self.device, over.device);
        lists(&mut self.part, over.part);
        lists(&mut self.timing, over.timing);
        self.wire.extend(over.wire);
        self.nets.extend(over.nets);
        self.interrupts.extend(over.interrupts);
        self.pin_names.extend(over.pin_names);
        for (pin, functions) in over.pins {
            self.pins.entry(pin).or_default().extend(functions);
        }
    }

    fn remove_devices(
        &mut self,
        names: &[Sp<String>],
        sources: &[Source],
        errors: &mut Vec<Diagnostic>,
    ) {
        for name in names {
            let of = |signal: &str| signal.split('.').next() == Some(name.as_str());
            let before = self.device.len() + self.part.len();
            let known = |d: &Device| d.name.value != name.value;
            self.device.retain(known);
            self.part.retain(known);
            self.wire.retain(|w| !of(&w.from) && !of(&w.to));
            for functions in self.pins.values_mut() {
                functions.retain(|_, f| !f.iter().all(of));
            }
            if self.device.len() + self.part.len() == before {
                let all = self
                    .device
                    .iter()
                    .chain(&self.part)
                    .map(|d| d.name.as_str());
                errors.push(
                    Diagnostic::new(format!("there is no device `{}` to remove", name.value))
                        .at(sources, &name.at, "not in the base of this machine")
                        .help(advice("devices", name, all)),
                );
            }
        }
    }

    /// Names that occur twice in one list of one file: laid over each other they would hide a slip.
    pub(crate) fn duplicates(&self, sources: &[Source], errors: &mut Vec<Diagnostic>) {
        twice("clock", &self.clock, sources, errors);
        twice("memory", &self.memory, sources, errors);
        twice("alias", &self.alias, sources, errors);
        twice("window", &self.window, sources, errors);
        twice("bit_band", &self.bit_band, sources, errors);
        twice("bus", &self.bus, sources, errors);
        twice("device", &self.device, sources, errors);
        twice("part", &self.part, sources, errors);
        twice("timing", &self.timing, sources, errors);
    }
}

fn twice<T: Named>(list: &str, entries: &[T], sources: &[Source], errors: &mut Vec<Diagnostic>) {
    for (i, entry) in entries.iter().enumerate() {
        let name = entry.name();
        if let Some(first) = entries[..i].iter().find(|e| e.name().value == name.value) {
            errors.push(
                Diagnostic::new(format!(
                    "two entries of `{list}` have the name `{}`",
                    name.value
                ))
                .at(sources, &name.at, "second")
                .at(sources, &first.name().at, "first"),
            );
        }
    }
}
