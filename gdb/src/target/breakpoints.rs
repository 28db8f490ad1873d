//! Breakpoints and watchpoints. The core compares addresses, so software and hardware breakpoints are the same, there
//! is no limit to their number, and no instruction is ever replaced.
//!
//! A watchpoint stops the machine where gdb expects it, on ARM and on RISC-V: before the instruction that accesses. gdb
//! steps over it and compares by itself.

use super::Debuggee;
use crate::registers::wire::Length;
use emu_core::timeline::Companion;
use emu_core::watchpoint::{self, Watchpoint};
use gdbstub::target::TargetResult;
use gdbstub::target::ext::breakpoints::{
    Breakpoints, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps, SwBreakpoint,
    SwBreakpointOps, WatchKind,
};

/// From here on a Cortex-M has EXC_RETURN values, which gdb takes for return addresses.
const EXC_RETURN: u32 = 0xFF00_0000;

impl<C: Companion + 'static> Debuggee<C> {
    fn add(&mut self, address: u32, hardware: bool) -> bool {
        let address = address & !1;
        let machine = self.machine();
        if machine.bus().memory.region_at(address).is_none() {
            // gdb wants to know when a handler returns to its caller. No instruction is there to stop at: the machine
            // goes on into what was interrupted.
            return !machine.kind().is_riscv() && address >= EXC_RETURN;
        }
        self.breakpoints.insert((address, hardware));
        self.machine_mut().add_breakpoint(address);
        true
    }

    fn remove(&mut self, address: u32, hardware: bool) -> bool {
        let address = address & !1;
        let there = self.breakpoints.remove(&(address, hardware));
        if !self.breakpoints.contains(&(address, !hardware)) {
            self.machine_mut().remove_breakpoint(address);
        }
        there || address >= EXC_RETURN
    }

    /// Forget all breakpoints and watchpoints.
    pub fn remove_stops(&mut self) {
        for (address, _) in std::mem::take(&mut self.breakpoints) {
            self.machine_mut().remove_breakpoint(address);
        }
        self.watchpoints.clear();
        self.machine_mut().set_watchpoints(&[]);
    }

    /// Is there a breakpoint on the next instruction, and is it a hardware one?
    pub fn breakpoint_at(&self, address: u32) -> Option<bool> {
        [false, true]
            .into_iter()
            .find(|&hardware| self.breakpoints.contains(&(address, hardware)))
    }
}

impl<C: Companion + 'static> Breakpoints for Debuggee<C> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl<C: Companion + 'static> SwBreakpoint for Debuggee<C> {
    fn add_sw_breakpoint(&mut self, address: u32, _: Length) -> TargetResult<bool, Self> {
        Ok(self.add(address, false))
    }

    fn remove_sw_breakpoint(&mut self, address: u32, _: Length) -> TargetResult<bool, Self> {
        Ok(self.remove(address, false))
    }
}

impl<C: Companion + 'static> HwBreakpoint for Debuggee<C> {
    fn add_hw_breakpoint(&mut self, address: u32, _: Length) -> TargetResult<bool, Self> {
        Ok(self.add(address, true))
    }

    fn remove_hw_breakpoint(&mut self, address: u32, _: Length) -> TargetResult<bool, Self> {
        Ok(self.remove(address, true))
    }
}

fn watchpoint(address: u32, size: u32, kind: WatchKind) -> Watchpoint {
    Watchpoint {
        address,
        size,
        kind: match kind {
            WatchKind::Write => watchpoint::WatchKind::Write,
            WatchKind::Read => watchpoint::WatchKind::Read,
            WatchKind::ReadWrite => watchpoint::WatchKind::Access,
        },
    }
}

impl<C: Companion + 'static> HwWatchpoint for Debuggee<C> {
    fn add_hw_watchpoint(
        &mut self,
        address: u32,
        size: u32,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        if size == 0 || u64::from(address) + u64::from(size) > 1 << 32 {
            return Ok(false);
        }
        self.watchpoints.push(watchpoint(address, size, kind));
        let all = self.watchpoints.clone();
        self.machine_mut().set_watchpoints(&all);
        Ok(true)
    }

    fn remove_hw_watchpoint(
        &mut self,
        address: u32,
        size: u32,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        let gone = watchpoint(address, size, kind);
        let Some(at) = self.watchpoints.iter().position(|w| *w == gone) else {
            return Ok(false);
        };
        self.watchpoints.remove(at);
        let all = self.watchpoints.clone();
        self.machine_mut().set_watchpoints(&all);
        Ok(true)
    }
}
