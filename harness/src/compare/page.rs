//! A comparison on a page: its tables and first differences, behind whatever plots there are.

use super::comparison::Comparison;
use super::table::{Row, Table};
use super::text::lines;
use crate::report::{self, Report};

/// Add a comparison to a page.
pub fn add(of: &Comparison, page: &mut Report) {
    for (label, what) in &of.inputs {
        page.notes.push(format!("{label}: {what}"));
    }
    page.notes.extend(of.notes.iter().cloned());
    page.notes
        .extend(of.problems.iter().map(|p| p.text.clone()));
    page.verdicts.extend(of.worse().map(|(table, row, run)| {
        let shown = |n: usize| {
            let value = row.cells.get(n).copied().flatten();
            value.map_or("-".to_owned(), |v| v.to_string())
        };
        report::Verdict {
            name: format!("{} {}", title(table), row.name),
            wanted: format!("no worse than {} of {}", shown(0), table.labels[0]),
            got: format!("{} of {}", shown(run), table.labels[run]),
            passed: false,
            place: String::new(),
        }
    }));
    let first = of.inputs.first().map_or("", |i| i.0.as_str());
    for (label, parting) in &of.partings {
        page.tables.push(report::Table {
            title: format!("First difference of {label} from {first}"),
            columns: vec!["what the captures tell".to_owned()],
            rows: lines(first, label, parting)
                .into_iter()
                .map(|l| vec![l])
                .collect(),
        });
    }
    page.tables.extend(of.tables.iter().map(table));
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
