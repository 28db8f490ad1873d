//! Snapshots: complete states of a machine, from which it continues bit for bit.
//!
//! A snapshot that is taken after another one shares with it what has not changed since: pages of memory, states of
//! devices, whole flashes. So many of them fit into memory, and one costs little more than looking for what has
//! changed.
//!
//! In a snapshot: core, memory, devices, pending events, pins, clocks, and what decides which observations are
//! recorded and what stops the next run (calls of watched functions, notices, the breakpoint that it stands on).
//! Not in it: what the host has chosen (watched places, breakpoints, conditions to stop on), what it has not taken yet
//! (bytes sent, conditions met: a restored machine has none), profiles, and the contents of host files, for which
//! there is a journal ([`crate::semihosting::Semihosting::keep_journal`]).

use crate::bus::BusState;
use crate::machine::{CoreKind, CoreState};
use crate::memory::{Memory, Region};
use crate::time::{Cycles, Position};
use std::sync::Arc;

/// Bytes in a page of memory. Firmware writes few places between two snapshots, so small pages keep them small.
const PAGE: usize = 1024;
/// Pages in a group: the lists of pages are shared too.
const GROUP: usize = 32;
/// Bytes that go with each shared thing.
const COUNTS: usize = 2 * size_of::<usize>();
/// Bytes of a change that are looked at together: code in a changed page stays when it is elsewhere in it.
const LINE: usize = 64;

/// A complete state of a machine, from which it continues bit for bit.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) kind: CoreKind,
    pub(crate) position: Position,
    pub(crate) core: Arc<CoreState>,
    pub(crate) memory: Vec<Contents>,
    pub(crate) bus: BusState,
}

impl Snapshot {
    /// The cycle at which it was taken.
    #[must_use]
    pub fn at(&self) -> Cycles {
        self.position.cycle
    }

    /// Where the run was when it was taken.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// How many bytes of host memory it holds that `other` does not share; all of them when there is no other. For
    /// a series of snapshots, the sum over each with the one before it is what they take together.
    #[must_use]
    pub fn own_bytes(&self, other: Option<&Snapshot>) -> usize {
        let pages: usize = (0..)
            .zip(&self.memory)
            .map(|(i, c)| c.own_bytes(other.and_then(|o| o.memory.get(i))))
            .sum();
        let core = other.is_none_or(|o| !Arc::ptr_eq(&self.core, &o.core));
        size_of::<Snapshot>()
            + pages
            + if core { self.core.bytes() } else { 0 }
            + self.bus.own_bytes(other.map(|o| &o.bus))
    }
}

/// `now`, shared with what it was before when it is equal.
pub(crate) fn shared<T: Clone + PartialEq>(now: &T, before: Option<&Arc<T>>) -> Arc<T> {
    match before {
        Some(before) if **before == *now => Arc::clone(before),
        _ => Arc::new(now.clone()),
    }
}

type Page = Arc<[u8]>;
/// Pages that follow each other; the last group of a region may be shorter.
type Group = Arc<[Page]>;

/// What a region of memory holds, in groups of pages.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    /// See [`Region::version`].
    version: Option<u64>,
    size: usize,
    groups: Arc<[Group]>,
}

/// Are these the bytes of a group?
fn holds(group: &[Page], bytes: &[u8]) -> bool {
    let mut pages = bytes.chunks(PAGE);
    pages.len() == group.len() && group.iter().all(|page| pages.next() == Some(page))
}

/// Ranges of memory that a restore has changed: address and length in bytes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) ranges: Vec<(u32, u32)>,
    /// One of them is in flash or ROM.
    pub(crate) fixed: bool,
}

impl Contents {
    pub(crate) fn of(memory: &Memory, before: Option<&[Contents]>) -> Vec<Contents> {
        let before = |i: usize| before.and_then(|b| b.get(i));
        let regions = memory.regions().iter().enumerate();
        regions
            .map(|(i, r)| Contents::of_region(r, before(i)))
            .collect()
    }

    fn of_region(region: &Region, before: Option<&Contents>) -> Contents {
        let (bytes, version) = (region.bytes(), region.version());
        let before = before.filter(|b| b.size == bytes.len());
        if let Some(before) = before
            && version.is_some()
            && before.version == version
        {
            return before.clone();
        }
        let mut groups: Vec<Group> = Vec::with_capacity(bytes.len().div_ceil(PAGE * GROUP));
        for (i, bytes) in bytes.chunks(PAGE * GROUP).enumerate() {
            let old = before.map(|b| &b.groups[i]);
            // What is erased or was never written looks alike, group for group and page for page.
            let known = old.into_iter().chain(groups.last());
            let known = known.into_iter().find(|g| holds(g, bytes)).map(Arc::clone);
            groups.push(known.unwrap_or_else(|| Contents::group(bytes, old)));
        }
        let same = |b: &&Contents| (b.groups.iter().zip(&groups)).all(|(a, b)| Arc::ptr_eq(a, b));
        let known = before.filter(same).map(|b| Arc::clone(&b.groups));
        Contents {
            version,
            size: bytes.len(),
            groups: known.unwrap_or_else(|| groups.into()),
        }
    }

    fn group(bytes: &[u8], before: Option<&Group>) -> Group {
        let mut pages: Vec<Page> = Vec::with_capacity(GROUP);
        for (i, page) in bytes.chunks(PAGE).enumerate() {
            let known = before.map(|b| &b[i]).into_iter().chain(pages.last());
            let known = known.into_iter().find(|p| p[..] == *page).map(Arc::clone);
            pages.push(known.unwrap_or_else(|| Arc::from(page)));
        }
        pages.into()
    }

    /// Does it belong to a region of this size?
    pub(crate) fn fits(&self, region: &Region) -> bool {
        self.size == region.bytes().len()
    }

    /// Write back what is different now, and tell where that was.
    pub(crate) fn put_back(&self, region: &mut Region, changes: &mut Changes) {
        if self.version.is_some() && self.version == region.version() {
            return;
        }
        let before = changes.ranges.len();
        let base = region.base;
        let into = region.restore_bytes(self.version);
        let pages = self.groups.iter().flat_map(|g| &**g);
        for (i, (now, page)) in into.chunks_mut(PAGE).zip(pages).enumerate() {
            if *now == **page {
                continue;
            }
            let lines = now.chunks(LINE).zip(page.chunks(LINE)).enumerate();
            for (n, (now, line)) in lines.filter(|(_, (now, line))| now != line) {
                let at = base + (i * PAGE + n * LINE) as u32;
                debug_assert_eq!(now.len(), line.len());
                changes.ranges.push((at, now.len() as u32));
            }
            now.copy_from_slice(page);
        }
        changes.fixed |= self.version.is_some() && changes.ranges.len() > before;
    }

    fn own_bytes(&self, other: Option<&Contents>) -> usize {
        own(&self.groups, other.map(|o| &o.groups), |group, other| {
            own(group, other, |page, _| size_of_val(&**page) + COUNTS)
        })
    }
}

/// Bytes of a list and of its elements, without what it shares with another list or what is in it twice in a row.
fn own<T: ?Sized>(
    list: &Arc<[Arc<T>]>,
    other: Option<&Arc<[Arc<T>]>>,
    bytes: impl Fn(&Arc<T>, Option<&Arc<T>>) -> usize,
) -> usize {
    if other.is_some_and(|o| Arc::ptr_eq(o, list)) {
        return 0;
    }
    let mut sum = size_of_val(&**list) + COUNTS;
    for (i, element) in list.iter().enumerate() {
        let is = |e: Option<&Arc<T>>| e.is_some_and(|e| Arc::ptr_eq(e, element));
        let before = i.checked_sub(1).and_then(|i| list.get(i));
        let others = other.and_then(|o| o.get(i));
        if !is(before) && !is(others) {
            sum += bytes(element, others);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryKind;

    /// 100 KiB of RAM and a bit, and flash.
    fn memory() -> Memory {
        let mut memory = Memory::default();
        memory.add("ram", MemoryKind::Ram, 0x2000_0000, 100 * 1024 + 32);
        memory.add("flash", MemoryKind::Flash, 0, 256 * 1024);
        memory
    }

    fn put_back(contents: &[Contents], memory: &mut Memory) -> Changes {
        let mut changes = Changes::default();
        for (region, c) in memory.regions_mut().iter_mut().zip(contents) {
            c.put_back(region, &mut changes);
        }
        changes
    }

    #[test]
    fn only_what_is_different_is_kept_and_written_back() {
        let mut memory = memory();
        let ram = |m: &mut Memory, at: usize, value| m.regions_mut()[0].bytes_mut()[at] = value;
        let first = Contents::of(&memory, None);
        assert!(first[0].own_bytes(None) < 6 * 1024, "all zero");
        assert!(first[1].own_bytes(None) < 6 * 1024, "erased");

        ram(&mut memory, 70_000, 1);
        ram(&mut memory, 100 * 1024 + 31, 2);
        let second = Contents::of(&memory, Some(&first));
        let own = second[0].own_bytes(Some(&first[0]));
        assert!(
            (1056..3 * 1024).contains(&own),
            "a page and the last: {own}"
        );
        assert_eq!(second[1].own_bytes(Some(&first[1])), 0);
        let again = Contents::of(&memory, Some(&second));
        assert_eq!(again[0].own_bytes(Some(&second[0])), 0);

        let changes = put_back(&first, &mut memory);
        assert!(!changes.fixed);
        let line = 0x2000_0000 + 70_000 / 64 * 64;
        assert_eq!(changes.ranges, [(line, 64), (0x2000_0000 + 100 * 1024, 32)]);
        assert!(memory.regions()[0].bytes().iter().all(|&b| b == 0));
        assert_eq!(put_back(&first, &mut memory).ranges, []);
        put_back(&second, &mut memory);
        assert_eq!(memory.regions()[0].bytes()[70_000], 1);
        assert_eq!(memory.regions()[0].bytes()[100 * 1024 + 31], 2);
    }

    #[test]
    fn flash_is_known_by_its_version() {
        let mut memory = memory();
        let first = Contents::of(&memory, None);
        memory
            .store(0x1000, crate::Width::Byte, 0x55)
            .expect("flash");
        let second = Contents::of(&memory, Some(&first));
        assert_ne!(first[1].version, second[1].version);
        let changes = put_back(&first, &mut memory);
        assert!(changes.fixed);
        assert_eq!(changes.ranges, [(0x1000, 64)]);
        assert_eq!(memory.regions()[1].version(), first[1].version);
        let third = Contents::of(&memory, Some(&first));
        assert!(Arc::ptr_eq(&third[1].groups, &first[1].groups));
        // What was never changed is not looked at.
        assert_eq!(put_back(&first, &mut memory).ranges, []);
        let mut other = self::memory();
        assert_eq!(put_back(&second, &mut other).ranges, [(0x1000, 64)]);
        assert_eq!(other.regions()[1].bytes()[0x1000], 0x55);
    }
}
