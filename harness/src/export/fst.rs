//! FST, the compressed waveforms of GTKWave (also for Surfer): what VCD holds, at a tenth of its size.
//!
//! Written by the `fst-writer` crate, in sections of bounded size. Times are rounded to picoseconds, as in VCD.

use super::job::{ExportError, Job};
use super::plan::{Shape, Signal};
use super::{Output, wire_name};
use crate::failure::Failure;
use emu_core::Cycles;
use fst_writer::{
    FstFileType, FstHeaderWriter, FstInfo, FstScopeType, FstSignalType, FstVarDirection,
    FstVarType, FstWriteError,
};
use std::io;

/// Bytes of changes that are held before a section is written.
const SECTION: usize = 8 << 20;
/// libfst reads names up to 512 bytes.
const MAX_NAME: usize = 500;

pub fn write(job: &Job<'_>, out: &mut dyn Output) -> Result<(), ExportError> {
    let (header, summary) = (&job.capture.header, &job.capture.summary);
    let signals = &job.plan.signals;
    if signals.is_empty() {
        // libfst does not open such a file.
        let message = "an FST file would have no signal: no pin moved, and nothing else is shown";
        let help = "name pins with --gpio, or show more with --also";
        return Err(ExportError::Refused(Failure::usage(message).help(help)));
    }
    if out.stream_position().is_err() {
        let message = "FST cannot be written to a pipe: lengths are filled in at its end";
        let help = "write a file, or use .vcd";
        return Err(ExportError::Refused(Failure::usage(message).help(help)));
    }
    let mut head = FstHeaderWriter::new(
        out,
        &FstInfo {
            start_time: 0,
            timescale_exponent: -12,
            version: header.tool.chars().take(60).collect(),
            // Equal runs give equal files.
            date: String::new(),
            file_type: FstFileType::Verilog,
        },
    )?;
    head.scope("tickscope", "", FstScopeType::Module)?;
    let declare = |s: &Signal| {
        let mut name = wire_name(&s.name);
        name.truncate(MAX_NAME);
        let kind = match s.shape {
            Shape::Pulse => FstVarType::Event,
            Shape::Wire | Shape::Vector(_) => FstVarType::Wire,
        };
        let bits = FstSignalType::bit_vec(s.shape.width().into());
        head.var(name, bits, kind, FstVarDirection::Implicit, None)
    };
    let ids: Vec<_> = signals.iter().map(declare).collect::<Result<_, _>>()?;
    head.up_scope()?;
    let mut fst = head.finish()?;
    // Two equal bytes of a serial port are two events.
    fst.set_deduplicate(false);
    let mut time = summary.timebase.picoseconds(Cycles(header.start));
    fst.time_change(time)?;
    let mut text = [0; 32];
    for (signal, &id) in signals.iter().zip(&ids) {
        fst.signal_change(id, digits(signal, signal.initial, &mut text))?;
    }
    for change in job.changes()? {
        let now = summary.timebase.picoseconds(change.at);
        if now != time {
            if fst.size() > SECTION {
                fst.flush()?;
            }
            fst.time_change(now)?;
            time = now;
        }
        let value = digits(&signals[change.signal], Some(change.value), &mut text);
        fst.signal_change(ids[change.signal], value)?;
    }
    fst.time_change(time.max(summary.timebase.picoseconds(summary.last)))?;
    fst.finish()?;
    Ok(())
}

/// A value as the format's text: a character for each bit.
fn digits<'t>(signal: &Signal, value: Option<u32>, text: &'t mut [u8; 32]) -> &'t [u8] {
    let width = signal.shape.width();
    for (digit, bit) in text.iter_mut().zip((0..width).rev()) {
        *digit = value.map_or(b'x', |v| b'0' + (v >> bit & 1) as u8);
    }
    &text[..usize::from(width)]
}

impl From<FstWriteError> for ExportError {
    fn from(e: FstWriteError) -> ExportError {
        ExportError::Io(match e {
            FstWriteError::Io(e) => e,
            other => io::Error::other(other),
        })
    }
}
