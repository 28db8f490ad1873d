//! VCD (IEEE 1364 §18): pins, exceptions and sleep as wires, bytes of serial ports as vectors.
//!
//! Times are rounded to picoseconds. sigrok up to 0.5 gives up at vectors and skips strings, so that
//! everything but bytes is a wire: an `exc_` wire is high while that handler runs.

use super::{Change, Plan, Signal};
use crate::capture::Capture;
use emu_core::Cycles;
use std::io::{self, Write};
use vcd::{IdCode, SimulationCommand, TimescaleUnit, Value, Writer};

pub fn write(capture: &Capture, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    let (header, summary) = (&capture.header, &capture.summary);
    let mut vcd = Writer::new(out);
    vcd.version(&header.tool)?;
    vcd.comment(&format!(
        "machine {}, firmware sha256 {}, seed {}",
        header.machine, header.elf_sha256, header.seed
    ))?;
    vcd.timescale(1, TimescaleUnit::PS)?;
    vcd.add_module("tickscope")?;
    let ids = plan
        .signals
        .iter()
        .map(|s| vcd.add_wire(s.width.into(), &s.name.replace('.', "_")))
        .collect::<io::Result<Vec<IdCode>>>()?;
    vcd.upscope()?;
    vcd.enddefinitions()?;

    let mut time = summary.timebase.picoseconds(Cycles(header.start));
    vcd.timestamp(time)?;
    vcd.begin(SimulationCommand::Dumpvars)?;
    for (signal, &id) in plan.signals.iter().zip(&ids) {
        put(&mut vcd, signal, id, signal.initial)?;
    }
    vcd.end()?;
    for Change {
        at, signal, value, ..
    } in plan.changes(capture).map_err(io::Error::other)?
    {
        let now = summary.timebase.picoseconds(at);
        if now != time {
            vcd.timestamp(now)?;
            time = now;
        }
        put(&mut vcd, &plan.signals[signal], ids[signal], value)?;
    }
    // The end of the run, so that viewers show the last level at its full length.
    let end = summary.timebase.picoseconds(summary.last);
    if end > time {
        vcd.timestamp(end)?;
    }
    vcd.flush()
}

fn put<W: Write>(vcd: &mut Writer<W>, signal: &Signal, id: IdCode, value: u16) -> io::Result<()> {
    if signal.width == 1 {
        return vcd.change_scalar(id, value != 0);
    }
    let bits = (0..signal.width)
        .rev()
        .map(|b| Value::from(value >> b & 1 != 0));
    vcd.change_vector(id, bits)
}
