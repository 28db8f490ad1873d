//! Profiles as tables that fit a terminal.

use super::Report;
use crate::ledger::percent;
use std::fmt::Write;

/// What a table shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Rows of functions or lines; the rest is one row.
    pub top: usize,
    /// Columns; `None` for as many as it takes.
    pub width: Option<usize>,
}

struct Row {
    cycles: u64,
    instructions: Option<u64>,
    total: Option<u64>,
    calls: Option<u64>,
    name: String,
}

impl Row {
    fn plain(cycles: u64, name: String) -> Row {
        Row {
            cycles,
            instructions: None,
            total: None,
            calls: None,
            name,
        }
    }
}

/// Cycles by function, exception, sleep.
#[must_use]
pub fn functions(report: &Report<'_>, layout: Layout) -> String {
    let functions = report.functions().into_iter().map(|f| Row {
        cycles: f.cycles,
        instructions: Some(f.instructions),
        total: Some(f.total),
        calls: Some(f.calls),
        name: match f.line.as_deref().map(short) {
            Some(line) => format!("{}  {line}", f.name),
            None => f.name,
        },
    });
    let exceptions = report.exceptions().into_iter().map(|e| Row {
        calls: Some(e.times),
        ..Row::plain(e.cycles, report.exception(e.number))
    });
    let p = report.profile;
    let rest = [("[sleep]", p.sleep), ("[other]", p.other)];
    let rest = rest.into_iter().filter(|r| r.1 > 0);
    let rest = rest.map(|(name, cycles)| Row::plain(cycles, name.to_owned()));
    let mut rows: Vec<Row> = functions.chain(exceptions).chain(rest).collect();
    rows.sort_by_key(|r| std::cmp::Reverse(r.cycles));
    table(rows, p.cycles, true, layout)
}

/// Cycles by source line.
#[must_use]
pub fn lines(report: &Report<'_>, layout: Layout) -> String {
    let lines = report.lines();
    let code: u64 = lines.iter().map(|l| l.cycles).sum();
    let mut rows: Vec<Row> = lines
        .into_iter()
        .map(|l| {
            let line = if l.line.is_empty() {
                "?"
            } else {
                short(&l.line)
            };
            Row {
                instructions: Some(l.instructions),
                ..Row::plain(l.cycles, format!("{line}  {}", l.function))
            }
        })
        .collect();
    let p = report.profile;
    let elsewhere = p.cycles - code.min(p.cycles);
    if elsewhere > 0 {
        rows.push(Row::plain(
            elsewhere,
            "[exceptions, sleep, other]".to_owned(),
        ));
    }
    rows.sort_by_key(|r| std::cmp::Reverse(r.cycles));
    table(rows, p.cycles, false, layout)
}

/// The last part of a path, with its line.
fn short(line: &str) -> &str {
    line.rsplit(['/', '\\']).next().unwrap_or(line)
}

fn table(mut rows: Vec<Row>, all: u64, calls: bool, layout: Layout) -> String {
    let hidden = rows.split_off(layout.top.min(rows.len()));
    if !hidden.is_empty() {
        let sum = |f: fn(&Row) -> Option<u64>| hidden.iter().filter_map(f).sum();
        let mut row = Row::plain(sum(|r| Some(r.cycles)), format!("({} more)", hidden.len()));
        row.instructions = Some(sum(|r| r.instructions));
        rows.push(row);
    }
    let executed = rows.iter().filter_map(|r| r.instructions).sum();
    let mut last = Row::plain(all, "all".to_owned());
    last.instructions = Some(executed);
    rows.push(last);
    let mut columns: Vec<(&str, Vec<String>)> = vec![
        (
            "cycles",
            rows.iter().map(|r| r.cycles.to_string()).collect(),
        ),
        (
            "share",
            rows.iter().map(|r| percent(r.cycles, all)).collect(),
        ),
        (
            "instr",
            rows.iter().map(|r| number(r.instructions)).collect(),
        ),
    ];
    if calls {
        let each = |r: &Row| r.total.zip(r.calls).and_then(|(t, c)| t.checked_div(c));
        columns.push(("with calls", rows.iter().map(|r| number(r.total)).collect()));
        columns.push(("calls", rows.iter().map(|r| number(r.calls)).collect()));
        columns.push(("per call", rows.iter().map(|r| number(each(r))).collect()));
    }
    let what = if calls { "function" } else { "line" };
    let mut out = String::new();
    let mut put = |cells: Vec<(usize, &str)>, name: &str| {
        let mut line = String::new();
        for (width, cell) in cells {
            let _ = write!(line, "{cell:>width$}  ");
        }
        let room = layout
            .width
            .map(|w| w.saturating_sub(line.chars().count()).max(8));
        line.push_str(&fit(name, room));
        let _ = writeln!(out, "{}", line.trim_end());
    };
    let width = |(head, cells): &(&str, Vec<String>)| {
        let cells = cells.iter().map(String::len);
        cells.max().unwrap_or(0).max(head.len())
    };
    put(columns.iter().map(|c| (width(c), c.0)).collect(), what);
    for (i, row) in rows.iter().enumerate() {
        let cells = columns.iter().map(|c| (width(c), c.1[i].as_str()));
        put(cells.collect(), &row.name);
    }
    out
}

fn number(n: Option<u64>) -> String {
    n.map_or_else(String::new, |n| n.to_string())
}

/// The name in as many columns as there are.
fn fit(name: &str, room: Option<usize>) -> String {
    match room {
        Some(room) if name.chars().count() > room => {
            let kept: String = name.chars().take(room - 1).collect();
            format!("{kept}…")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_and_sum_up() {
        let row = |cycles, name: &str| Row {
            instructions: Some(cycles / 2),
            total: Some(cycles * 2),
            calls: Some(3),
            ..Row::plain(cycles, name.to_owned())
        };
        let rows = vec![
            row(600, "a_function_with_a_rather_long_name"),
            Row::plain(300, "[sleep]".to_owned()),
            row(80, "b"),
            row(20, "c"),
        ];
        let layout = Layout {
            top: 2,
            width: Some(70),
        };
        let text = table(rows, 1000, true, layout);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines.iter().all(|l| l.chars().count() <= 70), "{text}");
        assert!(
            lines[1].contains("60.00 %") && lines[1].ends_with('…'),
            "{text}"
        );
        assert!(lines[1].contains(" 400 "), "cycles for each call: {text}");
        assert!(
            lines[3].contains("10.00 %") && lines[3].contains("(2 more)"),
            "{text}"
        );
        assert!(
            lines[4].starts_with("  1000  100.00 %") && lines[4].ends_with("all"),
            "{text}"
        );
    }
}
