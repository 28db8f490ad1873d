//! JUnit XML: a suite for each run, a case for each verdict, as CI systems read it.

use super::verdict::{Kind, Status, Verdict};
use super::{Outcome, RunOutcome};
use std::io::{self, Write};

/// Write the results.
///
/// # Errors
/// What the output gives.
pub fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let (tests, failures, errors) = counts(outcome.verdicts());
    writeln!(
        out,
        r#"<testsuites name="{}" tests="{tests}" failures="{failures}" errors="{errors}">"#,
        escaped(&outcome.name),
    )?;
    for run in &outcome.runs {
        suite(run, out)?;
    }
    if !outcome.verdicts.is_empty() {
        let (tests, failures, errors) = counts(&outcome.verdicts);
        let name = escaped(&outcome.name);
        writeln!(
            out,
            r#"  <testsuite name="{name}" tests="{tests}" failures="{failures}" errors="{errors}" time="0">"#,
        )?;
        for v in &outcome.verdicts {
            case(&outcome.name, v, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn suite(run: &RunOutcome, out: &mut dyn Write) -> io::Result<()> {
    let (tests, failures, errors) = counts(&run.verdicts);
    // Time is virtual: that of the host would differ from run to run.
    writeln!(
        out,
        r#"  <testsuite name="{}" tests="{tests}" failures="{failures}" errors="{errors}" time="{:.6}">"#,
        escaped(&run.id),
        run.seconds,
    )?;
    writeln!(out, "    <properties>")?;
    let figures = run.signals.iter().flat_map(|s| {
        let figures = s.figures.iter();
        figures.map(move |f| (format!("{}.{}", s.name, f.metric), f.text()))
    });
    let fixed = [
        ("machine".to_owned(), run.machine.clone()),
        ("seed".to_owned(), run.seed.to_string()),
        ("cycles".to_owned(), run.cycles.to_string()),
        ("state_hash".to_owned(), run.state_hash.clone()),
    ];
    for (name, value) in fixed.into_iter().chain(figures) {
        let (name, value) = (escaped(&name), escaped(&value));
        writeln!(out, r#"      <property name="{name}" value="{value}"/>"#)?;
    }
    writeln!(out, "    </properties>")?;
    for v in &run.verdicts {
        case(&run.id, v, out)?;
    }
    writeln!(out, "  </testsuite>")
}

fn case(class: &str, v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let name = format!("{} {}", v.title(), v.wanted);
    write!(
        out,
        r#"    <testcase classname="{}" name="{}""#,
        escaped(class),
        escaped(name.trim())
    )?;
    let element = match v.status {
        Status::Pass => return writeln!(out, "/>"),
        Status::Fail => "failure",
        Status::Error => "error",
    };
    let kind = match v.kind {
        Kind::Run => "run",
        Kind::Signal => "signal",
        Kind::Budget => "budget",
        Kind::Baseline => "baseline",
    };
    let place = v.place.as_ref().map(ToString::to_string);
    writeln!(
        out,
        ">\n      <{element} type=\"{kind}\" message=\"{}\">{}</{element}>\n    </testcase>",
        escaped(&v.message),
        escaped(&place.unwrap_or_default()),
    )
}

fn counts<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> (usize, usize, usize) {
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    for v in verdicts {
        tests += 1;
        failures += usize::from(v.status == Status::Fail);
        errors += usize::from(v.status == Status::Error);
    }
    (tests, failures, errors)
}

/// Text for an XML attribute or element; characters that XML 1.0 does not have are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if c < ' ' || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_breaks_out_of_an_attribute() {
        assert_eq!(
            super::escaped("a<b>&\"\n\u{1}"),
            "a&lt;b&gt;&amp;&quot;&#10;\u{FFFD}"
        );
    }
}
