//! Probe events: what a run lets be observed, each with its cycle and the PC that caused it.
//!
//! They never change the run. They are collected in a buffer that is handed on when full; the one
//! who takes it may wait (back-pressure), since virtual time stands still meanwhile.

use crate::nets::NetId;
use crate::time::Cycles;
use serde::{Deserialize, Serialize};

/// One observation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProbeEvent {
    /// When, in core cycles.
    pub at: Cycles,
    /// Address of the instruction that caused it; for hardware causes, of an instruction next to it (which one
    /// depends on where the core loop looked, and is no part of the state).
    pub pc: u32,
    /// What.
    pub kind: ProbeKind,
}

/// What was observed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ProbeKind {
    /// A net changed its level.
    Edge {
        /// Which net.
        net: NetId,
        /// Its new level.
        level: bool,
    },
    /// An exception became pending (its line was asserted, or software pended it).
    ExceptionPend {
        /// Exception number (IPSR encoding: IRQ n is 16 + n).
        number: u16,
    },
    /// The first instruction of a handler starts.
    ExceptionEnter {
        /// Exception number.
        number: u16,
        /// Entered straight from another handler's return.
        tail_chained: bool,
    },
    /// A handler's exception return.
    ExceptionExit {
        /// Exception number.
        number: u16,
    },
    /// A byte has left a UART completely (end of its stop bit).
    UartTx {
        /// Index of the UART.
        port: u8,
        /// The byte.
        byte: u8,
    },
    /// A byte has arrived at a UART completely.
    UartRx {
        /// Index of the UART.
        port: u8,
        /// The byte.
        byte: u8,
    },
    /// The core went to sleep (WFI, WFE, or sleep-on-exit).
    Sleep,
    /// The core woke.
    Wake,
    /// The core clock has another frequency from here.
    ClockChange,
    /// A write to an ITM stimulus port.
    Itm {
        /// Port 0 to 31.
        port: u8,
        /// 1, 2 or 4 bytes.
        width: u8,
        /// The value.
        value: u32,
    },
    /// The core was reset.
    Reset,
    /// Execution has come to a watched address: the instruction there starts.
    Enter {
        /// Index of the watched place.
        place: u16,
        /// Number of the call, for a function whose return is recorded; else zero.
        call: u32,
    },
    /// A watched function has returned: the instruction behind its call starts.
    Return {
        /// Index of the watched place.
        place: u16,
        /// Number of the call that ends.
        call: u32,
    },
    /// A watched variable was written, by the core or by another bus master.
    Store {
        /// Index of the watched variable.
        variable: u16,
        /// Its value behind the write, zero-extended (the first word of a larger one).
        value: u32,
    },
    /// A timer has latched its counter: at an edge of its input, or asked to by software.
    TimerCapture {
        /// Index of the timer among the machine's devices.
        device: u16,
        /// Channel, from 1.
        channel: u8,
        /// What it latched.
        value: u32,
    },
}

/// Which kinds of events are recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProbeMask {
    /// Edges of nets.
    pub edges: bool,
    /// Exceptions: pend, enter, exit.
    pub exceptions: bool,
    /// UART bytes and ITM words.
    pub bytes: bool,
    /// Sleep and wake, clock changes, resets.
    pub power: bool,
    /// Watched places and variables.
    pub watches: bool,
    /// Input captures of timers.
    pub timers: bool,
}

impl ProbeMask {
    /// Everything.
    pub const ALL: ProbeMask = ProbeMask {
        edges: true,
        exceptions: true,
        bytes: true,
        power: true,
        watches: true,
        timers: true,
    };

    /// What either records.
    #[must_use]
    pub fn or(self, other: ProbeMask) -> ProbeMask {
        ProbeMask {
            edges: self.edges || other.edges,
            exceptions: self.exceptions || other.exceptions,
            bytes: self.bytes || other.bytes,
            power: self.power || other.power,
            watches: self.watches || other.watches,
            timers: self.timers || other.timers,
        }
    }
}

/// Takes full buffers and gives back an empty one.
pub type ProbeFlush = Box<dyn FnMut(Vec<ProbeEvent>) -> Vec<ProbeEvent> + Send>;

/// Buffer size at which events are handed on.
const FLUSH_AT: usize = 16 * 1024;

/// The collecting end.
#[derive(Default)]
pub struct Probes {
    /// What is recorded at the moment.
    mask: ProbeMask,
    /// What is recorded when nothing is muted or diverted.
    attached: ProbeMask,
    buffer: Vec<ProbeEvent>,
    flush: Option<ProbeFlush>,
    muted: bool,
    /// Events go here instead, while somebody looks at the past.
    aside: Option<Vec<ProbeEvent>>,
}

impl Probes {
    /// Record the kinds of `mask`; full buffers go to `flush`.
    pub fn attach(&mut self, mask: ProbeMask, flush: ProbeFlush) {
        self.attached = mask;
        self.buffer = Vec::with_capacity(FLUSH_AT);
        self.flush = Some(flush);
        self.set_mask();
    }

    /// Hand on what is buffered and record no more.
    pub fn detach(&mut self) {
        self.flush();
        self.attached = ProbeMask::default();
        self.flush = None;
        self.set_mask();
    }

    /// Record nothing while this is on: what happens was recorded when it happened first.
    pub fn mute(&mut self, on: bool) {
        self.muted = on;
        self.set_mask();
    }

    /// Collect the kinds of `mask` by themselves until [`Probes::end_diversion`]; nothing is handed on meanwhile.
    pub fn divert(&mut self, mask: ProbeMask) {
        self.aside = Some(Vec::new());
        self.mask = mask;
    }

    /// What was collected since [`Probes::divert`].
    pub fn end_diversion(&mut self) -> Vec<ProbeEvent> {
        let events = self.aside.take().unwrap_or_default();
        self.set_mask();
        events
    }

    fn set_mask(&mut self) {
        if self.aside.is_none() {
            self.mask = match self.muted {
                true => ProbeMask::default(),
                false => self.attached,
            };
        }
    }

    /// What is being recorded.
    #[must_use]
    pub fn mask(&self) -> ProbeMask {
        self.mask
    }

    /// Record an event if its kind is wanted.
    #[inline]
    pub fn record(&mut self, at: Cycles, pc: u32, kind: ProbeKind) {
        let wanted = match kind {
            ProbeKind::Edge { .. } => self.mask.edges,
            ProbeKind::ExceptionPend { .. }
            | ProbeKind::ExceptionEnter { .. }
            | ProbeKind::ExceptionExit { .. } => self.mask.exceptions,
            ProbeKind::UartTx { .. } | ProbeKind::UartRx { .. } | ProbeKind::Itm { .. } => {
                self.mask.bytes
            }
            ProbeKind::Sleep | ProbeKind::Wake | ProbeKind::ClockChange | ProbeKind::Reset => {
                self.mask.power
            }
            ProbeKind::Enter { .. } | ProbeKind::Return { .. } | ProbeKind::Store { .. } => {
                self.mask.watches
            }
            ProbeKind::TimerCapture { .. } => self.mask.timers,
        };
        if wanted {
            if let Some(aside) = &mut self.aside {
                aside.push(ProbeEvent { at, pc, kind });
                return;
            }
            self.buffer.push(ProbeEvent { at, pc, kind });
            if self.buffer.len() >= FLUSH_AT {
                self.flush();
            }
        }
    }

    /// Hand on what is buffered.
    pub fn flush(&mut self) {
        if let Some(flush) = &mut self.flush
            && !self.buffer.is_empty()
        {
            self.buffer = flush(std::mem::take(&mut self.buffer));
            self.buffer.clear();
        }
    }
}

impl std::fmt::Debug for Probes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probes")
            .field("mask", &self.mask)
            .field("buffered", &self.buffer.len())
            .finish()
    }
}
