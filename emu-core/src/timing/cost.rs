//! A cost in cycles: how much, of what kind, how well known, and why.

use serde::{Deserialize, Serialize};

/// How well a cost is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Provenance {
    /// Documented by the vendor or ARM, and unambiguous.
    Exact,
    /// A published measurement on silicon.
    Measured,
    /// Engineering judgement, or a documented range.
    Estimate,
}

/// What cycles are spent on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Execution itself: one cycle, or those of a multi-cycle instruction.
    Issue,
    /// The pipeline refills behind a branch, or waits for an instruction without wait states.
    Refill,
    /// Waiting for a loaded value, an address, a result.
    Stall,
    /// Wait states of memories and buses.
    Wait,
}

impl Kind {
    /// All kinds, in the order of [`Spent::kinds`].
    pub const ALL: [Kind; 4] = [Kind::Issue, Kind::Refill, Kind::Stall, Kind::Wait];
}

/// A cost in cycles with where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cost {
    /// Core cycles, all kinds together.
    pub cycles: u32,
    /// Of these, refill.
    pub refill: u32,
    /// Of these, stalls.
    pub stall: u32,
    /// Of these, wait states.
    pub wait: u32,
    /// How well it is known; of one that was extended, how well what was added last is.
    pub provenance: Provenance,
    /// Why, in a few words.
    pub reason: &'static str,
    /// How well the cycles before the first extension are known.
    pub before: Option<Provenance>,
    /// Cycles that extensions added, by provenance.
    pub added: [u32; 3],
}

impl Cost {
    const fn new(cycles: u32, provenance: Provenance, reason: &'static str) -> Cost {
        Cost {
            cycles,
            refill: 0,
            stall: 0,
            wait: 0,
            provenance,
            reason,
            before: None,
            added: [0; 3],
        }
    }

    /// A documented cost.
    #[must_use]
    pub const fn exact(cycles: u32, reason: &'static str) -> Cost {
        Cost::new(cycles, Provenance::Exact, reason)
    }

    /// A cost measured on silicon.
    #[must_use]
    pub const fn measured(cycles: u32, reason: &'static str) -> Cost {
        Cost::new(cycles, Provenance::Measured, reason)
    }

    /// An estimate.
    #[must_use]
    pub const fn estimate(cycles: u32, reason: &'static str) -> Cost {
        Cost::new(cycles, Provenance::Estimate, reason)
    }

    /// Some of the cycles are pipeline refill.
    #[must_use]
    pub const fn of_refill(mut self, cycles: u32) -> Cost {
        self.refill = cycles;
        self
    }

    /// Some of the cycles are stalls.
    #[must_use]
    pub const fn of_stall(mut self, cycles: u32) -> Cost {
        self.stall = cycles;
        self
    }

    /// Cycles of execution proper.
    #[must_use]
    pub const fn issue(&self) -> u32 {
        self.cycles
            .saturating_sub(self.refill + self.stall + self.wait)
    }

    /// Reach `cycles` by waiting longer, if that is later: the new reason and kind count for what is added.
    pub fn extend(
        &mut self,
        cycles: u32,
        kind: Kind,
        provenance: Provenance,
        reason: &'static str,
    ) {
        let more = cycles.saturating_sub(self.cycles);
        if more == 0 {
            return;
        }
        self.cycles = cycles;
        match kind {
            Kind::Issue => {}
            Kind::Refill => self.refill += more,
            Kind::Stall => self.stall += more,
            Kind::Wait => self.wait += more,
        }
        self.before.get_or_insert(self.provenance);
        self.added[provenance as usize] += more;
        self.provenance = provenance;
        self.reason = reason;
    }

    /// Its cycles by provenance: exact, measured, estimate.
    #[must_use]
    pub fn provenances(&self) -> [u32; 3] {
        let mut all = self.added;
        let added: u32 = all.iter().sum();
        all[self.before.unwrap_or(self.provenance) as usize] += self.cycles.saturating_sub(added);
        all
    }
}

/// Cycles added up, by provenance and by kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Exact, measured, estimate.
    pub provenances: [u32; 3],
    /// In the order of [`Kind::ALL`].
    pub kinds: [u32; 4],
}

impl Spent {
    /// Add one cost.
    pub fn add(&mut self, cost: &Cost) {
        for (sum, n) in self.provenances.iter_mut().zip(cost.provenances()) {
            *sum += n;
        }
        for (sum, n) in
            self.kinds
                .iter_mut()
                .zip([cost.issue(), cost.refill, cost.stall, cost.wait])
        {
            *sum += n;
        }
    }

    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.provenances.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cycle_keeps_its_own_provenance() {
        let mut cost = Cost::exact(2, "load").of_stall(1);
        cost.extend(3, Kind::Stall, Provenance::Measured, "operand");
        cost.extend(7, Kind::Wait, Provenance::Estimate, "flash");
        cost.extend(5, Kind::Wait, Provenance::Measured, "no later");
        assert_eq!(cost.provenances(), [2, 1, 4]);
        assert_eq!((cost.issue(), cost.stall, cost.wait), (1, 2, 4));
        assert_eq!(
            (cost.provenance, cost.reason),
            (Provenance::Estimate, "flash")
        );
        let mut spent = Spent::default();
        spent.add(&cost);
        spent.add(&Cost::measured(1, "one"));
        assert_eq!((spent.provenances, spent.total()), ([2, 2, 4], 8));
        assert_eq!(spent.kinds.iter().sum::<u32>(), 8);
    }
}
