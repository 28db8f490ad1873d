//! The side of a session that is not gdb: terminals, stimuli, whoever runs the machine.

use emu_core::machine::Machine;

/// What a machine waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// A semihosting call for console input.
    Console,
    /// The core sleeps and nothing in the machine can wake it.
    Asleep,
}

/// Whether a machine can go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It got something: run on.
    Given,
    /// Something may still come (somebody types): ask again soon.
    NotYet,
    /// Nothing will come: tell gdb.
    Never,
}

/// Called between slices of a run, never in the middle of an instruction.
pub trait Host {
    /// A serial port has sent these bytes.
    fn serial_out(&mut self, port: u8, name: &str, bytes: &[u8]);

    /// A slice is over: the place for stimuli and typed input.
    fn between_slices(&mut self, machine: &mut Machine) {
        let _ = machine;
    }

    /// The machine waits for something from outside. By default the console has no more input, and a sleep
    /// without end is told to gdb.
    fn wanted(&mut self, why: Waiting, machine: &mut Machine) -> Answer {
        match (why, machine.semihosting()) {
            (Waiting::Console, Some(console)) => {
                console.close_input();
                Answer::Given
            }
            _ => Answer::Never,
        }
    }
}

/// A host that only takes serial output: port, name of its device, bytes.
pub struct OnSerial<F: FnMut(u8, &str, &[u8])>(pub F);

impl<F: FnMut(u8, &str, &[u8])> Host for OnSerial<F> {
    fn serial_out(&mut self, port: u8, name: &str, bytes: &[u8]) {
        (self.0)(port, name, bytes);
    }
}
