//! The flash array: its sectors and how long they take (RM0090 table 5; DS8626, flash memory programming).

/// Sector sizes of a 1 MiB part in KiB (RM0090 §3.3, table 5).
pub(super) const SECTORS_1M: [u32; 12] = [16, 16, 16, 16, 64, 128, 128, 128, 128, 128, 128, 128];

/// Time of one programming operation of any width, typical (DS8626: 16 us).
pub(super) const PROGRAM_NS: u64 = 16_000;

const MS: u64 = 1_000_000;

/// Typical erase time of a sector for a parallelism (CR.PSIZE: x8, x16, x32, x64).
pub(super) fn erase_ns(kib: u32, psize: u32) -> u64 {
    let column = psize.min(3) as usize;
    match kib {
        // DS8626, tERASE16KB, tERASE64KB, tERASE128KB; x64 with external VPP.
        0..=16 => [400, 300, 250, 230][column] * MS,
        17..=64 => [1200, 700, 550, 490][column] * MS,
        _ => [2000, 1300, 1000, 875][column] * MS,
    }
}

/// Typical time of a mass erase (DS8626, tME).
pub(super) fn mass_erase_ns(psize: u32) -> u64 {
    [16_000, 11_000, 8_000, 6_900][psize.min(3) as usize] * MS
}

/// First byte and size in bytes of a sector.
pub(super) fn sector(sectors_kib: &[u32], number: usize) -> Option<(u32, u32)> {
    let size = *sectors_kib.get(number)? * 1024;
    let start: u32 = sectors_kib[..number].iter().map(|k| k * 1024).sum();
    Some((start, size))
}

/// The sector that holds a byte.
pub(super) fn sector_of(sectors_kib: &[u32], offset: u32) -> Option<usize> {
    let mut end = 0;
    sectors_kib.iter().position(|k| {
        end += k * 1024;
        offset < end
    })
}

/// The fewest wait states for an HCLK at 2.7 to 3.6 V: one for each full or begun step of `hz_per_state`
/// beyond the first (RM0090 table 10: steps of 30 MHz).
pub(super) fn wait_states(hclk_num: u64, hclk_den: u64, hz_per_state: u64) -> u64 {
    let step = hz_per_state.max(1).saturating_mul(hclk_den.max(1));
    hclk_num.div_ceil(step).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors() {
        assert_eq!(sector(&SECTORS_1M, 4), Some((0x1_0000, 0x1_0000)));
        assert_eq!(sector(&SECTORS_1M, 11), Some((0xE_0000, 0x2_0000)));
        assert_eq!(sector(&SECTORS_1M, 12), None);
        assert_eq!(sector_of(&SECTORS_1M, 0xFFFF), Some(3));
        assert_eq!(sector_of(&SECTORS_1M, 0x10_0000), None);
    }

    #[test]
    fn table_10() {
        for (mhz, ws) in [
            (16, 0),
            (30, 0),
            (31, 1),
            (60, 1),
            (84, 2),
            (120, 3),
            (150, 4),
            (168, 5),
        ] {
            assert_eq!(wait_states(mhz * 1_000_000, 1, 30_000_000), ws, "{mhz} MHz");
        }
    }
}
