//! Identification registers of the system control space, which differ by core.

use super::common::part;

/// Offset of ID_PFR0 in the system control space.
const ID_PFR0: u32 = 0x040;
/// Offset of ID_ISAR4, the last one with a value.
const ID_ISAR4: u32 = 0x070;

/// ID_PFR0, ID_PFR1, ID_DFR0, ID_AFR0, ID_MMFR0 to 3, ID_ISAR0 to 4.
type Features = [u32; 13];

/// Cortex-M3 TRM (DDI 0337H) table 4-1.
const M3: Features = [
    0x0000_0030,
    0x0000_0200,
    0x0010_0000,
    0,
    0x0010_0030,
    0,
    0x0100_0000,
    0,
    0x0110_0110,
    0x0211_1000,
    0x2111_2231,
    0x0111_1110,
    0x0131_0102,
];

/// Cortex-M4 TRM (DDI 0439) table 4-1 and Cortex-M7 TRM (DDI 0489) table 3-1: ARMv7E-M.
const M4_M7: Features = [
    0x0000_0030,
    0x0000_0200,
    0x0010_0000,
    0,
    0x0010_0030,
    0,
    0x0100_0000,
    0,
    0x0110_1110,
    0x0211_2000,
    0x2023_2231,
    0x0111_1131,
    0x0131_0132,
];

/// A CPU feature register; ARMv6-M has none of them.
pub(super) fn feature(register: u32, core: u32) -> u32 {
    let table = match core {
        part::M0 | part::M0PLUS => return 0,
        part::M3 => &M3,
        _ => &M4_M7,
    };
    if !(ID_PFR0..=ID_ISAR4).contains(&register) {
        return 0;
    }
    table
        .get(((register - ID_PFR0) / 4) as usize)
        .copied()
        .unwrap_or(0)
}

/// MVFR0 to MVFR2 of a core with an FPU (M4 TRM table 7-1, M7 TRM table 8-1).
pub(super) fn media(index: u32, core: u32, double: bool) -> u32 {
    let m7 = core == part::M7;
    match (index, m7 && double) {
        (0, true) => 0x1011_0221,
        (0, false) => 0x1011_0021,
        (1, true) => 0x1200_0011,
        (1, false) => 0x1100_0011,
        (2, _) if m7 => 0x0000_0040,
        _ => 0,
    }
}

/// Part number of the unit itself (TRMs, SCS peripheral ID).
pub(super) fn scs_part(core: u32) -> u32 {
    match core {
        part::M0 | part::M0PLUS => 0x008,
        part::M3 => 0x000,
        _ => 0x00C,
    }
}

/// Sizes of the level-1 caches in KiB (Cortex-M7 only), zero when absent.
#[derive(Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Caches {
    pub instruction: u32,
    pub data: u32,
}

impl Caches {
    fn any(self) -> bool {
        self.instruction + self.data != 0
    }

    /// CLIDR: level of coherency and unification 1, what level 1 has (M7 TRM §3.3.4).
    pub fn clidr(self) -> u32 {
        let levels = if self.any() { 0x0900_0000 } else { 0 };
        levels | u32::from(self.data != 0) << 1 | u32::from(self.instruction != 0)
    }

    /// CTR: lines of eight words (M7 TRM table 3-1).
    pub fn ctr(self) -> u32 {
        if self.any() { 0x8303_C003 } else { 0 }
    }

    /// CCSIDR of the cache that CSSELR selects: lines of 32 bytes, two ways (instruction) or four (data).
    pub fn ccsidr(self, csselr: u32) -> u32 {
        let (kib, ways) = match csselr {
            1 => (self.instruction, 2),
            0 => (self.data, 4),
            _ => return 0,
        };
        match kib * 1024 / (ways * 32) {
            0 => 0,
            sets => 0xF000_0000 | (sets - 1) << 13 | (ways - 1) << 3 | 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_sizes_as_in_the_manual() {
        // Cortex-M7 TRM table 3-9: 16 KiB of instructions, 32 KiB of data.
        let caches = Caches {
            instruction: 16,
            data: 32,
        };
        assert_eq!(caches.ccsidr(1), 0xF01F_E009);
        assert_eq!(caches.ccsidr(0), 0xF01F_E019);
        assert_eq!(caches.clidr(), 0x0900_0003);
        assert_eq!(Caches::default().ctr(), 0);
    }

    #[test]
    fn feature_registers_by_core() {
        assert_eq!(feature(0x60, part::M3), 0x0110_0110);
        assert_eq!(feature(0x70, 0xC24), 0x0131_0132);
        assert_eq!(feature(0x40, part::M0), 0);
        assert_eq!(feature(0x74, 0xC24), 0);
    }
}
