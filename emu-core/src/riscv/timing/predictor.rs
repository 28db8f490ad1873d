//! Branch prediction of the E31: branch target buffer, branch history table, return-address stack.
//!
//! Sizes: SiFive's E31 manual (28, 512, 6 entries), as in the FE310-G002. How they work together is not
//! documented; this follows Rocket Chip's `BTB.scala`, the public relative: the history table is one bit wide, its
//! index mixes the address with the outcome of the last branches that were in the buffer, and speaks only for those;
//! what is not in the buffer is predicted to go on; an entry is made when a taken transfer was mispredicted.
//! Replacement is by least recent use (Rocket: a tree that approximates it). Entries are found by the
//! transfer's own address, where the hardware looks by fetch word.

use serde::{Deserialize, Serialize};

const BTB: usize = 28;
const BHT: usize = 512;
const RAS: usize = 6;
const HISTORY: u32 = 8;
const HINTS: usize = 256;
/// sqrt(3)/2 of 2^8: Rocket's hash of the history.
const HISTORY_FACTOR: u32 = 221;

/// What kind of transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transfer {
    /// A conditional branch.
    Branch,
    /// A jump that is neither call nor return.
    Jump,
    /// A call: the return address is behind it.
    Call,
    /// A return.
    Return,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Entry {
    valid: bool,
    pc: u32,
    target: u32,
    used: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct State {
    btb: [Entry; BTB],
    clock: u64,
    /// One bit each.
    bht: [u64; BHT / 64],
    history: u32,
    /// The newest is at `ras_count - 1`.
    ras: [u32; RAS],
    ras_count: usize,
}

/// The predictor. Its state is part of a run's.
#[derive(Clone, Serialize, Deserialize)]
pub struct Predictor {
    state: State,
    #[serde(skip)]
    hints: Hints,
}

/// Where in the buffer an address may be, by a hash of it. Made of the state when it is needed, and no part of it.
#[derive(Clone)]
struct Hints {
    made: bool,
    /// Entries with this hash.
    count: [u8; HINTS],
    /// One of them.
    at: [u8; HINTS],
}

impl Default for Hints {
    fn default() -> Hints {
        Hints {
            made: false,
            count: [0; HINTS],
            at: [0; HINTS],
        }
    }
}

fn hash(pc: u32) -> usize {
    (pc >> 1) as usize % HINTS
}

impl Default for Predictor {
    fn default() -> Predictor {
        Predictor::new()
    }
}

impl Predictor {
    /// Empty, as after reset.
    #[must_use]
    pub fn new() -> Predictor {
        Predictor {
            state: State {
                btb: [Entry::default(); BTB],
                clock: 0,
                bht: [0; BHT / 64],
                history: 0,
                ras: [0; RAS],
                ras_count: 0,
            },
            hints: Hints::default(),
        }
    }

    #[inline]
    fn find(&mut self, pc: u32) -> Option<usize> {
        if !self.hints.made {
            self.make_hints();
        }
        let hash = hash(pc);
        if self.hints.count[hash] == 0 {
            return None;
        }
        let at = usize::from(self.hints.at[hash]) % BTB;
        let btb = &self.state.btb;
        if btb[at].valid && btb[at].pc == pc {
            return Some(at);
        }
        let at = btb.iter().position(|e| e.valid && e.pc == pc)?;
        self.hints.at[hash] = at as u8;
        Some(at)
    }

    #[cold]
    fn make_hints(&mut self) {
        self.hints = Hints {
            made: true,
            ..Hints::default()
        };
        for (i, e) in self.state.btb.iter().enumerate().filter(|(_, e)| e.valid) {
            self.hints.count[hash(e.pc)] += 1;
            self.hints.at[hash(e.pc)] = i as u8;
        }
    }

    fn index(&self, pc: u32) -> usize {
        let high = pc >> 2;
        let address = (high ^ (high >> 9 & 3)) & (BHT as u32 - 1);
        let mixed = self.state.history.wrapping_mul(HISTORY_FACTOR) >> (HISTORY - 3) & 7;
        (address ^ mixed << 6) as usize
    }

    /// A full stack forgets its oldest entry.
    fn push(&mut self, address: u32) {
        let s = &mut self.state;
        if s.ras_count >= RAS {
            s.ras.rotate_left(1);
            s.ras_count = RAS - 1;
        }
        s.ras[s.ras_count] = address;
        s.ras_count += 1;
    }

    fn pop(&mut self) -> Option<u32> {
        let s = &mut self.state;
        s.ras_count = s.ras_count.min(RAS).checked_sub(1)?;
        // What is gone leaves no trace in the state.
        Some(std::mem::take(&mut s.ras[s.ras_count]))
    }

    /// The transfer at `pc`, with `behind` the address behind it, goes to `next`. Was it foreseen?
    pub fn transfer(&mut self, kind: Transfer, pc: u32, behind: u32, next: u32) -> bool {
        let found = self.find(pc);
        let foreseen = match kind {
            Transfer::Branch => {
                let taken = next != behind;
                let index = self.index(pc);
                let (word, bit) = (index / 64, 1 << (index % 64));
                let says = found.is_some() && self.state.bht[word] & bit != 0;
                if taken {
                    self.state.bht[word] |= bit;
                } else {
                    self.state.bht[word] &= !bit;
                }
                if found.is_some() || says != taken {
                    let s = &mut self.state;
                    s.history = u32::from(taken) << (HISTORY - 1) | s.history >> 1;
                }
                says == taken
            }
            Transfer::Return => {
                let top = self.pop();
                found.is_some_and(|i| top.unwrap_or(self.state.btb[i].target) == next)
            }
            Transfer::Jump | Transfer::Call => {
                found.is_some_and(|i| self.state.btb[i].target == next)
            }
        };
        if kind == Transfer::Call {
            self.push(behind);
        }
        if next != behind || kind != Transfer::Branch {
            self.touch(found, pc, next, foreseen);
        }
        foreseen
    }

    /// A taken transfer uses its entry, or gets one when it was not foreseen.
    fn touch(&mut self, found: Option<usize>, pc: u32, next: u32, foreseen: bool) {
        let s = &mut self.state;
        s.clock += 1;
        let at = match found {
            Some(at) => at,
            None => {
                let least = s
                    .btb
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, e)| (e.valid, e.used));
                least.map_or(0, |(i, _)| i)
            }
        };
        let entry = &mut s.btb[at];
        entry.used = s.clock;
        if !foreseen {
            if entry.valid {
                self.hints.count[hash(entry.pc)] -= 1;
            }
            (entry.valid, entry.pc, entry.target) = (true, pc, next);
            self.hints.count[hash(pc)] += 1;
            self.hints.at[hash(pc)] = at as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_learnt_and_its_end_is_not() {
        let mut p = Predictor::new();
        let mut missed = Vec::new();
        for round in 0..200 {
            if !p.transfer(Transfer::Branch, 0x100, 0x104, 0xF0) {
                missed.push(round);
            }
        }
        assert!(missed[0] == 0 && missed.len() < 12, "{missed:?}");
        assert!(!p.transfer(Transfer::Branch, 0x100, 0x104, 0x104));
    }

    #[test]
    fn calls_and_returns_pair_up_to_the_depth_of_the_stack() {
        let mut p = Predictor::new();
        let round = |p: &mut Predictor, depth: u32| {
            let mut missed = 0;
            for d in 0..depth {
                let at = 0x1000 * d;
                missed += u32::from(!p.transfer(Transfer::Call, at, at + 4, at + 0x1000));
            }
            for d in (0..depth).rev() {
                let from = 0x1000 * d + 0x1020;
                missed += u32::from(!p.transfer(Transfer::Return, from, from + 2, 0x1000 * d + 4));
            }
            missed
        };
        round(&mut p, 6);
        assert_eq!(round(&mut p, 6), 0);
        round(&mut p, 8);
        // The two outermost have fallen off the stack: the buffer's own target stands in, and is right here.
        assert_eq!(round(&mut p, 8), 0);
    }

    #[test]
    fn the_buffer_has_28_entries() {
        for (jumps, all_known) in [(28, true), (29, false)] {
            let mut p = Predictor::new();
            let mut known = 0;
            for _ in 0..3 {
                known = (0..jumps)
                    .filter(|&j| p.transfer(Transfer::Jump, j * 64, j * 64 + 4, j * 64 + 64))
                    .count();
            }
            assert_eq!(known == jumps as usize, all_known, "{known} of {jumps}");
        }
    }

    #[test]
    fn a_saved_predictor_goes_on_the_same() {
        let mut p = Predictor::new();
        let drive = |p: &mut Predictor, seed: u32| -> Vec<bool> {
            let mut x = seed;
            (0..500)
                .map(|_| {
                    x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let pc = (x >> 20 & 63) * 6;
                    let taken = x >> 13 & 7 != 0;
                    let next = if taken { 0x400 } else { pc + 4 };
                    p.transfer(Transfer::Branch, pc, pc + 4, next)
                })
                .collect()
        };
        drive(&mut p, 1);
        let bytes = crate::device::to_state(&p);
        let mut q: Predictor = crate::device::from_state(&bytes).expect("its own");
        assert_eq!(drive(&mut p, 2), drive(&mut q, 2));
        assert_eq!(crate::device::to_state(&p), crate::device::to_state(&q));
    }
}
