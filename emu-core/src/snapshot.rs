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

/// What a region of memory holds, in pages.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    /// See [`Region::version`].
    version: Option<u64>,
    size: usize,
    pages: Arc<[Arc<[u8]>]>,
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
        if let Some(before) = before
            && before.holds(bytes)
        {
            return Contents {
                version,
                ..before.clone()
            };
        }
        let mut pages: Vec<Arc<[u8]>> = Vec::with_capacity(bytes.len().div_ceil(PAGE));
        for (i, page) in bytes.chunks(PAGE).enumerate() {
            let same = |p: &&Arc<[u8]>| p[..] == *page;
            let old = before.map(|b| &b.pages[i]).filter(same);
            // What is erased or was never written looks alike, page for page.
            let known = old.or_else(|| pages.last().filter(same));
            pages.push(known.map_or_else(|| Arc::from(page), Arc::clone));
        }
        Contents {
            version,
            size: bytes.len(),
            pages: pages.into(),
        }
    }

    /// Are these the bytes?
    fn holds(&self, bytes: &[u8]) -> bool {
        let mut pages = bytes.chunks(PAGE).zip(&*self.pages);
        pages.all(|(now, page)| *now == **page)
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
        for (i, (now, page)) in into.chunks_mut(PAGE).zip(&*self.pages).enumerate() {
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
        if other.is_some_and(|o| Arc::ptr_eq(&self.pages, &o.pages)) {
            return 0;
        }
        let mut bytes = size_of_val(&*self.pages);
        for (i, page) in self.pages.iter().enumerate() {
            let is = |p: Option<&Arc<[u8]>>| p.is_some_and(|p| Arc::ptr_eq(p, page));
            let before = i.checked_sub(1).and_then(|i| self.pages.get(i));
            if !is(before) && !is(other.and_then(|o| o.pages.get(i))) {
                bytes += page.len() + 2 * size_of::<usize>();
            }
        }
        bytes
    }
}
