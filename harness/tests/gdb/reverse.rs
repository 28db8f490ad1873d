//! Backwards: instructions, lines, functions, to breakpoints and watchpoints, to the start; and forwards again.

use crate::ARM;
use crate::same_run::TYPED;
use crate::session::Session;

/// What gdb says at the start of the run.
const AT_THE_START: &str = "No more reverse-execution history";

fn place(s: &mut Session) -> (u64, u64, u64) {
    (s.number("$pc"), s.number("$sp"), s.number("$cycles"))
}

fn blinky(core: &str) -> Option<Session> {
    Session::start(&format!("blinky.{core}"), &[])
}

#[test]
fn each_step_back_is_where_the_step_began() {
    for core in ARM {
        let Some(mut s) = blinky(core) else { return };
        // Into the first interrupt, and past it.
        s.play(&[
            ("tbreak systick_handler", ""),
            ("continue", "systick_handler ()"),
            ("reverse-stepi 6", "apps/blinky/main.c"),
            ("frame", "#0…main () at"),
        ]);
        let mut places = vec![place(&mut s)];
        for _ in 0..25 {
            s.ask("stepi");
            places.push(place(&mut s));
        }
        for _ in 0..2 {
            for expected in places.iter().rev().skip(1) {
                s.ask("reverse-stepi");
                assert_eq!(place(&mut s), *expected, "{core}, back");
            }
            for expected in places.iter().skip(1) {
                s.ask("stepi");
                assert_eq!(place(&mut s), *expected, "{core}, forth");
            }
        }
    }
}

#[test]
fn the_start_of_the_run_is_its_end() {
    for core in ARM {
        let Some(mut s) = blinky(core) else { return };
        let start = place(&mut s);
        s.play(&[
            ("reverse-stepi", AT_THE_START),
            ("reverse-continue", AT_THE_START),
            ("reverse-step", AT_THE_START),
            ("break main", "Breakpoint 1"),
            ("continue", "Breakpoint 1, main ()"),
            ("reverse-stepi", "reset_handler ()"),
            (
                "reverse-continue",
                &format!("{AT_THE_START}\nreset_handler ()"),
            ),
        ]);
        assert_eq!(place(&mut s), start, "{core}");
        s.play(&[
            ("continue", "Breakpoint 1, main ()"),
            ("delete", ""),
            ("continue", "exited normally"),
        ]);
        let ended = s.end();
        assert_eq!(ended.code, Some(0));
        assert_eq!(
            ended.out.matches("blinky on").count(),
            1,
            "nothing is printed twice"
        );
    }
}

#[test]
fn lines_and_functions_backwards() {
    // Not on M0+: GCC describes no Thumb-1 epilogue of several instructions, so gdb finds no caller in it.
    for core in ["cortex-m3", "cortex-m4f", "cortex-m33"] {
        let Some(mut s) = blinky(core) else { return };
        s.play(&[
            ("tbreak print", "Temporary breakpoint 1"),
            ("continue", "print (f="),
        ]);
        let entry = place(&mut s);
        s.play(&[("finish", "main () at apps/blinky/main.c")]);
        let behind = place(&mut s);
        // Over the call, to a line before it; and forth over it.
        s.play(&[("reverse-next", "apps/blinky/main.c\n!lib/print.c")]);
        assert!(s.number("$cycles") < entry.2, "{core}: behind the call");
        assert_eq!(s.number("$sp"), behind.1, "{core}: not in main's frame");
        for _ in 0..3 {
            if s.number("$cycles") < behind.2 {
                s.play(&[("next", "apps/blinky/main.c\n!lib/print.c")]);
            }
        }
        // Into it from behind, and out of it where it was called.
        if place(&mut s) != behind {
            s.play(&[
                (&format!("tbreak *{}", behind.0), "Temporary"),
                ("reverse-continue", "main ()"),
            ]);
        }
        assert_eq!(place(&mut s), behind, "{core}");
        s.play(&[
            ("reverse-step", "print (f=…lib/print.c"),
            (
                "reverse-finish",
                "Run back to call of #0\nmain () at apps/blinky/main.c",
            ),
            ("x/i $pc", "bl\t…<print>"),
        ]);
        assert!(s.number("$cycles") < entry.2);
        s.play(&[("stepi", "print (f=")]);
        assert_eq!(place(&mut s), entry, "{core}");
        // From the middle of a nested call.
        s.play(&[
            ("tbreak console_put", "Temporary"),
            ("continue", "console_put (c=98 'b')"),
            ("reverse-finish", "print (f="),
            ("x/i $pc", "bl\t…<console_put>"),
            ("reverse-finish", "main ()"),
            ("x/i $pc", "bl\t…<print>"),
        ]);
    }
}

#[test]
fn back_to_breakpoints() {
    for core in ARM {
        let Some(mut s) = blinky(core) else { return };
        s.play(&[
            ("break apps/blinky/main.c:10", "Breakpoint 1"),
            ("continue", "Breakpoint 1, systick_handler ()"),
            ("continue 49", "Breakpoint 1, systick_handler ()"),
            ("print milliseconds", "= 49"),
        ]);
        let here = place(&mut s);
        s.play(&[
            ("reverse-continue", "Breakpoint 1, systick_handler ()"),
            ("print milliseconds", "= 48"),
            ("backtrace", "<signal handler called>\nmain ()"),
            ("reverse-continue 8", "Breakpoint 1, systick_handler ()"),
            ("print milliseconds", "= 40"),
            ("condition 1 milliseconds == 7", ""),
            ("reverse-continue", "Breakpoint 1, systick_handler ()"),
            ("print milliseconds", "= 7"),
            ("condition 1", "now unconditional"),
            ("continue 42", "Breakpoint 1, systick_handler ()"),
            ("print milliseconds", "= 49"),
        ]);
        assert_eq!(place(&mut s), here, "{core}");
        s.play(&[
            ("delete", ""),
            ("reverse-continue", AT_THE_START),
            ("continue", "exited normally"),
        ]);
    }
}

#[test]
fn back_to_watchpoints() {
    for core in ARM {
        let Some(mut s) = blinky(core) else { return };
        s.play(&[
            ("tbreak apps/blinky/main.c:10 if milliseconds == 20", "Temporary breakpoint 1"),
            ("continue", "systick_handler ()"),
            ("watch milliseconds", "Hardware watchpoint 2: milliseconds"),
            // The last write before this point: going back undoes it.
            ("reverse-continue", "Hardware watchpoint 2: milliseconds\nOld value = 20\nNew value = 19\nsystick_handler ()"),
            ("reverse-continue", "Old value = 19\nNew value = 18\nsystick_handler ()"),
            ("continue", "Old value = 18\nNew value = 19\nsystick_handler ()"),
            // Right behind the write: undo that one.
            ("reverse-continue", "Old value = 19\nNew value = 18\nsystick_handler ()"),
            ("stepi", "Old value = 18\nNew value = 19\n"),
            ("reverse-stepi", "Old value = 19\nNew value = 18\n"),
            ("delete", ""),
            ("reverse-continue", AT_THE_START),
            ("print milliseconds", "= 0"),
        ]);
    }
}

/// To the end, back by instructions and to `main`, and to the end again.
fn there_and_back(name: &str, arguments: &[&str], printed: &str) {
    let Some(mut s) = Session::start(name, arguments) else {
        return;
    };
    s.play(&[
        ("break finish", "Breakpoint 1"),
        ("continue", "Breakpoint 1, finish (status=0)"),
    ]);
    let end = place(&mut s);
    s.play(&[("reverse-stepi 1000", "!annot")]);
    assert!(s.number("$cycles") < end.2);
    s.play(&[
        ("tbreak main", "Temporary"),
        ("reverse-continue", "main ()"),
        ("continue", "Breakpoint 1, finish (status=0)"),
    ]);
    assert_eq!(place(&mut s), end);
    s.play(&[("continue", "exited normally")]);
    let ended = s.end();
    assert_eq!(ended.out.matches(printed).count(), 1, "{}", ended.out);
}

#[test]
fn dma_and_its_interrupts_come_again() {
    there_and_back("dma-timer.stm32f407", &[], "this line was sent by DMA");
}

#[test]
fn bytes_on_the_serial_port_come_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("typed.toml");
    std::fs::write(&path, TYPED).expect("written");
    let path = path.to_string_lossy();
    there_and_back("echo.cortex-m4f", &["--stimuli", &path], "hello\n");
}

#[test]
fn a_change_in_the_past_cuts_off_the_future() {
    let Some(mut s) = blinky("cortex-m3") else {
        return;
    };
    s.play(&[
        ("break finish", "Breakpoint 1"),
        ("continue", "Breakpoint 1, finish (status=0)"),
        (
            "tbreak apps/blinky/main.c:10 if milliseconds == 3998",
            "Temporary",
        ),
        ("reverse-continue", "systick_handler ()"),
        ("set var $r0 = $r0", ""),
        ("set var milliseconds = 2000", ""),
        ("continue", "Breakpoint 1, finish (status=0)"),
    ]);
    // Two more seconds passed.
    assert!(s.number("$cycles") > 550_000_000);
    // The change itself is part of the past, and is replayed.
    s.play(&[
        (
            "tbreak apps/blinky/main.c:10 if milliseconds == 2100",
            "Temporary",
        ),
        ("reverse-continue", "systick_handler ()"),
        ("continue", "Breakpoint 1, finish (status=0)"),
    ]);
    assert!(s.number("$cycles") > 550_000_000);
}

#[test]
fn riscv_backwards() {
    let Some(mut s) = blinky("rv32") else { return };
    s.play(&[
        ("reverse-stepi", AT_THE_START),
        ("break apps/blinky-rv/main.c:20", "Breakpoint 1"),
        ("continue", "Breakpoint 1, tick ()"),
        ("continue 4", "Breakpoint 1, tick ()"),
    ]);
    let here = place(&mut s);
    s.play(&[
        ("reverse-continue", "Breakpoint 1, tick ()"),
        ("reverse-stepi 20", "apps/blinky-rv/main.c"),
        ("continue", "Breakpoint 1, tick ()"),
        ("continue", "Breakpoint 1, tick ()"),
    ]);
    assert_eq!(place(&mut s), here);
    s.play(&[
        ("delete", ""),
        ("reverse-continue", AT_THE_START),
        ("continue", "exited normally"),
    ]);
}
