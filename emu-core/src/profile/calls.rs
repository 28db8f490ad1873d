//! Call paths, from the branches that are executed.
//!
//! BL and BLX (JAL and JALR with a link register) push a frame with the return address and the stack pointer; BX, MOV PC, LDR PC and POP (other JALRs) to a frame's
//! return address pop it and those above it. A branch out of its function is a tail call: the target takes the
//! frame over. An exception begins a path of its own, and sets the interrupted one aside by the address of its
//! exception frame (on RISC-V: the stack pointer); the return takes up the one whose frame it pops, so that a task switch is a return to another
//! task's path. A branch to nowhere known that changes the stack pointer is longjmp (to a function that is on the
//! path) or a switch between coroutines (the path set aside at that stack pointer is taken up, or a new one begins).
//!
//! All of this is best effort; what is not understood moves cycles between call paths, never loses them.

use super::Functions;
use super::functions::Range;
use crate::decode::{Class, Insn};
use crate::run::blocks::NumberMap;
use std::collections::BTreeMap;

/// Paths deeper than this are cut: their last functions hang on the frame at this depth.
const MAX_DEPTH: usize = 256;
/// Frames that are kept to find returns by.
const MAX_FRAMES: usize = 1 << 16;
/// Nodes at which new call paths begin anew at the root, to bound memory.
const MAX_NODES: usize = 1 << 20;
/// Paths that are set aside at the same time, such as tasks; the oldest are given up.
const MAX_ASIDE: usize = 4096;

/// How a path came to a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// The root of all paths; no function.
    Root,
    /// Where a path begins: reset, the first time a task runs, the handler of an exception.
    Entry,
    /// Entry and return of this exception; no function.
    Exception(u16),
    /// A call by the instruction at this address (or the call that a tail call took over).
    Call(u32),
}

/// A function on a call path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// Index of the caller's node; the root is its own parent.
    pub parent: usize,
    /// How it was entered.
    pub origin: Origin,
    /// First address of the function; without a symbol, the address that was called.
    pub function: u32,
    /// Cycles in the function itself on this path.
    pub cycles: u64,
    /// Instructions executed in it.
    pub instructions: u64,
    /// How often it was entered at its first address.
    pub entered: u64,
}

/// Functions by call path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallTree {
    /// All nodes, parents before children; the first is the root.
    pub nodes: Vec<Node>,
}

impl Default for CallTree {
    fn default() -> CallTree {
        CallTree {
            nodes: vec![Node {
                parent: 0,
                origin: Origin::Root,
                function: 0,
                cycles: 0,
                instructions: 0,
                entered: 0,
            }],
        }
    }
}

impl CallTree {
    /// Cycles and instructions of each node and all that it called.
    #[must_use]
    pub fn inclusive(&self) -> Vec<(u64, u64)> {
        let own = self.nodes.iter().map(|n| (n.cycles, n.instructions));
        let mut sums: Vec<(u64, u64)> = own.collect();
        for i in (1..sums.len()).rev() {
            let (cycles, instructions) = sums[i];
            let caller = &mut sums[self.nodes[i].parent];
            caller.0 += cycles;
            caller.1 = caller.1.wrapping_add(instructions);
        }
        sums
    }
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    node: usize,
    /// Of the function in it.
    range: Range,
    return_address: u32,
    /// At the call; `None` where a path begins.
    sp: Option<u32>,
}

/// A path and the exception that it began with.
#[derive(Clone, Debug)]
struct Path {
    exception: u16,
    frames: Vec<Frame>,
}

#[derive(Clone, Debug)]
struct Aside {
    path: Path,
    resumes_at: u32,
    sequence: u64,
}

/// Why a path was set aside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Interrupted,
    Switched,
}

/// A branch as the shadow stack sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transfer {
    /// Goes on behind it.
    None,
    /// BL, BLX.
    Call,
    /// B and its relatives.
    Jump,
    /// BX and others to an address from a register or memory.
    Register,
}

impl Transfer {
    /// What `insn` did when `next` came behind it.
    pub fn of(insn: &Insn, next: u32) -> Transfer {
        let always = insn.class.always_branches() && !insn.is_predicated();
        if !always && next == insn.end() {
            return Transfer::None;
        }
        match insn.class {
            Class::BranchLink => Transfer::Call,
            Class::BranchRegister if insn.raw & 0xFF80 == 0x4780 => Transfer::Call,
            Class::BranchRegister | Class::LoadPc | Class::LoadMultiplePc | Class::MovePc => {
                Transfer::Register
            }
            Class::Branch
            | Class::BranchConditional
            | Class::CompareBranch
            | Class::TableBranch => Transfer::Jump,
            _ => Transfer::None,
        }
    }
}

/// The call path that is executed, and those set aside.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    functions: Functions,
    pub tree: CallTree,
    children: NumberMap<(u32, u64, u32), usize>,
    path: Path,
    aside: BTreeMap<(Kind, u32), Aside>,
    sequence: u64,
}

impl Stack {
    /// In thread mode, or in the handler of an exception.
    pub fn new(functions: Functions, exception: u16) -> Stack {
        let mut stack = Stack {
            functions,
            tree: CallTree::default(),
            children: NumberMap::default(),
            path: Path {
                exception,
                frames: Vec::new(),
            },
            aside: BTreeMap::new(),
            sequence: 0,
        };
        stack.begin(exception);
        stack
    }

    fn top(&self) -> &Frame {
        &self.path.frames[self.path.frames.len() - 1]
    }

    /// The node that cycles belong to now.
    pub fn node(&self) -> usize {
        self.top().node
    }

    /// Cycles and instructions of the function that runs.
    pub fn spend(&mut self, cycles: u64, instructions: u64) {
        let node = self.node();
        let node = &mut self.tree.nodes[node];
        node.cycles += cycles;
        node.instructions = node.instructions.wrapping_add(instructions);
    }

    /// Does the function that runs hold all these bytes?
    pub fn holds(&self, start: u32, end: u32) -> bool {
        let range = self.top().range;
        range.start <= start && end <= range.end
    }

    /// The exception whose handler runs; 0 for none.
    pub fn exception(&self) -> u16 {
        self.path.exception
    }

    /// The node of entry and return of the exception whose handler runs.
    pub fn exception_node(&mut self) -> usize {
        match self.path.exception {
            0 => 0,
            n => self.child(0, Origin::Exception(n), 0),
        }
    }

    /// The ranges of functions.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    fn child(&mut self, parent: usize, origin: Origin, function: u32) -> usize {
        let code = match origin {
            Origin::Root => 0,
            Origin::Entry => 1,
            Origin::Exception(n) => 1 << 32 | u64::from(n),
            Origin::Call(site) => 2 << 32 | u64::from(site),
        };
        let full = self.tree.nodes.len() >= MAX_NODES;
        let key = match (full, origin) {
            (true, Origin::Call(_)) => (0, 1, function),
            _ => (parent as u32, code, function),
        };
        if let Some(&node) = self.children.get(&key) {
            return node;
        }
        let cut = full && matches!(origin, Origin::Call(_));
        self.tree.nodes.push(Node {
            parent: if cut { 0 } else { parent },
            origin: if cut { Origin::Entry } else { origin },
            function,
            cycles: 0,
            instructions: 0,
            entered: 0,
        });
        let node = self.tree.nodes.len() - 1;
        self.children.insert(key, node);
        node
    }

    /// A new path begins, in a function that is known when its first instruction runs.
    fn begin(&mut self, exception: u16) {
        self.path.exception = exception;
        let node = self.exception_node();
        self.path.frames = vec![Frame {
            node,
            range: Range::NOWHERE,
            return_address: u32::MAX,
            sp: None,
        }];
    }

    /// An instruction at `address` is executed.
    pub fn ensure(&mut self, address: u32) {
        if !self.top().range.contains(address) {
            self.move_to(address);
        }
    }

    fn name(range: &Range, address: u32) -> u32 {
        if range.known { range.start } else { address }
    }

    /// The top frame's function is another one now.
    fn move_to(&mut self, address: u32) {
        let range = self.functions.range(address);
        let function = Stack::name(&range, address);
        let top = *self.top();
        let old = self.tree.nodes[top.node];
        let node = match old.origin {
            Origin::Root | Origin::Exception(_) => self.child(top.node, Origin::Entry, function),
            origin => self.child(old.parent, origin, function),
        };
        self.tree.nodes[node].entered += u64::from(address == function);
        if let Some(top) = self.path.frames.last_mut() {
            top.node = node;
            top.range = range;
        }
    }

    fn push(&mut self, site: u32, target: u32, return_address: u32, sp: u32) {
        if self.path.frames.len() >= MAX_FRAMES {
            self.path.frames.drain(1..MAX_FRAMES / 2);
        }
        let caller = self.path.frames.len().min(MAX_DEPTH) - 1;
        let parent = self.path.frames[caller].node;
        let range = self.functions.range(target);
        let node = self.child(parent, Origin::Call(site), Stack::name(&range, target));
        self.tree.nodes[node].entered += 1;
        self.path.frames.push(Frame {
            node,
            range,
            return_address,
            sp: Some(sp),
        });
    }

    /// `insn` went on to `next`; `sp` is the stack pointer behind it.
    pub fn transfer(&mut self, insn: &Insn, next: u32, sp: u32) {
        if next >= 0xF000_0000 {
            return; // EXC_RETURN
        }
        let mut transfer = Transfer::of(insn, next);
        if insn.class == Class::BranchLink {
            // ARMv6-M compilers branch far within a function with BL.
            let range = self.top().range;
            if range.known && range.contains(next) && next != range.start {
                transfer = Transfer::None;
            }
        }
        self.follow(transfer, (insn.address, insn.end()), next, sp);
    }

    /// The instruction from and to these addresses went on to `next`; `sp` is the stack pointer behind it.
    pub fn follow(&mut self, transfer: Transfer, site: (u32, u32), next: u32, sp: u32) {
        match transfer {
            Transfer::None => {}
            Transfer::Call => self.push(site.0, next, site.1, sp),
            Transfer::Jump => self.ensure(next),
            Transfer::Register => self.register_branch(next, sp),
        }
    }

    fn register_branch(&mut self, next: u32, sp: u32) {
        let frames = &self.path.frames;
        let top = frames[frames.len() - 1];
        if top.return_address == next && frames.len() > 1 {
            self.path.frames.pop();
            return self.ensure(next);
        }
        let returns_from = |f: &Frame| f.return_address == next && f.sp == Some(sp);
        if let Some(i) = frames.iter().rposition(returns_from).filter(|&i| i > 0) {
            self.path.frames.truncate(i);
            return self.ensure(next);
        }
        if top.range.contains(next) {
            return; // a jump table
        }
        let caller = frames.len().checked_sub(2).map(|i| frames[i]);
        if top.sp.is_none() || top.sp == Some(sp) {
            // Library helpers for jump tables return to where they like in their caller.
            if caller
                .is_some_and(|c| c.range.known && c.range.start != next && c.range.contains(next))
            {
                self.path.frames.pop();
            }
            return self.ensure(next);
        }
        self.switch(next, sp);
    }

    /// A branch to another stack, or further up this one.
    fn switch(&mut self, next: u32, sp: u32) {
        let key = (Kind::Switched, sp);
        let resumed = self.aside.get(&key).is_some_and(|a| a.resumes_at == next);
        let frames = &self.path.frames;
        let on_path = frames
            .iter()
            .rposition(|f| f.range.known && f.range.contains(next));
        match on_path {
            Some(i) if !resumed => self.path.frames.truncate(i + 1),
            _ => {
                let exception = self.path.exception;
                if let Some(top) = self.path.frames.pop()
                    && let Some(sp) = top.sp
                {
                    let path = std::mem::replace(
                        &mut self.path,
                        Path {
                            exception,
                            frames: Vec::new(),
                        },
                    );
                    self.set_aside((Kind::Switched, sp), path, top.return_address);
                }
                match self.aside.remove(&key).filter(|_| resumed) {
                    Some(aside) => self.path = aside.path,
                    None => self.begin(exception),
                }
            }
        }
        self.ensure(next);
    }

    fn set_aside(&mut self, key: (Kind, u32), path: Path, resumes_at: u32) {
        if self.aside.len() >= MAX_ASIDE
            && let Some(oldest) = self
                .aside
                .iter()
                .min_by_key(|(_, a)| a.sequence)
                .map(|(k, _)| *k)
        {
            self.aside.remove(&oldest);
        }
        self.sequence += 1;
        let sequence = self.sequence;
        self.aside.insert(
            key,
            Aside {
                path,
                resumes_at,
                sequence,
            },
        );
    }

    /// Exception `number` is entered, with its frame at `frame` (`None` when it is tail-chained): its node.
    pub fn enter(&mut self, number: u16, frame: Option<u32>, return_address: u32) -> usize {
        if let Some(frame) = frame {
            let none = Path {
                exception: 0,
                frames: Vec::new(),
            };
            let path = std::mem::replace(&mut self.path, none);
            self.set_aside((Kind::Interrupted, frame), path, return_address);
        }
        self.begin(number);
        let node = self.node();
        self.tree.nodes[node].entered += 1;
        node
    }

    /// Return to `pc` from the frame at `frame`, into the handler of `exception` or thread mode (0).
    pub fn leave(&mut self, frame: u32, pc: u32, exception: u16) {
        let found = self.aside.remove(&(Kind::Interrupted, frame));
        let fits = |a: &Aside| {
            let top = a.path.frames.last();
            a.path.exception == exception
                && (a.resumes_at == pc || top.is_some_and(|f| f.range.contains(pc)))
        };
        match found.filter(fits) {
            Some(a) => self.path = a.path,
            None => self.begin(exception),
        }
    }

    /// A reset: everything begins anew.
    pub fn reset(&mut self) {
        self.aside.clear();
        self.begin(0);
    }
}

#[cfg(test)]
mod tests;
