//! Stellaris UART, a PL011: transmitter, receiver, FIFOs, interrupts.
//!
//! Modelled: DR, RSR/ECR, FR, IBRD, FBRD, LCRH, CTL, IFLS, IM, RIS, MIS, ICR, identification; 16-deep
//! FIFOs or one character (LCRH.FEN), exact bit times with the fractional divisor (a new one takes
//! effect with the write to LCRH), trigger levels, receive timeout, overrun, loop-back.
//! A transmission starts with the write and its bits are timed from there.
//! Not modelled: IrDA (ILPR, CTL.SIREN), break sending, parity, framing and break errors in
//! reception (the host sends clean characters), DMA.
//!
//! Bytes from the host that arrive while the receiver is off wait until it is on.
//!
//! Ports: irq `irq`; clock `ker`; output `TX`, the level of the line (bit by bit when connected);
//! serial. Source: LM3S6965 data sheet (DS-LM3S6965) §12, ARM PL011 TRM (DDI 0183) §2.4, §3.3.

use super::ids;
use super::uart_line::{Frame, Line};
use crate::{ParameterError, parameters};
use emu_core::{
    Access, Bus, Ctx, Cycles, Device, NoticeKind, Ports, Ratio, Ticker, Width, device_state,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

const DR: u32 = 0x000;
const RSR: u32 = 0x004;
const FR: u32 = 0x018;
const ILPR: u32 = 0x020;
const IBRD: u32 = 0x024;
const FBRD: u32 = 0x028;
const LCRH: u32 = 0x02C;
const CTL: u32 = 0x030;
const IFLS: u32 = 0x034;
const IM: u32 = 0x038;
const RIS: u32 = 0x03C;
const MIS: u32 = 0x040;
const ICR: u32 = 0x044;

/// UARTPeriphID0 to 3 (data sheet §12.5).
const PERIPHERAL: [u8; 4] = [0x11, 0x00, 0x18, 0x01];

const FR_TXFE: u32 = 1 << 7;
const FR_RXFF: u32 = 1 << 6;
const FR_TXFF: u32 = 1 << 5;
const FR_RXFE: u32 = 1 << 4;
const FR_BUSY: u32 = 1 << 3;

const LCRH_BRK: u32 = 1;
const LCRH_FEN: u32 = 1 << 4;

const CTL_UARTEN: u32 = 1;
const CTL_SIREN: u32 = 2;
const CTL_LBE: u32 = 1 << 7;
const CTL_TXE: u32 = 1 << 8;
const CTL_RXE: u32 = 1 << 9;
const CTL_MASK: u32 = 0x387;

/// Interrupts: OE, RT, TX, RX; the other bits of the mask exist (BE, PE, FE).
const INT_OE: u32 = 1 << 10;
const INT_RT: u32 = 1 << 6;
const INT_TX: u32 = 1 << 5;
const INT_RX: u32 = 1 << 4;
const INT_MASK: u32 = 0x7F0;
/// DR and RSR: overrun.
const DR_OE: u16 = 1 << 11;
const RSR_OE: u32 = 1 << 3;

/// Depth of the FIFOs.
const DEPTH: usize = 16;
/// Bit periods without a character after which RT comes (PL011 TRM §2.8).
const TIMEOUT_BITS: u64 = 32;

/// Events.
const TX_DONE: u32 = 0;
const TX_BIT: u32 = 1;
const RX_DONE: u32 = 2;
const RX_TIMEOUT: u32 = 3;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Works without being enabled, and characters take no time until a divisor is set (as in
    /// emulators that firmware was written for).
    no_setup: bool,
}

/// The UART.
#[derive(Serialize, Deserialize)]
pub struct Uart {
    no_setup: bool,
    ibrd: u32,
    fbrd: u32,
    ilpr: u32,
    lcrh: u32,
    ctl: u32,
    ifls: u32,
    im: u32,
    ris: u32,
    overrun: bool,
    /// The divisor in use, in 1/64.
    divisor: u64,
    tx_fifo: VecDeque<u8>,
    tx: Line,
    rx_fifo: VecDeque<u16>,
    rx: Line,
    /// Bytes that the host has still to send.
    host: VecDeque<u8>,
    /// Bits a second of the character on the line, when its sender has a rate of its own.
    sender: Option<Ratio>,
    /// Bit periods; restarted for the receive timeout.
    idle: Ticker,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    Ok(Box::new(Uart::new(p.no_setup)))
}

impl Uart {
    fn new(no_setup: bool) -> Uart {
        Uart {
            no_setup,
            ibrd: 0,
            fbrd: 0,
            ilpr: 0,
            lcrh: 0,
            ctl: CTL_TXE | CTL_RXE,
            ifls: 0x12,
            im: 0,
            ris: 0,
            overrun: false,
            divisor: 0,
            tx_fifo: VecDeque::new(),
            tx: Line::default(),
            rx_fifo: VecDeque::new(),
            rx: Line::default(),
            host: VecDeque::new(),
            sender: None,
            idle: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
        }
    }

    /// Bits per core cycle: the divisor counts sixteenths of a bit (data sheet §12.2.2).
    fn bit_rate(&self, ctx: &Ctx<'_>) -> Ratio {
        if self.divisor < 64 {
            return Ratio::ZERO; // a divisor below one stops the generator
        }
        ctx.clock(0).scale(4, self.divisor)
    }

    fn depth(&self) -> usize {
        if self.lcrh & LCRH_FEN != 0 { DEPTH } else { 1 }
    }

    /// Fill of the transmit FIFO at or below which TX comes: 1/8, 1/4, 1/2, 3/4, 7/8 (IFLS).
    fn tx_level(&self) -> usize {
        if self.depth() == 1 {
            return 0;
        }
        [2, 4, 8, 12, 14]
            .get((self.ifls & 7) as usize)
            .copied()
            .unwrap_or(14)
    }

    /// Fill of the receive FIFO from which on RX comes.
    fn rx_level(&self) -> usize {
        if self.depth() == 1 {
            return 1;
        }
        let select = (self.ifls >> 3 & 7) as usize;
        [2, 4, 8, 12, 14].get(select).copied().unwrap_or(14)
    }

    fn on(&self, bit: u32) -> bool {
        self.no_setup || (self.ctl & CTL_UARTEN != 0 && self.ctl & bit != 0)
    }

    /// Do characters take no time?
    fn is_instant(&self) -> bool {
        self.no_setup && self.divisor < 64
    }

    fn frame(&self, byte: u8) -> Frame {
        Frame::new(byte, self.lcrh)
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        ctx.set_irq(0, self.ris & self.im != 0);
    }

    // ----- transmitter -----

    /// Put the next character on the line when the line is free; `continues` when it follows the one
    /// before without a gap.
    fn start_tx(&mut self, ctx: &mut Ctx<'_>, continues: bool) {
        if self.tx.busy() || !self.on(CTL_TXE) {
            return;
        }
        let Some(byte) = self.tx_fifo.pop_front() else {
            self.line_level(ctx);
            return;
        };
        if self.is_instant() {
            self.ris |= INT_TX;
            self.sent(byte, ctx);
            return;
        }
        let (frame, rate) = (self.frame(byte), self.bit_rate(ctx));
        self.tx.start(ctx.now(), rate, frame, continues);
        if self.tx_fifo.len() == self.tx_level() {
            self.ris |= INT_TX;
        }
        if rate.is_zero() {
            ctx.note(
                NoticeKind::Misuse,
                "transmission with a divisor below 1 never ends",
            );
        }
        self.plan_tx(ctx);
    }

    fn plan_tx(&mut self, ctx: &mut Ctx<'_>) {
        self.line_level(ctx);
        ctx.schedule_or_cancel(TX_DONE, self.tx.end());
        let edge = if ctx.is_wired(0) {
            self.tx.next_edge(ctx.now())
        } else {
            None
        };
        ctx.schedule_or_cancel(TX_BIT, edge);
    }

    fn line_level(&self, ctx: &mut Ctx<'_>) {
        if ctx.is_wired(0) {
            let level = self.tx.level(ctx.now());
            ctx.output(0, u32::from(level));
        }
    }

    fn tx_done(&mut self, ctx: &mut Ctx<'_>) {
        let Some(byte) = self.tx.finish() else {
            return;
        };
        ctx.cancel(TX_BIT);
        self.sent(byte, ctx);
        self.start_tx(ctx, true);
    }

    fn sent(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        ctx.serial_out(byte);
        if self.ctl & CTL_LBE != 0 {
            self.received(byte, ctx);
        }
    }

    // ----- receiver -----

    fn start_rx(&mut self, ctx: &mut Ctx<'_>, continues: bool) {
        if self.is_instant() {
            while self.rx_fifo.len() < self.depth()
                && let Some(byte) = self.host.pop_front()
            {
                self.received(byte, ctx);
            }
            self.update_irq(ctx);
            return;
        }
        if self.rx.busy() || !self.on(CTL_RXE) || self.divisor < 64 {
            return;
        }
        let Some(byte) = self.host.pop_front() else {
            return;
        };
        self.sender = None;
        self.put_on_line(byte, ctx, continues);
    }

    fn put_on_line(&mut self, byte: u8, ctx: &mut Ctx<'_>, continues: bool) {
        let (frame, rate) = (self.frame(byte), self.rx_rate(ctx));
        self.rx.start(ctx.now(), rate, frame, continues);
        ctx.cancel(RX_TIMEOUT);
        ctx.schedule_or_cancel(RX_DONE, self.rx.end());
    }

    /// Bits per core cycle of what is received.
    fn rx_rate(&self, ctx: &Ctx<'_>) -> Ratio {
        match self.sender {
            Some(baud) => baud.over(ctx.core_hz()),
            None => self.bit_rate(ctx),
        }
    }

    fn received(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        ctx.serial_received(byte);
        if self.rx_fifo.len() >= self.depth() {
            // The new character is lost; the status belongs to the last one that was kept.
            self.ris |= INT_OE;
            self.overrun = true;
            if let Some(last) = self.rx_fifo.back_mut() {
                *last |= DR_OE;
            }
        } else {
            self.rx_fifo.push_back(u16::from(byte));
            if self.rx_fifo.len() >= self.rx_level() {
                self.ris |= INT_RX;
            }
        }
        self.watch_timeout(ctx);
    }

    /// RT comes after 32 bit periods with characters waiting and none arriving.
    fn watch_timeout(&mut self, ctx: &mut Ctx<'_>) {
        if self.rx_fifo.is_empty() || self.depth() == 1 {
            ctx.cancel(RX_TIMEOUT);
            return;
        }
        self.idle = Ticker::new(ctx.now(), 0, self.bit_rate(ctx));
        ctx.schedule_or_cancel(RX_TIMEOUT, self.idle.cycle_of(TIMEOUT_BITS));
    }

    fn read_data(&mut self, ctx: &mut Ctx<'_>) -> u32 {
        if ctx.is_debug() {
            return self.rx_fifo.front().map_or(0, |&c| u32::from(c));
        }
        let Some(character) = self.rx_fifo.pop_front() else {
            return 0;
        };
        if self.rx_fifo.len() < self.rx_level() {
            self.ris &= !INT_RX;
        }
        if self.rx_fifo.is_empty() {
            self.ris &= !INT_RT;
        }
        if self.is_instant() {
            self.start_rx(ctx, false);
        }
        self.watch_timeout(ctx);
        self.update_irq(ctx);
        u32::from(character)
    }

    fn write_data(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        if self.tx_fifo.len() >= self.depth() {
            ctx.note(
                NoticeKind::Misuse,
                "DR: write while the transmit FIFO is full, lost",
            );
            return;
        }
        self.tx_fifo.push_back(byte);
        self.start_tx(ctx, false);
        if self.tx_fifo.len() > self.tx_level() {
            self.ris &= !INT_TX;
        }
    }

    fn flags(&self) -> u32 {
        let mut fr = 0;
        let mut flag = |on: bool, bit: u32| fr |= if on { bit } else { 0 };
        flag(self.tx_fifo.is_empty(), FR_TXFE);
        flag(self.tx_fifo.len() >= self.depth(), FR_TXFF);
        flag(self.rx_fifo.is_empty(), FR_RXFE);
        flag(self.rx_fifo.len() >= self.depth(), FR_RXFF);
        flag(self.tx.busy() || !self.tx_fifo.is_empty(), FR_BUSY);
        fr
    }
}

impl Device for Uart {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["irq"]),
            clocks: Ports::names(&["ker"]),
            outputs: Ports::names(&["TX"]),
            serial: true,
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        let host = std::mem::take(&mut self.host);
        *self = Uart::new(self.no_setup);
        self.host = host;
        for tag in [TX_DONE, TX_BIT, RX_DONE, RX_TIMEOUT] {
            ctx.cancel(tag);
        }
        self.line_level(ctx);
        self.update_irq(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        let word = match register {
            DR => self.read_data(ctx),
            RSR => u32::from(self.overrun) * RSR_OE,
            FR => self.flags(),
            ILPR => self.ilpr,
            IBRD => self.ibrd,
            FBRD => self.fbrd,
            LCRH => self.lcrh,
            CTL => self.ctl,
            IFLS => self.ifls,
            IM => self.im,
            RIS => self.ris,
            MIS => self.ris & self.im,
            _ => ids::register(register, PERIPHERAL),
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let merge = |old| width.merge(old, offset, value);
        match offset & !3 {
            DR => self.write_data(value as u8, ctx),
            RSR => self.overrun = false,
            ILPR => self.ilpr = merge(self.ilpr) & 0xFF,
            IBRD => self.ibrd = merge(self.ibrd) & 0xFFFF,
            FBRD => self.fbrd = merge(self.fbrd) & 0x3F,
            LCRH => {
                self.lcrh = merge(self.lcrh) & 0xFF;
                self.divisor = u64::from(self.ibrd) * 64 + u64::from(self.fbrd);
                if self.lcrh & LCRH_BRK != 0 {
                    ctx.note(NoticeKind::UnmodelledFeature, "LCRH.BRK");
                }
                self.clock_changed(ctx);
                self.start_rx(ctx, false);
            }
            CTL => {
                self.ctl = merge(self.ctl) & CTL_MASK;
                if self.ctl & CTL_SIREN != 0 {
                    ctx.note(NoticeKind::UnmodelledFeature, "CTL.SIREN");
                }
                self.start_tx(ctx, false);
                self.start_rx(ctx, false);
            }
            IFLS => self.ifls = merge(self.ifls) & 0x3F,
            IM => self.im = merge(self.im) & INT_MASK,
            ICR => self.ris &= !width.spread(offset, value),
            _ => {}
        }
        self.update_irq(ctx);
    }

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        match tag {
            TX_DONE => self.tx_done(ctx),
            TX_BIT => self.plan_tx(ctx),
            RX_DONE => {
                if let Some(byte) = self.rx.finish() {
                    self.received(byte, ctx);
                    self.start_rx(ctx, true);
                }
            }
            _ => self.ris |= INT_RT,
        }
        self.update_irq(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        let (now, rate) = (ctx.now(), self.bit_rate(ctx));
        self.tx.set_rate(now, rate);
        self.rx.set_rate(now, self.rx_rate(ctx));
        if self.tx.busy() {
            self.plan_tx(ctx);
        }
        if self.rx.busy() {
            ctx.schedule_or_cancel(RX_DONE, self.rx.end());
        }
        if ctx.due(RX_TIMEOUT).is_some() {
            self.idle.set_ratio(now, rate);
            ctx.schedule_or_cancel(RX_TIMEOUT, self.idle.cycle_of(TIMEOUT_BITS));
        }
    }

    fn serial_in(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        self.host.extend(bytes);
        self.start_rx(ctx, false);
    }

    fn serial_frame(&mut self, byte: u8, baud: Ratio, ctx: &mut Ctx<'_>) {
        if self.is_instant() {
            return self.serial_in(&[byte], ctx);
        }
        // A new start bit ends the character before; one that comes while the receiver is off is lost.
        if let Some(before) = self.rx.finish() {
            self.received(before, ctx);
        }
        if self.on(CTL_RXE) {
            self.sender = Some(baud);
            self.put_on_line(byte, ctx, false);
        }
        self.update_irq(ctx);
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        match offset & !3 {
            // A read of DR can lower the interrupt line, and moves the receive timeout.
            DR => Access::Sync,
            RSR | ILPR | IBRD | FBRD => Access::Plain,
            _ if write => Access::Sync,
            _ => Access::Plain,
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        let name = match offset {
            DR => "DR",
            RSR => "RSR",
            FR => "FR",
            ILPR => "ILPR",
            IBRD => "IBRD",
            FBRD => "FBRD",
            LCRH => "LCRH",
            CTL => "CTL",
            IFLS => "IFLS",
            IM => "IM",
            RIS => "RIS",
            MIS => "MIS",
            ICR => "ICR",
            _ => return None,
        };
        Some(name.to_owned())
    }

    device_state!();
}

#[cfg(test)]
#[path = "uart_tests.rs"]
mod tests;
