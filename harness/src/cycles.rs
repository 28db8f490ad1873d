//! The cycles of instructions as a listing shows them: what the timing model charges each one when the next one in
//! the listing follows it, and what a branch costs when it is taken.
//!
//! What a listing cannot know is left out: flash wait states, operands (divides), which bus an access goes to,
//! and the alignment of a branch's target. The first instruction stands alone in the pipeline.

pub use crate::cycles_riscv::RiscvTiming;
use emu_core::cortex_m::Architecture;
use emu_core::decode::{Class, Decoder, Insn};
use emu_core::machine::CoreKind;
use emu_core::timing::{self, Cost, Model, Pipe, Provenance};
use std::collections::BTreeMap;

/// What the marks behind the figures mean.
pub const LEGEND: &str = "cycles: = documented, ~ measured, ? estimated; `a/b`: not taken (condition fails) / taken (holds), on RISC-V foreseen / not; \
     zero wait states, the next line follows";

/// Costs of the instructions of one core.
pub enum Timing {
    /// A Cortex-M.
    Arm(ArmTiming),
    /// A RISC-V core.
    Riscv(RiscvTiming),
}

impl Timing {
    /// For a core.
    ///
    /// # Errors
    /// The decoder's error text.
    pub fn new(core: CoreKind) -> Result<Timing, String> {
        Ok(if core.is_riscv() {
            Timing::Riscv(RiscvTiming::new(core))
        } else {
            Timing::Arm(ArmTiming::new(core)?)
        })
    }

    /// The cycles of each instruction of a straight run of code, with the reason, by address.
    #[must_use]
    pub fn of(&self, address: u32, code: &[u8]) -> BTreeMap<u32, String> {
        match self {
            Timing::Arm(t) => t.of(address, code),
            Timing::Riscv(t) => t.of(address, code),
        }
    }
}

/// Costs of the instructions of a Cortex-M.
pub struct ArmTiming {
    decoder: Decoder,
    model: Box<dyn Model>,
}

impl ArmTiming {
    /// For a core.
    ///
    /// # Errors
    /// The decoder's error text.
    fn new(core: CoreKind) -> Result<ArmTiming, String> {
        let architecture = match core {
            CoreKind::CortexM0 | CoreKind::CortexM0plus => Architecture::V6M,
            _ => Architecture::V7M,
        };
        let fpu = matches!(core, CoreKind::CortexM4f | CoreKind::CortexM7);
        Ok(ArmTiming {
            decoder: Decoder::new(architecture, fpu)?,
            model: timing::model(core),
        })
    }

    fn of(&self, address: u32, code: &[u8]) -> BTreeMap<u32, String> {
        let insns = self.decoder.run(address, code, 0);
        let mut before = Pipe::SETTLED;
        let mut all = BTreeMap::new();
        for (i, insn) in insns.iter().enumerate() {
            all.insert(insn.address, self.one(&before, insn, insns.get(i + 1)));
            before = Pipe::after(&before, insn, true);
        }
        all
    }

    fn one(&self, before: &Pipe, insn: &Insn, next: Option<&Insn>) -> String {
        // Any narrow instruction at an aligned address: LSLS R0, R0, #0.
        let plain = self.decoder.one(insn.end() & !3, &[0, 0]);
        let cost = |executed: bool, taken: bool| {
            let pipe = Pipe::after(before, insn, executed);
            let successor = if taken {
                &plain
            } else {
                next.unwrap_or(&plain)
            };
            self.model.enter(&pipe, successor, taken)
        };
        if matches!(insn.class, Class::Undefined | Class::Svc | Class::Bkpt) {
            return String::new();
        }
        let branches = insn.class.always_branches();
        let conditional = matches!(insn.class, Class::BranchConditional | Class::CompareBranch);
        if conditional || insn.is_predicated() {
            let not = cost(conditional, false);
            both(not, cost(true, conditional || branches))
        } else {
            let c = cost(true, branches);
            format!("{:<6} {}", figure(c), c.reason)
        }
    }
}

fn both(not: Cost, taken: Cost) -> String {
    let figures = format!("{}/{}", figure(not), figure(taken));
    format!("{figures:<6} {}", taken.reason)
}

fn figure(cost: Cost) -> String {
    mark(cost.cycles, cost.provenance)
}

pub(crate) fn mark(cycles: u32, provenance: Provenance) -> String {
    let mark = match provenance {
        Provenance::Exact => '=',
        Provenance::Measured => '~',
        Provenance::Estimate => '?',
    };
    format!("{cycles}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(core: CoreKind, code: &[u16]) -> Vec<String> {
        let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
        let timing = Timing::new(core).expect("starts");
        timing.of(0x0800_0000, &bytes).into_values().collect()
    }

    #[test]
    fn loads_pipeline_and_branches_have_two_costs() {
        // LDR R0,[R1]; LDR R2,[R3]; ADDS R0,R2; LDR R1,[R0]; BNE .-8; UDIV R0,R1,R2; BX LR
        let code = [
            0x6808, 0x681A, 0x1880, 0x6801, 0xD1FA, 0xFBB1, 0xF0F2, 0x4770,
        ];
        let text = listing(CoreKind::CortexM4f, &code);
        let figures: Vec<&str> = text
            .iter()
            .map(|t| t.split(' ').next().unwrap_or(""))
            .collect();
        assert_eq!(figures, ["1~", "2=", "2=", "2=", "1=/2~", "2?", "2~"]);
        assert!(text[5].contains("divide, 2 to 12"), "{text:?}");
    }

    #[test]
    fn predicated_instructions_have_both_costs() {
        // IT EQ; LDREQ R0,[R1]; MOVS R2,#0
        let text = listing(CoreKind::CortexM3, &[0xBF08, 0x6808, 0x2200]);
        assert!(text[1].starts_with("1=/2= "), "{text:?}");
    }
}
