//! Signals: a capture's events as named values that change.

use crate::capture::{Capture, CaptureError, Record, Records};
use emu_core::{Cycles, ProbeEvent, ProbeKind};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

/// What to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// These nets, in this order; `None` for all that moved.
    pub pins: Option<Vec<u16>>,
    /// Which exception handler runs: one signal for each that was entered.
    pub exceptions: bool,
    /// Whether the core sleeps.
    pub sleep: bool,
    /// Bytes of the serial ports.
    pub uart: bool,
}

/// A named value over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// `PA5`, `exc.SysTick`, `sleep`, `USART2.tx`.
    pub name: String,
    /// Bits.
    pub width: u8,
    /// Value when recording began.
    pub initial: u16,
}

/// A signal has another value (for serial ports: another byte, even if it is the same again).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// When.
    pub at: Cycles,
    /// Address of the instruction that caused it.
    pub pc: u32,
    /// Index of the signal in [`Plan::signals`].
    pub signal: usize,
    /// Its new value.
    pub value: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Source {
    Net(u16),
    Exception(u16),
    Sleep,
    Tx(u8),
    Rx(u8),
}

/// Which signals an export has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The signals, in the order in which they are shown.
    pub signals: Vec<Signal>,
    sources: BTreeMap<Source, usize>,
}

impl Plan {
    /// Choose the signals of a capture.
    #[must_use]
    pub fn new(capture: &Capture, selection: &Selection) -> Plan {
        let (header, summary) = (&capture.header, &capture.summary);
        let mut plan = Plan {
            signals: Vec::new(),
            sources: BTreeMap::new(),
        };
        let moved = || summary.nets.iter().copied().collect();
        for net in selection.pins.clone().unwrap_or_else(moved) {
            let high = header.high.contains(&net);
            plan.add(Source::Net(net), header.net(net), 1, high.into());
        }
        if selection.exceptions {
            for &number in &summary.exceptions {
                let name = format!("exc.{}", header.exception(number));
                plan.add(Source::Exception(number), name, 1, 0);
            }
        }
        if selection.sleep {
            plan.add(Source::Sleep, "sleep".to_owned(), 1, 0);
        }
        if selection.uart {
            for &port in &summary.sending {
                let name = format!("{}.tx", header.port(port));
                plan.add(Source::Tx(port), name, 8, 0);
            }
            for &port in &summary.receiving {
                let name = format!("{}.rx", header.port(port));
                plan.add(Source::Rx(port), name, 8, 0);
            }
        }
        plan
    }

    fn add(&mut self, source: Source, name: String, width: u8, initial: u16) {
        let index = self.signals.len();
        if let std::collections::btree_map::Entry::Vacant(v) = self.sources.entry(source) {
            v.insert(index);
            self.signals.push(Signal {
                name,
                width,
                initial,
            });
        }
    }

    /// The changes of these signals, in the order of the run.
    ///
    /// # Errors
    /// [`CaptureError`] when the file has gone.
    pub fn changes<'a>(&'a self, capture: &Capture) -> Result<Changes<'a>, CaptureError> {
        Ok(Changes {
            plan: self,
            records: capture.records()?,
            active: Vec::new(),
            second: None,
        })
    }
}

/// Iterator over the changes of a plan's signals.
pub struct Changes<'a> {
    plan: &'a Plan,
    records: Records<BufReader<File>>,
    /// Exceptions in progress, the one that runs last.
    active: Vec<u16>,
    /// The second change of an event that makes two.
    second: Option<Change>,
}

impl Changes<'_> {
    fn change(&self, event: &ProbeEvent, source: Source, value: u16) -> Option<Change> {
        let &signal = self.plan.sources.get(&source)?;
        Some(Change {
            at: event.at,
            pc: event.pc,
            signal,
            value,
        })
    }

    /// The handler that runs changes: the signal of the old one falls, that of the new one rises.
    fn switch(&mut self, event: &ProbeEvent, change: impl FnOnce(&mut Vec<u16>)) -> Option<Change> {
        let before = self.active.last().copied();
        change(&mut self.active);
        let after = self.active.last().copied();
        if before == after {
            return None;
        }
        let falls = before.and_then(|n| self.change(event, Source::Exception(n), 0));
        let rises = after.and_then(|n| self.change(event, Source::Exception(n), 1));
        match falls {
            Some(_) => {
                self.second = rises;
                falls
            }
            None => rises,
        }
    }

    fn event(&mut self, event: &ProbeEvent) -> Option<Change> {
        let (source, value) = match event.kind {
            ProbeKind::Edge { net, level } => (Source::Net(net.0), u16::from(level)),
            ProbeKind::ExceptionEnter { number, .. } => {
                return self.switch(event, |active| active.push(number));
            }
            ProbeKind::ExceptionExit { number } => {
                return self.switch(event, |active| {
                    if let Some(i) = active.iter().rposition(|&n| n == number) {
                        active.remove(i);
                    }
                });
            }
            ProbeKind::Reset => return self.switch(event, Vec::clear),
            ProbeKind::Sleep => (Source::Sleep, 1),
            ProbeKind::Wake => (Source::Sleep, 0),
            ProbeKind::UartTx { port, byte } => (Source::Tx(port), byte.into()),
            ProbeKind::UartRx { port, byte } => (Source::Rx(port), byte.into()),
            ProbeKind::ExceptionPend { .. }
            | ProbeKind::ClockChange
            | ProbeKind::Itm { .. }
            | ProbeKind::Enter { .. }
            | ProbeKind::Return { .. }
            | ProbeKind::Store { .. }
            | ProbeKind::TimerCapture { .. } => return None,
        };
        self.change(event, source, value)
    }
}

impl Iterator for Changes<'_> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        if let Some(second) = self.second.take() {
            return Some(second);
        }
        loop {
            if let Record::Event(event) = self.records.next()?
                && let Some(change) = self.event(&event)
            {
                return Some(change);
            }
        }
    }
}
