//! Memory as the core sees it: translation, code that changes.

use super::Core;
use crate::backend::TlbAccess;
use crate::backend::engine::{IoRange, Translation};
pub(super) use crate::backend::riscv::PAGE;
use crate::memory::MemoryKind;
use crate::watch::WatchedPages;

/// Stores to flash and ROM are seen as I/O at their address plus this.
const STORE_SHADOW: u32 = 0xC000_0000;
/// Addresses below this have a shadow.
const STORE_SHADOW_SIZE: u32 = 0x3000_0000;

/// Can a region be mapped straight into the engine?
pub(super) fn is_direct(base: u32, size: u32) -> bool {
    base.is_multiple_of(PAGE) && size.is_multiple_of(PAGE) && size > 0
}

impl Core {
    /// Everything that is not directly mapped memory is seen through the I/O callbacks.
    pub(super) fn map_everything_else(&mut self) -> Result<(), String> {
        let mut taken: Vec<(u64, u64)> = self
            .bus
            .memory
            .regions()
            .iter()
            .filter(|r| is_direct(r.base, r.size()))
            .map(|r| (u64::from(r.base), u64::from(r.base) + u64::from(r.size())))
            .collect();
        let shadow = u64::from(STORE_SHADOW);
        taken.push((shadow, 1 << 32));
        taken.sort_unstable();
        let mut at = 0u64;
        let mut gaps = Vec::new();
        for (start, end) in taken {
            if start > at {
                gaps.push((at, start - at));
            }
            at = at.max(end);
        }
        for (start, size) in gaps {
            self.map_io_window(start, size, start as u32)?;
        }
        let watched = WatchedPages::BASE;
        self.map_io_window(watched.into(), WatchedPages::SIZE.into(), watched)?;
        self.map_io_window(shadow, STORE_SHADOW_SIZE.into(), 0)
    }

    fn map_io_window(&mut self, at: u64, size: u64, seen_at: u32) -> Result<(), String> {
        // The engine takes sizes of less than 4 GiB in pieces it can hold.
        const PIECE: u64 = 1 << 30;
        let host: *mut Core = self;
        let mut done = 0;
        while done < size {
            let n = PIECE.min(size - done);
            let mut range = Box::new(IoRange {
                host,
                seen_at: seen_at.wrapping_add(done as u32),
            });
            let pointer: *mut IoRange<Core> = &mut *range;
            self.io.push(range);
            // SAFETY: the range is boxed and kept as long as the engine; so is the core.
            unsafe { self.engine.map_io((at + done) as u32, n, pointer)? };
            done += n;
        }
        Ok(())
    }

    /// Translate a page for an access.
    pub(super) fn translate_page(&mut self, page: u32, access: TlbAccess) -> Option<Translation> {
        let physical = self.bus.memory.resolve(page);
        let regions = self.bus.memory.regions();
        let region = regions.iter().find(|r| r.contains(physical));
        let kind = region.map(|r| r.kind);
        // Memory that is not mapped directly comes as I/O anyway.
        let (see_reads, see_writes) = match region {
            Some(r) if is_direct(r.base, r.size()) => self.bus.sees_page(physical, PAGE, 0),
            _ => (false, false),
        };
        let at = |physical, write, execute| {
            Some(Translation {
                physical,
                read: !(execute && see_reads),
                write,
                execute,
            })
        };
        match (access, kind) {
            (TlbAccess::Fetch, None) => None,
            (TlbAccess::Fetch, Some(kind)) => {
                self.executable.mark(physical);
                self.executable.mark(page);
                let watched = see_reads || see_writes;
                at(physical, kind == MemoryKind::Ram && !watched, true)
            }
            (_, Some(MemoryKind::Ram)) if see_reads || see_writes => {
                let seen = see_reads || access == TlbAccess::Write;
                let shadow = if seen { self.shadow(page) } else { None };
                at(shadow.unwrap_or(physical), seen, false)
            }
            (_, Some(MemoryKind::Ram)) => at(physical, true, self.executable.contains(physical)),
            // Stores to flash and ROM go to the device that guards it, or fault there.
            (TlbAccess::Write, Some(_)) if physical < STORE_SHADOW_SIZE => {
                at(STORE_SHADOW + physical, true, false)
            }
            (TlbAccess::Write, Some(_)) => None,
            (_, Some(_)) if see_reads => at(self.shadow(page).unwrap_or(physical), false, false),
            (_, Some(_)) => at(physical, false, false),
            // What is up there is the shadow's.
            (_, None) if page >= STORE_SHADOW => None,
            (_, None) => at(page, true, false),
        }
    }

    fn shadow(&mut self, page: u32) -> Option<u32> {
        self.watched_pages.shadow::<PAGE>(&self.bus, page, 0)
    }

    /// The engine stored bytes past its own watch over code.
    #[inline]
    pub(super) fn changed_code(&mut self, address: u32, bytes: u32) {
        let at = self.bus.memory.resolve(address);
        if self.executable.contains(at) {
            self.bus.dirty_code.push((at, bytes));
            self.horizon = 0;
        }
    }

    /// Was translated code written? Writes elsewhere are forgotten.
    pub(super) fn code_is_dirty(&mut self) -> bool {
        let ranges = &mut self.bus.dirty_code;
        !ranges.is_empty() && self.executable.retain(ranges)
    }

    /// Code that DMA, programming or a debugger changed is translated again. `true` when translated code was
    /// dropped: then the block that is about to run is gone too, and must be looked up anew.
    pub(super) fn drop_dirty_code(&mut self) -> bool {
        let hit = self.code_is_dirty();
        if hit {
            self.bus.dirty_code.clear();
            self.engine.flush_code();
            self.clear_blocks();
        }
        hit
    }
}
