//! `result.ndjson`: one JSON object on each line, for programs that read results.
//!
//! `{"type":"bench",..}`, then for each run `run`, `metric`.. and `verdict`.. lines, then `summary`. Nothing of the host
//! is in it: the same bench gives the same bytes, whatever the number of threads.

use super::Outcome;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Version of the lines.
pub const SCHEMA: u32 = 1;

/// Write the results.
///
/// # Errors
/// What the output gives.
pub fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |value: Value| writeln!(out, "{value}");
    line(json!({
        "type": "bench", "schema": SCHEMA, "tool": crate::TOOL, "name": outcome.name, "file": outcome.file,
    }))?;
    for run in &outcome.runs {
        line(json!({
            "type": "run", "id": run.id, "firmware": run.firmware, "path": run.path, "sha256": run.sha256,
            "machine": run.machine, "machine_hash": run.machine_hash, "set": run.set, "poke": run.poke,
            "stimuli": run.stimuli, "seed": run.seed, "cycles": run.cycles, "instructions": run.instructions,
            "seconds": run.seconds, "stop": run.stop, "state_hash": run.state_hash, "unmodelled": run.unmodelled,
            "core_hz": run.core_hz,
        }))?;
        for signal in &run.signals {
            for figure in &signal.figures {
                let mut value = json!({
                    "type": "metric", "run": run.id, "signal": signal.name, "metric": figure.metric,
                    "value": figure.number(), "unit": figure.value.unit.symbol(), "n": signal.n,
                });
                if let Some(exact) = figure.fraction() {
                    value["exact"] = json!(exact);
                }
                line(value)?;
            }
        }
        for verdict in &run.verdicts {
            let mut value = serde_json::to_value(verdict)?;
            value["type"] = json!("verdict");
            line(value)?;
        }
    }
    // What is said of the bench as a whole is of no run.
    for verdict in &outcome.verdicts {
        let mut value = serde_json::to_value(verdict)?;
        value["type"] = json!("verdict");
        value["run"] = Value::Null;
        line(value)?;
    }
    let (passed, failed, errors) = outcome.counts();
    line(json!({
        "type": "summary", "runs": outcome.runs.len(), "passed": passed, "failed": failed, "errors": errors,
        "exit_code": outcome.exit_code(),
    }))
}
