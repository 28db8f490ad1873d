//! The first cycle at which two runs differ, as far as their captures tell.
//!
//! Compared is what happens and when: edges, exceptions, bytes, sleep, watched places and variables, by the names of
//! things, so that runs on two machines or of two builds can be compared. The address of the instruction that did it
//! is shown, not compared: a rebuild moves it.

use crate::capture::{Capture, CaptureError, Header, Record};
use emu_core::{ProbeEvent, ProbeKind};

/// Where two runs part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Events that both have, up to there.
    pub same: u64,
    /// What each does next: cycle and address (of an event), and what happens. `None` when nothing more does.
    pub next: [Option<Next>; 2],
}

/// What a run does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Next {
    /// Cycle.
    pub cycle: u64,
    /// Address of the instruction.
    pub pc: Option<u32>,
    /// What happens: `PD12 rises`.
    pub what: String,
}

impl Difference {
    /// The first cycle at which they differ.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        let cycles = self.next.iter().flatten().map(|n| n.cycle);
        cycles.min().unwrap_or(0)
    }
}

/// Look for it; `None` when both are the same to their ends, which are at the same cycle.
///
/// # Errors
/// [`CaptureError`] when a file has gone.
pub fn first_difference(a: &Capture, b: &Capture) -> Result<Option<Difference>, CaptureError> {
    let same_names = names(&a.header) == names(&b.header);
    let (mut left, mut right) = (events(a)?, events(b)?);
    let mut same = 0;
    loop {
        let (x, y) = (left.next(), right.next());
        let equal = match (&x, &y) {
            (Some(x), Some(y)) if x.at != y.at => false,
            (Some(x), Some(y)) if same_names => x.kind == y.kind,
            (Some(x), Some(y)) => describe(&a.header, x.kind) == describe(&b.header, y.kind),
            (None, None) => {
                let ends = [a.summary.last.0, b.summary.last.0];
                if ends[0] == ends[1] {
                    return Ok(None);
                }
                let end = |cycle| {
                    let what = "the run ends".to_owned();
                    let pc = None;
                    Some(Next { cycle, pc, what })
                };
                let next = [end(ends[0]), end(ends[1])];
                return Ok(Some(Difference { same, next }));
            }
            _ => false,
        };
        if !equal {
            let next = [next(a, x), next(b, y)];
            return Ok(Some(Difference { same, next }));
        }
        same += 1;
    }
}

fn events(of: &Capture) -> Result<impl Iterator<Item = ProbeEvent>, CaptureError> {
    let records = of.records()?;
    Ok(records.filter_map(|r| match r {
        Record::Event(e) => Some(e),
        Record::HostInput { .. } | Record::Segment(_) => None,
    }))
}

fn next(of: &Capture, event: Option<ProbeEvent>) -> Option<Next> {
    Some(match event {
        Some(e) => Next {
            cycle: e.at.0,
            pc: Some(e.pc),
            what: describe(&of.header, e.kind),
        },
        None => Next {
            cycle: of.summary.last.0,
            pc: None,
            what: "the run ends".to_owned(),
        },
    })
}

fn names(h: &Header) -> impl PartialEq + '_ {
    (
        &h.nets,
        &h.ports,
        &h.devices,
        &h.places,
        &h.variables,
        &h.interrupts,
    )
}

/// What happens, in words.
fn describe(header: &Header, kind: ProbeKind) -> String {
    let name = |list: &[String], n: u16, what: &str| {
        let found = list.get(usize::from(n)).cloned();
        found.unwrap_or_else(|| format!("{what} {n}"))
    };
    match kind {
        ProbeKind::Edge { net, level } => {
            let verb = if level { "rises" } else { "falls" };
            format!("{} {verb}", header.net(net.0))
        }
        ProbeKind::ExceptionPend { number } => format!("{} is pending", header.exception(number)),
        ProbeKind::ExceptionEnter { number, .. } => {
            format!("the handler of {} starts", header.exception(number))
        }
        ProbeKind::ExceptionExit { number } => {
            format!("the handler of {} returns", header.exception(number))
        }
        ProbeKind::UartTx { port, byte } => format!("{} has sent {byte:#04x}", header.port(port)),
        ProbeKind::UartRx { port, byte } => format!("{} receives {byte:#04x}", header.port(port)),
        ProbeKind::Sleep => "the core goes to sleep".to_owned(),
        ProbeKind::Wake => "the core wakes".to_owned(),
        ProbeKind::ClockChange => "a clock changes".to_owned(),
        ProbeKind::Itm { port, value, .. } => format!("ITM port {port} gets {value:#x}"),
        ProbeKind::Reset => "the core is reset".to_owned(),
        ProbeKind::Enter { place, .. } => {
            format!("{} is entered", name(&header.places, place, "place"))
        }
        ProbeKind::Return { place, .. } => {
            format!("{} returns", name(&header.places, place, "place"))
        }
        ProbeKind::Store { variable, value } => {
            let value = header
                .object(value)
                .unwrap_or_else(|| format!("{value:#x}"));
            format!(
                "{} becomes {value}",
                name(&header.variables, variable, "variable")
            )
        }
        ProbeKind::TimerCapture {
            device,
            channel,
            value,
        } => {
            let timer = name(&header.devices, device, "device");
            format!("{timer} captures {value} on channel {channel}")
        }
    }
}
