//! What a report shows of a run and its signals.

use super::{Analysis, Figure, Places};
use crate::capture::Header;
use crate::metrics::histogram::{Histogram, Summary};
use crate::metrics::rational::Rational;
use crate::report;
use crate::signal::Recorded;
use crate::timebase::Timebase;
use crate::units::AS_PER_S;
use emu_core::Cycles;

/// A run without its signals and lanes.
#[must_use]
pub fn run(
    label: &str,
    firmware: &str,
    header: &Header,
    cycles: u64,
    timebase: &Timebase,
) -> report::Run {
    let segments = timebase.segments().iter();
    report::Run {
        label: label.to_owned(),
        firmware: firmware.to_owned(),
        machine: header.machine.clone(),
        seed: Some(header.seed),
        core_hz: timebase.hz_at(Cycles(cycles)).as_f64(),
        cycles,
        clock: segments
            .map(|s| report::ClockSegment {
                from: s.from.0,
                start_ps: timebase.picoseconds(s.from),
                hz: s.hz.as_f64(),
            })
            .collect(),
        ..report::Run::default()
    }
}

/// A signal of a run.
#[must_use]
pub fn signal(
    recorded: &Recorded,
    analysis: &Analysis,
    figures: &[Figure],
    timebase: &Timebase,
    places: Places<'_>,
) -> report::Signal {
    let mut page = report::Signal {
        name: recorded.name.clone(),
        source: recorded.source.clone(),
        unit: "cycles".to_owned(),
        n: analysis.n(),
        metrics: figures
            .iter()
            .map(|f| report::Metric {
                name: f.metric.clone(),
                value: f.shown().trim_end_matches(f.value.unit.symbol()).to_owned(),
                unit: f.value.unit.symbol().to_owned(),
            })
            .collect(),
        ..report::Signal::default()
    };
    let worst = |index: u64, cycle: u64, deviation: f64| {
        let pc = usize::try_from(index)
            .ok()
            .and_then(|i| recorded.pcs.get(i))
            .copied();
        let spot = pc.map(|pc| places.of(pc)).unwrap_or_default();
        let line = match (&spot.file, spot.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => String::new(),
        };
        report::Worst {
            index,
            cycle,
            seconds: timebase.attoseconds(Cycles(cycle)) as f64 / AS_PER_S as f64,
            deviation,
            pc,
            function: spot.function.unwrap_or_default(),
            line,
        }
    };
    match analysis {
        Analysis::Edges(e) => {
            page.quantity = "period".to_owned();
            page.events = report::Events::Edges(recorded.times.clone());
            page.value_name = "TIE".to_owned();
            if let Some(t) = &e.reference {
                page.reference = format!("T = {t}");
                page.values = tie(&recorded.times, t.cycles);
            }
            if let Some(p) = &e.period {
                distribution(&mut page, &p.histogram, Some(&p.summary));
                let t = e.reference.map_or(0.0, |t| t.cycles.as_f64());
                let all = p.worst.iter();
                page.worst = all
                    .map(|w| worst(w.index, w.cycle, w.value as f64 - t))
                    .collect();
            }
            if let (Some(s), Some(hz)) = (&e.spectrum, e.core_hz) {
                let hz = hz.as_f64();
                let view = s.view.iter();
                page.spectrum = view
                    .map(|&(bin, a)| (bin as f64 * s.resolution * hz, a))
                    .collect();
            }
            page.comb = e.comb.as_ref().map(ToString::to_string);
        }
        Analysis::Intervals(i) => {
            page.quantity = "duration".to_owned();
            page.events = report::Events::Intervals(recorded.intervals());
            page.value_name = "duration".to_owned();
            let lengths = recorded
                .intervals()
                .into_iter()
                .map(|(b, e)| (e - b) as f64);
            page.values = lengths.collect();
            distribution(&mut page, &i.histogram, i.durations.as_ref());
            let mean = i.durations.as_ref().map_or(0.0, |d| d.mean.as_f64());
            let all = i.worst.iter();
            page.worst = all
                .map(|w| worst(w.index, w.cycle, w.value as f64 - mean))
                .collect();
            page.reference = match i.count {
                0 => String::new(),
                _ => format!("deviations are from the mean, {mean:.3} cycles"),
            };
            let curve = i.mmu.iter();
            page.mmu = curve.map(|m| (m.window, m.utilisation.as_f64())).collect();
        }
    }
    page
}

fn distribution(page: &mut report::Signal, histogram: &Histogram, summary: Option<&Summary>) {
    page.histogram = histogram.bins().to_vec();
    let Some(summary) = summary else {
        return;
    };
    let all = summary.percentiles.iter();
    page.percentiles = all
        .map(|p| report::Percentile {
            name: p.percentile.to_string(),
            value: p.value,
            supported: p.supported,
        })
        .collect();
    for (at, name, value) in [(0, "min", summary.min), (usize::MAX, "max", summary.max)] {
        let end = report::Percentile {
            name: name.to_owned(),
            value,
            supported: true,
        };
        page.percentiles.insert(at.min(page.percentiles.len()), end);
    }
}

/// How far each edge is from a clock of this period, in cycles, about the middle of all.
fn tie(times: &[u64], period: Rational) -> Vec<f64> {
    let Some(&first) = times.first() else {
        return Vec::new();
    };
    let (num, den) = (period.num(), period.den());
    let exact = times.iter().zip(0i128..).map(|(&t, k)| {
        let scaled = i128::from(t - first).wrapping_mul(den) - k.wrapping_mul(num);
        scaled as f64 / den as f64
    });
    let mut all: Vec<f64> = exact.collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    for x in &mut all {
        *x -= mean;
    }
    all
}
