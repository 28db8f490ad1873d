//! Snapshots that share, restored in any order: the run goes on as it did, in both engine modes, with all that it
//! lets be observed.

mod firmware;

use emu_core::Cycles;
use emu_core::image::SymbolKind;
use emu_core::machine::{Snapshot, Stop};
use emu_core::probe::{ProbeEvent, ProbeKind};
use emu_core::watch::{Place, Variable};
use firmware::{Run, Summary, each};
use harness::parts::Firmware;

/// Runs on every kind of core, with cached flash and without, and their settings.
const RUNS: &[(&str, &[&str], u64)] = &[
    ("kernel-8.cortex-m0", &[], 9_001),
    ("exceptions.cortex-m3", &[], 2_003),
    ("fault-zoo.cortex-m3", &[], 1_009),
    ("kernel-32.cortex-m4f", &[], 9_001),
    ("exceptions.cortex-m7", &[], 2_003),
    ("kernel-8.cortex-m33", &[], 9_001),
    ("kernel-8.stm32f407", &[], 20_011),
    ("memcpy.stm32f407", &["flash.wait_states=5"], 20_011),
    (
        "dma-timer.stm32f407",
        &["flash.wait_states=3", "flash.dcache=0"],
        20_011,
    ),
    ("blinky.stm32f103", &[], 50_021),
    ("intbench.lm3s6965", &[], 9_001),
    ("intbench.e31", &[], 9_001),
    ("traps.rv32", &[], 1_009),
    ("timing.bumblebee", &[], 9_001),
];

/// A sequence of numbers below `below` that looks random.
fn random(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (*seed >> 33) as usize % below
}

/// Run for a while, with a snapshot at each stop that shares with the one before.
fn take(run: &mut Run, step: u64) -> Vec<(Snapshot, Summary)> {
    let mut all: Vec<(Snapshot, Summary)> = Vec::new();
    for n in 0..40 {
        let snapshot = match all.last() {
            Some((last, _)) => run.machine.snapshot_after(last),
            None => run.machine.snapshot(),
        };
        all.push((snapshot, run.summary()));
        // Steps that grow, so that there is something of the start and of the work.
        if run.until(run.machine.now() + step * (1 + n / 8)) != Stop::Limit {
            break;
        }
    }
    all
}

#[test]
fn snapshots_restored_in_any_order_continue_as_the_run_did() {
    let mut cases = Vec::new();
    for (name, set, step) in RUNS {
        for single_step in [false, true] {
            // Step mode costs too much for long runs.
            let step = if single_step { step / 4 } else { *step };
            cases.push((*name, *set, step, single_step));
        }
    }
    each(
        &cases,
        |c| format!("{c:?}"),
        |(name, set, step, single_step)| {
            let mut run = Run::new(name, *single_step, set);
            run.forget_input();
            let all = take(&mut run, *step);
            assert!(all.len() > 8, "{} snapshots", all.len());
            let mut other = Run::new(name, *single_step, set);
            other.forget_input();
            let mut seed = 1;
            for round in 0..30 {
                let from = random(&mut seed, all.len() - 1);
                let to = (from + 1 + random(&mut seed, 3)).min(all.len() - 1);
                let (run, which) = match round % 3 {
                    0 => (&mut other, "another machine"),
                    _ => (&mut run, "the machine"),
                };
                let (snapshot, summary) = &all[from];
                run.machine.restore(snapshot).expect("of such a machine");
                assert_eq!(*summary, run.summary(), "{from} in {which}");
                assert_eq!(run.machine.position(), snapshot.position());
                for (n, (snapshot, summary)) in all.iter().enumerate().take(to + 1).skip(from + 1) {
                    run.machine.run_until(all_limit(&all, n, *step));
                    assert_eq!(*summary, run.summary(), "from {from} to {n} in {which}");
                    let again = run.machine.snapshot_after(snapshot);
                    assert!(again.own_bytes(Some(snapshot)) < 64 << 10, "they share");
                }
            }
        },
    );
}

/// The limit up to which the run went before snapshot `n` was taken.
fn all_limit(all: &[(Snapshot, Summary)], n: usize, step: u64) -> Cycles {
    all[n - 1].0.at() + step * (1 + (n as u64 - 1) / 8)
}

#[test]
fn a_snapshot_from_before_the_first_run_starts_with_cold_caches() {
    for single_step in [false, true] {
        let mut run = Run::new("memcpy.stm32f407", single_step, &["flash.wait_states=5"]);
        let start = run.machine.snapshot();
        let first = [5_000, 60_000].map(|limit| {
            run.until(Cycles(limit));
            run.summary()
        });
        run.machine.restore(&start).expect("its own");
        let second = [5_000, 60_000].map(|limit| {
            run.until(Cycles(limit));
            run.summary()
        });
        assert_eq!(first, second);
    }
}

#[test]
fn a_series_of_snapshots_takes_little_memory() {
    let mut run = Run::new("kernel-8.stm32f407", false, &[]);
    run.until(Cycles(500_000));
    let mut last = run.machine.snapshot();
    let whole = last.own_bytes(None);
    let memory = run.machine.bus().memory.regions().iter();
    let memory: usize = memory.map(|r| r.bytes().len()).sum();
    assert!(
        whole < memory / 4,
        "{whole} of {memory}: what is erased is shared"
    );
    let mut own = 0;
    for n in 1..=20 {
        run.until(Cycles(500_000 + n * 20_000));
        let next = run.machine.snapshot_after(&last);
        own += next.own_bytes(Some(&last));
        last = next;
    }
    assert!(own / 20 < 24 << 10, "{} bytes each", own / 20);
    let same = run.machine.snapshot_after(&last);
    assert!(same.own_bytes(Some(&last)) < 8 << 10, "nothing has changed");
}

/// Watch these functions and the first words of RAM.
fn watch(run: &mut Run, name: &str) {
    let path = firmware::folder().join("elf").join(format!("{name}.elf"));
    let image = Firmware::open(&path, None).expect("an image").image;
    let functions = image.symbols.iter();
    let functions = functions.filter(|s| s.kind == SymbolKind::Function);
    let places: Vec<Place> = functions
        .map(|s| Place {
            address: s.address,
            returns: true,
        })
        .collect();
    assert!(places.len() > 3, "functions to watch");
    let ram = run.machine.bus().memory.regions().iter();
    let ram = ram.filter(|r| r.kind == emu_core::memory::MemoryKind::Ram);
    let variables: Vec<Variable> = ram
        .map(|r| Variable {
            address: r.base,
            size: 16,
        })
        .collect();
    run.machine.watch(&places, &variables);
}

/// Events, without what depends on where the core loop looked.
fn comparable(events: Vec<ProbeEvent>) -> Vec<ProbeEvent> {
    let strip = |e: ProbeEvent| match e.kind {
        ProbeKind::Enter { .. } | ProbeKind::Return { .. } => e,
        _ => ProbeEvent { pc: 0, ..e },
    };
    events.into_iter().map(strip).collect()
}

#[test]
fn a_restored_run_is_observed_as_the_first_was() {
    let runs = [
        ("kernel-8.cortex-m0", 30_011),
        ("kernel-8.stm32f407", 60_013),
        ("exceptions.cortex-m4f", 5_003),
        ("intbench.rv32", 30_011),
        ("traps.e31", 3_001),
    ];
    let mut cases = Vec::new();
    for (name, step) in runs {
        cases.extend([(name, step, false), (name, step / 4, true)]);
    }
    each(
        &cases,
        |c| format!("{c:?}"),
        |&(name, step, single_step)| {
            let start = || {
                let mut run = Run::new(name, single_step, &[]);
                watch(&mut run, name);
                run.observe();
                run
            };
            let mut run = start();
            let (mut snapshots, mut events) = (Vec::new(), Vec::new());
            let limit = |n: usize| Cycles(step * (n as u64 + 1));
            for n in 0..12 {
                let stop = run.until(limit(n));
                events.push(comparable(run.observed()));
                snapshots.push(run.machine.snapshot());
                if stop != Stop::Limit {
                    break;
                }
            }
            let calls = events.iter().flatten();
            let calls = calls.filter(|e| matches!(e.kind, ProbeKind::Return { .. }));
            assert!(calls.count() > 4, "functions that return");
            let last = snapshots.len() - 1;
            let mut other = start();
            let notices = |run: &Run| run.machine.bus().notices.all().to_vec();
            let noticed = notices(&run);
            for (turn, from) in [last / 2, 0, last - 1, 2, last / 2].into_iter().enumerate() {
                let run = if turn % 2 == 0 { &mut run } else { &mut other };
                run.machine
                    .restore(&snapshots[from])
                    .expect("of such a machine");
                run.observe();
                let _ = run.observed();
                for (n, first) in events.iter().enumerate().skip(from + 1) {
                    run.machine.run_until(limit(n));
                    let again = comparable(run.observed());
                    let same = again.iter().zip(first).position(|(a, b)| a != b);
                    if let Some(i) = same {
                        panic!(
                            "from {from}, slice {n}, event {i}: {:?} and {:?}",
                            again[i], first[i]
                        );
                    }
                    assert_eq!(again.len(), first.len(), "from {from}, slice {n}");
                }
                assert_eq!(noticed, notices(run), "from {from}");
            }
        },
    );
}

#[test]
fn a_restored_run_stops_at_breakpoints_as_the_first_did() {
    for name in ["kernel-8.stm32f407", "intbench.e31"] {
        let mut run = Run::new(name, false, &[]);
        run.until(Cycles(100_000));
        let before = run.machine.snapshot();
        let pc = |run: &Run| match run.machine.riscv_registers() {
            Some(r) => r.pc,
            None => run.machine.registers().r[15],
        };
        // Where the run stands: it comes here first thing, and again if it is in a loop.
        let here = pc(&run);
        run.machine.add_breakpoint(here);
        let far = Cycles(2_000_000);
        let stops = |run: &mut Run| -> Vec<(Stop, Summary)> {
            let mut once = || {
                let stop = run.machine.run_until(far);
                (stop, run.summary())
            };
            (0..4).map(|_| once()).collect()
        };
        let first = stops(&mut run);
        assert_eq!(first[0].0, Stop::Breakpoint, "{name}");
        run.machine.restore(&before).expect("its own");
        assert_eq!(first, stops(&mut run), "{name}");
        // From the breakpoint itself the run goes on, however it came there.
        run.machine.restore(&before).expect("its own");
        assert_eq!(run.machine.run_until(far), Stop::Breakpoint);
        let at = run.machine.snapshot();
        let second = stops(&mut run);
        run.machine.restore(&at).expect("its own");
        assert_eq!(second, stops(&mut run), "{name}");
        assert_eq!(first[1..], second[..3], "{name}");
    }
}
