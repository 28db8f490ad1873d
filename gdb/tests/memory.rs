//! Memory, devices and flash through real gdb, and what a look at them leaves behind: nothing.

mod chips;
mod common;

use common::{Outcome, expect, gdb_session, have_gdb};
use emu_core::Cycles;
use emu_core::machine::Stop;
use gdb::Options;

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
                "p/x $pc",
                "monitor reset halt",
                "maintenance flush register-cache",
                "p/x $pc",
                "continue",
            ],
        );
        expect(
            &s.text,
            &["Loading section", "Transfer rate", "matched.", "= 0x"],
        );
        assert!(!s.text.contains("MIS-MATCHED"), "{chip}:\n{}", s.text);
        assert!(s.text.contains("exited normally"), "{chip}:\n{}", s.text);
        assert!(
            matches!(s.outcome, Ok(Outcome::Exited(0))),
            "{chip}: {:?}",
            s.outcome
        );
        assert!(s.serial.contains("blinky: done"), "{chip}:\n{}", s.text);
        assert_eq!(machine.now(), plain.now(), "{chip}");
    }
}

#[test]
fn peripherals_ram_flash_and_holes() {
    if !have_gdb() {
        return;
    }
    let Some((mut machine, firmware)) = chips::with_fixture("stm32f407vg", "blinky.stm32f407.elf")
    else {
        return;
    };
    let options = Options {
        firmware: Some(firmware),
        ..Options::default()
    };
    let s = gdb_session(
        &mut machine,
        &options,
        &[
            "tbreak main",
            "continue",
            // GPIOD: MODER by words, halfwords and bytes; ODR by a halfword and its bit by BSRR.
            "set *(unsigned *)0x40023830 |= 8",
            "set *(unsigned *)0x40020c00 = 0x55000000",
            "x/2xw 0x40020c00",
            "x/4xh 0x40020c00",
            "x/4xb 0x40020c00",
            "set *(unsigned short *)0x40020c14 = 0x1234",
            "x/xw 0x40020c14",
            "set *(unsigned short *)0x40020c18 = 0x0003",
            "x/xh 0x40020c14",
            // System space: CPUID, and SysTick that begins to count.
            "x/xw 0xe000ed00",
            "set *(unsigned *)0xe000e014 = 0xffffff",
            "set *(unsigned *)0xe000e018 = 0",
            "set *(unsigned *)0xe000e010 = 5",
            "x/2xw 0xe000e010",
            // RAM across two regions, flash and its alias, a bit of RAM by bit-band.
            "set *(unsigned *)0x2001bffc = 0x01020304",
            "set *(unsigned *)0x2001c000 = 0x05060708",
            "x/4xh 0x2001bffc",
            "x/2xw 0x2237ff88",
            "p *(unsigned *)0 == *(unsigned *)0x08000000",
            // The end of memory, and a hole.
            "x/2xw 0x1000fffc",
            "x/xw 0x60000000",
            "set *(unsigned *)0x60000000 = 1",
            "set *(unsigned *)0x08000000 = 1",
            "detach",
        ],
    );
    expect(
        &s.text,
        &[
            "0x40020c00:\t0x55000000\t0x00000000",
            "0x40020c00:\t0x0000\t0x5500\t0x0000\t0x0000",
            "0x40020c00:\t0x00\t0x00\t0x00\t0x55",
            "0x40020c14:\t0x00001234",
            "0x40020c14:\t0x1237",
            "0xe000ed00:\t0x410fc241",
            "0xe000e010:\t0x00000005\t0x00ffffff",
            "0x2001bffc:\t0x0304\t0x0102\t0x0708\t0x0506",
            "0x2237ff88:\t0x00000001\t0x00000000",
            " = 1",
            "0x1000fffc:\t0x00000000\tCannot access memory at address 0x10010000",
            "Cannot access memory at address 0x60000000",
            "Cannot access memory at address 0x60000000",
            "Writing to flash memory forbidden in this context",
        ],
    );
    assert!(matches!(s.outcome, Ok(Outcome::Detached)), "{}", s.text);
}

#[test]
fn code_that_gdb_patches_runs() {
    if !have_gdb() {
        return;
    }
    let Some((mut machine, firmware)) = chips::with_fixture("rv32", "blinky.rv32.elf") else {
        return;
    };
    let options = Options {
        firmware: Some(firmware),
        ..Options::default()
    };
    let s = gdb_session(
        &mut machine,
        &options,
        &[
            "tbreak main",
            "continue",
            // li a0, 42; ret: put into RAM, and called twice with another number.
            "set *(unsigned *)0x80080000 = 0x02a00513",
            "set *(unsigned *)0x80080004 = 0x00008067",
            "p ((int (*)(void))0x80080000)()",
            "set *(unsigned *)0x80080000 = 0x00700513",
            "p ((int (*)(void))0x80080000)()",
            "detach",
        ],
    );
    expect(&s.text, &["$1 = 42", "$2 = 7", "detached"]);
}
