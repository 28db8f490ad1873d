//! Cortex-M0 and M0+: an additive table, zero wait states.
//!
//! Modelled: every instruction class of DDI 0432C table 3-1 and DDI 0484C table 3-1.
//! Modelled too: the single-cycle I/O port of M0+, where the machine has one (DDI 0484C §3.3: loads and stores there
//! take 1 cycle). Not modelled: the slow (32-cycle) multiplier option, prefetch effects of
//! wait states.

use super::queue::Queue;
use super::{Cost, ExceptionTiming, Fetch, Inputs, Model, Pipe, exceptions};
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
    exceptions: ExceptionTiming,
}

impl CortexM0 {
    /// Cortex-M0, DDI 0432C table 3-1: branch 3, BL 4, POP with PC 4+N, MRS/MSR/barriers 4.
    pub const M0: CortexM0 = CortexM0 {
        branch: 3,
        link: 4,
        system: 4,
        io_port: false,
        exceptions: exceptions::CORTEX_M0,
    };

    /// Cortex-M0+, DDI 0484C table 3-1: branch 2, BL 3, POP with PC 3+N, MRS/MSR/barriers 3.
    pub const M0PLUS: CortexM0 = CortexM0 {
        branch: 2,
        link: 3,
        system: 3,
        io_port: true,
        exceptions: exceptions::CORTEX_M0PLUS,
    };

    fn cost(&self, pipe: &Pipe) -> Cost {
        let Some(last) = pipe.last else {
            return Cost::exact(0, "time already known");
        };
        let taken = pipe.queue.is_restarted();
        let n = u32::from(last.count);
        match last.class {
            Class::Load | Class::Store if last.io_port => Cost::exact(1, "single-cycle I/O port"),
            Class::Load | Class::Store => Cost::exact(2, "single load or store"),
            Class::LoadMultiple | Class::StoreMultiple => Cost::exact(1 + n, "1+N"),
            Class::LoadMultiplePc => Cost::exact(self.branch + 1 + n, "POP with PC"),
            Class::BranchConditional if !taken => Cost::exact(1, "branch not taken"),
            Class::Branch | Class::BranchConditional | Class::BranchRegister | Class::MovePc => {
                Cost::exact(self.branch, "branch taken")
            }
            Class::BranchLink => Cost::exact(self.link, "BL"),
            Class::Mrs | Class::Msr | Class::Barrier => {
                Cost::exact(self.system, "system or barrier")
            }
            Class::Multiply => Cost::exact(1, "fast multiplier"),
            Class::Wfi | Class::Wfe => Cost::estimate(2, "2 without sleep"),
            _ => Cost::exact(1, "data processing"),
        }
    }
}

impl Model for CortexM0 {
    fn step(&self, pipe: &mut Pipe, insn: &Insn, inputs: Inputs, fetch: &mut dyn Fetch) -> Cost {
        let mut cost = self.cost(pipe);
        if let Some(last) = pipe.last {
            cost.cycles += u32::from(last.data);
            cost.wait += u32::from(last.data);
        }
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

    fn has_io_port(&self) -> bool {
        self.io_port
    }

    fn operand_cycles(&self, _insn: &Insn, _n: u32, _m: u32) -> u8 {
        0
    }

    fn depends_on_operands(&self, _class: Class) -> bool {
        false
    }

    fn exceptions(&self) -> &ExceptionTiming {
        &self.exceptions
    }
}
