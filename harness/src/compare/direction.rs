//! Which way a metric gets worse.

use crate::metrics::name::{Group, Metric, Statistic};

/// Which values are better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Less is better: jitter, latency.
    Lower,
    /// More is better: the mutator's share.
    Higher,
    /// The nearer to zero the better: drift.
    NearZero,
    /// Neither: a count, a mean period.
    Neutral,
}

impl Direction {
    /// Of a metric by its name; a name that is not known is neutral.
    ///
    /// Of periods, greatest values, high percentiles and spreads are better when they are less. Least and middle ones
    /// say as much about what the firmware does as about how well.
    #[must_use]
    pub fn of(metric: &str) -> Direction {
        use Direction::{Higher, Lower, NearZero, Neutral};
        let Ok(metric) = metric.parse::<Metric>() else {
            return Neutral;
        };
        let spread = matches!(metric.statistic(), Some(Statistic::Pp | Statistic::Rms));
        match metric.group() {
            Group::Period => match metric.statistic() {
                Some(Statistic::Max | Statistic::Pp | Statistic::Rms) => Lower,
                // Above the median.
                Some(Statistic::Percentile(p)) if p.ppm() > 500_000 => Lower,
                _ => Neutral,
            },
            Group::NPeriod(_) | Group::Tie | Group::Duty | Group::High if spread => Lower,
            Group::NPeriod(_) | Group::Tie | Group::Duty | Group::High => Neutral,
            Group::CycleToCycle | Group::Mtie(_) | Group::Allan(_) => Lower,
            Group::Skipped | Group::Doubled | Group::CombAmplitude => Lower,
            Group::Duration(_) | Group::Share | Group::Misses => Lower,
            Group::Mmu(_) => Higher,
            Group::Drift => NearZero,
            Group::Gap | Group::Count | Group::CombPeriod | Group::Value | Group::Rate => Neutral,
        }
    }

    /// The value by which runs are ranked: its magnitude where nearness to zero counts.
    #[must_use]
    pub fn ranked(self, value: f64) -> f64 {
        match self {
            Direction::NearZero => value.abs(),
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_and_latency_are_better_when_less() {
        use Direction::{Higher, Lower, NearZero, Neutral};
        for (metric, direction) in [
            ("period.pp", Lower),
            ("period.max", Lower),
            ("period.p99.9", Lower),
            ("period.p50", Neutral),
            ("period.p10", Neutral),
            ("period.mean", Neutral),
            ("tie.rms", Lower),
            ("tie.max", Neutral),
            ("latency.mean", Lower),
            ("duration.p50", Lower),
            ("mmu(5ms)", Higher),
            ("share", Lower),
            ("drift", NearZero),
            ("count", Neutral),
            ("something.new", Neutral),
        ] {
            assert_eq!(Direction::of(metric), direction, "{metric}");
        }
    }
}
