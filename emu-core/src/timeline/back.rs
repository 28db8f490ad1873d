//! Backwards: one step, or to the last place where the machine would have stopped.

use super::checkpoints::Moment;
use super::{Companion, Timeline};
use crate::device::StateError;
use crate::machine::{Stop, Stops};
use crate::time::{Cycles, Position};
use crate::watchpoint::WatchReport;
use std::collections::VecDeque;

/// How a way back ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Back {
    /// One step was made.
    Stepped,
    /// At a breakpoint or a watchpoint.
    Stopped(Stop),
    /// At the start of the run: there is nothing before it.
    Start,
    /// Somebody wanted it to end.
    Interrupted,
    /// The past could not be gone through again.
    Failed(String),
}

/// Steps of a way back are looked for from so many cycles before.
const NEAR: u64 = 256;
/// A passing checkpoint pays when so many instructions lie between it and the one before.
const FAR: u64 = 20_000;
/// Cycles between two looks at whether to go on.
const LOOK: u64 = 4_000_000;
/// Stops that are remembered.
const MOST_FOUND: usize = 100_000;

/// What was found on the last ways back.
#[derive(Default)]
pub struct Found {
    /// Breakpoints and watchpoints that `stops` are of.
    of: Stops,
    /// The stops that lie in the piece of the run up to `until`.
    stops: VecDeque<(Moment, Stop)>,
    until: Option<Moment>,
    /// Moments that follow each other step by step.
    steps: Vec<Moment>,
}

impl Found {
    pub fn forget(&mut self) {
        *self = Found::default();
    }

    fn push(&mut self, moment: Moment, stop: Stop) {
        if self.stops.len() == MOST_FOUND {
            self.stops.pop_front();
        }
        self.stops.push_back((moment, stop));
    }
}

impl<C: Companion> Timeline<C> {
    /// Undo the last step: the last instruction, entry into an exception, or sleep.
    pub fn step_back(&mut self) -> Back {
        let now = self.moment();
        if now.position <= self.start() {
            return Back::Start;
        }
        let known = self
            .found
            .steps
            .iter()
            .rposition(|m| m.position == now.position);
        let before = match known.and_then(|n| n.checked_sub(1)) {
            Some(n) => Ok(self.found.steps[n]),
            None => self.step_before(now.position),
        };
        match before.and_then(|before| self.seek(before)) {
            Ok(()) => Back::Stepped,
            Err(why) => Back::Failed(why),
        }
    }

    /// The last moment before a position.
    fn step_before(&mut self, to: Position) -> Result<Moment, String> {
        let to = Moment {
            position: to,
            acts: 0,
            made: 0,
        };
        self.go_to_past();
        let mut from = self.checkpoints.before(to, false).unwrap_or(0);
        self.restore_number(from)?;
        // What happens in a sleep is a part of the step into it.
        while self.machine.is_asleep() && from > 0 {
            from -= 1;
            self.restore_number(from)?;
        }
        let near = Cycles(to.position.cycle.0.saturating_sub(NEAR));
        if near > Cycles::ZERO {
            self.quietly(to, near)?;
        }
        if let Some(since) = self.machine.asleep_since() {
            self.restore_number(from)?;
            self.quietly(to, Cycles(since.0.saturating_sub(1)))?;
        }
        let far = self.checkpoints.get(from).moment.position.instructions + FAR;
        if self.machine.instructions() > far && !self.machine.is_asleep() {
            let checkpoint = self.checkpoint();
            self.checkpoints.add(checkpoint, true);
        }
        self.found.steps.clear();
        while self.position() < to.position {
            let moment = self.moment();
            self.found.steps.push(moment);
            self.machine.ignore_stops(true);
            let stop = self.step_in_past(to);
            self.machine.ignore_stops(false);
            if self.moment() == moment {
                return Err(format!("no step leads from {}: {stop:?}", moment.position));
            }
        }
        let last = self.found.steps.last().copied();
        last.ok_or_else(|| format!("nothing comes before {}", to.position))
    }

    /// Go back to where the machine would have stopped last, at a breakpoint or behind an access to a watched place
    /// (before it, with [`WatchReport::Before`]); `go_on` is asked now and then.
    pub fn run_back(&mut self, report: WatchReport, mut go_on: impl FnMut() -> bool) -> Back {
        let now = self.moment();
        if now.position <= self.start() {
            return Back::Start;
        }
        let back = self.last_stop_before(now, report, &mut go_on);
        match back {
            Ok(Some((moment, stop))) => {
                if let Err(why) = self.seek(moment) {
                    return Back::Failed(why);
                }
                let watched = matches!(stop, Stop::Watchpoint(_));
                if watched && report == WatchReport::Before {
                    match self.step_back() {
                        Back::Stepped => {}
                        other => return other,
                    }
                }
                Back::Stopped(stop)
            }
            Ok(None) => {
                let start = self.checkpoints.first().moment;
                match self.seek(start) {
                    Ok(()) => Back::Start,
                    Err(why) => Back::Failed(why),
                }
            }
            Err(None) => Back::Interrupted,
            Err(Some(why)) => Back::Failed(why),
        }
    }

    /// The last stop before a moment. An error without a text is an interruption.
    fn last_stop_before(
        &mut self,
        now: Moment,
        report: WatchReport,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<(Moment, Stop)>, Option<String>> {
        // Behind an access, and before one: the latter is left by an access that ends at its own position.
        let before = |at: Moment, stop: &Stop| match stop {
            Stop::Watchpoint(_) if report == WatchReport::Before => at.position <= now.position,
            _ => at.position < now.position,
        };
        let stops = self.machine.stops();
        if self.found.of == stops && self.found.until.is_some_and(|until| now <= until) {
            let mut known = self.found.stops.iter();
            if let Some(found) = known.rfind(|(at, stop)| before(*at, stop)) {
                return Ok(Some(found.clone()));
            }
        }
        let usual = self.machine.watch_reporting();
        self.machine.set_watch_reporting(WatchReport::After);
        self.go_to_past();
        let mut until = now;
        let found = loop {
            let Some(n) = self.checkpoints.before(until, false) else {
                break Ok(None);
            };
            self.found = Found {
                of: stops.clone(),
                until: Some(until),
                ..Found::default()
            };
            match self.scan(n, until, go_on) {
                Ok(true) => {}
                Ok(false) => break Err(None),
                Err(why) => break Err(Some(why)),
            }
            let last = self
                .found
                .stops
                .iter()
                .rfind(|(at, stop)| before(*at, stop));
            if let Some(found) = last {
                break Ok(Some(found.clone()));
            }
            until = self.checkpoints.get(n).moment;
        };
        self.machine.set_watch_reporting(usual);
        if let Err(None) = found {
            // Nothing was found up to here; this is where the way back has come to.
            self.settle();
        }
        found
    }

    /// Note all stops from a checkpoint on to a moment. `false` when somebody wanted it to end: then the machine
    /// stands at the checkpoint.
    fn scan(
        &mut self,
        from: usize,
        until: Moment,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<bool, String> {
        self.restore_number(from)?;
        let mut last = self.position();
        let mut kept = last.instructions;
        loop {
            let look = self.machine.now() + LOOK;
            let stop = self.move_to_moment(until, look);
            let at = self.moment();
            match stop {
                None => {
                    if at.position != last && self.machine.is_at_breakpoint() {
                        self.found.push(at, Stop::Breakpoint);
                    }
                    return Ok(true);
                }
                Some(Stop::Limit) => {
                    if !go_on() {
                        self.restore_number(from)?;
                        return Ok(false);
                    }
                    if at.position.instructions > kept + self.checkpoints.interval() {
                        kept = at.position.instructions;
                        let checkpoint = self.checkpoint();
                        self.checkpoints.add(checkpoint, true);
                    }
                }
                Some(stop @ (Stop::Breakpoint | Stop::Watchpoint(_))) => {
                    self.found.push(at, stop);
                    last = at.position;
                }
                // Conditions of the run itself were met then, too.
                Some(Stop::Requested | Stop::AwaitsInput | Stop::Stepped) => {
                    self.machine.bus_mut().take_met();
                }
                Some(_) if at >= until => return Ok(true),
                Some(stop) => return Err(format!("{stop:?} at {}", at.position)),
            }
        }
    }

    /// Go to a moment of the past, or to the end.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub fn seek(&mut self, to: Moment) -> Result<(), String> {
        self.go_to_past();
        let now = self.moment();
        let from = self.checkpoints.before(to, true).unwrap_or(0);
        if to < now || self.checkpoints.get(from).moment > now {
            self.restore_number(from)?;
        }
        let done = self.quietly(to, Cycles::MAX);
        self.settle();
        done
    }

    /// Go to the last position of the past that is not behind a cycle.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub fn seek_cycle(&mut self, cycle: Cycles) -> Result<(), String> {
        let to = self.end;
        if cycle >= to.position.cycle {
            return self.seek(to);
        }
        self.go_to_past();
        let at = Moment {
            position: Position {
                instructions: u64::MAX,
                cycle,
            },
            acts: u64::MAX,
            made: usize::MAX,
        };
        let from = self.checkpoints.before_cycle(at.position.cycle);
        self.restore_number(from)?;
        let done = self.quietly(to, cycle);
        self.settle();
        done
    }

    /// Move on in the past to a moment or a cycle, whatever would stop the machine.
    pub(super) fn quietly(&mut self, to: Moment, limit: Cycles) -> Result<(), String> {
        self.machine.ignore_stops(true);
        let done = loop {
            let before = self.moment();
            match self.move_to_moment(to, limit) {
                None | Some(Stop::Limit) => break Ok(()),
                Some(Stop::Requested | Stop::AwaitsInput | Stop::Stepped) => {
                    self.machine.bus_mut().take_met();
                    if self.moment() == before {
                        break Err(format!("nothing leads from {} on", before.position));
                    }
                }
                // The end of the run, or a lockup, is where it was.
                Some(_) if self.moment() >= to => break Ok(()),
                Some(stop) => break Err(format!("{stop:?} at {}", self.position())),
            }
        };
        self.machine.ignore_stops(false);
        // It stands at a breakpoint as if that had stopped it.
        self.machine.pass_breakpoint();
        done
    }

    fn restore_number(&mut self, number: usize) -> Result<(), String> {
        let checkpoint = self.checkpoints.get(number);
        let failed = |e: StateError| e.to_string();
        self.machine.restore(&checkpoint.machine).map_err(failed)?;
        self.companion.load(&checkpoint.companion);
        self.acts = checkpoint.moment.acts;
        self.made = checkpoint.moment.made;
        Ok(())
    }

    /// From here on nothing is observed, until the machine stands at the end again.
    fn go_to_past(&mut self) {
        self.keep_unread();
        self.in_past = true;
        self.machine.bus_mut().probes.mute(true);
    }
}
