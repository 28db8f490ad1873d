//! Bridges to slower buses: how long the core waits for what lies behind them.
//!
//! An access that starts in cycle `s` has its address phase in `s` and its data phase from `s + 1` on. A bridge takes
//! it over at the first edge of its own clock from there, and is busy for a number of that clock's periods. A load
//! ends with it; a store that the bridge buffers costs the core nothing, unless the bridge is still busy with the
//! access before. A bit-band store reads first, and is buffered as a whole.
//!
//! Modelled: the ratio of the clocks, exactly, and the state of the bridge between accesses. Estimated: the phase of a
//! divided clock (its edges count from power-on), so a single access may be off by one period. Not modelled: what
//! other bus masters ask of the bridge, and the delay of a buffered store's effect.
//!
//! Other masters can also take cycles from the core in memory: see [`Bus::steal`].

use super::Bus;
use crate::clock::ClockId;
use crate::memory::MemoryKind;
use crate::time::Ratio;

/// A bridge and the addresses behind it.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// Name, such as `apb1`.
    pub name: String,
    /// First address.
    pub base: u32,
    /// Size in bytes.
    pub size: u32,
    /// The clock of the bus behind it.
    pub clock: ClockId,
    /// Periods of that clock from the start of a load's data phase to its end; 0: loads do not wait.
    pub read: u32,
    /// The same for a store.
    pub write: u32,
    /// Stores are buffered.
    pub posted: bool,
}

/// What an access to something behind a bridge costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Crossing {
    bridge: usize,
    /// The cycle from which the bridge is free again.
    free: u64,
    /// Cycles that the core waits.
    pub(crate) wait: u64,
}

/// Edges of a clock, in core cycles from power-on.
struct Edges(Ratio);

impl Edges {
    /// The first cycle in which edge number `n` has passed.
    fn at(&self, n: u128) -> u64 {
        let cycle = (n * u128::from(self.0.num())).div_ceil(u128::from(self.0.den()));
        u64::try_from(cycle).unwrap_or(u64::MAX)
    }

    /// The number of the first edge in cycle `cycle` or later.
    fn from(&self, cycle: u64) -> u128 {
        match cycle.checked_sub(1) {
            Some(before) => {
                u128::from(before) * u128::from(self.0.den()) / u128::from(self.0.num()) + 1
            }
            None => 0,
        }
    }
}

impl Bus {
    /// Add a bridge. Where two overlap, the first one counts.
    pub fn add_bridge(&mut self, bridge: Bridge) {
        self.bridges.push((bridge, 0));
    }

    /// The bridges.
    pub fn bridges(&self) -> impl Iterator<Item = &Bridge> {
        self.bridges.iter().map(|b| &b.0)
    }

    /// What an access of the core that starts at `start` costs, when there is a bridge on its way.
    pub(crate) fn crossing(&self, address: u32, write: bool, start: u64) -> Option<Crossing> {
        if self.bridges.is_empty() {
            return None;
        }
        let (address, bit) = match self.bit_band_target(address) {
            Some((target, _)) => (target, true),
            None => (address, false),
        };
        let number = self
            .bridges
            .iter()
            .position(|(b, _)| address.wrapping_sub(b.base) < b.size)?;
        let (bridge, free) = &self.bridges[number];
        let periods = match (write, bit) {
            (false, _) => bridge.read,
            (true, false) => bridge.write,
            (true, true) => bridge.read + bridge.write,
        };
        let period = self.clocks.core_cycles_per_tick(bridge.clock)?;
        if periods == 0 {
            return None;
        }
        let edges = Edges(period);
        let accepted = (start + 1).max(*free);
        let end = edges.at(edges.from(accepted) + u128::from(periods));
        let wait = if write && bridge.posted {
            accepted - (start + 1)
        } else {
            end.saturating_sub(start + 2)
        };
        Some(Crossing {
            bridge: number,
            free: end,
            wait,
        })
    }

    /// Another master accesses `address`. Where that is RAM, the core is held up for `bus.dma_steals` cycles at its
    /// next instruction, whatever it does then: with 1 that is the most that sharing one slave can cost.
    pub(crate) fn steal(&mut self, address: u32) {
        let cycles = self.memory_parameter("bus.dma_steals").unwrap_or(0);
        if cycles != 0
            && !self.debug
            && self
                .memory
                .region_at(address)
                .is_some_and(|r| r.kind == MemoryKind::Ram)
        {
            self.stolen += u64::from(cycles);
        }
    }

    /// Cycles that were stolen from the core since this was last asked.
    pub(crate) fn take_stolen(&mut self) -> u64 {
        std::mem::take(&mut self.stolen)
    }

    /// Were cycles stolen from the core?
    pub(crate) fn has_stolen(&self) -> bool {
        self.stolen != 0
    }

    /// The access is made.
    pub(crate) fn cross(&mut self, crossing: Crossing) {
        self.bridges[crossing.bridge].1 = crossing.free;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ClockTree;
    use crate::cortex_m::{Architecture, System};
    use crate::time::Cycles;

    fn bus(core: u64, apb: u64, posted: bool) -> Bus {
        let mut clocks = ClockTree::new("HCLK", Ratio::hz(core));
        let clock = clocks.add("PCLK", Ratio::hz(apb));
        let mut bus = Bus::new(System::new(Architecture::V7M, 4, 32), clocks);
        bus.add_bridge(Bridge {
            name: "apb".into(),
            base: 0x4000_0000,
            size: 0x1_0000,
            clock,
            read: 2,
            write: 2,
            posted,
        });
        bus
    }

    fn wait(bus: &mut Bus, write: bool, start: u64) -> u64 {
        let crossing = bus.crossing(0x4000_1000, write, start).expect("a bridge");
        bus.cross(crossing);
        crossing.wait
    }

    #[test]
    fn a_load_at_the_same_clock_waits_for_the_second_cycle() {
        // IHI 0024: a setup and an access cycle; a load has one data cycle without waiting.
        let mut bus = bus(72, 72, true);
        assert_eq!(wait(&mut bus, false, 100), 1);
        assert_eq!(wait(&mut bus, false, 200), 1);
    }

    #[test]
    fn a_divided_clock_is_waited_for() {
        // Edges at multiples of four: data phase from 101 on, taken over at 104, done at 112, not at 102.
        let mut bus = bus(168, 42, true);
        assert_eq!(wait(&mut bus, false, 100), 10);
        assert_eq!(wait(&mut bus, false, 203), 7, "taken over at 204 at once");
    }

    #[test]
    fn ratios_need_not_be_whole() {
        // 5 core cycles in 2 periods: edges at 0, 3, 5, 8, 10, 13, 15.
        let mut bus = bus(5, 2, true);
        assert_eq!(wait(&mut bus, false, 5), 13 - 7, "8, then two periods");
        assert_eq!(
            wait(&mut bus, false, 100),
            108 - 102,
            "103, then two periods"
        );
    }

    #[test]
    fn a_store_waits_only_for_the_one_before() {
        let mut bus = bus(72, 72, true);
        assert_eq!(wait(&mut bus, true, 100), 0);
        assert_eq!(wait(&mut bus, true, 101), 1, "busy up to 103");
        assert_eq!(wait(&mut bus, true, 110), 0);
        assert_eq!(wait(&mut bus, false, 111), 113 + 2 - 113);
    }

    #[test]
    fn without_a_buffer_stores_wait_like_loads() {
        let mut bus = bus(72, 72, false);
        assert_eq!(wait(&mut bus, true, 100), 1);
    }

    #[test]
    fn elsewhere_and_behind_a_stopped_clock_nothing_waits() {
        let mut bus = bus(72, 0, true);
        assert_eq!(bus.crossing(0x4000_1000, false, 5), None);
        assert_eq!(bus.crossing(0x4001_0000, false, 5), None);
        bus.clocks.set_hz(ClockId(1), Ratio::hz(72), Cycles(1));
        assert!(bus.crossing(0x4000_1000, false, 5).is_some());
    }
}
