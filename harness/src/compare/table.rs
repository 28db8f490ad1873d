//! Figures side by side: a column for each run, and how each differs from the first.

use super::change::{Change, Judge, Verdict, signed, signed_percent};
use super::direction::Direction;
use crate::metrics::value::MetricValue;

/// One figure in all runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is: a metric, a function.
    pub name: String,
    /// Which values are better.
    pub direction: Direction,
    /// Its value in each run. Over many runs: the median.
    pub cells: Vec<Option<MetricValue>>,
    /// How each differs from the first; nothing for the first.
    pub changes: Vec<Option<Change>>,
}

impl Row {
    /// Single runs against the first.
    #[must_use]
    pub fn exact(
        name: String,
        direction: Direction,
        cells: Vec<Option<MetricValue>>,
        judge: &Judge,
    ) -> Row {
        let first = cells.first().copied().flatten();
        let rest = cells.iter().skip(1);
        let changes = rest.map(|&cell| judge.exact(direction, first, cell));
        Row {
            name,
            direction,
            changes: std::iter::once(None).chain(changes).collect(),
            cells,
        }
    }

    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().flatten()
    }

    /// Is it the same in all runs?
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.changes().all(|c| c.verdict == Verdict::Same)
    }
}

/// Figures of one thing: of the runs themselves, of a signal, of all functions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    /// What they are of.
    pub title: String,
    /// The group of runs of a bench; else empty.
    pub group: String,
    /// What the runs are called.
    pub labels: Vec<String>,
    /// Figures.
    pub rows: Vec<Row>,
    /// What has to be said beside them.
    pub notes: Vec<String>,
    /// What is worse here is a failure.
    pub judged: bool,
}

/// A column of a table as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownColumn {
    /// Its head.
    pub head: String,
    /// Which run it is of; columns of a run stay together.
    pub run: usize,
    /// What narrow terminals can do without: the greatest goes first. 0 stays.
    pub spare: u8,
    /// One cell for each row.
    pub cells: Vec<String>,
}

impl Table {
    /// Without rows.
    #[must_use]
    pub fn new(title: &str, labels: Vec<String>) -> Table {
        Table {
            title: title.to_owned(),
            labels,
            ..Table::default()
        }
    }

    /// The columns behind the names of the rows.
    #[must_use]
    pub fn columns(&self, rows: &[&Row]) -> Vec<ShownColumn> {
        let mut columns = Vec::new();
        let statistics = rows.iter().flat_map(|r| r.changes());
        let statistics = statistics.into_iter().any(|c| c.statistics.is_some());
        for (run, label) in self.labels.iter().enumerate() {
            let mut column = |head: &str, spare: u8, cell: &dyn Fn(&Row) -> String| {
                columns.push(ShownColumn {
                    head: head.to_owned(),
                    run,
                    spare,
                    cells: rows.iter().map(|r| cell(r)).collect(),
                });
            };
            let value = |r: &Row| match r.cells.get(run).copied().flatten() {
                Some(value) => value.to_string(),
                None => "-".to_owned(),
            };
            column(label, 0, &value);
            if run == 0 {
                continue;
            }
            let change = |r: &Row, f: &dyn Fn(&Change) -> Option<String>| {
                let change = r.changes.get(run).and_then(Option::as_ref);
                change.and_then(f).unwrap_or_default()
            };
            let head = if statistics { "shift" } else { "difference" };
            column(head, 0, &|r| change(r, &|c| c.delta.map(signed)));
            column("", 1, &|r| change(r, &|c| c.percent.map(signed_percent)));
            if statistics {
                let of = |r: &Row, f: &dyn Fn(&super::Statistics) -> Option<String>| {
                    change(r, &|c| c.statistics.as_ref().and_then(f))
                };
                column("95 % interval", 2, &|r| {
                    of(r, &|s| {
                        let i = s.comparison.interval?;
                        Some(format!("{}..{}", short(i.low), short(i.high)))
                    })
                });
                column("p", 0, &|r| of(r, &|s| Some(probability(s.p))));
                column("Cliff", 3, &|r| {
                    of(r, &|s| Some(format!("{:+.2}", s.comparison.cliffs_delta)))
                });
                column("W1", 4, &|r| {
                    of(r, &|s| Some(short(s.comparison.wasserstein)))
                });
            }
            if self.judged {
                column("", 0, &|r| {
                    change(r, &|c| Some(c.verdict.word().to_owned()))
                });
            }
        }
        columns
    }
}

/// A number in few digits.
#[must_use]
pub fn short(v: f64) -> String {
    if v == 0.0 {
        return "0".to_owned();
    }
    if v.abs() < 1e-2 {
        return format!("{v:.1e}");
    }
    let text = format!("{v:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A p-value: never shown as nothing.
#[must_use]
pub fn probability(p: f64) -> String {
    match p {
        p if p < 1e-4 => "<0.0001".to_owned(),
        p => format!("{p:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(12.0), "12");
        assert_eq!(
            (short(-0.5), short(-0.0)),
            ("-0.5".to_owned(), "0".to_owned())
        );
        assert_eq!(short(0.00123), "1.2e-3");
        assert_eq!(probability(0.03125), "0.0312");
        assert_eq!(probability(1e-9), "<0.0001");
    }
}
