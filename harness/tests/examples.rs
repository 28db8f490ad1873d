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

/// A bench in a folder of this repository, its result as values.
fn bench(folder: &str, arguments: &[&str]) -> (Output, Vec<Value>) {
    let temporary = tempfile::tempdir().expect("tempdir");
    let file = temporary.path().join("r.ndjson");
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(["bench", "bench.toml", "--ndjson"])
        .arg(&file)
        .args(arguments)
        .current_dir(root().join(folder))
        .env_remove("TICKSCOPE_MACHINE")
        .env_remove("GITHUB_ACTIONS")
        .output()
        .expect("runs");
    let result = std::fs::read_to_string(&file).unwrap_or_default();
    (out, values(&result))
}

fn values(lines: &str) -> Vec<Value> {
    let all = lines.lines().map(serde_json::from_str);
    all.collect::<Result<_, _>>().expect("JSON")
}

#[test]
fn the_sample_of_results_is_what_the_bench_gives() {
    let (out, now) = bench("examples/pytest", &[]);
    assert!(out.status.success(), "{}", text(&out));
    let shape = |all: &[Value]| -> Vec<String> {
        let line = |v: &Value| {
            let fields: Vec<&String> = v.as_object().expect("an object").keys().collect();
            format!("{fields:?} {} {} {}", v["type"], v["run"], v["metric"])
        };
        all.iter().map(line).collect()
    };
    let sample = values(&read("examples/pytest/result.ndjson"));
    assert_eq!(shape(&now), shape(&sample));
}

#[test]
fn the_example_of_a_bench_passes_against_its_baseline() {
    let (out, result) = bench("examples/bench", &[]);
    assert!(out.status.success(), "{}", text(&out));
    assert_eq!(result.last().expect("a summary")["runs"], 8);
    // And the baseline is what --bless writes.
    let temporary = tempfile::tempdir().expect("tempdir");
    let elsewhere =
        read("examples/bench/bench.toml").replace("../../", &format!("{}/", root().display()));
    let file = temporary.path().join("bench.toml");
    std::fs::write(&file, elsewhere).expect("written");
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(["bench", "--bless", "-q"])
        .arg(&file)
        .output()
        .expect("runs");
    assert!(out.status.success(), "{}", text(&out));
    let blessed = std::fs::read_to_string(temporary.path().join("baseline.toml")).expect("blessed");
    assert!(
        blessed == read("examples/bench/baseline.toml"),
        "bless it again"
    );
}

/// Names of all keys in a part of a JSON schema.
fn keys(schema: &Value, part: &Value, into: &mut Vec<String>) {
    let properties = part["properties"].as_object();
    for (name, value) in properties.into_iter().flatten() {
        into.push(name.clone());
        // Stimuli have a page of their own; so have pictures and tables for a README.
        if !["stimuli", "plot", "table"].contains(&name.as_str()) {
            nested(schema, value, into);
        }
    }
}

fn nested(schema: &Value, value: &Value, into: &mut Vec<String>) {
    if let Some(name) = value["$ref"].as_str() {
        let name = name.rsplit('/').next().expect("a name");
        keys(schema, &schema["$defs"][name], into);
    }
    for list in ["allOf", "anyOf", "oneOf"] {
        for one in value[list].as_array().into_iter().flatten() {
            nested(schema, one, into);
        }
    }
    if value["items"].is_object() {
        nested(schema, &value["items"], into);
    }
    keys(schema, value, into);
}

#[test]
fn the_reference_of_bench_files_is_complete() {
    let page = read("examples/bench/README.md");
    let schema: Value =
        serde_json::from_str(&read("harness/schema/bench.schema.json")).expect("JSON");
    let mut all = Vec::new();
    keys(&schema, &schema, &mut all);
    for key in [
        "warmup", "deadline", "within", "where", "settings", "require",
    ] {
        assert!(all.iter().any(|k| k == key), "{key} is not in {all:?}");
    }
    for key in all {
        let told = [
            format!("`{key}`"),
            format!("`[{key}]`"),
            format!("`[[{key}]]`"),
            format!("`[{key}.NAME]`"),
        ];
        assert!(told.iter().any(|t| page.contains(t)), "nothing about {key}");
    }
    for (pattern, about) in harness::metrics::name::Metric::patterns() {
        let row = page
            .lines()
            .find(|l| l.starts_with(&format!("| `{pattern}` | ")));
        assert!(
            row.is_some_and(|r| r.len() > pattern.len() + 15),
            "nothing about {pattern}: {about}"
        );
    }
    let rows = page.lines().filter(|l| l.starts_with("| `")).count();
    assert!(rows > 60, "{rows}");
    let help = |command: &str| {
        let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
            .args([command, "--help"])
            .output();
        String::from_utf8(out.expect("runs").stdout).expect("text")
    };
    let bench = help("bench");
    for word in bench
        .split_whitespace()
        .filter(|w| w.starts_with("--") && w.len() > 2)
    {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphabetic() && c != '-');
        let known = ["--help", "--quiet", "--version"].contains(&word) || page.contains(word);
        assert!(known, "nothing about {word}");
    }
    let codes = bench.split("Exit codes:").nth(1).expect("exit codes");
    for code in codes.lines().filter_map(|l| l.split_whitespace().next()) {
        assert!(
            page.contains(&format!("\n| {code} | ")),
            "nothing about exit code {code}"
        );
    }
    // Each kind of signal that the help names.
    let signals = help("jitter");
    let signals = signals.split("Signals:").nth(1).expect("signals");
    let kinds = signals.split_whitespace().filter_map(|w| w.split_once(':'));
    for (kind, _) in
        kinds.filter(|(k, rest)| !rest.is_empty() && k.chars().all(|c| c.is_ascii_lowercase()))
    {
        assert!(page.contains(&format!("`{kind}:")), "nothing about {kind}:");
    }
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
    let verdict = "fw=rtic-4 tick period.pp budget <= 10us] PASSED";
    assert!(text(&out).contains(verdict), "{}", text(&out));

    let bad = good
        .replacen(
            "\"got\":\"908cy\",\"kind\":\"budget\",\"message\":\"\",\"metric\":\"period.pp\",\"run\":\"fw=rtic-4\",\"signal\":\"tick\",\"status\":\"pass\"",
            "\"got\":\"1908cy\",\"kind\":\"budget\",\"message\":\"\",\"metric\":\"period.pp\",\"run\":\"fw=rtic-4\",\"signal\":\"tick\",\"status\":\"fail\",\"place\":{\"file\":\"src/main.rs\",\"line\":7,\"cycle\":1}",
            1,
        )
        .replace("\"exit_code\":0", "\"exit_code\":1");
    let out = pytest(&bad).expect("it was there");
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    for part in ["wanted <= 10us, got 1908cy", "src/main.rs:7", "2 failed"] {
        assert!(text(&out).contains(part), "{part}: {}", text(&out));
    }

    // A run that was killed has no summary: pytest refuses it before any test.
    let cut = &good[..=good
        .trim_end()
        .rfind('\n')
        .expect("a line before the summary")];
    let out = pytest(cut).expect("it was there");
    assert_eq!(out.status.code(), Some(4), "{}", text(&out));
    assert!(text(&out).contains("no summary"), "{}", text(&out));
}
