//! Independent readers of exported files: other people's programs, and a parser of VCD that shares nothing with ours.
//!
//! A reader that is not installed skips its part of a test, loudly; with TICKSCOPE_REQUIRE_TOOLS set, it fails.

pub mod system;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn skip(what: &str) {
    let required = std::env::var_os("TICKSCOPE_REQUIRE_TOOLS").is_some();
    assert!(!required, "{what}, and TICKSCOPE_REQUIRE_TOOLS is set");
    eprintln!("skipped: {what}");
}

/// What a tool prints; `None` where it is not installed.
pub fn tool(name: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(name).args(arguments).output() {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            skip(&format!("{name} is not installed"));
            None
        }
        other => Some(said(name, &other.expect(name))),
    }
}

fn said(name: &str, out: &Output) -> String {
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{name}: {errors}");
    String::from_utf8(out.stdout.clone()).expect("text")
}

/// What one of the Python scripts beside this file prints.
pub fn python(script: &str, arguments: &[&str]) -> Option<String> {
    let script = script_path(script);
    let mut all = vec![script.as_str()];
    all.extend(arguments);
    tool("python3", &all)
}

/// As [`python`], with the PyPI package `perfetto`, which has the format's description.
pub fn python_with_perfetto(script: &str, arguments: &[&str]) -> Option<String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(perfetto_environment) {
        Ok(python) => {
            let mut command = Command::new(python);
            command.arg(script_path(script)).args(arguments);
            Some(said(script, &command.output().expect("runs")))
        }
        Err(e) => {
            skip(&format!(
                "the Python package perfetto cannot be installed: {e}"
            ));
            None
        }
    }
}

fn script_path(script: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers");
    folder.join(script).to_string_lossy().into_owned()
}

/// Makes a virtual environment in the target folder, once.
fn perfetto_environment() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("perfetto-venv");
    let python = folder.join("bin/python");
    let run = |command: &mut Command| match command.output() {
        Ok(out) if out.status.success() => Ok(()),
        Ok(out) => Err(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
        Err(e) => Err(e.to_string()),
    };
    let works =
        || run(Command::new(&python).args(["-c", "import perfetto.protos, google.protobuf"]));
    if works().is_ok() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let packages = ["perfetto", "protobuf"];
    run(Command::new(&python).args(pip).args(packages))?;
    works().map(|()| python)
}

/// What a VCD file holds.
#[derive(Debug, Default, PartialEq)]
pub struct Vcd {
    /// Names of the variables in their order, with kind and bits.
    pub variables: Vec<(String, String, u32)>,
    /// The value of each variable when recording began, by name.
    pub initial: BTreeMap<String, String>,
    /// (time, variable, value in binary without leading zeros), in the order of the file.
    pub changes: Vec<(u64, String, String)>,
    /// The last time in it.
    pub end: u64,
}

/// Read a VCD file of a recording that began at `start`.
pub fn vcd(text: &str, start: u64) -> Vcd {
    let mut vcd = Vcd::default();
    let mut names = BTreeMap::new();
    let (head, body) = text
        .split_once("$enddefinitions $end")
        .expect("definitions");
    for line in head
        .lines()
        .map(str::trim)
        .filter(|l| l.starts_with("$var"))
    {
        let f: Vec<&str> = line.split_whitespace().collect();
        let [_, kind, bits, id, name, "$end"] = f[..] else {
            panic!("{line}");
        };
        let bits = bits.parse().expect("bits");
        vcd.variables.push((name.to_owned(), kind.to_owned(), bits));
        names.insert(id, name);
    }
    for line in body.lines().map(str::trim).filter(|l| !l.is_empty()) {
        if let Some(time) = line.strip_prefix('#') {
            let time = time.parse().expect("a time");
            assert!(time >= vcd.end, "time goes back at {line}");
            vcd.end = time;
            continue;
        }
        if line.starts_with('$') {
            continue;
        }
        let (value, id) = match line.strip_prefix('b') {
            Some(vector) => vector.split_once(' ').expect("a vector"),
            None => line.split_at(1),
        };
        let value = match value.trim_start_matches('0') {
            "" => "0",
            v if v.bytes().all(|b| b == b'x') => "x",
            v => v,
        };
        let (name, value) = (names[id].to_owned(), value.to_owned());
        if vcd.end <= start {
            vcd.initial.insert(name, value);
        } else {
            vcd.changes.push((vcd.end, name, value));
        }
    }
    vcd
}
