//! One stream: its registers, pointers, FIFO and flags. It does not touch the bus.
//!
//! Source: RM0090 §10.3, §10.5.5 to §10.5.10.

use super::REQUEST_PULSE;
use emu_core::Width;
use serde::{Deserialize, Serialize};

/// Flags, as they stand in LISR for stream 0.
pub mod flag {
    /// FEIF: FIFO error.
    pub const FE: u32 = 1;
    /// TEIF: transfer error.
    pub const TE: u32 = 1 << 3;
    /// HTIF: half transfer.
    pub const HT: u32 = 1 << 4;
    /// TCIF: transfer complete.
    pub const TC: u32 = 1 << 5;
    /// All of them, with DMEIF.
    pub const ALL: u32 = 0x3D;
}

const EN: u32 = 1;
const PFCTRL: u32 = 1 << 5;
const CIRC: u32 = 1 << 8;
const PINC: u32 = 1 << 9;
const MINC: u32 = 1 << 10;
const PINCOS: u32 = 1 << 15;
const DBM: u32 = 1 << 18;
const CT: u32 = 1 << 19;
/// Bits of SxCR that exist on STM32F4.
const CR_MASK: u32 = 0x0FEF_FFFF;
/// Interrupt enables of SxCR, which may be changed while the stream is enabled.
const CR_ALWAYS: u32 = 0x1E;
/// SxFCR.DMDIS: the FIFO is used.
const DMDIS: u32 = 1 << 2;
const FEIE: u32 = 1 << 7;
/// SxFCR.FS: the FIFO is empty.
const FS_EMPTY: u32 = 4 << 3;
/// Bytes of the FIFO.
const FIFO: usize = 16;

/// Where data goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From PAR to M0AR, on request.
    PeripheralToMemory,
    /// From M0AR to PAR, on request.
    MemoryToPeripheral,
    /// From PAR to M0AR, at once.
    MemoryToMemory,
}

/// What a write to SxCR led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Nothing special.
    Nothing,
    /// It tried to change what is locked while the stream is enabled.
    Locked,
    /// The stream is enabled now.
    Enabled,
    /// The stream has to stop.
    Disabled,
}

/// A stream.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Stream {
    cr: u32,
    /// FCR's writable bits; its reset value has FTH = 1.
    fcr: u32,
    /// SxPAR.
    pub par: u32,
    /// SxM0AR.
    pub m0ar: u32,
    /// SxM1AR.
    pub m1ar: u32,
    /// SxNDTR: items that remain.
    remaining: u32,
    /// Items of the whole transfer.
    total: u32,
    peripheral: u32,
    memory: u32,
    fifo: Vec<u8>,
    flags: u32,
    /// Request levels of its channels.
    levels: u8,
    /// Request pulses that have not been served.
    pulses: u8,
    stopping: bool,
}

impl Stream {
    /// Registers to their reset values; requests come from outside and stay.
    pub fn reset(&mut self) {
        *self = Stream {
            fcr: 1,
            levels: self.levels,
            pulses: self.pulses,
            ..Stream::default()
        };
    }

    /// SxCR.
    #[must_use]
    pub fn cr(&self) -> u32 {
        self.cr
    }

    /// SxFCR with the FIFO status.
    #[must_use]
    pub fn fcr(&self) -> u32 {
        let fs = match self.fifo.len() {
            0 => FS_EMPTY,
            n => ((n as u32) / 4) << 3,
        };
        self.fcr | fs
    }

    /// Items that remain.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Its flags.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// Clear flags.
    pub fn clear_flags(&mut self, bits: u32) {
        self.flags &= !bits;
    }

    /// Does it raise its interrupt line?
    #[must_use]
    pub fn raises_irq(&self) -> bool {
        // SxCR: DMEIE 1, TEIE 2, HTIE 3, TCIE 4; the flags are one bit higher.
        self.flags & (self.cr & CR_ALWAYS) << 1 != 0
            || self.flags & flag::FE != 0 && self.fcr & FEIE != 0
    }

    fn is_enabled(&self) -> bool {
        self.cr & EN != 0
    }

    /// Where data goes. The reserved code is read as memory-to-memory.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match (self.cr >> 6) & 3 {
            0 => Direction::PeripheralToMemory,
            1 => Direction::MemoryToPeripheral,
            _ => Direction::MemoryToMemory,
        }
    }

    /// SxCR.PL.
    #[must_use]
    pub fn priority(&self) -> u32 {
        (self.cr >> 16) & 3
    }

    /// Is PFCTRL set?
    #[must_use]
    pub fn flow_by_peripheral(&self) -> bool {
        self.cr & PFCTRL != 0
    }

    /// Width of an item at the peripheral's side.
    #[must_use]
    pub fn psize(&self) -> Width {
        Width::from_bytes(1 << ((self.cr >> 11) & 3))
    }

    /// Width of an item at the memory's side; in direct mode that of the peripheral's.
    #[must_use]
    pub fn msize(&self) -> Width {
        if self.fcr & DMDIS == 0 && self.direction() != Direction::MemoryToMemory {
            return self.psize();
        }
        Width::from_bytes(1 << ((self.cr >> 13) & 3))
    }

    /// Can it do a beat?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let channel = (self.cr >> 25) & 7;
        self.is_enabled()
            && self.remaining > 0
            && (self.direction() == Direction::MemoryToMemory
                || (self.levels | self.pulses) >> channel & 1 != 0)
    }

    /// A request input has a new value.
    pub fn request(&mut self, channel: usize, value: u32) {
        let bit = 1u8 << channel;
        match value {
            0 => {
                self.levels &= !bit;
                self.pulses &= !bit;
            }
            REQUEST_PULSE => self.pulses |= bit,
            _ => self.levels |= bit,
        }
    }

    /// A request is being served.
    pub fn acknowledge(&mut self) {
        let channel = (self.cr >> 25) & 7;
        if self.direction() != Direction::MemoryToMemory {
            self.pulses &= !(1 << channel);
        }
    }

    /// Memory accesses that the next beat makes.
    #[must_use]
    pub fn memory_accesses_in_beat(&self) -> u64 {
        let (p, m) = (self.psize().bytes() as usize, self.msize().bytes() as usize);
        let held = self.fifo.len();
        let n = match self.direction() {
            Direction::MemoryToPeripheral => p.saturating_sub(held).div_ceil(m),
            _ if self.remaining == 1 => (held + p).div_ceil(m), // with the flush
            _ => (held + p) / m,
        };
        n as u64
    }

    /// Put an item into the FIFO.
    pub fn fifo_push(&mut self, value: u32, width: Width) {
        let bytes = width.bytes() as usize;
        self.fifo.extend_from_slice(&value.to_le_bytes()[..bytes]);
        debug_assert!(self.fifo.len() <= FIFO);
    }

    /// Take an item out of the FIFO, if it holds so much.
    pub fn fifo_pop(&mut self, width: Width) -> Option<u32> {
        let n = width.bytes() as usize;
        if self.fifo.len() < n {
            return None;
        }
        let value = (self.fifo[..n].iter().rev()).fold(0, |v, &b| v << 8 | u32::from(b));
        self.fifo.drain(..n);
        Some(value)
    }

    /// Fill the FIFO up to whole memory items, for a flush: the hardware writes the last item in full
    /// width, "with an undesired value" in the rest, which is zero here (RM0090 §10.3.12).
    pub fn fifo_pad(&mut self) {
        let item = self.msize().bytes() as usize;
        self.fifo.resize(self.fifo.len().next_multiple_of(item), 0);
    }

    /// Drop what is in the FIFO.
    pub fn fifo_clear(&mut self) {
        self.fifo.clear();
    }

    /// Address of the next access of the peripheral port, aligned to its width.
    #[must_use]
    pub fn peripheral_address(&self) -> u32 {
        self.peripheral & !(self.psize().bytes() - 1)
    }

    /// Address of the next access of the memory port, aligned to its width.
    #[must_use]
    pub fn memory_address(&self, width: Width) -> u32 {
        self.memory & !(width.bytes() - 1)
    }

    /// An access of the peripheral port is done.
    pub fn peripheral_done(&mut self) {
        if self.cr & PINC != 0 {
            let step = if self.cr & PINCOS != 0 {
                4
            } else {
                self.psize().bytes()
            };
            self.peripheral = self.peripheral.wrapping_add(step);
        }
        self.remaining = self.remaining.saturating_sub(1);
    }

    /// An access of the memory port is done.
    pub fn memory_done(&mut self, width: Width) {
        if self.cr & MINC != 0 {
            self.memory = self.memory.wrapping_add(width.bytes());
        }
    }

    /// Set the flags that belong to what remains, and go on or end.
    pub fn count(&mut self) {
        if self.remaining == self.total / 2 && self.total > 1 {
            self.flags |= flag::HT;
        }
        if self.remaining > 0 {
            return;
        }
        self.flags |= flag::TC;
        if self.cr & DBM != 0 {
            self.cr ^= CT;
            self.rewind();
        } else if self.cr & CIRC != 0 && self.direction() != Direction::MemoryToMemory {
            self.rewind();
        } else {
            self.cr &= !EN;
        }
    }

    fn rewind(&mut self) {
        self.remaining = self.total;
        self.peripheral = self.par;
        self.memory = if self.cr & (DBM | CT) == DBM | CT {
            self.m1ar
        } else {
            self.m0ar
        };
    }

    /// A bus error: the stream is disabled (RM0090 §10.3.18).
    pub fn fail(&mut self) {
        self.stop(flag::TE);
    }

    /// Software wants it to stop, but a beat is under way: EN reads as set until its end.
    pub fn stop_after_beat(&mut self) {
        self.stopping = true;
    }

    /// Has it to stop after this beat?
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping && self.is_enabled()
    }

    /// Disable it and set flags.
    pub fn stop(&mut self, flags: u32) {
        self.cr &= !EN;
        self.flags |= flags;
        self.stopping = false;
        self.fifo.clear();
    }

    /// Write SxCR.
    pub fn write_cr(&mut self, value: u32) -> Outcome {
        let value = value & CR_MASK;
        if self.is_enabled() {
            let locked = !CR_ALWAYS & !EN;
            let tried = (value ^ self.cr) & locked != 0;
            self.cr = self.cr & !CR_ALWAYS | value & CR_ALWAYS;
            return match (value & EN != 0, tried) {
                (false, _) => Outcome::Disabled,
                (true, true) => Outcome::Locked,
                (true, false) => Outcome::Nothing,
            };
        }
        self.cr = value;
        if value & EN == 0 {
            return Outcome::Nothing;
        }
        if !self.burst_fits() {
            // RM0090 §10.3.18: the stream is disabled by hardware.
            self.stop(flag::FE);
            return Outcome::Nothing;
        }
        self.stopping = false;
        self.fifo.clear();
        self.total = self.remaining;
        self.rewind();
        Outcome::Enabled
    }

    /// Is the FIFO threshold a whole number of memory bursts (RM0090 §10.3.12)?
    fn burst_fits(&self) -> bool {
        let beats = match (self.cr >> 23) & 3 {
            0 => return true,
            n => 2 << n,
        };
        if self.fcr & DMDIS == 0 && self.direction() != Direction::MemoryToMemory {
            return true; // single transfers are forced in direct mode
        }
        let threshold = 4 * ((self.fcr & 3) + 1);
        threshold.is_multiple_of(beats * self.msize().bytes())
    }

    /// Write SxNDTR; ignored while enabled.
    pub fn write_ndtr(&mut self, value: u32) {
        if !self.is_enabled() {
            self.remaining = value;
        }
    }

    /// Write SxPAR; ignored while enabled.
    pub fn write_par(&mut self, value: u32) {
        if !self.is_enabled() {
            self.par = value;
        }
    }

    /// Write SxM0AR or SxM1AR. While the stream runs with two buffers only the idle one may be
    /// changed; the other gives a transfer error (RM0090 §10.3.9).
    pub fn write_memory(&mut self, index: u32, value: u32) {
        if self.is_enabled() {
            if self.cr & DBM == 0 {
                return;
            }
            if u32::from(self.cr & CT != 0) == index {
                self.fail();
                return;
            }
        }
        if index == 0 {
            self.m0ar = value;
        } else {
            self.m1ar = value;
        }
    }

    /// Write SxFCR; threshold and mode are locked while enabled.
    pub fn write_fcr(&mut self, value: u32) {
        let writable = if self.is_enabled() { FEIE } else { FEIE | 7 };
        self.fcr = self.fcr & !writable | value & writable;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_must_divide_the_threshold() {
        let mut s = Stream::default();
        s.reset();
        s.write_ndtr(16);
        s.write_fcr(DMDIS | 1); // half full: eight bytes
        assert_eq!(s.write_cr(1 << 23 | 1 << 13 | EN), Outcome::Enabled); // INCR4 of half-words
        s.stop(0);
        assert_eq!(s.write_cr(1 << 23 | 2 << 13 | EN), Outcome::Nothing); // INCR4 of words
        assert_eq!((s.flags(), s.cr() & EN), (flag::FE, 0));
    }

    #[test]
    fn configuration_is_locked_while_enabled() {
        let mut s = Stream::default();
        s.write_ndtr(4);
        assert_eq!(s.write_cr(EN | MINC), Outcome::Enabled);
        assert_eq!(s.write_cr(EN | 1 << 4), Outcome::Locked);
        assert_eq!(s.cr(), EN | MINC | 1 << 4);
        s.write_ndtr(9);
        s.write_memory(0, 0x2000_0000);
        assert_eq!((s.remaining(), s.m0ar), (4, 0));
    }

    #[test]
    fn half_and_complete() {
        let mut s = Stream::default();
        s.write_ndtr(5);
        s.write_cr(EN);
        let flags: Vec<u32> = (0..5)
            .map(|_| {
                s.peripheral_done();
                s.count();
                s.flags()
            })
            .collect();
        let both = flag::HT | flag::TC;
        assert_eq!(flags, [0, 0, flag::HT, flag::HT, both]);
        assert_eq!(s.cr() & EN, 0);
    }
}
