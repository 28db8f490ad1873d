//! From a metric's name to its value in an analysis.

use super::edges::{EdgeAnalysis, EdgeOptions};
use super::histogram::{Histogram, Summary};
use super::intervals::{IntervalAnalysis, IntervalOptions};
use super::name::{Group, Metric, Statistic};
use super::rational::Rational;
use super::tie::Tie;
use super::value::{Absent, MetricValue, Unit};
use crate::units::{AS_PER_S, Span};

impl EdgeOptions {
    /// Has the analysis compute what this metric needs.
    pub fn need(&mut self, metric: Metric) {
        if let Group::NPeriod(n) | Group::Mtie(n) | Group::Allan(n) = metric.group() {
            self.also.insert(n);
        }
    }
}

impl IntervalOptions {
    /// Has the analysis compute what this metric needs. Set `core_hz` first: windows in seconds need it.
    pub fn need(&mut self, metric: Metric) {
        if let Group::Mmu(window) = metric.group() {
            self.windows.extend(cycles(window.0, self.core_hz));
        }
    }
}

/// A window in cycles, rounded to the nearest. None for seconds without a frequency.
fn cycles(window: Span, core_hz: Option<Rational>) -> Option<u64> {
    match window {
        Span::Cycles(n) => Some(n),
        Span::Time(t) => {
            let hz = core_hz?;
            let seconds = Rational::new(i128::try_from(t).ok()?, AS_PER_S as i128)?;
            let product = seconds.num().checked_mul(hz.num())?;
            let n = Rational::new(product, seconds.den().checked_mul(hz.den())?)?.round();
            u64::try_from(n).ok()
        }
    }
}

impl Metric {
    /// Its value for edges.
    ///
    /// # Errors
    /// Why there is none, and what would be needed.
    pub fn of_edges(self, a: &EdgeAnalysis) -> Result<MetricValue, Absent> {
        let few = |needs: u64| too_few(self, needs, a.edges, "edges");
        match self.group() {
            Group::Period => {
                let p = a.period.as_ref().ok_or_else(|| few(2))?;
                figure(self, &p.summary, &p.histogram, "periods")
            }
            Group::CycleToCycle => {
                let c = a.cycle_to_cycle.as_ref().ok_or_else(|| few(3))?;
                Ok(match self.statistic() {
                    Some(Statistic::Rms) => MetricValue::real(c.rms, Unit::Cycles),
                    _ => whole(c.max, Unit::Cycles),
                })
            }
            Group::NPeriod(n) => n_period(self, n, a),
            Group::Tie => tie(self, a),
            Group::Mtie(n) => match a.mtie.iter().find(|m| m.n == n) {
                Some(m) => Ok(MetricValue::exact(m.cycles, Unit::Cycles)),
                None => Err(missing(self, a, n.saturating_add(1).max(least_tie(a)))),
            },
            Group::Allan(m) => match a.allan.iter().find(|x| x.m == m) {
                Some(x) => Ok(MetricValue::real(x.deviation, Unit::One)),
                None if a.reference.is_some_and(|t| !t.cycles.is_positive()) => {
                    Err(Absent::NoPeriod(self))
                }
                None => Err(missing(self, a, m.saturating_mul(2).saturating_add(1))),
            },
            Group::Duty | Group::High => duty(self, a),
            Group::Drift | Group::Skipped | Group::Doubled => regularity(self, a),
            Group::Count => Ok(whole(a.edges, Unit::Count)),
            Group::CombPeriod | Group::CombAmplitude => {
                let needs = super::comb::NEEDS as u64;
                if a.periods() < needs {
                    return Err(too_few(self, needs, a.periods(), "periods"));
                }
                let comb = a.comb.ok_or(Absent::NoComb {
                    metric: self,
                    periods: a.periods(),
                })?;
                Ok(match self.group() {
                    Group::CombPeriod => whole(comb.period, Unit::Count),
                    _ => MetricValue::exact(Rational::whole(comb.amplitude), Unit::Cycles),
                })
            }
            Group::Value | Group::Rate => values(self, a),
            Group::Duration(_) | Group::Gap | Group::Misses | Group::Share | Group::Mmu(_) => {
                Err(Absent::WrongSignal {
                    metric: self,
                    wanted: "intervals",
                    found: "edges",
                })
            }
        }
    }

    /// Its value for intervals.
    ///
    /// # Errors
    /// Why there is none, and what would be needed.
    pub fn of_intervals(self, a: &IntervalAnalysis) -> Result<MetricValue, Absent> {
        let few = |needs: u64| too_few(self, needs, a.count, "intervals");
        match self.group() {
            Group::Count => Ok(whole(a.count, Unit::Count)),
            Group::Duration(_) => {
                let d = a.durations.as_ref().ok_or_else(|| few(1))?;
                figure(self, d, &a.histogram, "intervals")
            }
            Group::Gap => {
                let g = a.gaps.as_ref().ok_or_else(|| too_few(self, 1, 0, "gaps"))?;
                figure(self, g, &a.gap_histogram, "gaps")
            }
            Group::Share => {
                let share = a.share.ok_or_else(|| few(1))?;
                Ok(MetricValue::exact(share, Unit::Ratio))
            }
            Group::Misses => {
                let misses = a.misses.ok_or(Absent::NoDeadline(self))?;
                Ok(whole(misses, Unit::Count))
            }
            Group::Mmu(window) => {
                let (begin, end) = a.run.ok_or_else(|| few(1))?;
                let window = cycles(window.0, a.core_hz).ok_or(Absent::NoFrequency(self))?;
                if window > end - begin {
                    return Err(Absent::WindowTooLong {
                        metric: self,
                        window,
                        run: end - begin,
                    });
                }
                let m = a.mmu.iter().find(|m| m.window == window);
                let m = m.ok_or(Absent::NotComputed(self))?;
                Ok(MetricValue::exact(m.utilisation, Unit::Ratio))
            }
            _ => Err(Absent::WrongSignal {
                metric: self,
                wanted: "edges",
                found: "intervals",
            }),
        }
    }
}

fn values(metric: Metric, a: &EdgeAnalysis) -> Result<MetricValue, Absent> {
    let v = a.values.as_ref().ok_or(Absent::NoValues(metric))?;
    if metric.group() == Group::Value {
        let mut value = figure(metric, &v.summary, &v.histogram, "values")?;
        value.unit = Unit::One;
        return Ok(value);
    }
    let hz = a.core_hz.ok_or(Absent::NoFrequency(metric))?;
    let rate = v.per_cycle.and_then(|r| {
        let num = r.num().checked_mul(hz.num())?;
        Rational::new(num, r.den().checked_mul(hz.den())?)
    });
    let rate = rate.ok_or_else(|| too_few(metric, 2, a.edges, "values"))?;
    Ok(MetricValue::exact(rate, Unit::PerSecond))
}

fn whole(n: u64, unit: Unit) -> MetricValue {
    MetricValue::exact(Rational::whole(n), unit)
}

fn too_few(metric: Metric, needs: u64, have: u64, what: &'static str) -> Absent {
    Absent::TooFew {
        metric,
        needs,
        have,
        what,
    }
}

/// A figure of counted values. One value has no spread.
fn figure(
    metric: Metric,
    s: &Summary,
    histogram: &Histogram,
    what: &'static str,
) -> Result<MetricValue, Absent> {
    let cycles = |v: i64| Ok(MetricValue::exact(Rational::whole(v), Unit::Cycles));
    let few = too_few(metric, 2, s.count, what);
    match metric.statistic() {
        Some(Statistic::Min) => cycles(s.min),
        Some(Statistic::Max) => cycles(s.max),
        Some(Statistic::Pp | Statistic::Rms) if s.count < 2 => Err(few),
        Some(Statistic::Pp) => Ok(whole(s.pp, Unit::Cycles)),
        Some(Statistic::Rms) => Ok(MetricValue::real(s.rms, Unit::Cycles)),
        Some(Statistic::Percentile(p)) => match histogram.percentile(p) {
            Some(v) if v.supported => cycles(v.value),
            _ => Err(Absent::Unsupported {
                metric,
                needs: p.needs(),
                have: s.count,
                what,
            }),
        },
        Some(Statistic::Mean) | None => Ok(MetricValue::exact(s.mean, Unit::Cycles)),
    }
}

/// For a metric of a window of periods that is not there: too few edges, or never asked for.
fn missing(metric: Metric, a: &EdgeAnalysis, needs: u64) -> Absent {
    if a.edges < needs {
        too_few(metric, needs, a.edges, "edges")
    } else {
        Absent::NotComputed(metric)
    }
}

fn n_period(metric: Metric, n: u64, a: &EdgeAnalysis) -> Result<MetricValue, Absent> {
    let found = a.n_period.iter().find(|p| p.n == n);
    let p = found.ok_or_else(|| missing(metric, a, n.saturating_add(1)))?;
    let spread = matches!(metric.statistic(), Some(Statistic::Pp | Statistic::Rms));
    if spread && p.count < 2 {
        return Err(too_few(metric, n.saturating_add(2), a.edges, "edges"));
    }
    Ok(match metric.statistic() {
        Some(Statistic::Min) => MetricValue::exact(p.least, Unit::Cycles),
        Some(Statistic::Max) => MetricValue::exact(p.greatest, Unit::Cycles),
        Some(Statistic::Rms) => MetricValue::real(p.rms, Unit::Cycles),
        _ => whole(p.pp, Unit::Cycles),
    })
}

/// The least number of edges that have a TIE.
fn least_tie(a: &EdgeAnalysis) -> u64 {
    a.reference.map_or(3, |t| Tie::needs(t.kind)) as u64
}

fn tie(metric: Metric, a: &EdgeAnalysis) -> Result<MetricValue, Absent> {
    let t = a.tie.as_ref();
    let t = t.ok_or_else(|| too_few(metric, least_tie(a), a.edges, "edges"))?;
    Ok(match metric.statistic() {
        Some(Statistic::Min) => MetricValue::real(t.min, Unit::Cycles),
        Some(Statistic::Max) => MetricValue::real(t.max, Unit::Cycles),
        Some(Statistic::Rms) => MetricValue::real(t.rms, Unit::Cycles),
        _ => MetricValue::exact(t.pp, Unit::Cycles),
    })
}

fn duty(metric: Metric, a: &EdgeAnalysis) -> Result<MetricValue, Absent> {
    let d = a.duty.as_ref().ok_or(Absent::NoFalls(metric))?;
    if metric.group() == Group::High {
        return figure(metric, &d.high, &d.histogram, "high times");
    }
    let few = |needs| too_few(metric, needs, d.periods, "whole periods");
    let (value, needs) = match metric.statistic() {
        Some(Statistic::Min) => (d.min, 1),
        Some(Statistic::Max) => (d.max, 1),
        Some(Statistic::Pp) => (d.pp().filter(|_| d.periods > 1), 2),
        _ => (d.mean, 1),
    };
    let value = value.ok_or_else(|| few(needs))?;
    Ok(MetricValue::exact(value, Unit::Ratio))
}

fn regularity(metric: Metric, a: &EdgeAnalysis) -> Result<MetricValue, Absent> {
    let Some(r) = &a.regularity else {
        return Err(if a.edges < 2 {
            too_few(metric, 2, a.edges, "edges")
        } else {
            Absent::NoNominal(metric)
        });
    };
    Ok(match metric.group() {
        Group::Skipped => whole(r.skipped, Unit::Count),
        Group::Doubled => whole(r.doubled, Unit::Count),
        _ => MetricValue::real(r.drift_ppm, Unit::Ppm),
    })
}

#[cfg(test)]
mod tests {
    use super::super::reference::Reference;
    use super::*;

    fn metric(name: &str) -> Metric {
        name.parse().expect(name)
    }

    fn edges(times: &[u64], names: &[&str]) -> Vec<String> {
        let falls: Vec<u64> = times.iter().map(|t| t + 40).collect();
        let mut options = EdgeOptions {
            reference: Reference::Nominal(Rational::whole(100)),
            ..EdgeOptions::default()
        };
        names.iter().for_each(|n| options.need(metric(n)));
        let a = EdgeAnalysis::with_falls(times, &falls, &options).expect("ascending");
        let told = |n: &&str| match metric(n).of_edges(&a) {
            Ok(v) => v.to_string(),
            Err(e) => e.to_string(),
        };
        names.iter().map(told).collect()
    }

    #[test]
    fn every_edge_metric_has_a_value() {
        let times: Vec<u64> = (0..41)
            .map(|k| 1000 + k * 100 + if k % 4 == 0 { 6 } else { 0 })
            .collect();
        let names = [
            "period.pp",
            "period.min",
            "period.mean",
            "period.p50",
            "c2c.max",
            "nperiod(3).pp",
            "nperiod(4).max",
            "tie.pp",
            "mtie(3)",
            "mtie(16)",
            "adev(4)",
            "duty.pp",
            "duty.mean",
            "high.max",
            "high.pp",
            "drift",
            "skipped",
            "doubled",
            "count",
            "comb.period",
            "comb.amplitude",
        ];
        let values = [
            "12cy", "94cy", "100cy", "100cy", "12cy", "12cy", "0cy", "6cy", "6cy", "6cy", "0",
            "0.048173", "0.4", "40cy", "0cy", "0ppm", "0", "0", "41", "4", "6cy",
        ];
        assert_eq!(edges(&times, &names), values);
    }

    #[test]
    fn absent_ones_say_what_is_needed() {
        let times: Vec<u64> = (0..10).map(|k| k * 100).collect();
        for (name, n, says) in [
            (
                "period.p99.9",
                10,
                "needs 10000 periods (ten above the percentile); there are 9",
            ),
            ("period.pp", 2, "needs 2 periods; there are 1"),
            ("period.max", 1, "needs 2 edges; there are 1"),
            ("c2c.rms", 2, "needs 3 edges; there are 2"),
            ("nperiod(9).pp", 10, "needs 11 edges; there are 10"),
            ("nperiod(12).max", 10, "needs 13 edges; there are 10"),
            ("tie.pp", 1, "needs 2 edges; there are 1"),
            ("mtie(64)", 10, "needs 65 edges; there are 10"),
            ("adev(5)", 10, "needs 11 edges; there are 10"),
            ("duty.pp", 2, "needs 2 whole periods; there are 1"),
            ("high.p50", 10, "needs 20 high times"),
            ("duty.mean", 0, "falling edges"),
            ("drift", 1, "needs 2 edges"),
            ("comb.period", 5, "needs 8 periods; there are 4"),
            ("comb.period", 10, "no comb was found in 9 periods"),
            ("latency.max", 10, "a metric of intervals"),
            ("mmu(1ms)", 10, "a metric of intervals"),
        ] {
            let told = edges(&times[..n], &[name]).remove(0);
            assert!(
                told.starts_with(name) && told.contains(says),
                "{name}: {told}"
            );
        }
        let plain = EdgeAnalysis::new(&times, &EdgeOptions::default()).expect("ascending");
        for (name, absent) in [
            ("drift", Absent::NoNominal(metric("drift"))),
            ("mtie(3)", Absent::NotComputed(metric("mtie(3)"))),
            ("duty.pp", Absent::NoFalls(metric("duty.pp"))),
        ] {
            assert_eq!(metric(name).of_edges(&plain), Err(absent));
        }
        let one_cycle = EdgeAnalysis::new(&[5; 9], &EdgeOptions::default()).expect("ascending");
        let adev = metric("adev(2)");
        assert_eq!(adev.of_edges(&one_cycle), Err(Absent::NoPeriod(adev)));
    }

    #[test]
    fn interval_metrics_and_why_they_are_absent() {
        let list: Vec<(u64, u64)> = (0..30).map(|k| (k * 1000, k * 1000 + 100 + k)).collect();
        let mut options = IntervalOptions {
            run: Some((0, 30_000)),
            ..IntervalOptions::default()
        };
        options.need(metric("mmu(300cy)"));
        let told = |name: &str, options: &IntervalOptions| {
            let a = IntervalAnalysis::new(&list, options).expect("fine");
            metric(name)
                .of_intervals(&a)
                .map_or_else(|e| e.to_string(), |v| v.to_string())
        };
        for (name, value) in [
            ("latency.max", "129cy"),
            ("pause.pp", "29cy"),
            ("response.p50", "114cy"),
            ("duration.mean", "114.5cy"),
            ("gap.min", "872cy"),
            ("share", "0.1145"),
            ("count", "30"),
            ("mmu(300cy)", "0.57"),
            (
                "mmu(400cy)",
                "mmu(400cy) was not computed: the analysis was not told that it is needed",
            ),
            (
                "mmu(1ms)",
                "mmu(1ms) needs the core's frequency, or a window in cycles",
            ),
            (
                "latency.p99",
                "latency.p99 needs 1000 intervals (ten above the percentile); there are 30",
            ),
            (
                "mmu(40000cy)",
                "mmu(40000cy) needs a run of 40000 cycles; this one has 30000",
            ),
            (
                "period.pp",
                "period.pp is a metric of edges; this signal has intervals",
            ),
        ] {
            assert_eq!(told(name, &options), value);
        }
        options.core_hz = Some(Rational::whole(300_000));
        options.need(metric("mmu(1ms)"));
        assert_eq!(told("mmu(1ms)", &options), "0.57");
        let none = IntervalAnalysis::new(&[], &IntervalOptions::default()).expect("fine");
        for name in ["latency.max", "gap.min", "share", "mmu(5cy)"] {
            let e = metric(name)
                .of_intervals(&none)
                .expect_err(name)
                .to_string();
            assert!(e.contains("needs 1 "), "{e}");
        }
    }
}
