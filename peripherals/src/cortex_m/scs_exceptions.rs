//! Interrupt and exception control of the system control block: ICSR, AIRCR, SHCSR.
//!
//! Source: ARMv7-M ARM (DDI 0403E) B3.2.4, B3.2.6, B3.2.13; ARMv6-M ARM (DDI 0419E) B3.2.

use emu_core::cortex_m::{System, number};
use emu_core::{Ctx, NoticeKind, ResetCause};

/// AIRCR.VECTKEY, and what the field reads as (B3.2.6).
const VECTKEY: u32 = 0x05FA;
pub(super) const VECTKEYSTAT: u32 = 0xFA05_0000;
/// SHCSR: UsageFault, BusFault, MemManage enable.
const SHCSR_ENABLE: u32 = 0x7_0000;
/// Active and pending bits of SHCSR by exception (B3.2.13).
const SHCSR_ACTIVE: [(u32, u16); 7] = [
    (0, number::MEM_MANAGE),
    (1, number::BUS_FAULT),
    (3, number::USAGE_FAULT),
    (7, number::SVCALL),
    (8, number::DEBUG_MONITOR),
    (10, number::PENDSV),
    (11, number::SYSTICK),
];
const SHCSR_PENDED: [(u32, u16); 4] = [
    (12, number::USAGE_FAULT),
    (13, number::MEM_MANAGE),
    (14, number::BUS_FAULT),
    (15, number::SVCALL),
];

/// ICSR.VECTPENDING: BASEPRI and FAULTMASK count, PRIMASK does not (B3.2.4).
fn vect_pending(s: &System) -> u32 {
    let Some(n) = s.highest_pending() else {
        return 0;
    };
    let priority = if n <= number::HARD_FAULT {
        s.priority(n)
    } else {
        s.group(s.priority_byte(n))
    };
    let mut limit = i16::MAX;
    if s.is_v7m() && s.masks.basepri != 0 {
        limit = s.group(s.masks.basepri);
    }
    if s.is_v7m() && s.masks.faultmask {
        limit = limit.min(-1);
    }
    if priority < limit { u32::from(n) } else { 0 }
}

pub(super) fn icsr(s: &System) -> u32 {
    let irq_pending = (number::IRQ0..number::IRQ0 + s.irq_count).any(|n| s.is_pending(n));
    let only_one = s.current != 0 && s.active_count() <= 1;
    u32::from(s.is_pending(number::NMI)) << 31
        | u32::from(s.is_pending(number::PENDSV)) << 28
        | u32::from(s.is_pending(number::SYSTICK)) << 26
        | u32::from(irq_pending) << 22
        | vect_pending(s) << 12
        | u32::from(only_one && s.is_v7m()) << 11
        | u32::from(s.current)
}

pub(super) fn shcsr(s: &System) -> u32 {
    let active = SHCSR_ACTIVE.iter().filter(|&&(_, n)| s.is_active(n));
    let pended = SHCSR_PENDED.iter().filter(|&&(_, n)| s.is_pending(n));
    let bits = if s.is_v7m() {
        active.chain(pended).fold(0, |w, &(bit, _)| w | 1 << bit)
    } else {
        u32::from(s.is_pending(number::SVCALL)) << 15
    };
    bits | s.shcsr_enable
}

/// Is there a priority field for this system exception?
pub(super) fn has_priority(n: u16, s: &System) -> bool {
    match n {
        number::MEM_MANAGE..=number::USAGE_FAULT | number::DEBUG_MONITOR => s.is_v7m(),
        number::SVCALL | number::PENDSV | number::SYSTICK => true,
        _ => false,
    }
}

/// A write as byte lanes of the 32-bit register.
#[derive(Clone, Copy)]
pub(super) struct Lanes {
    /// The value in its lanes, other lanes zero.
    pub bits: u32,
    /// The lanes that are written.
    pub lanes: u32,
}

impl Lanes {
    pub fn merge(self, old: u32) -> u32 {
        (old & !self.lanes) | self.bits
    }
}

pub(super) fn write_icsr(bits: u32, ctx: &mut Ctx<'_>) {
    if bits >> 31 != 0 {
        ctx.set_exception_pending(number::NMI, true);
    }
    for (exception, set, clear) in [(number::PENDSV, 28, 27), (number::SYSTICK, 26, 25)] {
        // Writing one to both is UNPREDICTABLE; set wins here.
        if bits >> set & 1 != 0 {
            ctx.set_exception_pending(exception, true);
        } else if bits >> clear & 1 != 0 {
            ctx.set_exception_pending(exception, false);
        }
    }
}

pub(super) fn write_aircr(bits: u32, ctx: &mut Ctx<'_>) {
    if bits >> 16 != VECTKEY {
        ctx.note(
            NoticeKind::Misuse,
            "AIRCR: write without the key 0x05FA, ignored",
        );
        return;
    }
    let s = ctx.system();
    let is_v7m = s.is_v7m();
    if is_v7m {
        s.prigroup = (bits >> 8 & 7) as u8;
        s.refresh();
    }
    if bits & 2 != 0 {
        // VECTCLRACTIVE clears all active state (B3.2.6).
        for n in 1..emu_core::cortex_m::EXCEPTIONS as u16 {
            s.set_active(n, false);
        }
    }
    if bits & 4 != 0 {
        ctx.request_reset(ResetCause::Software);
    } else if bits & 1 != 0 && is_v7m {
        ctx.note(
            NoticeKind::UnmodelledFeature,
            "AIRCR.VECTRESET resets the whole system, not only the core",
        );
        ctx.request_reset(ResetCause::Software);
    }
}

pub(super) fn write_shcsr(w: Lanes, ctx: &mut Ctx<'_>) {
    let s = ctx.system();
    let old = shcsr(s);
    let new = w.merge(old);
    let changed = old ^ new;
    if s.is_v7m() {
        s.shcsr_enable = new & SHCSR_ENABLE;
        for (bit, n) in SHCSR_ACTIVE {
            if changed >> bit & 1 != 0 {
                s.set_active(n, new >> bit & 1 != 0);
            }
        }
        s.refresh();
    }
    let v6m = !s.is_v7m();
    for (bit, n) in SHCSR_PENDED {
        if changed >> bit & 1 != 0 && (n == number::SVCALL || !v6m) {
            ctx.set_exception_pending(n, new >> bit & 1 != 0);
        }
    }
}
