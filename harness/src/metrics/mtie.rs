//! Maximum time interval error (ITU-T G.810): the largest TIE difference inside any window of n periods.

use super::rational::Rational;
use super::scaled::{Scaled, Values, Whole};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// MTIE for one window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mtie {
    /// Window length in periods: n + 1 edges.
    pub n: u64,
    /// In cycles, exact.
    pub cycles: Rational,
}

/// MTIE for all these n, which must not exceed the number of periods. Uses up the errors as its workspace.
///
/// Powers of two come from windows of half the length; any other n from a queue that slides along.
#[must_use]
pub fn mtie(scaled: Scaled, windows: &BTreeSet<u64>) -> Vec<Mtie> {
    let den = scaled.den();
    let found = match scaled.into_values() {
        Values::Narrow(values) => of(values, windows),
        Values::Wide(values) => of(values, windows),
    };
    let cycles = |(n, difference)| {
        Some(Mtie {
            n,
            cycles: Rational::new(difference, den)?,
        })
    };
    found.into_iter().filter_map(cycles).collect()
}

fn of<S: Whole>(values: Vec<S>, windows: &BTreeSet<u64>) -> Vec<(u64, i128)> {
    let (powers, others): (BTreeSet<u64>, BTreeSet<u64>) =
        windows.iter().partition(|n| n.is_power_of_two());
    let slide = |&n: &u64| sliding(&values, n).map(|difference| (n, difference));
    let mut found: Vec<(u64, i128)> = others.iter().filter_map(slide).collect();
    found.extend(doubling(values, &powers));
    found.sort_unstable();
    found
}

/// For each n = 2^j: the extremes of 2^j edges are those of two windows of half the length, made in place.
fn doubling<S: Whole>(values: Vec<S>, powers: &BTreeSet<u64>) -> Vec<(u64, i128)> {
    let mut found = Vec::new();
    let Some(&largest) = powers.last() else {
        return found;
    };
    let (mut high, mut low) = (values.clone(), values);
    let mut width = 1usize;
    // `high[i]` and `low[i]` are the extremes of edges i ..< i + width.
    while high.len() > 1 && width as u64 <= largest {
        // A window of n periods has one edge more than n.
        let wider = |high: &[S], low: &[S], i: usize| {
            let (h, l) = (high[i].max(high[i + 1]), low[i].min(low[i + 1]));
            h.minus(l)
        };
        let mut most = wider(&high, &low, 0);
        let doubled = high.len().saturating_sub(width);
        for i in 0..high.len() - 1 {
            most = most.max(wider(&high, &low, i));
            if i < doubled {
                high[i] = high[i].max(high[i + width]);
                low[i] = low[i].min(low[i + width]);
            }
        }
        if powers.contains(&(width as u64)) {
            found.push((width as u64, most.wide()));
        }
        high.truncate(doubled);
        low.truncate(doubled);
        width *= 2;
    }
    found
}

/// For one n, by two queues of edges: those that can still become the largest, and the least, of a window.
fn sliding<S: Whole>(values: &[S], n: u64) -> Option<i128> {
    let n = usize::try_from(n)
        .ok()
        .filter(|&n| n > 0 && n < values.len())?;
    let (mut high, mut low) = (VecDeque::new(), VecDeque::new());
    let mut most: Option<S> = None;
    for (i, &v) in values.iter().enumerate() {
        keep(&mut high, i, n, |j: usize| values[j] <= v);
        keep(&mut low, i, n, |j: usize| values[j] >= v);
        if i >= n {
            most = most.max(Some(values[high[0]].minus(values[low[0]])));
        }
    }
    most.map(Whole::wide)
}

/// Drops what edge `i` beats, appends it, and drops what left the window.
fn keep(queue: &mut VecDeque<usize>, i: usize, n: usize, beaten: impl Fn(usize) -> bool) {
    while queue.back().is_some_and(|&j| beaten(j)) {
        queue.pop_back();
    }
    queue.push_back(i);
    while queue.front().is_some_and(|&j| i - j > n) {
        queue.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(values: &[i64], n: usize) -> i128 {
        values
            .windows(n + 1)
            .map(|w| w.iter().max().expect("some") - w.iter().min().expect("some"))
            .max()
            .expect("a window")
            .into()
    }

    #[test]
    fn windows_that_do_not_fit_have_none() {
        assert_eq!(sliding(&[1i64, 2], 2), None);
        assert_eq!(sliding(&[1i64, 2], 0), None);
        assert_eq!(sliding::<i64>(&[], 1), None);
        assert!(doubling::<i64>(vec![], &BTreeSet::from([1])).is_empty());
        assert_eq!(doubling(vec![3i64, 1], &BTreeSet::from([1, 2])), [(1, 2)]);
    }

    proptest! {
        #[test]
        fn both_ways_are_the_definition(values in prop::collection::vec(-1000i64..1000, 2..80)) {
            let periods = values.len() - 1;
            for n in 1..=periods {
                prop_assert_eq!(sliding(&values, n as u64), Some(naive(&values, n)));
            }
            let powers: BTreeSet<u64> = (0..7).map(|b| 1 << b).filter(|&n| n <= periods as u64).collect();
            let expected: Vec<_> = powers.iter().map(|&n| (n, naive(&values, n as usize))).collect();
            prop_assert_eq!(doubling(values, &powers), expected);
        }
    }
}
