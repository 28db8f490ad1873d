//! Signals: what of a run is measured, without a change of the firmware.
//!
//! One small grammar, on the command line and in bench files:
//!
//! ```text
//! signal   = [NAME "="] source
//! source   = event | event ".." event | "begin=" event ",end=" event
//! event    = pin | handler | function | variable | word
//!
//! PA5  PA5.rise  PA5.fall  PA5.both        edges of a pin (`PA5` is `PA5.rise`)
//! irq:TIM2.assert  .enter  .exit           an exception: its line is asserted, its handler starts, returns
//! fn:gc_pause.entry  .return               a function is entered, has returned
//! addr:0x08000123                          an instruction is executed
//! write:VAR  write:VAR=5  write:VAR+4:2    a variable is written (with this value; 2 bytes at offset 4)
//! uart:USART2.tx  uart:USART2.rx=0x0a      a byte has left or come (this byte)
//! itm:0  itm:0=1                           a word on an ITM stimulus port
//! rtt:0                                    the firmware has put something into an RTT channel
//! capture:TIM2.1                           a timer has latched its counter on a channel
//! sleep  wake                              the core goes to sleep, wakes
//! ```
//!
//! `A..B` is an interval: from each A to the next B. `fn:NAME` and `irq:NAME` alone are intervals, too: from each
//! entry to its own return, whatever runs in between. A name without a prefix is a pin, or else a function.

mod collect;
mod parse;
mod resolve;

pub use collect::{Collector, Recorded};
pub use resolve::Watchlist;

/// A named source of events or intervals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// What results call it.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
}

/// What a signal is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// The times of an event.
    Event(Event),
    /// From each first event to the next second one.
    Interval(Event, Event),
    /// From each entry of a function to its own return.
    Call(String),
    /// From each entry of a handler to its return.
    Handler(String),
}

/// Something that happens at a cycle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A pin, or else a function, of this name.
    Bare(String),
    /// An edge of a pin.
    Pin(String, Edge),
    /// An exception, by the machine's name of it.
    Exception(String, Stage),
    /// A function is entered.
    Entry(String),
    /// A function has returned.
    Return(String),
    /// The instruction at this address is executed.
    Address(u32),
    /// A variable is written, with this value.
    Write(Variable, Option<Value>),
    /// A byte has left a serial port.
    Tx(String, Option<u8>),
    /// A byte has come to a serial port.
    Rx(String, Option<u8>),
    /// A word was written to an ITM stimulus port.
    Itm(u8, Option<u32>),
    /// An RTT channel was written.
    Rtt(u8),
    /// A timer has latched its counter on this channel.
    Capture(String, u8),
    /// The core goes to sleep.
    Sleep,
    /// The core wakes.
    Wake,
}

/// Which edges of a pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edge {
    /// Low to high.
    Rise,
    /// High to low.
    Fall,
    /// Either.
    Both,
}

/// What of an exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It becomes pending.
    Assert,
    /// The first instruction of its handler starts.
    Enter,
    /// Its handler returns.
    Exit,
}

/// A variable, or a part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable {
    /// A symbol, or an address.
    pub base: Base,
    /// Offset in bytes.
    pub offset: u32,
    /// Size in bytes; that of the symbol when `None`.
    pub size: Option<u32>,
}

/// Where a variable is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Base {
    /// A symbol of the firmware.
    Symbol(String),
    /// An address.
    Address(u32),
}

/// The value that a write must have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A number.
    Number(u32),
    /// The address of a data object.
    Object(String),
}

impl Source {
    /// The events that it is made of.
    pub fn events(&self) -> Vec<Event> {
        match self {
            Source::Event(e) => vec![e.clone()],
            Source::Interval(a, b) => vec![a.clone(), b.clone()],
            Source::Call(name) => vec![Event::Entry(name.clone()), Event::Return(name.clone())],
            Source::Handler(name) => vec![
                Event::Exception(name.clone(), Stage::Enter),
                Event::Exception(name.clone(), Stage::Exit),
            ],
        }
    }

    /// Is it made of intervals?
    #[must_use]
    pub fn is_interval(&self) -> bool {
        !matches!(self, Source::Event(_))
    }
}
