//! Counter and channels together: what has happened after so many kernel ticks, and how many ticks
//! there are until something of interest happens.
//!
//! Whole periods in which nothing changes are skipped by arithmetic, so that a timer that nobody
//! looks at costs nothing. The order within one step is: the counter moves; on a turning point the
//! update event loads the buffered registers; then the channels compare.
//!
//! A match is the *arrival* of the counter at a compare value, by counting or by being initialised.
//! Writing CCRx or CNT so that they are equal is none.

use super::channel::{Channel, Use};
use super::counter::{Counter, End, Leg};
use serde::{Deserialize, Serialize};

/// SR.UIF; the flag of channel `i` is `1 << (i + 1)`.
pub const UIF: u32 = 1;

/// CCxIF of channel `i` (from zero).
#[must_use]
pub fn ccif(i: usize) -> u32 {
    2 << i
}

/// What happened in a stretch of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Happened {
    /// An update event.
    pub update: bool,
    /// Channels whose compare flag was set (even if it was set already): bit `i`.
    pub compares: u8,
    /// The counter stopped by itself (one-pulse mode).
    pub stopped: bool,
}

/// What to wake up for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Update events.
    pub update: bool,
    /// Compare flags: bit `i`.
    pub compares: u8,
    /// Changes of OCxREF: bit `i`.
    pub references: u8,
}

impl Wanted {
    fn nothing(self) -> bool {
        self == Wanted::default()
    }
}

/// Counter, channels and the registers that steer them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Engine {
    /// Prescaler and counter.
    pub counter: Counter,
    /// The channels that exist.
    pub channels: Vec<Channel>,
    /// CR1.CEN, and the gate of gated mode: kernel ticks move the counter.
    pub running: bool,
    /// CR1.UDIS.
    pub udis: bool,
    /// CR1.OPM.
    pub opm: bool,
    /// CR1.CMS.
    pub cms: u8,
    /// CR1.ARPE.
    pub arpe: bool,
    /// PSC, the preload register.
    pub psc: u16,
    /// ARR, the preload register.
    arr: u32,
    /// RCR, the preload register.
    pub rcr: u32,
    /// Turning points until the next update event.
    rep: u32,
    /// SR: UIF and CCxIF are set here.
    pub sr: u32,
}

impl Engine {
    /// At its reset state.
    #[must_use]
    pub fn new(max: u32, channels: usize) -> Engine {
        Engine {
            counter: Counter::new(max),
            channels: vec![Channel::default(); channels],
            running: false,
            udis: false,
            opm: false,
            cms: 0,
            arpe: false,
            psc: 0,
            arr: max,
            rcr: 0,
            rep: 0,
            sr: 0,
        }
    }

    /// ARR.
    #[must_use]
    pub fn arr(&self) -> u32 {
        self.arr
    }

    /// Write ARR: at once in use unless it is buffered.
    pub fn set_arr(&mut self, arr: u32) {
        self.arr = arr;
        if !self.arpe {
            self.counter.set_arr(arr);
        }
    }

    /// Write CR1.ARPE.
    pub fn set_arpe(&mut self, on: bool) {
        self.arpe = on;
        if !on {
            self.counter.set_arr(self.arr);
        }
    }

    /// Let kernel ticks pass.
    pub fn advance(&mut self, ticks: u64) -> Happened {
        let mut h = Happened::default();
        if !self.running {
            return h;
        }
        let mut ticks = self.counter.take_delay(ticks);
        while ticks > 0 && self.running {
            let Some(leg) = self.counter.leg() else {
                self.counter.pass_blocked(ticks);
                break;
            };
            let steps = self.counter.steps_in(ticks);
            if steps < leg.steps {
                self.pass_matches(leg, steps, &mut h);
                self.counter.pass(ticks);
                break;
            }
            ticks -= self.counter.ticks_to(leg.steps);
            self.pass_matches(leg, leg.steps - 1, &mut h);
            self.finish(leg, &mut h);
            if self.running {
                ticks = self.skip_periods(ticks, &mut h);
            }
        }
        h
    }

    /// UG, or a reset by the slave-mode controller: start over and make an update event. The flag
    /// UIF stays as it is when `quiet`.
    pub fn initialise(&mut self, quiet: bool) -> Happened {
        let mut h = Happened::default();
        if !self.udis {
            let uif = self.sr & UIF;
            self.update(&mut h);
            if quiet {
                self.sr = self.sr & !UIF | uif;
            }
        }
        self.counter.reinitialise();
        self.compare_here(&mut h);
        h
    }

    /// Matches on the way, within the first `steps` steps of a leg.
    fn pass_matches(&mut self, leg: Leg, steps: u64, h: &mut Happened) {
        let flagged = self.flags_in_direction();
        for (i, ch) in self.channels.iter_mut().enumerate() {
            if ch.used_as() != Use::Compare {
                continue;
            }
            let Some(at) = self.counter.arrival(leg, ch.compare()) else {
                continue;
            };
            if at <= steps {
                ch.matched(1);
                // Turning points count for either direction.
                if flagged || at == leg.steps {
                    self.sr |= ccif(i);
                    h.compares |= 1 << i;
                }
            }
        }
    }

    /// CMS chooses the direction in which compare flags are set (RM0090 §17.4.1).
    fn flags_in_direction(&self) -> bool {
        match self.cms {
            1 => self.counter.is_down(),
            2 => !self.counter.is_down(),
            _ => true,
        }
    }

    /// The last step of a leg.
    fn finish(&mut self, leg: Leg, h: &mut Happened) {
        // RM0090 §17.4.5, CC1IF: a compare value beyond the range flags on the overflow when counting
        // up (and up/down), on the underflow when counting down.
        let beyond = match leg.end {
            End::Overflow => true,
            End::Underflow => !self.counter.is_centre(),
            End::Wrap => false,
        };
        if beyond {
            let arr = self.counter.arr();
            for (i, ch) in self.channels.iter().enumerate() {
                if ch.used_as() == Use::Compare && ch.compare() > arr {
                    self.sr |= ccif(i);
                    h.compares |= 1 << i;
                }
            }
        }
        let reload = leg.end == End::Underflow && !self.counter.is_centre();
        self.counter.finish(leg);
        if leg.end != End::Wrap && !self.udis {
            if self.rep > 0 {
                self.rep -= 1;
            } else {
                self.update(h);
                if reload {
                    // RM0090 §17.3.2: the reload register is updated before the counter is reloaded.
                    self.counter.set_value(self.counter.arr());
                }
            }
        }
        self.compare_here(h);
    }

    fn compare_here(&mut self, h: &mut Happened) {
        let value = self.counter.value();
        for (i, ch) in self.channels.iter_mut().enumerate() {
            if ch.used_as() == Use::Compare && ch.compare() == value {
                ch.matched(1);
                self.sr |= ccif(i);
                h.compares |= 1 << i;
            }
        }
    }

    fn update(&mut self, h: &mut Happened) {
        self.rep = self.rcr;
        self.counter.set_psc(self.psc);
        self.counter.set_arr(self.arr);
        for ch in &mut self.channels {
            ch.load();
        }
        self.sr |= UIF;
        h.update = true;
        if self.opm {
            self.running = false;
            h.stopped = true;
        }
    }

    /// Would an update event change nothing but flags?
    fn is_steady(&self) -> bool {
        self.udis
            || (!self.opm
                && self.counter.psc() == self.psc
                && self.counter.arr() == self.arr
                && !self.channels.iter().any(Channel::load_changes))
    }

    /// At a turning point: let whole periods pass in which nothing changes; returns the ticks left.
    fn skip_periods(&mut self, ticks: u64, h: &mut Happened) -> u64 {
        let (steps, turns) = self.counter.period();
        let period = steps * self.counter.divider();
        if !self.counter.is_at_end() || ticks < period || !self.is_steady() {
            return ticks;
        }
        let n = ticks / period;
        for (i, ch) in self.channels.iter_mut().enumerate() {
            if ch.used_as() == Use::Compare {
                ch.matched(n * self.counter.visits(ch.compare()));
                self.sr |= ccif(i);
                h.compares |= 1 << i;
            }
        }
        if !self.udis {
            let (turns, rep) = (n * turns, u64::from(self.rep));
            if turns <= rep {
                self.rep -= turns as u32;
            } else {
                let since = (turns - rep - 1) % (u64::from(self.rcr) + 1);
                self.rep = self.rcr - since as u32;
                self.sr |= UIF;
                h.update = true;
            }
        }
        ticks - n * period
    }

    /// Kernel ticks until something wanted may happen (never later than it does).
    #[must_use]
    pub fn ticks_to_next(&self, mut wanted: Wanted) -> Option<u64> {
        wanted.update &= !self.udis;
        if !self.running || wanted.nothing() {
            return None;
        }
        let leg = self.counter.leg()?;
        let mut steps: Option<u64> = None;
        let mut at = |n: u64| steps = Some(steps.map_or(n, |s| s.min(n)));
        for (i, ch) in self.channels.iter().enumerate() {
            if (wanted.compares | wanted.references) >> i & 1 == 0 {
                continue;
            }
            if let Some(n) = self.counter.arrival(leg, ch.compare()) {
                at(n);
            }
            if ch.is_pwm() {
                at(leg.steps);
            }
        }
        if steps.is_none()
            && wanted.compares | wanted.references == 0
            && !self.counter.is_centre()
            && leg.end != End::Wrap
            && self.is_steady()
        {
            // Only the update event counts: look past the repetitions.
            let (period, _) = self.counter.period();
            return Some(
                self.counter
                    .ticks_to(leg.steps + u64::from(self.rep) * period),
            );
        }
        // Whatever else is wanted comes with or after the turning point.
        Some(self.counter.ticks_to(steps.unwrap_or(leg.steps)))
    }
}
