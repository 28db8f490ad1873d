//! Steps: over branches, IT blocks, supervisor calls and sleep; of lines, out of functions, to places.

use crate::ARM;
use crate::session::Session;

/// Address of the first instruction from `start` whose text contains this.
#[track_caller]
fn instruction(s: &mut Session, start: &str, text: &str) -> u64 {
    let listing = s.ask(&format!("x/120i {start}"));
    let line = listing.lines().find(|l| {
        let (_, code) = l.split_once(":\t").unwrap_or_default();
        code.starts_with(text)
    });
    let line = line.unwrap_or_else(|| panic!("no {text} behind {start}:\n{listing}"));
    let hex = line.split("0x").nth(1).expect("an address");
    let hex: String = hex.chars().take_while(char::is_ascii_hexdigit).collect();
    u64::from_str_radix(&hex, 16).expect("hexadecimal")
}

#[test]
fn a_step_over_wfi_ends_in_the_handler() {
    for core in ARM {
        let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
            return;
        };
        let wfi = instruction(&mut s, "main", "wfi");
        s.play(&[
            (&format!("tbreak *{wfi}"), "Temporary breakpoint 1"),
            ("continue", "Temporary breakpoint 1"),
            ("x/i $pc", "wfi"),
        ]);
        let before = s.number("$cycles");
        s.play(&[
            ("stepi", "systick_handler () at apps/blinky/main.c:10"),
            (
                "backtrace",
                "#0  systick_handler\n#1  <signal handler called>\n#2…main ()",
            ),
            ("print $xpsr & 0x1ff", "= 15"),
        ]);
        // It slept for most of a millisecond of 100 000 cycles.
        let slept = s.number("$cycles") - before;
        assert!((90_000..100_100).contains(&slept), "{core}: {slept} cycles");
    }
}

#[test]
fn every_branch_of_a_stretch_is_stepped() {
    for core in ARM {
        let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
            return;
        };
        // Two instructions of the same machine: by stepi, and by breakpoints, at the same cycles.
        s.play(&[("stepi 40", "0x")]);
        let one_by_one = (s.number("$pc"), s.number("$cycles"));
        let Some(mut other) = Session::start(&format!("blinky.{core}"), &[]) else {
            return;
        };
        for _ in 0..40 {
            other.ask("stepi");
        }
        assert_eq!((other.number("$pc"), other.number("$cycles")), one_by_one);
    }
}

#[test]
fn it_blocks_are_stepped_instruction_by_instruction() {
    let Some(mut s) = Session::start("kernel-8.cortex-m4f", &[]) else {
        return;
    };
    s.play(&[
        ("tbreak pendsv_handler", "Temporary breakpoint 1"),
        ("continue", "pendsv_handler ()"),
    ]);
    let it = instruction(&mut s, "$pc", "it\teq");
    while s.number("$pc") != it {
        s.ask("stepi");
    }
    // The first switch is away from the idle task or a new one: EXC_RETURN says whether there is an FP frame.
    let fp = s.number("($lr & 0x10) == 0");
    let r0 = s.number("$r0");
    s.play(&[("stepi", "kernel/port.S"), ("x/i $pc", "vstmdbeq")]);
    assert_eq!(
        s.number("($xpsr >> 25) & 3 | ($xpsr >> 8) & 0xfc"),
        0x08,
        "ITSTATE of `it eq`"
    );
    let before = s.number("$cycles");
    s.play(&[("stepi", "kernel/port.S"), ("x/i $pc", "stmdb")]);
    assert_eq!(s.number("($xpsr >> 25) & 3 | ($xpsr >> 8) & 0xfc"), 0);
    assert_eq!(
        r0 - s.number("$r0"),
        64 * fp,
        "stored when the condition holds"
    );
    assert!(s.number("$cycles") > before);
}

#[test]
fn a_step_over_svc_enters_its_handler_and_finish_leaves_it() {
    for core in ARM {
        let Some(mut s) = Session::start(&format!("exceptions.{core}"), &[]) else {
            return;
        };
        let svc = instruction(&mut s, "svc_with_registers", "svc");
        s.play(&[
            (&format!("tbreak *{svc}"), "Temporary breakpoint 1"),
            ("continue", "Temporary breakpoint 1"),
            ("x/i $pc", "svc"),
            ("stepi", "_handler () at apps/exceptions/hooks.S"),
            ("print $xpsr & 0x1ff", "= 11"),
            (&format!("tbreak *{}", svc + 2), ""),
            ("continue", "Temporary breakpoint"),
            ("print $xpsr & 0x1ff", "= 0"),
        ]);
    }
}

/// Handlers in assembly have no unwind information: gdb looks at their instructions.
fn out_of_assembly(name: &str) {
    let Some(mut s) = Session::start(name, &[]) else {
        return;
    };
    s.play(&[
        ("tbreak svcall_handler", "Temporary breakpoint 1"),
        ("continue", "_handler ()"),
        (
            "backtrace",
            "#0…_handler ()\n#1  <signal handler called>\n#2…svc_with_registers ()",
        ),
        ("frame 2", "svc_with_registers ()"),
        ("print/x $lr", "= 0x6e6e6e6e"),
        ("print/x $r12", "= 0x5c5c5c5c"),
        ("frame 0", "_handler ()"),
        ("finish", "svc_with_registers ()"),
        ("print $xpsr & 0x1ff", "= 0"),
    ]);
}

#[test]
fn backtraces_lead_out_of_handlers_in_assembly() {
    out_of_assembly("exceptions.stm32f407");
}

#[test]
fn backtraces_lead_out_of_handlers_at_low_addresses() {
    for core in ARM {
        out_of_assembly(&format!("exceptions.{core}"));
    }
}

#[test]
fn next_steps_over_functions_of_the_library() {
    let Some(mut s) = Session::start("blinky.cortex-m0plus", &[]) else {
        return;
    };
    s.play(&[
        ("show osabi", "currently \"none\""),
        ("tbreak apps/blinky/main.c:18", "Temporary"),
        ("continue", "main ()"),
        ("next", "apps/blinky/main.c"),
        ("next", "apps/blinky/main.c"),
    ]);
}

#[test]
fn next_steps_over_calls_and_until_out_of_loops() {
    for core in ARM {
        let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
            return;
        };
        s.play(&[
            ("tbreak print", "Temporary breakpoint 1"),
            ("continue", "print (f="),
            ("advance console_put", "console_put (c=98 'b')"),
            ("finish", "print (f="),
            ("advance console_put", "console_put (c=108 'l')"),
            // Only in this frame and its caller.
            ("until print", "print (f="),
            // To a line of the same function.
            ("tbreak number", "Temporary breakpoint"),
            ("continue", "number ("),
            ("until lib/print.c:25", "number (…lib/print.c:2"),
            ("finish", "print (f="),
            ("finish", "main ()"),
        ]);
        // `until` without an argument never goes back in a loop.
        s.play(&[
            ("tbreak lib/print.c:26", "Temporary"),
            ("tbreak apps/blinky/main.c:22", "Temporary"),
        ]);
        s.play(&[("continue", "main ()"), ("next", "main.c"), ("stepi", "")]);
    }
}

#[test]
fn breakpoints_of_every_kind() {
    for core in ARM {
        let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
            return;
        };
        s.play(&[
            ("hbreak board_init", "Hardware assisted breakpoint 1"),
            ("continue", "Breakpoint 1, board_init ()"),
            ("break console_put if c == 'y'", "Breakpoint 2"),
            ("continue", "Breakpoint 2, console_put (c=121 'y')"),
            (
                "info breakpoints",
                "hw breakpoint\nstop only if c == 'y'\nalready hit 1 time",
            ),
            ("disable", ""),
            ("tbreak apps/blinky/main.c:10", "Temporary breakpoint 3"),
            ("continue", "Temporary breakpoint 3, systick_handler ()"),
            ("print milliseconds", "= 0"),
            ("break apps/blinky/main.c:10", "Breakpoint 4"),
            ("ignore 4 9", "Will ignore next 9 crossings of breakpoint 4"),
            ("continue", "Breakpoint 4, systick_handler ()"),
            ("print milliseconds", "= 10"),
            ("continue 5", "Breakpoint 4, systick_handler ()"),
            ("print milliseconds", "= 15"),
            ("clear apps/blinky/main.c:10", "Deleted breakpoint 4"),
            ("break *0x30000000", "Breakpoint 5"),
            (
                "continue",
                "Cannot insert breakpoint 5\nCannot access memory at address 0x30000000",
            ),
            ("delete 5", ""),
            // In RAM, where code could be.
            ("break *0x20008000", "Breakpoint 6"),
            ("kill", "killed"),
        ]);
        assert_eq!(s.end().code, Some(0));
    }
}
