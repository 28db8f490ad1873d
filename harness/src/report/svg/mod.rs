//! Pictures for READMEs and step summaries: histograms, values over time, percentiles, mutator share, and lines against a parameter.
//!
//! Each has its own light background, so that it reads on light and dark pages, and its legend above the plot, where it covers
//! nothing. The same data gives the same bytes. Widths of texts are estimates, because no font is opened.

mod frame;
mod ticks;

use frame::{Axis, Frame};
use std::io;

/// A histogram and its name in the legend.
#[derive(Clone, Copy, Debug)]
pub struct Bins<'a> {
    /// Name.
    pub label: &'a str,
    /// Cycles and counts, ascending.
    pub bins: &'a [(i64, u64)],
}

/// A curve and its name in the legend.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Name.
    pub label: &'a str,
    /// Points, ascending in x. One that is not finite is a gap.
    pub points: &'a [(f64, f64)],
}

/// Names of a picture and its axes.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Above it.
    pub title: &'a str,
    /// Below the x axis, with the unit.
    pub x: &'a str,
    /// Beside the y axis, with the unit.
    pub y: &'a str,
}

/// The x axis of [`lines`].
#[derive(Clone, Copy, Debug)]
pub enum X<'a> {
    /// Numbers.
    Linear,
    /// Numbers above 0, evenly spaced by powers of two, with a tick at each x that a series has.
    Log2,
    /// Names; the points' x are 0, 1, 2, …
    Categories(&'a [&'a str]),
}

/// Histograms over each other. `log`: counts on a logarithmic axis.
///
/// # Errors
/// Those of the drawing library.
pub fn histograms(names: Names<'_>, series: &[Bins<'_>], log: bool) -> io::Result<String> {
    let all = || series.iter().flat_map(|s| s.bins);
    let low = all().map(|b| b.0).min().unwrap_or(0) as f64;
    let high = all().map(|b| b.0).max().unwrap_or(0) as f64;
    let room = ((high - low) * 0.03).max(2.0);
    let x = Axis::linear(low - room, high + room).whole();
    let labels: Vec<&str> = series.iter().map(|s| s.label).collect();
    // Several cycles may share a column of pixels.
    let columns = frame::columns_of(x, series);
    let most = columns.iter().flatten().map(|c| c.2).max().unwrap_or(1);
    let y = if log {
        Axis::log10(0.5, most as f64 * 1.5)
    } else {
        Axis::linear(0.0, most as f64 * 1.06).whole()
    };
    Frame::draw(names, &labels, false, x, y, |f| {
        for (i, columns) in columns.iter().enumerate() {
            f.columns(columns, i, series.len())?;
        }
        Ok(())
    })
}

/// Values over time, such as the TIE. Where there are more values than pixels, the envelope from the least to the largest.
///
/// # Errors
/// Those of the drawing library.
pub fn over_time(names: Names<'_>, series: &[Series<'_>]) -> io::Result<String> {
    let (x, y) = (Axis::around_x(series), Axis::around_y(series));
    Frame::draw(names, &labels(series), false, x, y, |f| {
        for (i, s) in series.iter().enumerate() {
            f.envelope(s.points, i, series.len())?;
        }
        Ok(())
    })
}

/// How much lies beyond each value: the complementary distribution of exact histograms, on a logarithmic axis of shares. The
/// tail, where p99 and p99.9 are, is what one sees. `log`: values above 0 on a logarithmic axis.
///
/// # Errors
/// Those of the drawing library.
pub fn percentiles(names: Names<'_>, series: &[Bins<'_>], log: bool) -> io::Result<String> {
    let curves: Vec<Vec<(f64, f64)>> = series.iter().map(|s| beyond(s.bins)).collect();
    let series: Vec<Series<'_>> = series
        .iter()
        .zip(&curves)
        .map(|(s, points)| Series {
            label: s.label,
            points,
        })
        .collect();
    let all = || curves.iter().flatten().map(|p| p.1).filter(|&p| p > 0.0);
    let least = all().fold(1.0, f64::min);
    let y = Axis::log10((least * 0.7).min(0.05), 1.0).shares();
    let x = match frame::range(&series, |p| p.0) {
        Some((low, high)) if log && high >= 1.0 => {
            Axis::log10(low.max(1.0) * 0.95, high.max(2.0) * 1.05)
        }
        _ => Axis::around_x(&series),
    };
    Frame::draw(names, &labels(&series), false, x, y, |f| {
        for (i, s) in series.iter().enumerate() {
            f.line(s.points, i, false)?;
        }
        Ok(())
    })
}

/// Steps of the share of samples that are larger than a value.
fn beyond(bins: &[(i64, u64)]) -> Vec<(f64, f64)> {
    let n: u64 = bins.iter().map(|b| b.1).sum();
    let mut left = n;
    let mut points = Vec::new();
    for &(value, count) in bins {
        let share = |c: u64| c as f64 / n as f64;
        points.push((value as f64, share(left)));
        left -= count;
        if left > 0 {
            points.push((value as f64, share(left)));
        }
    }
    points
}

/// Least mutator share (0 to 1) over windows in cycles, on a logarithmic axis.
///
/// # Errors
/// Those of the drawing library.
pub fn mmu(names: Names<'_>, series: &[Series<'_>]) -> io::Result<String> {
    let (low, high) = frame::range(series, |p| p.0).unwrap_or((1.0, 10.0));
    let x = Axis::log10(low.max(1.0), high.max(low.max(1.0) * 2.0));
    let y = Axis::linear(0.0, 1.02);
    Frame::draw(names, &labels(series), false, x, y, |f| {
        for (i, s) in series.iter().enumerate() {
            f.line(s.points, i, false)?;
        }
        Ok(())
    })
}

/// Lines with points against a parameter: latency against the number of tasks. Over categories, groups of bars.
/// `log`: y on a logarithmic axis.
///
/// # Errors
/// Those of the drawing library.
pub fn lines(names: Names<'_>, x: X<'_>, series: &[Series<'_>], log: bool) -> io::Result<String> {
    let (_, high) = frame::range(series, |p| p.1).unwrap_or((0.0, 1.0));
    let y = if log {
        let above = series.iter().flat_map(|s| s.points).map(|p| p.1);
        let low = above.filter(|&v| v > 0.0).fold(high, f64::min);
        Axis::log10((low * 0.8).max(1e-9), high.max(1e-9) * 1.25)
    } else {
        Axis::linear(0.0, if high > 0.0 { high * 1.08 } else { 1.0 })
    };
    let axis = match x {
        X::Linear => Axis::around_x(series).padded(),
        X::Log2 => Axis::log2(series).padded(),
        X::Categories(names) => Axis::categories(names),
    };
    let named = matches!(x, X::Categories(_));
    Frame::draw(names, &labels(series), !named, axis, y, |f| {
        for (i, s) in series.iter().enumerate() {
            if named {
                f.bars(s.points, i, series.len())?;
            } else {
                f.line(s.points, i, true)?;
            }
        }
        Ok(())
    })
}

fn labels<'a>(series: &[Series<'a>]) -> Vec<&'a str> {
    series.iter().map(|s| s.label).collect()
}

#[cfg(test)]
mod tests;
