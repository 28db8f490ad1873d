//! Exception entry and return, with their cycles (DDI 0403E B1.5.6 to B1.5.8, DDI 0419E B1.5, DDI 0553 B3).
//!
//! Modelled: stacking with alignment, MSP and PSP, EXC_RETURN and its checks, basic and extended frames, lazy
//! FP stacking, late arrival, tail-chaining, pop preemption, derived faults, event register, exclusive monitor;
//! of ARMv8-M without Security Extension its EXC_RETURN values and stack limits.
//! Not modelled: bus time of stacking to slow memory; stack limits of lazy FP stacking, CCR.STKOFHFNMIGN.

use super::blocks::SETTLED;
use super::{Core, Sleep};
use crate::bus::StopOn;
use crate::cortex_m::{Architecture, Masks, number};
use crate::device::{ResetCause, Width};
use crate::probe::ProbeKind;
use crate::time::Cycles;

/// Fault status bits of CFSR.
pub(super) mod cfsr {
    pub const IACCVIOL: u32 = 1;
    pub const DACCVIOL: u32 = 1 << 1;
    pub const MUNSTKERR: u32 = 1 << 3;
    pub const MSTKERR: u32 = 1 << 4;
    pub const MLSPERR: u32 = 1 << 5;
    pub const MMARVALID: u32 = 1 << 7;
    pub const IBUSERR: u32 = 1 << 8;
    pub const PRECISERR: u32 = 1 << 9;
    pub const UNSTKERR: u32 = 1 << 11;
    pub const STKERR: u32 = 1 << 12;
    pub const LSPERR: u32 = 1 << 13;
    pub const BFARVALID: u32 = 1 << 15;
    pub const UNDEFINSTR: u32 = 1 << 16;
    pub const INVSTATE: u32 = 1 << 17;
    pub const INVPC: u32 = 1 << 18;
    pub const NOCP: u32 = 1 << 19;
    pub const STKOF: u32 = 1 << 20;
    pub const UNALIGNED: u32 = 1 << 24;
    pub const DIVBYZERO: u32 = 1 << 25;
}

/// Bytes of the basic frame.
const BASIC_FRAME: u32 = 0x20;
/// Bytes of the frame with FP registers.
const EXTENDED_FRAME: u32 = 0x68;
/// CONTROL.FPCA
const FPCA: u32 = 4;
/// FPCCR.LSPACT
const LSPACT: u32 = 1;
/// FPCCR.LSPEN
const LSPEN: u32 = 1 << 30;

/// A fault while stacking or unstacking, and whether the MPU, the bus or the stack's limit made it.
enum StackFault {
    Mpu,
    Bus,
    Limit,
}

impl Core {
    /// Take a pending exception. Entry can start at cycle `free` at the earliest, or when it was pended.
    pub(super) fn take_exception(
        &mut self,
        exception: u16,
        free: u64,
        return_address: u32,
        it: u8,
    ) {
        let timing = *self.model.exceptions();
        let begin = free.max(self.bus.system.pended_at(exception).0);
        self.cpu.set_it_state(it);
        self.bus.pc = return_address;
        let (fault, eager) = self.push_frame(return_address);
        let stacking = u64::from(timing.entry) + if eager { u64::from(timing.fp_words) } else { 0 };
        let handler_at = begin + stacking;
        if let Some(fault) = fault {
            self.derived_fault(fault, cfsr::MSTKERR, cfsr::STKERR);
        }
        // A higher exception that arrives before the vector is fetched is entered instead.
        let window = handler_at.saturating_sub(u64::from(timing.tail_chain));
        self.bus.pc = return_address;
        if self.bus.events.next_at().0 < window {
            self.bus.advance_to(Cycles(window - 1));
        }
        let exception = self
            .bus
            .system
            .takeable(self.cpu.masks())
            .unwrap_or(exception);
        if let Some(cause) = self.bus.reset_request.take() {
            self.reset_core(cause, window);
            return;
        }
        let psp = self.cpu.ipsr() == 0 && self.cpu.control() & 2 != 0;
        let fp = self.cpu.control() & FPCA != 0;
        let mut lr = if self.cpu.ipsr() != 0 {
            0xFFFF_FFF1
        } else if psp {
            0xFFFF_FFFD
        } else {
            0xFFFF_FFF9
        };
        if self.is_v8m() {
            // DCRS is one, S and ES are zero without the Security Extension (DDI 0553 D1.2.95).
            lr &= !0x41;
        }
        if fp && self.bus.system.has_fpu {
            lr &= !0x10;
        }
        // The last instruction's own cycles behind its start are charged here: nothing follows it.
        self.ledger.exceptions += handler_at - self.t0;
        self.bus.system.exception_cycles += handler_at - begin;
        self.enter_handler(exception, lr, handler_at, false);
    }

    /// Push the frame on the active stack. Returns the fault, if any, and whether FP registers were written.
    fn push_frame(&mut self, return_address: u32) -> (Option<StackFault>, bool) {
        let cpu = self.cpu;
        let has_fp = self.bus.system.has_fpu && cpu.control() & FPCA != 0;
        let size = if has_fp { EXTENDED_FRAME } else { BASIC_FRAME };
        // STKALIGN; the extended frame is always aligned (DDI 0403E B1.5.7).
        let align = self.bus.system.ccr & 0x200 != 0 || has_fp;
        let sp = cpu.r(13);
        let padded = align && sp & 4 != 0;
        let frame = sp.wrapping_sub(size) & if align { !7 } else { !3 };
        if self.is_v8m() && frame < cpu.stack_limit() {
            // Nothing is pushed (whether what fits is, is up to the implementation; DDI 0553 B3.21).
            cpu.set_r(13, cpu.stack_limit());
            return (Some(StackFault::Limit), false);
        }
        let xpsr = (cpu.xpsr() & !(1 << 9)) | u32::from(padded) << 9;
        let words = [
            cpu.r(0),
            cpu.r(1),
            cpu.r(2),
            cpu.r(3),
            cpu.r(12),
            cpu.r(14),
            return_address,
            xpsr,
        ];
        let mut fault = None;
        for (i, word) in words.into_iter().enumerate() {
            fault = fault.or(self.stack_write(frame.wrapping_add(4 * i as u32), word));
        }
        let mut eager = false;
        if has_fp {
            let fp_frame = frame.wrapping_add(BASIC_FRAME);
            if self.bus.system.fpccr & LSPEN != 0 {
                self.bus.system.fpcar = fp_frame;
                let thread = u32::from(cpu.ipsr() == 0);
                let user = u32::from(!self.privileged());
                let ready = self.fault_readiness();
                self.bus.system.fpccr = (self.bus.system.fpccr & 0xC000_0000)
                    | ready
                    | thread << 3
                    | user << 1
                    | LSPACT;
            } else {
                eager = true;
                fault = fault.or(self.write_fp_frame(fp_frame));
            }
        }
        cpu.set_r(13, frame);
        (fault, eager)
    }

    /// FPCCR.MMRDY, BFRDY, HFRDY, MONRDY: whether the fault handlers could be taken at the time of entry.
    fn fault_readiness(&self) -> u32 {
        let s = &self.bus.system;
        let level = s.execution_priority(self.cpu.masks());
        let can = |n: u16, enabled: bool| u32::from(enabled && s.priority(n) < level);
        can(number::MEM_MANAGE, s.shcsr_enable & 1 << 16 != 0) << 5
            | can(number::BUS_FAULT, s.shcsr_enable & 1 << 17 != 0) << 6
            | u32::from(level > -1) << 4
            | can(number::DEBUG_MONITOR, s.demcr & 1 << 16 != 0) << 8
    }

    fn write_fp_frame(&mut self, at: u32) -> Option<StackFault> {
        let mut fault = None;
        for n in 0..16 {
            fault = fault.or(self.stack_write(at.wrapping_add(4 * n), self.cpu.s(n as usize)));
        }
        fault.or(self.stack_write(at.wrapping_add(0x40), self.cpu.fpscr()))
    }

    /// An FP instruction runs while the FP registers of an interrupted context wait: save them first. `true` when they did.
    pub(super) fn lazy_fp_save(&mut self, now: u64) -> bool {
        if self.bus.system.fpccr & LSPACT == 0 {
            return false;
        }
        self.bus.now = self.bus.now.max(Cycles(now));
        let at = self.bus.system.fpcar;
        self.bus.system.fpccr &= !LSPACT;
        if let Some(fault) = self.write_fp_frame(at) {
            self.derived_fault(fault, cfsr::MLSPERR, cfsr::LSPERR);
        }
        self.sync_settings();
        true
    }

    fn stack_write(&mut self, address: u32, value: u32) -> Option<StackFault> {
        if !self.mpu_allows(address, true) {
            return Some(StackFault::Mpu);
        }
        self.bus.accessed(address, 4, true);
        if self
            .bus
            .memory
            .region_at(address)
            .is_some_and(|r| r.kind == crate::memory::MemoryKind::Ram)
        {
            self.bus.memory.store(address, Width::Word, value);
            self.wrote(address, 4);
            return None;
        }
        self.bus
            .write(address, Width::Word, value)
            .err()
            .map(|_| StackFault::Bus)
    }

    fn stack_read(&mut self, address: u32) -> Result<u32, StackFault> {
        if !self.mpu_allows(address, false) {
            return Err(StackFault::Mpu);
        }
        self.bus.accessed(address, 4, false);
        self.bus
            .read(address, Width::Word)
            .map_err(|_| StackFault::Bus)
    }

    /// A fault of stacking, unstacking or lazy saving becomes an exception of its own.
    fn derived_fault(&mut self, fault: StackFault, mpu_bit: u32, bus_bit: u32) {
        let (exception, bit) = match fault {
            StackFault::Mpu => (number::MEM_MANAGE, mpu_bit),
            StackFault::Bus => (number::BUS_FAULT, bus_bit),
            StackFault::Limit => (number::USAGE_FAULT, cfsr::STKOF),
        };
        if self.bus.system.is_v7m() {
            self.bus.system.cfsr |= bit;
        }
        self.pend_fault(exception);
    }

    /// Make a fault pending, or HardFault when it is disabled or could not be taken.
    pub(super) fn pend_fault(&mut self, exception: u16) {
        let s = &self.bus.system;
        let level = s.execution_priority(self.cpu.masks());
        let enabled = match exception {
            number::MEM_MANAGE => s.shcsr_enable & 1 << 16 != 0,
            number::BUS_FAULT => s.shcsr_enable & 1 << 17 != 0,
            number::USAGE_FAULT => s.shcsr_enable & 1 << 18 != 0,
            _ => true,
        };
        let possible = enabled && s.is_v7m() && s.group(s.priority_byte(exception)) < level;
        if exception == number::HARD_FAULT || !possible {
            if level <= -1 {
                self.locked_up = true;
                return;
            }
            if exception != number::HARD_FAULT && s.is_v7m() {
                self.bus.system.hfsr |= 1 << 30; // FORCED
            }
            self.bus.pend(number::HARD_FAULT);
        } else {
            self.bus.pend(exception);
        }
    }

    /// Set the core up for the first instruction of a handler.
    fn enter_handler(&mut self, exception: u16, lr: u32, at: u64, tail_chained: bool) {
        self.profile_exception(exception, at, tail_chained);
        self.entered = true;
        self.about_to_hit = None;
        self.cpu.set_it_state(0);
        self.cpu.clear_exclusive();
        self.cpu.set_mode(exception, self.cpu.control() & 1);
        self.cpu.set_r(14, lr);
        self.bus.system.enter(exception);
        self.bus.system.current = exception;
        self.bus.system.event = true;
        // What happens while the entry is under way, too late to be entered instead, comes before the handler starts.
        if self.bus.events.next_at().0 < at {
            self.bus.advance_to(Cycles(at - 1));
        }
        self.bus.now = self.bus.now.max(Cycles(at.saturating_sub(1)));
        let vector = self.bus.memory.load(
            self.bus.system.vtor.wrapping_add(4 * u32::from(exception)),
            Width::Word,
        );
        let target = vector.unwrap_or_else(|| {
            self.bus.system.hfsr |= 1 << 1; // VECTTBL
            self.locked_up |= exception == number::HARD_FAULT;
            if exception != number::HARD_FAULT {
                self.pend_fault(number::HARD_FAULT);
            }
            0
        });
        self.cpu.jump(target);
        self.bus.probes.record(
            Cycles(at),
            target & !1,
            ProbeKind::ExceptionEnter {
                number: exception,
                tail_chained,
            },
        );
        let entered = StopOn::Exception(exception);
        self.bus.meet_at(Cycles(at), target & !1, |s| *s == entered);
        self.sync_settings();
        self.rest(at, SETTLED);
    }

    /// The program branched to an EXC_RETURN value; the branch started at `now`.
    pub(super) fn exception_return(&mut self, value: u32, now: u64) {
        let timing = *self.model.exceptions();
        let leaving = self.cpu.ipsr();
        self.bus.pc = value;
        if self.bus.events.next_at().0 <= now {
            self.bus.advance_to(Cycles(now));
        }
        self.bus.now = self.bus.now.max(Cycles(now));
        if let Some(cause) = self.bus.reset_request.take() {
            self.reset_core(cause, now);
            return;
        }
        self.bus.probes.record(
            Cycles(now),
            self.bus.pc,
            ProbeKind::ExceptionExit { number: leaving },
        );
        if !self.places.is_empty() {
            for kind in self.places.exception_returned(self.cpu.r(13)) {
                self.bus.probes.record(Cycles(now), self.bus.pc, kind);
            }
        }
        // DeActivate: leaving any exception but NMI clears FAULTMASK.
        if leaving != number::NMI {
            self.cpu.set_masks(Masks {
                faultmask: false,
                ..self.cpu.masks()
            });
        }
        let valid = self.valid_return(value, leaving);
        self.bus.system.leave(leaving, Cycles(now));
        if !valid {
            self.bus.system.cfsr |= cfsr::INVPC;
            self.pend_fault(number::USAGE_FAULT);
            self.cpu.set_mode(0, self.cpu.control());
            if self.locked_up {
                return;
            }
            // The fault is tail-chained with the failed EXC_RETURN in LR.
            if let Some(next) = self.bus.system.takeable(self.cpu.masks()) {
                self.cpu.set_mode(leaving, self.cpu.control());
                self.chain(
                    next,
                    0xF000_0000 | (value & 0x0FFF_FFFF),
                    now + u64::from(timing.tail_chain),
                );
            }
            return;
        }
        if let Some(next) = self.bus.system.takeable(self.cpu.masks()) {
            self.chain(next, value, now + u64::from(timing.tail_chain));
            return;
        }
        // Unstacking takes a while; what arrives meanwhile preempts the pop.
        let lazy = self.bus.system.fpccr & LSPACT != 0;
        let fp = value & 0x10 == 0;
        let restore = if fp && !lazy {
            u64::from(timing.fp_words)
        } else {
            0
        };
        let resume = now + u64::from(timing.exit) + restore;
        if self.bus.events.next_at().0 < resume {
            while self.bus.events.next_at().0 < resume && !self.pop_preempted() {
                let at = self.bus.events.next_at();
                self.bus.advance_to(at);
            }
            if let Some(cause) = self.bus.reset_request.take() {
                self.reset_core(cause, resume);
                return;
            }
            if self.pop_preempted()
                && let Some(next) = self.bus.system.takeable(self.cpu.masks())
            {
                let begin = self.bus.system.pended_at(next).0.max(now);
                self.chain(next, value, begin + u64::from(timing.tail_chain));
                return;
            }
        }
        self.pop_frame(value, now, resume);
    }

    fn pop_preempted(&self) -> bool {
        self.bus.system.takeable(self.cpu.masks()).is_some() || self.bus.reset_request.is_some()
    }

    fn chain(&mut self, exception: u16, lr: u32, at: u64) {
        self.ledger.exceptions += at - self.t0;
        self.bus.system.exception_cycles += at - self.t0;
        self.enter_handler(exception, lr, at, true);
    }

    /// The integrity checks of `ExceptionReturn` (DDI 0403E B1.5.8).
    fn valid_return(&self, value: u32, leaving: u16) -> bool {
        let s = &self.bus.system;
        if !s.is_active(leaving) {
            return false;
        }
        let others = s.active_count() - 1;
        let nonbase_ok = s.ccr & 1 != 0;
        let form = value & 0x0FFF_FFFF | if s.has_fpu { 0x10 } else { 0 };
        // ARMv8-M: DCRS must be one, S and ES zero. What follows are the forms of ARMv7-M.
        let form = match self.is_v8m() {
            true if form & 0x61 != 0x20 => return false,
            true => form | 0x41,
            false => form,
        };
        match form {
            0x0FFF_FFF1 => others > 0,
            0x0FFF_FFF9 | 0x0FFF_FFFD => others == 0 || nonbase_ok,
            _ => false,
        }
    }

    pub(super) fn is_v8m(&self) -> bool {
        self.bus.system.architecture == Architecture::V8M
    }

    fn pop_frame(&mut self, value: u32, now: u64, resume: u64) {
        let cpu = self.cpu;
        let to_thread = value & 8 != 0;
        let use_psp = value & 4 != 0;
        let has_fp = value & 0x10 == 0 && self.bus.system.has_fpu;
        let frame = if use_psp { cpu.psp() } else { cpu.msp() };
        let mut words = [0u32; 8];
        let mut fault = None;
        for (i, word) in words.iter_mut().enumerate() {
            match self.stack_read(frame.wrapping_add(4 * i as u32)) {
                Ok(v) => *word = v,
                Err(f) => fault = fault.or(Some(f)),
            }
        }
        if has_fp {
            fault = fault.or(self.pop_fp(frame.wrapping_add(BASIC_FRAME)));
        }
        if let Some(f) = fault {
            let leaving = cpu.ipsr();
            cpu.set_mode(if to_thread { 0 } else { leaving }, cpu.control());
            self.derived_fault(f, cfsr::MUNSTKERR, cfsr::UNSTKERR);
            cpu.set_mode(leaving, cpu.control());
            if let Some(next) = self.bus.system.takeable(cpu.masks()) {
                self.chain(
                    next,
                    value,
                    now + u64::from(self.model.exceptions().tail_chain),
                );
            }
            return;
        }
        let [r0, r1, r2, r3, r12, lr, pc, xpsr] = words;
        let target_ipsr = (xpsr & 0x1FF) as u16;
        let size = if has_fp { EXTENDED_FRAME } else { BASIC_FRAME };
        let padded = xpsr & (1 << 9) != 0 && (self.bus.system.ccr & 0x200 != 0 || has_fp);
        let sp = frame.wrapping_add(size) | if padded { 4 } else { 0 };
        if use_psp {
            cpu.set_psp(sp)
        } else {
            cpu.set_msp(sp)
        }
        // The stacked IPSR must fit the mode that is returned to.
        let consistent = if to_thread {
            target_ipsr == 0
        } else {
            target_ipsr != 0
        };
        if !consistent {
            self.bus.system.cfsr |= cfsr::INVPC;
            cpu.set_mode(target_ipsr, cpu.control());
            self.pend_fault(number::USAGE_FAULT);
            if !self.locked_up {
                let lr = value;
                if let Some(next) = self.bus.system.takeable(cpu.masks()) {
                    if use_psp {
                        cpu.set_psp(frame)
                    } else {
                        cpu.set_msp(frame)
                    }
                    cpu.set_mode(1, cpu.control());
                    self.chain(
                        next,
                        lr,
                        now + u64::from(self.model.exceptions().tail_chain),
                    );
                }
            }
            return;
        }
        let mut control = cpu.control() & 1;
        if to_thread && use_psp {
            control |= 2;
        }
        if has_fp {
            control |= FPCA;
        }
        cpu.set_mode(target_ipsr, control);
        self.bus.system.current = target_ipsr;
        for (n, v) in [(0, r0), (1, r1), (2, r2), (3, r3), (12, r12), (14, lr)] {
            cpu.set_r(n, v);
        }
        cpu.set_apsr(xpsr);
        let it = ((xpsr >> 25 & 3) | (xpsr >> 8 & 0xFC)) as u8;
        cpu.clear_exclusive();
        self.bus.system.event = true;
        cpu.jump(pc & !1 | (xpsr >> 24 & 1));
        self.sync_settings();
        self.ledger.exceptions += resume - self.t0;
        self.bus.system.exception_cycles += resume - self.t0;
        self.profile_return(frame, pc, resume);
        self.rest(resume, SETTLED);
        if it & 0xF == 0 && it != 0 {
            cpu.set_it_state(0);
            self.continue_multiple(it >> 4, resume);
        } else {
            cpu.set_it_state(it);
        }
        // SLEEPONEXIT.
        if to_thread && self.bus.system.scr & 2 != 0 {
            self.sleep = Sleep::Interrupt;
            self.slept_at = resume;
            self.fall_asleep(resume);
        }
    }

    fn pop_fp(&mut self, at: u32) -> Option<StackFault> {
        if self.bus.system.fpccr & LSPACT != 0 {
            // They never left the registers.
            self.bus.system.fpccr &= !LSPACT;
            return None;
        }
        for n in 0..16 {
            match self.stack_read(at.wrapping_add(4 * n)) {
                Ok(v) => self.cpu.set_s(n as usize, v),
                Err(f) => return Some(f),
            }
        }
        match self.stack_read(at.wrapping_add(0x40)) {
            Ok(v) => self.cpu.set_fpscr(v),
            Err(f) => return Some(f),
        }
        None
    }

    /// Reset at cycle `at`: devices, system registers, core.
    pub(crate) fn reset_core(&mut self, cause: ResetCause, at: u64) {
        let cpu = self.cpu;
        self.bus.now = self.bus.now.max(Cycles(at));
        self.bus
            .probes
            .record(Cycles(at), cpu.pc(), ProbeKind::Reset);
        self.bus.reset_devices(cause);
        self.bus
            .meet_at(Cycles(at), cpu.pc(), |s| *s == StopOn::Reset);
        self.bus.system.current = 0;
        self.locked_up = false;
        self.entered = true;
        self.about_to_hit = None;
        self.sleep = Sleep::Awake;
        cpu.set_it_state(0);
        cpu.set_masks(Masks::default());
        cpu.set_mode(0, 0);
        cpu.set_apsr(0);
        for n in 0..13 {
            cpu.set_r(n, 0);
        }
        cpu.set_r(14, 0xFFFF_FFFF);
        for n in 0..32 {
            cpu.set_s(n, 0);
        }
        cpu.set_fpscr(0);
        cpu.clear_exclusive();
        let vtor = self.bus.system.vtor;
        let load = |core: &Core, at: u32| core.bus.memory.load(at, Width::Word).unwrap_or(0);
        let (sp, pc) = (load(self, vtor), load(self, vtor.wrapping_add(4)));
        cpu.set_stack_limits((0, 0));
        cpu.set_psp(0);
        cpu.set_msp(sp);
        cpu.jump(pc);
        if let Some(flash) = &mut self.flash {
            flash.invalidate();
        }
        self.fp_control = (true, 0);
        cpu.set_fp_context_control(true, 0);
        self.sync_settings();
        self.profile_reset(at);
        self.rest(at, SETTLED);
    }
}
