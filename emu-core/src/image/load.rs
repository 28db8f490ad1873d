//! Pieces of memory contents on their way to segments: sorted, checked for overlaps, joined.

use super::{ErrorKind, Segment};

/// Do pieces that touch become one segment?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    Adjacent,
    Keep,
}

#[derive(Default)]
pub(super) struct Pieces {
    list: Vec<(Segment, String)>,
}

impl Pieces {
    /// Add bytes that stay where they are loaded; `name` says in messages what they are.
    pub fn add(
        &mut self,
        address: u32,
        bytes: Vec<u8>,
        name: impl Fn() -> String,
    ) -> Result<(), ErrorKind> {
        self.add_linked(address, address, bytes, name)
    }

    /// Add bytes that are linked for another address than the one they are loaded to.
    pub fn add_linked(
        &mut self,
        address: u32,
        linked: u32,
        bytes: Vec<u8>,
        name: impl Fn() -> String,
    ) -> Result<(), ErrorKind> {
        if bytes.is_empty() {
            return Ok(());
        }
        let segment = Segment {
            address,
            linked,
            bytes,
        };
        if segment.end() > 1 << 32 {
            return Err(ErrorKind::TooHigh(format!(
                "{} ({:#x} bytes at {address:#010x})",
                name(),
                segment.bytes.len()
            )));
        }
        self.list.push((segment, name()));
        Ok(())
    }

    /// All pieces by ascending address.
    pub fn segments(mut self, join: Join) -> Result<Vec<Segment>, ErrorKind> {
        self.list.sort_by_key(|(s, _)| s.address);
        let mut done: Vec<Segment> = Vec::new();
        let mut previous = String::new();
        for (segment, name) in self.list {
            let end = done.last().map_or(0, Segment::end);
            let start = u64::from(segment.address);
            if start < end {
                return Err(ErrorKind::Overlap {
                    first: previous,
                    second: name,
                    address: segment.address,
                });
            }
            match done.last_mut() {
                Some(last) if join == Join::Adjacent && start == end => {
                    last.bytes.extend_from_slice(&segment.bytes);
                }
                _ => done.push(segment),
            }
            previous = name;
        }
        if done.is_empty() {
            return Err(ErrorKind::NothingToLoad);
        }
        Ok(done)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pieces(list: &[(u32, usize)]) -> Pieces {
        let mut p = Pieces::default();
        for (i, &(address, len)) in list.iter().enumerate() {
            p.add(address, vec![i as u8; len], || format!("piece {i}"))
                .unwrap();
        }
        p
    }

    #[test]
    fn pieces_are_sorted_and_joined_only_where_they_touch() {
        let list = [(0x20, 4), (0x10, 8), (0x18, 4)];
        let s = pieces(&list).segments(Join::Adjacent).unwrap();
        let shape: Vec<_> = s.iter().map(|s| (s.address, s.bytes.len())).collect();
        assert_eq!(shape, [(0x10, 12), (0x20, 4)]);
        assert_eq!(pieces(&list).segments(Join::Keep).unwrap().len(), 3);
    }

    #[test]
    fn overlap_names_both() {
        let e = pieces(&[(0x10, 8), (0x17, 1)])
            .segments(Join::Keep)
            .unwrap_err();
        assert_eq!(e.to_string(), "piece 0 and piece 1 overlap at 0x00000017");
    }

    #[test]
    fn the_last_byte_of_the_address_space_is_usable_and_no_more() {
        let mut p = Pieces::default();
        p.add(0xFFFF_FFFF, vec![1], String::new).unwrap();
        assert!(p.add(0xFFFF_FFFF, vec![1, 2], || "x".into()).is_err());
    }
}
