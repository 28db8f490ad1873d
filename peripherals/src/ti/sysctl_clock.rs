//! The clock tree behind RCC and RCC2 of a Stellaris "Fury" part.
//!
//! Source: LM3S6965 data sheet (DS-LM3S6965) §6.1.4 and the descriptions of RCC and RCC2.

use emu_core::Ratio;
use serde::{Deserialize, Serialize};

/// RCC.USESYSDIV, PWRDN, BYPASS.
const USESYSDIV: u32 = 1 << 22;
const PWRDN: u32 = 1 << 13;
const BYPASS: u32 = 1 << 11;
/// RCC2.USERCC2.
const USERCC2: u32 = 1 << 31;

/// Frequency of the PLL before its divider by two.
const PLL_HZ: u64 = 400_000_000;

/// Crystal that RCC.XTAL names, in Hz; the first four cannot be used with the PLL.
const XTAL: [u64; 16] = [
    1_000_000, 1_843_200, 2_000_000, 2_457_600, 3_579_545, 3_686_400, 4_000_000, 4_096_000,
    4_915_200, 5_000_000, 5_120_000, 6_000_000, 6_144_000, 7_372_800, 8_000_000, 8_192_000,
];

/// PLLCFG for each crystal, as QEMU's lm3s6965evb gives it.
const PLLCFG: [u32; 16] = [
    0x3200, 0x1B20, 0x1900, 0xF42B, 0x37E3, 0x1B21, 0x0C80, 0x98EE, 0xD5B4, 0x0A00, 0x4E27, 0x1902,
    0xEC1C, 0x1B23, 0x0640, 0xB11C,
];

/// Positions in the unit's list of clocks.
pub(super) mod clock {
    pub const SYSCLK: usize = 0;
    pub const MOSC: usize = 1;
    pub const IOSC: usize = 2;
}

/// Frequencies of the oscillators.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Oscillators {
    /// Crystal.
    pub mosc: u64,
    /// Internal oscillator.
    pub iosc: u64,
}

/// What RCC and RCC2 ask for together.
pub(super) struct Settings {
    source: u32,
    divider: u64,
    xtal: usize,
    pub pll_powered: bool,
    pub pll_bypassed: bool,
}

impl Settings {
    pub fn new(rcc: u32, rcc2: u32) -> Settings {
        let xtal = (rcc >> 6 & 0xF) as usize;
        let divided = rcc & USESYSDIV != 0;
        // RCC2 overrides most fields of RCC when USERCC2 is set.
        let (word, source, sysdiv) = if rcc2 & USERCC2 != 0 {
            (rcc2, rcc2 >> 4 & 7, rcc2 >> 23 & 0x3F)
        } else {
            (rcc, rcc >> 4 & 3, rcc >> 23 & 0xF)
        };
        Settings {
            source,
            divider: if divided { u64::from(sysdiv) + 1 } else { 1 },
            xtal,
            pll_powered: word & PWRDN == 0,
            pll_bypassed: word & BYPASS != 0,
        }
    }

    /// What makes the PLL lock anew when it changes.
    pub fn pll_input(&self) -> (u32, usize) {
        (self.source, self.xtal)
    }

    pub fn pllcfg(&self) -> u32 {
        PLLCFG[self.xtal]
    }

    fn oscillator(&self, o: Oscillators) -> Ratio {
        match self.source {
            0 => Ratio::hz(o.mosc),
            1 => Ratio::hz(o.iosc),
            2 => Ratio::new(o.iosc, 4),
            7 => Ratio::hz(32_768),
            _ => Ratio::hz(30_000),
        }
    }

    /// The oscillator that everything comes from, by its index in the unit's clocks; `None` for those that no
    /// machine names.
    pub fn source_clock(&self) -> Option<usize> {
        match self.source {
            0 => Some(clock::MOSC),
            1 | 2 => Some(clock::IOSC),
            _ => None,
        }
    }

    /// Frequency of the system clock; `locked` tells whether the PLL may be used yet.
    pub fn system_clock(&self, o: Oscillators, locked: bool) -> Ratio {
        let oscillator = self.oscillator(o);
        if self.pll_bypassed || !locked {
            return oscillator.scale(1, self.divider);
        }
        // The PLL multiplies as the crystal of XTAL needs it, whatever it is fed with.
        oscillator.scale(PLL_HZ, XTAL[self.xtal] * 2 * self.divider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVB: Oscillators = Oscillators {
        mosc: 8_000_000,
        iosc: 12_000_000,
    };

    #[test]
    fn settings_of_the_data_sheet() {
        let out_of_reset = Settings::new(0x078E_3AD1, 0x0780_2810);
        assert_eq!(out_of_reset.system_clock(EVB, false), Ratio::hz(12_000_000));
        assert!(!out_of_reset.pll_powered && out_of_reset.pll_bypassed);
        // 50 MHz from 8 MHz as SysCtlClockSet(SYSDIV_4 | USE_PLL | OSC_MAIN | XTAL_8MHZ) does it.
        let fast = Settings::new(0x01C0_0380, 0x0780_2810);
        assert_eq!(fast.system_clock(EVB, true), Ratio::hz(50_000_000));
        assert_eq!(fast.system_clock(EVB, false), Ratio::hz(2_000_000));
        assert_eq!(fast.pllcfg(), 0x0640);
        // RCC2: 400 MHz / 2 / (9 + 1).
        let second = Settings::new(0x07C0_0380, 0x8480_0000);
        assert_eq!(second.system_clock(EVB, true), Ratio::hz(20_000_000));
        // Internal oscillator by four, not divided.
        let slow = Settings::new(0x0780_2BA0, 0);
        assert_eq!(slow.system_clock(EVB, false), Ratio::hz(3_000_000));
    }
}
