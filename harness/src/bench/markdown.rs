//! Markdown for the summary of a CI step, and `::error` lines that put the worst edge beside its source line.

use super::Outcome;
use super::verdict::{Status, Verdict};
use std::io::{self, Write};

/// Rows of the table of failures; the others are counted.
const MOST: usize = 100;

/// Write the summary, with the tables of the bench file.
///
/// # Errors
/// What the output gives.
pub fn write(outcome: &Outcome, tables: &str, out: &mut dyn Write) -> io::Result<()> {
    let (passed, failed, errors) = outcome.counts();
    let mark = if failed + errors == 0 { "✅" } else { "❌" };
    writeln!(out, "## {mark} {}\n", cell(&outcome.name))?;
    if !tables.is_empty() {
        writeln!(out, "{tables}")?;
    }
    writeln!(
        out,
        "{} runs, {passed} verdicts passed, {failed} failed, {errors} could not be told.\n",
        outcome.runs.len()
    )?;
    let wrong: Vec<&Verdict> = outcome.verdicts().filter(|v| !v.passed()).collect();
    if !wrong.is_empty() {
        writeln!(
            out,
            "| run | what | wanted | got | where |\n|---|---|--:|--:|---|"
        )?;
        for v in wrong.iter().take(MOST) {
            let place = v
                .place
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            // What could not be told has no figure that says more than the message.
            let told = v.status == Status::Error || v.got.is_empty();
            let got = if told { &v.message } else { &v.got };
            writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                cell(&v.run),
                cell(&v.title()),
                cell(&v.wanted),
                cell(got),
                cell(&place)
            )?;
        }
        if wrong.len() > MOST {
            writeln!(out, "\n{} more are in `result.ndjson`.", wrong.len() - MOST)?;
        }
        writeln!(out)?;
    }
    writeln!(out, "<details><summary>Figures</summary>\n")?;
    for table in outcome.tables() {
        writeln!(out, "\n**{}**\n", cell(&table.signal))?;
        writeln!(out, "| run | {} |", table.columns.join(" | "))?;
        writeln!(out, "|---|{}", "--:|".repeat(table.columns.len()))?;
        for (run, values) in table.rows {
            let values: Vec<String> = values.iter().map(|v| cell(v)).collect();
            writeln!(out, "| {} | {} |", cell(&run), values.join(" | "))?;
        }
    }
    writeln!(out, "\n</details>")
}

/// `::error file=..,line=..::..` for each failure, as GitHub Actions reads it from a step's output.
#[must_use]
pub fn annotations(outcome: &Outcome) -> Vec<String> {
    let wrong = outcome.verdicts().filter(|v| !v.passed());
    wrong
        .map(|v| {
            let place = v.place.as_ref();
            let at = match place.and_then(|p| Some((p.file.as_ref()?, p.line?))) {
                Some((file, line)) => {
                    // GitHub finds `src/main.c` in the repository, but not `./src/main.c`.
                    let file = file.strip_prefix("./").unwrap_or(file);
                    format!("file={},line={line}", property(file))
                }
                None => {
                    let line = v.asked_at.unwrap_or(1);
                    format!("file={},line={line}", property(&outcome.file))
                }
            };
            let title = format!("{} {}", v.run, v.title());
            let title = title.trim();
            let status = match v.status {
                Status::Error => "cannot be told: ",
                _ => "",
            };
            let message = format!("{status}{}", v.message);
            format!("::error {at},title={}::{}", property(title), data(&message))
        })
        .collect()
}

/// Text of a table's cell.
pub(super) fn cell(text: &str) -> String {
    let plain = text.replace('&', "&amp;").replace('<', "&lt;");
    plain.replace('|', "\\|").replace('\n', " ")
}

/// Escapes of workflow commands (actions/toolkit, `command.ts`).
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
        assert_eq!(cell("a|b<c\n"), "a\\|b&lt;c ");
    }
}
