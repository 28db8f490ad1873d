//! Decoded blocks, and their cost for each pipeline state at entry.
//!
//! A [`Block`] is a straight run of instructions as the engine translates it. A [`Variant`] is a block with a
//! state at its entry: its cycles are computed once and looked up from then on. What depends on data is a
//! [`Dynamic`] site, settled when the block ends.

use super::sites::{Key, Site};
use crate::decode::{Class, Insn};
use crate::timing::flash::Walk;
use crate::timing::{Fetch, Inputs, Model, Pipe, Spent, ZeroWait};
use std::collections::HashMap;

/// Interned pipe at a block's entry.
pub type StateId = u32;

/// The state whose next instruction has a known time.
pub const SETTLED: StateId = 0;

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
    /// Has sites whose inputs are known only once it runs.
    pub const LATE: u16 = 16;
    /// Lies in flash with wait states and caches: it runs at once when all its lines are there.
    pub const LINES: u16 = 32;
    /// Has sites whose inputs are read at its entry.
    pub const SITES: u16 = 64;
    /// Has a breakpoint or a watched place.
    pub const BREAKPOINT: u16 = 128;
    /// Holds FP instructions whose condition can fail.
    pub const FP_PREDICATED: u16 = 256;
    /// Its reads use cached flash lines that only its run tells.
    pub const EAGER: u16 = 512;
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
    /// Sites that hang on data, ascending.
    pub sites: Vec<Site>,
    /// Index of the first instruction that the loop must carry out or check itself.
    pub special: Option<usize>,
    /// Flash lines that it is fetched from: index of the first instruction that needs it, and the line.
    pub lines: Vec<(usize, u32)>,
    /// Flash lines that it reads at known addresses: index of the instruction, and the line.
    pub literals: Vec<(usize, u32)>,
    /// Accesses whose address is always the same, where it matters: index of the instruction, and the address.
    pub known: Vec<(usize, u32)>,
    /// Bus slave of each instruction's access, where it matters and is always the same; else 0.
    pub slaves: Vec<u8>,
    /// Addresses of the instructions that need a hook, and the numbers of their sites.
    pub hooked: Vec<(u32, usize)>,
    /// Holds transfers of several words.
    pub multiple: bool,
    /// The engine has translated it with hooks again (it forgot code), which it does not need.
    pub hooked_in_vain: bool,
    /// How often that may still be mended.
    pub heals: u8,
}

impl Block {
    /// What the keys of this block always have, and the sites that add a bus slave to it, when nothing else is known at
    /// the entry. The first one is left out when the access of the first instruction does not matter.
    pub fn quick_sites(&self, first: bool) -> Option<(Vec<QuickSite>, Key)> {
        if self.sites.len() > super::sites::MAX_SITES {
            return None;
        }
        let mut all = Vec::new();
        let mut base = Key::default();
        for (n, site) in self.sites.iter().enumerate() {
            let condition = site.condition.map(|c| c.when());
            let operands = site.operands.map(|o| o.2);
            if [condition, operands].contains(&Some(super::sites::When::Entry)) {
                return None;
            }
            base.set(n, super::sites::byte(condition.is_none(), 0, 0));
            if let Some(super::sites::Address::Entry(at, index)) = site.address
                && (site.index > 0 || first)
            {
                all.push((n as u8, at, index));
            }
        }
        Some((all, base))
    }

    /// How many sites lie before instruction `upto`.
    pub fn sites_before(&self, upto: usize) -> usize {
        self.sites.iter().take_while(|s| s.index < upto).count()
    }
}

/// A block with the state and the inputs at its entry. What each run of a block looks at comes first, in one or
/// two cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Variant {
    /// How often it ran to its end.
    pub executions: u64,
    /// One past its last byte.
    pub end: u32,
    /// From the last instruction before it to its own last one, in cycles (late sites as if not executed).
    pub cycles: u32,
    /// State when the next address follows.
    pub exit_next: StateId,
    /// State when it branched.
    pub exit_taken: StateId,
    /// The block may run at once when the next event is at least this many cycles after the last instruction
    /// before it: whatever the data, no event falls into it, nor into an instruction that could be abandoned.
    pub bound: u32,
    /// Copy of the block's flags.
    pub flags: u16,
    /// The next variant of this block and state with another key; 0 for none.
    pub sibling: u32,
    /// Number of instructions.
    pub count: u32,
    /// Inputs at its entry.
    pub key: Key,
    /// When its lines were used last, as a count of uses.
    pub touched: u64,
    /// State of the flash's caches for which its lines are known to be there.
    pub checked: u64,
    /// The part of `key` that is always the same; `None` when the whole key has to be read.
    pub base_key: Option<Key>,
    /// Its block.
    pub block: usize,
    /// The slave of its first access matters, behind what came before.
    pub first_matters: bool,
    /// The sites that add a bus slave to `base_key`.
    pub quick: Vec<QuickSite>,
    /// State at its entry.
    pub entry: StateId,
    /// First execute cycle of each instruction, relative to the last one before the block.
    pub starts: Vec<u32>,
    /// The same with every late site at its most.
    pub latest: Vec<u32>,
    /// Cycles spent.
    pub spent: Spent,
    /// First flash line and how many follow each other.
    pub lines: (u32, u32),
    /// Costs once late inputs are known, by the key of all sites.
    pub by_key: Vec<(Key, Resolved)>,
    /// State and cycles of the first instructions only, by their number and the key.
    pub parts: Vec<Part>,
}

/// Number of a site, and the place that it accesses: a base, an index register and its left shift.
pub type QuickSite = (u8, super::values::Value, Option<(u8, u8)>);

/// The first instructions of a block: their number and the key, then the start of the last one, the state behind it
/// and their cycles.
pub type Part = ((usize, Key), (u32, StateId, Spent));

/// Cost of a block with known inputs.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// First execute cycle of each instruction.
    pub starts: Vec<u32>,
    /// State when the next address follows.
    pub exit_next: StateId,
    /// State when it branched.
    pub exit_taken: StateId,
    /// Cycles spent.
    pub spent: Spent,
    /// How often the block ran with these inputs.
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
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x517c_c1b7_2722_0a95);
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
    list: Vec<Pipe>,
    ids: NumberMap<Pipe, StateId>,
}

impl Default for States {
    fn default() -> States {
        let mut s = States {
            list: Vec::new(),
            ids: NumberMap::default(),
        };
        s.intern(Pipe::SETTLED);
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
        self.list.push(pipe);
        self.ids.insert(pipe, id);
        id
    }

    /// The state of an id.
    #[must_use]
    pub fn get(&self, id: StateId) -> Pipe {
        self.list[id as usize]
    }
}

/// The memory that a walk goes through.
pub enum Memory<'a> {
    /// No wait states, or everything hits.
    Direct,
    /// Flash with wait states.
    Flash(Walk<'a>),
}

/// One walk through the first instructions of a block.
pub struct Run<'a> {
    /// The block.
    pub block: &'a Block,
    /// The inputs of its sites.
    pub key: Key,
    /// How many instructions.
    pub upto: usize,
    /// More cycles of each slave's loads and multiple transfers.
    pub extra: &'a [u8; 8],
    /// Bus slave of flash.
    pub flash: u8,
    /// That of the single-cycle I/O port, if there is one.
    pub io_port: Option<u8>,
    /// Address of each site's access, for caches.
    pub addresses: &'a [u32],
    /// Cycles that instructions waited for devices: index and cycles, ascending.
    pub waits: &'a [(usize, u64)],
}

impl Run<'_> {
    /// Go through it from `pipe`, telling the start of each instruction and its cost. Gives the pipe behind it.
    pub fn walk(
        &self,
        mut pipe: Pipe,
        model: &dyn Model,
        mut memory: Memory<'_>,
        mut each: impl FnMut(u32, &crate::timing::Cost),
    ) -> Pipe {
        let mut now = 0;
        let mut sites = self.block.sites.iter().enumerate().peekable();
        let mut waits = self.waits.iter().peekable();
        for (i, insn) in self.block.insns[..self.upto].iter().enumerate() {
            let site = sites.next_if(|(_, s)| s.index == i);
            let mut inputs = match site {
                Some((n, site)) => self.key.inputs(n, site),
                None => Inputs::PLAIN,
            };
            if self.block.slaves[i] != 0 {
                inputs.slave = self.block.slaves[i];
            }
            if inputs.executed && moves_words(insn) {
                inputs.data = self.extra[usize::from(inputs.slave)];
            }
            inputs.io_port = self.io_port == Some(inputs.slave);
            let cost = match &mut memory {
                Memory::Direct => model.step(&mut pipe, insn, inputs, &mut ZeroWait),
                Memory::Flash(walk) => {
                    let cost = model.step(&mut pipe, insn, inputs, walk);
                    if inputs.executed && inputs.slave == self.flash && moves_words(insn) {
                        // Without caches, all that counts is that it lies in the flash.
                        let address = match site.filter(|(_, s)| s.address.is_some()) {
                            Some((n, _)) => self.addresses.get(n).copied(),
                            None => self.known(i),
                        };
                        let waits = walk.data(address);
                        if let Some(last) = &mut pipe.last {
                            last.data = last.data.saturating_add(waits);
                        }
                    }
                    pipe.lines = walk.lines();
                    cost
                }
            };
            now += cost.cycles;
            each(now, &cost);
            if let Some((_, waited)) = waits.next_if(|w| w.0 == i) {
                // Whatever follows sees this instruction start later.
                let waited = u32::try_from(*waited).unwrap_or(u32::MAX);
                now = now.saturating_add(waited);
                if let Memory::Flash(walk) = &mut memory {
                    walk.advance(waited);
                }
            }
        }
        pipe
    }

    fn known(&self, index: usize) -> Option<u32> {
        let known = self.block.known.iter().find(|k| k.0 == index);
        known.map(|k| k.1)
    }
}

/// Cost a block from a state, with known inputs.
pub fn resolve(
    run: &Run<'_>,
    entry: Pipe,
    states: &mut States,
    model: &dyn Model,
    memory: Memory<'_>,
) -> Resolved {
    let mut r = Resolved {
        starts: Vec::with_capacity(run.upto),
        ..Resolved::default()
    };
    let pipe = run.walk(entry, model, memory, |at, cost| {
        r.starts.push(at);
        r.spent.add(cost);
    });
    r.exit_taken = states.intern(model.branched(&pipe));
    let last = run.upto.checked_sub(1).map(|i| &run.block.insns[i]);
    let always = last.is_some_and(|i| i.class.always_branches() && !i.is_predicated());
    r.exit_next = if always {
        r.exit_taken
    } else {
        states.intern(pipe)
    };
    r
}

/// Loads and multiple transfers, which a slow memory makes longer; a single store is buffered.
pub fn moves_words(insn: &Insn) -> bool {
    insn.addressing.is_some() && !matches!(insn.class, Class::Store | Class::FpStore)
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
