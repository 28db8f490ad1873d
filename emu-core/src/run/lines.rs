//! Cached flash lines: does a block hit, and which lines has it used?
//!
//! Uses of lines by whole blocks are only noted; the flash is told of them, in the order of each line's last use,
//! before anything depends on that order.

use super::Core;
use super::blocks::flag;
use super::sites::{Key, MAX_SITES, When};

impl Core {
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
    pub(super) fn late_data_misses(&self, block: usize, upto: usize) -> bool {
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
