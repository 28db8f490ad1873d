//! Before a block runs: the slow path of the core loop.

use super::blocks::{self, Block, StateId, Variant, When, flag};
use super::{Core, Entry, MAX_VARIANTS, TABLE, fp_allowed, multiple};
use crate::backend::Flow;
use crate::decode::{Class, Insn, RegisterSet};
use crate::machine::Stop;
use crate::memory::MemoryKind;
use crate::time::Cycles;

/// Slot of a block in the direct-mapped table.
pub(super) fn slot(address: u32, state: StateId) -> usize {
    ((address >> 1) ^ state.wrapping_mul(0x9E5)) as usize & (TABLE - 1)
}

impl Core {
    /// The block at `address` is about to run; the last instruction before it started at `now` and left
    /// `state`. Nothing runs at the moment (the core rests).
    pub(super) fn enter(&mut self, address: u32, size: u32, now: u64, state: StateId) -> Flow {
        self.drop_dirty_code();
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
            self.drop_dirty_code();
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
        let passes = self.pass_breakpoint.take() == Some(address);
        if !passes && self.breakpoints.contains(&address) {
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

    /// The variant of a block; `None` when its code has to be translated again first.
    fn variant(&mut self, address: u32, size: u32, it: u8, state: StateId) -> Option<usize> {
        if let Some(&id) = self.lookup.get(&(address, size, it, state)) {
            let v = &self.variants[id];
            if v.flags & flag::RAM == 0 || self.unchanged(v.block) {
                return Some(id);
            }
            self.clear_blocks();
            // The state survives: `clear_blocks` keeps the one to go on from.
        }
        if self.variants.len() > MAX_VARIANTS {
            self.clear_blocks();
        }
        let block = match self.block_ids.get(&(address, size, it)) {
            Some(&b) if self.blocks[b].flags & flag::RAM == 0 || self.unchanged(b) => b,
            Some(_) => {
                self.clear_blocks();
                self.add_block(address, size, it)?
            }
            None => self.add_block(address, size, it)?,
        };
        let resolved = blocks::resolve(
            &self.blocks[block],
            state,
            0,
            &mut self.states,
            self.model.as_ref(),
        );
        let b = &self.blocks[block];
        let mut v = Variant {
            block,
            end: address.wrapping_add(size),
            cycles: resolved.starts.last().copied().unwrap_or(0),
            count: b.insns.len() as u32,
            flags: b.flags,
            exit_next: resolved.exit_next,
            exit_taken: resolved.exit_taken,
            executions: 0,
            entry: state,
            latest: Vec::new(),
            starts: resolved.starts,
            ledger: resolved.ledger,
            bound: 0,
            lines: (b.lines.first().map_or(0, |l| l.1), b.lines.len() as u32),
            aligned: self.alignment(&self.blocks[block].insns),
            by_mask: Vec::new(),
        };
        v.latest = self.latest_starts(&v);
        let insns = &self.blocks[block].insns;
        v.bound = (0..insns.len())
            .map(|i| {
                v.latest[i]
                    + if blocks::is_abandonable(&insns[i]) {
                        multiple::longest(&insns[i]) as u32
                    } else {
                        0
                    }
            })
            .max()
            .unwrap_or(0);
        self.variants.push(v);
        let id = self.variants.len() - 1;
        self.lookup.insert((address, size, it, state), id);
        Some(id)
    }

    /// An upper bound for the start of each instruction, whatever the data.
    fn latest_starts(&self, v: &Variant) -> Vec<u32> {
        let block = &self.blocks[v.block];
        let mut slack = 0;
        let mut sites = block.dynamics.iter().peekable();
        v.starts
            .iter()
            .enumerate()
            .map(|(i, &s)| {
                let at = s + slack;
                while sites.peek().is_some_and(|d| d.index == i) {
                    if let Some(d) = sites.next() {
                        // A multiple transfer moves at most 16 words; a divide takes at most 12 cycles.
                        slack += if d.operands.is_some() { 12 } else { 0 };
                        slack += if d.condition.is_some() {
                            3 + u32::from(block.insns[i].count).max(14)
                        } else {
                            0
                        };
                    }
                }
                at
            })
            .collect()
    }

    fn unchanged(&self, block: usize) -> bool {
        let b = &self.blocks[block];
        self.bus.memory.slice(b.address, b.bytes.len()) == Some(&b.bytes[..])
    }

    fn add_block(&mut self, address: u32, size: u32, it: u8) -> Option<usize> {
        let bytes = self
            .bus
            .memory
            .slice(address, size as usize)
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        let insns = self.decoder.run(address, &bytes, it);
        let insns = if insns.is_empty() {
            vec![self.decoder.one(address, &[0, 0xDE])]
        } else {
            insns
        };
        let in_ram = self
            .bus
            .memory
            .region_at(address)
            .is_none_or(|r| r.kind == MemoryKind::Ram);
        let dynamics = blocks::dynamics(&insns, self.model.as_ref());
        let mut flags = 0;
        let special = insns.iter().position(is_special);
        let set = |flags: &mut u8, bit: u8, on: bool| {
            if on {
                *flags |= bit;
            }
        };
        set(&mut flags, flag::SPECIAL, special.is_some());
        set(&mut flags, flag::RAM, in_ram);
        set(&mut flags, flag::FP, insns.iter().any(|i| i.class.is_fp()));
        set(
            &mut flags,
            flag::DIVIDE,
            insns.iter().any(|i| i.class == Class::Divide),
        );
        set(&mut flags, flag::DYNAMIC, !dynamics.is_empty());
        set(
            &mut flags,
            flag::ALIGNED,
            self.bus.system.is_v7m() && insns.iter().any(needs_aligned_base),
        );
        set(
            &mut flags,
            flag::BREAKPOINT,
            insns.iter().any(|i| self.breakpoints.contains(&i.address)),
        );
        let lines = self.lines_of(&insns);
        set(&mut flags, flag::LINES, !lines.is_empty());
        for insn in insns
            .iter()
            .filter(|i| i.class == Class::Undefined && special.is_none())
        {
            let insn = *insn;
            self.note_instruction(&insn, "no timing for the instruction");
        }
        let mut stale = false;
        for d in &dynamics {
            let hooked =
                d.condition == Some(When::Hook) || matches!(d.operands, Some((_, _, When::Hook)));
            let at = insns[d.index].address;
            if hooked && self.sites.insert(at) {
                let home: *mut Core = self;
                // SAFETY: the core is boxed and outlives its engine's use of it.
                if let Err(e) = unsafe { self.engine.add_site(at, home) } {
                    self.stop = Some(Stop::Internal(e));
                }
                stale = true;
            }
        }
        if stale {
            self.engine.drop_code(address, address.wrapping_add(size));
            return None;
        }
        let bytes = if in_ram { bytes } else { Vec::new() };
        self.blocks.push(Block {
            address,
            size,
            it,
            insns,
            bytes,
            flags,
            dynamics,
            special,
            lines,
        });
        let id = self.blocks.len() - 1;
        self.block_ids.insert((address, size, it), id);
        Some(id)
    }

    /// The flash lines that a run of instructions needs, each with the first instruction that needs it.
    fn lines_of(&self, insns: &[Insn]) -> Vec<(usize, u32)> {
        let Some(flash) = self.flash.as_ref().filter(|f| f.wait_states != 0) else {
            return Vec::new();
        };
        let mut list: Vec<(usize, u32)> = Vec::new();
        for (i, insn) in insns.iter().enumerate() {
            for at in [insn.address, insn.end().wrapping_sub(1)] {
                if let Some(line) = flash.line_of(self.bus.memory.resolve(at))
                    && list.last().is_none_or(|&(_, l)| l != line)
                {
                    list.push((i, line));
                }
            }
        }
        list
    }

    /// What the loop itself does for the first instruction of a block.
    fn special(&mut self, id: usize, address: u32, now: u64) -> Option<Flow> {
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

    /// The bases that must be aligned when a block is entered, so that no transfer in it is misaligned; `None`
    /// when a base changes on the way.
    fn alignment(&self, insns: &[Insn]) -> Option<RegisterSet> {
        let (mut changed, mut bases) = (RegisterSet::NONE, RegisterSet::NONE);
        for insn in insns {
            let mut writes = insn.writes;
            if let (true, Some(a)) = (needs_aligned_base(insn), insn.addressing) {
                let base = RegisterSet::one(u32::from(a.base));
                if changed.meets(base) {
                    return None;
                }
                bases = bases.with(base);
                let loaded = insn.class == Class::LoadMultiple && insn.register_list().meets(base);
                if a.writeback && !loaded {
                    writes = writes.without(base);
                }
            }
            changed = changed.with(writes);
        }
        Some(bases)
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
        let state = self.state_after_first(id, false);
        self.count_one(id);
        self.rest(start, state);
        self.redirect_to(insn.end(), it, None)
    }

    pub(super) fn state_after_first(&mut self, id: usize, executed: bool) -> StateId {
        let (pipe, _) = self.states.get(self.variants[id].entry);
        let insn = self.blocks[self.variants[id].block].insns[0];
        let pipe = crate::timing::Pipe::after(&pipe, &insn, executed);
        self.states.intern(pipe, false)
    }

    /// Count the first instruction of a block that the loop carried out itself.
    pub(super) fn count_one(&mut self, id: usize) {
        self.other_insns = self.other_insns.wrapping_add(1);
        self.ledger.measured += u64::from(self.variants[id].starts[0]);
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

/// Instructions that the engine does not carry out as the architecture says.
fn is_special(insn: &Insn) -> bool {
    matches!(
        insn.class,
        Class::Wfi | Class::Wfe | Class::Sev | Class::Yield | Class::Undefined
    )
}

/// LDM, STM, LDRD, STRD, LDREX, STREX fault on unaligned addresses whatever CCR says (DDI 0403E A3.2.1).
fn needs_aligned_base(insn: &Insn) -> bool {
    let Some(a) = insn.addressing else {
        return false;
    };
    if a.base == 13 || a.base == 15 {
        return false; // SP is always a multiple of four; literals too
    }
    let exclusive = insn.size == 4 && insn.raw & 0xFF60_0000 == 0xE840_0000 && a.width > 1;
    exclusive
        || matches!(
            insn.class,
            Class::LoadMultiple
                | Class::LoadMultiplePc
                | Class::StoreMultiple
                | Class::LoadDual
                | Class::StoreDual
                | Class::FpLoadMultiple
                | Class::FpStoreMultiple
                | Class::FpLoad
                | Class::FpStore
        )
}

/// The largest part of at most `k` instructions in which no instruction but the first meets a test.
fn part_before(insns: &[Insn], k: usize, test: impl Fn(&Insn) -> bool) -> usize {
    insns[..k]
        .iter()
        .skip(1)
        .position(test)
        .map_or(k, |i| i + 1)
}
