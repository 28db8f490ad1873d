//! System registers and exception state of a Cortex-M core.
//!
//! Modelled: ARMv6-M and ARMv7-M pending, enabled and active states, line levels, priorities with
//! grouping, masks, fault status, lazy FP control words, MPU regions (ARMv7-M PMSA).
//! Not modelled: ARMv8-M security states.
//!
//! Source: ARMv7-M ARM (DDI 0403E) B1.5, B3.2, B3.4; ARMv6-M ARM (DDI 0419E) B1.5.

use super::trace::Trace;
use crate::time::Cycles;
use serde::{Deserialize, Serialize};

/// Exceptions that can exist: 16 system exceptions and 240 interrupts.
pub const EXCEPTIONS: usize = 256;

/// Exception numbers (DDI 0403E table B1-4).
pub mod number {
    /// Reset.
    pub const RESET: u16 = 1;
    /// Non-maskable interrupt.
    pub const NMI: u16 = 2;
    /// HardFault.
    pub const HARD_FAULT: u16 = 3;
    /// MemManage.
    pub const MEM_MANAGE: u16 = 4;
    /// BusFault.
    pub const BUS_FAULT: u16 = 5;
    /// UsageFault.
    pub const USAGE_FAULT: u16 = 6;
    /// Supervisor call.
    pub const SVCALL: u16 = 11;
    /// Debug monitor.
    pub const DEBUG_MONITOR: u16 = 12;
    /// PendSV.
    pub const PENDSV: u16 = 14;
    /// SysTick.
    pub const SYSTICK: u16 = 15;
    /// The first external interrupt.
    pub const IRQ0: u16 = 16;
}

/// Architecture version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Architecture {
    /// ARMv6-M: Cortex-M0, M0+.
    V6M,
    /// ARMv7-M without DSP: Cortex-M3.
    V7M,
    /// ARMv7E-M: Cortex-M4, M7.
    V7EM,
    /// ARMv8-M with the Main and DSP Extensions, without the Security Extension: Cortex-M33.
    V8M,
}

/// The core's own mask registers, which live in the CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Masks {
    /// PRIMASK bit 0.
    pub primask: bool,
    /// FAULTMASK bit 0.
    pub faultmask: bool,
    /// BASEPRI bits 7:0.
    pub basepri: u8,
}

/// MPU registers (DDI 0403E B3.5).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Mpu {
    /// Number of regions; zero when there is no MPU.
    pub regions: u8,
    /// MPU_CTRL.
    pub ctrl: u32,
    /// MPU_RNR.
    pub rnr: u32,
    /// MPU_RBAR of each region (address bits).
    pub rbar: Vec<u32>,
    /// MPU_RASR of each region.
    pub rasr: Vec<u32>,
}

/// A set of exception numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Set([u64; EXCEPTIONS / 64]);

impl Set {
    fn get(&self, n: u16) -> bool {
        self.0[usize::from(n >> 6) & 3] >> (n & 63) & 1 != 0
    }
    fn put(&mut self, n: u16, on: bool) {
        let bit = 1 << (n & 63);
        let word = &mut self.0[usize::from(n >> 6) & 3];
        if on { *word |= bit } else { *word &= !bit }
    }
    fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().enumerate().flat_map(|(i, &w)| {
            std::iter::successors((w != 0).then_some(w), |w| {
                let w = w & (w - 1);
                (w != 0).then_some(w)
            })
            .map(move |w| (i * 64) as u16 + w.trailing_zeros() as u16)
        })
    }
    fn is_empty(&self) -> bool {
        self.0.iter().all(|&w| w == 0)
    }
}

/// State behind the system control space.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct System {
    /// Architecture of the core.
    pub architecture: Architecture,
    /// Has a floating-point unit.
    pub has_fpu: bool,
    /// Implemented priority bits (the high bits of each priority byte).
    pub priority_bits: u8,
    /// Implemented external interrupts.
    pub irq_count: u16,
    /// CPUID register.
    pub cpuid: u32,
    /// Reset value of VTOR: where the vector table is after a reset.
    pub vtor_reset: u32,
    /// VTOR.
    pub vtor: u32,
    /// AIRCR.PRIGROUP.
    pub prigroup: u8,
    /// SCR.
    pub scr: u32,
    /// CCR.
    pub ccr: u32,
    /// SHCSR enable bits (18:16).
    pub shcsr_enable: u32,
    /// CFSR.
    pub cfsr: u32,
    /// HFSR.
    pub hfsr: u32,
    /// DFSR.
    pub dfsr: u32,
    /// MMFAR.
    pub mmfar: u32,
    /// BFAR.
    pub bfar: u32,
    /// AFSR.
    pub afsr: u32,
    /// CPACR.
    pub cpacr: u32,
    /// FPCCR.
    pub fpccr: u32,
    /// FPCAR.
    pub fpcar: u32,
    /// FPDSCR.
    pub fpdscr: u32,
    /// DEMCR.
    pub demcr: u32,
    /// ACTLR.
    pub actlr: u32,
    /// MPU.
    pub mpu: Mpu,
    /// The core's masks, for ICSR.VECTPENDING; the core puts them here before each [`Access::Sync`] access.
    ///
    /// [`Access::Sync`]: crate::device::Access::Sync
    #[serde(skip)]
    pub masks: Masks,
    /// Counters of the trace unit. As DEMCR they outlive a system reset.
    pub trace: Trace,
    /// MPU or CCR settings changed: cached permissions are stale.
    #[serde(skip)]
    pub permissions_changed: bool,
    /// The exception that executes (IPSR), zero in thread mode.
    pub current: u16,
    /// The event register of WFE and SEV.
    pub event: bool,
    /// Cycles spent asleep (DWT_SLEEPCNT and load figures).
    pub sleep_cycles: u64,
    /// Cycles of exception entry and exit (DWT_EXCCNT).
    pub exception_cycles: u64,
    pending: Set,
    enabled: Set,
    active: Set,
    lines: Set,
    priority: Vec<u8>,
    pended_at: Vec<Cycles>,
    /// Something is pending and enabled; whether it may be taken is asked of [`System::takeable`].
    #[serde(skip)]
    attention: bool,
}

/// DEMCR.MON_EN.
pub const DEMCR_MON_EN: u32 = 1 << 16;

/// The execution priority of code that nothing masks (DDI 0403E B1.5.4).
pub const PRIORITY_IDLE: i16 = 256;

impl System {
    /// Reset state of a core.
    #[must_use]
    pub fn new(architecture: Architecture, priority_bits: u8, irq_count: u16) -> System {
        let mut s = System {
            architecture,
            has_fpu: false,
            priority_bits,
            irq_count,
            cpuid: 0,
            vtor_reset: 0,
            vtor: 0,
            prigroup: 0,
            scr: 0,
            ccr: 0,
            shcsr_enable: 0,
            cfsr: 0,
            hfsr: 0,
            dfsr: 0,
            mmfar: 0,
            bfar: 0,
            afsr: 0,
            cpacr: 0,
            fpccr: 0,
            fpcar: 0,
            fpdscr: 0,
            demcr: 0,
            actlr: 0,
            mpu: Mpu::default(),
            masks: Masks::default(),
            trace: Trace::default(),
            permissions_changed: false,
            current: 0,
            event: false,
            sleep_cycles: 0,
            exception_cycles: 0,
            pending: Set::default(),
            enabled: Set::default(),
            active: Set::default(),
            lines: Set::default(),
            priority: vec![0; EXCEPTIONS],
            pended_at: vec![Cycles::ZERO; EXCEPTIONS],
            attention: false,
        };
        s.reset();
        s
    }

    /// Is this ARMv7-M?
    #[must_use]
    pub fn is_v7m(&self) -> bool {
        self.architecture >= Architecture::V7M
    }

    /// System reset: everything but the implementation constants, DEMCR and the line levels.
    pub fn reset(&mut self) {
        self.vtor = self.vtor_reset;
        self.prigroup = 0;
        self.scr = 0;
        // STKALIGN is set out of reset on M3 r2p0 and later, and RAO on ARMv6-M (with UNALIGN_TRP).
        // On ARMv8-M, NONBASETHRDENA is RES1, too (DDI 0553 D1.2.9).
        self.ccr = match self.architecture {
            Architecture::V6M => 0x208,
            Architecture::V7M | Architecture::V7EM => 0x200,
            Architecture::V8M => 0x201,
        };
        self.shcsr_enable = 0;
        (
            self.cfsr, self.hfsr, self.dfsr, self.mmfar, self.bfar, self.afsr,
        ) = (0, 0, 0, 0, 0, 0);
        self.cpacr = 0;
        self.fpccr = if self.has_fpu { 0xC000_0000 } else { 0 };
        (self.fpcar, self.fpdscr, self.actlr) = (0, 0, 0);
        self.mpu.ctrl = 0;
        self.mpu.rnr = 0;
        self.mpu.rbar = vec![0; usize::from(self.mpu.regions)];
        self.mpu.rasr = vec![0; usize::from(self.mpu.regions)];
        self.permissions_changed = true;
        self.event = false;
        self.current = 0;
        self.pending = Set::default();
        self.active = Set::default();
        self.enabled = Set::default();
        self.priority.fill(0);
        self.refresh();
    }

    /// Is it an enabled interrupt, a system exception that SHCSR or DEMCR enable, or one that is
    /// always enabled?
    #[must_use]
    pub fn is_enabled(&self, number: u16) -> bool {
        match number {
            // SHCSR.MEMFAULTENA is bit 16, the others follow.
            number::MEM_MANAGE..=number::USAGE_FAULT => self.shcsr_enable >> (number + 12) & 1 != 0,
            number::DEBUG_MONITOR => self.demcr & DEMCR_MON_EN != 0,
            n => n < number::IRQ0 || self.enabled.get(n),
        }
    }

    /// Enable or disable an external interrupt; numbers that are not implemented are ignored.
    pub fn set_enabled(&mut self, number: u16, on: bool) {
        if (number::IRQ0..number::IRQ0 + self.irq_count).contains(&number) {
            self.enabled.put(number, on);
            self.refresh();
        }
    }

    /// Is the exception pending?
    #[must_use]
    pub fn is_pending(&self, number: u16) -> bool {
        self.pending.get(number)
    }

    /// Is any exception pending, enabled or not?
    #[must_use]
    pub fn any_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Make an exception pending. With SEVONPEND, a newly pending one is an event (WFE).
    pub fn set_pending(&mut self, number: u16, now: Cycles) {
        if number >= number::IRQ0 + self.irq_count {
            return;
        }
        if !self.pending.get(number) {
            self.pending.put(number, true);
            self.pended_at[usize::from(number)] = now;
            if self.scr & 0x10 != 0 {
                self.event = true;
            }
        }
        self.refresh();
    }

    /// Clear the pending state. An interrupt whose line is still up stays pending.
    pub fn clear_pending(&mut self, number: u16) {
        let held = number >= number::IRQ0 && self.lines.get(number) && !self.active.get(number);
        if !held {
            self.pending.put(number, false);
            self.refresh();
        }
    }

    /// An interrupt line changed its level; a rising line pends (DDI 0403E B3.4.1).
    pub fn set_line(&mut self, number: u16, level: bool, now: Cycles) {
        self.lines.put(number, level);
        if level {
            self.set_pending(number, now);
        }
    }

    /// Level of an interrupt line.
    #[must_use]
    pub fn line(&self, number: u16) -> bool {
        self.lines.get(number)
    }

    /// When the exception became pending.
    #[must_use]
    pub fn pended_at(&self, number: u16) -> Cycles {
        self.pended_at[usize::from(number)]
    }

    /// Is the exception active?
    #[must_use]
    pub fn is_active(&self, number: u16) -> bool {
        self.active.get(number)
    }

    /// Number of active exceptions.
    #[must_use]
    pub fn active_count(&self) -> usize {
        self.active.iter().count()
    }

    /// Mark an exception active or not (entry, return, SHCSR writes).
    pub fn set_active(&mut self, number: u16, on: bool) {
        self.active.put(number, on);
        self.refresh();
    }

    /// Entry: pending becomes active.
    pub fn enter(&mut self, number: u16) {
        self.pending.put(number, false);
        self.active.put(number, true);
        self.refresh();
    }

    /// Return: active becomes inactive; an interrupt whose line is still up pends again.
    pub fn leave(&mut self, number: u16, now: Cycles) {
        self.active.put(number, false);
        if number >= number::IRQ0 && self.lines.get(number) {
            self.set_pending(number, now);
        }
        self.refresh();
    }

    /// Raw priority byte, implemented bits only.
    #[must_use]
    pub fn priority_byte(&self, number: u16) -> u8 {
        self.priority[usize::from(number) & 0xFF]
    }

    /// Write a priority byte; bits that are not implemented read as zero.
    pub fn set_priority_byte(&mut self, number: u16, value: u8) {
        if number >= 4 && number < number::IRQ0 + self.irq_count {
            let bits = u32::from(self.priority_bits.min(8));
            self.priority[usize::from(number)] = (u32::from(value) & (0xFF00 >> bits)) as u8;
            self.refresh();
        }
    }

    /// The part of a priority byte that decides about preemption (AIRCR.PRIGROUP).
    #[must_use]
    pub fn group(&self, byte: u8) -> i16 {
        if !self.is_v7m() {
            return i16::from(byte);
        }
        let sub = (1u16 << (self.prigroup + 1)) - 1;
        (u16::from(byte) & !sub) as i16
    }

    /// Priority with the fixed ones of Reset, NMI and HardFault.
    #[must_use]
    pub fn priority(&self, number: u16) -> i16 {
        match number {
            number::RESET => -3,
            number::NMI => -2,
            number::HARD_FAULT => -1,
            n => i16::from(self.priority_byte(n)),
        }
    }

    fn group_priority(&self, number: u16) -> i16 {
        if number <= 3 {
            self.priority(number)
        } else {
            self.group(self.priority_byte(number))
        }
    }

    /// The highest group priority among active exceptions, without masks.
    #[must_use]
    pub fn active_priority(&self) -> i16 {
        self.active
            .iter()
            .map(|n| self.group_priority(n))
            .min()
            .unwrap_or(PRIORITY_IDLE)
    }

    /// Execution priority with the masks (DDI 0403E B1.5.4 `ExecutionPriority`).
    #[must_use]
    pub fn execution_priority(&self, masks: Masks) -> i16 {
        let mut p = self.active_priority();
        if masks.basepri != 0 && self.is_v7m() {
            p = p.min(self.group(masks.basepri));
        }
        if masks.primask {
            p = p.min(0);
        }
        if masks.faultmask && self.is_v7m() {
            p = p.min(-1);
        }
        p
    }

    /// The pending and enabled exception of highest priority (lowest number among equals).
    #[must_use]
    pub fn highest_pending(&self) -> Option<u16> {
        self.pending
            .iter()
            .filter(|&n| self.is_enabled(n))
            .min_by_key(|&n| (self.priority(n), n))
    }

    /// The exception that would be taken now.
    #[must_use]
    pub fn takeable(&self, masks: Masks) -> Option<u16> {
        let n = self.highest_pending()?;
        (self.group_priority(n) < self.execution_priority(masks)).then_some(n)
    }

    /// Would a sleeping core wake for a pending exception? PRIMASK does not count
    /// (DDI 0403E B1.5.18 and B1.5.19).
    #[must_use]
    pub fn wakes(&self, masks: Masks) -> bool {
        self.takeable(Masks {
            primask: false,
            ..masks
        })
        .is_some()
    }

    /// Is anything pending and enabled that beats what is active (masks aside)?
    #[must_use]
    pub fn attention(&self) -> bool {
        self.attention
    }

    /// Recompute what is derived, after a field that enables or orders exceptions was written
    /// ([`System::prigroup`], [`System::shcsr_enable`], [`System::demcr`]).
    pub fn refresh(&mut self) {
        self.attention = self
            .highest_pending()
            .is_some_and(|n| self.group_priority(n) < self.active_priority());
    }

    /// Recompute what is derived, after a snapshot was loaded.
    pub fn restored(&mut self) {
        self.refresh();
        self.permissions_changed = true;
    }

    /// How many bytes of host memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let mpu = self.mpu.rbar.len() + self.mpu.rasr.len();
        size_of::<System>() + self.priority.len() + 8 * self.pended_at.len() + 4 * mpu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn m4() -> System {
        let mut s = System::new(Architecture::V7EM, 4, 82);
        for n in 16..98 {
            s.set_enabled(n, true);
        }
        s
    }

    #[test]
    fn unimplemented_priority_bits_read_as_zero() {
        let mut s = m4();
        s.set_priority_byte(16, 0xFF);
        assert_eq!(s.priority_byte(16), 0xF0);
        s.set_priority_byte(16 + 200, 0xFF);
        assert_eq!(s.priority_byte(16 + 200), 0);
    }

    #[test]
    fn lowest_number_wins_among_equals() {
        let mut s = m4();
        s.set_pending(30, Cycles(1));
        s.set_pending(20, Cycles(2));
        assert_eq!(s.takeable(Masks::default()), Some(20));
        s.set_priority_byte(20, 0x10);
        assert_eq!(s.takeable(Masks::default()), Some(30));
    }

    #[test]
    fn subpriority_orders_but_does_not_preempt() {
        let mut s = m4();
        s.prigroup = 4; // bits 7:5 group, 4 sub
        s.set_priority_byte(20, 0x40);
        s.set_priority_byte(21, 0x50);
        s.set_pending(21, Cycles(0));
        s.set_pending(20, Cycles(0));
        assert_eq!(s.takeable(Masks::default()), Some(20));
        s.enter(21);
        assert_eq!(s.takeable(Masks::default()), None);
        assert!(!s.attention());
        s.prigroup = 3;
        assert_eq!(s.takeable(Masks::default()), Some(20));
    }

    #[test]
    fn masks() {
        let mut s = m4();
        s.set_priority_byte(20, 0x40);
        s.set_pending(20, Cycles(0));
        let take = |s: &System, m: Masks| s.takeable(m);
        assert_eq!(
            take(
                &s,
                Masks {
                    basepri: 0x40,
                    ..Masks::default()
                }
            ),
            None
        );
        assert_eq!(
            take(
                &s,
                Masks {
                    basepri: 0x50,
                    ..Masks::default()
                }
            ),
            Some(20)
        );
        assert_eq!(
            take(
                &s,
                Masks {
                    primask: true,
                    ..Masks::default()
                }
            ),
            None
        );
        assert!(s.wakes(Masks {
            primask: true,
            ..Masks::default()
        }));
        s.set_pending(number::NMI, Cycles(0));
        assert_eq!(
            take(
                &s,
                Masks {
                    faultmask: true,
                    primask: true,
                    basepri: 0x10
                }
            ),
            Some(2)
        );
    }

    #[test]
    fn faults_are_enabled_by_shcsr() {
        let mut s = m4();
        s.set_pending(number::USAGE_FAULT, Cycles(0));
        assert_eq!(s.takeable(Masks::default()), None);
        s.shcsr_enable = 1 << 18;
        s.refresh();
        assert!(s.attention());
        assert_eq!(s.takeable(Masks::default()), Some(6));
    }

    #[test]
    fn a_line_that_stays_up_pends_again() {
        let mut s = m4();
        s.set_line(20, true, Cycles(0));
        s.enter(20);
        assert!(!s.is_pending(20));
        s.leave(20, Cycles(9));
        assert!(s.is_pending(20));
        s.set_line(20, false, Cycles(10));
        assert!(s.is_pending(20), "pending is latched");
        s.clear_pending(20);
        assert!(!s.is_pending(20));
    }

    #[test]
    fn sevonpend_latches_an_event_even_when_disabled() {
        let mut s = m4();
        s.set_enabled(20, false);
        s.scr = 0x10;
        s.set_pending(20, Cycles(0));
        assert!(s.event);
        assert_eq!(s.takeable(Masks::default()), None);
    }
}
