//! What a bus has before any device: the core's registers, clocks, memory and nets.

use crate::check::{MAX_ENTRIES, MAX_MEMORY};
use crate::errors::Diagnostic;
use crate::file::{Holes, Kind};
use crate::nets::expand;
use crate::spec::MachineSpec;
use crate::value::{Size, Sp};
use emu_core::bus::BitBand;
use emu_core::cortex_m::{Architecture, System};
use emu_core::memory::{Alias, MemoryKind};
use emu_core::{Bridge, Bus, ClockTree, IoWindow, Ratio};

/// Pins that a machine can have.
const MAX_NETS: usize = 4096;

impl MachineSpec {
    pub(crate) fn system(&self) -> System {
        let core = &self.file.core;
        let architecture = self.core.architecture();
        let arm = self.core.info().arm.as_ref();
        let v7 = architecture != Architecture::V6M;
        let bits = core.priority_bits.as_ref();
        let bits = bits.map_or(if v7 { 3 } else { 2 }, |b| b.value);
        let irqs = core.irqs.as_ref().map_or(32, |i| i.value).min(240);
        let mut system = System::new(architecture, bits, irqs);
        system.cpuid = core
            .cpuid
            .as_ref()
            .map_or_else(|| arm.map_or(0, |a| a.cpuid), |c| c.value);
        system.vtor_reset = core.vtor.as_ref().map_or(0, |v| v.value);
        system.mpu.regions = core.mpu_regions.as_ref().map_or(0, |r| r.value);
        system.has_fpu = self.core.has_fpu();
        system.reset();
        system
    }

    pub(crate) fn clock_tree(&self) -> Option<ClockTree> {
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

    /// Are all sizes such that a bus can be made at all? What is wrong has been told by the check.
    pub(crate) fn ranges_fit(&self) -> bool {
        let file = &self.file;
        let fits = |base: &Option<Sp<u32>>, size: &Option<Sp<Size>>| {
            let base = base.as_ref().map_or(0, |b| u64::from(b.value));
            let size = size.as_ref().map_or(0, |s| s.value.0);
            base.checked_add(size).is_some_and(|end| end <= 1 << 32)
        };
        let lists = [
            file.clock.len(),
            file.memory.len(),
            file.device.len() + file.part.len(),
        ];
        lists.iter().all(|&n| n <= MAX_ENTRIES)
            && file.memory.iter().all(|m| fits(&m.base, &m.size))
            && file.device.iter().all(|d| fits(&d.base, &d.size))
            && file.part.iter().all(|d| fits(&d.base, &d.size))
    }

    /// Bridges and the single-cycle I/O port.
    fn buses(&self, bus: &mut Bus) {
        for b in &self.file.bus {
            let (Some(base), Some(size)) = (&b.base, &b.size) else {
                continue;
            };
            let size = size.value.0 as u32;
            if b.single_cycle.as_ref().is_some_and(|s| s.value) {
                bus.set_io_port(base.value, size);
            } else if let Some(clock) = b.clock.as_ref().and_then(|c| bus.clocks.find(c)) {
                let periods = |n: &Option<Sp<u32>>| n.as_ref().map_or(0, |n| n.value);
                bus.add_bridge(Bridge {
                    name: b.name.value.clone(),
                    base: base.value,
                    size,
                    clock,
                    read: periods(&b.read),
                    write: periods(&b.write),
                    posted: b.posted.as_ref().is_none_or(|p| p.value),
                });
            }
        }
    }

    pub(crate) fn memory(&self, bus: &mut Bus) {
        for m in &self.file.memory {
            let (Some(kind), Some(base), Some(size)) = (&m.kind, &m.base, &m.size) else {
                continue;
            };
            if size.value.0 > MAX_MEMORY {
                continue;
            }
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
            if m.execute.as_ref().is_some_and(|e| !e.value) {
                bus.memory.set_data_only(&m.name);
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
        self.buses(bus);
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

    pub(crate) fn add_nets(&self, bus: &mut Bus) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        for pattern in &self.file.nets {
            match expand(pattern) {
                Some(_) if bus.nets.len() > MAX_NETS => {
                    errors.push(Diagnostic::new("too many nets").at(
                        &self.sources,
                        &pattern.at,
                        format!("at most {MAX_NETS}"),
                    ));
                    break;
                }
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
