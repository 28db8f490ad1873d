//! The study's tasks on real Rust schedulers run to their end on the modelled chip, and what their pins do is what such a
//! scheduler does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const MILLISECOND: u64 = 168_000;

fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("root").join("fixtures/study/rust")
}

fn elf(name: &str) -> PathBuf {
    folder().join(format!("elf/{name}.stm32f407.elf"))
}

fn tickscope(arguments: &[&str], firmware: &str) -> Output {
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(arguments)
        .arg(elf(firmware))
        .env_remove("TICKSCOPE_MACHINE")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{firmware}: {text}");
    out
}

/// Edges of each pin (cycle, level) with a 997 Hz wave on PA0.
struct Run {
    console: String,
    pins: BTreeMap<String, Vec<(u64, bool)>>,
}

impl Run {
    fn new(firmware: &str) -> Run {
        let temporary = tempfile::tempdir().expect("tempdir");
        let csv = temporary.path().join("edges.csv");
        let machine = folder().join("discovery-wave.toml");
        let (csv, machine) = (csv.to_string_lossy(), machine.to_string_lossy());
        let out = tickscope(
            &["trace", "--strict", "-q", "-m", &machine, "-o", &csv],
            firmware,
        );
        let mut pins = BTreeMap::<String, Vec<(u64, bool)>>::new();
        for line in std::fs::read_to_string(&*csv)
            .expect("edges")
            .lines()
            .skip(1)
        {
            let fields: Vec<&str> = line.split(',').collect();
            let edge = (fields[0].parse().expect("cycles"), fields[3] == "1");
            pins.entry(fields[2].to_owned()).or_default().push(edge);
        }
        let console = String::from_utf8(out.stdout).expect("text");
        Run { console, pins }
    }

    fn rises(&self, pin: &str) -> Vec<u64> {
        let edges = self.pins[pin].iter();
        edges.filter(|e| e.1).map(|e| e.0).collect()
    }

    /// From the first to the last toggle of the tick, and the least and the most between two.
    fn tick(&self) -> (u64, u64, u64) {
        let edges = &self.pins["PD12"];
        assert_eq!(edges.len(), 1000, "a toggle for each tick");
        let periods = edges.windows(2).map(|e| e[1].0 - e[0].0);
        (
            edges[999].0 - edges[0].0,
            periods.clone().min().expect("periods"),
            periods.max().expect("periods"),
        )
    }

    /// Cycles from each rise of `from` to the next one of `to`, the longest.
    fn longest(&self, from: &str, to: &str) -> u64 {
        let to = self.rises(to);
        let waits = self.rises(from).into_iter().filter_map(|edge| {
            let next = to.partition_point(|&t| t < edge);
            to.get(next).map(|t| t - edge)
        });
        waits.max().expect("edges")
    }
}

fn check_the_results(run: &Run, name: &str, workers: usize) {
    let mut lines = run.console.lines();
    let head = format!("{name}: {workers} workers, 1000 ticks");
    assert_eq!(lines.next(), Some(head.as_str()));
    assert_eq!(lines.next_back(), Some("passed"), "{}", run.console);
    let right = run.console.lines().filter(|l| l.ends_with(": ok")).count();
    assert_eq!(right, workers);
    // Each job holds its worker's pin high once: worker 0 every 2 ms in 1 s.
    assert_eq!(run.rises("PE0").len(), 500);
    let pins = run.pins.keys().filter(|p| p.starts_with("PE")).count();
    assert_eq!(pins, workers);
    // The interrupt is handled whatever the tasks do: masked for as long as a scheduler is in a critical section.
    assert_eq!(run.rises("PD13").len(), run.rises("PA0").len());
    assert!(run.longest("PA0", "PD13") < 1500);
}

/// With a priority of its own the tick moves by what the scheduler masks, and every edge is answered at once.
fn preempts(file: &str, name: &str, workers: usize) {
    let run = Run::new(file);
    check_the_results(&run, name, workers);
    let (whole, least, most) = run.tick();
    assert!(
        whole.abs_diff(999 * MILLISECOND) < 5000,
        "{file}: {whole} cycles"
    );
    assert!(
        most - least < MILLISECOND / 50,
        "{file}: {least} to {most} cycles"
    );
    assert!(
        least < most,
        "{file}: other tasks and interrupts do move the tick"
    );
    assert_eq!(run.rises("PD14").len(), run.rises("PA0").len());
    assert!(run.longest("PA0", "PD14") < 2500);
}

/// On one executor the tick waits for the job that runs, and edges share an answer.
fn cooperates(file: &str, name: &str, workers: usize) {
    let run = Run::new(file);
    check_the_results(&run, name, workers);
    let (_, least, most) = run.tick();
    assert!(
        least < MILLISECOND / 10 && most > MILLISECOND,
        "{file}: {least} to {most} cycles"
    );
    assert!(run.rises("PD14").len() < run.rises("PA0").len());
    assert!(run.longest("PA0", "PD14") > MILLISECOND);
}

#[test]
fn rtic_preempts() {
    preempts("rtic-4", "rtic", 4);
    preempts("rtic-16", "rtic", 16);
}

#[test]
fn embassy_with_two_executors_preempts() {
    preempts("embassy-two-4", "embassy-two", 4);
    preempts("embassy-two-16", "embassy-two", 16);
}

#[test]
fn embassy_with_one_executor_cooperates() {
    cooperates("embassy-one-4", "embassy-one", 4);
    cooperates("embassy-one-16", "embassy-one", 16);
}

#[test]
fn a_profile_has_their_functions_by_name() {
    for (file, scheduler) in [
        ("rtic-4", "rtic_time::timer_queue"),
        ("embassy-two-4", "embassy_executor::raw"),
    ] {
        let out = tickscope(&["profile", "--strict", "-q", "--top", "40"], file);
        let text = String::from_utf8_lossy(&out.stdout);
        let first = text.lines().nth(1).expect("a row");
        assert!(
            first.contains("work::advance") || first.contains("[sleep]"),
            "{text}"
        );
        assert!(text.contains("work::advance"), "{text}");
        assert!(text.contains(scheduler), "{text}");
    }
}

#[test]
fn the_files_are_those_of_the_list() {
    let out = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(folder())
        .output();
    let out = match out {
        Ok(out) => out,
        Err(e) => return eprintln!("skipped: sha256sum: {e}"),
    };
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stdout)
    );
}

#[test]
fn the_files_are_what_their_sources_give() {
    let script = folder().join("build.sh");
    let out = Command::new(script).arg("--check").output().expect("runs");
    let text = String::from_utf8_lossy(&out.stderr);
    match out.status.code() {
        Some(0) => {}
        Some(77) => eprintln!("skipped: {text}"),
        _ => panic!("{}{text}", String::from_utf8_lossy(&out.stdout)),
    }
}
