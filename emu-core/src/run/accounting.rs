//! Accounting: the time of each instruction, from the block that holds it.
//!
//! A block is accounted when the next one is about to run, or in part when it is left early. What depends on
//! data is settled then.

use super::blocks::{Block, Resolved, StateId, flag};
use super::conditions::{Compared, Side};
use super::sites::{self, Address, Condition, Key, MAX_SITES, Site, When};
use super::values::Value;
use super::{Core, Ledger, NO_BLOCK};
use crate::decode::Insn;
use crate::device::Width;
use crate::timing::Spent;

impl Ledger {
    /// Add what something took, `times` over.
    pub(crate) fn add(&mut self, times: u64, spent: &Spent) {
        let [exact, measured, estimate] = spent.provenances.map(|n| times * u64::from(n));
        self.exact += exact;
        self.measured += measured;
        self.estimate += estimate;
        for (sum, n) in self.kinds.iter_mut().zip(spent.kinds) {
            *sum += times * u64::from(n);
        }
    }
}

impl Core {
    pub(super) fn fold_executions(&mut self) {
        self.profile_folded();
        let (insns, ledger) = self.counted();
        self.other_insns = insns;
        self.ledger = ledger;
        for v in &mut self.variants {
            v.executions = 0;
            for (_, r) in &mut v.by_key {
                r.executions = 0;
            }
        }
    }

    /// Instructions and cycles accounted so far, with the counts that the variants hold.
    pub(super) fn counted(&self) -> (u64, Ledger) {
        let (mut insns, mut ledger) = (self.other_insns, self.ledger);
        for v in &self.variants {
            insns = insns.wrapping_add(v.executions * u64::from(v.count));
            if v.flags & flag::LATE == 0 {
                ledger.add(v.executions, &v.spent);
            } else {
                for (_, r) in &v.by_key {
                    ledger.add(r.executions, &r.spent);
                }
            }
        }
        (insns, ledger)
    }

    /// Instructions executed so far.
    pub(crate) fn executed(&self) -> u64 {
        self.counted().0
    }

    // ----- inputs -----

    /// A word of plain memory.
    #[inline]
    fn word(&self, at: u32) -> Option<u32> {
        let memory = &self.bus.memory;
        let found = self
            .slaves
            .region(at)
            .and_then(|n| memory.region_word(n, at));
        found.or_else(|| memory.load(at, Width::Word))
    }

    /// A value from the block's entry, where the registers are as they were then.
    #[inline]
    fn value(&self, v: &Value) -> Option<u32> {
        v.get(|r| self.cpu.r(usize::from(r)), |at| self.word(at))
    }

    /// Where an access goes; `None` when a pointer to it lies in a device.
    fn address(&self, a: &Address) -> Option<u32> {
        let shifted =
            |index: Option<(u8, u8)>| index.map_or(0, |(r, s)| self.cpu.r(usize::from(r)) << s);
        match a {
            Address::Entry(base, index) => Some(self.value(base)?.wrapping_add(shifted(*index))),
            Address::Late(base, index, offset, _) => Some(
                self.cpu
                    .r(usize::from(*base))
                    .wrapping_add(shifted(*index))
                    .wrapping_add(*offset),
            ),
        }
    }

    /// Does a condition hold, where it is known?
    fn condition(&self, c: &Condition, insn: &Insn) -> Option<bool> {
        match c {
            Condition::Flags(When::Hook) => Some(true), // the hook is only called for what executes
            Condition::Flags(_) => Some(self.cpu.condition(insn.condition)),
            Condition::Values(v) => {
                let sides = [self.value(&v.sides[0])?, self.value(&v.sides[1])?];
                let test = v.test;
                Compared { test, sides }.holds(insn.condition)
            }
            Condition::Registers(v) => {
                let side = |s: Side| match s {
                    Side::Register(n) => self.cpu.r(usize::from(n)),
                    Side::Constant(n) => n,
                };
                let (test, sides) = (v.test, v.sides.map(side));
                Compared { test, sides }.holds(insn.condition)
            }
        }
    }

    /// Read what can be read of a site at `when` into its byte; the address that its access goes to, if that was
    /// read. `None` when a word on the way is not plain memory.
    #[allow(clippy::type_complexity)]
    fn read_site(
        &self,
        block: &Block,
        site: &Site,
        when: When,
        byte: u8,
    ) -> Option<(u8, Option<u32>)> {
        let insn = &block.insns[site.index];
        let mut executed = byte & 1 != 0;
        match &site.condition {
            None => executed = true,
            Some(c) if c.when() == when => executed = self.condition(c, insn)?,
            Some(_) => {}
        }
        let (mut slave, mut extra) = (byte >> 1 & 7, byte >> 4);
        if let Some((n, m, w)) = site.operands
            && w == when
        {
            let (n, m) = (self.cpu.r(usize::from(n)), self.cpu.r(usize::from(m)));
            extra = self.model.operand_cycles(insn, n, m);
        }
        let mut place = None;
        if let Some(a) = &site.address
            && a.when() == when
        {
            let address = self.address(a)?;
            slave = self.slaves.of(address);
            place = Some(address);
        }
        Some((sites::byte(executed, slave, extra), place))
    }

    /// A byte with what does not matter left out: nothing of an instruction that does not execute.
    fn settled_byte(byte: u8) -> u8 {
        if byte & 1 == 0 { 0 } else { byte }
    }

    /// The inputs of a block that are there at its entry, and how many of its instructions they hold for: a site
    /// whose inputs cannot be read must be the first of a block. Late conditions count as not holding for now, but
    /// keep what is known beside them.
    pub(super) fn entry_key(&mut self, block: usize, state: StateId) -> (Key, usize) {
        let mut key = Key::default();
        let first = self.first_matters(block, state);
        let block = &self.blocks[block];
        for (n, site) in block.sites.iter().take(MAX_SITES).enumerate() {
            let Some((byte, address)) = self.read_site(block, site, When::Entry, 0) else {
                return (key, site.index);
            };
            let mut byte = byte;
            if site.index == 0 && !first {
                byte &= !sites::byte(false, 7, 0);
            }
            let skipped = site.condition.is_some_and(|c| c.when() == When::Entry) && byte & 1 == 0;
            key.set(n, if skipped { 0 } else { byte });
            if let Some(address) = address {
                self.addresses[n] = address;
            }
        }
        (key, usize::MAX)
    }

    /// The same for a variant of a block whose sites are all accesses with known places; `None` when one cannot be
    /// read.
    #[inline]
    pub(super) fn quick_key(&mut self, variant: usize) -> Option<Key> {
        let v = &self.variants[variant];
        // In registers: bytes in memory that are read back as a whole would wait for their stores.
        let base_key = v.base_key?.0;
        let (mut low, mut high) = (base_key as u64, (base_key >> 64) as u64);
        for (n, base, index) in &v.quick {
            let mut address = if base.loads == 0 {
                let register = base.register.map_or(0, |r| self.cpu.r(usize::from(r)));
                register.wrapping_add(base.offsets[0])
            } else {
                self.value(base)?
            };
            if let Some((r, shift)) = index {
                address = address.wrapping_add(self.cpu.r(usize::from(*r)) << shift);
            }
            let n = usize::from(*n & (MAX_SITES as u8 - 1));
            self.addresses[n] = address;
            let slave = u64::from(self.slaves.of(address)) << (8 * (n & 7) + 1);
            if n < 8 {
                low |= slave;
            } else {
                high |= slave;
            }
        }
        Some(Key(u128::from(high) << 64 | u128::from(low)))
    }

    /// At the instruction of a site.
    pub(super) fn at_site(&mut self, number: usize) {
        let block = &self.blocks[self.variants[self.current].block];
        let site = &block.sites[number];
        let byte = self.inputs.byte(number);
        if let Some((byte, address)) = self.read_site(block, site, When::Hook, byte) {
            self.inputs.set(number, byte);
            if let Some(address) = address {
                self.addresses[number] = address;
            }
        }
    }

    /// The inputs of the running block's sites before instruction `upto`, which it stands before.
    pub(super) fn settle_inputs(&mut self, upto: usize) -> Key {
        let block = &self.blocks[self.variants[self.current].block];
        let count = block.sites_before(upto).min(MAX_SITES);
        let mut key = self.inputs.first(count);
        for (n, site) in block.sites[..count].iter().enumerate() {
            let before = key.byte(n);
            let read = if site.late {
                self.read_site(block, site, When::End, before)
            } else {
                None
            };
            let (byte, address) = read.unwrap_or((before, None));
            key.set(n, Self::settled_byte(byte));
            if let Some(address) = address {
                self.addresses[n] = address;
            }
        }
        key
    }

    // ----- costs -----

    /// Index in `by_key` of a variant's cost with all inputs known.
    fn resolved(&mut self, variant: usize, key: Key) -> usize {
        let v = &self.variants[variant];
        if let Some(i) = v.by_key.iter().position(|(k, _)| *k == key) {
            return i;
        }
        let r: Resolved = self.remembered(v.block, v.entry, key, usize::MAX);
        let list = &mut self.variants[variant].by_key;
        list.push((key, r));
        list.len() - 1
    }

    /// First execute cycle of instruction `index` of the running block. Valid while the block stands before
    /// that instruction.
    pub(super) fn start_of(&mut self, index: usize) -> u64 {
        let id = self.current;
        if id == NO_BLOCK {
            return self.t0;
        }
        let v = &self.variants[id];
        if self.misses || v.flags & flag::LATE != 0 {
            let (block, state) = (v.block, v.entry);
            let key = if v.flags & flag::LATE != 0 {
                // What is late is not written from its instruction on: it can be read at it, too.
                self.settle_inputs(index + 1)
            } else {
                v.key
            };
            if self.misses || self.late_data_misses(block, index) {
                let r = self.live(block, state, key, index + 1, self.t0);
                self.roll_back();
                return self.t0 + self.wait_of(index) + u64::from(r.starts[index]);
            }
            let i = self.resolved(id, key);
            return self.t0 + self.waited + u64::from(self.variants[id].by_key[i].1.starts[index]);
        }
        self.t0 + self.waited + u64::from(v.starts[index])
    }

    /// Does a block that is about to run miss in the flash's caches? Its key was read just now.
    #[inline]
    pub(super) fn would_miss(&mut self, variant: usize) -> bool {
        let v = &self.variants[variant];
        let Some(flash) = self.flash.as_ref().filter(|_| v.flags & flag::LINES != 0) else {
            return false;
        };
        let generation = flash.generation();
        if v.flags & flag::EAGER == 0 && v.checked == generation {
            return false;
        }
        let misses = self.look_for_misses(variant);
        if !misses {
            self.variants[variant].checked = generation;
        }
        misses
    }

    fn look_for_misses(&self, variant: usize) -> bool {
        let v = &self.variants[variant];
        let Some(flash) = &self.flash else {
            return false;
        };
        let b = &self.blocks[v.block];
        !flash.hits(v.lines)
            || b.literals.iter().any(|l| !flash.hits_data(l.1))
            || b.sites.iter().take(MAX_SITES).enumerate().any(|(n, s)| {
                s.address.is_some_and(|a| a.when() == When::Entry)
                    && v.key.byte(n) >> 1 & 7 == self.slaves.flash()
                    && flash
                        .line_of(self.addresses[n])
                        .is_some_and(|line| !flash.hits_data(line))
            })
    }

    /// Does the running block read flash lines before instruction `upto`, at addresses known only now, that are not
    /// in a cache?
    fn late_data_misses(&self, block: usize, upto: usize) -> bool {
        let Some(flash) = self.flash.as_ref().filter(|f| f.waits() && f.is_cached()) else {
            return false;
        };
        let b = &self.blocks[block];
        b.sites
            .iter()
            .enumerate()
            .take(MAX_SITES)
            .take_while(|(_, s)| s.index < upto)
            .any(|(n, s)| {
                s.address.is_some_and(|a| a.when() != When::Entry)
                    && flash
                        .line_of(self.addresses[n])
                        .is_some_and(|line| !flash.hits_data(line))
            })
    }

    pub(super) fn roll_back(&mut self) {
        if let Some(flash) = &mut self.flash {
            flash.roll_back();
        }
    }

    /// A live walk through `upto` instructions has happened.
    pub(super) fn keep(&mut self, r: &Resolved, upto: usize) {
        if let Some(flash) = &mut self.flash {
            flash.keep();
        }
        self.account(&r.spent, upto);
    }

    /// Count instructions and their cycles.
    pub(super) fn account(&mut self, spent: &Spent, insns: usize) {
        self.ledger.add(1, spent);
        self.other_insns = self.other_insns.wrapping_add(insns as u64);
    }

    /// Account the first `upto` instructions of the running block, and rest behind them. Returns the start of
    /// the last one accounted and the state it left; `next` is where the program goes on.
    pub(super) fn finish(&mut self, upto: usize, next: u32) -> (u64, StateId) {
        let id = self.current;
        if id == NO_BLOCK {
            return (self.t0, self.resting_state());
        }
        let v = &self.variants[id];
        let (block, entry, t0) = (v.block, v.entry, self.t0);
        let count = v.count as usize;
        if upto == 0 {
            self.rest(t0, entry);
            return (t0, entry);
        }
        let whole = upto >= count;
        let taken = next != v.end;
        let late = v.flags & flag::LATE != 0;
        let key = if late {
            self.settle_inputs(upto)
        } else {
            v.key
        };
        let misses = self.misses || late && self.late_data_misses(block, upto);
        if misses {
            let as_foreseen = whole && self.misses && !late && self.waits.is_empty();
            let r = if as_foreseen {
                if let Some(flash) = &mut self.flash {
                    flash.take_up();
                }
                std::mem::take(&mut self.foreseen)
            } else {
                self.live(block, entry, key, upto, t0)
            };
            self.keep(&r, upto);
            // The walk knows all waits but that of the last instruction.
            let own = self.wait_of(upto - 1);
            self.profile_part(block, &r.starts, &[(upto - 1, own)], whole.then_some(next));
            let now = t0 + own + u64::from(r.starts[upto - 1]);
            let state = if whole && taken {
                r.exit_taken
            } else {
                r.exit_next
            };
            self.rest(now, state);
            return (now, state);
        }
        self.touch_lines(block, upto, key);
        let (cycles, state) = if whole {
            let by_key = late.then(|| self.resolved(id, key));
            if self.profiler.is_some() {
                self.profile_block(by_key, next);
            }
            let exits = if let Some(i) = by_key {
                let r = &mut self.variants[id].by_key[i].1;
                r.executions += 1;
                (r.starts[upto - 1], r.exit_taken, r.exit_next)
            } else {
                let v = &self.variants[id];
                (v.starts[upto - 1], v.exit_taken, v.exit_next)
            };
            self.variants[id].executions += 1;
            (exits.0, if taken { exits.1 } else { exits.2 })
        } else {
            let key = key.first(self.blocks[block].sites_before(upto));
            self.part(id, key, upto)
        };
        let now = t0 + self.waited + u64::from(cycles);
        self.rest(now, state);
        (now, state)
    }

    /// Account the first `upto` instructions of a block that hits; gives the start of the last one and the state
    /// behind it.
    pub(super) fn part(&mut self, variant: usize, key: Key, upto: usize) -> (u32, StateId) {
        if self.profiler.is_some() {
            let v = &self.variants[variant];
            let (block, entry) = (v.block, v.entry);
            let starts = self.remembered(block, entry, key, upto).starts;
            let waits = std::mem::take(&mut self.waits);
            self.profile_part(block, &starts, &waits, None);
            self.waits = waits;
        }
        let v = &self.variants[variant];
        let part = match v.parts.iter().find(|p| p.0 == (upto, key)) {
            Some(p) => p.1,
            None => {
                let (block, entry) = (v.block, v.entry);
                let r = self.remembered(block, entry, key, upto);
                let part = (r.starts[upto - 1], r.exit_next, r.spent);
                self.variants[variant].parts.push(((upto, key), part));
                part
            }
        };
        self.other_insns = self.other_insns.wrapping_add(upto as u64);
        self.ledger.add(1, &part.2);
        (part.0, part.1)
    }

    /// The running block has fetched and read what its first `upto` instructions need, and all was in the caches.
    pub(super) fn touch_lines(&mut self, block: usize, upto: usize, key: Key) {
        if self.blocks[block].flags & flag::LINES == 0 {
            return;
        }
        self.sync_touches();
        self.touch_now(block, upto, key);
    }

    /// Tell the flash which lines whole blocks have used since it was last told, in the order of their last uses.
    pub(super) fn sync_touches(&mut self) {
        if self.touched.is_empty() {
            return;
        }
        let mut list = std::mem::take(&mut self.touched);
        list.sort_unstable_by_key(|&id| self.variants[id as usize].touched);
        for &id in &list {
            let v = &self.variants[id as usize];
            let (block, key) = (v.block, v.key);
            self.touch_now(block, usize::MAX, key);
        }
        list.clear();
        self.touched = list;
        self.touches_synced = self.touches;
    }

    fn touch_now(&mut self, block: usize, upto: usize, key: Key) {
        let b = &self.blocks[block];
        let Some(flash) = &mut self.flash else { return };
        let mut lines = b.lines.iter().take_while(|l| l.0 < upto).peekable();
        let mut literals = b.literals.iter().take_while(|l| l.0 < upto).peekable();
        let flash_slave = self.slaves.flash();
        let mut sites = b
            .sites
            .iter()
            .take(MAX_SITES)
            .enumerate()
            .take_while(|(_, s)| s.index < upto)
            .filter(|(n, s)| {
                let byte = key.byte(*n);
                s.address.is_some() && byte & 1 != 0 && byte >> 1 & 7 == flash_slave
            })
            .peekable();
        // In the order of the instructions, each one's fetch before its read.
        while let Some(&&(i, line)) = lines.peek() {
            lines.next();
            let until = lines.peek().map_or(upto, |l| l.0.max(i + 1));
            flash.used(line);
            let reads = |index: usize| index < until;
            while let Some(l) = literals.next_if(|l| reads(l.0)) {
                flash.used_data(l.1);
            }
            while let Some((n, _)) = sites.next_if(|(_, s)| reads(s.index)) {
                if let Some(line) = flash.line_of(self.addresses[n]) {
                    flash.used_data(line);
                }
            }
        }
    }
}
