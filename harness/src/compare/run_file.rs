//! `result.json` read back, as far as it is compared.

use super::facts::{End, Facts};
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::profile::ProfileResult;
use crate::run_result::SCHEMA;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct File {
    schema: u32,
    firmware: Firmware,
    machine: Machine,
    seed: u64,
    stop: Stop,
    cycles: u64,
    instructions: u64,
    time: Time,
    ledger: Ledger,
    #[serde(default)]
    profile: Option<ProfileResult>,
}

#[derive(Deserialize)]
struct Firmware {
    path: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Machine {
    name: String,
}

#[derive(Deserialize)]
struct Stop {
    reason: String,
    code: u8,
    #[serde(default)]
    status: Option<i32>,
    #[serde(default)]
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Time {
    ps: String,
}

/// Read the result of a run.
///
/// # Errors
/// A [`Failure`] for a file that is cut off, damaged, of another version, or of something else.
pub fn read(path: &Path, label: &str) -> Result<Facts, Failure> {
    let shown = path.display();
    let help = "give a file that `tickscope run --json FILE` or `tickscope profile --json FILE` has written";
    let text = std::fs::read(path)
        .map_err(|e| Failure::usage(format!("cannot read `{shown}`: {e}")).help(help))?;
    let wrong = |e: serde_json::Error| {
        let why = match e.is_eof() {
            true => "the file ends too early".to_owned(),
            false => e.to_string(),
        };
        Failure::usage(format!("`{shown}` is no result of a run: {why}")).help(help)
    };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(wrong)?;
    match value["schema"].as_u64() {
        Some(n) if n != u64::from(SCHEMA) => {
            let message = format!("`{shown}` has schema {n}; this tool reads schema {SCHEMA}");
            return Err(Failure::usage(message).help("make it again with this version"));
        }
        _ => {}
    }
    let file: File = serde_json::from_value(value).map_err(wrong)?;
    debug_assert_eq!(file.schema, SCHEMA);
    let Ok(ps) = file.time.ps.parse::<u128>() else {
        let message = format!("`{shown}` is damaged: `{}` is no time", file.time.ps);
        return Err(Failure::usage(message).help(help));
    };
    let Stop {
        reason,
        code,
        status,
        detail,
    } = file.stop;
    let more = status.map(|s| s.to_string()).or(detail);
    let more = more.map_or(String::new(), |m| {
        format!(" ({})", m.lines().next().unwrap_or_default())
    });
    Ok(Facts {
        label: label.to_owned(),
        firmware: file.firmware.path,
        sha256: file.firmware.sha256,
        machine: file.machine.name,
        seed: file.seed,
        end: Some(End {
            limit: reason == "limit",
            text: format!("{reason}{more}"),
            code,
        }),
        cycles: file.cycles,
        attoseconds: ps.saturating_mul(1_000_000),
        instructions: Some(file.instructions),
        ledger: Some(file.ledger),
        profile: file.profile,
    })
}
