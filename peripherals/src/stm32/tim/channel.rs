//! One capture/compare channel.
//!
//! Modelled: all output modes of OCxM, preload, polarity, input selection, capture on either or both
//! edges with its prescaler. Not modelled: OCxFE (it shortens a delay that is not modelled either),
//! OCxCE, the input filter (edges are captured in their own cycle), complementary outputs.
//!
//! Source: RM0090 §17.3.5 to §17.3.9, §17.4.7, §17.4.9.

use super::counter::Counter;
use serde::{Deserialize, Serialize};

/// CCER bits of a channel, in its nibble.
pub mod enable {
    /// CCxE.
    pub const E: u32 = 1;
    /// CCxP.
    pub const P: u32 = 2;
    /// CCxNE.
    pub const NE: u32 = 4;
    /// CCxNP.
    pub const NP: u32 = 8;
}

/// Which edges of an input count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Edges {
    /// Low to high.
    Rising,
    /// High to low.
    Falling,
    /// Both.
    Both,
}

impl Edges {
    /// From the polarity bits of a channel's CCER nibble (RM0090 §17.4.9).
    #[must_use]
    pub fn of_polarity(nibble: u32) -> Edges {
        match (nibble & enable::P != 0, nibble & enable::NP != 0) {
            (false, _) => Edges::Rising,
            (true, false) => Edges::Falling,
            (true, true) => Edges::Both,
        }
    }

    /// Does a change to `level` count?
    #[must_use]
    pub fn take(self, level: bool) -> bool {
        match self {
            Edges::Rising => level,
            Edges::Falling => !level,
            Edges::Both => true,
        }
    }
}

/// What a channel is used for: CCxS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// Output compare.
    Compare,
    /// Capture on the input of the same number.
    Direct,
    /// Capture on the other input of its pair.
    Indirect,
    /// Capture on TRC, the internal trigger.
    Trigger,
}

/// State of a channel.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Channel {
    /// CCRx: the preload register, or the captured value.
    ccr: u32,
    /// The compare value in use.
    active: u32,
    /// Its byte of CCMRx.
    mode: u8,
    /// Its nibble of CCER.
    enable: u32,
    /// OCxREF in the modes that latch it.
    latched: bool,
    /// Edges since the last capture, for ICxPSC.
    edges: u8,
}

impl Channel {
    /// CCRx.
    #[must_use]
    pub fn ccr(&self) -> u32 {
        self.ccr
    }

    /// The compare value in use.
    #[must_use]
    pub fn compare(&self) -> u32 {
        self.active
    }

    /// Its byte of CCMRx.
    #[must_use]
    pub fn mode(&self) -> u8 {
        self.mode
    }

    /// Its nibble of CCER.
    #[must_use]
    pub fn enable(&self) -> u32 {
        self.enable
    }

    /// Is CCxE set?
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.enable & enable::E != 0
    }

    /// CCxS.
    #[must_use]
    pub fn used_as(&self) -> Use {
        match self.mode & 3 {
            0 => Use::Compare,
            1 => Use::Direct,
            2 => Use::Indirect,
            _ => Use::Trigger,
        }
    }

    fn output_mode(&self) -> u8 {
        (self.mode >> 4) & 7
    }

    /// Is it in one of the PWM modes?
    #[must_use]
    pub fn is_pwm(&self) -> bool {
        self.used_as() == Use::Compare && self.output_mode() >= 6
    }

    /// Does a match move OCxREF?
    #[must_use]
    pub fn acts_on_match(&self) -> bool {
        self.used_as() == Use::Compare && matches!(self.output_mode(), 1..=3 | 6 | 7)
    }

    /// OCxPE of a compare channel.
    #[must_use]
    pub fn has_preload(&self) -> bool {
        self.used_as() == Use::Compare && self.mode & 8 != 0
    }

    /// Would an update event change the compare value in use?
    #[must_use]
    pub fn load_changes(&self) -> bool {
        self.has_preload() && self.active != self.ccr
    }

    /// An update event: the preload value comes into use.
    pub fn load(&mut self) {
        if self.has_preload() {
            self.active = self.ccr;
        }
    }

    /// Write CCRx. Captured values are read-only (RM0090 §17.4.14).
    pub fn set_ccr(&mut self, value: u32) {
        if self.used_as() == Use::Compare {
            self.ccr = value;
            if !self.has_preload() {
                self.active = value;
            }
        }
    }

    /// Write its byte of CCMRx. CCxS can be changed only while the channel is off.
    pub fn set_mode(&mut self, byte: u8, counter: &Counter) {
        self.latched = self.reference(counter);
        let select = if self.is_on() {
            self.mode & 3
        } else {
            byte & 3
        };
        self.mode = byte & !3 | select;
        if self.used_as() == Use::Compare && !self.has_preload() {
            self.active = self.ccr;
        }
    }

    /// Write its nibble of CCER. Switching the channel off resets the capture prescaler.
    pub fn set_enable(&mut self, nibble: u32) {
        self.enable = nibble;
        if !self.is_on() {
            self.edges = 0;
        }
    }

    /// OCxREF (RM0090 §17.4.7, OC1M).
    #[must_use]
    pub fn reference(&self, counter: &Counter) -> bool {
        if self.used_as() != Use::Compare {
            return false;
        }
        let pwm = if counter.is_down() {
            counter.value() <= self.active
        } else {
            counter.value() < self.active
        };
        match self.output_mode() {
            4 => false,
            5 => true,
            6 => pwm,
            7 => !pwm,
            _ => self.latched,
        }
    }

    /// The counter has come to the compare value `times` times.
    pub fn matched(&mut self, times: u64) {
        if times == 0 {
            return;
        }
        match self.output_mode() {
            1 => self.latched = true,
            2 => self.latched = false,
            3 => self.latched ^= !times.is_multiple_of(2),
            _ => {}
        }
    }

    /// An edge that counts has come: is it one to capture (ICxPSC)?
    pub fn takes_edge(&mut self) -> bool {
        self.edges += 1;
        let divider = 1 << ((self.mode >> 2) & 3);
        if self.edges < divider {
            return false;
        }
        self.edges = 0;
        true
    }

    /// Take a captured value.
    pub fn capture(&mut self, value: u32) {
        self.ccr = value;
        self.active = value;
    }

    /// Is an input filter selected?
    #[must_use]
    pub fn has_filter(&self) -> bool {
        self.used_as() != Use::Compare && self.mode & 0xF0 != 0
    }

    /// Is OCxCE, clearing by the external trigger, selected?
    #[must_use]
    pub fn has_clear(&self) -> bool {
        self.used_as() == Use::Compare && self.mode & 0x80 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(value: u32, down: bool) -> Counter {
        let mut c = Counter::new(0xFFFF);
        c.set_mode(false, down);
        c.set_value(value);
        c
    }

    #[test]
    fn pwm_levels_follow_the_direction() {
        let mut ch = Channel::default();
        ch.set_ccr(5);
        ch.set_mode(0x60, &counter(0, false));
        let up = |v| ch.reference(&counter(v, false));
        let down = |v| ch.reference(&counter(v, true));
        assert_eq!([up(4), up(5), up(6)], [true, false, false]);
        assert_eq!([down(6), down(5), down(4)], [false, true, true]);
    }

    #[test]
    fn preload_waits_for_an_update() {
        let mut ch = Channel::default();
        ch.set_mode(0x68, &counter(0, false));
        ch.set_ccr(9);
        assert_eq!((ch.ccr(), ch.compare()), (9, 0));
        assert!(ch.load_changes());
        ch.load();
        assert_eq!(ch.compare(), 9);
    }

    #[test]
    fn the_selection_is_locked_while_the_channel_is_on() {
        let c = counter(0, false);
        let mut ch = Channel::default();
        ch.set_enable(enable::E);
        ch.set_mode(0x01, &c);
        assert_eq!(ch.used_as(), Use::Compare);
        ch.set_enable(0);
        ch.set_mode(0x01, &c);
        assert_eq!(ch.used_as(), Use::Direct);
    }

    #[test]
    fn capture_prescaler_counts_edges() {
        let mut ch = Channel::default();
        ch.set_mode(0b1001, &counter(0, false)); // every fourth
        let taken: Vec<bool> = (0..8).map(|_| ch.takes_edge()).collect();
        assert_eq!(
            taken,
            [false, false, false, true, false, false, false, true]
        );
    }

    #[test]
    fn a_level_is_kept_when_frozen() {
        let mut ch = Channel::default();
        ch.set_mode(0x50, &counter(0, false)); // forced active
        ch.set_mode(0x00, &counter(0, false));
        assert!(ch.reference(&counter(3, false)));
    }
}
