//! Quick look.
#![allow(missing_docs, clippy::unwrap_used)]
use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{Machine, Options};
use emu_core::*;
#[repr(C)]
struct Ts(i64, i64);
unsafe extern "C" {
    fn clock_gettime(c: i32, t: *mut Ts) -> i32;
}
fn cpu() -> f64 {
    let mut t = Ts(0, 0);
    unsafe { clock_gettime(3, &mut t) };
    t.0 as f64 + t.1 as f64 / 1e9
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let single = std::env::args().nth(2).is_some_and(|a| a == "step");
    let iterations: Option<u32> = std::env::args().nth(2).and_then(|a| a.parse().ok());
    let mut image = Image::open(std::path::Path::new(&path), &OpenOptions::default()).unwrap();
    println!(
        "{:?}",
        image.symbols.find("bench_iterations").map(|s| s.address)
    );
    if let (Some(n), Some(s)) = (iterations, image.symbols.find("bench_iterations")) {
        let at = s.address;
        let n_segs = image.segments.len();
        for (k, seg) in image.segments.iter_mut().enumerate() {
            if at >= 0x2000_0000 && k + 1 == n_segs {
                let o = seg.bytes.windows(4).rposition(|w| {
                    u32::from_le_bytes(w.try_into().unwrap()) == 500
                        || u32::from_le_bytes(w.try_into().unwrap()) == 1000
                        || u32::from_le_bytes(w.try_into().unwrap()) == 100_000
                });
                println!("patch {o:?} of {}", seg.bytes.len());
                if let Some(o) = o {
                    seg.bytes[o..o + 4].copy_from_slice(&n.to_le_bytes());
                }
            }
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
    let t = cpu();
    let stop = m.run_until(Cycles(2_000_000_000));
    let dt = cpu() - t;
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
        let t = cpu();
        let r = benches::raw(&segments);
        let raw = cpu() - t;
        println!(
            "raw {r:?} {raw:.3} s  {:.1} MIPS  ratio {:.3}",
            n as f64 / raw / 1e6,
            raw / dt
        );
    }
}
use emu_core::machine::Stop;
