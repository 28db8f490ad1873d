//! Sums of floats that lose nothing worth mentioning.

/// The sum, compensated (Neumaier).
#[must_use]
pub fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0f64, 0.0f64);
    for v in values {
        let next = total + v;
        lost += if total.abs() >= v.abs() {
            (total - next) + v
        } else {
            (v - next) + total
        };
        total = next;
    }
    total + lost
}

/// The mean. 0 without values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    sum(values.iter().copied()) / values.len() as f64
}

/// Takes the least-squares line off, in place.
pub fn detrend(values: &mut [f64]) {
    let n = values.len() as f64;
    let mean = mean(values);
    let middle = (n - 1.0) / 2.0;
    let centred = values
        .iter()
        .enumerate()
        .map(|(k, v)| (k as f64 - middle) * (v - mean));
    let squares = n * (n * n - 1.0) / 12.0;
    let slope = if squares > 0.0 {
        sum(centred) / squares
    } else {
        0.0
    };
    for (k, v) in values.iter_mut().enumerate() {
        *v -= mean + slope * (k as f64 - middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_parts_survive_large_ones() {
        assert_eq!(sum([1e16, 1.0, -1e16, 1.0]), 2.0);
        assert_eq!(mean(&[]), 0.0);
    }

    #[test]
    fn a_line_leaves_nothing() {
        let mut line: Vec<f64> = (0..9).map(|k| 3.0 + 0.5 * f64::from(k)).collect();
        detrend(&mut line);
        assert!(line.iter().all(|v| v.abs() < 1e-12), "{line:?}");
        let mut one = [7.0];
        detrend(&mut one);
        assert_eq!(one, [0.0]);
        detrend(&mut []);
    }
}
