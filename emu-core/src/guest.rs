//! Guest memory seen from host services (semihosting, RTT): runs of bytes that may cross from one region to the
//! next, pointers that may be wrong, stores to RAM only.

use crate::device::Width;
use crate::memory::{Memory, MemoryKind};

/// How many bytes from `address` lie in one region (and in one alias), at most `len`; `None` when none.
fn run(memory: &Memory, address: u32, len: usize, ram_only: bool) -> Option<usize> {
    let alias = memory.aliases().iter().find_map(|a| {
        let offset = address.wrapping_sub(a.base);
        (offset < a.size).then(|| a.size - offset)
    });
    let region = memory.region_at(address)?;
    if ram_only && region.kind != MemoryKind::Ram {
        return None;
    }
    let left = region.size() - (memory.resolve(address) - region.base);
    let left = alias.map_or(left, |a| a.min(left));
    Some(len.min(left as usize))
}

/// The runs that make up a range; `None` when a byte of it is not memory.
fn runs(memory: &Memory, address: u32, len: u32, ram_only: bool) -> Option<Vec<(u32, usize)>> {
    if u64::from(address) + u64::from(len) > 1 << 32 {
        return None;
    }
    let (mut at, mut left) = (address, len as usize);
    let mut list = Vec::new();
    while left > 0 {
        let n = run(memory, at, left, ram_only)?;
        list.push((at, n));
        at = at.wrapping_add(n as u32);
        left -= n;
    }
    Some(list)
}

/// Is all of a range RAM?
pub(crate) fn is_ram(memory: &Memory, address: u32, len: u32) -> bool {
    runs(memory, address, len, true).is_some()
}

/// The bytes of a range, when all of it is memory.
pub(crate) fn read(memory: &Memory, address: u32, len: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (at, n) in runs(memory, address, len, false)? {
        bytes.extend_from_slice(memory.slice(at, n)?);
    }
    Some(bytes)
}

/// Store bytes, when all of the range is RAM; nothing otherwise.
pub(crate) fn write(memory: &mut Memory, address: u32, bytes: &[u8]) -> Option<()> {
    let len = u32::try_from(bytes.len()).ok()?;
    let mut rest = bytes;
    for (at, n) in runs(memory, address, len, true)? {
        let (now, later) = rest.split_at(n);
        memory.slice_mut(at, n)?.copy_from_slice(now);
        rest = later;
    }
    Some(())
}

/// A little-endian word.
pub(crate) fn word(memory: &Memory, address: u32) -> Option<u32> {
    memory.load(address, Width::Word)
}

/// The bytes up to a NUL, when there is one before memory ends.
pub(crate) fn string(memory: &Memory, address: u32) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut at = address;
    loop {
        let n = run(memory, at, usize::MAX, false)?;
        let bytes = memory.slice(at, n)?;
        if let Some(end) = bytes.iter().position(|&b| b == 0) {
            text.extend_from_slice(&bytes[..end]);
            return Some(text);
        }
        text.extend_from_slice(bytes);
        let next = u64::from(at) + n as u64;
        // A string in aliases that repeat one another would have no end.
        if next > u64::from(u32::MAX) || text.len() > LONGEST_STRING {
            return None;
        }
        at = next as u32;
    }
}

const LONGEST_STRING: usize = 16 << 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::memory::Alias;

    fn memory() -> Memory {
        let mut m = Memory::default();
        m.add("flash", MemoryKind::Flash, 0x0800_0000, 0x1000);
        m.add("sram1", MemoryKind::Ram, 0x2000_0000, 0x1000);
        m.add("sram2", MemoryKind::Ram, 0x2000_1000, 0x1000);
        m.add("top", MemoryKind::Ram, 0xFFFF_F000, 0x1000);
        m.add_alias(Alias {
            base: 0,
            size: 0x10,
            target: 0x0800_0000,
        });
        m
    }

    #[test]
    fn ranges_cross_regions_but_not_holes() {
        let mut m = memory();
        assert!(is_ram(&m, 0x2000_0FFE, 4));
        write(&mut m, 0x2000_0FFE, &[1, 2, 3, 4]).unwrap();
        assert_eq!(read(&m, 0x2000_0FFE, 4).unwrap(), [1, 2, 3, 4]);
        assert!(!is_ram(&m, 0x2000_1FFE, 4));
        assert_eq!(write(&mut m, 0x2000_1FFE, &[9; 4]), None);
        assert_eq!(read(&m, 0x2000_1FFE, 2).unwrap(), [0, 0], "all or nothing");
        assert_eq!(write(&mut m, 0x0800_0000, &[9]), None, "flash");
        assert_eq!(read(&m, 0x0E, 4), None, "behind the alias is nothing");
        assert_eq!(read(&m, 0x0C, 4).unwrap(), [0xFF; 4]);
        assert_eq!(read(&m, 0xFFFF_FFFF, 1).unwrap(), [0]);
        assert_eq!(read(&m, 0xFFFF_FFFF, 2), None);
        assert_eq!(read(&m, 0x4000_0000, 0).unwrap(), [0u8; 0]);
    }

    #[test]
    fn strings_end_at_nul_or_not_at_all() {
        let mut m = memory();
        write(&mut m, 0x2000_0FFE, b"text\0").unwrap();
        assert_eq!(string(&m, 0x2000_0FFE).unwrap(), b"text");
        assert_eq!(string(&m, 0x0800_0000), None, "erased flash has no NUL");
        write(&mut m, 0xFFFF_FFFE, b"ab").unwrap();
        assert_eq!(string(&m, 0xFFFF_FFFE), None);
    }
}
