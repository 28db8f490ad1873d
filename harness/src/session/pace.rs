//! Virtual time against real time.

use emu_core::Bus;
use std::time::{Duration, Instant};

/// Keeps virtual time from running ahead of real time.
pub(super) struct Pace {
    wall: Instant,
    from: u128,
}

impl Pace {
    pub fn new(bus: &Bus) -> Pace {
        Pace {
            wall: Instant::now(),
            from: bus.clocks.attoseconds(bus.now),
        }
    }

    /// Sleep until real time has come as far as virtual time has, in attoseconds.
    pub fn hold(&self, time: u128) {
        let ns = time.saturating_sub(self.from) / 1_000_000_000;
        let due = Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX));
        if let Some(early) = due.checked_sub(self.wall.elapsed()) {
            std::thread::sleep(early);
        }
    }
}
