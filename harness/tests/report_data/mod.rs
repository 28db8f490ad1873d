//! A report with everything that one can hold: two runs of a tick that a garbage collector delays.

pub mod pictures;

use harness::report::{
    ClockSegment, Events, Group, Lane, Metric, Percentile, Report, Run, Signal, Table, Verdict,
    Worst,
};
use std::collections::BTreeMap;

/// Cycles between two edges.
pub const PERIOD: u64 = 16_800;
/// What an attacker would call a function.
const EVIL: &str =
    "tick</script><script>document.title='stolen'</script><img src=x onerror=alert(1)>";

/// Noise that is the same each time.
fn noise(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below.max(1)
    }
}

fn histogram(values: impl Iterator<Item = i64>) -> Vec<(i64, u64)> {
    let mut bins = BTreeMap::new();
    for v in values {
        *bins.entry(v).or_insert(0) += 1;
    }
    bins.into_iter().collect()
}

fn percentiles(bins: &[(i64, u64)]) -> Vec<Percentile> {
    let n: u64 = bins.iter().map(|b| b.1).sum();
    let wanted = [
        ("min", 0.0),
        ("p50", 0.5),
        ("p90", 0.9),
        ("p99", 0.99),
        ("p99.9", 0.999),
        ("p99.999", 0.99999),
        ("max", 1.0),
    ];
    wanted
        .into_iter()
        .map(|(name, p)| {
            let rank = ((n as f64 * p).ceil() as u64).clamp(1, n);
            let mut seen = 0;
            let found = bins.iter().find(|b| {
                seen += b.1;
                seen >= rank
            });
            Percentile {
                name: name.into(),
                value: found.expect("a bin").0,
                supported: n as f64 * (1.0 - p) >= 10.0 || p == 1.0,
            }
        })
        .collect()
}

fn metrics(pairs: &[(&str, &str, &str)]) -> Vec<Metric> {
    let metric = |&(name, value, unit): &(&str, &str, &str)| Metric {
        name: name.into(),
        value: value.into(),
        unit: unit.into(),
    };
    pairs.iter().map(metric).collect()
}

/// A pin that toggles each period, late by noise and, each 64th time, by a collection.
fn tick(edges: u64, late: u64, seed: u64) -> Signal {
    let mut noise = noise(seed);
    let at: Vec<u64> = (0..edges)
        .map(|k| 5_000 + k * PERIOD + noise(40) + if k % 64 == 0 { late + noise(90) } else { 0 })
        .collect();
    let tie: Vec<f64> = (0..)
        .zip(&at)
        .map(|(k, &t)| t as f64 - (5_020 + k * PERIOD) as f64)
        .collect();
    let bins = histogram(at.windows(2).map(|w| (w[1] - w[0]) as i64));
    let mut order: Vec<usize> = (0..at.len()).collect();
    order.sort_by(|&a, &b| tie[b].abs().total_cmp(&tie[a].abs()).then(a.cmp(&b)));
    let hz = 168e6 / (edges as f64 * PERIOD as f64);
    let spectrum = (0..edges / 2).map(|j| {
        let comb = j % (edges / 64).max(1) < 2 && j > 2;
        (
            j as f64 * hz,
            if comb {
                late as f64 / 32.0
            } else {
                0.02 + noise(100) as f64 / 900.0
            },
        )
    });
    Signal {
        name: format!("PA5 {EVIL}"),
        source: "pin PA5, rising edges".into(),
        quantity: "period".into(),
        unit: "cycles".into(),
        n: edges.saturating_sub(1),
        reference: format!("T = {PERIOD} cycles (nominal)"),
        value_name: "TIE".into(),
        percentiles: if bins.is_empty() {
            Vec::new()
        } else {
            percentiles(&bins)
        },
        histogram: bins,
        metrics: metrics(&[
            ("period jitter, RMS", "101.442", "cycles"),
            ("period jitter, peak to peak", "1 024", "cycles"),
            ("cycle-to-cycle, max", "1 031", "cycles"),
            ("TIE, peak to peak", "912.500", "cycles"),
            ("MTIE over 64 periods", "912.500", "cycles"),
            ("Allan deviation, m = 10", "1.21e-3", ""),
            ("drift", "0.000", "ppm"),
            ("RJ", "n/a (deterministic)", ""),
        ]),
        spectrum: spectrum.collect(),
        comb: Some(format!("every 64th period, +{late} cycles, phase 0")),
        worst: order
            .iter()
            .take(8)
            .map(|&i| Worst {
                index: i as u64,
                cycle: at[i],
                seconds: at[i] as f64 / 168e6,
                deviation: tie[i],
                pc: Some(0x0800_1A2C),
                function: format!("gc_mark {EVIL}"),
                line: "kernel/gc.c:212".into(),
            })
            .collect(),
        values: tie,
        events: Events::Edges(at),
        mmu: Vec::new(),
    }
}

/// Collections: pauses of some length.
fn pauses(edges: u64, late: u64, seed: u64) -> Signal {
    let mut noise = noise(seed);
    let at: Vec<(u64, u64)> = (0..edges / 64)
        .map(|k| {
            let start = 3_000 + k * 64 * PERIOD;
            (start, start + late * 3 + noise(300))
        })
        .collect();
    let long = |i: &(u64, u64)| i.1 - i.0;
    let bins = histogram(at.iter().map(|i| long(i) as i64));
    let windows = (0..60).map(|i| (10f64.powf(2.5 + f64::from(i) / 15.0)) as u64);
    Signal {
        name: "gc.pause".into(),
        source: "gc_begin to gc_end".into(),
        quantity: "pause".into(),
        unit: "cycles".into(),
        n: at.len() as u64,
        value_name: "duration".into(),
        values: at.iter().map(|i| long(i) as f64).collect(),
        percentiles: if bins.is_empty() {
            Vec::new()
        } else {
            percentiles(&bins)
        },
        histogram: bins,
        metrics: metrics(&[("allocation rate", "1 204 551", "bytes/s")]),
        mmu: windows
            .map(|w| (w, (1.0 - late as f64 * 3.2 / w as f64).max(0.0)))
            .collect(),
        events: Events::Intervals(at),
        ..Signal::default()
    }
}

fn lanes(s: &Signal, gc: &Signal) -> Vec<Lane> {
    let Events::Edges(at) = &s.events else {
        panic!("edges");
    };
    let Events::Intervals(pauses) = &gc.events else {
        panic!("intervals");
    };
    let lane = |name: &str, group, changes| Lane {
        name: name.into(),
        group,
        changes,
        names: BTreeMap::new(),
    };
    let pulse = |before: u64, long: u64| -> Vec<(u64, u32)> {
        let each = at
            .iter()
            .flat_map(|&t| [(t - before, 1), (t - before + long, 0)]);
        std::iter::once((0, 0)).chain(each).collect()
    };
    let mut tasks = lane("running", Group::Tasks, Vec::new());
    tasks.names = [
        (0, "idle"),
        (1, "control loop"),
        (2, "telemetry with a rather long name"),
        (3, "logger"),
    ]
    .map(|(v, n)| (v, n.to_owned()))
    .into();
    tasks.changes.push((0, 0));
    for (k, &t) in at.iter().enumerate() {
        tasks.changes.push((t + 100, 1));
        let mut end = t + 2_400;
        if k % 4 == 0 {
            tasks.changes.push((end, 2));
            end += 4_100;
        }
        if k % 10 == 3 {
            tasks.changes.push((end, 3));
            end += 1_700;
        }
        tasks.changes.push((end, 0));
    }
    let sleep = at.iter().flat_map(|&t| [(t - 400, 0), (t + 9_000, 1)]);
    let collecting = pauses.iter().flat_map(|&(a, b)| [(a, 1), (b, 0)]);
    vec![
        lane(
            "PA5 (LED)",
            Group::Pins,
            std::iter::once((0, 0))
                .chain((1..).zip(at).map(|(k, &t)| (t, k & 1)))
                .collect(),
        ),
        lane("PB0 pulse", Group::Pins, pulse(0, 700)),
        lane(
            "PC13 (collecting)",
            Group::Pins,
            std::iter::once((0, 0)).chain(collecting).collect(),
        ),
        lane("SysTick", Group::Exceptions, pulse(300, 90)),
        lane("PendSV", Group::Exceptions, pulse(60, 44)),
        lane(
            "USART2",
            Group::Exceptions,
            at.iter()
                .step_by(3)
                .flat_map(|&t| [(t + 5_000, 1), (t + 5_130, 0)])
                .collect(),
        ),
        tasks,
        lane("sleep", Group::Sleep, sleep.collect()),
        lane(
            "queue length",
            Group::Values,
            at.iter()
                .enumerate()
                .map(|(k, &t)| (t + 2_000, (k % 7) as u32))
                .collect(),
        ),
    ]
}

fn run(label: &str, edges: u64, late: u64, seed: u64) -> Run {
    let tick = tick(edges, late, seed);
    let gc = pauses(edges, late, seed);
    Run {
        label: label.into(),
        firmware: format!("{label}.elf (9f86d081884c)"),
        machine: "stm32f407vg".into(),
        seed: Some(seed),
        core_hz: 168e6,
        cycles: edges * PERIOD + 20_000,
        clock: vec![ClockSegment {
            from: 0,
            start_ps: 0,
            hz: 168e6,
        }],
        lanes: lanes(&tick, &gc),
        signals: vec![tick, gc],
    }
}

/// Two runs of so many edges in all, with everything that a report can hold.
pub fn full(edges: u64) -> Report {
    let verdict = |name: &str, wanted: &str, got: &str, passed| Verdict {
        name: name.into(),
        wanted: wanted.into(),
        got: got.into(),
        passed,
        place: if passed {
            String::new()
        } else {
            "kernel/gc.c:212".into()
        },
    };
    Report {
        title: "Mark-sweep against incremental collection".into(),
        tool: "tickscope 0.1.0".into(),
        command: "tickscope compare mark-sweep.elf incremental.elf --signal PA5 --report gc.html".into(),
        notes: vec!["1 register that is not modelled was written: DBGMCU_APB1_FZ, by board_init (board.c:41).".into()],
        runs: vec![run("mark-sweep", edges / 2, 820, 1), run("incremental", edges / 2, 240, 2)],
        verdicts: vec![
            verdict("PA5.period.pp", "≤ 1 200 cycles", "1 024 cycles", true),
            verdict("PA5.latency.p99.9", "≤ 96 cycles", "911 cycles", false),
            verdict("gc.pause.mmu(1ms)", "≥ 0.5", "0.984", true),
        ],
        tables: vec![Table {
            title: "Cycles by function".into(),
            columns: vec!["Function".into(), "mark-sweep".into(), "incremental".into(), "Difference".into()],
            rows: vec![
                vec!["gc_mark".into(), "81 220 113".into(), "93 118 002".into(), "+14.6 %".into()],
                vec![EVIL.into(), "1".into(), "2".into(), "+100 %".into()],
            ],
        }],
    }
}
