//! `stm32.rcc.f1`: reset and clock control of STM32F101/102/103 (RM0008 chapter 7; clocks also chapter 8).
//!
//! Modelled: HSI, HSE, PLL, LSI and LSE with their ready bits after a start-up time; the system clock switch, which
//! waits for a ready source; all prescalers, as a live clock tree; the doubled timer clocks; ready interrupts (CIR);
//! reset flags; the backup domain with the write-once RTCSEL; the reset registers as outputs.
//!
//! Not modelled: enable registers (AHBENR, APB1ENR, APB2ENR) are stored only, a disabled device still answers;
//! CFGR.MCO, CFGR.ADCPRE, BDCR.RTCSEL/RTCEN, CR.HSITRIM are stored only; CR.HSICAL reads zero; CR.CSSON is stored, an
//! HSE crystal never fails; LSI always runs for the watchdog, CSR.LSION moves only LSIRDY; BDCR's write protection
//! (PWR_CR.DBP).

mod tree;

use super::oscillator::{Oscillator, Source};
use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, NoticeKind, Ports, Ratio, ResetCause, Width};
use serde::{Deserialize, Serialize};
use tree::{SW_HSE, SW_HSI, SW_PLL};

const CR: u32 = 0x00;
const CFGR: u32 = 0x04;
const CIR: u32 = 0x08;
const APB2RSTR: u32 = 0x0C;
const APB1RSTR: u32 = 0x10;
const AHBENR: u32 = 0x14;
const APB2ENR: u32 = 0x18;
const APB1ENR: u32 = 0x1C;
const BDCR: u32 = 0x20;
const CSR: u32 = 0x24;
const NAMES: &[(u32, &str)] = &[
    (CR, "CR"),
    (CFGR, "CFGR"),
    (CIR, "CIR"),
    (APB2RSTR, "APB2RSTR"),
    (APB1RSTR, "APB1RSTR"),
    (AHBENR, "AHBENR"),
    (APB2ENR, "APB2ENR"),
    (APB1ENR, "APB1ENR"),
    (BDCR, "BDCR"),
    (CSR, "CSR"),
];

// CR (RM0008 §7.3.1).
const HSION: u32 = 1 << 0;
const HSEON: u32 = 1 << 16;
const HSEBYP: u32 = 1 << 18;
const PLLON: u32 = 1 << 24;
/// HSITRIM, HSEBYP, CSSON.
const CR_STORED: u32 = 0xF8 | HSEBYP | 1 << 19;
/// HSITRIM = 16.
const CR_RESET: u32 = 0x80;
/// CFGR without SWS (RM0008 §7.3.2).
const CFGR_MASK: u32 = 0x077F_FFF3;
/// PLLSRC, PLLXTPRE, PLLMUL: only while the PLL is off.
const CFGR_PLL: u32 = 0x003F_0000;
// BDCR (RM0008 §7.3.9).
const LSEON: u32 = 1 << 0;
const LSEBYP: u32 = 1 << 2;
const RTCSEL: u32 = 3 << 8;
const BDCR_STORED: u32 = LSEBYP | RTCSEL | 1 << 15;
const BDRST: u32 = 1 << 16;
// CSR (RM0008 §7.3.10).
const LSION: u32 = 1 << 0;
const RMVF: u32 = 1 << 24;
const PINRSTF: u32 = 1 << 26;
const PORRSTF: u32 = 1 << 27;
const SFTRSTF: u32 = 1 << 28;
const IWDGRSTF: u32 = 1 << 29;
const WWDGRSTF: u32 = 1 << 30;

/// Offset, reset value and bits of the registers that are stored (RM0008 §7.3.4 to §7.3.8, medium density); the
/// first two are the reset registers.
const STORED: [(u32, u32, u32); 5] = [
    (APB2RSTR, 0, 0x0000_5E7D),
    (APB1RSTR, 0, 0x1AE6_4807),
    (AHBENR, 0x14, 0x0000_0055),
    (APB2ENR, 0, 0x0000_5E7D),
    (APB1ENR, 0, 0x1AE6_4807),
];
const RESET_REGISTERS: usize = 2;

/// Positions in the list of clocks.
mod clock {
    pub const HSE: usize = 0;
    pub const HSI: usize = 1;
    pub const PLL: usize = 4;
    pub const SYSCLK: usize = 5;
    pub const HCLK: usize = 6;
    pub const USBCLK: usize = 11;
}
const CLOCKS: [&str; 12] = [
    "HSE", "HSI", "LSE", "LSI", "PLL", "SYSCLK", "HCLK", "PCLK1", "PCLK2", "TIMCLK1", "TIMCLK2",
    "USBCLK",
];

/// Parameters in the machine file. Frequencies in Hz, times in nanoseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// HSE crystal or clock; 0: none is fitted.
    hse: u64,
    /// LSE crystal; 0: none is fitted.
    lse: u64,
    hsi: u64,
    lsi: u64,
    hse_startup_ns: u64,
    hsi_startup_ns: u64,
    lse_startup_ns: u64,
    lsi_startup_ns: u64,
    pll_lock_ns: u64,
    max_hclk: u64,
    max_pclk1: u64,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            hse: 8_000_000,
            lse: 32_768,
            hsi: 8_000_000,
            lsi: 40_000,
            // DS5319, HSE 4-16 MHz oscillator characteristics: 2 ms (typical).
            hse_startup_ns: 2_000_000,
            // DS5319, HSI oscillator characteristics: 1 to 2 us.
            hsi_startup_ns: 2_000,
            // DS5319, LSE oscillator characteristics: 3 s (typical at 25 °C).
            lse_startup_ns: 3_000_000_000,
            // DS5319, LSI oscillator characteristics: 85 us (maximum).
            lsi_startup_ns: 85_000,
            // DS5319, PLL characteristics: 200 us (maximum).
            pll_lock_ns: 200_000,
            // DS5319, general operating conditions.
            max_hclk: 72_000_000,
            max_pclk1: 36_000_000,
        }
    }
}

/// The device.
#[derive(Serialize, Deserialize)]
struct Rcc {
    p: Parameters,
    cr: u32,
    /// Without SWS.
    cfgr: u32,
    sws: u32,
    cir_flags: u32,
    cir_enable: u32,
    bdcr: u32,
    reset_flags: u32,
    /// By [`Source`]; the last is not there on this chip.
    sources: [Oscillator; 6],
    stored: [u32; 5],
}

const SOURCES: [Source; 5] = [
    Source::Lsi,
    Source::Lse,
    Source::Hsi,
    Source::Hse,
    Source::Pll,
];

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if p.hsi == 0 {
        return Err(ParameterError("hsi must not be 0".to_owned()));
    }
    Ok(Box::new(Rcc {
        p,
        cr: CR_RESET,
        cfgr: 0,
        sws: SW_HSI,
        cir_flags: 0,
        cir_enable: 0,
        bdcr: 0,
        reset_flags: 0,
        sources: [Oscillator::default(); 6],
        stored: STORED.map(|s| s.1),
    }))
}

fn stored_position(offset: u32) -> Option<usize> {
    STORED.iter().position(|s| s.0 == offset & !3)
}

impl Rcc {
    fn source(&self, s: Source) -> &Oscillator {
        &self.sources[s as usize]
    }

    fn source_mut(&mut self, s: Source) -> &mut Oscillator {
        &mut self.sources[s as usize]
    }

    /// The ON bit, and the RDY bit above it.
    fn bits(&self, s: Source, on: u32) -> u32 {
        let o = self.source(s);
        (u32::from(o.on) * on) | (u32::from(o.ready) * (on << 1))
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        ctx.set_irq(0, self.cir_flags & self.cir_enable != 0);
    }

    fn register_value(&self, offset: u32) -> Option<u32> {
        Some(match offset & !3 {
            CR => {
                self.cr
                    | self.bits(Source::Hsi, HSION)
                    | self.bits(Source::Hse, HSEON)
                    | self.bits(Source::Pll, PLLON)
            }
            CFGR => self.cfgr | self.sws << 2,
            CIR => self.cir_flags | self.cir_enable << 8,
            BDCR => self.bdcr | self.bits(Source::Lse, LSEON),
            CSR => self.reset_flags | self.bits(Source::Lsi, LSION),
            o => self.stored[stored_position(o)?],
        })
    }

    fn pll_source(&self) -> Source {
        if tree::pll_from_hse(self.cfgr) {
            Source::Hse
        } else {
            Source::Hsi
        }
    }

    /// Does the system clock come from this source, straight or through the PLL?
    fn in_use(&self, s: Source) -> bool {
        match self.sws {
            SW_HSE => s == Source::Hse,
            SW_PLL => s == Source::Pll || s == self.pll_source(),
            _ => s == Source::Hsi,
        }
    }

    fn plan(&self, s: Source, ctx: &mut Ctx<'_>) {
        let hz = ctx.clock_hz(clock::HCLK);
        let at = self.source(s).due.map(|d| d.cycle(ctx, hz));
        ctx.schedule_or_cancel(s as u32, at);
    }

    /// The ON bit of a source was written.
    fn switch(&mut self, s: Source, on: bool, ctx: &mut Ctx<'_>) {
        if self.source(s).on == on {
            return;
        }
        if !on && self.in_use(s) {
            ctx.note(
                NoticeKind::Misuse,
                "CR: the source of the system clock cannot be switched off",
            );
            return;
        }
        if s == Source::Pll {
            *self.source_mut(s) = Oscillator {
                on,
                ..Oscillator::default()
            };
            self.start_pll(ctx);
            self.plan(s, ctx);
            self.retune(ctx);
            return;
        }
        let p = &self.p;
        let (hz, startup_ns) = match s {
            Source::Lsi => (p.lsi, p.lsi_startup_ns),
            Source::Lse if self.bdcr & LSEBYP != 0 => (p.lse, 0),
            Source::Lse => (p.lse, p.lse_startup_ns),
            Source::Hse if self.cr & HSEBYP != 0 => (p.hse, 0),
            Source::Hse => (p.hse, p.hse_startup_ns),
            _ => (p.hsi, p.hsi_startup_ns),
        };
        if !on {
            self.source_mut(s).stop(ctx, hz);
        } else {
            if hz == 0 {
                ctx.note(
                    NoticeKind::Misuse,
                    &format!("{s:?} is switched on, but the machine has no such crystal"),
                );
            }
            let startup = (hz != 0).then_some(startup_ns);
            self.source_mut(s).start(ctx, startup);
        }
        self.plan(s, ctx);
    }

    /// A PLL that is on begins to lock once its source is ready.
    fn start_pll(&mut self, ctx: &mut Ctx<'_>) {
        let o = *self.source(Source::Pll);
        if o.on && !o.ready && o.due.is_none() && self.source(self.pll_source()).ready {
            let ns = self.p.pll_lock_ns;
            self.source_mut(Source::Pll).start(ctx, Some(ns));
            self.plan(Source::Pll, ctx);
        }
    }

    /// The system clock follows CFGR.SW as soon as that source is ready (RM0008 §7.2.6).
    fn follow_switch(&mut self) {
        let wanted = self.cfgr & 3;
        let ready = match wanted {
            SW_HSI => self.source(Source::Hsi).ready,
            SW_HSE => self.source(Source::Hse).ready,
            SW_PLL => self.source(Source::Pll).ready,
            _ => false,
        };
        if ready {
            self.sws = wanted;
        }
    }

    /// Give every clock its frequency.
    fn retune(&mut self, ctx: &mut Ctx<'_>) {
        let if_ready = |s: Source, hz: Ratio| {
            if self.source(s).ready {
                hz
            } else {
                Ratio::ZERO
            }
        };
        let p = &self.p;
        let hse = if_ready(Source::Hse, Ratio::hz(p.hse));
        let hsi = if_ready(Source::Hsi, Ratio::hz(p.hsi));
        let input = tree::pll_input(self.cfgr, p.hsi, p.hse);
        let pll = if_ready(Source::Pll, input.scale(tree::pll_factor(self.cfgr), 1));
        let sysclk = match self.sws {
            SW_HSE => hse,
            SW_PLL => pll,
            _ => hsi,
        };
        let hclk = sysclk.scale(1, tree::hpre(self.cfgr));
        let (d1, d2) = (tree::ppre1(self.cfgr), tree::ppre2(self.cfgr));
        let (pclk1, pclk2) = (hclk.scale(1, d1), hclk.scale(1, d2));
        let all = [
            hse,
            hsi,
            if_ready(Source::Lse, Ratio::hz(p.lse)),
            Ratio::hz(p.lsi),
            pll,
            sysclk,
            hclk,
            pclk1,
            pclk2,
            tree::timer_clock(pclk1, d1),
            tree::timer_clock(pclk2, d2),
            tree::usb_clock(self.cfgr, pll),
        ];
        // What each clock comes from: it is as far off its nominal frequency as that.
        let pll_from = match self.pll_source() {
            Source::Hse => clock::HSE,
            _ => clock::HSI,
        };
        let system_from = match self.sws {
            SW_HSE => clock::HSE,
            SW_PLL => pll_from,
            _ => clock::HSI,
        };
        for (index, hz) in all.into_iter().enumerate() {
            let from = match index {
                clock::PLL | clock::USBCLK => pll_from,
                clock::SYSCLK.. => system_from,
                oscillator => oscillator,
            };
            ctx.set_clock_from(index, hz, from);
        }
        for (name, hz, max) in [("HCLK", hclk, p.max_hclk), ("PCLK1", pclk1, p.max_pclk1)] {
            if hz.num() > max.saturating_mul(hz.den()) {
                ctx.note(
                    NoticeKind::Misuse,
                    &format!("CFGR: {name} is above its limit of {max} Hz"),
                );
            }
        }
    }

    fn write_cr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        self.cr = value & CR_STORED;
        // Oscillators first: the PLL may be switched on together with its source.
        for (s, bit) in [
            (Source::Hsi, HSION),
            (Source::Hse, HSEON),
            (Source::Pll, PLLON),
        ] {
            self.switch(s, value & bit != 0, ctx);
        }
    }

    fn write_cfgr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        let mut new = value & CFGR_MASK;
        if (new ^ self.cfgr) & CFGR_PLL != 0 && self.source(Source::Pll).on {
            ctx.note(
                NoticeKind::Misuse,
                "CFGR: PLLSRC, PLLXTPRE and PLLMUL can be written only while the PLL is off",
            );
            new = new & !CFGR_PLL | self.cfgr & CFGR_PLL;
        }
        if new & 3 == 3 {
            ctx.note(NoticeKind::Misuse, "CFGR.SW = 3 is not allowed");
        }
        self.cfgr = new;
        self.follow_switch();
        self.retune(ctx);
    }

    fn write_bdcr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        if value & BDRST != 0 {
            self.bdcr = BDRST;
            *self.source_mut(Source::Lse) = Oscillator::default();
            self.plan(Source::Lse, ctx);
            self.retune(ctx);
            return;
        }
        let mut new = value & BDCR_STORED;
        // Once selected, the RTC clock stays until a backup domain reset (RM0008 §7.3.9).
        if self.bdcr & RTCSEL != 0 && (new ^ self.bdcr) & RTCSEL != 0 {
            ctx.note(
                NoticeKind::Misuse,
                "BDCR.RTCSEL can be changed only after a backup domain reset",
            );
            new = new & !RTCSEL | self.bdcr & RTCSEL;
        }
        self.bdcr = new;
        self.switch(Source::Lse, value & LSEON != 0, ctx);
    }

    fn write_stored(&mut self, i: usize, value: u32, ctx: &mut Ctx<'_>) {
        let value = value & STORED[i].2;
        let old = std::mem::replace(&mut self.stored[i], value);
        if i < RESET_REGISTERS {
            for bit in (0..32).filter(|bit| (old ^ value) >> bit & 1 != 0) {
                ctx.output(i * 32 + bit, value >> bit & 1);
            }
        }
    }
}

impl Device for Rcc {
    fn ports(&self) -> Ports {
        let resets = ["APB2RSTR", "APB1RSTR"];
        Ports {
            irqs: Ports::names(&["rcc"]),
            outputs: resets
                .iter()
                .flat_map(|r| (0..32).map(move |bit| format!("{r}.{bit}")))
                .collect(),
            clocks: Ports::names(&CLOCKS),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        let cause = ctx.reset_cause();
        if cause == ResetCause::PowerOn {
            // The backup domain and the flags are cleared by power alone (RM0008 §7.1.2, §7.1.3).
            self.bdcr = 0;
            self.sources[Source::Lse as usize] = Oscillator::default();
            self.reset_flags = 0;
        }
        // Every internal reset also pulls the NRST pin (RM0008 §7.1.1).
        self.reset_flags |= PINRSTF
            | match cause {
                ResetCause::PowerOn => PORRSTF,
                ResetCause::Software => SFTRSTF,
                ResetCause::IndependentWatchdog => IWDGRSTF,
                ResetCause::WindowWatchdog => WWDGRSTF,
                ResetCause::Pin => 0,
            };
        (self.cr, self.cfgr, self.sws) = (CR_RESET, 0, SW_HSI);
        (self.cir_flags, self.cir_enable) = (0, 0);
        for s in SOURCES {
            match s {
                Source::Lse => {}
                Source::Hsi => *self.source_mut(s) = Oscillator::RUNNING,
                _ => *self.source_mut(s) = Oscillator::default(),
            }
        }
        for (i, s) in STORED.iter().enumerate() {
            self.write_stored(i, s.1, ctx);
        }
        self.retune(ctx);
        for s in SOURCES {
            self.plan(s, ctx);
        }
        self.update_irq(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        match self.register_value(offset) {
            Some(word) => width.extract(word, offset),
            None => {
                registers::reserved(ctx, offset);
                0
            }
        }
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let Some(old) = self.register_value(offset) else {
            registers::reserved(ctx, offset);
            return;
        };
        let new = width.merge(old, offset, value);
        match offset & !3 {
            CR => self.write_cr(new, ctx),
            CFGR => self.write_cfgr(new, ctx),
            CIR => {
                self.cir_enable = new >> 8 & 0x1F;
                self.cir_flags &= !(width.spread(offset, value) >> 16);
                self.update_irq(ctx);
            }
            BDCR => self.write_bdcr(new, ctx),
            CSR => {
                if new & RMVF != 0 {
                    self.reset_flags = 0;
                }
                self.switch(Source::Lsi, new & LSION != 0, ctx);
            }
            o => {
                if let Some(i) = stored_position(o) {
                    self.write_stored(i, new, ctx);
                }
            }
        }
    }

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        let Some(&s) = SOURCES.get(tag as usize) else {
            return;
        };
        let o = self.source_mut(s);
        o.due = None;
        o.ready = o.on;
        if o.ready && self.cir_enable >> tag & 1 != 0 {
            self.cir_flags |= 1 << tag;
            self.update_irq(ctx);
        }
        if s == self.pll_source() {
            if self.source(s).ready {
                self.start_pll(ctx);
            } else {
                // A PLL without input loses its lock.
                self.source_mut(Source::Pll).kill();
                self.plan(Source::Pll, ctx);
            }
        }
        self.follow_switch();
        self.retune(ctx);
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        for s in SOURCES {
            if self.source(s).due.is_some() {
                self.plan(s, ctx);
            }
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
