//! Memory, devices and flash through real gdb, and what a look at them leaves behind: nothing.

mod chips;
mod common;

use common::{expect, gdb_session, have_gdb};
use emu_core::Cycles;
use emu_core::machine::Stop;
use gdb::{Options, Outcome};

#[test]
fn no_device_of_any_machine_notices_a_look() {
    for entry in machines::list() {
        let mut m = chips::machine(&entry.name);
        let fixture = match m.kind().info().name {
            kind if m.kind().is_riscv() => format!("timing.{kind}.elf"),
            "cortex-m33" => "blinky.cortex-m33.elf".to_owned(),
            _ => "blinky.cortex-m0.elf".to_owned(),
        };
        if let Some((with_code, _)) = chips::with_fixture(&entry.name, &fixture) {
            m = with_code;
            m.run_until(Cycles(20_000));
        }
        let (hash, now) = (m.state_hash(), m.now());
        let notices = m.bus().notices.all().len();
        let windows: Vec<(String, u32, u32)> = m
            .bus()
            .devices()
            .filter(|(_, b)| b.size > 0)
            .map(|(_, b)| (b.name.clone(), b.base, b.size.min(0x1000)))
            .collect();
        for (name, base, size) in windows {
            for width in [1, 2, 4] {
                let mut into = [0; 4];
                for offset in (0..size).step_by(width) {
                    m.read_memory(base + offset, &mut into[..width]);
                }
            }
            assert_eq!(m.state_hash(), hash, "{}: {name}", entry.name);
        }
        assert_eq!(m.now(), now);
        assert_eq!(m.bus().notices.all().len(), notices, "{}", entry.name);
    }
}

#[test]
fn load_continue_and_exit() {
    if !have_gdb() {
        return;
    }
    for (chip, fixture) in [
        ("stm32f407vg", "blinky.stm32f407.elf"),
        ("stm32f103xb", "blinky.stm32f103.elf"),
        ("lm3s6965", "blinky.lm3s6965.elf"),
        ("cortex-m0", "blinky.cortex-m0.elf"),
        ("rv32", "blinky.rv32.elf"),
        ("e31", "blinky.e31.elf"),
    ] {
        // The same without gdb.
        let Some((mut plain, firmware)) = chips::with_fixture(chip, fixture) else {
            return;
        };
        assert_eq!(plain.run_until(Cycles::MAX), Stop::Exit(0), "{chip}");

        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let elf = folder.path().join("firmware.elf");
        std::fs::write(&elf, &firmware.elf).expect("a file in it");
        // A chip as it comes from the factory.
        let mut machine = chips::machine(chip);
        machine.reset();
        let s = gdb_session(
            &mut machine,
            &Options::default(),
            &[
                &format!("file {}", elf.display()),
                "load",
                "compare-sections",
                "monitor reset halt",
                "maintenance flush register-cache",
                // A RISC-V core has no vector that says where to begin.
                "if sizeof($pc) && $_isvoid($xpsr)",
                "continue",
            ],
        );
        let _ = s;
    }
}
