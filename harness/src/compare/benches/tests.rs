//! Known samples, and what is said of them.

use super::*;
use crate::compare::bench_result::Sample;
use crate::metrics::rational::Rational;
use crate::metrics::value::Unit;

/// A bench with one signal and one metric, by seed.
fn bench(label: &str, metric: &str, values: &[(u64, u64)]) -> BenchResult {
    let run = |&(seed, value): &(u64, u64)| BenchRun {
        id: format!("seed={seed}"),
        group: String::new(),
        sample: Sample {
            stimuli: None,
            seed,
        },
        stop: "limit".to_owned(),
        code: 0,
        figures: vec![(
            "tick".to_owned(),
            metric.to_owned(),
            MetricValue::exact(Rational::whole(value), Unit::Cycles),
        )],
    };
    BenchResult {
        label: label.to_owned(),
        name: "b".to_owned(),
        runs: values.iter().map(run).collect(),
    }
}

fn seeds(values: &[u64]) -> Vec<(u64, u64)> {
    (1..).zip(values.iter().copied()).collect()
}

fn compared(metric: &str, a: &[(u64, u64)], b: &[(u64, u64)], judge: &Judge) -> Comparison {
    let results = [bench("a", metric, a), bench("b", metric, b)];
    compare(&results, &Selection::default(), judge)
}

fn change(of: &Comparison) -> &Change {
    of.tables[0].rows[0].changes[1].as_ref().expect("a change")
}

#[test]
fn eight_pairs_that_all_get_worse() {
    // Differences 10..17: all positive, so the exact p of Wilcoxon is 2 / 2^8; the median of the Walsh averages of
    // eight neighbours is 13.5; each of b is greater than each of a.
    let a = seeds(&[100, 120, 110, 105, 99, 130, 125, 101]);
    let b: Vec<(u64, u64)> = a.iter().zip(10..).map(|(&(s, v), d)| (s, v + d)).collect();
    let found = compared("period.pp", &a, &b, &Judge::default());
    let c = change(&found);
    let s = c.statistics.as_ref().expect("statistics");
    assert_eq!((c.verdict, s.p), (Verdict::Worse, 2.0 / 256.0));
    assert_eq!(s.comparison.shift, 13.5);
    assert_eq!(s.comparison.wasserstein, 13.5);
    assert!(found.fails());
    // The same is no failure within a tolerance, nor for a count.
    let judge = Judge {
        tolerances: vec!["14cy".parse().expect("fine")],
        ..Judge::default()
    };
    let within = compared("period.pp", &a, &b, &judge);
    assert_eq!(change(&within).verdict, Verdict::Within);
    assert!(!within.fails());
    let count = compared("count", &a, &b, &Judge::default());
    assert_eq!(change(&count).verdict, Verdict::Changed);
    let better = compared("period.pp", &b, &a, &Judge::default());
    assert_eq!(change(&better).verdict, Verdict::Better);
    assert!(!better.fails());
}

#[test]
fn few_pairs_are_never_significant() {
    let (a, b) = (seeds(&[100, 120, 110]), seeds(&[900, 950, 911]));
    let found = compared("period.pp", &a, &b, &Judge::default());
    assert_eq!(change(&found).verdict, Verdict::Unsure);
    assert!(!found.fails());
    assert!(
        found.notes[1].contains("take 6 seeds or more"),
        "{:?}",
        found.notes
    );
}

#[test]
fn other_seeds_are_independent() {
    // Complete separation of 4 and 4: p = 2 / C(8, 4).
    let a = seeds(&[1, 2, 3, 4]);
    let b: Vec<(u64, u64)> = (11..).zip([11, 12, 13, 14]).collect();
    let found = compared("period.pp", &a, &b, &Judge::default());
    let s = change(&found).statistics.as_ref().expect("statistics");
    assert!((s.p - 2.0 / 70.0).abs() < 1e-12, "{}", s.p);
    assert_eq!((s.comparison.shift, s.comparison.cliffs_delta), (10.0, 1.0));
    assert!(found.fails() && found.problems.is_empty());
}

#[test]
fn single_runs_are_exact() {
    let found = compared("period.pp", &[(0, 100)], &[(0, 101)], &Judge::default());
    assert_eq!(change(&found).verdict, Verdict::Worse);
    assert!(change(&found).statistics.is_none() && found.fails());
    assert!(found.tables[0].notes[0].contains("one run is one sample"));
}

#[test]
fn what_is_missing_fails() {
    let a = seeds(&[1, 2, 3]);
    let fewer = compared("period.pp", &a, &a[..2], &Judge::default());
    assert_eq!(fewer.problems.len(), 1);
    assert!(fewer.problems[0].text.contains("seed=3") && fewer.fails());
    let mut other = bench("b", "period.pp", &a);
    other.runs[1].figures[0].0 = "tock".to_owned();
    other.runs[1].code = 1;
    other.runs[1].stop = "lockup".to_owned();
    let results = [bench("a", "period.pp", &a), other];
    let found = compare(&results, &Selection::default(), &Judge::default());
    let told: Vec<&str> = found.problems.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(
        told,
        [
            "the run `seed=2` of b ends with lockup instead of limit",
            "missing in b, but in a: period.pp of `tick` of all runs in seed=2",
            "missing in a, but in b: the signal `tock` of all runs",
        ]
    );
    let mut results = [bench("a", "period.pp", &a), bench("b", "period.pp", &a)];
    results[1]
        .runs
        .iter_mut()
        .for_each(|r| r.group = "fw=x".to_owned());
    let found = compare(&results, &Selection::default(), &Judge::default());
    assert_eq!(found.problems.len(), 2);
    assert!(found.fails() && found.tables.is_empty());
}

#[test]
fn a_selection_must_exist() {
    let results = [bench("a", "period.pp", &seeds(&[1, 2]))];
    let select = Selection {
        signals: vec!["tik".to_owned()],
        metrics: Vec::new(),
    };
    let e = select.check(&results).expect_err("unknown").to_string();
    assert!(
        e.contains("`tik`") && e.contains("did you mean `tick`"),
        "{e}"
    );
}
