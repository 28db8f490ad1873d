//! Tasks of a kernel as threads. The running task has the registers of the core, also while a handler interrupts it;
//! the others have what lies on their stacks. A firmware without a kernel that is known has one thread: the core.

use super::Debuggee;
use emu_core::image::Image;
use emu_core::machine::Machine;
use emu_core::tasks::{Kernel, Task, Tasks};
use emu_core::timeline::Companion;
use gdbstub::common::Tid;

/// The core.
pub const CORE: Tid = Tid::MIN;

/// The number of a task: the address of what describes it. gdb's numbers have 31 bits; no firmware has one task in the
/// lower half of the address space and another one at the same place of the upper half.
pub fn number(task: &Task) -> Option<Tid> {
    Tid::new((task.id & 0x7FFF_FFFF) as usize)
}

/// The tasks of a firmware, read when somebody asks for them.
pub struct Threads {
    tasks: Option<Tasks>,
    /// As they are while the machine stands.
    now: Option<Vec<Task>>,
}

impl Threads {
    /// With the kernel that is found in the firmware, if any.
    pub fn new(image: Option<&Image>) -> Threads {
        Threads {
            tasks: image.and_then(|i| Tasks::find(i, &Kernel::built_in())),
            now: None,
        }
    }

    /// The machine has moved, or was changed.
    pub fn forget(&mut self) {
        self.now = None;
    }

    /// The task of a number, as far as they were read since the machine stopped.
    pub fn known(&self, tid: Tid) -> Option<&Task> {
        let mut all = self.now.iter().flatten();
        all.find(|t| number(t) == Some(tid))
    }

    /// All tasks; none before the kernel has started, or without one.
    pub fn list(&mut self, machine: &mut Machine) -> &[Task] {
        let Some(tasks) = &self.tasks else {
            return &[];
        };
        self.now.get_or_insert_with(|| {
            let mut list = tasks.list(machine);
            list.retain(|t| number(t).is_some());
            list
        })
    }
}

impl<C: Companion + 'static> Debuggee<C> {
    /// All threads, the one that the core runs first among equals.
    pub(super) fn tasks(&mut self) -> &[Task] {
        self.threads.list(self.timeline.machine_mut())
    }

    /// The thread that the core runs.
    pub fn current(&mut self) -> Tid {
        let running = self.tasks().iter().find(|t| t.running_on.is_some());
        running.and_then(number).unwrap_or(CORE)
    }

    /// Is there a thread of this number?
    pub fn has_thread(&mut self, tid: Tid) -> bool {
        tid == self.current() || self.tasks().iter().any(|t| number(t) == Some(tid))
    }

    /// The task of a number, when it does not run.
    pub(super) fn sleeping(&mut self, tid: Tid) -> Option<&Task> {
        let tasks = self.tasks().iter();
        tasks
            .into_iter()
            .find(|t| number(t) == Some(tid) && t.running_on.is_none())
    }
}
