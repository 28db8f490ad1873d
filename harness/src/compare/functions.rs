//! Cycles by function of several runs side by side.

use crate::profile::ProfileResult;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One function, exception, or `[sleep]`, in all runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Own cycles and calls in each run; `None` where there is no such function.
    pub runs: Vec<Option<(u64, u64)>>,
}

impl Row {
    /// Cycles of a run less those of the first.
    #[must_use]
    pub fn delta(&self, run: usize) -> i64 {
        let of = |n: usize| self.runs[n].map_or(0, |r| r.0) as i64;
        of(run) - of(0)
    }

    fn largest(&self) -> u64 {
        let deltas = (1..self.runs.len()).map(|n| self.delta(n).unsigned_abs());
        deltas.max().unwrap_or(0)
    }
}

/// All functions, those that differ most first.
#[must_use]
pub fn rows(profiles: &[ProfileResult]) -> Vec<Row> {
    let mut all: BTreeMap<String, Vec<Option<(u64, u64)>>> = BTreeMap::new();
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
            row[run] = Some((c + cycles, n + calls));
        }
    }
    let mut rows: Vec<Row> = all
        .into_iter()
        .map(|(name, runs)| Row { name, runs })
        .collect();
    rows.sort_by_key(|r| std::cmp::Reverse(r.largest()));
    rows
}

/// A table for a terminal: the functions that differ, at most `top`.
#[must_use]
pub fn table(labels: &[String], rows: &[Row], top: usize) -> String {
    let mut out = String::new();
    let differ: Vec<&Row> = rows.iter().filter(|r| r.largest() > 0).collect();
    if differ.is_empty() {
        return "every function takes as many cycles in each run\n".to_owned();
    }
    let width = labels
        .iter()
        .map(|l| l.chars().count())
        .max()
        .unwrap_or(0)
        .max(12);
    let _ = write!(out, "{:>width$}", labels[0]);
    for label in &labels[1..] {
        let _ = write!(out, "  {label:>width$}  {:>12}", "difference");
    }
    out.push_str("  cycles of function\n");
    for row in differ.iter().take(top) {
        let cell = |n: usize| row.runs[n].map_or("-".to_owned(), |r| r.0.to_string());
        let _ = write!(out, "{:>width$}", cell(0));
        for n in 1..labels.len() {
            let _ = write!(out, "  {:>width$}  {:>+12}", cell(n), row.delta(n));
        }
        let calls: Vec<String> = row
            .runs
            .iter()
            .map(|r| r.map_or(0, |r| r.1).to_string())
            .collect();
        let same = calls.iter().all(|c| *c == calls[0]);
        let _ = match same {
            true => writeln!(out, "  {}", row.name),
            false => writeln!(out, "  {} (calls: {})", row.name, calls.join(", ")),
        };
    }
    if differ.len() > top {
        let _ = writeln!(out, "{} more functions differ", differ.len() - top);
    }
    out
}
