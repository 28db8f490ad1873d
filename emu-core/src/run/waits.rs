//! Waiting for devices: what lies behind a bridge holds the core up.
//!
//! A wait is not part of what a block costs: it is added to all starts behind the access, once that was made. The block
//! was let run because no event falls into it; when an access makes it so long that one might, it is made alone.

use super::Core;
use super::blocks::StateId;
use crate::time::Cycles;

impl Core {
    /// Nothing was waited for yet.
    #[inline]
    pub(super) fn forget_waits(&mut self) {
        if self.waited != 0 {
            self.waits.clear();
        }
        self.waited = 0;
        self.beats = 0;
    }

    /// What the last instruction that waited has waited so far, if it is number `index`.
    pub(super) fn wait_of(&self, index: usize) -> u64 {
        self.waits
            .last()
            .filter(|w| w.0 == index)
            .map_or(0, |w| w.1)
    }

    /// The running block was let run although nothing past this cycle may happen in it: its last instruction starts,
    /// or could be abandoned, here at the latest, as far as was known when it began.
    fn latest(&self) -> u64 {
        let v = &self.variants[self.current];
        if !self.misses {
            return self.t0 + u64::from(v.bound);
        }
        let late = v.latest.iter().zip(&v.starts).zip(&self.foreseen.starts);
        let behind = u64::from(v.bound - v.latest.last().copied().unwrap_or(0).min(v.bound));
        self.t0
            + late
                .map(|((l, s), live)| u64::from(l - s + live))
                .max()
                .unwrap_or(0)
            + behind
    }

    /// Instruction `index` of the running block accesses `address`, and would do so at `start`. Gives the cycle in
    /// which it does, or `None` when the block would grow too long: then the instruction must be made alone.
    pub(super) fn wait_for_device(
        &mut self,
        address: u32,
        write: bool,
        index: usize,
        start: u64,
        alone: bool,
    ) -> Option<u64> {
        let start = start + self.beats;
        let Some(crossing) = self.bus.crossing(address, write, start) else {
            return Some(start - self.beats);
        };
        let wait = crossing.wait;
        if wait > 0 {
            if !alone && self.latest() + self.waited + wait > self.horizon {
                return None;
            }
            self.waited += wait;
            match self.waits.last_mut() {
                Some(last) if last.0 == index => last.1 += wait,
                _ => self.waits.push((index, wait)),
            }
            // How long a bridge holds the core up is an estimate, whatever its bus's clock.
            self.ledger.estimate += wait;
            self.ledger.kinds[3] += wait;
        }
        self.bus.cross(crossing);
        Some(start - self.beats + wait)
    }

    /// Before the next instruction: cycles that other bus masters took hold the core up, whose last instruction
    /// started at `now` and left `state`. Gives when it would have started to be behind the last one without them.
    pub(super) fn give_stolen(&mut self, now: u64, state: StateId) -> u64 {
        if !self.bus.has_stolen() {
            return now;
        }
        let stolen = self.bus.take_stolen();
        self.ledger.estimate += stolen;
        self.ledger.kinds[3] += stolen;
        self.profile_waited(stolen);
        self.rest(now + stolen, state);
        now + stolen
    }

    /// Time moves on to an access in cycle `at`: what is due before comes before.
    pub(super) fn come_to(&mut self, at: u64) {
        // What is due in this very cycle comes behind the access, at the next boundary.
        if self.bus.events.next_at().0 < at {
            self.bus.advance_to(Cycles(at - 1));
        }
        self.bus.now = Cycles(at);
    }
}
