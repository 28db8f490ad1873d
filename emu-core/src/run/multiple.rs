//! Instructions that an interrupt cuts short: LDM, STM, PUSH, POP and divides.
//!
//! ARMv7-M keeps its place in ICI and goes on after the return; ARMv6-M, and divides everywhere, start again
//! (DDI 0403E B1.5.10, DDI 0484C §3.3). The engine executes instructions whole: an instruction during which
//! something is due runs as a block of its own, and what it did too much is taken back.

use super::Core;
use super::blocks::SETTLED;
use crate::decode::{Class, Insn, RegisterSet};
use crate::device::Width;
use crate::time::Cycles;

/// What an instruction may have to take back.
#[derive(Clone, Debug)]
pub(super) struct Undo {
    insn: Insn,
    /// When it started.
    start: u64,
    /// The registers before it.
    registers: [u32; 16],
    /// The words that a store overwrites, with their addresses in order of the beats.
    memory: Vec<(u32, u32)>,
}

impl Undo {
    /// The first address of a transfer.
    fn first_address(&self) -> Option<u32> {
        let a = self.insn.addressing?;
        Some(self.registers[usize::from(a.base)].wrapping_add(a.displacement as u32))
    }
}

/// The most cycles that such an instruction occupies the core.
pub(super) fn longest(insn: &Insn) -> u64 {
    match insn.class {
        Class::Divide => 12,
        _ => 1 + u64::from(insn.count),
    }
}

impl Core {
    /// Keep what is needed to cut the instruction short, which starts at `start`.
    pub(super) fn remember(&self, insn: &Insn, start: u64) -> Undo {
        let mut registers = [0; 16];
        for (n, r) in registers.iter_mut().enumerate() {
            *r = self.cpu.r(n);
        }
        let mut memory = Vec::new();
        if insn.class == Class::StoreMultiple {
            let base = self.effective_address(insn);
            for i in 0..u32::from(insn.count) {
                let at = base.wrapping_add(4 * i);
                if let Some(v) = self.bus.memory.load(at, Width::Word) {
                    memory.push((at, v));
                }
            }
        }
        Undo {
            insn: *insn,
            start,
            registers,
            memory,
        }
    }

    /// Exception `number` is about to be taken behind an instruction that could be abandoned. If it came while
    /// the instruction ran, take back what it did too much. Gives the return address and for how many cycles
    /// after `now` the core stays busy.
    pub(super) fn abandon(
        &mut self,
        undo: &Undo,
        number: u16,
        now: u64,
        next: u32,
    ) -> Option<(u32, u64)> {
        let insn = &undo.insn;
        if insn.end() != next {
            return None;
        }
        let pended = self.bus.system.pended_at(number).0;
        let pipe = self.states.get(self.resting_state());
        let over = now + u64::from(self.model.drain(&pipe)).max(1);
        if pended < undo.start || pended + 1 >= over {
            return None;
        }
        let list = insn.register_list();
        // A push starts again: the exception frame goes where its first words went.
        let base = insn.addressing.map_or(0, |a| usize::from(a.base));
        let is_push = insn.class == Class::StoreMultiple && base == 13;
        let continues =
            self.model.exceptions().continues_multiple && insn.class != Class::Divide && !is_push;
        if insn.class != Class::Divide && !self.is_plain_memory(undo, list) {
            return None; // device memory: beats are not repeated
        }
        // The first beat is in the second cycle of the instruction.
        let done = (pended - undo.start).min(u64::from(list.len()).saturating_sub(1)) as usize;
        // A base that is loaded too must still be there for the beats behind it.
        let loaded_base = list
            .iter()
            .position(|r| r == base)
            .filter(|_| insn.class == Class::LoadMultiple);
        let done = done.min(loaded_base.unwrap_or(done));
        let done = if insn.class == Class::Divide { 0 } else { done };
        let kept: RegisterSet = RegisterSet(list.iter().take(done).fold(0, |m, r| m | 1 << r));
        for r in 0..15 {
            let loaded =
                insn.class == Class::LoadMultiple && continues && kept.0 >> r & 1 != 0 && r != base;
            if !loaded && insn.writes.0 >> r & 1 != 0 {
                self.cpu.set_r(r, undo.registers[r]);
            }
        }
        for &(at, v) in undo.memory.iter().skip(done) {
            self.bus.memory.store(at, Width::Word, v);
            self.wrote(at, 4);
        }
        if continues && done > 0 {
            let place = list.iter().nth(done).unwrap_or(0) as u8;
            self.cpu.set_it_state(place << 4);
        }
        self.hit_by_beats(undo, done as u32);
        // The instruction will count again when it is started again.
        if !(continues && done > 0) {
            self.other_insns = self.other_insns.wrapping_sub(1);
            self.profile_abandoned(insn.address);
        }
        Some((insn.address, pended.saturating_sub(now) + 1))
    }

    /// Of the accesses of an abandoned transfer, the first `done` words were made: a watchpoint is hit by those only.
    fn hit_by_beats(&mut self, undo: &Undo, done: u32) {
        self.bus.watchpoints.forget_own();
        let write = undo.insn.class == Class::StoreMultiple;
        let base = undo.first_address().filter(|_| done > 0);
        if let Some(hit) = base.and_then(|at| self.bus.watchpoint_at(at, 4 * done, write)) {
            self.bus.watchpoints.note(hit);
        }
    }

    fn is_plain_memory(&self, undo: &Undo, list: RegisterSet) -> bool {
        let base = undo.first_address();
        base.is_some_and(|at| self.bus.memory.slice(at, 4 * list.len() as usize).is_some())
    }

    /// Go on with a multiple transfer whose place was kept in ICI: registers from `place` on.
    pub(super) fn continue_multiple(&mut self, place: u8, now: u64) {
        let pc = self.cpu.pc();
        let code = self
            .bus
            .memory
            .slice(pc, 4)
            .or_else(|| self.bus.memory.slice(pc, 2))
            .unwrap_or(&[])
            .to_vec();
        let first = code
            .get(..2)
            .map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
        let insn = self.decoder.one(
            pc,
            &code[..code.len().min(self.decoder.size(first) as usize)],
        );
        if !matches!(insn.class, Class::LoadMultiple | Class::StoreMultiple) {
            // ICI on anything else is ignored: the instruction starts again.
            return;
        }
        let list = insn.register_list();
        let base = self.effective_address(&insn);
        let load = insn.class == Class::LoadMultiple;
        let mut beats = 0;
        let registers: Vec<usize> = list.iter().collect();
        let mut values = Vec::new();
        for (i, &r) in registers
            .iter()
            .enumerate()
            .filter(|&(_, &r)| r >= usize::from(place))
        {
            let at = base.wrapping_add(4 * i as u32);
            beats += 1;
            // It goes on with the return from the exception: there is no boundary before it.
            if let Some(hit) = self.bus.watchpoint_at(at, 4, !load) {
                self.bus.watchpoints.note(hit);
            }
            self.bus.now = self.bus.now.max(Cycles(now + beats));
            if load {
                match self.bus.memory.load(at, Width::Word) {
                    Some(v) => values.push((r, v)),
                    None => return,
                }
            } else if self
                .bus
                .memory
                .store(at, Width::Word, self.cpu.r(r))
                .is_none()
            {
                return;
            } else {
                self.wrote(at, 4);
            }
        }
        if let Some(a) = insn.addressing
            && a.writeback
        {
            let words = 4 * list.len();
            let old = self.cpu.r(usize::from(a.base));
            let new = if a.displacement < 0 {
                old.wrapping_sub(words)
            } else {
                old.wrapping_add(words)
            };
            self.cpu.set_r(usize::from(a.base), new);
        }
        for (r, v) in values {
            self.cpu.set_r(r, v);
        }
        self.cpu.set_r(15, insn.end());
        self.ledger.measured += 1 + beats;
        self.ledger.kinds[0] += 1 + beats;
        self.profile_continued(insn.address, 1 + beats);
        self.rest(now + 1 + beats, SETTLED);
    }
}
