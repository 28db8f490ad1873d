//! Exports of one small capture, and other tools that read them.

use super::*;
use crate::capture::{Capture, DataObject, Header, Writer};
use crate::units::AS_PER_S;
use emu_core::clock::Segment;
use emu_core::{Cycles, NetId, ProbeEvent, ProbeKind, Ratio};

/// Address of the first data object.
const IDLE: u32 = 0x2000_0100;

/// 1 µs at 16 MHz, then 168 MHz: PA5 toggles, SysTick preempts USART2's, the core sleeps, a byte goes out.
fn capture(dir: &Path) -> Capture {
    let edge = |net, level| ProbeKind::Edge {
        net: NetId(net),
        level,
    };
    let enter = |number| ProbeKind::ExceptionEnter {
        number,
        tail_chained: false,
    };
    let exit = |number| ProbeKind::ExceptionExit { number };
    let (port, byte) = (0, b'A');
    record(
        dir,
        &[
            (8, edge(1, true)),
            (16, edge(1, false)),
            (17, edge(2, false)),
            (20, enter(54)),
            (30, enter(15)),
            (40, exit(15)),
            (50, exit(54)),
            (60, ProbeKind::Sleep),
            (70, ProbeKind::Wake),
            (184, ProbeKind::UartTx { port, byte }),
        ],
    )
}

/// A capture of these events, up to cycle 1696.
fn record(dir: &Path, events: &[(u64, ProbeKind)]) -> Capture {
    let object = |name: &str| DataObject {
        size: 64,
        name: name.to_owned(),
    };
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
        places: ["work", "tick"].map(str::to_owned).to_vec(),
        variables: ["current", "heap_used"].map(str::to_owned).to_vec(),
        objects: [(IDLE, object("idle")), (IDLE + 64, object("blink"))].into(),
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
    let events = events.iter().map(|&(at, kind)| ProbeEvent {
        at: Cycles(at),
        pc: 0x0800_0100,
        kind,
    });
    let path = dir.join("t.cap");
    let file = crate::output::PendingFile::create(&path).expect("created");
    let writer = Writer::start(file, &header).expect("starts");
    writer.probe_flush()(events.collect());
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
        places: true,
        variables: true,
        captures: true,
        itm: true,
    }
}

fn bytes(capture: &Capture, selection: &Selection, format: Format) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let plan = Plan::new(capture, selection);
    export(&Job::new(capture, &plan), format, &mut out).expect("exported");
    out.into_inner()
}

fn text(capture: &Capture, selection: &Selection, format: Format) -> String {
    String::from_utf8(bytes(capture, selection, format)).expect("text")
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
        ..Selection::default()
    };
    let ndjson = text(&capture(dir.path()), &selection, Format::Ndjson);
    let lines: Vec<&str> = ndjson.lines().collect();
    assert_eq!(lines[0], r#"{"cy":8,"sig":"PA5","v":1,"pc":134217984}"#);
    assert_eq!(lines.len(), 3);
    let plan = Plan::new(&capture(dir.path()), &selection);
    assert_eq!(plan.signals[0].name, "PD12");
    assert_eq!(plan.signals[0].initial, Some(1));
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
    for (path, format) in [
        ("x.fst", Format::Fst),
        ("x.sr", Format::Sigrok),
        ("x.perfetto-trace", Format::Perfetto),
        ("x.pftrace", Format::Perfetto),
    ] {
        assert_eq!(Format::of(Path::new(path)).expect(path), format);
    }
    for bad in ["out.lxt", "out", ".vcd"] {
        let e = Format::of(Path::new(bad)).expect_err(bad).to_string();
        assert!(e.contains(bad), "{e}");
        for (extension, _) in Format::ALL {
            assert!(e.contains(&format!(".{extension}")), "{e}");
        }
    }
}

/// Calls with recursion, instants, pointers, numbers, captures, words.
fn watched(dir: &Path) -> Capture {
    let enter = |place| ProbeKind::Enter { place, call: 0 };
    let store = |variable, value| ProbeKind::Store { variable, value };
    let capture = ProbeKind::TimerCapture {
        device: 0,
        channel: 3,
        value: 0x1_2345,
    };
    let itm = ProbeKind::Itm {
        port: 4,
        width: 4,
        value: 0xFFFF_FFFF,
    };
    let back = ProbeKind::Return { place: 0, call: 0 };
    record(
        dir,
        &[
            (10, back),
            (20, enter(0)),
            (21, enter(1)),
            (25, enter(0)),
            (30, back),
            (40, back),
            (41, enter(1)),
            (50, store(0, IDLE)),
            (60, store(0, IDLE + 64)),
            (61, store(1, 72)),
            (70, capture),
            (80, itm),
            (90, enter(0)),
            (99, ProbeKind::Reset),
        ],
    )
}

#[test]
fn watched_places_and_variables_are_signals() {
    let dir = tempfile::tempdir().expect("tempdir");
    let csv = text(&watched(dir.path()), &all(), Format::Csv);
    let short = |line: &str| {
        let f: Vec<&str> = line.split(',').collect();
        format!("{} {} {}", f[0], f[2], f[3])
    };
    let lines: Vec<String> = csv.lines().skip(1).map(short).collect();
    assert_eq!(
        lines,
        [
            "20 place.work 1",
            "21 place.tick 1",
            "40 place.work 0",
            "41 place.tick 1",
            "50 var.current 536871168",
            "60 var.current 536871232",
            "61 var.heap_used 72",
            "70 TIM2.ch3 74565",
            "80 itm.4 4294967295",
            "90 place.work 1",
            "99 place.work 0",
        ]
    );
    let vcd = text(&watched(dir.path()), &all(), Format::Vcd);
    for part in [
        "$var wire 1 \" place_work $end",
        "$var event 1 # place_tick $end",
        "$var wire 32 $ var_current $end",
        &format!("b{} $", "x".repeat(32)),
        &format!("b{:032b} $", IDLE + 64),
        &format!("b{:032b} ", 0x1_2345),
        &format!("b{} ", "1".repeat(32)),
    ] {
        assert!(vcd.contains(part), "{part} is not in:\n{vcd}");
    }
    let ndjson = text(&watched(dir.path()), &all(), Format::Ndjson);
    assert!(
        ndjson.contains(
            r#"{"cy":60,"sig":"var.current","v":536871232,"obj":"blink","pc":134217984}"#
        )
    );
    assert!(
        ndjson.contains(r#""sig":"var.heap_used","v":72,"pc""#),
        "{ndjson}"
    );
    let svg = text(&watched(dir.path()), &all(), Format::Svg);
    for name in ["place.work", "var.current", "blink", "0x12345"] {
        assert!(svg.contains(name), "{name}");
    }
}

#[test]
fn what_is_not_asked_for_is_not_shown() {
    let dir = tempfile::tempdir().expect("tempdir");
    let capture = watched(dir.path());
    let csv = text(&capture, &Selection::default(), Format::Csv);
    assert_eq!(csv.lines().count(), 1, "{csv}");
}

/// The samples of a session, unpacked by hand: all chunks are in this one file.
fn samples(sr: &[u8]) -> Vec<u8> {
    let at = sr
        .windows(9)
        .position(|w| w == b"logic-1-1")
        .expect("samples");
    let length = |i: usize| u32::from_le_bytes(sr[i..i + 4].try_into().expect("four")) as usize;
    let packed = &sr[at + 9..at + 9 + length(at - 12)];
    miniz_oxide::inflate::decompress_to_vec(packed).expect("deflated")
}

fn sessions(
    capture: &Capture,
    selection: &Selection,
    rate: Option<u64>,
) -> Result<Vec<u8>, String> {
    let mut out = std::io::Cursor::new(Vec::new());
    let plan = Plan::new(capture, selection);
    let job = Job {
        samplerate: rate,
        ..Job::new(capture, &plan)
    };
    match export(&job, Format::Sigrok, &mut out) {
        Ok(()) => Ok(out.into_inner()),
        Err(e) => Err(e.to_string()),
    }
}

fn edges(cycles: &[u64]) -> Vec<(u64, ProbeKind)> {
    let net = NetId(1);
    let levels = [true, false].into_iter().cycle();
    let events = cycles.iter().zip(levels);
    events
        .map(|(&at, level)| (at, ProbeKind::Edge { net, level }))
        .collect()
}

#[test]
fn a_session_shows_each_edge_or_is_refused() {
    let dir = tempfile::tempdir().expect("tempdir");
    // 16 cycles at 16 MHz are a microsecond, then 168 MHz.
    let capture = record(dir.path(), &edges(&[8, 16, 16 + 168, 16 + 171]));
    let selection = Selection::default();
    // The fastest clock: 0.5 µs, 1 µs, 2 µs and 3 cycles later.
    let fine = samples(&sessions(&capture, &selection, None).expect("fits"));
    let edge_at = |s: &[u8]| -> Vec<usize> { (1..s.len()).filter(|&i| s[i] != s[i - 1]).collect() };
    assert_eq!(edge_at(&fine), [84, 168, 336, 339]);
    assert_eq!(fine.len(), 168 + 1680 + 1);
    // 56 MHz is just enough for three cycles.
    let enough = samples(&sessions(&capture, &selection, Some(56_000_000)).expect("fits"));
    assert_eq!(edge_at(&enough), [28, 56, 112, 113]);
    let e = sessions(&capture, &selection, Some(55_000_000)).expect_err("too slow");
    for part in ["55MHz", "`PA5`", "184 and 187", "--samplerate 56MHz"] {
        assert!(e.contains(part), "{part}: {e}");
    }
}

#[test]
fn a_session_refuses_what_no_rate_shows() {
    let dir = tempfile::tempdir().expect("tempdir");
    let selection = Selection::default();
    let twice = record(dir.path(), &edges(&[20, 20]));
    let e = sessions(&twice, &selection, None).expect_err("a glitch");
    assert!(e.contains("twice in cycle 20") && e.contains(".fst"), "{e}");
    let e = sessions(&record(dir.path(), &[]), &selection, None).expect_err("empty");
    assert!(e.contains("no channel"), "{e}");
    let one = record(dir.path(), &edges(&[20]));
    let e = sessions(&one, &selection, Some(u64::MAX)).expect_err("too large");
    assert!(e.contains("more than a sigrok session holds"), "{e}");
}

#[test]
fn an_instant_is_a_sample_wide_and_needs_one_beside_it() {
    let dir = tempfile::tempdir().expect("tempdir");
    let pulses = |cycles: &[u64]| {
        let events: Vec<_> = cycles
            .iter()
            .map(|&c| (c, ProbeKind::Enter { place: 1, call: 0 }))
            .collect();
        record(dir.path(), &events)
    };
    let selection = Selection {
        places: true,
        ..Selection::default()
    };
    let sr = sessions(&pulses(&[18, 20, 1696]), &selection, None).expect("fits");
    let high = samples(&sr);
    let high: Vec<usize> = (0..high.len()).filter(|&i| high[i] == 1).collect();
    assert_eq!(high, [170, 172, 1848]);
    let e = sessions(&pulses(&[18, 19]), &selection, None).expect_err("they touch");
    assert!(e.contains("--samplerate 336MHz"), "{e}");
    assert!(sessions(&pulses(&[18, 19]), &selection, Some(336_000_000)).is_ok());
}

#[test]
fn equal_captures_give_equal_files() {
    let dir = tempfile::tempdir().expect("tempdir");
    for (_, format) in Format::ALL {
        let one = bytes(&capture(dir.path()), &all(), format);
        let two = bytes(&capture(dir.path()), &all(), format);
        assert!(one == two, "{format:?}");
    }
}
