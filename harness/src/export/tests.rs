//! Exports of one small capture, and other tools that read them.

use super::*;
use crate::capture::{Header, Writer};
use crate::units::AS_PER_S;
use emu_core::clock::Segment;
use emu_core::{Cycles, NetId, ProbeEvent, ProbeKind, Ratio};
use std::process::Command;

/// 1 µs at 16 MHz, then 168 MHz: PA5 toggles, SysTick preempts USART2's, the core sleeps, a byte goes out.
fn capture(dir: &Path) -> Capture {
    let header = Header {
        schema: Header::SCHEMA,
        tool: crate::TOOL.to_owned(),
        elf_sha256: "ab".repeat(32),
        machine: "stm32f407".to_owned(),
        machine_hash: "cd".repeat(32),
        seed: 0,
        core_hz: Ratio::hz(16_000_000),
        start: 0,
        nets: ["PA0", "PA5", "PD12"].map(str::to_owned).to_vec(),
        high: vec![2],
        ports: vec!["USART2".to_owned()],
        interrupts: [(54, "USART2".to_owned())].into(),
        pins: Default::default(),
        devices: vec!["TIM2".to_owned()],
        places: vec!["main".to_owned()],
        variables: vec!["current".to_owned()],
        objects: Default::default(),
    };
    let segments = [
        Segment {
            from: Cycles(0),
            start_as: 0,
            hz: Ratio::hz(16_000_000),
        },
        Segment {
            from: Cycles(16),
            start_as: AS_PER_S / 1_000_000,
            hz: Ratio::hz(168_000_000),
        },
    ];
    let edge = |net, level| ProbeKind::Edge {
        net: NetId(net),
        level,
    };
    let enter = |number| ProbeKind::ExceptionEnter {
        number,
        tail_chained: false,
    };
    let exit = |number| ProbeKind::ExceptionExit { number };
    let events = [
        (8, edge(1, true)),
        (16, edge(1, false)),
        (17, edge(2, false)),
        (20, enter(54)),
        (30, enter(15)),
        (40, exit(15)),
        (50, exit(54)),
        (60, ProbeKind::Sleep),
        (70, ProbeKind::Wake),
        (
            184,
            ProbeKind::UartTx {
                port: 0,
                byte: b'A',
            },
        ),
    ];
    let events = events.map(|(at, kind)| ProbeEvent {
        at: Cycles(at),
        pc: 0x0800_0100,
        kind,
    });
    let path = dir.join("t.cap");
    let file = crate::output::PendingFile::create(&path).expect("created");
    let writer = Writer::start(file, &header).expect("starts");
    writer.probe_flush()(events.to_vec());
    let (file, _) = writer.finish(Cycles(1696), &segments).expect("finishes");
    file.commit().expect("committed");
    Capture::open(&path).expect("opens")
}

fn all() -> Selection {
    Selection {
        pins: None,
        exceptions: true,
        sleep: true,
        uart: true,
    }
}

fn text(capture: &Capture, selection: &Selection, format: Format) -> String {
    let mut out = Vec::new();
    let plan = Plan::new(capture, selection);
    export(capture, &plan, format, &mut out).expect("exported");
    String::from_utf8(out).expect("text")
}

#[test]
fn csv_has_exact_cycles_and_picoseconds() {
    let dir = tempfile::tempdir().expect("tempdir");
    let csv = text(&capture(dir.path()), &all(), Format::Csv);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        [
            "cycles,time_s,signal,value",
            "8,0.000000500000,PA5,1",
            "16,0.000001000000,PA5,0",
            "17,0.000001005952,PD12,0",
            "20,0.000001023810,exc.USART2,1",
            "30,0.000001083333,exc.USART2,0",
            "30,0.000001083333,exc.SysTick,1",
            "40,0.000001142857,exc.SysTick,0",
            "40,0.000001142857,exc.USART2,1",
            "50,0.000001202381,exc.USART2,0",
            "60,0.000001261905,sleep,1",
            "70,0.000001321429,sleep,0",
            "184,0.000002000000,USART2.tx,65",
        ]
    );
}

#[test]
fn a_selection_keeps_its_order_and_takes_nothing_else() {
    let dir = tempfile::tempdir().expect("tempdir");
    let selection = Selection {
        pins: Some(vec![2, 1]),
        exceptions: false,
        sleep: false,
        uart: false,
    };
    let ndjson = text(&capture(dir.path()), &selection, Format::Ndjson);
    let lines: Vec<&str> = ndjson.lines().collect();
    assert_eq!(lines[0], r#"{"cy":8,"sig":"PA5","v":1,"pc":134217984}"#);
    assert_eq!(lines.len(), 3);
    let plan = Plan::new(&capture(dir.path()), &selection);
    assert_eq!(plan.signals[0].name, "PD12");
    assert_eq!(plan.signals[0].initial, 1);
}

#[test]
fn vcd_is_read_by_its_own_crate() {
    let dir = tempfile::tempdir().expect("tempdir");
    let vcd = text(&capture(dir.path()), &all(), Format::Vcd);
    let mut parser = ::vcd::Parser::new(vcd.as_bytes());
    let header = parser.parse_header().expect("header");
    assert_eq!(header.timescale, Some((1, ::vcd::TimescaleUnit::PS)));
    let pa5 = header.find_var(&["tickscope", "PA5"]).expect("PA5").code;
    let mut time = 0;
    let mut seen = Vec::new();
    for command in parser {
        match command.expect("parses") {
            ::vcd::Command::Timestamp(t) => {
                assert!(t >= time);
                time = t;
            }
            ::vcd::Command::ChangeScalar(id, v) if id == pa5 => seen.push((time, v)),
            _ => {}
        }
    }
    use ::vcd::Value::{V0, V1};
    assert_eq!(seen, [(0, V0), (500_000, V1), (1_000_000, V0)]);
    assert_eq!(time, 11_000_000, "the end of the run");
}

/// The tool's output, or `None` where it is not installed.
fn tool(name: &str, arguments: &[&str]) -> Option<std::process::Output> {
    match Command::new(name).args(arguments).output() {
        Ok(out) => Some(out),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("{name} is not installed: its part of this test is skipped");
            None
        }
        Err(e) => panic!("{name}: {e}"),
    }
}

#[test]
fn vcd_is_read_by_sigrok() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("t.vcd");
    let wires = Selection {
        uart: false,
        ..all()
    };
    std::fs::write(&path, text(&capture(dir.path()), &wires, Format::Vcd)).expect("written");
    let path = path.to_string_lossy();
    let options = ["-I", "vcd:downsample=500000", "-i", &path, "-O", "bits"];
    let Some(out) = tool("sigrok-cli", &options) else {
        return;
    };
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    assert!(!said.contains("unknown token"), "{said}");
    // One sample each half microsecond: PA5 rises at 0.5 and falls at 1.0, then PD12 falls.
    let samples = String::from_utf8_lossy(&out.stdout);
    assert!(samples.contains("PA5:01000000"), "{samples}");
    assert!(samples.contains("PD12:11000000"), "{samples}");
    assert!(samples.contains("exc_SysTick:"), "{samples}");
}

#[test]
fn vcd_is_read_by_gtkwave() {
    let dir = tempfile::tempdir().expect("tempdir");
    let (vcd, fst) = (dir.path().join("t.vcd"), dir.path().join("t.fst"));
    std::fs::write(&vcd, text(&capture(dir.path()), &all(), Format::Vcd)).expect("written");
    let (vcd, fst) = (vcd.to_string_lossy(), fst.to_string_lossy());
    let Some(out) = tool("vcd2fst", &[&vcd, &fst]) else {
        return;
    };
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let back = tool("fst2vcd", &[&fst]).expect("comes with vcd2fst");
    let back = String::from_utf8_lossy(&back.stdout).into_owned();
    assert!(back.contains("PA5 $end"), "{back}");
    assert!(back.contains("#500000\n1"), "PA5 rises at 500 ns: {back}");
    assert!(back.contains("b01000001 "), "the byte A: {back}");
}

#[test]
fn svg_shows_each_signal_and_stays_small() {
    let dir = tempfile::tempdir().expect("tempdir");
    let svg = text(&capture(dir.path()), &all(), Format::Svg);
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for name in ["PA5", "PD12", "exc.SysTick", "sleep", "USART2.tx"] {
        assert!(svg.contains(name), "{name}");
    }
    assert!(svg.len() < 100_000);
}

#[test]
fn extensions() {
    assert_eq!(
        Format::of(Path::new("a/b.VCD")).expect("known"),
        Format::Vcd
    );
    for bad in ["out.fst", "out", ".vcd"] {
        let e = Format::of(Path::new(bad)).expect_err(bad).to_string();
        assert!(e.contains(bad) && e.contains(".ndjson"), "{e}");
    }
}
