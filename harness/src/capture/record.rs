//! One record of a capture, as bytes and back.

use super::END_MAGIC;
use super::varint::{get_as, invalid, put, put64, unzigzag, zigzag};
use emu_core::clock::Segment;
use emu_core::{Cycles, NetId, ProbeEvent, ProbeKind, Ratio};
use std::io::{self, Read};

/// What a capture holds, in the order of the run.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Record {
    /// An observation.
    Event(ProbeEvent),
    /// A byte that the host gave to a serial port: with these, a run with input can be repeated.
    HostInput {
        /// When.
        at: Cycles,
        /// Index of the port.
        port: u8,
        /// The byte.
        byte: u8,
    },
    /// The core clock had this frequency from then on.
    Segment(Segment),
}

/// Kinds of records. The numbers are part of the format.
mod kind {
    pub const EDGE_LOW: u8 = 0;
    pub const EDGE_HIGH: u8 = 1;
    pub const PEND: u8 = 2;
    pub const ENTER: u8 = 3;
    pub const ENTER_TAIL: u8 = 4;
    pub const EXIT: u8 = 5;
    pub const UART_TX: u8 = 6;
    pub const UART_RX: u8 = 7;
    pub const SLEEP: u8 = 8;
    pub const WAKE: u8 = 9;
    pub const CLOCK_CHANGE: u8 = 10;
    pub const ITM: u8 = 11;
    pub const RESET: u8 = 12;
    pub const PLACE_ENTER: u8 = 13;
    pub const PLACE_RETURN: u8 = 14;
    pub const STORE: u8 = 15;
    pub const TIMER_CAPTURE: u8 = 16;
    pub const HOST_INPUT: u8 = 32;
    pub const SEGMENT: u8 = 33;
    pub const END: u8 = 127;
}

/// Turns records into bytes; remembers what deltas are against.
#[derive(Default)]
pub struct Encoder {
    at: u64,
    pc: u32,
    /// Records encoded so far.
    pub count: u64,
}

/// A record is earlier than the one before it.
#[derive(Debug)]
pub struct OutOfOrder {
    /// Cycle of the record before.
    pub after: u64,
    /// Cycle of this one.
    pub at: u64,
}

impl Encoder {
    /// Start at the cycle at which recording began.
    pub fn new(start: u64) -> Encoder {
        Encoder {
            at: start,
            ..Encoder::default()
        }
    }

    fn time(&mut self, out: &mut Vec<u8>, at: Cycles) -> Result<(), OutOfOrder> {
        let delta = at.0.checked_sub(self.at).ok_or(OutOfOrder {
            after: self.at,
            at: at.0,
        })?;
        put64(out, delta);
        self.at = at.0;
        self.count += 1;
        Ok(())
    }

    /// Append an observation.
    #[inline]
    pub fn event(&mut self, out: &mut Vec<u8>, event: &ProbeEvent) -> Result<(), OutOfOrder> {
        self.time(out, event.at)?;
        let one = |out: &mut Vec<u8>, kind, n: u64| {
            out.push(kind);
            put64(out, n);
        };
        match event.kind {
            ProbeKind::Edge { net, level } => one(out, u8::from(level), net.0.into()),
            ProbeKind::ExceptionPend { number } => one(out, kind::PEND, number.into()),
            ProbeKind::ExceptionEnter {
                number,
                tail_chained: false,
            } => one(out, kind::ENTER, number.into()),
            ProbeKind::ExceptionEnter { number, .. } => one(out, kind::ENTER_TAIL, number.into()),
            ProbeKind::ExceptionExit { number } => one(out, kind::EXIT, number.into()),
            ProbeKind::UartTx { port, byte } => out.extend([kind::UART_TX, port, byte]),
            ProbeKind::UartRx { port, byte } => out.extend([kind::UART_RX, port, byte]),
            ProbeKind::Sleep => out.push(kind::SLEEP),
            ProbeKind::Wake => out.push(kind::WAKE),
            ProbeKind::ClockChange => out.push(kind::CLOCK_CHANGE),
            ProbeKind::Itm { port, width, value } => {
                out.extend([kind::ITM, port, width]);
                put64(out, value.into());
            }
            ProbeKind::Reset => out.push(kind::RESET),
            ProbeKind::Enter { place, call } => {
                one(out, kind::PLACE_ENTER, place.into());
                put64(out, call.into());
            }
            ProbeKind::Return { place, call } => {
                one(out, kind::PLACE_RETURN, place.into());
                put64(out, call.into());
            }
            ProbeKind::Store { variable, value } => {
                one(out, kind::STORE, variable.into());
                put64(out, value.into());
            }
            ProbeKind::TimerCapture {
                device,
                channel,
                value,
            } => {
                one(out, kind::TIMER_CAPTURE, device.into());
                out.push(channel);
                put64(out, value.into());
            }
        }
        let delta = event.pc.wrapping_sub(self.pc) as i32;
        put64(out, zigzag(delta).into());
        self.pc = event.pc;
        Ok(())
    }

    /// Append a byte from the host.
    pub fn host_input(
        &mut self,
        out: &mut Vec<u8>,
        at: Cycles,
        port: u8,
        byte: u8,
    ) -> Result<(), OutOfOrder> {
        self.time(out, at)?;
        out.extend([kind::HOST_INPUT, port, byte]);
        Ok(())
    }

    /// Append a clock segment. It may have begun earlier than the last record.
    pub fn segment(&mut self, out: &mut Vec<u8>, s: &Segment) {
        put64(out, 0);
        self.count += 1;
        out.push(kind::SEGMENT);
        put_segment(out, s);
    }

    /// Append the trailer.
    pub fn end(
        &mut self,
        out: &mut Vec<u8>,
        at: Cycles,
        segments: &[Segment],
    ) -> Result<(), OutOfOrder> {
        let count = self.count;
        self.time(out, at)?;
        out.push(kind::END);
        put64(out, count);
        put64(out, segments.len() as u64);
        for s in segments {
            put_segment(out, s);
        }
        out.extend(END_MAGIC);
        Ok(())
    }
}

fn put_segment(out: &mut Vec<u8>, s: &Segment) {
    put64(out, s.from.0);
    put(out, s.start_as);
    put64(out, s.hz.num());
    put64(out, s.hz.den());
}

fn get_segment(from: &mut impl Read) -> io::Result<Segment> {
    let (cycle, start_as) = (get_as(from)?, get_as(from)?);
    let hz = Ratio::new(get_as(from)?, get_as(from)?);
    if hz.is_zero() {
        return Err(invalid("a clock segment without frequency"));
    }
    Ok(Segment {
        from: Cycles(cycle),
        start_as,
        hz,
    })
}

/// What the decoder found.
pub enum Decoded {
    /// A record.
    Record(Record),
    /// The trailer of a complete capture.
    End {
        /// The final cycle of the run.
        at: Cycles,
        /// All clock segments.
        segments: Vec<Segment>,
    },
}

/// Turns bytes into records.
pub struct Decoder {
    at: u64,
    pc: u32,
    count: u64,
}

impl Decoder {
    /// Start at the cycle at which recording began.
    pub fn new(start: u64) -> Decoder {
        Decoder {
            at: start,
            pc: 0,
            count: 0,
        }
    }

    /// Read the next record.
    ///
    /// # Errors
    /// `UnexpectedEof` when the bytes end within it, `InvalidData` when they make no sense.
    pub fn next(&mut self, from: &mut impl Read) -> io::Result<Decoded> {
        let delta: u64 = get_as(from)?;
        let at = self.at.checked_add(delta).map(Cycles);
        let at = at.ok_or_else(|| invalid("the cycle counter overflows"))?;
        let kind = byte(from)?;
        let record = match kind {
            kind::HOST_INPUT => Record::HostInput {
                at,
                port: byte(from)?,
                byte: byte(from)?,
            },
            kind::SEGMENT => Record::Segment(get_segment(from)?),
            kind::END => return self.end(at, from),
            _ => {
                let kind = event_kind(kind, from)?;
                let delta: u32 = get_as(from)?;
                self.pc = self.pc.wrapping_add(unzigzag(delta) as u32);
                Record::Event(ProbeEvent {
                    at,
                    pc: self.pc,
                    kind,
                })
            }
        };
        self.at = at.0;
        self.count += 1;
        Ok(Decoded::Record(record))
    }

    fn end(&mut self, at: Cycles, from: &mut impl Read) -> io::Result<Decoded> {
        let count: u64 = get_as(from)?;
        if count != self.count {
            return Err(invalid(
                "the number of records is not what the trailer says",
            ));
        }
        let length: u64 = get_as(from)?;
        // Not `with_capacity`: the length is not to be believed before the segments were seen.
        let mut segments = Vec::new();
        for _ in 0..length {
            segments.push(get_segment(from)?);
        }
        if !segments.is_sorted_by_key(|s| s.from) {
            return Err(invalid("the clock segments are out of order"));
        }
        let mut magic = [0; END_MAGIC.len()];
        from.read_exact(&mut magic)?;
        if &magic != END_MAGIC {
            return Err(invalid("the trailer is damaged"));
        }
        Ok(Decoded::End { at, segments })
    }
}

fn event_kind(kind: u8, from: &mut impl Read) -> io::Result<ProbeKind> {
    Ok(match kind {
        kind::EDGE_LOW | kind::EDGE_HIGH => ProbeKind::Edge {
            net: NetId(get_as(from)?),
            level: kind == kind::EDGE_HIGH,
        },
        kind::PEND => ProbeKind::ExceptionPend {
            number: get_as(from)?,
        },
        kind::ENTER | kind::ENTER_TAIL => ProbeKind::ExceptionEnter {
            number: get_as(from)?,
            tail_chained: kind == kind::ENTER_TAIL,
        },
        kind::EXIT => ProbeKind::ExceptionExit {
            number: get_as(from)?,
        },
        kind::UART_TX => ProbeKind::UartTx {
            port: byte(from)?,
            byte: byte(from)?,
        },
        kind::UART_RX => ProbeKind::UartRx {
            port: byte(from)?,
            byte: byte(from)?,
        },
        kind::SLEEP => ProbeKind::Sleep,
        kind::WAKE => ProbeKind::Wake,
        kind::CLOCK_CHANGE => ProbeKind::ClockChange,
        kind::ITM => ProbeKind::Itm {
            port: byte(from)?,
            width: byte(from)?,
            value: get_as(from)?,
        },
        kind::RESET => ProbeKind::Reset,
        kind::PLACE_ENTER => ProbeKind::Enter {
            place: get_as(from)?,
            call: get_as(from)?,
        },
        kind::PLACE_RETURN => ProbeKind::Return {
            place: get_as(from)?,
            call: get_as(from)?,
        },
        kind::STORE => ProbeKind::Store {
            variable: get_as(from)?,
            value: get_as(from)?,
        },
        kind::TIMER_CAPTURE => ProbeKind::TimerCapture {
            device: get_as(from)?,
            channel: byte(from)?,
            value: get_as(from)?,
        },
        other => return Err(invalid(&format!("unknown kind of record {other:#04x}"))),
    })
}

fn byte(from: &mut impl Read) -> io::Result<u8> {
    let mut b = [0];
    from.read_exact(&mut b)?;
    Ok(b[0])
}
