//! Where two runs part, as far as their captures tell: the first cycle at which they differ, and the first event that
//! is another one.
//!
//! Compared is what happens and when: edges, exceptions, bytes, sleep, timers, and the watched places and variables that
//! both captures have; by the names of things, so that runs on two machines or of two builds can be compared. The
//! address of the instruction that did it is shown, not compared: a rebuild moves it.

use crate::analysis::{Places, Spot};
use crate::capture::{Capture, CaptureError, Ending, Header, Record};
use crate::units::time;
use emu_core::{ProbeEvent, ProbeKind};
use std::collections::BTreeMap;
use std::fmt;

/// Where two runs part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parting {
    /// Events that both captures have of the same kind, at most.
    pub events: u64,
    /// The first cycle at which they differ; `None` when they are the same to the end.
    pub when: Option<Difference>,
    /// The first event that is another one, whenever it comes; `None` when both do the same things in the same order.
    pub what: Option<Difference>,
}

/// One place where they part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Events that are the same, up to there.
    pub same: u64,
    /// What each does next.
    pub next: [Next; 2],
}

/// What a run does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Next {
    /// Cycle.
    pub cycle: u64,
    /// Virtual time, in attoseconds.
    pub attoseconds: u128,
    /// Address of the instruction; `None` at the end of the run.
    pub pc: Option<u32>,
    /// Function and line of it, when the firmware is known.
    pub spot: Spot,
    /// What happens: `PD12 rises`.
    pub what: String,
}

impl Difference {
    /// The first cycle at which one does what the other does not.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        self.next[0].cycle.min(self.next[1].cycle)
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cycle {} ({}): {}",
            self.cycle,
            time(self.attoseconds),
            self.what
        )?;
        match (&self.spot.function, self.pc) {
            (Some(function), _) => write!(f, ", in {function}")?,
            (None, Some(pc)) => write!(f, ", at {pc:#010x}")?,
            (None, None) => {}
        }
        match (&self.spot.file, self.spot.line) {
            (Some(file), Some(line)) => {
                let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
                write!(f, " ({file}:{line})")
            }
            _ => Ok(()),
        }
    }
}

/// A capture, and where its addresses are in the firmware.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The capture.
    pub capture: &'a Capture,
    /// Its firmware's functions and lines.
    pub places: Places<'a>,
}

/// Look for it.
///
/// # Errors
/// [`CaptureError`] when a file has gone.
pub fn parting(a: Side<'_>, b: Side<'_>) -> Result<Parting, CaptureError> {
    let names = Names::new(&a.capture.header, &b.capture.header);
    let (mut left, mut right) = (
        events(a.capture, &names.left)?,
        events(b.capture, &names.right)?,
    );
    let mut found = Parting::default();
    loop {
        let (x, y) = (left.next(), right.next());
        let (alike, together) = match (&x, &y) {
            (Some(x), Some(y)) => (names.alike(x.kind, y.kind), x.at == y.at),
            (None, None) => (true, a.capture.summary.last == b.capture.summary.last),
            _ => (false, false),
        };
        let over = x.is_none() && y.is_none();
        if !alike || !together && found.when.is_none() {
            let difference = Difference {
                same: found.events,
                next: [next(a, x), next(b, y)],
            };
            found.when.get_or_insert_with(|| difference.clone());
            if !alike {
                found.what = Some(difference);
                return Ok(found);
            }
        }
        if over {
            return Ok(found);
        }
        found.events += 1;
    }
}

/// The events of a capture without those of watched things that only this one has.
fn events<'a>(
    of: &Capture,
    shared: &'a Shared,
) -> Result<impl Iterator<Item = ProbeEvent> + use<'a>, CaptureError> {
    let records = of.records()?;
    let events = records.filter_map(|r| match r {
        Record::Event(e) => Some(e),
        Record::HostInput { .. } | Record::Segment(_) => None,
    });
    Ok(events.filter(|e| match e.kind {
        ProbeKind::Enter { place, .. } | ProbeKind::Return { place, .. } => {
            is_set(&shared.places, place)
        }
        ProbeKind::Store { variable, .. } => is_set(&shared.variables, variable),
        _ => true,
    }))
}

fn is_set(flags: &[bool], n: u16) -> bool {
    flags.get(usize::from(n)).copied().unwrap_or(false)
}

/// Which watched things of a capture the other one has, too.
struct Shared {
    places: Vec<bool>,
    variables: Vec<bool>,
}

impl Shared {
    fn new(of: &Header, other: &Header) -> Shared {
        let has = |mine: &[String], others: &[String]| {
            mine.iter().map(|name| others.contains(name)).collect()
        };
        Shared {
            places: has(&of.places, &other.places),
            variables: has(&of.variables, &other.variables),
        }
    }
}

/// What the numbers in the second capture are in the first.
struct Names<'a> {
    left: Shared,
    right: Shared,
    headers: [&'a Header; 2],
    nets: Vec<Option<u16>>,
    ports: Vec<Option<u16>>,
    devices: Vec<Option<u16>>,
    places: Vec<Option<u16>>,
    variables: Vec<Option<u16>>,
    same_exceptions: bool,
    same_objects: bool,
}

impl<'a> Names<'a> {
    fn new(a: &'a Header, b: &'a Header) -> Names<'a> {
        let table = |a: &[String], b: &[String]| {
            let known: BTreeMap<&String, u16> = a.iter().zip(0u16..).collect();
            b.iter().map(|name| known.get(name).copied()).collect()
        };
        Names {
            left: Shared::new(a, b),
            right: Shared::new(b, a),
            nets: table(&a.nets, &b.nets),
            ports: table(&a.ports, &b.ports),
            devices: table(&a.devices, &b.devices),
            places: table(&a.places, &b.places),
            variables: table(&a.variables, &b.variables),
            same_exceptions: a.interrupts == b.interrupts,
            same_objects: a.objects == b.objects,
            headers: [a, b],
        }
    }

    /// Is it the same that happens?
    fn alike(&self, x: ProbeKind, y: ProbeKind) -> bool {
        use ProbeKind as K;
        let same = |table: &[Option<u16>], x: u16, y: u16| {
            // A number that a header does not name stands for itself.
            table.get(usize::from(y)).map_or(x == y, |&y| y == Some(x))
        };
        let exception = |x: u16, y: u16| {
            let [a, b] = self.headers;
            match self.same_exceptions {
                true => x == y,
                false => a.exception(x) == b.exception(y),
            }
        };
        match (x, y) {
            (K::Edge { net: x, level: l }, K::Edge { net: y, level: m }) => {
                l == m && same(&self.nets, x.0, y.0)
            }
            (K::ExceptionPend { number: x }, K::ExceptionPend { number: y })
            | (K::ExceptionExit { number: x }, K::ExceptionExit { number: y }) => exception(x, y),
            (
                K::ExceptionEnter {
                    number: x,
                    tail_chained: s,
                },
                K::ExceptionEnter {
                    number: y,
                    tail_chained: t,
                },
            ) => s == t && exception(x, y),
            (K::UartTx { port: x, byte: s }, K::UartTx { port: y, byte: t })
            | (K::UartRx { port: x, byte: s }, K::UartRx { port: y, byte: t }) => {
                s == t && same(&self.ports, x.into(), y.into())
            }
            (K::Enter { place: x, .. }, K::Enter { place: y, .. })
            | (K::Return { place: x, .. }, K::Return { place: y, .. }) => same(&self.places, x, y),
            (
                K::Store {
                    variable: x,
                    value: v,
                },
                K::Store {
                    variable: y,
                    value: w,
                },
            ) => same(&self.variables, x, y) && self.value(v, w),
            (
                K::TimerCapture {
                    device: x,
                    channel: s,
                    value: v,
                },
                K::TimerCapture {
                    device: y,
                    channel: t,
                    value: w,
                },
            ) => s == t && v == w && same(&self.devices, x, y),
            _ => x == y,
        }
    }

    /// Pointers to the same object are alike wherever the linker has put it.
    fn value(&self, x: u32, y: u32) -> bool {
        if self.same_objects {
            return x == y;
        }
        let [a, b] = self.headers;
        match (a.object(x), b.object(y)) {
            (None, None) => x == y,
            (x, y) => x == y,
        }
    }
}

fn next(of: Side<'_>, event: Option<ProbeEvent>) -> Next {
    let summary = &of.capture.summary;
    let (at, pc, what) = match event {
        Some(e) => (e.at, Some(e.pc), describe(&of.capture.header, e.kind)),
        None => {
            let what = match summary.ending {
                Ending::Complete => "the run ends",
                Ending::Damaged(_) => "the damaged capture ends",
            };
            (summary.last, None, what.to_owned())
        }
    };
    Next {
        cycle: at.0,
        attoseconds: summary.timebase.attoseconds(at),
        spot: pc.map(|pc| of.places.of(pc)).unwrap_or_default(),
        pc,
        what,
    }
}

/// What happens, in words.
fn describe(header: &Header, kind: ProbeKind) -> String {
    match kind {
        ProbeKind::Edge { net, level } => {
            let verb = if level { "rises" } else { "falls" };
            format!("{} {verb}", header.net(net.0))
        }
        ProbeKind::ExceptionPend { number } => {
            format!("{} becomes pending", header.exception(number))
        }
        ProbeKind::ExceptionEnter {
            number,
            tail_chained,
        } => {
            let how = if tail_chained { ", tail-chained" } else { "" };
            format!("the handler of {} starts{how}", header.exception(number))
        }
        ProbeKind::ExceptionExit { number } => {
            format!("the handler of {} returns", header.exception(number))
        }
        ProbeKind::UartTx { port, byte } => format!("{} has sent {byte:#04x}", header.port(port)),
        ProbeKind::UartRx { port, byte } => {
            format!("{} has received {byte:#04x}", header.port(port))
        }
        ProbeKind::Sleep => "the core goes to sleep".to_owned(),
        ProbeKind::Wake => "the core wakes".to_owned(),
        ProbeKind::ClockChange => "the core clock changes".to_owned(),
        ProbeKind::Itm { port, value, .. } => format!("ITM port {port} gets {value:#x}"),
        ProbeKind::Reset => "the core is reset".to_owned(),
        ProbeKind::Enter { place, .. } => format!("{} is entered", header.place(place)),
        ProbeKind::Return { place, .. } => format!("{} returns", header.place(place)),
        ProbeKind::Store { variable, value } => {
            let object = header.object(value);
            let value = object.unwrap_or_else(|| format!("{value:#x}"));
            format!("{} becomes {value}", header.variable(variable))
        }
        ProbeKind::TimerCapture {
            device,
            channel,
            value,
        } => {
            let timer = header.device(device);
            format!("{timer} captures {value} on channel {channel}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::DataObject;
    use emu_core::{NetId, Ratio};

    fn header(nets: &[&str], variables: &[&str], object: u32) -> Header {
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        let task = DataObject {
            size: 8,
            name: "task".to_owned(),
        };
        Header {
            schema: Header::SCHEMA,
            tool: String::new(),
            elf_sha256: String::new(),
            machine: String::new(),
            machine_hash: String::new(),
            seed: 0,
            core_hz: Ratio::hz(1),
            start: 0,
            nets: list(nets),
            high: Vec::new(),
            pins: BTreeMap::new(),
            ports: Vec::new(),
            interrupts: BTreeMap::new(),
            devices: Vec::new(),
            places: Vec::new(),
            variables: list(variables),
            objects: BTreeMap::from([(object, task)]),
        }
    }

    #[test]
    fn names_are_compared_not_numbers() {
        let a = header(&["PA0", "PA1"], &["current"], 0x2000_0000);
        let b = header(&["PA1", "PB7"], &["other", "current"], 0x2000_0100);
        let names = Names::new(&a, &b);
        let edge = |n, level| ProbeKind::Edge {
            net: NetId(n),
            level,
        };
        assert!(names.alike(edge(1, true), edge(0, true)), "PA1 and PA1");
        assert!(!names.alike(edge(1, true), edge(0, false)));
        assert!(!names.alike(edge(0, true), edge(0, true)), "PA0 and PA1");
        assert!(!names.alike(edge(1, true), edge(1, true)), "PA1 and PB7");
        assert!(!names.alike(edge(1, true), ProbeKind::Sleep));
        let store = |variable, value| ProbeKind::Store { variable, value };
        // The task has moved, and is the same one.
        assert!(names.alike(store(0, 0x2000_0004), store(1, 0x2000_0104)));
        assert!(!names.alike(store(0, 0x2000_0004), store(1, 0x2000_0004)));
        assert!(names.alike(store(0, 7), store(1, 7)) && !names.alike(store(0, 7), store(1, 8)));
        // What only one side watches is left out there.
        assert_eq!(names.right.variables, [false, true]);
    }
}
