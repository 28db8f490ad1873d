//! A comparison as Markdown, for the summary of a CI step.

use super::comparison::Comparison;
use super::table::{Row, Table};
use super::text::lines;
use std::io::{self, Write};

/// Rows of a table that are written; the others are counted.
const MOST: usize = 60;

/// Write it; `failed` is what `--fail` says.
///
/// # Errors
/// What the output gives.
pub fn write(of: &Comparison, failed: Option<bool>, out: &mut dyn Write) -> io::Result<()> {
    let mark = match failed {
        Some(true) => "❌ ",
        Some(false) => "✅ ",
        None => "",
    };
    let labels: Vec<String> = of.inputs.iter().map(|i| cell(&i.0)).collect();
    writeln!(out, "## {mark}{}\n", labels.join(" against "))?;
    for (label, what) in &of.inputs {
        writeln!(out, "- **{}**: {}", cell(label), cell(what))?;
    }
    writeln!(out)?;
    for note in &of.notes {
        writeln!(out, "{}\n", cell(note))?;
    }
    for problem in &of.problems {
        let mark = if problem.fails { "❗ " } else { "" };
        writeln!(out, "- {mark}{}", cell(&problem.text))?;
    }
    if !of.problems.is_empty() {
        writeln!(out)?;
    }
    let worse: Vec<String> = of
        .worse()
        .map(|(table, row, run)| {
            let at = match table.group.is_empty() {
                true => table.title.clone(),
                false => format!("{}, {}", table.group, table.title),
            };
            let label = table.labels.get(run).map_or("", String::as_str);
            format!(
                "- ❗ {}: {} {} is worse",
                cell(label),
                cell(&at),
                cell(&row.name)
            )
        })
        .collect();
    for line in worse.iter().take(MOST) {
        writeln!(out, "{line}")?;
    }
    if worse.len() > MOST {
        writeln!(out, "- and {} more", worse.len() - MOST)?;
    }
    if !worse.is_empty() {
        writeln!(out)?;
    }
    let first = of.inputs.first().map_or("", |i| i.0.as_str());
    for (label, parting) in &of.partings {
        writeln!(
            out,
            "**First difference of {} from {}**\n\n```text",
            cell(label),
            cell(first)
        )?;
        for line in lines(first, label, parting) {
            writeln!(out, "{}", line.replace("```", "'''"))?;
        }
        writeln!(out, "```\n")?;
    }
    of.tables.iter().try_for_each(|t| table(t, out))
}

fn table(of: &Table, out: &mut dyn Write) -> io::Result<()> {
    let title = match of.group.is_empty() {
        true => cell(&of.title),
        false => format!("{}: {}", cell(&of.group), cell(&of.title)),
    };
    writeln!(out, "<details><summary>{title}</summary>\n")?;
    for note in &of.notes {
        writeln!(out, "{}\n", cell(note))?;
    }
    let rows: Vec<&Row> = of.rows.iter().take(MOST).collect();
    if !rows.is_empty() {
        let columns = of.columns(&rows);
        let heads: Vec<String> = columns.iter().map(|c| cell(&c.head)).collect();
        writeln!(out, "| | {} |", heads.join(" | "))?;
        writeln!(out, "|---|{}", "--:|".repeat(heads.len()))?;
        for (n, row) in rows.iter().enumerate() {
            let cells: Vec<String> = columns.iter().map(|c| cell(&c.cells[n])).collect();
            writeln!(out, "| {} | {} |", cell(&row.name), cells.join(" | "))?;
        }
        writeln!(out)?;
    }
    if of.rows.len() > MOST {
        writeln!(out, "{} more rows are not shown.\n", of.rows.len() - MOST)?;
    }
    writeln!(out, "</details>\n")
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    let plain = text.replace('&', "&amp;").replace('<', "&lt;");
    plain.replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_firmware_stay_text() {
        let mut of = Comparison::default();
        let mut table = Table::new("<b>|`x`", vec!["a".to_owned(), "b".to_owned()]);
        table.notes.push("line\nbreak".to_owned());
        of.tables.push(table);
        let mut out = Vec::new();
        write(&of, Some(false), &mut out).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        assert!(
            text.contains("&lt;b>\\|`x`") && text.contains("line break"),
            "{text}"
        );
    }
}
