//! Decoded blocks and their variants: found, or made at first use.

use super::blocks::{self, Block, StateId, Variant, When, flag};
use super::decode::{self, Class, Insn};
use super::{Core, MAX_VARIANTS, align};
use crate::memory::MemoryKind;

impl Core {
    /// The variant of a block, entered in a state. The core rests.
    pub(super) fn variant(&mut self, address: u32, size: u32, state: StateId) -> (usize, StateId) {
        let mut state = state;
        if let Some(&id) = self.lookup.get(&(address, size, state)) {
            let v = &self.variants[id];
            if v.flags & flag::RAM == 0 || self.unchanged(v.block) {
                return (id, state);
            }
            state = self.clear_and_keep(state);
        }
        if self.variants.len() > MAX_VARIANTS || self.states.count() > MAX_VARIANTS {
            state = self.clear_and_keep(state);
        }
        let block = match self.block_ids.get(&(address, size)) {
            Some(&b) if self.blocks[b].flags & flag::RAM == 0 || self.unchanged(b) => b,
            Some(_) => {
                state = self.clear_and_keep(state);
                self.add_block(address, size)
            }
            None => self.add_block(address, size),
        };
        let resolved = blocks::resolve(&self.blocks[block], state, 0, &mut self.states, self.model);
        let b = &self.blocks[block];
        let latest = blocks::latest(b, state, &self.states, self.model);
        let last = b.insns.last();
        self.variants.push(Variant {
            block,
            end: address.wrapping_add(size),
            cycles: resolved.starts.last().copied().unwrap_or(0),
            count: b.insns.len() as u32,
            flags: b.flags,
            exits: resolved.exits,
            transfer: last.map_or((super::timing::predictor::Transfer::Jump, 0), |i| {
                (blocks::transfer(i), i.address)
            }),
            register: last.is_some_and(|i| i.class == Class::JumpRegister),
            executions: 0,
            entry: state,
            bound: latest.last().copied().unwrap_or(0),
            starts: resolved.starts,
            latest,
            spent: resolved.spent,
            by_divide: Vec::new(),
            parts: Vec::new(),
        });
        let id = self.variants.len() - 1;
        self.lookup.insert((address, size, state), id);
        (id, state)
    }

    /// Forget all blocks; the id of the state that execution goes on from changes with it.
    fn clear_and_keep(&mut self, state: StateId) -> StateId {
        let pipe = self.states.get(state).clone();
        self.clear_blocks();
        let state = self.states.intern(pipe);
        let now = self.t0;
        self.rest(now, state);
        state
    }

    fn unchanged(&self, block: usize) -> bool {
        let b = &self.blocks[block];
        self.bus.memory.slice(b.address, b.bytes.len()) == Some(&b.bytes[..])
    }

    fn add_block(&mut self, address: u32, size: u32) -> usize {
        let place = self.bus.memory.resolve(address);
        self.code_lines.mark(place, size);
        let bytes = self
            .bus
            .memory
            .slice(address, size as usize)
            .map(<[u8]>::to_vec)
            .unwrap_or_default();
        let mut insns = decode::run(address, &bytes);
        if insns.is_empty() {
            insns.push(decode::one(address, &[0, 0]));
        }
        let in_ram = self
            .bus
            .memory
            .region_at(address)
            .is_none_or(|r| r.kind == MemoryKind::Ram);
        let sites = blocks::sites(&insns);
        let special = insns.iter().position(is_special);
        let alignment = if self.model.traps_misaligned {
            align::alignment(&insns)
        } else {
            align::Alignment::default()
        };
        let flags = [
            (flag::SPECIAL, special.is_some()),
            (flag::RAM, in_ram),
            (flag::DYNAMIC, !sites.is_empty()),
            (
                flag::ALIGNED,
                alignment.more || !alignment.checks.is_empty(),
            ),
            (
                flag::BREAKPOINT,
                insns.iter().any(|i| self.cuts_at(i.address)),
            ),
            (
                flag::TRANSFER,
                insns.last().is_some_and(|i| i.class.transfers()),
            ),
        ];
        let flags = flags
            .iter()
            .filter(|(_, on)| *on)
            .fold(0, |all, (bit, _)| all | bit);
        let late = |s: &&blocks::Site| s.when == When::First && s.index > 0;
        let first = sites.iter().find(late).map(|s| s.index);
        let first = [first, sites.get(blocks::MAX_SITES).map(|s| s.index)]
            .into_iter()
            .flatten()
            .min();
        self.blocks.push(Block {
            address,
            bytes: if in_ram { bytes } else { Vec::new() },
            flags,
            sites,
            special,
            first,
            alignment,
            insns,
        });
        let id = self.blocks.len() - 1;
        self.block_ids.insert((address, size), id);
        id
    }
}

/// Instructions that the engine would carry out itself, and not as this core does, or that it reports in a way
/// that cannot be resumed. Other privileged ones come back from it as illegal.
fn is_special(insn: &Insn) -> bool {
    match insn.class {
        Class::Wfi | Class::Ebreak | Class::Illegal => true,
        // The user views of counters: the engine would read the host's clock.
        Class::CsrRead | Class::CsrWrite => insn.csr() >> 8 & 3 == 0,
        _ => false,
    }
}
