//! System control space: SCB, MPU, debug control, FPU control and cache registers.
//!
//! Modelled: CPUID, ICSR, VTOR, AIRCR, SCR, CCR, SHPR1 to 3, SHCSR, CFSR, HFSR, DFSR, MMFAR, BFAR,
//! AFSR, CPACR, feature and cache identification, MPU, DHCSR as seen without a debugger, DEMCR, STIR,
//! FPCCR, FPCAR, FPDSCR, MVFR0 to 2. The state is [`System`], which the core's exception model reads.
//! Not modelled: halting debug from inside (DCRSR), vector catch, AIRCR.VECTRESET without the
//! peripherals (it resets all), the caches (maintenance is ignored: memory is always coherent), and
//! the M7's TCM and bus control registers (they keep their value).
//! Unprivileged access, and CCR.USERSETMPEND for STIR, are the core's business.
//!
//! Ports: output `trcena`, the level of DEMCR.TRCENA for a DWT's input of that name (optional).
//! Window: 0xE000ED00 to 0xE000EFFF. Source: ARMv7-M ARM (DDI 0403E) B3.2, C1.6; ARMv6-M ARM
//! (DDI 0419E) B3.2; Cortex-M7 TRM (DDI 0489) §3.

use super::common::{class, id_register, note_narrow, part, part_number};
use super::scs_ids::{self, Caches};
use super::{mpu, scs_exceptions as exceptions, scs_names};
use crate::{ParameterError, parameters};
use emu_core::cortex_m::Architecture;
use emu_core::cortex_m::trace::TRCENA;
use emu_core::cortex_m::{System, number};
use emu_core::{Access, Bus, Ctx, Device, NoticeKind, Ports, ResetCause, Width, device_state};
use exceptions::Lanes;
use serde::{Deserialize, Serialize};

const CPUID: u32 = 0x000;
const ICSR: u32 = 0x004;
const VTOR: u32 = 0x008;
const AIRCR: u32 = 0x00C;
const SCR: u32 = 0x010;
const CCR: u32 = 0x014;
const SHPR1: u32 = 0x018;
const SHPR3: u32 = 0x020;
const SHCSR: u32 = 0x024;
const CFSR: u32 = 0x028;
const HFSR: u32 = 0x02C;
const DFSR: u32 = 0x030;
const MMFAR: u32 = 0x034;
const BFAR: u32 = 0x038;
const AFSR: u32 = 0x03C;
const ID_FIRST: u32 = 0x040;
const ID_LAST: u32 = 0x074;
const CLIDR: u32 = 0x078;
const CTR: u32 = 0x07C;
const CCSIDR: u32 = 0x080;
const CSSELR: u32 = 0x084;
const CPACR: u32 = 0x088;
const DHCSR: u32 = 0x0F0;
const DCRSR: u32 = 0x0F4;
const DCRDR: u32 = 0x0F8;
const DEMCR: u32 = 0x0FC;
const STIR: u32 = 0x200;
const FPCCR: u32 = 0x234;
const FPCAR: u32 = 0x238;
const FPDSCR: u32 = 0x23C;
const MVFR0: u32 = 0x240;
const MVFR2: u32 = 0x248;
const ICIALLU: u32 = 0x250;
const BPIALL: u32 = 0x278;
const ITCMCR: u32 = 0x290;
const ABFSR: u32 = 0x2A8;
const ID_BLOCK: u32 = 0x2D0;

/// SCR: SEVONPEND, SLEEPDEEP, SLEEPONEXIT.
const SCR_MASK: u32 = 0x16;
/// CCR: STKALIGN, BFHFNMIGN, DIV_0_TRP, UNALIGN_TRP, USERSETMPEND, NONBASETHRDENA.
const CCR_MASK: u32 = 0x31B;
/// CCR of the M7: also IC and DC; STKALIGN and BP read as one (M7 TRM §3.3.3).
const CCR_MASK_M7: u32 = 0x3_031B;
const CCR_ONES_M7: u32 = 0x4_0200;
/// CFSR: MMFSR 0xBB, BFSR 0xBF, UFSR 0x30F (B3.2.15).
const CFSR_MASK: u32 = 0x030F_BFBB;
/// UFSR.STKOF of ARMv8-M (DDI 0553 D1.2.264).
const CFSR_STKOF: u32 = 1 << 20;
/// CCR of ARMv8-M: STKALIGN and NONBASETHRDENA are RES1 (DDI 0553 D1.2.9).
const CCR_ONES_V8M: u32 = 0x201;
/// HFSR: DEBUGEVT, FORCED, VECTTBL.
const HFSR_MASK: u32 = 0xC000_0002;
/// DEMCR bits of ARMv7-M and of ARMv6-M (DWTENA, VC_HARDERR, VC_CORERESET).
const DEMCR_V7M: u32 = 0x010F_07F1;
const DEMCR_V6M: u32 = 0x0100_0401;
const MON_PEND: u32 = 1 << 17;
const MON_STEP: u32 = 1 << 18;
/// FPCCR: ASPEN, LSPEN, MONRDY, BFRDY, MMRDY, HFRDY, THREAD, USER, LSPACT (B3.2.21).
const FPCCR_MASK: u32 = 0xC000_017B;
/// FPDSCR: AHP, DN, FZ, RMode.
const FPDSCR_MASK: u32 = 0x07C0_0000;

/// Output port.
const OUT_TRCENA: usize = 0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Bits of VTOR that can be written; by default as the core has them.
    vtor_mask: Option<u32>,
    /// The FPU has double precision (M7).
    fpu_double: bool,
    /// Size of the instruction cache in KiB (M7).
    icache_kib: u32,
    /// Size of the data cache in KiB (M7).
    dcache_kib: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters {
            vtor_mask: None,
            fpu_double: true,
            icache_kib: 0,
            dcache_kib: 0,
        }
    }
}

/// The register block.
#[derive(Serialize, Deserialize)]
pub struct Scs {
    vtor_mask: Option<u32>,
    fpu_double: bool,
    caches: Caches,
    csselr: u32,
    dcrdr: u32,
    /// DHCSR.S_RESET_ST: a reset since it was last read.
    was_reset: bool,
    /// ITCMCR to ABFSR of the M7.
    m7_control: [u32; 7],
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    for (name, kib) in [("icache_kib", p.icache_kib), ("dcache_kib", p.dcache_kib)] {
        if kib != 0 && !(kib.is_power_of_two() && (4..=64).contains(&kib)) {
            return Err(ParameterError(format!(
                "{name} = {kib}: a Cortex-M7 cache has 4, 8, 16, 32 or 64 KiB, or 0 for none"
            )));
        }
    }
    Ok(Box::new(Scs {
        vtor_mask: p.vtor_mask,
        fpu_double: p.fpu_double,
        caches: Caches {
            instruction: p.icache_kib,
            data: p.dcache_kib,
        },
        csselr: 0,
        dcrdr: 0,
        was_reset: true,
        m7_control: [0; 7],
    }))
}

/// Bits of VTOR that a core has.
fn vtor_mask(cpuid: u32) -> u32 {
    match part_number(cpuid) {
        part::M0 => 0,               // no VTOR (DDI 0432)
        part::M0PLUS => 0xFFFF_FF00, // DDI 0484, bits 31:8
        // Before r2p1 bits 31:30 do not exist (DDI 0337, VTOR).
        part::M3 if (cpuid >> 16 & 0xF0) | (cpuid & 0xF) < 0x21 => 0x3FFF_FF80,
        _ => 0xFFFF_FF80,
    }
}

impl Scs {
    fn ccr(s: &System) -> u32 {
        if part_number(s.cpuid) == part::M7 {
            s.ccr | CCR_ONES_M7
        } else {
            s.ccr
        }
    }

    fn read_word(&mut self, register: u32, ctx: &mut Ctx<'_>) -> u32 {
        let debug = ctx.is_debug();
        let s = ctx.system();
        let core = part_number(s.cpuid);
        match register {
            CPUID => return s.cpuid,
            ICSR => return exceptions::icsr(s),
            VTOR => return s.vtor,
            AIRCR => return exceptions::VECTKEYSTAT | u32::from(s.prigroup) << 8,
            SCR => return s.scr,
            CCR => return Self::ccr(s),
            SHPR1..=SHPR3 => {
                let first = 4 + (register - SHPR1) as u16;
                return (0..4).fold(0, |w, i| {
                    w | u32::from(s.priority_byte(first + i)) << (8 * i)
                });
            }
            SHCSR => return exceptions::shcsr(s),
            DFSR => return s.dfsr,
            mpu::TYPE..mpu::END => return mpu::read(register, s),
            DHCSR => {
                // S_RETIRE_ST and S_REGRDY, no debugger; S_RESET_ST is cleared by reading (C1.6.2).
                let was_reset = self.was_reset;
                self.was_reset &= debug;
                return 0x0101_0000 | u32::from(was_reset) << 25;
            }
            DCRDR => return self.dcrdr,
            DEMCR => {
                let pending = u32::from(s.is_pending(number::DEBUG_MONITOR)) * MON_PEND;
                return s.demcr | pending;
            }
            ID_BLOCK.. => {
                return id_register(register + 0xD00, scs_ids::scs_part(core), class::GENERIC_IP)
                    .unwrap_or(0);
            }
            _ if !s.is_v7m() => return 0,
            _ => {}
        }
        match register {
            CFSR => s.cfsr,
            HFSR => s.hfsr,
            MMFAR => s.mmfar,
            BFAR => s.bfar,
            AFSR => s.afsr,
            ID_FIRST..=ID_LAST => scs_ids::feature(register, core),
            CLIDR => self.caches.clidr(),
            CTR => self.caches.ctr(),
            CCSIDR => self.caches.ccsidr(self.csselr),
            CSSELR => self.csselr,
            CPACR => s.cpacr,
            FPCCR => s.fpccr,
            FPCAR => s.fpcar,
            FPDSCR => s.fpdscr,
            MVFR0..=MVFR2 if s.has_fpu => {
                scs_ids::media((register - MVFR0) / 4, core, self.fpu_double)
            }
            ITCMCR..=ABFSR if core == part::M7 => {
                self.m7_control[((register - ITCMCR) / 4) as usize]
            }
            _ => 0,
        }
    }

    /// Registers that ARMv6-M has, too. Returns `false` when the register is not one of them.
    fn write_common(&mut self, register: u32, w: Lanes, ctx: &mut Ctx<'_>) -> bool {
        let now = ctx.now();
        match register {
            ICSR => exceptions::write_icsr(w.bits, ctx),
            VTOR => {
                let s = ctx.system();
                let mask = self.vtor_mask.unwrap_or(vtor_mask(s.cpuid));
                s.vtor = w.merge(s.vtor) & mask;
                if mask == 0 && w.bits != 0 {
                    ctx.note(
                        NoticeKind::Misuse,
                        "VTOR does not exist in this core, ignored",
                    );
                }
            }
            AIRCR => exceptions::write_aircr(w.bits, ctx),
            SCR => {
                let s = ctx.system();
                s.scr = w.merge(s.scr) & SCR_MASK;
            }
            SHPR1..=SHPR3 => {
                let first = 4 + (register - SHPR1) as u16;
                let s = ctx.system();
                for i in (0..4).filter(|i| w.lanes >> (8 * i) & 0xFF != 0) {
                    if exceptions::has_priority(first + i, s) {
                        s.set_priority_byte(first + i, (w.bits >> (8 * i)) as u8);
                    }
                }
            }
            SHCSR => exceptions::write_shcsr(w, ctx),
            DFSR => ctx.system().dfsr &= !w.bits,
            mpu::TYPE..mpu::END => {
                let value = w.merge(mpu::read(register, ctx.system()));
                if let Err(what) = mpu::write(register, value, ctx.system()) {
                    ctx.note(NoticeKind::Misuse, what);
                }
            }
            // The core cannot set C_DEBUGEN, and without it the rest has no effect (C1.6.2).
            DHCSR => {}
            DCRSR => ctx.note(
                NoticeKind::UnmodelledFeature,
                "DCRSR: register transfer from inside",
            ),
            DCRDR => self.dcrdr = w.merge(self.dcrdr),
            DEMCR => {
                let s = ctx.system();
                let mask = if s.is_v7m() { DEMCR_V7M } else { DEMCR_V6M };
                let pending = u32::from(s.is_pending(number::DEBUG_MONITOR)) * MON_PEND;
                let value = w.merge(s.demcr | pending) & mask;
                s.demcr = value & !MON_PEND;
                s.refresh();
                s.trace_changed(now);
                if value & MON_PEND != pending {
                    ctx.set_exception_pending(number::DEBUG_MONITOR, value & MON_PEND != 0);
                }
                if value & MON_STEP != 0 {
                    ctx.note(NoticeKind::UnmodelledFeature, "DEMCR.MON_STEP");
                }
                ctx.output(OUT_TRCENA, u32::from(value & TRCENA != 0));
            }
            _ => return false,
        }
        true
    }

    fn write_v7m(&mut self, register: u32, w: Lanes, ctx: &mut Ctx<'_>) {
        let s = ctx.system();
        let core = part_number(s.cpuid);
        match register {
            CCR => {
                let mask = if core == part::M7 {
                    CCR_MASK_M7
                } else {
                    CCR_MASK
                };
                s.ccr = w.merge(s.ccr) & mask;
                if s.architecture == Architecture::V8M {
                    s.ccr |= CCR_ONES_V8M;
                }
                s.permissions_changed = true;
            }
            CFSR if s.architecture == Architecture::V8M => {
                s.cfsr &= !(w.bits & (CFSR_MASK | CFSR_STKOF));
            }
            CFSR => s.cfsr &= !(w.bits & CFSR_MASK),
            HFSR => s.hfsr &= !(w.bits & HFSR_MASK),
            MMFAR => s.mmfar = w.merge(s.mmfar),
            BFAR => s.bfar = w.merge(s.bfar),
            AFSR => s.afsr &= !w.bits,
            CSSELR => self.csselr = w.merge(self.csselr) & 0xF,
            // CP10 and CP11 (B3.2.20).
            CPACR if s.has_fpu => s.cpacr = w.merge(s.cpacr) & 0x00F0_0000,
            STIR => {
                let n = number::IRQ0 + (w.bits & 0x1FF) as u16;
                if n < number::IRQ0 + s.irq_count {
                    ctx.set_exception_pending(n, true);
                }
            }
            FPCCR if s.has_fpu => s.fpccr = w.merge(s.fpccr) & FPCCR_MASK,
            FPCAR if s.has_fpu => s.fpcar = w.merge(s.fpcar) & !7,
            FPDSCR if s.has_fpu => s.fpdscr = w.merge(s.fpdscr) & FPDSCR_MASK,
            // Memory is always coherent: cache and branch predictor maintenance has nothing to do.
            ICIALLU..=BPIALL if core == part::M7 => {}
            ITCMCR..=ABFSR if core == part::M7 => {
                let reg = &mut self.m7_control[((register - ITCMCR) / 4) as usize];
                *reg = w.merge(*reg);
                let what = format!("{} has no effect", scs_names::name(register).unwrap_or("?"));
                ctx.note(NoticeKind::UnmodelledFeature, &what);
            }
            CPACR | FPCCR | FPCAR | FPDSCR => {
                ctx.note(
                    NoticeKind::Misuse,
                    "FPU control: this core has no FPU, ignored",
                );
            }
            _ => {}
        }
    }
}

impl Device for Scs {
    fn ports(&self) -> Ports {
        Ports {
            outputs: Ports::names(&["trcena"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.csselr = 0;
        self.m7_control = [0; 7];
        self.was_reset = true;
        if ctx.reset_cause() == ResetCause::PowerOn {
            // Debug registers keep their value over a system reset (C1.6.5).
            self.dcrdr = 0;
            let now = ctx.now();
            let s = ctx.system();
            s.demcr = 0;
            s.trace_changed(now);
            s.refresh();
            ctx.output(OUT_TRCENA, 0);
        }
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let word = self.read_word(offset & !3, ctx);
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        let register = offset & !3;
        let w = Lanes {
            bits: width.spread(offset, value),
            lanes: width.spread(offset, u32::MAX),
        };
        let is_v7m = ctx.system().is_v7m();
        let narrow_ok = is_v7m && matches!(register, SHPR1..=SHPR3 | CFSR);
        if width != Width::Word
            && !narrow_ok
            && let Some(name) = scs_names::name(register)
        {
            note_narrow(ctx, name, width);
        }
        if !self.write_common(register, w, ctx) && is_v7m {
            self.write_v7m(register, w, ctx);
        }
    }

    fn access(&self, offset: u32, write: bool, _bus: &Bus) -> Access {
        // ICSR shows what the core is doing right now.
        if write || offset & !3 == ICSR {
            Access::Sync
        } else {
            Access::Plain
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        scs_names::name(offset).map(str::to_owned)
    }

    device_state!();
}

#[cfg(test)]
#[path = "scs_tests.rs"]
mod tests;
