//! The cycles of RV32 instructions as a listing shows them: from each instruction to the next one in the listing. What it
//! waits for is charged to the one that makes the next one wait.
//!
//! Divisions are shown at their shortest; branches and jumps as foreseen, and as not.

use crate::cycles::mark;
use emu_core::machine::CoreKind;
use emu_core::riscv::decode::{self, Class, Insn};
use emu_core::riscv::timing::{self, Entered, Model, Pipe};
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
    pub fn of(&self, address: u32, code: &[u8]) -> BTreeMap<u32, String> {
        let insns = decode::run(address, code);
        let mut pipe = Pipe::RESET;
        let mut all = BTreeMap::new();
        for (i, insn) in insns.iter().enumerate() {
            let entered = self.model.enter(&pipe, insn);
            let least = self.model.divide.0.cycles;
            pipe = self.model.after(&pipe, insn, entered.cycles, least);
            all.insert(insn.address, self.one(&pipe, insn, insns.get(i + 1)));
        }
        all
    }

    fn one(&self, pipe: &Pipe, insn: &Insn, next: Option<&Insn>) -> String {
        if matches!(insn.class, Class::Ecall | Class::Ebreak | Class::Illegal) {
            return String::new();
        }
        // NOP needs nothing.
        let plain = decode::one(insn.end(), &[0x13, 0, 0, 0]);
        let next = self.model.enter(pipe, next.unwrap_or(&plain));
        if insn.class.transfers() {
            let register = insn.class == Class::JumpRegister;
            let missed = self.model.refilled(pipe, register);
            let missed = self.model.enter(&missed, &plain);
            let figures = format!("{}/{}", figure(&next), figure(&missed));
            return format!("{figures:<6} {}", reason(&missed));
        }
        format!("{:<6} {}", figure(&next), reason(&next))
    }
}

/// What is shown stands for the less certain of the two.
fn figure(e: &Entered) -> String {
    let stall = e.stall.map_or(e.gap.provenance, |s| s.provenance);
    mark(e.cycles.into(), stall.max(e.gap.provenance))
}

fn reason(e: &Entered) -> &'static str {
    e.stall.map_or(e.gap.reason, |s| s.reason)
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
        let text: Vec<String> = RiscvTiming::new(CoreKind::E31)
            .of(0x2000_0000, &code)
            .into_values()
            .collect();
        let figures: Vec<&str> = text
            .iter()
            .map(|t| t.split(' ').next().unwrap_or(""))
            .collect();
        assert_eq!(figures, ["2=", "1=", "6~", "5=", "1=/4?"]);
    }
}
