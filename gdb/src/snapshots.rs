//! What gdb is told of each machine, byte for byte: `tests/xml/`.
//!
//! A description that has changed is written beside the committed one, as `NAME.xml.new`. Read the difference, see
//! that gdb still takes it (`tests/cores.rs`), and accept all of them with `TICKSCOPE_ACCEPT_XML=1`.

use crate::registers::Table;
use crate::{description, memory_map};
use emu_core::machine::{Machine, Options};
use machines::{BuildOptions, MachineSpec};
use std::path::Path;

fn machine(name: &str) -> Machine {
    let spec = MachineSpec::load(name).expect("a machine of the library");
    let (kind, bus) = spec.build(&BuildOptions::default()).expect("it is sound");
    Machine::new(kind, bus, Options::default()).expect("a machine")
}

/// Compares with the committed file; gives what is wrong.
fn compare(name: &str, xml: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/xml");
    let path = folder.join(format!("{name}.xml"));
    let new = folder.join(format!("{name}.xml.new"));
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed == xml {
        let _ = std::fs::remove_file(new);
        return None;
    }
    if std::env::var_os("TICKSCOPE_ACCEPT_XML").is_some() {
        std::fs::write(&path, xml).expect("the folder is there");
        let _ = std::fs::remove_file(new);
        return None;
    }
    std::fs::write(&new, xml).expect("the folder is there");
    Some(format!("{} is not {}", path.display(), new.display()))
}

#[track_caller]
fn check(snapshots: &[(&str, String)]) {
    let changed: Vec<String> = snapshots
        .iter()
        .filter_map(|(name, xml)| compare(name, xml))
        .collect();
    assert!(
        changed.is_empty(),
        "{}\nif that is what it should be: TICKSCOPE_ACCEPT_XML=1 cargo test -p gdb --lib snapshots",
        changed.join("\n")
    );
}

#[test]
fn target_descriptions() {
    let cores = [
        "cortex-m0",
        "cortex-m0plus",
        "cortex-m3",
        "cortex-m4f",
        "cortex-m7",
        "cortex-m33",
        "e31",
        "bumblebee",
        "rv32",
    ];
    check(&cores.map(|name| (name, description::target(&Table::of(&machine(name))))));
}

#[test]
fn memory_maps() {
    let machines = [
        ("memory-cortex-m3", "cortex-m3"),
        ("memory-stm32f407vg", "stm32f407vg"),
        ("memory-stm32f103xb", "stm32f103xb"),
        ("memory-lm3s6965", "lm3s6965"),
        ("memory-nrf52840", "nrf52840"),
        ("memory-rp2040", "rp2040"),
        ("memory-rv32", "rv32"),
    ];
    check(
        &machines.map(|(file, name)| (file, memory_map::memory_map(&machine(name).bus().memory))),
    );
}

#[test]
fn every_flash_is_whole_blocks_or_told_as_it_is() {
    for entry in machines::list() {
        let machine = machine(&entry.name);
        let xml = memory_map::memory_map(&machine.bus().memory);
        for region in machine.bus().memory.regions() {
            if region.kind == emu_core::memory::MemoryKind::Flash {
                let line = format!("type=\"flash\" start=\"{:#x}\"", region.base);
                assert!(xml.contains(&line), "{}: {line}\n{xml}", entry.name);
                assert_eq!(region.size() % memory_map::BLOCK, 0, "{}", entry.name);
            }
        }
    }
}
