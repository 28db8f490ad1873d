//! Decoded blocks, and their cost for each pipeline state at entry.
//!
//! A [`Block`] is a straight run of instructions as the engine translates it. A [`Variant`] is a block with a
//! state at its entry: its cycles are computed once and looked up from then on. What depends on data is a
//! [`Dynamic`] site, settled when the block ends.

use crate::decode::{Class, Insn, RegisterSet};
use crate::timing::{Model, Pipe, Provenance};
use std::collections::HashMap;

/// Interned state at a block's entry: the pipe, and whether the last instruction branched here.
pub type StateId = u32;

/// The state whose next instruction has a known time.
pub const SETTLED: StateId = 0;

/// Dynamic sites that a block may have: one with more runs in parts.
pub const MAX_SITES: usize = 8;

/// When the input of a dynamic site can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Nothing before it in the block changes it: at the block's entry.
    Entry,
    /// Nothing from it on in the block changes it: at the block's end.
    End,
    /// At the instruction itself, by a hook on it.
    Hook,
}

/// An instruction whose cost hangs on data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dynamic {
    /// Index in the block.
    pub index: usize,
    /// Its condition can fail, with another cost: known when.
    pub condition: Option<When>,
    /// Its operands decide: registers, known when.
    pub operands: Option<(usize, usize, When)>,
}

/// What must be looked at before a block runs.
pub mod flag {
    /// Holds an instruction that the loop carries out itself (WFI, WFE, SEV, YIELD, refused ones).
    pub const SPECIAL: u16 = 1;
    /// Lies in RAM: the bytes may have changed.
    pub const RAM: u16 = 2;
    /// Holds FP instructions.
    pub const FP: u16 = 4;
    /// Holds divides.
    pub const DIVIDE: u16 = 8;
    /// Has dynamic sites.
    pub const DYNAMIC: u16 = 16;
    /// Lies in flash with lines.
    pub const LINES: u16 = 32;
    /// Has multiple or dual transfers whose base must be aligned.
    pub const ALIGNED: u16 = 64;
    /// Has a breakpoint.
    pub const BREAKPOINT: u16 = 128;
    /// Holds FP instructions whose condition can fail.
    pub const FP_PREDICATED: u16 = 256;
}

/// A straight run of instructions.
#[derive(Debug)]
pub struct Block {
    /// First address.
    pub address: u32,
    /// Size in bytes.
    pub size: u32,
    /// ITSTATE at its start.
    pub it: u8,
    /// Its instructions.
    pub insns: Vec<Insn>,
    /// The bytes, when they can change.
    pub bytes: Vec<u8>,
    /// What must be looked at, see [`flag`].
    pub flags: u16,
    /// Sites that hang on data.
    pub dynamics: Vec<Dynamic>,
    /// Index of the first instruction that the loop must carry out or check itself.
    pub special: Option<usize>,
    /// Flash lines: index of the first instruction that needs it, and the line.
    pub lines: Vec<(usize, u32)>,
}

/// A block with the state at its entry.
#[derive(Debug)]
pub struct Variant {
    /// Its block.
    pub block: usize,
    /// One past its last byte.
    pub end: u32,
    /// From the last instruction before it to its own last one, in cycles (dynamic sites at their least).
    pub cycles: u32,
    /// Number of instructions.
    pub count: u32,
    /// Copy of the block's flags.
    pub flags: u16,
    /// State when the next address follows.
    pub exit_next: StateId,
    /// State when it branched.
    pub exit_taken: StateId,
    /// How often it ran to its end.
    pub executions: u64,
    /// State at its entry.
    pub entry: StateId,
    /// First execute cycle of each instruction, relative to the last one before the block.
    pub starts: Vec<u32>,
    /// The same with every dynamic site at its most.
    pub latest: Vec<u32>,
    /// Static cycles by provenance: exact, measured, estimate.
    pub ledger: [u32; 3],
    /// The block may run at once when the next event is at least this many cycles after the last instruction
    /// before it: whatever the data, no event falls into it, nor into an instruction that could be abandoned.
    pub bound: u32,
    /// First flash line and how many follow each other.
    pub lines: (u32, u32),
    /// Registers that must be multiples of four at the entry; `None` when that is not all there is to check.
    pub aligned: Option<RegisterSet>,
    /// Costs with other conditions holding, by the mask of dynamic sites that executed.
    pub by_mask: Vec<(u32, Resolved)>,
    /// State and ledger of the first instructions only, by their number and the mask.
    pub parts: Vec<Part>,
}

/// The first instructions of a block: their number and the mask, then the state behind them and their cycles by
/// provenance.
pub type Part = ((usize, u32), (StateId, [u32; 3]));

/// Cost of a block with known conditions.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// First execute cycle of each instruction.
    pub starts: Vec<u32>,
    /// State when the next address follows.
    pub exit_next: StateId,
    /// State when it branched.
    pub exit_taken: StateId,
    /// Cycles by provenance.
    pub ledger: [u32; 3],
    /// How often the block ran with these conditions.
    pub executions: u64,
}

/// A hasher for small keys that are numbers: fast, and the same in every run.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberHasher(u64);

impl std::hash::Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u32(u32::from(b));
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.write_u32(u32::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(n)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

/// A map with number keys.
pub type NumberMap<K, V> = HashMap<K, V, std::hash::BuildHasherDefault<NumberHasher>>;

/// Interned states.
#[derive(Debug)]
pub struct States {
    list: Vec<(Pipe, bool)>,
    ids: HashMap<(Pipe, bool), StateId>,
}

impl Default for States {
    fn default() -> States {
        let mut s = States {
            list: Vec::new(),
            ids: HashMap::new(),
        };
        s.intern(Pipe::SETTLED, false);
        s
    }
}

impl States {
    /// The id of a state.
    pub fn intern(&mut self, pipe: Pipe, taken: bool) -> StateId {
        if let Some(&id) = self.ids.get(&(pipe, taken)) {
            return id;
        }
        let id = self.list.len() as StateId;
        self.list.push((pipe, taken));
        self.ids.insert((pipe, taken), id);
        id
    }

    /// The state of an id.
    #[must_use]
    pub fn get(&self, id: StateId) -> (Pipe, bool) {
        self.list[id as usize]
    }
}

/// State and cycles by provenance after the first `upto` instructions of a block.
pub fn part(
    block: &Block,
    entry: StateId,
    mask: u32,
    upto: usize,
    states: &mut States,
    model: &dyn Model,
) -> (StateId, [u32; 3]) {
    let (pipe, _, ledger) = walk(block, entry, mask, upto, states, model, |_| {});
    (states.intern(pipe, false), ledger)
}

/// Go through the first `upto` instructions of a block, telling the start of each.
fn walk(
    block: &Block,
    entry: StateId,
    mask: u32,
    upto: usize,
    states: &States,
    model: &dyn Model,
    mut start: impl FnMut(u32),
) -> (Pipe, u32, [u32; 3]) {
    let (mut pipe, mut taken) = states.get(entry);
    let mut now = 0;
    let mut ledger = [0; 3];
    for (i, insn) in block.insns[..upto].iter().enumerate() {
        let cost = model.enter(&pipe, insn, taken);
        now += cost.cycles;
        ledger[match cost.provenance {
            Provenance::Exact => 0,
            Provenance::Measured => 1,
            Provenance::Estimate => 2,
        }] += cost.cycles;
        start(now);
        let site = block
            .dynamics
            .iter()
            .position(|d| d.index == i && d.condition.is_some());
        let executed = site.is_none_or(|bit| mask.checked_shr(bit as u32).unwrap_or(0) & 1 != 0);
        pipe = Pipe::after(&pipe, insn, executed);
        taken = false;
    }
    (pipe, now, ledger)
}

/// Cost a run of instructions from a state; `executed` tells which conditions hold (bit by index in
/// `dynamics`, all static ones execute).
pub fn resolve(
    block: &Block,
    entry: StateId,
    mask: u32,
    states: &mut States,
    model: &dyn Model,
) -> Resolved {
    let mut starts = Vec::with_capacity(block.insns.len());
    let (pipe, _, ledger) = walk(block, entry, mask, block.insns.len(), states, model, |at| {
        starts.push(at)
    });
    let last = block.insns.last();
    let exit_taken = states.intern(pipe, true);
    let always = last.is_some_and(|i| i.class.always_branches() && !i.is_predicated());
    let exit_next = if always {
        exit_taken
    } else {
        states.intern(pipe, false)
    };
    Resolved {
        starts,
        exit_next,
        exit_taken,
        ledger,
        executions: 0,
    }
}

/// Find the sites of a block whose cost hangs on data. In single-instruction blocks every input is there at
/// the entry.
pub fn dynamics(insns: &[Insn], model: &dyn Model) -> Vec<Dynamic> {
    let mut list = Vec::new();
    for (index, insn) in insns.iter().enumerate() {
        let (before, from) = (&insns[..index], &insns[index..]);
        // A skipped instruction takes one cycle and leaves no trace in the pipe; only plain one-cycle
        // classes that write nothing an address could need cost the same either way. All others are sites.
        let condition = insn.is_predicated().then(|| {
            if !before.iter().any(|i| i.sets_flags) {
                When::Entry
            } else if !from.iter().any(|i| i.sets_flags) {
                When::End
            } else {
                When::Hook
            }
        });
        let operands = model.depends_on_operands(insn.class).then(|| {
            let (n, m) = ((insn.raw >> 16 & 15) as usize, (insn.raw & 15) as usize);
            let used = RegisterSet(1 << n | 1 << m);
            let when = if !before.iter().any(|i| i.writes.meets(used)) {
                When::Entry
            } else if !from.iter().any(|i| i.writes.meets(used)) {
                When::End
            } else {
                When::Hook
            };
            (n, m, when)
        });
        if condition.is_some() || operands.is_some() {
            list.push(Dynamic {
                index,
                condition,
                operands,
            });
        }
    }
    list
}

/// Is this an instruction that the core may abandon when an interrupt comes?
#[must_use]
pub fn is_abandonable(insn: &Insn) -> bool {
    !insn.is_predicated()
        && matches!(
            insn.class,
            Class::LoadMultiple | Class::StoreMultiple | Class::Divide
        )
}
