//! Pictures of a bench file: a figure against a list of the matrix, or what a signal did in several runs.

use super::file::Bench;
use super::matrix::Run;
use super::select::{Choice, Item, List, Names, Scale, Shown, distinct, items, lists};
use super::{Outcome, RunOutcome, SignalOutcome};
use crate::analysis::{Analysis, Places, page_signal};
use crate::failure::Failure;
use crate::metrics::value::Unit;
use crate::report::svg;
use crate::units::AS_PER_S;
use emu_core::Cycles;
use machines::Sp;
use schemars::JsonSchema;
use serde::Deserialize;

/// More curves than this can nobody tell apart.
const MOST_SERIES: usize = 12;

/// A picture (SVG), written to the folder of `--plots`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlotEntry {
    /// Name of the file: `jitter.svg`.
    pub file: Sp<String>,
    /// What stands above the picture.
    pub title: String,
    /// What is drawn.
    pub kind: Sp<Kind>,
    /// The signal, or several.
    pub signal: Sp<Names>,
    /// For `lines`: the metric, as `period.pp`.
    pub metric: Option<Sp<Names>>,
    /// For `lines`: the list along the x axis. Names with numbers (`M=16`, `16`, `60%`) are numbers, others are categories.
    pub x: Option<Sp<Names>>,
    /// What tells the curves apart: `firmware`, `machine`, `settings`, `poke`, `stimuli`, `seed`, `signal`; or several.
    pub series: Option<Sp<Names>>,
    /// What cycles are shown in (`lines`, `time`).
    #[serde(default)]
    pub unit: Scale,
    /// Logarithmic: the values of `lines`, the counts of `histogram`, the durations of `tail`.
    #[serde(default)]
    pub log: bool,
    /// Only these firmware names; all when empty.
    #[serde(default)]
    pub firmware: Vec<Sp<String>>,
    /// Only runs whose names have all of these parts: `poke=M=16`.
    #[serde(default, rename = "where")]
    pub only: Vec<Sp<String>>,
}

/// What a plot draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A metric against a list of the matrix.
    Lines,
    /// How often each period or duration came.
    Histogram,
    /// The share of periods or durations beyond each value.
    Tail,
    /// The least share of time outside of the signal, by window.
    Mmu,
    /// TIE or durations over time.
    Time,
}

/// A plot whose entry was read.
struct Layout<'a> {
    entry: &'a PlotEntry,
    items: Vec<Item>,
    x: Vec<List>,
    series: Vec<List>,
}

/// A picture that was drawn.
pub struct Picture<'a> {
    /// Name of its file.
    pub file: &'a str,
    /// The text of the SVG.
    pub svg: String,
    /// What should be in it and is not.
    pub missing: Vec<String>,
}

/// Do the plots of a bench file make sense?
///
/// # Errors
/// A [`Failure`] at the place of what does not.
pub fn check(bench: &Bench, runs: &[Run]) -> Result<(), Failure> {
    let all = &bench.file.plot;
    for (i, entry) in all.iter().enumerate() {
        entry.layout(bench, runs)?;
        if all[..i].iter().any(|p| p.file.value == entry.file.value) {
            let title = format!("two plots have the file `{}`", entry.file.value);
            return Err(bench.wrong(&entry.file.at, title, "give each one of its own"));
        }
    }
    Ok(())
}

/// Does a plot need the single edges?
#[must_use]
pub fn needs_edges(bench: &Bench) -> bool {
    bench.file.plot.iter().any(|p| p.kind.value == Kind::Time)
}

/// Draw all plots of a bench.
///
/// # Errors
/// Those of [`check`], and of the drawing library.
pub fn draw<'a>(bench: &'a Bench, outcome: &Outcome) -> Result<Vec<Picture<'a>>, Failure> {
    let runs = bench.runs()?;
    let all = bench.file.plot.iter();
    all.map(|entry| {
        let layout = entry.layout(bench, &runs)?;
        let mut missing = Vec::new();
        let drawn = match entry.kind.value {
            Kind::Lines => layout.lines(outcome, &mut missing),
            _ => layout.curves(outcome, &mut missing),
        };
        let svg = drawn.map_err(|e| Failure::internal(format!("{}: {e}", entry.file.value)))?;
        Ok(Picture {
            file: &entry.file.value,
            svg,
            missing,
        })
    })
    .collect()
}

impl PlotEntry {
    fn layout<'a>(&'a self, bench: &Bench, runs: &[Run]) -> Result<Layout<'a>, Failure> {
        let name = self.file.as_str();
        let plain = name.len() > 4 && name.ends_with(".svg") && !name.starts_with('.');
        if !plain || name.contains(['/', '\\', ':', '\0']) {
            let title = format!("`{name}` is no name for a picture");
            let help = "write a name without a folder, as in file = \"jitter.svg\"; --plots says where it goes";
            return Err(bench.wrong(&self.file.at, title, help));
        }
        let lines = self.kind.value == Kind::Lines;
        let told = [("metric", &self.metric), ("x", &self.x)];
        for (key, names) in told {
            match names {
                None if lines => {
                    let title = format!("lines need `{key}`");
                    let help = "metric = \"period.pp\", x = \"poke\"";
                    return Err(bench.wrong(&self.kind.at, title, help));
                }
                Some(names) if !lines => {
                    let title = format!("`{key}` is for lines only");
                    let help = "kind = \"lines\", or leave it out";
                    return Err(bench.wrong(&names.at, title, help));
                }
                Some(names) if names.value.all().len() != 1 => {
                    return Err(bench.wrong(&names.at, "one name is wanted here", "x = \"poke\""));
                }
                _ => {}
            }
        }
        let of = |names: &Option<Sp<Names>>| match names {
            Some(names) => lists(bench, names),
            None => Ok(Vec::new()),
        };
        let choice = Choice {
            signal: &self.signal,
            metric: self.metric.as_ref(),
            firmware: &self.firmware,
            only: &self.only,
        };
        let layout = Layout {
            entry: self,
            items: items(bench, runs, &choice)?,
            x: of(&self.x)?,
            series: of(&self.series)?,
        };
        distinct(bench, &self.file.at, &layout.items, |i| {
            vec![i.label(&layout.series), i.label(&layout.x)]
        })?;
        let count = layout.names(&layout.series).len();
        if count > MOST_SERIES {
            let title = format!("{count} curves in one picture");
            let help = format!("{MOST_SERIES} at most: choose with where = [\"poke=M=16\"]");
            return Err(bench.wrong(&self.file.at, title, help));
        }
        Ok(layout)
    }
}

impl Layout<'_> {
    /// Different names in these lists, in order of appearance.
    fn names(&self, lists: &[List]) -> Vec<String> {
        let mut names = Vec::new();
        for item in &self.items {
            let name = item.label(lists);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn lines(&self, outcome: &Outcome, missing: &mut Vec<String>) -> std::io::Result<String> {
        let places = self.names(&self.x);
        let numbers: Option<Vec<f64>> = places.iter().map(|name| number(name)).collect();
        let x_of = |item: &Item| {
            let name = item.label(&self.x);
            match &numbers {
                Some(_) => number(&name).unwrap_or(f64::NAN),
                None => places.iter().position(|p| *p == name).unwrap_or(0) as f64,
            }
        };
        let mut curves: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
        let mut in_cycles = false;
        for name in self.names(&self.series) {
            let of = |i: &&Item| i.label(&self.series) == name;
            let mut points = Vec::new();
            for item in self.items.iter().filter(of) {
                let shown = outcome.shown(item);
                if shown.is_none() {
                    missing.push(item.to_string());
                }
                in_cycles |= shown.is_some_and(|s| s.unit == Unit::Cycles);
                // A gap in the line, never a 0.
                let y = shown.map_or(f64::NAN, |s| self.entry.unit.of(s));
                points.push((x_of(item), y));
            }
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            curves.push((name, points));
        }
        let metric = self.items.first().and_then(|i| i.metric);
        let mut y = metric.map(|m| m.to_string()).unwrap_or_default();
        if in_cycles {
            y = format!("{y} ({})", self.entry.unit.name());
        }
        let named: Vec<&str> = places.iter().map(String::as_str).collect();
        let x = match &numbers {
            Some(n) if wide(n) => svg::X::Log2,
            Some(_) => svg::X::Linear,
            None => svg::X::Categories(&named),
        };
        let below = match &numbers {
            Some(_) => key(&places[0]).map_or_else(|| self.x[0].to_string(), str::to_owned),
            None => self.x[0].to_string(),
        };
        let series: Vec<svg::Series<'_>> = curves
            .iter()
            .map(|(label, points)| svg::Series { label, points })
            .collect();
        svg::lines(self.named(&below, &y), x, &series, self.entry.log)
    }

    fn curves(&self, outcome: &Outcome, missing: &mut Vec<String>) -> std::io::Result<String> {
        let mut found: Vec<(String, &RunOutcome, &SignalOutcome)> = Vec::new();
        for item in &self.items {
            match outcome.signal(&item.run, &item.signal) {
                Some((run, signal)) if signal.n > 0 => {
                    found.push((item.label(&self.series), run, signal));
                }
                _ => missing.push(item.to_string()),
            }
        }
        let interval = found
            .iter()
            .any(|(_, _, s)| matches!(s.analysis, Analysis::Intervals(_)));
        let bins: Vec<svg::Bins<'_>> = found
            .iter()
            .map(|(label, _, s)| svg::Bins {
                label,
                bins: match &s.analysis {
                    Analysis::Edges(e) => e.period.as_ref().map_or(&[], |p| p.histogram.bins()),
                    Analysis::Intervals(i) => i.histogram.bins(),
                },
            })
            .collect();
        let quantity = match interval {
            true => "duration (cycles)",
            false => "period (cycles)",
        };
        let curves: Vec<(&str, Vec<(f64, f64)>)> = match self.entry.kind.value {
            Kind::Histogram => {
                return svg::histograms(self.named(quantity, "count"), &bins, self.entry.log);
            }
            Kind::Tail => {
                return svg::percentiles(
                    self.named(quantity, "share beyond"),
                    &bins,
                    self.entry.log,
                );
            }
            Kind::Mmu => {
                let curves = found.iter();
                let curves = curves.map(|(label, _, s)| (label.as_str(), mmu(&s.analysis)));
                from_the_first_share(curves.collect())
            }
            _ => found
                .iter()
                .map(|(label, run, s)| (label.as_str(), over_time(run, s, self.entry.unit)))
                .collect(),
        };
        let series: Vec<svg::Series<'_>> = curves
            .iter()
            .map(|(label, points)| svg::Series { label, points })
            .collect();
        if self.entry.kind.value == Kind::Mmu {
            return svg::mmu(
                self.named("window (cycles)", "least mutator share"),
                &series,
            );
        }
        let what = match interval {
            true => "duration",
            false => "TIE from the first edge",
        };
        let what = format!("{what} ({})", self.entry.unit.name());
        svg::over_time(self.named("time (s)", &what), &series)
    }

    fn named<'b>(&'b self, x: &'b str, y: &'b str) -> svg::Names<'b> {
        svg::Names {
            title: &self.entry.title,
            x,
            y,
        }
    }
}

fn mmu(analysis: &Analysis) -> Vec<(f64, f64)> {
    match analysis {
        Analysis::Edges(_) => Vec::new(),
        Analysis::Intervals(i) => {
            let curve = i.mmu.iter();
            curve
                .map(|m| (m.window as f64, m.utilisation.as_f64()))
                .collect()
        }
    }
}

/// Without the windows that are so short that no curve has anything, but for the last of them.
fn from_the_first_share(mut curves: Vec<(&str, Vec<(f64, f64)>)>) -> Vec<(&str, Vec<(f64, f64)>)> {
    let all = curves.iter().flat_map(|(_, points)| points);
    let first = all.filter(|p| p.1 > 0.0).map(|p| p.0);
    let first = first.fold(f64::INFINITY, f64::min);
    let below = curves.iter().flat_map(|(_, points)| points);
    let below = below.map(|p| p.0).filter(|w| *w < first);
    let from = below.fold(0.0, f64::max);
    for (_, points) in &mut curves {
        points.retain(|p| p.0 >= from);
    }
    curves
}

/// Seconds, and duration or TIE: against the first edge, so that one sees how late it gets.
fn over_time(run: &RunOutcome, signal: &SignalOutcome, unit: Scale) -> Vec<(f64, f64)> {
    let page = page_signal(
        &signal.recorded,
        &signal.analysis,
        &[],
        &run.timebase,
        Places(None),
    );
    let zero = match signal.analysis {
        Analysis::Edges(_) => page.values.first().copied().unwrap_or(0.0),
        Analysis::Intervals(_) => 0.0,
    };
    let shown = |value: f64| {
        unit.of(Shown {
            value: value - zero,
            unit: Unit::Cycles,
            hz: run.core_hz,
        })
    };
    let seconds = |t: &u64| run.timebase.attoseconds(Cycles(*t)) as f64 / AS_PER_S as f64;
    let times = signal.recorded.times.iter().map(seconds);
    times.zip(page.values.into_iter().map(shown)).collect()
}

/// The number that a name stands for: `M=16`, `16`, `60%`, `32K`.
fn number(name: &str) -> Option<f64> {
    let after = name.rsplit_once('=').map_or(name, |(_, after)| after);
    let digits = after.trim_end_matches(|c: char| !c.is_ascii_digit());
    digits.parse().ok()
}

/// What a name says the number is: `M` of `M=16`.
fn key(name: &str) -> Option<&str> {
    name.rsplit_once('=').map(|(key, _)| key)
}

/// Do numbers above 0 go over some octaves?
fn wide(numbers: &[f64]) -> bool {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(0.0, f64::max);
    least > 0.0 && most >= 8.0 * least
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const BENCH: &str = r#"
schema = 1
name = "b"
[defaults]
for = "1ms"
[matrix]
firmware = [
    { name = "a", path = "fixtures/elf/idle.stm32f407.elf" },
    { name = "b", path = "fixtures/elf/idle.stm32f407.elf" },
]
poke = [{ name = "M=2", x = 2 }, { name = "M=16", x = 16 }]
[[signal]]
name = "tick"
source = "PD12"
[[plot]]
"#;

    fn wrong(more: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let path = root.expect("root").join("bench.toml");
        let bench = Bench::parse(&path, &format!("{BENCH}{more}"), false);
        let checked = bench.and_then(|bench| super::super::check(&bench));
        checked.expect_err("an error").message
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        let plot = |file: &str, rest: &str| {
            format!("file = \"{file}\"\ntitle = \"T\"\nsignal = \"tick\"\n{rest}")
        };
        for (more, says, line) in [
            (
                plot("../x.svg", "kind = \"tail\"\n"),
                "is no name for a picture",
                ":16",
            ),
            (
                plot("x.png", "kind = \"tail\"\n"),
                "is no name for a picture",
                ":16",
            ),
            (
                plot("x.svg", "kind = \"lines\"\nx = \"poke\"\n"),
                "lines need `metric`",
                ":19",
            ),
            (
                plot("x.svg", "kind = \"tail\"\nx = \"poke\"\n"),
                "`x` is for lines only",
                ":20",
            ),
            (
                plot("x.svg", "kind = \"tail\"\nseries = \"poke\"\n"),
                "would stand in the same place",
                ":16",
            ),
            (
                plot("x.svg", "kind = \"tails\"\n"),
                "unknown variant `tails`",
                ":19",
            ),
            (
                plot("x.svg", "kind = \"tail\"\nseries = 3\n"),
                "a text, or a list of texts",
                ":20",
            ),
        ] {
            let text = wrong(&more);
            let at = format!("bench.toml{line}");
            assert!(text.contains(says) && text.contains(&at), "{text}");
        }
    }

    #[test]
    fn names_with_numbers_are_numbers() {
        for (name, wanted) in [
            ("M=16", Some(16.0)),
            ("16", Some(16.0)),
            ("60%", Some(60.0)),
            ("32K", Some(32.0)),
            ("idle", None),
            ("cortex-m0", None),
            ("", None),
        ] {
            assert_eq!(number(name), wanted, "{name}");
        }
        assert!(wide(&[2.0, 16.0]) && !wide(&[60.0, 96.0]) && !wide(&[0.0, 8.0]));
        assert_eq!((key("M=16"), key("16")), (Some("M"), None));
    }
}
