//! What one write watchpoint costs: the speed of a run with it, as a part of the speed without, by what else is in its
//! page. In processor time of one thread, best of three. `cargo run --release -p benches --example watchpoints`

use benches::{Firmware, cpu_seconds};
use emu_core::Cycles;
use emu_core::machine::{Machine, Options, Stop};
use emu_core::watchpoint::{WatchKind, Watchpoint};

/// Processor time of a run over all hits, and their number.
fn run(firmware: &Firmware, watched: Option<u32>) -> Result<(f64, u64), String> {
    let mut machine: Machine = firmware.machine(Options::default())?;
    if let Some(address) = watched {
        machine.set_watchpoints(&[Watchpoint {
            address,
            size: 4,
            kind: WatchKind::Write,
        }]);
    }
    let (start, mut hits) = (cpu_seconds(), 0);
    loop {
        match machine.run_until(Cycles::MAX) {
            Stop::Watchpoint(hit) => {
                hits += 1;
                if hit.before {
                    machine.ignore_stops(true);
                    machine.step();
                    machine.ignore_stops(false);
                }
            }
            Stop::Exit(0) => return Ok((cpu_seconds() - start, hits)),
            stop => return Err(format!("{stop:?}")),
        }
    }
}

fn best(firmware: &Firmware, watched: Option<u32>) -> Result<(f64, u64), String> {
    let mut best = run(firmware, watched)?;
    for _ in 1..3 {
        let next = run(firmware, watched)?;
        if next.0 < best.0 {
            best = next;
        }
    }
    Ok(best)
}

fn main() -> Result<(), String> {
    println!("| firmware | watched | part of the speed | hits |\n|---|---|---|---|");
    for (name, iterations) in [
        ("intbench.cortex-m4f", Some(1000)),
        ("memcpy.cortex-m4f", Some(10_000)),
        ("kernel-8.cortex-m4f", None),
        ("intbench.stm32f407", Some(500)),
        ("intbench.rv32", Some(500)),
    ] {
        let firmware = Firmware::open(name, iterations)?;
        let symbol = |name: &str| firmware.image.symbols.find(name).map(|s| s.address);
        let top = symbol("_stack_top").ok_or("no stack")?;
        let data = symbol("_data_start").ok_or("no data")?;
        let plain = best(&firmware, None)?.0;
        for (what, address) in [
            ("a page of its own", top + 0x4000),
            ("the page of the first variables", data),
            // Below the words that are used.
            ("the page of the stack", (top - 1) & !0x3FF),
        ] {
            let (seconds, hits) = best(&firmware, Some(address))?;
            println!("| {name} | {what} | {:.2} | {hits} |", plain / seconds);
        }
    }
    Ok(())
}
