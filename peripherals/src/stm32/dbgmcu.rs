//! `stm32.dbgmcu`: device id and debug configuration (RM0090 §38.16, STM32F4).
//!
//! Modelled: IDCODE as a parameter; CR, APB1FZ and APB2FZ survive a system reset.
//!
//! Not modelled: CR, APB1FZ and APB2FZ are stored only: the machine stands still as a whole under a
//! debugger, so timers and watchdogs need no freezing, and sleep modes never stop the debugger.

use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, Ports, ResetCause, Width};
use serde::{Deserialize, Serialize};

const NAMES: &[(u32, &str)] = &[
    (0x0, "IDCODE"),
    (0x4, "CR"),
    (0x8, "APB1FZ"),
    (0xC, "APB2FZ"),
];
/// Bits of CR, APB1FZ and APB2FZ (RM0090 §38.16.3 to §38.16.5).
const MASKS: [u32; 3] = [0x0000_00E7, 0x06E0_1DFF, 0x0007_0003];

/// Parameters in the machine file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// DBGMCU_IDCODE.
    idcode: u32,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            // RM0090 §38.6.1: DEV_ID 0x413 (STM32F405/407/415/417), REV_ID 0x1007 (revision 2). The
            // reserved bits 15:12 read 6 on silicon, as debug probes print it.
            idcode: 0x1007_6413,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Dbgmcu {
    p: Parameters,
    stored: [u32; 3],
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    Ok(Box::new(Dbgmcu {
        p: parameters(table)?,
        stored: [0; 3],
    }))
}

impl Device for Dbgmcu {
    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        // Reset by power alone (RM0090 §38.16.3).
        if ctx.reset_cause() == ResetCause::PowerOn {
            self.stored = [0; 3];
        }
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let word = match offset & !3 {
            0 => self.p.idcode,
            o @ 4..=0xC => self.stored[(o / 4 - 1) as usize],
            _ => {
                registers::reserved(ctx, offset);
                0
            }
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        match offset & !3 {
            0 => {}
            o @ 4..=0xC => {
                let i = (o / 4 - 1) as usize;
                self.stored[i] = width.merge(self.stored[i], offset, value) & MASKS[i];
            }
            _ => registers::reserved(ctx, offset),
        }
    }

    fn access(&self, _offset: u32, _write: bool, _bus: &Bus) -> Access {
        Access::Plain
    }

    fn register(&self, offset: u32) -> Option<String> {
        registers::name(NAMES, offset)
    }

    emu_core::device_state!();
}
