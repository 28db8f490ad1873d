//! A signal of single runs side by side.

use super::change::Judge;
use super::comparison::{Kind, Problem};
use super::direction::Direction;
use super::table::{Row, Table};
use crate::analysis::Figure;
use crate::metrics::value::MetricValue;
use crate::signal::Signal;

/// What a run knows of the signal.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The run.
    pub label: &'a str,
    /// Did it happen at all?
    pub happened: bool,
    /// Its figures.
    pub figures: &'a [Figure],
}

impl Side<'_> {
    fn value(&self, metric: &str) -> Option<MetricValue> {
        let figure = self.figures.iter().find(|f| f.metric == metric);
        figure.map(|f| f.value)
    }
}

/// Its figures in all runs, and what is missing in some.
#[must_use]
pub fn compare(signal: &Signal, sides: &[Side<'_>], judge: &Judge) -> (Table, Vec<Problem>) {
    let source = signal.source.to_string();
    let title = match source == signal.name {
        true => source,
        false => format!("{} ({source})", signal.name),
    };
    let labels = sides.iter().map(|s| s.label.to_owned());
    let mut table = Table::new(&title, labels.collect());
    table.judged = true;
    let mut names: Vec<&str> = Vec::new();
    for figure in sides.iter().flat_map(|s| s.figures) {
        if !names.contains(&figure.metric.as_str()) {
            names.push(&figure.metric);
        }
    }
    let problem = |metric: &str, text: String| Problem {
        kind: Kind::Missing,
        group: String::new(),
        signal: signal.name.clone(),
        metric: metric.to_owned(),
        text,
        fails: true,
    };
    let mut problems = Vec::new();
    // What never happens in any run is told by whoever asked for it.
    let somewhere = sides.iter().any(|s| s.happened);
    for side in sides.iter().filter(|s| somewhere && !s.happened) {
        let text = format!("`{}` never happened in {}", signal.name, side.label);
        problems.push(problem("", text));
    }
    for name in names {
        let without = sides
            .iter()
            .filter(|s| s.happened && s.value(name).is_none());
        let without: Vec<&str> = without.map(|s| s.label).collect();
        if !without.is_empty() {
            let text = format!("`{}` has no {name} in {}", signal.name, without.join(", "));
            problems.push(problem(name, text));
        }
        let cells = sides.iter().map(|s| s.value(name)).collect();
        let row = Row::exact(name.to_owned(), Direction::of(name), cells, judge);
        table.rows.push(row);
    }
    (table, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Verdict;
    use crate::metrics::rational::Rational;
    use crate::metrics::value::Unit;

    #[test]
    fn what_is_missing_is_told() {
        let figure = |metric: &str, n: u64| Figure {
            metric: metric.to_owned(),
            value: MetricValue::exact(Rational::whole(n), Unit::Cycles),
        };
        let signal: Signal = "tick=PA5".parse().expect("a signal");
        let all = [figure("period.pp", 3), figure("period.p99", 9)];
        let side = |label, happened, figures| Side {
            label,
            happened,
            figures,
        };
        let sides = [
            side("a", true, &all[..]),
            side("b", true, &all[..1]),
            side("c", false, &all[..0]),
        ];
        let (table, problems) = compare(&signal, &sides, &Judge::default());
        let told: Vec<&str> = problems.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(
            told,
            [
                "`tick` never happened in c",
                "`tick` has no period.p99 in b"
            ]
        );
        let verdict = |row: usize, run: usize| {
            let change = table.rows[row].changes[run].as_ref();
            change.expect("a change").verdict
        };
        assert_eq!(verdict(0, 1), Verdict::Same);
        assert_eq!(
            (verdict(1, 1), verdict(0, 2)),
            (Verdict::Missing, Verdict::Missing)
        );
        let (_, none) = compare(&signal, &sides[2..], &Judge::default());
        assert!(none.is_empty());
    }
}
