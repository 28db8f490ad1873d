//! A small machine for tests of timers and DMA: a bus without a core, and a device that records what
//! its inputs get and drives its outputs when written.
#![allow(dead_code, clippy::unwrap_used)]

use emu_core::cortex_m::System;
use emu_core::cortex_m::system::Architecture;
use emu_core::device::StateError;
use emu_core::{
    Binding, Bus, ClockTree, Ctx, Cycles, Device, DeviceId, Ports, Ratio, ResetCause, Width,
};
use std::sync::{Arc, Mutex};

/// (cycle, port, value) of every change of an input.
pub type Log = Arc<Mutex<Vec<(u64, u16, u32)>>>;

/// Inputs `0..16` are recorded; a write of `v` to offset `4 * i` gives output `i` the value `v`;
/// a read of offset `4 * i` gives what was last written, plus one for each read before.
pub struct Probe {
    pub log: Log,
    values: [u32; 16],
    pub writes: Log,
}

impl Device for Probe {
    fn ports(&self) -> Ports {
        Ports {
            inputs: (0..16).map(|i| format!("in{i}")).collect(),
            outputs: (0..16).map(|i| format!("out{i}")).collect(),
            ..Ports::default()
        }
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}
    fn read(&mut self, offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        let v = &mut self.values[offset as usize / 4 % 16];
        *v += 1;
        *v - 1
    }
    fn write(&mut self, offset: u32, _width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let i = offset as usize / 4 % 16;
        self.values[i] = value;
        let at = ctx.now().0;
        self.writes.lock().unwrap().push((at, i as u16, value));
        ctx.output(i, value);
    }
    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        self.log.lock().unwrap().push((ctx.now().0, port, value));
    }
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
    fn load(&mut self, _state: &[u8]) -> Result<(), StateError> {
        Ok(())
    }
}

pub const PROBE: u32 = 0x4800_0000;
pub const RAM: u32 = 0x2000_0000;

/// The machine.
pub struct Rig {
    pub bus: Bus,
    pub probe: DeviceId,
    pub log: Log,
    pub writes: Log,
}

impl Rig {
    /// A core at `core` Hz with a kernel clock `ker` at `timer` Hz.
    pub fn new(core: u64, timer: u64) -> Rig {
        let mut clocks = ClockTree::new("HCLK", Ratio::hz(core));
        clocks.add("ker", Ratio::hz(timer));
        let mut bus = Bus::new(System::new(Architecture::V7EM, 4, 82), clocks);
        bus.memory
            .add("sram", emu_core::memory::MemoryKind::Ram, RAM, 0x1_0000);
        let (log, writes) = (Log::default(), Log::default());
        let probe = Probe {
            log: log.clone(),
            values: [0; 16],
            writes: writes.clone(),
        };
        let binding = Binding {
            name: "PROBE".to_owned(),
            base: PROBE,
            size: 0x100,
            ..Binding::default()
        };
        let probe = bus.add(binding, Box::new(probe));
        Rig {
            bus,
            probe,
            log,
            writes,
        }
    }

    /// Add a device whose interrupt lines are the exceptions from `exception` on.
    pub fn add(&mut self, model: &str, params: &str, base: u32, exception: u16) -> DeviceId {
        let table = params.parse().unwrap();
        let device = peripherals::create(model, table).unwrap();
        let irqs = device.ports().irqs.len() as u16;
        let clocks = device
            .ports()
            .clocks
            .iter()
            .map(|_| self.bus.clocks.find("ker").unwrap())
            .collect();
        let binding = Binding {
            name: format!("{model}@{base:x}"),
            base,
            size: 0x400,
            irqs: (0..irqs).map(|i| Some(exception + i)).collect(),
            clocks,
            ..Binding::default()
        };
        self.bus.add(binding, device)
    }

    /// Power on; call after everything was added.
    pub fn start(&mut self) {
        self.bus.reset_devices(ResetCause::PowerOn);
        self.log.lock().unwrap().clear();
    }

    pub fn at(&mut self, cycle: u64) -> &mut Self {
        self.bus.advance_to(Cycles(cycle));
        self
    }

    pub fn write(&mut self, address: u32, value: u32) -> &mut Self {
        self.bus.write(address, Width::Word, value).unwrap();
        self
    }

    pub fn read(&mut self, address: u32) -> u32 {
        self.bus.read(address, Width::Word).unwrap()
    }

    /// Changes of the probe's input `port`: (cycle, value).
    pub fn edges(&self, port: u16) -> Vec<(u64, u32)> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter(|e| e.1 == port)
            .map(|e| (e.0, e.2))
            .collect()
    }

    /// Run until the line of an exception is up and give the cycle.
    pub fn irq_at(&mut self, exception: u16, limit: u64) -> Option<u64> {
        for c in self.bus.now.0..=limit {
            self.bus.advance_to(Cycles(c));
            if self.bus.system.line(exception) {
                return Some(c);
            }
        }
        None
    }
}
