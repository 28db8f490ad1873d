//! `stm32.flash.f4`: flash interface of STM32F405/407/415/417 (RM0090 §3.9).
//!
//! Modelled: ACR with latency, prefetch and caches as timing parameters of the memory; the key
//! sequences with lock-out until reset on a wrong key; programming (bits only go from 1 to 0) and
//! erase with typical times, BSY and EOP; PGSERR, PGPERR, PGAERR, WRPERR, OPERR and the interrupt;
//! option bytes that outlive a reset; a latency that is too low for HCLK.
//!
//! Not modelled: an access to flash while it is busy does not stall the core, so code in flash runs
//! on during an operation (a store to it queues behind the one that runs); the OTP area; stores with
//! CR.PSIZE = 3 (64 bits, external VPP), which get PGPERR; ICRST, DCRST, and of OPTCR the read
//! protection, brown-out level and watchdog bits, which are stored only.

mod array;

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
const OPTCR: u32 = 0x14;
const NAMES: &[(u32, &str)] = &[
    (ACR, "ACR"),
    (KEYR, "KEYR"),
    (OPTKEYR, "OPTKEYR"),
    (SR, "SR"),
    (CR, "CR"),
    (OPTCR, "OPTCR"),
];

// FLASH_ACR (RM0090 §3.9.1).
const LATENCY: u32 = 0x7;
const PRFTEN: u32 = 1 << 8;
const ICEN: u32 = 1 << 9;
const DCEN: u32 = 1 << 10;
const ACR_MASK: u32 = LATENCY | PRFTEN | ICEN | DCEN | 1 << 11 | 1 << 12;
// FLASH_SR (RM0090 §3.9.5).
const EOP: u32 = 1 << 0;
const OPERR: u32 = 1 << 1;
const WRPERR: u32 = 1 << 4;
const PGAERR: u32 = 1 << 5;
const PGPERR: u32 = 1 << 6;
const PGSERR: u32 = 1 << 7;
const BSY: u32 = 1 << 16;
const SR_CLEARABLE: u32 = EOP | OPERR | WRPERR | PGAERR | PGPERR | PGSERR;
// FLASH_CR (RM0090 §3.9.7).
const PG: u32 = 1 << 0;
const SER: u32 = 1 << 1;
const MER: u32 = 1 << 2;
const STRT: u32 = 1 << 16;
const EOPIE: u32 = 1 << 24;
const ERRIE: u32 = 1 << 25;
const LOCK: u32 = 1 << 31;
const CR_STORED: u32 = 0x0300_037F;
// FLASH_OPTCR (RM0090 §3.9.10).
const OPTLOCK: u32 = 1 << 0;
const OPTSTRT: u32 = 1 << 1;
const OPTCR_STORED: u32 = 0x0FFF_FFEC;
/// Factory value: no protection.
const OPTCR_FACTORY: u32 = 0x0FFF_AAEC;
/// Keys (RM0090 §3.6.1, §3.7.2).
const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
const OPTION_KEYS: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];

const DONE: u32 = 0;

/// Parameters in the machine file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Where the guarded region is seen by the core.
    base: u32,
    /// Sector sizes in KiB.
    sectors: Vec<u32>,
    /// Highest HCLK in Hz for each wait state.
    hz_per_wait_state: u64,
    /// Time of one programming operation.
    program_ns: u64,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            base: 0x0800_0000,
            sectors: array::SECTORS_1M.to_vec(),
            // RM0090 table 10, 2.7 to 3.6 V.
            hz_per_wait_state: 30_000_000,
            program_ns: array::PROGRAM_NS,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Flash {
    p: Parameters,
    acr: u32,
    key: Key,
    option_key: Key,
    sr: u32,
    cr: u32,
    /// What firmware has written to OPTCR.
    optcr: u32,
    /// The option bytes in the array; they outlive a reset.
    options: u32,
    busy_until: Option<Deadline>,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    let total: u64 = p.sectors.iter().map(|&k| u64::from(k) * 1024).sum();
    if p.sectors.is_empty() || p.sectors.contains(&0) || total > 1 << 31 {
        return Err(ParameterError(
            "sectors must be sizes in KiB above 0 that sum to no more than 2 GiB".to_owned(),
        ));
    }
    Ok(Box::new(Flash {
        p,
        acr: 0,
        key: Key::Locked,
        option_key: Key::Locked,
        sr: 0,
        cr: 0,
        optcr: OPTCR_FACTORY,
        options: OPTCR_FACTORY,
        busy_until: None,
    }))
}

impl Flash {
    fn value(&self, offset: u32) -> Option<u32> {
        Some(match offset & !3 {
            ACR => self.acr,
            KEYR | OPTKEYR => 0,
            SR => self.sr | if self.busy_until.is_some() { BSY } else { 0 },
            CR => self.cr | if self.key == Key::Open { 0 } else { LOCK },
            OPTCR => self.optcr | u32::from(self.option_key != Key::Open),
            _ => return None,
        })
    }

    fn psize(&self) -> u32 {
        self.cr >> 8 & 3
    }

    fn publish(&self, ctx: &mut Ctx<'_>) {
        for (name, value) in [
            ("flash.wait_states", self.acr & LATENCY),
            ("flash.prefetch", u32::from(self.acr & PRFTEN != 0)),
            ("flash.icache", u32::from(self.acr & ICEN != 0)),
            ("flash.dcache", u32::from(self.acr & DCEN != 0)),
        ] {
            ctx.set_memory_parameter(name, value);
        }
    }

    fn check_latency(&self, ctx: &mut Ctx<'_>) {
        let hz = ctx.nominal_hz(0);
        let needed = array::wait_states(hz.num(), hz.den(), self.p.hz_per_wait_state);
        if u64::from(self.acr & LATENCY) < needed {
            ctx.note(
                NoticeKind::Misuse,
                "ACR.LATENCY is too low for HCLK (RM0090 table 10)",
            );
        }
    }

    fn update_irq(&self, ctx: &mut Ctx<'_>) {
        let on = self.sr & EOP != 0 && self.cr & EOPIE != 0
            || self.sr & OPERR != 0 && self.cr & ERRIE != 0;
        ctx.set_irq(0, on);
    }

    fn fail(&mut self, flag: u32, ctx: &mut Ctx<'_>) {
        self.sr |= flag;
        if self.cr & ERRIE != 0 {
            self.sr |= OPERR;
        }
        self.update_irq(ctx);
    }

    /// Be busy for a time, after what is already going on.
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

    fn is_protected(&self, sector: usize) -> bool {
        // nWRP bits protect when 0 (RM0090 §3.9.10).
        sector < 12 && self.options >> (16 + sector) & 1 == 0
    }

    fn erase(&mut self, sectors: std::ops::Range<usize>, ctx: &mut Ctx<'_>) -> bool {
        if sectors.clone().any(|s| self.is_protected(s)) {
            self.fail(WRPERR, ctx);
            return false;
        }
        for s in sectors {
            if let Some((start, size)) = array::sector(&self.p.sectors, s) {
                let blank = vec![0xFF; size as usize];
                if ctx
                    .program(self.p.base.wrapping_add(start), &blank)
                    .is_err()
                {
                    ctx.note(
                        NoticeKind::UnmodelledFeature,
                        "erase of a sector outside the flash of this machine",
                    );
                }
            }
        }
        true
    }

    fn start(&mut self, ctx: &mut Ctx<'_>) {
        let psize = self.psize();
        match (self.cr & SER != 0, self.cr & MER != 0) {
            (true, false) => {
                let number = (self.cr >> 3 & 0xF) as usize;
                let Some(&kib) = self.p.sectors.get(number) else {
                    ctx.note(NoticeKind::Misuse, "CR.SNB: there is no such sector");
                    return;
                };
                if self.erase(number..number + 1, ctx) {
                    self.cr |= STRT;
                    self.occupy(array::erase_ns(kib, psize), ctx);
                }
            }
            (false, true) => {
                if self.erase(0..self.p.sectors.len(), ctx) {
                    self.cr |= STRT;
                    self.occupy(array::mass_erase_ns(psize), ctx);
                }
            }
            // With both set, or none, nothing is performed (RM0090 §3.6.3).
            _ => ctx.note(NoticeKind::Misuse, "CR.STRT needs either SER or MER"),
        }
    }

    fn write_cr(&mut self, new: u32, ctx: &mut Ctx<'_>) {
        if self.key != Key::Open {
            if new & !LOCK != self.cr {
                ctx.note(NoticeKind::Misuse, "CR is written while it is locked");
            }
            return;
        }
        if self.busy_until.is_some() {
            ctx.note(
                NoticeKind::UnmodelledFeature,
                "CR is written while SR.BSY is set (silicon stalls the bus)",
            );
        }
        self.cr = new & CR_STORED;
        if new & STRT != 0 {
            self.start(ctx);
        }
        if new & LOCK != 0 {
            self.key.lock();
        }
        self.update_irq(ctx);
    }

    fn write_optcr(&mut self, new: u32, ctx: &mut Ctx<'_>) {
        if self.option_key != Key::Open {
            if new & !OPTLOCK != self.optcr {
                ctx.note(NoticeKind::Misuse, "OPTCR is written while it is locked");
            }
            return;
        }
        self.optcr = new & OPTCR_STORED;
        if new & OPTSTRT != 0 {
            self.options = self.optcr;
            // The option bytes are erased and programmed as a small sector.
            self.occupy(array::erase_ns(16, self.psize()), ctx);
        }
        if new & OPTLOCK != 0 {
            self.option_key.lock();
        }
    }
}

impl Device for Flash {
    fn ports(&self) -> Ports {
        Ports {
            irqs: Ports::names(&["flash"]),
            clocks: Ports::names(&["HCLK"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        (self.acr, self.sr, self.cr) = (0, 0, 0);
        (self.key, self.option_key) = (Key::Locked, Key::Locked);
        self.optcr = self.options;
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
                self.acr = new & ACR_MASK;
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
            OPTKEYR => {
                self.option_key.turn(new, OPTION_KEYS);
                if self.option_key == Key::Dead {
                    ctx.note(
                        NoticeKind::Misuse,
                        "OPTKEYR: wrong key, OPTCR is locked until the next reset",
                    );
                }
            }
            SR => {
                self.sr &= !(width.spread(offset, value) & SR_CLEARABLE);
                self.update_irq(ctx);
            }
            CR => self.write_cr(new, ctx),
            _ => self.write_optcr(new, ctx),
        }
    }

    fn event(&mut self, _tag: u32, ctx: &mut Ctx<'_>) {
        self.busy_until = None;
        self.cr &= !STRT;
        // EOP is set only when its interrupt is enabled (RM0090 §3.9.5).
        if self.cr & EOPIE != 0 {
            self.sr |= EOP;
        }
        self.update_irq(ctx);
    }

    fn guarded_write(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), BusError> {
        let bytes = width.bytes();
        if self.cr & PG == 0 || self.key != Key::Open {
            ctx.note(NoticeKind::Misuse, "a store to flash while CR.PG is 0");
            self.fail(PGSERR, ctx);
        } else if bytes != 1 << self.psize() {
            self.fail(PGPERR, ctx);
        } else if (offset & 15) + bytes > 16 {
            self.fail(PGAERR, ctx);
        } else if array::sector_of(&self.p.sectors, offset).is_some_and(|s| self.is_protected(s)) {
            self.fail(WRPERR, ctx);
        } else {
            let address = self.p.base.wrapping_add(offset);
            let old = ctx.bus_read(address, width)?;
            let new = (old & value).to_le_bytes();
            ctx.program(address, &new[..bytes as usize])?;
            self.occupy(self.p.program_ns, ctx);
        }
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
