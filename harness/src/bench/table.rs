//! Tables of a bench file: figures of many runs side by side, as Markdown.

use super::Outcome;
use super::baseline::Baseline;
use super::file::Bench;
use super::markdown::cell;
use super::matrix::Run;
use super::select::{Choice, Item, List, Names, Scale, Shown, distinct, items, lists};
use crate::failure::Failure;
use crate::metrics::value::Unit;
use crate::report::grouped;
use machines::Sp;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write;

/// A table: figures of many runs side by side. Each list that tells them apart is named in `rows` or `columns`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableEntry {
    /// What stands above it.
    pub title: Sp<String>,
    /// The signal, or several.
    pub signal: Sp<Names>,
    /// The metric, or several: `period.pp`.
    pub metric: Sp<Names>,
    /// What makes the rows: `firmware`, `machine`, `settings`, `poke`, `stimuli`, `seed`, `signal`, `metric`; or several.
    pub rows: Sp<Names>,
    /// What makes the columns, in the same way.
    pub columns: Sp<Names>,
    /// What cycles are shown in.
    #[serde(default)]
    pub unit: Scale,
    /// Only these firmware names; all when empty.
    #[serde(default)]
    pub firmware: Vec<Sp<String>>,
    /// Only runs whose names have all of these parts: `poke=M=16`.
    #[serde(default, rename = "where")]
    pub only: Vec<Sp<String>>,
}

/// A table whose entry was read.
struct Layout<'a> {
    entry: &'a TableEntry,
    items: Vec<Item>,
    rows: Vec<List>,
    columns: Vec<List>,
}

impl TableEntry {
    fn layout<'a>(&'a self, bench: &Bench, runs: &[Run]) -> Result<Layout<'a>, Failure> {
        let (rows, columns) = (lists(bench, &self.rows)?, lists(bench, &self.columns)?);
        let choice = Choice {
            signal: &self.signal,
            metric: Some(&self.metric),
            firmware: &self.firmware,
            only: &self.only,
        };
        let items = items(bench, runs, &choice)?;
        distinct(bench, &self.title.at, &items, |i| {
            vec![i.label(&rows), i.label(&columns)]
        })?;
        Ok(Layout {
            entry: self,
            items,
            rows,
            columns,
        })
    }

    /// Does it make sense?
    ///
    /// # Errors
    /// A [`Failure`] at the place of what does not.
    pub fn check(&self, bench: &Bench, runs: &[Run]) -> Result<(), Failure> {
        self.layout(bench, runs).map(|_| ())
    }
}

/// All tables of a bench, with the figures of its runs.
///
/// # Errors
/// Those of [`TableEntry::check`].
pub fn markdown(bench: &Bench, outcome: &Outcome) -> Result<String, Failure> {
    render(bench, &|item| outcome.shown(item))
}

/// The same from a baseline. It does not know the clock: `hz` is it.
///
/// # Errors
/// Those of [`TableEntry::check`].
pub fn from_baseline(bench: &Bench, baseline: &Baseline, hz: f64) -> Result<String, Failure> {
    render(bench, &|item| {
        let metric = item.metric?.to_string();
        let (value, unit) = baseline.figure(&item.run, &item.signal, &metric)?;
        Some(Shown { value, unit, hz })
    })
}

fn render(bench: &Bench, shown: &dyn Fn(&Item) -> Option<Shown>) -> Result<String, Failure> {
    let runs = bench.runs()?;
    let mut out = String::new();
    for entry in &bench.file.table {
        let layout = entry.layout(bench, &runs)?;
        if !out.is_empty() {
            out.push('\n');
        }
        layout.write(&mut out, shown);
    }
    Ok(out)
}

impl Layout<'_> {
    fn write(&self, out: &mut String, shown: &dyn Fn(&Item) -> Option<Shown>) {
        let mut rows = self.names(|i| self.rows.iter().map(|l| i.name(*l)).collect());
        // By the first list, then by the next: each in the order of the file.
        let orders = self.rows.iter().map(|l| self.names(|i| vec![i.name(*l)]));
        let orders: Vec<Vec<Vec<String>>> = orders.collect();
        rows.sort_by_key(|row| -> Vec<Option<usize>> {
            let places = row.iter().zip(&orders);
            let place = |(name, order): (&String, &Vec<Vec<String>>)| {
                order.iter().position(|n| n[0] == *name)
            };
            places.map(place).collect()
        });
        let columns = self.names(|i| vec![i.label(&self.columns)]);
        let heads = self.rows.iter().map(ToString::to_string);
        let heads = heads.chain(columns.iter().map(|c| cell(&c[0])));
        let heads: Vec<String> = heads.collect();
        let _ = writeln!(out, "**{}**\n", cell(&self.entry.title));
        let _ = writeln!(out, "| {} |", heads.join(" | "));
        let (names, numbers) = ("---|".repeat(self.rows.len()), "--:|".repeat(columns.len()));
        let _ = writeln!(out, "|{names}{numbers}");
        let mut gaps = false;
        for row in &rows {
            let mut texts: Vec<String> = row.iter().map(|name| cell(name)).collect();
            for column in &columns {
                let at = |i: &&Item| {
                    i.label(&self.columns) == column[0]
                        && self
                            .rows
                            .iter()
                            .zip(row)
                            .all(|(l, name)| i.name(*l) == *name)
                };
                // No item: this firmware is not measured so. No figure: the run did not give it.
                let item = self.items.iter().find(at);
                texts.push(match item.map(shown) {
                    None => String::new(),
                    Some(Some(figure)) => number(figure, self.entry.unit),
                    Some(None) => {
                        gaps = true;
                        "–".to_owned()
                    }
                });
            }
            let _ = writeln!(out, "| {} |", texts.join(" | "));
        }
        if gaps {
            let _ = writeln!(out, "\n–: this run has no such figure.");
        }
    }

    /// Different names, in order of appearance.
    fn names(&self, of: impl Fn(&Item) -> Vec<String>) -> Vec<Vec<String>> {
        let mut names: Vec<Vec<String>> = Vec::new();
        for item in &self.items {
            let name = of(item);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// Whole numbers in groups of digits, others with a few decimals.
fn number(figure: Shown, scale: Scale) -> String {
    let value = scale.of(figure);
    let digits = match (figure.unit, scale) {
        (Unit::Cycles, Scale::Cycles) if value.fract() != 0.0 => 1,
        (Unit::Cycles, Scale::Ns | Scale::Us | Scale::Ms) => 1,
        _ if value.fract() == 0.0 => 0,
        _ => 3,
    };
    grouped(format!("{value:.digits$}"))
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
    { name = "b|c", path = "fixtures/elf/idle.stm32f407.elf" },
]
poke = [{ name = "M=2", x = 2 }, { name = "M=16", x = 16 }]
[[signal]]
name = "tick"
source = "PD12"
[[signal]]
name = "other"
firmware = ["a"]
source = "PD13"
"#;

    const BASELINE: &str = r#"
schema = 1
[run."fw=a,poke=M=2".signal.tick]
"period.pp" = "1234567cy"
"period.mean" = "1/3cy"
skipped = "7"
[run."fw=a,poke=M=16".signal.tick]
"period.pp" = "168cy"
[run."fw=b|c,poke=M=2".signal.tick]
"period.pp" = "0cy"
[run."fw=a,poke=M=2".signal.other]
"period.pp" = "5cy"
"#;

    fn bench(more: &str) -> Result<Bench, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let path = root.expect("root").join("bench.toml");
        let bench = Bench::parse(&path, &format!("{BENCH}{more}"), false)?;
        super::super::check(&bench)?;
        Ok(bench)
    }

    fn made(more: &str) -> String {
        let temporary = tempfile::tempdir().expect("tempdir");
        let file = temporary.path().join("baseline.toml");
        std::fs::write(&file, BASELINE).expect("writes");
        let baseline = Baseline::read(&file, false).expect("a baseline");
        let bench = bench(more).unwrap_or_else(|e| panic!("{}", e.message));
        from_baseline(&bench, &baseline, 168e6).unwrap_or_else(|e| panic!("{}", e.message))
    }

    #[test]
    fn a_metric_over_two_lists() {
        let text = made(
            "[[table]]\ntitle = \"T\"\nsignal = \"tick\"\nmetric = \"period.pp\"\nrows = \"firmware\"\ncolumns = \"poke\"\n",
        );
        let wanted = "**T**\n\n| firmware | M=2 | M=16 |\n|---|--:|--:|\n\
             | a | 1\u{202F}234\u{202F}567 | 168 |\n| b\\|c | 0 | – |\n\n–: this run has no such figure.\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn metrics_side_by_side_in_another_unit() {
        let text = made(
            "[[table]]\ntitle = \"T\"\nsignal = \"tick\"\nmetric = [\"period.pp\", \"period.mean\", \"skipped\"]\n\
             rows = [\"firmware\", \"poke\"]\ncolumns = \"metric\"\nunit = \"us\"\nwhere = [\"poke=M=2\"]\nfirmware = [\"a\"]\n",
        );
        assert!(
            text.ends_with("| a | M=2 | 7\u{202F}348.6 | 0.0 | 7 |\n"),
            "{text}"
        );
    }

    #[test]
    fn what_a_firmware_does_not_have_is_empty_and_no_gap() {
        let text = made(
            "[[table]]\ntitle = \"T\"\nsignal = [\"tick\", \"other\"]\nmetric = \"period.pp\"\nrows = \"firmware\"\n\
             columns = \"signal\"\nwhere = [\"poke=M=2\"]\n",
        );
        assert!(text.ends_with("| b\\|c | 0 |  |\n"), "{text}");
    }

    #[test]
    fn a_budget_that_is_for_no_run_is_no_pass() {
        for (signal, rest) in [
            ("tick", "where = [\"poke=M=3\"]"),
            ("other", "firmware = [\"b|c\"]"),
        ] {
            let more =
                format!("[[budget]]\nsignal = \"{signal}\"\nrequire = \"skipped == 0\"\n{rest}\n");
            let text = bench(&more).expect_err("an error").message;
            assert!(text.contains("no run has this budget"), "{text}");
        }
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        let wrong = |signal: &str, metric: &str, rows: &str, only: &str| {
            let more = format!(
                "[[table]]\ntitle = \"T\"\nsignal = \"{signal}\"\nmetric = \"{metric}\"\nrows = \"{rows}\"\ncolumns = \"poke\"\n\
                 where = [\"{only}\"]\n"
            );
            bench(&more).expect_err("an error").message
        };
        for (text, says, line) in [
            (
                wrong("tock", "period.pp", "firmware", "fw=a"),
                "no signal `tock`",
                "bench.toml:21",
            ),
            (
                wrong("tick", "period.p", "firmware", "fw=a"),
                "no metric",
                "bench.toml:22",
            ),
            (
                wrong("tick", "period.pp", "firmwares", "fw=a"),
                "no list `firmwares`",
                "bench.toml:23",
            ),
            (
                wrong("tick", "period.pp", "seed", "fw=a"),
                "the matrix has no list `seed`",
                "bench.toml:23",
            ),
            (
                wrong("tick", "period.pp", "firmware", "poke=M=1"),
                "no run has `poke=M=1`",
                "bench.toml:25",
            ),
            (
                wrong("tick", "period.pp", "poke", "poke=M=16"),
                "would stand in the same place",
                "bench.toml:20",
            ),
        ] {
            assert!(text.contains(says) && text.contains(line), "{text}");
        }
    }
}
