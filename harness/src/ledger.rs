//! The ledger: how well the cost of each cycle of a run is known.

use emu_core::Cycles;
use emu_core::machine;
use serde::Serialize;
use std::fmt::Write;

/// Cycles by provenance. The parts sum to the cycles of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Ledger {
    /// Instructions whose cost is documented and unambiguous.
    pub exact: u64,
    /// Instructions whose cost is a published measurement.
    pub measured: u64,
    /// Instructions whose cost is judgement, or depends on operands within a documented range.
    pub estimate: u64,
    /// Exception entry and return.
    pub exceptions: u64,
    /// Asleep.
    pub sleep: u64,
    /// None of these: reset, waking up, instructions that were abandoned for an interrupt.
    pub other: u64,
}

impl Ledger {
    /// From a machine's counts, at the end of a run of so many cycles.
    #[must_use]
    pub fn new(counts: machine::Ledger, cycles: Cycles) -> Ledger {
        let mut this = Ledger {
            exact: counts.exact,
            measured: counts.measured,
            estimate: counts.estimate,
            exceptions: counts.exceptions,
            sleep: counts.sleep,
            other: 0,
        };
        this.other = cycles.0.saturating_sub(this.total());
        this
    }

    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows().iter().map(|r| r.1).sum()
    }

    fn rows(&self) -> [(&'static str, u64, &'static str); 6] {
        [
            ("exact", self.exact, "documented costs"),
            ("measured", self.measured, "published measurements"),
            ("estimate", self.estimate, "judgement, operand-dependent"),
            ("exceptions", self.exceptions, "entry and return"),
            ("sleep", self.sleep, "WFI, WFE"),
            ("other", self.other, "reset, waking, abandoned instructions"),
        ]
    }

    /// A table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let total = self.total();
        let width = total.to_string().len().max(6);
        let mut out = "cycles by what their cost stands on\n".to_owned();
        for (name, cycles, what) in self.rows() {
            let share = percent(cycles, total);
            let _ = writeln!(out, "  {name:12}{cycles:>width$}  {share:>8}  {what}");
        }
        let _ = write!(out, "  {:12}{total:>width$}  {:>8}", "total", "100 %");
        out
    }
}

/// `28.17 %`; what is there never shows as nothing.
fn percent(part: u64, total: u64) -> String {
    match u128::from(part) * 10_000 / u128::from(total.max(1)) {
        0 if part > 0 => "<0.01 %".to_owned(),
        p => format!("{}.{:02} %", p / 100, p % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_sums_up() {
        let counts = machine::Ledger {
            exact: 700_000,
            measured: 200_000,
            estimate: 7,
            exceptions: 0,
            ..machine::Ledger::default()
        };
        let ledger = Ledger::new(counts, Cycles(1_000_000));
        assert_eq!((ledger.other, ledger.total()), (99_993, 1_000_000));
        let table = ledger.table();
        for line in [
            "  exact        700000   70.00 %",
            "      7   <0.01 %",
            "      0    0.00 %",
        ] {
            assert!(table.contains(line), "`{line}`:\n{table}");
        }
        assert!(table.ends_with("1000000     100 %"), "{table}");
    }
}
