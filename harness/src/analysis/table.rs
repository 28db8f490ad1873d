//! Signals as tables that fit a terminal: figures of all runs side by side, and their histograms as bars.

use super::{Analysis, Figure};
use crate::metrics::histogram::Histogram;
use std::fmt::Write;

/// Rows of a histogram.
const BINS: usize = 14;
/// Columns when the output is no terminal.
const WIDTH: usize = 100;

/// A run's part of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// What the run is called.
    pub label: &'a str,
    /// What is known of the signal in it.
    pub analysis: &'a Analysis,
    /// Its figures.
    pub figures: &'a [Figure],
}

/// One signal in all runs.
#[must_use]
pub fn table(
    name: &str,
    source: &str,
    columns: &[Column<'_>],
    width: Option<usize>,
    colour: bool,
) -> String {
    let width = width.unwrap_or(WIDTH).max(40);
    let bold = |text: &str| match colour {
        true => format!("\x1b[1m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let mut out = bold(name);
    if source != name {
        let _ = write!(out, "  {source}");
    }
    out.push('\n');
    for c in columns {
        let of = match columns.len() {
            1 => String::new(),
            _ => format!("{}: ", c.label),
        };
        for note in remarks(c.analysis) {
            let _ = writeln!(out, "  {of}{note}");
        }
    }
    if columns
        .iter()
        .any(|c| matches!(c.analysis, Analysis::Edges(_)))
    {
        // Without a model of noise there is none.
        out.push_str("  RJ: n/a (deterministic)\n");
    }
    let mut metrics: Vec<&str> = Vec::new();
    for figure in columns.iter().flat_map(|c| c.figures) {
        if !metrics.contains(&figure.metric.as_str()) {
            metrics.push(&figure.metric);
        }
    }
    let cell = |c: &Column<'_>, metric: &str| {
        let found = c.figures.iter().find(|f| f.metric == metric);
        found.map_or("-".to_owned(), Figure::shown)
    };
    let first = metrics.iter().map(|m| m.len()).max().unwrap_or(0).max(12);
    let widths: Vec<usize> = columns
        .iter()
        .map(|c| {
            let cells = metrics.iter().map(|m| cell(c, m).chars().count());
            cells
                .max()
                .unwrap_or(0)
                .max(c.label.chars().count().min(24))
        })
        .collect();
    // Runs that do not fit beside each other go below.
    let mut from = 0;
    while from < columns.len() {
        let mut used = 2 + first + 2 + widths[from];
        let mut to = from + 1;
        while to < columns.len() && used + 2 + widths[to] <= width {
            used += 2 + widths[to];
            to += 1;
        }
        if columns.len() > 1 {
            let _ = write!(out, "  {:first$}", "");
            for n in from..to {
                let label: String = columns[n].label.chars().take(24).collect();
                let _ = write!(out, "  {label:>w$}", w = widths[n]);
            }
            out.push('\n');
        }
        for metric in &metrics {
            let _ = write!(out, "  {metric:first$}");
            for n in from..to {
                let _ = write!(out, "  {:>w$}", cell(&columns[n], metric), w = widths[n]);
            }
            out.push('\n');
        }
        from = to;
    }
    for c in columns {
        let (what, histogram) = match c.analysis {
            Analysis::Edges(e) => ("period", e.period.as_ref().map(|p| &p.histogram)),
            Analysis::Intervals(i) => ("duration", Some(&i.histogram)),
        };
        if let Some(histogram) = histogram.filter(|h| h.count() > 0) {
            let of = match columns.len() {
                1 => String::new(),
                _ => format!(" of {}", c.label),
            };
            let _ = writeln!(out, "  {what} in cycles{of}");
            out.push_str(&bars(histogram, width));
        }
    }
    out
}

/// What has to be said beside the figures.
fn remarks(analysis: &Analysis) -> Vec<String> {
    let mut all = Vec::new();
    if let Analysis::Edges(e) = analysis {
        if let Some(t) = &e.reference {
            all.push(format!("T = {t}"));
        }
        if let Some(comb) = &e.comb {
            all.push(format!("disturbed {comb}"));
        }
    }
    all
}

/// A histogram as bars; with many values, ranges of them.
#[must_use]
pub fn bars(histogram: &Histogram, width: usize) -> String {
    let bins = histogram.bins();
    let (Some(&(least, _)), Some(&(most, _))) = (bins.first(), bins.last()) else {
        return String::new();
    };
    let mut rows: Vec<(String, u64)> = Vec::new();
    if bins.len() <= BINS {
        rows.extend(bins.iter().map(|(v, n)| (v.to_string(), *n)));
    } else {
        let span = most.abs_diff(least) + 1;
        let step = span.div_ceil(BINS as u64).max(1);
        let mut low = least;
        let mut rest = bins;
        while low <= most {
            let high = low.saturating_add_unsigned(step - 1).min(most);
            let n = rest.partition_point(|(v, _)| *v <= high);
            let count = rest[..n].iter().map(|(_, n)| n).sum();
            rest = &rest[n..];
            rows.push((format!("{low}..{high}"), count));
            if high == most {
                break;
            }
            low = high + 1;
        }
    }
    let label = rows.iter().map(|r| r.0.len()).max().unwrap_or(0);
    let counts = rows
        .iter()
        .map(|r| r.1.to_string().len())
        .max()
        .unwrap_or(0);
    let room = width
        .saturating_sub(2 + label + 2 + counts + 2)
        .clamp(8, 60);
    let top = rows.iter().map(|r| r.1).max().unwrap_or(1).max(1);
    let mut out = String::new();
    for (text, n) in rows {
        let _ = writeln!(out, "  {text:>label$}  {n:>counts$}  {}", bar(n, top, room));
    }
    out
}

/// A bar in eighths of a character; what is not zero shows.
fn bar(n: u64, top: u64, room: usize) -> String {
    const PARTS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let eighths = (u128::from(n) * room as u128 * 8 / u128::from(top)) as usize;
    let eighths = eighths.max(usize::from(n > 0));
    let mut out = "█".repeat(eighths / 8);
    if eighths % 8 > 0 {
        out.push(PARTS[eighths % 8 - 1]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_shows() {
        let mut values = vec![10; 100_000];
        values.extend([10_000, 70]);
        let text = bars(&Histogram::of(values), 80);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(
            text.lines()
                .all(|l| l.chars().count() <= 80 && l.ends_with(|c| c > '▀')),
            "{text}"
        );
        let many: Vec<i64> = (0..1000).map(|k| k * k).collect();
        let text = bars(&Histogram::of(many), 60);
        let counted = text.lines().map(|l| {
            l.split_whitespace()
                .nth(1)
                .and_then(|n| n.parse::<u64>().ok())
        });
        assert_eq!(counted.flatten().sum::<u64>(), 1000, "{text}");
        assert!(text.lines().count() <= BINS, "{text}");
        let ends = bars(&Histogram::of(vec![i64::MIN, i64::MAX]), 60);
        assert_eq!(ends.lines().count(), 2);
    }
}
