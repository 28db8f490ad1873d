//! Reading what blocks take from data: the bytes of their keys, from registers and memory.

use super::Core;
use super::blocks::Block;
use super::conditions::{Compared, Side};
use super::sites::{self, Address, Condition, Key, MAX_SITES, Site, When};
use super::values::Value;
use crate::decode::Insn;
use crate::device::Width;

impl Core {
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
    pub(super) fn entry_key(&mut self, block: usize, first_matters: bool) -> (Key, usize) {
        let mut key = Key::default();
        let block = &self.blocks[block];
        for (n, site) in block.sites.iter().take(MAX_SITES).enumerate() {
            let Some((byte, address)) = self.read_site(block, site, When::Entry, 0) else {
                return (key, site.index);
            };
            let mut byte = byte;
            if site.index == 0 && !first_matters {
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
}
