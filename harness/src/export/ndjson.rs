//! NDJSON: `{"cy":1680,"sig":"PA5","v":1,"pc":134218122}`, one change a line.

use super::Plan;
use crate::capture::Capture;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Line<'a> {
    cy: u64,
    sig: &'a str,
    v: u16,
    pc: u32,
}

pub fn write(capture: &Capture, plan: &Plan, mut out: &mut dyn Write) -> io::Result<()> {
    for c in plan.changes(capture).map_err(io::Error::other)? {
        let line = Line {
            cy: c.at.0,
            sig: &plan.signals[c.signal].name,
            v: c.value,
            pc: c.pc,
        };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
