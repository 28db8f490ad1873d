//! The registers of the RCC that hold bits without changing a clock: resets, enables, and the
//! settings of PLLI2S and spread spectrum.
//!
//! Source: RM0090 §7.3.5 to §7.3.24.

/// One such register.
pub(super) struct Stored {
    /// Offset in the RCC.
    pub offset: u32,
    /// Its name.
    pub name: &'static str,
    /// Reset value.
    pub reset: u32,
    /// Bits that exist.
    pub mask: u32,
}

const fn r(offset: u32, name: &'static str, reset: u32, mask: u32) -> Stored {
    Stored {
        offset,
        name,
        reset,
        mask,
    }
}

/// How many of them, at the start of [`STORED`], are reset registers.
pub(super) const RESET_REGISTERS: usize = 5;

/// All of them; the reset registers come first.
pub(super) const STORED: [Stored; 17] = [
    r(0x10, "AHB1RSTR", 0, 0x2260_11FF),
    r(0x14, "AHB2RSTR", 0, 0x0000_00F1),
    r(0x18, "AHB3RSTR", 0, 0x0000_0001),
    r(0x20, "APB1RSTR", 0, 0x36FE_C9FF),
    r(0x24, "APB2RSTR", 0, 0x0007_5933),
    r(0x30, "AHB1ENR", 0x0010_0000, 0x7E74_11FF),
    r(0x34, "AHB2ENR", 0, 0x0000_00F1),
    r(0x38, "AHB3ENR", 0, 0x0000_0001),
    r(0x40, "APB1ENR", 0, 0x36FE_C9FF),
    r(0x44, "APB2ENR", 0, 0x0007_5F33),
    r(0x50, "AHB1LPENR", 0x7E67_91FF, 0x7E67_91FF),
    r(0x54, "AHB2LPENR", 0x0000_00F1, 0x0000_00F1),
    r(0x58, "AHB3LPENR", 0x0000_0001, 0x0000_0001),
    r(0x60, "APB1LPENR", 0x36FE_C9FF, 0x36FE_C9FF),
    r(0x64, "APB2LPENR", 0x0007_5F33, 0x0007_5F33),
    r(0x80, "SSCGR", 0, 0xCFFF_FFFF),
    r(0x84, "PLLI2SCFGR", 0x2000_3000, 0x7000_7FC0),
];

/// Position in [`STORED`] of the register at an offset.
pub(super) fn position(offset: u32) -> Option<usize> {
    STORED.iter().position(|s| s.offset == offset & !3)
}

/// Names of the outputs, one for each bit of each reset register.
pub(super) fn reset_outputs() -> Vec<String> {
    STORED[..RESET_REGISTERS]
        .iter()
        .flat_map(|s| (0..32).map(|bit| format!("{}.{bit}", s.name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_values_are_within_the_masks() {
        for s in &STORED {
            assert_eq!(s.reset & !s.mask, 0, "{}", s.name);
        }
        assert_eq!(reset_outputs()[3 * 32 + 17], "APB1RSTR.17");
    }
}
