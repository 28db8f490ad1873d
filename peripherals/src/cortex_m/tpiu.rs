//! Trace port interface unit.
//!
//! Modelled: the registers that firmware or a debugger sets up keep their values. Not modelled: the
//! trace output (what the ITM is given is recorded at the stimulus port).
//!
//! Window: 0xE0040000, 4 KiB. Source: ARMv7-M ARM (DDI 0403E) C1.10, Cortex-M4 TRM (DDI 0439) §11.

use super::common::{class, id_register, part, part_number};
use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, Ports, ResetCause, Width, device_state};
use serde::{Deserialize, Serialize};

/// Registers that can be written: offset, name, writable bits, reset value.
const REGISTERS: [(u32, &str, u32, u32); 4] = [
    (0x004, "CSPSR", 0xFFFF_FFFF, 1),
    (0x010, "ACPR", 0x1FFF, 0),
    (0x0F0, "SPPR", 0x3, 1),
    (0x304, "FFCR", 0x2, 0x102),
];

/// Supported port sizes: one to four bits.
const SSPSR: (u32, u32) = (0x000, 0xB);
/// FFSR: the formatter never stops.
const FFSR: (u32, u32) = (0x300, 0x8);
/// DEVID and DEVTYPE (M4 TRM table 11-4).
const DEVID: (u32, u32) = (0xFC8, 0xCA1);
const DEVTYPE: (u32, u32) = (0xFCC, 0x11);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {}

/// The unit.
#[derive(Serialize, Deserialize)]
pub struct Tpiu {
    values: [u32; REGISTERS.len()],
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let Parameters {} = parameters(table)?;
    Ok(Box::new(Tpiu {
        values: REGISTERS.map(|r| r.3),
    }))
}

fn index(register: u32) -> Option<usize> {
    REGISTERS.iter().position(|r| r.0 == register)
}

impl Device for Tpiu {
    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.reset_cause() == ResetCause::PowerOn {
            self.values = REGISTERS.map(|r| r.3);
        }
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        let constant = [SSPSR, FFSR, DEVID, DEVTYPE]
            .into_iter()
            .find(|c| c.0 == register);
        let word = match (index(register), constant) {
            (Some(i), _) => self.values[i],
            (None, Some((_, value))) => value,
            _ => {
                let unit = match part_number(ctx.system().cpuid) {
                    part::M3 => 0x923,
                    part::M7 => 0x9A9,
                    _ => 0x9A1,
                };
                id_register(register, unit, class::CORESIGHT).unwrap_or(0)
            }
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, _ctx: &mut Ctx<'_>) {
        if let Some(i) = index(offset & !3) {
            let (_, _, mask, reset) = REGISTERS[i];
            let merged = width.merge(self.values[i], offset, value);
            self.values[i] = (merged & mask) | (reset & !mask);
        }
    }

    fn access(&self, _offset: u32, _write: bool, _bus: &Bus) -> Access {
        Access::Plain
    }

    fn register(&self, offset: u32) -> Option<String> {
        index(offset).map(|i| REGISTERS[i].1.to_owned())
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use crate::cortex_m::testing::Rig;

    #[test]
    fn settings_are_kept() {
        let mut r = Rig::m4();
        r.add("cortex_m.tpiu", 0xE004_0000, "");
        r.write(0x0F0, 0xFE);
        r.write(0x304, 0);
        assert_eq!((r.read(0x0F0), r.read(0x304)), (2, 0x100));
        assert_eq!((r.read(0xFC8), r.read(0xFE0)), (0xCA1, 0xA1));
    }
}
