//! Cortex-M0 and M0+: an additive table, and a fetch that stalls the core when memory makes it wait.
//!
//! Modelled: every instruction class of DDI 0432C table 3-1 and DDI 0484C table 3-1; the small multiplier
//! (parameter `core.slow_multiplier`: MUL takes 32 cycles); wait states of instruction fetch.
//! Modelled too: the single-cycle I/O port of M0+, where the machine has one (DDI 0484C §3.3: loads and stores there
//! take 1 cycle).
//! Not modelled: MUL of 32 cycles that is abandoned for an interrupt; fetches that
//! come a little earlier than needed.
//!
//! Fetch: each aligned word is fetched once, in time for its first instruction's decode (so that the table holds
//! without wait states); code and data share one bus, and a fetch that waits holds up everything. With flash of one
//! wait state that reads ahead only branches pay, as measured on STM32F0 (+0.3 to 1 % on loops, +5.7 % on short ones);
//! without reading ahead each word pays, as measured, too (about +45 %). What is added is an estimate.

use super::queue::Queue;
use super::{Cost, ExceptionTiming, Fetch, Inputs, Kind, Model, Pipe, Provenance, exceptions};
use crate::decode::{Class, Insn};

/// The table of one of the two cores.
pub struct CortexM0 {
    /// Cycles of B, BX, BLX and writes to PC when taken.
    branch: u32,
    /// Cycles of BL.
    link: u32,
    /// Cycles of MRS, MSR and barriers.
    system: u32,
    /// There is a single-cycle I/O port.
    io_port: bool,
    /// Cycles of MUL.
    multiply: u32,
    exceptions: ExceptionTiming,
}

impl CortexM0 {
    /// Cortex-M0, DDI 0432C table 3-1: branch 3, BL 4, POP with PC 4+N, MRS/MSR/barriers 4.
    pub const M0: CortexM0 = CortexM0 {
        branch: 3,
        link: 4,
        system: 4,
        io_port: false,
        multiply: 1,
        exceptions: exceptions::CORTEX_M0,
    };

    /// Cortex-M0+, DDI 0484C table 3-1: branch 2, BL 3, POP with PC 3+N, MRS/MSR/barriers 3.
    pub const M0PLUS: CortexM0 = CortexM0 {
        branch: 2,
        link: 3,
        system: 3,
        io_port: true,
        multiply: 1,
        exceptions: exceptions::CORTEX_M0PLUS,
    };

    fn cost(&self, pipe: &Pipe) -> Cost {
        let Some(last) = pipe.last else {
            return Cost::exact(0, "time already known");
        };
        let taken = pipe.queue.is_restarted();
        let n = u32::from(last.count);
        let mut cost = match last.class {
            Class::Load | Class::Store if last.io_port => Cost::exact(1, "single-cycle I/O port"),
            Class::Load | Class::Store => Cost::exact(2, "single load or store"),
            Class::LoadMultiple | Class::StoreMultiple => Cost::exact(1 + n, "1+N"),
            Class::LoadMultiplePc => {
                Cost::exact(self.branch + 1 + n, "POP with PC").of_refill(self.branch)
            }
            Class::BranchConditional if !taken => Cost::exact(1, "branch not taken"),
            Class::Branch | Class::BranchConditional | Class::BranchRegister | Class::MovePc => {
                Cost::exact(self.branch, "branch taken").of_refill(self.branch - 1)
            }
            Class::BranchLink => Cost::exact(self.link, "BL").of_refill(self.branch - 1),
            Class::Mrs | Class::Msr | Class::Barrier => {
                Cost::exact(self.system, "system or barrier")
            }
            Class::Multiply if self.multiply > 1 => Cost::exact(self.multiply, "small multiplier"),
            Class::Multiply => Cost::exact(1, "fast multiplier"),
            Class::Wfi | Class::Wfe => Cost::estimate(2, "2 without sleep"),
            _ => Cost::exact(1, "data processing"),
        };
        let waits = u32::from(last.data);
        cost.extend(
            cost.cycles + waits,
            Kind::Wait,
            Provenance::Estimate,
            "data wait states",
        );
        cost
    }

    /// Fetch the words of `insn` that were not fetched with the one before it; each cycle that one is late delays
    /// it.
    fn fetch(&self, pipe: &Pipe, insn: &Insn, cost: &mut Cost, fetch: &mut dyn Fetch) {
        let sequential = pipe.last.is_some() && !pipe.queue.is_restarted();
        let held = sequential && insn.address & 2 != 0;
        let first = (insn.address >> 2) + u32::from(held);
        let last = (insn.end() - 1) >> 2;
        // A taken branch requests its target in its own first execute cycle.
        let ahead = self.branch as i32;
        for word in first..=last {
            let request = cost.cycles as i32 - ahead;
            let late = fetch.word(word << 2, request) - (request + 1);
            cost.extend(
                cost.cycles + late.max(0) as u32,
                Kind::Wait,
                Provenance::Estimate,
                "fetch wait states",
            );
        }
    }
}

impl Model for CortexM0 {
    fn step(&self, pipe: &mut Pipe, insn: &Insn, inputs: Inputs, fetch: &mut dyn Fetch) -> Cost {
        let mut cost = self.cost(pipe);
        self.fetch(pipe, insn, &mut cost, fetch);
        pipe.queue = Queue::EMPTY;
        fetch.advance(cost.cycles);
        pipe.advance(insn, inputs, cost.cycles);
        pipe.forget_pairing();
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

    fn has_io_port(&self) -> bool {
        self.io_port
    }

    fn operand_cycles(&self, _insn: &Insn, _n: u32, _m: u32) -> u8 {
        0
    }

    fn depends_on_operands(&self, _class: Class) -> bool {
        false
    }

    fn configure(&mut self, get: &dyn Fn(&str) -> Option<u32>) -> bool {
        // DDI 0432C §1.2, DDI 0484C §1.3: the multiplier is chosen when a chip is made.
        let slow = get("slow_multiplier").unwrap_or(0) != 0;
        let before = std::mem::replace(&mut self.multiply, if slow { 32 } else { 1 });
        before != self.multiply
    }

    fn exceptions(&self) -> &ExceptionTiming {
        &self.exceptions
    }
}
