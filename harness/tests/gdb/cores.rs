//! One tour of the usual commands on each core: attach, breakpoints, steps, backtraces, calls, variables, the end.

use crate::ARM;
use crate::session::Session;

/// The commands that are the same everywhere, from reset to the handler of a timer.
fn to_the_handler(s: &mut Session, app: &str, handler: &str, line: u32, text: &str) {
    let print = format!("print (f=…\"{text}\\n\") at lib/print.c");
    let source = format!("apps/{app}/main.c");
    s.play(&[
        ("info breakpoints", "No breakpoints"),
        (
            "break main",
            &format!(
                "Breakpoint 1 at…{source}, line\nhardware breakpoints for read-only addresses"
            ),
        ),
        ("continue", &format!("Breakpoint 1, main () at {source}")),
        (
            "info breakpoints",
            "breakpoint…keep y…main\nalready hit 1 time",
        ),
        ("print steps", "optimized out"),
        ("next", &format!("in {source}\n!print")),
        ("next", &format!("{line}\tin {source}")),
        ("step", &print),
        (
            "backtrace",
            &format!("#0  print (f=\n#1…main () at {source}:{line}\n!#2"),
        ),
        ("up", "#1…main ()"),
        ("info frame", "caller of frame at"),
        ("down", "#0  print"),
        ("finish", "main () at"),
        ("print core_hz", "= 100000000"),
        ("print/x *(char *)&core_hz", "= 0x0"),
    ]);
    let line = s.ask(&format!("info line {handler}"));
    assert!(line.contains(&source), "{line}");
    let words = line.split_whitespace().nth(1).expect("a number");
    s.play(&[
        (
            &format!("tbreak {source}:{words}"),
            "Temporary breakpoint 2 at",
        ),
        (
            "continue",
            &format!("Temporary breakpoint 2, {handler} () at {source}"),
        ),
        ("info breakpoints", "breakpoint…keep y\n!tick"),
    ]);
}

/// From the handler to the end. What it types changes the run, not what the firmware prints.
fn to_the_end(s: &mut Session, out_of_the_handler: &[(&str, &str)]) {
    s.play(&[("print milliseconds", "= 0")]);
    s.play(out_of_the_handler);
    s.play(&[
        ("print milliseconds", "= 1"),
        ("set var milliseconds = 200", "!annot"),
        ("print milliseconds", "= 200"),
        ("x/2xb &milliseconds", ":\t0xc8\t0x00"),
    ]);
    // A call by hand leaves everything as it was but for what it does.
    let (pc, sp) = (s.number("$pc"), s.number("$sp"));
    s.play(&[
        ("call console_put('*')", "!annot"),
        ("call led_set(0, 1)", "!annot"),
    ]);
    assert_eq!((s.number("$pc"), s.number("$sp")), (pc, sp));
    let before = s.number("$cycles");
    s.play(&[
        (
            "monitor cycles",
            "cycle…s,…instructions, core clock 100000000 Hz",
        ),
        (
            "monitor help",
            "monitor cycles\nmonitor reset\nmonitor irq\nmonitor reg",
        ),
        ("monitor nonsense", "unknown command 'nonsense'"),
        ("x/4i $pc", "=>"),
        ("info registers", "sp\npc"),
        ("info threads", "* 1"),
    ]);
    assert_eq!(s.number("$cycles"), before, "looking takes no time");
    s.play(&[
        ("delete", "!annot"),
        ("continue", "exited normally"),
        ("print $_exitcode", "= 0"),
        ("info threads", "No threads"),
    ]);
}

const CONSOLE: &str = "~ core clock 100000000 Hz\n*1 s: 4 steps\n2 s: 8 steps\n3 s: 12 steps\n4 s: 16 steps\nblinky: done\n";

fn arm_tour(core: &str) {
    let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
        return;
    };
    assert_eq!(s.number("$cycles"), 0);
    s.play(&[
        ("info source", "lib/startup.c"),
        ("backtrace", "#0  reset_handler ()"),
    ]);
    // It stands before the push that stores the argument: gdb finds that of the call before in its place.
    let banner = format!("blinky on {core}");
    to_the_handler(&mut s, "blinky", "systick_handler", 16, &banner);
    s.play(&[
        (
            "backtrace",
            "#0  systick_handler ()\n#1  <signal handler called>\n#2…main ()",
        ),
        ("print $xpsr & 0x1ff", "= 15"),
        (
            "info registers msp psp primask control",
            "msp\npsp\nprimask\ncontrol",
        ),
        ("monitor irq", "executing: SysTick\nSysTick…active"),
        ("info threads", "in SysTick"),
        // The interrupted code, on its stack.
        ("frame 2", "main ()"),
        ("print $xpsr & 0x1ff", "= 0"),
        ("frame 0", "systick_handler"),
        ("monitor reg USART", "USART.SR"),
        ("monitor reg USART.SR", "USART.SR…0x000000c0"),
    ]);
    to_the_end(&mut s, &[("finish", "main ()")]);
    let ended = s.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out, format!("blinky on {core}\n{CONSOLE}"));
}

#[test]
fn m0plus() {
    arm_tour("cortex-m0plus");
}

#[test]
fn m3() {
    arm_tour("cortex-m3");
}

#[test]
fn m4f() {
    arm_tour("cortex-m4f");
}

#[test]
fn m33() {
    arm_tour("cortex-m33");
}

#[test]
fn rv32() {
    let Some(mut s) = Session::start("blinky.rv32", &[]) else {
        return;
    };
    assert_eq!(s.number("$cycles"), 0);
    to_the_handler(&mut s, "blinky-rv", "tick", 29, "~ core clock %u Hz");
    s.play(&[
        (
            "info registers mstatus mepc mcause mtvec",
            "mstatus\nmepc\nmcause\nmtvec",
        ),
        ("print/x $mcause", "= 0x80000007"),
        ("print ($mtvec & ~3) == (unsigned)&tick", "= 1"),
        ("backtrace", "#0  tick ()\n#1"),
    ]);
    // gdb knows no exception frames of RISC-V: MEPC says where it goes on.
    let leave = [
        ("tbreak *$mepc", "Temporary"),
        ("continue", "main () at apps/blinky-rv\n!exited"),
    ];
    to_the_end(&mut s, &leave);
    let ended = s.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out, format!("blinky on rv32\n{CONSOLE}"));
}

#[test]
fn floating_point_registers_have_their_values() {
    let Some(mut s) = Session::start("exceptions.cortex-m4f", &[]) else {
        return;
    };
    s.play(&[
        ("print $s0", "= 0"),
        ("break fp_svc", "Breakpoint 1"),
        ("continue", "Breakpoint 1, fp_svc ()"),
        // push, vpush, vldmia: the 32 words of `in`.
        ("stepi 3", "apps/exceptions/fp_asm.S"),
        ("print $s0", "= 1\n"),
        ("print *(float *)&in[31] == $s31", "= 1"),
        ("print $s1 > $s0 && $s31 > $s30", "= 1"),
        // Two singles are a double.
        ("print $d0 != 0", "= 1"),
        ("info registers fpscr", "fpscr"),
        ("set $s5 = 2.5", "!annot"),
        ("print $s5", "= 2.5"),
        ("print/x *(unsigned *)&in[5] == 0x40200000", "= 0"),
    ]);
}

#[test]
fn backtraces_go_on_with_the_stack_of_the_task() {
    let Some(mut s) = Session::start("kernel-8.stm32f407", &[]) else {
        return;
    };
    s.play(&[
        ("tbreak pendsv_handler", "Temporary breakpoint 1"),
        ("continue", "pendsv_handler ()"),
        ("print $sp == $msp", "= 1"),
        ("backtrace", "#0  pendsv_handler ()\n#1  <signal handler called>\nk_wait (\nk_queue_get (\nreceive ("),
        ("frame 2", "k_wait ("),
        ("print $sp > (unsigned)receiver_stack && $sp < (unsigned)(&receiver_stack + 1)", "= 1"),
        ("frame 4", "receive (\n!k_wait"),
        ("frame 0", "pendsv_handler"),
        // A tick in the middle of a task's work: the whole of it, from the handler to the task's body.
        ("break report", "Breakpoint 2"),
        ("continue", "report ("),
        (
            "tbreak systick_handler if k_current == &reporter",
            "Temporary breakpoint 3",
        ),
        ("continue", "systick_handler ()"),
        ("print $xpsr & 0x1ff", "= 15"),
        (
            "backtrace",
            "#0  systick_handler ()\n#1  <signal handler called>\n#2\nprint (\nreport (",
        ),
        ("frame 2", "#2"),
        (
            "print $sp > (unsigned)reporter_stack && $sp < (unsigned)(&reporter_stack + 1)",
            "= 1",
        ),
    ]);
}

#[test]
fn loading_replaces_the_flash() {
    for core in ARM {
        let name = format!("blinky.{core}");
        let Some(mut s) = Session::start(&name, &[]) else {
            return;
        };
        s.play(&[
            ("info mem", "flash blocksize"),
            ("set $here = *(int *)&main", "!annot"),
            // Flash is not written by a plain store.
            (
                "load",
                "Loading section .text\nLoading section .data\nStart address\nTransfer rate",
            ),
            ("compare-sections .text", "matched"),
            ("compare-sections .data", "matched"),
            ("print *(int *)&main == $here", "= 1"),
            ("monitor reset halt", "reset at cycle"),
            ("maintenance flush register-cache", "flushed"),
            ("backtrace", "#0  reset_handler ()"),
            ("break main", "Breakpoint 1"),
            ("continue", "Breakpoint 1, main ()"),
            ("delete", "!annot"),
            ("continue", "exited normally"),
        ]);
        let ended = s.end();
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.out.ends_with("blinky: done\n"), "{}", ended.out);
    }
}
