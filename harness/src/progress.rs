//! Status lines: of a run (virtual time, speed against real time, instructions a second), and of an export.

use crate::capture::Capture;
use crate::terminal::Terminal;
use crate::units;
use emu_core::Cycles;
use std::cell::Cell;
use std::path::Path;
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

/// Draws how far a pass over a capture is; silent where there is no terminal, and for short ones.
#[derive(Debug)]
pub struct CaptureProgress {
    terminal: Option<Terminal>,
    name: String,
    first: u64,
    last: u64,
    drawn: Cell<Instant>,
}

impl CaptureProgress {
    /// A pass over this capture, under the name of a file.
    #[must_use]
    pub fn new(terminal: &Terminal, target: &Path, capture: &Capture) -> CaptureProgress {
        CaptureProgress {
            terminal: terminal.has_status().then(|| terminal.clone()),
            name: target.display().to_string(),
            first: capture.header.start,
            last: capture.summary.last.0,
            drawn: Cell::new(Instant::now()),
        }
    }

    /// It has come to this cycle.
    pub fn update(&self, at: Cycles) {
        if let Some(terminal) = &self.terminal
            && self.drawn.get().elapsed() >= PERIOD
        {
            self.drawn.set(Instant::now());
            let done = at.0.saturating_sub(self.first);
            let percent = percent(done, self.last.saturating_sub(self.first));
            terminal.status(&format!("{}: {percent} %", self.name));
        }
    }

    /// It is over.
    pub fn finish(&self) {
        if let Some(terminal) = &self.terminal {
            terminal.clear_status();
        }
    }
}

fn percent(done: u64, all: u64) -> u64 {
    (u128::from(done) * 100 / u128::from(all.max(1))).min(100) as u64
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
    fn percents() {
        assert_eq!(percent(1, 3), 33);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(percent(5, 0), 100);
    }

    #[test]
    fn the_line() {
        let ms = units::AS_PER_S / 1000;
        let l = line(430 * ms, 71_200_000, Duration::from_secs(1));
        assert_eq!(l, "430 ms, 0.43x real time, 71.2 MIPS");
        assert!(line(ms, 0, Duration::ZERO).contains("real time"));
    }
}
