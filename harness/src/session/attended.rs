//! A machine by itself, whose RTT buffers are drained.

use super::runnable::{Moved, Runnable};
use crate::rtt::{Found, RttPorts};
use emu_core::machine::{Machine, Stop};
use emu_core::timeline::{Companion, Moment};
use emu_core::{Bus, Cycles, semihosting};

/// A machine, and its RTT channels.
pub struct Attended {
    /// The machine.
    pub machine: Machine,
    /// The channels.
    pub rtt: RttPorts,
}

impl Runnable for Attended {
    fn run_until(&mut self, limit: Cycles) -> Moved {
        loop {
            let due = self.rtt.due();
            let stop = self.machine.run_until(limit.min(due));
            if stop != Stop::Limit || due > limit {
                return Moved::Ran(stop);
            }
            self.rtt.act(self.machine.bus_mut());
            if self.machine.bus_mut().take_stop_request() {
                return Moved::Ran(Stop::Requested);
            }
            if due == limit {
                return Moved::Ran(stop);
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            position: self.machine.position(),
            acts: 0,
            made: 0,
        }
    }

    fn bus(&mut self) -> &mut Bus {
        self.machine.bus_mut()
    }

    fn give(&mut self, port: u8, bytes: &[u8]) {
        if self.rtt.give(port, bytes) {
            return; // it reaches the firmware with the next drain
        }
        let ports = self.machine.bus().serial_ports();
        let name = ports.get(usize::from(port)).map(|p| p.name.as_str());
        if name != Some(semihosting::PORT) {
            self.machine.bus_mut().serial_in(port, bytes);
        } else if let Some(host) = self.machine.semihosting() {
            host.push_input(bytes);
        }
    }

    fn end_console(&mut self) {
        if let Some(host) = self.machine.semihosting() {
            host.close_input();
        }
    }

    fn finish(&mut self) {
        self.rtt.rest(self.machine.bus_mut());
    }

    fn take_found(&mut self) -> Vec<Found> {
        self.rtt.take_found()
    }

    fn channel_name(&self, port: u8) -> Option<&str> {
        self.rtt.channel_name(port)
    }
}
