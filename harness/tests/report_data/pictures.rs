//! Each kind of picture once.

use harness::report::svg::{self, Bins, Names, Series, X};
use harness::report::{Events, Report};

/// Name and SVG of each.
pub fn all(report: &Report) -> Vec<(&'static str, String)> {
    let signals = |i: usize| {
        report
            .runs
            .iter()
            .map(move |r| (r.label.as_str(), &r.signals[i]))
    };
    let bins: Vec<Bins<'_>> = signals(0)
        .map(|(label, s)| Bins {
            label,
            bins: &s.histogram,
        })
        .collect();
    let tie: Vec<Vec<(f64, f64)>> = signals(0)
        .map(|(_, s)| {
            let Events::Edges(at) = &s.events else {
                panic!("edges");
            };
            at.iter()
                .zip(&s.values)
                .map(|(&t, &v)| (t as f64 / 168e6, v))
                .collect()
        })
        .collect();
    let mmu: Vec<Vec<(f64, f64)>> = signals(1)
        .map(|(_, s)| s.mmu.iter().map(|&(w, v)| (w as f64, v)).collect())
        .collect();
    let labels = &["mark-sweep", "incremental"];
    fn series<'a>(labels: &[&'a str], points: &'a [Vec<(f64, f64)>]) -> Vec<Series<'a>> {
        labels
            .iter()
            .zip(points)
            .map(|(label, points)| Series { label, points })
            .collect()
    }
    let tasks = [2.0, 4.0, 8.0, 16.0, 32.0, 64.0f64];
    let kinds = [
        "sorted list",
        "binary heap",
        "red-black tree",
        "bitmap",
        "EDF",
        "time-triggered table",
        "round-robin",
        "cooperative",
    ];
    let study: Vec<Vec<(f64, f64)>> = (0..kinds.len())
        .map(|k| {
            tasks
                .map(|m| (m, 60.0 + 30.0 * k as f64 + m * (k as f64 - 3.0).abs() * 4.0))
                .to_vec()
        })
        .collect();
    let machines: Vec<Vec<(f64, f64)>> = (0..3)
        .map(|k| {
            (0..4)
                .map(|m| (f64::from(m), f64::from(12 + 9 * k + m * m)))
                .collect()
        })
        .collect();
    let names = |title, x, y| Names { title, x, y };
    [
        (
            "svg-histogram",
            svg::histograms(
                names("PA5: period", "period, cycles", "count"),
                &bins,
                false,
            ),
        ),
        (
            "svg-histogram-log",
            svg::histograms(names("PA5: period", "period, cycles", "count"), &bins, true),
        ),
        (
            "svg-percentiles",
            svg::percentiles(
                names(
                    "PA5: share of periods that are longer",
                    "period, cycles",
                    "share",
                ),
                &bins,
                false,
            ),
        ),
        (
            "svg-tie",
            svg::over_time(
                names("PA5: time interval error", "time, s", "TIE, cycles"),
                &series(labels, &tie),
            ),
        ),
        (
            "svg-mmu",
            svg::mmu(
                names("Least mutator share", "window, cycles", "share"),
                &series(labels, &mmu),
            ),
        ),
        (
            "svg-tasks",
            svg::lines(
                names(
                    "Latency against the number of tasks",
                    "tasks",
                    "p99 latency, cycles",
                ),
                X::Log2,
                &series(&kinds, &study),
                false,
            ),
        ),
        (
            "svg-machines",
            svg::lines(
                names("Interrupt to pin", "machine", "cycles"),
                X::Categories(&["stm32f407vg", "nrf52840", "rp2040", "fe310"]),
                &series(&["idle", "16 tasks", "16 tasks, UART"], &machines),
                false,
            ),
        ),
    ]
    .into_iter()
    .map(|(name, svg)| (name, svg.expect("drawn")))
    .collect()
}
