//! One connection: packets in, the machine run in slices, stops out.

use crate::incoming::Incoming;
use crate::monitor::{Halt, Heard};
use crate::refusal::refusal;
use crate::server::Peer;
use crate::target::{Debuggee, Never, Ran};
use crate::wire::{Item, PACKET_SIZE, Wire, frame};
use emu_core::Cycles;
use emu_core::machine::Stop;
use emu_core::timeline::{Back, Companion};
use emu_core::watchpoint::{Hit, WatchKind};
use gdbstub::common::{Signal, Tid};
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, GdbStubError, MultiThreadStopReason};
use gdbstub::target::ext::base::reverse_exec::ReplayLogPosition;
use gdbstub::target::ext::breakpoints as ext;
use std::io;
use std::time::{Duration, Instant};

/// What came of serving for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Served {
    /// The machine ran, and has stopped for a reason that is not gdb's.
    Ran(Stop),
    /// gdb thinks, or the machine runs on.
    Waiting,
    /// gdb killed the run.
    Killed,
    /// gdb let go.
    Detached,
    /// The connection is gone.
    Closed,
}

/// Longest time without a packet after which the caller gets its turn.
const PATIENCE: Duration = Duration::from_millis(50);

type Stub<C> = GdbStubStateMachine<'static, Debuggee<C>, Wire>;
type StubResult<C> = Result<Stub<C>, GdbStubError<Never, io::Error>>;
type Reason = MultiThreadStopReason<u32>;

/// A connection in progress.
pub struct Connection<C: Companion + 'static> {
    /// Taken out while it works.
    stub: Option<Stub<C>>,
    incoming: Incoming,
    wire: Wire,
    /// Packets are acknowledged (until `QStartNoAckMode`).
    acknowledges: bool,
    /// gdb's `qSupported`, to be told again to a new stub.
    supported: Option<Vec<u8>>,
    /// Ctrl-C came between two steps: the next one does not happen.
    interrupted: bool,
    /// Ends the connection when it is dropped.
    _peer: Peer,
}

impl<C: Companion + 'static> Connection<C> {
    /// gdb has connected; `None` when it is gone already.
    pub fn new(peer: Peer, target: &mut Debuggee<C>) -> Option<Connection<C>> {
        let mut connection = Connection {
            stub: None,
            incoming: Incoming::new(peer.bytes.clone()),
            wire: peer.wire.clone(),
            acknowledges: true,
            supported: None,
            interrupted: false,
            _peer: peer,
        };
        connection.stub = Some(connection.new_stub(target)?);
        Some(connection)
    }

    /// Answer packets, and run the machine for a slice when gdb wants it to run, at most to `limit`.
    pub fn serve(&mut self, target: &mut Debuggee<C>, limit: Cycles, slice: u64) -> Served {
        let until = Instant::now() + PATIENCE;
        loop {
            let Some(stub) = self.stub.take() else {
                return Served::Closed;
            };
            let next = match stub {
                GdbStubStateMachine::Idle(_) => match self.incoming.wait(until) {
                    Some(item) => self.item(target, stub, item),
                    None if !self.incoming.is_open() => return Served::Closed,
                    None => {
                        self.stub = Some(stub);
                        return Served::Waiting;
                    }
                },
                GdbStubStateMachine::Running(_) => match self.incoming.urgent() {
                    Some(item) => self.item(target, stub, item),
                    None if !self.incoming.is_open() => return Served::Closed,
                    None => match self.slice(target, stub, limit, slice) {
                        (next, Some(served)) => {
                            self.stub = self.recovered(target, next);
                            return served;
                        }
                        (next, None) => next,
                    },
                },
                // Never reached: Ctrl-C is taken out before the stub sees it.
                GdbStubStateMachine::CtrlCInterrupt(inner) => {
                    inner.interrupt_handled(target, None::<Reason>)
                }
                GdbStubStateMachine::Disconnected(inner) => {
                    return match inner.get_reason() {
                        DisconnectReason::Disconnect => Served::Detached,
                        DisconnectReason::Kill => Served::Killed,
                        DisconnectReason::TargetExited(_)
                        | DisconnectReason::TargetTerminated(_) => Served::Closed,
                    };
                }
            };
            self.stub = self.recovered(target, next);
        }
    }

    /// Does the machine run as far as gdb is concerned?
    pub fn is_running(&self) -> bool {
        matches!(self.stub, Some(GdbStubStateMachine::Running(_)))
    }

    /// The run has come to an end that gdb may want to look at.
    pub fn hold(&mut self, target: &mut Debuggee<C>, why: &str, signal: Signal) -> bool {
        match self.stub.take() {
            Some(GdbStubStateMachine::Running(inner)) => {
                self.say(why);
                target.halted(Halt::Told(why.to_owned()));
                let reason = stopped(target.current(), signal);
                let next = inner.report_stop(target, reason);
                self.stub = self.recovered(target, next);
                self.stub.is_some() && self.incoming.is_open()
            }
            other => {
                self.stub = other;
                false
            }
        }
    }

    /// The firmware has ended itself.
    pub fn exited(&mut self, target: &mut Debuggee<C>, status: i32) {
        if let Some(GdbStubStateMachine::Running(inner)) = self.stub.take() {
            // There is nothing left that could be done about a failure.
            let _ = inner.report_stop(target, Reason::Exited(status as u8));
        }
    }

    /// A line for gdb's console; only while the machine runs.
    pub fn say(&mut self, text: &str) {
        let line = format!("tickscope: {}\n", text.trim_end());
        let sent = self.wire.console(line.as_bytes());
        self.check(&sent);
    }

    fn check(&mut self, sent: &io::Result<()>) {
        if sent.is_err() {
            self.incoming.close();
        }
    }

    fn new_stub(&mut self, target: &mut Debuggee<C>) -> Option<Stub<C>> {
        let mut stub = GdbStub::builder(self.wire.clone())
            .packet_buffer_size(PACKET_SIZE)
            .build()
            .ok()?
            .run_state_machine(target)
            .ok()?;
        if let Some(supported) = self.supported.clone() {
            self.wire.mute(true);
            let fed = feed(target, stub, &supported);
            self.wire.mute(false);
            stub = fed.ok()?;
        }
        Some(stub)
    }

    /// gdbstub gives up on packets that it cannot parse or does not expect. gdb gets an error reply instead, and
    /// a new stub that knows what the old one knew.
    fn recovered(&mut self, target: &mut Debuggee<C>, next: StubResult<C>) -> Option<Stub<C>> {
        match next {
            Ok(stub) => Some(stub),
            Err(error) => {
                self.wire.discard();
                if error.is_connection_error() || self.wire.packet(b"E01").is_err() {
                    self.incoming.close();
                }
                self.new_stub(target)
            }
        }
    }

    // ----- packets -----

    fn item(&mut self, target: &mut Debuggee<C>, stub: Stub<C>, item: Item) -> StubResult<C> {
        let sent = match item {
            Item::Packet(contents) => return self.packet(target, stub, &contents),
            Item::Interrupt => {
                return match stub {
                    GdbStubStateMachine::Running(inner) => {
                        target.halted(Halt::Interrupted);
                        let reason = stopped(target.current(), Signal::SIGINT);
                        inner.report_stop(target, reason)
                    }
                    waiting => {
                        self.interrupted = true;
                        Ok(waiting)
                    }
                };
            }
            Item::Nack => self.wire.again(),
            Item::Damaged if self.acknowledges => self.wire.acknowledge(false),
            Item::TooLong if self.acknowledges => self
                .wire
                .acknowledge(true)
                .and_then(|()| self.wire.packet(b"E01")),
            Item::Damaged | Item::TooLong => self.wire.packet(b"E01"),
        };
        self.check(&sent);
        Ok(stub)
    }

    fn packet(
        &mut self,
        target: &mut Debuggee<C>,
        stub: Stub<C>,
        contents: &[u8],
    ) -> StubResult<C> {
        let mut contents = contents;
        if self.acknowledges {
            let sent = self.wire.acknowledge(true);
            self.check(&sent);
        }
        let has_thread = |n| Tid::new(n).is_some_and(|tid| target.has_thread(tid));
        if let Some(refusal) = refusal(contents, has_thread) {
            let sent = self.wire.packet(refusal);
            self.check(&sent);
            return Ok(stub);
        }
        if contents.starts_with(b"qSupported") {
            // An empty feature at the end is none.
            contents = contents.strip_suffix(b";").unwrap_or(contents);
        }
        // gdbstub leaves this one without an answer; gdb waits for it.
        if contents.starts_with(b"vKill;") {
            let sent = self.wire.packet(b"OK");
            self.check(&sent);
        }
        let stub = feed(target, stub, contents)?;
        if contents.starts_with(b"qSupported") {
            self.supported = Some(contents.to_vec());
        }
        if contents == b"QStartNoAckMode" {
            self.acknowledges = false;
        }
        let interrupted = std::mem::take(&mut self.interrupted);
        match stub {
            // gdb wants many steps to end, not a run that has not begun.
            GdbStubStateMachine::Running(inner) if interrupted && target.action.is_step() => {
                target.halted(Halt::Interrupted);
                let reason = stopped(target.current(), Signal::SIGINT);
                inner.report_stop(target, reason)
            }
            GdbStubStateMachine::Running(_) => {
                target.resumed();
                Ok(stub)
            }
            // It may come with the packets before the next step.
            idle => {
                self.interrupted = interrupted;
                Ok(idle)
            }
        }
    }

    // ----- running -----

    fn slice(
        &mut self,
        target: &mut Debuggee<C>,
        stub: Stub<C>,
        limit: Cycles,
        slice: u64,
    ) -> (StubResult<C>, Option<Served>) {
        let GdbStubStateMachine::Running(inner) = stub else {
            return (Ok(stub), None);
        };
        let incoming = &mut self.incoming;
        let ran = target.run_slice(slice, limit, || !incoming.is_urgent());
        let tid = target.current();
        let reason = match ran {
            Ran::SliceOver => return (Ok(inner.into()), Some(Served::Waiting)),
            Ran::Limit => return (Ok(inner.into()), Some(Served::Ran(Stop::Limit))),
            Ran::Stopped(stop @ (Stop::Limit | Stop::Requested)) => match target.heard(&stop) {
                Heard::Nothing => return (Ok(inner.into()), Some(Served::Ran(stop))),
                Heard::GoOn => return (Ok(inner.into()), Some(Served::Waiting)),
                Heard::Stop(text) => {
                    self.say(&text);
                    target.halted(Halt::Told(text));
                    stopped(tid, Signal::SIGTRAP)
                }
            },
            Ran::Stopped(stop) => match self.report(target, tid, &stop) {
                Some(reason) => {
                    target.halted(Halt::Stop(stop));
                    reason
                }
                None => return (Ok(inner.into()), Some(Served::Ran(stop))),
            },
            Ran::Back(back) => self.went_back(target, tid, back),
        };
        (inner.report_stop(target, reason), None)
    }

    /// What gdb is told of a stop; `None` when it is not for gdb to decide.
    fn report(&mut self, target: &Debuggee<C>, tid: Tid, stop: &Stop) -> Option<Reason> {
        Some(match stop {
            Stop::Stepped => stopped(tid, Signal::SIGTRAP),
            Stop::Breakpoint => breakpoint(target, tid),
            Stop::Watchpoint(hit) => watched(tid, hit),
            Stop::Lockup(text) => {
                self.say(text);
                stopped(tid, Signal::SIGSEGV)
            }
            _ => return None,
        })
    }

    fn went_back(&mut self, target: &mut Debuggee<C>, tid: Tid, back: Back) -> Reason {
        let (reason, halt) = match back {
            Back::Stepped => (stopped(tid, Signal::SIGTRAP), Halt::Stop(Stop::Stepped)),
            Back::Stopped(stop) => {
                let reason = self.report(target, tid, &stop);
                let reason = reason.unwrap_or_else(|| stopped(tid, Signal::SIGTRAP));
                (reason, Halt::Stop(stop))
            }
            Back::Start => {
                let pos = ReplayLogPosition::Begin;
                (
                    Reason::ReplayLog {
                        tid: Some(tid),
                        pos,
                    },
                    Halt::Start,
                )
            }
            Back::Interrupted => (stopped(tid, Signal::SIGINT), Halt::Interrupted),
            Back::Failed(why) => {
                let text = format!("the past cannot be gone through again: {why}");
                self.say(&text);
                (stopped(tid, Signal::SIGTRAP), Halt::Told(text))
            }
        };
        // A condition of the monitor may lie between.
        match target.monitor.went_back(&mut target.timeline) {
            Ok(None) => {
                target.halted(halt);
                reason
            }
            Ok(Some(text)) | Err(text) => {
                self.say(&text);
                target.halted(Halt::Told(text));
                target.threads.forget();
                stopped(target.current(), Signal::SIGTRAP)
            }
        }
    }
}

fn feed<C: Companion + 'static>(
    target: &mut Debuggee<C>,
    mut stub: Stub<C>,
    contents: &[u8],
) -> StubResult<C> {
    for byte in frame(contents) {
        stub = match stub {
            GdbStubStateMachine::Idle(s) => s.incoming_data(target, byte)?,
            GdbStubStateMachine::Running(s) => s.incoming_data(target, byte)?,
            other => return Ok(other),
        };
    }
    Ok(stub)
}

/// gdb wants to be told which thread stopped, even for steps.
fn stopped(tid: Tid, signal: Signal) -> Reason {
    Reason::SignalWithThread { tid, signal }
}

fn breakpoint<C: Companion + 'static>(target: &Debuggee<C>, tid: Tid) -> Reason {
    let pc = target.machine().registers().r[15];
    match target.breakpoint_at(pc) {
        Some(true) => Reason::HwBreak(tid),
        Some(false) => Reason::SwBreak(tid),
        None => stopped(tid, Signal::SIGTRAP),
    }
}

fn watched(tid: Tid, hit: &Hit) -> Reason {
    Reason::Watch {
        tid,
        kind: match hit.kind {
            WatchKind::Read => ext::WatchKind::Read,
            WatchKind::Write => ext::WatchKind::Write,
            WatchKind::Access => ext::WatchKind::ReadWrite,
        },
        addr: hit.watched,
    }
}
