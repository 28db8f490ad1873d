//! Metrics against an independent implementation: `metrics_oracle.py` computes them from their definitions with exact
//! fractions. Without python3 these tests say so and pass, unless TICKSCOPE_REQUIRE_TOOLS is set.
//! What is exact must be equal, text for text; floats agree to 12 digits and more.

use harness::metrics::compare::random::Random;
use harness::metrics::compare::tests_of_rank::{mann_whitney, sign_test, wilcoxon};
use harness::metrics::compare::{Tests, bootstrap::Resampling, effect, paired, unpaired};
use harness::metrics::edges::{EdgeAnalysis, EdgeOptions};
use harness::metrics::histogram::Summary;
use harness::metrics::intervals::{IntervalAnalysis, IntervalOptions};
use harness::metrics::pairing::latency;
use harness::metrics::rational::Rational;
use harness::metrics::reference::Reference;
use harness::metrics::tie::Offset;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The oracle's answers. None without python3.
fn ask(cases: &[Value]) -> Option<Vec<Value>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics_oracle.py");
    let started = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut python = match started {
        Ok(python) => python,
        Err(e) => {
            let required = std::env::var_os("TICKSCOPE_REQUIRE_TOOLS").is_some();
            assert!(!required, "python3: {e}");
            eprintln!("skipped: python3 is not installed");
            return None;
        }
    };
    let mut input = python.stdin.take().expect("a pipe");
    let text = serde_json::to_string(cases).expect("JSON");
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let out = python.wait_with_output().expect("runs");
    writer.join().expect("no panic").expect("it reads all");
    assert!(out.status.success(), "the oracle failed");
    let answers: Vec<Value> = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(answers.len(), cases.len());
    Some(answers)
}

/// Equal but for rounding.
fn near(ours: f64, oracle: &Value, within: f64, what: &str) {
    let oracle = oracle
        .as_f64()
        .unwrap_or_else(|| panic!("{what}: the oracle has none"));
    let off = (ours - oracle).abs();
    assert!(
        off <= within * oracle.abs().max(1e-9),
        "{what}: {ours} is not {oracle}"
    );
}

fn exact(ours: Option<Rational>, oracle: &Value, what: &str) {
    assert_eq!(json!(ours), *oracle, "{what}");
}

fn same_summary(ours: Option<&Summary>, oracle: &Value, what: &str) {
    let Some(s) = ours else {
        assert!(oracle.is_null(), "{what}");
        return;
    };
    for (name, value) in [
        ("count", json!(s.count)),
        ("min", json!(s.min)),
        ("max", json!(s.max)),
        ("pp", json!(s.pp)),
        ("mean", json!(s.mean)),
    ] {
        assert_eq!(value, oracle[name], "{what} {name}");
    }
    near(s.rms, &oracle["rms"], 1e-14, what);
    let percentiles = s.percentiles.iter().map(|p| json!([p.value, p.supported]));
    assert_eq!(
        percentiles.collect::<Value>(),
        oracle["percentiles"],
        "{what}"
    );
}

/// Edges of one of several kinds: noisy ticks, few lengths, bursts with edges in one cycle, far from cycle 0.
fn random_edges(random: &mut Random) -> (Vec<u64>, Vec<u64>) {
    let count = match random.below(4) {
        0 => random.below(6),
        _ => random.below(90),
    };
    let period = [1, 7, 100, 16_800, 1_000_003][random.below(5) as usize];
    let noise = [1, 2, 5, 1000][random.below(4) as usize];
    let sparse = random.below(3) == 0;
    let mut at = [0, 5, 1_000_000_000_000, 1 << 55][random.below(4) as usize];
    let (mut rises, mut falls) = (Vec::new(), Vec::new());
    for _ in 0..count {
        at += period * (1 + u64::from(sparse) * random.below(4)) + random.below(noise);
        if random.below(20) == 0 {
            at -= period;
        }
        rises.push(at);
        if random.below(12) > 0 {
            falls.push(at + random.below(period + 2));
        }
    }
    rises.sort_unstable();
    falls.sort_unstable();
    (rises, falls)
}

#[test]
fn edges_are_as_the_definitions_say() {
    let mut random = Random::new(2024);
    let mut runs = Vec::new();
    let mut cases = Vec::new();
    for i in 0..240u64 {
        let (rises, falls) = random_edges(&mut random);
        let nominal = Rational::new(
            1 + i128::from(random.below(40_000)),
            1 + i128::from(random.below(3)),
        );
        let nominal = nominal.expect("fits");
        let reference = [
            Reference::Nominal(nominal),
            Reference::Mean,
            Reference::BestFit,
        ][(i % 3) as usize];
        let kind = ["nominal", "mean", "best-fit"][(i % 3) as usize];
        let offset = [Offset::LeastSquares, Offset::FirstEdge][(i / 3 % 2) as usize];
        let options = EdgeOptions {
            reference,
            nominal: Some(nominal),
            offset,
            also: [3, 5, 6, 7, 10, 33].into(),
            points: 1000,
            ..EdgeOptions::default()
        };
        let a = EdgeAnalysis::with_falls(&rises, &falls, &options).expect("ascending");
        let windows: Vec<u64> = a.n_period.iter().map(|n| n.n).collect();
        cases.push(json!({
            "kind": "edges", "times": rises, "falls": falls, "nominal": nominal, "offset": offset, "windows": windows,
            "reference": kind,
        }));
        runs.push((a, rises));
    }
    let Some(answers) = ask(&cases) else { return };
    let mut compared = [0; 4];
    for (i, ((a, rises), o)) in runs.iter().zip(&answers).enumerate() {
        let name = |what: &str| format!("case {i}, {what}");
        exact(a.reference.map(|t| t.cycles), &o["reference"], &name("T"));
        same_summary(
            a.period.as_ref().map(|p| &p.summary),
            &o["period"],
            &name("period"),
        );
        assert_eq!(
            a.cycle_to_cycle.is_some(),
            o["c2c"].is_object(),
            "{}",
            name("c2c")
        );
        if let Some(c) = &a.cycle_to_cycle {
            assert_eq!(json!(c.max), o["c2c"]["max"]);
            near(c.rms, &o["c2c"]["rms"], 1e-14, &name("c2c"));
        }
        for (n, o) in a
            .n_period
            .iter()
            .zip(o["n_period"].as_array().expect("a list"))
        {
            assert_eq!(
                json!([n.least, n.greatest, n.pp]),
                json!([o["least"], o["greatest"], o["pp"]])
            );
            near(n.rms, &o["rms"], 1e-12, &name("n-period"));
        }
        assert_eq!(a.tie.is_some(), o["tie"].is_object(), "{}", name("tie"));
        if let Some(t) = &a.tie {
            exact(Some(t.pp), &o["tie"]["pp"], &name("tie.pp"));
            let pp = t.pp.as_f64();
            for (ours, field) in [
                (t.min, "min"),
                (t.max, "max"),
                (t.rms, "rms"),
                (t.worst[0].value.abs(), "worst"),
            ] {
                let oracle = o["tie"][field].as_f64().expect("a number");
                assert!(
                    (ours - oracle).abs() <= 1e-14 * pp,
                    "{}: {ours} {oracle}",
                    name(field)
                );
            }
            assert!(t.worst.iter().all(|w| rises[w.index as usize] == w.cycle));
            compared[0] += 1;
        }
        let list = |key: &str| o[key].as_array().expect("a list").clone();
        assert_eq!(
            a.mtie.iter().map(|m| json!(m.cycles)).collect::<Vec<_>>(),
            list("mtie"),
            "{}",
            name("mtie")
        );
        compared[1] += a.mtie.len();
        let expected: Vec<Value> = list("allan").into_iter().filter(|v| !v.is_null()).collect();
        assert_eq!(a.allan.len(), expected.len(), "{}", name("allan"));
        for (ours, oracle) in a.allan.iter().zip(&expected) {
            near(ours.deviation, oracle, 1e-13, &name("allan"));
            compared[2] += 1;
        }
        assert_eq!(
            a.spectrum.is_some(),
            o["spectrum"].is_array(),
            "{}",
            name("spectrum")
        );
        if let Some(s) = &a.spectrum {
            let expected = list("spectrum");
            assert_eq!(s.view.len(), expected.len());
            let tie = a.tie.as_ref().expect("a spectrum is of TIE").pp.as_f64();
            for ((bin, ours), oracle) in s.view.iter().zip(&expected) {
                let off = (ours - oracle.as_f64().expect("a number")).abs();
                assert!(
                    off <= 1e-12 * tie,
                    "{} bin {bin}: {ours} {oracle}",
                    name("spectrum")
                );
            }
            compared[3] += 1;
        }
        let r = o["regularity"].is_object().then_some(&o["regularity"]);
        assert_eq!(a.regularity.is_some(), r.is_some());
        if let Some((ours, oracle)) = a.regularity.as_ref().zip(r) {
            assert_eq!(
                json!([ours.skipped, ours.doubled]),
                json!([oracle["skipped"], oracle["doubled"]])
            );
            near(ours.drift_ppm, &oracle["drift_ppm"], 1e-14, &name("drift"));
        }
        let d = &o["duty"];
        same_summary(a.duty.as_ref().map(|d| &d.high), &d["high"], &name("high"));
        if let Some(ours) = &a.duty {
            assert_eq!(
                json!(ours.unmatched),
                d["unmatched"],
                "{}",
                name("unmatched")
            );
            for (ours, key) in [
                (ours.min, "min"),
                (ours.max, "max"),
                (ours.mean, "mean"),
                (ours.pp(), "pp"),
            ] {
                exact(ours, &d[key], &name(key));
            }
        }
    }
    assert!(
        compared.iter().all(|&c| c > 100),
        "too few cases: {compared:?}"
    );
}

#[test]
fn intervals_are_as_the_definitions_say() {
    let mut random = Random::new(7);
    let mut runs = Vec::new();
    let mut cases = Vec::new();
    for _ in 0..150 {
        let start = random.below(3) * 500_000;
        let mut list: Vec<(u64, u64)> = (0..random.below(25))
            .map(|_| {
                let begin = start + random.below(900);
                (begin, begin + random.below(60))
            })
            .collect();
        list.sort_unstable();
        let run = (start, start + 960 + random.below(200));
        let options = IntervalOptions {
            run: Some(run),
            windows: (0..6).map(|_| 1 + random.below(1000)).collect(),
            ..IntervalOptions::default()
        };
        let a = IntervalAnalysis::new(&list, &options).expect("fine");
        let windows: Vec<u64> = a.mmu.iter().map(|m| m.window).collect();
        cases.push(json!({"kind": "intervals", "intervals": list, "run": run, "windows": windows}));
        runs.push(a);
    }
    let Some(answers) = ask(&cases) else { return };
    for (i, (a, o)) in runs.iter().zip(&answers).enumerate() {
        same_summary(
            a.durations.as_ref(),
            &o["durations"],
            &format!("case {i}, durations"),
        );
        same_summary(a.gaps.as_ref(), &o["gaps"], &format!("case {i}, gaps"));
        assert_eq!(json!(a.overlaps), o["overlaps"], "case {i}");
        exact(a.share, &o["share"], "share");
        let mmu: Value = a.mmu.iter().map(|m| json!(m.utilisation)).collect();
        assert_eq!(mmu, o["mmu"], "case {i}");
        assert!(a.mmu.len() > 12);
    }
}

#[test]
fn latencies_are_as_the_definitions_say() {
    let mut random = Random::new(9);
    let mut runs = Vec::new();
    let mut cases = Vec::new();
    for _ in 0..200 {
        let mut list = |most: u64| {
            let mut list: Vec<u64> = (0..random.below(most)).map(|_| random.below(100)).collect();
            list.sort_unstable();
            list
        };
        let (events, responses) = (list(20), list(20));
        runs.push(latency(&events, &responses).expect("ascending"));
        cases.push(json!({"kind": "latency", "events": events, "responses": responses}));
    }
    let Some(answers) = ask(&cases) else { return };
    for ((ours, o), case) in runs.iter().zip(&answers).zip(&cases) {
        assert_eq!(json!(ours), *o, "{case}");
    }
}

#[test]
fn comparisons_are_as_the_definitions_say() {
    let mut random = Random::new(11);
    let mut cases = Vec::new();
    let mut samples = Vec::new();
    for i in 0..120u64 {
        let range = [3, 20, 1_000_000][(i % 3) as usize];
        let large = i % 5 == 0;
        let n = 1 + random.below(if large { 40 } else { 6 }) + if large { 51 } else { 0 };
        let m = if i % 2 == 0 { n } else { 1 + random.below(6) };
        let mut draw = |n: u64, more: u64| -> Vec<u64> {
            (0..n).map(|_| 1000 + more + random.below(range)).collect()
        };
        let (a, b) = (draw(n, 0), draw(m, range / 3));
        cases.push(json!({"kind": "compare", "first": a, "second": b}));
        let floats = |v: Vec<u64>| v.into_iter().map(|x| x as f64).collect::<Vec<f64>>();
        samples.push((floats(a), floats(b)));
    }
    let Some(answers) = ask(&cases) else { return };
    let how = Resampling {
        resamples: 20,
        ..Resampling::default()
    };
    let mut with_p = 0;
    for ((a, b), o) in samples.iter().zip(&answers) {
        let what = format!("{a:?} {b:?}");
        let c = unpaired(a, b, &how).expect("comparable");
        let t = mann_whitney(a, b).expect("values");
        assert_eq!(c.tests, Tests::Unpaired { mann_whitney: t });
        assert_eq!(json!(t.statistic), o["mann_whitney"][0], "{what}");
        if o["mann_whitney"][1].is_number() {
            near(t.p, &o["mann_whitney"][1], 1e-11, &what);
            with_p += 1;
        }
        near(c.cliffs_delta, &o["cliffs_delta"], 1e-14, &what);
        near(c.shift, &o["shift"], 0.0, &what);
        near(c.wasserstein, &o["wasserstein"], 1e-12, &what);
        if a.len() != b.len() {
            continue;
        }
        let d: Vec<f64> = b.iter().zip(a).map(|(y, x)| y - x).collect();
        near(
            effect::paired_shift(&d).expect("values"),
            &o["paired_shift"],
            0.0,
            &what,
        );
        assert_eq!(
            paired(a, b, &how).expect("comparable").shift,
            effect::paired_shift(&d).expect("values")
        );
        for (ours, oracle) in [(wilcoxon(&d), &o["wilcoxon"]), (sign_test(&d), &o["sign"])] {
            assert_eq!(ours.is_some(), oracle.is_array(), "{what}");
            if let Some(t) = ours {
                near(t.statistic, &oracle[0], 0.0, &what);
                if oracle[1].is_number() {
                    near(t.p, &oracle[1], 1e-11, &what);
                    with_p += 1;
                }
            }
        }
    }
    assert!(with_p > 100, "{with_p}");
}
