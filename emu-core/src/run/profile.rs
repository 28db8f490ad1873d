//! Where the cycles go, for those who ask: [`crate::profile`].
//!
//! Whole blocks with remembered costs are only counted; the starts of their instructions are multiplied out when
//! the profile is read. What lies between two blocks belongs to the last instruction before, or to the exception.

use super::blocks::{NumberMap, flag};
use super::{Core, Sleep};
use crate::decode::Insn;
use crate::profile::{Counts, Functions, Profile, Stack};

/// What the cycles since the last known start belong to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    Instruction(u32),
    Exception(u16),
    Other,
}

/// A profile in the making.
pub(super) struct Profiler {
    /// The cycle from which on it counts.
    since: u64,
    instructions: NumberMap<u32, Counts>,
    exceptions: std::collections::BTreeMap<u16, Counts>,
    sleep: u64,
    other: u64,
    stack: Stack,
    owner: Owner,
    /// Node of the owner.
    node: usize,
}

impl Profiler {
    fn new(functions: Functions, since: u64, exception: u16) -> Profiler {
        Profiler {
            since,
            instructions: NumberMap::default(),
            exceptions: std::collections::BTreeMap::new(),
            sleep: 0,
            other: 0,
            stack: Stack::new(functions, exception),
            owner: Owner::Other,
            node: 0,
        }
    }

    /// Cycles for what ran last.
    fn charge(&mut self, cycles: u64) {
        match self.owner {
            _ if cycles == 0 => return,
            Owner::Instruction(at) => self.instructions.entry(at).or_default().cycles += cycles,
            Owner::Exception(n) => self.exceptions.entry(n).or_default().cycles += cycles,
            Owner::Other => {
                self.other += cycles;
                return;
            }
        }
        self.stack.tree.nodes[self.node].cycles += cycles;
    }

    /// Instructions were executed, at these starts relative to the last one before; `counted` when their own cycles
    /// are counted elsewhere. The last one took `waited` cycles more.
    fn executed(&mut self, insns: &[Insn], starts: &[u32], waited: u64, counted: bool) {
        let (Some(first), Some(last)) = (insns.first(), insns.last()) else {
            return;
        };
        self.charge(u64::from(starts[0]));
        self.stack.ensure(first.address);
        if self.stack.holds(first.address, last.end()) {
            let own = starts[insns.len() - 1] - starts[0];
            self.stack.spend(u64::from(own), insns.len() as u64);
        } else {
            for (insn, start) in insns.iter().zip(starts.windows(2)) {
                self.stack.ensure(insn.address);
                let own = start[1] - start[0];
                self.stack.spend(u64::from(own), 1);
            }
            self.stack.ensure(last.address);
            self.stack.spend(0, 1);
        }
        if !counted {
            add(&mut self.instructions, insns, starts, 1);
        }
        self.owner = Owner::Instruction(last.address);
        self.node = self.stack.node();
        self.charge(waited);
    }
}

/// Add the cycles between the starts of instructions that ran so many times.
fn add(to: &mut NumberMap<u32, Counts>, insns: &[Insn], starts: &[u32], times: u64) {
    for (i, insn) in insns.iter().enumerate() {
        let counts = to.entry(insn.address).or_default();
        counts.times = counts.times.wrapping_add(times);
        if let (Some(next), true) = (starts.get(i + 1), i + 1 < insns.len()) {
            counts.cycles += times * u64::from(next - starts[i]);
        }
    }
}

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
        let mut profile = Profile {
            cycles: now.saturating_sub(p.since),
            instructions: instructions
                .into_iter()
                .filter(|(_, c)| *c != Counts::default())
                .collect(),
            exceptions: p.exceptions.clone(),
            sleep: p.sleep,
            other: p.other,
            calls: p.stack.tree.clone(),
        };
        let tail = now.saturating_sub(self.t0);
        match p.owner {
            _ if self.sleep != Sleep::Awake => profile.sleep += tail,
            Owner::Instruction(at) => profile.instructions.entry(at).or_default().cycles += tail,
            Owner::Exception(n) => profile.exceptions.entry(n).or_default().cycles += tail,
            Owner::Other => profile.other += tail,
        }
        if self.sleep == Sleep::Awake && p.owner != Owner::Other {
            profile.calls.nodes[p.node].cycles += tail;
        }
        Some(profile)
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
        p.executed(insns, starts, self.waited, true);
        if let Some(last) = insns.last() {
            p.stack.transfer(last, next, self.cpu.r(13));
        }
    }

    /// The first instructions of a block were executed, at these starts; the program went on at `next`, if they are
    /// the whole block.
    pub(super) fn profile_part(&mut self, block: usize, starts: &[u32], next: Option<u32>) {
        let Some(p) = &mut self.profiler else { return };
        let insns = &self.blocks[block].insns[..starts.len()];
        p.executed(insns, starts, self.waited, false);
        if let (Some(last), Some(next)) = (insns.last(), next) {
            p.stack.transfer(last, next, self.cpu.r(13));
        }
    }

    /// One instruction was executed, so many cycles behind the start of the last one.
    pub(super) fn profile_one(&mut self, insn: &Insn, cycles: u32) {
        if let Some(p) = &mut self.profiler {
            p.executed(&[*insn], &[cycles], 0, false);
        }
    }

    /// An instruction that was counted is taken back, to start again.
    pub(super) fn profile_abandoned(&mut self, address: u32) {
        if let Some(p) = &mut self.profiler {
            let times = &mut p.instructions.entry(address).or_default().times;
            *times = times.wrapping_sub(1);
            let node = &mut p.stack.tree.nodes[p.node].instructions;
            *node = node.wrapping_sub(1);
        }
    }

    /// The rest of the instruction at `address` was executed, `cycles` long.
    pub(super) fn profile_continued(&mut self, address: u32, cycles: u64) {
        if let Some(p) = &mut self.profiler {
            p.stack.ensure(address);
            p.owner = Owner::Instruction(address);
            p.node = p.stack.node();
            p.charge(cycles);
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
            p.node = p
                .stack
                .enter(number, frame, return_address.unwrap_or(0) & !1);
            p.owner = Owner::Exception(number);
            p.exceptions.entry(number).or_default().times += 1;
            p.charge(cycles);
        }
    }

    /// The frame at `frame` was popped, to go on at `pc` in cycle `resume`.
    pub(super) fn profile_return(&mut self, frame: u32, pc: u32, resume: u64) {
        let (t0, to) = (self.t0, self.cpu.ipsr());
        if let Some(p) = &mut self.profiler {
            let left = p.stack.exception();
            p.owner = Owner::Exception(left);
            p.node = p.stack.exception_node();
            p.charge(resume - t0);
            p.stack.leave(frame, pc & !1, to);
        }
    }

    /// Slept so many cycles.
    pub(super) fn profile_sleep(&mut self, cycles: u64) {
        if let Some(p) = &mut self.profiler {
            p.sleep += cycles;
        }
    }

    /// A reset at cycle `at`.
    pub(super) fn profile_reset(&mut self, at: u64) {
        let t0 = self.t0;
        if let Some(p) = &mut self.profiler {
            p.owner = Owner::Other;
            p.node = 0;
            p.charge(at.saturating_sub(t0));
            p.stack.reset();
        }
    }

    /// The machine goes on from a snapshot: it counts from there.
    pub(super) fn profile_restored(&mut self) {
        let (t0, exception) = (self.t0, self.cpu.ipsr());
        if let Some(p) = &mut self.profiler {
            let functions = p.stack.functions().clone();
            **p = Profiler::new(functions, t0, exception);
        }
    }
}
