//! What a session drives.

use crate::outcome::Outcome;
use crate::rtt::Found;
use emu_core::machine::Stop;
use emu_core::timeline::Moment;
use emu_core::{Bus, Cycles};

/// What came of a call of [`Runnable::run_until`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moved {
    /// Something stopped it. [`Stop::Limit`] only at the limit that was given.
    Ran(Stop),
    /// It has come a piece of the way; call again with the same limit.
    Partly,
    /// A debugger holds it, and virtual time stands still. This comes back at least every 50 ms.
    Waiting,
    /// There is nothing left to run.
    Over(Outcome),
}

/// What a session drives: a machine by itself, one with its past under a debugger, or a stand-in for tests.
pub trait Runnable {
    /// Run until something stops it, at the latest before an instruction that would start after `limit`.
    fn run_until(&mut self, limit: Cycles) -> Moved;
    /// Where it stands.
    fn moment(&self) -> Moment;
    /// Everything around the core.
    fn bus(&mut self) -> &mut Bus;
    /// Bytes for a serial port, which may be the semihosting console.
    fn give(&mut self, port: u8, bytes: &[u8]);
    /// Nothing more will be typed into the semihosting console.
    fn end_console(&mut self);
    /// The run is over: go to its end when this is the past, and read what is left in RTT buffers.
    fn finish(&mut self);

    /// What a serial port has sent since this was last asked.
    fn take_sent(&mut self, port: u8) -> Vec<u8> {
        self.bus().take_sent(port)
    }
    /// RTT channels that have spoken for the first time since this was last asked.
    fn take_found(&mut self) -> Vec<Found> {
        Vec::new()
    }
    /// The name of the RTT channel that is this port.
    fn channel_name(&self, port: u8) -> Option<&str> {
        let _ = port;
        None
    }
    /// Input that came in by itself since this was last asked: cycle, port, bytes.
    fn take_given(&mut self) -> Vec<(Cycles, u8, Vec<u8>)> {
        Vec::new()
    }

    /// The furthest moment so far; the present one without a debugger.
    fn furthest(&self) -> Moment {
        self.moment()
    }
    /// Is this the past? Nothing is given, recorded or told there.
    fn is_past(&self) -> bool {
        self.moment() < self.furthest()
    }
    /// Was anything that has been observed cut off by a change in the past?
    fn was_rewritten(&self) -> bool {
        false
    }
    /// Is a debugger there?
    fn is_attached(&self) -> bool {
        false
    }
    /// The run would end now. `true` when a debugger is told so instead, and holds the machine.
    fn hold(&mut self, outcome: &Outcome) -> bool {
        let _ = outcome;
        false
    }
}
