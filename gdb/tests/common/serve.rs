//! A run as `tickscope` makes it, reduced to what tests of the stub look at.

use emu_core::Cycles;
use emu_core::machine::{Machine, Stop};
use emu_core::timeline::{Change, Settings, Timeline};
use gdb::{Advance, Debugger, Error, Held, Options, Server};

/// How serving ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The firmware ended itself with this status.
    Exited(i32),
    /// gdb killed the run.
    Killed,
    /// gdb detached.
    Detached,
    /// The connection closed without a word.
    Closed,
}

/// Serve one connection. Serial output goes to the sink; a console has no input.
pub fn serve(
    machine: &mut Machine,
    server: Server,
    options: &Options,
    limit: Cycles,
    serial: impl FnMut(&[u8]),
) -> Result<Outcome, Error> {
    serve_all(machine, server, options, limit, serial, |_| true)
}

/// The same, for as many connections as `last` wants.
pub fn serve_all(
    machine: &mut Machine,
    server: Server,
    options: &Options,
    limit: Cycles,
    mut serial: impl FnMut(&[u8]),
    last: impl Fn(&Outcome) -> bool,
) -> Result<Outcome, Error> {
    let stand_in = super::machine(machine.kind());
    let own = std::mem::replace(machine, stand_in);
    let timeline = Timeline::new(own, (), Settings::default());
    let mut debugger = Debugger::new(timeline, server, options.clone());
    let outcome = loop {
        let advance = match debugger.advance(limit) {
            Ok(advance) => advance,
            Err(e) => break Err(e),
        };
        let ports = debugger.timeline().machine().bus().serial_ports().len();
        for port in 0..ports {
            serial(&debugger.timeline().take_sent(port as u8));
        }
        match advance {
            Advance::Waiting => {}
            Advance::Killed => break Ok(Outcome::Killed),
            Advance::Detached if last(&Outcome::Detached) => break Ok(Outcome::Detached),
            Advance::Closed if last(&Outcome::Closed) => break Ok(Outcome::Closed),
            Advance::Detached | Advance::Closed => {}
            Advance::Ran(Stop::Exit(status)) => {
                debugger.exited(status);
                break Ok(Outcome::Exited(status));
            }
            Advance::Ran(Stop::AwaitsInput) => {
                assert!(debugger.timeline().apply(Change::ConsoleEnd));
            }
            Advance::Ran(Stop::Limit) => {
                debugger.hold(&format!("cycle limit {limit} reached"), Held::Limit);
            }
            Advance::Ran(Stop::Asleep) => {
                debugger.hold("the core sleeps, and nothing can wake it", Held::Wait);
            }
            Advance::Ran(stop) => panic!("{stop:?}"),
        }
    };
    *machine = debugger.into_timeline().into_machine();
    outcome
}
