//! Cortex-M7: a declared estimate.
//!
//! Modelled: one instruction each cycle, with the latencies that show most: taken branches, multiple
//! transfers, divides, FP. Every cost is marked as an estimate.
//! Not modelled: dual issue, branch prediction, TCM and caches, AXI.

use super::queue::Queue;
use super::{Cost, ExceptionTiming, Fetch, Inputs, Model, Pipe, exceptions};
use crate::decode::{Class, Insn};

/// The model.
pub struct CortexM7;

impl CortexM7 {
    fn cost(&self, pipe: &Pipe) -> Cost {
        let Some(last) = pipe.last else {
            return Cost::estimate(0, "time already known");
        };
        let taken = pipe.queue.is_restarted();
        let n = u32::from(last.count);
        let cycles = match last.class {
            _ if !last.executed => 1,
            Class::LoadMultiple
            | Class::StoreMultiple
            | Class::FpLoadMultiple
            | Class::FpStoreMultiple => n.div_ceil(2).max(1),
            Class::LoadMultiplePc => n.div_ceil(2) + 4,
            Class::LoadPc | Class::TableBranch => 5,
            Class::BranchRegister | Class::MovePc => 3,
            Class::Branch | Class::BranchConditional | Class::BranchLink | Class::CompareBranch
                if taken =>
            {
                2
            }
            Class::Divide => 7,
            Class::FpDivide => 16,
            Class::FpMultiplyAccumulate => 3,
            Class::Barrier => 4,
            _ => 1,
        };
        Cost::estimate(cycles, "Cortex-M7 estimate")
    }
}

impl Model for CortexM7 {
    fn step(&self, pipe: &mut Pipe, insn: &Insn, inputs: Inputs, fetch: &mut dyn Fetch) -> Cost {
        let cost = self.cost(pipe);
        pipe.queue = Queue::EMPTY;
        fetch.advance(cost.cycles);
        pipe.advance(insn, inputs, cost.cycles);
        cost
    }

    fn branched(&self, pipe: &Pipe) -> Pipe {
        Pipe {
            queue: Queue::restarted(0),
            ..*pipe
        }
    }

    fn drain(&self, pipe: &Pipe) -> u32 {
        self.cost(pipe).cycles.max(1)
    }

    fn operand_cycles(&self, _insn: &Insn, _n: u32, _m: u32) -> u8 {
        0
    }

    fn depends_on_operands(&self, _class: Class) -> bool {
        false
    }

    fn exceptions(&self) -> &ExceptionTiming {
        &exceptions::CORTEX_M7
    }
}
