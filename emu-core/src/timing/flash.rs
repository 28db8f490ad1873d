//! Flash wait states on instruction fetch: lines, a prefetch buffer, an instruction cache.
//!
//! Modelled: STM32F4's ART accelerator for fetches (RM0090 §3.5: 128-bit lines, 64-line instruction cache with
//! LRU replacement, prefetch of the next line), and plain wait states for others. The overlap of a prefetch
//! with execution is an estimate: a line is asked for when its first instruction would execute.
//! Not modelled: data reads from flash (D-cache, conflicts with fetches).

use serde::{Deserialize, Serialize};

/// No line.
const NONE: u32 = u32::MAX;

/// What the fetch path of a flash remembers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flash {
    /// First address (after aliasing).
    base: u32,
    /// Size in bytes.
    size: u32,
    /// Bytes in a line; a power of two.
    line_bytes: u32,
    /// Extra cycles of a line that is not cached.
    pub wait_states: u32,
    /// Prefetch of the next line.
    pub prefetch: bool,
    /// Instruction cache.
    pub cache: bool,
    /// The line that the core reads from now.
    current: u32,
    /// A line on its way, and the cycle at which it is there.
    ahead: (u32, u64),
    slots: Vec<(u32, u64)>,
    touches: u64,
    /// Slot of each line, or `0xFF`.
    #[serde(skip)]
    slot_of: Vec<u8>,
}

impl Flash {
    /// A flash with zero wait states.
    #[must_use]
    pub fn new(base: u32, size: u32, line_bytes: u32, cache_lines: usize) -> Flash {
        let line_bytes = line_bytes.next_power_of_two().max(4);
        Flash {
            base,
            size,
            line_bytes,
            wait_states: 0,
            prefetch: false,
            cache: false,
            current: NONE,
            ahead: (NONE, 0),
            slots: vec![(NONE, 0); cache_lines.min(254)],
            touches: 0,
            slot_of: vec![0xFF; (size / line_bytes) as usize + 1],
        }
    }

    /// The line of an address, if it lies in this flash and lines matter at all.
    #[must_use]
    pub fn line_of(&self, address: u32) -> Option<u32> {
        let offset = address.wrapping_sub(self.base);
        (offset < self.size).then_some(offset / self.line_bytes)
    }

    /// Would a fetch from this line cost nothing?
    #[must_use]
    pub fn is_free(&self, line: u32) -> bool {
        self.wait_states == 0
            || line == self.current
            || (self.cache && self.slot_of.get(line as usize).is_some_and(|&s| s != 0xFF))
    }

    /// Would fetches from all of these consecutive lines (first, count) cost nothing?
    #[must_use]
    pub fn are_free(&self, lines: (u32, u32)) -> bool {
        (lines.0..lines.0 + lines.1).all(|line| self.is_free(line))
    }

    /// The core has fetched from these consecutive lines, which were all free.
    pub fn hit(&mut self, lines: (u32, u32)) {
        for line in lines.0..lines.0 + lines.1 {
            if line != self.current {
                self.touches += 1;
                if let Some(slot) = self.slots.get_mut(usize::from(self.slot_of[line as usize])) {
                    slot.1 = self.touches;
                }
                self.current = line;
            }
        }
    }

    /// Cycles that a fetch of this line costs at cycle `now`.
    #[must_use]
    pub fn penalty(&self, line: u32, now: u64) -> u32 {
        if self.is_free(line) {
            0
        } else if self.prefetch && self.ahead.0 == line {
            self.ahead
                .1
                .saturating_sub(now)
                .min(u64::from(self.wait_states)) as u32
        } else {
            self.wait_states
        }
    }

    /// The core has fetched this line; `ready` is the cycle at which it had it.
    pub fn touch(&mut self, line: u32, ready: u64) {
        if self.wait_states == 0 || line == self.current {
            return;
        }
        self.touches += 1;
        let hit = if self.cache {
            self.slot_of[line as usize]
        } else {
            0xFF
        };
        if hit != 0xFF {
            self.slots[usize::from(hit)].1 = self.touches;
        } else {
            if self.cache && !self.slots.is_empty() {
                let victim = (0..self.slots.len())
                    .min_by_key(|&i| self.slots[i].1)
                    .unwrap_or(0);
                let old = std::mem::replace(&mut self.slots[victim], (line, self.touches));
                if old.0 != NONE {
                    self.slot_of[old.0 as usize] = 0xFF;
                }
                self.slot_of[line as usize] = victim as u8;
            }
            if self.prefetch {
                self.ahead = (line + 1, ready + u64::from(self.wait_states) + 1);
            }
        }
        self.current = line;
    }

    /// Empty the cache and the buffers.
    pub fn invalidate(&mut self) {
        self.slots.fill((NONE, 0));
        self.slot_of.fill(0xFF);
        self.current = NONE;
        self.ahead = (NONE, 0);
    }

    /// Rebuild what is derived, after a snapshot was loaded.
    pub fn restored(&mut self) {
        self.slot_of = vec![0xFF; (self.size / self.line_bytes) as usize + 1];
        for (i, s) in self.slots.iter().enumerate() {
            if s.0 != NONE {
                self.slot_of[s.0 as usize] = i as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_in_the_cache_is_free() {
        let mut f = Flash::new(0x0800_0000, 1 << 20, 16, 64);
        f.wait_states = 5;
        f.cache = true;
        f.prefetch = true;
        assert_eq!(f.penalty(10, 0), 5);
        f.touch(10, 5);
        assert_eq!(f.penalty(11, 8), 3, "prefetched since cycle 5, there at 11");
        f.touch(11, 11);
        assert_eq!(f.penalty(10, 20), 0);
        for line in 100..164 {
            f.touch(line, 30);
        }
        assert_eq!(f.penalty(10, 1000), 5, "evicted, least recently used");
    }
}
