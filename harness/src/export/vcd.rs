//! VCD (IEEE 1364 §18): levels as wires, instants as events, numbers as vectors.
//!
//! Times are rounded to picoseconds. sigrok up to 0.5 gives up at vectors and skips strings, so that
//! pins, exceptions and sleep are wires: an `exc_` wire is high while that handler runs.

use super::job::{ExportError, Job};
use super::plan::{Shape, Signal};
use super::{Change, wire_name};
use emu_core::Cycles;
use std::io::{self, Write};
use vcd::{IdCode, SimulationCommand, TimescaleUnit, Value, VarType, Writer};

pub fn write(job: &Job<'_>, out: &mut dyn Write) -> Result<(), ExportError> {
    let (header, summary) = (&job.capture.header, &job.capture.summary);
    let signals = &job.plan.signals;
    let mut vcd = Writer::new(out);
    vcd.version(&header.tool)?;
    vcd.comment(&format!(
        "machine {}, firmware sha256 {}, seed {}",
        header.machine, header.elf_sha256, header.seed
    ))?;
    vcd.timescale(1, TimescaleUnit::PS)?;
    vcd.add_module("tickscope")?;
    let declare = |s: &Signal| {
        let kind = match s.shape {
            Shape::Pulse => VarType::Event,
            Shape::Wire | Shape::Vector(_) => VarType::Wire,
        };
        vcd.add_var(kind, s.shape.width().into(), &wire_name(&s.name), None)
    };
    let ids = signals.iter().map(declare);
    let ids = ids.collect::<io::Result<Vec<IdCode>>>()?;
    vcd.upscope()?;
    vcd.enddefinitions()?;

    let mut time = summary.timebase.picoseconds(Cycles(header.start));
    vcd.timestamp(time)?;
    vcd.begin(SimulationCommand::Dumpvars)?;
    for (signal, &id) in signals.iter().zip(&ids) {
        if signal.shape != Shape::Pulse {
            put(&mut vcd, signal, id, signal.initial)?;
        }
    }
    vcd.end()?;
    for Change {
        at, signal, value, ..
    } in job.changes()?
    {
        let now = summary.timebase.picoseconds(at);
        if now != time {
            vcd.timestamp(now)?;
            time = now;
        }
        put(&mut vcd, &signals[signal], ids[signal], Some(value))?;
    }
    // The end of the run, so that viewers show the last level at its full length.
    let end = summary.timebase.picoseconds(summary.last);
    if end > time {
        vcd.timestamp(end)?;
    }
    Ok(vcd.flush()?)
}

fn put<W: Write>(
    vcd: &mut Writer<W>,
    signal: &Signal,
    id: IdCode,
    value: Option<u32>,
) -> io::Result<()> {
    let bit = |b: u8| value.map_or(Value::X, |v| Value::from(v >> b & 1 != 0));
    match signal.shape {
        Shape::Wire | Shape::Pulse => vcd.change_scalar(id, bit(0)),
        Shape::Vector(bits) => vcd.change_vector(id, (0..bits).rev().map(bit)),
    }
}
