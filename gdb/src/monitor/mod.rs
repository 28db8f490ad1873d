//! `monitor` commands: time, exceptions, registers and states, as text for people.
//!
//! They work on a [`Timeline`] and a small state of their own, the [`Monitor`]: conditions that are armed, states by
//! name, and what the last stop was. Looking changes nothing: neither the state of the machine nor where it stands.
//! What changes something (`reset`, `restore`, `reg … = …`) goes through the timeline, so that it can be undone by going
//! back.
//!
//! Who runs the machine for gdb tells the monitor when a run begins ([`Monitor::resumed`]) and how it ended
//! ([`Monitor::at_stop`]), obeys [`Monitor::limit`], asks [`Monitor::stopped`] what a stop means, and calls
//! [`Monitor::went_back`] after a way back.

mod catch;
mod edges;
mod fault;
mod help;
mod irq;
mod names;
mod reg;
mod states;
#[cfg(test)]
mod testing;
mod time;
mod until;
mod why;

pub use names::{Context, exception_name};
pub use why::Halt;

use emu_core::Cycles;
use emu_core::bus::{Met, StopOn};
use emu_core::machine::Stop;
use emu_core::timeline::{Companion, Mark, Timeline};
use std::collections::BTreeMap;

/// What the commands remember. `S` is the state of the timeline's companion.
pub struct Monitor<S> {
    until_cycle: Option<until::Until>,
    until_edge: Option<until::Edges>,
    caught: Vec<StopOn>,
    marks: BTreeMap<String, Mark<S>>,
    /// Where the last run began.
    from: Option<why::Baseline>,
    halt: Halt,
}

impl<S> Default for Monitor<S> {
    fn default() -> Monitor<S> {
        Monitor {
            until_cycle: None,
            until_edge: None,
            caught: Vec::new(),
            marks: BTreeMap::new(),
            from: None,
            halt: Halt::Attached,
        }
    }
}

/// What a stop of the machine means to the conditions that are armed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// It is none of theirs.
    Nothing,
    /// One of them has stopped the machine and wants it to go on: an edge was counted.
    GoOn,
    /// One of them is met: the text tells which.
    Stop(String),
}

impl<S: Clone> Monitor<S> {
    /// Carry out a command; its answer, without a line end behind the last line.
    pub fn command<C: Companion<State = S>>(
        &mut self,
        line: &str,
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, arguments) = match words.split_first() {
            Some((name, arguments)) => (*name, arguments),
            None => ("help", &[][..]),
        };
        let text = match name {
            "help" => help::answer(arguments),
            "cycles" => self.cycles(timeline),
            "until-cycle" => self.arm_cycle(arguments, timeline),
            "until-edge" => self.arm_edge(arguments, timeline, context),
            "edges" => edges::answer(arguments, timeline, context),
            "why" => self.why(timeline, context),
            "reset" => self.reset(arguments, timeline, context),
            "halt" => states::halt(timeline, context),
            "fault" => fault::answer(timeline, context),
            "irq" => irq::answer(timeline.machine(), context),
            "catch" => self.catch(arguments, timeline, context),
            "reg" => reg::answer(line, timeline),
            "snapshot" => self.snapshot(arguments, timeline),
            "restore" => self.restore(arguments, timeline, context),
            "history" => states::history(timeline),
            _ => help::unknown(line.trim(), name),
        };
        text.trim_end().to_owned()
    }

    /// A run forwards must stop before an instruction that would start behind this cycle.
    #[must_use]
    pub fn limit(&self) -> Option<Cycles> {
        self.until_cycle.as_ref().and_then(until::Until::ahead)
    }

    /// A run begins here, in either direction.
    pub fn resumed<C: Companion<State = S>>(&mut self, timeline: &Timeline<C>) {
        self.from = Some(why::Baseline::of(timeline));
        if let Some(until) = &mut self.until_cycle {
            until.look(timeline.machine());
        }
    }

    /// A run ended here.
    pub fn at_stop(&mut self, halt: Halt) {
        self.halt = halt;
    }

    /// What does this stop mean to the conditions that are armed? [`Stop::Limit`] is asked for only when the run has
    /// come to [`Monitor::limit`]; [`Stop::Requested`] before the conditions of the bus are taken
    /// ([`emu_core::Bus::take_met`]).
    pub fn stopped<C: Companion<State = S>>(
        &mut self,
        stop: &Stop,
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> Heard {
        match stop {
            Stop::Limit => match self.reached_cycle(timeline) {
                Some(text) => Heard::Stop(text),
                None => Heard::Nothing,
            },
            Stop::Requested => {
                let met = timeline.machine().bus().met().to_vec();
                self.requested(&met, timeline, context)
            }
            _ => Heard::Nothing,
        }
    }

    fn requested<C: Companion<State = S>>(
        &mut self,
        met: &[Met],
        timeline: &mut Timeline<C>,
        context: &Context<'_>,
    ) -> Heard {
        let caught = self.caught_at(met, timeline.machine(), context);
        let (edge, counted) = self.count_edges(met, timeline, context);
        let clock = self.clock_changed(met, timeline);
        let told: Vec<String> = caught.into_iter().chain(edge).collect();
        match (told.is_empty(), counted || clock) {
            (false, _) => Heard::Stop(told.join("\n")),
            (true, true) => Heard::GoOn,
            (true, false) => Heard::Nothing,
        }
    }
}
