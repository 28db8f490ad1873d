//! A comparison on a page: its tables and first differences, behind whatever plots there are.

use super::change::Verdict;
use super::comparison::Comparison;
use super::first_difference::Parting;
use super::table::{Row, Table};
use crate::report::{self, Report};
use crate::units::time;

/// Add a comparison to a page, with verdicts when something shall fail.
pub fn add(of: &Comparison, judged: bool, page: &mut Report) {
    for (label, what) in &of.inputs {
        page.notes.push(format!("{label}: {what}"));
    }
    page.notes.extend(of.notes.iter().cloned());
    page.notes
        .extend(of.problems.iter().map(|p| p.text.clone()));
    if judged {
        verdicts(of, page);
    }
    let first = of.inputs.first().map_or("", |i| i.0.as_str());
    for (label, found) in &of.partings {
        page.tables.push(parting(first, label, found));
    }
    page.tables.extend(of.tables.iter().map(table));
}

/// Failures first, then what has become better or is within the tolerance.
fn verdicts(of: &Comparison, page: &mut Report) {
    let problems = of.problems.iter().filter(|p| p.fails);
    page.verdicts.extend(problems.map(|p| report::Verdict {
        name: p.text.clone(),
        ..report::Verdict::default()
    }));
    for verdict in [Verdict::Worse, Verdict::Within, Verdict::Better] {
        page.verdicts
            .extend(of.with(verdict).map(|(table, row, run)| {
                let shown = |n: usize| {
                    let value = row.cells.get(n).copied().flatten();
                    value.map_or("-".to_owned(), |v| v.to_string())
                };
                report::Verdict {
                    name: format!("{} {}", title(table), row.name),
                    wanted: format!("no worse than {} of {}", shown(0), table.labels[0]),
                    got: match verdict {
                        Verdict::Worse => format!("{} of {}", shown(run), table.labels[run]),
                        other => {
                            format!("{} of {}: {}", shown(run), table.labels[run], other.word())
                        }
                    },
                    passed: verdict != Verdict::Worse,
                    place: String::new(),
                }
            }));
    }
}

fn parting(first: &str, label: &str, found: &Parting) -> report::Table {
    let mut table = report::Table {
        title: format!("First difference of {label} from {first}"),
        columns: [
            "",
            "run",
            "cycle",
            "time",
            "what happens",
            "function",
            "line",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: Vec::new(),
    };
    let other = found.what.as_ref();
    let same = found.when.as_ref() == other;
    let kinds = [
        (found.when.as_ref(), "first difference"),
        (other.filter(|_| !same), "other things happen"),
    ];
    for (difference, kind) in kinds {
        let Some(difference) = difference else {
            continue;
        };
        let events = difference.same;
        for (n, (run, next)) in [first, label].iter().zip(&difference.next).enumerate() {
            let head = match n {
                0 => format!("{kind}, after {events} events"),
                _ => String::new(),
            };
            let spot = &next.spot;
            let line = spot.file.as_ref().zip(spot.line);
            table.rows.push(vec![
                head,
                (*run).to_owned(),
                next.cycle.to_string(),
                time(next.attoseconds),
                next.what.clone(),
                spot.function.clone().unwrap_or_default(),
                line.map_or(String::new(), |(file, line)| format!("{file}:{line}")),
            ]);
        }
    }
    let n = found.events;
    let note = match (&found.when, &found.what) {
        (None, _) => format!("none: {n} events are the same, at the same cycles"),
        (Some(_), None) => format!("only times differ: all {n} events come in the same order"),
        _ => return table,
    };
    let mut row = vec![String::new(); table.columns.len()];
    row[0] = note;
    table.rows.push(row);
    table
}

fn title(of: &Table) -> String {
    match of.group.is_empty() {
        true => of.title.clone(),
        false => format!("{}: {}", of.group, of.title),
    }
}

fn table(of: &Table) -> report::Table {
    let rows: Vec<&Row> = of.rows.iter().collect();
    let shown = of.columns(&rows);
    let notes = of.notes.join("; ");
    let title = match notes.is_empty() {
        true => title(of),
        false => format!("{} ({notes})", title(of)),
    };
    let heads = shown.iter().map(|c| c.head.clone());
    report::Table {
        title,
        columns: std::iter::once(String::new()).chain(heads).collect(),
        rows: rows
            .iter()
            .enumerate()
            .map(|(n, row)| {
                let cells = shown.iter().map(|c| c.cells[n].clone());
                std::iter::once(row.name.clone()).chain(cells).collect()
            })
            .collect(),
    }
}
