//! Ten million edges with all metrics. Run with `cargo test --release -p harness --test metrics_speed -- --ignored`.

use harness::metrics::compare::random::Random;
use harness::metrics::edges::{EdgeAnalysis, EdgeOptions};
use harness::metrics::rational::Rational;
use harness::metrics::reference::Reference;
use std::time::Instant;

/// The most memory this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .expect("a peak");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number");
    kib * 1024
}

/// Processor time of all threads so far, in seconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().expect("a name");
    // Fields 14 and 15, in hundredths; the text begins with field 3.
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .map(|t| t.parse::<f64>().expect("a number") / 100.0)
        .sum()
}

/// A tick with noise, a pause every 64th period and a walk, so that no part has an easy life.
fn edges(count: usize) -> (Vec<u64>, Vec<u64>) {
    let mut random = Random::new(1);
    let mut at = 1_000_000_000_000;
    let mut rises = Vec::with_capacity(count);
    for k in 0..count {
        rises.push(at);
        at += 16_800 - 20 + random.below(41) + if k % 64 == 63 { 800 } else { 0 };
    }
    let falls = rises.iter().map(|t| t + 8_000 + random.below(10)).collect();
    (rises, falls)
}

#[test]
#[ignore = "takes seconds, and means something in release builds only"]
fn ten_million_edges_in_five_seconds_and_a_gigabyte() {
    let (rises, falls) = edges(10_000_000);
    for reference in [
        Reference::BestFit,
        Reference::Mean,
        Reference::Nominal(Rational::whole(16_812)),
    ] {
        let options = EdgeOptions {
            reference,
            nominal: Some(Rational::whole(16_812)),
            also: [10, 1000].into(),
            ..EdgeOptions::default()
        };
        let (begin, worked) = (Instant::now(), processor());
        let a = EdgeAnalysis::with_falls(&rises, &falls, &options).expect("ascending");
        let took = begin.elapsed().as_secs_f64();
        let (worked, peak) = (processor() - worked, peak() as f64 / 1e9);
        let comb = a.comb.expect("a comb");
        println!(
            "{reference:?}: {took:.2} s, processor {worked:.2} s, at most {peak:.2} GB with the input; {comb}"
        );
        assert_eq!(a.mtie.len(), 26);
        // Not what passed on the clock: other processes may have had the cores.
        assert!(worked < 5.0, "{worked} s");
        assert!(peak < 1.0, "{peak} GB");
    }
}
