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
    /// Where the worst window begins; of equal ones the first.
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
    /// Paused time in a window is a piecewise linear function of where it begins; it is greatest where the window begins
    /// with a pause, ends with one, or lies at an end of the run.
    #[must_use]
    pub fn mmu(&self, window: u64) -> Option<Mmu> {
        let (start, end) = self.run;
        let last = end
            .checked_sub(window)
            .filter(|&l| l >= start && window > 0)?;
        let mut worst = Worst::default();
        worst.offer(self.paused(start, window), start);
        // Neither list turns back, so the other end of the window moves along with a cursor.
        let mut to = Cursor::default();
        let mut from = Cursor::default();
        for (i, &(begin, pause_end)) in self.pauses.iter().enumerate() {
            if pause_end - begin >= window {
                worst.offer(window, begin.max(start).min(last));
                break;
            }
            if let Some(at) = pause_end.checked_sub(window).filter(|&at| at >= start) {
                worst.offer(self.before[i + 1] - from.paused_before(self, at), at);
            }
            if begin <= last {
                worst.offer(
                    to.paused_before(self, begin + window) - self.before[i],
                    begin,
                );
            }
        }
        worst.offer(self.paused(last, window), last);
        Some(Mmu {
            window,
            utilisation: Rational::new(i128::from(window - worst.paused), i128::from(window))?,
            at: worst.at,
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

    /// Paused cycles in a window.
    fn paused(&self, at: u64, window: u64) -> u64 {
        let before = |at| Cursor::default().paused_before(self, at);
        before(at + window) - before(at)
    }
}

/// How many pauses have begun before a cycle; only moves on.
#[derive(Default)]
struct Cursor(usize);

impl Cursor {
    /// Paused cycles before a cycle, which is not before the last one asked for.
    fn paused_before(&mut self, p: &Pauses, at: u64) -> u64 {
        while p.pauses.get(self.0).is_some_and(|pause| pause.0 < at) {
            self.0 += 1;
        }
        match self.0.checked_sub(1) {
            Some(i) => p.before[i] + (p.pauses[i].1.min(at) - p.pauses[i].0),
            None => 0,
        }
    }
}

/// The window with the most paused cycles; of equal ones the first in the run.
#[derive(Default)]
struct Worst {
    paused: u64,
    at: u64,
    found: bool,
}

impl Worst {
    fn offer(&mut self, paused: u64, at: u64) {
        let better = paused > self.paused || (paused == self.paused && at < self.at);
        if better || !self.found {
            *self = Worst {
                paused,
                at,
                found: true,
            };
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
        assert_eq!(p.mmu(1001), None);
        assert_eq!(p.mmu(0), None);
        assert_eq!(p.share().map(|s| s.to_string()).as_deref(), Some("13/200"));
    }

    #[test]
    fn windows_stay_inside_the_run() {
        let p = Pauses::new(&[(0, 10), (90, 100)], (0, 100));
        assert_eq!(mmu(&p, 20), ("1/2".into(), 0));
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
