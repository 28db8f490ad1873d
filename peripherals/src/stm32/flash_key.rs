//! The key that unlocks the control register of an STM32 flash interface (RM0090 §3.5.1, PM0075 §2.3.1).

use serde::{Deserialize, Serialize};

/// A two-word key that opens a register until the next lock or reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) enum Key {
    #[default]
    /// No word yet.
    Locked,
    /// The first word came.
    Half,
    /// Both came.
    Open,
    /// A wrong key came: locked until the next reset.
    Dead,
}

impl Key {
    /// One word is written to the key register.
    pub(super) fn turn(&mut self, value: u32, keys: [u32; 2]) {
        *self = match *self {
            Key::Locked if value == keys[0] => Key::Half,
            Key::Half if value == keys[1] => Key::Open,
            Key::Open => Key::Open,
            _ => Key::Dead,
        };
    }

    /// LOCK is set.
    pub(super) fn lock(&mut self) {
        if *self == Key::Open {
            *self = Key::Locked;
        }
    }
}
