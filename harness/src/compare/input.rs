//! What sort of file something is, and what can be compared with what.

use crate::failure::Failure;
use crate::recording::is_capture;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// Something to run.
    Firmware,
    /// A recorded run.
    Capture,
    /// `result.json` of a run.
    RunResult,
    /// `result.ndjson` of a bench.
    BenchResult,
}

impl Input {
    fn name(self) -> &'static str {
        match self {
            Input::Firmware => "firmware to run",
            Input::Capture => "a capture",
            Input::RunResult => "the result of a run",
            Input::BenchResult => "the result of a bench",
        }
    }

    /// Is it a run that has, or will have, a capture?
    #[must_use]
    pub fn is_run(self) -> bool {
        matches!(self, Input::Firmware | Input::Capture)
    }
}

/// What a file is, by its first bytes. `raw` when there is a load address: then only a capture is no firmware.
///
/// # Errors
/// A [`Failure`] for JSON that is nothing of these, and for a file that cannot be read.
pub fn input(path: &Path, raw: bool) -> Result<Input, Failure> {
    if is_capture(path) {
        return Ok(Input::Capture);
    }
    let unreadable = |e: std::io::Error| {
        Failure::usage(format!("cannot read `{}`: {e}", path.display()))
            .help("give firmware, captures, or results (result.json, result.ndjson)")
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if raw || path.is_dir() {
        return Ok(Input::Firmware);
    }
    let mut first = Vec::new();
    let mut reader = BufReader::new(file.take(1 << 16));
    reader.read_until(b'\n', &mut first).map_err(unreadable)?;
    let text = String::from_utf8_lossy(&first);
    if !text.trim_start().starts_with('{') {
        return Ok(Input::Firmware);
    }
    // An object on one line is a line of NDJSON; a result.json is spread over many.
    let line: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let kind = line.as_ref().and_then(|l| l["type"].as_str());
    match kind {
        Some("bench") => Ok(Input::BenchResult),
        Some("run" | "metric" | "verdict" | "summary") => {
            let message = format!(
                "`{}` does not begin as the result of a bench does",
                path.display()
            );
            let help = "give a whole file that `tickscope bench --ndjson FILE` has written; for other figures, compare the captures or firmware that they are of";
            Err(Failure::usage(message).help(help))
        }
        Some(kind) => {
            let message = format!("`{}` holds lines of type `{kind}`", path.display());
            Err(Failure::usage(message).help("give result.ndjson of `tickscope bench`"))
        }
        None => Ok(Input::RunResult),
    }
}

/// Can these be compared? Runs with runs, results with results of the same sort.
///
/// # Errors
/// A [`Failure`] that names two files that do not go together.
pub fn check(inputs: &[(&Path, Input)]) -> Result<(), Failure> {
    let Some(&(first, kind)) = inputs.first() else {
        return Ok(());
    };
    if inputs.len() < 2 {
        let message = format!("`{}` has nothing to be compared with", first.display());
        let help = "give two or more: tickscope compare OLD.elf NEW.elf --for 1s";
        return Err(Failure::usage(message).help(help));
    }
    let fits = |other: Input| other == kind || other.is_run() && kind.is_run();
    match inputs.iter().find(|i| !fits(i.1)) {
        None => Ok(()),
        Some((path, other)) => {
            let message = format!(
                "`{}` is {}, and `{}` is {}: they cannot be compared",
                first.display(),
                kind.name(),
                path.display(),
                other.name()
            );
            let help = "firmware goes with firmware and captures, results with results of the same command";
            Err(Failure::usage(message).help(help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("x");
        let of = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            input(&path, false).map_err(|f| f.to_string())
        };
        assert_eq!(of(b"TICKCAP\n\x02\x00"), Ok(Input::Capture));
        assert_eq!(of(b"\x7fELF\x01"), Ok(Input::Firmware));
        assert_eq!(of(b":10000000"), Ok(Input::Firmware));
        assert_eq!(of(b"{\n  \"schema\": 1"), Ok(Input::RunResult));
        assert_eq!(
            of(b"{\"type\":\"bench\",\"schema\":1}\n{"),
            Ok(Input::BenchResult)
        );
        let jitter = of(b"{\"type\":\"metric\",\"run\":\"a\"}\n").expect_err("foreign");
        assert!(jitter.contains("does not begin"), "{jitter}");
        assert_eq!(input(&path, true).ok(), Some(Input::Firmware));
        assert!(input(&dir.path().join("none"), false).is_err());
    }

    #[test]
    fn only_what_fits_is_compared() {
        let (a, b) = (Path::new("a"), Path::new("b"));
        use Input::{BenchResult, Capture, Firmware, RunResult};
        assert!(check(&[(a, Firmware), (b, Capture)]).is_ok());
        assert!(check(&[(a, BenchResult), (b, BenchResult)]).is_ok());
        assert!(check(&[(a, Firmware)]).is_err());
        for (x, y) in [
            (Firmware, RunResult),
            (Capture, BenchResult),
            (RunResult, BenchResult),
        ] {
            let e = check(&[(a, x), (b, y)]).expect_err("no").to_string();
            assert!(e.contains("`a`") && e.contains("`b`"), "{e}");
        }
    }
}
