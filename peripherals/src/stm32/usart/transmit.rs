//! The transmitter: data register, shift register, preamble, break, flow control.

use super::frame::{Format, Frame, Kind};
use super::{CR1_SBK, CR1_TE, CR1_UE, CR3_CTSE, SR_TC, Usart, event, output};
use crate::stm32::gpio::AF_RELEASED;
use emu_core::{Ctx, NoticeKind};
use serde::{Deserialize, Serialize};

/// State of the transmitter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Transmitter {
    /// The data register; TXE is set when it is empty.
    pub data: Option<u32>,
    /// The shift register.
    shift: Option<Frame>,
    /// TE was set: a frame of ones comes first.
    preamble: bool,
    /// nCTS forbids to start.
    pub held: bool,
    /// The last value of the TX output.
    level: Option<u32>,
}

impl Usart {
    pub(super) fn transmitter_on(&self) -> bool {
        self.cr1 & (CR1_UE | CR1_TE) == CR1_UE | CR1_TE
    }

    /// A write to DR.
    pub(super) fn write_data(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        if self.p.no_setup {
            ctx.serial_out(value as u8);
            self.sr |= SR_TC;
            return;
        }
        self.tx.data = Some(value & 0x1FF);
        self.start_next(None, ctx);
    }

    /// UE or TE changed from `old` CR1.
    pub(super) fn transmitter_switched(&mut self, old: u32, ctx: &mut Ctx<'_>) {
        let was = old & (CR1_UE | CR1_TE) == CR1_UE | CR1_TE;
        let is = self.transmitter_on();
        if is && !was {
            self.tx.preamble = true;
        }
        if was && self.cr1 & CR1_TE == 0 {
            if matches!(self.tx.shift.take().map(|f| f.kind), Some(Kind::Data(_))) {
                ctx.note(
                    NoticeKind::Misuse,
                    "CR1.TE is cleared during a frame: the frame is lost (wait for SR.TC)",
                );
            }
            self.tx.preamble = false;
            ctx.cancel(event::TX);
        }
        self.start_next(None, ctx);
    }

    /// Fill the shift register when it is empty; the frame starts at tick `at`, or with the next
    /// edge of the kernel clock.
    pub(super) fn start_next(&mut self, at: Option<u64>, ctx: &mut Ctx<'_>) {
        if self.tx.shift.is_some() {
            return;
        }
        if !self.transmitter_on() {
            self.show(ctx);
            return;
        }
        let wanted = self.tx.preamble || self.cr1 & CR1_SBK != 0 || self.tx.data.is_some();
        let blocked = self.cr3 & CR3_CTSE != 0 && self.tx.held && !self.tx.preamble;
        if wanted && !blocked {
            let Some(bit) = self.bit() else {
                if self.tx.data.is_some() {
                    ctx.note(
                        NoticeKind::Misuse,
                        "BRR is below 0x10: nothing can be sent or received",
                    );
                }
                self.show(ctx);
                return;
            };
            if ctx.clock(0).is_zero() {
                ctx.note(NoticeKind::Misuse, "the kernel clock stands still");
            }
            let format = Format::new(self.cr1, self.cr2);
            let start = at.unwrap_or_else(|| self.next_tick(ctx));
            self.tx.shift = Some(if std::mem::take(&mut self.tx.preamble) {
                Frame::idle(format, start, bit)
            } else if self.cr1 & CR1_SBK != 0 {
                Frame::line_break(format, start, bit)
            } else {
                let data = self.tx.data.take().unwrap_or(0);
                Frame::data(format, data, start, bit)
            });
        }
        self.show(ctx);
    }

    /// Put the present level on TX and plan the next change.
    pub(super) fn show(&mut self, ctx: &mut Ctx<'_>) {
        let tick = self.tick(ctx);
        let level = match &self.tx.shift {
            Some(frame) => u32::from(frame.level(tick)),
            None if self.transmitter_on() => 1,
            None => AF_RELEASED,
        };
        if self.tx.level != Some(level) {
            self.tx.level = Some(level);
            ctx.output(output::TX, level);
        }
        let next = self.tx.shift.map(|frame| {
            if ctx.is_wired(output::TX) {
                frame.next_change(tick)
            } else if frame.kind == Kind::Break && tick < frame.stop() {
                frame.stop()
            } else {
                frame.end()
            }
        });
        let at = next.and_then(|t| self.cycle_of(t));
        ctx.schedule_or_cancel(event::TX, at);
    }

    /// A level changes, or a frame ends.
    pub(super) fn transmit_event(&mut self, ctx: &mut Ctx<'_>) {
        let Some(frame) = self.tx.shift else { return };
        let tick = self.tick(ctx);
        if frame.kind == Kind::Break && tick >= frame.stop() {
            // Reset by hardware during the stop bit of the break (RM0090 §30.6.4).
            self.cr1 &= !CR1_SBK;
        }
        if tick < frame.end() {
            self.show(ctx);
            return;
        }
        self.tx.shift = None;
        if let Kind::Data(byte) = frame.kind {
            ctx.serial_out(byte);
        }
        let more = self.tx.data.is_some() || self.cr1 & CR1_SBK != 0;
        if frame.kind != Kind::Idle && !more {
            self.sr |= SR_TC;
        }
        self.start_next(Some(frame.end()), ctx);
    }

    /// Forget everything, as after a reset.
    pub(super) fn reset_transmitter(&mut self, ctx: &mut Ctx<'_>) {
        self.tx = Transmitter {
            held: self.tx.held,
            ..Transmitter::default()
        };
        self.show(ctx);
    }
}
