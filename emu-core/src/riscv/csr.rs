//! Machine-mode control and status registers, and privilege.
//!
//! Modelled: mstatus (MIE, MPIE, MPP), misa, mie, mip, mtvec (direct and vectored), mscratch, mepc, mcause, mtval,
//! mcycle and minstret with their user views and mcounteren, identification. Machine and user mode.
//! Not modelled: PMP (its registers keep their values; no access is refused), performance events (zero), triggers
//! (none), supervisor mode.
//!
//! Source: RISC-V privileged architecture 1.10, chapters 2 and 3.

use serde::{Deserialize, Serialize};

/// Machine mode.
pub const MACHINE: u8 = 3;
/// User mode.
pub const USER: u8 = 0;

const MIE: u32 = 1 << 3;
const MPIE: u32 = 1 << 7;

/// misa: RV32, extensions A, C, I, M, U.
pub const MISA: u32 = 1 << 30 | 1 | 1 << 2 | 1 << 8 | 1 << 12 | 1 << 20;

/// There is no such register, or it may not be accessed so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IllegalCsr;

/// Is there a register of this number that keeps what is written to it (as far as its fields allow)? Not: misa,
/// mip (the lines of other devices), events, identification, views for user mode.
#[must_use]
pub fn is_writable(number: u16) -> bool {
    matches!(
        number,
        0x300 | 0x304..=0x306 | 0x340..=0x343 | 0x3A0..=0x3A3 | 0x3B0..=0x3BF | 0xB00 | 0xB02 | 0xB80 | 0xB82
    )
}

/// What a CSR shows that does not live in it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The core's cycle.
    pub cycle: u64,
    /// Instructions that retired before.
    pub retired: u64,
    /// Levels of the interrupt lines.
    pub lines: u32,
}

/// The registers of a hart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Csrs {
    /// The mode in which instructions execute.
    pub privilege: u8,
    /// mstatus.MIE.
    pub interrupts: bool,
    /// mstatus.MPIE.
    pub previous_interrupts: bool,
    /// mstatus.MPP.
    pub previous_privilege: u8,
    /// mie.
    pub mie: u32,
    /// mtvec.
    pub mtvec: u32,
    /// mscratch.
    pub mscratch: u32,
    /// mepc.
    pub mepc: u32,
    /// mcause.
    pub mcause: u32,
    /// mtval.
    pub mtval: u32,
    /// mcounteren.
    pub mcounteren: u32,
    /// mcycle is the core's cycle plus this.
    cycle_offset: u64,
    /// minstret is the count of instructions plus this.
    retired_offset: u64,
    pmpcfg: [u32; 4],
    pmpaddr: [u32; 16],
    vendor: [u32; 3],
}

impl Csrs {
    /// After reset. `vendor`: mvendorid, marchid, mimpid.
    #[must_use]
    pub fn new(vendor: [u32; 3]) -> Csrs {
        Csrs {
            privilege: MACHINE,
            interrupts: false,
            previous_interrupts: false,
            previous_privilege: MACHINE,
            mie: 0,
            mtvec: 0,
            mscratch: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            mcounteren: 0,
            cycle_offset: 0,
            retired_offset: 0,
            pmpcfg: [0; 4],
            pmpaddr: [0; 16],
            vendor,
        }
    }

    /// mstatus.
    #[must_use]
    pub fn mstatus(&self) -> u32 {
        (u32::from(self.interrupts) * MIE)
            | (u32::from(self.previous_interrupts) * MPIE)
            | u32::from(self.previous_privilege) << 11
    }

    fn set_mstatus(&mut self, value: u32) {
        self.interrupts = value & MIE != 0;
        self.previous_interrupts = value & MPIE != 0;
        // MPP holds only modes that exist (WARL).
        self.previous_privilege = match value >> 11 & 3 {
            3 => MACHINE,
            0 => USER,
            _ => self.previous_privilege,
        };
    }

    /// Interrupts that are pending, enabled and not masked by mstatus.MIE.
    #[must_use]
    pub fn takeable(&self, lines: u32) -> u32 {
        if self.interrupts || self.privilege < MACHINE {
            lines & self.mie
        } else {
            0
        }
    }

    /// Read a register.
    ///
    /// # Errors
    /// [`IllegalCsr`] when there is none, or not for this mode.
    pub fn read(&self, number: u16, now: Now) -> Result<u32, IllegalCsr> {
        if u32::from(number >> 8 & 3) > u32::from(self.privilege) {
            return Err(IllegalCsr);
        }
        let cycle = now.cycle.wrapping_add(self.cycle_offset);
        let retired = now.retired.wrapping_add(self.retired_offset);
        if matches!(number, 0xC00..=0xC1F | 0xC80..=0xC9F)
            && self.privilege < MACHINE
            && self.mcounteren >> (number & 31) & 1 == 0
        {
            return Err(IllegalCsr);
        }
        Ok(match number {
            0x300 => self.mstatus(),
            0x301 => MISA,
            0x304 => self.mie,
            0x305 => self.mtvec,
            0x306 => self.mcounteren,
            0x340 => self.mscratch,
            0x341 => self.mepc,
            0x342 => self.mcause,
            0x343 => self.mtval,
            0x344 => now.lines,
            0x3A0..=0x3A3 => self.pmpcfg[usize::from(number & 3)],
            0x3B0..=0x3BF => self.pmpaddr[usize::from(number & 15)],
            0xB00 | 0xC00 => cycle as u32,
            0xB80 | 0xC80 => (cycle >> 32) as u32,
            0xB02 | 0xC02 => retired as u32,
            0xB82 | 0xC82 => (retired >> 32) as u32,
            // Events, their counters, mcountinhibit, triggers: none.
            0x320 | 0x323..=0x33F | 0x7A0..=0x7A3 => 0,
            0xB03..=0xB1F | 0xB83..=0xB9F | 0xC03..=0xC1F | 0xC83..=0xC9F => 0,
            0xF11..=0xF13 => self.vendor[usize::from(number - 0xF11)],
            0xF14 => 0,
            _ => return Err(IllegalCsr),
        })
    }

    /// Write a register. `true` when something was written that is not modelled.
    ///
    /// # Errors
    /// [`IllegalCsr`] when there is none, or it cannot be written in this mode.
    pub fn write(&mut self, number: u16, value: u32, now: Now) -> Result<bool, IllegalCsr> {
        self.read(number, now)?;
        if number >> 10 == 3 {
            return Err(IllegalCsr); // read-only by its number
        }
        let low = |old: u64| old & !0xFFFF_FFFF | u64::from(value);
        let high = |old: u64| old & 0xFFFF_FFFF | u64::from(value) << 32;
        let cycle = now.cycle.wrapping_add(self.cycle_offset);
        let retired = now.retired.wrapping_add(self.retired_offset);
        match number {
            0x300 => self.set_mstatus(value),
            0x304 => self.mie = value & super::lines::IMPLEMENTED,
            0x305 => self.mtvec = value & !2,
            0x306 => self.mcounteren = value,
            0x340 => self.mscratch = value,
            0x341 => self.mepc = value & !1,
            0x342 => self.mcause = value,
            0x343 => self.mtval = value,
            0x3A0..=0x3A3 => {
                self.pmpcfg[usize::from(number & 3)] = value;
                return Ok(value != 0);
            }
            0x3B0..=0x3BF => self.pmpaddr[usize::from(number & 15)] = value,
            0xB00 => self.cycle_offset = low(cycle).wrapping_sub(now.cycle),
            0xB80 => self.cycle_offset = high(cycle).wrapping_sub(now.cycle),
            0xB02 => self.retired_offset = low(retired).wrapping_sub(now.retired),
            0xB82 => self.retired_offset = high(retired).wrapping_sub(now.retired),
            _ => {}
        }
        Ok(false)
    }

    /// Enter a trap: `cause` as in mcause. Returns the handler's address.
    pub fn enter_trap(&mut self, cause: u32, epc: u32, tval: u32) -> u32 {
        self.previous_interrupts = self.interrupts;
        self.previous_privilege = self.privilege;
        self.interrupts = false;
        self.privilege = MACHINE;
        (self.mcause, self.mepc, self.mtval) = (cause, epc & !1, tval);
        self.vector(cause)
    }

    /// Where a trap of this cause goes.
    #[must_use]
    pub fn vector(&self, cause: u32) -> u32 {
        let base = self.mtvec & !3;
        if self.mtvec & 1 != 0 && cause >> 31 != 0 {
            base.wrapping_add((cause & 0x7FFF_FFFF) * 4)
        } else {
            base
        }
    }

    /// MRET. Returns where it goes.
    pub fn return_from_trap(&mut self) -> u32 {
        self.interrupts = self.previous_interrupts;
        self.privilege = self.previous_privilege;
        self.previous_interrupts = true;
        self.previous_privilege = USER;
        self.mepc
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOW: Now = Now {
        cycle: 0x1_0000_0010,
        retired: 7,
        lines: 0x80,
    };

    #[test]
    fn counters_go_on_from_what_is_written() {
        let mut c = Csrs::new([0; 3]);
        assert_eq!(c.read(0xB00, NOW), Ok(0x10));
        assert_eq!(c.read(0xB80, NOW), Ok(1));
        c.write(0xB00, 100, NOW).unwrap();
        let later = Now {
            cycle: NOW.cycle + 5,
            ..NOW
        };
        assert_eq!(c.read(0xC00, later), Ok(105));
        assert_eq!(c.read(0xC80, later), Ok(1));
        assert_eq!(c.write(0xC00, 0, NOW), Err(IllegalCsr));
    }

    #[test]
    fn writable_is_what_keeps_a_value() {
        for number in 0..0x1000 {
            let mut c = Csrs::new([0; 3]);
            let Ok(before) = c.read(number, NOW) else {
                assert!(!is_writable(number), "{number:#x}");
                continue;
            };
            // 0x88: bits that each of them keeps.
            let taken = c
                .write(number, !before & 0x88 | before & !0x88, NOW)
                .is_ok();
            let kept = taken && c.read(number, NOW) != Ok(before);
            assert_eq!(kept, is_writable(number), "{number:#x}");
        }
    }

    #[test]
    fn traps_and_returns() {
        let mut c = Csrs::new([0; 3]);
        c.write(0x305, 0x2000_0101, NOW).unwrap();
        c.write(0x300, MIE, NOW).unwrap();
        assert_eq!(c.mstatus(), MIE, "and MPP was set to user mode");
        assert_eq!(c.enter_trap(1 << 31 | 7, 0x123, 0), 0x2000_011C);
        assert_eq!(
            (c.mepc, c.mcause, c.mstatus()),
            (0x122, 1 << 31 | 7, MPIE | 3 << 11)
        );
        assert_eq!(c.return_from_trap(), 0x122);
        assert_eq!((c.mstatus(), c.privilege), (MIE | MPIE, MACHINE));
        assert_eq!(c.enter_trap(2, 0x10, 0xAB), 0x2000_0100, "not vectored");
    }

    #[test]
    fn user_mode_sees_only_what_it_may() {
        let mut c = Csrs::new([0; 3]);
        c.privilege = USER;
        assert_eq!(c.read(0x300, NOW), Err(IllegalCsr));
        assert_eq!(c.read(0xC00, NOW), Err(IllegalCsr));
        c.mcounteren = 1;
        assert_eq!(c.read(0xC00, NOW), Ok(0x10));
        c.mie = 0x80;
        assert_eq!(c.takeable(0x80), 0x80, "whatever MIE says");
        assert_eq!(c.read(0xC01, NOW), Err(IllegalCsr), "no time CSR");
    }
}
