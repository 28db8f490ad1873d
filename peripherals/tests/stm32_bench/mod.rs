//! A bus without a core, and devices bound to it by name.

#![allow(dead_code, clippy::unwrap_used)]

use emu_core::cortex_m::{Architecture, System};
use emu_core::{
    Binding, Bus, ClockTree, Ctx, Cycles, Device, DeviceId, NoticeKind, Ports, Ratio, Width,
};

/// 16 MHz core, all clocks of the RCC known, notices and edges on.
pub fn bus() -> Bus {
    let mut clocks = ClockTree::new("HCLK", Ratio::hz(16_000_000));
    for name in [
        "HSE", "HSI", "LSE", "LSI", "PLL", "SYSCLK", "PCLK1", "PCLK2", "TIMCLK1", "TIMCLK2",
        "PLL48CK", "USBCLK",
    ] {
        clocks.add(name, Ratio::hz(16_000_000));
    }
    Bus::new(System::new(Architecture::V7EM, 4, 82), clocks)
}

/// Add a device; nets and clocks bind by their names (`ker` to PCLK1), interrupt line n to IRQ n.
pub fn add(bus: &mut Bus, name: &str, model: &str, params: &str, base: u32) -> DeviceId {
    let device = peripherals::create(model, params.parse().unwrap()).unwrap();
    let ports = device.ports();
    let clocks = ports
        .clocks
        .iter()
        .map(|c| {
            bus.clocks
                .find(if c == "ker" { "PCLK1" } else { c })
                .unwrap()
        })
        .collect();
    let nets = ports.nets.iter().map(|n| bus.nets.find(n)).collect();
    let irqs = (0..ports.irqs.len()).map(|i| Some(16 + i as u16)).collect();
    let binding = Binding {
        name: name.to_owned(),
        base,
        size: 0x400,
        irqs,
        clocks,
        nets,
    };
    bus.add(binding, device)
}

/// Position of a name among a model's outputs or inputs.
pub fn output(model: &str, params: &str, name: &str) -> usize {
    let d = peripherals::create(model, params.parse().unwrap()).unwrap();
    d.ports().outputs.iter().position(|n| n == name).unwrap()
}

/// As [`output`], for inputs.
pub fn input(model: &str, params: &str, name: &str) -> usize {
    let d = peripherals::create(model, params.parse().unwrap()).unwrap();
    d.ports().inputs.iter().position(|n| n == name).unwrap()
}

/// Power-on.
pub fn reset(bus: &mut Bus) {
    bus.reset_devices(emu_core::ResetCause::PowerOn);
}

pub fn w(bus: &mut Bus, address: u32, value: u32) {
    bus.write(address, Width::Word, value).unwrap();
}

pub fn r(bus: &mut Bus, address: u32) -> u32 {
    bus.read(address, Width::Word).unwrap()
}

/// Let `n` cycles pass.
pub fn wait(bus: &mut Bus, n: u64) {
    let to = bus.now + n;
    bus.advance_to(to);
}

/// The first cycle, from now on, at which `address & mask` is not zero; reads every cycle.
pub fn when(bus: &mut Bus, address: u32, mask: u32, limit: u64) -> u64 {
    let end = bus.now + limit;
    while bus.now < end {
        if bus.peek(address, Width::Word).unwrap() & mask != 0 {
            return bus.now.0;
        }
        wait(bus, 1);
    }
    panic!("{address:#x} & {mask:#x} stays 0 for {limit} cycles");
}

/// Has something that holds `text` been noted as misuse?
pub fn misused(bus: &Bus, text: &str) -> bool {
    bus.notices
        .all()
        .iter()
        .any(|n| n.kind == NoticeKind::Misuse && n.what.contains(text))
}

/// Frequency of a clock in whole Hz.
pub fn hz(bus: &Bus, name: &str) -> u64 {
    let r = bus.clocks.hz(bus.clocks.find(name).unwrap());
    assert_eq!(r.den(), 1);
    r.num()
}

/// Records what comes to its inputs, as a log that can be read word by word: the value at an even
/// word, its cycle at the next; the first word is the count.
pub struct Recorder {
    pub log: Vec<(u32, u64)>,
}

impl Device for Recorder {
    fn ports(&self) -> Ports {
        Ports {
            inputs: Ports::names(&["a"]),
            ..Ports::default()
        }
    }
    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}
    fn read(&mut self, offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        let i = (offset / 4) as usize;
        match i.checked_sub(1) {
            None => self.log.len() as u32,
            Some(i) if i % 2 == 0 => self.log[i / 2].0,
            Some(i) => self.log[i / 2].1 as u32,
        }
    }
    fn write(&mut self, _o: u32, _w: Width, _v: u32, _ctx: &mut Ctx<'_>) {
        self.log.clear();
    }
    fn input(&mut self, _port: u16, value: u32, ctx: &mut Ctx<'_>) {
        self.log.push((value, ctx.now().0));
    }
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
    fn load(&mut self, _state: &[u8]) -> Result<(), emu_core::device::StateError> {
        Ok(())
    }
}

/// Add a [`Recorder`] and connect an output to it.
pub fn record(bus: &mut Bus, from: DeviceId, output: usize, base: u32) {
    let id = bus.add(
        Binding {
            name: "REC".to_owned(),
            base,
            size: 0x1000,
            ..Binding::default()
        },
        Box::new(Recorder { log: Vec::new() }),
    );
    bus.connect(from, output, id, 0);
}

/// What a recorder at `base` has seen: values with their cycles.
pub fn recorded(bus: &mut Bus, base: u32) -> Vec<(u32, u64)> {
    let n = r(bus, base);
    (0..n)
        .map(|i| {
            let value = r(bus, base + 4 + 8 * i);
            (value, u64::from(r(bus, base + 8 + 8 * i)))
        })
        .collect()
}

/// The cycle count as a number.
pub fn at(bus: &Bus) -> u64 {
    let Cycles(n) = bus.now;
    n
}
