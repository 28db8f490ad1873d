//! `stm32.uid`: the factory words of the system memory: unique id, flash size and ADC calibration
//! (RM0090 §39.1, §39.2; DS8626).
//!
//! Modelled: read-only words as parameters; the base is the address of the unique id
//! (0x1FFF7A10 on STM32F4), the flash size is the half-word at +0x12.
//!
//! Not modelled: the boot loader around them.

use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, NoticeKind, Ports, Width};
use serde::{Deserialize, Serialize};

/// Parameters in the machine file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// The three words of the 96-bit id.
    uid: [u32; 3],
    /// Flash size in KiB.
    flash_kb: u16,
    /// Where the flash size is, from the id.
    flash_offset: u32,
    /// Raw ADC data of the internal reference at 3.3 V, at +0x1A.
    vrefint_cal: u16,
    /// Raw ADC data of the temperature sensor at 30 °C, at +0x1C.
    ts_cal1: u16,
    /// Raw ADC data of the temperature sensor at 110 °C, at +0x1E.
    ts_cal2: u16,
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters {
            // X 0x24, Y 0x31 on the wafer; wafer 7, lot in ASCII.
            uid: [0x0031_0024, 0x3451_0107, 0x3430_3537],
            flash_kb: 1024,
            flash_offset: 0x12,
            // DS8626: 1.21 V, and 0.76 V at 25 °C with 2.5 mV/°C, as 12-bit data at 3.3 V.
            vrefint_cal: 1501,
            ts_cal1: 958,
            ts_cal2: 1206,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Uid {
    p: Parameters,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    Ok(Box::new(Uid {
        p: parameters(table)?,
    }))
}

impl Uid {
    fn byte(&self, offset: u32) -> u8 {
        let half = |v: u16, base: u32| v.to_le_bytes()[(offset - base) as usize & 1];
        if offset < 12 {
            self.p.uid[(offset / 4) as usize].to_le_bytes()[(offset & 3) as usize]
        } else if offset.wrapping_sub(self.p.flash_offset) < 2 {
            half(self.p.flash_kb, self.p.flash_offset)
        } else {
            match offset {
                0x1A | 0x1B => half(self.p.vrefint_cal, 0x1A),
                0x1C | 0x1D => half(self.p.ts_cal1, 0x1C),
                0x1E | 0x1F => half(self.p.ts_cal2, 0x1E),
                _ => 0xFF,
            }
        }
    }
}

impl Device for Uid {
    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}

    fn read(&mut self, offset: u32, width: Width, _ctx: &mut Ctx<'_>) -> u32 {
        (0..width.bytes()).rev().fold(0, |v, i| {
            v << 8 | u32::from(self.byte(offset.wrapping_add(i)))
        })
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, ctx: &mut Ctx<'_>) {
        ctx.note(NoticeKind::Misuse, "write to read-only memory");
    }

    fn access(&self, _offset: u32, _write: bool, _bus: &Bus) -> Access {
        Access::Plain
    }

    fn register(&self, offset: u32) -> Option<String> {
        match offset & !3 {
            o @ (0 | 4 | 8) => Some(format!("UID{}", o / 4)),
            o if o == self.p.flash_offset & !3 => Some("FLASH_SIZE".to_owned()),
            _ => None,
        }
    }

    emu_core::device_state!();
}
