//! Continue, step, range step: what gdb asks for, and how the machine is run for it in slices.

use super::{Debuggee, Never};
use emu_core::Cycles;
use emu_core::machine::Stop;
use gdbstub::common::{Signal, Tid};
use gdbstub::target::ext::base::multithread::{
    MultiThreadRangeStepping, MultiThreadRangeSteppingOps, MultiThreadResume,
    MultiThreadSchedulerLocking, MultiThreadSchedulerLockingOps, MultiThreadSingleStep,
    MultiThreadSingleStepOps,
};

/// What gdb wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Run.
    Continue,
    /// One instruction.
    Step,
    /// Step while PC is in a range of addresses (a line of the source).
    Range(u32, u32),
}

/// How a slice ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ran {
    /// It is over; go on with the next one.
    SliceOver,
    /// Something stopped the machine.
    Stopped(Stop),
}

/// Steps of a range that are made before the connection is looked at.
const STEPS: u32 = 2_000;

impl Debuggee<'_> {
    /// Carry out the action for about `slice` cycles.
    pub fn run_slice(&mut self, slice: u64) -> Ran {
        // Nothing is pending and the core sleeps: no slice will ever change that.
        let events = self.machine.bus().events.next_at();
        if self.machine.is_asleep() && events == Cycles::MAX && self.limit == Cycles::MAX {
            return Ran::Stopped(Stop::Asleep);
        }
        let now = self.machine.now().0;
        let until = Cycles(now.saturating_add(slice.max(1000)).min(self.limit.0));
        let stop = match self.action {
            Action::Continue => self.machine.run_until(until),
            Action::Step => self.machine.step_until(until),
            Action::Range(start, end) => return self.step_range(start, end, until),
        };
        self.unless_slice_over(stop, until)
    }

    fn unless_slice_over(&self, stop: Stop, until: Cycles) -> Ran {
        if stop == Stop::Limit && until < self.limit {
            Ran::SliceOver
        } else {
            Ran::Stopped(stop)
        }
    }

    fn step_range(&mut self, start: u32, end: u32, until: Cycles) -> Ran {
        for _ in 0..STEPS {
            let stop = self.machine.step_until(until);
            if stop != Stop::Stepped {
                return self.unless_slice_over(stop, until);
            }
            let pc = self.machine.registers().r[15];
            if self.breakpoint_at(pc).is_some() {
                return Ran::Stopped(Stop::Breakpoint);
            }
            if !(start..end).contains(&pc) {
                return Ran::Stopped(Stop::Stepped);
            }
        }
        Ran::SliceOver
    }
}

impl MultiThreadResume for Debuggee<'_> {
    fn resume(&mut self) -> Result<(), Never> {
        Ok(())
    }

    fn clear_resume_actions(&mut self) -> Result<(), Never> {
        self.action = Action::Continue;
        Ok(())
    }

    fn set_resume_action_continue(&mut self, _: Tid, _: Option<Signal>) -> Result<(), Never> {
        self.action = Action::Continue;
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<MultiThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_range_step(&mut self) -> Option<MultiThreadRangeSteppingOps<'_, Self>> {
        Some(self)
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadSingleStep for Debuggee<'_> {
    fn set_resume_action_step(&mut self, _: Tid, _: Option<Signal>) -> Result<(), Never> {
        self.action = Action::Step;
        Ok(())
    }
}

impl MultiThreadRangeStepping for Debuggee<'_> {
    fn set_resume_action_range_step(&mut self, _: Tid, start: u32, end: u32) -> Result<(), Never> {
        self.action = Action::Range(start, end);
        Ok(())
    }
}

/// There is one thread: locking the others is done by doing nothing. gdb asks for it when it steps.
impl MultiThreadSchedulerLocking for Debuggee<'_> {
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), Never> {
        Ok(())
    }
}
