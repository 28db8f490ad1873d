//! Continue, step, range step, forwards and backwards: what gdb asks for, and how the machine is run for it in slices.

use super::{Debuggee, Never};
use emu_core::Cycles;
use emu_core::machine::Stop;
use emu_core::timeline::{Back, Companion};
use emu_core::watchpoint::WatchReport;
use gdbstub::common::{Signal, Tid};
use gdbstub::target::ext::base::multithread::{
    MultiThreadRangeStepping, MultiThreadRangeSteppingOps, MultiThreadResume,
    MultiThreadSchedulerLocking, MultiThreadSchedulerLockingOps, MultiThreadSingleStep,
    MultiThreadSingleStepOps,
};
use gdbstub::target::ext::base::reverse_exec::{
    ReverseCont, ReverseContOps, ReverseStep, ReverseStepOps,
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
    /// Go back to the last breakpoint or watchpoint.
    ContinueBack,
    /// Go back one instruction.
    StepBack,
}

impl Action {
    /// Is it one step, or steps?
    pub fn is_step(self) -> bool {
        matches!(self, Action::Step | Action::Range(..) | Action::StepBack)
    }
}

/// How a slice ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ran {
    /// It is over; go on with the next one.
    SliceOver,
    /// The limit was reached.
    Limit,
    /// Something stopped the machine; [`Stop::Limit`] is one of the monitor's.
    Stopped(Stop),
    /// A way back has ended.
    Back(Back),
}

/// Steps of a range that are made before the connection is looked at.
const STEPS: u32 = 2_000;
/// On its way back, gdb wants to be told of an access while the machine stands behind it: it steps back over it by
/// itself, and compares.
const REPORT_BACK: WatchReport = WatchReport::After;

impl<C: Companion + 'static> Debuggee<C> {
    /// Carry out the action for about `slice` cycles, at most to `limit`; `go_on` is asked now and then on a long way
    /// back.
    pub fn run_slice(&mut self, slice: u64, limit: Cycles, go_on: impl FnMut() -> bool) -> Ran {
        self.threads.forget();
        // Nothing is pending and the core sleeps: no slice will ever change that.
        let machine = self.machine();
        let events = machine.bus().events.next_at();
        if machine.is_asleep()
            && events == Cycles::MAX
            && limit == Cycles::MAX
            && !self.timeline.is_past()
            && !matches!(self.action, Action::ContinueBack | Action::StepBack)
        {
            return Ran::Stopped(Stop::Asleep);
        }
        let own = self.monitor.limit().unwrap_or(Cycles::MAX);
        let (outer, limit) = (limit, limit.min(own));
        let now = self.machine().now().0;
        let until = Cycles(now.saturating_add(slice.max(1000)).min(limit.0));
        let stop = match self.action {
            Action::Continue => self.timeline.run_until(until),
            Action::Step => self.timeline.step_until(until),
            Action::Range(start, end) => {
                return of_monitor(self.step_range(start, end, until, limit), own <= outer);
            }
            Action::StepBack => return Ran::Back(self.timeline.step_back_watched(REPORT_BACK)),
            Action::ContinueBack => {
                return Ran::Back(self.timeline.run_back(REPORT_BACK, go_on));
            }
        };
        of_monitor(unless_slice_over(stop, until, limit), own <= outer)
    }

    fn step_range(&mut self, start: u32, end: u32, until: Cycles, limit: Cycles) -> Ran {
        for _ in 0..STEPS {
            let stop = self.timeline.step_until(until);
            if stop != Stop::Stepped {
                return unless_slice_over(stop, until, limit);
            }
            let pc = self.machine().registers().r[15];
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

/// A limit that the monitor has set is a stop.
fn of_monitor(ran: Ran, is_own: bool) -> Ran {
    match ran {
        Ran::Limit if is_own => Ran::Stopped(Stop::Limit),
        ran => ran,
    }
}

fn unless_slice_over(stop: Stop, until: Cycles, limit: Cycles) -> Ran {
    match stop {
        Stop::Limit if until < limit => Ran::SliceOver,
        Stop::Limit => Ran::Limit,
        stop => Ran::Stopped(stop),
    }
}

impl<C: Companion + 'static> MultiThreadResume for Debuggee<C> {
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

    fn support_reverse_cont(&mut self) -> Option<ReverseContOps<'_, Tid, Self>> {
        Some(self)
    }

    fn support_reverse_step(&mut self) -> Option<ReverseStepOps<'_, Tid, Self>> {
        Some(self)
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }
}

impl<C: Companion + 'static> MultiThreadSingleStep for Debuggee<C> {
    fn set_resume_action_step(&mut self, _: Tid, _: Option<Signal>) -> Result<(), Never> {
        self.action = Action::Step;
        Ok(())
    }
}

impl<C: Companion + 'static> MultiThreadRangeStepping for Debuggee<C> {
    fn set_resume_action_range_step(&mut self, _: Tid, start: u32, end: u32) -> Result<(), Never> {
        self.action = Action::Range(start, end);
        Ok(())
    }
}

impl<C: Companion + 'static> ReverseCont<Tid> for Debuggee<C> {
    fn reverse_cont(&mut self) -> Result<(), Never> {
        self.action = Action::ContinueBack;
        Ok(())
    }
}

impl<C: Companion + 'static> ReverseStep<Tid> for Debuggee<C> {
    fn reverse_step(&mut self, _: Tid) -> Result<(), Never> {
        self.action = Action::StepBack;
        Ok(())
    }
}

/// All threads are tasks on one core: which one runs is the firmware's business. gdb asks for it when it steps.
impl<C: Companion + 'static> MultiThreadSchedulerLocking for Debuggee<C> {
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), Never> {
        Ok(())
    }
}
