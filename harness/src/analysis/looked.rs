//! Runs that were looked at: what is known of each signal, and the page of all of them.

use super::{Analysis, Figure, How, Places, figures, lanes, page_run, page_signal};
use crate::failure::Failure;
use crate::recording::Recording;
use crate::report;
use crate::signal::{Recorded, Signal};
use crate::terminal::Terminal;
use crate::units::Span;

/// A run with what is known of its signals.
pub struct Looked {
    /// The run.
    pub recording: Recording,
    /// Its signals: what they did, what is known of it, and its figures.
    pub signals: Vec<(Recorded, Analysis, Vec<Figure>)>,
}

/// Look at signals of a run, from the end of the warm-up on.
///
/// # Errors
/// A [`Failure`] for a signal that there cannot be, and a metric that it does not have.
pub fn look(
    wanted: &[Signal],
    how: &How,
    warmup: Option<Span>,
    recording: Recording,
    terminal: &Terminal,
) -> Result<Looked, Failure> {
    let summary = &recording.capture.summary;
    let start = match warmup {
        None => recording.capture.header.start,
        Some(Span::Cycles(n)) => n,
        Some(Span::Time(t)) => summary.timebase.cycle_at(t).0,
    };
    let end = summary.last.0;
    let mut signals = Vec::new();
    for mut recorded in recording.signals(wanted, terminal)? {
        recorded.start_at(start);
        let analysis = Analysis::of(&recorded, how, &summary.timebase, (start, end))?;
        let figures = figures(&analysis, &how.also);
        for metric in &how.also {
            if let Err(absent) = analysis.metric(*metric) {
                let message = format!("{} in {}: {absent}", recorded.name, recording.label);
                return Err(Failure::usage(message).help("ask for a metric that this signal has"));
            }
        }
        signals.push((recorded, analysis, figures));
    }
    Ok(Looked { recording, signals })
}

/// A page with plots and timelines of all runs.
///
/// # Errors
/// A [`Failure`] when a capture has gone.
pub fn page(title: &str, runs: &[Looked]) -> Result<report::Report, Failure> {
    let (mut pages, mut notes) = (Vec::new(), Vec::new());
    for run in runs {
        let (r, capture) = (&run.recording, &run.recording.capture);
        let timebase = &capture.summary.timebase;
        let hash = &capture.header.elf_sha256[..12.min(capture.header.elf_sha256.len())];
        let firmware = format!("{} ({hash})", r.label);
        let end = capture.summary.last.0;
        let mut page = page_run(&r.label, &firmware, &capture.header, end, timebase);
        let places = Places(r.firmware.as_ref());
        let signals = run.signals.iter();
        page.signals = signals
            .map(|(recorded, analysis, figures)| {
                page_signal(recorded, analysis, figures, timebase, places)
            })
            .collect();
        let (lanes, remarks) = lanes(capture)?;
        page.lanes = lanes;
        notes.extend(remarks);
        pages.push(page);
    }
    let names: Vec<&str> = runs.iter().map(|r| r.recording.label.as_str()).collect();
    Ok(report::Report {
        title: format!("{title} {}", names.join(", ")),
        tool: crate::TOOL.to_owned(),
        runs: pages,
        notes,
        ..report::Report::default()
    })
}
