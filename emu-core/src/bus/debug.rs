//! Memory and registers as a debugger reads and writes them.
//!
//! Memory is copied. A device gets the widest aligned access that fits into what the debugger asks for: `x/4wx` reads
//! words, `x/bx` reads one byte. Reads have no effects and take no time; a write to a device has all of its effects,
//! at the present cycle.

use super::{Bus, BusError};
use crate::device::Width;
use crate::memory::MemoryKind;

/// The widest access to this address that is aligned and no longer than `rest` bytes.
fn widest(address: u32, rest: usize) -> Width {
    match (address & 3, rest) {
        (0, 4..) => Width::Word,
        (0 | 2, 2..) => Width::Half,
        _ => Width::Byte,
    }
}

impl Bus {
    /// Read what can be read from `address` on. Returns how many bytes that was.
    pub(crate) fn debug_read(&mut self, address: u32, into: &mut [u8]) -> usize {
        self.debug_access(address, into.len(), |bus, at, done, n| {
            let place = &mut into[done..done + n];
            match bus.memory.slice(at, n) {
                Some(bytes) => place.copy_from_slice(bytes),
                None => {
                    let value = bus.peek(at, widest(at, n))?;
                    place.copy_from_slice(&value.to_le_bytes()[..n]);
                }
            }
            Ok(())
        })
    }

    /// Write what can be written from `address` on. Returns how many bytes that was.
    pub(crate) fn debug_write(&mut self, address: u32, bytes: &[u8]) -> usize {
        self.debug_access(address, bytes.len(), |bus, at, done, n| {
            let bytes = &bytes[done..done + n];
            match bus.memory.region_at(at).map(|r| r.kind) {
                Some(MemoryKind::Ram | MemoryKind::Flash) => bus.program(at, bytes),
                Some(MemoryKind::Rom) => Err(BusError),
                None => {
                    let value = bytes.iter().rev().fold(0, |v, &b| v << 8 | u32::from(b));
                    bus.write(at, widest(at, n), value)
                }
            }
        })
    }

    /// Cuts `len` bytes into runs of memory and single accesses to devices: address, bytes done before, length.
    fn debug_access(
        &mut self,
        address: u32,
        len: usize,
        mut access: impl FnMut(&mut Bus, u32, usize, usize) -> Result<(), BusError>,
    ) -> usize {
        let mut done = 0;
        while done < len {
            // Nothing wraps round at the end of the address space.
            let at = u32::try_from(done)
                .ok()
                .and_then(|d| address.checked_add(d));
            let Some(at) = at else { break };
            let rest = len - done;
            let n = match self.memory.extent(at) as usize {
                0 => widest(at, rest).bytes() as usize,
                memory => memory.min(rest),
            };
            if access(self, at, done, n).is_err() {
                break;
            }
            done += n;
        }
        done
    }
}
