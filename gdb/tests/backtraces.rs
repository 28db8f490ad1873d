//! Backtraces across exceptions, on each Cortex-M, with real gdb: tasks on the process stack, FP frames, handlers that
//! preempt handlers. And across functions and interrupts of a RISC-V core.
//!
//! The exceptions are made pending by gdb, through ICSR, while the code to be interrupted runs.

mod chips;
mod common;

use common::{Outcome, expect, gdb_session, have_gdb};
use gdb::Options;

/// Runs a script on a fixture; the text, or `None` without gdb or fixture.
fn session(machine: &str, fixture: &str, script: &[&str]) -> Option<String> {
    if !have_gdb() {
        return None;
    }
    let (mut m, firmware) = chips::with_fixture(machine, fixture)?;
    let options = Options {
        firmware: Some(firmware),
        ..Options::default()
    };
    let s = gdb_session(&mut m, &options, script);
    assert!(
        matches!(s.outcome, Ok(Outcome::Detached)),
        "{machine}: {:?}\n{}",
        s.outcome,
        s.text
    );
    Some(s.text)
}

/// Lines of backtraces.
fn frames(text: &str) -> Vec<&str> {
    text.lines().filter(|l| l.starts_with('#')).collect()
}

/// What gdb printed as `$1 = …`, `$2 = …`.
fn values(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|l| l.starts_with('$'))
        .filter_map(|l| Some(l.split_once(" = ")?.1))
        .collect()
}

/// ICSR: SysTick becomes pending.
const PEND_SYSTICK: &str = "set *(unsigned *)0xe000ed04 = 1 << 26";
/// ICSR: NMI becomes pending.
const PEND_NMI: &str = "set *(unsigned *)0xe000ed04 = 1 << 31";

#[test]
fn a_handler_over_a_task_on_the_process_stack() {
    for (core, returns) in [
        ("cortex-m0", "0xfffffffd"),
        ("cortex-m0plus", "0xfffffffd"),
        ("cortex-m3", "0xfffffffd"),
        ("cortex-m4f", "0xfffffffd"),
        ("cortex-m7", "0xfffffffd"),
        ("cortex-m33", "0xffffffbc"),
    ] {
        let fixture = format!("kernel-8.{core}.elf");
        let script = [
            "hbreak k_queue_put",
            "continue",
            "p $psp == $sp && $psp != $msp",
            "bt 3",
            "p/x $pc",
            "p $sp",
            PEND_SYSTICK,
            "delete",
            "hbreak *systick_handler",
            "continue",
            "p/x $lr",
            "p $xpsr",
            "bt 4",
            "frame 2",
            "p/x $pc",
            "p $sp",
            // An NMI over the handler: the inner exception frame is on the main stack.
            PEND_NMI,
            "delete",
            "hbreak *default_handler",
            "continue",
            "p $xpsr",
            "bt 5",
            "detach",
        ];
        let Some(text) = session(core, &fixture, &script) else {
            return;
        };
        let texts = frames(&text);
        let values = values(&text);
        let [on_psp, pc, sp, lr, xpsr, pc_again, sp_again, inner] = values[..] else {
            panic!("{core}:\n{text}");
        };
        assert_eq!((on_psp, lr), ("1", returns), "{core}:\n{text}");
        assert_eq!((pc_again, sp_again), (pc, sp), "{core}:\n{text}");
        assert!(xpsr.contains("ISR=SysTick"), "{core}:\n{text}");
        assert!(inner.contains("ISR=NMI"), "{core}:\n{text}");
        let expected = [
            // The task by itself.
            "k_queue_put (",
            " in work (",
            // A handler over it.
            "systick_handler (",
            "<signal handler called>",
            "k_queue_put (",
            " in work (",
            // The selected frame.
            "k_queue_put (",
            // An NMI over the handler.
            "_handler (",
            "<signal handler called>",
            "systick_handler (",
            "<signal handler called>",
            "k_queue_put (",
        ];
        let mut at = texts.iter();
        for e in expected {
            assert!(at.any(|t| t.contains(e)), "{core}: {e}\n{text}");
        }
    }
}

#[test]
fn an_fp_frame_that_is_saved_lazily() {
    for (core, returns) in [
        ("cortex-m4f", "0xffffffed"),
        ("cortex-m7", "0xffffffed"),
        ("cortex-m33", "0xffffffac"),
    ] {
        let fixture = format!("kernel-8.{core}.elf");
        let script = [
            // A task that computes with floats gives way: PendSV over an FP frame on the process stack.
            "hbreak *pendsv_handler if ($lr & 0x14) == 4",
            "continue 3",
            "p/x $lr",
            "p *(unsigned *)0xe000ef34 & 1",
            "p $psp",
            "p $s17 != 0",
            "p/x $s17",
            "bt",
            "frame 2",
            // 26 words, and one more that may align the stack.
            "p $sp - 104",
            "frame function fp_work",
            "p/x $s17",
            "detach",
        ];
        let Some(text) = session(core, &fixture, &script) else {
            return;
        };
        let values = values(&text);
        let [lr, lazy, psp, used, s17, sp, s17_again] = values[..] else {
            panic!("{core}:\n{text}");
        };
        assert_eq!((lr, lazy, used), (returns, "1", "1"), "{core}:\n{text}");
        assert_eq!((s17_again, sp), (s17, psp), "{core}:\n{text}");
        expect(
            &text,
            &[
                "pendsv_handler (",
                "<signal handler called>",
                " in fp_work (",
                " in work (",
            ],
        );
    }
}

#[test]
fn functions_and_interrupts_of_risc_v() {
    for core in ["e31", "rv32"] {
        let script = [
            "break led_set",
            "continue",
            "bt",
            "finish",
            "delete",
            "tbreak tick",
            "continue",
            "bt 2",
            "p $mcause",
            "p $mepc >= &main && $mepc < (char *)&main + 400",
            "p milliseconds",
            "next",
            "next",
            "p milliseconds",
            "detach",
        ];
        let Some(text) = session(core, &format!("blinky.{core}.elf"), &script) else {
            return;
        };
        expect(
            &text,
            &[
                "Breakpoint 1, led_set (",
                "#0  led_set (",
                "#1  ",
                " in main (",
                "main () at",
                "Temporary breakpoint 2, tick (",
                "#0  tick (",
            ],
        );
        assert_eq!(
            values(&text)[..3],
            ["[ Interrupt Code=7 ]", "1", "0"],
            "{core}:\n{text}"
        );
    }
}
