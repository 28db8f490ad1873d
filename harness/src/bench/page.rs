//! The page of a bench: verdicts, figures of all runs, and plots of each signal.

use super::Outcome;
use crate::analysis::{Places, page_signal};
use crate::report;

/// Runs whose edges are drawn; a page with more would be slow. The tables have all.
const DRAWN: usize = 24;

/// What the page shows.
#[must_use]
pub fn report(outcome: &Outcome) -> report::Report {
    let verdicts = outcome.verdicts().map(|v| report::Verdict {
        name: format!("{} {}", v.run, v.title()),
        wanted: v.wanted.clone(),
        got: if v.got.is_empty() {
            v.message.clone()
        } else {
            v.got.clone()
        },
        passed: v.passed(),
        place: v
            .place
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    });
    let mut verdicts: Vec<report::Verdict> = verdicts.collect();
    verdicts.sort_by_key(|v| v.passed);
    let runs = outcome.runs.iter().take(DRAWN).map(|run| report::Run {
        label: run.id.clone(),
        firmware: run.path.clone(),
        machine: run.machine.clone(),
        seed: Some(run.seed),
        core_hz: run.core_hz,
        cycles: run.cycles,
        signals: run
            .signals
            .iter()
            .map(|s| {
                page_signal(
                    &s.recorded,
                    &s.analysis,
                    &s.figures,
                    &run.timebase,
                    Places(None),
                )
            })
            .collect(),
        ..report::Run::default()
    });
    let tables = outcome.tables().into_iter();
    let tables = tables.map(|t| report::Table {
        title: t.signal,
        columns: std::iter::once("run".to_owned()).chain(t.columns).collect(),
        rows: t
            .rows
            .into_iter()
            .map(|(run, values)| std::iter::once(run).chain(values).collect())
            .collect(),
    });
    let mut notes = Vec::new();
    if outcome.runs.len() > DRAWN {
        notes.push(format!(
            "Plots show the first {DRAWN} of {} runs; the tables at the end have all.",
            outcome.runs.len()
        ));
    }
    let unmodelled = outcome.runs.iter().filter(|r| !r.unmodelled.is_empty());
    notes
        .extend(unmodelled.map(|r| format!("{}: not modelled: {}", r.id, r.unmodelled.join("; "))));
    report::Report {
        title: outcome.name.clone(),
        tool: crate::TOOL.to_owned(),
        command: format!("tickscope bench {}", outcome.file),
        notes,
        runs: runs.collect(),
        verdicts,
        tables: tables.collect(),
    }
}
