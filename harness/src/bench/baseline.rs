//! Baselines: the exact figures of an earlier run, as sorted TOML that a reviewer can read.
//!
//! Figures are kept as they are shown (`168012cy`, `1/3`), and compared as numbers; without a tolerance they must be
//! the same. What has gone since then, and what is new, is told as well: neither is a pass.

use super::budget::number;
use super::file::{Bench, Tolerance};
use super::verdict::{Kind, Status, Verdict};
use super::{Figure, Outcome, RunOutcome};
use crate::failure::{Exit, Failure};
use crate::metrics::name::Metric;
use crate::metrics::rational::Rational;
use crate::metrics::value::Unit;
use machines::source::{At, Source};
use machines::{Diagnostic, Errors};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Version of the file.
const SCHEMA: u32 = 1;

/// A baseline file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    schema: u32,
    #[serde(default)]
    run: BTreeMap<String, Entry>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    signal: BTreeMap<String, BTreeMap<String, String>>,
}

impl Baseline {
    /// What these runs measured, as far as it is exact.
    #[must_use]
    pub fn of(runs: &[RunOutcome]) -> Baseline {
        let mut baseline = Baseline {
            schema: SCHEMA,
            run: BTreeMap::new(),
        };
        for run in runs {
            let entry = baseline.run.entry(run.id.clone()).or_default();
            for signal in &run.signals {
                let exact = signal.figures.iter().filter(|f| f.is_exact());
                let figures = exact.map(|f| (f.metric.clone(), f.text())).collect();
                entry.signal.insert(signal.name.clone(), figures);
            }
        }
        baseline
    }

    /// Read a baseline.
    ///
    /// # Errors
    /// A [`Failure`] for a file that is missing or makes no sense.
    pub fn read(path: &Path, colour: bool) -> Result<Baseline, Failure> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|e| {
            Failure::usage(format!("cannot read the baseline `{shown}`: {e}"))
                .help("make it from the runs as they are now: tickscope bench FILE --bless")
        })?;
        let baseline: Baseline = machines::parse(&text, 0).map_err(|e| {
            let sources = [Source {
                name: shown.to_string().into(),
                text: text.as_str().into(),
            }];
            let at = At {
                source: 0,
                span: e.span().unwrap_or(0..0),
            };
            let wrong = Diagnostic::new(e.message().to_owned()).at(&sources, &at, "here");
            Failure::usage(Errors::from(wrong).render(colour))
        })?;
        if baseline.schema != SCHEMA {
            let message = format!("the baseline `{shown}` has schema {}", baseline.schema);
            return Err(Failure::usage(message).help("write it again with --bless"));
        }
        Ok(baseline)
    }

    /// The text of the file: sorted, one figure on a line.
    #[must_use]
    pub fn text(&self, bench: &str) -> String {
        let mut out = format!(
            "# Figures of the bench {}, written by `tickscope bench --bless`.\nschema = {SCHEMA}\n",
            quoted(bench)
        );
        for (run, entry) in &self.run {
            if entry.signal.is_empty() {
                let _ = writeln!(out, "\n[run.{}]", quoted(run));
            }
            for (signal, figures) in &entry.signal {
                let _ = writeln!(out, "\n[run.{}.signal.{}]", quoted(run), quoted(signal));
                for (metric, value) in figures {
                    let _ = writeln!(out, "{} = {}", quoted(metric), quoted(value));
                }
            }
        }
        out
    }

    /// A figure, and whether it is in cycles or just a number.
    #[must_use]
    pub fn figure(&self, run: &str, signal: &str, metric: &str) -> Option<(f64, Unit)> {
        let text = self.run.get(run)?.signal.get(signal)?.get(metric)?;
        Some((parse_number(text)?.as_f64(), Unit::split(text).1))
    }

    /// Compare what a bench has given with it.
    pub fn compare(&self, bench: &Bench, outcome: &mut Outcome) {
        self.judge(bench, &mut outcome.runs);
        for run in self.gone(&outcome.runs) {
            outcome.verdicts.push(Verdict {
                message: format!(
                    "the run `{run}` of the baseline is not in the bench any more: --bless forgets it"
                ),
                run: String::new(),
                kind: Kind::Baseline,
                status: Status::Fail,
                signal: String::new(),
                metric: String::new(),
                wanted: String::new(),
                got: String::new(),
                place: None,
                asked_at: bench.file.baseline.as_ref().map(|b| bench.line(&b.at)),
                exit: Exit::Regression as u8,
            });
        }
    }

    /// Compare runs with it; adds a verdict for each signal, and for what is new or has gone.
    fn judge(&self, bench: &Bench, runs: &mut [RunOutcome]) {
        let asked_at = bench.file.baseline.as_ref().map(|b| bench.line(&b.at));
        for run in runs.iter_mut() {
            let verdict = |signal: &str, status, message: String| Verdict {
                run: run.id.clone(),
                kind: Kind::Baseline,
                status,
                signal: signal.to_owned(),
                metric: String::new(),
                wanted: "as in the baseline".to_owned(),
                got: String::new(),
                message,
                place: None,
                asked_at,
                exit: Exit::Regression as u8,
            };
            let mut found = Vec::new();
            let Some(entry) = self.run.get(&run.id) else {
                let message = "this run is not in the baseline: --bless puts it in".to_owned();
                found.push(verdict("", Status::Error, message));
                run.verdicts.extend(found);
                continue;
            };
            for (name, figures) in &entry.signal {
                let Some(signal) = run.signals.iter().find(|s| s.name == *name) else {
                    let message = format!("the signal `{name}` of the baseline has gone");
                    found.push(verdict(name, Status::Fail, message));
                    continue;
                };
                let mut same = 0;
                for (metric, wanted) in figures {
                    let Some(figure) = signal.figures.iter().find(|f| f.metric == *metric) else {
                        let message = format!("the baseline has {wanted}, but now there is none");
                        let mut v = verdict(name, Status::Fail, message);
                        v.metric.clone_from(metric);
                        found.push(v);
                        continue;
                    };
                    match difference(figure, wanted, tolerance(bench, name, metric)) {
                        None => same += 1,
                        Some(message) => {
                            let mut v = verdict(name, Status::Fail, message);
                            v.metric.clone_from(metric);
                            v.wanted.clone_from(wanted);
                            v.got = figure.text();
                            v.place.clone_from(&signal.worst);
                            found.push(v);
                        }
                    }
                }
                if same > 0 {
                    let mut v = verdict(name, Status::Pass, String::new());
                    v.got = format!("{same} figures");
                    found.push(v);
                }
            }
            for signal in &run.signals {
                let Some(figures) = entry.signal.get(&signal.name) else {
                    let message = "this signal is not in the baseline: --bless puts it in";
                    found.push(verdict(&signal.name, Status::Error, message.to_owned()));
                    continue;
                };
                let new = signal.figures.iter().filter(|f| f.is_exact());
                let new = new.filter(|f| !figures.contains_key(&f.metric));
                let new: Vec<&str> = new.map(|f| f.metric.as_str()).collect();
                if !new.is_empty() {
                    let message = format!(
                        "not in the baseline: {}; --bless puts it in",
                        new.join(", ")
                    );
                    found.push(verdict(&signal.name, Status::Error, message));
                }
            }
            run.verdicts.extend(found);
        }
    }

    /// Runs of the baseline that there are no more.
    fn gone(&self, runs: &[RunOutcome]) -> Vec<String> {
        let known = |id: &&String| runs.iter().any(|r| r.id == **id);
        self.run.keys().filter(|id| !known(id)).cloned().collect()
    }
}

/// Where the baseline of a bench is.
#[must_use]
pub fn path(bench: &Bench) -> Option<PathBuf> {
    let baseline = bench.file.baseline.as_ref()?;
    Some(bench.resolve(&baseline.value))
}

/// How far a figure may be off.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Within {
    Absolute(Rational),
    Percent(Rational),
}

fn tolerance(bench: &Bench, signal: &str, metric: &str) -> Option<Within> {
    let fits = |t: &&Tolerance| {
        t.signal.as_ref().is_none_or(|s| s.value == signal)
            && t.metric.as_ref().is_none_or(|m| m.value.trim() == metric)
    };
    // The last one that fits, as with other settings.
    let found = bench.file.tolerance.iter().rev().find(fits)?;
    parse_within(&found.within.value).ok()
}

fn parse_within(text: &str) -> Result<Within, String> {
    let text = text.trim();
    let number = |t: &str| {
        let found = parse_number(t).filter(|n| *n >= Rational::ZERO);
        found.ok_or_else(|| format!("`{text}` is no tolerance"))
    };
    match text.strip_suffix('%') {
        Some(percent) => number(percent).map(Within::Percent),
        None => number(text).map(Within::Absolute),
    }
}

/// Check the tolerances of a bench file.
///
/// # Errors
/// A [`Failure`] at the place of one that is wrong.
pub fn check_tolerances(bench: &Bench) -> Result<(), Failure> {
    for t in &bench.file.tolerance {
        if let Some(metric) = &t.metric
            && let Err(e) = metric.value.parse::<Metric>()
        {
            return Err(bench.wrong(&metric.at, e.to_string(), "write it as the baseline does"));
        }
        if let Err(e) = parse_within(&t.within.value) {
            return Err(bench.wrong(&t.within.at, e, "write 10cy or 1%"));
        }
    }
    Ok(())
}

/// What is to be said when a figure is not what it was.
fn difference(figure: &Figure, wanted: &str, within: Option<Within>) -> Option<String> {
    let text = figure.text();
    if text == wanted {
        return None;
    }
    let (Some(now), Some(was)) = (figure.exact(), parse_number(wanted)) else {
        return Some(format!("it was {wanted}, it is {text}"));
    };
    let told = |off: &str| Some(format!("it was {wanted}, it is {text}{off}"));
    let Some(off) = minus(now, was) else {
        return told("");
    };
    let size = Rational::new(off.num().abs(), off.den())?;
    let allowed = match within {
        None => Rational::ZERO,
        Some(Within::Absolute(n)) => n,
        Some(Within::Percent(p)) => share(was, p)?,
    };
    if size <= allowed {
        return None;
    }
    let sign = if off < Rational::ZERO { "" } else { "+" };
    told(&match off.den() {
        1 => format!(" ({sign}{off})"),
        // As a fraction nobody could read it.
        _ => format!(" ({sign}{:.3e})", off.as_f64()),
    })
}

fn minus(a: Rational, b: Rational) -> Option<Rational> {
    let left = a.num().checked_mul(b.den())?;
    let right = b.num().checked_mul(a.den())?;
    Rational::new(left.checked_sub(right)?, a.den().checked_mul(b.den())?)
}

/// So many percent of a number, without its sign.
fn share(of: Rational, percent: Rational) -> Option<Rational> {
    let num = of.num().checked_abs()?.checked_mul(percent.num())?;
    Rational::new(num, of.den().checked_mul(percent.den())?.checked_mul(100)?)
}

/// `12cy`, `-3`, `1/3`, `5/2/s` as exact numbers.
fn parse_number(text: &str) -> Option<Rational> {
    let plain = Unit::split(text).0;
    if let Some((num, den)) = plain.split_once('/') {
        return Rational::new(num.parse().ok()?, den.parse().ok()?);
    }
    number(plain)
}

/// A basic string of TOML; what JSON escapes, TOML reads, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}
