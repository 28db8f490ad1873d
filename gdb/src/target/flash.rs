//! Programming of flash by `load`: at once and without time, as a programmer does while the chip is off.

use super::Debuggee;
use super::change::EFAULT;
use emu_core::memory::MemoryKind;
use emu_core::timeline::{Change, Companion};
use gdbstub::target::ext::flash::Flash;
use gdbstub::target::{TargetError, TargetResult};

impl<C: Companion + 'static> Debuggee<C> {
    /// How many of the `length` bytes from `start` on are flash without a gap.
    fn flash_extent(&self, start: u32, length: u32) -> u32 {
        let memory = &self.machine().bus().memory;
        let mut done = 0;
        while done < length {
            let Some(at) = start.checked_add(done) else {
                break;
            };
            let region = memory.region_at(at);
            if region.is_none_or(|r| r.kind != MemoryKind::Flash) {
                break;
            }
            done = done.saturating_add(memory.extent(at));
        }
        done.min(length)
    }

    fn program(&mut self, address: u32, bytes: Vec<u8>) -> TargetResult<(), Self> {
        self.change(Change::Memory { address, bytes })
    }
}

impl<C: Companion + 'static> Flash for Debuggee<C> {
    /// gdb erases whole blocks: the last one may reach behind the end of a flash of another size.
    fn flash_erase(&mut self, start: u32, length: u32) -> TargetResult<(), Self> {
        let there = self.flash_extent(start, length);
        if there == 0 || length - there >= crate::memory_map::BLOCK {
            return Err(TargetError::Errno(EFAULT));
        }
        self.program(start, vec![0xFF; there as usize])
    }

    fn flash_write(&mut self, start: u32, data: &[u8]) -> TargetResult<(), Self> {
        if (self.flash_extent(start, data.len() as u32) as usize) < data.len() {
            return Err(TargetError::Errno(EFAULT));
        }
        self.program(start, data.to_vec())
    }

    fn flash_done(&mut self) -> TargetResult<(), Self> {
        Ok(())
    }
}
