//! Programming of flash by `load`: at once and without time, as a programmer does while the chip is off.

use super::Debuggee;
use emu_core::memory::MemoryKind;
use gdbstub::target::ext::flash::Flash;
use gdbstub::target::{TargetError, TargetResult};

const EFAULT: u8 = 14;

impl Debuggee<'_> {
    fn program(&mut self, start: u32, bytes: &[u8]) -> TargetResult<(), Self> {
        let bus = self.machine.bus_mut();
        let flash = bus
            .memory
            .region_at(start)
            .is_some_and(|r| r.kind == MemoryKind::Flash);
        if !flash {
            return Err(TargetError::Errno(EFAULT));
        }
        bus.program(start, bytes)
            .map_err(|_| TargetError::Errno(EFAULT))
    }
}

impl Flash for Debuggee<'_> {
    fn flash_erase(&mut self, start: u32, length: u32) -> TargetResult<(), Self> {
        // The length comes from outside: no buffer of that size before it is known to be flash.
        let memory = &self.machine.bus().memory;
        if memory.slice(start, length as usize).is_none() {
            return Err(TargetError::Errno(EFAULT));
        }
        self.program(start, &vec![0xFF; length as usize])
    }

    fn flash_write(&mut self, start: u32, data: &[u8]) -> TargetResult<(), Self> {
        self.program(start, data)
    }

    fn flash_done(&mut self) -> TargetResult<(), Self> {
        Ok(())
    }
}
