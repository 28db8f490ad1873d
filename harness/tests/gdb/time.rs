//! Time in gdb: to a cycle, to an edge, the edges that were, what the last stop cost, exceptions that are caught, states
//! that are kept.

use crate::same_run::plain;
use crate::session::Session;

#[test]
#[ignore = "no `monitor until-cycle` yet"]
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
        ("break finish", "Breakpoint 1"),
        ("continue", "Breakpoint 1, finish (status=0)"),
    ]);
}

#[test]
#[ignore = "no `monitor until-edge` yet"]
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
        ("monitor edges PD13", "rising\nfalling\n!rising…rising"),
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
#[ignore = "no `monitor catch` yet"]
fn a_caught_fault_stops_where_it_happened() {
    for core in ["cortex-m3", "cortex-m0"] {
        let Some(mut s) = Session::start(&format!("lockup.{core}"), &[]) else {
            return;
        };
        s.play(&[
            ("monitor catch hardfault", "!unknown"),
            ("continue", "HardFault\n!lockup"),
            ("backtrace", "udf_here ()\nmain ()"),
            (
                "monitor fault",
                if core == "cortex-m3" {
                    "UNDEFINSTR"
                } else {
                    "ARMv6-M"
                },
            ),
            ("monitor catch nonsense", "hardfault"),
            ("continue", "SIGSEGV"),
        ]);
    }
}

#[test]
#[ignore = "no `monitor why` yet"]
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
    s.play(&[("stepi", ""), ("monitor why", "cycle")]);
}

#[test]
#[ignore = "no `monitor snapshot` yet"]
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
        ("monitor snapshot", "NAME"),
        ("delete", ""),
        ("continue", "exited normally"),
    ]);
    assert_eq!(s.end().code, Some(0));
}
