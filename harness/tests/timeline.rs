//! Going back and forth in a run changes nothing in it.

mod firmware;

use emu_core::machine::Stop;
use emu_core::probe::{ProbeEvent, ProbeKind, ProbeMask};
use emu_core::timeline::{Back, Change, Settings, Timeline};
use emu_core::watchpoint::WatchReport;
use emu_core::{Cycles, Position};
use firmware::{FEED_AT, Run, each, expected};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Fixtures of every kind: sleep, faults, resets, DMA, input, kernels, code in RAM.
const NAMES: [&str; 14] = [
    "echo.cortex-m0",
    "kernel-8.cortex-m0plus",
    "exceptions.cortex-m3",
    "fault-zoo.cortex-m3",
    "kernel-8.cortex-m4f",
    "exceptions.cortex-m7",
    "kernel-2.cortex-m33",
    "echo.stm32f407",
    "dma-timer.stm32f407",
    "reset.stm32f407",
    "idle.lm3s6965",
    "intbench.rv32",
    "echo.e31",
    "traps.rv32",
];

/// Checkpoints come often, so that short runs have some.
const SETTINGS: Settings = Settings {
    memory: 64 << 20,
    interval: 50_000,
};

/// A fixture in a timeline, with its input given; observed when there is a place for the events.
fn timeline(name: &str, events: Option<&Arc<Mutex<Vec<ProbeEvent>>>>) -> (Timeline, u8) {
    let run = Run::new(name, false, &[]);
    let (mut machine, port) = (run.machine, run.port);
    if let Some(events) = events {
        let into = Arc::clone(events);
        let flush = move |mut new: Vec<ProbeEvent>| {
            into.lock().expect("events").append(&mut new);
            new
        };
        machine
            .bus_mut()
            .probes
            .attach(ProbeMask::ALL, Box::new(flush));
    }
    (Timeline::new(machine, (), SETTINGS), port)
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

type State = (Position, [u8; 32]);

fn state(t: &Timeline) -> State {
    (t.position(), t.machine().state_hash())
}

#[test]
fn steps_back_undo_steps_forth() {
    each(
        &NAMES,
        |n| (*n).to_owned(),
        |name| {
            let (mut t, _) = timeline(name, None);
            for from in [0, 3_000, 200_000, 600_011] {
                t.run_until(Cycles(from));
                if t.machine().is_asleep() {
                    t.step_until(Cycles(from + 1_000_000)); // a way back begins before a sleep
                }
                let mut states = vec![state(&t)];
                for _ in 0..40 {
                    match t.step_until(Cycles::MAX) {
                        Stop::Stepped => states.push(state(&t)),
                        _ => break,
                    }
                }
                for wanted in states.iter().rev().skip(1) {
                    assert_eq!(t.step_back(), Back::Stepped);
                    assert_eq!(state(&t), *wanted, "back from {from}");
                }
                for wanted in states.iter().skip(1) {
                    assert_eq!(t.step_until(Cycles::MAX), Stop::Stepped);
                    assert_eq!(state(&t), *wanted, "forth from {from}");
                }
                assert!(!t.is_past());
            }
            let mut steps = 0;
            while steps < 100 && t.step_back() == Back::Stepped {
                steps += 1;
            }
            t.seek_cycle(Cycles(0)).expect("the start");
            while t.step_back() == Back::Stepped {}
            assert_eq!(t.step_back(), Back::Start);
        },
    );
}

#[test]
fn back_and_forth_neither_text_nor_events_nor_the_end_change() {
    const END: u64 = 3_000_000;
    each(
        &NAMES,
        |n| (*n).to_owned(),
        |name| {
            let mut plain = Run::new(name, false, &[]);
            plain.observe();
            let stop = plain.until(Cycles(END));
            let wanted = (plain.machine.position(), plain.machine.state_hash());

            let events = Arc::default();
            let (mut t, port) = timeline(name, Some(&events));
            let mut input = expected(name, "stdin");
            let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
            let mut text = Vec::new();
            let mut ends = None;
            // A core that is awake stops some cycles before a limit.
            while t.end().cycle + 200 < Cycles(END) && ends.is_none() || t.is_past() {
                let give = input.is_some() && !t.is_past();
                let limit = if input.is_some() { FEED_AT.0 } else { END };
                // Nothing is left to run before that.
                if give && t.end().cycle + 200 > FEED_AT && t.run_until(FEED_AT) == Stop::Limit {
                    text.extend(t.take_sent(port));
                    let bytes = input.take().expect("input");
                    assert!(t.apply(Change::Serial { port, bytes }));
                }
                let now = t.position().cycle.0;
                let stop = match numbers.below(12) {
                    0 => {
                        assert!(matches!(t.step_back(), Back::Stepped | Back::Start));
                        continue;
                    }
                    1 => {
                        let back = now.saturating_sub(numbers.below(300_000));
                        t.seek_cycle(Cycles(back)).expect("a seek");
                        continue;
                    }
                    2 => {
                        let address = t.machine().registers().r[15];
                        t.machine_mut().add_breakpoint(address);
                        let back = t.run_back(WatchReport::After, || true);
                        assert!(matches!(back, Back::Stopped(_) | Back::Start), "{back:?}");
                        t.machine_mut().remove_breakpoint(address);
                        continue;
                    }
                    3..6 => t.step_until(Cycles(limit)),
                    _ => t.run_until(Cycles(limit.min(now + numbers.below(200_000)))),
                };
                text.extend(t.take_sent(port));
                if !t.is_past() && !matches!(stop, Stop::Limit | Stop::Stepped) {
                    ends = Some(stop);
                }
            }
            let end = ends.unwrap_or_else(|| t.run_until(Cycles(END)));
            text.extend(t.take_sent(port));
            assert_eq!(end, stop);
            assert_eq!(
                String::from_utf8_lossy(&text),
                String::from_utf8_lossy(&plain.text)
            );
            assert_eq!(state(&t), wanted);
            t.machine_mut().bus_mut().probes.detach();
            let wanted = plain.observed();
            let events = std::mem::take(&mut *events.lock().expect("events"));
            if let Some(i) = events.iter().zip(&wanted).position(|(a, b)| a != b) {
                panic!("event {i}: {:?}, not {:?}", events[i], wanted[i]);
            }
            assert_eq!(events.len(), wanted.len());
        },
    );
}

#[test]
fn a_way_back_meets_the_breakpoints_in_reverse() {
    for name in ["kernel-8.cortex-m4f", "intbench.rv32", "kernel-2.stm32f407"] {
        let (mut t, _) = timeline(name, None);
        t.run_until(Cycles(400_000));
        let address = t.machine().registers().r[15];
        t.machine_mut().add_breakpoint(address);
        let mut hits = Vec::new();
        while hits.len() < 60 {
            match t.run_until(Cycles(2_000_000)) {
                Stop::Breakpoint => hits.push(state(&t)),
                _ => break,
            }
        }
        assert!(hits.len() > 3, "{name}: {} hits", hits.len());
        // A limit stops it behind the last hit, a hit at it.
        let at_hit = usize::from(hits.last().is_some_and(|h| h.0 == t.position()));
        for wanted in hits.iter().rev().skip(at_hit) {
            assert_eq!(
                t.run_back(WatchReport::After, || true),
                Back::Stopped(Stop::Breakpoint)
            );
            assert_eq!(state(&t), *wanted, "{name}");
        }
        for wanted in hits.iter().skip(1) {
            assert_eq!(t.run_until(Cycles::MAX), Stop::Breakpoint);
            assert_eq!(state(&t), *wanted, "{name}");
        }
        t.machine_mut().remove_breakpoint(address);
        assert_eq!(t.run_back(WatchReport::After, || true), Back::Start);
    }
}

#[test]
fn a_change_in_the_past_cuts_off_the_future() {
    let (mut t, _) = timeline("kernel-8.cortex-m4f", None);
    t.run_until(Cycles(500_000));
    let before = t.mark();
    t.run_until(Cycles(1_000_000));
    let later = state(&t);
    t.seek_cycle(Cycles(500_000)).expect("back");
    assert!(t.is_past() && !t.was_rewritten());
    let bytes = vec![0xA5; 4];
    let address = 0x2000_0000;
    assert!(t.apply(Change::Memory {
        address,
        bytes: bytes.clone()
    }));
    assert!(!t.is_past() && t.was_rewritten());
    t.run_until(Cycles(600_000));
    t.seek_cycle(Cycles(499_999)).expect("back");
    let mut read = [0; 4];
    t.machine_mut().read_memory(address, &mut read);
    assert_ne!(read.to_vec(), bytes, "not there yet");
    t.run_until(Cycles(500_100));
    t.return_to(&before).expect("the mark");
    assert_eq!(t.run_until(Cycles(1_000_000)), Stop::Limit);
    assert_eq!(state(&t), later, "the history of the mark holds again");
}

#[test]
fn the_end_of_a_run_can_be_left_and_come_back_to() {
    for name in ["lockup.cortex-m3", "lockup.cortex-m0", "blinky.cortex-m4f"] {
        let (mut t, _) = timeline(name, None);
        t.run_until(Cycles(300));
        let address = t.machine().registers().r[15];
        let there = t.position();
        let over = |stop: &Stop| matches!(stop, Stop::Lockup(_) | Stop::Exit(0));
        let stop = t.run_until(Cycles::MAX);
        assert!(over(&stop), "{name}: {stop:?}");
        let (end, moment) = (state(&t), t.moment());
        t.seek_cycle(Cycles(200)).expect("back");
        t.seek(moment).expect("the end");
        assert_eq!((state(&t), t.is_past()), (end, false), "{name}");
        t.machine_mut().add_breakpoint(address);
        let back = t.run_back(WatchReport::After, || true);
        assert_eq!(back, Back::Stopped(Stop::Breakpoint), "{name}");
        assert!(t.position() >= there && t.position() < end.0, "{name}");
    }
}

#[test]
fn what_happened_is_found_across_checkpoints() {
    let seen: Arc<Mutex<Vec<ProbeEvent>>> = Arc::default();
    let (mut t, _) = timeline("kernel-8.cortex-m4f", Some(&seen));
    t.run_until(Cycles(10_000_000));
    t.machine_mut().bus_mut().probes.flush();
    let (before, now) = (state(&t), t.moment());
    assert!(t.checkpoints().0 > 3, "{:?}", t.checkpoints());
    let mask = ProbeMask {
        exceptions: true,
        ..ProbeMask::default()
    };
    let wanted = |e: &ProbeEvent| {
        matches!(
            e.kind,
            ProbeKind::ExceptionEnter { .. } | ProbeKind::ExceptionExit { .. }
        )
    };
    let found = t.last_events(mask, usize::MAX, wanted, || true);
    let found = found.expect("the past");
    let seen = seen.lock().expect("events");
    let expected: Vec<ProbeEvent> = seen.iter().copied().filter(wanted).collect();
    assert!(expected.len() > 100);
    let plain = |all: &[ProbeEvent]| all.iter().map(|e| (e.at, e.kind)).collect::<Vec<_>>();
    assert_eq!(plain(&found), plain(&expected));
    assert_eq!((state(&t), t.moment(), t.is_past()), (before, now, false));
}

/// Steps of the walk, over all of [`WALKED`].
const STEPS: u64 = 1_000_000;
/// One of each kind of core.
const WALKED: [&str; 5] = [
    "kernel-8.cortex-m0plus",
    "kernel-8-basepri.cortex-m3",
    "kernel-8.cortex-m4f",
    "dma-timer.stm32f407",
    "intbench.rv32",
];

/// A walk through a run, step by step, that comes by known positions again and again.
struct Walk {
    t: Timeline,
    numbers: Numbers,
    known: BTreeMap<Position, [u8; 32]>,
    steps: u64,
    checks: u64,
}

impl Walk {
    /// A position has one state, however the walk came to it.
    fn check(&mut self) {
        let (at, hash) = state(&self.t);
        self.checks += u64::from(self.known.contains_key(&at));
        let known = *self.known.entry(at).or_insert(hash);
        assert_eq!(hash, known, "at {at}, after {} steps", self.steps);
    }

    /// One position of many is checked whenever the walk comes by.
    fn pass(&mut self) {
        self.steps += 1;
        if self.t.position().instructions.is_multiple_of(199) {
            self.check();
        }
    }

    fn forth(&mut self, steps: u64) {
        for _ in 0..steps {
            match self.t.step_until(Cycles::MAX) {
                Stop::Stepped => self.pass(),
                _ => return,
            }
        }
    }

    fn back(&mut self, steps: u64) {
        for _ in 0..steps {
            match self.t.step_back() {
                Back::Stepped => self.pass(),
                Back::Start => return,
                other => panic!("{other:?} at {}", self.t.position()),
            }
        }
    }

    /// To any cycle that was reached.
    fn jump(&mut self) {
        let to = self.numbers.below(self.t.end().cycle.0 + 1);
        self.t.seek_cycle(Cycles(to)).expect("a seek");
    }

    /// To where this instruction ran last.
    fn back_to_this_place(&mut self) {
        let address = self.t.machine().registers().r[15];
        self.t.machine_mut().add_breakpoint(address);
        let back = self.t.run_back(WatchReport::After, || true);
        assert!(matches!(back, Back::Stopped(_) | Back::Start), "{back:?}");
        self.t.machine_mut().remove_breakpoint(address);
    }
}

#[test]
fn a_walk_of_a_million_steps_meets_one_state_at_each_position() {
    each(
        &WALKED,
        |n| (*n).to_owned(),
        |name| {
            let (t, _) = timeline(name, None);
            let mut walk = Walk {
                t,
                numbers: Numbers(0x2545_F491_4F6C_DD1D),
                known: BTreeMap::new(),
                steps: 0,
                checks: 0,
            };
            while walk.steps < STEPS / WALKED.len() as u64 {
                let n = walk.numbers.below(600);
                match walk.numbers.below(16) {
                    0 => walk.jump(),
                    1 => walk.back_to_this_place(),
                    2 => {
                        let limit = walk.t.position().cycle.0 + n * 100;
                        walk.t.run_until(Cycles(limit));
                    }
                    3..7 => walk.back(n),
                    _ => walk.forth(n),
                }
                walk.check();
            }
            assert!(
                walk.checks > 500,
                "{name}: {} positions met again",
                walk.checks
            );
            println!(
                "{name}: {} steps, {} positions, {} met again, to {}",
                walk.steps,
                walk.known.len(),
                walk.checks,
                walk.t.end()
            );
        },
    );
}
