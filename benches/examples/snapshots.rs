//! What checkpoints cost: the time to take one after the last, the time to go back, and the memory of each.
//!
//! `cargo run --release -p benches --example snapshots`

use benches::{Firmware, cpu_seconds};
use emu_core::Cycles;
use emu_core::machine::{Machine, Options, Snapshot};

/// Microseconds that `what` takes, and how often it is done for that.
fn micros(times: usize, mut what: impl FnMut(usize)) -> f64 {
    let start = cpu_seconds();
    (0..times).for_each(&mut what);
    (cpu_seconds() - start) * 1e6 / times as f64
}

fn measure(name: &str, start: u64, step: u64) -> Result<(), Box<dyn std::error::Error>> {
    const COUNT: usize = 200;
    let firmware = Firmware::open(name, None)?;
    let mut m: Machine = firmware.machine(Options::default())?;
    m.run_until(Cycles(start));
    let kib = m.bus().memory.regions().iter();
    let kib = kib.map(|r| r.bytes().len()).sum::<usize>() / 1024;
    let mut all: Vec<Snapshot> = vec![m.snapshot()];
    let whole = all[0].own_bytes(None);
    let (mut take, mut run) = (0.0, 0.0);
    for n in 1..=COUNT {
        run += micros(1, |_| drop(m.run_until(Cycles(start + step * n as u64))));
        let mut next = None;
        take += micros(1, |_| next = all.last().map(|last| m.snapshot_after(last)));
        all.extend(next);
    }
    let own: usize = all.windows(2).map(|w| w[1].own_bytes(Some(&w[0]))).sum();
    // Back and forth, with the work of a slice in between.
    let (mut back, mut again) = (0.0, 0.0);
    for n in 0..COUNT {
        let from = (n * 37) % COUNT;
        let mut done = Ok(());
        back += micros(1, |_| done = m.restore(&all[from]));
        done?;
        let limit = Cycles(start + step * (from as u64 + 1));
        again += micros(1, |_| drop(m.run_until(limit)));
    }
    let each = |total: f64| total / COUNT as f64;
    println!(
        "{name:24} {kib:5} KiB: first {:4} KiB, then {:5.1} KiB each; snapshot {:5.1} us, restore {:5.1} us; \
         {step} cycles {:6.1} us, after a restore {:6.1} us",
        whole / 1024,
        each(own as f64) / 1024.0,
        each(take),
        each(back),
        each(run),
        each(again),
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for name in [
        "kernel-8.cortex-m0",
        "kernel-8.cortex-m4f",
        "kernel-8.stm32f407",
        "kernel-8.lm3s6965",
        "intbench.e31",
        "intbench.rv32",
    ] {
        measure(name, 200_000, 3_000)?;
    }
    Ok(())
}
