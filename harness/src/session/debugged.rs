//! A run that gdb may attach to: forwards it goes as any run, and it can be taken back.

use super::runnable::{Moved, Runnable};
use crate::outcome::Outcome;
use crate::rtt::{Found, RttPorts};
use crate::terminal::Terminal;
use emu_core::timeline::{Change, Moment, Timeline};
use emu_core::{Bus, Cycles};
use gdb::{Advance, Debugger, Held, Listen, Options, Server};

/// A machine with its past, under gdb when that attaches.
pub struct Debugged {
    debugger: Debugger<RttPorts>,
    /// Where gdb can come back to; `None` when it cannot.
    address: Option<String>,
    /// Hears that gdb is gone.
    terminal: Option<Terminal>,
}

impl Debugged {
    /// Serve this run. Without a terminal nothing is said.
    #[must_use]
    pub fn new(
        timeline: Timeline<RttPorts>,
        server: Server,
        options: Options,
        terminal: Option<Terminal>,
    ) -> Debugged {
        let address = match server.address() {
            Listen::Stdio => None,
            address => Some(address.to_string()),
        };
        Debugged {
            debugger: Debugger::new(timeline, server, options),
            address,
            terminal,
        }
    }

    /// The run, without gdb.
    #[must_use]
    pub fn into_timeline(self) -> Timeline<RttPorts> {
        self.debugger.into_timeline()
    }

    /// The firmware has ended itself: tell gdb.
    pub fn exited(&mut self, status: i32) {
        self.debugger.exited(status);
    }

    fn timeline(&mut self) -> &mut Timeline<RttPorts> {
        self.debugger.timeline()
    }

    /// gdb is gone without a word. What it held stays as it is, until it comes back.
    fn lost(&mut self) -> Moved {
        let Some(address) = &self.address else {
            return Moved::Over(Outcome::Killed);
        };
        if let Some(terminal) = &self.terminal {
            let text = format!("gdb is gone; the run waits for it on {address} (Ctrl-C ends it)");
            terminal.tell("note", &text);
        }
        Moved::Waiting
    }
}

impl Runnable for Debugged {
    fn run_until(&mut self, limit: Cycles) -> Moved {
        let before = self.moment();
        match self.debugger.advance(limit) {
            Ok(Advance::Ran(stop)) => Moved::Ran(stop),
            Ok(Advance::Waiting | Advance::Detached) if self.moment() != before => Moved::Partly,
            Ok(Advance::Waiting | Advance::Detached) => Moved::Waiting,
            Ok(Advance::Killed) => Moved::Over(Outcome::Killed),
            Ok(Advance::Closed) => self.lost(),
            Err(e) => Moved::Over(Outcome::Internal(e.to_string())),
        }
    }

    fn moment(&self) -> Moment {
        self.debugger.timeline_ref().moment()
    }

    fn bus(&mut self) -> &mut Bus {
        self.timeline().machine_mut().bus_mut()
    }

    fn give(&mut self, port: u8, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.timeline().apply(Change::Serial { port, bytes });
    }

    fn end_console(&mut self) {
        self.timeline().apply(Change::ConsoleEnd);
    }

    fn finish(&mut self) {
        let timeline = self.timeline();
        if timeline.is_past()
            && let Err(why) = timeline.seek(timeline.furthest())
            && let Some(terminal) = &self.terminal
        {
            terminal.tell(
                "error",
                &format!("the end of the run is not reached: {why}"),
            );
        }
        let (machine, rtt) = self.timeline().parts_mut();
        rtt.rest(machine.bus_mut());
    }

    fn take_sent(&mut self, port: u8) -> Vec<u8> {
        self.timeline().take_sent(port)
    }

    fn take_found(&mut self) -> Vec<Found> {
        self.timeline().companion_mut().take_found()
    }

    fn channel_name(&self, port: u8) -> Option<&str> {
        self.debugger.timeline_ref().companion().channel_name(port)
    }

    fn furthest(&self) -> Moment {
        self.debugger.timeline_ref().furthest()
    }

    fn is_past(&self) -> bool {
        self.debugger.timeline_ref().is_past()
    }

    fn was_rewritten(&self) -> bool {
        self.debugger.timeline_ref().was_rewritten()
    }

    fn is_attached(&self) -> bool {
        self.debugger.is_attached()
    }

    fn hold(&mut self, outcome: &Outcome) -> bool {
        let how = match outcome {
            Outcome::Limit => Held::Limit,
            Outcome::Asleep => Held::Wait,
            Outcome::Lockup(_) | Outcome::Internal(_) => Held::Fault,
            _ => Held::Stop,
        };
        self.debugger.hold(&outcome.to_string(), how)
    }
}
