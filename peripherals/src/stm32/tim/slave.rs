//! The slave-mode controller: what the inputs are and which of their edges trigger.
//!
//! Modelled: TI1 to TI4 with TI1S, ITR0 to ITR3, ETR with polarity and prescaler, TS, and the polarity
//! of TI1FP1 and TI2FP2. Not modelled: filters and resynchronisation, so an edge acts in its own cycle.
//!
//! Source: RM0090 §17.3.3, §17.3.16, §17.3.19, §17.4.3.

use super::channel::{Edges, enable};
use serde::{Deserialize, Serialize};

/// Input ports of the device, in order.
pub const INPUTS: [&str; 10] = [
    "CH1", "CH2", "CH3", "CH4", "ETR", "ITR0", "ITR1", "ITR2", "ITR3", "BKIN",
];
const ETR: usize = 4;
const ITR0: usize = 5;
/// Index of the break input.
pub const BKIN: usize = 9;

/// SMCR.SMS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlaveMode {
    /// The counter runs on the kernel clock.
    Off,
    /// Encoder modes 1 to 3: bit 0 counts edges of TI2, bit 1 edges of TI1.
    Encoder(u8),
    /// A trigger starts the counter over.
    Reset,
    /// The counter runs while the trigger is high.
    Gated,
    /// A trigger starts the counter.
    Trigger,
    /// Triggers clock the counter.
    External,
}

/// The slave mode in SMCR.
#[must_use]
pub fn slave_mode(smcr: u32) -> SlaveMode {
    match smcr & 7 {
        m @ 1..=3 => SlaveMode::Encoder(m as u8),
        4 => SlaveMode::Reset,
        5 => SlaveMode::Gated,
        6 => SlaveMode::Trigger,
        7 => SlaveMode::External,
        _ => SlaveMode::Off,
    }
}

/// Is the counter clocked by edges instead of the kernel clock?
#[must_use]
pub fn is_external(smcr: u32) -> bool {
    smcr & ECE != 0
        || matches!(
            slave_mode(smcr),
            SlaveMode::External | SlaveMode::Encoder(_)
        )
}

/// SMCR.ECE: external clock mode 2.
pub const ECE: u32 = 1 << 14;
const ETP: u32 = 1 << 15;

/// The levels of all inputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Levels(u16);

impl Levels {
    /// The level of an input port.
    #[must_use]
    pub fn get(self, port: usize) -> bool {
        self.0 >> port & 1 != 0
    }

    /// With one port changed.
    #[must_use]
    pub fn with(self, port: usize, level: bool) -> Levels {
        Levels(self.0 & !(1 << port) | u16::from(level) << port)
    }

    /// TIx (from zero); TI1 is the exclusive or of three inputs when TI1S is set.
    #[must_use]
    pub fn ti(self, i: usize, ti1s: bool) -> bool {
        if i == 0 && ti1s {
            self.get(0) ^ self.get(1) ^ self.get(2)
        } else {
            self.get(i)
        }
    }

    /// ETR after its polarity.
    #[must_use]
    pub fn etr(self, smcr: u32) -> bool {
        self.get(ETR) != (smcr & ETP != 0)
    }

    /// The internal trigger that TS selects, if it selects one.
    #[must_use]
    pub fn itr(self, smcr: u32) -> Option<bool> {
        let ts = (smcr >> 4) as usize & 7;
        (ts < 4).then(|| self.get(ITR0 + ts))
    }
}

/// A change of the trigger input TRGI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// None.
    None,
    /// An active edge.
    Active,
    /// The edge back.
    Inactive,
}

/// The trigger input's configuration.
#[derive(Clone, Copy, Debug)]
pub struct Trigger {
    /// SMCR.
    pub smcr: u32,
    /// CR2.TI1S.
    pub ti1s: bool,
    /// CCER nibbles of channels 1 and 2.
    pub polarity: [u32; 2],
}

impl Trigger {
    /// SMCR.TS.
    fn ts(self) -> u32 {
        (self.smcr >> 4) & 7
    }

    /// The level of TRGI (for gated mode).
    #[must_use]
    pub fn level(self, levels: Levels) -> bool {
        match self.ts() {
            ts @ (5 | 6) => {
                let i = ts as usize - 5;
                levels.ti(i, self.ti1s) != (self.polarity[i] & enable::P != 0)
            }
            7 => levels.etr(self.smcr),
            4 => levels.ti(0, self.ti1s),
            _ => levels.itr(self.smcr).unwrap_or(false),
        }
    }

    /// What a change of the inputs does to TRGI.
    #[must_use]
    pub fn change(self, before: Levels, after: Levels) -> Change {
        let both = match self.ts() {
            4 => true, // TI1F_ED, the edge detector
            ts @ (5 | 6) => Edges::of_polarity(self.polarity[ts as usize - 5]) == Edges::Both,
            _ => false,
        };
        match (self.level(before), self.level(after)) {
            (a, b) if a == b => Change::None,
            (_, true) => Change::Active,
            _ if both => Change::Active,
            _ => Change::Inactive,
        }
    }

    /// The direction in which an encoder edge counts: `Some(true)` is down (RM0090 §17.3.16).
    #[must_use]
    pub fn encoder_step(self, before: Levels, after: Levels) -> Option<bool> {
        let SlaveMode::Encoder(mode) = slave_mode(self.smcr) else {
            return None;
        };
        let ti = |l: Levels, i| l.ti(i, self.ti1s) != (self.polarity[i] & enable::P != 0);
        let (a, b) = (ti(after, 0), ti(after, 1));
        if a != ti(before, 0) && mode & 2 != 0 {
            return Some(a == b);
        }
        (b != ti(before, 1) && mode & 1 != 0).then_some(a != b)
    }
}

/// Divides the edges of ETR (SMCR.ETPS).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct EtrPrescaler(u8);

impl EtrPrescaler {
    /// An active edge of ETR: does one come out?
    pub fn edge(&mut self, smcr: u32) -> bool {
        self.0 += 1;
        if self.0 < 1 << ((smcr >> 12) & 3) {
            return false;
        }
        self.0 = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoder_mode_three_follows_a_quadrature_pair() {
        let t = Trigger {
            smcr: 3,
            ti1s: false,
            polarity: [0; 2],
        };
        let states = [(false, false), (true, false), (true, true), (false, true)];
        let levels: Vec<Levels> = states
            .iter()
            .map(|&(a, b)| Levels::default().with(0, a).with(1, b))
            .collect();
        for i in 0..4 {
            let (x, y) = (levels[i], levels[(i + 1) % 4]);
            assert_eq!(t.encoder_step(x, y), Some(false), "forward {i}");
            assert_eq!(t.encoder_step(y, x), Some(true), "backward {i}");
        }
    }

    #[test]
    fn trigger_polarity() {
        let low = Levels::default();
        let high = low.with(1, true);
        let t = |nibble| Trigger {
            smcr: 6 << 4,
            ti1s: false,
            polarity: [0, nibble],
        };
        assert_eq!(t(0).change(low, high), Change::Active);
        assert_eq!(t(0).change(high, low), Change::Inactive);
        assert_eq!(t(enable::P).change(low, high), Change::Inactive);
        assert_eq!(t(enable::P | enable::NP).change(high, low), Change::Active);
    }

    #[test]
    fn etr_prescaler_divides() {
        let mut p = EtrPrescaler::default();
        let smcr = 2 << 12;
        let out: Vec<bool> = (0..8).map(|_| p.edge(smcr)).collect();
        assert_eq!(out.iter().filter(|&&x| x).count(), 2);
        assert!(out[3] && out[7]);
    }
}
