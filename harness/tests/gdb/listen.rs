//! Where gdb and the stub meet: TCP, a UNIX socket, standard input and output.

use crate::session::{GDB, Gdb, fits, fixture, have_gdb};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_session_over_a_unix_socket() {
    if !have_gdb() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("gdb.sock");
    let tool = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .arg("gdb")
        .arg(fixture("kernel-2.cortex-m4f"))
        .arg(format!("--listen=unix:{}", socket.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let start = Instant::now();
    while !socket.exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "no socket");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut gdb = Gdb::start();
    for (command, expected) in [
        (
            &*format!("target remote {}", socket.display()),
            "Reading symbols from target:",
        ),
        ("break main", "Breakpoint 1"),
        ("continue", "Breakpoint 1, main"),
        ("monitor cycles", "instructions, core clock 100000000 Hz"),
        ("delete", ""),
        ("continue", "exited normally"),
    ] {
        let answer = gdb.ask(command);
        assert_eq!(fits(&answer, expected), Ok(()), "{}", gdb.transcript());
    }
    gdb.quit();
    let output = tool.wait_with_output().expect("ends");
    let console = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(console.contains("kernel: ok"), "{console}");
    assert_eq!(output.status.code(), Some(0));
    assert!(!socket.exists(), "the socket is left behind");
}

#[test]
fn a_session_on_standard_input_and_output() {
    if !have_gdb() {
        return;
    }
    let tool = env!("CARGO_BIN_EXE_tickscope");
    let firmware = fixture("blinky.cortex-m3");
    let out = Command::new("timeout")
        .args(["60", GDB, "-batch", "-nx", "-ex", "set confirm off"])
        .arg("-ex")
        .arg(format!(
            "target remote | {tool} gdb {} --stdio -q",
            firmware.display()
        ))
        .args(["-ex", "break main", "-ex", "continue", "-ex", "delete"])
        .args(["-ex", "continue", "-ex", "print $_exitcode"])
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(
        fits(&text, "Breakpoint 1, main\nexited normally\n$1 = 0"),
        Ok(()),
        "{text}"
    );
    // Standard output is gdb's: the console goes to standard error.
    let console = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(console.contains("blinky: done"), "{console}");
}
