//! What can be wrong with a description before any device is made.

use crate::errors::Diagnostic;
use crate::file::{Device, MachineFile};
use crate::source::Source;
use crate::spec::MachineSpec;
use crate::suggest::advice;
use crate::value::{Size, Sp};
use emu_core::memory::HOST_PAGE;

/// Devices are found by pages of this size.
const DEVICE_PAGE: u64 = 256;
/// External interrupts that an NVIC can have.
const MAX_IRQS: u16 = 240;
/// A larger region is a slip: no microcontroller has it, and the host would have to hold it.
pub(crate) const MAX_MEMORY: u64 = 256 << 20;
/// More entries than this in a list are a slip, too.
pub(crate) const MAX_ENTRIES: usize = 4096;
/// No bridge takes longer for an access, in periods of its bus.
const MAX_PERIODS: u32 = 1000;
/// Nobody reads more than this.
const MAX_ERRORS: usize = 100;

/// A range of addresses with a name.
struct Range<'a> {
    name: &'a Sp<String>,
    base: &'a Sp<u32>,
    start: u64,
    end: u64,
}

impl<'a> Range<'a> {
    fn new(name: &'a Sp<String>, base: &'a Sp<u32>, size: u64) -> Range<'a> {
        let start = u64::from(base.value);
        Range {
            name,
            base,
            start,
            end: start.saturating_add(size),
        }
    }

    fn contains(&self, other: &Range<'_>) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

pub(crate) struct Check<'a> {
    sources: &'a [Source],
    file: &'a MachineFile,
    errors: Vec<Diagnostic>,
}

/// Everything that is wrong with the description itself.
pub(crate) fn check(spec: &MachineSpec) -> Vec<Diagnostic> {
    let mut c = Check {
        sources: &spec.sources,
        file: &spec.file,
        errors: Vec::new(),
    };
    if c.too_long() {
        return c.errors;
    }
    c.core();
    c.clocks();
    c.addresses();
    c.names();
    c.errors
}

impl<'a> Check<'a> {
    fn error(&mut self, d: Diagnostic) {
        self.errors.push(d);
    }

    /// Lists that are too long to go on with.
    fn too_long(&mut self) -> bool {
        let f = self.file;
        let parts = f.part.len();
        let lists = [
            ("clock", f.clock.len()),
            ("memory", f.memory.len()),
            ("alias", f.alias.len()),
            ("window", f.window.len()),
            ("bit_band", f.bit_band.len()),
            ("bus", f.bus.len()),
            ("device", f.device.len() + parts),
            ("nets", f.nets.len()),
        ];
        for (list, length) in lists {
            if length > MAX_ENTRIES {
                self.error(Diagnostic::new(format!(
                    "`{list}` has {length} entries; at most {MAX_ENTRIES} are possible"
                )));
            }
        }
        !self.errors.is_empty()
    }

    fn missing(&mut self, name: &Sp<String>, what: &str, field: &str) {
        let d = Diagnostic::new(format!("{what} `{}` has no `{field}`", name.value));
        self.errors
            .push(d.at(self.sources, &name.at, format!("needs `{field} = …`")));
    }

    fn core(&mut self) {
        let core = &self.file.core;
        if let Some(irqs) = &core.irqs
            && irqs.value > MAX_IRQS
        {
            self.error(Diagnostic::new("too many interrupts").at(
                self.sources,
                &irqs.at,
                format!("an NVIC has at most {MAX_IRQS}"),
            ));
        }
        if let Some(bits) = &core.priority_bits
            && !(2..=8).contains(&bits.value)
        {
            self.error(Diagnostic::new("impossible number of priority bits").at(
                self.sources,
                &bits.at,
                "2 on ARMv6-M, 3 to 8 on ARMv7-M",
            ));
        }
        if let Some(vtor) = &core.vtor
            && !vtor.value.is_multiple_of(128)
        {
            self.error(Diagnostic::new("the vector table is not aligned").at(
                self.sources,
                &vtor.at,
                "must be a multiple of 128",
            ));
        }
        let count = core.irqs.as_ref().map_or(0, |i| i.value);
        let mut numbers = Vec::new();
        let named = self.file.interrupts.values();
        let bound = self.file.device.iter().flat_map(|d| d.irq.values());
        for irq in named.chain(bound) {
            if irq.value >= count {
                numbers.push(irq);
            }
        }
        for irq in numbers {
            self.error(
                Diagnostic::new(format!("there is no interrupt {}", irq.value))
                    .at(
                        self.sources,
                        &irq.at,
                        format!("this core has interrupts 0 to {}", count.saturating_sub(1)),
                    )
                    .help("these are IRQ numbers, which start at 0 (exception number − 16)"),
            );
        }
    }

    fn clocks(&mut self) {
        let file = self.file;
        let core: Vec<_> = file
            .clock
            .iter()
            .filter_map(|c| c.core.as_ref().filter(|c| c.value).map(|flag| (c, flag)))
            .collect();
        match core.as_slice() {
            [] => self.error(
                Diagnostic::new("no clock is the core clock")
                    .help("mark the one that the CPU runs on with `core = true`"),
            ),
            [(clock, _)] => {
                if clock.of.is_some() || clock.hz.as_ref().is_none_or(|hz| hz.value.0 == 0) {
                    self.error(Diagnostic::new("the core clock stands still").at(
                        self.sources,
                        &clock.name.at,
                        "needs a frequency `hz`",
                    ));
                }
            }
            [(_, first), (_, second), ..] => self.error(
                Diagnostic::new("two clocks are marked as the core clock")
                    .at(self.sources, &second.at, "second")
                    .at(self.sources, &first.at, "first"),
            ),
        }
        for (i, clock) in file.clock.iter().enumerate() {
            match (&clock.hz, &clock.of) {
                (None, None) => self.missing(&clock.name, "clock", "hz"),
                (_, Some(of)) => {
                    if !file.clock[..i].iter().any(|c| c.name.value == of.value) {
                        let known = file.clock[..i].iter().map(|c| c.name.as_str());
                        self.error(
                            Diagnostic::new(format!("there is no clock `{}`", of.value))
                                .at(self.sources, &of.at, "not defined before this one")
                                .help(advice("clocks", of, known)),
                        );
                    }
                    if clock.div.as_ref().is_none_or(|d| d.value == 0) {
                        self.missing(&clock.name, "clock", "div");
                    }
                }
                _ => {}
            }
        }
    }

    /// The range of an entry, if it says where it is.
    fn range(
        &mut self,
        what: &str,
        name: &'a Sp<String>,
        base: &'a Option<Sp<u32>>,
        size: &'a Option<Sp<Size>>,
        page: u64,
    ) -> Option<Range<'a>> {
        let Some(base) = base else {
            self.missing(name, what, "base");
            return None;
        };
        let Some(size) = size else {
            self.missing(name, what, "size");
            return None;
        };
        let range = Range::new(name, base, size.value.0);
        if size.value.0 == 0 || range.end > 1 << 32 {
            self.error(
                Diagnostic::new(format!(
                    "{what} `{}` does not fit the address space",
                    name.value
                ))
                .at(self.sources, &size.at, "from 1 byte up to 0xFFFF_FFFF"),
            );
            return None;
        }
        if !range.start.is_multiple_of(page)
            || (page > DEVICE_PAGE && !range.end.is_multiple_of(page))
        {
            self.error(
                Diagnostic::new(format!("{what} `{}` is not aligned", name.value)).at(
                    self.sources,
                    &base.at,
                    format!("base and size must be multiples of {page}"),
                ),
            );
        }
        Some(range)
    }

    fn addresses(&mut self) {
        let file = self.file;
        let host = HOST_PAGE as u64;
        let mut memory = Vec::new();
        for m in &file.memory {
            if m.kind.is_none() {
                self.missing(&m.name, "memory", "kind");
            }
            if let Some(size) = &m.size
                && size.value.0 > MAX_MEMORY
            {
                self.error(
                    Diagnostic::new(format!("memory `{}` is too large", m.name.value)).at(
                        self.sources,
                        &size.at,
                        format!("at most {} MiB", MAX_MEMORY >> 20),
                    ),
                );
                continue;
            }
            memory.extend(self.range("memory", &m.name, &m.base, &m.size, host));
        }
        self.overlaps("memory regions overlap", &memory, &memory, true, 1);

        let mut aliases = Vec::new();
        for a in &file.alias {
            let range = self.range("alias", &a.name, &a.base, &a.size, host);
            match (&a.target, range) {
                (None, _) => self.missing(&a.name, "alias", "target"),
                (Some(target), Some(range)) => {
                    let aliased = Range::new(&a.name, target, range.end - range.start);
                    if !memory.iter().any(|m| m.contains(&aliased)) {
                        self.error(
                            Diagnostic::new(format!("alias `{}` is outside memory", a.name.value))
                                .at(
                                    self.sources,
                                    &target.at,
                                    format!(
                                        "{:#010x}..{:#010x} is not in one memory region",
                                        aliased.start, aliased.end
                                    ),
                                ),
                        );
                    }
                    aliases.push(range);
                }
                _ => {}
            }
        }
        self.overlaps("an alias overlaps memory", &aliases, &memory, false, 1);
        self.overlaps("aliases overlap", &aliases, &aliases, true, 1);

        let mut windows = Vec::new();
        for w in &file.window {
            if w.holes.is_none() {
                self.missing(&w.name, "window", "holes");
            }
            windows.extend(self.range("window", &w.name, &w.base, &w.size, host));
        }
        self.overlaps("windows overlap", &windows, &windows, true, 1);
        self.bit_bands();
        self.buses();

        let mut devices = Vec::new();
        for d in &file.device {
            let Some(range) = self.range("device", &d.name, &d.base, &d.size, 4) else {
                continue;
            };
            if !windows.iter().any(|w| w.contains(&range)) {
                self.error(
                    Diagnostic::new(format!("device `{}` is outside every window", d.name.value))
                        .at(self.sources, &range.base.at, "no `[[window]]` covers this")
                        .help("nothing at this address would reach the device"),
                );
            }
            devices.push(range);
        }
        self.overlaps("a device overlaps memory", &devices, &memory, false, 1);
        self.overlaps("devices overlap", &devices, &devices, true, DEVICE_PAGE);
    }

    fn buses(&mut self) {
        let file = self.file;
        let mut ranges = Vec::new();
        for b in &file.bus {
            ranges.extend(self.range("bus", &b.name, &b.base, &b.size, HOST_PAGE as u64));
            let single = b.single_cycle.as_ref().is_some_and(|s| s.value);
            match &b.clock {
                None if !single => self.missing(&b.name, "bus", "clock"),
                Some(clock) if !file.clock.iter().any(|c| c.name.value == clock.value) => {
                    let known = file.clock.iter().map(|c| c.name.as_str());
                    self.error(
                        Diagnostic::new(format!("there is no clock `{}`", clock.value))
                            .at(self.sources, &clock.at, "unknown clock")
                            .help(advice("clocks", clock, known)),
                    );
                }
                _ => {}
            }
            for periods in [&b.read, &b.write].into_iter().flatten() {
                if periods.value > MAX_PERIODS || single {
                    let why = if single {
                        "the single-cycle I/O port takes one cycle".to_owned()
                    } else {
                        format!("at most {MAX_PERIODS}")
                    };
                    self.error(
                        Diagnostic::new(format!("impossible periods of bus `{}`", b.name.value))
                            .at(self.sources, &periods.at, why),
                    );
                }
            }
        }
        self.overlaps("buses overlap", &ranges, &ranges, true, 1);
        let mut ports = file.bus.iter().filter_map(|b| b.single_cycle.as_ref());
        let is_port = |p: &&Sp<bool>| p.value;
        if let (Some(first), Some(second)) = (ports.find(is_port), ports.find(is_port)) {
            self.error(
                Diagnostic::new("two buses are the single-cycle I/O port")
                    .at(self.sources, &second.at, "second")
                    .at(self.sources, &first.at, "first"),
            );
        }
    }

    fn bit_bands(&mut self) {
        let file = self.file;
        let mut bands = Vec::new();
        let mut targets = Vec::new();
        for b in &file.bit_band {
            let range = self.range("bit_band", &b.name, &b.base, &b.size, HOST_PAGE as u64);
            match (&b.target, range) {
                (None, _) => self.missing(&b.name, "bit_band", "target"),
                (Some(target), Some(range)) => {
                    let size = (range.end - range.start) / 32;
                    targets.push(Range::new(&b.name, target, size));
                    bands.push(range);
                }
                _ => {}
            }
        }
        self.overlaps("bit-band aliases overlap", &bands, &bands, true, 1);
        // A bit of an alias would be a bit of a bit, without end.
        self.overlaps(
            "a bit-band target is an alias itself",
            &targets,
            &bands,
            false,
            1,
        );
        for t in targets.iter().filter(|t| t.end > 1 << 32) {
            self.error(
                Diagnostic::new(format!(
                    "bit_band `{}` leaves the address space",
                    t.name.value
                ))
                .at(
                    self.sources,
                    &t.base.at,
                    "its last bits would be above 0xFFFF_FFFF",
                ),
            );
        }
    }

    /// Tells which ranges of `a` share a page with one of `b` (before it, when both are one list).
    fn overlaps(&mut self, title: &str, a: &[Range<'_>], b: &[Range<'_>], same: bool, page: u64) {
        for (i, second) in a.iter().enumerate() {
            let others = if same { &b[..i] } else { b };
            for first in others {
                let down = |x: u64| x / page;
                if down(second.start) > down(first.end - 1)
                    || down(first.start) > down(second.end - 1)
                {
                    continue;
                }
                if self.errors.len() >= MAX_ERRORS {
                    return;
                }
                let true_overlap = second.start < first.end && first.start < second.end;
                let how = if true_overlap {
                    format!("`{}` overlaps `{}`", second.name.value, first.name.value)
                } else {
                    format!(
                        "`{}` shares a page of {page} bytes with `{}`",
                        second.name.value, first.name.value
                    )
                };
                self.errors.push(
                    Diagnostic::new(title)
                        .at(self.sources, &second.base.at, how)
                        .at(
                            self.sources,
                            &first.base.at,
                            format!(
                                "`{}` is at {:#010x}..{:#010x}",
                                first.name.value, first.start, first.end
                            ),
                        ),
                );
            }
        }
    }

    fn names(&mut self) {
        let file = self.file;
        let all: Vec<&Device> = file.device.iter().chain(&file.part).collect();
        for part in &file.part {
            if let Some(device) = file.device.iter().find(|d| d.name.value == part.name.value) {
                self.error(
                    Diagnostic::new(format!(
                        "part `{}` has the name of a device",
                        part.name.value
                    ))
                    .at(self.sources, &part.name.at, "part")
                    .at(self.sources, &device.name.at, "device"),
                );
            }
        }
        for part in &file.part {
            if let Some(base) = &part.base {
                let d = Diagnostic::new(format!("part `{}` has an address", part.name.value));
                self.error(
                    d.at(self.sources, &base.at, "parts hang on pins")
                        .help("what answers on the bus is a `[[device]]`"),
                );
            }
        }
        for d in &all {
            if d.model.is_none() {
                self.missing(&d.name, "device", "model");
            }
        }
        let names = || all.iter().map(|d| d.name.as_str());
        let guards = file.memory.iter().filter_map(|m| m.guard.as_ref());
        let mut errors = Vec::new();
        for name in guards.chain(&file.console) {
            if !names().any(|n| n == name.value) {
                errors.push(
                    Diagnostic::new(format!("there is no device `{}`", name.value))
                        .at(self.sources, &name.at, "unknown device")
                        .help(advice("devices", name, names())),
                );
            }
        }
        for t in &file.timing {
            if t.value.is_none() {
                self.missing(&t.name, "timing", "value");
            }
        }
        self.errors.append(&mut errors);
    }
}
