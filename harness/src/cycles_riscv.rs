//! The cycles of RV32 instructions as a listing shows them: from each instruction to the next one in the listing. What it
//! waits for is charged to the one that makes the next one wait.
//!
//! Divisions are shown at their shortest; branches and jumps as foreseen, and as not.

use crate::cycles::Price;
use emu_core::machine::CoreKind;
use emu_core::riscv::decode::{self, Class, Insn};
use emu_core::riscv::timing::{self, Entered, Model, Pipe};
use emu_core::timing::Cost;
use std::collections::BTreeMap;

/// Costs of the instructions of a RISC-V core.
pub struct RiscvTiming {
    model: &'static Model,
}

impl RiscvTiming {
    /// For a RISC-V core.
    #[must_use]
    pub fn new(core: CoreKind) -> RiscvTiming {
        RiscvTiming {
            model: timing::model(core),
        }
    }

    /// The cycles of each instruction of a straight run of code, with the reason, by address.
    #[must_use]
    pub fn of(&self, address: u32, code: &[u8]) -> BTreeMap<u32, Price> {
        let insns = decode::run(address, code);
        let mut pipe = Pipe::RESET;
        let mut all = BTreeMap::new();
        for (i, insn) in insns.iter().enumerate() {
            let entered = self.model.enter(&pipe, insn);
            let least = self.model.divide.0.cycles;
            pipe = self.model.after(&pipe, insn, entered.cycles, least);
            all.extend(
                self.one(&pipe, insn, insns.get(i + 1))
                    .map(|p| (insn.address, p)),
            );
        }
        all
    }

    fn one(&self, pipe: &Pipe, insn: &Insn, next: Option<&Insn>) -> Option<Price> {
        if matches!(insn.class, Class::Ecall | Class::Ebreak | Class::Illegal) {
            return None;
        }
        // NOP needs nothing.
        let plain = decode::one(insn.end(), &[0x13, 0, 0, 0]);
        let next = cost(&self.model.enter(pipe, next.unwrap_or(&plain)));
        if insn.class.transfers() {
            let register = insn.class == Class::JumpRegister;
            let missed = self.model.refilled(pipe, register);
            let missed = cost(&self.model.enter(&missed, &plain));
            return Some(Price::new(vec![next, missed]));
        }
        Some(Price::new(vec![next]))
    }
}

/// What is shown stands for the less certain of the two.
fn cost(e: &Entered) -> Cost {
    let stall = e.stall.map_or(e.gap.provenance, |s| s.provenance);
    let reason = e.stall.map_or(e.gap.reason, |s| s.reason);
    Cost {
        provenance: stall.max(e.gap.provenance),
        ..Cost::exact(e.cycles.into(), reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_the_next_one_wait_is_charged() {
        // lw a0, 0(a0); addi a0, a0, 1; mul a1, a2, a3; mul a1, a2, a3; beq a0, a1, .
        let code: Vec<u8> = [
            0x0005_2503u32,
            0x0015_0513,
            0x02D6_05B3,
            0x02D6_05B3,
            0x00B5_0063,
        ]
        .iter()
        .flat_map(|w| w.to_le_bytes())
        .collect();
        let figures: Vec<String> = RiscvTiming::new(CoreKind::E31)
            .of(0x2000_0000, &code)
            .values()
            .map(Price::figures)
            .collect();
        assert_eq!(figures, ["2=", "1=", "6~", "5=", "1=/4?"]);
    }
}
