//! Time in gdb: to a cycle, to an edge, the edges that were, what the last stop cost, exceptions that are caught, states
//! that are kept.

use crate::same_run::plain;
use crate::session::Session;

#[test]
fn until_a_cycle() {
    let Some(mut s) = Session::start("blinky.stm32f407", &[]) else {
        return;
    };
    for cycle in [5_000, 1_000_000, 1_000_001, 20_000_000] {
        s.play(&[
            (&format!("monitor until-cycle {cycle}"), "!unknown"),
            ("continue", "SIG…\n!exited"),
        ]);
        // Before the instruction (or behind the sleep) that would go beyond.
        let now = s.number("$cycles");
        assert!((cycle - 100..=cycle).contains(&now), "{now} for {cycle}");
    }
    // It holds for one stop.
    s.play(&[
        ("monitor until-cycle 100", "passed"),
        ("monitor until-cycle nonsense", "monitor until-cycle N"),
        ("monitor until-cycle", "monitor until-cycle N"),
        ("monitor cycles", "since the last stop: +"),
        (
            "reverse-continue",
            "until-cycle: back at cycle…behind cycle 100",
        ),
    ]);
    let now = s.number("$cycles");
    assert!((50..=100).contains(&now), "{now}");
    // In the past it is as at first.
    s.play(&[
        ("monitor until-cycle +10us", "armed"),
        ("continue", "until-cycle: stopped at cycle\nSIGTRAP"),
        (
            "monitor cycles",
            "in the past: the end is at cycle 20000000",
        ),
        ("monitor history", "start…cycle 0\ncheckpoints"),
        ("monitor until-cycle 6000", "armed"),
        ("monitor until-cycle off", "off"),
        ("break finish", "Breakpoint 1"),
        ("continue", "Breakpoint 1, finish (status=0)"),
    ]);
}

#[test]
fn until_an_edge_of_a_pin() {
    let Some(mut s) = Session::start("blinky.stm32f407", &[]) else {
        return;
    };
    s.play(&[
        ("monitor until-edge PD13 rising", "!unknown"),
        ("continue", "PD13\n!exited"),
    ]);
    let first = s.number("$cycles");
    let run = plain("blinky.stm32f407", &["--until", "pin:PD13=1"]);
    let expected = run["cycles"].as_u64().expect("cycles");
    assert!(
        (expected..expected + 20).contains(&first),
        "{first}, {expected}"
    );
    s.play(&[
        ("print led", "= 1"),
        ("monitor until-edge PD13 falling", "!unknown"),
        ("continue", "PD13\n!exited"),
    ]);
    // A quarter of a second later.
    let later = s.number("$cycles") - first;
    assert!((41_990_000..42_010_000).contains(&later), "{later}");
    s.play(&[
        (
            "monitor edges PD13",
            "rising…led_set\nfalling…led_set\n!rising…rising",
        ),
        ("monitor edges", "PD12\nPD13 …2  falling"),
        ("monitor edges pd13 1", "the last 1 edges of PD13"),
        ("monitor edges PZ99", "PZ99"),
        ("monitor until-edge PD13 sideways", "rising"),
        ("monitor until-edge", "rising"),
        ("kill", "killed"),
    ]);
    let listed = s.gdb.transcript().to_owned();
    assert!(
        listed.contains(&expected.to_string()),
        "the edge's own cycle is listed"
    );
}

#[test]
fn a_caught_fault_stops_where_it_happened() {
    for core in ["cortex-m3", "cortex-m0"] {
        let Some(mut s) = Session::start(&format!("lockup.{core}"), &[]) else {
            return;
        };
        s.play(&[
            ("monitor catch hardfault", "!unknown"),
            (
                "continue",
                "caught HardFault…hard_fault_handler\n!lockup at",
            ),
            ("backtrace", "udf_here ()\nmain ()"),
            (
                "monitor fault",
                if core == "cortex-m3" {
                    "UNDEFINSTR\nstacked pc…udf_here\nstacked lr…main"
                } else {
                    "ARMv6-M\nstacked pc…udf_here\nstacked lr…main"
                },
            ),
            ("monitor why", "caught HardFault\nHardFault …active"),
            ("monitor catch nonsense", "hardfault"),
            ("continue", "SIGSEGV"),
            ("monitor fault", "stacked pc…udf_here"),
            ("reverse-stepi", "!cannot"),
            ("monitor catch off", "nothing is caught"),
        ]);
    }
    let Some(mut s) = Session::start("traps.rv32", &[]) else {
        return;
    };
    s.play(&[
        ("monitor catch illegal", "caught: illegal instruction"),
        ("continue", "caught illegal instruction"),
        (
            "monitor fault",
            "mcause…illegal instruction\nmepc\nmtval…the instruction",
        ),
        ("monitor reg CSR.mcause", "mcause…0x00000002"),
        ("monitor catch off", "nothing is caught"),
        ("continue", "exited normally"),
    ]);
}

#[test]
fn why_it_stopped_and_what_it_cost() {
    let Some(mut s) = Session::start("blinky.cortex-m4f", &[]) else {
        return;
    };
    s.play(&[
        ("break apps/blinky/main.c:10", "Breakpoint 1"),
        ("continue", "Breakpoint 1"),
    ]);
    s.play(&[("continue", "Breakpoint 1"), ("monitor why", "cycles")]);
    // From one tick to the next it is a millisecond.
    let answer = s.ask("monitor why");
    assert!(
        answer.contains("100000") || answer.contains("100_000"),
        "{answer}"
    );
    s.play(&[
        ("stepi", ""),
        ("monitor why", "step to\nsince the last stop…1 instructions"),
        ("reverse-continue", "Breakpoint 1"),
        (
            "monitor why",
            "breakpoint at…systick_handler\nback since the last stop\nin the past",
        ),
        ("delete", ""),
        ("watch milliseconds", "Hardware watchpoint 2"),
        ("continue", "Old value = …\nNew value = …"),
        ("monitor why", "watchpoint: write of…(milliseconds)"),
    ]);
}

#[test]
fn states_have_names() {
    let Some(mut s) = Session::start("blinky.cortex-m4f", &[]) else {
        return;
    };
    s.play(&[
        ("break apps/blinky/main.c:10", "Breakpoint 1"),
        ("continue", "Breakpoint 1"),
        ("continue 10", "Breakpoint 1"),
        ("print milliseconds", "= 10"),
        ("monitor snapshot ten", "ten\n!unknown"),
    ]);
    let here = (s.number("$pc"), s.number("$sp"), s.number("$cycles"));
    for _ in 0..2 {
        s.play(&[
            ("continue 10", "Breakpoint 1"),
            ("print milliseconds", "= 20"),
            ("monitor restore ten", "ten\n!unknown"),
            ("maintenance flush register-cache", ""),
            ("print milliseconds", "= 10"),
        ]);
        assert_eq!(
            (s.number("$pc"), s.number("$sp"), s.number("$cycles")),
            here
        );
    }
    s.play(&[
        ("monitor restore nope", "nope"),
        ("monitor snapshot", "ten  cycle"),
        ("monitor snapshot delete ten", "deleted"),
        ("monitor snapshot", "NAME"),
        ("delete", ""),
        ("continue", "exited normally"),
    ]);
    assert_eq!(s.end().code, Some(0));
}
