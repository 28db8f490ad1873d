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
            pages: vec![PERIPHERALS; 1 << (32 - PAGE_BITS)],
            extra: [0; 8],
            flash: 0,
            has_io_port: io_port.is_some(),
        };
        slaves.fill(0xE000_0000, 0x2000_0000, PRIVATE);
        if let Some((base, size)) = io_port {
            slaves.fill(base, size, IO_PORT);
        }
        for (n, region) in memory.regions().iter().enumerate() {
            if region.kind == MemoryKind::Flash && slaves.flash == 0 {
                slaves.flash = of_region(n);
            }
            slaves.fill(region.base, region.size(), of_region(n));
        }
        for alias in memory.aliases() {
            let slave = slaves.of(memory.resolve(alias.base));
            slaves.fill(alias.base, alias.size, slave);
        }
        slaves.set_extra(memory, extra);
        slaves
    }

    /// Take over the cycles that loads from regions take longer. Says whether any changed.
    pub fn set_extra(&mut self, memory: &Memory, extra: impl Fn(&str) -> u32) -> bool {
        let before = self.extra;
        self.extra = [0; 8];
        for (n, region) in memory.regions().iter().enumerate() {
            let slot = &mut self.extra[usize::from(of_region(n))];
            *slot = (*slot).max(extra(&region.name).min(7) as u8);
        }
        self.extra != before
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
        self.pages[(address >> PAGE_BITS) as usize]
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

/// The slave of the region of this number.
fn of_region(n: usize) -> u8 {
    (n as u8).saturating_add(1).min(LAST_MEMORY)
}
