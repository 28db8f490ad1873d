//! A cache of flash lines: set associative, LRU, with walks that can be taken back.

use serde::{Deserialize, Serialize};

/// No line.
pub(super) const NONE: u32 = u32::MAX;
/// Not in a slot.
const ABSENT: u16 = u16::MAX;

/// A change of a slot: its number, old and new contents.
type Change = (u16, (u32, u64), (u32, u64));

/// A cache of lines.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Cache {
    /// It holds and finds lines.
    pub(super) on: bool,
    pub(super) sets: u32,
    /// Line and last use, by slot; the ways of a set follow each other.
    pub(super) slots: Vec<(u32, u64)>,
    pub(super) uses: u64,
    /// Slot of each line, or [`ABSENT`].
    #[serde(skip)]
    pub(super) slot_of: Vec<u16>,
    /// Changes whenever its contents do.
    #[serde(skip)]
    pub(super) generation: u64,
    /// What the present walk has changed: slot, its old and its new contents.
    #[serde(skip)]
    pub(super) journal: Vec<Change>,
    /// What the walk that was set aside would change.
    #[serde(skip)]
    pub(super) aside: Vec<Change>,
}

impl Cache {
    pub(super) fn new(lines: usize, sets: u32, all: usize) -> Cache {
        let lines = lines.min(usize::from(ABSENT));
        Cache {
            on: false,
            sets: sets.clamp(1, lines.max(1) as u32),
            slots: vec![(NONE, 0); lines],
            uses: 0,
            slot_of: vec![ABSENT; all],
            generation: 0,
            journal: Vec::new(),
            aside: Vec::new(),
        }
    }

    pub(super) fn has(&self, line: u32) -> bool {
        self.on
            && self
                .slot_of
                .get(line as usize)
                .is_some_and(|&s| s != ABSENT)
    }

    pub(super) fn set(&mut self, slot: u16, contents: (u32, u64)) {
        let old = std::mem::replace(&mut self.slots[usize::from(slot)], contents);
        if old.0 != contents.0 {
            self.generation += 1;
            if old.0 != NONE {
                self.slot_of[old.0 as usize] = ABSENT;
            }
            if contents.0 != NONE {
                self.slot_of[contents.0 as usize] = slot;
            }
        }
    }

    /// Use a line that is there.
    pub(super) fn hit(&mut self, line: u32) {
        if let Some(slot) = self.slots.get_mut(usize::from(self.slot_of[line as usize]))
            && slot.1 != self.uses
        {
            self.uses += 1;
            slot.1 = self.uses;
        }
    }

    /// Use a line that is there, or put it in.
    pub(super) fn touch(&mut self, line: u32) {
        if !self.on || self.slots.is_empty() {
            return;
        }
        self.uses += 1;
        let slot = match self.slot_of[line as usize] {
            ABSENT => {
                let ways = self.slots.len() / self.sets as usize;
                let first = (line % self.sets) as usize * ways;
                (first..first + ways)
                    .min_by_key(|&i| self.slots[i].1)
                    .unwrap_or(first) as u16
            }
            slot => slot,
        };
        let (old, new) = (self.slots[usize::from(slot)], (line, self.uses));
        self.journal.push((slot, old, new));
        self.set(slot, new);
    }

    pub(super) fn roll_back(&mut self) {
        while let Some((slot, old, _)) = self.journal.pop() {
            self.set(slot, old);
            self.uses -= 1;
        }
    }

    pub(super) fn set_aside(&mut self) {
        self.aside.clone_from(&self.journal);
        self.roll_back();
    }

    pub(super) fn take_up(&mut self) {
        for i in 0..self.aside.len() {
            let (slot, _, new) = self.aside[i];
            self.uses += 1;
            self.set(slot, new);
        }
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill((NONE, 0));
        self.slot_of.fill(ABSENT);
        self.generation += 1;
        self.journal.clear();
    }

    /// What a snapshot keeps: without what is derived, and no walk.
    pub(super) fn saved(&self) -> Cache {
        Cache {
            on: self.on,
            sets: self.sets,
            slots: self.slots.clone(),
            uses: self.uses,
            slot_of: Vec::new(),
            generation: 0,
            journal: Vec::new(),
            aside: Vec::new(),
        }
    }

    /// Become as a cache of the same shape was when it was [`Cache::saved`].
    pub(super) fn load(&mut self, saved: &Cache) {
        self.on = saved.on;
        self.uses = saved.uses;
        self.journal.clear();
        self.aside.clear();
        self.generation += 1;
        for s in self.slots.iter().filter(|s| s.0 != NONE) {
            self.slot_of[s.0 as usize] = ABSENT;
        }
        self.slots.clone_from(&saved.slots);
        for (i, s) in self.slots.iter().enumerate().filter(|(_, s)| s.0 != NONE) {
            self.slot_of[s.0 as usize] = i as u16;
        }
    }

    /// How many bytes of host memory a saved one takes beyond its own size.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.slots[..])
    }
}
