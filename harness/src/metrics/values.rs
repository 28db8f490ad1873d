//! What events carry: the words that a variable is given, that a port is sent, that a timer captures.
//!
//! A counter (bytes allocated so far) grows: its rate is the sum of its increases over the run. Differences are taken modulo
//! 2^32, so that a counter that wraps goes on; what looks like a step back of less than half of that is no increase.

use super::histogram::{Histogram, Summary};
use super::rational::Rational;
use serde::{Deserialize, Serialize};

/// The values of a signal's events, in their order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Values {
    /// Extremes, mean, percentiles.
    pub summary: Summary,
    /// Every value with its count.
    pub histogram: Histogram,
    /// Sum of all increases from one value to the next.
    pub increase: u64,
    /// Increase in a cycle of the run. None for a run of no length.
    pub per_cycle: Option<Rational>,
}

impl Values {
    /// None without a value. The run goes from its first cycle to its end.
    #[must_use]
    pub fn of(values: &[u32], (begin, end): (u64, u64)) -> Option<Values> {
        let histogram = Histogram::of(values.iter().map(|&v| i64::from(v)).collect());
        let steps = values.windows(2).map(|w| w[1].wrapping_sub(w[0]));
        let increase = steps.filter(|&d| d < 1 << 31).map(u64::from).sum();
        Some(Values {
            summary: histogram.summary()?,
            histogram,
            increase,
            per_cycle: Rational::new(increase.into(), end.saturating_sub(begin).into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_grows_over_its_wrap() {
        let v = Values::of(&[u32::MAX - 9, 6, 30, 20, 24], (0, 88)).expect("values");
        assert_eq!((v.increase, v.summary.min), (16 + 24 + 4, 6));
        assert_eq!(v.per_cycle.map(|r| r.to_string()).as_deref(), Some("1/2"));
        assert_eq!(Values::of(&[], (0, 9)), None);
        assert_eq!(Values::of(&[7], (3, 3)).expect("one").per_cycle, None);
    }
}
