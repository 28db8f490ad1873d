//! Which addresses make up a function.

/// The address ranges of a firmware's functions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Functions(Vec<(u32, u32)>);

/// The range of a function, or of a gap between two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    /// First address.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// A function, not a gap.
    pub known: bool,
}

impl Range {
    /// No address at all.
    pub const NOWHERE: Range = Range {
        start: 0,
        end: 0,
        known: false,
    };

    pub fn contains(&self, address: u32) -> bool {
        (self.start..self.end).contains(&address)
    }
}

impl Functions {
    /// From first addresses and those one past the last. Where two overlap, the later one has the bytes.
    #[must_use]
    pub fn new(ranges: impl IntoIterator<Item = (u32, u32)>) -> Functions {
        let mut all: Vec<(u32, u32)> = ranges.into_iter().filter(|r| r.0 < r.1).collect();
        all.sort_unstable();
        all.dedup_by_key(|r| r.0);
        for i in 1..all.len() {
            all[i - 1].1 = all[i - 1].1.min(all[i].0);
        }
        Functions(all)
    }

    /// The function that an address lies in, by its first address.
    #[must_use]
    pub fn at(&self, address: u32) -> Option<u32> {
        let range = self.range(address);
        range.known.then_some(range.start)
    }

    pub(crate) fn range(&self, address: u32) -> Range {
        let next = self.0.partition_point(|r| r.0 <= address);
        let before = next.checked_sub(1).map(|i| self.0[i]);
        match before {
            Some((start, end)) if address < end => Range {
                start,
                end,
                known: true,
            },
            _ => Range {
                start: before.map_or(0, |r| r.1),
                end: self.0.get(next).map_or(u32::MAX, |r| r.0),
                known: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_gaps() {
        let f = Functions::new([(0x30, 0x50), (0x10, 0x20), (0x40, 0x60), (0x10, 0x18)]);
        let at = |a| (f.range(a).start, f.range(a).end, f.range(a).known);
        assert_eq!(at(0x8), (0, 0x10, false));
        assert_eq!(at(0x10), (0x10, 0x18, true));
        assert_eq!(at(0x18), (0x18, 0x30, false));
        assert_eq!(at(0x3E), (0x30, 0x40, true));
        assert_eq!(at(0x40), (0x40, 0x60, true));
        assert_eq!(at(0x60), (0x60, u32::MAX, false));
        assert_eq!((f.at(0x44), f.at(0x60)), (Some(0x40), None));
        assert_eq!(
            Functions::default().range(7),
            Range {
                start: 0,
                end: u32::MAX,
                known: false
            }
        );
    }
}
