//! The values of a core's registers: what they are, and what they become when gdb sets one.

use super::Place;
use emu_core::machine::{self, Machine};
use emu_core::riscv;
use emu_core::tasks::Saved;

/// Number of mstatus.
const MSTATUS: u16 = 0x300;

/// The registers of a core, apart from those that are read one by one (CSRs, the cycle).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Values {
    /// Of a Cortex-M.
    Arm(Box<machine::Registers>),
    /// Of a RISC-V core.
    Riscv(Box<riscv::Registers>),
}

impl Values {
    /// The registers of this machine now.
    pub fn of(machine: &Machine) -> Values {
        match machine.riscv_registers() {
            Some(registers) => Values::Riscv(Box::new(registers)),
            None => Values::Arm(Box::new(machine.registers())),
        }
    }

    /// A register's value; the low half is all there is of 32-bit ones. `None` when it is not among these.
    pub fn get(&self, place: Place) -> Option<u64> {
        let v = match self {
            Values::Arm(registers) => registers,
            Values::Riscv(registers) => {
                return match place {
                    Place::X(n) => Some(registers.x[usize::from(n & 31)].into()),
                    Place::Pc => Some(registers.pc.into()),
                    _ => None,
                };
            }
        };
        Some(u64::from(match place {
            Place::Core(n) => v.r[usize::from(n & 15)],
            Place::Xpsr => v.xpsr,
            Place::Msp => v.msp,
            Place::Psp => v.psp,
            Place::Msplim => v.msplim,
            Place::Psplim => v.psplim,
            Place::Primask => v.primask,
            Place::Basepri => v.basepri,
            Place::Faultmask => v.faultmask,
            Place::Control => v.control,
            Place::Fpscr => v.fpscr,
            Place::Double(n) => {
                let i = usize::from(n & 15) * 2;
                return Some(u64::from(v.s[i + 1]) << 32 | u64::from(v.s[i]));
            }
            Place::X(_) | Place::Pc | Place::Csr(_) | Place::Privilege | Place::Cycles => {
                return None;
            }
        }))
    }

    /// A register that a task has saved, or that goes with what it has saved; `None` when nobody knows it.
    pub fn saved(saved: &Saved, place: Place) -> Option<u64> {
        let value = match saved {
            Saved::Arm(v) => match place {
                Place::Core(n) => *v.r.get(usize::from(n))?,
                Place::Xpsr => v.xpsr,
                // A task has the process stack, where there are two.
                Place::Psp => v.r[13],
                Place::Fpscr => v.fpscr,
                Place::Double(n) => {
                    let i = usize::from(n & 15) * 2;
                    return Some(u64::from(v.s[i + 1]?) << 32 | u64::from(v.s[i]?));
                }
                _ => None,
            },
            Saved::Riscv(v) => match place {
                Place::X(0) => Some(0),
                Place::X(n) => *v.x.get(usize::from(n))?,
                Place::Pc => v.pc,
                Place::Csr(MSTATUS) => v.mstatus,
                _ => None,
            },
        };
        value.map(u64::from)
    }

    /// Change a register. SP and the stack pointer in use are one. `false` when it is not among these, or cannot be
    /// changed.
    pub fn set(&mut self, place: Place, value: u64) -> bool {
        let low = value as u32;
        match self {
            Values::Arm(registers) => set_arm(registers, place, value),
            Values::Riscv(registers) => match place {
                Place::X(n @ 1..) => {
                    registers.x[usize::from(n & 31)] = low;
                    true
                }
                Place::Pc => {
                    registers.pc = low;
                    true
                }
                _ => false,
            },
        }
    }
}

/// Is the process stack in use?
fn on_process_stack(r: &machine::Registers) -> bool {
    r.control & 2 != 0 && r.xpsr & 0x1FF == 0
}

fn set_arm(v: &mut machine::Registers, place: Place, value: u64) -> bool {
    let low = value as u32;
    match place {
        Place::Core(13) => {
            v.r[13] = low;
            if on_process_stack(v) {
                v.psp = low;
            } else {
                v.msp = low;
            }
        }
        Place::Core(n) => v.r[usize::from(n & 15)] = low,
        Place::Xpsr => {
            v.xpsr = low;
            choose_stack(v);
        }
        Place::Msp => {
            v.msp = low;
            choose_stack(v);
        }
        Place::Psp => {
            v.psp = low;
            choose_stack(v);
        }
        Place::Msplim => v.msplim = low,
        Place::Psplim => v.psplim = low,
        Place::Primask => v.primask = low,
        Place::Basepri => v.basepri = low,
        Place::Faultmask => v.faultmask = low,
        Place::Control => {
            v.control = low;
            choose_stack(v);
        }
        Place::Fpscr => v.fpscr = low,
        Place::Double(n) => {
            let i = usize::from(n & 15) * 2;
            v.s[i] = low;
            v.s[i + 1] = (value >> 32) as u32;
        }
        Place::X(_) | Place::Pc | Place::Csr(_) | Place::Privilege | Place::Cycles => return false,
    }
    true
}

/// SP becomes the stack pointer in use.
fn choose_stack(v: &mut machine::Registers) {
    v.r[13] = if on_process_stack(v) { v.psp } else { v.msp };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::registers::{arm, riscv as rv32};
    use emu_core::cortex_m::Architecture;

    #[test]
    fn what_is_set_is_what_is_read() {
        let arm = (
            arm::rows(Architecture::V8M, true),
            Values::Arm(Box::default()),
        );
        let riscv = (rv32::rows(|_| true), Values::Riscv(Box::default()));
        for (rows, empty) in [arm, riscv] {
            let mut changed = 0;
            for r in &rows {
                let mut values = empty.clone();
                let value = 0x1234_5678_0000_0104u64 & (u64::MAX >> (64 - r.bits));
                let old = values.get(r.place);
                if values.set(r.place, value) {
                    assert_eq!(values.get(r.place), Some(value), "{}", r.name);
                    changed += 1;
                } else {
                    let fixed = matches!(
                        r.place,
                        Place::Csr(_) | Place::Privilege | Place::Cycles | Place::X(0)
                    );
                    assert!(fixed && values.get(r.place) == old, "{}", r.name);
                }
            }
            assert!(changed >= 32);
        }
    }

    #[test]
    fn sp_and_the_stack_pointer_in_use_are_one() {
        let mut v = Values::Arm(Box::default());
        let sp = |v: &Values| v.get(Place::Core(13)).unwrap();
        v.set(Place::Msp, 0x100);
        v.set(Place::Psp, 0x200);
        assert_eq!(sp(&v), 0x100);
        v.set(Place::Control, 2);
        assert_eq!(sp(&v), 0x200);
        v.set(Place::Core(13), 0x300);
        assert_eq!(
            (v.get(Place::Msp), v.get(Place::Psp)),
            (Some(0x100), Some(0x300))
        );
        v.set(Place::Xpsr, 3); // a handler runs on the main stack
        assert_eq!(sp(&v), 0x100);
        v.set(Place::Msp, 0x400);
        assert_eq!(sp(&v), 0x400);
    }
}
