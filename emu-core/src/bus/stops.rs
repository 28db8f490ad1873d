//! What ends a run from outside: requests, and conditions that are met at an exact cycle.

use super::Bus;
use crate::nets::NetId;

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
    /// A clock has another frequency: limits that were computed from a time must be computed again.
    ClockChange,
}

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

    /// The conditions of [`Bus::stop_on`] that were met since this was last asked, in order.
    pub fn take_met(&mut self) -> Vec<StopOn> {
        std::mem::take(&mut self.met)
    }

    pub(super) fn meet(&mut self, is: impl Fn(&StopOn) -> bool) {
        if let Some(condition) = self.stop_on.iter().find(|s| is(s)) {
            self.stop_request = true;
            if !self.met.contains(condition) {
                self.met.push(condition.clone());
            }
        }
    }
}
