//! Decoded blocks, and their cost for each pipeline state at entry. The shape is that of the Cortex-M core:
//! a [`Block`] is a straight run as the engine translates it, a [`Variant`] a block with a state at its entry,
//! costed once.

use super::align::Alignment;
use super::decode::{Class, Insn};
use super::timing::predictor::Transfer;
use super::timing::{Model, Pipe};
use crate::timing::Spent;
use std::collections::HashMap;

/// Interned pipeline state.
pub type StateId = u32;

/// The state after reset.
pub const RESET: StateId = 0;

/// Divisions that a block may have: one with more runs in parts.
pub const MAX_SITES: usize = 8;

/// When the operands of a division can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Nothing before it in the block changes them: at the block's entry.
    Entry,
    /// Nothing from it on changes them: at the block's end.
    End,
    /// Neither: it starts a part of its own.
    First,
}

/// A division.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site {
    /// Index in the block.
    pub index: usize,
    /// When its operands can be read.
    pub when: When,
}

/// What must be looked at before a block runs.
pub mod flag {
    /// Holds an instruction that the loop carries out before the engine sees it.
    pub const SPECIAL: u16 = 1;
    /// Lies in RAM: the bytes may have changed.
    pub const RAM: u16 = 2;
    /// Has divisions.
    pub const DYNAMIC: u16 = 4;
    /// Has accesses that must be aligned.
    pub const ALIGNED: u16 = 8;
    /// Has a breakpoint.
    pub const BREAKPOINT: u16 = 16;
    /// Ends with a branch or jump.
    pub const TRANSFER: u16 = 32;
}

/// A straight run of instructions.
#[derive(Debug)]
pub struct Block {
    /// First address.
    pub address: u32,
    /// Its instructions.
    pub insns: Vec<Insn>,
    /// The bytes, when they can change.
    pub bytes: Vec<u8>,
    /// What must be looked at, see [`flag`].
    pub flags: u16,
    /// Divisions.
    pub sites: Vec<Site>,
    /// Index of the first instruction that the loop must carry out before the engine sees it.
    pub special: Option<usize>,
    /// Index of the first division that must start a part of its own.
    pub first: Option<usize>,
    /// Accesses that must be aligned.
    pub alignment: Alignment,
}

/// A block with the state at its entry.
#[derive(Debug)]
pub struct Variant {
    /// Its block.
    pub block: usize,
    /// One past its last byte.
    pub end: u32,
    /// From the last instruction before it to its own last one, in cycles (divisions at their shortest).
    pub cycles: u32,
    /// Number of instructions.
    pub count: u32,
    /// Copy of the block's flags.
    pub flags: u16,
    /// State behind it: as foreseen, after a branch or jump that was not, after such a register jump.
    pub exits: [StateId; 3],
    /// The branch or jump at its end, and its address.
    pub transfer: (Transfer, u32),
    /// It is a register jump.
    pub register: bool,
    /// How often it ran to its end.
    pub executions: u64,
    /// State at its entry.
    pub entry: StateId,
    /// Cycle of each instruction, relative to the last one before the block.
    pub starts: Vec<u32>,
    /// The same with every division at its longest.
    pub latest: Vec<u32>,
    /// Cycles by provenance and kind.
    pub spent: Spent,
    /// The block may run at once when the next event is at least this many cycles after the last instruction
    /// before it.
    pub bound: u32,
    /// Costs with known divisions, by their latencies.
    pub by_divide: Vec<(u64, Resolved)>,
    /// State and cycles of the first instructions only.
    pub parts: Vec<Part>,
}

/// The first instructions of a block: their number and the latencies, then the state behind them and their cycles.
pub type Part = ((usize, u64), (StateId, Spent));

/// Cost of a block with known divisions.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Cycle of each instruction.
    pub starts: Vec<u32>,
    /// As [`Variant::exits`].
    pub exits: [StateId; 3],
    /// Cycles by provenance and kind.
    pub spent: Spent,
    /// How often the block ran with these.
    pub executions: u64,
}

/// Interned states.
#[derive(Debug)]
pub struct States {
    list: Vec<Pipe>,
    ids: HashMap<Pipe, StateId>,
}

impl Default for States {
    fn default() -> States {
        let mut s = States {
            list: Vec::new(),
            ids: HashMap::new(),
        };
        s.intern(Pipe::RESET);
        s
    }
}

impl States {
    /// The id of a state.
    pub fn intern(&mut self, pipe: Pipe) -> StateId {
        if let Some(&id) = self.ids.get(&pipe) {
            return id;
        }
        let id = self.list.len() as StateId;
        self.list.push(pipe.clone());
        self.ids.insert(pipe, id);
        id
    }

    /// The state of an id.
    #[must_use]
    pub fn get(&self, id: StateId) -> &Pipe {
        &self.list[id as usize]
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.len()
    }
}

/// The latency of division `site`, out of all latencies of a block.
fn latency(latencies: u64, site: usize) -> u8 {
    (latencies >> (8 * (site % MAX_SITES))) as u8
}

/// Go through the first `upto` instructions of a block, telling the cycle of each.
fn walk(
    block: &Block,
    entry: &Pipe,
    latencies: u64,
    upto: usize,
    model: &Model,
    mut start: impl FnMut(u32),
) -> (Pipe, Spent) {
    let (mut pipe, mut now, mut spent) = (entry.clone(), 0, Spent::default());
    let mut sites = 0;
    for insn in &block.insns[..upto] {
        let entered = model.enter(&pipe, insn);
        now += u32::from(entered.cycles);
        entered.add_to(&mut spent);
        start(now);
        let mut divide = 0;
        if insn.class == Class::Divide {
            divide = latency(latencies, sites);
            sites += 1;
        }
        pipe = model.after(&pipe, insn, entered.cycles, divide);
    }
    (pipe, spent)
}

/// State and cycles after the first `upto` instructions of a block.
pub fn part(
    block: &Block,
    entry: StateId,
    latencies: u64,
    upto: usize,
    states: &mut States,
    model: &Model,
) -> (StateId, Spent) {
    let (pipe, spent) = walk(block, states.get(entry), latencies, upto, model, |_| {});
    (states.intern(pipe), spent)
}

/// Cost a block from a state.
pub fn resolve(
    block: &Block,
    entry: StateId,
    latencies: u64,
    states: &mut States,
    model: &Model,
) -> Resolved {
    let mut starts = Vec::with_capacity(block.insns.len());
    let count = block.insns.len();
    let (pipe, spent) = walk(block, states.get(entry), latencies, count, model, |at| {
        starts.push(at);
    });
    let mut exits = [states.intern(pipe.clone()); 3];
    if block.flags & flag::TRANSFER != 0 {
        exits[1] = states.intern(model.refilled(&pipe, false));
        exits[2] = states.intern(model.refilled(&pipe, true));
    }
    Resolved {
        starts,
        exits,
        spent,
        executions: 0,
    }
}

/// The latest cycle of each instruction, whatever the divisions.
pub fn latest(block: &Block, entry: StateId, states: &States, model: &Model) -> Vec<u32> {
    let mut starts = Vec::with_capacity(block.insns.len());
    let most = u64::from_le_bytes([model.divide.1.cycles; 8]);
    let count = block.insns.len();
    walk(block, states.get(entry), most, count, model, |at| {
        starts.push(at);
    });
    starts
}

/// The divisions of a run, and when their operands can be read.
#[must_use]
pub fn sites(insns: &[Insn]) -> Vec<Site> {
    let changes = |list: &[Insn], r: u8| r != 0 && list.iter().any(|i| i.rd == r);
    insns
        .iter()
        .enumerate()
        .filter(|(_, i)| i.class == Class::Divide)
        .map(|(index, i)| {
            let any = |list: &[Insn]| changes(list, i.rs1) || changes(list, i.rs2);
            let when = if !any(&insns[..index]) {
                When::Entry
            } else if !any(&insns[index..]) {
                When::End
            } else {
                When::First
            };
            Site { index, when }
        })
        .collect()
}

/// What kind of transfer an instruction is to a predictor.
#[must_use]
pub fn transfer(insn: &Insn) -> Transfer {
    if insn.is_return() {
        Transfer::Return
    } else if insn.is_call() {
        Transfer::Call
    } else if insn.class == Class::Branch {
        Transfer::Branch
    } else {
        Transfer::Jump
    }
}
