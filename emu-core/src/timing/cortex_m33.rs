//! Cortex-M33: a three-stage pipeline whose second half of execution ends a cycle late, with a little dual issue.
//!
//! An instruction issues when the one before it has left, and what it reads is ready. Two 16-bit instructions issue
//! together when the second is a NOP (behind data processing, loads and stores), an IT, or a branch.
//!
//! Modelled: result latencies of loads, shifted operands, multiplies and DSP operations, with forwarding into
//! accumulators and stores; pairs; branches with the age of the flags; multiple transfers; instructions that set
//! flags late; skipped instructions; FPU latencies, the pause behind a multiply-accumulate; divides by operands.
//! Not modelled: TrustZone, conflicts of fetch and data in one memory, quirks of FP instructions that complete out of
//! order, coprocessors and custom instructions.
//!
//! Sources: jnk0le/random, cortex-m33 (RP2350, r1p0); SLOTHY's cortex_m33 (RP2350: some hundred measured sequences).
//! They differ where a register is shifted left on the way to the ALU: a result latency of 2 in the first, which
//! shows rotations only, of 1 in the second, which tells shifts apart: the second is used. And in taken branches: 2
//! cycles, 1 as the second of a pair that does not set flags, in the first; 3 in the second, which does not say in
//! which pair: the first is used. Marked as estimates: divides (the formula of Cortex-M4; the manual, DDI 100230,
//! says 2 to 11), POP with PC, LDR PC, TBB, register branches, barriers, VDIV and VSQRT, fetch with wait states.

use super::operation::{Operation, accumulator, operation, takes_carry};
use super::{
    Cost, ExceptionTiming, Fetch, Inputs, Kind, Last, Model, Pipe, Provenance, ahead, divide,
    exceptions,
};
use crate::decode::{Class, Insn, RegisterSet};

/// The model.
pub struct CortexM33;

/// What [`Pipe::slot`] says.
mod slot {
    /// The last instruction leaves room for a second 16-bit one.
    pub const OPEN: u8 = 1;
    /// The last instruction was the second of a pair whose first sets flags.
    pub const BEHIND_FLAGS: u8 = 2;
}

/// Index of the flags in [`Pipe::ready`].
const FLAGS: usize = 15;

/// Cycles until the next instruction can issue in sequence.
fn occupancy(last: &Last) -> Cost {
    if !last.executed {
        return Cost::measured(1, "condition failed: a NOP");
    }
    let n = u32::from(last.count);
    let mut cost = match last.class {
        Class::LoadMultiple
        | Class::StoreMultiple
        | Class::FpLoadMultiple
        | Class::FpStoreMultiple => Cost::measured(n.max(1), "N"),
        Class::LoadDual | Class::StoreDual => Cost::measured(2, "two words"),
        Class::FpLoad | Class::FpStore => Cost::measured(n.max(1), "N words"),
        Class::Divide => Cost::estimate(2, "divide, 2 to 11"),
        Class::Barrier => Cost::estimate(4, "barrier"),
        Class::Wfi | Class::Wfe => Cost::estimate(2, "2 without sleep"),
        Class::Mrs | Class::Msr | Class::Cps => Cost::estimate(1, "system register"),
        _ => Cost::measured(1, "one cycle"),
    };
    if last.folded > 1 {
        cost = Cost::measured(u32::from(last.folded), "sets flags late").of_stall(1);
    }
    cost.cycles += u32::from(last.operand) + u32::from(last.data);
    cost.wait += u32::from(last.data);
    cost
}

/// Cycles from a taken branch to its target.
fn taken(last: &Last, slot: u8) -> Cost {
    let n = u32::from(last.count) + u32::from(last.data);
    let behind_flags = slot & slot::BEHIND_FLAGS != 0;
    let cost = match last.class {
        Class::BranchConditional if behind_flags => {
            Cost::measured(3, "branch taken, paired with what sets its flags")
        }
        Class::Branch | Class::BranchConditional | Class::CompareBranch => {
            Cost::measured(2, "branch taken")
        }
        Class::BranchLink => Cost::measured(2, "BL"),
        Class::LoadMultiplePc => Cost::estimate(n + 3, "POP with PC"),
        Class::LoadPc => Cost::estimate(n + 3, "LDR PC"),
        Class::TableBranch => Cost::estimate(n + 4, "table branch"),
        _ => Cost::estimate(3, "register branch"),
    };
    cost.of_refill(cost.cycles - 1)
}

/// Can it be the second of a pair?
fn goes_second(insn: &Insn, first: &Last) -> bool {
    let branch = matches!(
        insn.class,
        Class::Branch | Class::BranchConditional | Class::CompareBranch
    );
    !insn.is_wide()
        && !insn.is_predicated()
        && (branch || insn.class == Class::It || insn.class == Class::Nop && computes(first.class))
}

/// Data processing, loads and stores.
fn computes(class: Class) -> bool {
    matches!(
        class,
        Class::Alu
            | Class::Multiply
            | Class::Load
            | Class::Store
            | Class::LoadMultiple
            | Class::StoreMultiple
    )
}

/// Does it take both stages of execution?
fn is_late(insn: &Insn) -> bool {
    match insn.class {
        Class::Multiply
        | Class::MultiplyAccumulate
        | Class::MultiplyLong
        | Class::MultiplyAccumulateLong => true,
        Class::Alu => matches!(
            operation(insn),
            Operation::ShiftedConstant
                | Operation::ShiftedRight
                | Operation::ExtendAdd
                | Operation::Parallel
                | Operation::Pack
                | Operation::Saturate
        ),
        _ => false,
    }
}

/// When all that it reads is ready, as seen from the last instruction.
fn operands_ready(pipe: &Pipe, insn: &Insn) -> u8 {
    let behind_load = pipe.last.is_some_and(|l| l.class == Class::Load);
    let late = match insn.class {
        // A stored value is needed a cycle late.
        Class::Store | Class::StoreExclusive | Class::StoreMultiple | Class::StoreDual => {
            insn.reads
        }
        // UXTAB and its like take an accumulator late, but not one that was just loaded.
        Class::Alu if behind_load => RegisterSet::NONE,
        _ => accumulator(insn),
    };
    let early = insn.reads.without(late).with(insn.address_reads);
    let mut ready = pipe
        .ready_for(early)
        .max(pipe.ready_for(late).saturating_sub(1));
    if insn.is_predicated() || takes_carry(insn) {
        ready = ready.max(pipe.ready[FLAGS]);
    }
    if insn.class.is_fp() {
        let values = pipe.fp_ready_for(insn.fp_reads);
        // VSTR takes the result of a multiply-accumulate a cycle after other instructions.
        let stores = insn.class == Class::FpStore && values > 0 && values == pipe.fp_busy;
        ready = ready.max(pipe.fp_busy).max(values + u8::from(stores));
    }
    // Wait states of the last access hold up everything.
    match pipe.last {
        Some(last) if ready > 0 => ready + last.data,
        _ => ready,
    }
}

/// What the instruction, which issues now, makes ready when.
fn results(pipe: &mut Pipe, insn: &Insn, inputs: Inputs) {
    let base = match insn.addressing {
        Some(a) if a.writeback => RegisterSet::one(u32::from(a.base)),
        _ => RegisterSet::NONE,
    };
    match insn.class {
        Class::Load => pipe.set_ready(insn.writes, 2),
        Class::LoadMultiple => {
            let list = insn.register_list();
            for (i, r) in list.iter().enumerate() {
                pipe.set_ready(RegisterSet::one(r as u32), 2 + i as u8);
            }
        }
        Class::LoadDual => pipe.set_ready(insn.writes, 3),
        Class::Divide => pipe.set_ready(insn.writes, 2 + inputs.operand),
        _ => pipe.set_ready(insn.writes, if is_late(insn) { 2 } else { 1 }),
    }
    pipe.set_ready(base, 1);
    if insn.sets_flags {
        let late = insn.is_wide() && operation(insn) == Operation::ShiftedRight;
        pipe.ready[FLAGS] = if insn.class == Class::Alu && late {
            2
        } else {
            1
        };
    }
    let (latency, pause) = match insn.class {
        Class::FpAlu => (2, 0),
        // No other FP instruction for two cycles.
        Class::FpMultiplyAccumulate => (3, 3),
        Class::FpDivide => (14, 14),
        Class::FpLoad | Class::FpLoadMultiple => (insn.count.max(1), 0),
        _ => (1, 0),
    };
    pipe.set_fp_ready(insn.fp_writes, latency);
    pipe.fp_busy = pipe.fp_busy.max(pause);
}

/// Late instructions that set flags take two cycles: MULS, and constants that are shifted.
fn sets_flags_late(insn: &Insn) -> bool {
    let flags = insn.sets_flags;
    match insn.class {
        Class::Multiply => flags && !insn.is_wide(),
        Class::Alu => flags && operation(insn) == Operation::ShiftedConstant && !is_move(insn),
        _ => false,
    }
}

fn is_move(insn: &Insn) -> bool {
    insn.raw >> 21 & 15 == 2 && insn.raw >> 16 & 15 == 15
}

impl Model for CortexM33 {
    fn step(&self, pipe: &mut Pipe, insn: &Insn, inputs: Inputs, fetch: &mut dyn Fetch) -> Cost {
        let restarted = pipe.queue.is_restarted();
        let split = u32::from(insn.is_wide() && insn.address & 2 != 0);
        let mut second = false;
        let mut cost = match pipe.last {
            None => {
                ahead::restart(pipe, insn);
                Cost::exact(0, "time already known")
            }
            Some(last) if restarted => {
                let mut cost = taken(&last, pipe.slot);
                cost.extend(
                    cost.cycles + split,
                    Kind::Refill,
                    Provenance::Estimate,
                    "wide target across two words",
                );
                cost
            }
            Some(last) => {
                let mut cost = occupancy(&last);
                let ready = u32::from(if inputs.executed {
                    operands_ready(pipe, insn)
                } else {
                    0
                });
                second =
                    pipe.slot & slot::OPEN != 0 && goes_second(insn, &last) && ready < cost.cycles;
                if second {
                    let cycles = cost.cycles - 1;
                    let stall = cost.stall.min(cycles);
                    let wait = cost.wait.min(cycles - stall);
                    cost = Cost {
                        wait,
                        ..Cost::measured(cycles, "issued together").of_stall(stall)
                    };
                } else {
                    cost.extend(
                        ready,
                        Kind::Stall,
                        Provenance::Measured,
                        "operand not ready",
                    );
                }
                cost
            }
        };
        ahead::fetch(pipe, insn, &mut cost, fetch);
        fetch.advance(cost.cycles);
        let behind_flags = second && pipe.last.is_some_and(|l| l.sets_flags);
        pipe.advance(insn, inputs, cost.cycles);
        pipe.forget_pairing();
        // Behind a branch, the second of a pair must lie in the word that was fetched for the first.
        let fetched = !restarted || insn.address & 2 == 0;
        pipe.slot = if second {
            if behind_flags { slot::BEHIND_FLAGS } else { 0 }
        } else if !insn.is_wide() && fetched {
            slot::OPEN
        } else {
            0
        };
        if let Some(last) = &mut pipe.last
            && inputs.executed
        {
            last.folded = if sets_flags_late(insn) { 2 } else { 0 };
        }
        if inputs.executed {
            results(pipe, insn, inputs);
        }
        cost
    }

    fn branched(&self, pipe: &Pipe) -> Pipe {
        let mut after = *pipe;
        if let Some(last) = &mut after.last {
            after.queue = ahead::redirected(taken(last, pipe.slot).cycles);
            last.sets_flags = false;
            last.wide = false;
        }
        after
    }

    fn drain(&self, pipe: &Pipe) -> u32 {
        pipe.last.map_or(1, |last| occupancy(&last).cycles)
    }

    fn operand_cycles(&self, insn: &Insn, n: u32, m: u32) -> u8 {
        if insn.class == Class::Divide {
            divide::cycles(insn, n, m).min(11) - 2
        } else {
            0
        }
    }

    fn depends_on_operands(&self, class: Class) -> bool {
        class == Class::Divide
    }

    /// As on Cortex-M4, an estimate: one more access for each part that an access is split into.
    fn unaligned_cycles(&self, address: u32, bytes: u8) -> u8 {
        match (bytes, address & 3) {
            (4, 2) | (2, 1 | 3) => 1,
            (4, 1 | 3) => 2,
            _ => 0,
        }
    }

    fn exceptions(&self) -> &ExceptionTiming {
        &exceptions::CORTEX_M33
    }
}
