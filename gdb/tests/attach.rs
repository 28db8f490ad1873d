//! Sessions of real gdb on fixtures.

mod common;

use common::{Outcome, expect, gdb_session, have_gdb, with_fixture};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Stop};
use gdb::Options;

#[test]
fn blinky_from_reset_to_its_end() {
    let Some((mut machine, firmware)) = with_fixture(CoreKind::CortexM4f, "blinky.cortex-m4f.elf")
    else {
        return;
    };
    if !have_gdb() {
        return;
    }
    // The same run without gdb.
    let Some((mut plain, _)) = with_fixture(CoreKind::CortexM4f, "blinky.cortex-m4f.elf") else {
        return;
    };
    assert_eq!(plain.run_until(Cycles::MAX), Stop::Exit(0));

    let options = Options {
        firmware: Some(firmware),
        ..Options::default()
    };
    let s = gdb_session(
        &mut machine,
        &options,
        &[
            "info registers",
            "break main",
            "continue",
            "p $cycles",
            "next",
            "next",
            "step",
            "bt",
            "finish",
            "stepi",
            "stepi",
            "hbreak *systick_handler",
            "continue",
            "bt",
            "monitor irq",
            "info threads",
            "continue 3",
            "p milliseconds",
            "x/2xw 0x40004400",
            "monitor reg USART2.SR",
            "monitor cycles",
            "delete",
            "continue",
        ],
    );
    println!("{}", s.text);
    assert!(
        matches!(s.outcome, Ok(Outcome::Exited(0))),
        "{:?}",
        s.outcome
    );
    expect(
        &s.text,
        &[
            "Reading /blinky.cortex-m4f.elf from remote target",
            "reset_handler",
            "xpsr",
            "Breakpoint 1, main ()",
            "$1 = ",
            "Breakpoint 2, systick_handler",
            "#1  <signal handler called>",
            "main ()",
            "executing: SysTick",
            "CortexM4f, in SysTick",
            "Breakpoint 2, systick_handler",
            "$2 = 3",
            "0x40004400:\t0x000000c0",
            "USART2.SR            0x000000c0",
            "cycle ",
            "exited normally",
        ],
    );
    for complaint in ["warning: Selected", "Remote failure", "without sending"] {
        assert!(!s.text.contains(complaint), "{complaint} in:\n{}", s.text);
    }
    assert!(s.serial.contains("blinky on"), "{}", s.serial);
    assert!(s.serial.contains("blinky: done"), "{}", s.serial);
    assert_eq!(machine.now(), plain.now());
    assert_eq!(machine.instructions(), plain.instructions());
    assert_eq!(machine.state_hash(), plain.state_hash());
}

#[test]
fn every_kind_of_core_is_described() {
    if !have_gdb() {
        return;
    }
    for (kind, name, v7m, fpu) in [
        (CoreKind::CortexM0, "blinky.cortex-m0.elf", false, false),
        (
            CoreKind::CortexM0plus,
            "blinky.cortex-m0plus.elf",
            false,
            false,
        ),
        (CoreKind::CortexM3, "blinky.cortex-m3.elf", true, false),
        (CoreKind::CortexM4f, "blinky.cortex-m4f.elf", true, true),
        (CoreKind::CortexM7, "blinky.cortex-m7.elf", true, true),
    ] {
        let Some((mut machine, firmware)) = with_fixture(kind, name) else {
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
                "break main",
                "continue",
                "info registers msp psp primask control cycles",
                "info registers basepri",
                "p $s1",
                "set $r3 = 0x1234",
                "p/x $r3",
                "set $sp = $sp - 8",
                "p $sp == $msp",
                "info mem",
                "detach",
            ],
        );
        assert!(
            matches!(s.outcome, Ok(Outcome::Detached)),
            "{:?}\n{}",
            s.outcome,
            s.text
        );
        expect(
            &s.text,
            &[
                "Breakpoint 1, main ()",
                "msp ",
                "psp ",
                "primask ",
                "control ",
                "cycles ",
            ],
        );
        expect(
            &s.text,
            &["= 0x1234", "= 1", "flash blocksize 0x400", "detached"],
        );
        assert_eq!(s.text.contains("basepri  "), v7m, "{name}:\n{}", s.text);
        assert_eq!(s.text.contains("$1 = 0\n"), fpu, "{name}:\n{}", s.text);
        let warning = s
            .text
            .lines()
            .find(|l| l.contains("arning") && !l.contains("File transfers from remote"));
        assert_eq!(warning, None, "{name}");
        assert!(!s.text.contains("failure"), "{name}:\n{}", s.text);
        // Nothing of gdb's is left behind.
        assert_eq!(
            machine.run_until(Cycles(machine.now().0 + 1000)),
            Stop::Limit
        );
    }
}
