//! Fixtures on their machines, in a timeline, with a monitor.

use super::{Context, Halt, Heard, Monitor};
use emu_core::Cycles;
use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{Machine, Options, Stop};
use emu_core::semihosting::Config;
use emu_core::timeline::{Settings, Timeline};
use machines::{BuildOptions, MachineSpec};
use std::collections::BTreeMap;
use std::path::Path;

/// Checkpoints come often, so that short runs have some.
const SETTINGS: Settings = Settings {
    memory: 64 << 20,
    interval: 20_000,
};

pub struct Bench {
    pub timeline: Timeline,
    pub monitor: Monitor<()>,
    pub image: Image,
    pins: BTreeMap<String, String>,
    interrupts: BTreeMap<u16, String>,
}

impl Bench {
    /// A fixture at its reset.
    pub fn new(name: &str) -> Bench {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/elf");
        let path = path.join(format!("{name}.elf"));
        let image = Image::open(&path, &OpenOptions::default()).expect("a fixture");
        let hint = image.machine_hint.clone().expect("it names its machine");
        let spec = MachineSpec::load(&hint).expect("a machine of the library");
        let (kind, bus) = spec.build(&BuildOptions::default()).expect("it is sound");
        let mut machine = Machine::new(kind, bus, Options::default()).expect("a machine");
        machine.enable_semihosting(Config::default());
        machine.load(&image).expect("it fits");
        machine.reset();
        let file = spec.file();
        let names = file.pin_names.iter();
        let irqs = file.interrupts.iter();
        Bench {
            timeline: Timeline::new(machine, (), SETTINGS),
            monitor: Monitor::default(),
            pins: names
                .map(|(board, _)| (board.clone(), spec.net(board).to_owned()))
                .collect(),
            interrupts: irqs.map(|(n, irq)| (irq.value + 16, n.clone())).collect(),
            image,
        }
    }

    /// A command's answer. Looking must change nothing.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> String {
        let before = (self.timeline.moment(), self.timeline.machine().state_hash());
        let past = (self.timeline.is_past(), self.timeline.end());
        let answer = self.tell(line);
        let after = (self.timeline.moment(), self.timeline.machine().state_hash());
        assert_eq!(after, before, "'{line}' changed something");
        assert_eq!((self.timeline.is_past(), self.timeline.end()), past);
        answer
    }

    /// The answer of a command that changes something.
    pub fn tell(&mut self, line: &str) -> String {
        let context = Context {
            image: Some(&self.image),
            pins: &self.pins,
            interrupts: &self.interrupts,
        };
        self.monitor.command(line, &mut self.timeline, &context)
    }

    /// Run to a cycle as for a `continue`; nothing else stops it.
    #[track_caller]
    pub fn run(&mut self, until: u64) {
        assert_eq!(self.go(until), None);
    }

    /// Run as for a `continue`, at most to a cycle; what an armed condition says when it stopped.
    pub fn go(&mut self, until: u64) -> Option<String> {
        self.monitor.resumed(&self.timeline);
        loop {
            let until = Cycles(until);
            let limit = self.monitor.limit().filter(|l| *l < until);
            let stop = self.timeline.run_until(limit.unwrap_or(until));
            if stop == Stop::Limit && limit.is_none() {
                self.monitor.at_stop(Halt::Stop(stop));
                return None;
            }
            let context = Context {
                image: Some(&self.image),
                pins: &self.pins,
                interrupts: &self.interrupts,
            };
            let heard = self.monitor.stopped(&stop, &mut self.timeline, &context);
            self.timeline.machine_mut().bus_mut().take_met();
            match heard {
                Heard::GoOn => {}
                Heard::Stop(text) => {
                    self.monitor.at_stop(Halt::Told(text.clone()));
                    return Some(text);
                }
                Heard::Nothing => {
                    self.monitor.at_stop(Halt::Stop(stop.clone()));
                    return Some(format!("{stop:?}"));
                }
            }
        }
    }

    pub fn now(&self) -> u64 {
        self.timeline.machine().now().0
    }

    pub fn pc(&self) -> u32 {
        self.timeline.machine().registers().r[15]
    }
}
