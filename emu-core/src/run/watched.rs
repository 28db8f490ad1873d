//! Watchpoints on a Cortex-M: accesses are looked at when the engine shows them as I/O.
//!
//! The machine stops before the instruction: the access is abandoned, and the stop is made where breakpoints are looked
//! at. Or it stops behind it: the instruction is made a block of its own. A transfer of several words is looked at whole
//! with its first word.

use super::Core;
use crate::backend::Flow;
use crate::decode::{Class, Insn};
use crate::machine::Stop;
use crate::watch::{Seen, seen};
use crate::watchpoint::{Hit, WatchReport, Watchpoint};

impl Core {
    /// Stop at these accesses from now on.
    pub(crate) fn set_watchpoints(&mut self, points: &[Watchpoint]) {
        self.bus.set_watchpoints(points);
        self.watched_pages.clear();
        self.engine.flush_tlb();
    }

    /// Take no notice of breakpoints and watchpoints, or all of them again.
    pub(crate) fn ignore_stops(&mut self, on: bool) {
        self.bus.watchpoints.ignore(on);
        self.about_to_hit = None;
    }

    /// An access to a page in which something is watched.
    #[inline]
    pub(super) fn watched_access(
        &mut self,
        access: Seen,
        bytes: u32,
        write: bool,
    ) -> Result<(), Flow> {
        let (exact, near) = if write {
            (seen::WRITE, seen::NEAR_WRITE)
        } else {
            (seen::READ, seen::NEAR_READ)
        };
        if access.what & (exact | near) == 0 || self.bus.watchpoints.ignored {
            return Ok(());
        }
        if access.what & exact == 0 && !self.running().is_some_and(|b| b.multiple) {
            return Ok(());
        }
        let index = self.accessing_instruction()?;
        self.look_at_access(index, access.address, bytes, write)
    }

    /// Instruction `index` of the running block is about to access `bytes` bytes at an address. If it hits a watchpoint,
    /// the access is not to be made now, or the machine stops behind it.
    pub(super) fn look_at_access(
        &mut self,
        index: usize,
        address: u32,
        bytes: u32,
        write: bool,
    ) -> Result<(), Flow> {
        let Some(insn) = self.running().map(|b| b.insns[index]) else {
            return Ok(());
        };
        let several = insn.count > 1;
        if several && self.looked_at == Some((self.t0, index)) {
            return Ok(());
        }
        if insn.class == Class::StoreExclusive && !(write && self.exclusive_holds(address, bytes)) {
            return Ok(());
        }
        let (first, length) = self.accessed_by(&insn, address, bytes);
        let Some(hit) = self.bus.watchpoint_at(first, length, write) else {
            self.looked_at = several.then_some((self.t0, index));
            return Ok(());
        };
        if self.bus.watchpoints.report == WatchReport::Before {
            self.about_to_hit = Some((insn.address, hit));
            return Err(self.make_alone(index));
        }
        if self.variants[self.current].count > 1 {
            return Err(self.make_alone(index));
        }
        self.looked_at = several.then_some((self.t0, index));
        self.bus.watchpoints.note(hit);
        self.horizon = 0;
        Ok(())
    }

    /// The whole range that an instruction accesses, as the program addresses it, when the engine shows an access to
    /// `bytes` bytes at an address.
    fn accessed_by(&self, insn: &Insn, address: u32, bytes: u32) -> (u32, u32) {
        if insn.addressing.is_none() {
            return (address, bytes);
        }
        let first = self.effective_address(insn);
        let several = insn.count > 1;
        let length = if several {
            4 * u32::from(insn.count)
        } else {
            bytes
        };
        // Stores to flash are seen at the flash itself, whatever the alias.
        let resolve = |at: u32| self.bus.memory.resolve(at);
        if resolve(address).wrapping_sub(resolve(first)) < length {
            (first, length)
        } else {
            (address, bytes)
        }
    }

    /// Does the value that an exclusive store finds let it store?
    fn exclusive_holds(&self, address: u32, bytes: u32) -> bool {
        let width = crate::device::Width::from_bytes(bytes);
        let there = self.bus.memory.load(address, width);
        there.is_none_or(|v| v == self.cpu.exclusive().1 as u32 & width.mask())
    }

    /// The instruction at `address` makes an unaligned access. `true` when the machine stops before it.
    pub(super) fn unaligned_hits(
        &mut self,
        at: u32,
        address: u32,
        bytes: u32,
        write: bool,
    ) -> bool {
        let Some(hit) = self.bus.watchpoint_at(address, bytes, write) else {
            return false;
        };
        if self.bus.watchpoints.report == WatchReport::Before {
            self.about_to_hit = Some((at, hit));
            return true;
        }
        self.bus.watchpoints.note(hit);
        false
    }

    /// Before the instruction at `address`: is there an access to report that was made?
    pub(super) fn hit_behind(&mut self) -> Option<Stop> {
        self.bus.watchpoints.take_hit().map(Stop::Watchpoint)
    }

    /// Is the instruction at `address` one that was abandoned since its access hits?
    pub(super) fn hit_ahead(&mut self, address: u32) -> Option<Stop> {
        let (_, hit): (u32, Hit) = self.about_to_hit.take().filter(|(at, _)| *at == address)?;
        Some(Stop::Watchpoint(hit))
    }
}
