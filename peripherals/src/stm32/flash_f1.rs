//! `stm32.flash.f1`: flash interface of STM32F101/102/103 (PM0075).
//!
//! Modelled: ACR with latency and the prefetch buffer as timing parameters of the memory; the key sequence with
//! lock-out until reset on a wrong key; programming of half-words, page erase and mass erase with typical times, BSY,
//! EOP, PGERR, WRPRTERR and the interrupt; a latency that is too low for SYSCLK.
//!
//! Not modelled: an access to flash while it is busy does not stall the core, so code in flash runs on during an
//! operation; the option bytes (OPTKEYR, CR.OPTPG, CR.OPTER: noted), so nothing is ever write-protected; the half
//! cycle access (ACR.HLFCYA is stored).

use super::deadline::Deadline;
use super::flash_key::Key;
use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{BusError, Ctx, Device, NoticeKind, Ports, Width};
use serde::{Deserialize, Serialize};

const ACR: u32 = 0x00;
const KEYR: u32 = 0x04;
const OPTKEYR: u32 = 0x08;
const SR: u32 = 0x0C;
const CR: u32 = 0x10;
const AR: u32 = 0x14;
const OBR: u32 = 0x1C;
const WRPR: u32 = 0x20;
const NAMES: &[(u32, &str)] = &[
    (ACR, "ACR"),
    (KEYR, "KEYR"),
    (OPTKEYR, "OPTKEYR"),
    (SR, "SR"),
    (CR, "CR"),
    (AR, "AR"),
    (OBR, "OBR"),
    (WRPR, "WRPR"),
];

// FLASH_ACR (PM0075 §3.1).
const LATENCY: u32 = 7;
const PRFTBE: u32 = 1 << 4;
const ACR_STORED: u32 = LATENCY | 1 << 3 | PRFTBE;
// FLASH_SR (PM0075 §3.4).
const BSY: u32 = 1 << 0;
const PGERR: u32 = 1 << 2;
const EOP: u32 = 1 << 5;
const SR_CLEARABLE: u32 = PGERR | 1 << 4 | EOP;
// FLASH_CR (PM0075 §3.5).
const PG: u32 = 1 << 0;
const PER: u32 = 1 << 1;
const MER: u32 = 1 << 2;
const OPTION_BITS: u32 = 3 << 4;
const STRT: u32 = 1 << 6;
const LOCK: u32 = 1 << 7;
const ERRIE: u32 = 1 << 10;
const EOPIE: u32 = 1 << 12;
const CR_STORED: u32 = PG | PER | MER | OPTION_BITS | ERRIE | EOPIE;
/// Keys (PM0075 §2.3.1).
const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
/// No read protection, factory user bits (PM0075 §3.7).
const OBR_FACTORY: u32 = 0x03FF_FFFC;

const DONE: u32 = 0;

/// Parameters in the machine file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Where the guarded region is seen by the core.
    base: u32,
    /// Size in bytes of the flash and of a page.
    size: u32,
    page: u32,
    /// Highest SYSCLK in Hz for each wait state.
    hz_per_wait_state: u64,
    program_ns: u64,
    erase_ns: u64,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            base: 0x0800_0000,
            size: 0x1_0000,
            page: 1024,
            // PM0075 §3.1: 0, 1, 2 wait states up to 24, 48, 72 MHz.
            hz_per_wait_state: 24_000_000,
            // DS5319, flash memory characteristics: 52.5 us for 16 bits (typical), 20 to 40 ms for a page or all.
            program_ns: 52_500,
            erase_ns: 20_000_000,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Flash {
    p: Parameters,
    acr: u32,
    key: Key,
    sr: u32,
    cr: u32,
    ar: u32,
    busy_until: Option<Deadline>,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if p.page == 0 || !p.page.is_power_of_two() || !p.size.is_multiple_of(p.page) {
        return Err(ParameterError(
            "page must be a power of two, and size a multiple of it".to_owned(),
        ));
    }
    Ok(Box::new(Flash {
        p,
        acr: PRFTBE,
        key: Key::Locked,
        sr: 0,
        cr: 0,
        ar: 0,
        busy_until: None,
    }))
}

impl Flash {
    fn value(&self, offset: u32) -> Option<u32> {
        Some(match offset & !3 {
            // PRFTBS follows PRFTBE.
            ACR => self.acr | (self.acr & PRFTBE) << 1,
            KEYR | OPTKEYR => 0,
            SR => self.sr | (u32::from(self.busy_until.is_some()) * BSY),
            CR => self.cr | if self.key == Key::Open { 0 } else { LOCK },
            AR => 0,
            OBR => OBR_FACTORY,
            WRPR => u32::MAX,
            _ => return None,
        })
    }

    fn publish(&self, ctx: &mut Ctx<'_>) {
        ctx.set_memory_parameter("flash.wait_states", self.acr & LATENCY);
        ctx.set_memory_parameter("flash.prefetch", u32::from(self.acr & PRFTBE != 0));
    }

    fn check_latency(&self, ctx: &mut Ctx<'_>) {
        let hz = ctx.nominal_hz(1);
        let step = self.p.hz_per_wait_state.max(1).saturating_mul(hz.den());
        let needed = hz.num().div_ceil(step).saturating_sub(1);
        if u64::from(self.acr & LATENCY) < needed {
            ctx.note(
                NoticeKind::Misuse,
                "ACR.LATENCY is too low for SYSCLK (PM0075 §3.1)",
            );
        }
        if self.acr & LATENCY > 2 {
            ctx.note(NoticeKind::Misuse, "ACR.LATENCY above 2 is reserved");
        }
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        let on = self.sr & EOP != 0 && self.cr & EOPIE != 0
            || self.sr & !EOP != 0 && self.cr & ERRIE != 0;
        ctx.set_irq(0, on);
    }

    fn occupy(&mut self, ns: u64, ctx: &mut Ctx<'_>) {
        self.busy_until = Some(match self.busy_until {
            Some(d) => d.later_ns(ns),
            None => Deadline::after_ns(ctx, ns),
        });
        self.plan(ctx);
    }

    fn plan(&self, ctx: &mut Ctx<'_>) {
        let hz = ctx.clock_hz(0);
        let at = self.busy_until.map(|d| d.cycle(ctx, hz));
        ctx.schedule_or_cancel(DONE, at);
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        let (start, size) = match (self.cr & PER != 0, self.cr & MER != 0) {
            (true, false) => {
                let offset = self.ar.wrapping_sub(self.p.base) & !(self.p.page - 1);
                if offset >= self.p.size {
                    ctx.note(NoticeKind::Misuse, "AR is outside of the flash");
                    return;
                }
                (offset, self.p.page)
            }
            (false, true) => (0, self.p.size),
            _ => {
                ctx.note(NoticeKind::Misuse, "CR.STRT needs either PER or MER");
                return;
            }
        };
        let blank = vec![0xFF; size as usize];
        let address = self.p.base.wrapping_add(start);
        if ctx.program(address, &blank).is_err() {
            ctx.note(
                NoticeKind::UnmodelledFeature,
                "erase outside the flash of this machine",
            );
        }
        let ns = self.p.erase_ns;
        self.occupy(ns, ctx);
    }

    fn write_cr(&mut self, new: u32, ctx: &mut Ctx<'_>) {
        if self.key != Key::Open {
            if new & !LOCK != self.cr {
                ctx.note(NoticeKind::Misuse, "CR is written while it is locked");
            }
            return;
        }
        self.cr = new & CR_STORED;
        if self.cr & OPTION_BITS != 0 {
            ctx.note(NoticeKind::UnmodelledFeature, "CR.OPTPG or CR.OPTER");
        }
        if new & STRT != 0 {
            self.start(ctx);
        }
        if new & LOCK != 0 {
            self.key = Key::Locked;
        }
        self.update_irq(ctx);
    }
}

impl Device for Flash {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["flash"]),
            clocks: Ports::names(&["HCLK", "SYSCLK"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        (self.acr, self.sr, self.cr, self.ar) = (PRFTBE, 0, 0, 0);
        self.key = Key::Locked;
        self.busy_until = None;
        self.plan(ctx);
        self.publish(ctx);
        self.update_irq(ctx);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let Some(word) = self.value(offset) else {
            registers::reserved(ctx, offset);
            return 0;
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let Some(old) = self.value(offset) else {
            registers::reserved(ctx, offset);
            return;
        };
        let new = width.merge(old, offset, value);
        match offset & !3 {
            ACR => {
                self.acr = new & ACR_STORED;
                self.publish(ctx);
                self.check_latency(ctx);
            }
            KEYR => {
                self.key.turn(new, KEYS);
                if self.key == Key::Dead {
                    ctx.note(
                        NoticeKind::Misuse,
                        "KEYR: wrong key, CR is locked until the next reset",
                    );
                }
            }
            OPTKEYR => ctx.note(NoticeKind::UnmodelledFeature, "OPTKEYR"),
            SR => {
                self.sr &= !(width.spread(offset, value) & SR_CLEARABLE);
                self.update_irq(ctx);
            }
            CR => self.write_cr(new, ctx),
            AR => self.ar = new,
            _ => {}
        }
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        self.busy_until = None;
        self.sr |= EOP;
        self.update_irq(ctx);
    }

    fn guarded_write(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), BusError> {
        // Anything but a half-word is a bus error (PM0075 §2.3.3).
        if width != Width::Half || self.cr & PG == 0 || self.key != Key::Open {
            ctx.note(
                NoticeKind::Misuse,
                "a store to flash that is no half-word, or while CR.PG is 0",
            );
            return Err(BusError);
        }
        let address = self.p.base.wrapping_add(offset);
        // Only an erased half-word can be programmed, or any to zero (PM0075 §2.3.3).
        if ctx.bus_read(address, width)? != 0xFFFF && value & 0xFFFF != 0 {
            self.sr |= PGERR;
            self.update_irq(ctx);
            return Ok(());
        }
        ctx.program(address, &(value as u16).to_le_bytes())?;
        let ns = self.p.program_ns;
        self.occupy(ns, ctx);
        Ok(())
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.check_latency(ctx);
        if self.busy_until.is_some() {
            self.plan(ctx);
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
