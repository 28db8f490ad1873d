//! The parts of the page that are not about one signal: head, runs, verdicts, timeline, further tables.

use super::data::{Group, Report, Run, Table, Verdict};
use super::html::{Text, grouped, is_numeric};
use crate::timebase::Timebase;
use crate::units;
use emu_core::clock::Segment;
use emu_core::{Cycles, Ratio};
use std::io::{self, Write};

/// Title, verdict, command line, runs and notes.
pub fn head(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    write!(
        out,
        "<header><div class=\"top\"><h1>{}</h1>",
        Text(&report.title)
    )?;
    if !report.verdicts.is_empty() {
        let failed = report.verdicts.iter().filter(|v| !v.passed).count();
        let all = report.verdicts.len();
        if failed == 0 {
            write!(
                out,
                "<a class=\"badge pass\" href=\"#verdicts\">✓ all {all} passed</a>"
            )?;
        } else {
            write!(
                out,
                "<a class=\"badge fail\" href=\"#verdicts\">✗ {failed} of {all} failed</a>"
            )?;
        }
    }
    out.write_all(b"<button id=\"theme\" type=\"button\" title=\"Switch between light and dark\">Dark</button></div>")?;
    write!(out, "<p class=\"made\"><span>{}</span>", Text(&report.tool))?;
    if !report.command.is_empty() {
        write!(out, " <code>{}</code>", Text(&report.command))?;
    }
    out.write_all(b"</p>")?;
    runs(out, &report.runs)?;
    if !report.notes.is_empty() {
        out.write_all(b"<ul class=\"notes\">")?;
        for note in &report.notes {
            write!(out, "<li>{}</li>", Text(note))?;
        }
        out.write_all(b"</ul>")?;
    }
    out.write_all(b"</header>\n")?;
    verdicts(out, &report.verdicts)
}

/// The coloured square of a run.
pub fn swatch(run: usize) -> String {
    format!("<i class=\"swatch r{}\"></i>", run % super::palette::SERIES)
}

fn runs(out: &mut dyn Write, runs: &[Run]) -> io::Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    out.write_all(b"<div class=\"scroll\"><table class=\"runs\"><thead><tr><th>Run<th>Firmware<th>Machine<th class=\"n\">Seed<th class=\"n\">Core clock<th class=\"n\">Cycles<th class=\"n\">Time</thead><tbody>")?;
    for (i, run) in runs.iter().enumerate() {
        let seed = run.seed.map_or("–".to_owned(), |s| s.to_string());
        let mut clock = frequency(run.core_hz);
        if run.clock.len() > 1 {
            clock += &format!(", changed {}×", run.clock.len() - 1);
        }
        writeln!(
            out,
            "<tr><th scope=\"row\">{}{}<td>{}<td>{}<td class=\"n\">{seed}<td class=\"n\">{clock}<td class=\"n\">{}<td class=\"n\">{}",
            swatch(i),
            Text(&run.label),
            Text(&run.firmware),
            Text(&run.machine),
            grouped(run.cycles),
            time_text(timebase(run).attoseconds(Cycles(run.cycles))),
        )?;
    }
    out.write_all(b"</tbody></table></div>")
}

/// From cycles to time in this run.
fn timebase(run: &Run) -> Timebase {
    let hz = |f: f64| Ratio::new((f * 1000.0).round().max(1.0) as u64, 1000);
    let mut segments: Vec<Segment> = run
        .clock
        .iter()
        .map(|s| Segment {
            from: Cycles(s.from),
            start_as: u128::from(s.start_ps) * 1_000_000,
            hz: hz(s.hz),
        })
        .collect();
    if segments.is_empty() {
        segments.push(Segment {
            from: Cycles::ZERO,
            start_as: 0,
            hz: hz(run.core_hz),
        });
    }
    Timebase::new(segments)
}

/// A time for people, with the sign for micro that the scripts write too.
fn time_text(attoseconds: u128) -> String {
    units::time(attoseconds).replace(" us", " µs")
}

/// A duration of this many cycles at the run's core clock, for people.
pub fn duration(run: &Run, cycles: u64) -> String {
    if run.core_hz < 0.001 {
        return String::new();
    }
    let seconds = cycles as f64 / run.core_hz;
    time_text((seconds * 1e12).round() as u128 * 1_000_000)
}

fn frequency(hz: f64) -> String {
    let (scale, unit) = match hz {
        f if f >= 1e6 => (1e6, "MHz"),
        f if f >= 1e3 => (1e3, "kHz"),
        _ => (1.0, "Hz"),
    };
    let text = format!("{:.6}", hz / scale);
    format!(
        "{} {unit}",
        text.trim_end_matches('0').trim_end_matches('.')
    )
}

fn verdicts(out: &mut dyn Write, verdicts: &[Verdict]) -> io::Result<()> {
    if verdicts.is_empty() {
        return Ok(());
    }
    out.write_all(b"<section id=\"verdicts\"><h2>Verdicts</h2><div class=\"scroll\"><table><thead><tr><th>Verdict<th>Budget<th>Wanted<th>Got<th>Where</thead><tbody>")?;
    for v in verdicts {
        let (class, mark) = if v.passed {
            ("pass", "✓ pass")
        } else {
            ("fail", "✗ fail")
        };
        writeln!(
            out,
            "<tr class=\"{class}\"><td class=\"{class}\">{mark}<th scope=\"row\">{}<td>{}<td>{}<td><code>{}</code>",
            Text(&v.name),
            Text(&v.wanted),
            Text(&v.got),
            Text(&v.place),
        )?;
    }
    out.write_all(b"</tbody></table></div></section>\n")
}

/// The buttons that every plot has.
pub const TOOLS: &str = "<span class=\"tools\">\
<button type=\"button\" data-do=\"left\" title=\"Pan left (←)\" aria-label=\"pan left\">←</button>\
<button type=\"button\" data-do=\"right\" title=\"Pan right (→)\" aria-label=\"pan right\">→</button>\
<button type=\"button\" data-do=\"in\" title=\"Zoom in (+)\" aria-label=\"zoom in\">+</button>\
<button type=\"button\" data-do=\"out\" title=\"Zoom out (−)\" aria-label=\"zoom out\">−</button>\
<button type=\"button\" data-do=\"all\" title=\"Show all (0)\">All</button></span>";

/// The timeline of pins, tasks and exceptions.
pub fn timeline(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let empty = |r: &Run| r.lanes.is_empty() && r.signals.is_empty();
    if report.runs.iter().all(empty) {
        return Ok(());
    }
    out.write_all(b"<section id=\"timeline\"><h2>Timeline</h2><figure class=\"plot\" data-plot=\"timeline\"><figcaption>")?;
    if report.runs.len() > 1 {
        out.write_all(b"<label>Run <select id=\"timeline-run\">")?;
        for (i, run) in report.runs.iter().enumerate() {
            write!(out, "<option value=\"{i}\">{}</option>", Text(&run.label))?;
        }
        out.write_all(b"</select></label> ")?;
    }
    writeln!(
        out,
        "<span class=\"marks\"><button type=\"button\" data-do=\"mark-a\" title=\"Set marker A in the middle, or at the pointer (A)\">Marker A</button>\
<button type=\"button\" data-do=\"mark-b\" title=\"Set marker B in the middle, or at the pointer (B)\">Marker B</button>\
<button type=\"button\" data-do=\"unmark\" title=\"Remove both markers (Escape)\">Clear</button></span>{TOOLS}</figcaption>\
<output id=\"measure\" aria-live=\"polite\"></output>\
<canvas tabindex=\"0\" role=\"application\" aria-label=\"Timeline\" aria-describedby=\"timeline-keys\"></canvas>\
<p class=\"keys\" id=\"timeline-keys\">Drag to pan; Shift and drag to zoom in on a span; click sets marker A, Shift and click marker B, both on the nearest change. \
Wheel with Ctrl, or after a click on the plot, zooms. Keys: <kbd>←</kbd> <kbd>→</kbd> <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> <kbd>A</kbd> <kbd>B</kbd> <kbd>Esc</kbd></p>\
</figure></section>"
    )
}

/// The further tables.
pub fn tables(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    report.tables.iter().try_for_each(|t| table(out, t))
}

fn table(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    let numeric: Vec<&str> = (0..table.columns.len())
        .map(|i| {
            table
                .rows
                .iter()
                .filter_map(|r| r.get(i))
                .all(|c| is_numeric(c))
        })
        .map(|n| if n { " class=\"n\"" } else { "" })
        .collect();
    let of = |i: usize| numeric.get(i).copied().unwrap_or("");
    write!(
        out,
        "<section><h2>{}</h2><div class=\"scroll\"><table><thead><tr>",
        Text(&table.title)
    )?;
    for (i, column) in table.columns.iter().enumerate() {
        write!(out, "<th{}>{}", of(i), Text(column))?;
    }
    out.write_all(b"</thead><tbody>")?;
    for row in &table.rows {
        out.write_all(b"<tr>")?;
        for (i, cell) in row.iter().enumerate() {
            write!(out, "<td{}>{}", of(i), Text(cell))?;
        }
        out.write_all(b"\n")?;
    }
    out.write_all(b"</tbody></table></div></section>\n")
}

impl Group {
    /// As it stands in the page's data.
    pub(super) fn name(self) -> &'static str {
        match self {
            Group::Pins => "pins",
            Group::Tasks => "tasks",
            Group::Exceptions => "exceptions",
            Group::Sleep => "sleep",
            Group::Values => "values",
        }
    }
}
