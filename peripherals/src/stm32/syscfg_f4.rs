//! `stm32.syscfg.f4`: system configuration controller (RM0090 §9.2).
//!
//! Modelled: EXTICR1 to 4 and MEMRMP as outputs for EXTI and the memory map.
//!
//! Not modelled: PMC (Ethernet interface) and CMPCR (I/O compensation cell) are stored; the cell is
//! ready as soon as it is on. MEMRMP moves memory only when something is wired to `mem_mode`.

use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, NoticeKind, Ports, Width};
use serde::{Deserialize, Serialize};

const MEMRMP: u32 = 0x00;
const PMC: u32 = 0x04;
const EXTICR1: u32 = 0x08;
const EXTICR4: u32 = 0x14;
const CMPCR: u32 = 0x20;
const NAMES: &[(u32, &str)] = &[
    (MEMRMP, "MEMRMP"),
    (PMC, "PMC"),
    (EXTICR1, "EXTICR1"),
    (0x0C, "EXTICR2"),
    (0x10, "EXTICR3"),
    (EXTICR4, "EXTICR4"),
    (CMPCR, "CMPCR"),
];
/// Position of `mem_mode` in the outputs.
const MEM_MODE: usize = 4;
/// CMPCR.READY (RM0090 §9.2.7).
const CMP_READY: u32 = 1 << 8;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

#[derive(Default, Serialize, Deserialize)]
struct Syscfg {
    memrmp: u32,
    pmc: u32,
    exticr: [u32; 4],
    cmpcr: u32,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let _: Parameters = parameters(table)?;
    Ok(Box::new(Syscfg::default()))
}

impl Syscfg {
    fn value(&self, offset: u32) -> Option<u32> {
        Some(match offset & !3 {
            MEMRMP => self.memrmp,
            PMC => self.pmc,
            o @ EXTICR1..=EXTICR4 => self.exticr[((o - EXTICR1) / 4) as usize],
            CMPCR if self.cmpcr & 1 != 0 => self.cmpcr | CMP_READY,
            CMPCR => 0,
            _ => return None,
        })
    }
}

impl Device for Syscfg {
    fn ports(&self) -> Ports {
        Ports {
            outputs: Ports::names(&["exticr1", "exticr2", "exticr3", "exticr4", "mem_mode"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        *self = Syscfg::default();
        for i in 0..=MEM_MODE {
            ctx.output(i, 0);
        }
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
            MEMRMP => {
                self.memrmp = new & 3;
                if self.memrmp != 0 && !ctx.is_wired(MEM_MODE) {
                    ctx.note(NoticeKind::UnmodelledFeature, "MEMRMP.MEM_MODE");
                }
                ctx.output(MEM_MODE, self.memrmp);
            }
            PMC => self.pmc = new & (1 << 23),
            CMPCR => self.cmpcr = new & 1,
            o => {
                let i = ((o - EXTICR1) / 4) as usize;
                self.exticr[i] = new & 0xFFFF;
                ctx.output(i, self.exticr[i]);
            }
        }
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
