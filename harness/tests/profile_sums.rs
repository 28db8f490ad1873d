//! A profile's parts add up to the run, are the same in both twins, and cost the run nothing.

mod firmware;

use emu_core::Cycles;
use emu_core::machine::Stop;
use emu_core::profile::{Functions, Profile};
use firmware::{Run, each, folder, names};
use harness::parts::Firmware;

fn functions(name: &str) -> Functions {
    let path = folder().join("elf").join(format!("{name}.elf"));
    let all = Firmware::open(&path, None).expect("an image").functions();
    Functions::new(all.into_iter().map(|f| (f.start, f.end)))
}

fn profiled(name: &str, single_step: bool, set: &[&str]) -> Run {
    let mut run = Run::new(name, single_step, set);
    run.machine.enable_profile(functions(name));
    run
}

/// All that the parts have to add up to.
fn check(run: &Run) -> Profile {
    let p = run.machine.profile().expect("enabled");
    let ledger = run.machine.ledger();
    assert_eq!(p.cycles, run.machine.now().0, "all cycles");
    assert_eq!(p.sum(), p.cycles, "the parts' sum");
    assert_eq!(p.executed(), run.machine.instructions(), "instructions");
    assert_eq!(p.sleep, ledger.sleep, "sleep");
    let exceptions: u64 = p.exceptions.values().map(|c| c.cycles).sum();
    assert!(exceptions >= ledger.exceptions, "{exceptions} {ledger:?}");
    let (by_path, executed) = p.calls.inclusive()[0];
    assert_eq!(executed, p.executed(), "instructions by call path");
    assert_eq!(by_path + p.sleep + p.other, p.cycles, "call paths");
    p
}

/// To a sequence of limits, in both twins and without a profile.
fn compare(name: &str, set: &[&str], end: u64) {
    let mut plain = Run::new(name, false, set);
    let mut fast = profiled(name, false, set);
    let mut slow = profiled(name, true, set);
    for limit in [1, 777, 300_007, end].map(Cycles) {
        let stop = plain.until(limit);
        assert_eq!((&stop, &stop), (&fast.until(limit), &slow.until(limit)));
        assert_eq!(plain.summary(), fast.summary(), "at {limit}");
        assert_eq!(plain.machine.ledger(), fast.machine.ledger(), "at {limit}");
        let (a, b) = (check(&fast), check(&slow));
        let differs = a
            .instructions
            .iter()
            .find(|(k, v)| b.instructions.get(k) != Some(v));
        if let Some((at, counts)) = differs {
            panic!(
                "at {limit}, {at:#x}: {counts:?} and {:?}",
                b.instructions.get(at)
            );
        }
        assert!(a == b, "at {limit}");
        if stop != Stop::Limit {
            break;
        }
    }
}

#[test]
fn the_parts_of_every_fixture_add_up_in_both_twins() {
    each(&names(), String::clone, |name| {
        compare(name, &[], 2_500_000)
    });
}

#[test]
fn they_add_up_with_wait_states() {
    let mut cases = Vec::new();
    for name in ["exceptions", "kernel-8", "memcpy", "idle", "intbench"] {
        for set in [
            &["flash.wait_states=5"][..],
            &["flash.wait_states=7", "flash.icache=0", "flash.dcache=0"],
        ] {
            cases.push((format!("{name}.stm32f407"), set));
        }
    }
    let label = |(name, set): &(String, &[&str])| format!("{name} {set:?}");
    each(&cases, label, |(name, set)| compare(name, set, 1_500_000));
}

#[test]
fn a_restored_machine_counts_from_there() {
    let mut run = profiled("blinky.stm32f407", false, &[]);
    run.until(Cycles(50_000));
    let snapshot = run.machine.snapshot();
    run.until(Cycles(200_000));
    run.machine.restore(&snapshot).expect("its own");
    run.until(Cycles(100_000));
    let p = run.machine.profile().expect("still enabled");
    assert!((49_000..=51_000).contains(&p.cycles), "{}", p.cycles);
    assert_eq!(p.sum(), p.cycles);
}
