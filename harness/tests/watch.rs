//! Watching every function and every variable of a firmware changes nothing in its run, and the block-speed path
//! sees the same as the single-step twin.

mod firmware;

use emu_core::image::SymbolKind;
use emu_core::machine::{Machine, Stop};
use emu_core::memory::MemoryKind;
use emu_core::watch::{Place, Variable};
use emu_core::watchpoint::{Hit, Master, WatchKind, WatchReport, Watchpoint};
use emu_core::{Cycles, ProbeEvent, ProbeKind};
use firmware::{Run, each, folder};
use harness::parts::Firmware;
use std::collections::BTreeMap;

const END: Cycles = Cycles(1_500_000);

struct Watched {
    functions: Vec<(String, u32)>,
    variables: Vec<(String, Variable)>,
}

impl Watched {
    fn of(name: &str) -> Watched {
        let path = folder().join("elf").join(format!("{name}.elf"));
        let firmware = Firmware::open(&path, None).expect("an image");
        let functions = firmware.functions().into_iter();
        let objects = firmware.image.symbols.iter();
        let objects = objects.filter(|s| s.kind == SymbolKind::Object && s.size > 0);
        Watched {
            functions: functions.map(|f| (f.name, f.start)).collect(),
            variables: objects
                .map(|s| {
                    let (address, size) = (s.address, s.size);
                    (s.name.clone(), Variable { address, size })
                })
                .collect(),
        }
    }

    fn watch(&self, run: &mut Run) {
        let place = |&(_, address): &(String, u32)| Place {
            address,
            returns: true,
        };
        let places: Vec<Place> = self.functions.iter().map(place).collect();
        let variables: Vec<Variable> = self.variables.iter().map(|v| v.1).collect();
        run.machine.watch(&places, &variables);
    }
}

fn watched_events(events: &[ProbeEvent]) -> usize {
    let watched = |e: &&ProbeEvent| {
        matches!(
            e.kind,
            ProbeKind::Enter { .. } | ProbeKind::Return { .. } | ProbeKind::Store { .. }
        )
    };
    events.iter().filter(watched).count()
}

#[test]
fn watching_everything_changes_nothing_and_both_twins_see_the_same() {
    let names = [
        "kernel-8.stm32f407",
        "kernel-8.cortex-m0",
        "kernel-8.cortex-m33",
        "exceptions.cortex-m4f",
        "exceptions.cortex-m0plus",
        "fault-zoo.stm32f407",
        "dma-timer.stm32f407",
        "echo.lm3s6965",
        "intbench.cortex-m7",
        "traps.rv32",
        "blinky.e31",
        "intbench.e31",
    ];
    each(
        &names,
        |n| (*n).to_owned(),
        |name| {
            let watched = Watched::of(name);
            let mut plain = Run::new(name, false, &[]);
            let stop = plain.until(END);
            let mut seen = Vec::new();
            for single_step in [false, true] {
                let mut run = Run::new(name, single_step, &[]);
                watched.watch(&mut run);
                run.observe();
                assert_eq!(stop, run.until(END), "single step: {single_step}");
                assert_eq!(plain.summary(), run.summary(), "single step: {single_step}");
                assert_eq!(plain.text, run.text);
                seen.push(run.observed());
            }
            let (fast, slow) = (&seen[0], &seen[1]);
            if let Some(i) = fast.iter().zip(slow).position(|(a, b)| a != b) {
                panic!("event {i}: {:?} and {:?}", fast[i], slow[i]);
            }
            assert_eq!(fast.len(), slow.len());
            assert!(watched_events(fast) > 50, "{}", watched_events(fast));
        },
    );
}

#[test]
fn functions_return_and_variables_have_their_values() {
    let name = "kernel-8.stm32f407";
    let watched = Watched::of(name);
    let mut run = Run::new(name, false, &[]);
    watched.watch(&mut run);
    run.observe();
    let stop = run.until(Cycles(4_000_000_000));
    assert_eq!(stop, Stop::Exit(0));
    let (mut calls, mut last) = (BTreeMap::<u16, (u32, u32)>::new(), BTreeMap::new());
    for e in run.observed() {
        match e.kind {
            ProbeKind::Enter { place, .. } => calls.entry(place).or_default().0 += 1,
            ProbeKind::Return { place, .. } => calls.entry(place).or_default().1 += 1,
            ProbeKind::Store { variable, value } => drop(last.insert(variable, value)),
            _ => {}
        }
    }
    let of = |function: &str| {
        let n = watched.functions.iter().position(|f| f.0 == function);
        calls[&(n.expect(function) as u16)]
    };
    // Each task that waits has returned from its wait, but for the last ones.
    let (entered, returned) = of("k_wait");
    assert!(
        entered > 300 && entered - returned <= 10,
        "{entered} {returned}"
    );
    let (entered, returned) = of("systick_handler");
    assert!(entered > 50 && entered == returned, "{entered} {returned}");
    let (entered, returned) = of("pendsv_handler");
    assert!(entered > 300 && entered == returned, "{entered} {returned}");
    let now = watched.variables.iter().position(|v| v.0 == "now");
    let now = now.expect("the tick counter");
    let Variable { address, .. } = watched.variables[now].1;
    assert_eq!(last[&(now as u16)], run.word(address));
    // Values are those behind the last store.
    for (n, (name, v)) in (0u16..).zip(&watched.variables) {
        if let Some(&value) = last.get(&n)
            && v.size == 4
        {
            assert_eq!(value, run.word(v.address), "{name}");
        }
    }
}

/// Hits that are gone over, in one run.
const HITS: usize = 4_000;

/// Stacks, variables, constants and devices: the upper half of what RAM the firmware has named, all its small constants,
/// and the first devices.
fn watchpoints(watched: &Watched, machine: &Machine) -> Vec<Watchpoint> {
    let at = |(address, size): (u32, u32)| Watchpoint {
        address,
        size,
        kind: WatchKind::Access,
    };
    let bus = machine.bus();
    let ram = bus
        .memory
        .regions()
        .iter()
        .find(|r| r.kind == MemoryKind::Ram);
    let ram = ram.expect("RAM");
    let mut points: Vec<Watchpoint> = watched
        .variables
        .iter()
        .filter(|v| v.1.size <= 16)
        .map(|v| at((v.1.address, v.1.size)))
        .collect();
    points.push(at((ram.base + 0x1000, 0x1000)));
    let devices = bus.devices().filter(|d| d.1.size > 0).take(3);
    points.extend(devices.map(|d| at((d.1.base, d.1.size))));
    points
}

/// Run to the end, over the first hits.
fn run_over(run: &mut Run, points: &[Watchpoint], end: Cycles) -> (Stop, Vec<Hit>) {
    let mut hits = Vec::new();
    run.machine.set_watchpoints(points);
    loop {
        match run.machine.run_until(end) {
            Stop::Watchpoint(hit) => {
                hits.push(hit);
                if hit.before {
                    run.machine.ignore_stops(true);
                    run.machine.step_until(end);
                    run.machine.ignore_stops(false);
                }
                if hits.len() == HITS {
                    run.machine.set_watchpoints(&[]);
                }
            }
            stop => return (stop, hits),
        }
    }
}

#[test]
fn going_over_thousands_of_watchpoints_changes_nothing() {
    let names = [
        "kernel-8.cortex-m0",
        "kernel-8.stm32f407",
        "kernel-8.cortex-m7",
        "kernel-8.cortex-m33",
        "kernel-8.lm3s6965",
        "exceptions.cortex-m4f",
        "fault-zoo.stm32f407",
        "dma-timer.stm32f407",
        "intbench.rv32",
        "traps.e31",
    ];
    each(
        &names,
        |n| (*n).to_owned(),
        |name| {
            let watched = Watched::of(name);
            let mut plain = Run::new(name, false, &[]);
            plain.observe();
            let stop = plain.machine.run_until(END);
            let events = plain.observed();
            for report in [WatchReport::Before, WatchReport::After] {
                let mut all = Vec::new();
                for single_step in [false, true] {
                    let what = format!("{report:?}, single step: {single_step}");
                    let mut run = Run::new(name, single_step, &[]);
                    run.machine.set_watch_reporting(report);
                    run.observe();
                    let points = watchpoints(&watched, &run.machine);
                    let (end, hits) = run_over(&mut run, &points, END);
                    assert_eq!(stop, end, "{what}");
                    assert_eq!(plain.summary(), run.summary(), "{what}");
                    assert_eq!(events, run.observed(), "{what}");
                    assert!(hits.len() > 150, "{what}: {}", hits.len());
                    all.push(hits);
                }
                assert_eq!(all[0], all[1], "{report:?}");
            }
        },
    );
}

#[test]
fn what_dma_writes_hits_behind_it() {
    let name = "dma-timer.stm32f407";
    let watched = Watched::of(name);
    let mut plain = Run::new(name, false, &[]);
    let whole = Cycles(4_000_000_000);
    let stop = plain.machine.run_until(whole);
    let mut run = Run::new(name, false, &[]);
    let buffers = watched.variables.iter().filter(|v| v.1.size > 16);
    let points: Vec<Watchpoint> = buffers
        .map(|(_, v)| Watchpoint {
            address: v.address,
            size: v.size,
            kind: WatchKind::Write,
        })
        .collect();
    let (end, hits) = run_over(&mut run, &points, whole);
    assert_eq!(stop, end);
    assert_eq!(plain.summary(), run.summary());
    let dma = hits.iter().filter(|h| h.by == Master::Other);
    assert!(dma.clone().all(|h| h.write && !h.before));
    assert!(dma.count() > 200, "{} hits", hits.len());
}
