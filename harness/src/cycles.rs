//! The cycles of instructions as a listing shows them: from each one's first execute cycle to that of the next line, and
//! to that of its target where a branch is taken. The pipeline's state goes through the listing: the prefetch queue,
//! so that alignment shows, pairs of loads and stores, results that are not ready.
//!
//! What a listing cannot know is left out: flash wait states, operands (divides), which bus an access goes to. Functions
//! and what follows a call are entered by a branch; where a register branch goes is an aligned narrow instruction.

pub use crate::cycles_riscv::RiscvTiming;
use emu_core::decode::{Class, Decoder, Insn};
use emu_core::machine::CoreKind;
use emu_core::timing::{self, Cost, Inputs, Model, Pipe, Provenance, ZeroWait};
use std::collections::BTreeMap;

/// What the marks behind the figures mean.
pub const LEGEND: &str = "cycles to the next line at zero wait states: = documented, ~ measured, ? estimated; \
     a/b: not taken (condition fails) / taken (holds), on RISC-V foreseen / not";

/// BX LR.
const BX_LR: [u8; 2] = [0x70, 0x47];

/// What an instruction costs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Price {
    /// One cost, or not taken and taken.
    pub costs: Vec<Cost>,
    /// Registers or words of a multiple transfer; else 1.
    count: u8,
}

impl Price {
    /// Of an instruction that moves no list of registers.
    #[must_use]
    pub fn new(costs: Vec<Cost>) -> Price {
        Price { costs, count: 1 }
    }

    /// `2=`, `1=/2~`.
    #[must_use]
    pub fn figures(&self) -> String {
        let all = self.costs.iter().map(figure);
        all.collect::<Vec<_>>().join("/")
    }

    /// The least certain of the costs.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        let all = self.costs.iter().map(|c| c.provenance);
        all.max().unwrap_or(Provenance::Exact)
    }

    /// Why, and what kind of cycles beside execution: `load [stall 1]`. Of two costs the taken one's, and the other one's
    /// when it is more than a cycle.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.costs[..] {
            [not, taken] if not.cycles > 1 && not.reason != taken.reason => {
                format!("{} / {}", self.one(not), self.one(taken))
            }
            [.., last] => self.one(last),
            [] => String::new(),
        }
    }

    fn one(&self, cost: &Cost) -> String {
        let mut text = cost.reason.to_owned();
        if text.contains("1+N") && self.count > 1 {
            text.push_str(&format!(", N = {}", self.count));
        }
        let kinds = [
            ("refill", cost.refill),
            ("stall", cost.stall),
            ("wait", cost.wait),
        ];
        let kinds = kinds.iter().filter(|k| k.1 > 0);
        let kinds: Vec<String> = kinds.map(|(name, n)| format!("{name} {n}")).collect();
        if !kinds.is_empty() {
            text.push_str(&format!(" [{}]", kinds.join(", ")));
        }
        text
    }
}

impl std::fmt::Display for Price {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<6} {}", self.figures(), self.reason())
    }
}

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

    /// The cycles of each instruction of a straight run of code, by address; `bytes` gives the code at other addresses,
    /// for branch targets.
    #[must_use]
    pub fn of(
        &self,
        address: u32,
        code: &[u8],
        bytes: &dyn Fn(u32) -> Vec<u8>,
    ) -> BTreeMap<u32, Price> {
        match self {
            Timing::Arm(t) => t.of(address, code, bytes),
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
        Ok(ArmTiming {
            decoder: Decoder::new(core.architecture(), core.has_fpu())?,
            model: timing::model(core),
        })
    }

    fn of(
        &self,
        address: u32,
        code: &[u8],
        bytes: &dyn Fn(u32) -> Vec<u8>,
    ) -> BTreeMap<u32, Price> {
        let insns = self.decoder.run(address, code, 0);
        let mut before = self.entered();
        let mut all: BTreeMap<u32, Price> = BTreeMap::new();
        let mut folded: Option<u32> = None;
        for (i, insn) in insns.iter().enumerate() {
            let next = insns.get(i + 1);
            let price = self.one(&before, insn, next, bytes);
            self.model
                .step(&mut before, insn, Inputs::PLAIN, &mut ZeroWait);
            if insn.class.always_branches() && !insn.is_predicated() {
                before = self.entered();
            }
            let Some(mut price) = price else { continue };
            // A folded IT takes the cycles of the instruction before it, which start with its own: show them there.
            if let Some(at) = folded.take()
                && let Some(first) = all.get_mut(&at)
            {
                std::mem::swap(&mut first.costs, &mut price.costs);
            }
            let folds = next.is_some_and(|n| n.class == Class::It);
            if folds && price.costs.iter().all(|c| c.cycles == 0) {
                folded = Some(insn.address);
            }
            all.insert(insn.address, price);
        }
        all
    }

    /// The pipeline as a branch from afar leaves it.
    fn entered(&self) -> Pipe {
        let mut pipe = Pipe::SETTLED;
        let branch = self.decoder.one(0, &BX_LR);
        self.model
            .step(&mut pipe, &branch, Inputs::PLAIN, &mut ZeroWait);
        self.model.branched(&pipe)
    }

    fn one(
        &self,
        before: &Pipe,
        insn: &Insn,
        next: Option<&Insn>,
        bytes: &dyn Fn(u32) -> Vec<u8>,
    ) -> Option<Price> {
        if matches!(insn.class, Class::Undefined | Class::Svc | Class::Bkpt) {
            return None;
        }
        // Any narrow instruction at an aligned address: LSLS R0, R0, #0.
        let plain = self.decoder.one((insn.end() + 3) & !3, &[0, 0]);
        let target = insn.target.and_then(|at| {
            let code = bytes(at);
            let first = u16::from_le_bytes([*code.first()?, *code.get(1)?]);
            let size = self.decoder.size(first) as usize;
            Some(self.decoder.one(at, code.get(..size)?))
        });
        let cost = |executed: bool, taken: bool| {
            let mut pipe = *before;
            let inputs = Inputs {
                executed,
                ..Inputs::PLAIN
            };
            self.model.step(&mut pipe, insn, inputs, &mut ZeroWait);
            let successor = if taken {
                pipe = self.model.branched(&pipe);
                target.as_ref()
            } else {
                next
            };
            let successor = successor.unwrap_or(&plain);
            self.model
                .step(&mut pipe, successor, Inputs::PLAIN, &mut ZeroWait)
        };
        let branches = insn.class.always_branches();
        let conditional = matches!(insn.class, Class::BranchConditional | Class::CompareBranch);
        let costs = if conditional || insn.is_predicated() {
            vec![
                cost(conditional, false),
                cost(true, conditional || branches),
            ]
        } else {
            vec![cost(true, branches)]
        };
        Some(Price {
            costs,
            count: insn.count,
        })
    }
}

fn figure(cost: &Cost) -> String {
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

    const BASE: u32 = 0x0800_0000;

    fn listing(core: CoreKind, code: &[u16]) -> Vec<Price> {
        let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
        let timing = Timing::new(core).expect("starts");
        let at = |a: u32| {
            let rest = bytes.get(a.wrapping_sub(BASE) as usize..);
            rest.unwrap_or_default().iter().copied().take(4).collect()
        };
        timing.of(BASE, &bytes, &at).into_values().collect()
    }

    fn figures(core: CoreKind, code: &[u16]) -> Vec<String> {
        listing(core, code).iter().map(Price::figures).collect()
    }

    #[test]
    fn loads_pipeline_and_branches_have_two_costs() {
        // LDR R0,[R1]; LDR R2,[R3]; ADDS R0,R2; LDR R1,[R0]; BNE .-8; UDIV R0,R1,R2; BX LR
        let code = [
            0x6808, 0x681A, 0x1880, 0x6801, 0xD1FA, 0xFBB1, 0xF0F2, 0x4770,
        ];
        let all = listing(CoreKind::CortexM4f, &code);
        let figures: Vec<String> = all.iter().map(Price::figures).collect();
        assert_eq!(figures, ["1~", "2=", "2=", "2=", "1=/2~", "2~", "2~"]);
        assert!(all[5].to_string().contains("divide, 2 to 12"), "{}", all[5]);
        assert_eq!(all[2].reason(), "address register just written [stall 1]");
        assert_eq!(all[4].reason(), "branch taken [refill 1]");
    }

    #[test]
    fn predicated_instructions_have_both_costs() {
        // IT EQ; LDREQ R0,[R1]; MOVS R2,#0
        let text = figures(CoreKind::CortexM3, &[0xBF08, 0x6808, 0x2200]);
        assert_eq!(text[1], "1=/2=");
    }

    #[test]
    fn a_folded_it_costs_nothing_and_the_instruction_before_it_its_own() {
        // MOVS R0,#0; IT EQ; MOVEQ R1,R0; MOVS R2,#0
        let text = figures(CoreKind::CortexM4, &[0x2000, 0xBF08, 0x4601, 0x2200]);
        assert_eq!(text[..2], ["1=".to_owned(), "0~".to_owned()]);
    }

    #[test]
    fn the_alignment_of_a_target_shows() {
        // B to a wide instruction at 2 mod 4: one more than to one at 0 mod 4.
        let odd = [0xE001, 0xBF00, 0xBF00, 0xF04F, 0x0000];
        let even = [0xE000, 0xBF00, 0xF04F, 0x0000, 0xBF00];
        let first = |code| listing(CoreKind::CortexM4, code)[0].costs[0].cycles;
        assert_eq!(first(&odd), first(&even) + 1);
    }

    #[test]
    fn multiple_transfers_tell_their_count() {
        let all = listing(CoreKind::CortexM4, &[0xB5F0, 0x2000]);
        assert_eq!(all[0].to_string(), "6=     1+N, N = 5");
    }
}
