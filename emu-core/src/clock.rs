//! The clock tree: named clocks, each with an exact frequency, and the segments of core-clock time.
//!
//! One clock is the core clock; cycles count its ticks. When its frequency changes a new segment
//! starts, so that any cycle can be turned into seconds exactly.

use crate::time::{Cycles, Ratio};
use serde::{Deserialize, Serialize};

/// Handle of a clock in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ClockId(pub u16);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Clock {
    name: String,
    hz: Ratio,
    /// It is that clock, divided.
    divided: Option<(ClockId, u32)>,
}

/// A stretch of time over which the core clock had one frequency.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Segment {
    /// First cycle of the stretch.
    pub from: Cycles,
    /// Time at its start, in attoseconds since power-on.
    pub start_as: u128,
    /// Core frequency in it, in Hz.
    pub hz: Ratio,
}

/// Attoseconds (10⁻¹⁸ s) in a second.
const AS_PER_S: u128 = 1_000_000_000_000_000_000;

/// All clocks of a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClockTree {
    clocks: Vec<Clock>,
    core: ClockId,
    segments: Vec<Segment>,
    /// Set when any frequency changed; the bus then tells every device.
    changed: bool,
}

impl ClockTree {
    /// A tree with one clock, the core clock.
    #[must_use]
    pub fn new(core_name: &str, hz: Ratio) -> ClockTree {
        ClockTree {
            clocks: vec![Clock {
                name: core_name.to_owned(),
                hz,
                divided: None,
            }],
            core: ClockId(0),
            segments: vec![Segment {
                from: Cycles::ZERO,
                start_as: 0,
                hz,
            }],
            changed: false,
        }
    }

    /// Add a clock, or find it when the name is known.
    pub fn add(&mut self, name: &str, hz: Ratio) -> ClockId {
        if let Some(id) = self.find(name) {
            return id;
        }
        self.clocks.push(Clock {
            name: name.to_owned(),
            hz,
            divided: None,
        });
        ClockId(self.clocks.len() as u16 - 1)
    }

    /// Add a clock that is another one divided, at any time.
    pub fn add_divided(&mut self, name: &str, of: ClockId, div: u32) -> ClockId {
        let id = self.add(name, self.hz(of).scale(1, u64::from(div)));
        self.clocks[usize::from(id.0)].divided = Some((of, div));
        id
    }

    /// The clock of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ClockId> {
        self.clocks
            .iter()
            .position(|c| c.name == name)
            .map(|i| ClockId(i as u16))
    }

    /// The core clock.
    #[must_use]
    pub fn core(&self) -> ClockId {
        self.core
    }

    /// Frequency of a clock in Hz; zero when it stands still.
    #[must_use]
    pub fn hz(&self, id: ClockId) -> Ratio {
        self.clocks[usize::from(id.0)].hz
    }

    /// Names and frequencies, in order of definition.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Ratio)> {
        self.clocks.iter().map(|c| (c.name.as_str(), c.hz))
    }

    /// Ticks of a clock per core cycle.
    #[must_use]
    pub fn per_core_cycle(&self, id: ClockId) -> Ratio {
        self.hz(id).over(self.hz(self.core))
    }

    /// Core cycles per tick of a clock; `None` when it stands still.
    #[must_use]
    pub fn core_cycles_per_tick(&self, id: ClockId) -> Option<Ratio> {
        let period = self.hz(self.core).over(self.hz(id));
        (!period.is_zero()).then_some(period)
    }

    /// Change a frequency at cycle `now`. The core clock never stops: zero is ignored for it.
    pub fn set_hz(&mut self, id: ClockId, hz: Ratio, now: Cycles) {
        let old = self.clocks[usize::from(id.0)].hz;
        if old == hz || (id == self.core && hz.is_zero()) {
            return;
        }
        self.clocks[usize::from(id.0)].hz = hz;
        self.changed = true;
        if id == self.core {
            let start_as = self.attoseconds(now);
            if self.segments.last().is_some_and(|s| s.from == now) {
                self.segments.pop();
            }
            self.segments.push(Segment {
                from: now,
                start_as,
                hz,
            });
        }
        for i in 0..self.clocks.len() {
            if let Some((of, div)) = self.clocks[i].divided
                && of == id
            {
                self.set_hz(ClockId(i as u16), hz.scale(1, u64::from(div)), now);
            }
        }
    }

    /// Did a frequency change since this was last asked?
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The stretches of constant core frequency.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Time of a cycle in attoseconds since power-on.
    #[must_use]
    pub fn attoseconds(&self, at: Cycles) -> u128 {
        let i = self.segments.partition_point(|s| s.from <= at).max(1) - 1;
        let s = self.segments[i];
        s.start_as
            + u128::from(at.since(s.from)) * AS_PER_S / u128::from(s.hz.num())
                * u128::from(s.hz.den())
            + u128::from(at.since(s.from)) * AS_PER_S % u128::from(s.hz.num())
                * u128::from(s.hz.den())
                / u128::from(s.hz.num())
    }

    /// Time of a cycle in seconds, for display.
    #[must_use]
    pub fn seconds(&self, at: Cycles) -> f64 {
        self.attoseconds(at) as f64 / AS_PER_S as f64
    }

    /// Core cycles in `ns` nanoseconds at the present frequency, rounded up.
    #[must_use]
    pub fn cycles_in_ns(&self, ns: u64) -> u64 {
        let hz = self.hz(self.core);
        let n = u128::from(ns) * u128::from(hz.num());
        let d = 1_000_000_000 * u128::from(hz.den());
        u64::try_from(n.div_ceil(d)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_keep_time_over_a_pll_switch() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(16_000_000));
        t.set_hz(t.core(), Ratio::hz(168_000_000), Cycles(16_000));
        assert!(t.take_changed());
        assert_eq!(t.attoseconds(Cycles(16_000)), AS_PER_S / 1000);
        assert_eq!(t.attoseconds(Cycles(16_000 + 168_000)), AS_PER_S / 500);
    }

    #[test]
    fn a_divided_clock_follows() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(16_000_000));
        let eighth = t.add_divided("HCLK/8", t.core(), 8);
        assert_eq!(t.hz(eighth), Ratio::hz(2_000_000));
        t.set_hz(t.core(), Ratio::hz(168_000_000), Cycles(5));
        assert_eq!(t.per_core_cycle(eighth), Ratio::new(1, 8));
    }

    #[test]
    fn ratio_to_core() {
        let mut t = ClockTree::new("HCLK", Ratio::hz(168_000_000));
        let p = t.add("PCLK1", Ratio::hz(42_000_000));
        assert_eq!(t.per_core_cycle(p), Ratio::new(1, 4));
        assert_eq!(t.cycles_in_ns(1_000_000), 168_000);
    }
}
