//! The history that holds, from its start to its end: for a capture and a result after a debugger has changed the past.

use super::runnable::{Moved, Runnable};
use crate::outcome::Outcome;
use crate::rtt::RttPorts;
use emu_core::machine::{Machine, Stop};
use emu_core::timeline::{Change, Moment, Timeline};
use emu_core::{Bus, Cycles};
use std::collections::VecDeque;

type Input = (Cycles, u8, Vec<u8>);

/// A timeline that is gone through once more.
pub struct Again<'t> {
    timeline: &'t mut Timeline<RttPorts>,
    /// Input that still comes, and input that has come.
    coming: VecDeque<Input>,
    given: Vec<Input>,
    /// How it ended.
    outcome: Outcome,
}

impl<'t> Again<'t> {
    /// From the start, to end with this.
    ///
    /// # Errors
    /// Why the start cannot be reached.
    pub fn new(
        timeline: &'t mut Timeline<RttPorts>,
        outcome: Outcome,
    ) -> Result<Again<'t>, String> {
        let inputs = timeline.changes().filter_map(|(at, change)| match change {
            Change::Serial { port, bytes } => Some((at.position.cycle, *port, bytes.clone())),
            _ => None,
        });
        let coming = inputs.collect();
        timeline.begin_again()?;
        timeline.machine_mut().ignore_stops(true);
        Ok(Again {
            timeline,
            coming,
            given: Vec::new(),
            outcome,
        })
    }

    /// The machine, at the start.
    pub fn machine(&mut self) -> &mut Machine {
        self.timeline.machine_mut()
    }

    /// `None` when the end is reached.
    fn replay(&mut self, limit: Cycles) -> Option<Stop> {
        let stop = self.timeline.replay_until(limit)?;
        self.bus().take_met();
        Some(stop)
    }
}

impl Runnable for Again<'_> {
    fn run_until(&mut self, limit: Cycles) -> Moved {
        // A capture has input in front of what follows from it.
        if let Some((at, ..)) = self.coming.front()
            && *at <= limit
        {
            let before = Cycles(at.0.saturating_sub(1));
            let arrives = *at <= self.moment().position.cycle
                || matches!(self.replay(before), None | Some(Stop::Limit));
            if arrives {
                self.given.extend(self.coming.pop_front());
            }
            return Moved::Partly;
        }
        match self.replay(limit) {
            None => Moved::Over(self.outcome.clone()),
            Some(Stop::Limit) => Moved::Ran(Stop::Limit),
            Some(Stop::Internal(why)) => Moved::Over(Outcome::Internal(why)),
            Some(_) => Moved::Partly,
        }
    }

    fn moment(&self) -> Moment {
        self.timeline.moment()
    }

    fn furthest(&self) -> Moment {
        self.timeline.furthest()
    }

    // All of it counts.
    fn is_past(&self) -> bool {
        false
    }

    fn bus(&mut self) -> &mut Bus {
        self.timeline.machine_mut().bus_mut()
    }

    // Input comes from the log.
    fn give(&mut self, _: u8, _: &[u8]) {}

    fn end_console(&mut self) {}

    fn finish(&mut self) {
        self.timeline.machine_mut().ignore_stops(false);
        let (machine, rtt) = self.timeline.parts_mut();
        rtt.rest(machine.bus_mut());
    }

    fn take_sent(&mut self, port: u8) -> Vec<u8> {
        self.timeline.take_sent(port)
    }

    fn channel_name(&self, port: u8) -> Option<&str> {
        self.timeline.companion().channel_name(port)
    }

    fn take_given(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.given)
    }
}
