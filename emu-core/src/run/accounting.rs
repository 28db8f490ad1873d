//! Accounting: the time of each instruction, from the block that holds it.
//!
//! A block is accounted when the next one is about to run, or in part when it is left early. What depends on
//! data is settled then.

use super::blocks::{Resolved, StateId, flag};
use super::sites::Key;
use super::{Core, Ledger, NO_BLOCK};
use crate::timing::Spent;

impl Ledger {
    /// Add what something took, `times` over.
    pub(crate) fn add(&mut self, times: u64, spent: &Spent) {
        let [exact, measured, estimate] = spent.provenances.map(|n| times * u64::from(n));
        self.exact += exact;
        self.measured += measured;
        self.estimate += estimate;
        for (sum, n) in self.kinds.iter_mut().zip(spent.kinds) {
            *sum += times * u64::from(n);
        }
    }
}

impl Core {
    pub(super) fn fold_executions(&mut self) {
        self.profile_folded();
        let (insns, ledger) = self.counted();
        self.other_insns = insns;
        self.ledger = ledger;
        for v in &mut self.variants {
            v.executions = 0;
            for (_, r) in &mut v.by_key {
                r.executions = 0;
            }
        }
    }

    /// Instructions and cycles accounted so far, with the counts that the variants hold.
    pub(super) fn counted(&self) -> (u64, Ledger) {
        let mut ledger = self.ledger;
        for v in &self.variants {
            if v.flags & flag::LATE == 0 {
                ledger.add(v.executions, &v.spent);
            } else {
                for (_, r) in &v.by_key {
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

    /// Index in `by_key` of a variant's cost with all inputs known.
    fn resolved(&mut self, variant: usize, key: Key) -> usize {
        let v = &self.variants[variant];
        if let Some(i) = v.by_key.iter().position(|(k, _)| *k == key) {
            return i;
        }
        let r: Resolved = self.remembered(v.block, v.entry, key, usize::MAX);
        let list = &mut self.variants[variant].by_key;
        list.push((key, r));
        list.len() - 1
    }

    /// First execute cycle of instruction `index` of the running block. Valid while the block stands before
    /// that instruction.
    pub(super) fn start_of(&mut self, index: usize) -> u64 {
        let id = self.current;
        if id == NO_BLOCK {
            return self.t0;
        }
        let v = &self.variants[id];
        if self.misses || v.flags & flag::LATE != 0 {
            let (block, state) = (v.block, v.entry);
            let key = if v.flags & flag::LATE != 0 {
                // What is late is not written from its instruction on: it can be read at it, too.
                self.settle_inputs(index + 1)
            } else {
                v.key
            };
            if self.misses || self.late_data_misses(block, index) {
                let r = self.live(block, state, key, index + 1, self.t0);
                self.roll_back();
                return self.t0 + self.wait_of(index) + u64::from(r.starts[index]);
            }
            let i = self.resolved(id, key);
            return self.t0 + self.waited + u64::from(self.variants[id].by_key[i].1.starts[index]);
        }
        self.t0 + self.waited + u64::from(v.starts[index])
    }

    /// A live walk through `upto` instructions has happened.
    pub(super) fn keep(&mut self, r: &Resolved, upto: usize) {
        if let Some(flash) = &mut self.flash {
            flash.keep();
        }
        self.account(&r.spent, upto);
    }

    /// Count instructions and their cycles.
    pub(super) fn account(&mut self, spent: &Spent, insns: usize) {
        self.ledger.add(1, spent);
        self.other_insns = self.other_insns.wrapping_add(insns as u64);
    }

    /// Account the first `upto` instructions of the running block, and rest behind them. Returns the start of
    /// the last one accounted and the state it left; `next` is where the program goes on.
    pub(super) fn finish(&mut self, upto: usize, next: u32) -> (u64, StateId) {
        let id = self.current;
        if id == NO_BLOCK {
            return (self.t0, self.resting_state());
        }
        let v = &self.variants[id];
        let (block, entry, t0) = (v.block, v.entry, self.t0);
        let count = v.count as usize;
        if upto == 0 {
            self.rest(t0, entry);
            return (t0, entry);
        }
        let whole = upto >= count;
        let taken = next != v.end;
        let late = v.flags & flag::LATE != 0;
        let key = if late {
            self.settle_inputs(upto)
        } else {
            v.key
        };
        let misses = self.misses || late && self.late_data_misses(block, upto);
        if misses {
            let as_foreseen = whole && self.misses && !late && self.waits.is_empty();
            let r = if as_foreseen {
                if let Some(flash) = &mut self.flash {
                    flash.take_up();
                }
                std::mem::take(&mut self.foreseen)
            } else {
                self.live(block, entry, key, upto, t0)
            };
            self.keep(&r, upto);
            // The walk knows all waits but that of the last instruction.
            let own = self.wait_of(upto - 1);
            self.profile_part(block, &r.starts, &[(upto - 1, own)], whole.then_some(next));
            let now = t0 + own + u64::from(r.starts[upto - 1]);
            let state = if whole && taken {
                r.exit_taken
            } else {
                r.exit_next
            };
            self.rest(now, state);
            return (now, state);
        }
        self.touch_lines(block, upto, key);
        let (cycles, state) = if whole {
            let by_key = late.then(|| self.resolved(id, key));
            if self.profiler.is_some() {
                self.profile_block(by_key, next);
            }
            let exits = if let Some(i) = by_key {
                let r = &mut self.variants[id].by_key[i].1;
                r.executions += 1;
                (r.starts[upto - 1], r.exit_taken, r.exit_next)
            } else {
                let v = &self.variants[id];
                (v.starts[upto - 1], v.exit_taken, v.exit_next)
            };
            self.variants[id].executions += 1;
            (exits.0, if taken { exits.1 } else { exits.2 })
        } else {
            let key = key.first(self.blocks[block].sites_before(upto));
            self.part(id, key, upto)
        };
        let now = t0 + self.waited + u64::from(cycles);
        self.rest(now, state);
        (now, state)
    }

    /// Account the first `upto` instructions of a block that hits; gives the start of the last one and the state
    /// behind it.
    pub(super) fn part(&mut self, variant: usize, key: Key, upto: usize) -> (u32, StateId) {
        if self.profiler.is_some() {
            let v = &self.variants[variant];
            let (block, entry) = (v.block, v.entry);
            let starts = self.remembered(block, entry, key, upto).starts;
            let waits = std::mem::take(&mut self.waits);
            self.profile_part(block, &starts, &waits, None);
            self.waits = waits;
        }
        let v = &self.variants[variant];
        let part = match v.parts.iter().find(|p| p.0 == (upto, key)) {
            Some(p) => p.1,
            None => {
                let (block, entry) = (v.block, v.entry);
                let r = self.remembered(block, entry, key, upto);
                let part = (r.starts[upto - 1], r.exit_next, r.spent);
                self.variants[variant].parts.push(((upto, key), part));
                part
            }
        };
        self.other_insns = self.other_insns.wrapping_add(upto as u64);
        self.ledger.add(1, &part.2);
        (part.0, part.1)
    }
}
