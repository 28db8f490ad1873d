//! Signals: a capture's events as named values that change.

use crate::capture::{Capture, CaptureError, Header, Record, Records};
use emu_core::{Cycles, ProbeEvent, ProbeKind};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

/// What to show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// These nets, in this order; `None` for all that moved.
    pub pins: Option<Vec<u16>>,
    /// The exception in progress.
    pub irq: bool,
    /// Whether the core sleeps.
    pub sleep: bool,
    /// Bytes of the serial ports.
    pub uart: bool,
}

/// A named value over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// `PA5`, `exception`, `sleep`, `USART2.tx`.
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
    Exception,
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
        if selection.irq {
            plan.add(Source::Exception, "exception".to_owned(), 9, 0);
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
        })
    }
}

/// Iterator over the changes of a plan's signals.
pub struct Changes<'a> {
    plan: &'a Plan,
    records: Records<BufReader<File>>,
    /// Exceptions in progress, innermost last.
    active: Vec<u16>,
}

impl Changes<'_> {
    fn change(&mut self, event: &ProbeEvent) -> Option<Change> {
        let (source, value) = match event.kind {
            ProbeKind::Edge { net, level } => (Source::Net(net.0), u16::from(level)),
            ProbeKind::ExceptionEnter { number, .. } => {
                self.active.push(number);
                (Source::Exception, number)
            }
            ProbeKind::ExceptionExit { number } => {
                if let Some(i) = self.active.iter().rposition(|&n| n == number) {
                    self.active.remove(i);
                }
                (Source::Exception, self.active.last().copied().unwrap_or(0))
            }
            ProbeKind::Reset => {
                self.active.clear();
                (Source::Exception, 0)
            }
            ProbeKind::Sleep => (Source::Sleep, 1),
            ProbeKind::Wake => (Source::Sleep, 0),
            ProbeKind::UartTx { port, byte } => (Source::Tx(port), byte.into()),
            ProbeKind::UartRx { port, byte } => (Source::Rx(port), byte.into()),
            ProbeKind::ExceptionPend { .. } | ProbeKind::ClockChange | ProbeKind::Itm { .. } => {
                return None;
            }
        };
        let &signal = self.plan.sources.get(&source)?;
        Some(Change {
            at: event.at,
            pc: event.pc,
            signal,
            value,
        })
    }
}

impl Iterator for Changes<'_> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        loop {
            if let Record::Event(event) = self.records.next()?
                && let Some(change) = self.change(&event)
            {
                return Some(change);
            }
        }
    }
}

/// What an exception is called: `SysTick`, `IRQ38`.
#[must_use]
pub fn exception_name(number: u16) -> String {
    match number {
        0 => "Thread".to_owned(),
        1 => "Reset".to_owned(),
        2 => "NMI".to_owned(),
        3 => "HardFault".to_owned(),
        4 => "MemManage".to_owned(),
        5 => "BusFault".to_owned(),
        6 => "UsageFault".to_owned(),
        11 => "SVCall".to_owned(),
        12 => "DebugMonitor".to_owned(),
        14 => "PendSV".to_owned(),
        15 => "SysTick".to_owned(),
        n if n >= 16 => format!("IRQ{}", n - 16),
        n => format!("exception {n}"),
    }
}

/// Nets of a capture by their names.
///
/// # Errors
/// The names that are unknown.
pub fn nets(header: &Header, names: &[String]) -> Result<Vec<u16>, String> {
    names
        .iter()
        .map(|name| {
            let found = header.nets.iter().position(|n| n.eq_ignore_ascii_case(name));
            found.map(|i| i as u16).ok_or_else(|| name.clone())
        })
        .collect()
}
