//! Sleep: WFI, WFE, sleep-on-exit. Time jumps from event to event.

use super::blocks::SETTLED;
use super::{Core, Sleep};
use crate::backend::Flow;
use crate::decode::{Class, Insn};
use crate::machine::Stop;
use crate::probe::ProbeKind;
use crate::time::Cycles;

impl Core {
    /// WFI or WFE, the first instruction of block `id`, executes at `start`.
    pub(super) fn wait(&mut self, insn: &Insn, id: usize, start: u64) -> Flow {
        let it = crate::decode::insn::it_advance(self.cpu.it_state());
        let state = self.account_first(id);
        self.rest(start, state);
        self.cpu.set_r(15, insn.end());
        self.cpu.set_it_state(it);
        self.bus.pc = insn.address;
        if self.bus.events.next_at().0 <= start {
            self.bus.advance_to(Cycles(start));
        }
        self.bus.now = self.bus.now.max(Cycles(start));
        if insn.class == Class::Wfe && std::mem::take(&mut self.bus.system.event) {
            return Flow::Redirect;
        }
        self.sleep = if insn.class == Class::Wfe {
            Sleep::Event
        } else {
            Sleep::Interrupt
        };
        self.slept_at = start;
        self.fall_asleep(start);
        if self.sleep == Sleep::Awake && self.stop.is_none() {
            Flow::Redirect
        } else {
            Flow::Stop
        }
    }

    /// Sleep from `now` until something wakes the core, or until the run must stop.
    pub(super) fn fall_asleep(&mut self, now: u64) {
        if self.wake_reason() {
            self.sleep = Sleep::Awake;
            return;
        }
        self.bus
            .probes
            .record(Cycles(now), self.cpu.pc(), ProbeKind::Sleep);
        self.go_on_sleeping();
    }

    /// End a sleep that the run has left off in: a debugger moves PC.
    pub(crate) fn wake_for_debugger(&mut self) {
        if self.is_asleep() {
            self.woken(self.slept_at.max(self.bus.now.0));
        }
    }

    fn wake_reason(&mut self) -> bool {
        let masks = self.cpu.masks();
        let interrupt = self.bus.system.attention() && self.bus.system.wakes(masks);
        let event = self.sleep == Sleep::Event && std::mem::take(&mut self.bus.system.event);
        interrupt || event || self.bus.reset_request.is_some()
    }

    /// Jump from event to event until something wakes the core.
    pub(super) fn go_on_sleeping(&mut self) {
        let mut now = self.slept_at.max(self.bus.now.0);
        while !self.wake_reason() {
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
        self.sleep = Sleep::Awake;
        self.bus.take_stolen(); // a sleeping core misses nothing
        let slept = now.saturating_sub(self.slept_at);
        self.bus.system.sleep_cycles += slept;
        self.bus
            .probes
            .record(Cycles(now), self.cpu.pc(), ProbeKind::Wake);
        // The next instruction (if no exception comes first) starts in the cycle after the event.
        let wake = u64::from(self.model.exceptions().wake);
        let pipe = self.states.get(self.resting_state());
        let free = self.t0 + u64::from(self.model.drain(&pipe)).max(1);
        let resume = free.max(now + 1 + wake);
        let asleep_until = now.max(self.t0);
        self.ledger.sleep += asleep_until - self.t0;
        self.profile_sleep(asleep_until - self.t0);
        self.t0 = asleep_until;
        if let Some(cause) = self.bus.reset_request.take() {
            self.reset_core(cause, now);
            return;
        }
        match self.bus.system.takeable(self.cpu.masks()) {
            Some(number) => {
                let (pc, it) = (self.cpu.pc(), self.cpu.it_state());
                self.take_exception(number, resume - 1, pc, it);
            }
            None => {
                self.ledger.sleep += resume - self.t0;
                self.profile_sleep(resume - self.t0);
                self.rest(resume, SETTLED);
            }
        }
    }
}
