//! A bus with one or more devices, without a CPU, for the unit tests of this crate's devices.

#![allow(clippy::unwrap_used)]

use emu_core::cortex_m::{Architecture, System};
use emu_core::{Binding, Bus, ClockTree, Cycles, DeviceId, Ratio, Width};

/// The bus and the base address of the device that was added last.
pub(crate) struct Rig {
    pub bus: Bus,
    pub base: u32,
}

impl Rig {
    /// A Cortex-M4F with 82 interrupts and four priority bits, at 168 MHz.
    pub fn m4() -> Rig {
        let mut system = System::new(Architecture::V7EM, 4, 82);
        system.cpuid = 0x410F_C241;
        system.has_fpu = true;
        system.mpu.regions = 8;
        Rig::with(system)
    }

    /// A Cortex-M0+ with 32 interrupts, at 168 MHz.
    pub fn m0plus() -> Rig {
        let mut system = System::new(Architecture::V6M, 2, 32);
        system.cpuid = 0x410C_C601;
        Rig::with(system)
    }

    fn with(system: System) -> Rig {
        let clocks = ClockTree::new("HCLK", Ratio::hz(168_000_000));
        let mut bus = Bus::new(system, clocks);
        bus.add_window(emu_core::IoWindow {
            base: 0xE000_0000,
            size: 0x10_0000,
            holes_fault: true,
        });
        Rig { bus, base: 0 }
    }

    /// Add a device of a model and reset it. Interrupt line n is bound to IRQ n, clocks by name
    /// (`ker` and `core` to the core clock), nets by name.
    pub fn add(&mut self, model: &str, base: u32, parameters: &str) -> DeviceId {
        let device = crate::create(model, parameters.parse().unwrap()).unwrap();
        self.base = base;
        self.bind(model, base, device)
    }

    /// Add a device without registers, bound and reset as by [`Rig::add`].
    pub fn attach(&mut self, device: Box<dyn emu_core::Device>) -> DeviceId {
        self.bind("part", 0, device)
    }

    fn bind(&mut self, model: &str, base: u32, device: Box<dyn emu_core::Device>) -> DeviceId {
        let ports = device.ports();
        let core = self.bus.clocks.core();
        let binding = Binding {
            name: model.to_uppercase(),
            base,
            size: if model == "part" {
                0
            } else if model == "riscv.plic" {
                0x20_1000
            } else if model == "riscv.clint" {
                0x1_0000
            } else {
                0x1000
            },
            irqs: (0..ports.irqs.len()).map(|i| Some(16 + i as u16)).collect(),
            clocks: ports
                .clocks
                .iter()
                .map(|n| self.bus.clocks.find(n).unwrap_or(core))
                .collect(),
            nets: ports
                .nets
                .iter()
                .map(|n| Some(self.bus.nets.add(n)))
                .collect(),
        };
        let id = self.bus.add(binding, device);
        self.bus.reset_devices(emu_core::ResetCause::PowerOn);
        id
    }

    /// Cycles at which the level of a net changes, up to `until`.
    pub fn edges(&mut self, net: &str, until: u64) -> Vec<(u64, bool)> {
        let net = self.bus.nets.find(net).unwrap();
        let mut seen = Vec::new();
        let mut level = self.bus.nets.level(net);
        while self.bus.events.next_at().0 <= until {
            let next = self.bus.events.next_at().0;
            self.at(next);
            if self.bus.nets.level(net) != level {
                level = !level;
                seen.push((next, level));
            }
        }
        seen
    }

    /// Change the core's frequency at a cycle, and tell every device.
    pub fn core_hz(&mut self, hz: Ratio, at: Cycles) {
        self.at(at.0);
        let core = self.bus.clocks.core();
        self.bus.clocks.set_hz(core, hz, at);
        self.bus.set_input(DeviceId(0), 0, 0); // any call delivers the change
    }

    pub fn at(&mut self, cycle: u64) -> &mut Rig {
        assert!(Cycles(cycle) >= self.bus.now, "time runs forward");
        self.bus.advance_to(Cycles(cycle));
        self
    }

    pub fn read(&mut self, offset: u32) -> u32 {
        self.bus.read(self.base + offset, Width::Word).unwrap()
    }

    pub fn write(&mut self, offset: u32, value: u32) {
        self.bus
            .write(self.base + offset, Width::Word, value)
            .unwrap();
    }

    pub fn read_as(&mut self, offset: u32, width: Width) -> u32 {
        self.bus.read(self.base + offset, width).unwrap()
    }

    pub fn write_as(&mut self, offset: u32, width: Width, value: u32) {
        self.bus.write(self.base + offset, width, value).unwrap();
    }

    /// A read as a debugger makes it.
    pub fn peek(&mut self, offset: u32) -> u32 {
        self.bus.peek(self.base + offset, Width::Word).unwrap()
    }

    pub fn pending(&self, number: u16) -> bool {
        self.bus.system.is_pending(number)
    }

    /// Is there a notice with this text?
    pub fn noted(&self, text: &str) -> bool {
        self.bus.notices.all().iter().any(|n| n.what.contains(text))
    }
}
