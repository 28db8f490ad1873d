//! A bare machine for the fixtures, and real gdb to attack it with.
#![allow(dead_code, unused_imports, missing_docs)]

mod serve;

pub use serve::{Outcome, serve, serve_all};

use emu_core::cortex_m::System;
use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{CoreKind, Machine};
use emu_core::memory::{Alias, MemoryKind};
use emu_core::semihosting::Config;
use emu_core::{Binding, Bus, ClockTree, Ctx, Cycles, Device, IoWindow, Ports, Ratio, Width};
use gdb::{Error, Firmware, Listen, Options, Server};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// SR is always ready, a byte written to DR leaves at once. Reading DR counts, unless a debugger does it.
#[derive(Default, Serialize, Deserialize)]
struct Usart {
    reads: u32,
}

impl Device for Usart {
    fn ports(&self) -> Ports {
        Ports {
            serial: true,
            ..Ports::default()
        }
    }
    fn reset(&mut self, _: &mut Ctx<'_>) {}
    fn read(&mut self, offset: u32, _: Width, ctx: &mut Ctx<'_>) -> u32 {
        match offset {
            0 => 0xC0,
            4 => {
                self.reads += u32::from(!ctx.is_debug());
                self.reads
            }
            _ => 0,
        }
    }
    fn write(&mut self, offset: u32, _: Width, value: u32, ctx: &mut Ctx<'_>) {
        if offset == 4 {
            ctx.serial_out(value as u8);
        }
    }
    fn register(&self, offset: u32) -> Option<String> {
        let name = ["SR", "DR"].get(offset as usize / 4)?;
        Some((*name).to_owned())
    }
    emu_core::device_state!();
}

/// As much of SysTick as the fixtures need: a period on the core clock, with its exception.
#[derive(Default, Serialize, Deserialize)]
struct SysTick {
    csr: u32,
    rvr: u32,
}

impl Device for SysTick {
    fn ports(&self) -> Ports {
        Ports::default()
    }
    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        (self.csr, self.rvr) = (0, 0);
        ctx.cancel(0);
    }
    fn read(&mut self, offset: u32, _: Width, _: &mut Ctx<'_>) -> u32 {
        match offset {
            0x10 => self.csr,
            0x14 => self.rvr,
            _ => 0,
        }
    }
    fn write(&mut self, offset: u32, _: Width, value: u32, ctx: &mut Ctx<'_>) {
        match offset {
            0x10 => {
                self.csr = value;
                ctx.cancel(0);
                if value & 1 != 0 {
                    ctx.schedule_in(0, u64::from(self.rvr) + 1);
                }
            }
            0x14 => self.rvr = value,
            _ => {}
        }
    }
    fn event(&mut self, _: u32, ctx: &mut Ctx<'_>) {
        if self.csr & 2 != 0 {
            ctx.set_exception_pending(15, true);
        }
        ctx.schedule_in(0, u64::from(self.rvr) + 1);
    }
    emu_core::device_state!();
}

/// The bare machine of the fixtures.
pub fn machine(kind: CoreKind) -> Machine {
    let mut system = System::new(kind.architecture(), 4, 32);
    system.has_fpu = kind.has_fpu();
    system.reset();
    let mut bus = Bus::new(system, ClockTree::new("HCLK", Ratio::hz(100_000_000)));
    bus.memory.add("flash", MemoryKind::Flash, 0, 0x10_0000);
    bus.memory
        .add("ram", MemoryKind::Ram, 0x2000_0000, 0x10_0000);
    bus.memory.add_alias(Alias {
        base: 0x0800_0000,
        size: 0x10_0000,
        target: 0,
    });
    for base in [0x4000_0000, 0xE000_0000] {
        bus.add_window(IoWindow {
            base,
            size: 0x10_0000,
            holes_fault: false,
        });
    }
    let at = |name: &str, base, size| Binding {
        name: name.to_owned(),
        base,
        size,
        ..Binding::default()
    };
    bus.add(at("USART2", 0x4000_4400, 0x400), Box::new(Usart::default()));
    bus.add(
        at("SysTick", 0xE000_E000, 0x100),
        Box::new(SysTick::default()),
    );
    let mut machine =
        Machine::new(kind, bus, emu_core::machine::Options::default()).expect("a machine");
    machine.enable_semihosting(Config::default());
    machine
}

/// A machine with code of our own: reset at 0x100, every other vector at 0x180 (a loop) unless given.
pub fn with_code(kind: CoreKind, code: &[u16], handler: u32) -> Machine {
    let mut m = machine(kind);
    let mut bytes: Vec<u8> = Vec::new();
    for word in std::iter::once(0x2000_8000u32)
        .chain(std::iter::once(0x101))
        .chain(std::iter::repeat_n(handler, 46))
    {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.resize(0x100, 0xFF);
    bytes.extend(code.iter().flat_map(|h| h.to_le_bytes()));
    bytes.resize(0x180, 0xFF);
    bytes.extend_from_slice(&0xE7FEu16.to_le_bytes());
    m.load(&Image::raw("test", 0, bytes).expect("an image"))
        .expect("it fits");
    m.reset();
    m
}

fn fixture(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TICKSCOPE_FIXTURES")
        .map_or_else(|| PathBuf::from("../fixtures/elf"), PathBuf::from);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(name);
    if !path.exists() {
        eprintln!("skipped: no fixture {}", path.display());
        return None;
    }
    Some(path)
}

/// A machine with a fixture at its reset, and the file; `None` (with a notice) when it is not there.
pub fn with_fixture(kind: CoreKind, name: &str) -> Option<(Machine, Firmware)> {
    let path = fixture(name)?;
    let mut m = machine(kind);
    let image = Image::open(&path, &OpenOptions::default()).expect("a fixture is an image");
    m.load(&image).expect("it fits");
    m.reset();
    let elf = std::fs::read(&path).expect("it was there a moment ago");
    let name = name.to_owned();
    Some((m, Firmware { name, elf }))
}

pub const GDB: &str = "gdb-multiarch";

/// Is gdb there? Says so when not.
pub fn have_gdb() -> bool {
    let there = Command::new(GDB)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !there {
        eprintln!("skipped: no {GDB}");
    }
    there
}

/// What a session gave.
pub struct Session {
    pub outcome: Result<Outcome, Error>,
    /// stdout and stderr of gdb.
    pub text: String,
    /// Serial output.
    pub serial: String,
}

/// Run a gdb script (after `target remote`) against a machine. gdb must end within a minute.
pub fn gdb_session(machine: &mut Machine, options: &Options, script: &[&str]) -> Session {
    gdb_session_until(machine, options, Cycles::MAX, script)
}

/// The same, for a run that has a limit.
pub fn gdb_session_until(
    machine: &mut Machine,
    options: &Options,
    limit: Cycles,
    script: &[&str],
) -> Session {
    let server = Server::bind(&Listen::Tcp(([127, 0, 0, 1], 0).into())).expect("a free port");
    let mut command = Command::new(GDB);
    command
        .args(["-batch", "-nx"])
        .args(["-ex", "set pagination off", "-ex", "set tcp auto-retry off"])
        .args(["-ex", &format!("target remote {}", server.address())]);
    for line in script {
        command.args(["-ex", line]);
    }
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let log = folder.path().join("gdb");
    let file = std::fs::File::create(&log).expect("a file in it");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a second handle"))
        .stderr(file)
        .spawn()
        .expect("gdb starts");
    let watchdog = std::thread::spawn(move || {
        let start = Instant::now();
        loop {
            if child.try_wait().expect("our own child").is_some() {
                return true;
            }
            if start.elapsed() > Duration::from_secs(60) {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let mut serial = Vec::new();
    let sink = |bytes: &[u8]| serial.extend_from_slice(bytes);
    let outcome = serve(machine, server, options, limit, sink);
    let in_time = watchdog.join().expect("it does not panic");
    let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned();
    assert!(in_time, "gdb did not end:\n{text}");
    Session {
        outcome,
        text,
        serial: String::from_utf8_lossy(&serial).into_owned(),
    }
}

/// All of these occur in the text, in this order.
#[track_caller]
pub fn expect(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => panic!("no {part:?} (in this order) in:\n{text}"),
        }
    }
}
