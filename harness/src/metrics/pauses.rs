//! Garbage collection: how much is allocated, and how fast. Pauses are intervals; their MMU is in [`super::mmu`].

use super::histogram::{Histogram, Summary};
use super::rational::Rational;
use super::times::{BadInput, Times};
use serde::{Deserialize, Serialize};

/// What was allocated in a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Allocation {
    /// How many allocations.
    pub count: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes in a cycle, exact. None for a run of no length.
    pub per_cycle: Option<Rational>,
    /// Bytes in a second, when the core's frequency is known.
    pub per_second: Option<f64>,
    /// Sizes in bytes.
    pub sizes: Option<Summary>,
}

impl Allocation {
    /// From events of (cycle, bytes), ascending, in a run of (first cycle, end).
    ///
    /// # Errors
    /// Events that are not ascending or lie outside the run.
    pub fn new(
        events: &[(u64, u64)],
        run: (u64, u64),
        core_hz: Option<Rational>,
    ) -> Result<Allocation, BadInput> {
        let (begin, end) = run;
        let cycles: Vec<u64> = events.iter().map(|e| e.0).collect();
        Times::new(&cycles)?;
        Times::new(&[begin, end]).map_err(|_| BadInput::Backwards {
            index: 0,
            begin,
            end,
        })?;
        if let Some(&cycle) = cycles.iter().find(|c| !(begin..=end).contains(c)) {
            return Err(BadInput::Outside { cycle, begin, end });
        }
        let sizes = events
            .iter()
            .map(|e| i64::try_from(e.1).unwrap_or(i64::MAX));
        let bytes = events.iter().fold(0u64, |sum, e| sum.saturating_add(e.1));
        let per_cycle = Rational::new(i128::from(bytes), i128::from(end - begin));
        Ok(Allocation {
            count: events.len() as u64,
            bytes,
            per_cycle,
            per_second: per_cycle
                .zip(core_hz)
                .map(|(r, hz)| r.as_f64() * hz.as_f64()),
            sizes: Histogram::of(sizes.collect()).summary(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        let hz = Some(Rational::whole(1_000_000));
        let a = Allocation::new(&[(10, 24), (10, 8), (90, 16)], (0, 200), hz).expect("fine");
        assert_eq!((a.count, a.bytes), (3, 48));
        assert_eq!(a.per_cycle.map(|r| r.to_string()).as_deref(), Some("6/25"));
        assert_eq!(a.per_second, Some(240_000.0));
        assert_eq!(a.sizes.expect("sizes").max, 24);
        let none = Allocation::new(&[], (5, 5), hz).expect("fine");
        assert_eq!((none.per_cycle, none.per_second), (None, None));
        assert!(Allocation::new(&[(300, 1)], (0, 200), hz).is_err());
        assert!(Allocation::new(&[(3, 1), (2, 1)], (0, 200), hz).is_err());
        assert!(Allocation::new(&[], (3, 2), hz).is_err());
    }
}
