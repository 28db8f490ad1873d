//! Quick look.
#![allow(missing_docs, clippy::unwrap_used)]
use emu_core::cortex_m::{Architecture, System};
use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{CoreKind, Machine, Options};
use emu_core::memory::{Alias, MemoryKind};
use emu_core::*;
#[derive(serde::Serialize, serde::Deserialize)]
struct U;
impl Device for U {
    fn ports(&self) -> Ports {
        Ports {
            serial: true,
            ..Ports::default()
        }
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
    fn read(&mut self, _: u32, _: Width, _: &mut Ctx<'_>) -> u32 {
        0xC0
    }
    fn write(&mut self, o: u32, _: Width, v: u32, ctx: &mut Ctx<'_>) {
        if o == 4 {
            ctx.serial_out(v as u8)
        }
    }
    fn access(&self, _: u32, _: bool, _: &Bus) -> Access {
        Access::Plain
    }
    emu_core::device_state!();
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let single = std::env::args().nth(2).is_some();
    let image = Image::open(std::path::Path::new(&path), &OpenOptions::default()).unwrap();
    let mut system = System::new(Architecture::V7EM, 4, 240);
    system.has_fpu = true;
    system.reset();
    let mut bus = Bus::new(system, ClockTree::new("HCLK", Ratio::hz(100_000_000)));
    bus.memory.add("flash", MemoryKind::Flash, 0, 0x10_0000);
    bus.memory
        .add("ram", MemoryKind::Ram, 0x2000_0000, 0x10_0000);
    bus.memory.add_alias(Alias {
        base: 0x0800_0000,
        size: 0x10_0000,
        target: 0,
    });
    bus.add_window(IoWindow {
        base: 0x4000_0000,
        size: 0x2000_0000,
        holes_fault: false,
    });
    bus.add_window(IoWindow {
        base: 0xE000_0000,
        size: 0x10_0000,
        holes_fault: false,
    });
    bus.add(
        Binding {
            name: "USART".into(),
            base: 0x4000_4400,
            size: 0x400,
            ..Binding::default()
        },
        Box::new(U),
    );
    let mut m = Machine::new(
        CoreKind::CortexM4f,
        bus,
        Options {
            single_step: single,
        },
    )
    .unwrap();
    m.load(&image).unwrap();
    m.enable_semihosting(Default::default());
    m.reset();
    let t = std::time::Instant::now();
    let stop = m.run_until(Cycles(20_000_000_000));
    let dt = t.elapsed().as_secs_f64();
    let n = m.instructions();
    print!("{}", String::from_utf8_lossy(&m.bus_mut().take_sent(0)));
    println!(
        "{stop:?} {} cycles {n} insns {dt:.3} s  {:.1} MIPS",
        m.now(),
        n as f64 / dt / 1e6
    );
    println!("{:?}", m.ledger());
    let segments: Vec<_> = image
        .segments
        .iter()
        .map(|s| (s.address, s.bytes.clone()))
        .collect();
    let t = std::time::Instant::now();
    let r = benches::raw(&segments);
    let raw = t.elapsed().as_secs_f64();
    println!(
        "raw {r:?} {raw:.3} s  {:.1} MIPS  ratio {:.3}",
        n as f64 / raw / 1e6,
        raw / dt
    );
}
