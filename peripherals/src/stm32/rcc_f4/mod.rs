//! `stm32.rcc.f4`: reset and clock control of STM32F405/407/415/417 (RM0090 chapter 7).
//!
//! Modelled: HSI, HSE, PLL, PLLI2S, LSI and LSE with their ready bits after a start-up time; the
//! system clock switch, which waits for a ready source; all prescalers, as a live clock tree; the
//! doubled timer clocks; ready interrupts (CIR); reset flags; the backup domain with its write
//! protection and the write-once RTCSEL; the reset registers as outputs.
//!
//! Not modelled: enable and low-power enable registers (AHB1ENR to APB2LPENR) are stored only, a
//! disabled device still answers; CFGR.MCO1/MCO2 and their prescalers, CFGR.I2SSRC, CFGR.RTCPRE,
//! BDCR.RTCSEL/RTCEN, SSCGR, the frequency of PLLI2S and CR.HSITRIM are stored only; CR.HSICAL
//! reads zero; CR.CSSON is stored, an HSE crystal never fails; LSI always runs for the watchdog,
//! CSR.LSION moves only LSIRDY.

mod sources;
mod stored;
mod tree;

use super::{oscillator, registers};
use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, NoticeKind, Ports, ResetCause, Width};
use oscillator::{Oscillator, Source};
use serde::{Deserialize, Serialize};
use stored::{RESET_REGISTERS, STORED};
use tree::SW_HSI;

const CR: u32 = 0x00;
const PLLCFGR: u32 = 0x04;
const CFGR: u32 = 0x08;
const CIR: u32 = 0x0C;
const BDCR: u32 = 0x70;
const CSR: u32 = 0x74;

const NAMES: &[(u32, &str)] = &[
    (CR, "CR"),
    (PLLCFGR, "PLLCFGR"),
    (CFGR, "CFGR"),
    (CIR, "CIR"),
    (BDCR, "BDCR"),
    (CSR, "CSR"),
];

// CR (RM0090 §7.3.1).
const HSION: u32 = 1 << 0;
const HSIRDY: u32 = 1 << 1;
const HSEON: u32 = 1 << 16;
const HSERDY: u32 = 1 << 17;
const HSEBYP: u32 = 1 << 18;
const PLLON: u32 = 1 << 24;
const PLLRDY: u32 = 1 << 25;
const PLLI2SON: u32 = 1 << 26;
const PLLI2SRDY: u32 = 1 << 27;
/// HSITRIM, HSEBYP, CSSON.
const CR_STORED: u32 = 0xF8 | HSEBYP | 1 << 19;
/// HSITRIM = 16.
const CR_RESET: u32 = 0x80;
/// RM0090 §7.3.2.
const PLLCFGR_RESET: u32 = 0x2400_3010;
const PLLCFGR_MASK: u32 = 0x0F43_7FFF;
/// PLLM and PLLSRC.
const PLLCFGR_SHARED: u32 = 0x0040_003F;
/// CFGR without SWS (RM0090 §7.3.3).
const CFGR_MASK: u32 = 0xFFFF_FCF3;
// BDCR (RM0090 §7.3.20).
const LSEON: u32 = 1 << 0;
const LSEBYP: u32 = 1 << 2;
const RTCSEL: u32 = 3 << 8;
const BDCR_STORED: u32 = LSEBYP | RTCSEL | 1 << 15;
const BDRST: u32 = 1 << 16;
// CSR (RM0090 §7.3.21).
const LSION: u32 = 1 << 0;
const RMVF: u32 = 1 << 24;
const BORRSTF: u32 = 1 << 25;
const PINRSTF: u32 = 1 << 26;
const PORRSTF: u32 = 1 << 27;
const SFTRSTF: u32 = 1 << 28;
const IWDGRSTF: u32 = 1 << 29;
const WWDGRSTF: u32 = 1 << 30;

/// Positions in the list of clocks.
mod clock {
    pub const HSE: usize = 0;
    pub const HSI: usize = 1;
    pub const LSE: usize = 2;
    pub const LSI: usize = 3;
    pub const PLL: usize = 4;
    pub const SYSCLK: usize = 5;
    pub const HCLK: usize = 6;
    pub const PCLK1: usize = 7;
    pub const PCLK2: usize = 8;
    pub const TIMCLK1: usize = 9;
    pub const TIMCLK2: usize = 10;
    pub const PLL48CK: usize = 11;
}

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
    max_pclk2: u64,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            hse: 8_000_000,
            lse: 32_768,
            hsi: 16_000_000,
            // DS8626, LSI oscillator characteristics: 32 kHz, start-up 15 us (typical).
            lsi: 32_000,
            lsi_startup_ns: 15_000,
            // DS8626, HSE 4-26 MHz oscillator characteristics: 2 ms (typical).
            hse_startup_ns: 2_000_000,
            // DS8626, HSI oscillator characteristics: 2.2 us (typical).
            hsi_startup_ns: 2_200,
            // DS8626, LSE oscillator characteristics: 2 s (typical).
            lse_startup_ns: 2_000_000_000,
            // DS8626, main PLL characteristics: 75 to 200 us at 192 MHz, 100 to 300 us at 432 MHz.
            pll_lock_ns: 200_000,
            // DS8626, general operating conditions.
            max_hclk: 168_000_000,
            max_pclk1: 42_000_000,
            max_pclk2: 84_000_000,
        }
    }
}

/// The device.
#[derive(Serialize, Deserialize)]
struct Rcc {
    p: Parameters,
    cr: u32,
    pllcfgr: u32,
    /// Without SWS.
    cfgr: u32,
    sws: u32,
    cir_flags: u32,
    cir_enable: u32,
    bdcr: u32,
    reset_flags: u32,
    sources: [Oscillator; 6],
    stored: Vec<u32>,
    /// PWR_CR.DBP; unknown (and then not enforced) until its wire has told it.
    dbp: Option<bool>,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if p.hsi == 0 {
        return Err(ParameterError("hsi must not be 0".to_owned()));
    }
    Ok(Box::new(Rcc {
        p,
        cr: CR_RESET,
        pllcfgr: PLLCFGR_RESET,
        cfgr: 0,
        sws: SW_HSI,
        cir_flags: 0,
        cir_enable: 0,
        bdcr: 0,
        reset_flags: 0,
        sources: [Oscillator::default(); 6],
        stored: STORED.iter().map(|s| s.reset).collect(),
        dbp: None,
    }))
}

impl Rcc {
    fn source(&self, s: Source) -> &Oscillator {
        &self.sources[s as usize]
    }

    fn source_mut(&mut self, s: Source) -> &mut Oscillator {
        &mut self.sources[s as usize]
    }

    fn bit(&self, s: Source, on: u32, ready: u32) -> u32 {
        let o = self.source(s);
        (u32::from(o.on) * on) | (u32::from(o.ready) * ready)
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        ctx.set_irq(0, self.cir_flags & self.cir_enable != 0);
    }

    fn csr(&self) -> u32 {
        self.bit(Source::Lsi, LSION, 1 << 1) | self.reset_flags
    }

    fn bdcr(&self) -> u32 {
        self.bit(Source::Lse, LSEON, 1 << 1) | self.bdcr
    }

    fn register_value(&self, offset: u32) -> Option<u32> {
        Some(match offset & !3 {
            CR => {
                self.cr
                    | self.bit(Source::Hsi, HSION, HSIRDY)
                    | self.bit(Source::Hse, HSEON, HSERDY)
                    | self.bit(Source::Pll, PLLON, PLLRDY)
                    | self.bit(Source::PllI2s, PLLI2SON, PLLI2SRDY)
            }
            PLLCFGR => self.pllcfgr,
            CFGR => self.cfgr | self.sws << 2,
            CIR => self.cir_flags | self.cir_enable << 8,
            BDCR => self.bdcr(),
            CSR => self.csr(),
            o => self.stored[stored::position(o)?],
        })
    }

    fn write_cr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        if (value ^ self.cr) & HSEBYP != 0 && self.source(Source::Hse).on {
            ctx.note(
                NoticeKind::Misuse,
                "CR.HSEBYP can be written only while HSE is off",
            );
            self.cr = (value & CR_STORED & !HSEBYP) | (self.cr & HSEBYP);
        } else {
            self.cr = value & CR_STORED;
        }
        // Oscillators first: a PLL may be switched on together with its source.
        for (s, bit) in [
            (Source::Hsi, HSION),
            (Source::Hse, HSEON),
            (Source::Pll, PLLON),
            (Source::PllI2s, PLLI2SON),
        ] {
            self.switch(s, value & bit != 0, ctx);
        }
    }

    fn write_pllcfgr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        let value = value & PLLCFGR_MASK | PLLCFGR_RESET & !PLLCFGR_MASK;
        if value == self.pllcfgr {
            return;
        }
        // M and the source are shared with PLLI2S, the rest is PLL's own (RM0090 §7.3.2).
        let shared = (value ^ self.pllcfgr) & PLLCFGR_SHARED != 0;
        if self.source(Source::Pll).on || shared && self.source(Source::PllI2s).on {
            ctx.note(
                NoticeKind::Misuse,
                "PLLCFGR can be written only while PLL and PLLI2S are off",
            );
            return;
        }
        self.pllcfgr = value;
    }

    fn write_bdcr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        if value & BDRST != 0 {
            self.bdcr = BDRST;
            *self.source_mut(Source::Lse) = Oscillator::default();
            self.plan(Source::Lse, ctx);
            self.retune(ctx);
            return;
        }
        self.bdcr &= !BDRST;
        if self.dbp == Some(false) {
            if value & (BDCR_STORED | LSEON) != self.bdcr() & (BDCR_STORED | LSEON) {
                ctx.note(
                    NoticeKind::Misuse,
                    "BDCR is write-protected while PWR_CR.DBP is 0",
                );
            }
            return;
        }
        let mut new = value & BDCR_STORED;
        // Once selected, the RTC clock stays until a backup domain reset (RM0090 §7.3.20).
        if self.bdcr & RTCSEL != 0 && (new ^ self.bdcr) & RTCSEL != 0 {
            ctx.note(
                NoticeKind::Misuse,
                "BDCR.RTCSEL can be changed only after a backup domain reset",
            );
            new = (new & !RTCSEL) | (self.bdcr & RTCSEL);
        }
        if self.source(Source::Lse).on {
            new = (new & !LSEBYP) | (self.bdcr & LSEBYP);
        }
        self.bdcr = new;
        self.switch(Source::Lse, value & LSEON != 0, ctx);
    }

    fn write_stored(&mut self, i: usize, value: u32, ctx: &mut Ctx<'_>) {
        let value = value & STORED[i].mask;
        let old = std::mem::replace(&mut self.stored[i], value);
        if i < RESET_REGISTERS {
            for bit in 0..32 {
                if (old ^ value) >> bit & 1 != 0 {
                    ctx.output(i * 32 + bit, value >> bit & 1);
                }
            }
        }
    }
}

impl Device for Rcc {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["rcc"]),
            inputs: Ports::names(&["dbp"]),
            outputs: stored::reset_outputs(),
            clocks: Ports::names(&[
                "HSE", "HSI", "LSE", "LSI", "PLL", "SYSCLK", "HCLK", "PCLK1", "PCLK2", "TIMCLK1",
                "TIMCLK2", "PLL48CK",
            ]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        let cause = ctx.reset_cause();
        if cause == ResetCause::PowerOn {
            // The backup domain and the flags are cleared by power alone (RM0090 §7.1.2, §7.1.3).
            self.bdcr = 0;
            self.sources[Source::Lse as usize] = Oscillator::default();
            self.reset_flags = 0;
        }
        // Every internal reset also pulls the NRST pin (RM0090 §7.1.1).
        self.reset_flags |= PINRSTF
            | match cause {
                ResetCause::PowerOn => PORRSTF | BORRSTF,
                ResetCause::Software => SFTRSTF,
                ResetCause::IndependentWatchdog => IWDGRSTF,
                ResetCause::WindowWatchdog => WWDGRSTF,
                ResetCause::Pin => 0,
            };
        self.cr = CR_RESET;
        self.pllcfgr = PLLCFGR_RESET;
        self.cfgr = 0;
        self.sws = SW_HSI;
        (self.cir_flags, self.cir_enable) = (0, 0);
        for s in Source::ALL {
            match s {
                Source::Lse => {}
                Source::Hsi => *self.source_mut(s) = Oscillator::RUNNING,
                _ => *self.source_mut(s) = Oscillator::default(),
            }
        }
        for (i, s) in STORED.iter().enumerate() {
            self.write_stored(i, s.reset, ctx);
        }
        self.retune(ctx);
        for s in Source::ALL {
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
            PLLCFGR => self.write_pllcfgr(new, ctx),
            CFGR => {
                self.cfgr = new & CFGR_MASK;
                if new & 3 == 3 {
                    ctx.note(NoticeKind::Misuse, "CFGR.SW = 3 is not allowed");
                }
                self.follow_switch();
                self.retune(ctx);
            }
            CIR => {
                self.cir_enable = new >> 8 & 0x3F;
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
                if let Some(i) = stored::position(o) {
                    self.write_stored(i, new, ctx);
                }
            }
        }
    }

    fn event(&mut self, tag: u32, ctx: &mut Ctx<'_>) {
        let Some(&s) = Source::ALL.get(tag as usize) else {
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
            for pll in [Source::Pll, Source::PllI2s] {
                if self.source(s).ready {
                    self.start_pll(pll, ctx);
                } else {
                    // A PLL without input loses its lock.
                    self.source_mut(pll).kill();
                    self.plan(pll, ctx);
                }
            }
        }
        self.follow_switch();
        self.retune(ctx);
    }

    fn input(&mut self, port: u16, value: u32, _ctx: &mut Ctx<'_>) {
        if port == 0 {
            self.dbp = Some(value != 0);
        }
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        for s in Source::ALL {
            if self.source(s).due.is_some() {
                self.plan(s, ctx);
            }
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
            .or_else(|| stored::position(offset).map(|i| STORED[i].name.to_owned()))
    }

    emu_core::device_state!();
}
