//! The configuration lock of a port: LCKR and its key sequence (RM0090 §8.3.6, §8.4.8; RM0008 §9.2.7).

use serde::{Deserialize, Serialize};

/// LCKK.
const KEY: u32 = 1 << 16;

/// Progress of the sequence: write key and bits, write bits, write key and bits, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
enum Step {
    #[default]
    Idle,
    First,
    Second,
    Third,
    Locked,
}

/// State of the lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(in crate::stm32) struct Lock {
    step: Step,
    bits: u32,
}

impl Lock {
    /// A write of the whole register; one step out of order, or other bits, begins anew.
    pub(in crate::stm32) fn write(&mut self, value: u32) {
        let (key, bits) = (value & KEY != 0, value & 0xFFFF);
        let same = bits == self.bits;
        self.step = match self.step {
            Step::Locked => return,
            Step::First if !key && same => Step::Second,
            Step::Second if key && same => Step::Third,
            _ if key => Step::First,
            _ => Step::Idle,
        };
        self.bits = bits;
    }

    /// The read that completes the sequence.
    pub(in crate::stm32) fn read(&mut self, debug: bool) -> u32 {
        if self.step == Step::Third && !debug {
            self.step = Step::Locked;
        }
        self.value()
    }

    /// The register.
    pub(in crate::stm32) fn value(self) -> u32 {
        self.bits | if self.step == Step::Locked { KEY } else { 0 }
    }

    /// Pins whose configuration is frozen until the next reset.
    pub(in crate::stm32) fn frozen(self) -> u16 {
        if self.step == Step::Locked {
            self.bits as u16
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_sequence_locks() {
        let mut l = Lock::default();
        l.write(KEY | 0x21);
        l.write(0x21);
        l.write(KEY | 0x21);
        assert_eq!(l.frozen(), 0);
        assert_eq!(l.read(true), 0x21);
        assert_eq!(l.read(false), KEY | 0x21);
        assert_eq!(l.frozen(), 0x21);
        l.write(0);
        assert_eq!(l.value(), KEY | 0x21);
    }

    #[test]
    fn changed_bits_or_a_missing_step_abort() {
        for sequence in [
            [KEY | 1, 1, KEY | 3],
            [KEY | 1, KEY | 1, KEY | 1],
            [1, KEY | 1, 1],
        ] {
            let mut l = Lock::default();
            for v in sequence {
                l.write(v);
            }
            l.read(false);
            assert_eq!(l.frozen(), 0, "{sequence:x?}");
        }
    }
}
