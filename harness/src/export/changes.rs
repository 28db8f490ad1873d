//! A capture's events as changes of the signals of a plan.

use super::plan::{Plan, Shape, Source};
use crate::capture::Record;
use emu_core::{Cycles, ProbeEvent, ProbeKind};
use std::collections::{BTreeMap, VecDeque};

/// A signal has another value (for vectors and pulses: a value again, even if it is the same).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// When.
    pub at: Cycles,
    /// Address of the instruction that caused it.
    pub pc: u32,
    /// Index of the signal in [`Plan::signals`].
    pub signal: usize,
    /// Its new value.
    pub value: u32,
}

/// Iterator over the changes of a plan's signals, in the order of the run.
pub struct Changes<'a, R> {
    plan: &'a Plan,
    records: R,
    /// Exceptions in progress, the one that runs last.
    active: Vec<u16>,
    /// How often a watched function is active.
    depths: BTreeMap<u16, u32>,
    /// Changes of events that make several.
    queue: VecDeque<Change>,
}

impl<'a, R: Iterator<Item = Record>> Changes<'a, R> {
    /// The changes that these records make.
    pub fn new(plan: &'a Plan, records: R) -> Changes<'a, R> {
        Changes {
            plan,
            records,
            active: Vec::new(),
            depths: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    fn push(&mut self, event: &ProbeEvent, source: Source, value: u32) {
        if let Some(signal) = self.plan.index(source) {
            self.queue.push_back(Change {
                at: event.at,
                pc: event.pc,
                signal,
                value,
            });
        }
    }

    /// The handler that runs changes: the signal of the old one falls, that of the new one rises.
    fn switch(&mut self, event: &ProbeEvent, change: impl FnOnce(&mut Vec<u16>)) {
        let before = self.active.last().copied();
        change(&mut self.active);
        let after = self.active.last().copied();
        if before != after {
            if let Some(n) = before {
                self.push(event, Source::Exception(n), 0);
            }
            if let Some(n) = after {
                self.push(event, Source::Exception(n), 1);
            }
        }
    }

    /// A watched place is entered. Its level rises with the outermost call.
    fn enter(&mut self, event: &ProbeEvent, place: u16) {
        let Some(signal) = self.plan.index(Source::Place(place)) else {
            return;
        };
        let depth = self.depths.entry(place).or_default();
        *depth += 1;
        if *depth == 1 || self.plan.signals[signal].shape == Shape::Pulse {
            self.push(event, Source::Place(place), 1);
        }
    }

    fn leave(&mut self, event: &ProbeEvent, place: u16) {
        // A call that began before the recording has no entry.
        if let Some(depth) = self.depths.get_mut(&place)
            && *depth > 0
        {
            *depth -= 1;
            if *depth == 0 {
                self.push(event, Source::Place(place), 0);
            }
        }
    }

    fn reset(&mut self, event: &ProbeEvent) {
        self.switch(event, Vec::clear);
        for (place, depth) in std::mem::take(&mut self.depths) {
            let source = Source::Place(place);
            let signal = self.plan.index(source).map(|i| &self.plan.signals[i]);
            if depth > 0 && signal.is_some_and(|s| s.shape == Shape::Wire) {
                self.push(event, source, 0);
            }
        }
    }

    fn event(&mut self, event: &ProbeEvent) {
        let (source, value) = match event.kind {
            ProbeKind::Edge { net, level } => (Source::Net(net.0), level.into()),
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
            ProbeKind::Reset => return self.reset(event),
            ProbeKind::Enter { place, .. } => return self.enter(event, place),
            ProbeKind::Return { place, .. } => return self.leave(event, place),
            ProbeKind::Sleep => (Source::Sleep, 1),
            ProbeKind::Wake => (Source::Sleep, 0),
            ProbeKind::UartTx { port, byte } => (Source::Tx(port), byte.into()),
            ProbeKind::UartRx { port, byte } => (Source::Rx(port), byte.into()),
            ProbeKind::Store { variable, value } => (Source::Variable(variable), value),
            ProbeKind::TimerCapture {
                device,
                channel,
                value,
            } => (Source::Capture(device, channel), value),
            ProbeKind::Itm { port, value, .. } => (Source::Itm(port), value),
            ProbeKind::ExceptionPend { .. } | ProbeKind::ClockChange => return,
        };
        self.push(event, source, value);
    }
}

impl<R: Iterator<Item = Record>> Iterator for Changes<'_, R> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.queue.pop_front() {
                return Some(change);
            }
            if let Record::Event(event) = self.records.next()? {
                self.event(&event);
            }
        }
    }
}
