//! A run: slices of virtual time, and between them input, output, and the question whether to go on.
//!
//! A slice is one millisecond of virtual time. Bytes from the host are given to the machine only at
//! its start, and each is recorded, so that a run with input can be told and repeated. What is typed
//! (or piped in) before the firmware can have set up its port is held until the port has spoken. Nothing else
//! from the host reaches the machine: a run without input is a pure function of firmware, machine
//! and seed, whatever the pace, the sinks and the capture.

use crate::capture::Writer;
use crate::console::{Console, Input};
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::output::PendingFile;
use crate::progress::Progress;
use crate::rtt::{Found, RttPorts};
use crate::timebase;
use crate::units::{self, Span};
use crate::until::Until;
use emu_core::bus::StopOn;
use emu_core::machine::{Machine, Stop};
use emu_core::notices::Notice;
use emu_core::semihosting::{self, Semihosting};
use emu_core::{Bus, Cycles};
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

/// What a session drives: a [`Machine`], or a stand-in for tests.
pub trait Runnable {
    /// Run until something stops it, at the latest before an instruction that would start after `limit`.
    fn run_until(&mut self, limit: Cycles) -> Stop;
    /// The present cycle.
    fn now(&self) -> Cycles;
    /// Instructions executed so far.
    fn instructions(&self) -> u64;
    /// Everything around the core.
    fn bus(&mut self) -> &mut Bus;
    /// The semihosting host, if there is one.
    fn semihosting(&mut self) -> Option<&mut Semihosting>;
}

impl Runnable for Machine {
    fn run_until(&mut self, limit: Cycles) -> Stop {
        Machine::run_until(self, limit)
    }
    fn now(&self) -> Cycles {
        Machine::now(self)
    }
    fn instructions(&self) -> u64 {
        Machine::instructions(self)
    }
    fn bus(&mut self) -> &mut Bus {
        self.bus_mut()
    }
    fn semihosting(&mut self) -> Option<&mut Semihosting> {
        Machine::semihosting(self)
    }
}

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
pub struct Session<'a, M: Runnable> {
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
    /// RTT channels; `None` for a machine that cannot have any.
    pub rtt: Option<RttPorts>,
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
    /// The capture without its end.
    pub capture: Option<Writer<PendingFile>>,
    /// Wall time of the run.
    pub wall: Duration,
}

impl<M: Runnable> Session<'_, M> {
    /// Run to the end.
    #[must_use]
    pub fn run(mut self) -> Finished {
        let names = self.machine.bus().serial_ports().iter();
        let mut texts: Vec<PortText> = names
            .map(|p| PortText {
                name: p.name.clone(),
                ..PortText::default()
            })
            .collect();
        let bus = self.machine.bus();
        for (_, condition) in &self.settings.until {
            bus.stop_on(condition.clone());
        }
        if matches!(self.settings.limit, Some(Span::Time(_))) {
            bus.stop_on(StopOn::ClockChange);
        }
        let mut inputs = Vec::new();
        let mut held: Vec<Input> = Vec::new();
        let (mut told, mut segments) = (0, 1);
        let started = Instant::now();
        let mut pace = Pace::new(self.machine.bus());
        // Slices are counted from here, not from where the last instruction began.
        let mut slice_end = self.machine.now();
        let outcome = loop {
            if self.interrupt.is_raised() {
                break Outcome::Interrupted;
            }
            while let Some(input) = self.console.poll() {
                held.push(input);
            }
            for input in std::mem::take(&mut held) {
                if self.is_ready(&input, &texts) {
                    self.give(input, &mut inputs);
                } else {
                    held.push(input);
                }
            }
            let limit = self.limit();
            let slice = self.machine.bus().clocks.cycles_in_ns(SLICE_NS);
            slice_end = slice_end.max(self.machine.now()) + slice.max(SLICE_CYCLES);
            let until = limit.unwrap_or(Cycles::MAX).min(slice_end);
            let executed = self.machine.instructions();
            let stop = self.run_until(until);

            if !self.drain(&mut texts) {
                break Outcome::Interrupted;
            }
            self.record_segments(&mut segments);
            let unmodelled = self.tell_notices(&mut told);
            if self.settings.strict && unmodelled {
                break Outcome::Unmodelled;
            }
            if self.capture.as_ref().is_some_and(Writer::failed) {
                break Outcome::Internal("the capture cannot be written".to_owned());
            }
            let at = self.machine.now();
            let time = self.machine.bus().clocks.attoseconds(at);
            self.progress.update(time, self.machine.instructions());
            match stop {
                Stop::Limit if limit == Some(until) => break Outcome::Limit,
                Stop::Limit => {
                    let idle = self.machine.instructions() == executed;
                    if idle && self.machine.bus().events.next_at() == Cycles::MAX {
                        // It sleeps for good. Time goes on to a limit; without one, only the host can wake it.
                        let waiting = std::mem::take(&mut held);
                        let any = !waiting.is_empty();
                        for input in waiting {
                            self.give(input, &mut inputs);
                        }
                        if any || self.wait_for_input(&mut inputs) {
                            pace = Pace::new(self.machine.bus());
                        } else if limit.is_none() {
                            break Outcome::Asleep;
                        }
                    }
                }
                Stop::Requested => {
                    let met = self.machine.bus().take_met();
                    let until = self.settings.until.iter().find(|(_, s)| met.contains(s));
                    if let Some((until, _)) = until {
                        break Outcome::Until(until.clone());
                    }
                    if met.is_empty() {
                        break Outcome::Internal("it was stopped without a cause".to_owned());
                    }
                }
                Stop::Exit(status) => break Outcome::Exit(status),
                Stop::Lockup(fault) => break Outcome::Lockup(fault),
                Stop::Internal(why) => break Outcome::Internal(why),
                Stop::Asleep => break Outcome::Asleep,
                Stop::Breakpoint => break Outcome::Breakpoint,
                Stop::Stepped => break Outcome::Internal("it made a single step".to_owned()),
                Stop::Watchpoint(_) => {
                    break Outcome::Internal("it stopped at a watchpoint".to_owned());
                }
                Stop::AwaitsInput => {
                    if self.wait_for_input(&mut inputs) {
                        pace = Pace::new(self.machine.bus());
                    } else if let Some(host) = self.machine.semihosting() {
                        host.close_input();
                    }
                }
            }
            if self.settings.pace {
                pace.hold(time);
            }
        };
        if let Some(rtt) = &mut self.rtt {
            let found = rtt.rest(self.machine.bus());
            self.channels(&found);
        }
        let _ = self.drain(&mut texts);
        for (port, text) in (0u8..).zip(&mut texts) {
            let name = self.rtt.as_ref().and_then(|r| r.channel_name(port));
            text.channel = name.map(str::to_owned);
        }
        self.progress.finish();
        self.machine.bus().probes.detach();
        self.record_segments(&mut segments);
        Finished {
            outcome,
            texts,
            inputs,
            console: self.console,
            capture: self.capture,
            wall: started.elapsed(),
        }
    }

    /// Run, and drain RTT at its cycles on the way.
    fn run_until(&mut self, until: Cycles) -> Stop {
        loop {
            let due = self.rtt.as_ref().map_or(Cycles::MAX, RttPorts::due);
            let stop = self.machine.run_until(until.min(due));
            if stop != Stop::Limit || due > until {
                return stop;
            }
            if let Some(rtt) = &mut self.rtt {
                let found = rtt.drain(self.machine.bus());
                self.channels(&found);
            }
            if self.machine.bus().take_stop_request() {
                return Stop::Requested;
            }
            if due == until {
                return stop;
            }
        }
    }

    fn channels(&mut self, found: &[Found]) {
        for f in found {
            self.console.add(f.port, &f.name, f.is_text);
            (self.on_channel)(f);
        }
    }

    /// The cycle of the limit, by the present clock.
    fn limit(&mut self) -> Option<Cycles> {
        Some(match self.settings.limit? {
            Span::Cycles(n) => Cycles(n),
            Span::Time(t) => timebase::cycle_at(self.machine.bus().clocks.segments(), t),
        })
    }

    /// Can the firmware have set up the port that this is for?
    fn is_ready(&mut self, input: &Input, texts: &[PortText]) -> bool {
        let Input::Bytes { port, .. } = input else {
            return true;
        };
        let text = texts.get(usize::from(*port));
        let spoken = text.is_none_or(|t| t.bytes > 0 || t.name == semihosting::PORT);
        let bus = self.machine.bus();
        spoken || bus.clocks.attoseconds(bus.now) >= HELD_AS
    }

    fn give(&mut self, input: Input, inputs: &mut Vec<HostInput>) {
        let Input::Bytes { port, bytes } = input else {
            return;
        };
        let at = self.machine.now();
        let bus = self.machine.bus();
        bus.probes.flush();
        if let Some(capture) = &self.capture {
            capture.host_input(at, port, &bytes);
        }
        let name = bus.serial_ports().get(usize::from(port));
        if self.rtt.as_mut().is_some_and(|r| r.give(port, &bytes)) {
            // It reaches the firmware with the next drain.
        } else if name.is_some_and(|p| p.name == semihosting::PORT) {
            if let Some(host) = self.machine.semihosting() {
                host.push_input(&bytes);
            }
        } else {
            bus.serial_in(port, &bytes);
        }
        inputs.push(HostInput { at, port, bytes });
    }

    /// Wait for the host while virtual time stands still. `false` when nothing can come.
    fn wait_for_input(&mut self, inputs: &mut Vec<HostInput>) -> bool {
        while self.console.is_interactive() && !self.interrupt.is_raised() {
            if let Some(input) = self.console.wait(WAIT) {
                let bytes = input != Input::End;
                self.give(input, inputs);
                if bytes {
                    return true;
                }
            }
        }
        false
    }

    /// Move what ports have sent to their sinks. `false` when a sink is gone.
    fn drain(&mut self, texts: &mut Vec<PortText>) -> bool {
        let mut open = true;
        let count = self.machine.bus().serial_ports().len();
        for port in 0..count {
            if texts.len() <= port {
                let name = self.machine.bus().serial_ports()[port].name.clone();
                texts.push(PortText {
                    name,
                    ..PortText::default()
                });
            }
            let sent = self.machine.bus().take_sent(port as u8);
            if sent.is_empty() {
                continue;
            }
            let text = &mut texts[port];
            text.bytes += sent.len() as u64;
            let room = KEPT_TEXT.saturating_sub(text.kept.len()).min(sent.len());
            text.kept.extend(&sent[..room]);
            open &= self.console.send(port as u8, sent);
        }
        open
    }

    fn record_segments(&mut self, known: &mut usize) {
        let bus = self.machine.bus();
        let new = bus.clocks.segments().get(*known..).unwrap_or_default();
        if !new.is_empty() {
            *known += new.len();
            let new = new.to_vec();
            bus.probes.flush();
            if let Some(capture) = &self.capture {
                capture.segments(&new);
            }
        }
    }

    /// Tell new notices; is any of them a gap of the model?
    fn tell_notices(&mut self, told: &mut usize) -> bool {
        let notices = &self.machine.bus().notices;
        // In the past of the run there are fewer than were told.
        for notice in notices.all().iter().skip(*told) {
            (self.on_notice)(notice);
        }
        *told = notices.all().len().max(*told);
        notices.unmodelled().next().is_some()
    }
}

/// Keeps virtual time from running ahead of real time.
struct Pace {
    wall: Instant,
    from: u128,
}

impl Pace {
    fn new(bus: &Bus) -> Pace {
        Pace {
            wall: Instant::now(),
            from: bus.clocks.attoseconds(bus.now),
        }
    }

    fn hold(&self, time: u128) {
        let ns = time.saturating_sub(self.from) / 1_000_000_000;
        let due = Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX));
        if let Some(early) = due.checked_sub(self.wall.elapsed()) {
            std::thread::sleep(early);
        }
    }
}

#[cfg(test)]
mod tests;
