//! The event queue: what is due, ordered by (cycle, sequence number).
//!
//! A device has at most one pending event for each of its tags; scheduling again moves it. Nothing
//! is polled: between two events no device is called unless the firmware touches it.

use crate::device::DeviceId;
use crate::time::Cycles;
use serde::{Deserialize, Serialize};

/// One pending event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When it is due.
    pub at: Cycles,
    /// Order among events of one cycle: first scheduled, first served.
    pub seq: u64,
    /// Whom to call.
    pub device: DeviceId,
    /// The device's own name for it.
    pub tag: u32,
}

/// Pending events, latest first, so that the next one is popped from the end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventQueue {
    pending: Vec<Event>,
    next_seq: u64,
}

impl EventQueue {
    /// Plan (or move) the event `tag` of `device` to cycle `at`.
    pub fn schedule(&mut self, at: Cycles, device: DeviceId, tag: u32) {
        self.cancel(device, tag);
        let event = Event {
            at,
            seq: self.next_seq,
            device,
            tag,
        };
        self.next_seq += 1;
        let place = self
            .pending
            .partition_point(|e| (e.at, e.seq) > (event.at, event.seq));
        self.pending.insert(place, event);
    }

    /// Forget the event `tag` of `device`, if it is pending.
    pub fn cancel(&mut self, device: DeviceId, tag: u32) {
        if let Some(i) = self
            .pending
            .iter()
            .rposition(|e| e.device == device && e.tag == tag)
        {
            self.pending.remove(i);
        }
    }

    /// When the event `tag` of `device` is due, if it is pending.
    #[must_use]
    pub fn due(&self, device: DeviceId, tag: u32) -> Option<Cycles> {
        self.pending
            .iter()
            .find(|e| e.device == device && e.tag == tag)
            .map(|e| e.at)
    }

    /// The cycle of the next event, or [`Cycles::MAX`].
    #[must_use]
    pub fn next_at(&self) -> Cycles {
        self.pending.last().map_or(Cycles::MAX, |e| e.at)
    }

    /// Take the next event if it is due at `now` or before.
    pub fn pop_due(&mut self, now: Cycles) -> Option<Event> {
        if self.pending.last()?.at <= now {
            self.pending.pop()
        } else {
            None
        }
    }

    /// How many bytes of host memory the list takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.pending[..])
    }

    /// All pending events, next first.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        self.pending.iter().rev()
    }

    /// Forget everything (power-on).
    pub fn clear(&mut self) {
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_cycle_then_sequence() {
        let mut q = EventQueue::default();
        q.schedule(Cycles(20), DeviceId(1), 0);
        q.schedule(Cycles(10), DeviceId(2), 0);
        q.schedule(Cycles(10), DeviceId(3), 0);
        assert_eq!(q.next_at(), Cycles(10));
        assert_eq!(q.pop_due(Cycles(9)), None);
        let order: Vec<u16> = std::iter::from_fn(|| q.pop_due(Cycles(50)))
            .map(|e| e.device.0)
            .collect();
        assert_eq!(order, [2, 3, 1]);
    }

    #[test]
    fn a_second_schedule_moves_the_event() {
        let mut q = EventQueue::default();
        q.schedule(Cycles(20), DeviceId(1), 7);
        q.schedule(Cycles(5), DeviceId(1), 7);
        assert_eq!(q.iter().count(), 1);
        assert_eq!(q.due(DeviceId(1), 7), Some(Cycles(5)));
        q.cancel(DeviceId(1), 7);
        assert_eq!(q.next_at(), Cycles::MAX);
    }
}
