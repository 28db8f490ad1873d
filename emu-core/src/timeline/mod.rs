//! A run with its past: go back to any instruction, and forth again, bit for bit.
//!
//! A [`Timeline`] owns a machine. While the machine runs, it keeps checkpoints, and writes down everything that
//! comes from outside (typed bytes, what a debugger changes) with the moment at which it came. Going back is
//! restoring the checkpoint before and running on to the moment, with the same things coming in again.
//!
//! * In the past, nothing is observed a second time: probe events and serial output up to the furthest moment
//!   were handed out when they first happened.
//! * A change that is made in the past cuts off what came after it; [`Timeline::was_rewritten`] says so.
//! * Checkpoints are kept in a bounded amount of memory: dense near the end, sparse long before it. How many there
//!   are changes how long a way back takes, and nothing else.
//!
//! What host files hold does not go back; semihosting calls are answered from a journal instead, see
//! [`crate::semihosting`].

mod back;
mod change;
mod checkpoints;
mod events;
mod forward;

pub use back::Back;
pub use change::Change;
pub use checkpoints::Moment;

use crate::bus::Bus;
use crate::device::StateError;
use crate::machine::Machine;
use crate::time::{Cycles, Position};
use change::Logged;
use checkpoints::Checkpoints;

/// What acts on a machine from outside at cycles of its own, as a probe does that polls RTT buffers. Its state
/// goes back and forth with the machine.
pub trait Companion {
    /// What it does next depends on this.
    type State: Clone;
    /// It acts when no instruction that starts at this cycle or before is left to run.
    fn due(&self) -> Cycles;
    /// Act. The next cycle must be a later one.
    fn act(&mut self, bus: &mut Bus);
    /// Input for a serial port; `false` when the port is none of its own.
    fn give(&mut self, port: u8, bytes: &[u8]) -> bool;
    /// Its state.
    fn save(&self) -> Self::State;
    /// Go on from a state.
    fn load(&mut self, state: &Self::State);
}

/// Nobody.
impl Companion for () {
    type State = ();
    fn due(&self) -> Cycles {
        Cycles::MAX
    }
    fn act(&mut self, _: &mut Bus) {}
    fn give(&mut self, _: u8, _: &[u8]) -> bool {
        false
    }
    fn save(&self) {}
    fn load(&mut self, (): &()) {}
}

/// How a timeline is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Memory for checkpoints, in bytes. The start and the last one are kept in any case.
    pub memory: usize,
    /// Instructions between two checkpoints, as long as there is memory.
    pub interval: u64,
}

impl Default for Settings {
    /// 256 MiB, and so many instructions as run in about 10 ms.
    fn default() -> Settings {
        Settings {
            memory: 256 << 20,
            interval: 2_000_000,
        }
    }
}

/// What is observed while the past is gone through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Observed {
    /// All of it was before: nothing is observed again.
    All,
    /// Nothing counts: everything is observed anew.
    Nothing,
}

/// A machine with its past.
pub struct Timeline<C: Companion = ()> {
    machine: Machine,
    companion: C,
    checkpoints: Checkpoints<C::State>,
    /// What came from outside, in order.
    changes: Vec<Logged>,
    /// How many of them were made by now.
    made: usize,
    /// How often the companion has acted by now.
    acts: u64,
    /// The furthest moment that there is.
    end: Moment,
    /// The machine stands before it.
    in_past: bool,
    /// What came before this was observed; [`Timeline::begin_again`] forgets that it was.
    observed: Observed,
    /// Serial output that nobody has taken yet, by port, from before a way back.
    unread: Vec<Vec<u8>>,
    rewritten: bool,
    /// Stops that [`Timeline::run_back`] has found on its way.
    found: back::Found,
}

/// A state by name: it can be returned to, even when history was changed since.
pub struct Mark<S> {
    checkpoint: checkpoints::Checkpoint<S>,
    changes: Vec<Logged>,
}

impl<S> Mark<S> {
    /// When it was taken.
    #[must_use]
    pub fn position(&self) -> Position {
        self.checkpoint.moment.position
    }
}

impl<C: Companion> Timeline<C> {
    /// The present state of the machine is the start.
    #[must_use]
    pub fn new(mut machine: Machine, companion: C, settings: Settings) -> Timeline<C> {
        if let Some(host) = machine.semihosting() {
            host.keep_journal(true);
        }
        let start = Moment {
            position: machine.position(),
            acts: 0,
            made: 0,
        };
        let first = checkpoints::Checkpoint {
            moment: start,
            machine: machine.snapshot(),
            companion: companion.save(),
        };
        Timeline {
            machine,
            checkpoints: Checkpoints::new(first, settings),
            companion,
            changes: Vec::new(),
            made: 0,
            acts: 0,
            end: start,
            in_past: false,
            observed: Observed::All,
            unread: Vec::new(),
            rewritten: false,
            found: back::Found::default(),
        }
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The machine, to look at it or to set breakpoints. What changes its state must go through
    /// [`Timeline::apply`], or a way back will not find it.
    pub fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// The machine alone, where it stands.
    #[must_use]
    pub fn into_machine(mut self) -> Machine {
        self.machine.bus_mut().probes.mute(false);
        self.machine
    }

    /// The machine and what acts on it from outside, as with [`Timeline::machine_mut`].
    pub fn parts_mut(&mut self) -> (&mut Machine, &mut C) {
        (&mut self.machine, &mut self.companion)
    }

    /// What acts on the machine from outside.
    #[must_use]
    pub fn companion(&self) -> &C {
        &self.companion
    }

    /// What acts on the machine from outside.
    pub fn companion_mut(&mut self) -> &mut C {
        &mut self.companion
    }

    /// Where the machine stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.machine.position()
    }

    /// The first position.
    #[must_use]
    pub fn start(&self) -> Position {
        self.checkpoints.first().moment.position
    }

    /// The furthest position so far.
    #[must_use]
    pub fn end(&self) -> Position {
        self.end.position
    }

    /// The furthest moment so far.
    #[must_use]
    pub fn furthest(&self) -> Moment {
        self.end
    }

    /// What has come from outside, and when, up to the furthest moment.
    pub fn changes(&self) -> impl Iterator<Item = (Moment, &Change)> {
        self.changes.iter().map(|c| (c.at, &c.change))
    }

    /// Is this the past? What runs now ran before.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.in_past
    }

    /// Was anything cut off by a change in the past? What was observed and handed out then did not happen.
    #[must_use]
    pub fn was_rewritten(&self) -> bool {
        self.rewritten
    }

    /// Checkpoints, and the bytes of memory that they hold.
    #[must_use]
    pub fn checkpoints(&self) -> (usize, usize) {
        (self.checkpoints.len(), self.checkpoints.bytes())
    }

    /// What a serial port has sent since this was last asked. What is sent in the past was handed out before.
    pub fn take_sent(&mut self, port: u8) -> Vec<u8> {
        let unread = self.unread.get_mut(usize::from(port));
        let mut bytes = unread.map(std::mem::take).unwrap_or_default();
        if !self.is_muted() {
            bytes.extend(self.machine.bus_mut().take_sent(port));
        }
        bytes
    }

    /// The present moment.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            position: self.machine.position(),
            acts: self.acts,
            made: self.made,
        }
    }

    /// Remember this state.
    #[must_use]
    pub fn mark(&self) -> Mark<C::State> {
        Mark {
            checkpoint: self.checkpoint(),
            changes: self.changes[..self.made].to_vec(),
        }
    }

    /// Go to a state that was remembered. Its history is the one that holds from here on; what came after it is
    /// cut off.
    ///
    /// # Errors
    /// [`StateError`] when the mark is from another machine.
    pub fn return_to(&mut self, mark: &Mark<C::State>) -> Result<(), StateError> {
        let moment = mark.checkpoint.moment;
        // What both histories share stays.
        let common = self.changes.iter().zip(&mark.changes);
        let common = common.take_while(|(a, b)| a == b).count();
        self.keep_unread();
        self.restore(&mark.checkpoint)?;
        self.checkpoints
            .retain(|at| at.made <= common && *at <= moment);
        self.changes.clone_from(&mark.changes);
        self.rewritten |= moment < self.end;
        self.end = moment;
        self.forget_later();
        self.in_past = true; // what was sent on the way here was never handed out
        self.settle();
        Ok(())
    }

    /// Go to the start, and let observers hear of everything again: probe events and serial output that were handed
    /// out before are void. [`Timeline::replay_until`] goes through it.
    ///
    /// # Errors
    /// Why the start cannot be reached.
    pub fn begin_again(&mut self) -> Result<(), String> {
        let start = self.checkpoints.first().moment;
        self.seek(start)?;
        self.unread.clear();
        self.observed = Observed::Nothing;
        self.settle();
        Ok(())
    }

    fn is_muted(&self) -> bool {
        self.in_past && self.observed == Observed::All
    }

    fn checkpoint(&self) -> checkpoints::Checkpoint<C::State> {
        checkpoints::Checkpoint {
            moment: self.moment(),
            machine: self
                .machine
                .snapshot_after(&self.checkpoints.last().machine),
            companion: self.companion.save(),
        }
    }

    fn restore(
        &mut self,
        checkpoint: &checkpoints::Checkpoint<C::State>,
    ) -> Result<(), StateError> {
        self.machine.restore(&checkpoint.machine)?;
        self.companion.load(&checkpoint.companion);
        self.acts = checkpoint.moment.acts;
        self.made = checkpoint.moment.made;
        Ok(())
    }

    /// What ports have sent and nobody has taken is lost when the machine goes back: keep it.
    fn keep_unread(&mut self) {
        if self.is_muted() {
            return;
        }
        let ports = self.machine.bus().serial_ports().len();
        self.unread.resize_with(ports, Vec::new);
        for (port, kept) in (0u8..).zip(&mut self.unread) {
            kept.extend(self.machine.bus_mut().take_sent(port));
        }
    }

    /// Is this the past or the present? Observers hear of the present only.
    fn settle(&mut self) {
        if self.is_muted() {
            self.drop_output();
        }
        self.in_past = self.moment() < self.end;
        let muted = self.is_muted();
        self.machine.bus_mut().probes.mute(muted);
    }
}
