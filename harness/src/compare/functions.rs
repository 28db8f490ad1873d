//! Cycles by function of several runs side by side.

use super::change::Judge;
use super::direction::Direction;
use super::table::{Row, Table};
use crate::metrics::rational::Rational;
use crate::metrics::value::{MetricValue, Unit};
use crate::profile::ProfileResult;
use std::collections::BTreeMap;

/// Own cycles and calls of a function in each run; `None` where there is no such function.
type Runs = Vec<Option<(u64, u64)>>;

/// The functions that differ, those that differ most first, at most `top`; with exceptions and sleep they sum to the
/// cycles of the runs.
#[must_use]
pub fn table(labels: &[String], profiles: &[&ProfileResult], top: usize) -> Table {
    let mut rows: Vec<(String, Runs)> = all(profiles).into_iter().collect();
    rows.retain(|(_, runs)| largest(runs) > 0 || calls(runs).is_some());
    rows.sort_by_key(|(_, runs)| std::cmp::Reverse(largest(runs)));
    let mut table = Table::new("functions", labels.to_vec());
    if rows.is_empty() {
        let note = "every function takes as many cycles, and is called as often, in each run";
        table.notes.push(note.to_owned());
    }
    if rows.len() > top {
        let n = rows.len() - top;
        table.notes.push(format!(
            "{n} more functions differ, by less: --top shows more"
        ));
    }
    let cycles = |n: u64| MetricValue::exact(Rational::whole(n), Unit::Cycles);
    table.rows = rows
        .into_iter()
        .take(top)
        .map(|(name, runs)| {
            let name = match calls(&runs) {
                Some(calls) => format!("{name} (calls: {calls})"),
                None => name,
            };
            // A function that a run does not have takes no cycles there.
            let cells = runs.iter().map(|r| Some(cycles(r.map_or(0, |r| r.0))));
            Row::exact(name, Direction::Neutral, cells.collect(), &Judge::default())
        })
        .collect();
    table
}

fn all(profiles: &[&ProfileResult]) -> BTreeMap<String, Runs> {
    let mut all: BTreeMap<String, Runs> = BTreeMap::new();
    for (run, profile) in profiles.iter().enumerate() {
        let functions = profile.functions.iter();
        let functions = functions.map(|f| (f.name.clone(), f.cycles, f.calls));
        let exceptions = profile.exceptions.iter();
        let exceptions = exceptions.map(|e| (format!("[exception {}]", e.name), e.cycles, e.times));
        let rest = [("[sleep]", profile.sleep), ("[other]", profile.other)];
        let rest = rest.map(|(name, cycles)| (name.to_owned(), cycles, 0));
        for (name, cycles, calls) in functions.chain(exceptions).chain(rest) {
            let row = all
                .entry(name)
                .or_insert_with(|| vec![None; profiles.len()]);
            // Static functions may share a name.
            let (c, n) = row[run].unwrap_or_default();
            row[run] = Some((c.saturating_add(cycles), n.saturating_add(calls)));
        }
    }
    all
}

/// The largest difference from the first run.
fn largest(runs: &Runs) -> u64 {
    let of = |n: usize| runs[n].map_or(0, |r| r.0);
    let deltas = (1..runs.len()).map(|n| of(n).abs_diff(of(0)));
    deltas.max().unwrap_or(0)
}

/// How often it was called in each run, when that differs.
fn calls(runs: &Runs) -> Option<String> {
    let calls: Vec<u64> = runs.iter().map(|r| r.map_or(0, |r| r.1)).collect();
    let differ = calls.iter().any(|c| *c != calls[0]);
    let text: Vec<String> = calls.iter().map(u64::to_string).collect();
    differ.then(|| text.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::FunctionRow;

    fn profile(functions: &[(&str, u64, u64)], sleep: u64) -> ProfileResult {
        let functions = functions.iter().map(|&(name, cycles, calls)| FunctionRow {
            name: name.to_owned(),
            address: None,
            line: None,
            cycles,
            total: cycles,
            instructions: cycles,
            calls,
        });
        ProfileResult {
            cycles: 0,
            functions: functions.collect(),
            lines: Vec::new(),
            exceptions: Vec::new(),
            sleep,
            other: 0,
        }
    }

    #[test]
    fn those_that_differ_most_come_first() {
        let a = profile(
            &[("f", 100, 1), ("g", 50, 2), ("same", 7, 1), ("f", 1, 0)],
            5,
        );
        let b = profile(
            &[("f", 90, 1), ("g", 80, 3), ("new", 9, 1), ("same", 7, 1)],
            5,
        );
        let labels = ["a".to_owned(), "b".to_owned()];
        let found = table(&labels, &[&a, &b], 10);
        let shown = found.rows.iter().map(|r| {
            let delta = r.changes[1].as_ref().and_then(|c| c.delta);
            (r.name.as_str(), delta.map_or(0.0, |d| d.as_f64()))
        });
        let shown: Vec<(&str, f64)> = shown.collect();
        let wanted = [
            ("g (calls: 2, 3)", 30.0),
            ("f", -11.0),
            ("new (calls: 0, 1)", 9.0),
        ];
        assert_eq!(shown, wanted);
        let short = table(&labels, &[&a, &b], 2);
        assert_eq!(short.rows.len(), 2);
        assert!(short.notes[0].starts_with("1 more"), "{:?}", short.notes);
        let same = table(&labels, &[&a, &a], 10);
        assert!(same.rows.is_empty() && same.notes[0].starts_with("every function"));
    }
}
