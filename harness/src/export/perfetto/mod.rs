//! Perfetto traces (`.perfetto-trace`, `.pftrace`): protocol buffers, for <https://ui.perfetto.dev>.
//!
//! | what | track |
//! |---|---|
//! | the core's mode | `CPU`: slices `thread`, `handler`, `sleep`; instants for clock changes and resets |
//! | an exception | slices from its entry to its return, also while it is preempted; instants `pend` |
//! | a pin | slices while it is high |
//! | a watched function | slices from its entry to its return; instants where no return was recorded |
//! | a watched pointer to data objects (`pxCurrentTCB`) | a group with a track for each object: slices while it points there |
//! | another watched variable (the bytes of a heap in use), captures of timers | counters |
//! | a serial port | an instant for each line, when its last byte is through |
//! | an ITM port | as a serial port; a value of two or four bytes is an instant of its own |
//!
//! Times are rounded to nanoseconds and never go back; each event has its exact `cycle`, the end of a slice its
//! `end_cycle`. The field numbers are in `proto`.

mod ahead;
mod pointers;
mod proto;
mod text;
mod trace;
mod tracks;
mod view;

use super::job::{ExportError, Job};
use ahead::Ahead;
use emu_core::Cycles;
use std::io::Write;
use trace::Layout;
use tracks::Tracks;
use view::View;

pub fn write(job: &Job<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let (header, summary) = (&job.capture.header, &job.capture.summary);
    let mut layout = Layout::default();
    let tracks = Tracks::new(job, &mut layout)?;
    layout.describe_run(&format!(
        "{}: machine {}, firmware sha256 {}, seed {}",
        header.tool, header.machine, header.elf_sha256, header.seed
    ));
    let mut view = View::new(tracks, layout.start(&summary.timebase, out)?);
    view.start(Cycles(header.start), &job.plan.signals)?;
    for (event, chained) in Ahead::new(job.records()?) {
        view.event(&event, chained)?;
    }
    Ok(view.finish(summary.last)?)
}
