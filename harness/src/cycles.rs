//! The cycles of instructions as a listing shows them: what the timing model charges each one when the next one in
//! the listing follows it, and what a branch costs when it is taken.
//!
//! What a listing cannot know is left out: flash wait states, operands (divides), which bus an access goes to,
//! and the alignment of a branch's target. The first instruction stands alone in the pipeline.

use emu_core::decode::{Class, Decoder, Insn};
use emu_core::machine::CoreKind;
use emu_core::timing::{self, Cost, Inputs, Model, Pipe, Provenance, ZeroWait};
use std::collections::BTreeMap;

/// What the marks behind the figures mean.
pub const LEGEND: &str = "cycles: = documented, ~ measured, ? estimated; `a/b`: not taken (condition fails) / taken (holds); \
     zero wait states, the next line follows";

/// Costs of the instructions of one core.
pub struct Timing {
    decoder: Decoder,
    model: Box<dyn Model>,
}

impl Timing {
    /// For a core.
    ///
    /// # Errors
    /// The decoder's error text.
    pub fn new(core: CoreKind) -> Result<Timing, String> {
        Ok(Timing {
            decoder: Decoder::new(core.info().architecture, core.has_fpu())?,
            model: timing::model(core),
        })
    }

    /// The cycles of each instruction of a straight run of code, with the reason, by address.
    #[must_use]
    pub fn of(&self, address: u32, code: &[u8]) -> BTreeMap<u32, String> {
        let insns = self.decoder.run(address, code, 0);
        let mut before = Pipe::SETTLED;
        let mut all = BTreeMap::new();
        for (i, insn) in insns.iter().enumerate() {
            all.insert(insn.address, self.one(&before, insn, insns.get(i + 1)));
            self.model
                .step(&mut before, insn, Inputs::PLAIN, &mut ZeroWait);
        }
        all
    }

    fn one(&self, before: &Pipe, insn: &Insn, next: Option<&Insn>) -> String {
        // Any narrow instruction at an aligned address: LSLS R0, R0, #0.
        let plain = self.decoder.one(insn.end() & !3, &[0, 0]);
        let cost = |executed: bool, taken: bool| {
            let mut pipe = *before;
            let inputs = Inputs {
                executed,
                ..Inputs::PLAIN
            };
            self.model.step(&mut pipe, insn, inputs, &mut ZeroWait);
            if taken {
                pipe = self.model.branched(&pipe);
            }
            let successor = if taken {
                &plain
            } else {
                next.unwrap_or(&plain)
            };
            self.model
                .step(&mut pipe, successor, Inputs::PLAIN, &mut ZeroWait)
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
    let mark = match cost.provenance {
        Provenance::Exact => '=',
        Provenance::Measured => '~',
        Provenance::Estimate => '?',
    };
    format!("{}{mark}", cost.cycles)
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
