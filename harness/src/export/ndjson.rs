//! NDJSON: `{"cy":1680,"sig":"PA5","v":1,"pc":134218122}`, one change a line.
//!
//! Where the value of a watched variable is the address of a data object of the firmware, `obj` names that object:
//! `{"cy":1680,"sig":"var.current","v":536871040,"obj":"idle_task","pc":134218122}`.

use super::job::{ExportError, Job};
use super::plan::Source;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Line<'a> {
    cy: u64,
    sig: &'a str,
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    obj: Option<String>,
    pc: u32,
}

pub fn write(job: &Job<'_>, mut out: &mut dyn Write) -> Result<(), ExportError> {
    for c in job.changes()? {
        let signal = &job.plan.signals[c.signal];
        let line = Line {
            cy: c.at.0,
            sig: &signal.name,
            v: c.value,
            obj: match signal.source {
                Source::Variable(v) => job.capture.header.value_name(v, c.value),
                _ => None,
            },
            pc: c.pc,
        };
        serde_json::to_writer(&mut out, &line).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
