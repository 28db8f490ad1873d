//! Cortex-M3 and M4: a three-stage pipeline with a three-word prefetch queue.
//!
//! Each instruction has a cycle in decode and a first execute cycle. It is in decode when its words are there
//! ([`super::queue`]) and the instruction before it has begun to execute; it executes a cycle later, when the one
//! before has left the execute stage, which its *occupancy* tells.
//!
//! Modelled: load and store pipelining with the next instruction within one bus slave, the address-generation
//! interlock, refill after taken branches with the alignment of the target, early register branches, the fetch slot
//! that an untaken branch steals, multiple transfers, IT folding, data-dependent divides and M3 long multiplies (M3's divides by what was measured on M4),
//! unaligned data, FPU latencies with overlap of divides and square roots.
//! Not modelled: write-buffer stalls behind more than one store, conflicts of data reads with fetches at zero wait
//! states (about a cycle for each 16 loads of tables in flash).
//!
//! Sources: DDI 0337E chapter 18 and DDI 0439B §3.3 (instruction tables, pairing); ARM KB ka8521 (prefetch);
//! jnk0le/random and compendium.i-0.nl (measurements on silicon); gcc's cortex-m4.md and cortex-m4-fpu.md. Rules
//! marked measured reproduce published kernel counts of STM32F407, F103 and L100 at zero wait states within 0.5 %.

use super::divide;
use super::queue::Queue;
use super::{
    Cost, ExceptionTiming, Fetch, Inputs, Kind, Last, Model, Pipe, Provenance, exceptions,
};
use crate::decode::{Class, Insn, RegisterSet};

/// Code from here on is fetched over the system bus, whose requests are registered: a cycle later. The stream behind
/// the first word is as fast (published loops in SRAM of F103, L1, F4 and SAMD51; not where SRAM is on I-Code).
const SYSTEM_BUS: u32 = 0x2000_0000;

/// One of the two cores.
pub struct CortexM3 {
    /// M4: single-cycle multiply-accumulate and long multiplies, indexed transfers pipeline.
    m4: bool,
}

impl CortexM3 {
    /// Cortex-M3.
    pub const M3: CortexM3 = CortexM3 { m4: false };
    /// Cortex-M4.
    pub const M4: CortexM3 = CortexM3 { m4: true };

    /// Cycles for which the last instruction occupies the execute stage before `next` can follow in sequence.
    fn occupancy(&self, last: &Last, next: Option<(&Insn, Inputs)>) -> Cost {
        if !last.executed {
            return Cost::exact(1, "condition failed");
        }
        let n = u32::from(last.count);
        let next_class = next.filter(|(_, i)| i.executed).map(|(i, _)| i.class);
        let before_nop = next.is_some_and(|(i, _)| i.class == Class::Nop);
        let mut cost = match last.class {
            // DDI 0439B §3.3.3; the early NOP and the rule for slaves are measured.
            Class::Load | Class::StoreExclusive
                if next.is_some_and(|(i, inputs)| self.pipelines(last, i, inputs)) =>
            {
                Cost::measured(1, "load, pipelined with the next transfer")
            }
            Class::Load | Class::StoreExclusive if before_nop => {
                Cost::measured(1, "load, NOP absorbed")
            }
            Class::Load => Cost::exact(2, "load").of_stall(1),
            // It waits for its result: treated more like a load (DDI 0439B §3.3.3).
            Class::StoreExclusive => Cost::exact(2, "exclusive store").of_stall(1),
            Class::Store if last.register_offset && before_nop => {
                Cost::measured(1, "store, NOP absorbed")
            }
            Class::Store if last.register_offset => {
                Cost::measured(2, "store with register offset").of_stall(1)
            }
            Class::Store if next_class.is_some_and(loads) && last.data == 0 => {
                Cost::measured(2, "store before a load").of_stall(1)
            }
            Class::Store => Cost::exact(1, "store, buffered"),
            Class::LoadMultiple
            | Class::StoreMultiple
            | Class::FpLoadMultiple
            | Class::FpStoreMultiple => Cost::exact(1 + n, "1+N"),
            Class::LoadDual | Class::StoreDual => Cost::exact(3, "1+N"),
            Class::FpLoad | Class::FpStore => Cost::exact(1 + n, "FP transfer, 1+N"),
            Class::FpMoveCore2 => Cost::exact(2, "two registers"),
            Class::MultiplyAccumulate if !self.m4 => Cost::exact(2, "MLA, MLS"),
            Class::MultiplyLong if !self.m4 => Cost::estimate(3, "long multiply, 3 to 5"),
            Class::MultiplyAccumulateLong if !self.m4 => {
                Cost::estimate(4, "long multiply-accumulate, 4 to 7")
            }
            Class::Divide if self.m4 => Cost::measured(2, "divide, 2 to 12 by its operands"),
            Class::Divide => Cost::estimate(2, "divide, 2 to 12 by its operands"),
            Class::Barrier => Cost::estimate(4, "barrier, 1+B"),
            Class::Wfi | Class::Wfe => Cost::estimate(2, "1+W"),
            Class::Mrs | Class::Msr | Class::Cps => Cost::estimate(1, "1 to 2"),
            _ => Cost::exact(1, "one cycle"),
        };
        // The parts of an unaligned store go through the write buffer (DDI 0439B §3.3.2): only another access waits.
        let buffered =
            last.class == Class::Store && next.is_some_and(|(i, _)| i.addressing.is_none());
        let data = if buffered { 0 } else { u32::from(last.data) };
        cost.cycles += u32::from(last.operand) + data;
        cost.wait += data;
        cost
    }

    /// Does the load before it overlap with `next`? Both must be single transfers to one bus slave, and the address
    /// must not need the loaded register. M3 overlaps with an indexed form only as the first of a run.
    fn pipelines(&self, last: &Last, next: &Insn, inputs: Inputs) -> bool {
        let single = is_single(next) && inputs.executed;
        let indexed = next.addressing.is_some_and(|a| a.writeback);
        let loaded = last.writes.without(last.written_back);
        single
            && (self.m4 || !indexed)
            && !next.address_reads.meets(loaded)
            && (same_base(last, next) || last.slave == inputs.slave)
    }

    /// When a taken branch requests its target's first word, from its own first execute cycle.
    fn request(last: &Last) -> (i32, Provenance, &'static str) {
        use Provenance::{Exact, Measured};
        let n = i32::from(last.count) + i32::from(last.data);
        match last.class {
            Class::BranchRegister | Class::MovePc if last.late_target => {
                (0, Measured, "register branch, register just written")
            }
            Class::LoadPc => (2 + i32::from(last.data), Exact, "LDR PC"),
            Class::LoadMultiplePc => (n + 1, Measured, "POP with PC, N+4"),
            Class::TableBranch => (3 + i32::from(last.data), Measured, "table branch"),
            // P = 1 for direct branches and early BX: DDI 0439B gives 1 to 3.
            _ => (-1, Measured, "branch taken"),
        }
    }

    /// The cost of following the last instruction, before fetch.
    fn follow(&self, last: &Last, pipe: &Pipe, insn: &Insn, inputs: Inputs) -> Cost {
        let mut cost = self.occupancy(last, Some((insn, inputs)));
        let plain = cost.cycles == 1;
        if last.folded > 0 {
            cost.extend(
                u32::from(last.folded),
                Kind::Stall,
                Provenance::Measured,
                "instruction before the folded IT",
            );
        }
        if !inputs.executed {
            return cost;
        }
        // No forwarding into the address generation (DDI 0439B §3.3.3).
        let addresses = insn.address_reads.without(RegisterSet::one(15));
        let late = match last.class {
            Class::Load | Class::Store => plain && addresses.meets(last.written_back),
            _ => is_data_processing(last.class) && addresses.meets(last.writes),
        };
        if late {
            cost.extend(
                cost.cycles + 1,
                Kind::Stall,
                Provenance::Exact,
                "address register just written",
            );
        }
        if insn.class.is_fp() {
            cost.extend(
                u32::from(fp_operands_ready(pipe, insn)),
                Kind::Stall,
                Provenance::Measured,
                "FP result not ready",
            );
        }
        cost
    }
}

impl Model for CortexM3 {
    fn step(&self, pipe: &mut Pipe, insn: &Insn, inputs: Inputs, fetch: &mut dyn Fetch) -> Cost {
        let size = u32::from(insn.size);
        let split = u32::from(insn.is_wide() && insn.address & 2 != 0);
        let restarted = pipe.queue.is_restarted();
        let mut earliest = 0;
        let mut cost = match pipe.last {
            None => {
                earliest = -1;
                pipe.queue = Queue::restarted(-3 - split as i32);
                Cost::exact(0, "time already known")
            }
            Some(last) if restarted => {
                let (mut request, provenance, reason) = Self::request(&last);
                if insn.address >= SYSTEM_BUS {
                    request += 1;
                    pipe.queue = Queue::restarted(request);
                }
                let moved = request.max(0) as u32; // words that the branch itself loads
                let cycles = (request + 3) as u32 + split;
                let base = Cost::exact(cycles, reason);
                Cost { provenance, ..base }.of_refill(cycles - 1 - moved.min(cycles - 1))
            }
            Some(last) => {
                if matches!(last.class, Class::BranchConditional | Class::CompareBranch) {
                    pipe.queue.steal();
                }
                self.follow(&last, pipe, insn, inputs)
            }
        };
        let decoded = pipe.queue.need(insn.address, size, fetch);
        let at = decoded.at.max(earliest);
        if insn.class == Class::It && !restarted && pipe.last.as_ref().is_some_and(folds) {
            pipe.queue.used(insn.address, size, at.min(0));
            pipe.advance(insn, inputs, 0);
            if let Some(it) = &mut pipe.last {
                it.folded = cost.cycles as u8;
            }
            return Cost::measured(0, "IT folded");
        }
        if decoded.at + 1 > cost.cycles as i32 {
            let (kind, provenance, reason) = if decoded.waited {
                (Kind::Wait, Provenance::Measured, "flash wait states")
            } else {
                (Kind::Refill, Provenance::Measured, "prefetch queue empty")
            };
            cost.extend((decoded.at + 1) as u32, kind, provenance, reason);
        }
        let held = cost.cycles as i32 > at + 1;
        pipe.queue.used(
            insn.address,
            size,
            if held { cost.cycles as i32 } else { at },
        );
        fetch.advance(cost.cycles);
        pipe.advance(insn, inputs, cost.cycles);
        if inputs.executed {
            fp_results(pipe, insn);
        }
        cost
    }

    fn branched(&self, pipe: &Pipe) -> Pipe {
        let mut after = *pipe;
        if let Some(last) = &mut after.last {
            after.queue = Queue::restarted(Self::request(last).0);
            // All that is left of it is in the queue, but for LR: BX LR at once comes late.
            *last = Last {
                writes: RegisterSet(last.writes.0 & 1 << 14),
                written_back: RegisterSet::NONE,
                base: None,
                register_offset: false,
                wide: false,
                sets_flags: false,
                ..*last
            };
        }
        after
    }

    fn drain(&self, pipe: &Pipe) -> u32 {
        pipe.last
            .map_or(0, |last| self.occupancy(&last, None).cycles)
            .max(1)
    }

    fn operand_cycles(&self, insn: &Insn, n: u32, m: u32) -> u8 {
        match insn.class {
            Class::Divide => divide::cycles(insn, n, m) - 2,
            // Early termination is documented as a range only: one more for each operand of more than
            // 16 significant bits is an estimate.
            Class::MultiplyLong | Class::MultiplyAccumulateLong if !self.m4 => {
                let signed = insn.raw >> 21 & 1 == 0;
                let long = |v: u32| {
                    let v = if signed && v >> 31 != 0 { !v } else { v };
                    u8::from(v >> if signed { 15 } else { 16 } != 0)
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

    fn slave_matters(&self, before: Option<&Insn>, insn: &Insn, next: Option<&Insn>) -> bool {
        let pair = |load: &Insn, next: &Insn| {
            let base = |i: &Insn| i.addressing.filter(|a| a.index.is_none()).map(|a| a.base);
            let written_back = load
                .addressing
                .filter(|a| a.writeback)
                .map_or(RegisterSet::NONE, |a| RegisterSet::one(u32::from(a.base)));
            matches!(load.class, Class::Load | Class::StoreExclusive)
                && is_single(next)
                && !next.address_reads.meets(load.writes.without(written_back))
                && (base(load).is_none() || base(load) != base(next))
        };
        is_single(insn)
            && (before.is_none_or(|b| pair(b, insn))
                || next.map_or(insn.class != Class::Store, |n| pair(insn, n)))
    }

    fn overlaps(&self, class: Class) -> bool {
        matches!(class, Class::Load | Class::StoreExclusive)
    }

    /// A word at 2 mod 4 is two accesses, at an odd address three; an odd halfword is two (DDI 0439B §3.3.2).
    fn unaligned_cycles(&self, address: u32, bytes: u8) -> u8 {
        match (bytes, address & 3) {
            (4, 2) | (2, 1 | 3) => 1,
            (4, 1 | 3) => 2,
            _ => 0,
        }
    }

    fn exceptions(&self) -> &ExceptionTiming {
        &exceptions::CORTEX_M3
    }
}

/// A transfer of one core register.
fn is_single(insn: &Insn) -> bool {
    matches!(
        insn.class,
        Class::Load | Class::Store | Class::StoreExclusive
    )
}

/// Two accesses through one unchanged base register with constant offsets go to the same place.
fn same_base(last: &Last, next: &Insn) -> bool {
    let base = next
        .addressing
        .filter(|a| a.index.is_none())
        .map(|a| a.base);
    base.is_some() && last.base == base
}

/// Loads that wait for a store before them.
fn loads(class: Class) -> bool {
    matches!(
        class,
        Class::Load
            | Class::LoadMultiple
            | Class::LoadMultiplePc
            | Class::LoadDual
            | Class::LoadPc
            | Class::TableBranch
            | Class::FpLoad
            | Class::FpLoadMultiple
    )
}

/// A 16-bit instruction executes together with the IT behind it.
fn folds(last: &Last) -> bool {
    last.executed && !last.wide && !last.class.always_branches()
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

/// When the FPU and all S registers that an FP instruction reads are ready. The addend of a multiply-accumulate is
/// read a cycle later than its factors (gcc cortex-m4-fpu.md).
fn fp_operands_ready(pipe: &Pipe, insn: &Insn) -> u8 {
    let accumulates = insn.class == Class::FpMultiplyAccumulate;
    let mut ready = pipe.fp_busy;
    for (n, &at) in pipe.fp_ready.iter().enumerate() {
        if insn.fp_reads >> n & 1 != 0 {
            let addend = accumulates && insn.fp_writes >> n & 1 != 0;
            ready = ready.max(at - u8::from(addend && at > 0));
        }
    }
    ready
}

/// Latencies of FP results, and how long the FPU is taken (DDI 0439B table 3-2: VMLA 3, VDIV and VSQRT 14 cycles;
/// a result is usable one instruction later).
fn fp_results(pipe: &mut Pipe, insn: &Insn) {
    let (latency, busy) = match insn.class {
        Class::FpAlu => (2, 0),
        Class::FpMultiplyAccumulate => (4, 3),
        Class::FpDivide => (15, 14),
        _ => return,
    };
    pipe.fp_busy = pipe.fp_busy.max(busy);
    for (n, at) in pipe.fp_ready.iter_mut().enumerate() {
        if insn.fp_writes >> n & 1 != 0 {
            *at = latency;
        }
    }
}
