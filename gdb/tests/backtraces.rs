//! Backtraces across exceptions, on each Cortex-M, with real gdb: tasks on the process stack, FP frames, handlers that
//! preempt handlers. And across functions and interrupts of a RISC-V core.
//!
//! The exceptions are made pending by gdb, through ICSR, while the code to be interrupted runs.

mod chips;
mod common;

use common::{expect, gdb_session, have_gdb};
use gdb::{Options, Outcome};

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
            PEND_SYSTICK,
            "delete",
            "hbreak *systick_handler",
            "continue",
            "p/x $lr",
            "p $xpsr",
            "bt 4",
            "frame 2",
            "p/x $pc",
            "p $sp == $psp + 32 || $sp == $psp + 36",
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
        let values: Vec<&str> = text.lines().filter(|l| l.starts_with('$')).collect();
        assert_eq!(values.len(), 7, "{core}:\n{text}");
        assert_eq!(values[0], "$1 = 1", "{core}:\n{text}");
        assert_eq!(values[2], format!("$3 = {returns}"), "{core}:\n{text}");
        assert!(values[3].contains("ISR=SysTick"), "{core}:\n{text}");
        assert_eq!(&values[4][5..], &values[1][5..], "{core}: PC\n{text}");
        assert_eq!(values[5], "$6 = 1", "{core}: SP\n{text}");
        assert!(values[6].contains("ISR=NMI"), "{core}:\n{text}");
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
            "default_handler (",
            "<signal handler called>",
            "systick_handler (",
            "<signal handler called>",
            "k_queue_put (",
        ];
        let texts: Vec<&&str> = texts
            .iter()
            .filter(|t| !t.contains("More stack frames"))
            .collect();
        let mut at = texts.iter();
        for e in expected {
            assert!(at.any(|t| t.contains(e)), "{core}: {e}\n{text}");
        }
    }
}
#[test]
fn explore() {
    if !have_gdb() { return; }
    for core in std::env::var("CORES").unwrap_or_default().split(',') {
        let Some((name, fx)) = core.split_once(':') else {return};
        let (mut m, firmware) = chips::with_fixture(name, fx).unwrap();
        let options = Options { firmware: Some(firmware), ..Options::default() };
        let script = std::env::var("SCRIPT").unwrap();
        let lines: Vec<&str> = script.split(';').collect();
        let s = gdb_session(&mut m, &options, &lines);
        println!("=== {core} {:?}\n{}\n{}", s.outcome, s.text, s.serial);
    }
}
