//! Where the cycles go, for those who ask: [`crate::profile`].

use super::Core;
use super::blocks::flag;
use super::decode::{Class, Insn};
use crate::profile::profiler::{Profiler, add};
use crate::profile::{Counts, Functions, Profile, Transfer};
use crate::run::blocks::NumberMap;

/// The stack pointer, by the calling convention.
const SP: usize = 2;

/// What `insn` did when `next` came behind it.
fn transfer(insn: &Insn, next: u32) -> Transfer {
    match insn.class {
        Class::Branch if next == insn.end() => Transfer::None,
        Class::Jump | Class::JumpRegister if insn.is_call() => Transfer::Call,
        Class::Branch | Class::Jump => Transfer::Jump,
        Class::JumpRegister => Transfer::Register,
        _ => Transfer::None,
    }
}

impl Core {
    /// Number of the trap whose handler runs; 0 for none.
    fn handled(&self) -> u16 {
        self.active.last().copied().unwrap_or(0)
    }

    /// Count from now on, by the ranges of functions.
    pub(crate) fn enable_profile(&mut self, functions: Functions) {
        self.fold_executions();
        let profiler = Profiler::new(functions, self.t0, self.handled());
        self.profiler = Some(Box::new(profiler));
    }

    /// What was counted, up to cycle `now`.
    pub(crate) fn profile(&self, now: u64) -> Option<Profile> {
        let p = self.profiler.as_ref()?;
        let mut instructions = p.instructions.clone();
        self.multiply_out(&mut instructions);
        let tail = now.saturating_sub(self.t0);
        Some(p.profile(instructions, now, tail, self.asleep))
    }

    /// The cycles that the variants' counts stand for.
    fn multiply_out(&self, to: &mut NumberMap<u32, Counts>) {
        for v in &self.variants {
            let Some(block) = self.blocks.get(v.block) else {
                continue;
            };
            if v.flags & flag::DYNAMIC == 0 {
                if v.executions > 0 {
                    add(to, &block.insns, &v.starts, v.executions);
                }
                continue;
            }
            for (_, r) in v.by_divide.iter().filter(|(_, r)| r.executions > 0) {
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

    /// The running block, whose execution is counted, has run to its end and goes on at `next`. Divisions gave the
    /// costs `by_divide`.
    #[cold]
    #[inline(never)]
    pub(super) fn profile_block(&mut self, by_divide: Option<usize>, next: u32) {
        let Some(p) = &mut self.profiler else { return };
        let v = &self.variants[self.current];
        let insns = &self.blocks[v.block].insns;
        let starts = by_divide.map_or(&v.starts, |i| &v.by_divide[i].1.starts);
        p.executed(insns, starts, &[], true);
        if let Some(last) = insns.last() {
            let site = (last.address, last.end());
            p.stack
                .follow(transfer(last, next), site, next, self.cpu.x(SP));
        }
    }

    /// The first `upto` instructions of a variant were executed. None of them transfers.
    pub(super) fn profile_part(&mut self, variant: usize, latencies: u64, upto: usize) {
        if self.profiler.is_none() {
            return;
        }
        let dynamic = self.variants[variant].flags & flag::DYNAMIC != 0;
        let resolved = dynamic.then(|| self.resolved(variant, latencies));
        let v = &self.variants[variant];
        let starts = resolved.map_or(&v.starts, |i| &v.by_divide[i].1.starts);
        let insns = &self.blocks[v.block].insns[..upto];
        if let Some(p) = &mut self.profiler {
            p.executed(insns, &starts[..upto], &[], false);
        }
    }

    /// Trap `number` was entered in so many cycles; it returns to `epc`.
    pub(super) fn profile_trap(&mut self, number: u16, epc: u32, cycles: u64) {
        let sp = self.cpu.x(SP);
        if let Some(p) = &mut self.profiler {
            p.entered(number, Some(sp), epc, cycles);
        }
    }

    /// MRET was executed, to `pc`.
    pub(super) fn profile_return(&mut self, pc: u32) {
        let (sp, to) = (self.cpu.x(SP), self.handled());
        if let Some(p) = &mut self.profiler {
            p.stack.leave(sp, pc, to);
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
        let cycles = at.saturating_sub(self.t0);
        if let Some(p) = &mut self.profiler {
            p.reset(cycles);
        }
    }

    /// The machine goes on from a snapshot: it counts from there.
    pub(super) fn profile_restored(&mut self) {
        let (t0, exception) = (self.t0, self.handled());
        if let Some(p) = &mut self.profiler {
            p.restored(t0, exception);
        }
    }
}
