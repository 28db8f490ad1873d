//! Cortex-M3 and M4: a three-stage pipeline, seen instruction by instruction.
//!
//! Modelled: load and store pipelining with the next instruction, the address-generation interlock,
//! refill after taken branches with the alignment of the target, early register branches, multiple
//! transfers, IT folding, data-dependent divides and M3 long multiplies, FPU latencies of one instruction.
//! Not modelled: the three-word fetch queue (alignment of long runs of 32-bit opcodes), which bus slave an
//! access hits, write-buffer stalls, unaligned data.
//!
//! Sources: DDI 0337E chapter 18 and DDI 0439B §3.3 for the table and pairing rules; ARM KB ka8521 for the
//! refill; silicon measurements (jnk0le/random, compendium.i-0.nl) where marked measured.

use super::{Cost, ExceptionTiming, Model, Pipe, exceptions};
use crate::decode::{Class, Insn, RegisterSet};

/// One of the two cores.
pub struct CortexM3 {
    /// M4: single-cycle multiply-accumulate and long multiplies.
    m4: bool,
}

impl CortexM3 {
    /// Cortex-M3.
    pub const M3: CortexM3 = CortexM3 { m4: false };
    /// Cortex-M4.
    pub const M4: CortexM3 = CortexM3 { m4: true };

    /// Cycles for which the last instruction occupies the execute stage before `next` can follow in sequence.
    fn occupancy(&self, pipe: &Pipe, next: Option<&Insn>) -> Cost {
        let Some(class) = pipe.last else {
            return Cost::exact(0, "time already known");
        };
        if !pipe.executed {
            return Cost::exact(1, "condition failed");
        }
        let n = u32::from(pipe.count);
        let next_class = next.map(|i| i.class);
        let next_is_single = matches!(next_class, Some(Class::Load | Class::Store));
        match class {
            Class::Load => match next {
                // A load followed by a single transfer whose address does not need the loaded register
                // overlaps; so does a NOP (DDI 0439B §3.3.3).
                Some(i) if next_is_single && !i.address_reads.meets(pipe.writes) => {
                    Cost::measured(1, "load, pipelined with the next transfer")
                }
                _ if next_class == Some(Class::Nop) => Cost::measured(1, "load, NOP absorbed"),
                _ => Cost::exact(2, "load"),
            },
            Class::Store if pipe.register_offset => match next_class {
                Some(Class::Nop) => Cost::measured(1, "store, NOP absorbed"),
                _ => Cost::measured(2, "store with register offset"),
            },
            Class::Store => match next_class {
                Some(
                    Class::Load
                    | Class::LoadMultiple
                    | Class::LoadMultiplePc
                    | Class::LoadDual
                    | Class::LoadPc
                    | Class::TableBranch
                    | Class::FpLoad
                    | Class::FpLoadMultiple,
                ) => Cost::measured(2, "store before a load"),
                _ => Cost::exact(1, "store, buffered"),
            },
            Class::LoadMultiple
            | Class::StoreMultiple
            | Class::FpLoadMultiple
            | Class::FpStoreMultiple => Cost::exact(1 + n, "1+N"),
            Class::LoadDual | Class::StoreDual => Cost::exact(3, "1+N"),
            Class::FpLoad | Class::FpStore => Cost::exact(1 + n, "FP transfer, 1+N"),
            Class::FpMoveCore2 => Cost::exact(2, "two registers"),
            Class::FpMultiplyAccumulate => Cost::exact(3, "FP multiply-accumulate"),
            Class::FpDivide => Cost::exact(14, "FP divide or square root"),
            Class::MultiplyAccumulate if !self.m4 => Cost::exact(2, "MLA, MLS"),
            Class::MultiplyLong if !self.m4 => Cost::estimate(3, "long multiply, 3 to 5"),
            Class::MultiplyAccumulateLong if !self.m4 => {
                Cost::estimate(4, "long multiply-accumulate, 4 to 7")
            }
            Class::Divide => Cost::estimate(2, "divide, 2 to 12"),
            Class::Barrier => Cost::estimate(4, "barrier, 1+B"),
            Class::Wfi | Class::Wfe => Cost::estimate(2, "1+W"),
            Class::Mrs | Class::Msr | Class::Cps => Cost::estimate(1, "1 to 2"),
            _ => Cost::exact(1, "data processing"),
        }
    }

    /// Cycles from a branch to its target's first execute cycle, before alignment.
    fn redirect(&self, pipe: &Pipe) -> Cost {
        let n = u32::from(pipe.count);
        match pipe.last {
            None => Cost::exact(0, "time already known"),
            Some(Class::BranchRegister | Class::MovePc) if pipe.late_target => {
                Cost::measured(3, "register branch, register just written")
            }
            Some(Class::LoadPc) => Cost::exact(5, "LDR PC"),
            Some(Class::LoadMultiplePc) => Cost::measured(n + 4, "POP with PC, N+4"),
            Some(Class::TableBranch) => Cost::measured(6, "table branch"),
            _ => Cost::measured(2, "branch taken"),
        }
    }
}

impl Model for CortexM3 {
    fn enter(&self, pipe: &Pipe, insn: &Insn, taken: bool) -> Cost {
        if taken {
            let mut cost = self.redirect(pipe);
            if pipe.last.is_some() && insn.is_wide() && insn.address & 2 != 0 {
                cost.cycles += 1; // the second halfword comes with the next fetch
            }
            return cost;
        }
        if insn.class == Class::It && pipe.executed && !pipe.wide && pipe.last.is_some_and(folds) {
            return Cost::measured(self.occupancy(pipe, Some(insn)).cycles - 1, "IT folded");
        }
        let mut cost = self.occupancy(pipe, Some(insn));
        // No forwarding into the address generation (DDI 0439B §3.3.3).
        let interlock = pipe.last.is_some_and(is_data_processing)
            && insn
                .address_reads
                .without(RegisterSet::one(15))
                .meets(pipe.writes);
        if interlock {
            cost = Cost::exact(cost.cycles + 1, "address register just written");
        } else if insn.fp_reads & pipe.fp_late != 0 {
            cost = Cost::exact(cost.cycles + 1, "FP result just written");
        }
        cost
    }

    fn drain(&self, pipe: &Pipe) -> u32 {
        self.occupancy(pipe, None).cycles.max(1)
    }

    fn operand_cycles(&self, insn: &Insn, n: u32, m: u32) -> u32 {
        match insn.class {
            Class::Divide => divide_cycles(insn, n, m) - 2,
            // Early termination is documented as a range only: one more for each operand of more than
            // 16 significant bits is an estimate.
            Class::MultiplyLong | Class::MultiplyAccumulateLong if !self.m4 => {
                let signed = insn.raw >> 21 & 1 == 0;
                let long = |v: u32| {
                    let v = if signed && v >> 31 != 0 { !v } else { v };
                    u32::from(v >> if signed { 15 } else { 16 } != 0)
                };
                let sum = long(n) + long(m);
                if insn.class == Class::MultiplyAccumulateLong && sum == 2 {
                    3
                } else {
                    sum
                }
            }
            _ => 0,
        }
    }

    fn depends_on_operands(&self, class: Class) -> bool {
        class == Class::Divide
            || (!self.m4 && matches!(class, Class::MultiplyLong | Class::MultiplyAccumulateLong))
    }

    fn exceptions(&self) -> &ExceptionTiming {
        &exceptions::CORTEX_M3
    }
}

fn folds(class: Class) -> bool {
    !class.always_branches()
}

fn is_data_processing(class: Class) -> bool {
    matches!(
        class,
        Class::Alu
            | Class::Multiply
            | Class::MultiplyAccumulate
            | Class::MultiplyLong
            | Class::MultiplyAccumulateLong
            | Class::Divide
            | Class::Mrs
            | Class::FpMoveCore
            | Class::FpMoveCore2
    )
}

/// 2 to 12 cycles (DDI 0439B table 3-1). The formula is not published: 2 and one for each started group of
/// four quotient bits is an estimate.
fn divide_cycles(insn: &Insn, n: u32, m: u32) -> u32 {
    let signed = insn.raw >> 21 & 1 == 0;
    let (n, m) = if signed {
        ((n as i32).unsigned_abs(), (m as i32).unsigned_abs())
    } else {
        (n, m)
    };
    if m == 0 || n < m {
        return 2;
    }
    let quotient_bits = m.leading_zeros() - n.leading_zeros() + 1;
    (2 + quotient_bits.div_ceil(4)).min(12)
}
