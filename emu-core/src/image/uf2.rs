//! UF2: 512-byte blocks, each with its own address (<https://github.com/microsoft/uf2>).
//!
//! Blocks that do not go to main flash (flag bit 0) and files in a container (bit 12) are skipped, as a boot
//! loader does. Gaps stay gaps; blocks that touch become one segment.

use super::load::{Join, Pieces};
use super::{ErrorKind, Segment};

/// The first two magic words.
pub(super) const MAGIC: [u8; 8] = *b"UF2\n\x57\x51\x5D\x9E";
const MAGIC_END: u32 = 0x0AB1_6F30;
const BLOCK: usize = 512;
const DATA: usize = 32;
const LARGEST_PAYLOAD: usize = 476;

const NOT_MAIN_FLASH: u32 = 0x0000_0001;
const FILE_CONTAINER: u32 = 0x0000_1000;
const HAS_FAMILY: u32 = 0x0000_2000;
const HAS_EXTENSIONS: u32 = 0x0000_8000;

/// Family of the block that picotool puts first, for erratum RP2350-E10; it is not part of the image.
const ABSOLUTE_FAMILY: u32 = 0xE48B_FF57;

pub(super) struct Uf2 {
    pub segments: Vec<Segment>,
    pub family: Option<u32>,
}

pub(super) fn parse(file: &[u8]) -> Result<Uf2, ErrorKind> {
    let mut pieces = Pieces::default();
    let mut families: Vec<Option<u32>> = Vec::new();
    let mut expected = None;
    let mut numbers = Vec::new();
    for (block, bytes) in file.chunks(BLOCK).enumerate() {
        let fail = |problem: String| ErrorKind::Uf2 { block, problem };
        let word = |at: usize| {
            let b = bytes.get(at..at + 4).unwrap_or(&[0; 4]);
            u32::from_le_bytes([b[0], b[1], b[2], b[3]])
        };
        if bytes.len() < BLOCK {
            let n = bytes.len();
            return Err(fail(format!(
                "has {n} of {BLOCK} bytes: the file is cut short"
            )));
        }
        if !bytes.starts_with(&MAGIC) || word(508) != MAGIC_END {
            return Err(fail("has no UF2 magic".to_owned()));
        }
        let (flags, address, len) = (word(8), word(12), word(16) as usize);
        let (number, count) = (word(20), word(24));
        let family = (flags & HAS_FAMILY != 0).then_some(word(28));
        let Some(data) = bytes
            .get(DATA..DATA + len)
            .filter(|_| len <= LARGEST_PAYLOAD)
        else {
            return Err(fail(format!(
                "says {len} bytes of data, {LARGEST_PAYLOAD} fit"
            )));
        };
        let is_erratum_block = flags & !HAS_EXTENSIONS == HAS_FAMILY
            && family == Some(ABSOLUTE_FAMILY)
            && (number, count, len) == (0, 2, 256)
            && data.iter().all(|&b| b == 0xEF);
        if is_erratum_block {
            continue;
        }
        if number >= count || *expected.get_or_insert(count) != count {
            return Err(fail(format!("says that it is number {number} of {count}")));
        }
        numbers.push(number);
        if flags & (NOT_MAIN_FLASH | FILE_CONTAINER) != 0 {
            continue;
        }
        if !families.contains(&family) {
            families.push(family);
        }
        pieces.add(address, data.to_vec(), || format!("UF2 block {block}"))?;
    }
    if families.len() > 1 {
        return Err(ErrorKind::Uf2Families(families));
    }
    numbers.sort_unstable();
    let missing = (0..expected.unwrap_or(0)).find(|&n| numbers.get(n as usize) != Some(&n));
    if let Some(n) = missing {
        return Err(ErrorKind::Uf2 {
            block: n as usize,
            problem: "is missing, or comes twice".to_owned(),
        });
    }
    Ok(Uf2 {
        segments: pieces.segments(Join::Adjacent)?,
        family: families.first().copied().flatten(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn block(
        flags: u32,
        address: u32,
        data: &[u8],
        number: u32,
        count: u32,
        family: u32,
    ) -> Vec<u8> {
        let mut b = MAGIC.to_vec();
        for w in [flags, address, data.len() as u32, number, count, family] {
            b.extend(w.to_le_bytes());
        }
        b.extend(data);
        b.resize(508, 0);
        b.extend(MAGIC_END.to_le_bytes());
        b
    }

    const RP2040: u32 = 0xE48B_FF56;

    fn two() -> Vec<u8> {
        let mut f = block(HAS_FAMILY, 0x1000_0100, &[2; 256], 1, 3, RP2040);
        f.extend(block(HAS_FAMILY, 0x1000_0000, &[1; 256], 0, 3, RP2040));
        f.extend(block(HAS_FAMILY, 0x1000_1000, &[3; 16], 2, 3, RP2040));
        f
    }

    fn problem(file: &[u8]) -> String {
        parse(file)
            .err()
            .map_or_else(String::new, |e| e.to_string())
    }

    #[test]
    fn blocks_join_and_gaps_stay() {
        let uf2 = parse(&two()).unwrap();
        assert_eq!(uf2.family, Some(RP2040));
        let shape: Vec<_> = uf2
            .segments
            .iter()
            .map(|s| (s.address, s.bytes.len()))
            .collect();
        assert_eq!(shape, [(0x1000_0000, 512), (0x1000_1000, 16)]);
        assert_eq!(uf2.segments[0].bytes[255..257], [1, 2]);
    }

    #[test]
    fn the_erratum_block_and_blocks_for_elsewhere_are_skipped() {
        let mut f = block(
            HAS_FAMILY | HAS_EXTENSIONS,
            0x10FF_FF00,
            &[0xEF; 256],
            0,
            2,
            ABSOLUTE_FAMILY,
        );
        f.extend(block(NOT_MAIN_FLASH, 0, &[9; 16], 0, 2, 0));
        f.extend(block(0, 0x2000, &[1; 16], 1, 2, 0));
        let uf2 = parse(&f).unwrap();
        assert_eq!(uf2.family, None);
        assert_eq!(
            uf2.segments,
            [Segment {
                address: 0x2000,
                linked: 0x2000,
                bytes: vec![1; 16]
            }]
        );
    }

    #[test]
    fn problems_carry_their_block() {
        let good = two();
        assert!(problem(&good[..900]).starts_with("UF2 block 1: has 388 of 512 bytes"));
        assert_eq!(
            problem(&good[..1024]),
            "UF2 block 2: is missing, or comes twice"
        );
        let mut bad = good.clone();
        bad[512] = 0;
        assert_eq!(problem(&bad), "UF2 block 1: has no UF2 magic");
        let mut bad = good.clone();
        bad[16 + 1024] = 0xFF;
        bad[17 + 1024] = 0xFF;
        assert!(problem(&bad).starts_with("UF2 block 2: says 65535 bytes"));
        let twice = [block(0, 0, &[1; 8], 0, 2, 0), block(0, 4, &[1; 8], 1, 2, 0)].concat();
        assert_eq!(
            problem(&twice),
            "UF2 block 0 and UF2 block 1 overlap at 0x00000004"
        );
        let mixed = [
            block(HAS_FAMILY, 0, &[1; 8], 0, 2, RP2040),
            block(HAS_FAMILY, 0, &[1; 8], 1, 2, 0x1234),
        ]
        .concat();
        assert!(problem(&mixed).contains("0xe48bff56, 0x00001234"));
    }
}
