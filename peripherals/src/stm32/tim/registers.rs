//! The register file of a timer: offsets, and what reads and writes do.
//!
//! Registers and bits that a kind of timer does not have read as zero and ignore writes.
//! Source: RM0090 §17.4, §18.4.

use super::channel::Use;
use super::engine::{UIF, ccif};
use super::slave::{SlaveMode, slave_mode};
use super::{KER, Tim};
use emu_core::{Ctx, NoticeKind, Ratio, Width};

const CR1: u32 = 0x00;
const CR2: u32 = 0x04;
const SMCR: u32 = 0x08;
const DIER: u32 = 0x0C;
const SR: u32 = 0x10;
const EGR: u32 = 0x14;
const CCMR1: u32 = 0x18;
const CCMR2: u32 = 0x1C;
const CCER: u32 = 0x20;
const CNT: u32 = 0x24;
const PSC: u32 = 0x28;
const ARR: u32 = 0x2C;
const RCR: u32 = 0x30;
const CCR1: u32 = 0x34;
const CCR4: u32 = 0x40;
const BDTR: u32 = 0x44;
const DCR: u32 = 0x48;
/// The window of DMA bursts.
pub const DMAR: u32 = 0x4C;
const OR: u32 = 0x50;

/// CR1.CEN.
pub const CEN: u32 = 1;
const UDIS: u32 = 1 << 1;
/// CR1.URS.
pub const URS: u32 = 1 << 2;
const OPM: u32 = 1 << 3;
const DIR: u32 = 1 << 4;
const ARPE: u32 = 1 << 7;

/// CR2.CCPC.
const CCPC: u32 = 1;

/// SR.COMIF.
const COMIF: u32 = 1 << 5;
/// SR.TIF.
pub const TIF: u32 = 1 << 6;
/// SR.BIF.
pub const BIF: u32 = 1 << 7;

/// SR.CCxOF of channel `i` (from zero).
pub fn ccof(i: usize) -> u32 {
    1 << (9 + i)
}

/// BDTR.MOE.
pub const MOE: u32 = 1 << 15;
/// BDTR.AOE.
pub const AOE: u32 = 1 << 14;
/// BDTR.BKP.
pub const BKP: u32 = 1 << 13;
/// BDTR.BKE.
pub const BKE: u32 = 1 << 12;
/// BDTR.OSSI.
pub const OSSI: u32 = 1 << 10;

/// Name of the register at an offset.
pub fn name(offset: u32) -> Option<&'static str> {
    const NAMES: [&str; 21] = [
        "CR1", "CR2", "SMCR", "DIER", "SR", "EGR", "CCMR1", "CCMR2", "CCER", "CNT", "PSC", "ARR",
        "RCR", "CCR1", "CCR2", "CCR3", "CCR4", "BDTR", "DCR", "DMAR", "OR",
    ];
    NAMES.get(offset as usize / 4).copied()
}

impl Tim {
    /// A register's value, without effects.
    pub(super) fn register_value(&self, reg: u32) -> u32 {
        let e = &self.engine;
        match reg {
            CR1 => {
                let dir = u32::from(e.counter.is_down()) * DIR;
                self.cr1 & !DIR | dir & self.kind.cr1_mask()
            }
            CR2 => self.cr2,
            SMCR => self.smcr,
            DIER => self.dier,
            SR => e.sr & self.kind.sr_mask(),
            CCMR1 | CCMR2 => self
                .half_of_ccmr(reg)
                .map(|(i, shift)| u32::from(e.channels[i].mode()) << shift)
                .sum(),
            CCER => (e.channels.iter().enumerate())
                .map(|(i, ch)| ch.enable() << (4 * i))
                .sum(),
            CNT => e.counter.value(),
            PSC => e.psc.into(),
            ARR => e.arr(),
            RCR => e.rcr,
            CCR1..=CCR4 => e.channels.get(channel_of(reg)).map_or(0, |ch| ch.ccr()),
            BDTR => self.bdtr,
            DCR => self.dcr,
            DMAR if self.dma_target() != DMAR => self.register_value(self.dma_target()),
            OR => self.or,
            _ => 0,
        }
    }

    /// The channels of a CCMRx, each with the shift of its byte.
    fn half_of_ccmr(&self, reg: u32) -> impl Iterator<Item = (usize, u32)> {
        let first = if reg == CCMR1 { 0 } else { 2 };
        let n = self.engine.channels.len();
        (first..n.min(first + 2)).map(move |i| (i, 8 * (i - first) as u32))
    }

    /// A read by the firmware or by DMA.
    pub(super) fn read_register(&mut self, reg: u32, ctx: &mut Ctx<'_>) -> u32 {
        if reg == DMAR && self.kind.has_burst() {
            let target = self.dma_target();
            let value = if target == DMAR {
                0
            } else {
                self.read_register(target, ctx)
            };
            self.next_of_burst(ctx);
            return value;
        }
        let value = self.register_value(reg);
        if (CCR1..=CCR4).contains(&reg) {
            let i = channel_of(reg);
            if self.is_capture(i) {
                self.engine.sr &= !ccif(i); // cleared by reading the captured value
                self.refresh(ctx);
            }
        }
        value
    }

    pub(super) fn is_capture(&self, i: usize) -> bool {
        (self.engine.channels.get(i)).is_some_and(|ch| ch.used_as() != Use::Compare)
    }

    /// The register that DMAR stands for now.
    fn dma_target(&self) -> u32 {
        4 * ((self.dcr & 0x1F) + self.burst)
    }

    /// A write of `value` at `offset`, in byte lanes.
    pub(super) fn write_register(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        ctx: &mut Ctx<'_>,
    ) {
        let reg = offset & !3;
        let merged = width.merge(self.register_value(reg), offset, value);
        let kind = self.kind;
        match reg {
            CR1 => self.write_cr1(merged & kind.cr1_mask(), ctx),
            CR2 => {
                self.cr2 = merged & kind.cr2_mask();
                if self.cr2 & CCPC != 0 {
                    ctx.note(
                        NoticeKind::UnmodelledFeature,
                        "CR2 preloaded control (CCPC)",
                    );
                }
                self.set_running();
            }
            SMCR => self.write_smcr(merged & kind.smcr_mask(), ctx),
            DIER => {
                let withdrawn = self.dier & !merged;
                self.dier = merged & kind.dier_mask();
                self.withdraw_requests(withdrawn, ctx);
            }
            SR => self.engine.sr &= width.merge(u32::MAX, offset, value), // rc_w0
            EGR => self.write_egr(width.spread(offset, value) & kind.egr_mask(), ctx),
            CCMR1 | CCMR2 => {
                for (i, shift) in self.half_of_ccmr(reg).collect::<Vec<_>>() {
                    let (ch, counter) = (&mut self.engine.channels[i], &self.engine.counter);
                    ch.set_mode((merged >> shift) as u8, counter);
                    if ch.has_filter() {
                        ctx.note(NoticeKind::UnmodelledFeature, "CCMR input filter (ICxF)");
                    }
                    if ch.has_clear() {
                        ctx.note(NoticeKind::UnmodelledFeature, "CCMR output clear (OCxCE)");
                    }
                }
            }
            CCER => self.write_ccer(merged, ctx),
            CNT => self.engine.counter.set_value(merged),
            PSC => self.engine.psc = merged as u16,
            ARR => self.engine.set_arr(merged & self.max),
            RCR if kind.is_advanced() => self.engine.rcr = merged & 0xFF,
            CCR1..=CCR4 => {
                let max = self.max;
                if let Some(ch) = self.engine.channels.get_mut(channel_of(reg)) {
                    ch.set_ccr(merged & max);
                }
            }
            BDTR if kind.is_advanced() => self.write_bdtr(merged & 0xFFFF, ctx),
            DCR if kind.has_burst() => {
                self.dcr = merged & 0x1F1F;
                self.burst = 0;
            }
            DMAR if kind.has_burst() => {
                let target = self.dma_target();
                if target != DMAR {
                    self.write_register(target, Width::Word, merged, ctx);
                }
                self.next_of_burst(ctx);
            }
            OR => {
                self.or = merged & 0xFFFF;
                if self.or != 0 {
                    ctx.note(NoticeKind::UnmodelledFeature, "OR input remapping");
                }
            }
            _ => {}
        }
    }

    fn write_cr1(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        let started = value & !self.cr1 & CEN != 0;
        self.cr1 = value;
        let e = &mut self.engine;
        e.udis = value & UDIS != 0;
        e.opm = value & OPM != 0;
        e.cms = (value >> 5) as u8 & 3;
        e.set_arpe(value & ARPE != 0);
        e.counter.set_mode(e.cms != 0, value & DIR != 0);
        if started {
            self.started(ctx);
        }
        self.set_running();
    }

    /// CEN was set, by software or by a trigger.
    pub(super) fn started(&mut self, ctx: &mut Ctx<'_>) {
        if !super::slave::is_external(self.smcr) {
            self.engine.counter.start_after(self.enable_delay);
        }
        if ctx.clock(KER) == Ratio::ZERO {
            ctx.note(
                NoticeKind::Misuse,
                "CR1 CEN: the timer's clock stands still",
            );
        }
    }

    /// Let the counter run when it is enabled and its gate is open.
    pub(super) fn set_running(&mut self) {
        let gated = slave_mode(self.smcr) == SlaveMode::Gated;
        let open = !gated || self.trigger().level(self.levels);
        self.engine.running = self.cr1 & CEN != 0 && open;
    }

    fn write_smcr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        self.smcr = value;
        if value & 0x0F00 != 0 {
            ctx.note(NoticeKind::UnmodelledFeature, "SMCR trigger filter (ETF)");
        }
        self.set_running();
    }

    fn write_egr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        for i in 0..self.engine.channels.len() {
            if value & ccif(i) == 0 {
                continue;
            }
            if self.is_capture(i) {
                self.capture(i, ctx);
            } else {
                self.engine.sr |= ccif(i);
                self.compared(1 << i, ctx);
            }
        }
        if value & TIF != 0 {
            self.triggered(ctx);
        }
        if value & COMIF != 0 {
            self.engine.sr |= COMIF;
        }
        if value & BIF != 0 {
            self.break_in();
        }
        if value & UIF != 0 {
            let happened = self.engine.initialise(self.cr1 & URS != 0);
            self.initialised(happened, ctx);
        }
    }

    fn write_ccer(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        for i in 0..self.engine.channels.len() {
            let nibble = (value >> (4 * i)) & self.kind.enable_mask(i);
            self.engine.channels[i].set_enable(nibble);
            if self.kind.is_advanced() && nibble & super::channel::enable::NE != 0 {
                ctx.note(
                    NoticeKind::UnmodelledFeature,
                    "CCER complementary outputs (CCxNE)",
                );
            }
        }
        self.set_running();
    }

    fn write_bdtr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        self.bdtr = value;
        if value & 0xFF != 0 {
            ctx.note(NoticeKind::UnmodelledFeature, "BDTR dead time (DTG)");
        }
        if self.break_is_active() {
            self.bdtr &= !MOE;
        }
    }
}

/// The channel of a CCRx.
fn channel_of(reg: u32) -> usize {
    (reg - CCR1) as usize / 4
}
