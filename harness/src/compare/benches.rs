//! Two results of benches: exact differences of single runs, statistics over seeds and stimuli.
//!
//! All p of a comparison are corrected together (Holm), over all groups, signals and metrics in which any run differs:
//! where none does, no test could ever be significant.

use super::bench_result::{BenchResult, BenchRun, RUN};
use super::change::{Change, Judge, Statistics, Verdict};
use super::comparison::{Comparison, Kind, Problem};
use super::direction::Direction;
use super::samples::{Design, Plan, plan};
use super::table::{Row, Table};
use crate::failure::Failure;
use crate::metrics::compare::bootstrap::Resampling;
use crate::metrics::compare::{self as statistics, holm};
use crate::metrics::value::{MetricValue, Number};
use crate::nearest::nearest;

/// What of the results is compared; nothing for all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// Names of signals.
    pub signals: Vec<String>,
    /// Names of metrics.
    pub metrics: Vec<String>,
}

impl Selection {
    /// Is everything that it names in one of the results?
    ///
    /// # Errors
    /// A [`Failure`] that lists what there is.
    pub fn check(&self, results: &[BenchResult]) -> Result<(), Failure> {
        let figures = || {
            results
                .iter()
                .flat_map(|r| &r.runs)
                .flat_map(|r| &r.figures)
        };
        let known = |wanted: &[String], all: Vec<&str>, what: &str| {
            let unknown = wanted.iter().find(|w| !all.contains(&w.as_str()));
            match unknown {
                None => Ok(()),
                Some(name) => {
                    let mut listed: Vec<&str> = Vec::new();
                    for name in &all {
                        if !listed.contains(name) {
                            listed.push(name);
                        }
                    }
                    let message = format!("no result has a {what} `{name}`");
                    let help = match nearest(name, listed.iter().copied(), 1).first() {
                        Some(near) => {
                            format!("did you mean `{near}`? there are: {}", listed.join(", "))
                        }
                        None => format!("there are: {}", listed.join(", ")),
                    };
                    Err(Failure::usage(message).help(help))
                }
            }
        };
        known(
            &self.signals,
            figures().map(|f| f.0.as_str()).collect(),
            "signal",
        )?;
        known(
            &self.metrics,
            figures().map(|f| f.1.as_str()).collect(),
            "metric",
        )
    }

    fn takes(&self, signal: &str, metric: &str) -> bool {
        let of = |list: &[String], name: &str| list.is_empty() || list.iter().any(|n| n == name);
        of(&self.signals, signal) && of(&self.metrics, metric)
    }
}

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
mod tests {
    use super::*;
    use crate::compare::bench_result::Sample;
    use crate::metrics::rational::Rational;
    use crate::metrics::value::Unit;

    /// A bench with one signal and one metric, by seed.
    fn bench(label: &str, metric: &str, values: &[(u64, u64)]) -> BenchResult {
        let run = |&(seed, value): &(u64, u64)| BenchRun {
            id: format!("seed={seed}"),
            group: String::new(),
            sample: Sample {
                stimuli: None,
                seed,
            },
            stop: "limit".to_owned(),
            code: 0,
            figures: vec![(
                "tick".to_owned(),
                metric.to_owned(),
                MetricValue::exact(Rational::whole(value), Unit::Cycles),
            )],
        };
        BenchResult {
            label: label.to_owned(),
            name: "b".to_owned(),
            runs: values.iter().map(run).collect(),
        }
    }

    fn seeds(values: &[u64]) -> Vec<(u64, u64)> {
        (1..).zip(values.iter().copied()).collect()
    }

    fn compared(metric: &str, a: &[(u64, u64)], b: &[(u64, u64)], judge: &Judge) -> Comparison {
        let results = [bench("a", metric, a), bench("b", metric, b)];
        compare(&results, &Selection::default(), judge)
    }

    fn change(of: &Comparison) -> &Change {
        of.tables[0].rows[0].changes[1].as_ref().expect("a change")
    }

    #[test]
    fn eight_pairs_that_all_get_worse() {
        // Differences 10..17: all positive, so the exact p of Wilcoxon is 2 / 2^8; the median of the Walsh averages of
        // eight neighbours is 13.5; each of b is greater than each of a.
        let a = seeds(&[100, 120, 110, 105, 99, 130, 125, 101]);
        let b: Vec<(u64, u64)> = a.iter().zip(10..).map(|(&(s, v), d)| (s, v + d)).collect();
        let found = compared("period.pp", &a, &b, &Judge::default());
        let c = change(&found);
        let s = c.statistics.as_ref().expect("statistics");
        assert_eq!((c.verdict, s.p), (Verdict::Worse, 2.0 / 256.0));
        assert_eq!(s.comparison.shift, 13.5);
        assert_eq!(s.comparison.wasserstein, 13.5);
        assert!(found.fails());
        // The same is no failure within a tolerance, nor for a count.
        let judge = Judge {
            tolerances: vec!["14cy".parse().expect("fine")],
            ..Judge::default()
        };
        let within = compared("period.pp", &a, &b, &judge);
        assert_eq!(change(&within).verdict, Verdict::Within);
        assert!(!within.fails());
        let count = compared("count", &a, &b, &Judge::default());
        assert_eq!(change(&count).verdict, Verdict::Changed);
        let better = compared("period.pp", &b, &a, &Judge::default());
        assert_eq!(change(&better).verdict, Verdict::Better);
        assert!(!better.fails());
    }

    #[test]
    fn few_pairs_are_never_significant() {
        let (a, b) = (seeds(&[100, 120, 110]), seeds(&[900, 950, 911]));
        let found = compared("period.pp", &a, &b, &Judge::default());
        assert_eq!(change(&found).verdict, Verdict::Unsure);
        assert!(!found.fails());
        assert!(
            found.notes[1].contains("take 6 seeds or more"),
            "{:?}",
            found.notes
        );
    }

    #[test]
    fn other_seeds_are_independent() {
        // Complete separation of 4 and 4: p = 2 / C(8, 4).
        let a = seeds(&[1, 2, 3, 4]);
        let b: Vec<(u64, u64)> = (11..).zip([11, 12, 13, 14]).collect();
        let found = compared("period.pp", &a, &b, &Judge::default());
        let s = change(&found).statistics.as_ref().expect("statistics");
        assert!((s.p - 2.0 / 70.0).abs() < 1e-12, "{}", s.p);
        assert_eq!((s.comparison.shift, s.comparison.cliffs_delta), (10.0, 1.0));
        assert!(found.fails() && found.problems.is_empty());
    }

    #[test]
    fn single_runs_are_exact() {
        let found = compared("period.pp", &[(0, 100)], &[(0, 101)], &Judge::default());
        assert_eq!(change(&found).verdict, Verdict::Worse);
        assert!(change(&found).statistics.is_none() && found.fails());
        assert!(found.tables[0].notes[0].contains("one run is one sample"));
    }

    #[test]
    fn what_is_missing_fails() {
        let a = seeds(&[1, 2, 3]);
        let fewer = compared("period.pp", &a, &a[..2], &Judge::default());
        assert_eq!(fewer.problems.len(), 1);
        assert!(fewer.problems[0].text.contains("seed=3") && fewer.fails());
        let mut other = bench("b", "period.pp", &a);
        other.runs[1].figures[0].0 = "tock".to_owned();
        other.runs[1].code = 1;
        other.runs[1].stop = "lockup".to_owned();
        let results = [bench("a", "period.pp", &a), other];
        let found = compare(&results, &Selection::default(), &Judge::default());
        let told: Vec<&str> = found.problems.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(
            told,
            [
                "the run `seed=2` of b ends with lockup instead of limit",
                "missing in b, but in a: period.pp of `tick` of all runs in seed=2",
                "missing in a, but in b: the signal `tock` of all runs",
            ]
        );
        let mut results = [bench("a", "period.pp", &a), bench("b", "period.pp", &a)];
        results[1]
            .runs
            .iter_mut()
            .for_each(|r| r.group = "fw=x".to_owned());
        let found = compare(&results, &Selection::default(), &Judge::default());
        assert_eq!(found.problems.len(), 2);
        assert!(found.fails() && found.tables.is_empty());
    }

    #[test]
    fn a_selection_must_exist() {
        let results = [bench("a", "period.pp", &seeds(&[1, 2]))];
        let select = Selection {
            signals: vec!["tik".to_owned()],
            metrics: Vec::new(),
        };
        let e = select.check(&results).expect_err("unknown").to_string();
        assert!(
            e.contains("`tik`") && e.contains("did you mean `tick`"),
            "{e}"
        );
    }
}
