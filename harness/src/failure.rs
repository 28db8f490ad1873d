//! What a command ends with when it cannot do its work: a message, a remedy, an exit code.

use std::fmt;

/// Exit codes of the tool. A firmware that ends itself gives its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The firmware failed: the core locked up, or ran into a breakpoint.
    Firmware = 1,
    /// Wrong usage or bad input.
    Usage = 2,
    /// A figure is not what the baseline says.
    Regression = 3,
    /// Something is not modelled, under `--strict`.
    Unmodelled = 4,
    /// An error of the tool, or of the host below it.
    Internal = 5,
    /// A limit was reached, and what `--until` waits for had not happened.
    Limit = 124,
    /// Ctrl-C.
    Interrupted = 130,
}

/// The table of exit codes, for `--help` and the manual page.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done; also when gdb kills the run
  N    the firmware's own status, when it ends itself (semihosting SYS_EXIT)
  1    the firmware failed: the core locked up, or ran into a breakpoint instruction
  2    wrong usage or bad input; nothing was written
  4    the firmware used something that is not modelled, under --strict
  5    internal error, or the host failed (disk full)
  124  a limit was reached (or nothing can happen any more) before what --until waits for
  130  interrupted by Ctrl-C; outputs are complete up to there";

/// Why a command could not do its work.
#[derive(Debug)]
pub struct Failure {
    /// The exit code that says of what sort it is.
    pub code: Exit,
    /// What is wrong, naming the thing. May have several lines.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Failure {
    /// Wrong usage or bad input.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// An error of the tool or of the host.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Internal, message)
    }

    /// Ctrl-C before there was a result.
    #[must_use]
    pub fn interrupted() -> Failure {
        Failure::new(Exit::Interrupted, "interrupted")
    }

    fn new(code: Exit, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: message.into(),
            help: None,
        }
    }

    /// Add the remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
