//! Verdicts: what had to hold, what came out, and where to look.

use crate::failure::Exit;
use serde::Serialize;
use std::fmt;

/// What a verdict is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The run itself: how it ended.
    Run,
    /// A signal that shall be there.
    Signal,
    /// A budget.
    Budget,
    /// A figure of the baseline.
    Baseline,
}

/// How it turned out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It cannot be told, which is no pass.
    Error,
}

/// A place in the firmware.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Place {
    /// Cycle.
    pub cycle: u64,
    /// Address of the instruction.
    pub pc: u32,
    /// Function, when a symbol tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Source file, when the debug information tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(name) => f.write_str(name)?,
            None => write!(f, "{:#010x}", self.pc)?,
        }
        if let (Some(file), Some(line)) = (&self.file, self.line) {
            write!(f, " ({file}:{line})")?;
        }
        write!(f, " at cycle {}", self.cycle)
    }
}

/// One verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verdict {
    /// Name of the run.
    pub run: String,
    /// What it is about.
    pub kind: Kind,
    /// How it turned out.
    pub status: Status,
    /// The signal; empty for the run itself.
    pub signal: String,
    /// The metric, as `period.pp`; empty where there is none.
    pub metric: String,
    /// What had to hold, as `<= 200cy`.
    pub wanted: String,
    /// What came out, as `212cy`.
    pub got: String,
    /// What is to be said about it; empty when it passed.
    pub message: String,
    /// The worst edge or interval behind the figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Line of the bench file that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<usize>,
    /// The exit code that it stands for.
    #[serde(skip)]
    pub exit: u8,
}

impl Verdict {
    /// Does it hold?
    #[must_use]
    pub fn passed(&self) -> bool {
        self.status == Status::Pass
    }

    /// `tick: period.pp`, or what it is about.
    #[must_use]
    pub fn title(&self) -> String {
        match (self.signal.as_str(), self.metric.as_str()) {
            ("", "") => "run".to_owned(),
            ("", metric) => metric.to_owned(),
            (signal, "") => signal.to_owned(),
            (signal, metric) => format!("{signal}: {metric}"),
        }
    }
}

/// Exit code of a bench: the most serious of its verdicts.
#[must_use]
pub fn exit_code(verdicts: &[Verdict]) -> u8 {
    // In this order: what says more about why the figures cannot be trusted comes first.
    let order = [
        Exit::Internal as u8,
        Exit::Usage as u8,
        Exit::Interrupted as u8,
        Exit::Unmodelled as u8,
        Exit::Limit as u8,
        Exit::Firmware as u8,
        Exit::Regression as u8,
    ];
    let failed: Vec<u8> = verdicts
        .iter()
        .filter(|v| !v.passed())
        .map(|v| v.exit)
        .collect();
    let worst = order.into_iter().find(|code| failed.contains(code));
    match worst {
        Some(code) => code,
        None if failed.is_empty() => Exit::Done as u8,
        None => Exit::Firmware as u8,
    }
}
