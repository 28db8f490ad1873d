//! Names of the registers in the system control space from 0xE000ED00, for messages.

use super::mpu;

/// Name by offset from 0xE000ED00 (DDI 0403E tables B3-4, B3-11, C1-4; M7 TRM table 3-1).
const NAMES: &[(u32, &str)] = &[
    (0x000, "CPUID"),
    (0x004, "ICSR"),
    (0x008, "VTOR"),
    (0x00C, "AIRCR"),
    (0x010, "SCR"),
    (0x014, "CCR"),
    (0x018, "SHPR1"),
    (0x01C, "SHPR2"),
    (0x020, "SHPR3"),
    (0x024, "SHCSR"),
    (0x028, "CFSR"),
    (0x02C, "HFSR"),
    (0x030, "DFSR"),
    (0x034, "MMFAR"),
    (0x038, "BFAR"),
    (0x03C, "AFSR"),
    (0x040, "ID_PFR0"),
    (0x044, "ID_PFR1"),
    (0x048, "ID_DFR0"),
    (0x04C, "ID_AFR0"),
    (0x050, "ID_MMFR0"),
    (0x054, "ID_MMFR1"),
    (0x058, "ID_MMFR2"),
    (0x05C, "ID_MMFR3"),
    (0x060, "ID_ISAR0"),
    (0x064, "ID_ISAR1"),
    (0x068, "ID_ISAR2"),
    (0x06C, "ID_ISAR3"),
    (0x070, "ID_ISAR4"),
    (0x078, "CLIDR"),
    (0x07C, "CTR"),
    (0x080, "CCSIDR"),
    (0x084, "CSSELR"),
    (0x088, "CPACR"),
    (0x0F0, "DHCSR"),
    (0x0F4, "DCRSR"),
    (0x0F8, "DCRDR"),
    (0x0FC, "DEMCR"),
    (0x200, "STIR"),
    (0x234, "FPCCR"),
    (0x238, "FPCAR"),
    (0x23C, "FPDSCR"),
    (0x240, "MVFR0"),
    (0x244, "MVFR1"),
    (0x248, "MVFR2"),
    (0x250, "ICIALLU"),
    (0x258, "ICIMVAU"),
    (0x25C, "DCIMVAC"),
    (0x260, "DCISW"),
    (0x264, "DCCMVAU"),
    (0x268, "DCCMVAC"),
    (0x26C, "DCCSW"),
    (0x270, "DCCIMVAC"),
    (0x274, "DCCISW"),
    (0x278, "BPIALL"),
    (0x290, "ITCMCR"),
    (0x294, "DTCMCR"),
    (0x298, "AHBPCR"),
    (0x29C, "CACR"),
    (0x2A0, "AHBSCR"),
    (0x2A8, "ABFSR"),
];

/// Name of the register at an offset.
pub(super) fn name(register: u32) -> Option<&'static str> {
    mpu::name(register).or_else(|| {
        NAMES
            .binary_search_by_key(&register, |&(offset, _)| offset)
            .ok()
            .map(|i| NAMES[i].1)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_sorted() {
        assert!(super::NAMES.is_sorted_by_key(|n| n.0));
        assert_eq!(super::name(0x0FC), Some("DEMCR"));
    }
}
