//! Checkpoints in a bounded amount of memory.

use super::Settings;
use crate::machine::Snapshot;
use crate::time::{Cycles, Position};

/// A point of a timeline: a position of the machine, and what has come from outside by then. Several things can
/// come at one position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Moment {
    /// Where the machine stands.
    pub position: Position,
    /// How often the companion has acted.
    pub acts: u64,
    /// How many changes were made.
    pub made: usize,
}

/// A state to go on from.
pub struct Checkpoint<S> {
    pub moment: Moment,
    pub machine: Snapshot,
    pub companion: S,
}

/// Passing checkpoints for a way back in small steps, at most so many.
const PASSING: usize = 64;

struct Kept<S> {
    checkpoint: Checkpoint<S>,
    bytes: usize,
    /// Made on a way back, not on the way there.
    passing: bool,
}

/// Checkpoints in order.
pub struct Checkpoints<S> {
    /// Never empty.
    list: Vec<Kept<S>>,
    bytes: usize,
    settings: Settings,
}

impl<S> Checkpoints<S> {
    pub fn new(first: Checkpoint<S>, settings: Settings) -> Checkpoints<S> {
        let bytes = first.machine.own_bytes(None);
        Checkpoints {
            list: vec![Kept {
                checkpoint: first,
                bytes,
                passing: false,
            }],
            bytes,
            settings,
        }
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn first(&self) -> &Checkpoint<S> {
        &self.list[0].checkpoint
    }

    pub fn last(&self) -> &Checkpoint<S> {
        &self.list[self.list.len() - 1].checkpoint
    }

    /// Is it time for the next one, so many instructions into the run?
    pub fn is_due(&self, instructions: u64) -> bool {
        let last = self.last().moment.position.instructions;
        instructions >= last.saturating_add(self.settings.interval)
    }

    /// The number of the last one before a moment, or at it with `at`.
    pub fn before(&self, moment: Moment, at: bool) -> Option<usize> {
        let n = self.list.partition_point(|k| {
            k.checkpoint.moment < moment || at && k.checkpoint.moment == moment
        });
        n.checked_sub(1)
    }

    /// The number of the last one that is not behind a cycle; the first one when all are.
    pub fn before_cycle(&self, cycle: Cycles) -> usize {
        let behind = |k: &Kept<S>| k.checkpoint.moment.position.cycle <= cycle;
        self.list.partition_point(behind).saturating_sub(1)
    }

    /// Instructions between two checkpoints.
    pub fn interval(&self) -> u64 {
        self.settings.interval
    }

    pub fn get(&self, number: usize) -> &Checkpoint<S> {
        &self.list[number].checkpoint
    }

    /// One more; `passing` when it only shortens the next steps back.
    pub fn add(&mut self, checkpoint: Checkpoint<S>, passing: bool) {
        let moment = checkpoint.moment;
        let at = self.list.partition_point(|k| k.checkpoint.moment < moment);
        if self
            .list
            .get(at)
            .is_some_and(|k| k.checkpoint.moment == moment)
        {
            return;
        }
        let kept = Kept {
            checkpoint,
            bytes: 0,
            passing,
        };
        self.list.insert(at, kept);
        self.count(at);
        self.count(at + 1);
        if passing && self.list.iter().filter(|k| k.passing).count() > PASSING {
            // The one that is furthest from where the way goes.
            let away = |n: usize| n.abs_diff(at);
            let passing = (0..self.list.len()).filter(|&n| self.list[n].passing);
            if let Some(n) = passing.max_by_key(|&n| away(n)) {
                self.remove(n);
            }
        }
        self.thin();
    }

    /// Keep only these (and the first).
    pub fn retain(&mut self, keep: impl Fn(&Moment) -> bool) {
        let mut n = self.list.len() - 1;
        while n > 0 {
            if !keep(&self.list[n].checkpoint.moment) {
                self.remove(n);
            }
            n -= 1;
        }
    }

    fn remove(&mut self, n: usize) {
        self.bytes -= self.list.remove(n).bytes;
        self.count(n);
    }

    /// Count what one holds that the one before it does not share.
    fn count(&mut self, n: usize) {
        let Some(before) = n.checked_sub(1).filter(|_| n < self.list.len()) else {
            return;
        };
        let before = &self.list[before].checkpoint.machine;
        let bytes = self.list[n].checkpoint.machine.own_bytes(Some(before));
        let old = std::mem::replace(&mut self.list[n].bytes, bytes);
        self.bytes = self.bytes - old + bytes;
    }

    /// Give up checkpoints until the rest fits: those first that leave the smallest gap for their age.
    fn thin(&mut self) {
        while self.bytes > self.settings.memory && self.list.len() > 2 {
            let at = |n: usize| self.list[n].checkpoint.moment.position.instructions;
            let end = at(self.list.len() - 1);
            let cheapest = (1..self.list.len() - 1).min_by(|&a, &b| {
                let gap = |n: usize| u128::from(at(n + 1) - at(n - 1));
                let age = |n: usize| u128::from(end - at(n) + self.settings.interval);
                (gap(a) * age(b)).cmp(&(gap(b) * age(a)))
            });
            match cheapest {
                Some(n) => self.remove(n),
                None => return,
            }
        }
    }
}
