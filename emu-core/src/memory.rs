//! Memory regions: flash, ROM and RAM as host buffers, and their aliases.
//!
//! RAM that nobody wrote reads as zero, always: no uninitialised guest memory reaches a result.

use crate::device::{DeviceId, Width};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a region is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemoryKind {
    /// Read, write, execute.
    Ram,
    /// Read and execute; stores go to the guarding device or are a bus error.
    Flash,
    /// Read and execute; stores are a bus error.
    Rom,
}

/// Host buffers start on this boundary and are whole multiples of it.
pub const HOST_PAGE: usize = 4096;

/// A zeroed, page-aligned host buffer of fixed address, shared with the execution engine.
struct HostBuffer {
    start: *mut u8,
    len: usize,
}

// SAFETY: the buffer is plain memory that moves with its owner; the engine that also points into it
// lives in the same machine and runs only while that machine is borrowed.
unsafe impl Send for HostBuffer {}

impl HostBuffer {
    fn layout(len: usize) -> std::alloc::Layout {
        std::alloc::Layout::from_size_align(
            len.next_multiple_of(HOST_PAGE).max(HOST_PAGE),
            HOST_PAGE,
        )
        .unwrap_or_else(|_| std::alloc::Layout::new::<[u8; HOST_PAGE]>())
    }

    fn new(len: usize, fill: u8) -> HostBuffer {
        let layout = Self::layout(len);
        // SAFETY: the layout has a non-zero size.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        if start.is_null() {
            std::alloc::handle_alloc_error(layout);
        }
        if fill != 0 {
            // SAFETY: `start` is valid for the size of its layout.
            unsafe { start.write_bytes(fill, layout.size()) };
        }
        HostBuffer { start, len }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: allocated for at least `len` bytes, initialised, and borrowed through `self`.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and exclusive through `&mut self`.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

impl Drop for HostBuffer {
    fn drop(&mut self) {
        // SAFETY: allocated with the same layout in `new`.
        unsafe { std::alloc::dealloc(self.start, Self::layout(self.len)) }
    }
}

/// One region of memory.
pub struct Region {
    /// Name, such as `flash` or `sram1`.
    pub name: String,
    /// First address.
    pub base: u32,
    /// What it is.
    pub kind: MemoryKind,
    /// The device that decides about stores to it.
    pub guard: Option<DeviceId>,
    /// The core cannot fetch from it: the bus that it hangs on carries no instructions.
    pub data_only: bool,
    buffer: HostBuffer,
    version: u64,
}

/// A number that was never given before, in any machine.
fn new_version() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl Region {
    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.buffer.len as u32
    }

    /// Its contents.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// Its contents, writable whatever the kind.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        if self.kind != MemoryKind::Ram {
            self.version = new_version();
        }
        self.buffer.bytes_mut()
    }

    /// Names the contents of flash and ROM: while it is the same, so are they, in whichever machine. `None` for RAM,
    /// which the execution engine writes to.
    pub(crate) fn version(&self) -> Option<u64> {
        (self.kind != MemoryKind::Ram).then_some(self.version)
    }

    /// Its contents, to be made those that have this version.
    pub(crate) fn restore_bytes(&mut self, version: Option<u64>) -> &mut [u8] {
        self.version = version.unwrap_or_else(new_version);
        self.buffer.bytes_mut()
    }

    pub(crate) fn host_pointer(&self) -> *mut u8 {
        self.buffer.start
    }

    /// Is the address in it?
    #[must_use]
    pub fn contains(&self, address: u32) -> bool {
        address.wrapping_sub(self.base) < self.size()
    }
}

/// A second place at which a range of memory is seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alias {
    /// First address of the alias.
    pub base: u32,
    /// Its size in bytes.
    pub size: u32,
    /// The address that its first byte stands for.
    pub target: u32,
}

/// All memory of a machine.
#[derive(Default)]
pub struct Memory {
    regions: Vec<Region>,
    aliases: Vec<Alias>,
}

impl Memory {
    /// Add a region; erased flash reads as `0xFF`, all else as zero.
    pub fn add(&mut self, name: &str, kind: MemoryKind, base: u32, size: u32) {
        let fill = if kind == MemoryKind::Flash { 0xFF } else { 0 };
        self.regions.push(Region {
            name: name.to_owned(),
            base,
            kind,
            guard: None,
            data_only: false,
            buffer: HostBuffer::new(size as usize, fill),
            version: new_version(),
        });
    }

    /// Add an alias.
    pub fn add_alias(&mut self, alias: Alias) {
        self.aliases.push(alias);
    }

    /// Let a device decide about stores to the region of that name.
    pub fn set_guard(&mut self, region: &str, device: DeviceId) {
        if let Some(r) = self.regions.iter_mut().find(|r| r.name == region) {
            r.guard = Some(device);
        }
    }

    /// No instructions can be fetched from the region of that name.
    pub fn set_data_only(&mut self, region: &str) {
        if let Some(r) = self.regions.iter_mut().find(|r| r.name == region) {
            r.data_only = true;
        }
    }

    /// All regions.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// All regions, writable.
    pub fn regions_mut(&mut self) -> &mut [Region] {
        &mut self.regions
    }

    /// All aliases.
    #[must_use]
    pub fn aliases(&self) -> &[Alias] {
        &self.aliases
    }

    /// The address after aliasing.
    #[must_use]
    pub fn resolve(&self, address: u32) -> u32 {
        for a in &self.aliases {
            let off = address.wrapping_sub(a.base);
            if off < a.size {
                return a.target.wrapping_add(off);
            }
        }
        address
    }

    /// The region at an address, after aliasing.
    #[must_use]
    pub fn region_at(&self, address: u32) -> Option<&Region> {
        let a = self.resolve(address);
        self.regions.iter().find(|r| r.contains(a))
    }

    /// How many bytes from an address on lie in one region, without a seam of an alias; zero where there is no
    /// memory.
    #[must_use]
    pub fn extent(&self, address: u32) -> u32 {
        let resolved = self.resolve(address);
        let Some(region) = self.region_at(address) else {
            return 0;
        };
        let rest = region.size() - (resolved - region.base);
        self.aliases.iter().fold(rest, |rest, a| {
            let offset = address.wrapping_sub(a.base);
            if offset < a.size {
                rest.min(a.size - offset)
            } else if a.base > address {
                rest.min(a.base - address)
            } else {
                rest
            }
        })
    }

    /// `len` bytes at an address, when they lie in one region.
    #[must_use]
    pub fn slice(&self, address: u32, len: usize) -> Option<&[u8]> {
        let a = self.resolve(address);
        let r = self.regions.iter().find(|r| r.contains(a))?;
        let off = (a - r.base) as usize;
        r.bytes().get(off..off.checked_add(len)?)
    }

    /// `len` bytes at an address, writable whatever the kind, when they lie in one region.
    pub fn slice_mut(&mut self, address: u32, len: usize) -> Option<&mut [u8]> {
        let a = self.resolve(address);
        let r = self.regions.iter_mut().find(|r| r.contains(a))?;
        let off = (a - r.base) as usize;
        r.bytes_mut().get_mut(off..off.checked_add(len)?)
    }

    /// A little-endian word of the region of this number, if it lies in it.
    #[inline]
    #[must_use]
    pub fn region_word(&self, region: usize, address: u32) -> Option<u32> {
        let r = self.regions.get(region)?;
        let at = address.wrapping_sub(r.base) as usize;
        let bytes = r.bytes().get(at..).and_then(<[u8]>::first_chunk)?;
        Some(u32::from_le_bytes(*bytes))
    }

    /// A little-endian value of a place in the region of this number, if all of it is there.
    #[inline]
    pub(crate) fn load_at(&self, (region, offset): (usize, usize), bytes: u32) -> Option<u32> {
        let from = self.regions.get(region)?.bytes().get(offset..)?;
        match bytes {
            1 => from.first().map(|&b| b.into()),
            2 => from.first_chunk().map(|b| u16::from_le_bytes(*b).into()),
            _ => from.first_chunk().map(|b| u32::from_le_bytes(*b)),
        }
    }

    /// Store a little-endian value at a place in the region of this number, if all of it is there.
    #[inline]
    pub(crate) fn store_at(
        &mut self,
        (region, offset): (usize, usize),
        bytes: u32,
        value: u32,
    ) -> Option<()> {
        let to = self
            .regions
            .get_mut(region)?
            .bytes_mut()
            .get_mut(offset..)?;
        let to = to.get_mut(..bytes as usize)?;
        to.copy_from_slice(value.to_le_bytes().get(..bytes as usize)?);
        Some(())
    }

    /// A little-endian value.
    #[must_use]
    pub fn load(&self, address: u32, width: Width) -> Option<u32> {
        let b = self.slice(address, width.bytes() as usize)?;
        Some(b.iter().rev().fold(0, |v, &x| (v << 8) | u32::from(x)))
    }

    /// Store a little-endian value, whatever the kind of the region.
    pub fn store(&mut self, address: u32, width: Width, value: u32) -> Option<()> {
        let b = self.slice_mut(address, width.bytes() as usize)?;
        for (i, x) in b.iter_mut().enumerate() {
            *x = (value >> (8 * i)) as u8;
        }
        Some(())
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(
                self.regions
                    .iter()
                    .map(|r| (&r.name, r.base, r.size(), r.kind)),
            )
            .finish()
    }
}
