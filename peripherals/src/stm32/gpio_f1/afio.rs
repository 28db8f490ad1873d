//! `stm32.afio.f1`: alternate function remapping and EXTI source selection (RM0008 §9.4).
//!
//! Modelled: EXTICR1 to 4 as outputs for EXTI; MAPR as an output for the ports.
//!
//! Not modelled: EVCR (EVENTOUT) and MAPR2 are stored; MAPR.SWJ_CFG is write-only and changes no pin; remaps that do
//! not concern pins (ADC triggers, TIM5 channel 4).

use crate::stm32::registers;
use crate::{ParameterError, parameters};
use emu_core::{Ctx, Device, NoticeKind, Ports, Width};
use serde::{Deserialize, Serialize};

const EVCR: u32 = 0x00;
const MAPR: u32 = 0x04;
const EXTICR1: u32 = 0x08;
const EXTICR4: u32 = 0x14;
const MAPR2: u32 = 0x1C;
const NAMES: &[(u32, &str)] = &[
    (EVCR, "EVCR"),
    (MAPR, "MAPR"),
    (EXTICR1, "EXTICR1"),
    (0x0C, "EXTICR2"),
    (0x10, "EXTICR3"),
    (EXTICR4, "EXTICR4"),
    (MAPR2, "MAPR2"),
];
/// Position of `mapr` in the outputs.
const MAPR_OUTPUT: usize = 4;
/// Bits of MAPR without SWJ_CFG, which reads as it pleases (RM0008 §9.4.2).
const MAPR_STORED: u32 = 0x001F_FFFF;
/// EVCR.EVOE.
const EVOE: u32 = 1 << 7;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

#[derive(Default, Serialize, Deserialize)]
struct Afio {
    evcr: u32,
    mapr: u32,
    exticr: [u32; 4],
    mapr2: u32,
}

/// Makes the device.
pub(in crate::stm32) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let _: Parameters = parameters(table)?;
    Ok(Box::new(Afio::default()))
}

impl Afio {
    fn value(&self, offset: u32) -> Option<u32> {
        Some(match offset & !3 {
            EVCR => self.evcr,
            MAPR => self.mapr,
            o @ EXTICR1..=EXTICR4 => self.exticr[((o - EXTICR1) / 4) as usize],
            MAPR2 => self.mapr2,
            _ => return None,
        })
    }
}

impl Device for Afio {
    fn ports(&self) -> Ports {
        Ports {
            outputs: Ports::names(&["exticr1", "exticr2", "exticr3", "exticr4", "mapr"]),
            ..Ports::default()
        }
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        *self = Afio::default();
        for i in 0..=MAPR_OUTPUT {
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
            EVCR => {
                self.evcr = new & 0xFF;
                if new & EVOE != 0 {
                    ctx.note(NoticeKind::UnmodelledFeature, "EVCR.EVOE");
                }
            }
            MAPR => {
                self.mapr = new & MAPR_STORED;
                ctx.output(MAPR_OUTPUT, self.mapr);
            }
            MAPR2 => self.mapr2 = new,
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
