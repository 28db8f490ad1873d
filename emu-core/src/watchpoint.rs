//! Watchpoints: a run stops at an access to memory or to a device's register.
//!
//! Any address can be watched: RAM, flash, devices, the system control space. An alias (a bit-band alias too) stands
//! for what it shows, so that accesses through either are seen. Instruction fetches, vector fetches and what a
//! debugger reads and writes are not data accesses; what a semihosting host reads is not seen, what it writes is.
//! An access that does not happen hits nothing: an instruction whose condition fails, an exclusive store that fails.
//!
//! An access that faults on the bus has hit before it faults, when the machine stops before accesses.
//!
//! Watching changes nothing in the run: no cycle, no state, no hash.

use crate::bus::Bus;

/// Which accesses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WatchKind {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Both.
    Access,
}

impl WatchKind {
    fn covers(self, write: bool) -> bool {
        match self {
            WatchKind::Read => !write,
            WatchKind::Write => write,
            WatchKind::Access => true,
        }
    }
}

/// A range of addresses whose accesses stop the machine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Watchpoint {
    /// First address.
    pub address: u32,
    /// Size in bytes.
    pub size: u32,
    /// Which accesses.
    pub kind: WatchKind,
}

/// Who made an access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Master {
    /// An instruction.
    Core,
    /// DMA, the stacking of exceptions, semihosting.
    Other,
}

/// An access to something watched.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Hit {
    /// The first watched byte that is accessed, as the program addresses it.
    pub address: u32,
    /// The same byte as the watchpoint addresses it, which differs when one of them goes through an alias.
    pub watched: u32,
    /// The watchpoint's kind.
    pub kind: WatchKind,
    /// It is a write.
    pub write: bool,
    /// Who made it.
    pub by: Master,
    /// The machine stands before the instruction that will make it; otherwise it was made, and the machine stands at
    /// the next boundary between instructions.
    pub before: bool,
}

/// Where the machine stops for an access by an instruction. Other accesses always stop it behind them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WatchReport {
    /// Before the instruction, nothing of it done.
    Before,
    /// Behind it.
    After,
}

/// The longest transfer of one instruction, in bytes: VLDM of 32 registers.
pub(crate) const LONGEST_TRANSFER: u32 = 128;

/// A watchpoint at the addresses that its own stand for.
#[derive(Clone, Copy, Debug)]
struct Resolved {
    point: Watchpoint,
    address: u32,
    size: u32,
}

impl Resolved {
    fn end(&self) -> u64 {
        u64::from(self.address) + u64::from(self.size)
    }
}

/// The watchpoints of a machine.
#[derive(Debug)]
pub(crate) struct Watchpoints {
    list: Vec<Resolved>,
    /// Nothing hits.
    pub(crate) ignored: bool,
    pub(crate) report: WatchReport,
    /// An access that was made and not reported yet.
    hit: Option<Hit>,
}

impl Default for Watchpoints {
    fn default() -> Watchpoints {
        Watchpoints {
            list: Vec::new(),
            ignored: false,
            report: WatchReport::Before,
            hit: None,
        }
    }
}

impl Watchpoints {
    /// Can anything hit?
    #[inline]
    pub(crate) fn armed(&self) -> bool {
        !self.list.is_empty() && !self.ignored
    }

    /// Is there an access to report?
    #[inline]
    pub(crate) fn has_hit(&self) -> bool {
        self.hit.is_some()
    }

    pub(crate) fn take_hit(&mut self) -> Option<Hit> {
        self.hit.take()
    }

    /// An access was made. The first one that was not reported yet is kept.
    pub(crate) fn note(&mut self, hit: Hit) {
        self.hit.get_or_insert(Hit {
            before: false,
            ..hit
        });
    }

    /// The access of the core's present instruction failed, or is taken back.
    pub(crate) fn forget_own(&mut self) {
        self.hit.take_if(|h| h.by == Master::Core);
    }

    /// As they were set.
    pub(crate) fn points(&self) -> impl Iterator<Item = Watchpoint> {
        self.list.iter().map(|r| r.point)
    }

    /// Look at nothing, or at all again.
    pub(crate) fn ignore(&mut self, on: bool) {
        self.ignored = on;
        self.hit = None;
    }

    fn near(&self, address: u32, length: u32, before: u32) -> impl Iterator<Item = &Resolved> {
        let end = u64::from(address) + u64::from(length) + u64::from(before);
        self.list
            .iter()
            .filter(move |r| u64::from(r.address) < end && u64::from(address) < r.end())
    }

    /// Can accesses (reads, writes) in a range of addresses hit, or transfers that begin up to `before` bytes before
    /// what they hit?
    pub(crate) fn within(&self, address: u32, length: u32, before: u32) -> (bool, bool) {
        let mut hit = (false, false);
        for r in self.near(address, length, before) {
            hit.0 |= r.point.kind.covers(false);
            hit.1 |= r.point.kind.covers(true);
        }
        hit
    }
}

impl Bus {
    /// Must accesses (reads, writes) to a page of memory be seen? For `before` see [`Watchpoints::within`].
    pub(crate) fn sees_page(&self, page: u32, size: u32, before: u32) -> (bool, bool) {
        let (reads, writes) = self.watchpoints.within(page, size, before);
        (reads, writes || self.watched.in_page(page, size))
    }

    /// Where a range of addresses leads to: bit-band aliases and aliases of memory are followed.
    fn leads_to(&self, address: u32, size: u32) -> (u32, u32) {
        match self.bit_band_target(address) {
            Some((first, _)) => {
                let last = address.saturating_add(size.max(1) - 1);
                let last = self.bit_band_target(last).map_or(first, |t| t.0);
                (first, last.wrapping_sub(first).wrapping_add(1))
            }
            None => (self.memory.resolve(address), size),
        }
    }

    /// Stop at these accesses from now on.
    pub(crate) fn set_watchpoints(&mut self, points: &[Watchpoint]) {
        let resolved = points.iter().map(|&point| {
            let (address, size) = self.leads_to(point.address, point.size);
            Resolved {
                point,
                address,
                size,
            }
        });
        self.watchpoints.list = resolved.collect();
        self.watchpoints.hit = None;
    }

    /// What an access by an instruction hits, if anything.
    pub(crate) fn watchpoint_at(&self, address: u32, length: u32, write: bool) -> Option<Hit> {
        if !self.watchpoints.armed() || self.debug {
            return None;
        }
        let (at, length) = self.leads_to(address, length);
        let end = u64::from(at) + u64::from(length);
        let first = |r: &Resolved| r.address.max(at);
        let hit = self
            .watchpoints
            .list
            .iter()
            .filter(|r| {
                r.point.kind.covers(write) && u64::from(r.address) < end && u64::from(at) < r.end()
            })
            .min_by_key(|r| first(r))?;
        let byte = first(hit);
        let into = byte - hit.address;
        Some(Hit {
            address: address.wrapping_add(byte - at),
            watched: if hit.size == hit.point.size {
                hit.point.address.wrapping_add(into)
            } else {
                hit.point.address
            },
            kind: hit.point.kind,
            write,
            by: Master::Core,
            before: true,
        })
    }

    /// A host's service has written to these ranges of memory (address and length).
    pub(crate) fn host_wrote(&mut self, ranges: Vec<(u32, u32)>) {
        for &(address, length) in &ranges {
            self.accessed(address, length, true);
        }
        self.dirty_code.extend(ranges);
    }

    /// Something other than an instruction has accessed memory or a register.
    pub(crate) fn accessed(&mut self, address: u32, length: u32, write: bool) {
        if let Some(hit) = self.watchpoint_at(address, length, write) {
            self.watchpoints.note(Hit {
                by: Master::Other,
                ..hit
            });
        }
    }
}
