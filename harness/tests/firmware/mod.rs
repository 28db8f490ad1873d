//! Machines with fixture firmware in them, for tests of whole runs.
#![allow(dead_code)]

use emu_core::machine::{Machine, Options, Stop};
use emu_core::probe::{ProbeEvent, ProbeMask};
use emu_core::{Bus, Cycles, Width};
use harness::parts::{self, Firmware, Spec};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The folder of the fixtures.
pub fn folder() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.parent().expect("root").join("fixtures")
}

/// The names of all fixtures.
pub fn names() -> Vec<String> {
    let elf = std::fs::read_dir(folder().join("elf")).expect("fixtures/elf");
    let mut all: Vec<String> = elf
        .filter_map(|e| {
            let name = e.expect("entry").file_name().into_string().expect("name");
            name.strip_suffix(".elf").map(str::to_owned)
        })
        .collect();
    all.sort();
    // One fixture only, while something is wrong with it.
    if let Some(only) = std::env::var_os("TICKSCOPE_FIXTURE") {
        all.retain(|name| **name == *only);
        return all;
    }
    assert!(all.len() > 50, "the fixtures are there: {all:?}");
    all
}

/// The file `expected/NAME.EXTENSION`.
pub fn expected(name: &str, extension: &str) -> Option<Vec<u8>> {
    std::fs::read(
        folder()
            .join("expected")
            .join(format!("{name}.{extension}")),
    )
    .ok()
}

/// Without the lines that depend on timing.
pub fn comparable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).replace('\r', "");
    let lines = text.lines().filter(|l| !l.starts_with('~'));
    lines.map(|l| format!("{}\n", l.trim_end())).collect()
}

/// A running fixture.
pub struct Run {
    /// The machine.
    pub machine: Machine,
    /// Its console.
    pub port: u8,
    /// What the console has said.
    pub text: Vec<u8>,
    /// What is still to be given to the console, and when.
    input: Option<(Cycles, Vec<u8>)>,
    events: Arc<Mutex<Vec<ProbeEvent>>>,
}

impl Run {
    /// A machine with the fixture, after reset.
    pub fn new(name: &str, single_step: bool, set: &[&str]) -> Run {
        Run::with(name, single_step, set, |_, _| {})
    }

    /// The same with something done to the bus before the reset.
    pub fn with(
        name: &str,
        single_step: bool,
        set: &[&str],
        change: impl FnOnce(&Spec, &mut Bus),
    ) -> Run {
        let path = folder().join("elf").join(format!("{name}.elf"));
        let firmware = Firmware::open(&path, None).expect("an image");
        let (mut spec, _) = Spec::detect(&firmware, false).expect("names its machine");
        for assignment in set {
            spec.set(assignment, false).expect(assignment);
        }
        let (core, mut bus) = spec.build(1, false).expect("builds");
        change(&spec, &mut bus);
        let ports = bus.serial_ports().iter();
        let port = ports
            .map(|p| p.name.as_str())
            .position(|p| Some(p) == spec.console())
            .expect("a console") as u8;
        let mut machine = Machine::new(core, bus, Options { single_step }).expect("a machine");
        parts::enable_semihosting(&mut machine, None).expect("semihosting");
        machine.load(&firmware.image).expect("loads");
        machine.reset();
        Run {
            machine,
            port,
            text: Vec::new(),
            input: expected(name, "stdin").map(|bytes| (FEED_AT, bytes)),
            events: Arc::default(),
        }
    }

    /// Give it no input.
    pub fn forget_input(&mut self) {
        self.input = None;
    }

    /// Record every observation from here on.
    pub fn observe(&mut self) {
        let into = Arc::clone(&self.events);
        let flush = move |mut events: Vec<ProbeEvent>| {
            into.lock().expect("events").append(&mut events);
            events
        };
        let probes = &mut self.machine.bus_mut().probes;
        probes.attach(ProbeMask::ALL, Box::new(flush));
    }

    /// What was observed since this was last asked.
    pub fn observed(&mut self) -> Vec<ProbeEvent> {
        self.machine.bus_mut().probes.flush();
        std::mem::take(&mut self.events.lock().expect("events"))
    }

    /// Run to this cycle, and give the console its input when that is due.
    pub fn until(&mut self, limit: Cycles) -> Stop {
        if let Some((at, bytes)) = self.input.take_if(|(at, _)| *at <= limit) {
            let stop = self.machine.run_until(at);
            assert_eq!(stop, Stop::Limit, "before the input was given");
            self.machine.bus_mut().serial_in(self.port, &bytes);
        }
        let stop = self.machine.run_until(limit);
        let sent = self.machine.bus_mut().take_sent(self.port);
        self.text.extend(sent);
        stop
    }

    /// All that must be the same in two runs that are the same.
    pub fn summary(&self) -> Summary {
        Summary {
            cycle: self.machine.now(),
            instructions: self.machine.instructions(),
            registers: self.machine.registers(),
            riscv: self.machine.riscv_registers(),
            hash: self.machine.state_hash(),
        }
    }

    /// A word of memory.
    pub fn word(&self, address: u32) -> u32 {
        let memory = &self.machine.bus().memory;
        memory.load(address, Width::Word).expect("memory")
    }
}

/// Console input is given at this cycle: every fixture has written its first line by then.
pub const FEED_AT: Cycles = Cycles(2_000_000);

/// Where a run is.
#[derive(Clone, PartialEq, Eq)]
pub struct Summary {
    cycle: Cycles,
    instructions: u64,
    registers: emu_core::machine::Registers,
    riscv: Option<emu_core::riscv::Registers>,
    hash: [u8; 32],
}

impl std::fmt::Debug for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (r, hash) = (&self.registers, &self.hash);
        write!(
            f,
            "cycle {}, {} instructions, ",
            self.cycle, self.instructions
        )?;
        write!(
            f,
            "r {:x?} xpsr {:x}, hash {:02x}{:02x}..",
            r.r, r.xpsr, hash[0], hash[1]
        )
    }
}

/// Do something with every item, two at a time, and fail with all that failed.
pub fn each<T: Sync>(items: &[T], label: impl Fn(&T) -> String + Sync, work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let work = std::panic::AssertUnwindSafe(|| work(item));
                    if let Err(why) = std::panic::catch_unwind(work) {
                        let why = why
                            .downcast_ref::<String>()
                            .cloned()
                            .or_else(|| why.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                        let why = format!("{}: {}", label(item), why.unwrap_or_default());
                        failed.lock().expect("failures").push(why);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("failures");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
