//! Synchronous faults and calls: from the instruction that made them to the exception.

use super::Core;
use super::exceptions::cfsr;
use crate::cortex_m::number;
use crate::decode::{Class, Insn};
use crate::machine::Stop;

pub(super) use super::exceptions::cfsr::{DIVBYZERO, UNALIGNED};

impl Core {
    /// Take what a fault has pended: the instruction at `return_address` started at `start`; the one before it
    /// at `now`.
    pub(super) fn take_fault(&mut self, return_address: u32, now: u64, start: u64) {
        if self.locked_up {
            self.stop_in_lockup(return_address, now);
            return;
        }
        if let Some(next) = self.bus.system.takeable(self.cpu.masks()) {
            let it = self.cpu.it_state();
            self.take_exception(next, start.max(now), return_address, it);
        } else {
            // Nothing can be taken although a fault is pending: the architecture locks up.
            self.locked_up = true;
            self.stop_in_lockup(return_address, now);
        }
    }

    fn stop_in_lockup(&mut self, address: u32, now: u64) {
        self.cpu.set_r(15, address);
        let state = self.resting_state();
        self.rest(now, state);
        self.stop = Some(Stop::Lockup(self.describe_lockup()));
    }

    /// A UsageFault of the instruction at `address`.
    pub(super) fn raise_usage(&mut self, bit: u32, address: u32, now: u64, start: u64) {
        if self.bus.system.is_v7m() {
            self.bus.system.cfsr |= bit;
            self.pend_at(address, start, |core| core.pend_fault(number::USAGE_FAULT));
        } else {
            self.pend_at(address, start, |core| core.pend_fault(number::HARD_FAULT));
        }
        self.take_fault(address, now, start);
    }

    /// Pend with the bus's time at `start`, so that the exception is counted from there, for the instruction at
    /// `address`.
    pub(super) fn pend_at(&mut self, address: u32, start: u64, pend: impl FnOnce(&mut Core)) {
        self.bus.pc = address;
        self.bus.now = self.bus.now.max(crate::time::Cycles(start));
        pend(self);
    }

    /// The core does not execute this instruction: undefined, or a coprocessor that is not there.
    pub(super) fn refuse(&mut self, insn: &Insn, now: u64, start: u64) {
        let coprocessor = insn.is_wide() && insn.raw & 0xEC00_0000 == 0xEC00_0000;
        let bit = if coprocessor && insn.class == Class::Undefined && insn.raw >> 24 & 0xF != 0xF {
            cfsr::NOCP
        } else {
            cfsr::UNDEFINSTR
        };
        self.raise_usage(bit, insn.address, now, start);
    }

    pub(super) fn raise_nocp(&mut self, insn: &Insn, now: u64, start: u64) {
        self.raise_usage(cfsr::NOCP, insn.address, now, start);
    }

    /// EPSR.T is zero: the next instruction faults.
    pub(super) fn raise_invalid_state(&mut self) {
        let (now, address) = (self.t0, self.cpu.pc());
        self.raise_usage(cfsr::INVSTATE, address, now, now + 1);
    }

    /// A data access of the instruction at `at` failed on the bus.
    pub(super) fn raise_bus_fault(&mut self, address: u32, at: u32, now: u64, start: u64) {
        if self.bus.system.is_v7m() {
            self.bus.system.cfsr |= cfsr::PRECISERR | cfsr::BFARVALID;
            self.bus.system.bfar = address;
        }
        self.pend_at(at, start, |core| core.pend_fault(number::BUS_FAULT));
        self.take_fault(at, now, start);
    }

    /// A data access of the instruction at `at` was denied by the MPU.
    pub(super) fn raise_mem_manage(&mut self, address: u32, at: u32, now: u64, start: u64) {
        self.bus.system.cfsr |= cfsr::DACCVIOL | cfsr::MMARVALID;
        self.bus.system.mmfar = address;
        self.pend_at(at, start, |core| core.pend_fault(number::MEM_MANAGE));
        self.take_fault(at, now, start);
    }

    /// The instruction at `at` cannot be fetched.
    pub(super) fn raise_fetch_fault(&mut self, at: u32, now: u64) {
        if self.fetch_denied(at) {
            self.bus.system.cfsr |= cfsr::IACCVIOL;
            self.pend_at(at, now + 1, |core| core.pend_fault(number::MEM_MANAGE));
        } else {
            if self.bus.system.is_v7m() {
                self.bus.system.cfsr |= cfsr::IBUSERR;
            }
            self.pend_at(at, now + 1, |core| core.pend_fault(number::BUS_FAULT));
        }
        self.take_fault(at, now, now + 1);
    }

    /// SVC executed at `now`; `next` is the instruction behind it.
    pub(super) fn supervisor_call(&mut self, next: u32, now: u64) {
        let s = &self.bus.system;
        let level = s.execution_priority(self.cpu.masks());
        let possible = s.group(s.priority_byte(number::SVCALL)) < level;
        self.bus.pc = next.wrapping_sub(2);
        self.bus.now = self.bus.now.max(crate::time::Cycles(now));
        if possible {
            self.bus.pend(number::SVCALL);
            self.take_fault(next, now, now);
        } else {
            self.pend_fault(number::HARD_FAULT);
            if self.bus.system.is_v7m() {
                self.bus.system.hfsr |= 1 << 30;
            }
            // Escalated or not, a call returns behind the SVC.
            self.take_fault(next, now, now);
        }
    }

    /// BKPT at `address`, executed at `now`, that is not semihosting.
    pub(super) fn breakpoint_instruction(&mut self, address: u32, now: u64) {
        self.bus.pc = address;
        self.bus.now = self.bus.now.max(crate::time::Cycles(now));
        self.bus.system.dfsr |= 2; // BKPT
        let s = &self.bus.system;
        let monitor = s.is_v7m()
            && s.demcr & 1 << 16 != 0
            && s.group(s.priority_byte(number::DEBUG_MONITOR))
                < s.execution_priority(self.cpu.masks());
        if monitor {
            self.bus.pend(number::DEBUG_MONITOR);
        } else {
            if s.is_v7m() {
                self.bus.system.hfsr |= 1 << 31; // DEBUGEVT
            }
            self.pend_fault(number::HARD_FAULT);
        }
        self.take_fault(address, now, now);
    }

    /// What a person needs to see of a lockup.
    pub(super) fn describe_lockup(&self) -> String {
        let s = &self.bus.system;
        let mut text = format!(
            "lockup at {:#010x} in exception {} (cycle {})\n",
            self.cpu.pc(),
            self.cpu.ipsr(),
            self.t0
        );
        for row in 0..4 {
            for col in 0..4 {
                let n = row * 4 + col;
                let name = [
                    "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11",
                    "r12", "sp", "lr", "pc",
                ][n];
                text.push_str(&format!("{name:>4} {:08x}", self.cpu.r(n)));
            }
            text.push('\n');
        }
        text.push_str(&format!(
            "xpsr {:08x} msp {:08x} psp {:08x} control {:x}\n",
            self.cpu.xpsr(),
            self.cpu.msp(),
            self.cpu.psp(),
            self.cpu.control()
        ));
        text.push_str(&decode_fault(s.cfsr, s.hfsr, s.mmfar, s.bfar));
        text
    }
}

/// Fault status registers in words.
#[must_use]
pub fn decode_fault(cfsr: u32, hfsr: u32, mmfar: u32, bfar: u32) -> String {
    const NAMES: [(u32, &str); 21] = [
        (
            0,
            "IACCVIOL: instruction fetch denied by the MPU or from an XN region",
        ),
        (1, "DACCVIOL: data access denied by the MPU"),
        (3, "MUNSTKERR: MPU fault on unstacking"),
        (4, "MSTKERR: MPU fault on stacking"),
        (5, "MLSPERR: MPU fault on lazy FP stacking"),
        (7, "MMARVALID"),
        (8, "IBUSERR: bus error on instruction fetch"),
        (9, "PRECISERR: precise data bus error"),
        (10, "IMPRECISERR: imprecise data bus error"),
        (11, "UNSTKERR: bus error on unstacking"),
        (12, "STKERR: bus error on stacking (stack overflow?)"),
        (13, "LSPERR: bus error on lazy FP stacking"),
        (15, "BFARVALID"),
        (16, "UNDEFINSTR: undefined instruction"),
        (17, "INVSTATE: branch to an even address, or a bad vector"),
        (18, "INVPC: bad EXC_RETURN"),
        (19, "NOCP: coprocessor or FPU disabled or absent"),
        (20, "STKOF: the stack pointer went below its limit"),
        (24, "UNALIGNED: unaligned access"),
        (25, "DIVBYZERO: divide by zero"),
        (31, ""),
    ];
    let mut text = format!("CFSR {cfsr:08x} HFSR {hfsr:08x}\n");
    for (bit, name) in NAMES
        .iter()
        .filter(|(bit, name)| cfsr >> bit & 1 != 0 && !name.is_empty())
    {
        match bit {
            7 => text.push_str(&format!("  MMFAR {mmfar:#010x}\n")),
            15 => text.push_str(&format!("  BFAR {bfar:#010x}\n")),
            _ => text.push_str(&format!("  {name}\n")),
        }
    }
    if hfsr & 1 << 30 != 0 {
        text.push_str("  FORCED: escalated to HardFault\n");
    }
    if hfsr & 1 << 1 != 0 {
        text.push_str("  VECTTBL: vector table could not be read\n");
    }
    text
}
