//! Stamps that metrics can be taken of: ascending, and near enough to each other for exact sums.

use super::rational::Rational;

/// The longest run that is analysed, in cycles: 2^56, thirteen years at 168 MHz. Below it no exact sum overflows.
pub const LONGEST: u64 = 1 << 56;

/// Input that no metric can be taken of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    /// A stamp lies before the one before it.
    #[error(
        "number {index} is at cycle {cycle}, before the one before it at cycle {before}: sort them first"
    )]
    NotAscending {
        /// Position in the list, from 0.
        index: usize,
        /// Its cycle.
        cycle: u64,
        /// The cycle of the one before.
        before: u64,
    },
    /// The stamps are too far from each other.
    #[error("the run is {0} cycles long; at most 2^56 can be analysed")]
    TooLong(u64),
    /// An interval, or the window of all intervals, ends before it begins.
    #[error("number {index} ends at cycle {end}, before it begins at cycle {begin}")]
    Backwards {
        /// Position in the list, from 0.
        index: usize,
        /// First cycle.
        begin: u64,
        /// End.
        end: u64,
    },
    /// Something lies outside the run that was told.
    #[error("cycle {cycle} lies outside the run, which is from cycle {begin} to {end}")]
    Outside {
        /// The cycle that is outside.
        cycle: u64,
        /// Start of the run.
        begin: u64,
        /// End of the run.
        end: u64,
    },
    /// A nominal period that cannot be one.
    #[error("a nominal period of {0} cycles: it must be above 0, with terms below 2^64")]
    Nominal(Rational),
}

/// Ascending stamps in cycles. Equal neighbours are allowed: two events in one cycle.
#[derive(Clone, Copy, Debug)]
pub struct Times<'a>(&'a [u64]);

impl<'a> Times<'a> {
    /// Checks the order and the length.
    ///
    /// # Errors
    /// [`BadInput::NotAscending`] and [`BadInput::TooLong`].
    pub fn new(times: &'a [u64]) -> Result<Times<'a>, BadInput> {
        if let Some(i) = (1..times.len()).find(|&i| times[i] < times[i - 1]) {
            return Err(BadInput::NotAscending {
                index: i,
                cycle: times[i],
                before: times[i - 1],
            });
        }
        match times {
            [first, .., last] if last - first > LONGEST => Err(BadInput::TooLong(last - first)),
            _ => Ok(Times(times)),
        }
    }

    /// The stamps.
    #[must_use]
    pub fn all(self) -> &'a [u64] {
        self.0
    }

    /// How many edges.
    #[must_use]
    pub fn edges(self) -> usize {
        self.0.len()
    }

    /// How many periods: one less than edges.
    #[must_use]
    pub fn periods(self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// Cycles from the first to the last.
    #[must_use]
    pub fn span(self) -> u64 {
        match self.0 {
            [first, .., last] => last - first,
            _ => 0,
        }
    }

    /// The lengths of the periods, in order.
    pub fn lengths(self) -> impl Iterator<Item = i64> + 'a {
        self.0.windows(2).map(|w| (w[1] - w[0]) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_ascending_and_what_is_too_long() {
        assert_eq!(Times::new(&[]).expect("fine").span(), 0);
        assert_eq!(Times::new(&[5, 5, 9]).expect("fine").span(), 4);
        let e = Times::new(&[1, 7, 6]).expect_err("descends").to_string();
        assert!(e.contains("number 2 is at cycle 6"), "{e}");
        assert_eq!(
            Times::new(&[0, u64::MAX]).map(Times::span),
            Err(BadInput::TooLong(u64::MAX))
        );
        assert!(Times::new(&[u64::MAX - LONGEST, u64::MAX]).is_ok());
    }
}
