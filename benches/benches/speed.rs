//! Criterion benches of the emulator's speed; the ratios are printed by `--example ratios`.
#![allow(missing_docs)]

use benches::Firmware;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn bench(c: &mut Criterion, name: &str, iterations: u32, raw: bool) {
    let firmware = match Firmware::open(name, Some(iterations)) {
        Ok(f) => f,
        Err(e) => panic!("{e}"),
    };
    let instructions = firmware.run(false).map(|r| r.instructions).unwrap_or(1);
    let mut group = c.benchmark_group(name);
    group
        .sample_size(10)
        .throughput(Throughput::Elements(instructions));
    group.bench_function("timed", |b| b.iter(|| firmware.run(false)));
    group.bench_function("timed, capture on", |b| b.iter(|| firmware.run(true)));
    if raw {
        group.bench_function("raw Unicorn", |b| b.iter(|| firmware.run_raw()));
    }
    group.finish();
}

fn speed(c: &mut Criterion) {
    bench(c, "intbench.cortex-m4f", 1000, true);
    bench(c, "intbench.cortex-m0", 1000, true);
    bench(c, "memcpy.cortex-m4f", 10_000, true);
    bench(c, "intbench.stm32f407", 1000, false);
    bench(c, "toggle.stm32f407", 500_000, false);
    bench(c, "idle.cortex-m4f", 10_000, false);
    bench(c, "idle.stm32f407", 10_000, false);
}

criterion_group!(benches, speed);
criterion_main!(benches);
