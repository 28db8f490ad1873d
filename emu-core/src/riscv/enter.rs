//! Before a block runs: the slow path of the core loop.

use super::blocks::{StateId, Variant, flag};
use super::{Core, Entry, TABLE, align};
use crate::backend::Flow;
use crate::machine::Stop;
use crate::probe::ProbeKind;
use crate::time::Cycles;

/// Slot of a block in the direct-mapped table.
#[inline]
pub(super) fn slot(address: u32, state: StateId) -> usize {
    ((address >> 1) ^ state.wrapping_mul(0x9E5)) as usize & (TABLE - 1)
}

impl Core {
    /// The block at `address` is about to run; the last instruction before it executed at `now` and left
    /// `state`. Nothing runs at the moment (the core rests).
    pub(super) fn enter(&mut self, address: u32, size: u32, now: u64, state: StateId) -> Flow {
        if self.drop_dirty_code() {
            return self.redirect_to(address, None);
        }
        let (id, state) = self.variant(address, size, state);
        let first = now + u64::from(self.variants[id].starts[0]);
        // What comes before this instruction.
        let until = first - 1;
        if self.bus.events.next_at().0 <= until {
            self.bus.pc = address;
            self.bus.advance_to(Cycles(until));
            if self.drop_dirty_code() {
                return self.redirect_to(address, None);
            }
        }
        if let Some(flow) = self.interrupted(address, now, state) {
            return flow;
        }
        if let Some(stop) = self.hit_behind() {
            return self.stop_here(address, stop);
        }
        if self.bus.take_stop_request() {
            return self.stop_here(address, Stop::Requested);
        }
        if first > self.limit {
            return self.stop_here(address, Stop::Limit);
        }
        if let Some(flow) = self.stepping_or_breakpoint(address) {
            return flow;
        }
        if let Some(stop) = self.hit_ahead(address) {
            return self.stop_here(address, stop);
        }
        // Behind all stops: a handler that stands before its first instruction is in the same state whatever stopped it.
        if let Some(number) = self.entering.take() {
            let kind = ProbeKind::ExceptionEnter {
                number,
                tail_chained: false,
            };
            self.bus.probes.record(Cycles(first), address, kind);
        }
        if !self.places.is_empty() && self.reached(address, first) {
            return self.redirect_to(address, None);
        }
        let block = &self.blocks[self.variants[id].block];
        if block.special == Some(0) {
            return self.special(id, address, now, first);
        }
        let misaligned = self.first_misaligned(&self.variants[id]);
        if misaligned == Some(0) {
            let insn = block.insns[0];
            let at = self.cpu.x(insn.rs1.into()).wrapping_add(insn.imm);
            self.misaligned(&insn, at, now, first);
            return self.after_trap();
        }
        self.admit(id, address, size, now, misaligned)
    }

    /// Resets and interrupts that come before the instruction at `address`.
    fn interrupted(&mut self, address: u32, now: u64, state: StateId) -> Option<Flow> {
        if let Some(cause) = self.bus.reset_request.take() {
            let at = now.max(self.bus.now.0);
            self.reset_core(cause, at);
            return Some(Flow::Redirect);
        }
        if self.take_interrupt(address, now, state) {
            return Some(Flow::Redirect);
        }
        None
    }

    pub(super) fn stop_here(&mut self, address: u32, stop: Stop) -> Flow {
        self.stop = Some(stop);
        self.cpu.set_pc(address);
        Flow::Stop
    }

    fn stepping_or_breakpoint(&mut self, address: u32) -> Option<Flow> {
        if let Some(start) = self.stepping
            && (self.entered || self.executed() > start)
        {
            return Some(self.stop_here(address, Stop::Stepped));
        }
        if self.breakpoints.contains(&address)
            && !self.bus.watchpoints.ignored
            && self.pass_breakpoint != Some((address, self.executed()))
        {
            return Some(self.stop_here(address, Stop::Breakpoint));
        }
        None
    }

    /// The instruction at `address` starts at cycle `at`: record it when it is watched. `true` when blocks have to be
    /// cut anew.
    fn reached(&mut self, address: u32, at: u64) -> bool {
        if !self.places.contains(address) {
            return false;
        }
        let (stack, link) = (self.cpu.x(2), self.cpu.x(1));
        let executed = self.executed();
        let (seen, new) = self.places.reached(address, executed, stack, link);
        for kind in seen {
            self.bus.probes.record(Cycles(at), address, kind);
        }
        if new {
            self.clear_blocks();
        }
        new
    }

    /// Go on at `address`, at most `k` instructions as one block.
    pub(super) fn redirect_to(&mut self, address: u32, k: Option<u32>) -> Flow {
        self.cpu.set_pc(address);
        if let Some(k) = k {
            self.cpu.limit_next_block(k);
        }
        Flow::Redirect
    }

    /// After a trap was taken, or not even its handler can run.
    pub(super) fn after_trap(&self) -> Flow {
        if self.stop.is_some() || self.stuck {
            Flow::Stop
        } else {
            Flow::Redirect
        }
    }

    /// Index of the first access of a variant that is misaligned, or whose address is not known yet.
    fn first_misaligned(&self, v: &Variant) -> Option<usize> {
        if v.flags & flag::ALIGNED == 0 {
            return None;
        }
        let block = &self.blocks[v.block];
        if !block.alignment.more && align::holds(&block.alignment.checks, self.cpu) {
            return None;
        }
        align::first_misaligned(&block.insns, self.cpu, &self.bus.memory)
    }

    /// The rest of what must hold for a block with flags to run at once.
    pub(super) fn may_run(&self, v: &Variant) -> bool {
        self.first_misaligned(v).is_none()
    }

    /// Run the block, or its first part.
    fn admit(
        &mut self,
        id: usize,
        address: u32,
        size: u32,
        now: u64,
        misaligned: Option<usize>,
    ) -> Flow {
        let edge = self.bus.events.next_at().0.min(self.limit);
        let v = &self.variants[id];
        let block = &self.blocks[v.block];
        let count = block.insns.len();
        let mut k = if self.one_at_a_time() { 1 } else { count };
        while k > 1 && now + u64::from(v.latest[k - 1]) > edge {
            k -= 1;
        }
        let breakpoint = if v.flags & flag::BREAKPOINT != 0 {
            let behind = block.insns.iter().skip(1);
            let hit = |i: &super::decode::Insn| self.cuts_at(i.address);
            behind.map(hit).position(|hit| hit).map(|i| i + 1)
        } else {
            None
        };
        for end in [block.special, block.first, misaligned, breakpoint] {
            k = k.min(end.unwrap_or(k).max(1));
        }
        if k < count {
            // A full code buffer makes the engine forget that it was asked, once.
            let again = self.split.filter(|s| s.0 == (address, size, k as u32));
            let tries = again.map_or(0, |s| s.1);
            if tries > 2 {
                self.stop = Some(Stop::Internal(format!(
                    "block at {address:#010x} does not split"
                )));
                return Flow::Stop;
            }
            self.split = Some(((address, size, k as u32), tries + 1));
            return self.redirect_to(address, Some(k as u32));
        }
        self.split = None;
        if v.flags & (flag::RAM | flag::SPECIAL) == 0 {
            self.table[slot(address, v.entry)] = Entry {
                address,
                size,
                state: v.entry,
                variant: id as u32,
            };
        }
        self.start_block(id, now);
        self.horizon = self.horizon_now();
        Flow::Continue
    }

    /// The block runs from here.
    pub(super) fn start_block(&mut self, id: usize, now: u64) {
        self.t0 = now;
        self.current = id;
        if self.variants[id].flags & flag::DYNAMIC != 0 {
            self.latencies = self.latencies_at_entry(id);
        }
    }
}
