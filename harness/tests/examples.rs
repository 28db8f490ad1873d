//! What a user copies from `examples/`, run as far as it runs without GitHub and TinyGo.
//!
//! Tests that need Python's yaml or pytest, or Rust's library for Cortex-M, say so and pass where these are not installed;
//! with `TICKSCOPE_REQUIRE_TOOLS` in the environment that is a failure.

mod github_action;

use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("root").to_owned()
}

fn fixture(name: &str) -> PathBuf {
    root().join("fixtures/elf").join(name)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

fn text(out: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    )
}

/// PATH with the tickscope that was just built in front.
fn path() -> OsString {
    let bin = Path::new(env!("CARGO_BIN_EXE_tickscope"));
    path_with(bin.parent().expect("folder"))
}

fn path_with(folder: &Path) -> OsString {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&old));
    std::env::join_paths(all).expect("PATH")
}

fn skip(why: &str) {
    assert!(
        std::env::var_os("TICKSCOPE_REQUIRE_TOOLS").is_none(),
        "{why}"
    );
    eprintln!("skipped: {why}");
}

/// Python, when it has these modules.
fn python(modules: &str) -> Option<Command> {
    let mut command = Command::new("python3");
    // `./check` puts what it installs there.
    let mut search = vec![root().join("target/tools")];
    search.extend(std::env::split_paths(
        &std::env::var_os("PYTHONPATH").unwrap_or_default(),
    ));
    let search = std::env::join_paths(search).expect("PYTHONPATH");
    command.env("PYTHONPATH", &search).arg("-B");
    let probe = Command::new("python3")
        .env("PYTHONPATH", &search)
        .args(["-c", &format!("import {modules}")])
        .output();
    if probe.is_ok_and(|out| out.status.success()) {
        return Some(command);
    }
    skip(&format!("python3 with {modules} is not installed"));
    None
}

#[test]
fn each_example_is_listed() {
    let list = read("examples/README.md");
    for entry in std::fs::read_dir(root().join("examples")).expect("examples") {
        let entry = entry.expect("entry");
        let name = entry.file_name().into_string().expect("a name");
        if entry.path().is_dir() {
            assert!(list.contains(&format!("({name}/")), "no link to {name}/");
            assert!(
                entry.path().join("README.md").is_file(),
                "{name} has no README"
            );
        }
    }
}

#[test]
fn the_cargo_runner_runs_a_firmware() {
    let config: toml::Table = read("examples/cargo-runner/.cargo/config.toml")
        .parse()
        .expect("TOML");
    let runner = config["target"]["cfg(target_os = \"none\")"]["runner"].as_str();
    // As cargo does: words, then the program.
    let mut words = runner.expect("a line").split_whitespace();
    let out = Command::new(words.next().expect("a program"))
        .args(words)
        .arg(fixture("intbench.stm32f407.elf"))
        .env("PATH", path())
        .output()
        .expect("runs");
    assert!(out.status.success(), "{}", text(&out));
}

#[test]
fn cargo_run_runs_the_example() {
    let target = "thumbv7em-none-eabihf";
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .expect("rustc");
    let sysroot = String::from_utf8(sysroot.stdout).expect("a path");
    let library = Path::new(sysroot.trim()).join("lib/rustlib").join(target);
    if !library.is_dir() {
        return skip(&format!("Rust's library for {target} is not installed"));
    }
    let temporary = tempfile::tempdir().expect("tempdir");
    let run = |runner: Option<&str>| {
        let mut command = Command::new("cargo");
        command
            .args(["run", "--quiet", "--locked", "--offline"])
            .current_dir(root().join("examples/cargo-runner"))
            .env("PATH", path())
            .env("CARGO_TARGET_DIR", temporary.path())
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("TICKSCOPE_MACHINE");
        if let Some(runner) = runner {
            command.env("CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUNNER", runner);
        }
        let out = command.output().expect("runs");
        assert!(out.status.success(), "{}", text(&out));
        String::from_utf8(out.stdout).expect("text")
    };
    assert_eq!(run(None), "hello from cargo run\n");
    let table = run(Some("tickscope profile -m stm32f4discovery --top 20"));
    assert!(table.contains("reset"), "{table}");
}

/// The command line that TinyGo makes of a target's emulator: it splits as a shell does, then replaces in each word.
fn tinygo(target: &str, elf: &Path) -> Vec<String> {
    let target: Value = serde_json::from_str(&read(target)).expect("JSON");
    assert_eq!(target["inherits"][0], "stm32f4disco");
    let line = target["emulator"].as_str().expect("a line");
    assert!(
        !line.contains(['"', '\'', '\\', '#']),
        "this split knows no quotes: {line}"
    );
    let words: Vec<String> = line
        .split_whitespace()
        .map(|word| word.replace("{}", &elf.to_string_lossy()))
        .collect();
    // A single word is no emulator for TinyGo; a line without the file would run nothing.
    assert!(words.len() > 1 && words.contains(&elf.to_string_lossy().into_owned()));
    words
}

fn run(words: &[String]) -> Output {
    Command::new(&words[0])
        .args(&words[1..])
        .env("PATH", path())
        .stdin(Stdio::null())
        .output()
        .expect("runs")
}

#[test]
fn tinygo_runs_a_firmware() {
    let temporary = tempfile::tempdir().expect("tempdir");
    let elf = temporary.path().join("a b.elf");
    std::fs::copy(fixture("intbench.stm32f407.elf"), &elf).expect("copied");
    let words = tinygo("examples/tinygo/tickscope-stm32f4disco.json", &elf);
    let out = run(&words);
    assert!(out.status.success(), "{}", text(&out));
}

#[test]
fn tinygo_tests_pass_when_the_console_says_so() {
    // A firmware that greets and then waits for ever stands for a test binary; `type` is in its greeting.
    let elf = fixture("echo.stm32f407.elf");
    let words = tinygo("examples/tinygo/tickscope-stm32f4disco-test.json", &elf);
    let out = run(&words);
    assert_eq!(out.status.code(), Some(124), "{}", text(&out));
    let greeted: Vec<String> = words.iter().map(|w| w.replace("PASS", "type")).collect();
    assert_ne!(greeted, words);
    let out = run(&greeted);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
}

fn in_pytest_folder(mut command: Command, arguments: &[&str]) -> Output {
    let folder = root().join("examples/pytest");
    let command = command.args(arguments).current_dir(folder);
    command.output().expect("runs")
}

#[test]
fn the_reader_passes_its_own_tests() {
    let Some(python) = python("unittest") else {
        return;
    };
    let out = in_pytest_folder(python, &["-m", "unittest"]);
    assert!(out.status.success(), "{}", text(&out));
    assert!(text(&out).contains("Ran 7 tests"), "{}", text(&out));
}

#[test]
fn pytest_shows_each_verdict() {
    let temporary = tempfile::tempdir().expect("tempdir");
    let pytest = |content: &str| {
        let file = temporary.path().join("r.ndjson");
        std::fs::write(&file, content).expect("written");
        let option = format!("--tickscope={}", file.display());
        let python = python("pytest")?;
        let arguments = ["-m", "pytest", "-p", "no:cacheprovider", "-v", &option];
        Some(in_pytest_folder(python, &arguments))
    };
    let good = read("examples/pytest/result.ndjson");
    let Some(out) = pytest(&good) else { return };
    assert!(out.status.success(), "{}", text(&out));
    let verdict = "tick period.pp budget <= 1000cy] PASSED";
    assert!(text(&out).contains(verdict), "{}", text(&out));

    let bad = good
        .replacen(
            "\"got\":\"935cy\",\"status\":\"pass\"",
            "\"got\":\"1935cy\",\"status\":\"fail\",\"file\":\"src/main.rs\",\"line\":7",
            1,
        )
        .replace("\"exit_code\":0", "\"exit_code\":1");
    let out = pytest(&bad).expect("it was there");
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    for part in ["wanted <= 1000cy, got 1935cy", "src/main.rs:7", "2 failed"] {
        assert!(text(&out).contains(part), "{part}: {}", text(&out));
    }

    // A run that was killed has no summary: pytest refuses it before any test.
    let cut = &good[..good.find("{\"type\":\"summary\"").expect("a summary")];
    let out = pytest(cut).expect("it was there");
    assert_eq!(out.status.code(), Some(4), "{}", text(&out));
    assert!(text(&out).contains("no summary"), "{}", text(&out));
}
