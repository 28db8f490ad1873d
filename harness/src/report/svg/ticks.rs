//! Axes: from values to shares of a length, and where ticks are.

use super::Series;
use crate::report::html::grouped;

/// An axis.
#[derive(Clone, Copy, Debug)]
pub struct Axis<'a> {
    scale: Scale<'a>,
    low: f64,
    high: f64,
    whole: bool,
    shares: bool,
}

#[derive(Clone, Copy, Debug)]
enum Scale<'a> {
    Linear,
    Log10,
    Log2(&'a [Series<'a>]),
    Categories(&'a [&'a str]),
}

impl<'a> Axis<'a> {
    fn new(scale: Scale<'a>, low: f64, high: f64) -> Axis<'a> {
        let finite = low.is_finite() && high.is_finite();
        let (low, high) = if finite { (low, high) } else { (0.0, 1.0) };
        Axis {
            scale,
            low,
            high: if high > low { high } else { low + 1.0 },
            whole: false,
            shares: false,
        }
    }

    pub fn linear(low: f64, high: f64) -> Axis<'a> {
        Axis::new(Scale::Linear, low, high)
    }

    /// From `low` to `high`, both above 0.
    pub fn log10(low: f64, high: f64) -> Axis<'a> {
        Axis::new(Scale::Log10, low.log10(), high.log10())
    }

    pub fn log2(series: &'a [Series<'a>]) -> Axis<'a> {
        let (low, high) = range(series, |p| p.0).unwrap_or((1.0, 2.0));
        let low = low.max(1e-9);
        Axis::new(Scale::Log2(series), low.log2(), high.max(low).log2())
    }

    pub fn categories(names: &'a [&'a str]) -> Axis<'a> {
        Axis::new(Scale::Categories(names), -0.5, names.len() as f64 - 0.5)
    }

    pub fn around_x(series: &[Series<'_>]) -> Axis<'a> {
        let (low, high) = range(series, |p| p.0).unwrap_or((0.0, 1.0));
        Axis::linear(low, high)
    }

    pub fn around_y(series: &[Series<'_>]) -> Axis<'a> {
        let (low, high) = range(series, |p| p.1).unwrap_or((0.0, 1.0));
        let room = if high > low { (high - low) * 0.06 } else { 1.0 };
        Axis::linear(if low == 0.0 { 0.0 } else { low - room }, high + room)
    }

    /// Ticks at whole numbers only.
    pub fn whole(self) -> Axis<'a> {
        Axis {
            whole: true,
            ..self
        }
    }

    /// Ticks as percentages.
    pub fn shares(self) -> Axis<'a> {
        Axis {
            shares: true,
            ..self
        }
    }

    /// With some room at both ends.
    pub fn padded(self) -> Axis<'a> {
        let room = (self.high - self.low) * 0.04;
        Axis {
            low: self.low - room,
            high: self.high + room,
            ..self
        }
    }

    /// Where a value is: 0 at the low end, 1 at the high end.
    pub fn share(&self, value: f64) -> f64 {
        let scaled = match self.scale {
            Scale::Linear | Scale::Categories(_) => value,
            Scale::Log10 => value.max(1e-300).log10(),
            Scale::Log2(_) => value.max(1e-300).log2(),
        };
        (scaled - self.low) / (self.high - self.low)
    }

    /// Values and texts of about so many ticks.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear => self.linear_ticks(count),
            Scale::Log10 => self.power_ticks(),
            Scale::Log2(series) => {
                let mut values: Vec<f64> = series
                    .iter()
                    .flat_map(|s| s.points)
                    .map(|p| p.0)
                    .filter(|x| x.is_finite() && *x > 0.0)
                    .collect();
                values.sort_by(f64::total_cmp);
                values.dedup();
                values.iter().map(|&v| (v, number(v))).collect()
            }
            Scale::Categories(names) => {
                let named = names.iter().enumerate();
                named.map(|(i, n)| (i as f64, (*n).to_owned())).collect()
            }
        }
    }

    fn linear_ticks(&self, count: usize) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / count.max(1) as f64;
        let power = 10f64.powf(raw.log10().floor());
        let nice = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .find(|&m| raw <= m * power * 1.000_001);
        let mut step = nice.unwrap_or(10.0) * power;
        if self.whole {
            step = step.max(1.0);
        }
        let digits = (-(step.log10() + 1e-9).floor()).clamp(0.0, 12.0) as usize;
        let first = (self.low / step - 1e-9).ceil();
        (0..100)
            .map(|k| (first + f64::from(k)) * step)
            .take_while(|v| *v <= self.high + step * 1e-9)
            // Not -0.
            .map(|v| {
                (
                    v,
                    grouped(format!("{:.digits$}", if v == 0.0 { 0.0 } else { v })),
                )
            })
            .collect()
    }

    fn power_ticks(&self) -> Vec<(f64, String)> {
        let few = self.high - self.low < 2.2;
        let between: &[f64] = if few && !self.shares {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let mut out = Vec::new();
        for power in self.low.floor() as i32..=self.high.ceil() as i32 {
            for m in between {
                let value = m * 10f64.powi(power);
                let at = value.log10();
                if at < self.low - 1e-9 || at > self.high + 1e-9 {
                    continue;
                }
                let text = if self.shares {
                    format!("{} %", number(value * 100.0))
                } else {
                    number(value)
                };
                out.push((value, text));
            }
        }
        out
    }
}

/// Shortest text of a tick: six digits after the point at most.
fn number(v: f64) -> String {
    if v != 0.0 && v.abs() < 1e-6 {
        return format!("{v:.0e}");
    }
    let text = format!("{v:.6}");
    grouped(text.trim_end_matches('0').trim_end_matches('.'))
}

/// The least and largest of all finite points, if there is one.
pub fn range(series: &[Series<'_>], of: fn(&(f64, f64)) -> f64) -> Option<(f64, f64)> {
    let all = series.iter().flat_map(|s| s.points);
    let finite = all.filter(|p| p.0.is_finite() && p.1.is_finite()).map(of);
    finite.fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((v.min(low), v.max(high))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: Axis<'_>, count: usize) -> Vec<String> {
        axis.ticks(count).into_iter().map(|t| t.1).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(
            texts(Axis::linear(0.0, 1.0), 5),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(texts(Axis::linear(-3.0, 3.0).whole(), 20).len(), 7);
        assert_eq!(
            texts(Axis::log10(1.0, 1e4), 5),
            ["1", "10", "100", "1\u{202F}000", "10\u{202F}000"]
        );
        assert_eq!(
            texts(Axis::log10(0.001, 1.0).shares(), 5),
            ["0.1 %", "1 %", "10 %", "100 %"]
        );
        assert_eq!(
            texts(Axis::categories(&["idle", "busy"]), 5),
            ["idle", "busy"]
        );
    }

    #[test]
    fn an_axis_of_nothing_or_of_one_value_is_an_axis() {
        for axis in [
            Axis::linear(5.0, 5.0),
            Axis::linear(f64::NAN, 1.0),
            Axis::log2(&[]),
            Axis::categories(&[]),
            Axis::around_x(&[]),
        ] {
            assert!(axis.share(5.0).is_finite());
            assert!(axis.ticks(5).len() <= 100);
        }
    }
}
