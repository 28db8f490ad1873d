//! Runs of a machine without a core: a device that toggles a pin, talks, listens and changes the clock.

mod held;

use super::*;
use crate::capture::{Capture, Ending, Header};
use crate::console::{Defaults, UartSpec};
use crate::terminal::Terminal;
use emu_core::cortex_m::{Architecture, System};
use emu_core::device::{Device, StateError};
use emu_core::nets::{Drive, Driver};
use emu_core::probe::ProbeMask;
use emu_core::{Binding, Bus, ClockTree, Ctx, NoticeKind, Ports, Position, Ratio, Width};

/// Toggles `P0` and sends a byte every 1000 cycles; an echo of input; a slower clock from cycle 50 000 on.
#[derive(Default)]
struct Talker {
    ticks: u32,
    level: bool,
    sleeps_after: Option<u32>,
}

impl Device for Talker {
    fn ports(&self) -> Ports {
        Ports {
            nets: Ports::names(&["P0"]),
            clocks: Ports::names(&["core"]),
            serial: true,
            ..Ports::default()
        }
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        ctx.schedule_in(0, 1000);
    }
    fn read(&mut self, _: u32, _: Width, _: &mut Ctx<'_>) -> u32 {
        0
    }
    fn write(&mut self, _: u32, _: Width, _: u32, _: &mut Ctx<'_>) {}
    fn event(&mut self, _: u32, ctx: &mut Ctx<'_>) {
        self.ticks += 1;
        self.level = !self.level;
        let drive = if self.level { Drive::High } else { Drive::Low };
        let net = ctx.net(0).expect("bound");
        ctx.drive(net, Driver::Port, drive);
        ctx.serial_out(b'0' + (self.ticks % 10) as u8);
        if self.ticks == 50 {
            ctx.set_clock_hz(0, Ratio::hz(1_000_000));
        }
        if self.ticks == 70 {
            ctx.note(NoticeKind::UnmodelledFeature, "CR2.XYZ");
        }
        if self.sleeps_after != Some(self.ticks) {
            ctx.schedule_in(0, 1000);
        }
    }
    fn serial_in(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) {
        for &b in bytes {
            ctx.serial_received(b);
            ctx.serial_out(b.to_ascii_uppercase());
        }
        self.sleeps_after = None;
        ctx.schedule_in(0, 1000);
    }
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
    fn load(&mut self, _: &[u8]) -> Result<(), StateError> {
        Ok(())
    }
}

/// A machine whose only instructions are events.
struct Coreless(Bus, u64);

impl Coreless {
    fn now(&self) -> Cycles {
        self.0.now
    }
}

impl Runnable for Coreless {
    fn run_until(&mut self, limit: Cycles) -> Moved {
        loop {
            if self.0.take_stop_request() {
                return Moved::Ran(Stop::Requested);
            }
            match self.0.events.next_at() {
                at if at > limit => {
                    self.0.advance_to(limit);
                    return Moved::Ran(Stop::Limit);
                }
                at => {
                    self.1 += 1;
                    self.0.advance_to(at);
                }
            }
        }
    }
    fn moment(&self) -> Moment {
        Moment {
            position: Position {
                instructions: self.1,
                cycle: self.0.now,
            },
            acts: 0,
            made: 0,
        }
    }
    fn bus(&mut self) -> &mut Bus {
        &mut self.0
    }
    fn give(&mut self, port: u8, bytes: &[u8]) {
        self.0.serial_in(port, bytes);
    }
    fn end_console(&mut self) {}
    fn finish(&mut self) {}
}

fn machine(sleeps_after: Option<u32>) -> Coreless {
    let clocks = ClockTree::new("core", Ratio::hz(10_000_000));
    let mut bus = Bus::new(System::new(Architecture::V7M, 4, 8), clocks);
    let net = bus.nets.add("P0");
    let binding = Binding {
        name: "UART".to_owned(),
        clocks: vec![bus.clocks.core()],
        nets: vec![Some(net)],
        ..Binding::default()
    };
    let device = Talker {
        sleeps_after,
        ..Talker::default()
    };
    bus.add(binding, Box::new(device));
    bus.reset_devices(emu_core::ResetCause::PowerOn);
    Coreless(bus, 0)
}

fn console(specs: &[&str]) -> Console {
    let specs: Vec<UartSpec> = specs.iter().map(|s| s.parse().expect("spec")).collect();
    let defaults = Defaults {
        console: None,
        with_input: false,
    };
    let ports = ["UART".to_owned()];
    Console::open(&ports, &specs, &defaults, true, &Terminal::new()).expect("opens")
}

fn session<M: Runnable>(machine: &mut M, settings: Settings) -> Session<'_, M> {
    Session {
        machine,
        settings,
        console: console(&[]),
        capture: None,
        interrupt: Interrupt::default(),
        progress: Progress::new(&Terminal::new()),
        on_notice: Box::new(|_| {}),
        on_channel: Box::new(|_| {}),
    }
}

fn run(machine: &mut Coreless, settings: Settings) -> Finished {
    session(machine, settings).run()
}

fn limit(text: &str) -> Settings {
    Settings {
        limit: Some(text.parse().expect("span")),
        ..Settings::default()
    }
}

#[test]
fn a_limit_of_cycles_is_exact() {
    let mut m = machine(None);
    let f = run(&mut m, limit("12345cy"));
    assert_eq!((f.outcome, m.now()), (Outcome::Limit, Cycles(12_345)));
    assert_eq!(f.texts[0].kept, b"123456789012");
}

#[test]
fn a_limit_of_time_is_exact_over_a_clock_change() {
    // 5 ms are 50 000 cycles at 10 MHz; the other 5 ms are 5000 at 1 MHz.
    let mut m = machine(None);
    let f = run(&mut m, limit("10ms"));
    assert_eq!((f.outcome, m.now()), (Outcome::Limit, Cycles(55_000)));
}

#[test]
fn until_ends_at_its_cycle() {
    let mut m = machine(None);
    let text = Until::Uart {
        port: None,
        text: b"456".to_vec(),
    };
    let on = StopOn::SerialText {
        port: None,
        text: b"456".to_vec(),
    };
    let settings = Settings {
        until: vec![(text.clone(), on)],
        ..limit("1s")
    };
    let f = run(&mut m, settings);
    assert_eq!((f.outcome, m.now()), (Outcome::Until(text), Cycles(6000)));

    let mut m = machine(None);
    let net = m.0.nets.find("P0").expect("net");
    let pin = Until::Pin {
        pin: "P0".to_owned(),
        level: false,
    };
    let settings = Settings {
        until: vec![(pin.clone(), StopOn::Edge { net, level: false })],
        ..limit("1s")
    };
    let f = run(&mut m, settings);
    assert_eq!((f.outcome, m.now()), (Outcome::Until(pin), Cycles(2000)));
}

#[test]
fn strict_ends_in_the_slice_of_the_first_gap() {
    let mut m = machine(None);
    let settings = Settings {
        strict: true,
        ..limit("1s")
    };
    let f = run(&mut m, settings);
    assert_eq!(f.outcome, Outcome::Unmodelled);
    assert!(m.now() >= Cycles(70_000) && m.now() < Cycles(71_000 + 1000));
    assert_eq!(m.0.notices.all().len(), 1);
}

#[test]
fn notices_are_told_once() {
    let mut m = machine(None);
    let mut told = Vec::new();
    let session = Session {
        machine: &mut m,
        settings: limit("90000cy"),
        console: console(&[]),
        capture: None,
        interrupt: Interrupt::default(),
        progress: Progress::new(&Terminal::new()),
        on_notice: Box::new(|n| told.push(n.what.clone())),
        on_channel: Box::new(|_| {}),
    };
    let _ = session.run();
    assert_eq!(told, ["UART.CR2.XYZ"]);
}

#[test]
fn a_sleeper_ends_or_waits_for_the_host() {
    let mut m = machine(Some(5));
    let f = run(&mut m, Settings::default());
    assert_eq!(f.outcome, Outcome::Asleep);
    let mut m = machine(Some(5));
    let f = run(&mut m, limit("1s"));
    assert_eq!((f.outcome, m.now()), (Outcome::Limit, Cycles(10_000_000)));

    let mut m = machine(Some(5));
    let console = console(&["UART=tcp:0"]);
    let address = console.announcements[0]
        .rsplit(' ')
        .next()
        .map(str::to_owned);
    let client = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut s = std::net::TcpStream::connect(address.expect("address")).expect("connects");
        let mut five = [0; 5];
        s.read_exact(&mut five).expect("banner");
        s.write_all(b"x").expect("writes");
        let mut rest = String::new();
        s.read_to_string(&mut rest).expect("rest");
        rest
    });
    let f = Session {
        machine: &mut m,
        settings: limit("60000cy"),
        console,
        capture: None,
        interrupt: Interrupt::default(),
        progress: Progress::new(&Terminal::new()),
        on_notice: Box::new(|_| {}),
        on_channel: Box::new(|_| {}),
    }
    .run();
    assert_eq!((f.outcome, m.now()), (Outcome::Limit, Cycles(60_000)));
    // The slice in which it fell asleep, and one in which nothing happened.
    let input = HostInput {
        at: Cycles(20_000),
        port: 0,
        bytes: b"x".to_vec(),
    };
    assert_eq!(f.inputs, [input]);
    f.console.finish().expect("finishes");
    let heard = client.join().expect("client");
    assert!(heard.starts_with("X678"), "{heard}");
}

#[test]
fn ctrl_c_ends_a_run_in_good_order() {
    let mut m = machine(None);
    let interrupt = Interrupt::default();
    let raise = interrupt.clone();
    let f = Session {
        machine: &mut m,
        settings: Settings::default(),
        console: console(&[]),
        capture: None,
        interrupt,
        progress: Progress::new(&Terminal::new()),
        on_channel: Box::new(|_| {}),
        on_notice: Box::new(move |_| raise.raise()),
    }
    .run();
    assert_eq!(f.outcome, Outcome::Interrupted);
}

#[test]
fn pace_does_not_run_ahead_of_real_time() {
    let mut m = machine(None);
    let settings = Settings {
        pace: true,
        ..limit("30ms")
    };
    let f = run(&mut m, settings);
    assert!(f.wall >= Duration::from_millis(28), "{:?}", f.wall);
}

fn header() -> Header {
    Header {
        schema: Header::SCHEMA,
        tool: crate::TOOL.to_owned(),
        elf_sha256: String::new(),
        machine: "coreless".to_owned(),
        machine_hash: String::new(),
        seed: 0,
        core_hz: Ratio::hz(10_000_000),
        start: 0,
        nets: vec!["P0".to_owned()],
        high: Vec::new(),
        ports: vec!["UART".to_owned()],
        interrupts: Default::default(),
        pins: Default::default(),
        devices: vec!["TIM2".to_owned()],
        places: vec!["main".to_owned()],
        variables: vec!["current".to_owned()],
        objects: Default::default(),
    }
}

#[test]
fn a_capture_holds_the_run_and_does_not_change_it() {
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("r.cap");
    let mut plain = machine(None);
    let without = run(&mut plain, limit("60ms"));
    let mut m = machine(None);
    let writer =
        Writer::start(PendingFile::create(&path).expect("file"), &header()).expect("starts");
    m.0.probes.attach(ProbeMask::ALL, writer.probe_flush());
    let f = Session {
        machine: &mut m,
        settings: limit("60ms"),
        console: console(&[]),
        capture: Some(writer),
        interrupt: Interrupt::default(),
        progress: Progress::new(&Terminal::new()),
        on_notice: Box::new(|_| {}),
        on_channel: Box::new(|_| {}),
    }
    .run();
    assert_eq!(f.texts, without.texts);
    assert_eq!(m.now(), plain.now());
    let (file, _) = f
        .capture
        .expect("capture")
        .finish(m.now(), m.0.clocks.segments())
        .expect("finishes");
    file.commit().expect("committed");
    let capture = Capture::open(&path).expect("opens");
    assert_eq!(capture.summary.ending, Ending::Complete);
    assert_eq!(capture.summary.last, Cycles(105_000));
    assert_eq!(capture.summary.timebase.segments().len(), 2);
    assert_eq!(
        capture.summary.timebase.picoseconds(Cycles(105_000)),
        60_000_000_000
    );
    // 105 edges, 105 bytes, one clock change, and its segment.
    assert_eq!(capture.summary.records, 212);
}
