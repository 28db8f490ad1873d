//! `tickscope gdb` with the real gdb-multiarch.
#![allow(missing_docs)]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", "elf", name]
        .iter()
        .collect()
}

/// What gdb and the tool said, when this fixture was served over a UNIX socket; `None` without gdb.
fn session(name: &str, commands: &[&str]) -> Option<(String, Output)> {
    if Command::new("gdb-multiarch")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("skipped: gdb-multiarch is not installed");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("gdb.sock");
    let mut tool = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .arg("gdb")
        .arg(fixture(name))
        .arg(format!("--listen=unix:{}", socket.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    for _ in 0..500 {
        if socket.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let target = format!("target remote {}", socket.display());
    let mut gdb = Command::new("timeout");
    gdb.args(["60", "gdb-multiarch", "-batch", "-nx", "-ex", &target]);
    for command in commands {
        gdb.args(["-ex", command]);
    }
    let gdb = gdb.output().expect("gdb runs");
    let text =
        String::from_utf8_lossy(&gdb.stdout).into_owned() + &String::from_utf8_lossy(&gdb.stderr);
    let _ = tool.kill();
    let output = tool.wait_with_output().expect("ends");
    Some((text, output))
}

const TO_MAIN_AND_ON: &[&str] = &[
    "break main",
    "continue",
    "monitor cycles",
    "delete",
    "continue",
];

#[test]
fn a_session_over_a_unix_socket() {
    let Some((text, output)) = session("kernel-2.cortex-m4f.elf", TO_MAIN_AND_ON) else {
        return;
    };
    assert!(text.contains("Breakpoint 1, main"), "{text}");
    assert!(
        text.contains("instructions, core clock 100000000 Hz"),
        "{text}"
    );
    assert!(text.contains("exited normally"), "{text}");
    let console = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(console.contains("kernel: ok"), "{console}");
}

#[test]
fn risc_v_firmware_too() {
    let Some((text, output)) = session("intbench.rv32.elf", TO_MAIN_AND_ON) else {
        return;
    };
    assert!(text.contains("Breakpoint 1, main"), "{text}");
    assert!(text.contains("exited normally"), "{text}");
    let console = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(console.contains("intbench"), "{console}");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .arg("gdb")
        .arg(fixture("kernel-2.cortex-m4f.elf"))
        .args(["--json", "-"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--json cannot be used"));
}
