//! A run: slices of virtual time, and between them input, output, and the question whether to go on.
//!
//! A slice is one millisecond of virtual time. Bytes from the host are given to the machine only at
//! its start, and each is recorded, so that a run with input can be told and repeated. What is typed
//! (or piped in) before the firmware can have set up its port is held until the port has spoken. Nothing else
//! from the host reaches the machine: a run without input is a pure function of firmware, machine
//! and seed, whatever the pace, the sinks, the capture, and a debugger that looks on.
//!
//! Under a debugger, whatever would end the run is told to it first ([`Runnable::hold`]): a limit, `--until`, a
//! lockup. When it lets go there, the run ends with that. In the past nothing is given, recorded or told.

mod again;
mod attended;
mod debugged;
mod pace;
mod runnable;

pub use again::Again;
pub use attended::Attended;
pub use debugged::Debugged;
pub use runnable::{Moved, Runnable};

use crate::capture::Writer;
use crate::console::{Console, Input};
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::output::PendingFile;
use crate::progress::Progress;
use crate::rtt::Found;
use crate::timebase;
use crate::units::{self, Span};
use crate::until::Until;
use emu_core::bus::StopOn;
use emu_core::machine::Stop;
use emu_core::notices::Notice;
use emu_core::timeline::Moment;
use emu_core::{Cycles, semihosting};
use pace::Pace;
use std::time::{Duration, Instant};

/// Length of a slice in nanoseconds of virtual time.
const SLICE_NS: u64 = 1_000_000;
/// Least length of a slice in cycles: no instruction takes that long, so that a core which executes none in a
/// slice is known to sleep.
const SLICE_CYCLES: u64 = 4096;
/// Input is held until its port has sent a byte, but not longer than this after power-on.
const HELD_AS: u128 = units::AS_PER_S / 10;
/// How often a run that waits for input looks for Ctrl-C.
const WAIT: Duration = Duration::from_millis(50);
/// Text of a serial port that is kept for the results, in bytes.
const KEPT_TEXT: usize = 1 << 20;

/// How a run shall go.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// End here.
    pub limit: Option<Span>,
    /// End when one of these happens: the condition, and what the bus watches for it.
    pub until: Vec<(Until, StopOn)>,
    /// End when something is used that is not modelled.
    pub strict: bool,
    /// Do not run faster than real time.
    pub pace: bool,
}

/// What one serial port has sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PortText {
    /// Name of the port.
    pub name: String,
    /// What the firmware calls it, for an RTT channel.
    pub channel: Option<String>,
    /// How many bytes.
    pub bytes: u64,
    /// The first of them.
    pub kept: Vec<u8>,
}

/// Bytes that the host gave to a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostInput {
    /// When.
    pub at: Cycles,
    /// Index of the port.
    pub port: u8,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Hears of gaps of the model as they come up.
pub type OnNotice<'a> = Box<dyn FnMut(&Notice) + 'a>;

/// A run in progress.
pub struct Session<'a, M: Runnable + ?Sized> {
    /// What runs.
    pub machine: &'a mut M,
    /// How.
    pub settings: Settings,
    /// Where serial ports go.
    pub console: Console,
    /// Where observations go.
    pub capture: Option<Writer<PendingFile>>,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// The status line.
    pub progress: Progress,
    /// Hears of notices.
    pub on_notice: OnNotice<'a>,
    /// Hears of RTT channels that speak for the first time.
    pub on_channel: Box<dyn FnMut(&Found) + 'a>,
}

/// What a run leaves behind, besides the machine.
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// What each port has sent.
    pub texts: Vec<PortText>,
    /// What the host gave.
    pub inputs: Vec<HostInput>,
    /// Sinks that may still have output to write.
    pub console: Console,
    /// The capture without its end. It was given up when history was changed under it.
    pub capture: Option<Writer<PendingFile>>,
    /// Wall time of the run.
    pub wall: Duration,
}

impl Finished {
    /// The sinks, to wait for their last output.
    pub fn take_console(&mut self) -> Console {
        std::mem::replace(&mut self.console, Console::none())
    }
}

impl<M: Runnable + ?Sized> Session<'_, M> {
    /// Run to the end.
    #[must_use]
    pub fn run(self) -> Finished {
        let started = Instant::now();
        let mut course = Course::new(self);
        let outcome = loop {
            if let Some(outcome) = course.turn() {
                break outcome;
            }
        };
        course.finish(outcome, started)
    }
}

/// The stretch of virtual time that runs without input.
struct Slice {
    end: Cycles,
    /// Its end was reached.
    over: bool,
    /// Instructions before it.
    executed: u64,
}

/// A session on its way.
struct Course<'a, M: Runnable + ?Sized> {
    s: Session<'a, M>,
    texts: Vec<PortText>,
    inputs: Vec<HostInput>,
    /// What was typed and not given yet.
    held: Vec<Input>,
    slice: Slice,
    /// The cycle of the limit, by the clock of the furthest moment.
    limit: Option<Cycles>,
    furthest: Moment,
    pace: Pace,
    /// Notices that were told, and clock segments that were recorded.
    told: usize,
    segments: usize,
    /// Why the run would have ended, and how far it had come, when a debugger took over.
    pending: Option<(Outcome, Moment)>,
    /// Gaps of the model that a debugger was told of under `--strict`.
    gaps: usize,
    /// A debugger was told that the capture cannot be written.
    told_failure: bool,
}

impl<'a, M: Runnable + ?Sized> Course<'a, M> {
    fn new(s: Session<'a, M>) -> Self {
        let bus = s.machine.bus();
        for (_, condition) in &s.settings.until {
            bus.stop_on(condition.clone());
        }
        // A limit of time is another cycle from there on, and a capture has the new segment just there.
        if s.capture.is_some() || matches!(s.settings.limit, Some(Span::Time(_))) {
            bus.stop_on(StopOn::ClockChange);
        }
        let text = |name: &String| PortText {
            name: name.clone(),
            ..PortText::default()
        };
        let ports = bus.serial_ports().iter();
        let texts = ports.map(|p| text(&p.name)).collect();
        let pace = Pace::new(bus);
        let (now, furthest) = (s.machine.moment(), s.machine.furthest());
        Course {
            texts,
            inputs: Vec::new(),
            held: Vec::new(),
            slice: Slice {
                // Slices are counted from here, not from where the last instruction began.
                end: now.position.cycle,
                over: true,
                executed: 0,
            },
            limit: None,
            furthest,
            pace,
            told: 0,
            segments: 1,
            pending: None,
            gaps: 0,
            told_failure: false,
            s,
        }
    }

    /// Move on, and look at what has happened. Gives how the run ends, when it does.
    fn turn(&mut self) -> Option<Outcome> {
        if self.s.interrupt.is_raised() {
            return Some(Outcome::Interrupted);
        }
        if let Some(outcome) = self.let_go() {
            return Some(outcome);
        }
        if !self.s.machine.is_past() {
            self.begin_slice();
            self.limit = self.limit();
        }
        let until = self.limit.unwrap_or(Cycles::MAX).min(self.slice.end);
        let moved = self.s.machine.run_until(until);

        for (at, port, bytes) in self.s.machine.take_given() {
            self.note_input(at, port, bytes);
        }
        if !self.drain() {
            return Some(Outcome::Interrupted);
        }
        let ends = matches!(moved, Moved::Ran(Stop::Exit(_)));
        if let Some(outcome) = self.observe(ends) {
            return Some(outcome);
        }
        let stop = match moved {
            Moved::Ran(stop) => stop,
            Moved::Partly => return None,
            Moved::Waiting => {
                self.pace = Pace::new(self.s.machine.bus());
                return None;
            }
            Moved::Over(outcome) => return Some(outcome),
        };
        let outcome = self.stopped(stop, until);
        if self.s.settings.pace {
            let bus = self.s.machine.bus();
            self.pace.hold(bus.clocks.attoseconds(bus.now));
        }
        outcome
    }

    /// A debugger held the end of the run, and is gone: that was it.
    fn let_go(&mut self) -> Option<Outcome> {
        let (_, at) = self.pending.as_ref()?;
        if self.s.machine.is_attached() {
            return None;
        }
        let still = *at == self.s.machine.furthest();
        let pending = self.pending.take();
        pending.filter(|_| still).map(|(outcome, _)| outcome)
    }

    /// When the last slice is over: give what came in meanwhile, and plan the next one.
    fn begin_slice(&mut self) {
        let furthest = self.s.machine.furthest();
        if furthest < self.furthest {
            // The slice belongs to a history that does not hold any more.
            self.slice.end = furthest.position.cycle;
            self.slice.over = true;
        }
        self.furthest = furthest;
        if !self.slice.over {
            return;
        }
        while let Some(input) = self.s.console.poll() {
            self.held.push(input);
        }
        for input in std::mem::take(&mut self.held) {
            if self.is_ready(&input) {
                self.give(input);
            } else {
                self.held.push(input);
            }
        }
        let position = self.s.machine.moment().position;
        let length = self.s.machine.bus().clocks.cycles_in_ns(SLICE_NS);
        self.slice = Slice {
            end: self.slice.end.max(position.cycle) + length.max(SLICE_CYCLES),
            over: false,
            executed: position.instructions,
        };
    }

    /// The cycle of the limit, by the present clock.
    fn limit(&mut self) -> Option<Cycles> {
        Some(match self.s.settings.limit? {
            Span::Cycles(n) => Cycles(n),
            Span::Time(t) => timebase::cycle_at(self.s.machine.bus().clocks.segments(), t),
        })
    }

    /// Record and tell what is new. Gives why that ends the run, if it does; no debugger holds a run that ends by
    /// itself.
    fn observe(&mut self, ends: bool) -> Option<Outcome> {
        if self.s.capture.is_some() && self.s.machine.was_rewritten() {
            // What it holds did not happen. It is made anew when all is over.
            self.s.machine.bus().probes.detach();
            if let Some(capture) = self.s.capture.take() {
                // Whether it could be written does not matter any more.
                let _ = capture.finish(Cycles::MAX, &[]);
            }
        }
        if !self.s.machine.is_past() {
            self.record_segments();
        }
        let gaps = self.tell_notices();
        let attached = self.s.machine.is_attached() && !ends;
        let strict = self.s.settings.strict && !self.s.machine.is_past();
        if strict && gaps > if attached { self.gaps } else { 0 } {
            if !attached {
                return Some(Outcome::Unmodelled);
            }
            if self.hold(&Outcome::Unmodelled) {
                self.gaps = gaps;
            }
        }
        let failed = self.s.capture.as_ref().is_some_and(Writer::failed);
        if failed && !(attached && self.told_failure) {
            let outcome = Outcome::Internal("the capture cannot be written".to_owned());
            if !attached {
                return Some(outcome);
            }
            self.told_failure = self.hold(&outcome);
        }
        let position = self.s.machine.moment().position;
        let time = self.s.machine.bus().clocks.attoseconds(position.cycle);
        self.s.progress.update(time, position.instructions);
        None
    }

    /// What follows from a stop of the machine, which was to run until this cycle.
    fn stopped(&mut self, stop: Stop, until: Cycles) -> Option<Outcome> {
        match stop {
            Stop::Limit if self.limit == Some(until) => self.end(Outcome::Limit),
            Stop::Limit if self.s.machine.is_past() => None,
            Stop::Limit => {
                let moment = self.s.machine.moment();
                let idle = moment.position.instructions == self.slice.executed
                    && moment == self.s.machine.furthest();
                if idle && self.s.machine.bus().events.next_at() == Cycles::MAX {
                    return self.sleeps_for_good();
                }
                self.slice.over = true;
                None
            }
            Stop::Requested => {
                let met = self.s.machine.bus().take_met();
                let mut until = self.s.settings.until.iter();
                let until = until.find(|(_, s)| met.contains(s))?.0.clone();
                self.end(Outcome::Until(until))
            }
            Stop::Exit(status) => Some(Outcome::Exit(status)),
            Stop::Lockup(fault) => self.end(Outcome::Lockup(fault)),
            Stop::Internal(why) => Some(Outcome::Internal(why)),
            Stop::Asleep => self.end(Outcome::Asleep),
            Stop::Breakpoint => self.end(Outcome::Breakpoint),
            Stop::Stepped => Some(Outcome::Internal("it made a single step".to_owned())),
            Stop::Watchpoint(_) => Some(Outcome::Internal("it stopped at a watchpoint".to_owned())),
            Stop::AwaitsInput => {
                match self.wait_for_input() {
                    Wait::Given | Wait::NotYet => {}
                    Wait::Never => self.s.machine.end_console(),
                }
                None
            }
        }
    }

    /// It sleeps for good. Time goes on to a limit; without one, only the host can wake it.
    fn sleeps_for_good(&mut self) -> Option<Outcome> {
        let held = std::mem::take(&mut self.held);
        let any = !held.is_empty();
        for input in held {
            self.give(input);
        }
        let wait = if any {
            Wait::Given
        } else {
            self.wait_for_input()
        };
        match wait {
            Wait::NotYet => None,
            Wait::Never if self.limit.is_none() => self.end(Outcome::Asleep),
            Wait::Given | Wait::Never => {
                self.slice.over = true;
                None
            }
        }
    }

    /// The run ends with this, unless a debugger wants to look.
    fn end(&mut self, outcome: Outcome) -> Option<Outcome> {
        // Without a debugger that shows it, the past is only gone through.
        let goes_on =
            self.hold(&outcome) || self.s.machine.is_attached() || self.s.machine.is_past();
        (!goes_on).then_some(outcome)
    }

    /// Did a debugger take this end of the run as a stop?
    fn hold(&mut self, outcome: &Outcome) -> bool {
        let held = self.s.machine.hold(outcome);
        if held {
            self.pending = Some((outcome.clone(), self.s.machine.furthest()));
        }
        held
    }

    /// Can the firmware have set up the port that this is for?
    fn is_ready(&mut self, input: &Input) -> bool {
        let Input::Bytes { port, .. } = input else {
            return true;
        };
        let text = self.texts.get(usize::from(*port));
        let spoken = text.is_none_or(|t| t.bytes > 0 || t.name == semihosting::PORT);
        let bus = self.s.machine.bus();
        spoken || bus.clocks.attoseconds(bus.now) >= HELD_AS
    }

    fn give(&mut self, input: Input) {
        let Input::Bytes { port, bytes } = input else {
            return;
        };
        let at = self.s.machine.moment().position.cycle;
        self.note_input(at, port, bytes.clone());
        self.s.machine.give(port, &bytes);
    }

    fn note_input(&mut self, at: Cycles, port: u8, bytes: Vec<u8>) {
        self.s.machine.bus().probes.flush();
        if let Some(capture) = &self.s.capture {
            capture.host_input(at, port, &bytes);
        }
        self.inputs.push(HostInput { at, port, bytes });
    }

    /// Wait a moment for the host, while virtual time stands still.
    fn wait_for_input(&mut self) -> Wait {
        if !self.s.console.is_interactive() {
            return Wait::Never;
        }
        let input = self.s.console.wait(WAIT);
        self.pace = Pace::new(self.s.machine.bus());
        match input {
            Some(input @ Input::Bytes { .. }) => {
                self.give(input);
                Wait::Given
            }
            Some(Input::End) | None => Wait::NotYet,
        }
    }

    /// Move what ports have sent to their sinks. `false` when a sink is gone.
    fn drain(&mut self) -> bool {
        for f in self.s.machine.take_found() {
            self.s.console.add(f.port, &f.name, f.is_text);
            (self.s.on_channel)(&f);
        }
        let mut open = true;
        let count = self.s.machine.bus().serial_ports().len();
        for port in 0..count {
            if self.texts.len() <= port {
                let name = self.s.machine.bus().serial_ports()[port].name.clone();
                self.texts.push(PortText {
                    name,
                    ..PortText::default()
                });
            }
            let sent = self.s.machine.take_sent(port as u8);
            if sent.is_empty() {
                continue;
            }
            let text = &mut self.texts[port];
            text.bytes += sent.len() as u64;
            let room = KEPT_TEXT.saturating_sub(text.kept.len()).min(sent.len());
            text.kept.extend(&sent[..room]);
            open &= self.s.console.send(port as u8, sent);
        }
        open
    }

    fn record_segments(&mut self) {
        let bus = self.s.machine.bus();
        let new = bus.clocks.segments().get(self.segments..);
        let new = new.unwrap_or_default().to_vec();
        if !new.is_empty() {
            self.segments += new.len();
            bus.probes.flush();
            if let Some(capture) = &self.s.capture {
                capture.segments(&new);
            }
        }
    }

    /// Tell new notices. How many gaps of the model are there?
    fn tell_notices(&mut self) -> usize {
        let notices = &self.s.machine.bus().notices;
        // In the past of the run there are fewer than were told.
        for notice in notices.all().iter().skip(self.told) {
            (self.s.on_notice)(notice);
        }
        self.told = notices.all().len().max(self.told);
        notices.unmodelled().count()
    }

    fn finish(mut self, outcome: Outcome, started: Instant) -> Finished {
        self.s.machine.finish();
        let _ = self.drain();
        for (port, text) in (0u8..).zip(&mut self.texts) {
            let name = self.s.machine.channel_name(port);
            text.channel = name.map(str::to_owned);
        }
        self.s.progress.finish();
        self.s.machine.bus().probes.detach();
        self.record_segments();
        Finished {
            outcome,
            texts: self.texts,
            inputs: self.inputs,
            console: self.s.console,
            capture: self.s.capture,
            wall: started.elapsed(),
        }
    }
}

/// What came of waiting for the host.
enum Wait {
    Given,
    NotYet,
    /// Nothing can come any more.
    Never,
}

#[cfg(test)]
mod tests;
