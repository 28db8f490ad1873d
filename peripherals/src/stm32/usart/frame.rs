//! Frames: word length, parity and stop bits, and how long a bit takes (RM0090 §30.3.1, §30.3.4, §30.3.7).

use serde::{Deserialize, Serialize};

/// CR1.OVER8.
const OVER8: u32 = 1 << 15;
/// CR1.M: nine bits, parity included.
const M: u32 = 1 << 12;
/// CR1.PCE.
const PCE: u32 = 1 << 10;
/// CR1.PS: odd.
const PS: u32 = 1 << 9;

/// What CR1 and CR2 say about frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Format {
    /// Bits between start and stop, parity included: 8 or 9.
    pub word_bits: u32,
    /// The last of them is a parity bit; odd when `Some(true)`.
    pub parity: Option<bool>,
    /// Stop bits in halves of a bit.
    pub stop_halves: u32,
}

impl Format {
    pub(super) fn new(cr1: u32, cr2: u32) -> Format {
        Format {
            word_bits: if cr1 & M != 0 { 9 } else { 8 },
            parity: (cr1 & PCE != 0).then_some(cr1 & PS != 0),
            stop_halves: [2, 1, 4, 3][(cr2 >> 12 & 3) as usize],
        }
    }

    /// The bits of the word that carry data.
    pub(super) fn data_mask(self) -> u32 {
        (1 << (self.word_bits - u32::from(self.parity.is_some()))) - 1
    }

    /// The word on the line: data, and parity in place of the last bit (RM0090 §30.3.7).
    pub(super) fn word(self, data: u32) -> u32 {
        let data = data & self.data_mask();
        match self.parity {
            None => data,
            Some(odd) => {
                let bit = data.count_ones() & 1 ^ u32::from(odd);
                data | bit << (self.word_bits - 1)
            }
        }
    }

    /// Is the parity of a received word wrong?
    pub(super) fn parity_error(self, word: u32) -> bool {
        self.parity.is_some() && self.word(word) != word
    }

    /// Length of a frame in kernel clock ticks: start, word and stop.
    pub(super) fn ticks(self, bit: u64) -> u64 {
        u64::from(1 + self.word_bits) * bit + u64::from(self.stop_halves) * bit / 2
    }
}

/// Kernel clock ticks in a bit; `None` when BRR is below the smallest divider.
///
/// USARTDIV is BRR/16; a bit takes 16 USARTDIV periods, or 8 with OVER8, where the fraction has three
/// bits (RM0090 §30.3.4).
pub(super) fn bit_ticks(brr: u32, cr1: u32) -> Option<u64> {
    let (mantissa, fraction) = (brr >> 4 & 0xFFF, brr & 0xF);
    if mantissa == 0 {
        return None;
    }
    Some(u64::from(if cr1 & OVER8 != 0 {
        8 * mantissa + (fraction & 7)
    } else {
        16 * mantissa + fraction
    }))
}

/// What a transmitted frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Data for the host.
    Data(u8),
    /// The line stays high: the preamble after TE is set.
    Idle,
    /// The line is low for a whole frame, then stops.
    Break,
}

/// A frame in the transmit shift register.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Kernel clock tick at which it starts.
    pub start: u64,
    /// Ticks of a bit.
    pub bit: u64,
    /// Levels of the bits before the stop bits, first in bit 0.
    levels: u32,
    /// How many of them.
    count: u32,
    stop_halves: u32,
}

impl Frame {
    /// A frame with what DR holds.
    pub(super) fn data(format: Format, dr: u32, start: u64, bit: u64) -> Frame {
        Frame {
            kind: Kind::Data((dr & format.data_mask()) as u8),
            start,
            bit,
            levels: format.word(dr) << 1,
            count: 1 + format.word_bits,
            stop_halves: format.stop_halves,
        }
    }

    /// A frame of ones, stop bits included.
    pub(super) fn idle(format: Format, start: u64, bit: u64) -> Frame {
        Frame {
            kind: Kind::Idle,
            levels: !0,
            ..Frame::data(format, 0, start, bit)
        }
    }

    /// A frame of zeros as long as a frame with one stop bit, then stop bits (RM0090 §30.3.2).
    pub(super) fn line_break(format: Format, start: u64, bit: u64) -> Frame {
        Frame {
            kind: Kind::Break,
            levels: 0,
            count: 2 + format.word_bits,
            ..Frame::data(format, 0, start, bit)
        }
    }

    /// Tick of the first stop bit.
    pub(super) fn stop(&self) -> u64 {
        self.start + u64::from(self.count) * self.bit
    }

    /// Tick at which the last stop bit is over.
    pub(super) fn end(&self) -> u64 {
        self.stop() + u64::from(self.stop_halves) * self.bit / 2
    }

    fn cell(&self, index: u64) -> bool {
        index >= u64::from(self.count) || self.levels >> index & 1 != 0
    }

    /// Level of the line at a tick.
    pub(super) fn level(&self, tick: u64) -> bool {
        tick < self.start || self.cell((tick - self.start) / self.bit)
    }

    /// The next tick after `tick` at which the level changes, else the end.
    pub(super) fn next_change(&self, tick: u64) -> u64 {
        if tick < self.start {
            return self.start;
        }
        let now = (tick - self.start) / self.bit;
        (now + 1..=u64::from(self.count))
            .find(|&i| self.cell(i) != self.cell(now))
            .map_or(self.end(), |i| self.start + i * self.bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_time() {
        // 16 MHz / 139 = 115107 baud; with OVER8 a BRR of 0x113 is 17.375 * 8 = 139 periods.
        assert_eq!(bit_ticks(0x8B, 0), Some(139));
        assert_eq!(bit_ticks(0x113, OVER8), Some(8 * 17 + 3));
        assert_eq!(bit_ticks(0xF, 0), None);
    }

    #[test]
    fn parity() {
        let even7 = Format::new(PCE, 0);
        assert_eq!(even7.word(b'A'.into()), 0x41);
        assert_eq!(even7.word(b'C'.into()), 0xC3);
        assert!(even7.parity_error(0x43));
        let odd8 = Format::new(M | PCE | PS, 0);
        assert_eq!(odd8.word(0x41), 0x141);
        assert_eq!(odd8.data_mask(), 0xFF);
        assert_eq!(Format::new(M, 0).data_mask(), 0x1FF);
    }

    #[test]
    fn stop_bits() {
        let ticks: Vec<u64> = (0..4).map(|s| Format::new(0, s << 12).ticks(100)).collect();
        assert_eq!(ticks, [1000, 950, 1100, 1050]);
    }

    #[test]
    fn levels_of_a_frame() {
        // 'U' = 0x55 toggles at every bit; 0x00 changes only at the stop bit.
        let f = Frame::data(Format::new(0, 0), 0x55, 7, 10);
        assert!(f.level(6) && !f.level(7) && f.level(17));
        assert_eq!(f.next_change(7), 17);
        let zero = Frame::data(Format::new(0, 0), 0, 0, 10);
        assert_eq!(zero.next_change(0), 90);
        assert_eq!(zero.next_change(90), 100);
        assert_eq!(Frame::idle(Format::new(0, 0), 0, 10).next_change(0), 100);
        let b = Frame::line_break(Format::new(0, 0), 0, 10);
        assert_eq!((b.stop(), b.end()), (100, 110));
    }
}
