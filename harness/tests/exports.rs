//! Exports are opened by independent readers, and hold the same changes in all formats.

mod readers;

use emu_core::{NetId, ProbeKind};
use readers::system::{Folder, HZ, START, TASKS, exported, picoseconds, record, system, tickscope};
use readers::{Vcd, python, python_with_perfetto, tool};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let path = root.expect("root").join("fixtures/elf").join(name);
    path.to_string_lossy().into_owned()
}

fn parse(vcd: &str) -> Vcd {
    readers::vcd(vcd, picoseconds(START))
}

fn ours(dir: &Folder) -> Vcd {
    parse(&dir.read("x.vcd"))
}

/// All that is said twice: FST holds what VCD holds.
fn assert_same(ours: &Vcd, theirs: &Vcd) {
    assert_eq!(ours.variables, theirs.variables);
    for (name, value) in &ours.initial {
        assert_eq!(theirs.initial.get(name), Some(value), "{name}");
    }
    assert_eq!(ours.changes.len(), theirs.changes.len());
    for (a, b) in ours.changes.iter().zip(&theirs.changes) {
        assert_eq!(a.0, b.0, "{a:?} {b:?}");
    }
    // GTKWave's converter sorts the changes of one instant by variable.
    let sorted = |v: &Vcd| {
        let mut all = v.changes.clone();
        all.sort();
        all
    };
    assert_eq!(sorted(ours), sorted(theirs));
    assert_eq!(ours.end, theirs.end);
}

#[test]
fn fst_is_read_by_gtkwave_and_holds_what_vcd_holds() {
    let dir = exported(200);
    let ours = ours(&dir);
    assert!(ours.changes.len() > 3000);
    assert_eq!(ours.end, picoseconds(START + 200_999));
    let Some(text) = tool("fst2vcd", &[&dir.path("x.fst")]) else {
        return;
    };
    assert_same(&ours, &parse(&text));
}

/// A real run: from power-on, with a clock change, interrupts, two tasks and a console.
#[test]
fn a_run_from_power_on_is_the_same_in_fst_and_vcd() {
    let dir = Folder::new();
    let (fst, text) = (dir.path("x.fst"), dir.path("x.vcd"));
    let fw = fixture("kernel-2.stm32f407.elf");
    let run = ["trace", &fw, "-m", "stm32f4discovery", "--for", "15ms"];
    tickscope(&[&run[..], &["--also", "all", "-o", &fst, "-o", &text]].concat());
    let ours = readers::vcd(&dir.read("x.vcd"), 0);
    for part in ["PE0", "exc_SysTick", "sleep", "USART2_tx"] {
        assert!(ours.changes.iter().any(|c| c.1 == part), "{part}");
    }
    if let Some(back) = tool("fst2vcd", &[&fst]) {
        assert_same(&ours, &readers::vcd(&back, 0));
    }
}

#[test]
fn what_no_reader_opens_is_refused() {
    let dir = Folder::new();
    let cap = dir.path("x.cap");
    record(&cap, Vec::new(), START + 10);
    for (name, part) in [("x.fst", "no signal"), ("x.sr", "no channel")] {
        let target = dir.path(name);
        let program = Command::new(env!("CARGO_BIN_EXE_tickscope"))
            .args(["export", &cap, "-o", &target])
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&program.stderr).into_owned();
        assert_eq!(program.status.code(), Some(2), "{said}");
        assert!(said.contains(part) && said.contains("--gpio"), "{said}");
        assert!(!Path::new(&target).exists());
    }
}

#[test]
fn a_long_fst_has_several_sections() {
    let dir = Folder::new();
    let (cap, fst, text) = (dir.path("x.cap"), dir.path("x.fst"), dir.path("x.vcd"));
    let edge = |i: u64| ProbeKind::Edge {
        net: NetId(1),
        level: i.is_multiple_of(2),
    };
    let events = (0..1_200_000).map(|i| (START + 10 + i * 3 + i % 2, edge(i)));
    record(&cap, events.collect(), START + 4_000_000);
    tickscope(&["export", &cap, "-o", &fst, "-o", &text]);
    let bytes = std::fs::read(&fst).expect("fst");
    // The last field but those of fixed size in the header: the number of sections.
    let sections = u64::from_be_bytes(bytes[65..73].try_into().expect("eight"));
    assert!(sections > 1, "{sections}");
    if let Some(back) = tool("fst2vcd", &[&fst]) {
        assert_same(&ours(&dir), &parse(&back));
    }
}

#[test]
fn vcd_is_converted_by_gtkwave() {
    let dir = exported(20);
    let (text, fst) = (dir.path("x.vcd"), dir.path("theirs.fst"));
    if tool("vcd2fst", &[&text, &fst]).is_none() {
        return;
    }
    let back = tool("fst2vcd", &[&fst]).expect("comes with vcd2fst");
    let (ours, theirs) = (ours(&dir), parse(&back));
    assert_eq!(ours.variables, theirs.variables);
    let of = |v: &Vcd, name: &str| -> Vec<_> {
        let changes = v.changes.iter().filter(|c| c.1 == name);
        changes.cloned().collect()
    };
    for (name, kind, _) in &ours.variables {
        // Their converter drops a value that is written again.
        if kind == "wire" && !name.starts_with("USART2") {
            assert_eq!(of(&ours, name), of(&theirs, name), "{name}");
        }
    }
}

#[test]
fn csv_and_ndjson_are_read_by_python_and_hold_what_vcd_holds() {
    let dir = exported(50);
    let Some(text) = python("read_rows.py", &[&dir.path("x.csv"), &dir.path("x.ndjson")]) else {
        return;
    };
    let read: Value = serde_json::from_str(&text).expect("JSON");
    let (table, lines) = (&read["csv"], &read["ndjson"]);
    let (table, lines) = (
        table.as_array().expect("rows"),
        lines.as_array().expect("lines"),
    );
    let wires = ours(&dir);
    assert_eq!(table.len(), wires.changes.len());
    assert_eq!(table.len(), lines.len());
    for ((row, line), change) in table.iter().zip(lines).zip(&wires.changes) {
        for key in ["cy", "sig", "v"] {
            assert_eq!(row[key], line[key], "{row} {line}");
        }
        let name = row["sig"].as_str().expect("a name");
        let plain = name.replace(['.', ' '], "_");
        let (time, value) = (row["ps"].as_u64(), row["v"].as_u64().expect("a number"));
        let seen = (time.expect("a time"), plain, format!("{value:b}"));
        assert_eq!(seen, *change, "{row}");
        assert_eq!(picoseconds(row["cy"].as_u64().expect("cy")), seen.0);
        let object = line.get("obj").and_then(Value::as_str);
        match name {
            "var.current" => {
                let i = (value as u32 - TASKS) / 0x40;
                assert_eq!(object, Some(["idle", "blink", "talk"][i as usize]));
            }
            _ => assert_eq!(object, None, "{line}"),
        }
    }
    assert!(table.iter().any(|r| r["sig"] == "place.pair<int, 2>"));
}

#[test]
fn a_session_is_read_by_sigrok_at_the_exact_cycles() {
    let dir = exported(30);
    let Some(csv) = tool("sigrok-cli", &["-i", &dir.path("x.sr"), "-O", "csv"]) else {
        return;
    };
    assert!(csv.contains("Samplerate: 168 MHz"), "{csv:.300}");
    let names = csv
        .lines()
        .find_map(|l| l.strip_prefix("; Channels (9/9): "));
    // The list is separated by what this name has, too.
    let names = names.expect("nine channels").replace("<int, 2>", "");
    let names: Vec<&str> = names.split(", ").collect();
    // From the samples back to changes. Sample n is n cycles after the start.
    let rows = csv.lines().filter(|l| l.starts_with(['0', '1']));
    let rows: Vec<Vec<&str>> = rows.map(|l| l.split(',').collect()).collect();
    assert_eq!(rows.len(), 31_000);
    let mut found = BTreeSet::new();
    for n in 1..rows.len() {
        for (i, name) in names.iter().enumerate() {
            if rows[n][i] != rows[n - 1][i] {
                found.insert((START + n as u64, (*name).to_owned(), rows[n][i].to_owned()));
            }
        }
    }
    let mut expected = BTreeSet::new();
    for line in dir.read("x.ndjson").lines() {
        let c: Value = serde_json::from_str(line).expect("JSON");
        let (at, name) = (
            c["cy"].as_u64().expect("cy"),
            c["sig"].as_str().expect("sig"),
        );
        let name = name.replace("<int, 2>", "");
        if names.contains(&&*name) {
            if name == "place.pair" {
                // An instant is a sample wide.
                expected.insert((at + 1, name.clone(), "0".to_owned()));
            }
            expected.insert((at, name, c["v"].to_string()));
        }
    }
    assert!(expected.len() > 300, "{}", expected.len());
    assert_eq!(found, expected);
}

/// The transmit pin moves bit by bit: sigrok's decoder reads the text from the session.
#[test]
fn sigrok_decodes_the_console_of_a_session() {
    let dir = Folder::new();
    let (sr, log) = (dir.path("uart.sr"), dir.path("said.txt"));
    let fw = fixture("echo.stm32f407.elf");
    let uart = format!("USART2=file:{log}");
    tickscope(&[
        "trace",
        &fw,
        "-m",
        "stm32f4discovery",
        "--for",
        "12ms",
        "--gpio",
        "PA2",
        "--uart",
        &uart,
        "-o",
        &sr,
    ]);
    let arguments = [
        "-i",
        &sr,
        "-P",
        "uart:rx=PA2:baudrate=115200",
        "-A",
        "uart=rx-data",
    ];
    let Some(lines) = tool("sigrok-cli", &arguments) else {
        return;
    };
    let bytes = lines.lines().map(|l| {
        let hex = l.rsplit(' ').next().expect("a word");
        u8::from_str_radix(hex, 16).expect("a byte")
    });
    let decoded = String::from_utf8(bytes.collect()).expect("text");
    assert!(
        decoded.contains("echo on stm32f407: type, q ends"),
        "{decoded}"
    );
    assert_eq!(decoded, dir.read("said.txt"));
}

#[test]
fn a_rate_that_loses_edges_is_refused_with_one_that_does_not() {
    let dir = Folder::new();
    let (cap, sr) = (dir.path("x.cap"), dir.path("x.sr"));
    system(&cap, 5);
    let export = |rate: &str| {
        let program = env!("CARGO_BIN_EXE_tickscope");
        let arguments = ["export", &cap, "-o", &sr, "--samplerate", rate];
        let out = Command::new(program)
            .args(arguments)
            .output()
            .expect("runs");
        (
            out.status.code(),
            String::from_utf8_lossy(&out.stderr).into_owned(),
        )
    };
    let (code, said) = export("20MHz");
    assert_eq!(code, Some(2));
    for part in [
        "20MHz would lose edges",
        "`PA0`",
        "1150 and 1151",
        "--samplerate 168MHz",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!Path::new(&sr).exists());
    assert_eq!(export("168MHz").0, Some(0));
    let (code, said) = export("fast");
    assert_eq!(code, Some(2));
    assert!(said.contains("write 1000000, 250kHz, 56MHz"), "{said}");
}

/// The events of one track.
fn on<'e>(events: &'e [Value], track: &str) -> Vec<&'e Value> {
    let events = events.iter().filter(|e| e["track"] == track);
    events.collect()
}

/// `begin 12 name` of each event.
fn short(events: &[&Value]) -> Vec<String> {
    let text = |e: &&Value| {
        let kind = e["type"].as_str().expect("a type");
        let at = e["cycle"].as_u64().or(e["end_cycle"].as_u64());
        let at = at.expect("a cycle") - START;
        let name = e["name"].as_str().expect("a name");
        format!("{} {at} {name}", kind.trim_start_matches("slice_"))
            .trim_end()
            .to_owned()
    };
    events.iter().map(text).collect()
}

#[test]
fn a_trace_is_read_by_perfettos_own_protos() {
    let dir = exported(40);
    let Some(text) = python_with_perfetto("read_perfetto.py", &[&dir.path("x.pftrace")]) else {
        return;
    };
    let read: Value = serde_json::from_str(&text).expect("JSON");
    let tracks = read["tracks"].as_array().expect("tracks");
    let paths: Vec<&str> = tracks.iter().filter_map(|t| t["path"].as_str()).collect();
    assert_eq!(
        paths,
        [
            "CPU",
            "Tasks (current)",
            "Tasks (current)/idle",
            "Tasks (current)/blink",
            "Tasks (current)/talk",
            "Pins",
            "Pins/PA0",
            "Pins/PA5",
            "Pins/PD12",
            "Exceptions",
            "Exceptions/PendSV",
            "Exceptions/SysTick",
            "Exceptions/USART2",
            "Serial ports",
            "Serial ports/USART2.tx",
            "Places",
            "Places/work",
            "Places/pair<int, 2>",
            "Variables",
            "Variables/heap_used",
            "Timer captures",
            "Timer captures/TIM2.ch2",
            "ITM",
            "ITM/itm.3",
        ]
    );
    let events = read["events"].as_array().expect("events");
    for e in events {
        let cycle = e["cycle"].as_u64().or(e["end_cycle"].as_u64());
        let ns = (cycle.expect("a cycle") as f64 * 1e9 / HZ as f64).round();
        assert_eq!(e["ns"].as_f64(), Some(ns), "{e}");
    }
    let first = |track: &str, n: usize| short(&on(events, track)[..n]);
    // The return from USART2 is tail-chained: no thread mode between it and PendSV.
    assert_eq!(
        first("CPU", 9),
        [
            "begin 0 thread",
            "end 112",
            "begin 112 handler",
            "end 200",
            "begin 200 thread",
            "end 500",
            "begin 500 sleep",
            "end 900",
            "begin 900 thread",
        ]
    );
    // USART2 is active while SysTick preempts it.
    let usart2 = ["instant 100 pend", "begin 112 USART2", "end 180"];
    assert_eq!(first("Exceptions/USART2", 3), usart2);
    assert_eq!(
        first("Exceptions/SysTick", 3)[1..],
        ["begin 142 SysTick", "end 160"]
    );
    let pendsv = on(events, "Exceptions/PendSV");
    assert_eq!(pendsv[1]["tail_chained"], 1);
    assert_eq!(
        first("Pins/PD12", 4),
        ["begin 0 high", "end 950", "begin 1950 high", "end 2950"]
    );
    let work = ["begin 1 work", "begin 3 work", "end 20", "end 31"];
    assert_eq!(first("Places/work", 4), work);
    assert_eq!(
        first("Places/pair<int, 2>", 1),
        ["instant 310 pair<int, 2>"]
    );
    assert_eq!(first("Serial ports/USART2.tx", 1), ["instant 4300 tick"]);
    assert_eq!(first("ITM/itm.3", 1), ["instant 410 0xffffffff"]);
    assert_eq!(
        first("Tasks (current)/blink", 3),
        ["begin 190 blink", "end 1190", "begin 3190 blink"]
    );
    // One task at a time, without gaps.
    let tasks = events
        .iter()
        .filter(|e| e["track"].as_str().expect("a track").starts_with("Tasks"));
    let tasks = short(&tasks.collect::<Vec<_>>());
    assert_eq!(tasks.len(), 80);
    for pair in tasks[1..79].chunks(2) {
        let at = |i: usize| pair[i].split(' ').nth(1).expect("a cycle").to_owned();
        assert!(pair[0].starts_with("end") && at(0) == at(1), "{pair:?}");
    }
    // What NDJSON says of numbers and pins.
    let mut expected: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for line in dir.read("x.ndjson").lines() {
        let c: Value = serde_json::from_str(line).expect("JSON");
        let (name, number) = (c["sig"].as_str().expect("sig"), |k: &str| {
            c[k].as_u64().expect("n")
        });
        let list = expected.entry(name.to_owned()).or_default();
        list.push((number("cy"), number("v")));
    }
    for (track, name) in [
        ("Variables/heap_used", "var.heap_used"),
        ("Timer captures/TIM2.ch2", "TIM2.ch2"),
    ] {
        let seen = on(events, track).into_iter().map(|e| {
            assert_eq!(e["type"], "counter");
            (
                e["cycle"].as_u64().expect("cycle"),
                e["value"].as_u64().expect("value"),
            )
        });
        assert_eq!(seen.collect::<Vec<_>>(), expected[name], "{name}");
    }
    for name in ["PA0", "PA5"] {
        let seen =
            on(events, &format!("Pins/{name}"))
                .into_iter()
                .map(|e| match e["cycle"].as_u64() {
                    Some(cycle) => (cycle, 1),
                    None => (e["end_cycle"].as_u64().expect("end"), 0),
                });
        let mut edges = expected[name].clone();
        if edges.last().is_some_and(|e| e.1 == 1) {
            // A slice that is open at the end of the run ends there.
            edges.push((START + 40_999, 0));
        }
        assert_eq!(seen.collect::<Vec<_>>(), edges, "{name}");
    }
}
