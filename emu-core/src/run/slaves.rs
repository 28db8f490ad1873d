//! Which bus slave an address belongs to, and how much slower than the fastest it is.
//!
//! What the single-cycle I/O port of a Cortex-M0+ reaches counts as a slave, too.
//! Loads overlap on Cortex-M3 and M4 only within one slave. The slaves are the memory regions in the order of the
//! machine file (aliases belong to what they show), the peripheral space and the private peripheral bus.

use crate::memory::{Memory, MemoryKind};

/// Each page has one slave.
const PAGE_BITS: u32 = 12;
/// Everything that is neither memory nor private peripheral bus.
const PERIPHERALS: u8 = 6;
/// 0xE000_0000 and above.
const PRIVATE: u8 = 7;
/// Memory regions beyond the first four share a slave.
const LAST_MEMORY: u8 = 4;
/// The single-cycle I/O port.
const IO_PORT: u8 = 5;

/// The slaves of a machine.
pub struct Slaves {
    pages: Vec<u8>,
    extra: [u8; 8],
    flash: u8,
    has_io_port: bool,
}

impl Slaves {
    /// The slaves of a memory map; `extra` tells the cycles that loads from a region take longer.
    pub fn new(
        memory: &Memory,
        io_port: Option<(u32, u32)>,
        extra: impl Fn(&str) -> u32,
    ) -> Slaves {
        let mut slaves = Slaves {
            pages: vec![0; 1 << (32 - PAGE_BITS)],
            extra: [0; 8],
            flash: 0,
            has_io_port: io_port.is_some(),
        };
        if let Some((base, size)) = io_port {
            slaves.fill(base, size, IO_PORT);
        }
        for (n, region) in memory.regions().iter().enumerate() {
            let slave = (n as u8 + 1).min(LAST_MEMORY);
            let more = extra(&region.name).min(7) as u8;
            slaves.extra[usize::from(slave)] = slaves.extra[usize::from(slave)].max(more);
            if region.kind == MemoryKind::Flash && slaves.flash == 0 {
                slaves.flash = slave;
            }
            slaves.fill(region.base, region.size(), slave);
        }
        for alias in memory.aliases() {
            let slave = slaves.of(memory.resolve(alias.base));
            slaves.fill(alias.base, alias.size, slave);
        }
        slaves
    }

    fn fill(&mut self, base: u32, size: u32, slave: u8) {
        let first = (base >> PAGE_BITS) as usize;
        let last = ((u64::from(base) + u64::from(size.max(1)) - 1) >> PAGE_BITS) as usize;
        let end = (last + 1).min(self.pages.len());
        if let Some(pages) = self.pages.get_mut(first..end) {
            pages.fill(slave);
        }
    }

    /// The slave of an address: 1 to 7.
    #[inline]
    pub fn of(&self, address: u32) -> u8 {
        match self.pages[(address >> PAGE_BITS) as usize] {
            0 if address >= 0xE000_0000 => PRIVATE,
            0 => PERIPHERALS,
            slave => slave,
        }
    }

    /// More cycles of loads, by slave.
    pub fn extra(&self) -> &[u8; 8] {
        &self.extra
    }

    /// The slave of the flash that code runs from; 0 for none.
    pub fn flash(&self) -> u8 {
        self.flash
    }

    /// The slave of the single-cycle I/O port, when there is one.
    pub fn io_port(&self) -> Option<u8> {
        self.has_io_port.then_some(IO_PORT)
    }

    /// Is any slave slower than another?
    pub fn differ(&self) -> bool {
        self.extra.iter().any(|&e| e != 0)
    }
}
