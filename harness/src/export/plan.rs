//! What an export shows: named signals, each made from one source of a capture.

use crate::capture::Capture;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What to show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// These nets, in this order; `None` for all that moved.
    pub pins: Option<Vec<u16>>,
    /// Which exception handler runs: one signal for each that was entered.
    pub exceptions: bool,
    /// Whether the core sleeps.
    pub sleep: bool,
    /// Bytes of the serial ports.
    pub uart: bool,
    /// Watched places in the code.
    pub places: bool,
    /// Watched variables.
    pub variables: bool,
    /// Input captures of timers.
    pub captures: bool,
    /// Words written to ITM stimulus ports.
    pub itm: bool,
}

/// What values a signal has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// 0 or 1.
    Wire,
    /// Something happens at an instant: each change is 1, and nothing is between them.
    Pulse,
    /// A number of so many bits.
    Vector(u8),
}

impl Shape {
    /// Bits.
    #[must_use]
    pub fn width(self) -> u8 {
        match self {
            Shape::Wire | Shape::Pulse => 1,
            Shape::Vector(bits) => bits,
        }
    }
}

/// A named value over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// `PA5`, `exc.SysTick`, `sleep`, `USART2.tx`, `place.main`, `var.current`, `TIM2.ch1`, `itm.0`.
    pub name: String,
    /// What values it has.
    pub shape: Shape,
    /// Value when recording began; `None` when it is not known.
    pub initial: Option<u32>,
    /// What it is made from.
    pub source: Source,
}

/// What a signal is made from, with the number that the capture uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// The level of a net.
    Net(u16),
    /// A handler runs.
    Exception(u16),
    /// The core sleeps.
    Sleep,
    /// Bytes that a serial port sends.
    Tx(u8),
    /// Bytes that a serial port receives.
    Rx(u8),
    /// A watched function is active; or, where no return was recorded, a watched place was passed.
    Place(u16),
    /// The value of a watched variable.
    Variable(u16),
    /// What a channel of a timer captured.
    Capture(u16, u8),
    /// What was written to an ITM stimulus port.
    Itm(u8),
}

/// Which signals an export has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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
        let mut plan = Plan::default();
        let low = Some(0);
        let moved = || summary.nets.iter().copied().collect();
        for net in selection.pins.clone().unwrap_or_else(moved) {
            let high = header.high.contains(&net);
            let name = header.net(net);
            plan.add(Source::Net(net), name, Shape::Wire, Some(high.into()));
        }
        if selection.exceptions {
            for &number in &summary.exceptions {
                let name = format!("exc.{}", header.exception(number));
                plan.add(Source::Exception(number), name, Shape::Wire, low);
            }
        }
        if selection.sleep {
            plan.add(Source::Sleep, "sleep".to_owned(), Shape::Wire, low);
        }
        if selection.uart {
            for &port in &summary.sending {
                let name = format!("{}.tx", header.port(port));
                plan.add(Source::Tx(port), name, Shape::Vector(8), low);
            }
            for &port in &summary.receiving {
                let name = format!("{}.rx", header.port(port));
                plan.add(Source::Rx(port), name, Shape::Vector(8), low);
            }
        }
        if selection.places {
            for &place in &summary.places {
                // `fn:main` and `addr:0x08000100`, without what viewers take for a part of a name.
                let name = header.place(place);
                let name = match name.split_once(':') {
                    Some((kind, rest)) => format!("{kind}.{rest}"),
                    None => format!("place.{name}"),
                };
                let shape = match summary.returning.contains(&place) {
                    true => Shape::Wire,
                    false => Shape::Pulse,
                };
                plan.add(Source::Place(place), name, shape, low);
            }
        }
        if selection.variables {
            for &variable in &summary.variables {
                let name = format!("var.{}", header.variable(variable));
                plan.add(Source::Variable(variable), name, Shape::Vector(32), None);
            }
        }
        if selection.captures {
            for &(device, channel) in &summary.captures {
                let name = format!("{}.ch{channel}", header.device(device));
                let source = Source::Capture(device, channel);
                plan.add(source, name, Shape::Vector(32), None);
            }
        }
        if selection.itm {
            for &port in &summary.itm {
                let name = format!("itm.{port}");
                plan.add(Source::Itm(port), name, Shape::Vector(32), None);
            }
        }
        plan
    }

    fn add(&mut self, source: Source, name: String, shape: Shape, initial: Option<u32>) {
        let index = self.signals.len();
        if let Entry::Vacant(v) = self.sources.entry(source) {
            v.insert(index);
            self.signals.push(Signal {
                name,
                shape,
                initial,
                source,
            });
        }
    }

    /// Index of the signal that is made from this source, if it is shown.
    #[must_use]
    pub fn index(&self, source: Source) -> Option<usize> {
        self.sources.get(&source).copied()
    }
}
