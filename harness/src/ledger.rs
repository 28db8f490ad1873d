//! The ledger: how well the cost of each cycle of a run is known, and what the cycles were spent on.

use emu_core::Cycles;
use emu_core::machine;
use emu_core::timing::{Kind, Provenance};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The cycles of a run, twice: each of the two tables sums to all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// By how well their cost is known.
    pub provenance: ByProvenance,
    /// By what they were spent on.
    pub kind: ByKind,
}

/// Cycles by how well their cost is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ByProvenance {
    /// Documented and unambiguous; sleep is, too.
    pub exact: u64,
    /// A published measurement.
    pub measured: u64,
    /// Judgement, or hangs on operands within a documented range.
    pub estimate: u64,
    /// Charged to nothing: reset, the end of the run.
    pub other: u64,
}

/// Cycles by what they were spent on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ByKind {
    /// Execution itself.
    pub issue: u64,
    /// The pipeline refills behind branches, or waits for instructions without wait states.
    pub refill: u64,
    /// Waiting for loaded values, addresses, results.
    pub stall: u64,
    /// Wait states of memories and buses.
    pub wait: u64,
    /// Exception entry and return.
    pub exception: u64,
    /// Asleep.
    pub sleep: u64,
    /// Charged to nothing: reset, the end of the run.
    pub other: u64,
}

impl Ledger {
    /// From a machine's counts, at the end of a run of so many cycles, on a core whose exception timing has this
    /// provenance.
    #[must_use]
    pub fn new(counts: machine::Ledger, exceptions: Provenance, cycles: Cycles) -> Ledger {
        let mut provenance = ByProvenance {
            exact: counts.exact + counts.sleep,
            measured: counts.measured,
            estimate: counts.estimate,
            other: 0,
        };
        *match exceptions {
            Provenance::Exact => &mut provenance.exact,
            Provenance::Measured => &mut provenance.measured,
            Provenance::Estimate => &mut provenance.estimate,
        } += counts.exceptions;
        let of = |kind: Kind| counts.kinds[kind as usize];
        let mut kind = ByKind {
            issue: of(Kind::Issue),
            refill: of(Kind::Refill),
            stall: of(Kind::Stall),
            wait: of(Kind::Wait),
            exception: counts.exceptions,
            sleep: counts.sleep,
            other: 0,
        };
        provenance.other = cycles.0.saturating_sub(provenance.total());
        kind.other = cycles.0.saturating_sub(kind.total());
        Ledger { provenance, kind }
    }

    /// Two tables for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = "cycles by what their cost stands on\n".to_owned();
        rows(&mut out, &self.provenance.rows());
        out.push_str("cycles by what they were spent on\n");
        rows(&mut out, &self.kind.rows());
        let total = self.kind.total();
        let width = width(total);
        let _ = write!(out, "  {:12}{total:>width$}  {:>8}", "total", "100 %");
        out
    }
}

/// A row of a table: its name, cycles, and what they are.
pub type Row = (&'static str, u64, &'static str);

impl ByProvenance {
    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows().iter().map(|r| r.1).sum()
    }

    /// The rows of its table.
    #[must_use]
    pub fn rows(&self) -> [Row; 4] {
        [
            ("exact", self.exact, "documented costs; sleep"),
            ("measured", self.measured, "published measurements"),
            ("estimate", self.estimate, "judgement, operand-dependent"),
            ("other", self.other, "reset, the end of the run"),
        ]
    }
}

impl ByKind {
    /// All cycles.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rows().iter().map(|r| r.1).sum()
    }

    /// The rows of its table.
    #[must_use]
    pub fn rows(&self) -> [Row; 7] {
        [
            ("issue", self.issue, "execution itself"),
            ("refill", self.refill, "pipeline refill behind branches"),
            ("stall", self.stall, "waiting for loaded values and results"),
            ("wait states", self.wait, "memories and buses"),
            ("exceptions", self.exception, "entry and return"),
            ("sleep", self.sleep, "WFI, WFE"),
            ("other", self.other, "reset, the end of the run"),
        ]
    }
}

fn width(total: u64) -> usize {
    total.to_string().len().max(6)
}

fn rows(out: &mut String, rows: &[Row]) {
    let total = rows.iter().map(|r| r.1).sum();
    let width = width(total);
    for &(name, cycles, what) in rows {
        let share = percent(cycles, total);
        let _ = writeln!(out, "  {name:12}{cycles:>width$}  {share:>8}  {what}");
    }
}

/// `28.17 %`; what is there never shows as nothing.
#[must_use]
pub fn percent(part: u64, total: u64) -> String {
    match u128::from(part) * 10_000 / u128::from(total.max(1)) {
        0 if part > 0 => "<0.01 %".to_owned(),
        p => format!("{}.{:02} %", p / 100, p % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_sum_up() {
        let counts = machine::Ledger {
            exact: 600_000,
            measured: 200_000,
            estimate: 7,
            kinds: [700_000, 50_000, 40_000, 10_007],
            exceptions: 24,
            sleep: 100_000,
        };
        let ledger = Ledger::new(counts, Provenance::Measured, Cycles(1_000_000));
        let p = ledger.provenance;
        assert_eq!((p.exact, p.measured, p.estimate), (700_000, 200_024, 7));
        assert_eq!((p.other, ledger.kind.other), (99_969, 99_969));
        assert_eq!((p.total(), ledger.kind.total()), (1_000_000, 1_000_000));
        let table = ledger.table();
        for line in [
            "  exact        700000   70.00 %",
            "  estimate          7   <0.01 %",
            "  wait states   10007    1.00 %",
            "  exceptions       24   <0.01 %",
        ] {
            assert!(table.contains(line), "`{line}`:\n{table}");
        }
        assert!(table.ends_with("1000000     100 %"), "{table}");
    }
}
