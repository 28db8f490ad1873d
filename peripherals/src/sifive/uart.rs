//! SiFive UART.
//!
//! Modelled: txdata, rxdata, txctrl, rxctrl, ie, ip, div; FIFOs of 8; exact bit times from the divisor with one or two
//! stop bits; watermark interrupts. A character that arrives when the receive FIFO is full is lost.
//! A transmission starts with the write. Bytes from the host wait until the receiver is enabled.
//! Not modelled: framing errors, a change of the divisor in the middle of a character (it takes effect with the next
//! burst).
//!
//! Ports: output `irq` (a source of the PLIC); clock `ker`; serial. Source: FE310-G002 manual, chapter on the UART.

use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Cycles, Device, Ports, Ratio, Ticker, Width, device_state};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

const TXDATA: u32 = 0x00;
const RXDATA: u32 = 0x04;
const TXCTRL: u32 = 0x08;
const RXCTRL: u32 = 0x0C;
const IE: u32 = 0x10;
const IP: u32 = 0x14;
const DIV: u32 = 0x18;

/// txdata: no room; rxdata: nothing there.
const FLAG: u32 = 1 << 31;
const ENABLE: u32 = 1;
const NSTOP: u32 = 2;
const TXWM: u32 = 1;
const RXWM: u32 = 2;
/// Writable bits of txctrl and rxctrl: enable, stop bits, watermark.
const CTRL: u32 = 7 << 16 | NSTOP | ENABLE;
const DEPTH: usize = 8;

const TX_DONE: u32 = 0;
const RX_DONE: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

/// One direction of the line: characters after another, without a gap that loses fractions of a cycle.
#[derive(Serialize, Deserialize)]
struct Line {
    byte: Option<u8>,
    bits: Ticker,
    /// The bit with which the present character ends.
    end: u64,
}

impl Line {
    fn idle() -> Line {
        Line {
            byte: None,
            bits: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
            end: 0,
        }
    }

    /// Put a character on the line, right behind the one before it when `continues`. Gives when it ends.
    fn start(
        &mut self,
        now: Cycles,
        rate: Ratio,
        byte: u8,
        bits: u64,
        continues: bool,
    ) -> Option<Cycles> {
        if !continues || self.bits.ratio() != rate {
            self.bits = Ticker::new(now, 0, rate);
            self.end = 0;
        }
        self.byte = Some(byte);
        self.end += bits;
        self.bits.cycle_of(self.end)
    }
}

/// The UART.
#[derive(Serialize, Deserialize)]
pub struct Uart {
    txctrl: u32,
    rxctrl: u32,
    ie: u32,
    div: u32,
    tx_fifo: VecDeque<u8>,
    rx_fifo: VecDeque<u8>,
    tx: Line,
    rx: Line,
    /// Bytes that the host has still to send.
    host: VecDeque<u8>,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let Parameters {} = parameters(table)?;
    Ok(Box::new(Uart::new()))
}

impl Uart {
    fn new() -> Uart {
        Uart {
            txctrl: 0,
            rxctrl: 0,
            ie: 0,
            div: 0,
            tx_fifo: VecDeque::new(),
            rx_fifo: VecDeque::new(),
            tx: Line::idle(),
            rx: Line::idle(),
            host: VecDeque::new(),
        }
    }

    /// Bits per core cycle: the clock over div + 1.
    fn rate(&self, ctx: &Ctx<'_>) -> Ratio {
        ctx.clock(0).scale(1, u64::from(self.div) + 1)
    }

    /// Start bit, eight data bits, one or two stop bits.
    fn bits(&self) -> u64 {
        if self.txctrl & NSTOP != 0 { 11 } else { 10 }
    }

    fn pump_tx(&mut self, continues: bool, ctx: &mut Ctx<'_>) {
        if self.tx.byte.is_some() || self.txctrl & ENABLE == 0 {
            return;
        }
        if let Some(byte) = self.tx_fifo.pop_front() {
            let (rate, bits) = (self.rate(ctx), self.bits());
            let end = self.tx.start(ctx.now(), rate, byte, bits, continues);
            ctx.schedule_or_cancel(TX_DONE, end);
        }
    }

    fn pump_rx(&mut self, continues: bool, ctx: &mut Ctx<'_>) {
        if self.rx.byte.is_some() || self.rxctrl & ENABLE == 0 {
            return;
        }
        if let Some(byte) = self.host.pop_front() {
            let rate = self.rate(ctx);
            let end = self.rx.start(ctx.now(), rate, byte, 10, continues);
            ctx.schedule_or_cancel(RX_DONE, end);
        }
    }

    /// The character on the line has come.
    fn received(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(byte) = self.rx.byte.take() {
            ctx.serial_received(byte);
            if self.rx_fifo.len() < DEPTH {
                self.rx_fifo.push_back(byte);
            }
        }
    }

    fn pending(&self) -> u32 {
        let watermark = |ctrl: u32| (ctrl >> 16 & 7) as usize;
        let tx = self.tx_fifo.len() < watermark(self.txctrl);
        let rx = self.rx_fifo.len() > watermark(self.rxctrl);
        (u32::from(tx) * TXWM) | (u32::from(rx) * RXWM)
    }

    fn update(&self, ctx: &mut Ctx<'_>) {
        ctx.output(0, u32::from(self.pending() & self.ie != 0));
    }

    fn word(&self, register: u32) -> u32 {
        match register {
            TXDATA if self.tx_fifo.len() >= DEPTH => FLAG,
            RXDATA => self.rx_fifo.front().map_or(FLAG, |&b| b.into()),
            TXCTRL => self.txctrl,
            RXCTRL => self.rxctrl,
            IE => self.ie,
            IP => self.pending(),
            DIV => self.div,
            _ => 0,
        }
    }
}

impl Device for Uart {
    fn ports(&self) -> Ports {
        Ports {
            outputs: Ports::names(&["irq"]),
            clocks: Ports::names(&["ker"]),
            serial: true,
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        let host = std::mem::take(&mut self.host);
        *self = Uart {
            host,
            ..Uart::new()
        };
        self.update(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let value = self.word(offset & !3);
        if offset & !3 == RXDATA && !ctx.is_debug() && self.rx_fifo.pop_front().is_some() {
            self.update(ctx);
        }
        width.extract(value, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        let value = match register {
            // A write to txdata is a character, not a change of bits.
            TXDATA => width.spread(offset, value),
            _ => width.merge(self.word(register), offset, value),
        };
        match register {
            TXDATA if self.tx_fifo.len() < DEPTH => self.tx_fifo.push_back(value as u8),
            TXCTRL => self.txctrl = value & CTRL,
            RXCTRL => self.rxctrl = value & CTRL & !NSTOP,
            IE => self.ie = value & 3,
            DIV => self.div = value & 0xFFFF,
            _ => {}
        }
        self.pump_tx(false, ctx);
        self.pump_rx(false, ctx);
        self.update(ctx);
    }

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        if tag == TX_DONE {
            if let Some(byte) = self.tx.byte.take() {
                ctx.serial_out(byte);
            }
            self.pump_tx(true, ctx);
        } else {
            self.received(ctx);
            self.pump_rx(true, ctx);
        }
        self.update(ctx);
    }

    fn serial_in(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        self.host.extend(bytes);
        self.pump_rx(false, ctx);
    }

    fn serial_frame(&mut self, byte: u8, baud: Ratio, ctx: &mut Ctx<'_>) {
        // A new start bit ends the character before; one that comes while the receiver is off is lost.
        self.received(ctx);
        if self.rxctrl & ENABLE != 0 {
            let rate = baud.over(ctx.core_hz());
            let end = self.rx.start(ctx.now(), rate, byte, 10, false);
            ctx.schedule_or_cancel(RX_DONE, end);
        }
        self.update(ctx);
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        if write || offset & !3 == RXDATA {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let names = ["txdata", "rxdata", "txctrl", "rxctrl", "ie", "ip", "div"];
        names.get(offset as usize / 4).map(|n| (*n).to_owned())
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    fn rig() -> Rig {
        let mut r = Rig::m4();
        r.add("sifive.uart", 0x1001_3000, "");
        r.write(DIV, 15); // 16 cycles a bit
        r
    }

    #[test]
    fn characters_take_their_time() {
        let mut r = rig();
        for b in b"abcdefghij" {
            r.write(TXDATA, u32::from(*b));
        }
        assert_eq!(r.read(TXDATA), FLAG, "eight fit, the transmitter is off");
        r.write(TXCTRL, ENABLE | 1 << 16);
        assert_eq!(r.read(TXDATA), 0, "one is on the line");
        r.at(159);
        assert_eq!(r.bus.take_sent(0), b"");
        r.at(160);
        assert_eq!(r.bus.take_sent(0), b"a");
        r.at(8 * 160);
        assert_eq!(r.bus.take_sent(0), b"bcdefgh");
        assert_eq!(r.read(IP) & TXWM, TXWM);
        r.write(TXCTRL, ENABLE | NSTOP);
        r.write(TXDATA, 0x55);
        r.at(8 * 160 + 11 * 16);
        assert_eq!(r.bus.take_sent(0), [0x55]);
    }

    #[test]
    fn reception_fills_the_fifo_and_loses_the_rest() {
        let mut r = rig();
        r.bus.serial_in(0, b"0123456789");
        r.at(1000);
        assert_eq!(r.read(RXDATA), FLAG, "the receiver is off");
        r.write(RXCTRL, ENABLE | 2 << 16);
        r.write(IE, RXWM);
        r.at(1000 + 2 * 160);
        assert_eq!(r.read(IP) & RXWM, 0, "two are not more than two");
        r.at(1000 + 3 * 160);
        assert_eq!(r.read(IP) & RXWM, RXWM);
        r.at(1000 + 20 * 160);
        let got: Vec<u32> = (0..9).map(|_| r.read(RXDATA)).collect();
        let wanted: Vec<u32> = b"01234567"
            .iter()
            .map(|&b| b.into())
            .chain([FLAG])
            .collect();
        assert_eq!(got, wanted);
    }
}
