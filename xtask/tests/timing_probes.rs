//! Every timing probe takes the cycles that its rule gives, at block speed and in the single-step twin.

use std::fmt::Write;
use xtask::probes::{self, Probe};

fn table(probes: &[Probe]) -> String {
    let mut text = String::new();
    for p in probes.iter().filter(|p| !p.agrees()) {
        let expected = p.expected.unwrap_or_default();
        let _ = writeln!(
            text,
            "{:<32} expected {expected:>3}, got {:>3}  {} ({}: {})",
            p.name,
            p.got,
            p.why,
            p.truth.name(),
            p.source
        );
    }
    text
}

#[test]
fn every_probe_takes_what_its_rule_gives() {
    let names = probes::names().expect("fixtures");
    let mut wrong = String::new();
    let mut count = 0;
    for name in names.iter().filter(|n| n.starts_with("timing.")) {
        let probes = probes::run(name, false).expect(name);
        count += probes.len();
        let differ = table(&probes);
        if !differ.is_empty() {
            let _ = writeln!(wrong, "{name}:\n{differ}");
        }
    }
    assert!(count >= 150, "the probes are there: {count}");
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_single_step_twin_measures_the_same() {
    for name in probes::names().expect("fixtures") {
        let fast = probes::run(&name, false).expect(&name);
        let slow = probes::run(&name, true).expect(&name);
        for (a, b) in fast.iter().zip(&slow) {
            assert_eq!(a, b, "{name}");
        }
        assert_eq!(fast.len(), slow.len(), "{name}");
    }
}

#[test]
fn a_probe_has_a_name_of_its_own_and_says_why() {
    for name in probes::names().expect("fixtures") {
        let mut seen = std::collections::BTreeSet::new();
        for p in probes::run(&name, false).expect(&name) {
            assert!(!p.why.is_empty() && !p.source.is_empty(), "{name}: {p:?}");
            assert!(seen.insert(p.name.clone()), "{name}: {} twice", p.name);
        }
    }
}
