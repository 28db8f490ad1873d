//! What the page's scripts read: the columns of numbers behind plots and timeline, packed.

use super::data::{Events, Lane, Report, Run, Signal};
use super::pack;
use super::signals::SignalGroup;
use serde::Serialize;
use std::collections::BTreeMap;

/// All of it.
#[derive(Serialize)]
pub struct Plots<'a> {
    runs: Vec<RunData<'a>>,
    signals: Vec<Vec<SignalData<'a>>>,
}

#[derive(Serialize)]
struct RunData<'a> {
    label: &'a str,
    cycles: f64,
    /// First cycle, its time in seconds, Hz.
    clock: Vec<(f64, f64, f64)>,
    lanes: Vec<LaneData<'a>>,
}

#[derive(Serialize)]
struct LaneData<'a> {
    name: &'a str,
    group: &'static str,
    at: String,
    value: Values,
    names: &'a BTreeMap<u32, String>,
}

/// Values of a lane.
#[derive(Serialize)]
#[serde(untagged)]
enum Values {
    /// 0 and 1 by turns, beginning with this one. Most lanes are so.
    Alternating(u32),
    Packed(String),
}

impl Values {
    fn of(changes: &[(u64, u32)]) -> Values {
        let first = changes.first().map_or(0, |c| c.1);
        let by_turns = |(i, c): (usize, &(u64, u32))| c.1 == (first + (i & 1) as u32) & 1;
        if first <= 1 && changes.iter().enumerate().all(by_turns) {
            Values::Alternating(first)
        } else {
            Values::Packed(pack::cycles(changes.iter().map(|c| c.1.into())))
        }
    }
}

#[derive(Serialize)]
struct SignalData<'a> {
    run: usize,
    name: &'a str,
    at: String,
    /// Lengths of intervals; absent for edges.
    #[serde(skip_serializing_if = "Option::is_none")]
    lengths: Option<String>,
    /// Thousandths of cycles.
    values: String,
    bins: String,
    counts: String,
    hz: String,
    amplitude: String,
    windows: String,
    share: String,
}

impl<'a> Plots<'a> {
    /// The data of this report, with its signals in these groups.
    pub fn of(report: &'a Report, groups: &[SignalGroup<'a>]) -> Plots<'a> {
        let signals = groups
            .iter()
            .map(|g| g.members.iter().map(|&(run, s)| signal(run, s)).collect());
        Plots {
            runs: report.runs.iter().map(run).collect(),
            signals: signals.collect(),
        }
    }
}

fn run(run: &Run) -> RunData<'_> {
    let mut lanes: Vec<&Lane> = run.lanes.iter().collect();
    lanes.sort_by_key(|l| l.group);
    let mut clock: Vec<_> = run
        .clock
        .iter()
        .map(|s| (s.from as f64, s.start_ps as f64 * 1e-12, s.hz))
        .collect();
    if clock.is_empty() {
        clock.push((0.0, 0.0, run.core_hz));
    }
    RunData {
        label: &run.label,
        cycles: run.cycles as f64,
        clock,
        lanes: lanes.into_iter().map(lane).collect(),
    }
}

fn lane(lane: &Lane) -> LaneData<'_> {
    LaneData {
        name: &lane.name,
        group: lane.group.name(),
        at: pack::cycles(lane.changes.iter().map(|c| c.0)),
        value: Values::of(&lane.changes),
        names: &lane.names,
    }
}

fn signal(run: usize, s: &Signal) -> SignalData<'_> {
    let (at, lengths) = match &s.events {
        Events::Edges(at) => (pack::cycles(at.iter().copied()), None),
        Events::Intervals(v) => (
            pack::cycles(v.iter().map(|i| i.0)),
            Some(pack::cycles(v.iter().map(|i| i.1.saturating_sub(i.0)))),
        ),
    };
    SignalData {
        run,
        name: &s.name,
        at,
        lengths,
        values: pack::thousandths(s.values.iter().copied()),
        bins: pack::deltas(s.histogram.iter().map(|b| b.0)),
        counts: pack::cycles(s.histogram.iter().map(|b| b.1)),
        hz: pack::doubles(s.spectrum.iter().map(|b| b.0)),
        amplitude: pack::doubles(s.spectrum.iter().map(|b| b.1)),
        windows: pack::cycles(s.mmu.iter().map(|w| w.0)),
        share: pack::doubles(s.mmu.iter().map(|w| w.1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_that_toggles_needs_no_values() {
        let json = |values: &[u32]| {
            let changes: Vec<(u64, u32)> = (0..).zip(values.iter().copied()).collect();
            serde_json::to_value(Values::of(&changes)).expect("JSON")
        };
        assert_eq!(json(&[]), 0);
        assert_eq!(json(&[1, 0, 1]), 1);
        assert_eq!(json(&[0, 1]), 0);
        for other in [&[0, 0][..], &[1, 1, 0], &[2, 1], &[0, 1, 2]] {
            assert!(json(other).is_string(), "{other:?}");
        }
    }
}
