//! The scheduler study: its firmware runs well, its bench files make sense, quick benches agree with their baselines to the
//! cycle, and the example's page shows what the baselines say.

use harness::bench::baseline::{self, Baseline};
use harness::bench::{self, Bench, table};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("root")
}

fn example() -> PathBuf {
    root().join("examples/scheduler-study")
}

fn tickscope() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickscope"));
    command
        .env_remove("TICKSCOPE_MACHINE")
        .env_remove("GITHUB_ACTIONS")
        .stdin(std::process::Stdio::null());
    command
}

/// Files of a folder with this ending, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).expect("a folder");
    let all = all.map(|entry| entry.expect("an entry").path());
    let name = |p: &PathBuf| p.file_name().map(|n| n.to_string_lossy().into_owned());
    let mut files: Vec<PathBuf> = all
        .filter(|p| name(p).is_some_and(|n| n.ends_with(ending)))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

fn benches() -> Vec<PathBuf> {
    let mut files = files(&example(), ".toml");
    files.retain(|f| !f.ends_with("wired.toml"));
    files
}

fn opened(file: &Path) -> Bench {
    let bench = Bench::open(file, false).and_then(|b| bench::check(&b).map(|()| b));
    bench.unwrap_or_else(|e| panic!("{}: {}", file.display(), e.message))
}

/// Run each firmware to its own end; it must be status 0 and nothing unmodelled.
fn all_end_well(files: Vec<PathBuf>, arguments: &(dyn Fn(&str) -> Vec<&'static str> + Sync)) {
    let left = Mutex::new(files);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(file) = left.lock().expect("a lock").pop() else {
                        return;
                    };
                    let name = file.file_name().expect("a name").to_string_lossy();
                    let out = tickscope()
                        .args(["run", "--strict", "--quiet", "--for", "10s"])
                        .args(arguments(&name))
                        .arg(&file)
                        .output()
                        .expect("runs");
                    let said = String::from_utf8_lossy(&out.stdout);
                    let error = String::from_utf8_lossy(&out.stderr);
                    assert_eq!(out.status.code(), Some(0), "{name}: {said}{error}");
                    assert!(said.trim_end().ends_with(": ok"), "{name}: {said}");
                }
            });
        }
    });
}

#[test]
fn kernels_end_well() {
    let folder = root().join("fixtures/study/elf");
    all_end_well(
        files(&folder, ".elf"),
        &|name| match name.starts_with("readytest") {
            true => vec![],
            false => vec!["--poke", "study_ticks=50"],
        },
    );
}

#[test]
fn collectors_and_allocators_end_well() {
    let folder = root().join("fixtures/study/gc/elf");
    all_end_well(files(&folder, ".elf"), &|_| vec!["--poke", "study_ms=100"]);
}

fn rebuilt(script: &str) {
    let script = root().join(script);
    let out = Command::new(script).arg("--check").output().expect("runs");
    let text = String::from_utf8_lossy(&out.stderr);
    match out.status.code() {
        Some(0) => {}
        Some(77) => eprintln!("skipped: {text}"),
        _ => panic!("{}{text}", String::from_utf8_lossy(&out.stdout)),
    }
}

#[test]
fn the_kernels_are_what_their_sources_give() {
    rebuilt("fixtures/study/build.sh");
}

#[test]
fn the_collectors_are_what_their_sources_give() {
    rebuilt("fixtures/study/gc/build.sh");
}

#[test]
fn every_bench_file_lists_its_runs() {
    for file in benches() {
        let out = tickscope()
            .args(["bench", "--list"])
            .arg(&file)
            .output()
            .expect("runs");
        let error = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(0), "{}: {error}", file.display());
        assert!(!out.stdout.is_empty());
    }
}

/// Budgets and every figure of the baseline, by the real tool.
fn holds(name: &str, runs: usize) {
    let out = tickscope()
        .args(["bench", "--jobs", "2"])
        .arg(example().join(name))
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&out.stdout);
    let error = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{said}{error}");
    assert_eq!(said.matches("pass  ").count(), runs, "{said}");
}

#[test]
fn latency_on_two_machines_is_what_it_was() {
    holds("latency-gpio.toml", 2);
    holds("latency-exti.toml", 4);
}

#[test]
fn workers_are_what_they_were() {
    holds("workers.toml", 4);
}

#[test]
fn a_figure_that_differs_from_the_baseline_fails() {
    let temporary = tempfile::tempdir().expect("tempdir");
    let text = std::fs::read_to_string(example().join("latency-gpio.toml")).expect("a bench");
    let firmware = root().join("fixtures");
    let text = text.replace("../../fixtures", &firmware.to_string_lossy());
    let figures = std::fs::read_to_string(example().join("baseline/latency-gpio.toml"));
    let figures = figures.expect("a baseline");
    let changed = figures.replacen(
        "\"duration.max\" = \"67cy\"",
        "\"duration.max\" = \"66cy\"",
        1,
    );
    assert_ne!(figures, changed);
    std::fs::create_dir(temporary.path().join("baseline")).expect("a folder");
    std::fs::write(temporary.path().join("baseline/latency-gpio.toml"), changed).expect("writes");
    let file = temporary.path().join("bench.toml");
    std::fs::write(&file, text).expect("writes");
    let out = tickscope().arg("bench").arg(&file).output().expect("runs");
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(said.contains("it was 66cy, it is 67cy"), "{said}");
}

/// What stands between the markers of a part.
fn results<'a>(page: &'a str, part: &str) -> Option<&'a str> {
    let (_, after) = page.split_once(&format!("<!-- results: {part} -->\n"))?;
    Some(after.split_once("<!-- end -->")?.0.trim())
}

#[test]
fn the_page_shows_what_the_baselines_say() {
    let page = std::fs::read_to_string(example().join("README.md")).expect("the page");
    for file in benches() {
        let bench = opened(&file);
        let name = file.file_stem().expect("a name").to_string_lossy();
        let figures = baseline::path(&bench).unwrap_or_else(|| panic!("{name} has no baseline"));
        let figures = Baseline::read(&figures, false).unwrap_or_else(|e| panic!("{}", e.message));
        // Times are shown of the STM32F407 only.
        let wanted = table::from_baseline(&bench, &figures, 168e6);
        let wanted = wanted.unwrap_or_else(|e| panic!("{name}: {}", e.message));
        let shown = results(&page, &name).unwrap_or_else(|| panic!("no place for {name}"));
        assert!(
            shown == wanted.trim(),
            "README.md is stale: run examples/scheduler-study/run.sh {name}\n{shown}\n{wanted}"
        );
        for plot in &bench.file.plot {
            let link = format!("](plots/{})", plot.file.value);
            assert!(page.contains(&link), "{name}: the page has no {link}");
            let picture = example().join("plots").join(&plot.file.value);
            let size = std::fs::metadata(&picture).expect("a picture").len();
            assert!(size < 100_000, "{}: {size} bytes", picture.display());
        }
    }
    for part in ["memory", "gc-memory", "fragmentation"] {
        let table = results(&page, part).unwrap_or_else(|| panic!("no place for {part}"));
        assert!(table.lines().count() > 5, "{part}: {table}");
    }
}
