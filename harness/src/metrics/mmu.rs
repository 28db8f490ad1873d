//! Minimum mutator utilisation (Cheng and Blelloch, PLDI 2001): the least share of any window that pauses leave.

use super::rational::Rational;
use serde::{Deserialize, Serialize};

/// MMU for one window length.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mmu {
    /// Window length in cycles.
    pub window: u64,
    /// Share of the worst window that is left, exact.
    pub utilisation: Rational,
    /// Where a worst window begins.
    pub at: u64,
}

/// Pauses without overlaps, in a run, ready for windows of any length.
#[derive(Clone, Debug)]
pub struct Pauses {
    run: (u64, u64),
    pauses: Vec<(u64, u64)>,
    /// Paused cycles before each pause, and all of them at the end.
    before: Vec<u64>,
}

impl Pauses {
    /// Of intervals that ascend by begin and lie inside the run. What overlaps counts once.
    #[must_use]
    pub fn new(intervals: &[(u64, u64)], run: (u64, u64)) -> Pauses {
        let mut pauses: Vec<(u64, u64)> = Vec::new();
        for &(begin, end) in intervals {
            match pauses.last_mut() {
                Some(last) if begin <= last.1 => last.1 = last.1.max(end),
                _ => pauses.push((begin, end)),
            }
        }
        let mut total = 0;
        let mut before = vec![0];
        for (begin, end) in &pauses {
            total += end - begin;
            before.push(total);
        }
        Pauses {
            run,
            pauses,
            before,
        }
    }

    /// Paused cycles in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.before.last().copied().unwrap_or(0)
    }

    /// The share of the run that is paused. None for a run of no length.
    #[must_use]
    pub fn share(&self) -> Option<Rational> {
        Rational::new(
            i128::from(self.total()),
            i128::from(self.run.1 - self.run.0),
        )
    }

    /// MMU for windows of this length, exact. None when the window is empty or longer than the run.
    ///
    /// Moving a window on loses nothing until its begin enters a pause, so that the worst window begins with a pause or
    /// ends with the run.
    #[must_use]
    pub fn mmu(&self, window: u64) -> Option<Mmu> {
        let (start, end) = self.run;
        let last = end
            .checked_sub(window)
            .filter(|&l| l >= start && window > 0)?;
        let (mut most, mut at) = (0, start);
        // Begins ascend, so the window's end moves along with a cursor.
        let mut cursor = 0;
        let begins = self.pauses.iter().map(|p| p.0).zip(&self.before);
        for (begin, before) in begins.take_while(|b| b.0 <= last) {
            let paused = self.paused_before(begin + window, &mut cursor) - before;
            if paused > most {
                (most, at) = (paused, begin);
            }
            if most == window {
                break;
            }
        }
        let paused = self.total() - self.paused_before(last, &mut 0);
        if paused > most {
            (most, at) = (paused, last);
        }
        Some(Mmu {
            window,
            utilisation: Rational::new(i128::from(window - most), i128::from(window))?,
            at,
        })
    }

    /// MMU for windows of 1, 2, 5, 10, … cycles, the run itself, and those asked for that fit.
    #[must_use]
    pub fn curve(&self, also: impl IntoIterator<Item = u64>) -> Vec<Mmu> {
        let run = self.run.1 - self.run.0;
        let decades = (0..18).flat_map(|d| [1, 2, 5].map(|f| f * 10u64.pow(d)));
        let mut windows: Vec<u64> = decades.chain([run]).chain(also).collect();
        windows.sort_unstable();
        windows.dedup();
        windows.into_iter().filter_map(|w| self.mmu(w)).collect()
    }

    /// Paused cycles before a cycle. `cursor` counts the pauses that have begun before it, and only moves on.
    fn paused_before(&self, at: u64, cursor: &mut usize) -> u64 {
        while self.pauses.get(*cursor).is_some_and(|pause| pause.0 < at) {
            *cursor += 1;
        }
        match cursor.checked_sub(1) {
            Some(i) => self.before[i] + (self.pauses[i].1.min(at) - self.pauses[i].0),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mmu(p: &Pauses, window: u64) -> (String, u64) {
        let m = p.mmu(window).expect("fits");
        (m.utilisation.to_string(), m.at)
    }

    #[test]
    fn two_pauses_near_each_other() {
        let p = Pauses::new(&[(100, 120), (130, 150), (500, 525)], (0, 1000));
        assert_eq!(p.total(), 65);
        assert_eq!(mmu(&p, 10), ("0".into(), 100));
        assert_eq!(mmu(&p, 25), ("0".into(), 500));
        assert_eq!(mmu(&p, 50), ("1/5".into(), 100));
        assert_eq!(mmu(&p, 1000), ("187/200".into(), 0));
        assert_eq!(mmu(&p, 900), ("167/180".into(), 100));
        assert_eq!(p.mmu(1001), None);
        assert_eq!(p.mmu(0), None);
        assert_eq!(p.share().map(|s| s.to_string()).as_deref(), Some("13/200"));
    }

    #[test]
    fn windows_stay_inside_the_run() {
        let p = Pauses::new(&[(0, 10), (90, 100)], (0, 100));
        assert_eq!(mmu(&p, 20), ("1/2".into(), 0));
        let p = Pauses::new(&[(30, 40), (90, 100)], (0, 100));
        assert_eq!(mmu(&p, 65), ("10/13".into(), 30));
        assert_eq!(mmu(&p, 75), ("11/15".into(), 25));
        let p = Pauses::new(&[], (5, 5));
        assert_eq!((p.share(), p.curve([]).len()), (None, 0));
    }

    #[test]
    fn the_curve_ends_with_the_share_of_the_run() {
        let p = Pauses::new(&[(10, 20), (15, 30), (30, 40)], (0, 90));
        let curve = p.curve([7, 5000]);
        let windows: Vec<u64> = curve.iter().map(|m| m.window).collect();
        assert_eq!(windows, [1, 2, 5, 7, 10, 20, 50, 90]);
        assert_eq!(
            curve.last().map(|m| m.utilisation.to_string()).as_deref(),
            Some("2/3")
        );
    }
}
