//! The three-word prefetch queue of Cortex-M3 and M4.
//!
//! Words are always aligned, requested in order, one address phase in a cycle; at most three are held or on their
//! way (ARM KB ka8521). The request of word k may start no earlier than the cycle after that of word k-1, when the
//! data phase of word k-1 ends, and when word k-3 was used up. A word can be decoded two cycles after its request
//! (no wait states).
//!
//! Requests are worked out when a word is needed. All cycles are relative to the first execute cycle of the last
//! instruction.

use super::fetch::Fetch;
use serde::{Deserialize, Serialize};

/// Cycles longer ago than this are all the same: the words that can have been requested meanwhile are there.
const LONG_AGO: i8 = -8;

/// The queue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Queue {
    /// A new stream of words: the cycle of its first request.
    restart: Option<i8>,
    /// When the last word was requested.
    requested: i8,
    /// When it can be decoded.
    usable: i8,
    /// When the last three used-up words left the queue, oldest first.
    left: [i8; 3],
    /// Cycles whose request slot a branch that was not taken has stolen: bit b is cycle -b.
    stolen: u16,
}

/// When an instruction is in decode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decoded {
    /// The cycle.
    pub at: i32,
    /// Wait states of the memory are the reason that it is no earlier.
    pub waited: bool,
}

fn clamp(cycle: i32) -> i8 {
    cycle.clamp(i32::from(LONG_AGO), i32::from(i8::MAX)) as i8
}

impl Queue {
    /// Nothing requested, nothing to be remembered.
    pub const EMPTY: Queue = Queue {
        restart: None,
        requested: LONG_AGO,
        usable: LONG_AGO,
        left: [LONG_AGO; 3],
        stolen: 0,
    };

    /// A new stream whose first word is requested at `cycle`.
    #[must_use]
    pub fn restarted(cycle: i32) -> Queue {
        Queue {
            restart: Some(clamp(cycle)),
            ..Queue::EMPTY
        }
    }

    /// Does a new stream begin with the next instruction?
    #[must_use]
    pub fn is_restarted(&self) -> bool {
        self.restart.is_some()
    }

    /// A branch that is not taken has asked for its target in cycle -1.
    pub fn steal(&mut self) {
        self.stolen |= 1 << 1;
    }

    /// Request what an instruction of `size` bytes at `address` needs. Gives the cycle in which it can be decoded
    /// at the earliest, by its words alone.
    pub fn need(&mut self, address: u32, size: u32, fetch: &mut dyn Fetch) -> Decoded {
        let (mut word, last) = (address >> 2, (address + size - 1) >> 2);
        let mut left = self.left.iter();
        let mut waited = false;
        if self.restart.is_none() && address & 2 != 0 {
            word += 1; // the instruction before began this word
            left.next();
        }
        while word <= last {
            let released = left.next().copied().unwrap_or(LONG_AGO);
            let mut at = match self.restart.take() {
                Some(first) => i32::from(first),
                None => (i32::from(self.requested) + 1)
                    .max(i32::from(self.usable) - 1)
                    .max(i32::from(released)),
            };
            while (LONG_AGO as i32..=0).contains(&at) && self.stolen >> -at & 1 != 0 {
                at += 1;
            }
            let ready = fetch.word(word << 2, at);
            waited |= ready > at + 1;
            self.requested = clamp(at);
            self.usable = clamp(ready + 1);
            word += 1;
        }
        Decoded {
            at: i32::from(self.usable),
            waited,
        }
    }

    /// The instruction at `address` has left decode in `cycle`: the words that it used up are free.
    pub fn used(&mut self, address: u32, size: u32, cycle: i32) {
        let end = (address + size) >> 2;
        for _ in (address >> 2)..end {
            self.left = [self.left[1], self.left[2], clamp(cycle)];
        }
    }

    /// A core whose fetch always keeps up without wait states: what was needed last came in time for decode in
    /// `cycle`.
    pub fn keeps_up(&mut self, cycle: i32) {
        self.usable = self.usable.min(clamp(cycle));
        self.requested = self.requested.min(clamp(cycle - 2));
    }

    /// See all cycles from `cycles` later on.
    pub fn shift(&mut self, cycles: u32) {
        let by = i32::try_from(cycles).unwrap_or(i32::MAX / 2);
        for t in [&mut self.requested, &mut self.usable]
            .into_iter()
            .chain(&mut self.left)
        {
            *t = clamp(i32::from(*t) - by);
        }
        if let Some(r) = &mut self.restart {
            *r = clamp(i32::from(*r) - by);
        }
        self.stolen = if cycles < 9 {
            (self.stolen << cycles) & 0x1FF
        } else {
            0
        };
    }
}
