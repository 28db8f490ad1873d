//! How runs stop and end: statuses, Ctrl-C, lockup, sleep without end, detach, kill, and a lost connection.

use crate::ARM;
use crate::session::{Session, Tool, fits, have_gdb};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn the_status_of_the_firmware_is_that_of_both() {
    for core in ARM {
        for status in [0, 7, 255] {
            let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
                return;
            };
            let said = match status {
                0 => "Inferior 1…exited normally".to_owned(),
                n => format!("Inferior 1…exited with code 0{n:o}]"),
            };
            s.play(&[
                ("break finish", "Breakpoint 1"),
                ("continue", "Breakpoint 1, finish (status=0)"),
                (&format!("set var $r0 = {status}"), ""),
                ("continue", &said),
                ("print $_exitcode", &format!("= {status}")),
                ("info registers", "The program has no registers now"),
            ]);
            assert_eq!(s.end().code, Some(status));
        }
    }
}

#[test]
fn ctrl_c_stops_a_busy_loop() {
    for core in ARM {
        let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
            return;
        };
        s.play(&[("break main", "Breakpoint 1"), ("continue", "Breakpoint 1")]);
        // A branch to itself, in RAM.
        s.play(&[
            ("set var *(short *)0x20008000 = 0xe7fe", ""),
            ("set var $pc = 0x20008000", ""),
            ("x/i $pc", "b.n\t0x20008000"),
        ]);
        let before = s.number("$cycles");
        let answer = s.gdb.interrupt("continue", Duration::from_millis(300));
        assert_eq!(
            fits(&answer, "Program received signal SIGINT"),
            Ok(()),
            "{answer}"
        );
        assert!(s.number("$cycles") > before + 1000);
        s.play(&[
            ("print/x $pc", "= 0x20008000"),
            ("stepi", "0x20008000"),
            ("monitor cycles", "cycle"),
        ]);
        // Twice.
        let answer = s.gdb.interrupt("continue", Duration::from_millis(100));
        assert_eq!(fits(&answer, "SIGINT"), Ok(()), "{answer}");
        s.play(&[("kill", "killed")]);
        assert_eq!(s.end().code, Some(0));
    }
}

#[test]
fn ctrl_c_stops_many_steps() {
    let Some(mut s) = Session::start("blinky.cortex-m3", &[]) else {
        return;
    };
    s.play(&[("break main", "Breakpoint 1"), ("continue", "Breakpoint 1")]);
    for command in ["stepi 100000000", "while 1\nstepi\nend"] {
        s.play(&[
            ("set var *(short *)0x20008000 = 0xe7fe", ""),
            ("set var $pc = 0x20008000", ""),
        ]);
        let answer = s.gdb.interrupt(command, Duration::from_millis(300));
        assert!(
            answer.contains("SIGINT") || answer.contains("Quit"),
            "{answer}"
        );
        assert_eq!(s.number("$pc"), 0x2000_8000);
    }
}

#[test]
fn ctrl_c_stops_a_sleeping_firmware() {
    // A tick every millisecond, and sleep between; hours of it.
    let poke = ["--poke", "bench_iterations=40000000"];
    let Some(mut s) = Session::start("idle.cortex-m4f", &poke) else {
        return;
    };
    let answer = s.gdb.interrupt("continue", Duration::from_millis(500));
    assert_eq!(fits(&answer, "SIGINT"), Ok(()), "{answer}");
    assert!(s.number("ticks") > 10);
    s.play(&[("backtrace", "main ()"), ("kill", "killed")]);
}

#[test]
fn a_sleep_that_nothing_ends_is_told_at_once() {
    let Some(mut s) = Session::start("echo.cortex-m4f", &[]) else {
        return;
    };
    s.play(&[
        ("continue", "nothing can wake it\nSIGINT"),
        ("backtrace", "main ()"),
        ("monitor irq", "thread mode"),
        ("continue", "nothing can wake it\nSIGINT"),
        ("stepi", "SIGINT"),
        ("kill", "killed"),
    ]);
    let ended = s.end();
    assert!(ended.out.contains("type, q ends"), "{}", ended.out);
}

#[test]
fn a_lockup_is_a_segmentation_fault() {
    for core in ["cortex-m0", "cortex-m3"] {
        let Some(mut s) = Session::start(&format!("lockup.{core}"), &[]) else {
            return;
        };
        let why = match core {
            "cortex-m3" => "UNDEFINSTR\nFORCED",
            _ => "no fault status registers",
        };
        // ARMv7-M's jumps there, ARMv6-M's calls.
        let caller = match core {
            "cortex-m3" => "",
            _ => "hard_fault_handler ()\n",
        };
        let frames = format!("udf_here ()\n{caller}<signal handler called>\nudf_here ()\nmain ()");
        s.play(&[
            ("continue", "lockup\nSIGSEGV"),
            ("monitor fault", why),
            ("backtrace", &frames),
            // It stays locked up.
            ("continue", "SIGSEGV"),
            ("stepi", "SIGSEGV"),
            ("monitor reset halt", "reset at cycle"),
            ("maintenance flush register-cache", ""),
            ("break hard_fault_handler", "Breakpoint 1"),
            ("continue", "Breakpoint 1…hard_fault_handler ()"),
            ("kill", "killed"),
        ]);
        let ended = s.end();
        assert_eq!(ended.code, Some(0));
        assert!(ended.out.contains("HardFault\n"), "{}", ended.out);
    }
}

#[test]
fn semihosting_calls_write_to_the_console() {
    for core in ARM {
        let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
            return;
        };
        // SYS_WRITEC of a character, by hand: BKPT 0xAB, and a branch to itself behind it.
        s.play(&[
            ("set var *(int *)0x20008000 = 0xe7febeab", ""),
            ("set var *(int *)0x20008010 = 'Z'", ""),
            ("set var $r0 = 3", ""),
            ("set var $r1 = 0x20008010", ""),
            ("set var $pc = 0x20008000", ""),
            ("stepi", "0x20008002"),
            // SYS_CLOCK: hundredths of a second of virtual time.
            ("set var $pc = 0x20008000", ""),
            ("set var $r0 = 0x10", ""),
            ("stepi", "0x20008002"),
            ("print $r0", "= 0\n"),
            ("kill", "killed"),
        ]);
        assert_eq!(s.end().out, "Z");
    }
}

#[test]
fn detach_lets_go_of_everything() {
    let Some(mut s) = Session::start("blinky.cortex-m3", &[]) else {
        return;
    };
    s.play(&[
        ("break main", "Breakpoint 1"),
        ("continue", "Breakpoint 1"),
        ("detach", "Inferior 1 (process 1) detached"),
        ("info registers", "The program has no registers now"),
    ]);
    assert_eq!(s.end().code, Some(0));
}

#[test]
fn attach_anew_after_detach() {
    let Some(mut s) = Session::start("idle.cortex-m4f", &["--poke", "bench_iterations=40000000"])
    else {
        return;
    };
    s.play(&[("break main", "Breakpoint 1"), ("continue", "Breakpoint 1")]);
    let before = s.number("$cycles");
    let again = format!("target remote {}", s.tool.address);
    s.play(&[
        ("detach", "detached"),
        ("delete", ""),
        // It ran on meanwhile, and the breakpoint is gone.
        ("shell sleep 0.3", "!annot"),
        (&again, "Remote debugging using\n!refused\n!timed out"),
        ("backtrace", "main ()"),
        ("info breakpoints", "No breakpoints"),
    ]);
    assert!(s.number("$cycles") > before);
    s.play(&[
        ("disconnect", "Ending remote debugging"),
        (&again, "Remote debugging using\n!refused\n!timed out"),
        ("kill", "killed"),
    ]);
    assert_eq!(s.end().code, Some(0));
}

fn packet(contents: &str) -> Vec<u8> {
    let sum = contents.bytes().fold(0u8, |s, b| s.wrapping_add(b));
    format!("${contents}#{sum:02x}").into_bytes()
}

/// Reads until this has come.
#[track_caller]
fn until(stream: &mut TcpStream, text: &str) {
    let start = Instant::now();
    let mut all = Vec::new();
    let mut buffer = [0; 512];
    while start.elapsed() < Duration::from_secs(20) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(_) => {}
        }
        if String::from_utf8_lossy(&all).contains(text) {
            return;
        }
    }
    panic!("no {text} in {}", String::from_utf8_lossy(&all));
}

#[test]
fn ctrl_c_as_a_byte_and_a_lost_connection() {
    let tool = Tool::start("idle.cortex-m4f", &["--poke", "bench_iterations=40000000"]);
    let mut stream = TcpStream::connect(&tool.address).expect("it listens");
    let limit = Some(Duration::from_millis(100));
    stream.set_read_timeout(limit).expect("a limit");
    stream.write_all(&packet("?")).expect("sent");
    until(&mut stream, "$T05");
    for _ in 0..3 {
        stream.write_all(&packet("vCont;c")).expect("sent");
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(b"\x03").expect("sent");
        until(&mut stream, "$T02");
    }
    // Too early is as good: the byte right behind the packet.
    let mut both = packet("vCont;c");
    both.push(3);
    stream.write_all(&both).expect("sent");
    until(&mut stream, "$T02");
    // What it held waits for gdb to come back, and stands where it stood.
    drop(stream);
    let start = Instant::now();
    while !tool.err().contains("gdb is gone; the run waits for it on") {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", tool.err());
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut stream = TcpStream::connect(&tool.address).expect("it listens");
    stream.set_read_timeout(limit).expect("a limit");
    stream.write_all(&packet("?")).expect("sent");
    until(&mut stream, "$T05");
    stream.write_all(&packet("k")).expect("sent");
    assert_eq!(tool.end().code, Some(0));
}

#[test]
fn a_batch_of_commands_from_a_file() {
    if !have_gdb() {
        return;
    }
    let tool = Tool::start("blinky.cortex-m0plus", &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("script.gdb");
    let text = format!(
        "target remote {}\ntbreak systick_handler\ncontinue\nbacktrace\ncontinue\nquit $_exitcode\n",
        tool.address
    );
    std::fs::write(&script, text).expect("written");
    let out = std::process::Command::new("timeout")
        .args(["60", crate::session::GDB, "-batch", "-nx", "-x"])
        .arg(&script)
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(
        fits(
            &text,
            "systick_handler ()\n<signal handler\nmain ()\nexited normally"
        ),
        Ok(()),
        "{text}"
    );
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(tool.end().code, Some(0));
}

#[test]
fn what_is_typed_reaches_the_firmware() {
    for core in ["cortex-m0", "cortex-m3", "cortex-m4f"] {
        let stdio = ["--uart", "USART=stdio"];
        let Some(mut s) = Session::start(&format!("echo.{core}"), &stdio) else {
            return;
        };
        let stdin = s.tool.stdin.as_mut().expect("open");
        stdin.write_all(b"hello\nq").expect("written");
        s.play(&[("continue", "exited normally")]);
        let ended = s.end();
        assert!(ended.out.contains("hello\n"), "{}", ended.out);
        assert!(ended.out.contains("echo: 6 bytes"), "{}", ended.out);
    }
}

#[test]
fn semihosting_reads_what_is_typed() {
    let stdio = ["--uart", "semihosting=stdio"];
    let Some(mut s) = Session::start("blinky.cortex-m3", &stdio) else {
        return;
    };
    // By hand: NOP, BKPT 0xAB, and a branch to itself. The call is SYS_READC.
    s.play(&[
        ("set var *(int *)0x20008000 = 0xbeabbf00", ""),
        ("set var *(int *)0x20008004 = 0xe7fee7fe", ""),
        ("set var $r0 = 7", ""),
        ("set var $r1 = 0", ""),
        ("set var $pc = 0x20008000", ""),
        ("stepi", "0x20008002"),
    ]);
    // It waits, and gdb is served meanwhile.
    let answer = s.gdb.interrupt("stepi", Duration::from_millis(300));
    assert_eq!(fits(&answer, "SIGINT"), Ok(()), "{answer}");
    s.play(&[("print/x $pc", "= 0x20008002")]);
    let stdin = s.tool.stdin.as_mut().expect("open");
    stdin.write_all(b"K").expect("written");
    s.play(&[
        ("stepi", "0x20008004"),
        ("print (char)$r0", "'K'"),
        // The key comes again when the call does.
        ("reverse-stepi", "0x20008002"),
        ("print $r0", "= 7"),
        ("stepi", "0x20008004"),
        ("print (char)$r0", "'K'"),
        ("kill", "killed"),
    ]);
}

#[test]
fn advance_and_until_know_where_a_handler_returns() {
    for core in ARM {
        let Some(mut s) = Session::start(&format!("blinky.{core}"), &[]) else {
            return;
        };
        s.play(&[
            ("tbreak apps/blinky/main.c:10", "Temporary"),
            ("continue", "systick_handler ()"),
            // gdb sets a breakpoint where the frame returns to, too: what is in LR. No instruction is there.
            ("advance led_set", "led_set (led=…on=…board_bare.c\n!Cannot"),
            ("backtrace", "#0  led_set (\n#1…main ()"),
        ]);
    }
}
