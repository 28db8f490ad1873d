//! Traps: exceptions and interrupts, from the instruction to the handler.

use super::decode::{Class, Insn};
use super::lines::{Lines, number};
use super::timing::Why;
use super::{Core, StateId};
use crate::bus::StopOn;
use crate::probe::ProbeKind;
use crate::time::Cycles;

/// Codes of mcause (privileged architecture 1.10, table 3.6).
pub mod cause {
    /// Instruction access fault.
    pub const FETCH_FAULT: u32 = 1;
    /// Illegal instruction.
    pub const ILLEGAL: u32 = 2;
    /// Breakpoint.
    pub const BREAKPOINT: u32 = 3;
    /// Load address misaligned.
    pub const LOAD_MISALIGNED: u32 = 4;
    /// Load access fault.
    pub const LOAD_FAULT: u32 = 5;
    /// Store or AMO address misaligned.
    pub const STORE_MISALIGNED: u32 = 6;
    /// Store or AMO access fault.
    pub const STORE_FAULT: u32 = 7;
    /// Environment call; the mode is added.
    pub const ECALL: u32 = 8;
    /// The bit that marks interrupts.
    pub const INTERRUPT: u32 = 1 << 31;
}

/// Names of the exceptions by their code in mcause.
pub const NAMES: [&str; 12] = [
    "instruction address misaligned",
    "instruction access fault",
    "illegal instruction",
    "breakpoint",
    "load address misaligned",
    "load access fault",
    "store address misaligned",
    "store access fault",
    "environment call from user mode",
    "environment call from supervisor mode",
    "reserved",
    "environment call from machine mode",
];

/// Traps that are remembered to tell which one an MRET leaves.
const DEPTH: usize = 64;

impl Core {
    /// An exception of the instruction at `epc`, which would have executed at `start`; the one before it did at
    /// `now`. The core rests.
    pub(super) fn trap(&mut self, cause: u32, epc: u32, tval: u32, now: u64, start: u64) {
        let again = self.csr.vector(cause) == epc && self.csr.mcause == cause;
        if again && self.csr.mepc == epc {
            self.stuck = true;
            self.bus.now = self.bus.now.max(Cycles(now));
            return;
        }
        self.enter_trap(cause, epc, tval, now, start);
    }

    /// Take the most urgent interrupt, if there is one, before the instruction at `address`.
    pub(super) fn take_interrupt(&mut self, address: u32, now: u64, state: StateId) -> bool {
        let pending = self.csr.takeable(self.line_levels());
        let Some(n) = Lines::most_urgent(pending) else {
            return false;
        };
        // An interrupt that comes while the next instruction waits does not wait with it.
        let since = self.bus.lines.as_ref().map_or(0, |l| l.since(n));
        let at = since.max(now);
        self.rest(now, state);
        self.enter_trap(cause::INTERRUPT | n, address, 0, now, at);
        true
    }

    /// Enter a trap that comes at cycle `at`.
    fn enter_trap(&mut self, cause: u32, epc: u32, tval: u32, now: u64, at: u64) {
        let handler = self.csr.enter_trap(cause, epc, tval);
        let n = if cause & cause::INTERRUPT != 0 {
            number(cause)
        } else {
            cause as u16
        };
        if self.active.len() == DEPTH {
            self.active.remove(0);
        }
        self.active.push(n);
        self.entering = Some(n);
        self.entered = true;
        self.about_to_hit = None;
        self.cpu.set_pc(handler);
        // All but the last cycle are the entry's; the last one is that of the handler's first instruction.
        let t0 = at + u64::from(self.model.trap_entry.cycles) - 1;
        self.ledger.exceptions += t0 - now;
        self.profile_trap(n, epc, t0 - now);
        let pipe = self.states.get(self.resting_state());
        let pipe = pipe.later(t0 - now, 1, Why::Trap);
        let state = self.states.intern(pipe);
        self.rest(t0, state);
        let entered = StopOn::Exception(n);
        self.bus.meet_at(Cycles(t0 + 1), handler, |s| *s == entered);
    }

    /// MRET executes at `start`. Gives where it goes.
    pub(super) fn return_from_trap(&mut self, start: u64, pc: u32) -> u32 {
        if let Some(number) = self.active.pop() {
            let kind = ProbeKind::ExceptionExit { number };
            self.bus.probes.record(Cycles(start), pc, kind);
        }
        self.csr.return_from_trap()
    }

    /// An access that must be aligned and is not.
    pub(super) fn misaligned(&mut self, insn: &Insn, address: u32, now: u64, start: u64) {
        let load = matches!(
            insn.class,
            Class::Load | Class::LoadSmall | Class::LoadReserved
        );
        let cause = if load {
            cause::LOAD_MISALIGNED
        } else {
            cause::STORE_MISALIGNED
        };
        self.trap(cause, insn.address, address, now, start);
    }

    /// What happened, when the handler of a trap traps for ever.
    pub(super) fn describe_stuck(&self) -> String {
        let c = &self.csr;
        let name = NAMES.get(c.mcause as usize).copied().unwrap_or("trap");
        let hint = if c.mtvec & !3 == 0 {
            " (mtvec was never set)"
        } else {
            ""
        };
        format!(
            "the trap handler at {:#010x}{hint} traps for ever: {name}, mepc {:#010x}, mtval {:#010x}",
            c.mtvec & !3,
            c.mepc,
            c.mtval
        )
    }
}
