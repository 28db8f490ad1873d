//! What is known of single runs beside their signals: cycles, instructions, ledger, functions, how they ended.

use super::change::Judge;
use super::comparison::{Comparison, Kind, Problem};
use super::direction::Direction;
use super::functions;
use super::table::{Row, Table};
use crate::ledger::{Ledger, Row as LedgerRow};
use crate::metrics::rational::Rational;
use crate::metrics::value::{MetricValue, Unit};
use crate::profile::ProfileResult;
use crate::units::time;

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct End {
    /// In words.
    pub text: String,
    /// Exit code of such a run; 0 is well.
    pub code: u8,
    /// At a limit that was set, not at the end of its work.
    pub limit: bool,
}

/// What is known of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// What tables call it.
    pub label: String,
    /// The firmware's file; empty when only its hash is known.
    pub firmware: String,
    /// SHA-256 of the firmware, in hex.
    pub sha256: String,
    /// The machine.
    pub machine: String,
    /// The seed.
    pub seed: u64,
    /// How it ended; a capture does not tell.
    pub end: Option<End>,
    /// The final cycle.
    pub cycles: u64,
    /// Virtual time at the end, in attoseconds.
    pub attoseconds: u128,
    /// Instructions executed.
    pub instructions: Option<u64>,
    /// Cycles by kind.
    pub ledger: Option<Ledger>,
    /// Cycles by function.
    pub profile: Option<ProfileResult>,
}

impl Facts {
    fn describe(&self) -> String {
        let hash: String = self.sha256.chars().take(12).collect();
        let firmware = match self.firmware.is_empty() {
            true => format!("firmware {hash}"),
            false => format!("{} ({hash})", self.firmware),
        };
        let end = self.end.as_ref();
        let end = end.map_or(String::new(), |e| format!(", {}", e.text));
        format!(
            "{firmware} on {}, seed {}{end} at cycle {} ({})",
            self.machine,
            self.seed,
            self.cycles,
            time(self.attoseconds)
        )
    }
}

/// Runs side by side: totals, ledger, functions, ends. Tables of signals come between the first and the last of these.
#[must_use]
pub fn compare(runs: &[Facts], judge: &Judge, top: usize) -> Comparison {
    let labels: Vec<String> = runs.iter().map(|r| r.label.clone()).collect();
    let mut out = Comparison {
        inputs: runs
            .iter()
            .map(|r| (r.label.clone(), r.describe()))
            .collect(),
        tables: vec![totals(runs, &labels, judge)],
        problems: ends(runs),
        ..Comparison::default()
    };
    out.tables.extend(ledger(runs, &labels));
    let profiles: Vec<&ProfileResult> = runs.iter().filter_map(|r| r.profile.as_ref()).collect();
    if profiles.len() == runs.len() {
        out.tables.push(functions::table(&labels, &profiles, top));
    } else {
        let without = runs.iter().filter(|r| r.profile.is_none());
        let without: Vec<&str> = without.map(|r| r.label.as_str()).collect();
        out.notes.push(format!(
            "no cycles by function: {} has no profile (firmware and results of `tickscope profile --json` have)",
            without.join(", ")
        ));
    }
    out
}

fn whole(n: u64, unit: Unit) -> MetricValue {
    MetricValue::exact(Rational::whole(n), unit)
}

fn totals(runs: &[Facts], labels: &[String], judge: &Judge) -> Table {
    let mut table = Table::new("run", labels.to_vec());
    table.judged = true;
    let cycles = runs.iter().map(|r| Some(whole(r.cycles, Unit::Cycles)));
    // Up to a limit, how many cycles there are tells nothing about how fast work is done.
    let done = |r: &Facts| r.end.as_ref().is_some_and(|e| !e.limit);
    let direction = match runs.iter().all(done) {
        true => Direction::Lower,
        false => Direction::Neutral,
    };
    let cycles = Row::exact("cycles".to_owned(), direction, cycles.collect(), judge);
    table.rows.push(cycles);
    let instructions = runs
        .iter()
        .map(|r| Some(whole(r.instructions?, Unit::Count)));
    let mut row = Row::exact(
        "instructions".to_owned(),
        Direction::Neutral,
        instructions.collect(),
        judge,
    );
    if row.cells.iter().any(Option::is_none) {
        // Captures do not count them: nothing has gone.
        row.changes.iter_mut().for_each(|c| *c = None);
    }
    if row.cells.iter().any(Option::is_some) {
        table.rows.push(row);
    }
    table
}

/// Shares of the cycles by what they were spent on, and by how well their cost is known.
fn ledger(runs: &[Facts], labels: &[String]) -> Option<Table> {
    let ledgers: Option<Vec<&Ledger>> = runs.iter().map(|r| r.ledger.as_ref()).collect();
    let ledgers = ledgers?;
    let mut table = Table::new("cycles by what they were spent on", labels.to_vec());
    let mut put = |prefix: &str, all: Vec<Vec<LedgerRow>>| {
        for n in 0..all[0].len() {
            let cells = all.iter().map(|rows| Some(whole(rows[n].1, Unit::Cycles)));
            let cells: Vec<Option<MetricValue>> = cells.collect();
            if cells.iter().flatten().all(|c| c.as_f64() == 0.0) {
                continue;
            }
            let name = format!("{prefix}{}", all[0][n].0);
            let mut row = Row::exact(name, Direction::Neutral, cells, &Judge::default());
            for (change, rows) in row.changes.iter_mut().zip(&all) {
                // In percent of a part they mislead: what counts is the share of the run.
                if let Some(change) = change {
                    let share = |rows: &[LedgerRow]| {
                        let total: f64 = rows.iter().map(|r| r.1 as f64).sum();
                        rows[n].1 as f64 / total.max(1.0) * 100.0
                    };
                    change.percent = Some(share(rows) - share(&all[0]));
                }
            }
            table.rows.push(row);
        }
    };
    put("", ledgers.iter().map(|l| l.kind.rows().to_vec()).collect());
    put(
        "known: ",
        ledgers
            .iter()
            .map(|l| l.provenance.rows().to_vec())
            .collect(),
    );
    let note = "percent are points: by how much the share of the run differs";
    table.notes.push(note.to_owned());
    Some(table)
}

fn ends(runs: &[Facts]) -> Vec<Problem> {
    let Some((first, rest)) = runs.split_first() else {
        return Vec::new();
    };
    let Some(was) = &first.end else {
        return Vec::new();
    };
    let differ = rest.iter().filter_map(|run| {
        let end = run.end.as_ref()?;
        (end != was).then(|| Problem {
            kind: Kind::Ending,
            group: String::new(),
            signal: String::new(),
            metric: String::new(),
            text: format!(
                "{} ends otherwise than {}: {} instead of {}",
                run.label, first.label, end.text, was.text
            ),
            fails: end.code != 0 && end.code != was.code,
        })
    });
    differ.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Verdict;

    fn facts(label: &str, cycles: u64, end: &str, code: u8) -> Facts {
        Facts {
            label: label.to_owned(),
            firmware: "fw.elf".to_owned(),
            sha256: "0123456789abcdef".to_owned(),
            machine: "m".to_owned(),
            seed: 0,
            end: Some(End {
                text: end.to_owned(),
                code,
                limit: end == "limit",
            }),
            cycles,
            attoseconds: 0,
            instructions: Some(5),
            ledger: None,
            profile: None,
        }
    }

    #[test]
    fn a_run_that_fails_now_is_a_failure() {
        let judge = Judge::default();
        let of = |b: Facts| compare(&[facts("a", 10, "exit (0)", 0), b], &judge, 10);
        let same = of(facts("b", 10, "exit (0)", 0));
        assert!(!same.fails() && same.problems.is_empty());
        let otherwise = of(facts("b", 10, "limit", 0));
        assert!(!otherwise.fails() && otherwise.problems.len() == 1);
        let failed = of(facts("b", 10, "lockup", 1));
        assert!(failed.fails());
        let slower = of(facts("b", 11, "exit (0)", 0));
        assert_eq!(slower.with(Verdict::Worse).count(), 1);
        assert!(slower.fails());
        let longer = [facts("a", 10, "limit", 0), facts("b", 11, "limit", 0)];
        assert!(!compare(&longer, &judge, 10).fails());
    }

    #[test]
    fn what_a_capture_does_not_tell_is_not_missing() {
        let mut capture = facts("b", 10, "", 0);
        (capture.instructions, capture.end) = (None, None);
        let both = [facts("a", 10, "exit", 0), capture];
        let found = compare(&both, &Judge::default(), 10);
        assert!(!found.fails() && found.with(Verdict::Missing).count() == 0);
    }
}
