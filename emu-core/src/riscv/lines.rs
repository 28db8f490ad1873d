//! The interrupt lines into a hart, as devices drive them: what `mip` shows.

use crate::time::Cycles;
use serde::{Deserialize, Serialize};

/// Machine software interrupt: bit of `mip` and cause.
pub const SOFTWARE: u32 = 3;
/// Machine timer interrupt.
pub const TIMER: u32 = 7;
/// Machine external interrupt.
pub const EXTERNAL: u32 = 11;
/// First of the sixteen local interrupts.
pub const LOCAL: u32 = 16;

/// The lines that exist.
pub const IMPLEMENTED: u32 = 0xFFFF_0000 | 1 << SOFTWARE | 1 << TIMER | 1 << EXTERNAL;

/// The number under which an interrupt is known to bindings and captures: as for the exceptions of Cortex-M,
/// interrupts begin at 16, and what is below are synchronous traps.
#[must_use]
pub fn number(cause: u32) -> u16 {
    16 + (cause & 31) as u16
}

/// Level of each line, and since when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lines {
    levels: u32,
    since: Vec<u64>,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines {
            levels: 0,
            since: vec![0; 32],
        }
    }
}

impl Lines {
    /// All levels, as in `mip`.
    #[must_use]
    pub fn levels(&self) -> u32 {
        self.levels
    }

    /// When the line of a cause rose.
    #[must_use]
    pub fn since(&self, cause: u32) -> u64 {
        self.since[(cause & 31) as usize]
    }

    /// Set the line with this number (see [`number`]).
    pub fn set(&mut self, number: u16, level: bool, now: Cycles) {
        let cause = u32::from(number).wrapping_sub(16);
        if cause > 31 || IMPLEMENTED >> cause & 1 == 0 {
            return;
        }
        let bit = 1 << cause;
        if level && self.levels & bit == 0 {
            self.since[cause as usize] = now.0;
        }
        if level {
            self.levels |= bit;
        } else {
            self.levels &= !bit;
        }
    }

    /// The most urgent of a set of pending interrupts: local ones by number, then external, software, timer
    /// (E31 manual, interrupt priorities; privileged architecture, mip and mie).
    #[must_use]
    pub fn most_urgent(pending: u32) -> Option<u32> {
        let local = pending & 0xFFFF_0000;
        if local != 0 {
            return Some(31 - local.leading_zeros());
        }
        [EXTERNAL, SOFTWARE, TIMER]
            .into_iter()
            .find(|&cause| pending >> cause & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities() {
        let urgent = Lines::most_urgent;
        assert_eq!(urgent(0), None);
        assert_eq!(urgent(1 << 3 | 1 << 7), Some(3));
        assert_eq!(urgent(1 << 3 | 1 << 7 | 1 << 11), Some(11));
        assert_eq!(urgent(1 << 11 | 1 << 16 | 1 << 20), Some(20));
    }

    #[test]
    fn a_line_remembers_when_it_rose() {
        let mut l = Lines::default();
        l.set(number(TIMER), true, Cycles(5));
        l.set(number(TIMER), true, Cycles(9));
        assert_eq!((l.levels(), l.since(TIMER)), (1 << 7, 5));
        l.set(number(TIMER), false, Cycles(10));
        l.set(number(5), true, Cycles(10));
        assert_eq!(l.levels(), 0, "there is no line 5");
    }
}
