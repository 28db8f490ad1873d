//! Metrics against the plainest code that follows the definitions, in whole numbers and quadratic time.

use harness::metrics::edges::{EdgeAnalysis, EdgeOptions};
use harness::metrics::histogram::Histogram;
use harness::metrics::mmu::Pauses;
use harness::metrics::pairing::{Nesting, pair};
use harness::metrics::percentile::Percentile;
use harness::metrics::rational::Rational;
use harness::metrics::reference::Reference;
use proptest::prelude::*;

/// Edges from periods, far from cycle 0.
fn edges(periods: &[u64]) -> Vec<u64> {
    let mut at = 1_000_000_000_000;
    let later = periods.iter().map(|p| {
        at += p;
        at
    });
    std::iter::once(1_000_000_000_000).chain(later).collect()
}

fn range(values: impl Iterator<Item = i128> + Clone) -> (i128, i128) {
    (
        values.clone().min().expect("some"),
        values.max().expect("some"),
    )
}

/// MMU by all windows there are.
fn worst_share(pauses: &[(u64, u64)], run: u64, window: u64) -> Rational {
    let inside = |c: u64| pauses.iter().any(|p| p.0 <= c && c < p.1);
    let paused = (0..=run - window).map(|at| (at..at + window).filter(|&c| inside(c)).count());
    let most = paused.max().expect("a window") as i128;
    Rational::new(i128::from(window) - most, i128::from(window)).expect("fits")
}

proptest! {
    #[test]
    fn edges_by_definition(
        periods in prop::collection::vec(prop_oneof![Just(100u64), 90u64..115, 0u64..1000], 2..60),
        num in 1u64..40_000,
        den in 1u64..400,
    ) {
        let times = edges(&periods);
        let (num, den) = (i128::from(num), i128::from(den));
        let t = Rational::new(num, den).expect("fits");
        let options = EdgeOptions { reference: Reference::Nominal(t), also: (1..12).collect(), ..EdgeOptions::default() };
        let a = EdgeAnalysis::new(&times, &options).expect("ascending");
        // Errors times the denominator, against a clock that starts at cycle 0.
        let x: Vec<i128> = times.iter().zip(0..).map(|(&t, k)| i128::from(t) * den - k * num).collect();
        let cycles = |scaled| Rational::new(scaled, den).expect("fits");
        let (low, high) = range(x.iter().copied());
        prop_assert_eq!(a.tie.as_ref().expect("edges").pp, cycles(high - low));
        for m in &a.mtie {
            let windows = x.windows(m.n as usize + 1).map(|w| range(w.iter().copied()));
            prop_assert_eq!(m.cycles, cycles(windows.map(|(l, h)| h - l).max().expect("a window")));
        }
        for p in &a.n_period {
            let n = p.n as usize;
            let (l, h) = range((n..x.len()).map(|k| x[k] - x[k - n]));
            prop_assert_eq!((p.least, p.greatest), (cycles(l), cycles(h)));
            prop_assert_eq!(Rational::whole(p.pp), cycles(h - l));
        }
        for d in &a.allan {
            let m = d.m as usize;
            let squares: i128 = (2 * m..x.len()).map(|k| (x[k] - 2 * x[k - m] + x[k - 2 * m]).pow(2)).sum();
            let expected = (squares as f64 / (2 * (x.len() - 2 * m)) as f64).sqrt() / (m as f64 * num as f64);
            prop_assert!((d.deviation - expected).abs() <= 1e-14 * expected);
        }
        let c = periods.windows(2).map(|p| p[1].abs_diff(p[0])).max().expect("two");
        prop_assert_eq!(a.cycle_to_cycle.expect("three edges").max, c);
    }

    #[test]
    fn percentiles_by_definition(mut values in prop::collection::vec(-20i64..20, 1..70), ppm in 1u32..1_000_000) {
        let p = Percentile::from_ppm(ppm).expect("inside");
        let ours = Histogram::of(values.clone()).percentile(p).expect("values");
        values.sort_unstable();
        let n = values.len() as u64;
        // The least value with n p or more at or below it.
        let enough = |v: &&i64| values.iter().filter(|w| w <= v).count() as u64 * 1_000_000 >= n * u64::from(ppm);
        prop_assert_eq!(ours.value, *values.iter().find(enough).expect("the last"));
        prop_assert_eq!(ours.supported, n * (1_000_000 - u64::from(ppm)) >= 10_000_000);
    }

    #[test]
    fn utilisation_by_all_windows(
        mut list in prop::collection::vec((0u64..90, 0u64..25), 0..8),
        window in 1u64..115,
    ) {
        for p in &mut list {
            p.1 += p.0;
        }
        list.sort_unstable();
        let m = Pauses::new(&list, (0, 115)).mmu(window).expect("fits");
        prop_assert_eq!(m.utilisation, worst_share(&list, 115, window));
        let there = Pauses::new(&list, (0, 115));
        let inside = |c: u64| list.iter().any(|p| p.0 <= c && c < p.1);
        let paused = (m.at..m.at + window).filter(|&c| inside(c)).count() as i128;
        let left = Rational::new(i128::from(window) - paused, i128::from(window)).expect("fits");
        prop_assert_eq!(left, m.utilisation, "the worst window is at {}", m.at);
        prop_assert!(there.total() <= 115);
    }

    #[test]
    fn pairs_use_each_event_once(
        mut begins in prop::collection::vec(0u64..40, 0..20),
        mut ends in prop::collection::vec(0u64..40, 0..20),
    ) {
        begins.sort_unstable();
        ends.sort_unstable();
        for nesting in [Nesting::First, Nesting::Nested] {
            let p = pair(&begins, &ends, nesting).expect("ascending");
            let pairs = p.intervals.len() as u64;
            prop_assert_eq!(pairs + p.unmatched_ends, ends.len() as u64);
            let inner = if nesting == Nesting::First { p.nested } else { 0 };
            prop_assert_eq!(pairs + p.unmatched_begins + inner, begins.len() as u64);
            prop_assert!(p.intervals.iter().all(|i| i.0 <= i.1 && begins.contains(&i.0) && ends.contains(&i.1)));
            prop_assert!(p.intervals.windows(2).all(|w| w[0].0 <= w[1].0));
            if nesting == Nesting::First {
                prop_assert!(p.intervals.windows(2).all(|w| w[0].1 <= w[1].0), "they do not overlap");
            }
        }
    }
}
