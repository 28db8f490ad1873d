//! The receiver: bytes from the host, frame by frame, and frames sampled from the RX pin.

use super::frame::Format;
use super::{CR1_RE, CR1_UE, SR_FE, SR_IDLE, SR_ORE, SR_PE, SR_RXNE, Usart, event};
use emu_core::{Ctx, NoticeKind, Ratio};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A byte from the host on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct HostFrame {
    byte: u8,
    /// Tick of the end of its stop bit.
    end: u64,
    /// The receiver was on at its start bit.
    heard: bool,
    /// The sender's rate is too far off: the stop bit is not where it should be.
    broken: bool,
}

/// Bits of a frame that is sent at a rate of its own.
const SENT_BITS: u64 = 10;
/// A receiver that samples the middle of the stop bit, 9.5 bits after the start, bears less than half a bit.
const BEARABLE: u64 = 20;

/// A frame that is being sampled from the pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct PinFrame {
    start: u64,
    bit: u64,
    /// Samples taken so far.
    samples: u32,
    word: u32,
}

impl PinFrame {
    /// Tick of the next sample: the middle of its bit.
    fn next(&self) -> u64 {
        self.start + u64::from(self.samples) * self.bit + self.bit / 2
    }
}

/// State of the receiver.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Receiver {
    /// The data register.
    pub data: u32,
    queue: VecDeque<u8>,
    host: Option<HostFrame>,
    pin: Option<PinFrame>,
    /// Level of the RX pin.
    line: Option<bool>,
    /// Tick at which the line has been idle for a frame after a reception.
    idle_at: Option<u64>,
}

impl Usart {
    fn receiver_on(&self) -> bool {
        self.cr1 & (CR1_UE | CR1_RE) == CR1_UE | CR1_RE
    }

    /// Bytes from the host.
    pub(super) fn host_bytes(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        self.rx.queue.extend(bytes);
        self.start_host_frame(None, ctx);
    }

    /// Begin with the next byte of the host, at tick `at` or with the next edge of the kernel clock.
    fn start_host_frame(&mut self, at: Option<u64>, ctx: &mut Ctx<'_>) {
        if self.p.no_setup {
            if self.sr & SR_RXNE == 0
                && let Some(byte) = self.rx.queue.pop_front()
            {
                self.deliver(u32::from(byte), false, ctx);
            }
            return;
        }
        if self.rx.host.is_some() || self.rx.queue.is_empty() {
            return;
        }
        // Without a baud rate there is no frame time: what comes now is lost.
        let bit = self.bit().filter(|_| self.cr1 & CR1_UE != 0);
        let Some(bit) = bit.filter(|_| !ctx.clock(0).is_zero()) else {
            self.rx.queue.clear();
            self.note_lost(ctx);
            return;
        };
        if let Some(byte) = self.rx.queue.pop_front() {
            let start = at.unwrap_or_else(|| self.next_tick(ctx));
            let end = start + Format::new(self.cr1, self.cr2).ticks(bit);
            let heard = self.receiver_on();
            if heard {
                self.stop_idle(ctx);
            }
            self.rx.host = Some(HostFrame {
                byte,
                end,
                heard,
                broken: false,
            });
            self.plan_receiver(ctx);
        }
    }

    /// A byte begins on the line that is sent at a rate of its own. It ends the one before.
    pub(super) fn sent_frame(&mut self, byte: u8, baud: Ratio, ctx: &mut Ctx<'_>) {
        if self.p.no_setup {
            return self.host_bytes(&[byte], ctx);
        }
        if let Some(frame) = self.rx.host.take() {
            self.end_host_frame(frame, ctx);
        }
        let bits = ctx.clock_hz(0).over(baud);
        let on = self.cr1 & CR1_UE != 0 && !bits.is_zero();
        let Some(bit) = self.bit().filter(|_| on) else {
            return self.note_lost(ctx);
        };
        let ticks = u128::from(SENT_BITS) * u128::from(bits.num());
        let ticks = ticks.div_ceil(u128::from(bits.den()));
        let (sent, set) = (ticks, u128::from(SENT_BITS * bit));
        let broken = sent.abs_diff(set) * u128::from(BEARABLE) > set;
        if broken {
            ctx.note(
                NoticeKind::Misuse,
                "the sender's baud rate is more than 5 % off: framing errors (CR1.OVER8, BRR)",
            );
        }
        let heard = self.receiver_on();
        if heard {
            self.stop_idle(ctx);
        }
        let end = self.next_tick(ctx) + u64::try_from(ticks).unwrap_or(u64::MAX / 2);
        self.rx.host = Some(HostFrame {
            byte,
            end,
            heard,
            broken,
        });
        self.plan_receiver(ctx);
    }

    fn note_lost(&self, ctx: &mut Ctx<'_>) {
        ctx.note(
            NoticeKind::Misuse,
            "bytes from the host are lost: the receiver is off (CR1.UE, CR1.RE, BRR)",
        );
    }

    /// The end of a host byte.
    pub(super) fn host_event(&mut self, ctx: &mut Ctx<'_>) {
        let Some(frame) = self.rx.host.take() else {
            return;
        };
        self.end_host_frame(frame, ctx);
        self.start_host_frame(Some(frame.end), ctx);
        self.plan_receiver(ctx);
    }

    fn end_host_frame(&mut self, frame: HostFrame, ctx: &mut Ctx<'_>) {
        if frame.heard && self.receiver_on() {
            let word = Format::new(self.cr1, self.cr2).word(frame.byte.into());
            self.deliver(word, frame.broken, ctx);
            self.rx.idle_at = self.idle_tick(frame.end);
        } else {
            self.note_lost(ctx);
        }
    }

    fn idle_tick(&self, from: u64) -> Option<u64> {
        let bit = self.bit()?;
        Some(from + Format::new(self.cr1, self.cr2).ticks(bit))
    }

    /// A word has arrived.
    fn deliver(&mut self, word: u32, framing_error: bool, ctx: &mut Ctx<'_>) {
        if self.sr & SR_RXNE != 0 {
            // The data register keeps the older word (RM0090 §30.3.3).
            self.sr |= SR_ORE;
            return;
        }
        let format = Format::new(self.cr1, self.cr2);
        self.rx.data = word;
        self.sr |= SR_RXNE;
        if framing_error {
            self.sr |= SR_FE;
        }
        if format.parity_error(word) && !self.p.no_setup {
            self.sr |= SR_PE;
        }
        ctx.serial_received((word & format.data_mask()) as u8);
    }

    /// The data register was read.
    pub(super) fn data_taken(&mut self, ctx: &mut Ctx<'_>) {
        if self.p.no_setup {
            self.start_host_frame(None, ctx);
        }
    }

    /// The RX pin has this level.
    pub(super) fn rx_level(&mut self, level: bool, ctx: &mut Ctx<'_>) {
        let before = self.rx.line.replace(level);
        if before != Some(true) || level || self.rx.pin.is_some() || !self.receiver_on() {
            return;
        }
        let Some(bit) = self.bit() else { return };
        self.stop_idle(ctx);
        self.rx.pin = Some(PinFrame {
            start: self.tick(ctx),
            bit,
            samples: 0,
            word: 0,
        });
        self.plan_receiver(ctx);
    }

    /// The middle of a bit on the RX pin.
    pub(super) fn sample_event(&mut self, ctx: &mut Ctx<'_>) {
        let Some(mut frame) = self.rx.pin.take() else {
            return;
        };
        let format = Format::new(self.cr1, self.cr2);
        let (level, index) = (self.rx.line != Some(false), frame.samples);
        frame.samples += 1;
        if index == 0 && level {
            // Too short for a start bit.
        } else if index <= format.word_bits {
            if index > 0 {
                frame.word |= u32::from(level) << (index - 1);
            }
            self.rx.pin = Some(frame);
        } else {
            self.deliver(frame.word, !level, ctx);
            let end = frame.start + format.ticks(frame.bit);
            self.rx.idle_at = self.idle_tick(end);
        }
        self.plan_receiver(ctx);
    }

    fn stop_idle(&mut self, ctx: &mut Ctx<'_>) {
        self.rx.idle_at = None;
        ctx.cancel(event::IDLE);
    }

    /// The line has been idle for a frame.
    pub(super) fn idle_event(&mut self) {
        self.rx.idle_at = None;
        self.sr |= SR_IDLE;
    }

    /// UE or RE changed.
    pub(super) fn receiver_switched(&mut self, ctx: &mut Ctx<'_>) {
        if !self.receiver_on() {
            self.rx.pin = None;
            self.rx.idle_at = None;
            self.plan_receiver(ctx);
        }
    }

    /// Plan the receiver's events at the present clock.
    pub(super) fn plan_receiver(&self, ctx: &mut Ctx<'_>) {
        for (tag, tick) in [
            (event::HOST, self.rx.host.map(|f| f.end)),
            (event::SAMPLE, self.rx.pin.map(|f| f.next())),
            (event::IDLE, self.rx.idle_at),
        ] {
            let at = tick.and_then(|t| self.cycle_of(t));
            ctx.schedule_or_cancel(tag, at);
        }
    }

    /// Forget everything but the line and what the host is still to send.
    pub(super) fn reset_receiver(&mut self, ctx: &mut Ctx<'_>) {
        self.rx = Receiver {
            line: self.rx.line,
            ..Receiver::default()
        };
        self.plan_receiver(ctx);
    }
}
