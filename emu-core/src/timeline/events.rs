//! What happened before: looked up by going through the past once more, so that a run pays nothing for it.

use super::{Companion, Timeline};
use crate::probe::{ProbeEvent, ProbeMask};
use crate::time::Cycles;

impl<C: Companion> Timeline<C> {
    /// The last `count` events before now that are wanted, oldest first; fewer when there are no more, or when
    /// `go_on` says that it takes too long. The machine stands where it stood.
    ///
    /// # Errors
    /// Why the past cannot be gone through.
    pub fn last_events(
        &mut self,
        mask: ProbeMask,
        count: usize,
        wanted: impl Fn(&ProbeEvent) -> bool,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Vec<ProbeEvent>, String> {
        let now = self.moment();
        let mut events: Vec<ProbeEvent> = Vec::new();
        let mut until = now;
        while events.len() < count && go_on() {
            let Some(n) = self.checkpoints.before(until, false) else {
                break;
            };
            let from = self.checkpoints.get(n).moment;
            self.seek(from)?;
            self.machine.bus_mut().probes.divert(mask);
            // All of the way, whatever checkpoints lie on it or at its end.
            let done = self.quietly(until, Cycles::MAX);
            let mut piece = self.machine.bus_mut().probes.end_diversion();
            done?;
            piece.retain(&wanted);
            piece.append(&mut events);
            events = piece;
            until = from;
        }
        self.seek(now)?;
        let surplus = events.len().saturating_sub(count);
        events.drain(..surplus);
        Ok(events)
    }
}
