//! Round trips, back-pressure, and damage of captures.

use super::*;
use crate::units::AS_PER_S;
use emu_core::clock::Segment;
use emu_core::{Cycles, NetId, ProbeEvent, ProbeKind};
use proptest::prelude::*;
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn header() -> Header {
    Header {
        schema: Header::SCHEMA,
        tool: "tickscope test".to_owned(),
        elf_sha256: "00".repeat(32),
        machine: "test".to_owned(),
        machine_hash: "11".repeat(32),
        seed: 7,
        core_hz: Ratio::hz(168_000_000),
        start: 0,
        nets: vec!["PA0".to_owned(), "PA5".to_owned()],
        high: vec![0],
        ports: vec!["USART2".to_owned()],
        interrupts: [(54, "USART2".to_owned())].into(),
        pins: Default::default(),
        devices: vec!["TIM2".to_owned()],
        places: vec!["main".to_owned()],
        variables: vec!["current".to_owned()],
        objects: Default::default(),
    }
}

fn segments() -> Vec<Segment> {
    vec![
        Segment {
            from: Cycles(0),
            start_as: 0,
            hz: Ratio::hz(168_000_000),
        },
        Segment {
            from: Cycles(168),
            start_as: AS_PER_S / 1_000_000,
            hz: Ratio::hz(16_000_000),
        },
    ]
}

/// Every kind of event, with deltas small and large and PCs that go both ways.
fn events() -> Vec<ProbeEvent> {
    let net = NetId(1);
    let kinds = [
        ProbeKind::Edge { net, level: true },
        ProbeKind::Edge { net, level: false },
        ProbeKind::ExceptionPend { number: 54 },
        ProbeKind::ExceptionEnter {
            number: 54,
            tail_chained: false,
        },
        ProbeKind::ExceptionExit { number: 54 },
        ProbeKind::ExceptionEnter {
            number: 255,
            tail_chained: true,
        },
        ProbeKind::UartTx {
            port: 0,
            byte: 0xA5,
        },
        ProbeKind::UartRx { port: 0, byte: 1 },
        ProbeKind::Sleep,
        ProbeKind::Wake,
        ProbeKind::ClockChange,
        ProbeKind::Itm {
            port: 31,
            width: 4,
            value: 0xDEAD_BEEF,
        },
        ProbeKind::Reset,
        ProbeKind::Enter { place: 0, call: 0 },
        ProbeKind::Return {
            place: 300,
            call: u32::MAX,
        },
        ProbeKind::Store {
            variable: 0,
            value: u32::MAX,
        },
        ProbeKind::TimerCapture {
            device: 300,
            channel: 4,
            value: 0x0001_0000,
        },
    ];
    (0u64..)
        .zip(kinds)
        .map(|(i, kind)| ProbeEvent {
            at: Cycles(i * i * 1_000_003),
            pc: if i % 2 == 0 { 0x0800_0100 } else { 0xFFFF_FFFE },
            kind,
        })
        .collect()
}

fn write(events: &[ProbeEvent]) -> Vec<u8> {
    let writer = Writer::start(Vec::new(), &header()).expect("starts");
    let mut flush = writer.probe_flush();
    flush(events.to_vec());
    drop(flush);
    let end = events.last().map_or(Cycles(0), |e| e.at) + 10;
    writer.segments(&segments()[1..]);
    writer.host_input(end, 0, b"hi");
    writer.finish(end + 5, &segments()).expect("finishes").0
}

fn open(dir: &Path, bytes: &[u8]) -> Result<Capture, CaptureError> {
    let path: PathBuf = dir.join("x.cap");
    std::fs::File::create(&path)
        .and_then(|mut f| f.write_all(bytes))
        .expect("written");
    Capture::open(&path)
}

#[test]
fn everything_comes_back() {
    let dir = tempfile::tempdir().expect("tempdir");
    let events = events();
    let capture = open(dir.path(), &write(&events)).expect("opens");
    assert_eq!(capture.header, header());
    let s = &capture.summary;
    assert_eq!(s.ending, Ending::Complete);
    assert_eq!(s.records, events.len() as u64 + 3);
    assert_eq!(s.last, events[16].at + 15);
    assert_eq!(s.timebase.segments(), segments());
    assert_eq!(
        (s.nets.len(), s.sending.len(), s.receiving.len()),
        (1, 1, 1)
    );
    let all: Vec<Record> = capture.records().expect("reads").collect();
    let same: Vec<Record> = events.into_iter().map(Record::Event).collect();
    assert_eq!(all[..17], same);
    let at = s.last;
    let at = Cycles(at.0 - 5);
    let input = |byte| Record::HostInput { at, port: 0, byte };
    assert_eq!(all[17], Record::Segment(segments()[1]));
    assert_eq!(all[18..], [input(b'h'), input(b'i')]);
}

#[test]
fn a_cut_file_is_told_from_a_whole_one_at_every_byte() {
    let dir = tempfile::tempdir().expect("tempdir");
    let whole = write(&events());
    let mut most = 0;
    for cut in 0..whole.len() {
        match open(dir.path(), &whole[..cut]) {
            Ok(c) => {
                assert!(
                    matches!(&c.summary.ending, Ending::Damaged(why) if why.contains("cut off"))
                );
                assert!(c.summary.records >= most, "nothing that was whole is lost");
                most = c.summary.records;
                let times = c.summary.timebase.segments().len();
                assert!(
                    most < 18 || times == 2,
                    "segments are known without the trailer"
                );
            }
            Err(e) => assert!(!e.to_string().is_empty()),
        }
    }
    assert_eq!(most, 20);
}

#[test]
fn other_files_are_refused_by_name() {
    let dir = tempfile::tempdir().expect("tempdir");
    let e = open(dir.path(), b"$version x $end").expect_err("refused");
    assert!(
        e.to_string().contains("x.cap` is not a tickscope capture"),
        "{e}"
    );
    let mut newer = write(&[]);
    newer[8] = 9;
    let e = open(dir.path(), &newer).expect_err("refused");
    assert!(e.to_string().contains("version 9"), "{e}");
    let e = Capture::open(dir.path()).expect_err("a folder");
    assert!(matches!(e, CaptureError::NotACapture(_)));
}

#[test]
fn disorder_is_an_error_not_a_wrong_file() {
    let mut events = events();
    events.reverse();
    let writer = Writer::start(Vec::new(), &header()).expect("starts");
    writer.probe_flush()(events);
    let e = writer.finish(Cycles(1), &[]).expect_err("refused");
    assert!(e.to_string().contains("out of order"), "{e}");
}

/// An output so slow that the queue is full all the time.
struct Slow(Vec<u8>);

impl std::io::Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::thread::sleep(std::time::Duration::from_millis(2));
        self.0.extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn back_pressure_loses_nothing_and_recycles_buffers() {
    use emu_core::probe::{ProbeMask, Probes};
    let writer = Writer::start(Slow(Vec::new()), &header()).expect("starts");
    let mut probes = Probes::default();
    probes.attach(ProbeMask::ALL, writer.probe_flush());
    let n = 400_000u64;
    for i in 0..n {
        let kind = ProbeKind::Edge {
            net: NetId(0),
            level: i % 2 == 0,
        };
        probes.record(Cycles(i * 3), 0x0800_0000, kind);
    }
    probes.detach();
    let (out, count) = writer.finish(Cycles(n * 3), &segments()).expect("finishes");
    assert_eq!(count, n);
    let per_event = out.0.len() as f64 / n as f64;
    assert!(
        per_event < 4.1,
        "an edge takes about four bytes, not {per_event}"
    );
    let dir = tempfile::tempdir().expect("tempdir");
    let capture = open(dir.path(), &out.0).expect("opens");
    assert_eq!(capture.summary.records, n);
}

/// An output that fails after a while, like a full disk.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::StorageFull))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_does_not_hang_the_machine() {
    let writer = Writer::start(Full(10_000), &header()).expect("starts");
    let mut flush = writer.probe_flush();
    let one = events();
    let start = one[12].at.0;
    for i in 0..200_000u64 {
        let mut e = one[0];
        e.at = Cycles(start + i);
        flush(vec![e; 1]);
    }
    drop(flush);
    let e = writer.finish(Cycles(1 << 40), &[]).err().expect("fails");
    assert_eq!(e.kind(), std::io::ErrorKind::StorageFull);
}

proptest! {
    #[test]
    fn mutated_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().expect("tempdir");
        let mut bytes = write(&events());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cut.index(3) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(c) = open(dir.path(), &bytes) {
            let n = c.records().expect("reads").count();
            prop_assert_eq!(n as u64, c.summary.records);
            let _ = c.summary.timebase.decimal_seconds(c.summary.last);
        }
    }
}
