//! All metrics of a list of intervals: latencies, pauses, critical sections, response times.

use super::histogram::{Histogram, Summary};
use super::mmu::{Mmu, Pauses};
use super::rational::Rational;
use super::times::{BadInput, LONGEST};
use super::worst::{Largest, Worst};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How intervals are analysed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IntervalOptions {
    /// First cycle and end of the run. Without it, from the first begin to the last end.
    pub run: Option<(u64, u64)>,
    /// Core frequency in Hz, for views in seconds and windows given as time.
    pub core_hz: Option<Rational>,
    /// Window lengths of the MMU curve in cycles, beside 1, 2, 5, 10, …
    pub windows: BTreeSet<u64>,
    /// An interval that is longer than this many cycles has missed its deadline.
    pub deadline: Option<u64>,
    /// How many of the longest are listed.
    pub worst: usize,
}

impl Default for IntervalOptions {
    fn default() -> IntervalOptions {
        IntervalOptions {
            run: None,
            core_hz: None,
            windows: BTreeSet::new(),
            deadline: None,
            worst: 10,
        }
    }
}

/// Everything about a list of intervals. The jitter is the p-p of the durations.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IntervalAnalysis {
    /// How many intervals.
    pub count: u64,
    /// First cycle and end of the run that shares refer to. Absent when neither told nor found.
    pub run: Option<(u64, u64)>,
    /// Core frequency in Hz, when it was told.
    pub core_hz: Option<Rational>,
    /// Lengths in cycles.
    pub durations: Option<Summary>,
    /// Every length with its count.
    pub histogram: Histogram,
    /// From an end to the next begin, in cycles, where nothing overlaps: from two intervals.
    pub gaps: Option<Summary>,
    /// Every gap with its count.
    pub gap_histogram: Histogram,
    /// Intervals that missed the deadline, when there is one.
    pub misses: Option<u64>,
    /// Intervals that begin before an earlier one has ended.
    pub overlaps: u64,
    /// Cycles inside any interval; overlapping ones count once.
    pub covered: u64,
    /// Covered cycles over the run's.
    pub share: Option<Rational>,
    /// The longest, by position in the list from 0 and the cycle at which they begin.
    pub worst: Vec<Worst<u64>>,
    /// The least share left by intervals in any window, by window length.
    pub mmu: Vec<Mmu>,
}

impl IntervalAnalysis {
    /// Analyses intervals of begin and end in cycles, ascending by begin.
    ///
    /// # Errors
    /// Intervals that are not ascending, end before they begin or lie outside the run; a run of more than 2^56 cycles.
    pub fn new(
        intervals: &[(u64, u64)],
        options: &IntervalOptions,
    ) -> Result<IntervalAnalysis, BadInput> {
        let run = check(intervals, options.run)?;
        let mut largest = Largest::new(options.worst);
        let (mut gaps, mut overlaps, mut covered_to) = (Vec::new(), 0, None);
        for (i, &(begin, end)) in intervals.iter().enumerate() {
            largest.offer(end - begin, || Worst {
                index: i as u64,
                cycle: begin,
                value: end - begin,
            });
            match covered_to.map(|c| begin.checked_sub(c)) {
                Some(Some(gap)) => gaps.push(gap as i64),
                Some(None) => overlaps += 1,
                None => {}
            }
            covered_to = covered_to.max(Some(end));
        }
        let lengths = intervals.iter().map(|i| (i.1 - i.0) as i64).collect();
        let (histogram, gap_histogram) = (Histogram::of(lengths), Histogram::of(gaps));
        let pauses = run.map(|run| Pauses::new(intervals, run));
        Ok(IntervalAnalysis {
            count: intervals.len() as u64,
            run,
            core_hz: options.core_hz,
            durations: histogram.summary(),
            histogram,
            gaps: gap_histogram.summary(),
            gap_histogram,
            misses: options.deadline.map(|deadline| {
                let late = intervals.iter().filter(|i| i.1 - i.0 > deadline);
                late.count() as u64
            }),
            overlaps,
            covered: pauses.as_ref().map_or(0, Pauses::total),
            share: pauses.as_ref().and_then(Pauses::share),
            worst: largest.into_items().collect(),
            mmu: pauses.map_or(Vec::new(), |p| p.curve(options.windows.iter().copied())),
        })
    }
}

/// Are they ascending and inside the run? Gives the run.
fn check(
    intervals: &[(u64, u64)],
    run: Option<(u64, u64)>,
) -> Result<Option<(u64, u64)>, BadInput> {
    for (index, &(begin, end)) in intervals.iter().enumerate() {
        if end < begin {
            return Err(BadInput::Backwards { index, begin, end });
        }
        let before = index.checked_sub(1).map_or(0, |i| intervals[i].0);
        if begin < before {
            return Err(BadInput::NotAscending {
                index,
                cycle: begin,
                before,
            });
        }
    }
    let ends = intervals.iter().map(|i| i.1).max();
    let found = intervals.first().map(|i| i.0).zip(ends);
    let run = run.or(found);
    if let Some((begin, end)) = run {
        if end < begin {
            return Err(BadInput::Backwards {
                index: 0,
                begin,
                end,
            });
        }
        if end - begin > LONGEST {
            return Err(BadInput::TooLong(end - begin));
        }
        if let Some((first, last)) = found {
            let outside = [first, last]
                .into_iter()
                .find(|c| !(begin..=end).contains(c));
            if let Some(cycle) = outside {
                return Err(BadInput::Outside { cycle, begin, end });
            }
        }
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_gaps_share_and_the_worst() {
        let options = IntervalOptions {
            run: Some((0, 200)),
            worst: 2,
            windows: BTreeSet::from([30]),
            ..IntervalOptions::default()
        };
        let list = [(10, 20), (25, 30), (28, 48), (50, 50), (60, 90)];
        let a = IntervalAnalysis::new(&list, &options).expect("fine");
        let d = a.durations.as_ref().expect("some");
        assert_eq!((a.count, d.min, d.max, d.pp), (5, 0, 30, 30));
        assert_eq!(a.gap_histogram.bins(), [(2, 1), (5, 1), (10, 1)]);
        assert_eq!((a.overlaps, a.covered), (1, 63));
        assert_eq!(a.share.map(|s| s.to_string()).as_deref(), Some("63/200"));
        let worst: Vec<_> = a
            .worst
            .iter()
            .map(|w| (w.index, w.cycle, w.value))
            .collect();
        assert_eq!(worst, [(4, 60, 30), (2, 28, 20)]);
        assert!(
            a.mmu
                .iter()
                .any(|m| m.window == 30 && m.utilisation == Rational::ZERO)
        );
        let text = toml::to_string(&a).expect("TOML");
        assert_eq!(toml::from_str::<IntervalAnalysis>(&text).expect("TOML"), a);
    }

    #[test]
    fn none_and_bad_ones() {
        let a = IntervalAnalysis::new(&[], &IntervalOptions::default()).expect("fine");
        assert_eq!(
            (a.count, a.run, a.durations, a.share),
            (0, None, None, None)
        );
        let run = |run| IntervalOptions {
            run: Some(run),
            ..IntervalOptions::default()
        };
        let quiet = IntervalAnalysis::new(&[], &run((0, 10))).expect("fine");
        assert_eq!(quiet.share, Some(Rational::ZERO));
        let bad = |list: &[(u64, u64)], options: &IntervalOptions| {
            IntervalAnalysis::new(list, options)
                .expect_err("bad")
                .to_string()
        };
        let plain = IntervalOptions::default();
        assert!(bad(&[(5, 4)], &plain).contains("ends at cycle 4"));
        assert!(bad(&[(5, 6), (4, 9)], &plain).contains("before the one before"));
        assert!(bad(&[(5, 60)], &run((0, 50))).contains("cycle 60 lies outside"));
        assert!(bad(&[], &run((9, 5))).contains("before it begins"));
        assert!(bad(&[(0, u64::MAX)], &plain).contains("2^56"));
    }
}
