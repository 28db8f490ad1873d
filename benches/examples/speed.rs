//! Quick look.
#![allow(missing_docs, clippy::unwrap_used)]
use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{Machine, Options};
use emu_core::*;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let single = std::env::args().nth(2).is_some_and(|a| a == "step");
    let iterations: Option<u32> = std::env::args().nth(2).and_then(|a| a.parse().ok());
    let mut image = Image::open(std::path::Path::new(&path), &OpenOptions::default()).unwrap();
    if let (Some(n), Some(s)) = (iterations, image.symbols.find("bench_iterations")) {
        let at = s.address;
        for seg in &mut image.segments {
            if at >= seg.address && at < seg.address + seg.bytes.len() as u32 {
                let o = (at - seg.address) as usize;
                seg.bytes[o..o + 4].copy_from_slice(&n.to_le_bytes());
            }
        }
    }
    let name = image.machine_hint.clone().unwrap();
    let spec = machines::MachineSpec::load(&name)
        .map_err(|e| e.to_string())
        .unwrap();
    let (kind, bus) = spec
        .build(&Default::default())
        .map_err(|e| e.to_string())
        .unwrap();
    let mut m = Machine::new(
        kind,
        bus,
        Options {
            single_step: single,
        },
    )
    .unwrap();
    m.load(&image).unwrap();
    let port = m.enable_semihosting(Default::default());
    m.reset();
    let t = std::time::Instant::now();
    let stop = m.run_until(Cycles(2_000_000_000));
    let dt = t.elapsed().as_secs_f64();
    let n = m.instructions();
    for p in 0..=port {
        let s = m.bus_mut().take_sent(p);
        if !s.is_empty() {
            println!("{}", String::from_utf8_lossy(&s));
        }
    }
    for n in m.bus().notices.all() {
        println!("notice {:?} {} pc {:#x}", n.kind, n.what, n.pc);
    }
    if let Stop::Lockup(t) = &stop {
        println!("{t}");
    }
    let virt = m.bus().clocks.seconds(m.now());
    println!(
        "{} {stop:?} {} cycles {n} insns {dt:.3} s  {:.1} MIPS {:.0}x real time",
        name,
        m.now(),
        n as f64 / dt / 1e6,
        virt / dt
    );
    println!("{:?} hash {:02x?}", m.ledger(), &m.state_hash()[..4]);
    if name.starts_with("cortex") {
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
}
use emu_core::machine::Stop;
