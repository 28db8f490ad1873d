//! Views of long series for plots: fewer points, but every extreme is still there.

use serde::{Deserialize, Serialize};

/// The least and the greatest of each stretch of a series.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Envelope {
    /// Values in a stretch; the last one may have fewer.
    pub stride: u64,
    /// The least of each stretch.
    pub low: Vec<f64>,
    /// The greatest of each stretch.
    pub high: Vec<f64>,
}

/// At most `points` stretches (at least one).
#[must_use]
pub fn envelope(values: &[f64], points: usize) -> Envelope {
    let stride = values.len().div_ceil(points.max(1)).max(1);
    let fold = |f: fn(f64, f64) -> f64| {
        let chunks = values.chunks(stride);
        chunks.filter_map(|c| c.iter().copied().reduce(f)).collect()
    };
    Envelope {
        stride: stride as u64,
        low: fold(f64::min),
        high: fold(f64::max),
    }
}

/// At most `points` of the values, the greatest of each stretch, with its position.
#[must_use]
pub fn peaks_kept(values: &[f64], points: usize) -> Vec<(u64, f64)> {
    let stride = values.len().div_ceil(points.max(1)).max(1);
    let greatest = |(at, chunk): (usize, &[f64])| {
        let best = (0..chunk.len()).reduce(|a, b| if chunk[b] > chunk[a] { b } else { a })?;
        Some(((at * stride + best) as u64, chunk[best]))
    };
    let chunks = values.chunks(stride).enumerate();
    chunks.filter_map(greatest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_kept() {
        let mut values = vec![0.0; 1000];
        values[567] = 9.0;
        values[568] = -9.0;
        let e = envelope(&values, 64);
        assert_eq!((e.stride, e.low.len(), e.high.len()), (16, 63, 63));
        assert_eq!((e.high[567 / 16], e.low[568 / 16]), (9.0, -9.0));
        assert!(peaks_kept(&values, 64).contains(&(567, 9.0)));
        assert_eq!(
            envelope(&[], 10),
            Envelope {
                stride: 1,
                ..Envelope::default()
            }
        );
        assert_eq!(envelope(&[1.0, 2.0], 0).high, [2.0]);
    }
}
