//! A capture of a system at work, made by hand, and its exports.

use emu_core::clock::Segment;
use emu_core::{Cycles, NetId, ProbeEvent, ProbeKind, Ratio};
use harness::capture::{DataObject, Header, Writer};
use harness::output::PendingFile;
use std::path::Path;
use std::process::Command;

/// Core clock.
pub const HZ: u64 = 168_000_000;
/// Cycle at which recording began.
pub const START: u64 = 1_000;
/// Task control blocks, 0x40 bytes apart.
pub const TASKS: u32 = 0x2000_0100;

/// A folder that goes again.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("tempdir"))
    }
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect(name)
    }
}

/// Run the program; gives what it says.
pub fn tickscope(arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(arguments)
        .env_remove("TICKSCOPE_MACHINE")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        matches!(out.status.code(), Some(0 | 124)),
        "{arguments:?}: {said}"
    );
    said
}

fn header() -> Header {
    let names = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
    let object = |(i, name): (u32, &&str)| {
        let name = (*name).to_owned();
        (TASKS + 0x40 * i, DataObject { size: 0x40, name })
    };
    Header {
        pins: Default::default(),
        schema: Header::SCHEMA,
        tool: harness::TOOL.to_owned(),
        elf_sha256: "ab".repeat(32),
        machine: "stm32f407".to_owned(),
        machine_hash: "cd".repeat(32),
        seed: 0,
        core_hz: Ratio::hz(HZ),
        start: START,
        nets: names(&["PA0", "PA5", "PD12"]),
        high: vec![2],
        ports: names(&["USART2"]),
        interrupts: [(54, "USART2".to_owned())].into(),
        devices: names(&["RCC", "TIM2"]),
        places: names(&["work", "pair<int, 2>"]),
        variables: names(&["current", "heap_used"]),
        objects: (0..).zip(&["idle", "blink", "talk"]).map(object).collect(),
    }
}

/// Write a capture of these events.
pub fn record(path: &str, events: Vec<(u64, ProbeKind)>, end: u64) {
    let file = PendingFile::create(Path::new(path)).expect("created");
    let writer = Writer::start(file, &header()).expect("starts");
    let events = events.into_iter().map(|(at, kind)| ProbeEvent {
        at: Cycles(at),
        pc: 0x0800_0000 + at as u32 % 0x100,
        kind,
    });
    writer.probe_flush()(events.collect());
    let segment = Segment {
        from: Cycles(0),
        start_as: 0,
        hz: Ratio::hz(HZ),
    };
    let (file, _) = writer.finish(Cycles(end), &[segment]).expect("finishes");
    file.commit().expect("committed");
}

/// A system at work: in each round of 1000 cycles an interrupt that another one preempts, a tail-chained switch of tasks, a call
/// with recursion, allocations, bytes, captures, sleep, and pins. Nothing moves in the last round.
pub fn system(path: &str, rounds: u64) {
    let mut events = Vec::new();
    let text: Vec<u8> = b"tick\n".to_vec();
    for round in 0..rounds {
        let mut at = |offset: u64, kind| events.push((START + round * 1000 + offset, kind));
        let edge = |net, level| ProbeKind::Edge {
            net: NetId(net),
            level,
        };
        let enter = |number, tail_chained| ProbeKind::ExceptionEnter {
            number,
            tail_chained,
        };
        let exit = |number| ProbeKind::ExceptionExit { number };
        let store = |variable, value| ProbeKind::Store { variable, value };
        at(1, ProbeKind::Enter { place: 0, call: 0 });
        at(3, ProbeKind::Enter { place: 0, call: 0 });
        at(10 + round % 7, edge(1, round % 2 == 0));
        at(20, ProbeKind::Return { place: 0, call: 0 });
        at(30, store(1, 72 + (round % 5) as u32 * 8));
        at(31, ProbeKind::Return { place: 0, call: 0 });
        at(100, ProbeKind::ExceptionPend { number: 54 });
        at(112, enter(54, false));
        at(130, ProbeKind::ExceptionPend { number: 15 });
        at(142, enter(15, false));
        at(150, edge(0, true));
        at(151, edge(0, false));
        at(160, exit(15));
        at(170, ProbeKind::ExceptionPend { number: 14 });
        at(180, exit(54));
        at(186, enter(14, true));
        let task = [1, 2, 0][(round % 3) as usize];
        at(190, store(0, TASKS + 0x40 * task));
        at(200, exit(14));
        at(
            300,
            ProbeKind::UartTx {
                port: 0,
                byte: text[(round % 5) as usize],
            },
        );
        at(310, ProbeKind::Enter { place: 1, call: 0 });
        at(
            400,
            ProbeKind::TimerCapture {
                device: 1,
                channel: 2,
                value: round as u32 * 1000,
            },
        );
        at(
            410,
            ProbeKind::Itm {
                port: 3,
                width: 4,
                value: u32::MAX - round as u32,
            },
        );
        at(500, ProbeKind::Sleep);
        at(900, ProbeKind::Wake);
        at(950, edge(2, round % 2 == 1));
    }
    record(path, events, START + rounds * 1000 + 999);
}

/// Export the system in all formats.
pub fn exported(rounds: u64) -> Folder {
    let dir = Folder::new();
    let capture = dir.path("x.cap");
    system(&capture, rounds);
    let formats = ["vcd", "fst", "csv", "ndjson", "sr", "pftrace", "svg"];
    let targets: Vec<String> = formats
        .iter()
        .map(|f| dir.path(&format!("x.{f}")))
        .collect();
    let mut arguments = vec!["export", &capture, "--also", "all"];
    arguments.extend(targets.iter().flat_map(|t| ["-o", t]));
    let said = tickscope(&arguments);
    let hidden = "var.current, var.heap_used, TIM2.ch2, itm.3";
    assert!(
        said.contains(&format!("is without USART2.tx, {hidden}")),
        "{said}"
    );
    dir
}

/// Time of a cycle.
pub fn picoseconds(cycle: u64) -> u64 {
    ((u128::from(cycle) * 1_000_000_000_000 + u128::from(HZ) / 2) / u128::from(HZ)) as u64
}
