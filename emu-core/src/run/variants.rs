//! Decoded blocks and their variants: found, or made at first use.

use super::blocks::{self, Block, StateId, Variant, When, flag};
use super::{Core, MAX_VARIANTS, multiple};
use crate::decode::{Class, Insn, RegisterSet};
use crate::machine::Stop;
use crate::memory::MemoryKind;

impl Core {
    /// The variant of a block; `None` when its code has to be translated again first.
    pub(super) fn variant(
        &mut self,
        address: u32,
        size: u32,
        it: u8,
        state: StateId,
    ) -> Option<usize> {
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
            parts: Vec::new(),
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
    pub(super) fn latest_starts(&self, v: &Variant) -> Vec<u32> {
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

    pub(super) fn unchanged(&self, block: usize) -> bool {
        let b = &self.blocks[block];
        self.bus.memory.slice(b.address, b.bytes.len()) == Some(&b.bytes[..])
    }

    pub(super) fn add_block(&mut self, address: u32, size: u32, it: u8) -> Option<usize> {
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
        let set = |flags: &mut u16, bit: u16, on: bool| {
            if on {
                *flags |= bit;
            }
        };
        set(&mut flags, flag::SPECIAL, special.is_some());
        set(&mut flags, flag::RAM, in_ram);
        set(&mut flags, flag::FP, insns.iter().any(|i| i.class.is_fp()));
        let conditional_fp = insns.iter().any(|i| i.class.is_fp() && i.is_predicated());
        set(&mut flags, flag::FP_PREDICATED, conditional_fp);
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
    pub(super) fn lines_of(&self, insns: &[Insn]) -> Vec<(usize, u32)> {
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

    /// The bases that must be aligned when a block is entered, so that no transfer in it is misaligned; `None`
    /// when a base changes on the way.
    pub(super) fn alignment(&self, insns: &[Insn]) -> Option<RegisterSet> {
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
}

/// Instructions that the engine does not carry out as the architecture says.
fn is_special(insn: &Insn) -> bool {
    matches!(
        insn.class,
        Class::Wfi | Class::Wfe | Class::Sev | Class::Yield | Class::Undefined
    )
}

/// LDM, STM, LDRD, STRD, LDREX, STREX fault on unaligned addresses whatever CCR says (DDI 0403E A3.2.1).
pub(super) fn needs_aligned_base(insn: &Insn) -> bool {
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
