//! A bare machine for tests of the core: code at 0, RAM at 0x2000_0000, and one test device.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod rules;

use emu_core::cortex_m::System;
use emu_core::image::Image;
use emu_core::machine::{CoreKind, Machine, Options};
use emu_core::memory::{Alias, MemoryKind};
use emu_core::{Binding, Bus, ClockTree, Ctx, Device, Ports, Ratio, Width};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

/// Base of the test device.
pub const DEVICE: u32 = 0x4000_0000;

/// Offset 0: reads the cycle. 4: write n: raises IRQ 0 in n cycles (0: lowers it). 8: a log of writes.
/// 12: write: pends PendSV. 16: period of IRQ 0 (level drops at once). 20: write n: pends IRQ n.
#[derive(Serialize, Deserialize)]
pub struct TestDevice {
    period: u32,
    seed: u64,
    #[serde(skip)]
    pub log: Arc<Mutex<Vec<(u64, u32)>>>,
}

impl Device for TestDevice {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["a"]),
            ..Ports::default()
        }
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
    fn read(&mut self, offset: u32, _: Width, ctx: &mut Ctx<'_>) -> u32 {
        match offset {
            0 => ctx.now().0 as u32,
            _ => 0,
        }
    }
    fn write(&mut self, offset: u32, _: Width, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            4 if value == 0 => ctx.set_irq(0, false),
            4 => ctx.schedule_in(0, u64::from(value)),
            8 => self.log.lock().unwrap().push((ctx.now().0, value)),
            12 => ctx.set_exception_pending(14, true),
            16 => {
                self.period = value;
                self.seed = u64::from(value);
                ctx.schedule_in(1, u64::from(value));
            }
            20 => ctx.set_exception_pending(16 + (value as u16 & 15), true),
            _ => {}
        }
    }
    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        if tag == 0 {
            ctx.set_irq(0, true);
        } else {
            ctx.set_irq(0, true);
            ctx.set_irq(0, false);
            // A period that wanders, so that interrupts come at every phase.
            self.seed = self
                .seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ctx.schedule_in(
                1,
                u64::from(self.period) + (self.seed >> 33) % u64::from(self.period.max(1)),
            );
        }
    }
    fn access(&self, offset: u32, write: bool, _: &Bus) -> emu_core::Access {
        if write && offset != 8 {
            emu_core::Access::Sync
        } else {
            emu_core::Access::Plain
        }
    }
    emu_core::device_state!();
}

pub struct Rig {
    pub machine: Machine,
    pub log: Arc<Mutex<Vec<(u64, u32)>>>,
}

/// A machine with this code: `vectors` are handler addresses from exception 1 on (Thumb bit added here).
pub fn rig(kind: CoreKind, single_step: bool, segments: &[(u32, Vec<u8>)]) -> Rig {
    rig_with(kind, single_step, segments, |_| {})
}

/// The same, with something done to the bus first.
pub fn rig_with(
    kind: CoreKind,
    single_step: bool,
    segments: &[(u32, Vec<u8>)],
    set_up: impl FnOnce(&mut Bus),
) -> Rig {
    let mut system = System::new(kind.architecture(), 4, 32);
    system.has_fpu = kind.has_fpu();
    system.reset();
    for n in 16..48 {
        system.set_enabled(n, true);
    }
    let mut bus = Bus::new(system, ClockTree::new("HCLK", Ratio::hz(100_000_000)));
    bus.memory.add("flash", MemoryKind::Flash, 0, 0x1_0000);
    bus.memory
        .add("ram", MemoryKind::Ram, 0x2000_0000, 0x1_0000);
    bus.memory.add_alias(Alias {
        base: 0x0800_0000,
        size: 0x1_0000,
        target: 0,
    });
    let log = Arc::new(Mutex::new(Vec::new()));
    let device = TestDevice {
        period: 0,
        seed: 0,
        log: Arc::clone(&log),
    };
    let binding = Binding {
        name: "TEST".into(),
        base: DEVICE,
        size: 0x400,
        irqs: vec![Some(16)],
        ..Binding::default()
    };
    bus.add(binding, Box::new(device));
    set_up(&mut bus);
    let mut machine = Machine::new(kind, bus, Options { single_step }).unwrap();
    let end = segments
        .iter()
        .map(|(a, b)| *a as usize + b.len())
        .max()
        .unwrap_or(0);
    let mut bytes = vec![0xFF; end];
    for (at, b) in segments {
        bytes[*at as usize..*at as usize + b.len()].copy_from_slice(b);
    }
    let image = Image::raw("test", 0, bytes).unwrap();
    machine.load(&image).unwrap();
    machine.reset();
    // Reset disables interrupts; these tests want them on.
    for n in 16..48 {
        machine.bus_mut().system.set_enabled(n, true);
    }
    Rig { machine, log }
}

/// Vector table with the same handler for everything but Reset and those listed.
pub fn vectors(reset: u32, default: u32, special: &[(usize, u32)]) -> Vec<u8> {
    let mut words = vec![0x2000_8000u32, reset | 1];
    for n in 2..48 {
        let h = special
            .iter()
            .find(|(k, _)| *k == n)
            .map_or(default, |(_, h)| *h);
        words.push(h | 1);
    }
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

pub fn code(halfwords: &[u16]) -> Vec<u8> {
    halfwords.iter().flat_map(|h| h.to_le_bytes()).collect()
}
