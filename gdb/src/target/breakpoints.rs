//! Breakpoints. The core compares addresses, so software and hardware ones are the same, there is no limit to
//! their number, and no instruction is ever replaced.
//!
//! Watchpoints are not there: the core cannot report accesses yet.

use super::Debuggee;
use crate::registers::wire::Length;
use gdbstub::target::TargetResult;
use gdbstub::target::ext::breakpoints::{
    Breakpoints, HwBreakpoint, HwBreakpointOps, SwBreakpoint, SwBreakpointOps,
};

impl Debuggee<'_> {
    fn add(&mut self, address: u32, hardware: bool) -> bool {
        let address = address & !1;
        if self.machine.bus().memory.region_at(address).is_none() {
            return false;
        }
        self.breakpoints.insert((address, hardware));
        self.machine.add_breakpoint(address);
        true
    }

    fn remove(&mut self, address: u32, hardware: bool) -> bool {
        let address = address & !1;
        let there = self.breakpoints.remove(&(address, hardware));
        if !self.breakpoints.contains(&(address, !hardware)) {
            self.machine.remove_breakpoint(address);
        }
        there
    }

    /// Forget all breakpoints.
    pub fn remove_breakpoints(&mut self) {
        for (address, _) in std::mem::take(&mut self.breakpoints) {
            self.machine.remove_breakpoint(address);
        }
    }

    /// Is there a breakpoint on the next instruction, and is it a hardware one?
    pub fn breakpoint_at(&self, address: u32) -> Option<bool> {
        [false, true]
            .into_iter()
            .find(|&hardware| self.breakpoints.contains(&(address, hardware)))
    }
}

impl Breakpoints for Debuggee<'_> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }
}

impl SwBreakpoint for Debuggee<'_> {
    fn add_sw_breakpoint(&mut self, address: u32, _: Length) -> TargetResult<bool, Self> {
        Ok(self.add(address, false))
    }

    fn remove_sw_breakpoint(&mut self, address: u32, _: Length) -> TargetResult<bool, Self> {
        Ok(self.remove(address, false))
    }
}

impl HwBreakpoint for Debuggee<'_> {
    fn add_hw_breakpoint(&mut self, address: u32, _: Length) -> TargetResult<bool, Self> {
        Ok(self.add(address, true))
    }

    fn remove_hw_breakpoint(&mut self, address: u32, _: Length) -> TargetResult<bool, Self> {
        Ok(self.remove(address, true))
    }
}
