//! `stm32.crc`: CRC calculation unit with a fixed polynomial (RM0090 chapter 4).
//!
//! Modelled: CRC-32 (polynomial 0x04C11DB7, not reflected) over words, reset, the free byte IDR.
//!
//! Not modelled: the four AHB cycles of a calculation, during which a read would wait.

use super::registers;
use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, NoticeKind, Ports, Width};
use serde::{Deserialize, Serialize};

const DR: u32 = 0x0;
const IDR: u32 = 0x4;
const CR: u32 = 0x8;
const NAMES: &[(u32, &str)] = &[(DR, "DR"), (IDR, "IDR"), (CR, "CR")];
/// RM0090 §4.2.
const POLYNOMIAL: u32 = 0x04C1_1DB7;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

#[derive(Serialize, Deserialize)]
struct Crc {
    dr: u32,
    idr: u32,
}

/// Makes the device.
pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let _: Parameters = parameters(table)?;
    Ok(Box::new(Crc { dr: !0, idr: 0 }))
}

fn step(crc: u32, word: u32) -> u32 {
    (0..32).fold(crc ^ word, |c, _| {
        (c << 1) ^ if c >> 31 != 0 { POLYNOMIAL } else { 0 }
    })
}

impl Device for Crc {
    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        (self.dr, self.idr) = (!0, 0);
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let word = match offset & !3 {
            DR => self.dr,
            IDR => self.idr,
            CR => 0,
            _ => {
                registers::reserved(ctx, offset);
                0
            }
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        match offset & !3 {
            DR => {
                if width != Width::Word {
                    ctx.note(NoticeKind::Misuse, "DR takes words only");
                }
                self.dr = step(self.dr, value);
            }
            IDR => self.idr = width.merge(self.idr, offset, value) & 0xFF,
            CR => {
                if width.spread(offset, value) & 1 != 0 {
                    self.dr = !0;
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // CRC-32/MPEG-2 of "1234" "5678" as big-endian words, and of one zero word.
        assert_eq!(step(!0, 0), 0xC704_DD7B);
        assert_eq!(step(step(!0, 0x3132_3334), 0x3536_3738), mpeg2(b"12345678"));
    }

    /// The same sum, byte by byte as published.
    fn mpeg2(bytes: &[u8]) -> u32 {
        bytes.iter().fold(!0, |crc, &b| {
            (0..8).fold(crc ^ u32::from(b) << 24, |c: u32, _| {
                if c >> 31 != 0 {
                    c << 1 ^ POLYNOMIAL
                } else {
                    c << 1
                }
            })
        })
    }
}
