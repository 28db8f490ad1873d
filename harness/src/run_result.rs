//! `result.json`: what a run was, how it ended, and what it cost. `schema/result.schema.json` describes it.
//!
//! Figures that may exceed 2⁵³ (times in picoseconds) are decimal strings. Nothing in it depends on the
//! host except `host`, so that two runs can be compared by leaving that out.

use crate::ledger::Ledger;
use crate::outcome::Outcome;
use crate::profile::ProfileResult;
use crate::session::{HostInput, PortText};
use emu_core::clock::Segment;
use emu_core::notices::Notice;
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the fields.
pub const SCHEMA: u32 = 1;

/// A whole result.
#[derive(Clone, Debug, Serialize)]
pub struct RunResult {
    /// Version of the fields: [`SCHEMA`].
    pub schema: u32,
    /// Tool and version.
    pub tool: String,
    /// What ran.
    pub firmware: Firmware,
    /// On what.
    pub machine: Machine,
    /// How.
    pub settings: Settings,
    /// Seed of the run.
    pub seed: u64,
    /// How it ended.
    pub stop: Stop,
    /// Core cycles since power-on.
    pub cycles: u64,
    /// Instructions executed.
    pub instructions: u64,
    /// Virtual time.
    pub time: Time,
    /// Hash over the whole final state, in hex.
    pub state_hash: String,
    /// What each serial port has sent.
    pub uarts: Vec<Uart>,
    /// What the host gave to serial ports.
    pub inputs: Vec<Given>,
    /// Gaps of the model that the firmware touched, and misuse by the firmware.
    pub notices: Vec<NoticeEntry>,
    /// Stretches of constant core frequency.
    pub clock_segments: Vec<ClockSegment>,
    /// The cycles by how well their cost is known, and by what they were spent on.
    pub ledger: Ledger,
    /// Where the cycles went, for `tickscope profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileResult>,
    /// The capture that was recorded with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<Captured>,
    /// About the host; differs from run to run.
    pub host: Host,
}

/// The firmware file.
#[derive(Clone, Debug, Serialize)]
pub struct Firmware {
    /// Its path as given.
    pub path: String,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// The machine.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Hash of its description with its settings, in hex.
    pub hash: String,
}

/// What the command line asked for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Settings {
    /// The limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Conditions of `--until`.
    pub until: Vec<String>,
    /// `--strict`.
    pub strict: bool,
    /// Assignments of `--set`.
    pub set: Vec<String>,
    /// The file of `--stimuli`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stimuli: Option<StimuliFile>,
}

/// A file of stimuli.
#[derive(Clone, Debug, Serialize)]
pub struct StimuliFile {
    /// Its path as given.
    pub path: String,
    /// SHA-256 over all that they do, with the files that they name, in hex.
    pub sha256: String,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize)]
pub struct Stop {
    /// `exit`, `until`, `limit`, `asleep`, `lockup`, `breakpoint`, `unmodelled`, `killed`, `interrupted` or
    /// `internal`.
    pub reason: &'static str,
    /// Exit code of the process.
    pub code: u8,
    /// The firmware's own status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<i32>,
    /// More about it: the condition that was met, the decoded fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Stop {
    /// From an outcome.
    #[must_use]
    pub fn new(outcome: &Outcome, waited: bool) -> Stop {
        let (status, detail) = match outcome {
            Outcome::Exit(status) => (Some(*status), None),
            Outcome::Until(until) => (None, Some(until.to_string())),
            Outcome::Lockup(text) | Outcome::Internal(text) => (None, Some(text.clone())),
            _ => (None, None),
        };
        Stop {
            reason: outcome.reason(),
            code: outcome.exit_code(waited),
            status,
            detail,
        }
    }
}

/// Virtual time, exact and readable.
#[derive(Clone, Debug, Serialize)]
pub struct Time {
    /// Picoseconds since power-on, rounded down, as a decimal string.
    pub ps: String,
    /// Seconds, as a float.
    pub s: f64,
}

impl Time {
    /// From attoseconds.
    #[must_use]
    pub fn new(attoseconds: u128) -> Time {
        let ps = attoseconds / 1_000_000;
        Time {
            ps: ps.to_string(),
            s: ps as f64 / 1e12,
        }
    }
}

/// What a serial port has sent.
#[derive(Clone, Debug, Serialize)]
pub struct Uart {
    /// Its name.
    pub name: String,
    /// What the firmware calls it, for an RTT channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// How many bytes.
    pub bytes: u64,
    /// The first MiB of them as text; what is not UTF-8 is replaced.
    pub text: String,
    /// There were more.
    pub truncated: bool,
}

impl From<&PortText> for Uart {
    fn from(t: &PortText) -> Uart {
        Uart {
            name: t.name.clone(),
            channel: t.channel.clone(),
            bytes: t.bytes,
            text: String::from_utf8_lossy(&t.kept).into_owned(),
            truncated: t.bytes > t.kept.len() as u64,
        }
    }
}

/// Bytes from the host.
#[derive(Clone, Debug, Serialize)]
pub struct Given {
    /// Cycle at which the port got them.
    pub cycle: u64,
    /// Name of the port.
    pub uart: String,
    /// The bytes in hex.
    pub hex: String,
}

impl Given {
    /// From a session's record.
    #[must_use]
    pub fn new(input: &HostInput, texts: &[PortText]) -> Given {
        let name = texts.get(usize::from(input.port)).map(|t| t.name.clone());
        Given {
            cycle: input.at.0,
            uart: name.unwrap_or_default(),
            hex: hex(&input.bytes),
        }
    }
}

/// A gap of the model, or a misuse, with its first occurrence.
#[derive(Clone, Debug, Serialize)]
pub struct NoticeEntry {
    /// Kind.
    pub kind: String,
    /// Does `--strict` fail because of it?
    pub unmodelled: bool,
    /// What.
    pub what: String,
    /// How often.
    pub count: u64,
    /// Cycle of the first occurrence.
    pub cycle: u64,
    /// PC of the first occurrence, in hex.
    pub pc: String,
    /// Function of that PC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Source line of that PC, `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

impl NoticeEntry {
    /// From a notice and where its PC is.
    #[must_use]
    pub fn new(n: &Notice, function: Option<String>, line: Option<String>) -> NoticeEntry {
        use emu_core::NoticeKind as K;
        let kind = match n.kind {
            K::StubRegister => "stub-register",
            K::UnmodelledFeature => "unmodelled-feature",
            K::UnmappedAddress => "unmapped-address",
            K::Instruction => "instruction",
            K::Misuse => "misuse",
        };
        NoticeEntry {
            kind: kind.to_owned(),
            unmodelled: n.kind != K::Misuse,
            what: n.what.clone(),
            count: n.count,
            cycle: n.at.0,
            pc: format!("{:#010x}", n.pc),
            function,
            line,
        }
    }
}

/// A stretch of constant core frequency.
#[derive(Clone, Debug, Serialize)]
pub struct ClockSegment {
    /// Its first cycle.
    pub from: u64,
    /// Time at its start, in picoseconds, as a decimal string.
    pub start_ps: String,
    /// Frequency in Hz: numerator.
    pub hz: u64,
    /// Frequency in Hz: denominator.
    pub hz_den: u64,
}

impl From<&Segment> for ClockSegment {
    fn from(s: &Segment) -> ClockSegment {
        ClockSegment {
            from: s.from.0,
            start_ps: (s.start_as / 1_000_000).to_string(),
            hz: s.hz.num(),
            hz_den: s.hz.den(),
        }
    }
}

/// A recorded capture.
#[derive(Clone, Debug, Serialize)]
pub struct Captured {
    /// Its path as given.
    pub path: String,
    /// Records in it.
    pub records: u64,
}

/// About the host.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// Wall time of the run in seconds.
    pub wall_s: f64,
    /// More, by name.
    #[serde(flatten)]
    pub more: BTreeMap<String, serde_json::Value>,
}

/// Bytes in hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

#[cfg(test)]
mod tests;
