//! Where the cycles go, for those who ask: [`crate::profile`].

use super::blocks::{NumberMap, flag};
use super::{Core, Sleep};
use crate::decode::Insn;
use crate::profile::profiler::{Profiler, add};
use crate::profile::{Counts, Functions, Profile};

impl Core {
    /// Count from now on, by the ranges of functions.
    pub(crate) fn enable_profile(&mut self, functions: Functions) {
        self.fold_executions();
        let exception = self.cpu.ipsr();
        self.profiler = Some(Box::new(Profiler::new(functions, self.t0, exception)));
    }

    /// What was counted, up to cycle `now`.
    pub(crate) fn profile(&self, now: u64) -> Option<Profile> {
        let p = self.profiler.as_ref()?;
        let mut instructions = p.instructions.clone();
        self.multiply_out(&mut instructions);
        let tail = now.saturating_sub(self.t0);
        Some(p.profile(instructions, now, tail, self.sleep != Sleep::Awake))
    }

    /// The cycles that the variants' counts stand for.
    fn multiply_out(&self, to: &mut NumberMap<u32, Counts>) {
        for v in &self.variants {
            let Some(block) = self.blocks.get(v.block) else {
                continue;
            };
            if v.flags & flag::LATE == 0 {
                if v.executions > 0 {
                    add(to, &block.insns, &v.starts, v.executions);
                }
                continue;
            }
            for (_, r) in v.by_key.iter().filter(|(_, r)| r.executions > 0) {
                add(to, &block.insns, &r.starts, r.executions);
            }
        }
    }

    /// The variants' counts are about to be forgotten.
    pub(super) fn profile_folded(&mut self) {
        if let Some(mut p) = self.profiler.take() {
            self.multiply_out(&mut p.instructions);
            self.profiler = Some(p);
        }
    }

    /// The running block, whose execution was counted, has run to its end and goes on at `next`. Late inputs gave
    /// the costs `by_key`.
    #[cold]
    #[inline(never)]
    pub(super) fn profile_block(&mut self, by_key: Option<usize>, next: u32) {
        let Some(p) = &mut self.profiler else { return };
        let v = &self.variants[self.current];
        let insns = &self.blocks[v.block].insns;
        let starts = by_key.map_or(&v.starts, |i| &v.by_key[i].1.starts);
        p.executed(insns, starts, &self.waits, true);
        if let Some(last) = insns.last() {
            p.stack.transfer(last, next, self.cpu.r(13));
        }
    }

    /// The first instructions of a block were executed, at these starts; the program went on at `next`, if they are
    /// the whole block.
    pub(super) fn profile_part(
        &mut self,
        block: usize,
        starts: &[u32],
        waits: &[(usize, u64)],
        next: Option<u32>,
    ) {
        let Some(p) = &mut self.profiler else { return };
        let insns = &self.blocks[block].insns[..starts.len()];
        p.executed(insns, starts, waits, false);
        if let (Some(last), Some(next)) = (insns.last(), next) {
            p.stack.transfer(last, next, self.cpu.r(13));
        }
    }

    /// One instruction was executed, so many cycles behind the start of the last one.
    pub(super) fn profile_one(&mut self, insn: &Insn, cycles: u32) {
        if let Some(p) = &mut self.profiler {
            p.executed(&[*insn], &[cycles], &[], false);
        }
    }

    /// The last instruction took so many cycles more.
    pub(super) fn profile_waited(&mut self, cycles: u64) {
        if let Some(p) = &mut self.profiler {
            p.charge(cycles);
        }
    }

    /// An instruction that was counted is taken back, to start again.
    pub(super) fn profile_abandoned(&mut self, address: u32) {
        if let Some(p) = &mut self.profiler {
            p.abandoned(address);
        }
    }

    /// The rest of the instruction at `address` was executed, `cycles` long.
    pub(super) fn profile_continued(&mut self, address: u32, cycles: u64) {
        if let Some(p) = &mut self.profiler {
            p.continued(address, cycles);
        }
    }

    /// The first handler instruction of an exception starts at `at`. The frame is at the stack pointer, unless it is
    /// tail-chained.
    pub(super) fn profile_exception(&mut self, number: u16, at: u64, tail_chained: bool) {
        if self.profiler.is_none() {
            return;
        }
        let frame = self.cpu.r(13);
        let pc = crate::device::Width::Word;
        let return_address = self.bus.memory.load(frame.wrapping_add(0x18), pc);
        let cycles = at - self.t0;
        if let Some(p) = &mut self.profiler {
            let frame = (!tail_chained).then_some(frame);
            p.entered(number, frame, return_address.unwrap_or(0) & !1, cycles);
        }
    }

    /// The frame at `frame` was popped, to go on at `pc` in cycle `resume`.
    pub(super) fn profile_return(&mut self, frame: u32, pc: u32, resume: u64) {
        let (t0, to) = (self.t0, self.cpu.ipsr());
        if let Some(p) = &mut self.profiler {
            p.returned(frame, pc & !1, to, resume - t0);
        }
    }

    /// Slept so many cycles.
    pub(super) fn profile_sleep(&mut self, cycles: u64) {
        if let Some(p) = &mut self.profiler {
            p.slept(cycles);
        }
    }

    /// A reset at cycle `at`.
    pub(super) fn profile_reset(&mut self, at: u64) {
        let t0 = self.t0;
        if let Some(p) = &mut self.profiler {
            p.reset(at.saturating_sub(t0));
        }
    }

    /// The machine goes on from a snapshot: it counts from there.
    pub(super) fn profile_restored(&mut self) {
        let (t0, exception) = (self.t0, self.cpu.ipsr());
        if let Some(p) = &mut self.profiler {
            p.restored(t0, exception);
        }
    }
}
