//! Before a block runs: the slow path of the core loop.

use super::blocks::{self, StateId, Variant, When, flag};
use super::variants::needs_aligned_base;
use super::{Core, Entry, TABLE, fp_allowed, multiple};
use crate::backend::Flow;
use crate::decode::{Class, Insn, RegisterSet};
use crate::machine::Stop;
use crate::time::Cycles;

/// Slot of a block in the direct-mapped table.
pub(super) fn slot(address: u32, state: StateId) -> usize {
    ((address >> 1) ^ state.wrapping_mul(0x9E5)) as usize & (TABLE - 1)
}

impl Core {
    /// The block at `address` is about to run; the last instruction before it started at `now` and left
    /// `state`. Nothing runs at the moment (the core rests).
    pub(super) fn enter(&mut self, address: u32, size: u32, now: u64, state: StateId) -> Flow {
        if self.drop_dirty_code() {
            return self.redirect_to(address, self.cpu.it_state(), None);
        }
        if self.permissive != 0 {
            self.permissive -= 1;
            if self.permissive == 0 {
                self.engine.flush_tlb();
            }
        }
        self.sync_settings();
        let it = self.cpu.it_state();
        let Some(id) = self.variant(address, size, it, state) else {
            // Hooks were added for sites in this block: it must be translated anew.
            return self.redirect_to(address, it, None);
        };
        let first = now + u64::from(self.variants[id].starts[0]);
        if self.bus.events.next_at().0 < first {
            self.bus.pc = address;
            self.bus.advance_to(Cycles(first - 1));
            if self.drop_dirty_code() {
                return self.redirect_to(address, it, None);
            }
        }
        if let Some(flow) = self.interrupted(address, now, first, state) {
            return flow;
        }
        self.undo = None;
        if !self.cpu.thumb() {
            self.raise_usage(super::exceptions::cfsr::INVSTATE, address, now, first);
            return if self.stop.is_some() {
                Flow::Stop
            } else {
                Flow::Redirect
            };
        }
        if first > self.limit {
            return self.stop_here(address, it, Stop::Limit);
        }
        if let Some(flow) = self.stepping_or_breakpoint(address, it) {
            return flow;
        }
        self.sync_settings();
        if let Some(flow) = self.special(id, address, now) {
            self.pass_breakpoint = None;
            return flow;
        }
        self.admit(id, address, size, it, now)
    }

    /// Resets, stop requests and exceptions that come before the instruction at `address`.
    fn interrupted(&mut self, address: u32, now: u64, first: u64, state: StateId) -> Option<Flow> {
        let it = self.cpu.it_state();
        if let Some(cause) = self.bus.reset_request.take() {
            let at = now.max(self.bus.now.0);
            self.reset_core(cause, at);
            return Some(Flow::Redirect);
        }
        if self.bus.stop_requested() {
            self.bus.take_stop_request();
            return Some(self.stop_here(address, it, Stop::Requested));
        }
        if self.bus.system.attention()
            && let Some(number) = self.bus.system.takeable(self.cpu.masks())
            // A folded IT starts in the cycle of the instruction before it, in which this may have come.
            && self.bus.system.pended_at(number).0 < first
        {
            let (pipe, _) = self.states.get(state);
            let mut busy = u64::from(self.model.drain(&pipe)).max(1);
            let mut return_address = address;
            if let Some(undo) = self.undo.take()
                && let Some(abandoned) = self.abandon(&undo, number, now, address)
            {
                (return_address, busy) = abandoned;
            }
            self.take_exception(
                number,
                now + busy - 1,
                return_address,
                it_of(self, return_address, address, it),
            );
            return Some(Flow::Redirect);
        }
        None
    }

    pub(super) fn stop_here(&mut self, address: u32, it: u8, stop: Stop) -> Flow {
        self.stop = Some(stop);
        self.cpu.set_r(15, address);
        self.cpu.set_it_state(it);
        Flow::Stop
    }

    fn stepping_or_breakpoint(&mut self, address: u32, it: u8) -> Option<Flow> {
        if let Some(start) = self.stepping
            && self.executed() > start
        {
            return Some(self.stop_here(address, it, Stop::Stepped));
        }
        if self.breakpoints.contains(&address)
            && self.pass_breakpoint != Some((address, self.executed()))
        {
            return Some(self.stop_here(address, it, Stop::Breakpoint));
        }
        None
    }

    /// Go on at `address`, at most `k` instructions as one block.
    pub(super) fn redirect_to(&mut self, address: u32, it: u8, k: Option<u32>) -> Flow {
        self.cpu.set_r(15, address);
        self.cpu.set_it_state(it);
        if let Some(k) = k {
            self.cpu.limit_next_block(k);
        }
        Flow::Redirect
    }

    /// Run the block, or its first part.
    fn admit(&mut self, id: usize, address: u32, size: u32, it: u8, now: u64) -> Flow {
        let mut edge = self.bus.events.next_at().0.min(self.limit);
        if self.bus.system.attention()
            && let Some(number) = self.bus.system.takeable(self.cpu.masks())
        {
            edge = edge.min(self.bus.system.pended_at(number).0);
        }
        let v = &self.variants[id];
        let block = &self.blocks[v.block];
        let count = block.insns.len();
        let mut k = if self.one_at_a_time() { 1 } else { count };
        // Wait states of the first line that is not there; a second one starts a part of its own.
        let (mut penalty, mut missed) = (0, false);
        if let (true, Some(flash)) = (v.flags & flag::LINES != 0, &self.flash) {
            let mut missing = block
                .lines
                .iter()
                .filter(|&&(_, line)| !flash.is_free(line));
            if let Some(&(index, line)) = missing.next() {
                let at = now + u64::from(v.starts[index]);
                if index == 0 {
                    penalty = flash.penalty(line, at);
                    missed = true;
                    if let Some(&(second, _)) = block.lines.iter().find(|&&(i, _)| i > 0) {
                        k = k.min(second);
                    }
                } else {
                    k = k.min(index);
                }
            }
        }
        let late = |i: usize| now + u64::from(v.latest[i]) + u64::from(penalty);
        // The first instruction starts before the next event (or it would have been fired), unless its
        // fetch waits: then what comes meanwhile comes first, at the next look.
        while k > 1 && late(k - 1) > edge {
            k -= 1;
        }
        if let Some(d) = block.dynamics.get(blocks::MAX_SITES) {
            k = k.min(d.index);
        }
        if let Some(special) = block.special {
            k = k.min(special.max(1));
        }
        // The engine notes a new FP context (FPCA) at the first FP instruction that it translates; when that
        // one's condition fails, those behind it must not count as its successors.
        if v.flags & flag::FP_PREDICATED != 0
            && self.cpu.control() & 4 == 0
            && let Some(first) = block.insns.iter().position(|i| i.class.is_fp())
        {
            k = k.min(first + 1);
        }
        if v.flags & flag::FP != 0 && self.slow_flags & flag::FP != 0 {
            k = part_before(&block.insns, k, |i| i.class.is_fp());
        }
        if v.flags & flag::DIVIDE != 0 && self.slow_flags & flag::DIVIDE != 0 {
            k = part_before(&block.insns, k, |i| i.class == Class::Divide);
        }
        if v.flags & flag::ALIGNED != 0 {
            k = self.aligned_part(&block.insns, k);
        }
        if !self.breakpoints.is_empty()
            && let Some(at) = block
                .insns
                .iter()
                .skip(1)
                .position(|i| self.breakpoints.contains(&i.address))
        {
            k = k.min(at + 1);
        }
        // An instruction that would be interrupted midway is made a block of its own.
        let midway = block.insns[..k].iter().position(blocks::is_abandonable);
        if let Some(index) = midway {
            let index = (index..k)
                .find(|&i| {
                    blocks::is_abandonable(&block.insns[i])
                        && late(i) + multiple::longest(&block.insns[i]) > edge
                })
                .unwrap_or(k);
            if index == 0 {
                k = 1;
            } else {
                k = k.min(index);
            }
        }
        if k < count {
            if self.split == Some((address, size, k as u32)) {
                self.stop = Some(Stop::Internal(format!(
                    "block at {address:#010x} does not split"
                )));
                return Flow::Stop;
            }
            self.split = Some((address, size, k as u32));
            return self.redirect_to(address, it, Some(k as u32));
        }
        self.split = None;
        let alone = &block.insns[0];
        if count == 1 && blocks::is_abandonable(alone) && late(0) + multiple::longest(alone) > edge
        {
            let insn = *alone;
            self.undo = Some(self.remember(
                &insn,
                now + u64::from(self.variants[id].starts[0]) + u64::from(penalty),
            ));
        }
        let v = &self.variants[id];
        if v.flags & (flag::RAM | flag::SPECIAL) == 0 && it == 0 {
            self.table[slot(address, v.entry)] = Entry {
                address,
                size,
                state: v.entry,
                variant: id as u32,
            };
        }
        self.start(id, now, penalty, missed);
        self.horizon = self.horizon_now();
        Flow::Continue
    }

    /// The block runs from here.
    pub(super) fn start(&mut self, id: usize, now: u64, penalty: u32, missed: bool) {
        self.t0 = now;
        self.current = id;
        self.penalty = penalty;
        self.missed = missed;
        if self.variants[id].flags & flag::DYNAMIC != 0 {
            self.read_inputs(id);
        }
    }

    /// Inputs of dynamic sites that are there at the entry.
    fn read_inputs(&mut self, id: usize) {
        self.inputs = super::Inputs::default();
        let block = &self.blocks[self.variants[id].block];
        for (bit, d) in block.dynamics.iter().take(blocks::MAX_SITES).enumerate() {
            let insn = &block.insns[d.index];
            if d.condition == Some(When::Entry) {
                self.inputs.mask |= u32::from(self.cpu.condition(insn.condition)) << bit;
            }
            if let Some((n, m, When::Entry)) = d.operands {
                self.inputs.extra[bit] =
                    self.model
                        .operand_cycles(insn, self.cpu.r(n), self.cpu.r(m));
            }
        }
    }

    /// What the loop itself does for the first instruction of a block.
    fn special(&mut self, id: usize, address: u32, now: u64) -> Option<Flow> {
        self.bus.pc = address;
        let v = &self.variants[id];
        let block = &self.blocks[v.block];
        let insn = block.insns[0];
        let start = now + u64::from(v.starts[0]);
        let holds = !insn.is_predicated() || self.cpu.condition(insn.condition);
        if block.special == Some(0) {
            if !holds {
                return Some(self.skip(&insn, id, start));
            }
            return match insn.class {
                Class::Wfi | Class::Wfe => Some(self.wait(&insn, id, start)),
                Class::Yield => Some(self.skip(&insn, id, start)),
                Class::Sev if block.insns.len() == 1 => {
                    self.bus.system.event = true;
                    None
                }
                Class::Sev => None,
                _ => {
                    self.refuse(&insn, now, start);
                    Some(Flow::Redirect)
                }
            };
        }
        if !holds {
            return None;
        }
        if insn.class.is_fp() && self.slow_flags & flag::FP != 0 {
            if !fp_allowed(self.bus.system.cpacr, self.privileged()) {
                self.raise_nocp(&insn, now, start);
                return Some(Flow::Redirect);
            }
            self.lazy_fp_save(start);
        }
        if insn.class == Class::Divide
            && self.bus.system.ccr & 0x10 != 0
            && self.cpu.r((insn.raw & 15) as usize) == 0
        {
            self.raise_usage(super::faults::DIVBYZERO, address, now, start);
            return Some(Flow::Redirect);
        }
        if self.misaligned(&self.blocks[self.variants[id].block].insns) {
            self.raise_usage(super::faults::UNALIGNED, address, now, start);
            return Some(Flow::Redirect);
        }
        None
    }

    /// Does the first instruction make an access that must be aligned and is not?
    fn misaligned(&self, insns: &[Insn]) -> bool {
        let insn = &insns[0];
        let Some(a) = insn.addressing else {
            return false;
        };
        let system = &self.bus.system;
        let all = system.is_v7m() && system.ccr & 8 != 0;
        if !(needs_aligned_base(insn) || all && a.width > 1) {
            return false;
        }
        self.effective_address(insn) & (u32::from(a.width) - 1) != 0
    }

    /// The largest part of at most `k` instructions whose bases are known to be aligned now: a transfer with
    /// another base starts a part of its own, where it is checked.
    fn aligned_part(&self, insns: &[Insn], k: usize) -> usize {
        let mut changed = RegisterSet::NONE;
        for (i, insn) in insns[..k].iter().enumerate() {
            let mut writes = insn.writes;
            if let (true, Some(a)) = (needs_aligned_base(insn), insn.addressing) {
                let base = RegisterSet::one(u32::from(a.base));
                if i > 0 && (changed.meets(base) || self.cpu.r(usize::from(a.base)) & 3 != 0) {
                    return i;
                }
                let loaded = insn.class == Class::LoadMultiple && insn.register_list().meets(base);
                if a.writeback && !loaded {
                    writes = writes.without(base); // by a multiple of four
                }
            }
            changed = changed.with(writes);
        }
        k
    }

    /// The rest of what must hold for a block with flags to run at once. Leaves everything as it is when it
    /// does not.
    pub(super) fn may_run(&self, v: &Variant) -> bool {
        if v.flags & flag::ALIGNED != 0
            && !v
                .aligned
                .is_some_and(|set| set.iter().all(|r| self.cpu.r(r) & 3 == 0))
        {
            return false;
        }
        if v.flags & flag::LINES != 0
            && let Some(flash) = &self.flash
        {
            return flash.are_free(v.lines);
        }
        true
    }

    /// Address of a load or store, from the registers as they are before it.
    pub(super) fn effective_address(&self, insn: &Insn) -> u32 {
        let Some(a) = insn.addressing else { return 0 };
        let base = if a.base == 15 {
            insn.address.wrapping_add(4) & !3
        } else {
            self.cpu.r(usize::from(a.base))
        };
        let index = a.index.map_or(0, |(r, s)| self.cpu.r(usize::from(r)) << s);
        base.wrapping_add(index).wrapping_add(a.displacement as u32)
    }

    /// Pass over an instruction without executing it (its condition failed, or it does nothing).
    pub(super) fn skip(&mut self, insn: &Insn, id: usize, start: u64) -> Flow {
        let it = crate::decode::insn::it_advance(self.cpu.it_state());
        let state = self.account_first(id, false);
        self.rest(start, state);
        self.redirect_to(insn.end(), it, None)
    }

    /// Account the first instruction of block `id`, which the loop carried out or passed over itself.
    pub(super) fn account_first(&mut self, id: usize, executed: bool) -> StateId {
        self.part(id, u32::from(executed), 1)
    }
}

/// An instruction in an IT block that is returned to keeps its ITSTATE; one that starts again has its own.
fn it_of(core: &Core, return_address: u32, address: u32, it: u8) -> u8 {
    if return_address == address {
        it
    } else {
        core.cpu.it_state()
    }
}

/// The largest part of at most `k` instructions in which no instruction but the first meets a test.
fn part_before(insns: &[Insn], k: usize, test: impl Fn(&Insn) -> bool) -> usize {
    insns[..k]
        .iter()
        .skip(1)
        .position(test)
        .map_or(k, |i| i + 1)
}
