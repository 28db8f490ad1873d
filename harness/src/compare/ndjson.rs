//! A comparison as one JSON object on each line, for programs.
//!
//! `{"type":"comparison",..}`, then `input`, `first-difference`, `figure` and `problem` lines, then `summary`. Nothing of
//! the host is in it but the names of the files.

use super::change::{Change, Verdict};
use super::comparison::Comparison;
use super::first_difference::{Difference, Next};
use crate::metrics::rational::Rational;
use crate::metrics::value::{MetricValue, Number};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Version of the lines.
pub const SCHEMA: u32 = 1;

/// Write it; the exit code is what the command ends with.
///
/// # Errors
/// What the output gives.
pub fn write(of: &Comparison, exit_code: u8, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |value: Value| writeln!(out, "{value}");
    line(json!({"type": "comparison", "schema": SCHEMA, "tool": crate::TOOL, "notes": of.notes}))?;
    for (label, what) in &of.inputs {
        line(json!({"type": "input", "label": label, "what": what}))?;
    }
    let first = of.inputs.first().map_or("", |i| i.0.as_str());
    for (label, parting) in &of.partings {
        line(json!({
            "type": "first-difference", "run": label, "against": first, "events": parting.events,
            "when": parting.when.as_ref().map(difference), "what": parting.what.as_ref().map(difference),
        }))?;
    }
    for table in &of.tables {
        for row in &table.rows {
            for (run, change) in row.changes.iter().enumerate() {
                let Some(change) = change else {
                    continue;
                };
                let value = |run: usize| row.cells.get(run).copied().flatten();
                let unit = value(0).or(value(run)).map_or("", |v| v.unit.symbol());
                let mut figure = json!({
                    "type": "figure", "group": table.group, "signal": table.title, "metric": row.name,
                    "judged": table.judged, "run": table.labels[run], "against": table.labels[0],
                    "from": value(0).map(number), "to": value(run).map(number), "unit": unit,
                    "difference": change.delta.map(number), "percent": change.percent, "verdict": change.verdict,
                });
                if let Some(statistics) = statistics(change) {
                    figure["statistics"] = statistics;
                }
                line(figure)?;
            }
        }
    }
    for problem in &of.problems {
        let mut value = serde_json::to_value(problem)?;
        value["type"] = json!("problem");
        value["kind"] = json!(problem.kind);
        line(value)?;
    }
    let mut summary = json!({
        "type": "summary", "fails": of.fails(), "problems": of.problems.len(), "exit_code": exit_code,
    });
    for (verdict, n) in of.counts() {
        let name = match verdict {
            Verdict::Same => "same",
            other => other.word(),
        };
        summary[name] = json!(n);
    }
    line(summary)
}

/// Whole where it is; a fraction that JSON has no number for as text.
fn number(value: MetricValue) -> Value {
    match value.number {
        Number::Exact(r) => match whole(r) {
            Some(n) => n.into(),
            None => r.to_string().into(),
        },
        Number::Real(v) => v.into(),
    }
}

fn whole(r: Rational) -> Option<i64> {
    let n = i64::try_from(r.num()).ok()?;
    (r.den() == 1).then_some(n)
}

fn difference(of: &Difference) -> Value {
    let next = |n: &Next| {
        json!({
            "cycle": n.cycle, "ps": (n.attoseconds / 1_000_000).to_string(), "pc": n.pc, "event": n.what,
            "function": n.spot.function, "file": n.spot.file, "line": n.spot.line,
        })
    };
    let [a, b] = &of.next;
    json!({"cycle": of.cycle(), "same_events": of.same, "next": [next(a), next(b)]})
}

fn statistics(change: &Change) -> Option<Value> {
    let s = change.statistics.as_ref()?;
    let c = &s.comparison;
    Some(json!({
        "runs": [c.first, c.second], "tests": c.tests, "p": c.p(), "p_holm": s.p, "least_p": c.least_p,
        "cliffs_delta": c.cliffs_delta, "shift": c.shift, "interval": c.interval, "wasserstein": c.wasserstein,
    }))
}
