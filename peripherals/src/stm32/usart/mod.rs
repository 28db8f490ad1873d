//! `stm32.usart.v1`: USART with SR and DR, of STM32F1, F2, F4 and L1 (RM0090 chapter 30).
//!
//! Modelled: asynchronous transmission and reception at the exact baud rate (16 or 8 times
//! oversampling, fractional divider), 8 and 9 bits, parity, stop bits, the preamble after TE, break,
//! TXE/TC/RXNE/ORE/IDLE/FE/PE with their clear sequences, interrupts, DMA requests, RTS and CTS.
//! The TX output moves bit by bit; RX samples the pin in the middle of each bit. Bytes from the host
//! arrive one after the other, each complete at the end of its stop bit; those that come while
//! the receiver is off are lost, as on the wire. A sender with a baud rate of its own is heard at that rate; more
//! than 5 % off gives framing errors (the byte itself stays right).
//! With `no_setup` (bare machines) the port is on out of reset and bytes take no time.
//!
//! Not modelled: half duplex (CR3.HDSEL), synchronous mode (CR2.CLKEN), LIN (CR2.LINEN, SR.LBD),
//! smartcard (CR3.SCEN), IrDA (CR3.IREN) and mute mode (CR1.RWU), each noted when it is switched on;
//! the noise flag NE. GTPR, CR1.WAKE, CR2.ADD, CR3.ONEBIT and the bits that belong to those modes are
//! stored only. Clearing UE lets the present frame end.

mod frame;
mod receive;
mod transmit;

use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Cycles, Device, NoticeKind, Ports, Ratio, Ticker, Width};
use receive::Receiver;
use serde::{Deserialize, Serialize};
use transmit::Transmitter;

const SR: u32 = 0x00;
const DR: u32 = 0x04;
const BRR: u32 = 0x08;
const CR1: u32 = 0x0C;
const CR2: u32 = 0x10;
const CR3: u32 = 0x14;
const GTPR: u32 = 0x18;
const NAMES: &[(u32, &str)] = &[
    (SR, "SR"),
    (DR, "DR"),
    (BRR, "BRR"),
    (CR1, "CR1"),
    (CR2, "CR2"),
    (CR3, "CR3"),
    (GTPR, "GTPR"),
];

// USART_SR (RM0090 §30.6.1).
const SR_PE: u32 = 1 << 0;
const SR_FE: u32 = 1 << 1;
const SR_NE: u32 = 1 << 2;
const SR_ORE: u32 = 1 << 3;
const SR_IDLE: u32 = 1 << 4;
const SR_RXNE: u32 = 1 << 5;
const SR_TC: u32 = 1 << 6;
const SR_TXE: u32 = 1 << 7;
const SR_LBD: u32 = 1 << 8;
const SR_CTS: u32 = 1 << 9;
/// Cleared by writing 0.
const SR_WRITABLE: u32 = SR_RXNE | SR_TC | SR_LBD | SR_CTS;
/// Cleared by reading SR, then DR.
const SR_BY_READ: u32 = SR_PE | SR_FE | SR_NE | SR_ORE | SR_IDLE;
// USART_CR1 (RM0090 §30.6.4).
const CR1_SBK: u32 = 1 << 0;
const CR1_RWU: u32 = 1 << 1;
const CR1_RE: u32 = 1 << 2;
const CR1_TE: u32 = 1 << 3;
const CR1_IDLEIE: u32 = 1 << 4;
const CR1_RXNEIE: u32 = 1 << 5;
const CR1_TCIE: u32 = 1 << 6;
const CR1_TXEIE: u32 = 1 << 7;
const CR1_PEIE: u32 = 1 << 8;
const CR1_UE: u32 = 1 << 13;
const CR1_MASK: u32 = 0xBFFF;
// USART_CR2 (RM0090 §30.6.5).
const CR2_CLKEN: u32 = 1 << 11;
const CR2_LINEN: u32 = 1 << 14;
const CR2_MASK: u32 = 0x7F6F;
// USART_CR3 (RM0090 §30.6.6).
const CR3_EIE: u32 = 1 << 0;
const CR3_IREN: u32 = 1 << 1;
const CR3_HDSEL: u32 = 1 << 3;
const CR3_SCEN: u32 = 1 << 5;
const CR3_DMAR: u32 = 1 << 6;
const CR3_DMAT: u32 = 1 << 7;
const CR3_RTSE: u32 = 1 << 8;
const CR3_CTSE: u32 = 1 << 9;
const CR3_CTSIE: u32 = 1 << 10;
const CR3_MASK: u32 = 0x0FFF;

/// Tags of events.
mod event {
    pub const TX: u32 = 0;
    pub const HOST: u32 = 1;
    pub const SAMPLE: u32 = 2;
    pub const IDLE: u32 = 3;
}

/// Positions of outputs.
mod output {
    pub const TX: usize = 0;
    pub const RTS: usize = 1;
    pub const DMA_TX: usize = 2;
    pub const DMA_RX: usize = 3;
}

/// Parameters in the machine file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// On out of reset, and bytes take no time.
    no_setup: bool,
}

/// The device.
#[derive(Serialize, Deserialize)]
struct Usart {
    p: Parameters,
    /// Without TXE, which is the state of the data register.
    sr: u32,
    /// Flags that the last read of SR showed.
    seen: u32,
    brr: u32,
    cr1: u32,
    cr2: u32,
    cr3: u32,
    gtpr: u32,
    tx: Transmitter,
    rx: Receiver,
    /// The kernel clock.
    clock: Ticker,
    /// Last values of RTS, dma_tx and dma_rx.
    outputs: [Option<bool>; 3],
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    Ok(Box::new(Usart {
        p: parameters(table)?,
        sr: SR_TC,
        seen: 0,
        brr: 0,
        cr1: 0,
        cr2: 0,
        cr3: 0,
        gtpr: 0,
        tx: Transmitter::default(),
        rx: Receiver::default(),
        clock: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
        outputs: [None; 3],
    }))
}

impl Usart {
    /// Whole kernel clock ticks so far.
    fn tick(&self, ctx: &Ctx<'_>) -> u64 {
        self.clock.ticks_at(ctx.now())
    }

    /// The first tick at or after the present cycle.
    fn next_tick(&self, ctx: &Ctx<'_>) -> u64 {
        let tick = self.tick(ctx);
        let at = self.clock.cycle_of(tick);
        tick + u64::from(at.is_none_or(|at| at < ctx.now()))
    }

    fn cycle_of(&self, tick: u64) -> Option<Cycles> {
        self.clock.cycle_of(tick)
    }

    /// Ticks in a bit.
    fn bit(&self) -> Option<u64> {
        frame::bit_ticks(self.brr, self.cr1)
    }

    fn status(&self) -> u32 {
        self.sr | if self.tx.data.is_none() { SR_TXE } else { 0 }
    }

    /// Interrupt, DMA requests and RTS follow the flags (RM0090 §30.4).
    fn update(&mut self, ctx: &mut Ctx<'_>) {
        let (sr, cr1, cr3) = (self.status(), self.cr1, self.cr3);
        let both =
            |flags: u32, register: u32, enable: u32| sr & flags != 0 && register & enable != 0;
        let irq = both(SR_TXE, cr1, CR1_TXEIE)
            || both(SR_TC, cr1, CR1_TCIE)
            || both(SR_RXNE | SR_ORE, cr1, CR1_RXNEIE)
            || both(SR_IDLE, cr1, CR1_IDLEIE)
            || both(SR_PE, cr1, CR1_PEIE)
            || both(SR_CTS, cr3, CR3_CTSIE)
            || cr3 & CR3_DMAR != 0 && both(SR_FE | SR_NE | SR_ORE, cr3, CR3_EIE);
        ctx.set_irq(0, irq);
        for (index, on) in [
            // nRTS is high while the data register is full (RM0090 §30.3.14).
            (output::RTS, both(SR_RXNE, cr3, CR3_RTSE)),
            (output::DMA_TX, both(SR_TXE, cr3, CR3_DMAT)),
            (output::DMA_RX, both(SR_RXNE, cr3, CR3_DMAR)),
        ] {
            let last = &mut self.outputs[index - 1];
            if *last != Some(on) {
                *last = Some(on);
                ctx.output(index, u32::from(on));
            }
        }
    }

    fn value(&self, offset: u32) -> Option<u32> {
        Some(match offset & !3 {
            SR => self.status(),
            DR => self.rx.data,
            BRR => self.brr,
            CR1 => self.cr1,
            CR2 => self.cr2,
            CR3 => self.cr3,
            GTPR => self.gtpr,
            _ => return None,
        })
    }

    fn note_modes(&self, ctx: &mut Ctx<'_>) {
        for (on, what) in [
            (self.cr1 & CR1_RWU, "CR1.RWU: mute mode"),
            (self.cr2 & CR2_CLKEN, "CR2.CLKEN: synchronous mode"),
            (self.cr2 & CR2_LINEN, "CR2.LINEN: LIN mode"),
            (self.cr3 & CR3_HDSEL, "CR3.HDSEL: half duplex"),
            (self.cr3 & CR3_SCEN, "CR3.SCEN: smartcard mode"),
            (self.cr3 & CR3_IREN, "CR3.IREN: IrDA mode"),
        ] {
            if on != 0 {
                ctx.note(NoticeKind::UnmodelledFeature, what);
            }
        }
    }
}

impl Device for Usart {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["event"]),
            inputs: Ports::names(&["RX", "CTS"]),
            outputs: Ports::names(&["TX", "RTS", "dma_tx", "dma_rx"]),
            clocks: Ports::names(&["ker"]),
            serial: true,
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        let on = if self.p.no_setup {
            CR1_UE | CR1_TE | CR1_RE
        } else {
            0
        };
        (self.sr, self.seen, self.brr) = (SR_TC, 0, 0);
        (self.cr1, self.cr2, self.cr3, self.gtpr) = (on, 0, 0, 0);
        self.clock = Ticker::new(ctx.now(), 0, ctx.clock(0));
        self.reset_transmitter(ctx);
        self.reset_receiver(ctx);
        self.outputs = [None; 3];
        self.update(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let Some(word) = self.value(offset) else {
            registers::reserved(ctx, offset);
            return 0;
        };
        if !ctx.is_debug() {
            match offset & !3 {
                SR => self.seen = word,
                DR => {
                    self.sr &= !(SR_RXNE | self.seen & SR_BY_READ);
                    self.seen &= !SR_BY_READ;
                    self.data_taken(ctx);
                    self.update(ctx);
                }
                _ => {}
            }
        }
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let Some(old) = self.value(offset) else {
            registers::reserved(ctx, offset);
            return;
        };
        let new = width.merge(old, offset, value);
        match offset & !3 {
            SR => {
                let ones = width.merge(!0, offset, value);
                self.sr &= ones | !SR_WRITABLE;
            }
            DR => {
                self.sr &= !(self.seen & (SR_TC | SR_PE));
                self.seen &= !(SR_TC | SR_PE);
                self.write_data(width.spread(offset, value), ctx);
            }
            BRR => {
                self.brr = new & 0xFFFF;
                self.start_next(None, ctx);
            }
            CR1 => {
                let old = std::mem::replace(&mut self.cr1, new & CR1_MASK);
                self.receiver_switched(ctx);
                self.transmitter_switched(old, ctx);
            }
            CR2 => self.cr2 = new & CR2_MASK,
            CR3 => {
                self.cr3 = new & CR3_MASK;
                self.start_next(None, ctx);
            }
            _ => self.gtpr = new & 0xFFFF,
        }
        if matches!(offset & !3, CR1 | CR2 | CR3) {
            self.note_modes(ctx);
        }
        self.update(ctx);
    }

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        match tag {
            event::TX => self.transmit_event(ctx),
            event::HOST => self.host_event(ctx),
            event::SAMPLE => self.sample_event(ctx),
            _ => self.idle_event(),
        }
        self.update(ctx);
    }

    fn input(&mut self, port: u16, value: u32, ctx: &mut Ctx<'_>) {
        match port {
            0 => self.rx_level(value & 1 != 0, ctx),
            1 => {
                let held = value & 1 != 0;
                if std::mem::replace(&mut self.tx.held, held) != held && self.cr3 & CR3_CTSE != 0 {
                    self.sr |= SR_CTS;
                }
                self.start_next(None, ctx);
            }
            _ => return,
        }
        self.update(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        let ratio = ctx.clock(0);
        if ratio != self.clock.ratio() {
            self.clock.set_ratio(ctx.now(), ratio);
            self.show(ctx);
            self.plan_receiver(ctx);
        }
    }

    fn serial_in(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        self.host_bytes(bytes, ctx);
        self.update(ctx);
    }

    fn serial_frame(&mut self, byte: u8, baud: Ratio, ctx: &mut Ctx<'_>) {
        self.sent_frame(byte, baud, ctx);
        self.update(ctx);
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        // Reading DR moves requests and RTS.
        if write || offset & !3 == DR {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
