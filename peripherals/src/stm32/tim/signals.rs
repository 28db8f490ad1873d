//! What a timer gives to the outside: interrupt lines, channel outputs, TRGO, DMA requests.
//!
//! A timer does not learn which access served its DMA request, so it gives requests as
//! [`REQUEST_PULSE`], which the controller remembers until it has served one.

use super::Tim;
use super::channel::{Use, enable};
use super::engine::{Happened, UIF, Wanted, ccif};
use super::registers::{AOE, BIF, CEN, MOE, OSSI, TIF};
use crate::stm32::dma_v2::REQUEST_PULSE;
use emu_core::Ctx;

/// Output ports of the device, in order.
pub const OUTPUTS: [&str; 11] = [
    "CH1", "CH2", "CH3", "CH4", "TRGO", "dma_up", "dma_cc1", "dma_cc2", "dma_cc3", "dma_cc4",
    "dma_trg",
];
const TRGO: usize = 4;
const DMA_UP: usize = 5;
const DMA_CC1: usize = 6;
const DMA_TRG: usize = 10;

/// DIER.UDE; CCxDE of channel `i` is `UDE << (i + 1)`.
const UDE: u32 = 1 << 8;
const TDE: u32 = 1 << 14;
/// CR2.CCDS.
const CCDS: u32 = 1 << 3;

/// CR2.MMS: what TRGO is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Master {
    Reset,
    Enable,
    Update,
    ComparePulse,
    Reference(usize),
}

impl Tim {
    fn master(&self) -> Master {
        match (self.cr2 >> 4) & 7 {
            0 => Master::Reset,
            1 => Master::Enable,
            2 => Master::Update,
            3 => Master::ComparePulse,
            n => Master::Reference(n as usize - 4),
        }
    }

    /// Pass on what happened while time passed.
    pub(super) fn tell(&mut self, happened: Happened, ctx: &mut Ctx<'_>) {
        if happened.stopped {
            self.cr1 &= !CEN;
        }
        if happened.update {
            self.updated(true, ctx);
        }
        if happened.compares != 0 {
            self.compared(happened.compares, ctx);
        }
        self.refresh(ctx);
    }

    /// Pass on what UG, or a reset by a trigger, did.
    pub(super) fn initialised(&mut self, happened: Happened, ctx: &mut Ctx<'_>) {
        if happened.stopped {
            self.cr1 &= !CEN;
        }
        if self.master() == Master::Reset {
            self.pulse_trgo(ctx);
        }
        if happened.update {
            // URS keeps UG and triggers from asking for DMA (RM0090 §17.4.1).
            self.updated(self.cr1 & super::registers::URS == 0, ctx);
        }
        if happened.compares != 0 {
            self.compared(happened.compares, ctx);
        }
    }

    fn updated(&mut self, ask_dma: bool, ctx: &mut Ctx<'_>) {
        if self.bdtr & AOE != 0 && !self.break_is_active() {
            self.bdtr |= MOE;
        }
        if self.master() == Master::Update {
            self.pulse_trgo(ctx);
        }
        if !ask_dma {
            return;
        }
        if self.dier & UDE != 0 {
            self.request(DMA_UP, ctx);
        }
        if self.cr2 & CCDS != 0 {
            self.request_compare_dma(0xF, ctx);
        }
    }

    /// Compare or capture flags were set: channels by bit.
    pub(super) fn compared(&mut self, channels: u8, ctx: &mut Ctx<'_>) {
        if channels & 1 != 0 && self.master() == Master::ComparePulse {
            self.pulse_trgo(ctx);
        }
        if self.cr2 & CCDS == 0 {
            self.request_compare_dma(channels, ctx);
        }
    }

    fn request_compare_dma(&mut self, channels: u8, ctx: &mut Ctx<'_>) {
        for i in 0..self.engine.channels.len() {
            if channels >> i & 1 != 0 && self.dier & (UDE << (i + 1)) != 0 {
                self.request(DMA_CC1 + i, ctx);
            }
        }
    }

    pub(super) fn request_trigger_dma(&mut self, ctx: &mut Ctx<'_>) {
        if self.dier & TDE != 0 {
            self.request(DMA_TRG, ctx);
        }
    }

    /// The first request of a burst (a burst of one, mostly).
    fn request(&mut self, line: usize, ctx: &mut Ctx<'_>) {
        self.burst = 0;
        self.burst_line = line;
        ctx.output(line, REQUEST_PULSE);
    }

    /// DMA enables of DIER were cleared: their requests are taken back.
    pub(super) fn withdraw_requests(&self, dier: u32, ctx: &mut Ctx<'_>) {
        let lines = [DMA_UP, DMA_CC1, DMA_CC1 + 1, DMA_CC1 + 2, DMA_CC1 + 3];
        for (i, line) in lines.into_iter().enumerate() {
            if dier & (UDE << i) != 0 {
                ctx.output(line, 0);
            }
        }
        if dier & TDE != 0 {
            ctx.output(DMA_TRG, 0);
        }
    }

    /// DMAR was accessed: ask for the next beat until DCR.DBL + 1 are done (RM0090 §17.4.20).
    pub(super) fn next_of_burst(&mut self, ctx: &mut Ctx<'_>) {
        if self.burst < (self.dcr >> 8) & 0x1F {
            self.burst += 1;
            if self.burst_line != 0 {
                ctx.output(self.burst_line, REQUEST_PULSE);
            }
        } else {
            self.burst = 0;
        }
    }

    fn pulse_trgo(&mut self, ctx: &mut Ctx<'_>) {
        ctx.output(TRGO, 1);
        ctx.output(TRGO, 0);
    }

    /// Bring interrupt lines and outputs in line with the state.
    pub(super) fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let raised = self.engine.sr & self.dier & 0xFF;
        if self.kind.is_advanced() {
            ctx.set_irq(0, raised & BIF != 0);
            ctx.set_irq(1, raised & UIF != 0);
            ctx.set_irq(2, raised & (TIF | 1 << 5) != 0);
            ctx.set_irq(3, raised & 0x1E != 0);
        } else {
            ctx.set_irq(0, raised != 0);
        }
        for i in 0..self.engine.channels.len() {
            let level = self.output_level(i);
            self.drive(i, level, ctx);
        }
        let trgo = match self.master() {
            Master::Enable => self.engine.running,
            Master::Reference(i) => {
                (self.engine.channels.get(i)).is_some_and(|ch| ch.reference(&self.engine.counter))
            }
            _ => false,
        };
        self.drive(TRGO, trgo, ctx);
    }

    fn drive(&mut self, output: usize, level: bool, ctx: &mut Ctx<'_>) {
        if self.driven[output] != level {
            self.driven[output] = level;
            ctx.output(output, level.into());
        }
    }

    fn outputs_on(&self) -> bool {
        !self.kind.is_advanced() || self.bdtr & MOE != 0
    }

    /// OCx, as it reaches the pin (RM0090 §17.4.9).
    fn output_level(&self, i: usize) -> bool {
        let ch = &self.engine.channels[i];
        if !ch.is_on() || ch.used_as() != Use::Compare {
            return false;
        }
        let inverted = ch.enable() & enable::P != 0;
        if self.outputs_on() {
            return ch.reference(&self.engine.counter) != inverted;
        }
        if self.bdtr & OSSI != 0 {
            self.cr2 >> (8 + 2 * i) & 1 != 0 // OISx
        } else {
            inverted
        }
    }

    /// What has to be seen at its cycle.
    pub(super) fn wanted(&self, ctx: &Ctx<'_>) -> Wanted {
        let (sr, dier) = (self.engine.sr, self.dier);
        let trgo = ctx.is_wired(TRGO).then(|| self.master());
        let channels = self.engine.channels.len();
        let any_output = (0..channels).any(|i| ctx.is_wired(i));
        let dma = |i: usize| dier & (UDE << (i + 1)) != 0 && ctx.is_wired(DMA_CC1 + i);
        let mut w = Wanted {
            update: dier & !sr & UIF != 0
                || dier & UDE != 0 && ctx.is_wired(DMA_UP)
                || self.cr2 & CCDS != 0 && (0..channels).any(dma)
                || trgo == Some(Master::Update)
                || trgo == Some(Master::Enable) && self.engine.opm
                || self.bdtr & (AOE | MOE) == AOE && any_output,
            ..Wanted::default()
        };
        for i in 0..channels {
            let ch = &self.engine.channels[i];
            if ch.used_as() != Use::Compare {
                continue;
            }
            let flag = dier & !sr & ccif(i) != 0
                || self.cr2 & CCDS == 0 && dma(i)
                || i == 0 && trgo == Some(Master::ComparePulse);
            let seen = ctx.is_wired(i) && ch.is_on() && self.outputs_on()
                || trgo == Some(Master::Reference(i));
            w.compares |= u8::from(flag) << i;
            w.references |= u8::from(seen && ch.acts_on_match()) << i;
        }
        w
    }
}
