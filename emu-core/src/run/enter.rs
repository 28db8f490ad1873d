//! Before a block runs: the slow path of the core loop.

use super::blocks::{self, StateId, flag};
use super::sites::MAX_SITES;
use super::{Core, Entry, TABLE, fp_allowed, multiple};
use crate::backend::Flow;
use crate::decode::{Class, Insn};
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
        let now = self.give_stolen(now, state);
        if std::mem::take(&mut self.translating_plain) {
            self.engine.hook_instructions(true);
        }
        let Some(block) = self.block_at(address, size, it) else {
            // It is translated anew, without hooks.
            return self.redirect_to(address, it, None);
        };
        let first_matters = self.first_matters(block, state);
        let (key, readable) = self.entry_key(block, first_matters);
        let id = self.variant(block, state, key, first_matters);
        self.misses = self.would_miss(id);
        if self.misses {
            self.foresee(block, state, key, now);
        }
        let first = now + u64::from(self.start_in(id, 0));
        if self.bus.events.next_at().0 < first {
            self.bus.pc = address;
            self.bus.advance_to(Cycles(first - 1));
            if self.drop_dirty_code() || self.bus.memory_parameters_changed || self.bus.has_stolen()
            {
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
        if let Some(stop) = self.hit_behind() {
            return self.stop_here(address, it, stop);
        }
        if self.bus.take_stop_request() {
            return self.stop_here(address, it, Stop::Requested);
        }
        if first > self.limit {
            return self.stop_here(address, it, Stop::Limit);
        }
        if let Some(flow) = self.stepping_or_breakpoint(address, it) {
            return flow;
        }
        if let Some(stop) = self.hit_ahead(address) {
            return self.stop_here(address, it, stop);
        }
        if !self.places.is_empty() && self.reached(address, first) {
            return self.redirect_to(address, it, None);
        }
        self.sync_settings();
        if let Some(flow) = self.special(id, address, now) {
            return flow;
        }
        self.admit(id, address, size, it, now, readable)
    }

    /// Resets and exceptions that come before the instruction at `address`.
    fn interrupted(&mut self, address: u32, now: u64, first: u64, state: StateId) -> Option<Flow> {
        let it = self.cpu.it_state();
        if let Some(cause) = self.bus.reset_request.take() {
            let at = now.max(self.bus.now.0);
            self.reset_core(cause, at);
            return Some(Flow::Redirect);
        }
        if self.bus.system.attention()
            && let Some(number) = self.bus.system.takeable(self.cpu.masks())
            // A folded IT starts in the cycle of the instruction before it, in which this may have come.
            && self.bus.system.pended_at(number).0 < first
        {
            let pipe = self.states.get(state);
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
            && (self.entered || self.executed() > start)
        {
            return Some(self.stop_here(address, it, Stop::Stepped));
        }
        if self.breakpoints.contains(&address)
            && !self.bus.watchpoints.ignored
            && self.pass_breakpoint != Some((address, self.executed()))
        {
            return Some(self.stop_here(address, it, Stop::Breakpoint));
        }
        None
    }

    /// The instruction at `address` starts at cycle `at`: record it when it is watched. `true` when blocks have to be
    /// cut anew.
    fn reached(&mut self, address: u32, at: u64) -> bool {
        if !self.places.contains(address) {
            return false;
        }
        let (stack, link) = (self.cpu.r(13), self.cpu.r(14));
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
    pub(super) fn redirect_to(&mut self, address: u32, it: u8, k: Option<u32>) -> Flow {
        self.cpu.set_r(15, address);
        self.cpu.set_it_state(it);
        if let Some(k) = k {
            self.cpu.limit_next_block(k);
        }
        Flow::Redirect
    }

    /// Run the block, or its first part.
    fn admit(
        &mut self,
        id: usize,
        address: u32,
        size: u32,
        it: u8,
        now: u64,
        readable: usize,
    ) -> Flow {
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
        k = k.min(readable.max(1));
        let starts = if self.misses {
            &self.foreseen.starts
        } else {
            &v.starts
        };
        let late = |i: usize| now + u64::from(v.latest[i] - v.starts[i]) + u64::from(starts[i]);
        // The first instruction starts before the next event (or it would have been fired), unless its
        // fetch waits: then what comes meanwhile comes first, at the next look.
        while k > 1 && late(k - 1) > edge {
            k -= 1;
        }
        if let Some(d) = block.sites.get(MAX_SITES) {
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
        if v.flags & flag::BREAKPOINT != 0
            && let Some(at) = block
                .insns
                .iter()
                .skip(1)
                .position(|i| self.cuts_at(i.address))
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
            return self.redirect_to(address, it, Some(k as u32));
        }
        self.split = None;
        let alone = &block.insns[0];
        if count == 1 && blocks::is_abandonable(alone) && late(0) + multiple::longest(alone) > edge
        {
            let insn = *alone;
            let start = now + u64::from(self.start_in(id, 0));
            self.undo = Some(self.remember(&insn, start));
        }
        let v = &self.variants[id];
        if v.flags & (flag::RAM | flag::SPECIAL) == 0 && it == 0 {
            // The first of its chain, from which the others are found.
            let first = self.lookup.get(&(v.block as u32, v.entry));
            self.table[slot(address, v.entry)] = Entry {
                address,
                size,
                state: v.entry,
                variant: first.map_or(0, |&f| f as u32),
            };
        }
        let misses = self.misses;
        self.start(id, now);
        self.misses = misses;
        self.horizon = self.horizon_now();
        Flow::Continue
    }

    /// The block runs from here.
    #[inline]
    pub(super) fn start(&mut self, id: usize, now: u64) {
        self.t0 = now;
        self.current = id;
        self.forget_waits();
        self.misses = false;
        let v = &self.variants[id];
        self.inputs = v.key;
        if v.flags & flag::FP != 0 {
            self.without_context = (self.cpu.control() & 4 == 0).then(|| self.cpu.fpscr());
        }
    }

    /// Start of an instruction of a block that is about to run, from the last one before it.
    pub(super) fn start_in(&self, id: usize, index: usize) -> u32 {
        if self.misses {
            self.foreseen.starts[index]
        } else {
            self.variants[id].starts[index]
        }
    }

    /// What the loop itself does for the first instruction of a block.
    fn special(&mut self, id: usize, address: u32, now: u64) -> Option<Flow> {
        self.bus.pc = address;
        let v = &self.variants[id];
        let block = &self.blocks[v.block];
        let insn = block.insns[0];
        let start = now + u64::from(self.start_in(id, 0));
        let holds = !insn.is_predicated() || self.cpu.condition(insn.condition);
        if block.special == Some(0) {
            if !holds {
                return Some(self.skip(&insn, id, start));
            }
            return match insn.class {
                Class::Wfi | Class::Wfe => Some(self.wait(&insn, id, start)),
                Class::Msr => {
                    self.write_special_register(&insn);
                    Some(self.skip(&insn, id, start))
                }
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
            if self.lazy_fp_save(start) {
                // The instruction starts when the words are written.
                let n = u64::from(self.model.exceptions().fp_words);
                self.ledger.estimate += n;
                self.ledger.kinds[2] += n;
                self.profile_waited(n);
                let (it, state) = (self.cpu.it_state(), self.variants[id].entry);
                self.rest(now + n, state);
                return Some(self.redirect_to(address, it, None));
            }
        }
        if insn.class == Class::Divide
            && self.bus.system.ccr & 0x10 != 0
            && self.cpu.r((insn.raw & 15) as usize) == 0
        {
            self.raise_usage(super::faults::DIVBYZERO, address, now, start);
            return Some(Flow::Redirect);
        }
        None
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
        let state = self.account_first(id);
        self.rest(start, state);
        self.redirect_to(insn.end(), it, None)
    }

    /// Account the first instruction of block `id`, which the loop carried out or passed over itself.
    pub(super) fn account_first(&mut self, id: usize) -> StateId {
        let v = &self.variants[id];
        let (block, entry) = (v.block, v.entry);
        let key = v.key.first(self.blocks[block].sites_before(1));
        if self.misses {
            let r = self.live(block, entry, key, 1, self.t0);
            self.keep(&r, 1);
            self.profile_part(block, &r.starts, &[], None);
            return r.exit_next;
        }
        self.touch_lines(block, 1, key);
        self.part(id, key, 1).1
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
