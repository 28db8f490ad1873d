//! Backwards to watchpoints and conditional breakpoints, over functions that were interrupted, and out of them; on each
//! kind of core.

use crate::session::{Session, fits};
use std::time::{Duration, Instant};

/// A core with the app that blinks on it.
struct Blinky {
    core: &'static str,
    app: &'static str,
    handler: &'static str,
    /// The line that counts the milliseconds.
    counts: u32,
    /// The line that prints once a second, and lets the timer tick each few hundred cycles from here on.
    prints: u32,
    hurry: &'static [&'static str],
}

const fn arm(core: &'static str) -> Blinky {
    Blinky {
        core,
        app: "blinky",
        handler: "systick_handler",
        counts: 10,
        prints: 34,
        // SYST_RVR, and SYST_CVR: it begins anew.
        hurry: &[
            "set var *(int *)0xe000e014 = 300",
            "set var *(int *)0xe000e018 = 0",
        ],
    }
}

const RV32: Blinky = Blinky {
    core: "rv32",
    app: "blinky-rv",
    handler: "tick",
    counts: 22,
    prints: 50,
    // MTIMECMP: soon, once.
    hurry: &["set var *(int *)0x2004000 = *(int *)0x200bff8 + 4"],
};

impl Blinky {
    fn start(&self) -> Option<Session> {
        Session::start(&format!("blinky.{}", self.core), &[])
    }

    fn source(&self) -> String {
        format!("apps/{}/main.c", self.app)
    }
}

const CORES: [Blinky; 6] = [
    arm("cortex-m0plus"),
    arm("cortex-m3"),
    arm("cortex-m4f"),
    arm("cortex-m7"),
    arm("cortex-m33"),
    RV32,
];

const AT_THE_START: &str = "No more reverse-execution history";

#[test]
fn writes_are_undone_one_by_one() {
    for b in CORES {
        let Some(mut s) = b.start() else { return };
        let (core, handler) = (b.core, b.handler);
        s.play(&[
            (
                &format!("break {}:{} if milliseconds == 20", b.source(), b.counts),
                "Breakpoint 1",
            ),
            ("continue", &format!("{handler} ()")),
            ("watch milliseconds", "Hardware watchpoint 2: milliseconds"),
        ]);
        let mut stores = Vec::new();
        for ms in [19, 18, 17] {
            let told = format!("Old value = {}\nNew value = {ms}\n{handler} ()", ms + 1);
            s.play(&[
                ("reverse-continue", &told),
                ("print milliseconds", &format!("= {ms}")),
                // Before the store.
                ("x/i $pc", ":\ts"),
            ]);
            stores.push(s.number("$pc"));
        }
        assert!(
            stores.iter().all(|pc| *pc == stores[0]),
            "{core}: {stores:x?}"
        );
        // Forth and at once back again: the same one. Also step by step.
        s.play(&[
            ("continue", "Old value = 17\nNew value = 18\n"),
            ("reverse-continue", "Old value = 18\nNew value = 17\n"),
            ("stepi", "Old value = 17\nNew value = 18\n"),
            ("reverse-stepi", "Old value = 18\nNew value = 17\n"),
        ]);
        assert_eq!(s.number("$pc"), stores[0], "{core}");
        s.play(&[
            ("delete", ""),
            ("reverse-continue", AT_THE_START),
            ("print milliseconds", "= 0"),
            ("continue", "exited normally"),
        ]);
        assert_eq!(s.end().out.matches("blinky: done").count(), 1);
    }
}

#[test]
fn reads_come_again_in_reverse() {
    for b in CORES {
        let Some(mut s) = b.start() else { return };
        s.play(&[
            (
                &format!("tbreak {}:{} if milliseconds == 3", b.source(), b.counts),
                "Temporary breakpoint 1",
            ),
            ("continue", "()"),
            ("rwatch milliseconds", "Hardware read watchpoint 2"),
        ]);
        let mut behind = Vec::new();
        for _ in 0..6 {
            s.play(&[(
                "continue",
                "Hardware read watchpoint 2: milliseconds\nValue = ",
            )]);
            behind.push((
                s.number("$pc"),
                s.number("$cycles"),
                s.number("milliseconds"),
            ));
        }
        // Each is met again from behind; the machine then stands before the load.
        let mut at = u64::MAX;
        for (pc, cycles, value) in behind.iter().rev() {
            let told = format!("Hardware read watchpoint 2: milliseconds\nValue = {value}");
            s.play(&[("reverse-continue", &told)]);
            let before = (s.number("$pc"), s.number("$cycles"));
            assert!(
                before.1 <= *cycles && *cycles <= at,
                "{}: {before:?}, {at}, {behind:?}",
                b.core
            );
            assert!(
                (pc - 4..=pc - 2).contains(&before.0),
                "{}: {before:x?}",
                b.core
            );
            at = before.1;
        }
    }
}

#[test]
fn conditions_hold_backwards() {
    for b in CORES {
        let Some(mut s) = b.start() else { return };
        let stop = format!("Breakpoint 1, {} ()", b.handler);
        s.play(&[
            ("tbreak finish", "Temporary"),
            ("continue", "finish ("),
            (
                &format!(
                    "break {}:{} if milliseconds % 100 == 50",
                    b.source(),
                    b.counts
                ),
                "Breakpoint",
            ),
        ]);
        let stop = stop.replace("Breakpoint 1", "Breakpoint 2");
        for ms in [3950, 3850] {
            s.play(&[
                ("reverse-continue", &stop),
                ("print milliseconds", &format!("= {ms}")),
            ]);
        }
        s.play(&[
            ("continue", &stop),
            ("print milliseconds", "= 3950"),
            ("delete", ""),
            ("reverse-continue", AT_THE_START),
        ]);
    }
}

#[test]
fn over_a_function_that_was_interrupted() {
    for b in CORES {
        // GCC describes no Thumb-1 epilogue of several instructions, so gdb finds no caller in it.
        if b.core == "cortex-m0plus" {
            continue;
        }
        let Some(mut s) = b.start() else { return };
        s.play(&[
            (&format!("tbreak {}:{}", b.source(), b.prints), ""),
            ("continue", "main ()"),
            ("tbreak print", ""),
            ("continue", "print (f="),
        ]);
        let entry = s.number("$cycles");
        for command in b.hurry {
            s.ask(command);
        }
        s.play(&[("finish", &format!("main () at {}", b.source()))]);
        let behind = (
            s.number("$pc"),
            s.number("$cycles"),
            s.number("milliseconds"),
        );
        assert!(behind.2 > 1000, "{}: no tick in it", b.core);
        let before = format!("{}\tin {}", b.prints, b.source());
        s.play(&[("reverse-next", &format!("{before}\n!print\n!{}", b.handler))]);
        assert_eq!(s.number("milliseconds"), 1000, "{}", b.core);
        assert!(s.number("$cycles") < entry, "{}", b.core);
        s.play(&[("next", b.app)]);
        let again = (
            s.number("$pc"),
            s.number("$cycles"),
            s.number("milliseconds"),
        );
        assert_eq!(again, behind, "{}", b.core);
        // And into its last line, and back out of it to its call.
        s.play(&[
            ("reverse-step", "print (f=…lib/print.c"),
            ("reverse-finish", "Run back to call of #0\nmain () at"),
        ]);
        assert_eq!(s.number("milliseconds"), 1000, "{}", b.core);
        s.play(&[("stepi", "print (f=")]);
        assert_eq!(s.number("$cycles"), entry, "{}", b.core);
    }
}

#[test]
fn back_out_of_the_frames_that_a_handler_interrupts() {
    for b in &CORES[..5] {
        let Some(mut s) = b.start() else { return };
        s.play(&[
            (&format!("tbreak {}:{}", b.source(), b.prints), ""),
            ("continue", "main ()"),
            ("tbreak print", ""),
            ("continue", "print (f="),
        ]);
        let entry = s.number("$cycles");
        for command in b.hurry {
            s.ask(command);
        }
        s.play(&[
            ("tbreak systick_handler", "Temporary"),
            ("continue", "systick_handler ()"),
            (
                "backtrace",
                "#0  systick_handler ()\n<signal handler called>\nprint (\nmain ()",
            ),
            // To where it interrupted, which is in `print` or in what that calls.
            ("reverse-finish", "Run back to call of #0  systick_handler"),
            ("info source", "/print.c\n"),
        ]);
        for _ in 0..3 {
            if s.ask("reverse-finish").contains("main () at") {
                break;
            }
        }
        s.play(&[("x/i $pc", "bl\t…<print>")]);
        assert!(s.number("$cycles") < entry, "{}", b.core);
        s.play(&[("stepi", "print (f=")]);
        assert_eq!(s.number("$cycles"), entry, "{}", b.core);
    }
}

#[test]
fn a_block_copy_is_one_access_there_and_back() {
    let Some(mut s) = Session::start("memcpy.cortex-m4f", &[]) else {
        return;
    };
    s.play(&[
        ("tbreak copy_blocks", "Temporary breakpoint 1"),
        ("continue", "copy_blocks ("),
        // The second of four registers of an STM.
        ("watch to[5]", "Hardware watchpoint 2: to[5]"),
        (
            "continue",
            "Hardware watchpoint 2: to[5]\nOld value = 0\nNew value = 387276917\ncopy_blocks (",
        ),
        ("print to[7] == from[7] && to[8] == 0", "= 1"),
        (
            "reverse-continue",
            "Old value = 387276917\nNew value = 0\ncopy_blocks (",
        ),
        ("x/i $pc", "stmia\t…!, {r3, r4, r5, r6}"),
        ("print to[4] == 0 && to[3] == from[3]", "= 1"),
        ("delete", ""),
        // And of an LDM.
        ("rwatch from[9]", "Hardware read watchpoint 3: from[9]"),
        (
            "continue",
            "Hardware read watchpoint 3: from[9]\nValue = …\ncopy_blocks (",
        ),
        ("x/i $pc", "stmia\t"),
        ("reverse-continue", "Hardware read watchpoint 3: from[9]"),
        ("x/i $pc", "ldmia\t…!, {r3, r4, r5, r6}"),
    ]);
}

#[test]
fn what_dma_writes_is_watched_there_and_back() {
    let Some(mut s) = Session::start("dma-timer.stm32f407", &[]) else {
        return;
    };
    s.play(&[
        ("watch target[200]", "Hardware watchpoint 1: target[200]"),
        (
            "continue",
            "Hardware watchpoint 1: target[200]\nOld value = 0\nNew value = \nwait_for (",
        ),
        ("print target[200] == source[200]", "= 1"),
    ]);
    let there = s.number("$cycles");
    s.play(&[
        (
            "reverse-continue",
            "Hardware watchpoint 1: target[200]\nNew value = 0\nwait_for (",
        ),
        ("print target[200]", "= 0"),
        (
            "continue",
            "Hardware watchpoint 1: target[200]\nOld value = 0\nwait_for (",
        ),
    ]);
    assert_eq!(s.number("$cycles"), there);
    s.play(&[
        ("delete", ""),
        ("reverse-continue", AT_THE_START),
        ("continue", "exited normally"),
    ]);
    assert!(s.end().out.ends_with("dma-timer: ok, 0 FAIL\n"));
}

#[test]
fn ctrl_c_stops_a_long_way_back() {
    let poke = ["--poke", "bench_iterations=40000000"];
    let Some(mut s) = Session::start("idle.cortex-m4f", &poke) else {
        return;
    };
    s.play(&[("break finish", "Breakpoint 1")]);
    s.gdb.interrupt("continue", Duration::from_secs(4));
    let from = s.number("$cycles");
    // No breakpoint is on the way: all of it is gone through.
    let after = Duration::from_millis(300);
    let start = Instant::now();
    let answer = s.gdb.interrupt("reverse-continue", after);
    let took = start.elapsed() - after;
    assert_eq!(fits(&answer, "SIGINT\nmain ()"), Ok(()), "{answer}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let here = s.number("$cycles");
    assert!(0 < here && here < from, "{here} of {from}");
    // It stands in the past as anywhere.
    s.play(&[
        ("reverse-stepi", "main.c"),
        ("stepi", "main.c"),
        ("tbreak systick_handler", ""),
        ("continue", "systick_handler ()"),
        ("delete", ""),
        ("reverse-continue", AT_THE_START),
        ("kill", "killed"),
    ]);
}
