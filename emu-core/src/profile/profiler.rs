//! A profile in the making, of any core.
//!
//! Whole blocks with remembered costs are only counted; the starts of their instructions are multiplied out when
//! the profile is read. What lies between two blocks belongs to the last instruction before, or to the exception.

use super::{Counts, Functions, Profile, Stack};
use crate::run::blocks::NumberMap;

/// Where an instruction is.
pub(crate) trait Place {
    /// Its address.
    fn address(&self) -> u32;
    /// The address behind it.
    fn end(&self) -> u32;
}

impl Place for crate::decode::Insn {
    fn address(&self) -> u32 {
        self.address
    }
    fn end(&self) -> u32 {
        self.end()
    }
}

impl Place for crate::riscv::decode::Insn {
    fn address(&self) -> u32 {
        self.address
    }
    fn end(&self) -> u32 {
        self.end()
    }
}

/// What the cycles since the last known start belong to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    Instruction(u32),
    Exception(u16),
    Other,
}

/// A profile in the making.
pub(crate) struct Profiler {
    /// The cycle from which on it counts.
    since: u64,
    pub instructions: NumberMap<u32, Counts>,
    exceptions: std::collections::BTreeMap<u16, Counts>,
    sleep: u64,
    other: u64,
    pub stack: Stack,
    owner: Owner,
    /// Node of the owner.
    node: usize,
}

impl Profiler {
    /// Count from cycle `since`, in the handler of an exception or in none (0).
    pub fn new(functions: Functions, since: u64, exception: u16) -> Profiler {
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
    pub fn charge(&mut self, cycles: u64) {
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
    /// are counted elsewhere. Those in `waits` (index, cycles) waited so long for devices, which the starts do not know.
    pub fn executed<I: Place>(
        &mut self,
        insns: &[I],
        starts: &[u32],
        waits: &[(usize, u64)],
        counted: bool,
    ) {
        let (Some(first), Some(last)) = (insns.first(), insns.last()) else {
            return;
        };
        self.charge(u64::from(starts[0]));
        self.stack.ensure(first.address());
        if self.stack.holds(first.address(), last.end()) {
            let own = starts[insns.len() - 1] - starts[0];
            self.stack.spend(u64::from(own), insns.len() as u64);
        } else {
            for (insn, start) in insns.iter().zip(starts.windows(2)) {
                self.stack.ensure(insn.address());
                let own = start[1] - start[0];
                self.stack.spend(u64::from(own), 1);
            }
            self.stack.ensure(last.address());
            self.stack.spend(0, 1);
        }
        if !counted {
            add(&mut self.instructions, insns, starts, 1);
        }
        for &(index, cycles) in waits {
            let Some(insn) = insns.get(index).filter(|_| cycles > 0) else {
                continue;
            };
            self.stack.ensure(insn.address());
            self.owner = Owner::Instruction(insn.address());
            self.node = self.stack.node();
            self.charge(cycles);
        }
        self.stack.ensure(last.address());
        self.owner = Owner::Instruction(last.address());
        self.node = self.stack.node();
    }

    /// The entry into exception `number` took so many cycles since the last start. Its frame is at `frame` (`None` when
    /// it is tail-chained), and it shall return to `return_address`.
    pub fn entered(&mut self, number: u16, frame: Option<u32>, return_address: u32, cycles: u64) {
        self.node = self.stack.enter(number, frame, return_address);
        self.owner = Owner::Exception(number);
        self.exceptions.entry(number).or_default().times += 1;
        self.charge(cycles);
    }

    /// The return from the exception whose handler runs took so many cycles: to `pc` by the frame at `frame`, into the
    /// handler of `to` or none (0).
    pub fn returned(&mut self, frame: u32, pc: u32, to: u16, cycles: u64) {
        let left = self.stack.exception();
        self.owner = Owner::Exception(left);
        self.node = self.stack.exception_node();
        self.charge(cycles);
        self.stack.leave(frame, pc, to);
    }

    /// An instruction that was counted is taken back, to start again.
    pub fn abandoned(&mut self, address: u32) {
        let times = &mut self.instructions.entry(address).or_default().times;
        *times = times.wrapping_sub(1);
        let node = &mut self.stack.tree.nodes[self.node].instructions;
        *node = node.wrapping_sub(1);
    }

    /// The rest of the instruction at `address` was executed, `cycles` long.
    pub fn continued(&mut self, address: u32, cycles: u64) {
        self.stack.ensure(address);
        self.owner = Owner::Instruction(address);
        self.node = self.stack.node();
        self.charge(cycles);
    }

    /// Slept so many cycles.
    pub fn slept(&mut self, cycles: u64) {
        self.sleep += cycles;
    }

    /// A reset, so many cycles behind the last start.
    pub fn reset(&mut self, cycles: u64) {
        self.owner = Owner::Other;
        self.node = 0;
        self.charge(cycles);
        self.stack.reset();
    }

    /// The machine goes on from a snapshot: count from there.
    pub fn restored(&mut self, since: u64, exception: u16) {
        let functions = self.stack.functions().clone();
        *self = Profiler::new(functions, since, exception);
    }

    /// What was counted up to cycle `now`, with the instructions as they are when all are multiplied out. The last start
    /// was `tail` cycles ago.
    pub fn profile(
        &self,
        instructions: NumberMap<u32, Counts>,
        now: u64,
        tail: u64,
        asleep: bool,
    ) -> Profile {
        let mut profile = Profile {
            cycles: now.saturating_sub(self.since),
            instructions: instructions
                .into_iter()
                .filter(|(_, c)| *c != Counts::default())
                .collect(),
            exceptions: self.exceptions.clone(),
            sleep: self.sleep,
            other: self.other,
            calls: self.stack.tree.clone(),
        };
        match self.owner {
            _ if asleep => profile.sleep += tail,
            Owner::Instruction(at) => profile.instructions.entry(at).or_default().cycles += tail,
            Owner::Exception(n) => profile.exceptions.entry(n).or_default().cycles += tail,
            Owner::Other => profile.other += tail,
        }
        if !asleep && self.owner != Owner::Other {
            profile.calls.nodes[self.node].cycles += tail;
        }
        profile
    }
}

/// Add the cycles between the starts of instructions that ran so many times.
pub(crate) fn add<I: Place>(
    to: &mut NumberMap<u32, Counts>,
    insns: &[I],
    starts: &[u32],
    times: u64,
) {
    for (i, insn) in insns.iter().enumerate() {
        let counts = to.entry(insn.address()).or_default();
        counts.times = counts.times.wrapping_add(times);
        if let (Some(next), true) = (starts.get(i + 1), i + 1 < insns.len()) {
            counts.cycles += times * u64::from(next - starts[i]);
        }
    }
}
