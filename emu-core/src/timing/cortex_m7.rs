//! Cortex-M7: in-order dual issue with an early and a late ALU. A declared estimate: every cost is marked so.
//!
//! Two instructions issue in one cycle when the rules allow the pair and all that both read is ready. An address or
//! a shifter needs its register a cycle before the late ALU does, an accumulator or a stored value a cycle after.
//! Plain additions and moves run early when they can, and hand their result to the second of the pair.
//!
//! Modelled: pairs (shifters, bit fields, multiplies, stores, banks of loads through one base, FP), early and late
//! results, loads of words and of parts, forwarding into accumulators and stores, divides by operands, multiple
//! transfers by two words, FP latencies by consumer, double precision, skipped instructions that cost the same.
//!
//! Branch prediction is static, since costs must not hang on history: direct branches and conditional ones backwards
//! are taken as predicted; the end of a loop costs a misprediction (8, or 6 when the flags are at least 3 cycles
//! old); a conditional branch forwards that is taken costs 4, what LLVM found to work best as an average; register
//! branches and returns 3.
//! Not modelled: the BTAC's contents, alignment of code, stores that fill the store buffer (bytes and halfwords in a
//! row), operands of double precision, conflicts of loads through different bases (they never pair here), caches
//! (their wait states come with the memory), AHBP.
//!
//! Sources: jnk0le/random, cortex-m7 (STM32H743); quinapalus.com/cm7cycles.html (STM32H730); LLVM ARMScheduleM7.td;
//! gcc cortex-m7.md. Where they differ the measurements are used: MUL and shifted operands pair (gcc says no).

use super::operation::{Operation, accumulator, operation, shifted, takes_carry};
use super::{
    Cost, ExceptionTiming, Fetch, Inputs, Kind, Last, Model, Pipe, Provenance, ahead, divide,
    exceptions,
};
use crate::decode::{Class, Insn, RegisterSet};

/// The model.
pub struct CortexM7;

/// What [`Pipe::slot`] says of the last instruction.
mod slot {
    /// It leaves room for a second one in its cycle.
    pub const OPEN: u8 = 1;
    /// It has an operand that is shifted on the way, or a constant that is.
    pub const SHIFTER: u8 = 2;
    /// It is a shift.
    pub const SHIFT: u8 = 4;
    /// It works on bit fields or parts of registers.
    pub const FIELD: u8 = 8;
    /// It loads an odd word.
    pub const ODD: u8 = 16;
    /// A conditional branch backwards.
    pub const BACKWARD: u8 = 32;
}

/// Index in [`Pipe::ready`] of the cycle from which the flags count as old.
const FLAGS: usize = 15;
/// A result of the late ALU can be used early two cycles after its instruction.
const LATE: u8 = 2;

fn is_multiply(class: Class) -> bool {
    matches!(
        class,
        Class::Multiply
            | Class::MultiplyAccumulate
            | Class::MultiplyLong
            | Class::MultiplyAccumulateLong
    )
}

fn is_fp_arithmetic(class: Class) -> bool {
    matches!(
        class,
        Class::FpAlu | Class::FpMultiplyAccumulate | Class::FpDivide
    )
}

/// Double precision.
fn is_double(insn: &Insn) -> bool {
    is_fp_arithmetic(insn.class) && insn.raw & 0x100 != 0
}

fn operation_of(insn: &Insn) -> Option<Operation> {
    (insn.class == Class::Alu).then(|| operation(insn))
}

/// What the shifters and field units do for it, as bits of a slot.
fn unit(insn: &Insn) -> u8 {
    match operation_of(insn) {
        None | Some(Operation::Simple | Operation::Logic) => 0,
        Some(Operation::ShiftedConstant | Operation::ShiftedLeft | Operation::ShiftedRight) => {
            slot::SHIFTER
        }
        Some(Operation::Shift) => slot::SHIFT,
        Some(_) => slot::FIELD,
    }
}

/// Never with another one in its cycle.
fn issues_alone(insn: &Insn) -> bool {
    match insn.class {
        Class::FpLoad | Class::FpStore => insn.count > 1,
        // LDREX.
        Class::Load => insn.is_wide() && insn.raw >> 25 == 0b111_0100,
        Class::LoadMultiple
        | Class::StoreMultiple
        | Class::StoreExclusive
        | Class::LoadDual
        | Class::StoreDual
        | Class::LoadPc
        | Class::LoadMultiplePc
        | Class::TableBranch
        | Class::Divide
        | Class::Mrs
        | Class::Msr
        | Class::Cps
        | Class::Barrier
        | Class::Svc
        | Class::Bkpt
        | Class::Wfi
        | Class::Wfe
        | Class::Sev
        | Class::Yield
        | Class::FpLoadMultiple
        | Class::FpStoreMultiple
        | Class::FpMoveCore2
        | Class::Undefined => true,
        _ => false,
    }
}

fn loads(class: Class) -> bool {
    matches!(class, Class::Load | Class::FpLoad)
}

fn stores(class: Class) -> bool {
    matches!(class, Class::Store | Class::FpStore)
}

/// Which word of two it loads, when that is known relative to its base register.
fn bank(insn: &Insn) -> Option<(u8, bool)> {
    let a = insn.addressing.filter(|a| a.index.is_none())?;
    let offset = if a.base == 15 {
        (insn.address.wrapping_add(4) & !3).wrapping_add(a.displacement as u32)
    } else {
        a.displacement as u32
    };
    Some((a.base, offset >> 2 & 1 != 0))
}

/// May it be the second in the cycle of the last instruction?
fn pairs(last: &Last, slot: u8, insn: &Insn) -> bool {
    let unit = unit(insn);
    if slot & slot::OPEN == 0
        || last.data != 0
        || issues_alone(insn)
        || is_double(insn)
        || unit & slot::FIELD != 0
        || unit & slot::SHIFTER != 0 && slot & (slot::SHIFTER | slot::SHIFT | slot::FIELD) != 0
        || last.sets_flags && (insn.is_predicated() || takes_carry(insn))
    {
        return false;
    }
    let (first, second) = (last.class, insn.class);
    if is_multiply(second) {
        return !is_multiply(first) && !stores(first);
    }
    if stores(second) {
        return !stores(first) && !is_multiply(first) && first != Class::FpMultiplyAccumulate;
    }
    if loads(second) && loads(first) {
        // Two loads go to different words of a pair.
        return bank(insn)
            .is_some_and(|(base, odd)| last.base == Some(base) && odd != (slot & slot::ODD != 0));
    }
    if first == Class::FpMultiplyAccumulate {
        return !insn.class.is_fp();
    }
    !(is_fp_arithmetic(first) && is_fp_arithmetic(second))
}

/// Cycles that it keeps all others from issuing, its own included.
fn occupancy(insn: &Insn, operand: u8) -> u8 {
    let words = insn.count.div_ceil(2).max(1);
    match insn.class {
        Class::LoadMultiple
        | Class::StoreMultiple
        | Class::FpLoadMultiple
        | Class::FpStoreMultiple => words,
        Class::Divide => 2 + operand,
        Class::FpDivide if is_double(insn) => 30,
        // VSQRT and VDIV.
        Class::FpDivide if insn.raw >> 23 & 1 != 0 && insn.raw >> 20 & 3 == 3 => 14,
        Class::FpDivide => 16,
        Class::FpMultiplyAccumulate if is_double(insn) => 8,
        Class::FpAlu if is_double(insn) => match fp_kind(insn) {
            FpKind::Multiply => 5,
            FpKind::Add => 2,
            FpKind::Other => 1,
        },
        Class::Barrier => 4,
        Class::Mrs | Class::Msr | Class::Cps => 3,
        Class::Wfi | Class::Wfe => 2,
        _ => 1,
    }
}

#[derive(PartialEq, Eq)]
enum FpKind {
    Multiply,
    Add,
    Other,
}

/// ARMv7-M ARM A6.4.
fn fp_kind(insn: &Insn) -> FpKind {
    match (insn.raw >> 23 & 1) << 2 | insn.raw >> 20 & 3 {
        2 => FpKind::Multiply,
        3 => FpKind::Add,
        _ => FpKind::Other,
    }
}

/// Cycles from a branch to what follows it: its target when `taken`.
fn branch(pipe: &Pipe, last: &Last, taken: bool) -> (u32, &'static str) {
    let mispredicted = if last.class == Class::BranchConditional && pipe.ready[FLAGS] == 0 {
        (6, "mispredicted, old flags")
    } else {
        (8, "mispredicted")
    };
    let words = u32::from(last.count).div_ceil(2);
    let backward = pipe.slot & slot::BACKWARD != 0;
    let cycles = match last.class {
        Class::BranchConditional | Class::CompareBranch => match (backward, taken) {
            (true, true) => (1, "predicted: backwards"),
            (true, false) => mispredicted,
            (false, true) => (4, "taken forwards: an average"),
            (false, false) => (1, "predicted: not taken"),
        },
        Class::Branch | Class::BranchLink => (1, "predicted: direct"),
        Class::LoadMultiplePc => (words + 3, "POP with PC"),
        Class::LoadPc => (5, "LDR PC"),
        Class::TableBranch => (5, "table branch"),
        _ => (3, "register branch"),
    };
    (cycles.0 + u32::from(last.data), cycles.1)
}

/// When everything that it reads is ready, as seen from the last instruction.
fn operands_ready(pipe: &Pipe, insn: &Insn) -> u8 {
    let behind_load = pipe.last.is_some_and(|l| l.class == Class::Load);
    let after = |registers: RegisterSet, later: u8| pipe.ready_for(registers).saturating_sub(later);
    let addend = accumulator(insn);
    let mut early = insn.address_reads;
    if let Some(operation) = operation_of(insn) {
        early = early.with(shifted(insn, operation));
    }
    let rest = insn.reads.without(early).without(addend);
    let mut ready = after(early, 0).max(after(addend, 2)).max(match insn.class {
        Class::Store | Class::StoreExclusive | Class::StoreMultiple | Class::StoreDual => {
            after(rest, if behind_load { 3 } else { 2 })
        }
        // Multiplies do not take a value that was loaded in the cycle before.
        c if is_multiply(c) && behind_load => after(rest, 0),
        _ => after(rest, 1),
    });
    if insn.class.is_fp() {
        ready = ready.max(fp_operands_ready(pipe, insn));
    }
    match pipe.last {
        Some(last) if ready > 0 => ready + last.data,
        _ => ready,
    }
}

/// Times in [`Pipe::fp_ready`] are those of an operand of an addition or a factor.
fn fp_operands_ready(pipe: &Pipe, insn: &Insn) -> u8 {
    let values = pipe.fp_ready_for(insn.fp_reads);
    match insn.class {
        Class::FpStore | Class::FpStoreMultiple => values.saturating_sub(2),
        Class::FpMultiplyAccumulate => {
            let addend = pipe.fp_ready_for(insn.fp_writes);
            let factors = pipe.fp_ready_for(insn.fp_reads & !insn.fp_writes);
            // The sum of a multiply-accumulate before it comes early.
            let early = if pipe.fp_busy > 0 { 2 } else { 0 };
            factors.max(addend.saturating_sub(early))
        }
        // Behind a multiply-accumulate these wait.
        Class::FpLoadMultiple => values.max(pipe.fp_busy),
        Class::FpAlu if fp_kind(insn) == FpKind::Add => values.max(pipe.fp_busy),
        _ => values,
    }
}

/// What the instruction, which issues now as the first or second of its cycle, makes ready when.
fn results(pipe: &mut Pipe, insn: &Insn, operand: u8, second: bool, early_operands: bool) {
    let base = match insn.addressing {
        Some(a) if a.writeback => RegisterSet::one(u32::from(a.base)),
        _ => RegisterSet::NONE,
    };
    let taken = occupancy(insn, operand);
    let part = insn.addressing.is_some_and(|a| a.width < 4);
    let ready = match insn.class {
        Class::Load if part => 3,
        Class::Load => 2,
        Class::LoadDual => 3,
        Class::LoadMultiple => taken + 1,
        Class::Divide | Class::Mrs => taken + 1,
        c if is_multiply(c) => 3,
        Class::Alu => match operation(insn) {
            Operation::Simple if early_operands && !second => 1,
            Operation::Shift if early_operands => 1,
            Operation::Saturate => 3,
            _ => LATE,
        },
        Class::BranchLink | Class::BranchRegister => 1,
        _ => LATE,
    };
    pipe.set_ready(insn.writes, ready);
    pipe.set_ready(base, 1);
    if insn.sets_flags {
        pipe.ready[FLAGS] = 3;
    }
    let double = is_double(insn);
    let latency = match insn.class {
        Class::FpDivide => taken,
        Class::FpMultiplyAccumulate if double => 11,
        // VMLA rounds in between: op 0 and 1; VFMA: 5 and 6.
        Class::FpMultiplyAccumulate if insn.raw >> 23 & 1 != 0 => 5,
        Class::FpMultiplyAccumulate => 6,
        Class::FpAlu if double && fp_kind(insn) == FpKind::Multiply => 7,
        Class::FpAlu if double => 4,
        Class::FpAlu | Class::FpMoveCore | Class::FpMoveCore2 => 3,
        Class::FpLoadMultiple => taken,
        _ => 1,
    };
    pipe.set_fp_ready(insn.fp_writes, latency);
    if insn.class == Class::FpMultiplyAccumulate {
        pipe.fp_busy = 4;
    }
}

impl Model for CortexM7 {
    fn step(&self, pipe: &mut Pipe, insn: &Insn, inputs: Inputs, fetch: &mut dyn Fetch) -> Cost {
        let restarted = pipe.queue.is_restarted();
        let mut second = false;
        let mut cost = match pipe.last {
            None => {
                ahead::restart(pipe, insn);
                Cost::estimate(0, "time already known")
            }
            Some(last) if restarted => {
                let (cycles, reason) = branch(pipe, &last, true);
                Cost::estimate(cycles, reason).of_refill(cycles - 1)
            }
            Some(last) => {
                let ready = u32::from(operands_ready(pipe, insn));
                let (cycles, reason) = branch(pipe, &last, false);
                let conditional =
                    matches!(last.class, Class::BranchConditional | Class::CompareBranch);
                second =
                    ready == 0 && pairs(&last, pipe.slot, insn) && !(conditional && cycles > 1);
                if second {
                    Cost::estimate(0, "issued together")
                } else if conditional && cycles > 1 {
                    Cost::estimate(cycles, reason).of_refill(cycles - 1)
                } else {
                    let own = u32::from(last.folded.max(1)) + u32::from(last.data);
                    let mut cost = Cost::estimate(own, "issue");
                    cost.wait = u32::from(last.data);
                    cost.extend(
                        ready,
                        Kind::Stall,
                        Provenance::Estimate,
                        "operand not ready",
                    );
                    cost
                }
            }
        };
        ahead::fetch(pipe, insn, &mut cost, fetch);
        let second = second && cost.cycles == 0;
        fetch.advance(cost.cycles);
        let kept = pipe.last.map_or(0, |l| l.folded);
        pipe.advance(insn, inputs, cost.cycles);
        let early_operands = pipe.ready_for(insn.reads) == 0;
        let taken = occupancy(insn, inputs.operand);
        pipe.slot = following(insn, second);
        pipe.forget_pairing();
        if let Some(last) = &mut pipe.last {
            (last.wide, last.operand) = (false, 0);
            // What was skipped takes as long as what was not.
            last.folded = if second { taken.max(kept) } else { taken };
            if pipe.slot & slot::OPEN != 0 && loads(insn.class) {
                last.base = bank(insn).map(|b| b.0);
            }
        }
        if inputs.executed {
            results(pipe, insn, inputs.operand, second, early_operands);
        }
        cost
    }

    fn branched(&self, pipe: &Pipe) -> Pipe {
        let mut after = *pipe;
        if let Some(last) = &mut after.last {
            after.queue = ahead::redirected(branch(pipe, last, true).0);
            last.sets_flags = false;
        }
        after
    }

    fn drain(&self, pipe: &Pipe) -> u32 {
        pipe.last.map_or(1, |last| {
            u32::from(last.folded.max(1)) + u32::from(last.data)
        })
    }

    fn operand_cycles(&self, insn: &Insn, n: u32, m: u32) -> u8 {
        if insn.class == Class::Divide {
            divide::cycles(insn, n, m) - 2
        } else {
            0
        }
    }

    fn depends_on_operands(&self, class: Class) -> bool {
        class == Class::Divide
    }

    /// Loads: 3 more as the first of a pair, 4 as the second. Stores are buffered; they are charged the same, since
    /// they are rare and the buffer fills.
    fn unaligned_cycles(&self, address: u32, bytes: u8) -> u8 {
        let crosses = address & 3 != 0 && (address & 3) + u32::from(bytes) > 4;
        let halfword = bytes == 2 && address & 1 != 0;
        if crosses || halfword { 3 } else { 0 }
    }

    fn exceptions(&self) -> &ExceptionTiming {
        &exceptions::CORTEX_M7
    }
}

/// What the next instruction must know of this one to go into its cycle.
fn following(insn: &Insn, second: bool) -> u8 {
    let backward = matches!(insn.class, Class::BranchConditional | Class::CompareBranch)
        && insn.target.is_some_and(|t| t <= insn.address);
    let mut slot = if backward { slot::BACKWARD } else { 0 };
    if !second && !issues_alone(insn) {
        slot |= slot::OPEN | unit(insn);
        if loads(insn.class) && bank(insn).is_some_and(|b| b.1) {
            slot |= slot::ODD;
        }
    }
    slot
}
