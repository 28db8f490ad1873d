//! One session: packets in, the machine run in slices, stops out.

use crate::host::{Answer, Host, Waiting};
use crate::target::{Debuggee, Never, Ran, THREAD};
use crate::wire::{Framer, Item, PACKET_SIZE, Wire, frame};
use crate::{Error, Options};
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use emu_core::machine::{Machine, Stop};
use gdbstub::common::Signal;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, GdbStubError, MultiThreadStopReason};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// How a session ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The firmware ended itself with this status.
    Exited(i32),
    /// gdb killed the run.
    Killed,
    /// gdb let go.
    Detached,
    /// The connection is gone.
    Closed,
}

/// Items that wait while the machine runs; a peer that sends more must wait itself.
const MOST_ITEMS: usize = 1000;
/// Pause before a host is asked again for what it did not have.
const ASK_AGAIN: Duration = Duration::from_millis(10);

type Stub<'m> = GdbStubStateMachine<'static, Debuggee<'m>, Wire>;
type StubResult<'m> = Result<Stub<'m>, GdbStubError<Never, io::Error>>;
type Reason = MultiThreadStopReason<u32>;

/// Serve one connection: bytes come from `bytes` (closed at its end) and go to `wire`.
pub fn run(
    machine: &mut Machine,
    options: &Options,
    host: &mut dyn Host,
    bytes: &Receiver<Vec<u8>>,
    wire: Wire,
) -> Result<End, Error> {
    let mut session = Session {
        target: Debuggee::new(machine, options.firmware.as_ref(), options.limit),
        options,
        host,
        bytes,
        wire,
        framer: Framer::new(),
        items: VecDeque::new(),
        acknowledges: true,
        supported: None,
        exit: None,
        open: true,
    };
    let end = session.run();
    session.target.remove_breakpoints();
    end
}

/// Hand on what the serial ports have sent.
pub fn serial_output(machine: &mut Machine, mut sink: impl FnMut(u8, &str, &[u8])) {
    for port in 0..machine.bus().serial_ports().len() as u8 {
        let bytes = machine.bus_mut().take_sent(port);
        if !bytes.is_empty() {
            let name = &machine.bus().serial_ports()[usize::from(port)].name;
            sink(port, name, &bytes);
        }
    }
}

struct Session<'m, 'a> {
    target: Debuggee<'m>,
    options: &'a Options,
    host: &'a mut dyn Host,
    bytes: &'a Receiver<Vec<u8>>,
    wire: Wire,
    framer: Framer,
    /// What came in and was not looked at.
    items: VecDeque<Item>,
    /// Packets are acknowledged (until `QStartNoAckMode`).
    acknowledges: bool,
    /// gdb's `qSupported`, to be told again to a new stub.
    supported: Option<Vec<u8>>,
    exit: Option<i32>,
    open: bool,
}

impl<'m> Session<'m, '_> {
    fn run(&mut self) -> Result<End, Error> {
        let mut stub = self.new_stub()?;
        loop {
            let next = match stub {
                GdbStubStateMachine::Idle(_) => match self.wait() {
                    Some(item) => self.item(stub, item),
                    None => return Ok(End::Closed),
                },
                GdbStubStateMachine::Running(_) => match self.urgent() {
                    Some(item) => self.item(stub, item),
                    None if !self.open => return Ok(End::Closed),
                    None => self.slice(stub)?,
                },
                // Never reached: Ctrl-C is taken out before the stub sees it.
                GdbStubStateMachine::CtrlCInterrupt(inner) => {
                    inner.interrupt_handled(&mut self.target, None::<Reason>)
                }
                GdbStubStateMachine::Disconnected(inner) => {
                    return Ok(match inner.get_reason() {
                        DisconnectReason::TargetExited(code) => {
                            End::Exited(self.exit.unwrap_or(i32::from(code)))
                        }
                        DisconnectReason::TargetTerminated(_) => End::Closed,
                        DisconnectReason::Disconnect => End::Detached,
                        DisconnectReason::Kill => End::Killed,
                    });
                }
            };
            stub = match next {
                Ok(stub) => stub,
                Err(error) => self.recover(&error)?,
            };
        }
    }

    fn new_stub(&mut self) -> Result<Stub<'m>, Error> {
        let failed = |e: String| Error::Accept(io::Error::other(e));
        let mut stub = GdbStub::builder(self.wire.clone())
            .packet_buffer_size(PACKET_SIZE)
            .build()
            .map_err(|e| failed(e.to_string()))?
            .run_state_machine(&mut self.target)
            .map_err(|e| failed(e.to_string()))?;
        if let Some(supported) = self.supported.clone() {
            self.wire.mute(true);
            stub = self
                .feed(stub, &supported)
                .map_err(|e| failed(e.to_string()))?;
            self.wire.mute(false);
        }
        Ok(stub)
    }

    /// gdbstub gives up on packets that it cannot parse or does not expect. gdb gets an error reply instead, and
    /// a new stub that knows what the old one knew.
    fn recover(&mut self, error: &GdbStubError<Never, io::Error>) -> Result<Stub<'m>, Error> {
        self.wire.discard();
        if error.is_connection_error() || self.wire.packet(b"E01").is_err() {
            self.open = false;
        }
        self.new_stub()
    }

    // ----- incoming -----

    fn take_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(item) = self.framer.push(byte) {
                self.items.push_back(item);
            }
        }
    }

    /// The next item; `None` when the connection is closed and everything was looked at.
    fn wait(&mut self) -> Option<Item> {
        while self.items.is_empty() {
            if !self.open {
                return None;
            }
            match self.bytes.recv() {
                Ok(bytes) => self.take_bytes(&bytes),
                Err(_) => self.open = false,
            }
        }
        self.items.pop_front()
    }

    /// While the target runs, only an interrupt or the end counts; all else waits for the next stop.
    fn urgent(&mut self) -> Option<Item> {
        while self.items.len() < MOST_ITEMS {
            match self.bytes.try_recv() {
                Ok(bytes) => self.take_bytes(&bytes),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.open = false;
                    break;
                }
            }
        }
        let at = self.items.iter().position(|item| match item {
            Item::Interrupt | Item::Nack => true,
            Item::Packet(p) => p == b"k" || p.starts_with(b"vKill") || p.starts_with(b"D"),
            Item::Damaged | Item::TooLong => false,
        })?;
        self.items.remove(at)
    }

    fn item(&mut self, stub: Stub<'m>, item: Item) -> StubResult<'m> {
        let sent = match item {
            Item::Packet(contents) => return self.packet(stub, &contents),
            Item::Interrupt => {
                return match stub {
                    GdbStubStateMachine::Running(inner) => {
                        inner.report_stop(&mut self.target, signal(Signal::SIGINT))
                    }
                    stopped => Ok(stopped),
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
        self.open &= sent.is_ok();
        Ok(stub)
    }

    fn packet(&mut self, stub: Stub<'m>, contents: &[u8]) -> StubResult<'m> {
        if self.acknowledges {
            self.open &= self.wire.acknowledge(true).is_ok();
        }
        if let Some(refusal) = refusal(contents) {
            self.open &= self.wire.packet(refusal).is_ok();
            return Ok(stub);
        }
        // gdbstub leaves this one without an answer; gdb waits for it.
        if contents.starts_with(b"vKill;") {
            self.open &= self.wire.packet(b"OK").is_ok();
        }
        let stub = self.feed(stub, contents)?;
        if contents.starts_with(b"qSupported") {
            self.supported = Some(contents.to_vec());
        }
        if contents == b"QStartNoAckMode" {
            self.acknowledges = false;
        }
        Ok(stub)
    }

    fn feed(&mut self, mut stub: Stub<'m>, contents: &[u8]) -> StubResult<'m> {
        for byte in frame(contents) {
            stub = match stub {
                GdbStubStateMachine::Idle(s) => s.incoming_data(&mut self.target, byte)?,
                GdbStubStateMachine::Running(s) => s.incoming_data(&mut self.target, byte)?,
                other => return Ok(other),
            };
        }
        Ok(stub)
    }

    // ----- running -----

    fn slice(&mut self, stub: Stub<'m>) -> Result<StubResult<'m>, Error> {
        let GdbStubStateMachine::Running(inner) = stub else {
            return Ok(Ok(stub));
        };
        let ran = self.target.run_slice(self.options.slice);
        let (host, wire) = (&mut *self.host, &self.wire);
        let mut told = Ok(());
        serial_output(self.target.machine, |port, name, bytes| {
            host.serial_out(port, name, bytes);
            if self.options.serial_to_gdb && told.is_ok() {
                told = wire.console(bytes);
            }
        });
        self.open &= told.is_ok();
        self.host.between_slices(self.target.machine);
        let stop = match ran {
            Ran::SliceOver => return Ok(Ok(inner.into())),
            Ran::Stopped(stop) => stop,
        };
        let reason = match stop {
            Stop::AwaitsInput if self.wanted(Waiting::Console) => return Ok(Ok(inner.into())),
            Stop::Asleep if self.wanted(Waiting::Asleep) => return Ok(Ok(inner.into())),
            Stop::AwaitsInput => {
                self.say("the firmware waits for console input, and there is none");
                signal(Signal::SIGTTIN)
            }
            Stop::Asleep => {
                self.say("the core sleeps, and nothing can wake it");
                signal(Signal::SIGINT)
            }
            Stop::Limit => {
                self.say(&format!("cycle limit {} reached", self.target.limit.0));
                signal(Signal::SIGXCPU)
            }
            Stop::Watchpoint(_) => signal(Signal::SIGTRAP),
            Stop::Requested => {
                self.say("a stop condition of the run was met");
                signal(Signal::SIGTRAP)
            }
            Stop::Lockup(text) => {
                self.say(&text);
                signal(Signal::SIGSEGV)
            }
            Stop::Exit(code) => {
                self.exit = Some(code);
                MultiThreadStopReason::Exited(code as u8)
            }
            Stop::Stepped => signal(Signal::SIGTRAP),
            Stop::Breakpoint => {
                let pc = self.target.machine.registers().r[15];
                match self.target.breakpoint_at(pc) {
                    Some(true) => MultiThreadStopReason::HwBreak(THREAD),
                    Some(false) => MultiThreadStopReason::SwBreak(THREAD),
                    None => signal(Signal::SIGTRAP),
                }
            }
            Stop::Internal(text) => {
                self.say(&format!("the machine failed: {text}"));
                return Err(Error::Machine(text));
            }
        };
        Ok(inner.report_stop(&mut self.target, reason))
    }

    /// Ask the host for what the machine waits for; may the machine go on?
    fn wanted(&mut self, why: Waiting) -> bool {
        match self.host.wanted(why, self.target.machine) {
            Answer::Given => true,
            Answer::Never => false,
            Answer::NotYet => {
                match self.bytes.recv_timeout(ASK_AGAIN) {
                    Ok(bytes) => self.take_bytes(&bytes),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => self.open = false,
                }
                true
            }
        }
    }

    fn say(&mut self, text: &str) {
        let line = format!("tickscope: {}\n", text.trim_end());
        self.open &= self.wire.console(line.as_bytes()).is_ok();
    }
}

/// gdb wants to be told which thread stopped, even for steps.
fn signal(signal: Signal) -> Reason {
    MultiThreadStopReason::SignalWithThread {
        tid: THREAD,
        signal,
    }
}

/// The answer to packets that must not reach gdbstub: accesses past the last address or beyond any reply (it would
/// compute with them), writes of another length than announced (it would write what there is), and a resumption of
/// nothing (it would run).
fn refusal(contents: &[u8]) -> Option<&'static [u8]> {
    if let Some(rest) = contents.strip_prefix(b"vCont") {
        let mut parts = rest.split(|&b| b == b';');
        let good = match parts.next() {
            Some(b"?") => true,
            Some(b"") => parts.clone().count() > 0 && parts.all(|action| !action.is_empty()),
            _ => false,
        };
        return (!good).then_some(b"E01");
    }
    let (kind, rest) = contents.split_first()?;
    let (head, data) = match rest.iter().position(|&b| b == b':') {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let sent = match (kind, data) {
        (b'm' | b'x', None) => None,
        (b'M', Some(data)) => Some(data.len() as u64),
        (b'X', Some(data)) => Some(unescaped(data)),
        (b'm' | b'x' | b'M' | b'X', _) => return Some(b"E01"),
        _ => return None,
    };
    let mut numbers = head.split(|&b| b == b',').map(|digits| {
        let digits = std::str::from_utf8(digits).ok()?;
        u64::from_str_radix(digits, 16).ok()
    });
    let (address, len) = (numbers.next().flatten(), numbers.next().flatten());
    let (Some(address), Some(len)) = (address, len) else {
        return Some(b"E01");
    };
    let announced = if *kind == b'M' {
        len.saturating_mul(2)
    } else {
        len
    };
    if sent.is_some_and(|sent| sent != announced) {
        return Some(b"E01");
    }
    let fits = len <= PACKET_SIZE as u64 / 2 || sent.is_some();
    (!fits || address.saturating_add(len) > 1 << 32).then_some(b"E0e")
}

/// How many bytes of binary data these stand for: `}` goes before an escaped one.
fn unescaped(data: &[u8]) -> u64 {
    let (mut count, mut escaped) = (0, false);
    for &b in data {
        escaped = !escaped && b == b'}';
        count += u64::from(!escaped);
    }
    count
}
