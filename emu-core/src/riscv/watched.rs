//! Watchpoints on RV32: accesses are looked at when the engine shows them as I/O.
//!
//! The machine stops behind the instruction, which is made a block of its own. Or it stops before it: the access is
//! abandoned, and the stop is made where breakpoints are looked at.

use super::Core;
use super::decode::Class;
use crate::backend::Flow;
use crate::device::Width;
use crate::machine::Stop;
use crate::watch::{Seen, seen};
use crate::watchpoint::{WatchReport, Watchpoint};

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
        let hits = if write { seen::WRITE } else { seen::READ };
        if access.what & hits == 0 || self.bus.watchpoints.ignored {
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
        let insn = self.insn(index);
        // What an SC finds tells whether it stores; it does not read for the program.
        if insn.class == Class::StoreConditional {
            let there = self.bus.memory.load(address, Width::from_bytes(bytes));
            if !write || there.is_some_and(|v| v != self.cpu.reservation().1) {
                return Ok(());
            }
        }
        // A misaligned access comes in pieces that are larger than what it needs.
        let own = self.cpu.x(insn.rs1.into()).wrapping_add(match insn.class {
            Class::Load | Class::LoadSmall | Class::Store => insn.imm,
            _ => 0,
        });
        let width = u32::from(insn.width).max(1);
        let resolve = |at: u32| self.bus.memory.resolve(at);
        let near = resolve(own).wrapping_sub(resolve(address));
        let (first, length) = if near < bytes || near.wrapping_neg() < width {
            (own, width)
        } else {
            (address, bytes)
        };
        let mut hit = self.bus.watchpoint_at(first, length, write);
        if insn.class == Class::Atomic {
            // It must not be abandoned behind its read.
            hit = hit.or_else(|| self.bus.watchpoint_at(first, length, true));
        }
        let Some(hit) = hit else { return Ok(()) };
        let alone = self.variants[self.current].count == 1;
        if self.bus.watchpoints.report == WatchReport::Before {
            self.about_to_hit = Some((insn.address, hit));
            return Err(self.make_alone(index));
        }
        if !alone {
            return Err(self.make_alone(index));
        }
        self.bus.watchpoints.note(hit);
        self.horizon = 0;
        Ok(())
    }

    /// Before the next instruction: is there an access to report that was made?
    pub(super) fn hit_behind(&mut self) -> Option<Stop> {
        self.bus.watchpoints.take_hit().map(Stop::Watchpoint)
    }

    /// Is the instruction at `address` one that was abandoned since its access hits?
    pub(super) fn hit_ahead(&mut self, address: u32) -> Option<Stop> {
        let (_, hit) = self.about_to_hit.take().filter(|(at, _)| *at == address)?;
        Some(Stop::Watchpoint(hit))
    }
}
