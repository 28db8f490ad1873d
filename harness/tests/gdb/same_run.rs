//! A run under gdb is the run without it: cycles, console, captures and state hashes.

use crate::ARM;
use crate::session::{Session, fixture};
use serde_json::Value;
use std::process::Command;

/// `tickscope run … --json -`, as JSON.
pub fn plain(name: &str, arguments: &[&str]) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(["run", "-q", "--json", "-"])
        .arg(fixture(name))
        .args(arguments)
        .output()
        .expect("runs");
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)))
}

/// Stops of all kinds, none of which changes anything; ends at a breakpoint on the way out.
fn disturb(s: &mut Session) {
    s.play(&[
        ("break main", "Breakpoint 1"),
        ("continue", "Breakpoint 1, main"),
        ("info registers", "pc"),
        ("next", ""),
        ("next", ""),
        ("step", ""),
        ("stepi 100", ""),
        ("finish", "Run till exit"),
        ("x/16xw 0x40004400", "0x40004400"),
        ("x/64xw $sp", ":\t0x"),
        ("disassemble main", "End of assembler dump"),
        ("monitor reg USART", "USART"),
        ("monitor irq", "executing"),
    ]);
    s.play(&[
        ("tbreak systick_handler", ""),
        ("continue", "systick_handler ()"),
        ("backtrace", "<signal handler called>"),
    ]);
    for _ in 0..20 {
        s.ask("stepi");
    }
    s.play(&[
        ("next 10", ""),
        ("hbreak *&systick_handler", ""),
        ("continue 20", "systick_handler"),
        ("delete", ""),
        ("break finish", "Breakpoint"),
        ("continue", "finish (status="),
    ]);
}

#[test]
fn cycles_and_console_are_those_of_a_plain_run() {
    for core in ARM {
        let name = format!("blinky.{core}");
        let Some(mut s) = Session::start(&name, &[]) else {
            return;
        };
        disturb(&mut s);
        // From here to the call that ends the run it is a handful of instructions.
        let listing = s.ask("x/40i semihost_exit");
        let line = listing.lines().find(|l| l.contains("bkpt\t0x00ab"));
        let line = line.unwrap_or_else(|| panic!("{listing}"));
        let hex = line.split("0x").nth(1).and_then(|h| h.split(' ').next());
        s.play(&[
            (&format!("tbreak *0x{}", hex.expect("an address")), ""),
            ("continue", "lib/semihost.c"),
        ]);
        let cycles = s.number("$cycles");
        s.play(&[("continue", "exited normally")]);
        let ended = s.end();
        let run = plain(&name, &[]);
        let console = run["uarts"].as_array().expect("ports").iter();
        let console: String = console.filter_map(|u| u["text"].as_str()).collect();
        assert_eq!(ended.out, console);
        // The breakpoint instruction itself takes at most this.
        let all = run["cycles"].as_u64().expect("cycles");
        assert!(
            (cycles..=cycles + 8).contains(&all),
            "{core}: {cycles} of {all}"
        );
    }
}

/// Bytes on the serial port, by a sender with a clock of its own.
pub const TYPED: &str =
    "[[uart]]\nport = \"USART\"\nat = \"1ms\"\nbaud = 115200\nppm = -20000\ntext = \"hello\\nq\"\n";

#[test]
fn stimuli_come_at_their_cycles() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("typed.toml");
    std::fs::write(&path, TYPED).expect("written");
    let path = path.to_string_lossy();
    for core in ["cortex-m0", "cortex-m3", "cortex-m4f"] {
        let name = format!("echo.{core}");
        let stimuli = ["--stimuli", &*path];
        let run = plain(&name, &stimuli);
        let at_the_end = |disturbed: bool| {
            let mut s = Session::start(&name, &stimuli)?;
            if disturbed {
                s.play(&[
                    ("break main.c:26", "Breakpoint 1"),
                    ("continue", "Breakpoint 1"),
                    ("continue 2", "Breakpoint 1"),
                    ("stepi 30", ""),
                    ("next", ""),
                    ("continue", "Breakpoint 1"),
                    ("delete", ""),
                ]);
            }
            s.play(&[
                ("break finish", "Breakpoint"),
                ("continue", "finish (status=0)"),
            ]);
            let cycles = s.number("$cycles");
            s.play(&[("continue", "exited normally")]);
            let ended = s.end();
            assert!(ended.out.contains("hello\n"), "{}", ended.out);
            assert!(ended.out.contains("echo: 6 bytes"), "{}", ended.out);
            Some(cycles)
        };
        let Some(cycles) = at_the_end(true) else {
            return;
        };
        assert_eq!(Some(cycles), at_the_end(false), "{core}");
        let all = run["cycles"].as_u64().expect("cycles");
        assert!(
            (cycles..cycles + 100).contains(&all),
            "{core}: {cycles} of {all}"
        );
    }
}

#[test]
fn captures_and_results_are_those_of_a_plain_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for core in ARM {
        let name = format!("kernel-8.{core}");
        let (a, b, json) = (path("plain"), path("gdb"), path("json"));
        let run = plain(&name, &["--capture", &a]);
        let Some(mut s) = Session::start(&name, &["--capture", &b, "--json", &json]) else {
            return;
        };
        disturb(&mut s);
        s.play(&[("continue", "exited normally")]);
        assert_eq!(s.end().code, Some(0));
        let under: Value =
            serde_json::from_slice(&std::fs::read(&json).expect("a result")).expect("JSON");
        for field in [
            "stop",
            "cycles",
            "instructions",
            "state_hash",
            "uarts",
            "ledger",
        ] {
            assert_eq!(under[field], run[field], "{core}: {field}");
        }
        assert!(
            std::fs::read(&a).expect("a capture") == std::fs::read(&b).expect("a capture"),
            "{core}: the captures differ; `tickscope diff` tells where"
        );
    }
}
