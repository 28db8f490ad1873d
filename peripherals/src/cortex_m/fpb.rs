//! Flash patch and breakpoint unit (breakpoint unit in ARMv6-M).
//!
//! Modelled: FP_CTRL with the numbers of comparators and its key, FP_REMAP and the comparators as
//! storage. Not modelled: breakpoints and remapping by the comparators (noted when one is enabled).
//!
//! Window: 0xE0002000, 4 KiB. Source: ARMv7-M ARM (DDI 0403E) C1.11, Cortex-M7 TRM (DDI 0489) §10.

use super::common::{class, id_register, part, part_number};
use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, NoticeKind, Ports, ResetCause, Width, device_state};
use serde::{Deserialize, Serialize};

const CTRL: u32 = 0x000;
const REMAP: u32 = 0x004;
const COMP0: u32 = 0x008;
/// FP_CTRL.KEY: without it a write is ignored.
const KEY: u32 = 2;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Instruction comparators; by default 6 (M3, M4), 8 (M7) or 4 (ARMv6-M).
    code: Option<u32>,
    /// Literal comparators; by default 2 (M3, M4) or none.
    literal: Option<u32>,
}

/// The unit.
#[derive(Serialize, Deserialize)]
pub struct Fpb {
    code: Option<u32>,
    literal: Option<u32>,
    enabled: bool,
    remap: u32,
    comparator: Vec<u32>,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    if p.code.unwrap_or(0) > 127 || p.literal.unwrap_or(0) > 15 {
        return Err(ParameterError(
            "FP_CTRL holds at most 127 code and 15 literal comparators".to_owned(),
        ));
    }
    Ok(Box::new(Fpb {
        code: p.code,
        literal: p.literal,
        enabled: false,
        remap: 0,
        comparator: Vec::new(),
    }))
}

impl Fpb {
    /// Numbers of code and literal comparators, and FP_CTRL.REV.
    fn shape(&self, core: u32) -> (u32, u32, u32) {
        let (code, literal, revision) = match core {
            part::M7 => (8, 0, 1),
            part::M0 | part::M0PLUS => (4, 0, 0),
            _ => (6, 2, 0),
        };
        (
            self.code.unwrap_or(code),
            self.literal.unwrap_or(literal),
            revision,
        )
    }
}

impl Device for Fpb {
    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.reset_cause() == ResetCause::PowerOn {
            let (code, literal, _) = self.shape(part_number(ctx.system().cpuid));
            self.comparator = vec![0; (code + literal) as usize];
            (self.enabled, self.remap) = (false, 0);
        }
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        let core = part_number(ctx.system().cpuid);
        let word = match register {
            CTRL => {
                let (code, literal, revision) = self.shape(core);
                revision << 28
                    | (code >> 4) << 12
                    | literal << 8
                    | (code & 0xF) << 4
                    | u32::from(self.enabled)
            }
            REMAP => self.remap,
            _ => {
                let i = ((register - COMP0) / 4) as usize;
                let unit = match core {
                    part::M7 => 0x00E,
                    part::M0 | part::M0PLUS => 0x00B,
                    _ => 0x003,
                };
                self.comparator
                    .get(i)
                    .copied()
                    .or_else(|| id_register(register, unit, class::GENERIC_IP))
                    .unwrap_or(0)
            }
        };
        width.extract(word, offset)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        match offset & !3 {
            CTRL if value & KEY != 0 => self.enabled = value & 1 != 0,
            CTRL => ctx.note(NoticeKind::Misuse, "FP_CTRL: write without KEY, ignored"),
            REMAP => self.remap = width.merge(self.remap, offset, value) & 0x1FFF_FFE0,
            register => {
                if let Some(c) = self.comparator.get_mut(((register - COMP0) / 4) as usize) {
                    *c = width.merge(*c, offset, value);
                }
            }
        }
        if self.enabled && self.comparator.iter().any(|c| c & 1 != 0) {
            ctx.note(
                NoticeKind::UnmodelledFeature,
                "an enabled comparator has no effect",
            );
        }
    }

    fn access(&self, _offset: u32, _write: bool, _bus: &Bus) -> Access {
        Access::Plain
    }

    fn register(&self, offset: u32) -> Option<String> {
        Some(match offset {
            CTRL => "FP_CTRL".to_owned(),
            REMAP => "FP_REMAP".to_owned(),
            _ => {
                let i = (offset - COMP0) / 4;
                if i as usize >= self.comparator.len() {
                    return None;
                }
                format!("FP_COMP{i}")
            }
        })
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    #[test]
    fn control_tells_the_comparators_and_wants_its_key() {
        let mut r = Rig::m4();
        r.add("cortex_m.fpb", 0xE000_2000, "");
        assert_eq!(r.read(CTRL), 0x260);
        r.write(CTRL, 1);
        assert_eq!(r.read(CTRL), 0x260);
        r.write(CTRL, KEY | 1);
        assert_eq!(r.read(CTRL), 0x261);
        assert!(!r.noted("comparator"));
        r.write(COMP0 + 28, 0x4800_0101);
        assert_eq!(r.read(COMP0 + 28), 0x4800_0101);
        assert!(r.noted("comparator"));
        r.write(COMP0 + 32, 1);
        assert_eq!(r.read(COMP0 + 32), 0);
        r.bus.system.cpuid = 0x411F_C270;
        assert_eq!(r.read(CTRL), 0x1000_0081);
    }
}
