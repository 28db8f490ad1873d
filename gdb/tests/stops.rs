//! Ways in which a session stops and ends, with real gdb.

mod common;

use common::{Outcome, expect, gdb_session, gdb_session_until, have_gdb, with_code, with_fixture};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Stop};
use gdb::Options;

#[test]
fn lockup_is_a_segmentation_fault_with_its_reason() {
    if !have_gdb() {
        return;
    }
    // udf #0; HardFault's vector is even: lockup.
    let mut m = with_code(CoreKind::CortexM3, &[0xBF00, 0xDE00], 0x180);
    let s = gdb_session(
        &mut m,
        &Options::default(),
        &["continue", "monitor fault", "kill"],
    );
    expect(
        &s.text,
        &[
            "tickscope: lockup at",
            "SIGSEGV",
            "UNDEFINSTR",
            "FORCED",
            "Inferior 1 (process 1) killed",
        ],
    );
    assert!(matches!(s.outcome, Ok(Outcome::Killed)), "{:?}", s.outcome);
}

#[test]
fn exit_codes_sleep_and_limits_are_told() {
    if !have_gdb() {
        return;
    }
    // ldr r1, [pc, #8]; movs r0, #0x20 (SYS_EXIT_EXTENDED); bkpt 0xAB; b .; (pad) block: 0x20026, 7
    let exit = [
        0x4902, 0x2020, 0xBEAB, 0xE7FE, 0xBF00, 0xBF00, 0x0110, 0x0000, 0x0026, 0x0002, 0x0007,
        0x0000,
    ];
    let mut m = with_code(CoreKind::CortexM3, &exit, 0x181);
    let s = gdb_session(&mut m, &Options::default(), &["continue"]);
    expect(&s.text, &["exited with code 07"]);
    assert!(
        matches!(s.outcome, Ok(Outcome::Exited(7))),
        "{:?}",
        s.outcome
    );

    // wfi; b .
    let mut m = with_code(CoreKind::CortexM3, &[0xBF30, 0xE7FE], 0x181);
    let s = gdb_session(
        &mut m,
        &Options::default(),
        &["continue", "stepi", "detach"],
    );
    expect(
        &s.text,
        &[
            "nothing can wake it",
            "SIGINT",
            "nothing can wake it",
            "detached",
        ],
    );

    let mut m = with_code(CoreKind::CortexM3, &[0xE7FE], 0x181);
    let script = ["continue", "continue", "detach"];
    let s = gdb_session_until(&mut m, &Options::default(), Cycles(5_000_000), &script);
    expect(
        &s.text,
        &[
            "cycle limit 5000000 reached",
            "SIGXCPU",
            "cycle limit 5000000 reached",
        ],
    );
    assert!(m.now() <= Cycles(5_000_000) && m.now() > Cycles(4_999_900));
}

#[test]
fn ctrl_c_stops_a_loop() {
    if !have_gdb() {
        return;
    }
    let mut m = with_code(CoreKind::CortexM0, &[0x3001, 0xE7FD], 0x181);
    let s = gdb_session(
        &mut m,
        &Options::default(),
        &[
            "python import threading, os, signal",
            "python threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()",
            "continue",
            "p $r0 > 1000",
            "p $cycles > 1000",
            "monitor nonsense",
            "monitor help",
            "detach",
        ],
    );
    if s.text.contains("Python scripting is not supported") {
        eprintln!("skipped: gdb has no Python");
        return;
    }
    expect(
        &s.text,
        &[
            "SIGINT",
            "= 1",
            "= 1",
            "unknown command 'nonsense'",
            "monitor cycles",
            "detached",
        ],
    );
}

#[test]
fn load_reset_and_memory() {
    let Some((mut machine, firmware)) = with_fixture(CoreKind::CortexM4f, "blinky.cortex-m4f.elf")
    else {
        return;
    };
    if !have_gdb() {
        return;
    }
    let Some((mut plain, _)) = with_fixture(CoreKind::CortexM4f, "blinky.cortex-m4f.elf") else {
        return;
    };
    // The machine starts with empty flash, as it were: what runs is what gdb loaded.
    machine
        .bus_mut()
        .program(0xD0, &[0xFF; 0x400])
        .expect("flash");
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let elf = folder.path().join("blinky.elf");
    std::fs::write(&elf, &firmware.elf).expect("a file in it");
    let s = gdb_session(
        &mut machine,
        &Options::default(),
        &[
            &format!("file {}", elf.display()),
            "load",
            "compare-sections .text",
            "set *(int *)0x20008000 = 0x12345678",
            "p/x *(int *)0x20008000",
            "p/x *(char *)0x20008003",
            "set *(int *)0x20008000 = 0",
            "x/xw 0x30000000",
            "set *(int *)0x30000000 = 1",
            "monitor reset halt",
            "maintenance flush register-cache",
            "p/x $pc",
            "break main",
            "continue",
            "disassemble main,+4",
            "monitor reg",
            "monitor reg USART2",
            "monitor reg NOPE",
            "delete",
            "continue",
        ],
    );
    println!("{}", s.serial);
    expect(
        &s.text,
        &[
            "Loading section .text",
            "matched.",
            "= 0x12345678",
            "= 0x12",
            "Cannot access memory at address 0x30000000",
            "Cannot access memory at address 0x30000000",
            "reset at cycle 0",
            "Breakpoint 1, main ()",
            "0x40004400   0x400 USART2",
            "USART2.DR            0x00000000",
            "no peripheral 'NOPE'",
            "exited normally",
        ],
    );
    assert!(s.serial.contains("blinky: done"));
    plain.run_until(Cycles::MAX);
    assert_eq!(
        machine.now(),
        plain.now(),
        "a second reset at cycle 0 costs nothing"
    );
}

#[test]
fn calls_by_hand_and_software_watchpoints_work() {
    let Some((mut machine, firmware)) = with_fixture(CoreKind::CortexM4f, "blinky.cortex-m4f.elf")
    else {
        return;
    };
    if !have_gdb() {
        return;
    }
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
            "call (void)console_put('!')",
            "p $pc == &main || 1",
            "set can-use-hw-watchpoints 0",
            "watch milliseconds",
            "continue",
            "delete",
            "detach",
        ],
    );
    expect(&s.text, &["Breakpoint 1, main ()"]);
    // gdb steps by itself.
    expect(&s.text, &["atchpoint 2: milliseconds", "New value = 1"]);
    assert!(s.serial.starts_with('!'), "{}", s.serial);
    assert!(
        matches!(s.outcome, Ok(Outcome::Detached)),
        "{:?}",
        s.outcome
    );
    assert_eq!(machine.run_until(Cycles::MAX), Stop::Exit(0));
}
