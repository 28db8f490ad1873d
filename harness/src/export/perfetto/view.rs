//! From events to slices: what the core, its exceptions, pins and tasks are doing at each moment.

use super::text::Line;
use super::trace::{Note, Trace};
use super::tracks::Tracks;
use crate::export::plan::{Shape, Signal, Source};
use emu_core::{Cycles, ProbeEvent, ProbeKind};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The core's mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Thread,
    Handler,
    Sleep,
}

/// What is so at the present event.
pub struct View<'a, W> {
    tracks: Tracks,
    trace: Trace<'a, W>,
    /// Exceptions in progress, the one that runs last.
    active: Vec<u16>,
    sleeps: bool,
    /// The mode that the CPU's track shows.
    mode: Option<Mode>,
    lines: BTreeMap<Source, Line>,
}

impl<'a, W: Write> View<'a, W> {
    /// Before the first event.
    pub fn new(tracks: Tracks, trace: Trace<'a, W>) -> View<'a, W> {
        View {
            tracks,
            trace,
            active: Vec::new(),
            sleeps: false,
            mode: None,
            lines: BTreeMap::new(),
        }
    }

    /// Recording begins.
    pub fn start(&mut self, at: Cycles, signals: &[Signal]) -> io::Result<()> {
        self.show_mode(at)?;
        for signal in signals {
            if signal.shape == Shape::Wire && signal.initial == Some(1) {
                self.begin(at, signal.source, &[])?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, at: Cycles, source: Source, notes: &[(Note, u64)]) -> io::Result<()> {
        match self.tracks.sources.get(&source) {
            Some(&(track, name)) => self.trace.begin(at, track, name, notes),
            None => Ok(()),
        }
    }

    fn end(&mut self, at: Cycles, source: Source) -> io::Result<()> {
        match self.tracks.sources.get(&source) {
            Some(&(track, _)) => self.trace.end(at, track),
            None => Ok(()),
        }
    }

    fn count(&mut self, at: Cycles, source: Source, value: u32) -> io::Result<()> {
        match self.tracks.counters.get(&source) {
            Some(&track) => self.trace.count(at, track, value),
            None => Ok(()),
        }
    }

    fn show_mode(&mut self, at: Cycles) -> io::Result<()> {
        let mode = match (self.sleeps, self.active.is_empty()) {
            (true, _) => Mode::Sleep,
            (false, true) => Mode::Thread,
            (false, false) => Mode::Handler,
        };
        if let Some(cpu) = self.tracks.cpu
            && self.mode.replace(mode) != Some(mode)
        {
            self.trace.end(at, cpu)?;
            let name = self.tracks.modes[mode as usize];
            self.trace.begin(at, cpu, name, &[])?;
        }
        Ok(())
    }

    /// Something was observed. `chained`: an exception return leads into another handler.
    pub fn event(&mut self, event: &ProbeEvent, chained: bool) -> io::Result<()> {
        let at = event.at;
        let pc = (Note::Pc, u64::from(event.pc));
        match event.kind {
            ProbeKind::Edge { net, level } => {
                let source = Source::Net(net.0);
                if level {
                    self.begin(at, source, &[pc])
                } else {
                    self.end(at, source)
                }
            }
            ProbeKind::ExceptionPend { number } => {
                match self.tracks.sources.get(&Source::Exception(number)) {
                    Some(&(track, _)) => self.trace.instant(at, track, self.tracks.pend, &[pc]),
                    None => Ok(()),
                }
            }
            ProbeKind::ExceptionEnter {
                number,
                tail_chained,
            } => {
                self.active.push(number);
                self.show_mode(at)?;
                let notes = [(Note::TailChained, tail_chained.into())];
                self.begin(at, Source::Exception(number), &notes)
            }
            ProbeKind::ExceptionExit { number } => {
                let Some(i) = self.active.iter().rposition(|&n| n == number) else {
                    return Ok(());
                };
                self.active.remove(i);
                self.end(at, Source::Exception(number))?;
                if chained { Ok(()) } else { self.show_mode(at) }
            }
            ProbeKind::Sleep | ProbeKind::Wake => {
                self.sleeps = event.kind == ProbeKind::Sleep;
                self.show_mode(at)
            }
            ProbeKind::Reset => self.reset(at),
            ProbeKind::ClockChange => match (self.tracks.cpu, self.tracks.clocks.get(&at)) {
                (Some(cpu), Some(&name)) => self.trace.instant(at, cpu, name, &[pc]),
                _ => Ok(()),
            },
            ProbeKind::UartTx { port, byte } => self.byte(at, Source::Tx(port), byte),
            ProbeKind::UartRx { port, byte } => self.byte(at, Source::Rx(port), byte),
            ProbeKind::Itm {
                port,
                width: 1,
                value,
            } => self.byte(at, Source::Itm(port), value as u8),
            ProbeKind::Itm { port, value, .. } => {
                self.say(at, Source::Itm(port), &format!("{value:#x}"), at)
            }
            ProbeKind::Enter { place, .. } => self.enter(event, place),
            ProbeKind::Return { place, .. } => self.end(at, Source::Place(place)),
            ProbeKind::Store { variable, value } => self.store(event, variable, value),
            ProbeKind::TimerCapture {
                device,
                channel,
                value,
            } => self.count(at, Source::Capture(device, channel), value),
        }
    }
    fn say(&mut self, at: Cycles, source: Source, text: &str, first: Cycles) -> io::Result<()> {
        match self.tracks.sources.get(&source) {
            Some(&(track, _)) => self.trace.say(at, track, text, first),
            None => Ok(()),
        }
    }

    fn byte(&mut self, at: Cycles, source: Source, byte: u8) -> io::Result<()> {
        match self.lines.entry(source).or_default().push(at, byte) {
            Some((text, first)) => self.say(at, source, &text, first),
            None => Ok(()),
        }
    }

    fn enter(&mut self, event: &ProbeEvent, place: u16) -> io::Result<()> {
        let Some(&(track, name)) = self.tracks.sources.get(&Source::Place(place)) else {
            return Ok(());
        };
        if self.tracks.instants.contains(&place) {
            self.trace.instant(event.at, track, name, &[])
        } else {
            self.trace.begin(event.at, track, name, &[])
        }
    }

    /// A variable is written: another object is current, or a counter counts.
    fn store(&mut self, event: &ProbeEvent, variable: u16, value: u32) -> io::Result<()> {
        let at = event.at;
        let Some(objects) = self.tracks.objects.get(&variable) else {
            return self.count(at, Source::Variable(variable), value);
        };
        let new = objects.get(&value);
        if let Some(&(track, _)) = new
            && self.trace.is_open(track)
        {
            return Ok(());
        }
        for &(track, _) in objects.values() {
            self.trace.end(at, track)?;
        }
        match new {
            Some(&(track, name)) => {
                let pc = (Note::Pc, event.pc.into());
                let value = (Note::Value, value.into());
                self.trace.begin(at, track, name, &[pc, value])
            }
            None => Ok(()),
        }
    }

    /// The core is reset: nothing is active any more. Pins and memory show themselves what becomes of them.
    fn reset(&mut self, at: Cycles) -> io::Result<()> {
        self.active.clear();
        self.sleeps = false;
        for (source, &(track, _)) in &self.tracks.sources {
            if matches!(source, Source::Exception(_) | Source::Place(_)) {
                while self.trace.is_open(track) {
                    self.trace.end(at, track)?;
                }
            }
        }
        self.show_mode(at)?;
        match self.tracks.cpu {
            Some(cpu) => self.trace.instant(at, cpu, self.tracks.reset, &[]),
            None => Ok(()),
        }
    }

    /// The run is over.
    pub fn finish(mut self, at: Cycles) -> io::Result<()> {
        for (source, mut line) in std::mem::take(&mut self.lines) {
            if let Some((text, first)) = line.take() {
                self.say(at, source, &text, first)?;
            }
        }
        self.trace.finish(at)
    }
}
