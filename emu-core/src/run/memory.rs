//! Memory as the core sees it: translation, permissions, code that changes.

use super::Core;
use crate::backend::TlbAccess;
use crate::backend::engine::{IoRange, PAGE, STORE_SHADOW, STORE_SHADOW_SIZE, Translation};
use crate::memory::MemoryKind;
use crate::watch::WatchedPages;
use crate::watchpoint::LONGEST_TRANSFER;

/// Can a region be mapped straight into the engine?
pub(super) fn is_direct(base: u32, size: u32) -> bool {
    base.is_multiple_of(PAGE) && size.is_multiple_of(PAGE) && size > 0
}

/// Bits of MPU_RASR.
mod rasr {
    pub const ENABLE: u32 = 1;
    pub const XN: u32 = 1 << 28;
}

/// What the MPU says about one address.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Permission {
    read: bool,
    write: bool,
    execute: bool,
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
        taken.push((
            u64::from(STORE_SHADOW),
            u64::from(STORE_SHADOW) + u64::from(STORE_SHADOW_SIZE),
        ));
        let watched = u64::from(WatchedPages::BASE);
        taken.push((watched, watched + u64::from(WatchedPages::SIZE)));
        taken.sort_unstable();
        let mut at = 0u64;
        let mut gaps = Vec::new();
        for (start, end) in taken {
            if start > at {
                gaps.push((at, start - at));
            }
            at = at.max(end);
        }
        if at < 1 << 32 {
            gaps.push((at, (1 << 32) - at));
        }
        for (start, size) in gaps {
            self.map_io_window(start as u32, size, start as u32)?;
        }
        let (base, size) = (WatchedPages::BASE, u64::from(WatchedPages::SIZE));
        self.map_io_window(base, size, base)?;
        self.map_io_window(STORE_SHADOW, u64::from(STORE_SHADOW_SIZE), 0)
    }

    fn map_io_window(&mut self, at: u32, size: u64, seen_at: u32) -> Result<(), String> {
        let host: *mut Core = self;
        let mut range = Box::new(IoRange { host, seen_at });
        let pointer: *mut IoRange<Core> = &mut *range;
        self.io.push(range);
        // The engine takes sizes of less than 4 GiB in pieces it can hold.
        const PIECE: u64 = 1 << 30;
        let mut done = 0;
        while done < size {
            let n = PIECE.min(size - done);
            if done > 0 {
                let mut range = Box::new(IoRange {
                    host,
                    seen_at: seen_at.wrapping_add(done as u32),
                });
                let pointer: *mut IoRange<Core> = &mut *range;
                self.io.push(range);
                // SAFETY: the range is boxed and kept as long as the engine; so is the core.
                unsafe {
                    self.engine
                        .map_io(at.wrapping_add(done as u32), n, pointer)?
                };
            } else {
                // SAFETY: as above.
                unsafe { self.engine.map_io(at, n, pointer)? };
            }
            done += n;
        }
        Ok(())
    }

    /// Translate a page for an access.
    pub(super) fn translate_page(&mut self, page: u32, access: TlbAccess) -> Option<Translation> {
        let physical = self.bus.memory.resolve(page);
        let region = self
            .bus
            .memory
            .regions()
            .iter()
            .find(|r| r.contains(physical));
        let kind = region.map(|r| r.kind);
        // Memory that is not mapped directly comes as I/O anyway.
        let (see_reads, see_writes) = match region {
            Some(r) if is_direct(r.base, r.size()) => {
                self.bus.sees_page(physical, PAGE, LONGEST_TRANSFER)
            }
            _ => (false, false),
        };
        if access == TlbAccess::Fetch && region.is_some_and(|r| r.data_only) {
            return None;
        }
        let permission = if self.permissive != 0 {
            Some(Permission {
                read: true,
                write: true,
                execute: true,
            })
        } else {
            self.page_permission(page)
        };
        let Some(p) = permission else {
            // The MPU divides this page: every access asks.
            return match access {
                TlbAccess::Fetch => {
                    let p = self.permission(self.cpu.pc());
                    self.executable.mark(physical);
                    (p.execute && kind.is_some()).then_some(Translation {
                        physical,
                        read: !see_reads,
                        write: false,
                        execute: true,
                    })
                }
                _ => None,
            };
        };
        match access {
            TlbAccess::Fetch => {
                if !p.execute
                    || kind.is_none()
                    || !is_code_space(page) && !self.permissive_code(page)
                {
                    return None;
                }
                self.executable.mark(physical);
                if page != physical {
                    self.executable.mark(page);
                }
                Some(Translation {
                    physical,
                    read: !see_reads,
                    write: kind == Some(MemoryKind::Ram) && p.write && !see_reads && !see_writes,
                    execute: true,
                })
            }
            _ => {
                let wanted = if access == TlbAccess::Write {
                    p.write
                } else {
                    p.read
                };
                if !wanted {
                    return None;
                }
                match kind {
                    Some(MemoryKind::Ram) if see_reads || see_writes => {
                        let seen = see_reads || access == TlbAccess::Write;
                        Some(Translation {
                            physical: if seen {
                                self.shadow(page).unwrap_or(physical)
                            } else {
                                physical
                            },
                            read: p.read,
                            write: seen && p.write,
                            execute: false,
                        })
                    }
                    Some(MemoryKind::Ram) => {
                        let execute = self.executable.contains(physical);
                        Some(Translation {
                            physical,
                            read: true,
                            write: p.write,
                            execute,
                        })
                    }
                    Some(_) if access == TlbAccess::Write => {
                        // Stores to flash and ROM go to the device that guards it, or fault there.
                        (physical < STORE_SHADOW_SIZE).then(|| Translation {
                            physical: STORE_SHADOW + physical,
                            read: true,
                            write: true,
                            execute: false,
                        })
                    }
                    Some(_) => Some(Translation {
                        physical: if see_reads {
                            self.shadow(page).unwrap_or(physical)
                        } else {
                            physical
                        },
                        read: true,
                        write: false,
                        execute: false,
                    }),
                    None if page.wrapping_sub(STORE_SHADOW) < STORE_SHADOW_SIZE => None,
                    None if page.wrapping_sub(WatchedPages::BASE) < WatchedPages::SIZE => None,
                    None => Some(Translation {
                        physical: page,
                        read: true,
                        write: p.write,
                        execute: false,
                    }),
                }
            }
        }
    }

    fn shadow(&mut self, page: u32) -> Option<u32> {
        self.watched_pages
            .shadow::<PAGE>(&self.bus, page, LONGEST_TRANSFER)
    }

    fn permissive_code(&self, page: u32) -> bool {
        page < 0xA000_0000 && self.bus.memory.region_at(page).is_some()
    }

    /// Does the MPU take part at the present execution priority?
    fn mpu_active(&self) -> bool {
        let s = &self.bus.system;
        if s.mpu.ctrl & 1 == 0 || s.mpu.regions == 0 {
            return false;
        }
        // HFNMIENA: off in HardFault, NMI and with FAULTMASK unless set.
        s.mpu.ctrl & 2 != 0 || s.execution_priority(self.cpu.masks()) >= 0
    }

    /// Permission of a whole engine page; `None` when the MPU divides it.
    fn page_permission(&self, page: u32) -> Option<Permission> {
        let first = self.permission(page);
        if !self.mpu_active() {
            return Some(first);
        }
        (1..PAGE / 32)
            .all(|i| self.permission(page + i * 32) == first)
            .then_some(first)
    }

    fn permission(&self, address: u32) -> Permission {
        let default = Permission {
            read: true,
            write: true,
            execute: is_code_space(address),
        };
        // The private peripheral bus is not subject to the MPU.
        if address >> 20 == 0xE00 || !self.mpu_active() {
            return default;
        }
        let mpu = &self.bus.system.mpu;
        let privileged = self.privileged();
        for n in (0..usize::from(mpu.regions)).rev() {
            let rasr = mpu.rasr[n];
            if rasr & rasr::ENABLE == 0 {
                continue;
            }
            let bits = (rasr >> 1 & 31) + 1;
            if bits < 5 {
                continue;
            }
            let base = if bits >= 32 {
                0
            } else {
                mpu.rbar[n] & !((1u32 << bits) - 1)
            };
            let offset = address.wrapping_sub(base);
            if bits < 32 && offset >> bits != 0 {
                continue;
            }
            let disabled_subregions = rasr >> 8 & 0xFF;
            if bits >= 8 && disabled_subregions >> (offset >> (bits - 3) & 7) & 1 != 0 {
                continue;
            }
            // AP (DDI 0403E table B3-15).
            let (read, write) = match (rasr >> 24 & 7, privileged) {
                (1 | 2, true) | (3, _) => (true, true),
                (2, false) | (5, true) | (6 | 7, _) => (true, false),
                _ => (false, false),
            };
            let execute = read && rasr & rasr::XN == 0 && is_code_space(address);
            return Permission {
                read,
                write,
                execute,
            };
        }
        // PRIVDEFENA: the default map as background for privileged code.
        if privileged && mpu.ctrl & 4 != 0 {
            default
        } else {
            Permission {
                read: false,
                write: false,
                execute: false,
            }
        }
    }

    pub(super) fn mpu_allows(&self, address: u32, write: bool) -> bool {
        let p = self.permission(address);
        if write { p.write } else { p.read }
    }

    /// Did the MPU (or an XN region) deny the fetch?
    pub(super) fn fetch_denied(&self, address: u32) -> bool {
        !is_code_space(address) || !self.permission(address).execute
    }

    pub(super) fn can_fetch(&self, address: u32) -> bool {
        !self.fetch_denied(address)
            && self
                .bus
                .memory
                .region_at(address)
                .is_some_and(|r| !r.data_only)
    }

    /// Did the MPU deny a data access to this address? Reads and writes are told apart by what is allowed.
    pub(super) fn data_denied(&self, address: u32) -> bool {
        let p = self.permission(address);
        if !p.read {
            return true;
        }
        if p.write {
            return false;
        }
        // Readable only: denied when the instruction stores.
        self.stores_at(self.cpu.pc())
    }

    fn stores_at(&self, pc: u32) -> bool {
        use crate::decode::Class;
        let code = self
            .bus
            .memory
            .slice(pc, 4)
            .or_else(|| self.bus.memory.slice(pc, 2))
            .unwrap_or(&[]);
        let first = code
            .get(..2)
            .map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
        let size = self.decoder.size(first) as usize;
        let insn = self.decoder.one(pc, code.get(..size).unwrap_or(code));
        matches!(
            insn.class,
            Class::Store
                | Class::StoreExclusive
                | Class::StoreDual
                | Class::StoreMultiple
                | Class::FpStore
                | Class::FpStoreMultiple
        )
    }

    /// Bytes were written past the engine: drop code that may have been there.
    pub(super) fn wrote(&mut self, address: u32, bytes: u32) {
        self.bus.stored(address, bytes);
        if self.executable.contains(self.bus.memory.resolve(address)) {
            self.bus
                .dirty_code
                .push((self.bus.memory.resolve(address), 4));
        }
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
            self.clear_blocks_at_rest();
        }
        hit
    }
}

/// The default memory map lets code run below 0x4000_0000 and in external RAM (DDI 0403E B3.1).
fn is_code_space(address: u32) -> bool {
    address < 0x4000_0000 || (0x6000_0000..0xA000_0000).contains(&address)
}
