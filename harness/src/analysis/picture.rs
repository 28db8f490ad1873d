//! Pictures of a signal: SVG for READMEs and step summaries.

use super::{Analysis, Looked, Places, page_signal};
use crate::report::svg;
use crate::signal::Signal;
use clap::ValueEnum;
use emu_core::Cycles;

/// A plot of a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Plot {
    /// Overlaid histograms.
    Histogram,
    /// TIE, or durations, over time.
    Time,
    /// The share that is beyond each value: the tail.
    Tail,
    /// Minimum mutator utilisation.
    Mmu,
}

/// A picture of the first signal that was looked at, in all runs.
///
/// # Errors
/// Those of the drawing library.
pub fn plot(signal: &Signal, plot: Plot, runs: &[Looked]) -> std::io::Result<String> {
    let title = format!("{} ({})", signal.name, signal.source);
    let of = |f: &dyn Fn(&Looked) -> Vec<(f64, f64)>| -> Vec<(String, Vec<(f64, f64)>)> {
        runs.iter()
            .map(|r| (r.recording.label.clone(), f(r)))
            .collect()
    };
    let histograms: Vec<svg::Bins<'_>> = runs
        .iter()
        .map(|r| svg::Bins {
            label: &r.recording.label,
            bins: match &r.signals[0].1 {
                Analysis::Edges(e) => e.period.as_ref().map_or(&[], |p| p.histogram.bins()),
                Analysis::Intervals(i) => i.histogram.bins(),
            },
        })
        .collect();
    let quantity = match signal.source.is_interval() {
        true => "duration (cycles)",
        false => "period (cycles)",
    };
    let names = |x, y| svg::Names {
        title: &title,
        x,
        y,
    };
    match plot {
        Plot::Histogram => svg::histograms(names(quantity, "count"), &histograms, true),
        Plot::Tail => svg::percentiles(names(quantity, "share beyond"), &histograms, false),
        Plot::Time | Plot::Mmu => {
            let curves = of(&|run: &Looked| {
                let (recorded, analysis, figures) = &run.signals[0];
                let timebase = &run.recording.capture.summary.timebase;
                let page = page_signal(recorded, analysis, figures, timebase, Places(None));
                if plot == Plot::Mmu {
                    return page.mmu.iter().map(|&(w, u)| (w as f64, u)).collect();
                }
                let seconds = |t: &u64| timebase.attoseconds(Cycles(*t)) as f64 / 1e18;
                recorded
                    .times
                    .iter()
                    .map(seconds)
                    .zip(page.values)
                    .collect()
            });
            let series = curves
                .iter()
                .map(|(label, points)| svg::Series { label, points });
            let series: Vec<svg::Series<'_>> = series.collect();
            match plot {
                Plot::Mmu => svg::mmu(names("window (cycles)", "least mutator share"), &series),
                _ => {
                    let what = match signal.source.is_interval() {
                        true => "duration (cycles)",
                        false => "TIE (cycles)",
                    };
                    svg::over_time(names("time (s)", what), &series)
                }
            }
        }
    }
}
