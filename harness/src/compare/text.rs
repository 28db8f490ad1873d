//! A comparison as text that fits a terminal.

use super::change::Verdict;
use super::comparison::Comparison;
use super::first_difference::{Difference, Parting};
use super::table::{Row, ShownColumn, Table};
use std::fmt::Write;

/// Columns of what does not go to a terminal.
const WIDTH: usize = 120;
/// A name of a run longer than this is cut in the head of a column.
const LABEL: usize = 24;
/// A name of a row longer than this is cut.
const NAME: usize = 44;

/// How it is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// Columns of the terminal, if it is one.
    pub width: Option<usize>,
    /// With colours.
    pub colour: bool,
}

impl Layout {
    fn paint(self, code: &str, text: &str) -> String {
        match self.colour && code != "0" && !text.trim().is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
}

/// All of it.
#[must_use]
pub fn text(of: &Comparison, layout: Layout) -> String {
    let mut out = String::new();
    let width = of.inputs.iter().map(|(l, _)| l.chars().count()).max();
    let width = width.unwrap_or(0);
    for (label, what) in &of.inputs {
        let padded = format!("{label:width$}");
        let _ = writeln!(out, "{}  {what}", layout.bold(&padded));
    }
    for note in &of.notes {
        let _ = writeln!(out, "{note}");
    }
    for table in &of.tables {
        out.push('\n');
        out.push_str(&figures(table, layout));
    }
    for (label, parting) in &of.partings {
        out.push('\n');
        let first = of.inputs.first().map_or("", |i| i.0.as_str());
        out.push_str(&parts(first, label, parting, layout));
    }
    if !of.problems.is_empty() {
        out.push('\n');
    }
    for problem in &of.problems {
        let mark = match problem.fails {
            true => layout.paint("1;31", "!"),
            false => " ".to_owned(),
        };
        let _ = writeln!(out, "{mark} {}", problem.text);
    }
    let _ = writeln!(out, "\n{}", summary(of, layout));
    out
}

/// `3 worse, 1 better, 40 the same`.
fn summary(of: &Comparison, layout: Layout) -> String {
    let counts = of.counts();
    let told = counts.into_iter().filter(|c| c.1 > 0);
    let told = told.map(|(verdict, n)| {
        let word = match verdict {
            Verdict::Same => "the same",
            Verdict::Within => "within the tolerance",
            Verdict::Unsure => "not significant",
            other => other.word(),
        };
        layout.paint(tone(verdict), &format!("{n} {word}"))
    });
    let told: Vec<String> = told.collect();
    match told.is_empty() {
        true => "no figures to compare".to_owned(),
        false => format!("figures: {}", told.join(", ")),
    }
}

fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse | Verdict::Missing => "1;31",
        Verdict::Better => "32",
        Verdict::Changed | Verdict::New => "33",
        Verdict::Same | Verdict::Within | Verdict::Unsure => "0",
    }
}

/// One table.
#[must_use]
pub fn figures(table: &Table, layout: Layout) -> String {
    let width = layout.width.unwrap_or(WIDTH).max(40);
    let mut out = String::new();
    let title = match table.group.is_empty() {
        true => table.title.clone(),
        false => format!("{}: {}", table.group, table.title),
    };
    let _ = writeln!(out, "{}", layout.bold(&title));
    for note in &table.notes {
        let _ = writeln!(out, "  {note}");
    }
    // Benches have many tables, of which most rows are as they were.
    let hidden = |r: &&Row| !table.group.is_empty() && r.is_same();
    let rows: Vec<&Row> = table.rows.iter().filter(|r| !hidden(r)).collect();
    match table.rows.len() - rows.len() {
        0 => {}
        1 => out.push_str("  1 figure is the same in every run\n"),
        n => {
            let _ = writeln!(out, "  {n} figures are the same in every run");
        }
    }
    if rows.is_empty() {
        return out;
    }
    let names: Vec<String> = rows.iter().map(|r| cut(&r.name, NAME)).collect();
    let first = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let columns = table.columns(&rows);
    for block in blocks(columns, width.saturating_sub(2 + first)) {
        let mut line = format!("  {:first$}", "");
        for (column, width) in &block {
            let head = cut(&column.head, LABEL.min(*width));
            let _ = write!(line, "  {head:>width$}");
        }
        let _ = writeln!(out, "{}", line.trim_end());
        for (n, name) in names.iter().enumerate() {
            let mut line = format!("  {name:first$}");
            let mut plain = line.clone();
            for (column, width) in &block {
                let cell = &column.cells[n];
                let _ = write!(plain, "  {cell:>width$}");
                let verdict = rows[n].changes[column.run].as_ref().map(|c| c.verdict);
                let value = column.head == table.labels[column.run] && !column.head.is_empty();
                let padded = format!("{cell:>width$}");
                let painted = match verdict.filter(|_| table.judged && !value) {
                    Some(verdict) => layout.paint(tone(verdict), &padded),
                    None => padded,
                };
                let _ = write!(line, "  {painted}");
            }
            match layout.colour {
                true => out.push_str(&line),
                false => out.push_str(plain.trim_end()),
            }
            out.push('\n');
        }
    }
    out
}

/// Columns with their widths, in blocks that fit: the columns of a run stay together, spare ones go when even one run
/// does not fit beside the first.
fn blocks(columns: Vec<ShownColumn>, room: usize) -> Vec<Vec<(ShownColumn, usize)>> {
    let width = |c: &ShownColumn| {
        let cells = c.cells.iter().map(|c| c.chars().count());
        cells
            .max()
            .unwrap_or(0)
            .max(c.head.chars().count().min(LABEL))
    };
    let columns: Vec<(ShownColumn, usize)> = columns
        .into_iter()
        .filter(|c| c.run == 0 || !c.head.is_empty() || c.cells.iter().any(|c| !c.is_empty()))
        .map(|c| {
            let w = width(&c);
            (c, w)
        })
        .collect();
    let size = |block: &[(ShownColumn, usize)]| block.iter().map(|c| c.1 + 2).sum::<usize>();
    let runs = columns.last().map_or(0, |c| c.0.run);
    let of = |run: usize| -> Vec<(ShownColumn, usize)> {
        columns.iter().filter(|c| c.0.run == run).cloned().collect()
    };
    let mut first = of(0);
    let mut blocks: Vec<Vec<(ShownColumn, usize)>> = Vec::new();
    for run in 1..=runs {
        let mut group = of(run);
        while size(&first) + size(&group) > room {
            let Some(worst) = group.iter().map(|c| c.0.spare).max().filter(|&s| s > 0) else {
                break;
            };
            group.retain(|c| c.0.spare < worst);
        }
        if size(&first) + size(&group) > room {
            first.iter_mut().chain(&mut group).for_each(narrow);
        }
        match blocks.last_mut() {
            Some(block) if size(block) + size(&group) <= room => block.extend(group),
            _ => blocks.push(first.iter().cloned().chain(group).collect()),
        }
    }
    match blocks.is_empty() {
        true => vec![first],
        false => blocks,
    }
}

/// As wide as its cells; of the head stays what fits.
fn narrow((column, width): &mut (ShownColumn, usize)) {
    let cells = column.cells.iter().map(|c| c.chars().count());
    *width = cells.max().unwrap_or(0).max(8).min(*width);
}

fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// Where two runs part.
fn parts(first: &str, label: &str, parting: &Parting, layout: Layout) -> String {
    let mut out = layout.bold(&format!("first difference of {label} from {first}"));
    out.push('\n');
    for line in lines(first, label, parting) {
        let _ = writeln!(out, "  {line}");
    }
    out
}

/// The same in lines, for all outputs.
#[must_use]
pub fn lines(first: &str, label: &str, parting: &Parting) -> Vec<String> {
    let n = parting.events;
    let Some(when) = &parting.when else {
        return vec![format!("none: {n} events are the same, at the same cycles")];
    };
    let width = first.chars().count().max(label.chars().count());
    let both = |d: &Difference| {
        let sides = [first, label].into_iter().zip(&d.next);
        sides
            .map(|(label, next)| format!("  {label:width$}  {next}"))
            .collect::<Vec<_>>()
    };
    let same = match when.same {
        0 => "at once".to_owned(),
        1 => "after 1 event that is the same".to_owned(),
        n => format!("after {n} events that are the same"),
    };
    let mut out = vec![format!("at cycle {}, {same}:", when.cycle())];
    out.extend(both(when));
    match &parting.what {
        None => out.push(format!(
            "only times differ: all {n} events come in the same order"
        )),
        Some(what) if what != when => {
            out.push(format!(
                "up to event {} only times differ; then other things happen:",
                what.same
            ));
            out.extend(both(what));
        }
        Some(_) => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::change::Judge;
    use crate::compare::direction::Direction;
    use crate::metrics::rational::Rational;
    use crate::metrics::value::{MetricValue, Unit};

    fn table(runs: usize) -> Table {
        let labels = (0..runs).map(|n| format!("run number {n}")).collect();
        let mut table = Table::new("PA5", labels);
        table.judged = true;
        for (k, name) in ["period.pp", "period.max", "count"].iter().enumerate() {
            let cells = (0..runs as i128).map(|n| {
                let value = Rational::whole(1_000_000 * k as i128 + n % 2);
                Some(MetricValue::exact(value, Unit::Cycles))
            });
            let direction = Direction::of(name);
            let row = Row::exact(
                (*name).to_owned(),
                direction,
                cells.collect(),
                &Judge::default(),
            );
            table.rows.push(row);
        }
        table
    }

    #[test]
    fn tables_fit_and_lose_no_run() {
        for (runs, width) in [(2, 80), (2, 54), (5, 80), (5, 120), (9, 100)] {
            let layout = Layout {
                width: Some(width),
                colour: false,
            };
            let text = figures(&table(runs), layout);
            let longest = text.lines().map(|l| l.chars().count()).max();
            assert!(longest.unwrap_or(0) <= width, "{text}");
            for n in 0..runs {
                let label = format!("run number {n}");
                assert!(text.contains(&label) || width < 60, "{text}");
            }
            assert!(text.contains("+1cy") && text.contains("worse"), "{text}");
        }
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let plain = figures(&table(3), Layout::default());
        let layout = Layout {
            width: None,
            colour: true,
        };
        let coloured = figures(&table(3), layout);
        assert!(coloured.contains("\x1b[1;31m") && !plain.contains('\x1b'));
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\x1b[") {
            bare.push_str(before);
            rest = after.split_once('m').expect("an end").1;
        }
        bare.push_str(rest);
        let trimmed = |t: &str| t.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&bare), trimmed(&plain));
    }
}
