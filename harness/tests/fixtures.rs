//! Every fixture on its machine: it says what it shall, the block-speed path and the single-step twin agree at
//! every limit, and neither observation, nor slices, nor snapshots change a run.

mod firmware;

use emu_core::Cycles;
use emu_core::machine::Stop;
use firmware::{Run, comparable, each, expected, names};

/// No fixture runs longer, in cycles.
const END: Cycles = Cycles(4_000_000_000);

/// Cycles after which the twins are not compared any more. Those that sleep, or test the core itself, run to their end.
fn compared(name: &str) -> Cycles {
    let whole = [
        "blinky",
        "idle",
        "exceptions",
        "echo",
        "reset",
        "lockup",
        "traps",
    ];
    Cycles(if whole.iter().any(|w| name.starts_with(w)) {
        END.0
    } else {
        4_000_000
    })
}

#[test]
fn every_fixture_says_what_it_shall_and_ends_well() {
    each(&names(), String::clone, |name| {
        let mut run = Run::new(name, false, &[]);
        let stop = run.until(END);
        if name.starts_with("lockup") {
            assert!(matches!(stop, Stop::Lockup(_)), "{stop:?}");
        } else {
            assert_eq!(
                stop,
                Stop::Exit(0),
                "{}",
                String::from_utf8_lossy(&run.text)
            );
        }
        let wanted = expected(name, "txt").expect("an expected text");
        assert_eq!(comparable(&run.text), comparable(&wanted));
    });
}

/// Both twins, observed, to a sequence of limits: the same everything at each.
fn twins(name: &str, set: &[&str], end: Cycles) {
    let mut fast = Run::new(name, false, set);
    let mut slow = Run::new(name, true, set);
    fast.observe();
    slow.observe();
    let limits = [1, 777, 20_001, 300_007, 1_000_003, end.0];
    for limit in limits.into_iter().filter(|l| *l <= end.0) {
        let stop = fast.until(Cycles(limit));
        assert_eq!(stop, slow.until(Cycles(limit)), "at limit {limit}");
        let (a, b) = (fast.observed(), slow.observed());
        if let Some(i) = a.iter().zip(&b).position(|(a, b)| a != b) {
            panic!("at limit {limit}, event {i}: {:?} and {:?}", a[i], b[i]);
        }
        assert_eq!(a.len(), b.len(), "events at limit {limit}");
        assert_eq!(fast.summary(), slow.summary(), "at limit {limit}");
        if stop != Stop::Limit {
            break;
        }
    }
    assert_eq!(fast.text, slow.text);
}

#[test]
fn the_single_step_twin_agrees_at_every_limit() {
    each(&names(), String::clone, |name| {
        twins(name, &[], compared(name))
    });
}

#[test]
fn the_twins_agree_whatever_the_flash_does() {
    let mut cases = Vec::new();
    for name in ["exceptions", "kernel-8", "memcpy", "dma-timer"] {
        for set in [
            &["flash.wait_states=0"][..],
            &["flash.wait_states=7", "flash.icache=0", "flash.dcache=0"],
            &["flash.wait_states=5", "flash.prefetch=0"],
            &["flash.wait_states=3", "flash.icache=0", "flash.prefetch=1"],
        ] {
            cases.push((format!("{name}.stm32f407"), set));
        }
    }
    let label = |(name, set): &(String, &[&str])| format!("{name} {set:?}");
    each(&cases, label, |(name, set)| {
        twins(name, set, Cycles(2_500_000));
    });
}

#[test]
fn neither_repetition_nor_observation_nor_slices_change_a_run() {
    each(&names(), String::clone, |name| {
        let end = compared(name);
        let run = || {
            let mut run = Run::new(name, false, &[]);
            (run.until(end), run.summary(), run.text)
        };
        let first = run();
        assert_eq!(first, run(), "the same run again");
        let mut observed = Run::new(name, false, &[]);
        observed.observe();
        let stop = observed.until(end);
        assert_eq!(first, (stop, observed.summary(), observed.text.clone()));
        let events = observed.observed();
        assert!(!events.is_empty() || name.starts_with("lockup"));

        let mut sliced = Run::new(name, false, &[]);
        sliced.observe();
        let mut stop = Stop::Limit;
        let (mut at, mut step) = (0, 3);
        while stop == Stop::Limit && at < end.0 {
            at = (at + step).min(end.0);
            step = (step * 5 / 3 + 1).min(1_999_993);
            stop = sliced.until(Cycles(at));
        }
        assert_eq!(
            first,
            (stop, sliced.summary(), sliced.text.clone()),
            "in slices"
        );
        assert!(events == sliced.observed(), "events in slices");
    });
}

#[test]
fn a_snapshot_continues_as_the_run_did() {
    each(&names(), String::clone, |name| {
        let end = Cycles(3_200_000);
        for mid in [0, 500, 50_021, 1_000_033, 2_500_001] {
            let mut run = Run::new(name, false, &[]);
            if run.until(Cycles(mid)) != Stop::Limit {
                return;
            }
            let before = run.summary();
            let snapshot = run.machine.snapshot();
            let said = run.text.len();
            let stop = run.until(end);
            let after = run.summary();

            run.machine.restore(&snapshot).expect("its own snapshot");
            assert_eq!(before, run.summary(), "restored at {mid}");
            let mut other = Run::new(name, false, &[]);
            let _ = other.until(Cycles(mid / 2));
            other
                .machine
                .restore(&snapshot)
                .expect("a snapshot of the same machine");
            assert_eq!(before, other.summary(), "restored at {mid} elsewhere");
            if mid < firmware::FEED_AT.0 && expected(name, "stdin").is_some() {
                continue; // The input would have to be given again.
            }
            for (machine, which) in [
                (&mut run.machine, "here"),
                (&mut other.machine, "elsewhere"),
            ] {
                let _ = machine.bus_mut().take_sent(run.port);
                assert_eq!(stop, machine.run_until(end), "from {mid} {which}");
                let sent = machine.bus_mut().take_sent(run.port);
                assert_eq!(run.text[said..], sent[..], "from {mid} {which}");
            }
            assert_eq!(after, run.summary(), "from {mid}");
            assert_eq!(after, other.summary(), "from {mid} elsewhere");
        }
    });
}
