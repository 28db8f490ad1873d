//! Accounting: the cycle of each instruction, from the block that holds it.

use super::blocks::{self, StateId, When, flag};
use super::timing::Prediction;
use super::timing::predictor::Transfer;
use super::{Core, NO_BLOCK};
use crate::run::Ledger;

impl Core {
    pub(super) fn fold_executions(&mut self) {
        self.profile_folded();
        let (insns, ledger) = self.counted();
        self.other_insns = insns;
        self.ledger = ledger;
        for v in &mut self.variants {
            v.executions = 0;
            for (_, r) in &mut v.by_divide {
                r.executions = 0;
            }
        }
    }

    /// Instructions and cycles accounted so far, with the counts that the variants hold.
    pub(super) fn counted(&self) -> (u64, Ledger) {
        let mut ledger = self.ledger;
        for v in &self.variants {
            if v.flags & flag::DYNAMIC == 0 {
                ledger.add(v.executions, &v.spent);
            } else {
                for (_, r) in &v.by_divide {
                    ledger.add(r.executions, &r.spent);
                }
            }
        }
        (self.executed(), ledger)
    }

    /// Instructions executed so far.
    pub(crate) fn executed(&self) -> u64 {
        // Asked for with every step: without the ledger.
        self.variants.iter().fold(self.other_insns, |n, v| {
            n.wrapping_add(v.executions * u64::from(v.count))
        })
    }

    /// How the branch or jump at the end of a variant turned out: an index into its exits.
    #[inline]
    pub(super) fn outcome(&mut self, variant: usize, next: u32) -> usize {
        let v = &self.variants[variant];
        let ((kind, pc), behind, register) = (v.transfer, v.end, v.register);
        let foreseen = match (&mut self.predictor, self.model.prediction) {
            (Some(p), Prediction::Dynamic) => p.transfer(kind, pc, behind, next),
            _ => kind == Transfer::Branch && next == behind,
        };
        if foreseen {
            0
        } else {
            1 + usize::from(register)
        }
    }

    /// Latency of a division from the registers as they are now.
    fn division(&self, block: usize, index: usize) -> u8 {
        let insn = &self.blocks[block].insns[index];
        let x = |r: u8| self.cpu.x(r.into());
        (self.model.divide_cycles)(x(insn.rs1), x(insn.rs2), insn.is_signed_divide())
    }

    /// The latencies of divisions whose operands are there at the entry of block `id`.
    pub(super) fn latencies_at_entry(&self, id: usize) -> u64 {
        let block = self.variants[id].block;
        let sites = &self.blocks[block].sites;
        let mut all = 0;
        for (n, site) in sites.iter().take(blocks::MAX_SITES).enumerate() {
            if site.when == When::Entry {
                all |= u64::from(self.division(block, site.index)) << (8 * n);
            }
        }
        all
    }

    /// The latencies of the running block's divisions before instruction `upto`.
    fn settled(&self, upto: usize) -> u64 {
        let block = self.variants[self.current].block;
        let mut all = self.latencies;
        let sites = &self.blocks[block].sites;
        for (n, site) in sites.iter().take(blocks::MAX_SITES).enumerate() {
            let shift = 8 * n;
            if site.index >= upto {
                all &= !(0xFF << shift);
            } else if site.when == When::End {
                all |= u64::from(self.division(block, site.index)) << shift;
            }
        }
        all
    }

    pub(super) fn resolved(&mut self, variant: usize, latencies: u64) -> usize {
        let v = &self.variants[variant];
        if let Some(i) = v.by_divide.iter().position(|(l, _)| *l == latencies) {
            return i;
        }
        let block = &self.blocks[v.block];
        let r = blocks::resolve(block, v.entry, latencies, &mut self.states, self.model);
        let list = &mut self.variants[variant].by_divide;
        list.push((latencies, r));
        list.len() - 1
    }

    /// Execute cycle of instruction `index` of the running block. Valid while the block stands before or at
    /// that instruction.
    pub(super) fn start_of(&mut self, index: usize) -> u64 {
        let id = self.current;
        if id == NO_BLOCK {
            return self.t0;
        }
        if self.variants[id].flags & flag::DYNAMIC == 0 {
            return self.t0 + u64::from(self.variants[id].starts[index]);
        }
        let latencies = self.settled(index);
        let i = self.resolved(id, latencies);
        self.t0 + u64::from(self.variants[id].by_divide[i].1.starts[index])
    }

    /// Account the first `upto` instructions of the running block, and rest behind them. Returns the cycle of
    /// the last one accounted and the state it left; `next` is where the program goes on.
    pub(super) fn finish(&mut self, upto: usize, next: u32) -> (u64, StateId) {
        let id = self.current;
        if id == NO_BLOCK {
            return (self.t0, self.resting_state());
        }
        if upto == 0 {
            let (now, state) = (self.t0, self.variants[id].entry);
            self.rest(now, state);
            return (now, state);
        }
        let whole = upto >= self.variants[id].count as usize;
        let dynamic = self.variants[id].flags & flag::DYNAMIC != 0;
        let latencies = if dynamic { self.settled(upto) } else { 0 };
        let resolved = dynamic.then(|| self.resolved(id, latencies));
        let exit = if whole && self.variants[id].flags & flag::TRANSFER != 0 {
            self.outcome(id, next)
        } else {
            0
        };
        if whole && self.profiler.is_some() {
            self.profile_block(resolved, next);
        }
        let v = &mut self.variants[id];
        let (cycles, mut state) = match resolved {
            Some(i) => {
                let r = &mut v.by_divide[i].1;
                r.executions += u64::from(whole);
                (r.starts[upto - 1], r.exits[exit])
            }
            None => (v.starts[upto - 1], v.exits[exit]),
        };
        let now = self.t0 + u64::from(cycles);
        if whole {
            v.executions += 1;
        } else {
            state = self.part(id, latencies, upto);
        }
        self.rest(now, state);
        (now, state)
    }

    /// Account the first `upto` instructions of a variant; gives the state behind them.
    pub(super) fn part(&mut self, variant: usize, latencies: u64, upto: usize) -> StateId {
        self.profile_part(variant, latencies, upto);
        let v = &self.variants[variant];
        let key = (upto, latencies);
        let (state, spent) = match v.parts.iter().find(|p| p.0 == key) {
            Some(p) => p.1,
            None => {
                let block = &self.blocks[v.block];
                let part = blocks::part(
                    block,
                    v.entry,
                    latencies,
                    upto,
                    &mut self.states,
                    self.model,
                );
                self.variants[variant].parts.push((key, part));
                part
            }
        };
        self.other_insns = self.other_insns.wrapping_add(upto as u64);
        self.ledger.add(1, &spent);
        state
    }
}
