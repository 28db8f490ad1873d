//! What a pipeline remembers between two instructions.

use super::queue::Queue;
use crate::decode::{Class, Insn, RegisterSet};
use serde::{Deserialize, Serialize};

/// The last instruction, as far as it bears on the next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Last {
    /// Its class.
    pub class: Class,
    /// Registers that it wrote, write-back included; none when it was skipped.
    pub writes: RegisterSet,
    /// Its base register, when that was written back.
    pub written_back: RegisterSet,
    /// Its base register, when the address was base and displacement only.
    pub base: Option<u8>,
    /// Registers or words transferred by it.
    pub count: u8,
    /// It made its address with a register offset.
    pub register_offset: bool,
    /// It executed (its condition held).
    pub executed: bool,
    /// 32-bit encoding.
    pub wide: bool,
    /// It set flags.
    pub sets_flags: bool,
    /// A register branch whose register was written by the instruction before it.
    pub late_target: bool,
    /// Bus slave that it accessed; 0 when it does not matter.
    pub slave: u8,
    /// More cycles of its operands.
    pub operand: u8,
    /// More cycles of its data access.
    pub data: u8,
    /// It went through the single-cycle I/O port.
    pub io_port: bool,
    /// A folded IT: cycles that the instruction before it still has.
    pub folded: u8,
}

/// The state of a pipeline between two instructions. All times are relative to the first execute cycle of the last
/// one, and those long past are clamped, so that equal situations are equal pipes. Cores use what they need.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Pipe {
    /// The last instruction; `None` when the time of the next one is already known: after reset, exception entry
    /// or return.
    pub last: Option<Last>,
    /// The prefetch queue.
    pub queue: Queue,
    /// Cycle from which a core register's new value can be used; index 15 stands for the flags.
    pub ready: [u8; 16],
    /// Cycle from which an S register's new value can be used.
    pub fp_ready: [u8; 32],
    /// Cycle from which the FPU accepts an instruction.
    pub fp_busy: u8,
    /// A dual-issue core: what the last instruction left of its cycle. 0: nothing.
    pub slot: u8,
    /// Flash lines held in or on their way to a prefetch buffer.
    pub lines: super::flash::Lines,
}

impl Pipe {
    /// After reset, an exception entry or return: the next instruction's time is already known.
    pub const SETTLED: Pipe = Pipe {
        last: None,
        queue: Queue::EMPTY,
        ready: [0; 16],
        fp_ready: [0; 32],
        fp_busy: 0,
        slot: 0,
        lines: super::flash::Lines::NONE,
    };

    /// The cycle, as seen from the last instruction, from which all of these registers' values can be used.
    #[must_use]
    pub fn ready_for(&self, registers: RegisterSet) -> u8 {
        let registers = registers.without(RegisterSet::one(15));
        registers.iter().map(|n| self.ready[n]).max().unwrap_or(0)
    }

    /// The same for S registers.
    #[must_use]
    pub fn fp_ready_for(&self, registers: u32) -> u8 {
        let ready = self.fp_ready.iter().enumerate();
        ready
            .filter(|(n, _)| registers >> n & 1 != 0)
            .map(|(_, &at)| at)
            .max()
            .unwrap_or(0)
    }

    /// New values of these registers can be used from `cycle` on; nobody waits for the PC.
    pub fn set_ready(&mut self, registers: RegisterSet, cycle: u8) {
        for n in registers.without(RegisterSet::one(15)).iter() {
            self.ready[n] = cycle;
        }
    }

    /// The same for S registers.
    pub fn set_fp_ready(&mut self, registers: u32, cycle: u8) {
        for (n, at) in self.fp_ready.iter_mut().enumerate() {
            if registers >> n & 1 != 0 {
                *at = cycle;
            }
        }
    }

    /// Forget of the last instruction what only the prefetch and pairing rules of Cortex-M3 and M4 ask for, so that
    /// fewer pipes differ.
    pub fn forget_pairing(&mut self) {
        if let Some(last) = &mut self.last {
            *last = Last {
                writes: RegisterSet::NONE,
                written_back: RegisterSet::NONE,
                base: None,
                register_offset: false,
                late_target: false,
                slave: 0,
                folded: 0,
                ..*last
            };
        }
    }

    /// The instruction `insn` started `cycles` after the last one: it is the last one now, and all times are as
    /// seen from it. `writes_late` tells registers whose value a register branch would wait for.
    pub fn advance(&mut self, insn: &Insn, inputs: super::Inputs, cycles: u32) {
        let before = self.last;
        let by = u8::try_from(cycles).unwrap_or(u8::MAX);
        for t in self.ready.iter_mut().chain(&mut self.fp_ready) {
            *t = t.saturating_sub(by);
        }
        self.fp_busy = self.fp_busy.saturating_sub(by);
        self.queue.shift(cycles);
        let executed = inputs.executed;
        let a = insn.addressing;
        self.last = Some(Last {
            class: insn.class,
            writes: if executed {
                insn.writes
            } else {
                RegisterSet::NONE
            },
            written_back: match a {
                Some(a) if a.writeback && executed => RegisterSet::one(u32::from(a.base)),
                _ => RegisterSet::NONE,
            },
            base: a.filter(|a| a.index.is_none()).map(|a| a.base),
            count: insn.count,
            register_offset: a.is_some_and(|a| a.index.is_some()),
            executed,
            wide: insn.is_wide(),
            sets_flags: insn.sets_flags && executed,
            late_target: matches!(insn.class, Class::BranchRegister | Class::MovePc)
                && before.is_some_and(|b| b.writes.meets(insn.reads)),
            slave: inputs.slave,
            operand: if executed { inputs.operand } else { 0 },
            data: if executed { inputs.data } else { 0 },
            io_port: executed && inputs.io_port,
            folded: 0,
        });
    }
}
