//! A run that gdb may attach to, and drives while it is attached.

use crate::connection::{Connection, Served};
use crate::server::Server;
use crate::target::Debuggee;
use crate::{Error, Options};
use emu_core::Cycles;
use emu_core::machine::Stop;
use emu_core::timeline::{Companion, Timeline};
use gdbstub::common::Signal;
use std::time::Duration;

/// What a call of [`Debugger::advance`] came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Advance {
    /// The machine has stopped for a reason that is not gdb's: the limit was reached, or one of the others that end
    /// or interrupt a run.
    Ran(Stop),
    /// Nothing to tell: gdb thinks, nobody has attached yet, or the machine runs on.
    Waiting,
    /// gdb killed the run.
    Killed,
    /// gdb let go; the run goes on.
    Detached,
    /// The connection is gone.
    Closed,
}

/// As what gdb is told that a run has come to an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// Somebody wanted it to stop here.
    Stop,
    /// It has used up its time.
    Limit,
    /// It waits for something that does not come.
    Wait,
    /// It went wrong.
    Fault,
}

/// Time that a call waits for gdb to attach.
const PATIENCE: Duration = Duration::from_millis(50);

/// A run under gdb.
pub struct Debugger<C: Companion + 'static> {
    target: Debuggee<C>,
    server: Server,
    options: Options,
    connection: Option<Connection<C>>,
    /// Somebody has attached before.
    attached: bool,
}

impl<C: Companion + 'static> Debugger<C> {
    /// Serve this run.
    #[must_use]
    pub fn new(timeline: Timeline<C>, server: Server, options: Options) -> Debugger<C> {
        Debugger {
            target: Debuggee::new(timeline, &options),
            server,
            options,
            connection: None,
            attached: false,
        }
    }

    /// The run.
    pub fn timeline(&mut self) -> &mut Timeline<C> {
        &mut self.target.timeline
    }

    /// The run.
    #[must_use]
    pub fn timeline_ref(&self) -> &Timeline<C> {
        &self.target.timeline
    }

    /// The run, without gdb.
    #[must_use]
    pub fn into_timeline(mut self) -> Timeline<C> {
        self.let_go();
        self.target.timeline
    }

    /// Is gdb there?
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.connection.is_some()
    }

    /// Move the machine as gdb wants it, at most to `limit`, and answer gdb. Comes back after a slice of the run, and
    /// soon when nothing runs, so that the caller can look after its own business.
    ///
    /// # Errors
    /// [`Error::Accept`] when connections cannot be taken.
    pub fn advance(&mut self, limit: Cycles) -> Result<Advance, Error> {
        if self.connection.is_none() && !self.attach()? {
            if self.waits() {
                return Ok(Advance::Waiting);
            }
            let now = self.target.machine().now();
            let until = limit.min(now + self.options.slice);
            let stop = self.target.timeline.run_until(until);
            return Ok(match stop {
                Stop::Limit if until < limit => Advance::Waiting,
                stop => Advance::Ran(stop),
            });
        }
        let Some(connection) = &mut self.connection else {
            return Ok(Advance::Waiting);
        };
        let served = connection.serve(&mut self.target, limit, self.options.slice);
        Ok(match served {
            Served::Ran(stop) => Advance::Ran(stop),
            Served::Waiting => Advance::Waiting,
            Served::Killed => {
                self.let_go();
                Advance::Killed
            }
            Served::Detached => {
                self.let_go();
                self.options.halted = false;
                Advance::Detached
            }
            Served::Closed => {
                self.let_go();
                // Who was in the middle of something finds it there again.
                self.options.halted = true;
                Advance::Closed
            }
        })
    }

    /// The run would end now for a reason that is not gdb's. `true` when gdb was told, as a stop: the run is not over
    /// before gdb says so.
    pub fn hold(&mut self, why: &str, how: Held) -> bool {
        let signal = match how {
            Held::Stop => Signal::SIGTRAP,
            Held::Limit => Signal::SIGXCPU,
            Held::Wait => Signal::SIGINT,
            Held::Fault => Signal::SIGSEGV,
        };
        let Some(connection) = &mut self.connection else {
            return false;
        };
        connection.hold(&mut self.target, why, signal)
    }

    /// The firmware has ended itself: tell gdb, which lets go then. The right time is when all output is out.
    pub fn exited(&mut self, status: i32) {
        if let Some(connection) = &mut self.connection {
            connection.exited(&mut self.target, status);
        }
        self.let_go();
    }

    /// A line for gdb's console, when the machine runs for it.
    pub fn say(&mut self, text: &str) {
        if let Some(connection) = self.connection.as_mut().filter(|c| c.is_running()) {
            connection.say(text);
        }
    }

    /// Nothing runs before gdb has attached, or attached again after its connection was lost.
    fn waits(&self) -> bool {
        self.options.halted && (!self.attached || self.server.accepts_again())
    }

    fn attach(&mut self) -> Result<bool, Error> {
        if self.attached && !self.server.accepts_again() {
            return Ok(false);
        }
        let wait = if self.waits() {
            PATIENCE
        } else {
            Duration::ZERO
        };
        let Some(peer) = self.server.accept(wait).map_err(Error::Accept)? else {
            return Ok(false);
        };
        self.connection = Connection::new(peer, &mut self.target);
        self.attached |= self.connection.is_some();
        Ok(self.connection.is_some())
    }

    fn let_go(&mut self) {
        if self.connection.take().is_some() {
            self.target.remove_stops();
            self.target.disarm();
        }
    }
}
