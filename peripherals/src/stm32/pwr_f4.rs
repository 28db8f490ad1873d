//! `stm32.pwr.f4`: power control of STM32F405/407/415/417 (RM0090 §5.4).
//!
//! Modelled: CR and CSR with their write rules, the backup domain write protection (output `dbp`),
//! the ready bits of the voltage scaling and of the backup regulator, the clear bits, and the limit
//! of HCLK in scale 2. VOSRDY is set out of reset, as firmware that polls it right away expects (the
//! manual's reset value has it clear and gives no time).
//!
//! Not modelled: Stop and Standby modes (CR.LPDS, PDDS, FPDS and CSR.EWUP are stored only, noted
//! when PDDS is set), so WUF and SBF stay 0; the supply never sags, so PVDE and PLS are stored only and PVDO stays 0.

use super::deadline::Deadline;
use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, NoticeKind, Ports, ResetCause, Width};
use serde::{Deserialize, Serialize};

const CR: u32 = 0x0;
const CSR: u32 = 0x4;
const NAMES: &[(u32, &str)] = &[(CR, "CR"), (CSR, "CSR")];

// PWR_CR (RM0090 §5.4.1).
const PDDS: u32 = 1 << 1;
const DBP: u32 = 1 << 8;
const VOS: u32 = 1 << 14;
const CR_MASK: u32 = 0x0000_43F3;
const CR_RESET: u32 = VOS;
// PWR_CSR (RM0090 §5.4.2).
const BRR: u32 = 1 << 3;
const EWUP: u32 = 1 << 8;
const BRE: u32 = 1 << 9;
const VOSRDY: u32 = 1 << 14;

const READY: u32 = 0;
/// DS8626, general operating conditions: HCLK with VOS = 0.
const SCALE_2_MAX: u64 = 144_000_000;

/// Parameters in the machine file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// From a change of VOS to VOSRDY. The manual and the data sheet give no figure.
    vos_ready_ns: u64,
}

#[derive(Serialize, Deserialize)]
struct Pwr {
    p: Parameters,
    cr: u32,
    /// EWUP and BRE.
    csr: u32,
    vos_due: Option<Deadline>,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    Ok(Box::new(Pwr {
        p: parameters(table)?,
        cr: CR_RESET,
        csr: 0,
        vos_due: None,
    }))
}

impl Pwr {
    fn value(&self, offset: u32) -> Option<u32> {
        match offset & !3 {
            CR => Some(self.cr),
            CSR => {
                let backup = if self.csr & BRE != 0 { BRR } else { 0 };
                let vos = if self.vos_due.is_none() { VOSRDY } else { 0 };
                Some(self.csr | backup | vos)
            }
            _ => None,
        }
    }

    fn plan(&mut self, ctx: &mut Ctx<'_>) {
        let hz = ctx.clock_hz(0);
        let at = self.vos_due.map(|d| d.cycle(ctx, hz));
        ctx.schedule_or_cancel(READY, at);
    }

    fn check_scale(&self, ctx: &mut Ctx<'_>) {
        let hz = ctx.nominal_hz(0);
        if self.cr & VOS == 0 && hz.num() > SCALE_2_MAX * hz.den() {
            ctx.note(
                NoticeKind::Misuse,
                "CR.VOS = 0 (scale 2) allows an HCLK of up to 144 MHz only",
            );
        }
    }
}

impl Device for Pwr {
    fn ports(&self) -> Ports {
        Ports {
            outputs: Ports::names(&["dbp"]),
            clocks: Ports::names(&["HCLK"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.cr = CR_RESET;
        // BRE is in the backup domain (RM0090 §5.4.2).
        self.csr &= BRE;
        if ctx.reset_cause() == ResetCause::PowerOn {
            self.csr = 0;
        }
        self.vos_due = None;
        self.plan(ctx);
        ctx.output(0, 0);
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
        if offset & !3 == CSR {
            self.csr = new & (EWUP | BRE);
            return;
        }
        let changed = self.cr ^ new;
        self.cr = new & CR_MASK;
        if changed & VOS != 0 && self.p.vos_ready_ns != 0 {
            self.vos_due = Some(Deadline::after_ns(ctx, self.p.vos_ready_ns));
            self.plan(ctx);
        }
        if changed & DBP != 0 {
            ctx.output(0, u32::from(new & DBP != 0));
        }
        if changed & new & PDDS != 0 {
            ctx.note(NoticeKind::UnmodelledFeature, "CR.PDDS: Standby mode");
        }
        self.check_scale(ctx);
    }

    fn event(&mut self, _tag: u32, _ctx: &mut Ctx<'_>) {
        self.vos_due = None;
    }

    fn clock_changed(&mut self, ctx: &mut Ctx<'_>) {
        self.plan(ctx);
        self.check_scale(ctx);
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
