//! The command line from outside: bad input ends in one screen, exit code 2 and no file.

use std::path::Path;
use std::process::{Command, Output};

fn tickscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(arguments)
        .env_remove("TICKSCOPE_MACHINE")
        .env_remove("RUST_BACKTRACE")
        .output()
        .expect("runs")
}

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// It must fail for the user's reasons, on one screen, in plain text, naming these things.
fn refused(arguments: &[&str], names: &[&str]) {
    let out = tickscope(arguments);
    let said = stderr(&out);
    assert_eq!(out.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.lines().count() <= 40, "more than a screen: {said}");
    assert!(
        !said.contains("panicked") && !said.contains('\x1b'),
        "{said}"
    );
    assert!(out.stdout.is_empty(), "{}", stdout(&out));
    for name in names {
        assert!(said.contains(name), "`{name}` is missing in: {said}");
    }
}

fn in_folder(folder: &Path, name: &str, contents: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, contents).expect("written");
    path.to_string_lossy().into_owned()
}

/// The smallest ELF that a Cortex-M could run: one segment at an address.
fn elf(address: u32, contents: &[u8]) -> Vec<u8> {
    let mut e = vec![0x7F, b'E', b'L', b'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let half = |e: &mut Vec<u8>, v: u16| e.extend(v.to_le_bytes());
    let word = |e: &mut Vec<u8>, v: u32| e.extend(v.to_le_bytes());
    half(&mut e, 2); // ET_EXEC
    half(&mut e, 40); // EM_ARM
    for v in [1, address | 1, 52, 0, 0x0500_0000] {
        word(&mut e, v); // version, entry, phoff, shoff, flags
    }
    for v in [52, 32, 1, 0, 0, 0] {
        half(&mut e, v); // ehsize, phentsize, phnum, shentsize, shnum, shstrndx
    }
    let size = contents.len() as u32;
    for v in [1, 84, address, address, size, size, 5, 4] {
        word(&mut e, v); // PT_LOAD, offset, vaddr, paddr, filesz, memsz, flags, align
    }
    e.extend(contents);
    e
}

#[test]
fn files_that_are_no_firmware() {
    let dir = tempfile::tempdir().expect("tempdir");
    refused(&["run", "/no/such/fw.elf"], &["/no/such/fw.elf", "help:"]);
    let text = in_folder(
        dir.path(),
        "notes.txt",
        b"This is a text, not a firmware.\n",
    );
    refused(&["run", &text], &["notes.txt", "help:"]);
    let empty = in_folder(dir.path(), "empty.elf", b"");
    refused(&["run", &empty], &["empty.elf", "help:"]);
    let host = std::env::current_exe().expect("this test");
    refused(&["run", &host.to_string_lossy()], &["help:"]);
    let whole = elf(0x0800_0000, &[0xFF; 64]);
    let cut = in_folder(dir.path(), "cut.elf", &whole[..100]);
    refused(&["run", &cut], &["cut.elf", "help:"]);
    let folder = dir.path().to_string_lossy();
    refused(&["run", &folder], &["help:"]);
}

#[test]
fn machines_that_are_unknown_or_broken() {
    let dir = tempfile::tempdir().expect("tempdir");
    let fw = in_folder(dir.path(), "fw.elf", &elf(0x0800_0000, &[0; 64]));
    refused(
        &["run", &fw, "-m", "stm32f4disco"],
        &["stm32f4disco", "stm32f4discovery"],
    );
    let broken = in_folder(dir.path(), "board.toml", b"schema = 1\nname = \n");
    refused(&["run", &fw, "-m", &broken], &["board.toml", ":2:"]);
    refused(&["machine", "check", &broken], &["board.toml", ":2:"]);
    refused(&["machine", "show", "/no/such.toml"], &["/no/such.toml"]);
}

#[test]
fn a_firmware_that_fits_no_machine() {
    let dir = tempfile::tempdir().expect("tempdir");
    let far = in_folder(dir.path(), "far.elf", &elf(0x9000_0000, &[0; 64]));
    refused(&["run", &far], &["-m"]);
}

#[test]
fn outputs_are_checked_before_the_run() {
    let dir = tempfile::tempdir().expect("tempdir");
    let fw = in_folder(dir.path(), "fw.elf", &elf(0x0800_0000, &[0; 64]));
    let missing = dir.path().join("missing/x.vcd");
    let missing = missing.to_string_lossy();
    let trace = |o: &str, names: &[&str]| {
        refused(&["trace", &fw, "-m", "cortex-m3", "-o", o], names);
    };
    trace(&missing, &["missing", "does not exist", "mkdir"]);
    trace("out.lxt", &["out.lxt", ".vcd", ".svg"]);
    trace("out", &["out", ".vcd"]);
    refused(
        &["run", &fw, "--json", &missing],
        &["missing", "does not exist"],
    );
    refused(
        &["run", &fw, "--capture", &missing],
        &["missing", "does not exist"],
    );
    // Nobody may make files there, not even root; the run does not start.
    trace("/proc/x.vcd", &["/proc/x.vcd", "you may write"]);
    refused(
        &["run", &fw, "--json", "/proc/x.json"],
        &["/proc/x.json", "you may write"],
    );
    let folder = dir.path().join("out.vcd");
    std::fs::create_dir(&folder).expect("made");
    trace(&folder.to_string_lossy(), &["out.vcd", "is a folder"]);
    std::fs::remove_dir(&folder).expect("removed");
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("folder").collect();
    assert_eq!(left.len(), 1, "only the firmware is there");
}

#[test]
fn wrong_usage() {
    refused(&[], &["Usage"]);
    refused(&["fly"], &["fly"]);
    refused(&["run", "x.elf", "--for", "5"], &["10us"]);
    refused(&["run", "x.elf", "--until", "soon"], &["uart:TEXT"]);
    refused(&["run", "x.elf", "--uart", "USART2"], &["NAME=stdio"]);
    refused(&["run", "x.elf", "--base", "here"], &["0x08000000"]);
    refused(
        &["run", "x.elf", "--for", "1s", "--cycles", "5"],
        &["--cycles"],
    );
    refused(&["trace", "x.elf"], &["--output"]);
}

/// A fixture, with its real symbols, machine note and vectors.
fn fixture() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("root");
    let path = root.join("fixtures/elf/blinky.stm32f407.elf");
    path.to_string_lossy().into_owned()
}

#[test]
fn real_firmware_on_wrong_terms() {
    let fw = fixture();
    let run = |arguments: &[&str], names: &[&str]| {
        refused(&[&["run", &fw], arguments].concat(), names);
    };
    run(
        &["-m", "lm3s6965evb"],
        &[
            "0x08000000",
            "flash 0x00000000..0x00040000",
            "lm3s6965evb",
            "-m",
        ],
    );
    let level = "level of a pin is 0 or 1";
    run(&["--until", "pin:PA5=2"], &[level, "pin:PA5=1"]);
    run(&["--until", "uart:"], &["1 to 256 bytes"]);
    run(&["--until", "pin:PZZ=1"], &["`PZZ`", "PA0-15"]);
    run(&["--until", "uart.NOPE:x"], &["`NOPE`", "USART2"]);
    run(&["--set", "foo"], &["`foo`", "flash.wait_states=5"]);
    run(
        &["--set", "flash.nope=1"],
        &["flash.nope", "flash.wait_states"],
    );
    run(&["--set", "flash.wait_states=many"], &["\"many\"", "u32"]);
    run(&["--set", "a[=1"], &["`a[`"]);
    run(
        &["--cycles", "99999999999999999999999"],
        &["--cycles", "too large"],
    );
    run(&["--for", "99999999999999999999s"], &["too long"]);
    run(&["--uart", "USART9=stdio"], &["USART9", "USART1"]);
    run(&["--uart", "USART2=tcp:99999"], &["tcp:99999"]);
    run(
        &["--uart", "USART2=file:/no/such/x"],
        &["/no/such", "mkdir"],
    );
    run(&["--semihosting-dir", "/no/such"], &["/no/such"]);
    run(
        &["--json", "-", "--uart", "USART2=stdio"],
        &["standard output"],
    );
    refused(
        &["trace", &fw, "--gpio", "PA5,PZ1", "-o", "/tmp/never.vcd"],
        &["`PZ1`", "PA0-15"],
    );
    assert!(!Path::new("/tmp/never.vcd").exists());
}

#[test]
fn real_firmware_cut_short_or_blank() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut bytes = std::fs::read(fixture()).expect("fixture");
    for length in [3, 40, 60, 3000, bytes.len() - 1] {
        let cut = in_folder(dir.path(), "cut.elf", &bytes[..length]);
        refused(&["run", &cut], &["cut.elf", "help:"]);
    }
    let offset = u32::from_le_bytes(bytes[28..32].try_into().expect("phoff")) as usize + 4;
    let vectors =
        u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("offset")) as usize;
    bytes[vectors..vectors + 8].fill(0);
    let blank = in_folder(dir.path(), "blank.elf", &bytes);
    refused(&["run", &blank], &["blank.elf", "vector table", "help:"]);
}

#[test]
fn captures_that_are_none() {
    let dir = tempfile::tempdir().expect("tempdir");
    let text = in_folder(dir.path(), "x.cap", b"not a capture");
    let out = dir.path().join("x.vcd");
    let out = out.to_string_lossy();
    refused(
        &["export", &text, "-o", &out],
        &["x.cap", "not a tickscope capture"],
    );
    refused(&["export", "/no/such.cap", "-o", &out], &["/no/such.cap"]);
    assert!(!Path::new(&*out).exists());
}

#[test]
fn help_and_manual_tell_the_exit_codes() {
    for arguments in [&["--help"][..], &["run", "--help"], &["man"]] {
        let out = tickscope(arguments);
        assert_eq!(out.status.code(), Some(0));
        let text = stdout(&out);
        for code in ["124", "SYS_EXIT", "130"] {
            assert!(text.contains(code), "{arguments:?}: {code}");
        }
    }
    let dir = tempfile::tempdir().expect("tempdir");
    let out = tickscope(&["man", "--dir", &dir.path().to_string_lossy()]);
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    assert!(dir.path().join("tickscope.1").exists());
    assert!(dir.path().join("tickscope-trace.1").exists());
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let out = tickscope(&["completions", shell]);
        assert!(out.status.success());
        assert!(stdout(&out).contains("semihosting-dir"), "{shell}");
    }
}

#[test]
fn the_machines_are_listed() {
    let out = tickscope(&["machine", "list"]);
    assert!(out.status.success());
    let list = stdout(&out);
    for name in ["stm32f407vg", "lm3s6965evb", "cortex-m3"] {
        assert!(list.contains(name), "{list}");
    }
}

#[test]
fn an_image_that_does_not_fit_its_machine() {
    let dir = tempfile::tempdir().expect("tempdir");
    let far = in_folder(dir.path(), "far.elf", &elf(0x9000_0000, &[0; 64]));
    refused(
        &["run", &far, "-m", "cortex-m3"],
        &["0x90000000", "cortex-m3", "help:"],
    );
    let blank = in_folder(dir.path(), "blank.elf", &elf(0, &[0xFF; 64]));
    refused(
        &["run", &blank, "-m", "cortex-m3"],
        &["vector table", "help:"],
    );
}
