//! Which pages hold code that the engine has translated.

use crate::run::blocks::NumberHasher;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;

/// A bit for each page of the address space.
#[derive(Debug)]
pub(crate) struct CodePages {
    /// Page size in bytes.
    page: u32,
    bits: Vec<u64>,
}

impl CodePages {
    /// None yet, of pages of this many bytes.
    pub(crate) fn new(page: u32) -> CodePages {
        CodePages {
            page,
            bits: vec![0; (1usize << 32) / page as usize / 64],
        }
    }

    /// The page of this address has code.
    pub(crate) fn mark(&mut self, address: u32) {
        let n = address / self.page;
        self.bits[(n >> 6) as usize] |= 1 << (n & 63);
    }

    /// Has it?
    pub(crate) fn contains(&self, address: u32) -> bool {
        let n = address / self.page;
        self.bits[(n >> 6) as usize] >> (n & 63) & 1 != 0
    }

    /// Keep of these ranges (address and length) those with code. Is any left?
    pub(crate) fn retain(&self, ranges: &mut Vec<(u32, u32)>) -> bool {
        ranges.retain(|&(start, length)| {
            let first = start / self.page;
            let last = (u64::from(start) + u64::from(length.max(1)) - 1) / u64::from(self.page);
            (u64::from(first)..=last).any(|n| self.contains((n as u32).wrapping_mul(self.page)))
        });
        !ranges.is_empty()
    }
}

/// Which bytes the engine has translated, more closely: code and data that share a page are told apart.
#[derive(Debug, Default)]
pub(crate) struct CodeLines(HashSet<u32, BuildHasherDefault<NumberHasher>>);

impl CodeLines {
    /// log2 of the bytes in a line.
    const BITS: u32 = 6;

    fn lines(address: u32, length: u32) -> impl Iterator<Item = u32> {
        let last = u64::from(address) + u64::from(length.max(1)) - 1;
        (address >> Self::BITS)..=((last >> Self::BITS) as u32)
    }

    /// There is code in these bytes.
    pub(crate) fn mark(&mut self, address: u32, length: u32) {
        self.0.extend(Self::lines(address, length));
    }

    /// Is there any in these ranges (address and length)?
    pub(crate) fn touch(&self, ranges: &[(u32, u32)]) -> bool {
        let known = |&(start, length): &(u32, u32)| {
            Self::lines(start, length).any(|line| self.0.contains(&line))
        };
        !self.0.is_empty() && ranges.iter().any(known)
    }

    /// The engine has forgotten all code.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_with_code_are_kept() {
        let mut pages = CodePages::new(1024);
        pages.mark(0x2000_0404);
        assert!(pages.contains(0x2000_07FF) && !pages.contains(0x2000_0800));
        let mut ranges = vec![
            (0x2000_03FE, 2),
            (0x2000_03FF, 2),
            (0x2000_0800, 0),
            (0, 1 << 20),
        ];
        assert!(pages.retain(&mut ranges));
        assert_eq!(ranges, [(0x2000_03FF, 2)]);
        assert!(!pages.retain(&mut vec![(0xFFFF_FFFF, 1)]));
    }

    #[test]
    fn data_beside_code_is_no_code() {
        let mut lines = CodeLines::default();
        assert!(!lines.touch(&[(0, 64)]));
        lines.mark(0x2000_043E, 4);
        lines.mark(0xFFFF_FFFF, 1);
        assert!(!lines.touch(&[(0x2000_03C0, 64), (0x2000_0480, 64)]));
        assert!(lines.touch(&[(0x2000_0400, 64)]));
        assert!(lines.touch(&[(0, 4), (0x2000_0440, 64)]));
        assert!(lines.touch(&[(0xFFFF_FFC0, 64)]));
        lines.clear();
        assert!(!lines.touch(&[(0x2000_0400, 64)]));
    }
}
