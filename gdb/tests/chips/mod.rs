//! Machines of the library with fixtures.
#![allow(dead_code, missing_docs)]

use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{Machine, Options};
use emu_core::semihosting::Config;
use gdb::Firmware;
use machines::{BuildOptions, MachineSpec};
use std::path::Path;

/// A machine of the library without firmware.
pub fn machine(name: &str) -> Machine {
    let spec = MachineSpec::load(name).expect("a machine of the library");
    let (kind, bus) = spec.build(&BuildOptions::default()).expect("it is sound");
    let mut machine = Machine::new(kind, bus, Options::default()).expect("a machine");
    machine.enable_semihosting(Config::default());
    machine
}

/// One with a fixture, at its reset; `None` (with a notice) when the file is not there, or does not fit.
pub fn with_fixture(machine_name: &str, fixture: &str) -> Option<(Machine, Firmware)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/elf");
    let path = folder.join(fixture);
    if !path.exists() {
        eprintln!("skipped: no fixture {}", path.display());
        return None;
    }
    let mut machine = machine(machine_name);
    let image = Image::open(&path, &OpenOptions::default()).expect("a fixture is an image");
    if let Err(e) = machine.load(&image) {
        eprintln!("{fixture} is not for {machine_name}: {e}");
        return None;
    }
    machine.reset();
    let elf = std::fs::read(&path).expect("it was there a moment ago");
    let name = fixture.to_owned();
    Some((machine, Firmware { name, elf }))
}
