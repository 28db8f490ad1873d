//! One direction of a serial line: a character in bits, and when each of them is due.

use emu_core::{Cycles, Ratio, Ticker};
use serde::{Deserialize, Serialize};

/// A character as it is on the line, start bit first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Frame {
    /// The character, cut to its width.
    pub byte: u8,
    /// Levels, bit 0 first.
    levels: u16,
    /// Number of bits with start, parity and stop bits.
    bits: u64,
}

impl Frame {
    /// A character with the settings of UARTLCRH: WLEN (6:5), SPS (7), STP2 (3), EPS (2), PEN (1).
    pub fn new(byte: u8, lcrh: u32) -> Frame {
        let width = 5 + (lcrh >> 5 & 3);
        let byte = byte & (0xFF >> (8 - width));
        let mut levels = u16::from(byte) << 1; // the start bit is low
        let mut bits = 1 + width;
        if lcrh & 2 != 0 {
            let even = lcrh & 4 != 0;
            let parity = if lcrh & 0x80 != 0 {
                !even // stick parity
            } else {
                (byte.count_ones() % 2 == 1) == even
            };
            levels |= u16::from(parity) << bits;
            bits += 1;
        }
        let stop = if lcrh & 8 != 0 { 2 } else { 1 };
        levels |= ((1 << stop) - 1) << bits;
        Frame {
            byte,
            levels,
            bits: u64::from(bits + stop),
        }
    }

    fn level(&self, bit: u64) -> bool {
        bit >= self.bits || self.levels >> bit & 1 != 0
    }
}

/// The line: what is on it, in bit periods.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    frame: Option<Frame>,
    bits: Ticker,
    /// Bit period in which the character starts.
    first: u64,
}

impl Default for Line {
    fn default() -> Self {
        Line {
            frame: None,
            bits: Ticker::new(Cycles::ZERO, 0, Ratio::ZERO),
            first: 0,
        }
    }
}

impl Line {
    /// Is a character on the line?
    pub fn busy(&self) -> bool {
        self.frame.is_some()
    }

    /// Put a character on the line: now, or right after the one before, so that fractions of a cycle
    /// add up over a burst.
    pub fn start(&mut self, now: Cycles, rate: Ratio, frame: Frame, continues: bool) {
        if !continues || self.bits.ratio() != rate {
            self.bits = Ticker::new(now, 0, rate);
            self.first = 0;
        }
        self.frame = Some(frame);
    }

    /// When the last stop bit ends.
    pub fn end(&self) -> Option<Cycles> {
        self.bits.cycle_of(self.first + self.frame?.bits)
    }

    /// The character has passed.
    pub fn finish(&mut self) -> Option<u8> {
        let frame = self.frame.take()?;
        self.first += frame.bits;
        Some(frame.byte)
    }

    /// Level of the line.
    pub fn level(&self, now: Cycles) -> bool {
        self.frame
            .is_none_or(|f| f.level(self.bits.ticks_at(now).saturating_sub(self.first)))
    }

    /// The next change of the level within the character.
    pub fn next_edge(&self, now: Cycles) -> Option<Cycles> {
        let frame = self.frame?;
        let bit = self.bits.ticks_at(now).saturating_sub(self.first);
        let level = frame.level(bit);
        let next = (bit + 1..frame.bits).find(|&b| frame.level(b) != level)?;
        self.bits.cycle_of(self.first + next)
    }

    /// The bit rate changed in the middle.
    pub fn set_rate(&mut self, now: Cycles, rate: Ratio) {
        self.bits.set_ratio(now, rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_all_shapes() {
        let f = Frame::new(0x55, 0x60); // 8N1
        assert_eq!((f.levels, f.bits), (0b10_1010_1010, 10));
        let f = Frame::new(0xFF, 2 | 4); // 5E1 of 0x1F: five ones, parity 1
        assert_eq!((f.byte, f.levels, f.bits), (0x1F, 0b1111_1110, 8));
        let f = Frame::new(0x03, 0x40 | 2 | 8); // 7O2: two ones, odd parity 1
        assert_eq!((f.levels, f.bits), (0b111_0000_0110, 11));
        let f = Frame::new(0x00, 0x60 | 2 | 0x80 | 4); // stick parity 0
        assert_eq!((f.levels, f.bits), (0b100_0000_0000, 11));
    }

    #[test]
    fn a_burst_loses_no_fraction() {
        let mut line = Line::default();
        let rate = Ratio::new(2, 7); // 3.5 cycles a bit
        line.start(Cycles(1), rate, Frame::new(1, 0x60), false);
        assert_eq!(line.end(), Some(Cycles(36)));
        line.finish();
        line.start(Cycles(36), rate, Frame::new(1, 0x60 | 8), true);
        assert_eq!(line.end(), Some(Cycles(75)), "21 bits are 73.5 cycles");
        assert!(!line.level(Cycles(36)));
        assert_eq!(
            line.next_edge(Cycles(36)),
            Some(Cycles(40)),
            "bit 11 starts at 39.5"
        );
    }
}
