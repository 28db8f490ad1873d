//! Accounting: the time of each instruction, from the block that holds it.
//!
//! A block is accounted when the next one is about to run, or in part when it is left early. What depends on
//! data is settled then.

use super::blocks::{self, Resolved, StateId, flag};
use super::{Core, Ledger, NO_BLOCK};

impl Core {
    pub(super) fn fold_executions(&mut self) {
        let (insns, ledger) = self.counted();
        self.other_insns = insns;
        self.ledger = ledger;
        for v in &mut self.variants {
            v.executions = 0;
            for (_, r) in &mut v.by_mask {
                r.executions = 0;
            }
        }
    }

    /// Instructions and cycles accounted so far, with the counts that the variants hold.
    pub(super) fn counted(&self) -> (u64, Ledger) {
        let (mut insns, mut ledger) = (self.other_insns, self.ledger);
        let mut add = |times: u64, cycles: &[u32; 3]| {
            ledger.exact += times * u64::from(cycles[0]);
            ledger.measured += times * u64::from(cycles[1]);
            ledger.estimate += times * u64::from(cycles[2]);
        };
        for v in &self.variants {
            insns = insns.wrapping_add(v.executions * u64::from(v.count));
            if v.flags & flag::DYNAMIC == 0 {
                add(v.executions, &v.ledger);
            } else {
                for (_, r) in &v.by_mask {
                    add(r.executions, &r.ledger);
                }
            }
        }
        (insns, ledger)
    }

    /// Instructions executed so far.
    pub(crate) fn executed(&self) -> u64 {
        self.counted().0
    }

    /// What is known of the running block's dynamic sites before instruction `upto`: the mask of conditions
    /// that held and the extra cycles of operands.
    pub(super) fn settle_inputs(&mut self, upto: usize) -> (u32, u64) {
        let variant = &self.variants[self.current];
        let block = &self.blocks[variant.block];
        let (mut mask, mut extra) = (self.inputs.mask, 0u64);
        for (bit, d) in block.dynamics.iter().enumerate() {
            if d.index >= upto {
                break;
            }
            if d.condition == Some(blocks::When::End) {
                let holds = self.cpu.condition(block.insns[d.index].condition);
                mask = (mask & !(1 << bit)) | u32::from(holds) << bit;
            }
            if d.condition.is_some() && mask >> bit & 1 == 0 {
                continue;
            }
            extra += match d.operands {
                Some((n, m, blocks::When::End)) => u64::from(self.model.operand_cycles(
                    &block.insns[d.index],
                    self.cpu.r(n),
                    self.cpu.r(m),
                )),
                Some(_) => u64::from(self.inputs.extra[bit]),
                None => 0,
            };
        }
        (mask, extra)
    }

    pub(super) fn resolved(&mut self, variant: usize, mask: u32) -> usize {
        if let Some(i) = self.variants[variant]
            .by_mask
            .iter()
            .position(|(m, _)| *m == mask)
        {
            return i;
        }
        let v = &self.variants[variant];
        let r: Resolved = blocks::resolve(
            &self.blocks[v.block],
            v.entry,
            mask,
            &mut self.states,
            self.model.as_ref(),
        );
        let list = &mut self.variants[variant].by_mask;
        list.push((mask, r));
        list.len() - 1
    }

    /// First execute cycle of instruction `index` of the running block. Valid while the block stands before
    /// that instruction.
    pub(super) fn start_of(&mut self, index: usize) -> u64 {
        let variant = self.current;
        if variant == NO_BLOCK {
            return self.t0;
        }
        let penalty = u64::from(self.penalty);
        if self.variants[variant].flags & flag::DYNAMIC == 0 {
            return self.t0 + u64::from(self.variants[variant].starts[index]) + penalty;
        }
        let (mask, extra) = self.settle_inputs(index);
        let i = self.resolved(variant, mask);
        self.t0 + u64::from(self.variants[variant].by_mask[i].1.starts[index]) + extra + penalty
    }

    /// Account the first `upto` instructions of the running block, and rest behind them. Returns the start of
    /// the last one accounted (extra cycles of its operands included) and the state it left; `next` is where
    /// the program goes on.
    pub(super) fn finish(&mut self, upto: usize, next: u32) -> (u64, StateId) {
        let id = self.current;
        if id == NO_BLOCK {
            return (self.t0, self.resting_state());
        }
        let count = self.variants[id].count as usize;
        if upto == 0 {
            let state = self.variants[id].entry;
            let now = self.t0;
            self.rest(now, state);
            return (now, state);
        }
        let whole = upto >= count;
        let dynamic = self.variants[id].flags & flag::DYNAMIC != 0;
        let (mask, extra) = if dynamic {
            self.settle_inputs(upto)
        } else {
            (0, 0)
        };
        let penalty = u64::from(self.penalty);
        let by_mask = if dynamic {
            Some(self.resolved(id, mask))
        } else {
            None
        };
        self.touch_lines(upto);
        let v = &mut self.variants[id];
        let taken = next != v.end;
        let (cycles, exit) = match by_mask {
            Some(i) => {
                let r = &mut v.by_mask[i].1;
                r.executions += u64::from(whole);
                (
                    r.starts[upto - 1],
                    if taken { r.exit_taken } else { r.exit_next },
                )
            }
            None => (
                v.starts[upto - 1],
                if taken { v.exit_taken } else { v.exit_next },
            ),
        };
        let now = self.t0 + u64::from(cycles) + extra + penalty;
        self.ledger.wait_states += penalty;
        self.ledger.estimate += extra;
        let state = if whole {
            v.executions += 1;
            exit
        } else {
            self.part(id, mask, upto)
        };
        self.rest(now, state);
        (now, state)
    }

    /// Account the first `upto` instructions of a block; gives the state behind them.
    pub(super) fn part(&mut self, variant: usize, mask: u32, upto: usize) -> StateId {
        let v = &self.variants[variant];
        let key = (upto, mask);
        let (state, ledger) = match v.parts.iter().find(|p| p.0 == key) {
            Some(p) => p.1,
            None => {
                let part = blocks::part(
                    &self.blocks[v.block],
                    v.entry,
                    mask,
                    upto,
                    &mut self.states,
                    self.model.as_ref(),
                );
                self.variants[variant].parts.push((key, part));
                part
            }
        };
        self.other_insns = self.other_insns.wrapping_add(upto as u64);
        self.ledger.exact += u64::from(ledger[0]);
        self.ledger.measured += u64::from(ledger[1]);
        self.ledger.estimate += u64::from(ledger[2]);
        state
    }

    /// Tell the flash which lines the first `upto` instructions of the running block have fetched.
    pub(super) fn touch_lines(&mut self, upto: usize) {
        if self.variants[self.current].flags & flag::LINES == 0 {
            return;
        }
        let block = self.variants[self.current].block;
        for i in 0..self.blocks[block].lines.len() {
            let (index, line) = self.blocks[block].lines[i];
            if index < upto {
                let at = self.start_of(index);
                if let Some(flash) = &mut self.flash {
                    flash.touch(line, at);
                }
            }
        }
    }
}
