//! `tickscope profile` on fixtures: the table, folded stacks, callgrind and JSON all sum to the run.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

/// Interrupts, WFI, wait states, peripherals; tasks and a context switch; an M0.
const FIXTURES: [&str; 4] = [
    "blinky.stm32f407",
    "kernel-8.stm32f407",
    "intbench.cortex-m4f",
    "exceptions.cortex-m0",
];

fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let elf = root.expect("root").join("fixtures/elf");
    elf.join(format!("{name}.elf"))
        .to_string_lossy()
        .into_owned()
}

fn profile(name: &str, arguments: &[&str]) -> Output {
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(["profile", &fixture(name), "--for", "30ms"])
        .args(arguments)
        .env_remove("TICKSCOPE_MACHINE")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{name}: {said}");
    out
}

fn text(out: &Output) -> String {
    String::from_utf8(out.stdout.clone()).expect("UTF-8")
}

/// Cycles of the run, from the line that ends it.
fn cycles(out: &Output) -> u64 {
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let (_, rest) = said.rsplit_once("at cycle ").expect("the run's end");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[test]
fn the_table_sums_to_the_run() {
    for name in FIXTURES {
        for arguments in [&["--top", "4"][..], &["--top", "0"], &["--lines"]] {
            let out = profile(name, arguments);
            let text = text(&out);
            let first = |l: &str| {
                l.split_whitespace()
                    .next()
                    .and_then(|n| n.parse::<u64>().ok())
            };
            let mut figures: Vec<u64> = text.lines().skip(1).filter_map(first).collect();
            let all = figures.pop().expect("the last row");
            assert_eq!(all, cycles(&out), "{name}: {text}");
            assert_eq!(figures.iter().sum::<u64>(), all, "{name}: {text}");
            if arguments[0] == "--top" && arguments[1] == "4" {
                assert_eq!(figures.len(), 5, "{text}");
            }
        }
    }
    let out = profile("blinky.stm32f407", &[]);
    let text = text(&out);
    for part in [
        "[sleep]",
        "[exception 15 SysTick]",
        "board_init  board_stm32f407.c:",
    ] {
        assert!(text.contains(part), "`{part}`:\n{text}");
    }
    let lines = text_of_lines();
    assert!(lines.contains("board_stm32f407.c:"), "{lines}");
}

fn text_of_lines() -> String {
    text(&profile("blinky.stm32f407", &["--lines"]))
}

#[test]
fn folded_stacks_sum_to_the_run() {
    for name in FIXTURES {
        let out = profile(name, &["--folded", "-"]);
        let text = text(&out);
        let sum: u64 = text
            .lines()
            .map(|l| {
                l.rsplit_once(' ')
                    .expect("path and cycles")
                    .1
                    .parse::<u64>()
                    .expect(l)
            })
            .sum();
        assert_eq!(sum, cycles(&out), "{name}");
        let mut sorted: Vec<&str> = text.lines().collect();
        sorted.dedup_by_key(|l| l.rsplit_once(' ').expect("path").0);
        assert_eq!(sorted.len(), text.lines().count(), "each path once");
    }
    let stacks = text(&profile("blinky.stm32f407", &["--folded", "-"]));
    assert!(
        stacks.contains("reset_handler;main;print;console_put "),
        "{stacks}"
    );
    assert!(
        stacks.contains("[exception 15 SysTick];systick_handler "),
        "{stacks}"
    );
    // Tasks have paths of their own, and do not hang below whatever ran before them.
    let stacks = text(&profile("kernel-8.stm32f407", &["--folded", "-"]));
    assert!(
        stacks.lines().any(|l| l.starts_with("work;k_wait ")),
        "{stacks}"
    );
    assert!(stacks.lines().all(|l| !l.contains(";work")), "{stacks}");
}

/// What a callgrind file says, read by the letter of its format.
#[derive(Default)]
struct Callgrind {
    summary: Vec<u64>,
    own: BTreeMap<String, u64>,
    instructions: u64,
    /// Caller, callee: calls and inclusive cycles.
    calls: BTreeMap<(String, String), (u64, u64)>,
}

fn parse(text: &str) -> Callgrind {
    let mut all = Callgrind::default();
    let mut names: BTreeMap<(char, String), String> = BTreeMap::new();
    let mut name = |kind: char, value: &str| match value.split_once(") ") {
        Some((id, name)) => {
            let old = names.insert((kind, format!("{id})")), name.to_owned());
            assert!(old.is_none(), "{value} is named twice");
            name.to_owned()
        }
        None => names.get(&(kind, value.to_owned())).expect(value).clone(),
    };
    let number = |n: &str| match n.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).expect(n),
        None => n.parse().expect(n),
    };
    let (mut function, mut callee, mut pending) = (String::new(), String::new(), None);
    assert_eq!(text.lines().next(), Some("# callgrind format"));
    for line in text.lines().skip(1).filter(|l| !l.is_empty()) {
        if let Some((key, value)) = line.split_once(": ") {
            match key {
                "positions" => assert_eq!(value, "instr line"),
                "events" => assert_eq!(value, "Cycles Instructions"),
                "summary" | "totals" => all.summary.extend(value.split(' ').map(number)),
                "version" | "creator" | "cmd" | "part" | "event" => {}
                _ => panic!("{line}"),
            }
        } else if let Some((key, value)) = line.split_once('=').filter(|(k, _)| !k.contains(' ')) {
            match key {
                "fn" => function = name('n', value),
                "cfn" => callee = name('n', value),
                "fl" | "fi" | "fe" | "cfi" => drop(name('f', value)),
                "calls" => {
                    let mut words = value.split(' ').map(number);
                    pending = words.next();
                    assert_eq!(words.count(), 2, "{line}");
                }
                "ob" => {}
                _ => panic!("{line}"),
            }
        } else {
            let words: Vec<u64> = line.split(' ').map(number).collect();
            let [_, _, cycles, instructions] = words[..] else {
                panic!("{line}")
            };
            if let Some(count) = pending.take() {
                let key = (function.clone(), callee.clone());
                let calls = all.calls.entry(key).or_default();
                calls.0 += count;
                calls.1 += cycles;
            } else {
                *all.own.entry(function.clone()).or_default() += cycles;
                all.instructions += instructions;
            }
        }
    }
    all
}

#[test]
fn callgrind_files_sum_to_the_run() {
    for name in FIXTURES {
        let out = profile(name, &["--callgrind", "-"]);
        let all = parse(&text(&out));
        let cycles = cycles(&out);
        assert_eq!(all.own.values().sum::<u64>(), cycles, "{name}");
        assert_eq!(all.summary, [cycles, all.instructions].repeat(2), "{name}");
        // What a function is called for is no more than the run; recursion counts at each level.
        let mut calls = all.calls.iter();
        assert!(
            calls.all(|(k, c)| c.0 > 0 && (c.1 <= cycles || k.0 == k.1)),
            "{name}"
        );
    }
    let all = parse(&text(&profile("blinky.stm32f407", &["--callgrind", "-"])));
    let edge = |from: &str, to: &str| all.calls.get(&(from.to_owned(), to.to_owned()));
    assert_eq!(edge("reset_handler", "main").expect("an edge").0, 1);
    let (ticks, cycles) = *edge("[exception 15 SysTick]", "systick_handler").expect("an edge");
    assert!(ticks >= 20 && cycles == all.own["systick_handler"]);
}

#[test]
fn callgrind_annotate_reads_it() {
    let found = Command::new("callgrind_annotate").arg("--version").output();
    if found.is_err() {
        eprintln!("callgrind_annotate is not installed: the strict parser has to do");
        return;
    }
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("callgrind.out");
    let out = profile(
        "kernel-8.stm32f407",
        &["--callgrind", &path.to_string_lossy()],
    );
    let annotated = Command::new("callgrind_annotate")
        .args(["--inclusive=yes", "--tree=calling"])
        .arg(&path)
        .output()
        .expect("runs");
    let said = format!(
        "{}{}",
        text(&annotated),
        String::from_utf8_lossy(&annotated.stderr)
    );
    assert!(annotated.status.success(), "{said}");
    let plain = said.replace(',', "");
    assert!(
        plain.contains(&format!("{} (100.0%)", cycles(&out))),
        "{said}"
    );
    assert!(said.contains("kernel.c:k_wait"), "{said}");
    assert!(!said.to_lowercase().contains("warning"), "{said}");
}

#[test]
fn the_result_has_the_profile_and_profiling_changes_nothing() {
    let out = profile("kernel-8.stm32f407", &["--json", "-"]);
    let result: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let p = &result["profile"];
    let sum = |list: &str| {
        let rows = p[list].as_array().expect(list).iter();
        rows.map(|r| r["cycles"].as_u64().expect("cycles"))
            .sum::<u64>()
    };
    let rest =
        sum("exceptions") + p["sleep"].as_u64().expect("n") + p["other"].as_u64().expect("n");
    assert_eq!(
        sum("functions") + rest,
        result["cycles"].as_u64().expect("n")
    );
    assert_eq!(sum("lines"), sum("functions"));
    assert_eq!(p["sleep"], result["ledger"]["kind"]["sleep"]);
    let plain = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args([
            "run",
            &fixture("kernel-8.stm32f407"),
            "--for",
            "30ms",
            "--json",
            "-",
        ])
        .output()
        .expect("runs");
    let plain: Value = serde_json::from_slice(&plain.stdout).expect("JSON");
    for same in ["cycles", "instructions", "state_hash", "ledger", "uarts"] {
        assert_eq!(plain[same], result[same], "{same}");
    }
    assert!(plain.get("profile").is_none());
}

#[test]
fn only_one_output_goes_to_standard_output() {
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args([
            "profile",
            &fixture("blinky.stm32f407"),
            "--json",
            "-",
            "--folded",
            "-",
        ])
        .output()
        .expect("runs");
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("only one of"));
}
