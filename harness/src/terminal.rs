//! The terminal: colours, and one status line that guest text and our own words step around.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is on the terminal now. Shared by everything that writes to it.
#[derive(Clone, Debug)]
pub struct Terminal {
    state: Arc<Mutex<State>>,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    colour: bool,
    may_colour: bool,
    /// Guest bytes go to standard error.
    guest_on_stderr: bool,
}

#[derive(Debug, Default)]
struct State {
    /// A status line is shown.
    status: bool,
    /// The last byte that the guest wrote to the terminal was not the end of a line.
    mid_line: bool,
}

impl Terminal {
    /// The process's own terminal.
    #[must_use]
    pub fn new() -> Terminal {
        let stderr = io::stderr().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Terminal {
            state: Arc::default(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: stderr,
            colour: stderr && !no_colour && !dumb,
            may_colour: !no_colour && !dumb,
            guest_on_stderr: false,
        }
    }

    /// The same terminal, but guest bytes go to standard error: standard output belongs to somebody else.
    #[must_use]
    pub fn with_guest_on_stderr(&self) -> Terminal {
        Terminal {
            guest_on_stderr: true,
            ..self.clone()
        }
    }

    /// Are our words coloured?
    #[must_use]
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Columns of standard output, if it is a terminal.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        if !self.stdout_is_terminal {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|&c| c > 0)
    }

    /// Is what we write to standard output coloured?
    #[must_use]
    pub fn colours_output(&self) -> bool {
        self.stdout_is_terminal && self.may_colour
    }

    /// Is a status line shown at all?
    #[must_use]
    pub fn has_status(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Guest bytes, to standard output (or error).
    ///
    /// # Errors
    /// What that gives.
    pub fn guest(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        self.clear(&mut state);
        let shown = if self.guest_on_stderr {
            io::stderr().lock().write_all(bytes)?;
            self.stderr_is_terminal
        } else {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()?;
            self.stdout_is_terminal
        };
        if shown && let Some(last) = bytes.last() {
            state.mid_line = *last != b'\n';
        }
        Ok(())
    }

    /// Our own words, to standard error, on a line of their own.
    pub fn say(&self, text: &str) {
        let mut state = self.lock();
        self.clear(&mut state);
        let mut err = io::stderr().lock();
        if state.mid_line && self.stderr_is_terminal {
            let _ = writeln!(err);
            state.mid_line = false;
        }
        let _ = writeln!(err, "{text}");
    }

    /// A word in front of a message, in bold colour: `error`, `warning`.
    #[must_use]
    pub fn label(&self, word: &str) -> String {
        if !self.colour {
            return format!("{word}:");
        }
        let code = match word {
            "error" => "1;31",
            "warning" => "1;33",
            _ => "1;36",
        };
        format!("\x1b[{code}m{word}\x1b[0m:")
    }

    /// Say `word: text`.
    pub fn tell(&self, word: &str, text: &str) {
        self.say(&format!("{} {text}", self.label(word)));
    }

    /// Show the status line, unless the guest is in the middle of a line.
    pub fn status(&self, text: &str) {
        let mut state = self.lock();
        if !self.stderr_is_terminal || state.mid_line {
            return;
        }
        let _ = write!(io::stderr(), "\r\x1b[K{text}");
        let _ = io::stderr().flush();
        state.status = true;
    }

    /// Take the status line away.
    pub fn clear_status(&self) {
        self.clear(&mut self.lock());
    }

    fn clear(&self, state: &mut State) {
        if std::mem::take(&mut state.status) {
            let _ = write!(io::stderr(), "\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Terminal {
    fn default() -> Terminal {
        Terminal::new()
    }
}
