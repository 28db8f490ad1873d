//! Registers of the memory protection unit (PMSAv7, and its ARMv6-M subset).
//!
//! Modelled: MPU_TYPE, MPU_CTRL, MPU_RNR, MPU_RBAR with VALID and REGION, MPU_RASR, and the three
//! alias pairs of ARMv7-M. What the regions permit is decided in the core, which reads the same state.
//! Source: ARMv7-M ARM (DDI 0403E) B3.5, ARMv6-M ARM (DDI 0419E) B3.5.

use emu_core::cortex_m::System;

pub(super) const TYPE: u32 = 0x090;
pub(super) const CTRL: u32 = 0x094;
pub(super) const RNR: u32 = 0x098;
const RBAR: u32 = 0x09C;
/// One past MPU_RASR_A3.
pub(super) const END: u32 = 0x0BC;

/// MPU_RBAR.VALID: take the region number from the low bits.
const VALID: u32 = 1 << 4;
/// Bits of MPU_RASR that exist: XN, AP, TEX, S, C, B, SRD, SIZE, ENABLE (B3.5.9).
const RASR_MASK: u32 = 0x173F_FF3F;

/// Is the register one of RBAR, RASR and their aliases, and which of the two?
fn pair(register: u32, system: &System) -> Option<bool> {
    let index = register.checked_sub(RBAR)? / 4;
    // The aliases A1 to A3 are ARMv7-M only.
    (index < 2 || system.is_v7m()).then_some(index % 2 == 0)
}

pub(super) fn read(register: u32, system: &System) -> u32 {
    let mpu = &system.mpu;
    if mpu.regions == 0 {
        return 0;
    }
    let region = mpu.rnr as usize;
    match register {
        TYPE => u32::from(mpu.regions) << 8,
        CTRL => mpu.ctrl,
        RNR => mpu.rnr,
        _ => match pair(register, system) {
            Some(true) => mpu.rbar.get(region).map_or(0, |b| b | (mpu.rnr & 0xF)),
            Some(false) => mpu.rasr.get(region).copied().unwrap_or(0),
            None => 0,
        },
    }
}

/// Write a word. The error says what the firmware did wrong.
pub(super) fn write(register: u32, value: u32, system: &mut System) -> Result<(), &'static str> {
    let alignment = if system.is_v7m() { 0x1F } else { 0xFF };
    let pair = pair(register, system);
    let mpu = &mut system.mpu;
    if mpu.regions == 0 {
        return Ok(());
    }
    let regions = u32::from(mpu.regions);
    match register {
        TYPE => return Ok(()),
        CTRL => mpu.ctrl = value & 7,
        RNR => {
            if value >= regions {
                return Err("MPU_RNR: the region does not exist (UNPREDICTABLE), ignored");
            }
            mpu.rnr = value;
        }
        _ => match pair {
            Some(true) => {
                if value & VALID != 0 {
                    if value & 0xF >= regions {
                        return Err("MPU_RBAR.REGION: the region does not exist, ignored");
                    }
                    mpu.rnr = value & 0xF;
                }
                if let Some(base) = mpu.rbar.get_mut(mpu.rnr as usize) {
                    *base = value & !alignment;
                }
            }
            Some(false) => {
                if let Some(size) = mpu.rasr.get_mut(mpu.rnr as usize) {
                    *size = value & RASR_MASK;
                }
            }
            None => return Ok(()),
        },
    }
    system.permissions_changed = true;
    Ok(())
}

/// Name of a register, for messages.
pub(super) fn name(register: u32) -> Option<&'static str> {
    Some(match register {
        TYPE => "MPU_TYPE",
        CTRL => "MPU_CTRL",
        RNR => "MPU_RNR",
        0x09C => "MPU_RBAR",
        0x0A0 => "MPU_RASR",
        0x0A4 => "MPU_RBAR_A1",
        0x0A8 => "MPU_RASR_A1",
        0x0AC => "MPU_RBAR_A2",
        0x0B0 => "MPU_RASR_A2",
        0x0B4 => "MPU_RBAR_A3",
        0x0B8 => "MPU_RASR_A3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;

    fn rig() -> Rig {
        let mut r = Rig::m4();
        r.add("cortex_m.scs", 0xE000_ED00, "");
        r
    }

    #[test]
    fn valid_selects_the_region() {
        let mut r = rig();
        assert_eq!(r.read(TYPE), 0x800);
        r.write(RNR, 2);
        r.write(0x09C, 0x2000_0000 | VALID | 5);
        r.write(0x0A0, 0x1300_0027);
        assert_eq!(r.read(RNR), 5);
        assert_eq!(
            r.read(0x09C),
            0x2000_0005,
            "VALID reads as zero, REGION as RNR"
        );
        assert_eq!(r.bus.system.mpu.rbar[5], 0x2000_0000);
        assert_eq!(r.bus.system.mpu.rasr[5], 0x1300_0027);
        r.write(0x09C, 0x2000_1003);
        assert_eq!(
            r.bus.system.mpu.rbar[5], 0x2000_1000,
            "without VALID the region stays"
        );
    }

    #[test]
    fn aliases_write_several_regions_at_once() {
        let mut r = rig();
        for i in 0..4u32 {
            r.write(0x09C + 8 * i, (i << 28) | VALID | i);
            r.write(0x0A0 + 8 * i, 0x0300_0001 | (i << 1));
        }
        assert_eq!(
            r.bus.system.mpu.rbar[..4],
            [0, 0x1000_0000, 0x2000_0000, 0x3000_0000]
        );
        assert_eq!(r.bus.system.mpu.rasr[3], 0x0300_0007);
    }

    #[test]
    fn a_change_makes_permissions_stale() {
        let mut r = rig();
        r.bus.system.permissions_changed = false;
        r.write(TYPE, 1);
        assert!(!r.bus.system.permissions_changed);
        r.write(CTRL, 0xFF);
        assert!(r.bus.system.permissions_changed);
        assert_eq!(r.read(CTRL), 7);
    }

    #[test]
    fn regions_that_do_not_exist() {
        let mut r = rig();
        r.write(RNR, 8);
        assert_eq!(r.read(RNR), 0);
        assert!(r.noted("MPU_RNR"));
        r.bus.system.mpu.regions = 0;
        r.write(CTRL, 1);
        assert_eq!((r.read(TYPE), r.read(CTRL)), (0, 0));
    }
}
