//! How a run ended, and what exit code that is.

use crate::failure::Exit;
use crate::until::Until;
use std::fmt;

/// Why a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The firmware ended itself with this status.
    Exit(i32),
    /// What `--until` waits for happened.
    Until(Until),
    /// A limit of cycles or time was reached.
    Limit,
    /// The core sleeps and nothing can wake it.
    Asleep,
    /// The core locked up; the decoded fault.
    Lockup(String),
    /// The firmware ran into a breakpoint instruction, and no debugger is there.
    Breakpoint,
    /// The firmware used something that is not modelled, under `--strict`.
    Unmodelled,
    /// gdb killed the run.
    Killed,
    /// Ctrl-C, or nobody reads standard output any more.
    Interrupted,
    /// The model failed.
    Internal(String),
}

impl Outcome {
    /// The word for it in results.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Outcome::Exit(_) => "exit",
            Outcome::Until(_) => "until",
            Outcome::Limit => "limit",
            Outcome::Asleep => "asleep",
            Outcome::Lockup(_) => "lockup",
            Outcome::Breakpoint => "breakpoint",
            Outcome::Unmodelled => "unmodelled",
            Outcome::Killed => "killed",
            Outcome::Interrupted => "interrupted",
            Outcome::Internal(_) => "internal",
        }
    }

    /// Exit code of the process; `waited` when there was an `--until`.
    #[must_use]
    pub fn exit_code(&self, waited: bool) -> u8 {
        let exit = match self {
            Outcome::Exit(status) => {
                // A process has eight bits of status. A failure must not become a success in them.
                let low = *status as u8;
                return if low == 0 && *status != 0 { 1 } else { low };
            }
            Outcome::Limit | Outcome::Asleep if waited => Exit::Limit,
            // Who debugs decides when it is enough.
            Outcome::Killed => Exit::Done,
            Outcome::Until(_) | Outcome::Limit | Outcome::Asleep => Exit::Done,
            Outcome::Lockup(_) | Outcome::Breakpoint => Exit::Firmware,
            Outcome::Unmodelled => Exit::Unmodelled,
            Outcome::Interrupted => Exit::Interrupted,
            Outcome::Internal(_) => Exit::Internal,
        };
        exit as u8
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Exit(status) => write!(f, "the firmware ended with status {status}"),
            Outcome::Until(until) => write!(f, "{until} happened"),
            Outcome::Limit => f.write_str("the limit was reached"),
            Outcome::Asleep => f.write_str("the core sleeps and nothing can wake it"),
            Outcome::Lockup(_) => f.write_str("the core locked up"),
            Outcome::Breakpoint => f.write_str("the firmware ran into a breakpoint instruction"),
            Outcome::Unmodelled => f.write_str("something is not modelled (--strict)"),
            Outcome::Killed => f.write_str("killed by gdb"),
            Outcome::Interrupted => f.write_str("interrupted"),
            Outcome::Internal(why) => write!(f, "internal error: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        assert_eq!(Outcome::Exit(3).exit_code(true), 3);
        assert_eq!(Outcome::Exit(256).exit_code(false), 1);
        assert_eq!(Outcome::Exit(-1).exit_code(false), 255);
        assert_eq!(Outcome::Limit.exit_code(false), 0);
        assert_eq!(Outcome::Limit.exit_code(true), 124);
        assert_eq!(Outcome::Asleep.exit_code(true), 124);
        assert_eq!(Outcome::Killed.exit_code(true), 0);
        assert_eq!(Outcome::Unmodelled.exit_code(false), 4);
    }
}
