//! From names to numbers: what must be watched for a signal, and which probe events make it.

use super::{Base, Edge, Event, Signal, Stage, Value, Variable};
use crate::capture::{DataObject, Header, exception_name};
use crate::failure::Failure;
use crate::nearest::nearest;
use crate::parts::Firmware;
use crate::pins;
use emu_core::image::SymbolKind;
use emu_core::machine::Machine;
use emu_core::probe::ProbeMask;
use emu_core::watch;

/// Offset of the first up-buffer's WrOff in an RTT control block, and size of a buffer's descriptor (SEGGER UM08001).
const RTT_WRITE_OFFSET: u32 = 24 + 12;
const RTT_DESCRIPTOR: u32 = 24;

/// The places and variables that some signals need to have watched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Watchlist {
    places: Vec<(String, watch::Place)>,
    variables: Vec<(String, watch::Variable)>,
}

impl Watchlist {
    /// For these signals of a firmware; `is_pin` knows the names of the machine's pins.
    ///
    /// # Errors
    /// A [`Failure`] for a function or variable that the firmware does not have.
    pub fn new(
        signals: &[Signal],
        firmware: &Firmware,
        is_pin: impl Fn(&str) -> bool,
    ) -> Result<Watchlist, Failure> {
        let mut list = Watchlist::default();
        for event in signals.iter().flat_map(|s| s.source.events()) {
            match &event {
                Event::Bare(name) if is_pin(name) => {}
                Event::Bare(name) => {
                    if function(firmware, name).is_err() {
                        let message = format!(
                            "`{name}` is neither a pin of the machine nor a function of the firmware"
                        );
                        return Err(Failure::usage(message).help(near_functions(firmware, name)));
                    }
                    list.function(firmware, name)?;
                }
                Event::Entry(name) | Event::Return(name) => list.function(firmware, name)?,
                Event::Address(address) => {
                    list.place(format!("addr:{address:#010x}"), *address, false)
                }
                Event::Write(v, _) => list.variable(v.to_string(), variable(firmware, v)?),
                Event::Rtt(channel) => {
                    let block = firmware.rtt_control_block().ok_or_else(|| {
                        Failure::usage("the firmware has no symbol `_SEGGER_RTT`")
                            .help("RTT is watched through its control block; was the ELF stripped?")
                    })?;
                    let address = block + RTT_WRITE_OFFSET + RTT_DESCRIPTOR * u32::from(*channel);
                    list.variable(event.to_string(), watch::Variable { address, size: 4 });
                }
                _ => {}
            }
        }
        Ok(list)
    }

    fn function(&mut self, firmware: &Firmware, name: &str) -> Result<(), Failure> {
        let address = function(firmware, name)?;
        self.place(format!("fn:{name}"), address, true);
        Ok(())
    }

    fn place(&mut self, name: String, address: u32, returns: bool) {
        if self.places.iter().all(|p| p.0 != name) {
            self.places.push((name, watch::Place { address, returns }));
        }
    }

    fn variable(&mut self, name: String, variable: watch::Variable) {
        if self.variables.iter().all(|v| v.0 != name) {
            self.variables.push((name, variable));
        }
    }

    /// Have a machine record them.
    pub fn apply(&self, machine: &mut Machine) {
        let places: Vec<watch::Place> = self.places.iter().map(|p| p.1).collect();
        let variables: Vec<watch::Variable> = self.variables.iter().map(|v| v.1).collect();
        if !places.is_empty() || !variables.is_empty() {
            machine.watch(&places, &variables);
        }
    }

    /// Name them in the header of a capture, and the firmware's data objects when variables are among them.
    pub fn describe(&self, firmware: &Firmware, header: &mut Header) {
        header.places = self.places.iter().map(|p| p.0.clone()).collect();
        header.variables = self.variables.iter().map(|v| v.0.clone()).collect();
        if !self.variables.is_empty() {
            let all = firmware.image.symbols.iter();
            let objects = all.filter(|s| s.kind == SymbolKind::Object && s.size > 0);
            header.objects = objects
                .map(|s| {
                    let (size, name) = (s.size, s.demangled().to_owned());
                    (s.address, DataObject { size, name })
                })
                .collect();
        }
    }
}

fn function(firmware: &Firmware, name: &str) -> Result<u32, Failure> {
    let symbols = &firmware.image.symbols;
    let found = symbols
        .find(name)
        .filter(|s| s.kind == SymbolKind::Function);
    found.map(|s| s.address).ok_or_else(|| {
        Failure::usage(format!("the firmware has no function `{name}`"))
            .help(near_functions(firmware, name))
    })
}

fn near_functions(firmware: &Firmware, name: &str) -> String {
    let all = firmware.functions();
    let near = nearest(name, all.iter().map(|f| f.name.as_str()), 4);
    match (all.is_empty(), near.is_empty()) {
        (true, _) => "the file has no symbols: was it stripped?".to_owned(),
        (_, true) => format!(
            "it has {} functions; one that was inlined everywhere is none of them",
            all.len()
        ),
        _ => format!(
            "near: {}; one that was inlined everywhere is no function",
            near.join(", ")
        ),
    }
}

fn variable(firmware: &Firmware, v: &Variable) -> Result<watch::Variable, Failure> {
    let (base, size) = match &v.base {
        Base::Address(a) => (*a, None),
        Base::Symbol(name) => {
            let symbols = &firmware.image.symbols;
            let found = symbols
                .find(name)
                .filter(|s| s.kind != SymbolKind::Function);
            let symbol = found.ok_or_else(|| {
                let all = symbols.iter().filter(|s| s.kind == SymbolKind::Object);
                let near = nearest(name, all.map(|s| s.demangled()), 4);
                let failure = Failure::usage(format!("the firmware has no variable `{name}`"));
                match near.is_empty() {
                    true => failure
                        .help("give its symbol, or an address and a size: write:0x20000010:4"),
                    false => failure.help(format!("near: {}", near.join(", "))),
                }
            })?;
            (symbol.address, Some(symbol.size).filter(|s| *s > 0))
        }
    };
    let rest = size.map(|s| s.saturating_sub(v.offset).max(1));
    let part = if v.offset > 0 {
        rest.map(|r| r.min(4))
    } else {
        rest
    };
    let Some(size) = v.size.or(part) else {
        let message = format!("the size of `{v}` is not known");
        return Err(Failure::usage(message).help(format!("give it in bytes: write:{v}:4")));
    };
    let address = base.wrapping_add(v.offset);
    Ok(watch::Variable { address, size })
}

/// What kind of probe event, and of which thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    Net(u16),
    Pend(u16),
    Enter(u16),
    Exit(u16),
    Tx(u8),
    Rx(u8),
    Itm(u8),
    Place(u16),
    Return(u16),
    Store(u16),
    Capture(u16, u8),
    Sleep,
    Wake,
}

impl Key {
    /// Do its events carry a value that can be measured?
    pub fn has_value(self) -> bool {
        let valued = matches!(self, Key::Store(_) | Key::Capture(..) | Key::Itm(_));
        valued || matches!(self, Key::Tx(_) | Key::Rx(_))
    }

    /// The kinds of probe events that tell of it.
    pub fn mask(self) -> ProbeMask {
        let mut mask = ProbeMask::default();
        match self {
            Key::Net(_) => mask.edges = true,
            Key::Pend(_) | Key::Enter(_) | Key::Exit(_) => mask.exceptions = true,
            Key::Tx(_) | Key::Rx(_) | Key::Itm(_) => mask.bytes = true,
            Key::Place(_) | Key::Return(_) | Key::Store(_) => mask.watches = true,
            Key::Capture(..) => mask.timers = true,
            Key::Sleep | Key::Wake => mask.power = true,
        }
        mask
    }
}

/// An event in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trigger {
    pub key: Key,
    /// The level, byte, word or value that it must have.
    pub value: Option<u32>,
}

/// Find an event in what a header names.
///
/// # Errors
/// A [`Failure`] that lists what there is.
pub fn resolve(event: &Event, header: &Header) -> Result<Trigger, Failure> {
    let plain = |key| Trigger { key, value: None };
    Ok(match event {
        Event::Bare(name) => match net(header, name) {
            Some(net) => Trigger {
                key: Key::Net(net),
                value: Some(1),
            },
            None => match position(&header.places, &format!("fn:{name}")) {
                Some(place) => plain(Key::Place(place)),
                None => return Err(pins::unknown(name, &pin_names(header))),
            },
        },
        Event::Pin(name, edge) => Trigger {
            key: Key::Net(
                net(header, name).ok_or_else(|| pins::unknown(name, &pin_names(header)))?,
            ),
            value: match edge {
                Edge::Rise => Some(1),
                Edge::Fall => Some(0),
                Edge::Both => None,
            },
        },
        Event::Exception(name, stage) => {
            let number = exception(header, name)?;
            plain(match stage {
                Stage::Assert => Key::Pend(number),
                Stage::Enter => Key::Enter(number),
                Stage::Exit => Key::Exit(number),
            })
        }
        Event::Entry(name) => plain(Key::Place(place(header, &format!("fn:{name}"))?)),
        Event::Return(name) => plain(Key::Return(place(header, &format!("fn:{name}"))?)),
        Event::Address(a) => plain(Key::Place(place(header, &format!("addr:{a:#010x}"))?)),
        Event::Write(v, value) => {
            let key = Key::Store(watched(header, &v.to_string())?);
            let value = match value {
                None => None,
                Some(Value::Number(n)) => Some(*n),
                Some(Value::Object(name)) => Some(object(header, name)?),
            };
            Trigger { key, value }
        }
        Event::Rtt(_) => plain(Key::Store(watched(header, &event.to_string())?)),
        Event::Tx(name, byte) => Trigger {
            key: Key::Tx(port(header, name)?),
            value: byte.map(u32::from),
        },
        Event::Rx(name, byte) => Trigger {
            key: Key::Rx(port(header, name)?),
            value: byte.map(u32::from),
        },
        Event::Itm(port, value) => Trigger {
            key: Key::Itm(*port),
            value: *value,
        },
        Event::Capture(timer, channel) => {
            let found = position(&header.devices, timer);
            let device = found.ok_or_else(|| {
                unknown("device", timer, header.devices.iter().map(String::as_str))
            })?;
            plain(Key::Capture(device, *channel))
        }
        Event::Sleep => plain(Key::Sleep),
        Event::Wake => plain(Key::Wake),
    })
}

fn position(list: &[String], name: &str) -> Option<u16> {
    let found = list.iter().position(|n| n.eq_ignore_ascii_case(name))?;
    u16::try_from(found).ok()
}

/// The net of a pin, by the chip's name or the board's.
pub fn net(header: &Header, name: &str) -> Option<u16> {
    let alias = header
        .pins
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name));
    position(&header.nets, alias.map_or(name, |(_, net)| net))
}

fn pin_names(header: &Header) -> Vec<&str> {
    let nets = header.nets.iter().map(String::as_str);
    header.pins.keys().map(String::as_str).chain(nets).collect()
}

fn unknown<'a>(what: &str, name: &str, all: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let near = nearest(name, all.clone(), 4);
    let failure = Failure::usage(format!("the machine has no {what} `{name}`"));
    let list = match near.is_empty() {
        true => format!("there are: {}", all.collect::<Vec<_>>().join(", ")),
        false => format!("near: {}", near.join(", ")),
    };
    failure.help(list)
}

fn exception(header: &Header, name: &str) -> Result<u16, Failure> {
    // The last names are those of the machine's own interrupts, which it may call what it likes.
    let most = header
        .interrupts
        .keys()
        .max()
        .map_or(16, |n| n + 1)
        .max(272);
    let names = (1..most).map(|n| (n, exception_name(n, &header.interrupts)));
    let found = names.clone().find(|(_, n)| n.eq_ignore_ascii_case(name));
    found.map(|(n, _)| n).ok_or_else(|| {
        let named = names
            .map(|(_, n)| n)
            .filter(|n| !n.starts_with("exception"));
        let named: Vec<String> = named.collect();
        unknown("exception", name, named.iter().map(String::as_str))
    })
}

fn port(header: &Header, name: &str) -> Result<u8, Failure> {
    let found = position(&header.ports, name).map(|p| p as u8);
    found.ok_or_else(|| unknown("serial port", name, header.ports.iter().map(String::as_str)))
}

fn place(header: &Header, name: &str) -> Result<u16, Failure> {
    position(&header.places, name).ok_or_else(|| not_recorded(name, &header.places))
}

fn watched(header: &Header, name: &str) -> Result<u16, Failure> {
    position(&header.variables, name).ok_or_else(|| {
        let shown = match name.starts_with("rtt:") {
            true => name.to_owned(),
            false => format!("write:{name}"),
        };
        not_recorded(&shown, &header.variables)
    })
}

fn not_recorded(name: &str, recorded: &[String]) -> Failure {
    let list = match recorded.is_empty() {
        true => "nothing of the kind".to_owned(),
        false => recorded.join(", "),
    };
    Failure::usage(format!("the capture has not recorded `{name}`")).help(format!(
        "it has {list}; record it with: tickscope run FW --capture FILE --watch {name}"
    ))
}

fn object(header: &Header, name: &str) -> Result<u32, Failure> {
    let found = header.objects.iter().find(|(_, o)| o.name == name);
    found.map(|(&address, _)| address).ok_or_else(|| {
        let near = nearest(name, header.objects.values().map(|o| o.name.as_str()), 4);
        let failure = Failure::usage(format!("`{name}` is neither a number nor a data object"));
        failure.help(format!("near: {}", near.join(", ")))
    })
}
