//! WFI: time jumps from event to event until an interrupt that is enabled in mie is pending, whatever mstatus
//! says (privileged architecture 1.10, §3.2.3).

use super::Core;
use super::decode::Insn;
use super::timing::Why;
use crate::backend::Flow;
use crate::machine::Stop;
use crate::probe::ProbeKind;
use crate::time::Cycles;

impl Core {
    /// WFI, the first instruction of block `id`, executes at `start`.
    pub(super) fn wait(&mut self, insn: &Insn, id: usize, start: u64) -> Flow {
        let state = self.part(id, 0, 1);
        self.rest(start, state);
        self.cpu.set_pc(insn.end());
        if self.bus.events.next_at().0 <= start {
            self.bus.advance_to(Cycles(start));
        }
        if self.wakes() {
            return Flow::Redirect;
        }
        self.asleep = true;
        self.slept_at = start;
        let pc = self.cpu.pc();
        self.bus.probes.record(Cycles(start), pc, ProbeKind::Sleep);
        self.go_on_sleeping();
        if self.asleep || self.stop.is_some() {
            Flow::Stop
        } else {
            Flow::Redirect
        }
    }

    /// End a sleep that the run has left off in: a debugger moves PC.
    pub(crate) fn wake_for_debugger(&mut self) {
        if self.asleep {
            self.woken(self.slept_at.max(self.bus.now.0));
        }
    }

    fn wakes(&self) -> bool {
        self.line_levels() & self.csr.mie != 0 || self.bus.reset_request.is_some()
    }

    /// Jump from event to event until something wakes the core.
    pub(super) fn go_on_sleeping(&mut self) {
        let mut now = self.slept_at.max(self.bus.now.0);
        while !self.wakes() {
            if let Some(hit) = self.bus.watchpoints.take_hit() {
                self.stop = Some(Stop::Watchpoint(hit));
                return;
            }
            if self.bus.take_stop_request() {
                self.stop = Some(Stop::Requested);
                return;
            }
            let next = self.bus.events.next_at().0;
            if next > self.limit || next == u64::MAX {
                self.stop = Some(if next == u64::MAX && self.limit == u64::MAX {
                    Stop::Asleep
                } else {
                    Stop::Limit
                });
                if self.limit != u64::MAX {
                    self.bus.now = self.bus.now.max(Cycles(self.limit));
                }
                return;
            }
            self.bus.advance_to(Cycles(next));
            now = now.max(next);
        }
        self.woken(now);
    }

    /// The core wakes at `now`.
    fn woken(&mut self, now: u64) {
        self.asleep = false;
        let pc = self.cpu.pc();
        self.bus.probes.record(Cycles(now), pc, ProbeKind::Wake);
        // The next instruction, or the entry into the interrupt, follows the event.
        let slept = now.max(self.t0) - self.t0;
        self.ledger.sleep += slept;
        self.profile_sleep(slept);
        let pipe = self.states.get(self.resting_state());
        let pipe = pipe.later(slept, self.model.wake.cycles, Why::Wake);
        let state = self.states.intern(pipe);
        let at = self.t0 + slept;
        self.rest(at, state);
        if let Some(cause) = self.bus.reset_request.take() {
            self.reset_core(cause, now);
        }
    }
}
