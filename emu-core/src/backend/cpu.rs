//! The Cortex-M registers, seen directly in the engine's memory: a few nanoseconds each, also inside
//! callbacks, where the engine keeps them synchronised.

use super::internals::{self, env};
use crate::cortex_m::Masks;

/// A view of the core registers.
#[derive(Clone, Copy)]
pub struct Cpu {
    env: *mut u8,
    cpu: *mut u8,
}

// SAFETY: the pointers lead into the engine that owns them; `Engine` is only used by one thread at a time.
unsafe impl Send for Cpu {}

impl Cpu {
    /// # Safety
    /// `cpu` must be the `CPUState` of an engine that passed the self-test and outlives this view.
    pub(super) unsafe fn new(cpu: *mut u8) -> Cpu {
        // SAFETY: the caller's promise.
        Cpu {
            cpu,
            env: unsafe { internals::env_of(cpu) },
        }
    }

    pub(super) fn state(self) -> *mut u8 {
        self.cpu
    }

    fn get(self, offset: usize) -> u32 {
        // SAFETY: the offset was checked by the self-test and `env` is alive (see `new`).
        unsafe { self.env.add(offset).cast::<u32>().read() }
    }

    fn set(self, offset: usize, value: u32) {
        // SAFETY: as in `get`.
        unsafe { self.env.add(offset).cast::<u32>().write(value) }
    }

    /// R0 to R15; 13 is the active stack pointer, 15 the address of the next instruction.
    #[must_use]
    pub fn r(self, n: usize) -> u32 {
        self.get(env::REGS + 4 * (n & 15))
    }

    /// Set R0 to R15.
    pub fn set_r(self, n: usize, value: u32) {
        self.set(env::REGS + 4 * (n & 15), value);
    }

    /// Address of the next instruction (exact at block boundaries).
    #[must_use]
    pub fn pc(self) -> u32 {
        self.r(15)
    }

    /// Go on at an address; bit 0 is the Thumb bit and must be set for valid code.
    pub fn jump(self, target: u32) {
        self.set_r(15, target & !1);
        self.set(env::THUMB, target & 1);
    }

    /// EPSR.T.
    #[must_use]
    pub fn thumb(self) -> bool {
        self.get(env::THUMB) != 0
    }

    /// ITSTATE, as in EPSR: IT\[7:0\].
    #[must_use]
    pub fn it_state(self) -> u8 {
        self.get(env::CONDEXEC) as u8
    }

    /// Set ITSTATE.
    pub fn set_it_state(self, it: u8) {
        self.set(env::CONDEXEC, u32::from(it));
    }

    /// Flags N, Z, C, V.
    #[must_use]
    pub fn nzcv(self) -> (bool, bool, bool, bool) {
        (
            self.get(env::NF) >> 31 != 0,
            self.get(env::ZF) == 0,
            self.get(env::CF) != 0,
            self.get(env::VF) >> 31 != 0,
        )
    }

    /// Does a condition code hold?
    #[must_use]
    pub fn condition(self, cond: u8) -> bool {
        let (n, z, c, v) = self.nzcv();
        let base = match cond >> 1 {
            0 => z,
            1 => c,
            2 => n,
            3 => v,
            4 => c && !z,
            5 => n == v,
            6 => !z && n == v,
            _ => return true,
        };
        base != (cond & 1 != 0)
    }

    /// APSR: NZCVQ and GE.
    #[must_use]
    pub fn apsr(self) -> u32 {
        let (n, z, c, v) = self.nzcv();
        u32::from(n) << 31
            | u32::from(z) << 30
            | u32::from(c) << 29
            | u32::from(v) << 28
            | (self.get(env::QF) & 1) << 27
            | (self.get(env::GE) & 0xF) << 16
    }

    /// Set NZCVQ and GE.
    pub fn set_apsr(self, apsr: u32) {
        self.set(env::NF, apsr & 0x8000_0000);
        self.set(env::ZF, u32::from(apsr & 0x4000_0000 == 0));
        self.set(env::CF, (apsr >> 29) & 1);
        self.set(env::VF, (apsr << 3) & 0x8000_0000);
        self.set(env::QF, (apsr >> 27) & 1);
        self.set(env::GE, (apsr >> 16) & 0xF);
    }

    /// Current exception number (IPSR).
    #[must_use]
    pub fn ipsr(self) -> u16 {
        self.get(env::EXCEPTION) as u16 & 0x1FF
    }

    /// xPSR as it is stacked.
    #[must_use]
    pub fn xpsr(self) -> u32 {
        let it = u32::from(self.it_state());
        self.apsr()
            | (it & 3) << 25
            | (it & 0xFC) << 8
            | u32::from(self.thumb()) << 24
            | u32::from(self.ipsr())
    }

    /// CONTROL.
    #[must_use]
    pub fn control(self) -> u32 {
        self.get(env::CONTROL) & 3 | self.get(env::CONTROL_FPCA) & 4
    }

    fn uses_psp(self) -> bool {
        self.ipsr() == 0 && self.get(env::CONTROL) & 2 != 0
    }

    /// Set IPSR and CONTROL together; the active stack pointer follows, whatever the privilege is.
    pub fn set_mode(self, ipsr: u16, control: u32) {
        let before = self.uses_psp();
        self.set(env::EXCEPTION, u32::from(ipsr));
        self.set(env::CONTROL, control & 3);
        self.set(env::CONTROL_FPCA, control & 4);
        if before != self.uses_psp() {
            let other = self.get(env::OTHER_SP);
            self.set(env::OTHER_SP, self.r(13));
            self.set_r(13, other);
        }
        self.rebuild_flags();
    }

    /// Recompute what the translator derives from mode and control.
    pub fn rebuild_flags(self) {
        // SAFETY: `env` belongs to a live engine (see `new`).
        unsafe { internals::rebuild_flags(self.env) }
    }

    /// MSP.
    #[must_use]
    pub fn msp(self) -> u32 {
        if self.uses_psp() {
            self.get(env::OTHER_SP)
        } else {
            self.r(13)
        }
    }

    /// PSP.
    #[must_use]
    pub fn psp(self) -> u32 {
        if self.uses_psp() {
            self.r(13)
        } else {
            self.get(env::OTHER_SP)
        }
    }

    /// Set MSP.
    pub fn set_msp(self, value: u32) {
        if self.uses_psp() {
            self.set(env::OTHER_SP, value & !3)
        } else {
            self.set_r(13, value & !3)
        }
    }

    /// Set PSP.
    pub fn set_psp(self, value: u32) {
        if self.uses_psp() {
            self.set_r(13, value & !3)
        } else {
            self.set(env::OTHER_SP, value & !3)
        }
    }

    /// MSPLIM and PSPLIM (ARMv8-M; zero on other cores).
    #[must_use]
    pub fn stack_limits(self) -> (u32, u32) {
        (self.get(env::MSPLIM), self.get(env::PSPLIM))
    }

    /// Set MSPLIM and PSPLIM.
    pub fn set_stack_limits(self, (main, process): (u32, u32)) {
        self.set(env::MSPLIM, main & !7);
        self.set(env::PSPLIM, process & !7);
    }

    /// The limit of the active stack pointer.
    #[must_use]
    pub fn stack_limit(self) -> u32 {
        let (main, process) = self.stack_limits();
        if self.uses_psp() { process } else { main }
    }

    /// PRIMASK, FAULTMASK, BASEPRI.
    #[must_use]
    pub fn masks(self) -> Masks {
        Masks {
            primask: self.get(env::PRIMASK) & 1 != 0,
            faultmask: self.get(env::FAULTMASK) & 1 != 0,
            basepri: self.get(env::BASEPRI) as u8,
        }
    }

    /// Set PRIMASK, FAULTMASK, BASEPRI.
    pub fn set_masks(self, masks: Masks) {
        self.set(env::PRIMASK, u32::from(masks.primask));
        self.set(env::FAULTMASK, u32::from(masks.faultmask));
        self.set(env::BASEPRI, u32::from(masks.basepri));
    }

    /// S0 to S31.
    #[must_use]
    pub fn s(self, n: usize) -> u32 {
        self.get(env::VFP + 4 * (n & 31))
    }

    /// Set S0 to S31.
    pub fn set_s(self, n: usize, value: u32) {
        self.set(env::VFP + 4 * (n & 31), value);
    }

    /// FPSCR.
    #[must_use]
    pub fn fpscr(self) -> u32 {
        // SAFETY: as in `rebuild_flags`.
        unsafe { internals::fpscr(self.env) }
    }

    /// Set FPSCR.
    pub fn set_fpscr(self, value: u32) {
        // SAFETY: as in `rebuild_flags`.
        unsafe { internals::set_fpscr(self.env, value) }
    }

    /// Tell the engine whether FP instructions create an FP context (FPCCR.ASPEN) and its FPSCR (FPDSCR).
    pub fn set_fp_context_control(self, aspen: bool, fpdscr: u32) {
        self.set(env::FPCCR, u32::from(aspen) << 31);
        self.set(env::FPDSCR, fpdscr);
        self.rebuild_flags();
    }

    /// Clear the exclusive monitor, as exception entry and return do.
    pub fn clear_exclusive(self) {
        // SAFETY: as in `get`; the field is 64 bits wide.
        unsafe {
            self.env
                .add(env::EXCLUSIVE_ADDR)
                .cast::<u64>()
                .write(u64::MAX)
        }
    }

    /// The exclusive monitor: address (all ones when it is open) and the value seen there.
    #[must_use]
    pub fn exclusive(self) -> (u64, u64) {
        // SAFETY: as in `get`; the fields are 64 bits wide.
        unsafe {
            (
                self.env.add(env::EXCLUSIVE_ADDR).cast::<u64>().read(),
                self.env.add(env::EXCLUSIVE_VAL).cast::<u64>().read(),
            )
        }
    }

    /// Set the exclusive monitor.
    pub fn set_exclusive(self, (address, value): (u64, u64)) {
        // SAFETY: as in `exclusive`.
        unsafe {
            self.env
                .add(env::EXCLUSIVE_ADDR)
                .cast::<u64>()
                .write(address);
            self.env.add(env::EXCLUSIVE_VAL).cast::<u64>().write(value);
        }
    }

    /// The next block executes at most `n` instructions.
    pub fn limit_next_block(self, n: u32) {
        // SAFETY: `cpu` belongs to a live engine (see `new`).
        unsafe { internals::limit_next_block(self.cpu, n) }
    }
}
