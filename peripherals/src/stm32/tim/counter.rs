//! The time base of a timer: prescaler and counter, stepped by whole stretches instead of ticks.
//!
//! Modelled: buffered prescaler, auto-reload, up-, down- and centre-aligned counting, counters that
//! stand beyond the auto-reload value, the delay of one tick after the counter is enabled.
//!
//! Between two turning points the counter is a straight line ([`Leg`]), so its value, and the step at
//! which it reaches another value, are arithmetic. Source: RM0090 §17.3.1, §17.3.2, §18.3.1, §18.3.2.

use serde::{Deserialize, Serialize};

/// How a stretch of counting ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Past the auto-reload value, or at it when centre-aligned.
    Overflow,
    /// Past zero, or at it when centre-aligned.
    Underflow,
    /// Past the largest value of the register, from beyond the auto-reload value: no event. RM0090
    /// does not say what happens; the comparator for the reload is taken as one for equality.
    Wrap,
}

/// A straight stretch of counting, from the present value to the step that ends it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leg {
    /// Steps to its end, at least one.
    pub steps: u64,
    /// How it ends.
    pub end: End,
}

/// Prescaler and counter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counter {
    /// The largest value of the register: `0xFFFF` or `0xFFFF_FFFF`.
    max: u32,
    /// CNT.
    cnt: u32,
    /// CR1.DIR: the counter counts down.
    down: bool,
    /// CR1.CMS is not zero.
    centre: bool,
    /// The auto-reload value in use.
    arr: u32,
    /// The prescaler in use: it divides by `psc + 1`.
    psc: u16,
    /// Kernel ticks since the last step.
    prescale: u32,
    /// Kernel ticks that pass before the prescaler starts.
    start_delay: u32,
}

impl Counter {
    /// A counter at zero that counts up to its largest value.
    #[must_use]
    pub fn new(max: u32) -> Counter {
        Counter {
            max,
            cnt: 0,
            down: false,
            centre: false,
            arr: max,
            psc: 0,
            prescale: 0,
            start_delay: 0,
        }
    }

    /// CNT.
    #[must_use]
    pub fn value(&self) -> u32 {
        self.cnt
    }

    /// Is it counting down?
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down
    }

    /// Is it centre-aligned?
    #[must_use]
    pub fn is_centre(&self) -> bool {
        self.centre
    }

    /// The auto-reload value in use.
    #[must_use]
    pub fn arr(&self) -> u32 {
        self.arr
    }

    /// The prescaler in use.
    #[must_use]
    pub fn psc(&self) -> u16 {
        self.psc
    }

    /// Kernel ticks per step.
    #[must_use]
    pub fn divider(&self) -> u64 {
        u64::from(self.psc) + 1
    }

    /// Write CNT. In centre-aligned mode the ends of the range turn the direction (RM0090 §17.3.2).
    pub fn set_value(&mut self, value: u32) {
        self.cnt = value & self.max;
        self.turn_at_ends();
    }

    /// Choose direction and alignment. The direction is the counter's own when centre-aligned.
    pub fn set_mode(&mut self, centre: bool, down: bool) {
        if !(centre && self.centre) {
            self.down = down;
        }
        self.centre = centre;
        self.turn_at_ends();
    }

    /// Use another auto-reload value from now on.
    pub fn set_arr(&mut self, arr: u32) {
        self.arr = arr & self.max;
        self.turn_at_ends();
    }

    /// Use another prescaler from now on; called where the prescaler is at zero.
    pub fn set_psc(&mut self, psc: u16) {
        self.psc = psc;
    }

    /// The counter was enabled: it starts this many kernel ticks later.
    pub fn start_after(&mut self, ticks: u32) {
        self.start_delay = ticks;
    }

    /// Start over, as UG and a slave-mode reset do: prescaler at zero, counter at the start of its range.
    pub fn reinitialise(&mut self) {
        self.prescale = 0;
        self.cnt = if self.down && !self.centre {
            self.arr
        } else {
            0
        };
        self.turn_at_ends();
    }

    fn turn_at_ends(&mut self) {
        if self.centre {
            if self.cnt == 0 {
                self.down = false;
            } else if self.cnt == self.arr {
                self.down = true;
            }
        }
    }

    /// The stretch that lies ahead. `None` when the counter is blocked by a zero auto-reload value.
    #[must_use]
    pub fn leg(&self) -> Option<Leg> {
        if self.arr == 0 {
            return None; // RM0090 §17.4.12: the counter is blocked while the auto-reload value is null.
        }
        let (cnt, arr) = (u64::from(self.cnt), u64::from(self.arr));
        let wrap = Leg {
            steps: u64::from(self.max) - cnt + 1,
            end: End::Wrap,
        };
        Some(match (self.centre, self.down) {
            (false, false) if cnt <= arr => Leg {
                steps: arr - cnt + 1,
                end: End::Overflow,
            },
            (true, false) if cnt < arr => Leg {
                steps: arr - cnt,
                end: End::Overflow,
            },
            (_, false) => wrap,
            (false, true) => Leg {
                steps: cnt + 1,
                end: End::Underflow,
            },
            (true, true) => Leg {
                steps: cnt,
                end: End::Underflow,
            },
        })
    }

    /// The step of the leg ahead at which the counter takes the value `v`, if it does.
    #[must_use]
    pub fn arrival(&self, leg: Leg, v: u32) -> Option<u64> {
        let (cnt, v) = (u64::from(self.cnt), u64::from(v));
        let (arr, max) = (u64::from(self.arr), u64::from(self.max));
        if self.down {
            if v < cnt {
                return Some(cnt - v);
            }
            return (!self.centre && v == arr).then_some(leg.steps);
        }
        let top = if leg.end == End::Wrap { max } else { arr };
        if v > cnt && v <= top {
            return Some(v - cnt);
        }
        // An up-counter comes to zero at its end, but a centre-aligned one turns at the top.
        (v == 0 && (!self.centre || leg.end == End::Wrap)).then_some(leg.steps)
    }

    /// Kernel ticks until the step `steps` from now (at least one) has been made.
    #[must_use]
    pub fn ticks_to(&self, steps: u64) -> u64 {
        steps * self.divider() - u64::from(self.prescale) + u64::from(self.start_delay)
    }

    /// Let the start delay use up kernel ticks; returns what is left.
    pub fn take_delay(&mut self, ticks: u64) -> u64 {
        let used = ticks.min(u64::from(self.start_delay));
        self.start_delay -= used as u32;
        ticks - used
    }

    /// Steps that `ticks` kernel ticks make, with no start delay left.
    #[must_use]
    pub fn steps_in(&self, ticks: u64) -> u64 {
        ticks.saturating_add(u64::from(self.prescale)) / self.divider()
    }

    /// Let kernel ticks pass within the leg ahead, short of its end.
    pub fn pass(&mut self, ticks: u64) {
        let steps = self.steps_in(ticks);
        self.prescale = (ticks.saturating_add(u64::from(self.prescale)) % self.divider()) as u32;
        self.cnt = if self.down {
            u64::from(self.cnt).saturating_sub(steps) as u32
        } else {
            (u64::from(self.cnt) + steps).min(u64::from(self.max)) as u32
        };
    }

    /// Let kernel ticks pass while the counter is blocked: only the prescaler moves.
    pub fn pass_blocked(&mut self, ticks: u64) {
        self.prescale = (ticks.saturating_add(u64::from(self.prescale)) % self.divider()) as u32;
    }

    /// Make the last step of the leg ahead.
    pub fn finish(&mut self, leg: Leg) {
        self.prescale = 0;
        match (leg.end, self.centre) {
            (End::Overflow, true) => {
                self.cnt = self.arr;
                self.down = true;
            }
            (End::Underflow, true) => {
                self.cnt = 0;
                self.down = false;
            }
            (End::Underflow, false) => self.cnt = self.arr,
            (End::Overflow | End::Wrap, _) => self.cnt = 0,
        }
    }

    /// Does it stand at an end of its range, from where it comes back after a whole period? Not when it
    /// is blocked, and not when the update event at the turning point has moved the range away from it.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.arr != 0 && (self.cnt == 0 || self.cnt == self.arr)
    }

    /// Steps of a whole period, and the turning points in it.
    #[must_use]
    pub fn period(&self) -> (u64, u64) {
        if self.centre {
            (2 * u64::from(self.arr), 2)
        } else {
            (u64::from(self.arr) + 1, 1)
        }
    }

    /// How often the counter takes the value `v` in a whole period.
    #[must_use]
    pub fn visits(&self, v: u32) -> u64 {
        if v > self.arr {
            0
        } else if self.centre && v != 0 && v != self.arr {
            2
        } else {
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(mut c: Counter, steps: usize) -> Vec<u32> {
        (0..steps)
            .map(|_| {
                let leg = c.leg().expect("runs");
                if leg.steps == 1 {
                    c.finish(leg);
                } else {
                    c.pass(c.ticks_to(1));
                }
                c.value()
            })
            .collect()
    }

    #[test]
    fn up_down_and_centre() {
        let mut c = Counter::new(0xFFFF);
        c.set_arr(3);
        assert_eq!(walk(c.clone(), 6), [1, 2, 3, 0, 1, 2]);
        c.set_mode(false, true);
        assert_eq!(walk(c.clone(), 6), [3, 2, 1, 0, 3, 2]);
        c.set_mode(true, false);
        assert_eq!(walk(c.clone(), 8), [1, 2, 3, 2, 1, 0, 1, 2]);
    }

    #[test]
    fn beyond_the_reload_value_it_wraps_without_an_event() {
        let mut c = Counter::new(0xFFFF);
        c.set_value(0xFFFE);
        c.set_arr(3);
        assert_eq!(
            c.leg(),
            Some(Leg {
                steps: 2,
                end: End::Wrap
            })
        );
        assert_eq!(walk(c, 6), [0xFFFF, 0, 1, 2, 3, 0]);
    }

    #[test]
    fn arrivals_are_where_walking_finds_them() {
        for (centre, down) in [(false, false), (false, true), (true, false), (true, true)] {
            for cnt in 0..=7 {
                let mut c = Counter::new(7);
                c.set_arr(5);
                c.set_mode(centre, down);
                c.set_value(cnt);
                let leg = c.leg().expect("runs");
                let seen = walk(c.clone(), leg.steps as usize);
                for v in 0..=7 {
                    let found = seen.iter().position(|&s| s == v).map(|i| i as u64 + 1);
                    assert_eq!(c.arrival(leg, v), found, "{c:?} {v}");
                }
            }
        }
    }

    #[test]
    fn a_zero_reload_value_blocks() {
        let mut c = Counter::new(0xFFFF);
        c.set_arr(0);
        assert_eq!(c.leg(), None);
    }
}
