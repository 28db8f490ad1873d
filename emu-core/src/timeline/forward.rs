//! Forwards: for the first time, or again with the same things coming from outside.

use super::checkpoints::Moment;
use super::{Companion, Timeline};
use crate::machine::Stop;
use crate::time::Cycles;

/// How to move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Run,
    Step,
}

/// Longest piece of a run between two looks at whether a checkpoint is due, in cycles.
const PIECE: u64 = 1 << 24;

impl<C: Companion> Timeline<C> {
    /// Run until something stops the machine, at the latest before an instruction that would start after `limit`.
    pub fn run_until(&mut self, limit: Cycles) -> Stop {
        self.move_on(limit, How::Run)
    }

    /// Execute one instruction, or enter one exception; see [`crate::machine::Machine::step_until`].
    pub fn step_until(&mut self, limit: Cycles) -> Stop {
        self.move_on(limit, How::Step)
    }

    fn move_on(&mut self, limit: Cycles, how: How) -> Stop {
        let mut piece = 1 << 20;
        loop {
            if self.in_past {
                let from = self.position();
                let stop = self.move_to(self.end, limit, how);
                self.settle();
                match stop {
                    Some(stop) => return stop,
                    // What stops a run stops it at the end of the past, too.
                    None if self.position() == from => {}
                    None if how == How::Step => return Stop::Stepped,
                    None if self.machine.is_at_breakpoint() => return Stop::Breakpoint,
                    None => {}
                }
                continue;
            }
            let before = self.machine.instructions();
            let now = self.machine.now();
            let due = self.companion.due();
            let bus = self.machine.bus();
            let for_ever = self.machine.is_asleep() && bus.events.next_at() == Cycles::MAX;
            let piece_end = if for_ever { Cycles::MAX } else { now + piece };
            let until = limit.min(due).min(piece_end);
            let stop = match how {
                How::Run => self.machine.run_until(until),
                How::Step => self.machine.step_until(until),
            };
            let moved = self.machine.position() != self.end.position;
            self.end = self.moment();
            if self.checkpoints.is_due(self.end.position.instructions) {
                let checkpoint = self.checkpoint();
                self.checkpoints.add(checkpoint, false);
            }
            match stop {
                // The step was made; what comes behind it starts after the limit.
                Stop::Limit if how == How::Step && moved && !self.machine.is_asleep() => {
                    return Stop::Stepped;
                }
                Stop::Limit if until == due => {
                    if self.act() {
                        return Stop::Requested;
                    }
                    if due == limit {
                        return stop;
                    }
                }
                Stop::Limit if until < limit => {
                    // A sleeping core needs no looks, a busy one does.
                    let busy = self.machine.instructions() - before > 100_000;
                    piece = if busy {
                        1 << 20
                    } else {
                        (piece * 2).min(PIECE << 12)
                    };
                }
                stop => return stop,
            }
        }
    }

    /// The companion acts. The machine stands where nothing is left to run before that. Was that what a run shall
    /// stop on?
    fn act(&mut self) -> bool {
        self.companion.act(self.machine.bus_mut());
        self.acts += 1;
        if !self.in_past {
            self.end = self.moment();
        }
        self.machine.bus_mut().take_stop_request()
    }

    /// As [`Timeline::run_until`], but only to the end of what is known. `None` when that is reached.
    pub fn replay_until(&mut self, limit: Cycles) -> Option<Stop> {
        let stop = self
            .in_past
            .then(|| self.move_to(self.end, limit, How::Run));
        self.settle();
        stop.flatten()
    }

    /// One step on the way to a moment.
    pub(super) fn step_in_past(&mut self, to: Moment) -> Option<Stop> {
        self.move_to(to, Cycles::MAX, How::Step)
    }

    /// In the past: move on to a moment, at the latest to `limit`. `None` when it is reached, otherwise what stopped
    /// the machine on the way.
    pub(super) fn move_to_moment(&mut self, to: Moment, limit: Cycles) -> Option<Stop> {
        self.move_to(to, limit, How::Run)
    }

    fn move_to(&mut self, to: Moment, limit: Cycles, how: How) -> Option<Stop> {
        loop {
            let now = self.moment();
            if now >= to {
                return None;
            }
            // The next thing that comes from outside on the way, or the moment itself.
            let change = self.changes.get(self.made).filter(|c| c.at < to);
            let mark = change.map_or(to, |c| c.at);
            if now.position == mark.position {
                if self.acts < mark.acts {
                    if self.act() {
                        return Some(Stop::Requested);
                    }
                } else if let Some(logged) = change {
                    let change = logged.change.clone();
                    self.make(&change);
                    self.made += 1;
                } else {
                    return Some(self.diverged(to));
                }
                continue;
            }
            let (at, due) = (mark.position.cycle, self.companion.due());
            // The mark may be one of several positions with the same cycle: the last bit goes step by step.
            let near = how == How::Step || now.position.cycle.0 + 1 >= at.0;
            let until = if near { at } else { Cycles(at.0 - 1) };
            let until = until.min(limit).min(due);
            let stop = if near {
                self.machine.step_until(until)
            } else {
                self.machine.run_until(until)
            };
            if self.is_muted() {
                self.drop_output();
            }
            let moved = self.machine.position() != now.position;
            match stop {
                Stop::Limit if how == How::Step && moved && !self.machine.is_asleep() => {
                    return Some(Stop::Stepped);
                }
                Stop::Limit if until == due && due < mark.position.cycle => {
                    if self.act() {
                        return Some(Stop::Requested);
                    }
                    if due == limit {
                        return Some(Stop::Limit);
                    }
                }
                Stop::Limit if until == limit => {
                    return (self.moment() < to).then_some(Stop::Limit);
                }
                // It stopped before it looked for a breakpoint.
                Stop::Limit if moved && how == How::Run && self.machine.is_at_breakpoint() => {
                    return (self.moment() < to).then_some(Stop::Breakpoint);
                }
                Stop::Limit if moved => {}
                Stop::Limit if !near => {
                    // Nothing more starts before the mark's cycle: what is left starts in it.
                    let stop = self.machine.step_until(at.min(limit));
                    if self.machine.position() == now.position && stop == Stop::Limit {
                        return Some(self.diverged(to));
                    }
                    if let Some(stop) = self.after_step(stop, how, to) {
                        return Some(stop);
                    }
                }
                Stop::Limit => return Some(self.diverged(to)),
                Stop::Stepped => {
                    if let Some(stop) = self.after_step(stop, how, to) {
                        return Some(stop);
                    }
                }
                stop => return Some(stop),
            }
        }
    }

    /// After a step on the way: was that all that was asked for, or is there a breakpoint?
    fn after_step(&mut self, stop: Stop, how: How, to: Moment) -> Option<Stop> {
        if stop != Stop::Stepped {
            return (stop != Stop::Limit).then_some(stop);
        }
        if how == How::Step {
            return Some(Stop::Stepped);
        }
        let there = self.moment() < to && self.machine.is_at_breakpoint();
        there.then_some(Stop::Breakpoint)
    }

    pub(super) fn drop_output(&mut self) {
        let ports = self.machine.bus().serial_ports().len();
        for port in 0..ports {
            self.machine.bus_mut().take_sent(port as u8);
        }
    }

    /// This cannot happen as long as runs are deterministic.
    fn diverged(&self, to: Moment) -> Stop {
        Stop::Internal(format!(
            "the replay stands at {} and does not come to {}",
            self.position(),
            to.position
        ))
    }
}
