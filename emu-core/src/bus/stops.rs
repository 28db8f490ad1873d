//! What ends a run from outside: requests, and conditions that are met at an exact cycle.

use super::Bus;
use crate::nets::NetId;
use crate::time::Cycles;

/// A condition of the outside world that ends a run, at its exact cycle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StopOn {
    /// A serial port has sent this text (any port when `None`).
    SerialText {
        /// Which port.
        port: Option<u8>,
        /// The bytes.
        text: Vec<u8>,
    },
    /// A net got this level.
    Edge {
        /// Which net.
        net: NetId,
        /// Its new level.
        level: bool,
    },
    /// An exception is entered: the run ends before the first instruction of its handler. On RISC-V a trap, see
    /// [`crate::riscv::lines::number`].
    Exception(u16),
    /// The core is reset (not by [`crate::machine::Machine::reset`]): the run ends before its first instruction.
    Reset,
    /// A clock has another frequency: limits that were computed from a time must be computed again.
    ClockChange,
}

/// A condition that was met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Met {
    /// The condition.
    pub condition: StopOn,
    /// When: the cycle of the edge; of an exception, that at which its handler can start.
    pub at: Cycles,
    /// The instruction that is responsible.
    pub pc: u32,
}

/// More are not remembered, when nobody asks.
const MOST_MET: usize = 10_000;

impl Bus {
    /// End the run at the next instruction boundary.
    pub fn request_stop(&mut self) {
        self.stop_request = true;
    }

    /// Was the end of the run asked for? Asking forgets it.
    pub fn take_stop_request(&mut self) -> bool {
        std::mem::take(&mut self.stop_request)
    }

    /// Is the end of the run asked for?
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        self.stop_request
    }

    /// End the run when this happens.
    pub fn stop_on(&mut self, condition: StopOn) {
        if let StopOn::Edge { net, .. } = condition {
            self.nets.set_listened(net, true);
        }
        self.stop_on.push(condition);
    }

    /// Take a condition of [`Bus::stop_on`] back. One that was given twice stays once.
    pub fn forget_stop(&mut self, condition: &StopOn) {
        if let Some(i) = self.stop_on.iter().position(|s| s == condition) {
            self.stop_on.remove(i);
        }
        if let StopOn::Edge { net, .. } = *condition {
            self.find_listened(net);
        }
    }

    /// The conditions of [`Bus::stop_on`] that were met since this was last asked, in order, each once.
    pub fn take_met(&mut self) -> Vec<StopOn> {
        let mut conditions: Vec<StopOn> = Vec::new();
        for met in std::mem::take(&mut self.met) {
            if !conditions.contains(&met.condition) {
                conditions.push(met.condition);
            }
        }
        conditions
    }

    /// What [`Bus::take_met`] would give, each time that it happened.
    #[must_use]
    pub fn met(&self) -> &[Met] {
        &self.met
    }

    pub(super) fn meet(&mut self, is: impl Fn(&StopOn) -> bool) {
        self.meet_at(self.now, self.pc, is);
    }

    pub(crate) fn meet_at(&mut self, at: Cycles, pc: u32, is: impl Fn(&StopOn) -> bool) {
        if let Some(condition) = self.stop_on.iter().find(|s| is(s)) {
            self.stop_request = true;
            if self.met.len() < MOST_MET {
                let condition = condition.clone();
                self.met.push(Met { condition, at, pc });
            }
        }
    }

    /// Nothing of this kind counts as met.
    pub(crate) fn unmeet(&mut self, condition: &StopOn) {
        self.met.retain(|m| m.condition != *condition);
    }
}
