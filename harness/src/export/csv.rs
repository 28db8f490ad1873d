//! CSV: `cycles,time_s,signal,value`, one change a line.

use super::Plan;
use crate::capture::Capture;
use std::io::{self, Write};

pub fn write(capture: &Capture, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "cycles,time_s,signal,value")?;
    let timebase = &capture.summary.timebase;
    for c in plan.changes(capture).map_err(io::Error::other)? {
        let time = timebase.decimal_seconds(c.at);
        let signal = &plan.signals[c.signal].name;
        writeln!(out, "{},{time},{signal},{}", c.at, c.value)?;
    }
    Ok(())
}
