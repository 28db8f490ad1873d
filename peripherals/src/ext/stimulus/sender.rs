//! Bytes for a serial port.
//!
//! Modelled: bytes at a moment, and again after each period; one after the other at the rate that the port is set to,
//! as bytes of the host; or at a baud rate of the sender's own, whole, to the port; or bit by bit on a
//! pin (one start bit, eight data bits, LSB first, one stop bit; high before, between and after), so that a receiver with
//! another rate hears what it would hear. A repetition waits for the end of the last. Not modelled: parity, flow control.
//!
//! Ports: net `pin`.

use super::{Moment, Pace};
use emu_core::device::{StateError, from_state, to_state};
use emu_core::{Ctx, Device, Drive, Driver, Ports, Ratio, Width};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const NEXT: u32 = 0;

/// Start bit, eight data bits, stop bit.
const BITS: u64 = 10;

/// How bytes reach the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// The serial port with this index, at its own rate.
    Port(u8),
    /// The serial port with this index, byte by byte at so many bits a second.
    PortAt(u8, Ratio),
    /// The pin, bit by bit, so many a second.
    Pin(Ratio),
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Shape {
    /// When it begins.
    pub start: Moment,
    /// The bytes.
    pub bytes: Arc<[u8]>,
    /// How they get there.
    pub line: Line,
    /// Again after so many ticks; they are sent once without.
    pub every: Option<(u128, Pace)>,
    /// How often in all; for ever without.
    pub count: Option<u64>,
}

/// The sender.
pub struct Sender {
    shape: Shape,
    state: State,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct State {
    /// The start in the unit of the period, once it has come.
    first: Option<Moment>,
    /// How often the bytes have been begun.
    begun: u64,
    /// When the present ones began; none are being sent without.
    sending: Option<Moment>,
    /// Steps made of the present ones: bytes, or bits.
    steps: u64,
}

impl Sender {
    /// A sender.
    #[must_use]
    pub fn new(shape: Shape) -> Sender {
        Sender {
            shape,
            state: State::default(),
        }
    }

    /// Ticks of the line, and how many of them a step takes.
    fn pace(&self) -> Option<(Pace, u64)> {
        match self.shape.line {
            Line::Port(_) => None,
            Line::PortAt(_, baud) => Some((Pace::PerSecond(baud), BITS)),
            Line::Pin(baud) => Some((Pace::PerSecond(baud), 1)),
        }
    }

    /// Steps that the bytes take, and one more at their end.
    fn steps(&self) -> u64 {
        let bytes = self.shape.bytes.len() as u64;
        match self.shape.line {
            Line::Pin(_) => bytes.saturating_mul(BITS),
            _ => bytes,
        }
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let s = &self.state;
        let at = match (s.sending, s.first) {
            (Some(since), _) => self.pace().and_then(|(pace, ticks)| {
                since.after(u128::from(s.steps) * u128::from(ticks), pace)
            }),
            (None, None) => Some(self.shape.start),
            (None, Some(first)) => self
                .shape
                .every
                .filter(|_| self.shape.count.is_none_or(|n| s.begun < n))
                .and_then(|(ticks, pace)| {
                    first.after(u128::from(s.begun).saturating_mul(ticks), pace)
                }),
        };
        let at = at.map(|moment| moment.cycle(ctx));
        ctx.schedule_or_cancel(NEXT, at);
    }

    /// The bytes begin.
    fn begin(&mut self, ctx: &mut Ctx<'_>) {
        let s = &mut self.state;
        let every = self.shape.every;
        let moment = match (s.first, every) {
            (Some(first), Some((ticks, pace))) => {
                first.after(u128::from(s.begun).saturating_mul(ticks), pace)
            }
            _ => Some(self.shape.start),
        };
        if s.first.is_none() {
            let start = self.shape.start;
            s.first = Some(every.map_or(start, |(_, pace)| start.anchored(pace, ctx)));
        }
        s.begun += 1;
        if let Line::Port(port) = self.shape.line {
            ctx.give_serial(port, &self.shape.bytes);
            return;
        }
        // One that had to wait for the last begins now.
        let due = moment.filter(|m| m.cycle(ctx) >= ctx.now());
        let since = match due {
            Some(Moment::Time(t)) => Moment::Time(t),
            _ => Moment::Time(ctx.attoseconds()),
        };
        (s.sending, s.steps) = (Some(since), 0);
        self.step(ctx);
    }

    fn step(&mut self, ctx: &mut Ctx<'_>) {
        let steps = self.steps();
        let s = &mut self.state;
        if s.steps >= steps {
            s.sending = None;
            return;
        }
        let bytes = &self.shape.bytes;
        match self.shape.line {
            Line::PortAt(port, baud) => ctx.send_frame(port, bytes[s.steps as usize], baud),
            Line::Pin(_) => {
                let byte = bytes[(s.steps / BITS) as usize];
                let high = match s.steps % BITS {
                    0 => false,
                    bit @ 1..=8 => byte >> (bit - 1) & 1 != 0,
                    _ => true,
                };
                drive(ctx, high);
            }
            Line::Port(_) => {}
        }
        s.steps += 1;
    }
}

fn drive(ctx: &mut Ctx<'_>, high: bool) {
    if let Some(net) = ctx.net(0) {
        let drive = if high { Drive::High } else { Drive::Low };
        ctx.drive(net, Driver::Stimulus, drive);
    }
}

impl Device for Sender {
    fn ports(&self) -> Ports {
        Ports {
            nets: Ports::names(&["pin"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        if self.state.begun == 0 && matches!(self.shape.line, Line::Pin(_)) {
            drive(ctx, true);
        }
        self.plan(ctx);
    }

    fn read(&mut self, _offset: u32, _width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, _ctx: &mut Ctx<'_>) {}

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        if self.state.sending.is_some() {
            self.step(ctx);
        } else {
            self.begin(ctx);
        }
        self.plan(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.plan(ctx);
    }

    fn save(&self) -> Vec<u8> {
        to_state(&self.state)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        self.state = from_state(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;
    use emu_core::Cycles;
    use emu_core::probe::{ProbeEvent, ProbeKind, ProbeMask};
    use std::sync::Mutex;

    const USART: u32 = 0x4000_4400;
    /// BRR for 1458 ticks a bit: 115 226 baud at 168 MHz.
    const BIT: u32 = 1458;

    struct Bench {
        rig: Rig,
        events: Arc<Mutex<Vec<ProbeEvent>>>,
    }

    impl Bench {
        /// A USART that listens, and a sender.
        fn new(shape: Shape) -> Bench {
            let mut rig = Rig::m4();
            rig.add("stm32.usart.v1", USART, "");
            rig.attach(Box::new(Sender::new(shape)));
            rig.base = USART;
            rig.write(0x08, BIT);
            rig.write(0x0C, 1 << 13 | 1 << 2);
            let events: Arc<Mutex<Vec<ProbeEvent>>> = Arc::default();
            let into = Arc::clone(&events);
            rig.bus.probes.attach(
                ProbeMask::ALL,
                Box::new(move |mut batch| {
                    into.lock().expect("events").append(&mut batch);
                    batch
                }),
            );
            Bench { rig, events }
        }

        /// Bytes received so far; the data register is read every `poll` cycles.
        fn received(&mut self, until: u64, poll: u64) -> Vec<(u64, u8)> {
            while self.rig.bus.now < Cycles(until) {
                let next = self.rig.bus.now.0 + poll;
                self.rig.at(next);
                let _ = self.rig.read(0x04);
            }
            self.rig.bus.probes.flush();
            let events = self.events.lock().expect("events");
            events
                .iter()
                .filter_map(|e| match e.kind {
                    ProbeKind::UartRx { byte, .. } => Some((e.at.0, byte)),
                    _ => None,
                })
                .collect()
        }
    }

    fn shape(line: Line) -> Shape {
        Shape {
            start: Moment::Cycle(1000),
            bytes: Arc::from(*b"abc"),
            line,
            every: None,
            count: None,
        }
    }

    #[test]
    fn at_the_rate_of_the_port() {
        let mut b = Bench::new(shape(Line::Port(0)));
        let frame = 10 * u64::from(BIT);
        assert_eq!(
            b.received(100_000, 100),
            [
                (1000 + frame, b'a'),
                (1000 + 2 * frame, b'b'),
                (1000 + 3 * frame, b'c')
            ]
        );
    }

    #[test]
    fn at_a_rate_of_its_own_and_again() {
        // 112 000 baud: 1500 cycles a bit, 2.9 % slower than the port.
        let line = Line::PortAt(0, Ratio::hz(112_000));
        let mut b = Bench::new(Shape {
            every: Some((60_000, Pace::Cycles)),
            count: Some(2),
            ..shape(line)
        });
        let expected: Vec<(u64, u8)> = [1000, 61_000]
            .iter()
            .flat_map(|start| {
                (1..=3u64)
                    .zip(*b"abc")
                    .map(move |(n, byte)| (start + n * 15_000, byte))
            })
            .collect();
        assert_eq!(b.received(200_000, 100), expected);
        assert!(!b.rig.noted("off"));
    }

    #[test]
    fn a_reader_that_is_too_slow_overruns() {
        let line = Line::PortAt(0, Ratio::hz(112_000));
        let mut b = Bench::new(shape(line));
        // The second byte comes while the first has not been read.
        assert_eq!(
            b.received(100_000, 40_000),
            [(16_000, b'a'), (46_000, b'c')]
        );
    }

    #[test]
    fn a_rate_that_is_far_off_is_a_framing_error() {
        let mut b = Bench::new(shape(Line::PortAt(0, Ratio::hz(125_000))));
        b.rig.at(1000 + 13_440);
        assert_eq!(b.rig.read(0x00) & 0x22, 0x22, "FE and RXNE");
        assert!(b.rig.noted("baud rate is more than 5 % off"));
    }

    #[test]
    fn bit_by_bit_on_a_pin() {
        // 1 Mbaud: 168 cycles a bit. 0x4B, LSB first: 1 1 0 1 0 0 1 0.
        let mut r = Rig::m4();
        r.attach(Box::new(Sender::new(Shape {
            bytes: Arc::from([0x4B]),
            every: Some((100, Pace::Cycles)),
            count: Some(2),
            ..shape(Line::Pin(Ratio::hz(1_000_000)))
        })));
        let pin = r.bus.nets.find("pin").expect("bound");
        assert!(r.bus.nets.level(pin), "high before");
        let bits = [
            (0, false),
            (1, true),
            (3, false),
            (4, true),
            (5, false),
            (7, true),
            (8, false),
            (9, true),
        ];
        // The repetition was due after 100 cycles and waits for the stop bit.
        let expected: Vec<(u64, bool)> = [1000, 1000 + 1680]
            .iter()
            .flat_map(|start| bits.map(|(bit, level)| (start + bit * 168, level)))
            .collect();
        let seen = r.edges("pin", 100_000);
        assert_eq!(seen, expected);
    }
}
