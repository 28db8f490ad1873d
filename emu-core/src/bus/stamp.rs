//! Stamps: which state is a device in, without looking at it?

use std::sync::atomic::{AtomicU64, Ordering};

/// Names a state of a device. Where it is the same, so is the state, also in another machine of the same make: a
/// stamp is new whenever a device was called, and comes back only with a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    bus: u64,
    count: u64,
}

/// Where the stamps of a bus come from.
#[derive(Debug)]
pub(super) struct Stamps {
    last: Stamp,
}

impl Default for Stamps {
    fn default() -> Stamps {
        static BUSES: AtomicU64 = AtomicU64::new(0);
        Stamps {
            last: Stamp {
                bus: BUSES.fetch_add(1, Ordering::Relaxed),
                count: 0,
            },
        }
    }
}

impl Stamps {
    /// One that was never given before.
    #[inline]
    pub(super) fn new_one(&mut self) -> Stamp {
        self.last.count += 1;
        self.last
    }
}
