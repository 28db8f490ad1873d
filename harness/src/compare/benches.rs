//! Two results of benches: exact differences of single runs, statistics over seeds and stimuli.
//!
//! All p of a comparison are corrected together (Holm), over all groups, signals and metrics in which any run differs:
//! where none does, no test could ever be significant.

use super::bench_result::{BenchResult, BenchRun, RUN};
use super::change::{Change, Judge, Statistics, Verdict};
use super::comparison::{Comparison, Kind, Problem};
use super::direction::Direction;
use super::samples::{Design, Plan, plan};
use super::selection::Selection;
use super::table::{Row, Table};
use crate::metrics::compare::bootstrap::Resampling;
use crate::metrics::compare::{self as statistics, holm};
use crate::metrics::value::{MetricValue, Number};

/// A row that waits for the correction of its p.
struct Pending {
    table: usize,
    row: usize,
    middle: MetricValue,
    comparison: statistics::Comparison,
}

/// Compare each result with the first.
#[must_use]
pub fn compare(results: &[BenchResult], select: &Selection, judge: &Judge) -> Comparison {
    let mut out = Comparison {
        inputs: results
            .iter()
            .map(|r| {
                let plural = |n: usize, what: &str| match n {
                    1 => format!("1 {what}"),
                    n => format!("{n} {what}s"),
                };
                let runs = plural(r.runs.len(), "run");
                let groups = plural(r.groups().len(), "group");
                (
                    r.label.clone(),
                    format!("bench {}, {runs} in {groups}", r.name),
                )
            })
            .collect(),
        ..Comparison::default()
    };
    if let Some((first, rest)) = results.split_first() {
        for other in rest {
            Pair {
                a: first,
                b: other,
                select,
                judge,
                out: &mut out,
                pending: Vec::new(),
            }
            .compare();
        }
    }
    out
}

/// Two results, and what comparing them has given so far.
struct Pair<'a> {
    a: &'a BenchResult,
    b: &'a BenchResult,
    select: &'a Selection,
    judge: &'a Judge,
    out: &'a mut Comparison,
    pending: Vec<Pending>,
}

impl Pair<'_> {
    fn compare(mut self) {
        let mut groups = self.a.groups();
        groups.extend(
            self.b
                .groups()
                .into_iter()
                .filter(|g| !self.a.groups().contains(g)),
        );
        for group in groups {
            let (a, b) = (self.a.of(group), self.b.of(group));
            let title = match group {
                "" => "all runs",
                name => name,
            };
            match (a.is_empty(), b.is_empty()) {
                (false, false) => self.group(title, &a, &b),
                (true, _) => self.missing(title, "", "", title.to_owned(), true),
                (_, true) => self.missing(title, "", "", title.to_owned(), false),
            }
        }
        self.correct();
    }

    /// Only one side has something: the second, or else the first.
    fn missing(&mut self, group: &str, signal: &str, metric: &str, what: String, new: bool) {
        let (without, with) = match new {
            true => (&self.a.label, &self.b.label),
            false => (&self.b.label, &self.a.label),
        };
        self.out.problems.push(Problem {
            kind: Kind::Missing,
            group: group.to_owned(),
            signal: signal.to_owned(),
            metric: metric.to_owned(),
            text: format!("missing in {without}, but in {with}: {what}"),
            fails: true,
        });
    }

    fn group(&mut self, group: &str, a: &[&BenchRun], b: &[&BenchRun]) {
        let Plan {
            design,
            alone,
            note,
        } = plan(a, b);
        for (new, samples) in [(false, &alone[0]), (true, &alone[1])] {
            if !samples.is_empty() {
                let list: Vec<String> = samples.iter().map(ToString::to_string).collect();
                let what = format!("runs of {group} with {}", list.join("; "));
                self.missing(group, "", "", what, new);
            }
        }
        self.ends(group, a, b);
        let Some(design) = design else {
            self.out.problems.push(Problem {
                kind: Kind::Incomparable,
                group: group.to_owned(),
                signal: String::new(),
                metric: String::new(),
                text: format!("{group} cannot be compared: {note}"),
                fails: true,
            });
            return;
        };
        let sides: [Vec<&BenchRun>; 2] = match &design {
            Design::Exact(x, y) => [vec![x], vec![y]],
            Design::Paired(pairs) => [
                pairs.iter().map(|p| p.0).collect(),
                pairs.iter().map(|p| p.1).collect(),
            ],
            Design::Unpaired(a, b) => [a.clone(), b.clone()],
        };
        // The order of the file; what only the second has comes last.
        let mut names: Vec<(&str, &str)> = Vec::new();
        for (signal, metric, _) in sides.iter().flatten().flat_map(|r| &r.figures) {
            let name = (signal.as_str(), metric.as_str());
            if self.select.takes(signal, metric) && !names.contains(&name) {
                names.push(name);
            }
        }
        let mut signals: Vec<&str> = Vec::new();
        for (signal, _) in &names {
            if !signals.contains(signal) {
                signals.push(signal);
            }
        }
        for signal in signals {
            let labels = vec![self.a.label.clone(), self.b.label.clone()];
            let mut table = Table::new(signal, labels);
            table.group = group.to_owned();
            table.judged = true;
            table.notes.push(note.clone());
            self.out.tables.push(table);
            let has =
                |side: &[&BenchRun]| side.iter().any(|r| r.figures.iter().any(|f| f.0 == signal));
            let [in_a, in_b] = [has(&sides[0]), has(&sides[1])];
            if in_a != in_b {
                let what = format!("the signal `{signal}` of {group}");
                self.missing(group, signal, "", what, in_b);
            }
            for (_, metric) in names.iter().filter(|n| n.0 == signal) {
                self.row(group, signal, metric, &design, &sides, in_a && in_b);
            }
        }
    }

    /// Runs that end otherwise than those of the same seed.
    fn ends(&mut self, group: &str, a: &[&BenchRun], b: &[&BenchRun]) {
        for y in b {
            let was = a.iter().find(|x| x.sample == y.sample);
            let as_before = was.is_some_and(|x| x.stop == y.stop && x.code == y.code);
            let well = was.is_none() && y.code == 0;
            if as_before || well {
                continue;
            }
            let instead = was.map_or(String::new(), |x| format!(" instead of {}", x.stop));
            self.out.problems.push(Problem {
                kind: Kind::Ending,
                group: group.to_owned(),
                signal: String::new(),
                metric: String::new(),
                text: format!(
                    "the run `{}` of {} ends with {}{instead}",
                    y.id, self.b.label, y.stop
                ),
                fails: y.code != 0,
            });
        }
    }

    fn row(
        &mut self,
        group: &str,
        signal: &str,
        metric: &str,
        design: &Design<'_>,
        sides: &[Vec<&BenchRun>; 2],
        tell: bool,
    ) {
        // Up to a limit, how many cycles there are tells nothing about how fast work is done.
        let limit = sides.iter().flatten().any(|r| r.stop == "limit");
        let direction = match (signal, metric) {
            (RUN, "cycles") if !limit => Direction::Lower,
            _ => Direction::of(metric),
        };
        let absent = |side: &[&BenchRun]| -> Vec<String> {
            let without = side.iter().filter(|r| r.figure(signal, metric).is_none());
            without.map(|r| r.sample.to_string()).collect()
        };
        let [gone, new] = [absent(&sides[1]), absent(&sides[0])];
        for (list, other, is_new) in [(&gone, &new, false), (&new, &gone, true)] {
            let only = list.iter().filter(|s| !other.contains(s));
            let only: Vec<&str> = only.map(String::as_str).collect();
            if tell && !only.is_empty() {
                let what = format!("{metric} of `{signal}` of {group} in {}", only.join("; "));
                self.missing(group, signal, metric, what, is_new);
            }
        }
        let Some(table) = self.out.tables.len().checked_sub(1) else {
            return;
        };
        let row = match design {
            Design::Exact(x, y) => {
                let cells = vec![x.figure(signal, metric), y.figure(signal, metric)];
                Row::exact(metric.to_owned(), direction, cells, self.judge)
            }
            Design::Paired(pairs) => {
                let both = pairs.iter().filter_map(|(x, y)| {
                    Some((x.figure(signal, metric)?, y.figure(signal, metric)?))
                });
                let (a, b): (Vec<MetricValue>, Vec<MetricValue>) = both.unzip();
                self.many(metric, direction, &a, &b, true)
            }
            Design::Unpaired(a, b) => {
                let of = |side: &[&BenchRun]| -> Vec<MetricValue> {
                    side.iter()
                        .filter_map(|r| r.figure(signal, metric))
                        .collect()
                };
                self.many(metric, direction, &of(a), &of(b), false)
            }
        };
        self.out.tables[table].rows.push(row);
    }

    /// Many runs: the row has no verdict before all p are known.
    fn many(
        &mut self,
        metric: &str,
        direction: Direction,
        a: &[MetricValue],
        b: &[MetricValue],
        paired: bool,
    ) -> Row {
        let change = |verdict, delta| Change {
            delta,
            percent: None,
            verdict,
            statistics: None,
        };
        let mut row = Row {
            name: metric.to_owned(),
            direction,
            cells: vec![median(a), median(b)],
            changes: vec![None, None],
        };
        let numbers = |v: &[MetricValue]| v.iter().map(|v| v.number).collect::<Vec<Number>>();
        let (x, y) = (numbers(a), numbers(b));
        let same = match paired {
            true => x == y,
            false => x.iter().chain(&y).all(|v| Some(v) == x.first()),
        };
        row.changes[1] = match (a.len(), b.len()) {
            (0, 0) => None,
            (0, _) => Some(change(Verdict::New, None)),
            (_, 0) => Some(change(Verdict::Missing, None)),
            (1, _) | (_, 1) => Some(change(Verdict::Unsure, None)),
            _ if same => {
                let zero = row.cells[0].map(|m| super::change::difference(m, m));
                Some(change(Verdict::Same, zero))
            }
            _ => {
                let ranked = |v: &[MetricValue]| -> Vec<f64> {
                    v.iter().map(|v| direction.ranked(v.as_f64())).collect()
                };
                let (x, y) = (ranked(a), ranked(b));
                let how = Resampling::default();
                let found = match paired {
                    true => statistics::paired(&x, &y, &how),
                    false => statistics::unpaired(&x, &y, &how),
                };
                if let (Ok(comparison), Some(middle)) = (found, row.cells[0]) {
                    self.pending.push(Pending {
                        table: self.out.tables.len() - 1,
                        row: self.out.tables[self.out.tables.len() - 1].rows.len(),
                        middle,
                        comparison,
                    });
                }
                Some(change(Verdict::Unsure, None))
            }
        };
        row
    }

    /// Correct all p together, and judge.
    fn correct(self) {
        let raw: Vec<f64> = self.pending.iter().map(|p| p.comparison.p()).collect();
        let least = self.pending.iter().map(|p| p.comparison.least_p);
        let least = least.fold(f64::INFINITY, f64::min);
        let tests = raw.len();
        for (pending, p) in self.pending.into_iter().zip(holm(&raw)) {
            let row = &mut self.out.tables[pending.table].rows[pending.row];
            let statistics = Statistics {
                comparison: pending.comparison,
                p,
            };
            row.changes[1] = Some(self.judge.many(row.direction, pending.middle, statistics));
        }
        if tests == 0 {
            return;
        }
        let (alpha, label) = (self.judge.alpha, &self.b.label);
        self.out.notes.push(format!(
            "{label}: medians over runs; p after Holm's correction over {tests} tests, significant up to {alpha}"
        ));
        if least * tests as f64 > alpha {
            self.out.notes.push(format!(
                "{label}: so few runs cannot make {tests} tests significant (least p {least:.2e}): take {} seeds or more, or choose with --signal and --metric",
                seeds_for(tests, alpha)
            ));
        }
    }
}

/// Pairs of runs that can make one of so many tests significant: the least p of Wilcoxon's test is 2^(1-n).
fn seeds_for(tests: usize, alpha: f64) -> usize {
    let enough = |n: &usize| statistics::tests_of_rank::least_p_paired(*n) * tests as f64 <= alpha;
    (2..1000).find(enough).unwrap_or(1000)
}

fn median(values: &[MetricValue]) -> Option<MetricValue> {
    let unit = values.first()?.unit;
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.as_f64().total_cmp(&b.as_f64()));
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    if low.number == high.number {
        return Some(low);
    }
    let (low, high) = (low.as_f64(), high.as_f64());
    Some(MetricValue::real(low + (high - low) / 2.0, unit))
}

#[cfg(test)]
mod tests;
