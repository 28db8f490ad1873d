//! Decoded blocks and their variants: found, or made at first use.

use super::blocks::{self, Block, Memory, Resolved, Run, StateId, Variant, flag};
use super::sites::{self, Key, MAX_SITES};
use super::slaves::Slaves;
use super::{Core, MAX_VARIANTS, multiple};
use crate::decode::{Class, Insn};
use crate::memory::MemoryKind;
use crate::timing::flash::Lines;

impl Core {
    /// The block at an address; `None` when its code has to be translated again first.
    pub(super) fn block_at(&mut self, address: u32, size: u32, it: u8) -> Option<usize> {
        if self.variants.len() > MAX_VARIANTS {
            self.clear_blocks();
        }
        match self.block_ids.get(&(address, size, it)) {
            Some(&b) if self.blocks[b].flags & flag::RAM == 0 || self.unchanged(b) => {
                let hooked_in_vain = std::mem::take(&mut self.blocks[b].hooked_in_vain);
                (!(hooked_in_vain && self.translate_plain(size))).then_some(b)
            }
            Some(_) => {
                self.clear_blocks();
                self.add_block(address, size, it)
            }
            None => self.add_block(address, size, it),
        }
    }

    /// The variant of a block for a state and inputs; `first_matters` as [`Core::first_matters`] tells.
    pub(super) fn variant(
        &mut self,
        block: usize,
        state: StateId,
        key: Key,
        first_matters: bool,
    ) -> usize {
        let first = self.lookup.get(&(block as u32, state)).copied();
        let mut at = first;
        while let Some(id) = at {
            let v = &self.variants[id];
            if v.key == key {
                return id;
            }
            at = (v.sibling != 0).then_some(v.sibling as usize);
        }
        let resolved = self.remembered(block, state, key, usize::MAX);
        let b = &self.blocks[block];
        let mut v = Variant {
            block,
            end: b.address.wrapping_add(b.size),
            cycles: resolved.starts.last().copied().unwrap_or(0),
            count: b.insns.len() as u32,
            flags: b.flags,
            exit_next: resolved.exit_next,
            exit_taken: resolved.exit_taken,
            executions: 0,
            entry: state,
            key,
            sibling: 0,
            latest: Vec::new(),
            starts: resolved.starts,
            spent: resolved.spent,
            bound: 0,
            lines: (b.lines.first().map_or(0, |l| l.1), b.lines.len() as u32),
            touched: 0,
            checked: u64::MAX,
            base_key: None,
            first_matters,
            by_key: Vec::new(),
            parts: Vec::new(),
            quick: Vec::new(),
        };
        if let Some((quick, base)) = self.blocks[block].quick_sites(first_matters) {
            (v.quick, v.base_key) = (quick, Some(base));
        }
        if v.flags & flag::LINES != 0 && self.reads_flash_by_pointer(block, key) {
            v.flags |= flag::EAGER;
        }
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
        match first {
            // The chain hangs on the first one, which stays the one that is found.
            Some(first) => {
                let rest = std::mem::replace(&mut self.variants[first].sibling, id as u32);
                self.variants[id].sibling = rest;
            }
            None => {
                self.lookup.insert((block as u32, state), id);
            }
        }
        id
    }

    /// Can the slave of the block's first access matter, behind what `state` has as the last instruction?
    pub(super) fn first_matters(&self, block: usize, state: StateId) -> bool {
        let insns = &self.blocks[block].insns;
        let (first, next) = (&insns[0], insns.get(1));
        let alone = |before: Option<&Insn>| self.model.slave_matters(before, first, next);
        let waits = self.flash.as_ref().is_some_and(|f| f.waits());
        let pipe = self.states.get(state);
        // As behind itself without its own address: what comes before is no load.
        let quiet = pipe.last.is_some_and(|l| !self.model.overlaps(l.class));
        waits
            || self.slaves.differ()
            || self.slaves.io_port().is_some()
            || next.is_none()
            || !quiet
            || alone(Some(&self.nop))
    }

    /// Does a block read flash at addresses that are only known when it runs?
    fn reads_flash_by_pointer(&self, block: usize, key: Key) -> bool {
        let flash = self.slaves.flash();
        let sites = self.blocks[block].sites.iter().take(MAX_SITES).enumerate();
        sites
            .filter(|(_, s)| s.address.is_some())
            .any(|(n, s)| s.late || key.byte(n) >> 1 & 7 == flash)
    }

    /// Cost of the first `upto` instructions of a block whose fetches and reads hit, or do not wait.
    pub(super) fn remembered(
        &mut self,
        block: usize,
        state: StateId,
        key: Key,
        upto: usize,
    ) -> Resolved {
        let run = walk_of(&self.blocks[block], &self.slaves, key, upto, (&[], &[]));
        let entry = self.states.get(state);
        let memory = match &mut self.flash {
            Some(flash) if flash.waits() && !flash.is_cached() => {
                Memory::Flash(flash.walk(&entry.lines, 0))
            }
            _ => Memory::Direct,
        };
        blocks::resolve(&run, entry, &mut self.states, self.model.as_ref(), memory)
    }

    /// Cost of the first `upto` instructions of a block that misses in the flash's caches, which it changes until
    /// the walk is kept or rolled back. `now` is the start of the last instruction before it. Starts include what
    /// the block has waited for devices.
    pub(super) fn live(
        &mut self,
        block: usize,
        state: StateId,
        key: Key,
        upto: usize,
        now: u64,
    ) -> Resolved {
        self.sync_touches();
        let entry = self.states.get(state);
        let known = (&self.addresses[..], &self.waits[..]);
        let run = walk_of(&self.blocks[block], &self.slaves, key, upto, known);
        let memory = match &mut self.flash {
            Some(flash) => Memory::Flash(flash.walk(&Lines::NONE, now)),
            None => Memory::Direct,
        };
        blocks::resolve(&run, entry, &mut self.states, self.model.as_ref(), memory)
    }

    /// Work out the cost of a block that will miss, without leaving a trace in the caches yet.
    pub(super) fn foresee(&mut self, block: usize, state: StateId, key: Key, now: u64) {
        self.foreseen = self.live(block, state, key, usize::MAX, now);
        if let Some(flash) = &mut self.flash {
            flash.set_aside();
        }
    }

    /// An upper bound for the start of each instruction, whatever the data.
    pub(super) fn latest_starts(&self, v: &Variant) -> Vec<u32> {
        let block = &self.blocks[v.block];
        // A late access may go to a slower slave, be no longer pipelined, and wait for flash.
        let wait = self
            .flash
            .as_ref()
            .map_or(0, |f| 2 * (f.settings().wait_states + 1));
        let access = 4 + u32::from(self.slaves.extra().iter().copied().max().unwrap_or(0)) + wait;
        let mut slack = 0;
        let mut sites = block.sites.iter().peekable();
        v.starts
            .iter()
            .enumerate()
            .map(|(i, &s)| {
                let mut at = s + slack;
                if let Some(site) = sites.next_if(|d| d.index == i)
                    && site.late
                {
                    // When it is not skipped after all, it waits for what it reads: a load, an FP result.
                    let own = match site.condition {
                        Some(_) if block.insns[i].class.is_fp() => 32,
                        Some(_) => 14,
                        None => 0,
                    };
                    at += own;
                    slack += own;
                    // A multiple transfer moves at most 16 words; a divide takes at most 12 cycles.
                    slack += if site.operands.is_some() { 12 } else { 0 };
                    slack += if site.condition.is_some() {
                        4 + u32::from(block.insns[i].count).max(14)
                    } else {
                        0
                    };
                    slack += access;
                }
                at
            })
            .collect()
    }

    pub(super) fn unchanged(&self, block: usize) -> bool {
        let b = &self.blocks[block];
        self.bus.memory.slice(b.address, b.bytes.len()) == Some(&b.bytes[..])
    }

    fn add_block(&mut self, address: u32, size: u32, it: u8) -> Option<usize> {
        let place = self.bus.memory.resolve(address);
        self.code_lines.mark(place, size);
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
        let (sites, known, slaves) = self.sites_of(&insns);
        // Sites are read by a hook on every instruction of their blocks, which code is translated with at
        // first; most blocks do without.
        let with_hooks = sites.iter().take(MAX_SITES).enumerate();
        let with_hooks = with_hooks.filter(|(_, s)| s.is_hooked());
        let hooked: Vec<_> = with_hooks
            .map(|(n, s)| (insns[s.index].address, n))
            .collect();
        if hooked.is_empty()
            && self.plain_code.insert((address, size, it))
            && self.translate_plain(size)
        {
            return None;
        }
        let in_ram = self
            .bus
            .memory
            .region_at(address)
            .is_none_or(|r| r.kind == MemoryKind::Ram);
        let mut flags = 0;
        let special = insns.iter().position(|i| self.is_special(i));
        let mut set = |bit: u16, on: bool| {
            if on {
                flags |= bit;
            }
        };
        set(flag::SPECIAL, special.is_some());
        set(flag::RAM, in_ram);
        set(flag::FP, insns.iter().any(|i| i.class.is_fp()));
        let conditional_fp = insns.iter().any(|i| i.class.is_fp() && i.is_predicated());
        set(flag::FP_PREDICATED, conditional_fp);
        set(flag::DIVIDE, insns.iter().any(|i| i.class == Class::Divide));
        set(flag::LATE, sites.iter().any(|s| s.late));
        set(flag::SITES, !sites.is_empty());
        set(
            flag::BREAKPOINT,
            insns.iter().any(|i| self.cuts_at(i.address)),
        );
        let (lines, literals) = self.lines_of(&insns, &known);
        set(flag::LINES, !lines.is_empty());
        for insn in insns
            .iter()
            .filter(|i| i.class == Class::Undefined && special.is_none())
        {
            let insn = *insn;
            self.note_instruction(&insn, "no timing for the instruction");
        }
        let bytes = if in_ram { bytes } else { Vec::new() };
        self.blocks.push(Block {
            address,
            size,
            it,
            multiple: insns.iter().any(|i| i.count > 1),
            insns,
            bytes,
            flags,
            sites,
            special,
            lines,
            literals,
            known,
            slaves,
            hooked,
            hooked_in_vain: false,
            heals: 2,
        });
        let id = self.blocks.len() - 1;
        self.block_ids.insert((address, size, it), id);
        Some(id)
    }

    /// Let the block that is about to run be translated again, without instruction hooks. Not a part of a block.
    fn translate_plain(&mut self, size: u32) -> bool {
        let dropped = self.engine.drop_block_at_pc(size);
        if dropped {
            self.engine.hook_instructions(false);
            self.translating_plain = true;
        }
        dropped
    }

    /// The sites of a run of instructions; the addresses that are always the same, and their slaves.
    #[allow(clippy::type_complexity)]
    fn sites_of(&self, insns: &[Insn]) -> (Vec<sites::Site>, Vec<(usize, u32)>, Vec<u8>) {
        let waits = self
            .flash
            .as_ref()
            .is_some_and(crate::timing::flash::Flash::waits);
        let differ = waits || self.slaves.differ();
        let constant = |address: u32| {
            let region = self.bus.memory.region_at(address)?;
            if region.kind == MemoryKind::Ram {
                return None;
            }
            let bytes = self.bus.memory.slice(address, 4)?;
            Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        };
        let port = self.slaves.io_port().is_some();
        let matters = sites::Matters { differ, port };
        let (sites, known) = sites::find(insns, self.model.as_ref(), matters, &constant);
        let mut slaves = vec![0; insns.len()];
        for &(index, address) in &known {
            slaves[index] = self.slaves.of(address);
        }
        (sites, known, slaves)
    }

    /// The lines of a cached flash that a run of instructions needs, each with the first instruction that needs
    /// it: fetched from, and read from.
    #[allow(clippy::type_complexity)]
    fn lines_of(
        &self,
        insns: &[Insn],
        known: &[(usize, u32)],
    ) -> (Vec<(usize, u32)>, Vec<(usize, u32)>) {
        let (mut lines, mut literals) = (Vec::<(usize, u32)>::new(), Vec::new());
        let Some(flash) = self.flash.as_ref().filter(|f| f.waits() && f.is_cached()) else {
            return (lines, literals);
        };
        let line_of = |address: u32| flash.line_of(address);
        for (i, insn) in insns.iter().enumerate() {
            for at in [insn.address, insn.end().wrapping_sub(1)] {
                if let Some(line) = line_of(at)
                    && lines.last().is_none_or(|&(_, l)| l != line)
                {
                    lines.push((i, line));
                }
            }
        }
        for &(i, address) in known.iter().filter(|k| blocks::moves_words(&insns[k.0])) {
            literals.extend(line_of(address).map(|line| (i, line)));
        }
        (lines, literals)
    }

    /// Instructions that the engine does not carry out as the architecture says.
    fn is_special(&self, insn: &Insn) -> bool {
        match insn.class {
            Class::Wfi | Class::Wfe | Class::Sev | Class::Yield | Class::Undefined => true,
            Class::Msr => self.bus.system.is_v7m() && insn.raw & 0xFF >= super::pass::BASEPRI,
            _ => false,
        }
    }
}

/// A walk through the first `upto` instructions of a block; `known` are the addresses of its accesses and what it has
/// waited for devices.
fn walk_of<'a>(
    block: &'a Block,
    slaves: &'a Slaves,
    key: Key,
    upto: usize,
    (addresses, waits): (&'a [u32], &'a [(usize, u64)]),
) -> Run<'a> {
    Run {
        block,
        key,
        upto: upto.min(block.insns.len()),
        extra: slaves.extra(),
        flash: slaves.flash(),
        io_port: slaves.io_port(),
        addresses,
        waits,
    }
}
