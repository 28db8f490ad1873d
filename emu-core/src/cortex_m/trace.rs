//! The counters of the data watchpoint and trace unit that follow the core's clock.
//!
//! They live with the system registers because two devices move them: DEMCR.TRCENA is in the system
//! control space, the enable bits are in the DWT. Source: ARMv7-M ARM (DDI 0403E) C1.8.

use super::System;
use crate::time::Cycles;
use serde::{Deserialize, Serialize};

/// DEMCR.TRCENA (DWTENA on ARMv6-M): DWT and ITM work.
pub const TRCENA: u32 = 1 << 24;
/// DWT_CTRL.CYCCNTENA.
pub const CYCCNTENA: u32 = 1;
/// DWT_CTRL.EXCEVTENA: EXCCNT counts.
pub const EXCEVTENA: u32 = 1 << 18;
/// DWT_CTRL.SLEEPEVTENA: SLEEPCNT counts.
pub const SLEEPEVTENA: u32 = 1 << 19;

/// A counter that follows a growing source while its gate is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Gated {
    open: bool,
    held: u64,
    since: u64,
}

impl Gated {
    /// The count when the source stands at `source`.
    #[must_use]
    pub fn value(&self, source: u64) -> u64 {
        if self.open {
            self.held.wrapping_add(source.wrapping_sub(self.since))
        } else {
            self.held
        }
    }

    /// Is it counting?
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Make it read `value`.
    pub fn set(&mut self, source: u64, value: u64) {
        self.held = value;
        self.since = source;
    }

    /// Open or close the gate.
    pub fn gate(&mut self, source: u64, open: bool) {
        self.set(source, self.value(source));
        self.open = open;
    }
}

/// State of the counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Trace {
    /// DWT_CTRL, the writable bits.
    pub ctrl: u32,
    /// The clock of CYCCNT stops while the core sleeps.
    pub stops_asleep: bool,
    /// CYCCNT.
    pub cyccnt: Gated,
    /// EXCCNT.
    pub exccnt: Gated,
    /// SLEEPCNT.
    pub sleepcnt: Gated,
}

impl System {
    /// Open and close the counters' gates after DEMCR or DWT_CTRL was written. EXCCNT and SLEEPCNT
    /// start from zero when they are enabled (DDI 0403E C1.8.9, C1.8.10).
    pub fn trace_changed(&mut self, now: Cycles) {
        let on = |bit| self.demcr & TRCENA != 0 && self.trace.ctrl & bit != 0;
        let (cyc, exc, sleep) = (on(CYCCNTENA), on(EXCEVTENA), on(SLEEPEVTENA));
        let source = self.cyccnt_source(now);
        self.trace.cyccnt.gate(source, cyc);
        for (counter, source, open) in [
            (&mut self.trace.exccnt, self.exception_cycles, exc),
            (&mut self.trace.sleepcnt, self.sleep_cycles, sleep),
        ] {
            if open && !counter.is_open() {
                counter.set(source, 0);
            }
            counter.gate(source, open);
        }
    }

    /// CYCCNT at a cycle.
    #[must_use]
    pub fn cyccnt(&self, now: Cycles) -> u32 {
        self.trace.cyccnt.value(self.cyccnt_source(now)) as u32
    }

    /// Write CYCCNT.
    pub fn set_cyccnt(&mut self, now: Cycles, value: u32) {
        let source = self.cyccnt_source(now);
        self.trace.cyccnt.set(source, u64::from(value));
    }

    fn cyccnt_source(&self, now: Cycles) -> u64 {
        if self.trace.stops_asleep {
            now.0.saturating_sub(self.sleep_cycles)
        } else {
            now.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::Architecture;

    #[test]
    fn cyccnt_counts_only_with_both_enables() {
        let mut s = System::new(Architecture::V7EM, 4, 8);
        s.trace.ctrl = CYCCNTENA;
        s.trace_changed(Cycles(10));
        assert_eq!(s.cyccnt(Cycles(20)), 0);
        s.demcr = TRCENA;
        s.trace_changed(Cycles(20));
        assert_eq!(s.cyccnt(Cycles(27)), 7);
        s.demcr = 0;
        s.trace_changed(Cycles(30));
        assert_eq!(s.cyccnt(Cycles(99)), 10);
        s.set_cyccnt(Cycles(99), u32::MAX);
        s.demcr = TRCENA;
        s.trace_changed(Cycles(100));
        assert_eq!(s.cyccnt(Cycles(102)), 1, "wraps");
    }

    #[test]
    fn event_counters_start_from_zero() {
        let mut s = System::new(Architecture::V7EM, 4, 8);
        s.demcr = TRCENA;
        s.sleep_cycles = 100;
        s.trace.ctrl = SLEEPEVTENA;
        s.trace_changed(Cycles(0));
        s.sleep_cycles = 130;
        assert_eq!(s.trace.sleepcnt.value(s.sleep_cycles), 30);
        assert_eq!(s.trace.exccnt.value(s.exception_cycles), 0);
    }
}
