//! The status line of a run: virtual time, speed against real time, instructions a second.

use crate::terminal::Terminal;
use crate::units;
use std::time::{Duration, Instant};

/// How often the line is drawn.
const PERIOD: Duration = Duration::from_millis(200);

/// Draws the status line of a run; silent where there is no terminal.
#[derive(Debug)]
pub struct Progress {
    terminal: Option<Terminal>,
    start: Instant,
    drawn: Instant,
}

impl Progress {
    /// A progress that is drawn on this terminal, if it is one.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Progress {
        let now = Instant::now();
        Progress {
            terminal: terminal.has_status().then(|| terminal.clone()),
            start: now,
            drawn: now,
        }
    }

    /// None.
    #[must_use]
    pub fn none() -> Progress {
        let now = Instant::now();
        Progress {
            terminal: None,
            start: now,
            drawn: now,
        }
    }

    /// The run has come this far.
    pub fn update(&mut self, attoseconds: u128, instructions: u64) {
        if let Some(terminal) = &self.terminal
            && self.drawn.elapsed() >= PERIOD
        {
            self.drawn = Instant::now();
            terminal.status(&line(attoseconds, instructions, self.start.elapsed()));
        }
    }

    /// The run is over.
    pub fn finish(&self) {
        if let Some(terminal) = &self.terminal {
            terminal.clear_status();
        }
    }
}

/// `12.5 ms, 0.43x real time, 71.2 MIPS`.
#[must_use]
pub fn line(attoseconds: u128, instructions: u64, wall: Duration) -> String {
    let wall = wall.as_secs_f64().max(1e-9);
    let ratio = attoseconds as f64 / units::AS_PER_S as f64 / wall;
    let places = if ratio < 10.0 { 2 } else { 0 };
    format!(
        "{}, {ratio:.places$}x real time, {:.1} MIPS",
        units::time(attoseconds),
        instructions as f64 / wall / 1e6
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line() {
        let ms = units::AS_PER_S / 1000;
        let l = line(430 * ms, 71_200_000, Duration::from_secs(1));
        assert_eq!(l, "430 ms, 0.43x real time, 71.2 MIPS");
        assert!(line(ms, 0, Duration::ZERO).contains("real time"));
    }
}
