//! RV32 timing: what each instruction costs on an in-order, single-issue core, and why.
//!
//! The cycle of an instruction is the one in which it executes. It comes at least `issue` cycles after the
//! instruction before it, and not before its sources (and its destination, when that is still awaited) are
//! there: that is all a scoreboard knows. What must be remembered from one instruction to the next is a
//! [`Pipe`]. A core is a table of [`Row`]s, one for each class, in a file of its own.
//!
//! Not modelled: instruction caches and wait states, the bus to peripherals, conflicts of loads with stores
//! that are on their way.

pub mod bumblebee;
pub mod e31;
pub mod generic;
pub mod predictor;

use super::decode::{Class, Insn};
use crate::machine::CoreKind;
pub use crate::timing::Provenance;
use crate::timing::{Kind, Spent};
use predictor::Predictor;
use serde::{Deserialize, Serialize};

/// A number of cycles with where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Core cycles.
    pub cycles: u8,
    /// How well it is known.
    pub provenance: Provenance,
    /// Why, in a few words, with the source.
    pub reason: &'static str,
}

impl Cost {
    const fn exact(cycles: u8, reason: &'static str) -> Cost {
        Cost {
            cycles,
            provenance: Provenance::Exact,
            reason,
        }
    }
    const fn measured(cycles: u8, reason: &'static str) -> Cost {
        Cost {
            cycles,
            provenance: Provenance::Measured,
            reason,
        }
    }
    const fn estimate(cycles: u8, reason: &'static str) -> Cost {
        Cost {
            cycles,
            provenance: Provenance::Estimate,
            reason,
        }
    }
}

/// What the instructions of a class cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Which class.
    pub class: Class,
    /// The next instruction executes at least this many cycles later.
    pub issue: Cost,
    /// One that needs the result executes at least this many cycles later (divisions: see [`Model::divide`]).
    pub latency: Cost,
    /// The multiplier or divider takes its next operation at least this many cycles later; 0 when it has no part.
    pub unit: Cost,
}

impl Row {
    /// A row of estimates with one reason.
    const fn estimate(class: Class, issue: u8, latency: u8, unit: u8, reason: &'static str) -> Row {
        Row {
            class,
            issue: Cost::estimate(issue, reason),
            latency: Cost::estimate(latency, reason),
            unit: Cost::estimate(unit, reason),
        }
    }
}

/// How control transfers are predicted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prediction {
    /// Not at all: each taken one refills.
    None,
    /// By branch target buffer, history table and return stack.
    Dynamic,
}

/// A core's timing.
#[derive(Debug)]
pub struct Model {
    /// Name of the core.
    pub name: &'static str,
    /// One row for each class, in the order of [`Class::ALL`].
    pub rows: &'static [Row; Class::ALL.len()],
    /// How control transfers are predicted.
    pub prediction: Prediction,
    /// More cycles after a transfer that was not foreseen: of branches and direct jumps, of register jumps.
    pub refill: [Cost; 2],
    /// From the cycle of an interrupt (or of the instruction that traps) to the first handler instruction.
    pub trap_entry: Cost,
    /// From the event that ends WFI to the next instruction.
    pub wake: Cost,
    /// Result latency of a division: at least, at most.
    pub divide: (Cost, Cost),
    /// Result latency of one division, from dividend and divisor.
    pub divide_cycles: fn(dividend: u32, divisor: u32, signed: bool) -> u8,
    /// Loads and stores that are not aligned trap.
    pub traps_misaligned: bool,
}

/// What made an instruction wait.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Why {
    /// The instruction before it, of this class.
    Issue(Class),
    /// A transfer that was not foreseen: index in [`Model::refill`].
    Refill(u8),
    /// Entry into a trap handler.
    Trap,
    /// The end of WFI.
    Wake,
}

/// A register that is awaited.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// Which.
    pub register: u8,
    /// Cycles from the last instruction to the first one that can use it.
    pub ready: u8,
    /// The class that makes it.
    pub class: Class,
}

/// What the pipeline remembers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Pipe {
    /// The next instruction executes at least this many cycles after the last one.
    pub gap: u8,
    /// Why that is so.
    pub why: Why,
    /// Results that are not there in the next cycle, by register.
    pub pending: Vec<Pending>,
    /// Cycles from the last instruction to the first that can use the multiplier or divider, and what is in it.
    pub unit: u8,
    /// What is in it.
    pub unit_class: Class,
}

impl Pipe {
    /// After reset: the first instruction executes in the next cycle.
    pub const RESET: Pipe = Pipe {
        gap: 1,
        why: Why::Wake,
        pending: Vec::new(),
        unit: 0,
        unit_class: Class::Multiply,
    };

    /// The same, `cycles` later, with another gap.
    #[must_use]
    pub fn later(&self, cycles: u64, gap: u8, why: Why) -> Pipe {
        let by = u8::try_from(cycles).unwrap_or(u8::MAX);
        let mut pipe = Pipe {
            gap,
            why,
            pending: Vec::new(),
            unit: self.unit.saturating_sub(by),
            unit_class: self.unit_class,
        };
        for p in &self.pending {
            let ready = p.ready.saturating_sub(by);
            // What is there in the next cycle delays nobody.
            if ready > 1 {
                pipe.pending.push(Pending { ready, ..*p });
            }
        }
        if pipe.unit <= 1 {
            (pipe.unit, pipe.unit_class) = (0, Class::Multiply);
        }
        pipe
    }
}

/// When an instruction executes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entered {
    /// Cycles after the instruction before it.
    pub cycles: u8,
    /// Why at least so many.
    pub gap: Cost,
    /// Of these, refill of the pipeline.
    pub refill: u8,
    /// What it waited for beyond that.
    pub stall: Option<Cost>,
}

impl Entered {
    /// Add its cycles by provenance and kind.
    pub fn add_to(&self, spent: &mut Spent) {
        for cost in std::iter::once(self.gap).chain(self.stall) {
            spent.provenances[cost.provenance as usize] += u32::from(cost.cycles);
        }
        let stall = self.stall.map_or(0, |s| s.cycles);
        spent.kinds[Kind::Issue as usize] += u32::from(self.gap.cycles - self.refill);
        spent.kinds[Kind::Refill as usize] += u32::from(self.refill);
        spent.kinds[Kind::Stall as usize] += u32::from(stall);
    }
}

impl Model {
    /// The row of a class.
    #[must_use]
    pub fn row(&self, class: Class) -> &'static Row {
        &self.rows[class as usize]
    }

    /// A fresh predictor, when there is one.
    #[must_use]
    pub fn predictor(&self) -> Option<Predictor> {
        (self.prediction == Prediction::Dynamic).then(Predictor::new)
    }

    /// When `insn` executes, from the state that the instruction before it left.
    #[must_use]
    pub fn enter(&self, pipe: &Pipe, insn: &Insn) -> Entered {
        let (gap, refills) = match pipe.why {
            Why::Issue(class) => (self.row(class).issue, class.flushes()),
            Why::Refill(i) => (self.refill[usize::from(i) & 1], true),
            Why::Trap => (self.trap_entry, false),
            Why::Wake => (self.wake, false),
        };
        // One cycle is that of the instruction itself.
        let refill = if refills {
            pipe.gap.saturating_sub(1)
        } else {
            0
        };
        let gap = Cost {
            cycles: pipe.gap,
            ..gap
        };
        let mut at = pipe.gap;
        let mut stall = None;
        for p in &pipe.pending {
            let wanted = [insn.rs1, insn.rs2, insn.rd].contains(&p.register);
            if wanted && p.ready > at {
                at = p.ready;
                stall = Some(self.row(p.class).latency);
            }
        }
        if matches!(insn.class, Class::Multiply | Class::Divide) && pipe.unit > at {
            at = pipe.unit;
            stall = Some(self.row(pipe.unit_class).unit);
        }
        Entered {
            cycles: at,
            gap,
            refill,
            stall: stall.map(|s| Cost {
                cycles: at - pipe.gap,
                ..s
            }),
        }
    }

    /// The state that `insn` leaves; it executed `cycles` after the one before it. `divide` is the latency of a
    /// division.
    #[must_use]
    pub fn after(&self, pipe: &Pipe, insn: &Insn, cycles: u8, divide: u8) -> Pipe {
        let row = self.row(insn.class);
        let mut next = pipe.later(cycles.into(), row.issue.cycles, Why::Issue(insn.class));
        next.pending.retain(|p| p.register != insn.rd);
        let divides = insn.class == Class::Divide;
        let latency = if divides { divide } else { row.latency.cycles };
        if insn.rd != 0 && latency > 1 {
            next.pending.push(Pending {
                register: insn.rd,
                ready: latency,
                class: insn.class,
            });
            next.pending.sort_unstable_by_key(|p| p.register);
        }
        let unit = if divides { divide } else { row.unit.cycles };
        if row.unit.cycles > 0 && unit > 1 {
            (next.unit, next.unit_class) = (unit, insn.class);
        }
        next
    }

    /// The state behind a transfer that was not foreseen.
    #[must_use]
    pub fn refilled(&self, pipe: &Pipe, register: bool) -> Pipe {
        let i = usize::from(register);
        Pipe {
            gap: pipe.gap + self.refill[i].cycles,
            why: Why::Refill(i as u8),
            ..pipe.clone()
        }
    }
}

/// The model of a core.
///
/// # Panics
/// When the core is not RISC-V.
#[must_use]
pub fn model(core: CoreKind) -> &'static Model {
    match core {
        CoreKind::E31 => &e31::E31,
        CoreKind::Bumblebee => &bumblebee::BUMBLEBEE,
        CoreKind::Rv32 => &generic::RV32,
        _ => unreachable!("{core:?} is no RISC-V core"),
    }
}

/// Bits of a value without its leading zeros.
const fn bits(value: u32) -> u8 {
    (32 - value.leading_zeros()) as u8
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::decode;
    use super::*;

    /// The cycles of each instruction of a straight run.
    fn starts(model: &Model, code: &[u32]) -> Vec<u32> {
        let bytes: Vec<u8> = code.iter().flat_map(|w| w.to_le_bytes()).collect();
        let (mut pipe, mut at) = (Pipe::RESET, 0);
        decode::run(0, &bytes)
            .iter()
            .map(|insn| {
                let e = model.enter(&pipe, insn);
                let mut spent = Spent::default();
                e.add_to(&mut spent);
                assert_eq!(spent.total(), u32::from(e.cycles));
                assert_eq!(spent.kinds.iter().sum::<u32>(), u32::from(e.cycles));
                pipe = model.after(&pipe, insn, e.cycles, 7);
                at += u32::from(e.cycles);
                at
            })
            .collect()
    }

    const LW_A0: u32 = 0x0005_2503; // lw a0, 0(a0)
    const LB_A0: u32 = 0x0005_0503; // lb a0, 0(a0)
    const ADDI_A0: u32 = 0x0015_0513; // addi a0, a0, 1
    const NOP: u32 = 0x0000_0013;
    const MUL_A1: u32 = 0x02D6_05B3; // mul a1, a2, a3
    const MUL_A4: u32 = 0x02D6_0733; // mul a4, a2, a3
    const ADDI_A1: u32 = 0x0015_8593; // addi a1, a1, 1
    const DIV_A0: u32 = 0x02D6_4533; // div a0, a2, a3
    const CSRR_A0: u32 = 0xB000_2573; // csrr a0, mcycle

    #[test]
    fn every_class_has_its_row() {
        for core in [CoreKind::E31, CoreKind::Bumblebee, CoreKind::Rv32] {
            let m = model(core);
            for (i, class) in Class::ALL.into_iter().enumerate() {
                assert_eq!(class as usize, i);
                assert_eq!(m.row(class).class, class, "{}", m.name);
                assert!(m.row(class).issue.cycles > 0);
            }
        }
    }

    #[test]
    fn e31_latencies() {
        let e = |code: &[u32]| starts(&e31::E31, code);
        assert_eq!(e(&[LW_A0, ADDI_A0, NOP]), [1, 3, 4], "one cycle between");
        assert_eq!(e(&[LW_A0, NOP, ADDI_A0]), [1, 2, 3], "covered");
        assert_eq!(e(&[LB_A0, ADDI_A0]), [1, 4]);
        assert_eq!(e(&[CSRR_A0, ADDI_A0]), [1, 4]);
        assert_eq!(e(&[MUL_A1, ADDI_A1]), [1, 6], "result after 5");
        assert_eq!(e(&[MUL_A1, NOP, MUL_A4]), [1, 2, 7], "the unit after 6");
        assert_eq!(e(&[DIV_A0, NOP, ADDI_A0]), [1, 2, 8]);
        assert_eq!(
            e(&[DIV_A0, ADDI_A1, LW_A0]),
            [1, 2, 8],
            "and its destination"
        );
    }

    #[test]
    fn a_state_forgets_what_is_over() {
        let m = &e31::E31;
        let insn = decode::one(0, &MUL_A1.to_le_bytes());
        let pipe = m.after(&Pipe::RESET, &insn, 1, 0);
        assert_eq!((pipe.pending.len(), pipe.unit), (1, 6));
        let later = pipe.later(5, 1, Why::Issue(Class::Alu));
        assert_eq!((later.pending.len(), later.unit), (0, 0));
        assert_eq!(later, Pipe::RESET.later(0, 1, Why::Issue(Class::Alu)));
    }
}
