//! The collecting end: probe events in, the times of signals out.

use super::resolve::{Key, Trigger, resolve};
use super::{Signal, Source};
use crate::capture::Header;
use crate::failure::Failure;
use emu_core::probe::ProbeMask;
use emu_core::{ProbeEvent, ProbeKind};
use std::collections::BTreeMap;

/// What a signal did in a run. All lists of one kind have the same length.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recorded {
    /// What results call it.
    pub name: String,
    /// What it is made of.
    pub source: String,
    /// It is made of intervals.
    pub interval: bool,
    /// Its events carry a value: what was written, sent, captured.
    pub valued: bool,
    /// Cycles of its events; of an interval the begin. Ascending.
    pub times: Vec<u64>,
    /// Cycles of the ends; empty for events.
    pub ends: Vec<u64>,
    /// Address of the instruction that caused the event, or the end of the interval.
    pub pcs: Vec<u32>,
    /// What was written, latched or sent, where the event has a value.
    pub values: Vec<u32>,
    /// Cycles of the opposite edges of a pin (falls for rises), for its duty.
    pub opposite: Vec<u64>,
    /// Begins that came while an interval was open already.
    pub merged: u64,
    /// Ends without a begin.
    pub strays: u64,
    /// Intervals that were open at the end of the run.
    pub open: u64,
}

impl Recorded {
    /// Number of events or intervals.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Has nothing happened?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Begins and ends.
    #[must_use]
    pub fn intervals(&self) -> Vec<(u64, u64)> {
        let begins = self.times.iter().copied();
        begins.zip(self.ends.iter().copied()).collect()
    }

    /// Forget what was before a cycle.
    pub fn start_at(&mut self, cycle: u64) {
        let n = self.times.partition_point(|t| *t < cycle);
        self.times.drain(..n);
        for list in [&mut self.pcs, &mut self.values] {
            list.drain(..n.min(list.len()));
        }
        self.ends.drain(..n.min(self.ends.len()));
        let n = self.opposite.partition_point(|t| *t < cycle);
        self.opposite.drain(..n);
    }
}

/// What an event means for a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    /// It is one.
    Event,
    /// The opposite edge.
    Opposite,
    /// An interval begins, with whatever end comes next.
    Begin,
    /// It ends.
    End,
    /// A function is entered, which has a return of its own.
    Enter,
    /// That return.
    Return,
}

/// Turns probe events into signals.
#[derive(Debug, Default)]
pub struct Collector {
    routes: BTreeMap<Key, Vec<(Trigger, usize, Role)>>,
    signals: Vec<Recorded>,
    /// Begin of each signal's open interval.
    open: Vec<Option<u64>>,
    /// Open calls of each signal, by their number.
    calls: Vec<BTreeMap<u32, u64>>,
}

impl Collector {
    /// For these signals, by the names of a header.
    ///
    /// # Errors
    /// A [`Failure`] for a signal that there cannot be.
    pub fn new(signals: &[Signal], header: &Header) -> Result<Collector, Failure> {
        let mut c = Collector {
            routes: BTreeMap::new(),
            signals: Vec::new(),
            open: vec![None; signals.len()],
            calls: vec![BTreeMap::new(); signals.len()],
        };
        for (n, signal) in signals.iter().enumerate() {
            if signals[..n].iter().any(|s| s.name == signal.name) {
                let message = format!("there are two signals `{}`", signal.name);
                return Err(Failure::usage(message).help("give one of them a name: NAME=SIGNAL"));
            }
            let roles: &[Role] = match &signal.source {
                Source::Event(_) => &[Role::Event],
                Source::Interval(..) | Source::Handler(_) => &[Role::Begin, Role::End],
                Source::Call(_) => &[Role::Enter, Role::Return],
            };
            let mut valued = false;
            for (event, role) in signal.source.events().iter().zip(roles) {
                let trigger = resolve(event, header)?;
                c.route(trigger, n, *role);
                valued |= *role == Role::Event && trigger.key.has_value();
                if let (Role::Event, Key::Net(_), Some(level)) = (role, trigger.key, trigger.value)
                {
                    let other = Trigger {
                        value: Some(1 - level),
                        ..trigger
                    };
                    c.route(other, n, Role::Opposite);
                }
            }
            c.signals.push(Recorded {
                name: signal.name.clone(),
                source: signal.source.to_string(),
                interval: signal.source.is_interval(),
                valued,
                ..Recorded::default()
            });
        }
        Ok(c)
    }

    fn route(&mut self, trigger: Trigger, signal: usize, role: Role) {
        let list = self.routes.entry(trigger.key).or_default();
        list.push((trigger, signal, role));
        // An event that both ends and begins an interval does so in this order.
        list.sort_by_key(|r| r.2 != Role::End);
    }

    /// The probe events that the signals are made of.
    #[must_use]
    pub fn mask(&self) -> ProbeMask {
        let masks = self.routes.keys().map(|k| k.mask());
        masks.fold(ProbeMask::default(), ProbeMask::or)
    }

    /// Take an event.
    pub fn event(&mut self, event: &ProbeEvent) {
        let (key, value) = match event.kind {
            ProbeKind::Edge { net, level } => (Key::Net(net.0), u32::from(level)),
            ProbeKind::ExceptionPend { number } => (Key::Pend(number), 0),
            ProbeKind::ExceptionEnter { number, .. } => (Key::Enter(number), 0),
            ProbeKind::ExceptionExit { number } => (Key::Exit(number), 0),
            ProbeKind::UartTx { port, byte } => (Key::Tx(port), byte.into()),
            ProbeKind::UartRx { port, byte } => (Key::Rx(port), byte.into()),
            ProbeKind::Itm { port, value, .. } => (Key::Itm(port), value),
            ProbeKind::Enter { place, call } => (Key::Place(place), call),
            ProbeKind::Return { place, call } => (Key::Return(place), call),
            ProbeKind::Store { variable, value } => (Key::Store(variable), value),
            ProbeKind::TimerCapture {
                device,
                channel,
                value,
            } => (Key::Capture(device, channel), value),
            ProbeKind::Sleep => (Key::Sleep, 0),
            ProbeKind::Wake => (Key::Wake, 0),
            ProbeKind::ClockChange | ProbeKind::Reset => return,
        };
        let Some(routes) = self.routes.get(&key) else {
            return;
        };
        let (at, pc) = (event.at.0, event.pc);
        for &(trigger, n, role) in routes {
            if trigger.value.is_some_and(|v| v != value) {
                continue;
            }
            let signal = &mut self.signals[n];
            match role {
                Role::Event => {
                    signal.times.push(at);
                    signal.pcs.push(pc);
                    signal.values.push(value);
                }
                Role::Opposite => signal.opposite.push(at),
                Role::Begin if self.open[n].is_some() => signal.merged += 1,
                Role::Begin => self.open[n] = Some(at),
                Role::End => match self.open[n].take() {
                    Some(begin) => signal.interval(begin, at, pc),
                    None => signal.strays += 1,
                },
                Role::Enter => drop(self.calls[n].insert(value, at)),
                Role::Return => match self.calls[n].remove(&value) {
                    Some(begin) => signal.interval(begin, at, pc),
                    None => signal.strays += 1,
                },
            }
        }
    }

    /// The run is over.
    #[must_use]
    pub fn finish(mut self) -> Vec<Recorded> {
        for (n, signal) in self.signals.iter_mut().enumerate() {
            signal.open = u64::from(self.open[n].is_some()) + self.calls[n].len() as u64;
            signal.sort();
        }
        self.signals
    }
}

impl Recorded {
    fn interval(&mut self, begin: u64, end: u64, pc: u32) {
        self.times.push(begin);
        self.ends.push(end);
        self.pcs.push(pc);
    }

    /// Calls end in another order than they begin.
    fn sort(&mut self) {
        if self.times.is_sorted() {
            return;
        }
        let mut all: Vec<(u64, u64, u32)> = (0..self.times.len())
            .map(|i| (self.times[i], self.ends[i], self.pcs[i]))
            .collect();
        all.sort_by_key(|i| (i.0, i.1));
        for (i, (begin, end, pc)) in all.into_iter().enumerate() {
            (self.times[i], self.ends[i], self.pcs[i]) = (begin, end, pc);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emu_core::{Cycles, NetId, Ratio};

    fn header() -> Header {
        Header {
            schema: Header::SCHEMA,
            tool: String::new(),
            elf_sha256: String::new(),
            machine: String::new(),
            machine_hash: String::new(),
            seed: 0,
            core_hz: Ratio::hz(1),
            start: 0,
            nets: vec!["PA5".to_owned()],
            high: Vec::new(),
            pins: [("LED".to_owned(), "PA5".to_owned())].into(),
            ports: Vec::new(),
            interrupts: [(17, "TIM2".to_owned())].into(),
            devices: Vec::new(),
            places: vec!["fn:f".to_owned()],
            variables: Vec::new(),
            objects: Default::default(),
        }
    }

    fn collect(text: &str, events: &[(u64, ProbeKind)]) -> Recorded {
        let signal: Signal = text.parse().expect(text);
        let mut c = Collector::new(&[signal], &header()).expect(text);
        for &(at, kind) in events {
            let (at, pc) = (Cycles(at), 0);
            c.event(&ProbeEvent { at, pc, kind });
        }
        c.finish().remove(0)
    }

    fn level(level: bool) -> ProbeKind {
        let net = NetId(0);
        ProbeKind::Edge { net, level }
    }

    #[test]
    fn edges_and_their_opposites() {
        let events = [(1, level(true)), (4, level(false)), (9, level(true))];
        let r = collect("LED", &events);
        assert_eq!((r.times, r.opposite), (vec![1, 9], vec![4]));
        assert_eq!(collect("PA5.both", &events).times, [1, 4, 9]);
        assert_eq!(collect("PA5.rise..PA5.fall", &events).open, 1);
        assert_eq!(collect("PA5.rise..PA5.rise", &events).intervals(), [(1, 9)]);
    }

    #[test]
    fn latencies_count_what_has_no_partner() {
        let pend = ProbeKind::ExceptionPend { number: 17 };
        let events = [
            (1, level(true)),
            (5, pend),
            (7, pend),
            (12, level(true)),
            (20, level(true)),
        ];
        let r = collect("irq:TIM2.assert..PA5.rise", &events);
        assert_eq!(r.intervals(), [(5, 12)]);
        assert_eq!((r.merged, r.strays, r.open), (1, 2, 0));
    }

    #[test]
    fn calls_pair_by_their_number() {
        let enter = |call| ProbeKind::Enter { place: 0, call };
        let back = |call| ProbeKind::Return { place: 0, call };
        let events = [
            (1, enter(1)),
            (2, enter(2)),
            (5, back(1)),
            (9, back(2)),
            (11, enter(3)),
        ];
        let r = collect("fn:f", &events);
        assert_eq!((r.intervals(), r.open), (vec![(1, 5), (2, 9)], 1));
    }

    #[test]
    fn unknown_names_are_told_with_what_there_is() {
        for (text, wanted) in [
            ("PA6", "PA5"),
            ("irq:TIM3", "TIM2"),
            ("fn:g", "--watch fn:g"),
            ("write:v", "--watch write:v"),
            ("uart:X.tx", "serial port"),
        ] {
            let signal: Signal = text.parse().expect(text);
            let e = Collector::new(&[signal], &header()).expect_err(text);
            assert!(e.to_string().contains(wanted), "{text}: {e}");
        }
    }
}
