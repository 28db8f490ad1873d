//! Tasks of FreeRTOS as threads, on each port: their states, registers and backtraces while they sleep.

use crate::session::Session;

/// A program, and its machine.
const PORTS: [(&str, &str); 6] = [
    ("v11.cortex-m0", "cortex-m0"),
    ("v11.cortex-m3", "cortex-m3"),
    ("v10.cortex-m4f", "cortex-m4f"),
    ("v11.cortex-m4f", "cortex-m4f"),
    ("v11.cortex-m33", "cortex-m33"),
    ("v11.rv32", "rv32"),
];

/// What each task waits for, in the words of the list, when one of the busy ones runs.
const STATES: [(&str, &str); 8] = [
    ("delayed", "blocked until tick"),
    ("late", "blocked until tick 4294967293"),
    ("reader", "blocked"),
    ("notified", "blocked (waits for a notification)"),
    ("suspended", "suspended"),
    ("holder", "blocked until tick 100000"),
    ("claimer", "blocked until tick"),
    ("deleted", "deleted"),
];

/// gdb's number of a task in `info threads`.
#[track_caller]
fn number(list: &str, task: &str) -> String {
    let named = format!("({task}, ");
    let line = list.lines().find(|l| l.contains(&named));
    let line = line.unwrap_or_else(|| panic!("no {task} in\n{list}"));
    let number = line.trim_start_matches(['*', ' ']).split(' ').next();
    number.expect("a number").to_owned()
}

#[test]
fn tasks_in_every_state() {
    for (name, machine) in PORTS {
        let Some(mut s) = Session::start_other(&format!("freertos/elf/{name}"), machine) else {
            return;
        };
        s.play(&[
            ("info threads", "* 1    Thread 1.1 (\n!delayed"),
            ("tbreak busy", "Temporary breakpoint 1"),
            ("continue", "busy (argument=0x11000)"),
        ]);
        let list = s.ask("info threads");
        for (task, state) in STATES {
            let line = list.lines().find(|l| l.contains(&format!("({task}, ")));
            let line = line.unwrap_or_else(|| panic!("{name}: no {task} in\n{list}"));
            assert!(line.contains(state), "{name}: {line}");
        }
        let running = list.lines().find(|l| l.starts_with('*')).expect("one");
        assert!(running.contains("(busy, running, priority 1"), "{running}");

        // The other one, after the tick: `busy` sleeps now with what it had in its registers.
        s.play(&[
            ("tbreak busy", "Temporary breakpoint 2"),
            ("continue", "busy (argument=0x22000)"),
        ]);
        let (pc, cycles) = (s.number("$pc"), s.number("$cycles"));
        let list = s.ask("info threads");
        let (busy, ready) = (number(&list, "busy"), number(&list, "ready"));
        s.play(&[(&format!("thread {busy}"), "Switching to thread\nbusy (")]);
        for n in 1..=31u64 {
            let name_of = match machine {
                "rv32" if !(2..5).contains(&n) => format!("x{n}"),
                "rv32" => continue, // sp, gp, tp
                _ if n <= 12 => format!("r{n}"),
                _ if n == 14 => "lr".to_owned(),
                _ => continue,
            };
            assert_eq!(
                s.number(&format!("${name_of}")),
                0x11000 + n,
                "{name}: {name_of}"
            );
        }
        if machine == "cortex-m4f" {
            for n in [0, 15, 16, 31] {
                // The bits of an integer.
                let bits = format!("(raw {:#010x})", 0x11000 + n);
                s.play(&[(&format!("info registers s{n}"), &bits)]);
            }
        }
        let at = s.number("$pc");
        let function = s.number("(unsigned)&busy & ~1");
        assert!((function..function + 400).contains(&at), "{name}: {at:#x}");
        // What lies on a stack is changed there.
        let before = s.number("$pc");
        s.ask("set var $pc = 0");
        s.play(&[("maintenance flush register-cache", "flushed")]);
        assert_eq!(s.number("$pc"), before, "{name}");
        s.play(&[
            ("thread apply all backtrace 2", "Thread"),
            (&format!("thread {ready}"), "Switching to thread"),
        ]);
        assert_eq!((s.number("$pc"), s.number("$cycles")), (pc, cycles));
        // Who calls what never returns keeps no return address.
        for (task, _) in STATES.iter().filter(|(task, _)| *task != "deleted") {
            let id = number(&list, task);
            s.play(&[(&format!("thread {id}"), "Switching to thread")]);
            let trace = s.ask("backtrace");
            assert!(trace.contains(&format!("{task} (")), "{name}: {trace}");
        }
    }
}

#[test]
fn a_task_finishes_while_others_run() {
    // Without a timer nobody wakes.
    for (name, machine) in PORTS.into_iter().filter(|(_, m)| *m != "rv32") {
        let Some(mut s) = Session::start_other(&format!("freertos/elf/{name}"), machine) else {
            return;
        };
        s.play(&[
            ("break vTaskDelay if xTicksToDelay == 5", "Breakpoint 1"),
            ("continue", "hit Breakpoint 1, vTaskDelay (xTicksToDelay="),
            ("backtrace", "#0  vTaskDelay\ndelayed ("),
        ]);
        let (thread, cycles) = (s.ask("thread"), s.number("$cycles"));
        s.play(&[("delete", ""), ("finish", "delayed (")]);
        // It slept for five ticks; the busy ones ran meanwhile.
        assert!(s.number("$cycles") > cycles + 1000, "{name}");
        assert_eq!(s.ask("thread"), thread);
        // And the way back comes by the call.
        s.play(&[
            ("break vTaskDelay if xTicksToDelay == 5", "Breakpoint 2"),
            (
                "reverse-continue",
                "hit Breakpoint 2, vTaskDelay (xTicksToDelay=",
            ),
        ]);
        assert_eq!(s.number("$cycles"), cycles, "{name}");
        assert_eq!(s.ask("thread"), thread);
    }
}
