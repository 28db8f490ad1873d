//! Watchpoints on globals and locals, for writes, reads and both; what gdb says about them, and where it stands.

use crate::ARM;
use crate::session::Session;

/// Breakpoint in the timer's handler that has counted this far.
fn started(core: &str) -> Option<Session> {
    let mut s = Session::start(&format!("blinky.{core}"), &[])?;
    s.play(&[
        ("tbreak main", "Temporary breakpoint 1"),
        ("continue", "main ()"),
    ]);
    Some(s)
}

#[test]
fn a_write_to_a_global_tells_both_values() {
    for core in ARM {
        let Some(mut s) = started(core) else { return };
        s.play(&[("watch milliseconds", "Hardware watchpoint 2: milliseconds")]);
        for ms in 1..=5 {
            let values = format!("Old value = {}\nNew value = {ms}\n", ms - 1);
            s.play(&[
                ("continue", &format!("Hardware watchpoint 2: milliseconds\n{values}systick_handler ()…apps/blinky/main.c:10")),
                ("backtrace", "#0…systick_handler\n<signal handler called>\nmain ()"),
            ]);
            // It stands behind the store, in the handler.
            let handler = s.number("(unsigned)&systick_handler & ~1");
            let pc = s.number("$pc");
            assert!((handler + 2..handler + 16).contains(&pc), "{core}: {pc:#x}");
        }
        s.play(&[
            ("info watchpoints", "hw watchpoint\nalready hit 5 times"),
            (
                "watch milliseconds if milliseconds == 100",
                "Hardware watchpoint 3",
            ),
            ("delete 2", ""),
            ("continue", "Old value = 99\nNew value = 100"),
            ("delete", ""),
            ("continue", "exited normally"),
        ]);
        assert_eq!(s.end().code, Some(0));
    }
}

#[test]
fn reads_and_accesses_are_told_apart() {
    for core in ARM {
        let Some(mut s) = started(core) else { return };
        s.play(&[
            // The handler reads it, to count on.
            ("rwatch milliseconds", "Hardware read watchpoint 2: milliseconds"),
            ("continue", "Hardware read watchpoint 2: milliseconds\nValue = 0\nsystick_handler ()"),
            // main compares it.
            ("continue", "Hardware read watchpoint 2: milliseconds\nValue = 1\nmain ()"),
            ("delete 2", ""),
            ("awatch milliseconds", "Hardware access (read/write) watchpoint 3: milliseconds"),
            ("continue", "Hardware access (read/write) watchpoint 3: milliseconds\nValue = 1\nsystick_handler ()"),
            ("continue", "Hardware access (read/write) watchpoint 3: milliseconds\nOld value = 1\nNew value = 2\nsystick_handler ()"),
            ("continue", "Value = 2\nmain ()"),
            ("kill", "killed"),
        ]);
    }
}

#[test]
fn a_local_goes_out_of_scope() {
    for core in ARM {
        let Some(mut s) = started(core) else { return };
        s.play(&[
            ("tbreak number", "Temporary breakpoint 2"),
            ("continue", "number (v=100000000"),
            ("watch digits[0]", "Hardware watchpoint 3: digits[0]"),
            (
                "continue",
                "Hardware watchpoint 3: digits[0]\nNew value = 48 '0'\nnumber (",
            ),
            (
                "continue",
                "Watchpoint 3 deleted because the program has left the block in\nprint (",
            ),
            ("info watchpoints", "No watchpoints"),
            ("continue", "exited normally"),
        ]);
    }
}

#[test]
fn registers_of_peripherals_and_ranges_can_be_watched() {
    for core in ARM {
        let Some(mut s) = started(core) else { return };
        s.play(&[
            // USART.DR: the first character of the banner.
            ("watch *(int *)0x40004404", "Hardware watchpoint 2"),
            ("rwatch *(int *)0x40004400", "Hardware read watchpoint 3"),
            (
                "continue",
                "Hardware read watchpoint 3\nValue = 192\nconsole_put (c=98 'b')",
            ),
            ("delete 3", ""),
            ("delete 2", ""),
            // Sixteen bytes round it.
            (
                "watch *(char (*)[16])((unsigned)&milliseconds & ~15)",
                "ardware watchpoint 4",
            ),
            ("continue", "systick_handler ()"),
            ("print milliseconds", "= 1"),
            ("kill", "killed"),
        ]);
    }
}

#[test]
fn a_step_and_a_breakpoint_meet_a_watchpoint() {
    let Some(mut s) = started("cortex-m3") else {
        return;
    };
    s.play(&[
        ("watch milliseconds", "Hardware watchpoint 2"),
        ("break apps/blinky/main.c:10", "Breakpoint 3"),
        ("continue", "Breakpoint 3, systick_handler ()"),
        (
            "next",
            "Hardware watchpoint 2: milliseconds\nOld value = 0\nNew value = 1",
        ),
        ("finish", "Run till exit"),
    ]);
}

#[test]
fn watching_does_not_change_the_run() {
    let cycles = |watch: bool| {
        let mut s = started("cortex-m4f")?;
        s.play(&[("break finish", "Breakpoint 2")]);
        if watch {
            s.play(&[(
                "watch milliseconds if milliseconds == 3999",
                "Hardware watchpoint 3",
            )]);
            s.play(&[("continue", "New value = 3999")]);
        }
        s.play(&[("continue", "Breakpoint 2, finish (status=0)")]);
        Some(s.number("$cycles"))
    };
    assert_eq!(cycles(true), cycles(false));
}

#[test]
fn accesses_on_riscv() {
    let Some(mut s) = started("rv32") else { return };
    s.play(&[
        ("watch milliseconds", "Hardware watchpoint 2: milliseconds"),
        (
            "continue",
            "Hardware watchpoint 2: milliseconds\nOld value = 0\nNew value = 1\ntick ()",
        ),
        // It stands right behind the store, as on ARM.
        ("x/i $pc-2", "sw\ta5,0(a4)"),
        ("continue", "Old value = 1\nNew value = 2\ntick ()"),
        ("delete", ""),
        ("rwatch milliseconds", "Hardware read watchpoint 3"),
        (
            "continue",
            "Hardware read watchpoint 3: milliseconds\nValue = 2\nmain ()",
        ),
        ("x/i $pc-4", "lw\ta5,0(s4)"),
        ("delete", ""),
        (
            "awatch milliseconds",
            "Hardware access (read/write) watchpoint 4",
        ),
        ("continue", "Value = 2\ntick ()"),
        ("continue", "Old value = 2\nNew value = 3\ntick ()"),
        ("delete", ""),
        // A local that is watched in memory.
        ("tbreak number", "Temporary breakpoint 5"),
        ("continue", "number ("),
        ("watch digits[0]", "Hardware watchpoint 6: digits[0]"),
        (
            "continue",
            "Hardware watchpoint 6: digits[0]\nNew value = 49 '1'\nnumber (",
        ),
        (
            "continue",
            "Watchpoint 6 deleted because the program has left the block in\nprint (",
        ),
        // A register of the timer: the handler sets the next tick.
        ("watch *(int *)0x02004000", "Hardware watchpoint 7"),
        ("continue", "Hardware watchpoint 7\nnext_tick ("),
        ("delete", ""),
        ("continue", "exited normally"),
    ]);
}
