//! A position (instructions executed, cycle) has one state: whether a breakpoint, a step, a limit or a watchpoint
//! stopped the machine there. Going back in time stands on it.

mod firmware;

use emu_core::Cycles;
use emu_core::machine::{Machine, Stop};
use emu_core::memory::MemoryKind;
use emu_core::probe::ProbeKind;
use emu_core::watchpoint::{WatchKind, WatchReport, Watchpoint};
use firmware::{Run, each};
use std::collections::BTreeMap;

/// Steps from each start.
const STEPS: usize = 40;

type Position = (u64, Cycles);
type States = BTreeMap<Position, [u8; 32]>;

fn position(m: &Machine) -> Position {
    (m.instructions(), m.now())
}

fn pc(m: &Machine) -> u32 {
    m.registers().r[15]
}

/// Cycles shortly before exceptions, and a few others.
fn starts(name: &str) -> Vec<Cycles> {
    let mut run = machine(name, false);
    run.observe();
    run.until(Cycles(3_000_000));
    let entered: Vec<u64> = run
        .observed()
        .iter()
        .filter(|e| matches!(e.kind, ProbeKind::ExceptionEnter { .. }))
        .map(|e| e.at.0)
        .collect();
    let mut starts = vec![Cycles(1), Cycles(2_000)];
    let every = (entered.len() / 3).max(1);
    starts.extend(
        entered
            .iter()
            .step_by(every)
            .map(|at| Cycles(at.saturating_sub(60))),
    );
    starts
}

/// The fixture's machine.
fn machine(name: &str, single_step: bool) -> Run {
    let mut run = Run::new(name, single_step, &[]);
    run.forget_input();
    run
}

/// The machine at a start; `None` when the run is over before.
fn at(name: &str, single_step: bool, start: Cycles) -> Option<Run> {
    let mut run = machine(name, single_step);
    (run.until(start) == Stop::Limit).then_some(run)
}

fn stepped(run: &mut Run) -> (States, Vec<u32>) {
    let m = &mut run.machine;
    let (mut states, mut places) = (States::new(), Vec::new());
    for _ in 0..STEPS {
        match m.step_until(Cycles(m.now().0 + 2_000)) {
            Stop::Stepped => {}
            Stop::Limit => break,
            _ => return (states, places),
        }
        states.insert(position(m), m.state_hash());
        places.push(pc(m));
    }
    (states, places)
}

/// Run until `next` says that it is over; the states of the positions that were stepped to as well.
fn run_through(run: &mut Run, steps: &States, next: impl Fn(&mut Machine) -> bool) -> States {
    let m = &mut run.machine;
    let mut states = States::new();
    let mut stops = 0;
    while next(m) {
        stops += 1;
        assert!(
            stops < 2_000,
            "no progress at {:?} {:x}",
            position(m),
            pc(m)
        );
        let at = position(m);
        if steps.contains_key(&at) {
            states.insert(at, m.state_hash());
        }
    }
    states
}

fn broken(run: &mut Run, steps: &States, places: &[u32], end: Cycles) -> States {
    for &p in places {
        run.machine.add_breakpoint(p);
    }
    run_through(run, steps, |m| m.run_until(end) == Stop::Breakpoint)
}

fn limited(run: &mut Run, steps: &States) -> States {
    let limits: std::cell::RefCell<Vec<Cycles>> =
        steps.keys().rev().map(|p| p.1).collect::<Vec<_>>().into();
    run_through(run, steps, |m| {
        limits
            .borrow_mut()
            .pop()
            .is_some_and(|limit| m.run_until(limit) == Stop::Limit)
    })
}

fn watched(run: &mut Run, steps: &States, report: WatchReport, end: Cycles) -> States {
    let m = &mut run.machine;
    m.set_watch_reporting(report);
    let ram = m.bus().memory.regions().iter();
    let ram = ram.filter(|r| r.kind == MemoryKind::Ram);
    let points: Vec<Watchpoint> = ram
        .map(|r| Watchpoint {
            address: r.base,
            size: r.size(),
            kind: WatchKind::Access,
        })
        .collect();
    m.set_watchpoints(&points);
    let last = std::cell::Cell::new(None);
    run_through(run, steps, |m| {
        let stop = match m.run_until(end) {
            // Where it stands already: over it, and on.
            Stop::Watchpoint(hit)
                if hit.before && last.replace(Some(position(m))) == Some(position(m)) =>
            {
                m.ignore_stops(true);
                m.step_until(end);
                m.ignore_stops(false);
                m.run_until(end)
            }
            stop => stop,
        };
        last.set(Some(position(m)));
        matches!(stop, Stop::Watchpoint(_))
    })
}

fn same(what: &str, found: &States, wanted: &States, least: usize) {
    let mut common = 0;
    for (position, hash) in found {
        if let Some(other) = wanted.get(position) {
            assert_eq!(hash, other, "{what} at {position:?}");
            common += 1;
        }
    }
    assert!(
        common >= least,
        "{what}: {common} of {} positions are among the {}",
        found.len(),
        wanted.len()
    );
}

const NAMES: [&str; 20] = [
    "kernel-8.cortex-m0",
    "kernel-8.cortex-m0plus",
    "kernel-8.cortex-m3",
    "kernel-8.cortex-m4f",
    "kernel-8.cortex-m7",
    "kernel-8.cortex-m33",
    "kernel-8.stm32f407",
    "kernel-8.lm3s6965",
    "kernel-8-basepri.stm32f407",
    "exceptions.cortex-m0",
    "exceptions.cortex-m4f",
    "exceptions.stm32f407",
    "fault-zoo.cortex-m3",
    "fault-zoo.cortex-m33",
    "dma-timer.stm32f407",
    "idle.stm32f407",
    "intbench.rv32",
    "intbench.e31",
    "traps.rv32",
    "traps.e31",
];

#[test]
fn a_position_has_one_state() {
    each(
        &NAMES,
        |n| (*n).to_owned(),
        |name| {
            let mut compared = 0;
            for start in starts(name) {
                let Some(mut run) = at(name, false, start) else {
                    continue;
                };
                let (steps, places) = stepped(&mut run);
                let Some((&end, _)) = steps.last_key_value() else {
                    continue;
                };
                compared += steps.len();
                let again = |single_step| at(name, single_step, start).expect("as before");
                let all = steps.len();
                let label = |what: &str| format!("{what} from {}", start.0);
                let twin = stepped(&mut again(true)).0;
                same(&label("steps of the twin"), &twin, &steps, all);
                let breakpoints = broken(&mut again(false), &steps, &places, end.1);
                same(&label("breakpoints"), &breakpoints, &steps, all * 3 / 4);
                same(
                    &label("limits"),
                    &limited(&mut again(false), &steps),
                    &steps,
                    all / 3,
                );
                for report in [WatchReport::Before, WatchReport::After] {
                    let hits = watched(&mut again(false), &steps, report, end.1);
                    same(&label(&format!("{report:?}")), &hits, &steps, 0);
                }
            }
            assert!(compared >= STEPS, "{compared}");
        },
    );
}
