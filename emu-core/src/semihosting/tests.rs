//! Every call, its failures, and the walls around the folder.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::memory::MemoryKind;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const FLASH: u32 = 0x0800_0000;
const BLOCK: u32 = 0x2000_0000;
const NAME: u32 = 0x2000_0100;
const OTHER: u32 = 0x2000_0200;
const BUFFER: u32 = 0x2000_0400;
const END: u32 = 0x2000_1000;

const EFAULT: u32 = 14;
const EBADF: u32 = 9;
const EACCES: u32 = 13;
const ENOENT: u32 = 2;

struct Guest {
    host: Semihosting,
    memory: Memory,
    now: u128,
}

impl Guest {
    fn new(config: Config) -> Guest {
        let mut memory = Memory::default();
        memory.add("flash", MemoryKind::Flash, FLASH, 0x1000);
        memory.add("ram", MemoryKind::Ram, BLOCK, END - BLOCK);
        Guest {
            host: Semihosting::new(config),
            memory,
            now: 0,
        }
    }

    fn in_folder(folder: &Path) -> Guest {
        Guest::new(Config {
            folder: Some(folder.to_owned()),
            ..Config::default()
        })
    }

    fn put(&mut self, at: u32, bytes: &[u8]) {
        self.memory
            .slice_mut(at, bytes.len())
            .unwrap()
            .copy_from_slice(bytes);
    }

    fn get(&self, at: u32, len: usize) -> &[u8] {
        self.memory.slice(at, len).unwrap()
    }

    fn outcome(&mut self, op: u32, words: &[u32]) -> Outcome {
        for (i, w) in words.iter().enumerate() {
            self.put(BLOCK + 4 * i as u32, &w.to_le_bytes());
        }
        self.host.call(op, BLOCK, &mut self.memory, self.now)
    }

    /// R0 after a call with a parameter block.
    fn call(&mut self, op: u32, words: &[u32]) -> i32 {
        match self.outcome(op, words) {
            Outcome::Return(r) => r as i32,
            other => panic!("{other:?}"),
        }
    }

    /// R0 after a call with a plain parameter.
    fn plain(&mut self, op: u32, arg: u32) -> i32 {
        match self.host.call(op, arg, &mut self.memory, self.now) {
            Outcome::Return(r) => r as i32,
            other => panic!("{other:?}"),
        }
    }

    fn errno(&mut self) -> u32 {
        self.plain(SYS_ERRNO, 0) as u32
    }

    fn open(&mut self, name: &str, mode: u32) -> i32 {
        self.put(NAME, name.as_bytes());
        self.call(SYS_OPEN, &[NAME, mode, name.len() as u32])
    }

    fn write(&mut self, handle: i32, bytes: &[u8]) -> i32 {
        self.put(BUFFER, bytes);
        self.call(SYS_WRITE, &[handle as u32, BUFFER, bytes.len() as u32])
    }

    /// What a read leaves in the buffer, and R0.
    fn read(&mut self, handle: i32, len: u32) -> (Vec<u8>, i32) {
        let missing = self.call(SYS_READ, &[handle as u32, BUFFER, len]);
        let got = len.saturating_sub(missing as u32) as usize;
        (self.get(BUFFER, got).to_vec(), missing)
    }

    fn remove(&mut self, name: &str) -> i32 {
        self.put(NAME, name.as_bytes());
        self.call(SYS_REMOVE, &[NAME, name.len() as u32])
    }

    fn rename(&mut self, old: &str, new: &str) -> i32 {
        self.put(NAME, old.as_bytes());
        self.put(OTHER, new.as_bytes());
        self.call(
            SYS_RENAME,
            &[NAME, old.len() as u32, OTHER, new.len() as u32],
        )
    }
}

fn console(text: &str) -> Outcome {
    super::console(text.as_bytes().to_vec())
}

#[test]
fn console_output() {
    let mut g = Guest::new(Config::default());
    g.put(BUFFER, b"hello\0");
    assert_eq!(
        g.host.call(SYS_WRITE0, BUFFER, &mut g.memory, 0),
        console("hello")
    );
    assert_eq!(
        g.host.call(SYS_WRITEC, BUFFER + 1, &mut g.memory, 0),
        console("e")
    );
    let out = g.open(":tt", 4);
    let err = g.open(":tt", 8);
    assert_eq!((out, err), (1, 2));
    assert_eq!(g.outcome(SYS_WRITE, &[1, BUFFER, 3]), console("hel"));
    assert_eq!(g.outcome(SYS_WRITE, &[2, BUFFER + 3, 2]), console("lo"));
    assert_eq!(g.outcome(SYS_WRITE, &[2, BUFFER, 0]), console(""));
    assert_eq!(g.call(SYS_ISTTY, &[1]), 1);
    assert_eq!(g.call(SYS_FLEN, &[1]), 0);
    assert_eq!(g.call(SYS_SEEK, &[1, 0]), -1);
    assert_eq!(g.errno(), 29);
    // Reading from where one can only write.
    assert_eq!(g.read(out, 4), (vec![], 4));
    assert_eq!(g.errno(), EBADF);
}

#[test]
fn console_input_waits_until_something_is_typed() {
    let mut g = Guest::new(Config::default());
    let tt = g.open(":tt", 0) as u32;
    assert_eq!(g.outcome(SYS_READC, &[]), Outcome::WaitForInput);
    assert_eq!(g.outcome(SYS_READ, &[tt, BUFFER, 8]), Outcome::WaitForInput);
    g.host.push_input(b"abcdef");
    assert_eq!(g.plain(SYS_READC, 0), i32::from(b'a'));
    assert_eq!(g.read(tt as i32, 3), (b"bcd".to_vec(), 0));
    assert_eq!(g.host.written(), [(BUFFER, 3)]);
    assert_eq!(g.read(tt as i32, 8), (b"ef".to_vec(), 6));
    g.host.close_input();
    assert_eq!(g.read(tt as i32, 8), (vec![], 8));
    assert_eq!(g.plain(SYS_READC, 0), -1);
    assert_eq!(g.write(tt as i32, b"x"), 1);
    assert_eq!(g.errno(), EBADF);
}

#[test]
fn handles() {
    let mut g = Guest::new(Config::default());
    for n in 1..=256 {
        assert_eq!(g.open(":tt", 4), n);
    }
    assert_eq!(g.open(":tt", 4), -1);
    assert_eq!(g.errno(), 24);
    assert_eq!(g.call(SYS_CLOSE, &[7]), 0);
    assert_eq!(g.call(SYS_CLOSE, &[7]), -1);
    assert_eq!(g.errno(), EBADF);
    assert_eq!(g.open(":tt", 4), 7, "the lowest free one");
    for op in [SYS_CLOSE, SYS_ISTTY, SYS_SEEK, SYS_FLEN] {
        for bad in [0, 257, u32::MAX] {
            assert_eq!(g.call(op, &[bad, 0]), -1, "operation {op:#x}");
        }
    }
    g.host.reset();
    assert_eq!(g.open(":tt", 4), 1);
    assert_eq!(g.open(":tt", 12), -1, "there are 12 modes");
}

#[test]
fn features() {
    let mut g = Guest::new(Config::default());
    let f = g.open(":semihosting-features", 0);
    assert_eq!(g.call(SYS_FLEN, &[f as u32]), 5);
    assert_eq!(g.call(SYS_ISTTY, &[f as u32]), 0);
    assert_eq!(g.read(f, 4), (b"SHFB".to_vec(), 0));
    assert_eq!(g.read(f, 4), (vec![0b11], 3));
    assert_eq!(g.read(f, 4), (vec![], 4));
    assert_eq!(g.call(SYS_SEEK, &[f as u32, 4]), 0);
    assert_eq!(g.read(f, 1), (vec![0b11], 0));
    assert_eq!(g.call(SYS_SEEK, &[f as u32, u32::MAX]), 0);
    assert_eq!(g.read(f, 1), (vec![], 1));
    assert_eq!(g.open(":semihosting-features", 4), -1);
}

#[test]
fn files_read_write_seek() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = Guest::in_folder(dir.path());
    let w = g.open("log.txt", 4);
    assert_eq!(g.write(w, b"hello, "), 0);
    assert_eq!(g.write(w, b"world"), 0);
    assert_eq!(g.call(SYS_FLEN, &[w as u32]), 12);
    assert_eq!(g.call(SYS_ISTTY, &[w as u32]), 0);
    assert_eq!(g.read(w, 4), (vec![], 4), "opened for writing only");
    assert_eq!(g.call(SYS_CLOSE, &[w as u32]), 0);
    assert_eq!(
        fs::read(dir.path().join("log.txt")).unwrap(),
        b"hello, world"
    );

    let r = g.open("log.txt", 1);
    assert_eq!(g.read(r, 5), (b"hello".to_vec(), 0));
    assert_eq!(g.call(SYS_SEEK, &[r as u32, 7]), 0);
    assert_eq!(g.read(r, 100), (b"world".to_vec(), 95));
    assert_eq!(g.read(r, 100), (vec![], 100));
    assert_eq!(g.write(r, b"no"), 2);
    assert_eq!(g.errno(), EBADF);

    let a = g.open("log.txt", 10);
    assert_eq!(g.write(a, b"!"), 0);
    assert_eq!(g.call(SYS_SEEK, &[a as u32, 0]), 0);
    assert_eq!(g.read(a, 5), (b"hello".to_vec(), 0));
    assert_eq!(g.write(a, b"?"), 0);
    assert_eq!(
        fs::read(dir.path().join("log.txt")).unwrap(),
        b"hello, world!?"
    );

    let p = g.open("log.txt", 2);
    assert_eq!(g.write(p, b"J"), 0);
    assert_eq!(g.read(p, 4), (b"ello".to_vec(), 0));
    assert_eq!(g.open("log.txt", 6), p + 1);
    assert_eq!(g.call(SYS_FLEN, &[p as u32]), 0, "w+ truncates");
    assert_eq!(g.open("missing", 0), -1);
    assert_eq!(g.errno(), ENOENT);
}

#[test]
fn remove_rename_temporary_names() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    let mut g = Guest::in_folder(dir.path());
    assert_eq!(g.open("a", 4), 1);
    assert_eq!(g.rename("a", "sub/b"), 0);
    assert!(dir.path().join("sub/b").exists());
    assert_eq!(g.rename("a", "c"), -1);
    assert_eq!(g.errno(), ENOENT);
    assert_eq!(g.remove("sub/b"), 0);
    assert!(!dir.path().join("sub/b").exists());
    assert_eq!(g.remove("sub/b"), -1);

    assert_eq!(g.call(SYS_TMPNAM, &[BUFFER, 0x1F, 64]), 0);
    assert_eq!(g.get(BUFFER, 19), b"semihosting-1f.tmp\0");
    assert_eq!(g.call(SYS_TMPNAM, &[BUFFER, 0x1F, 18]), -1, "no room");
    assert_eq!(g.call(SYS_TMPNAM, &[BUFFER, 256, 64]), -1);
    assert_eq!(
        Guest::new(Config::default()).call(SYS_TMPNAM, &[BUFFER, 0, 64]),
        -1
    );
}

#[test]
fn files_are_off_without_a_folder() {
    let mut g = Guest::new(Config::default());
    for mode in 0..12 {
        assert_eq!(g.open("Cargo.toml", mode), -1);
        assert_eq!(g.errno(), EACCES);
    }
    assert_eq!(g.remove("Cargo.toml"), -1);
    assert_eq!(g.rename("Cargo.toml", "x"), -1);
    assert!(Path::new("Cargo.toml").exists());
}

#[test]
fn nothing_outside_the_folder_can_be_reached() {
    let outer = tempfile::tempdir().unwrap();
    let secret = outer.path().join("secret");
    fs::write(&secret, b"secret").unwrap();
    let inner = outer.path().join("inner");
    fs::create_dir_all(inner.join("sub")).unwrap();
    fs::write(inner.join("ok"), b"ok").unwrap();
    let mut g = Guest::in_folder(&inner);
    let absolute = secret.to_str().unwrap().to_owned();
    for name in [
        "../secret",
        "sub/../../secret",
        "sub/../ok",
        &absolute,
        "/etc/hostname",
        "",
        ".",
        "sub",
    ] {
        for mode in [0, 4, 8] {
            assert_eq!(g.open(name, mode), -1, "{name} {mode}");
        }
        assert_eq!(g.remove(name), -1, "{name}");
        assert_eq!(g.rename("ok", name), -1, "{name}");
        assert_eq!(g.rename(name, "../x"), -1, "{name}");
    }
    assert_eq!(g.open("ok\0", 0), -1);
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(g.open("./ok", 0), 1);
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere_outside() {
    use std::os::unix::fs::symlink;
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("secret"), b"secret").unwrap();
    let inner = outer.path().join("inner");
    fs::create_dir_all(inner.join("plain")).unwrap();
    fs::write(inner.join("ok"), b"ok").unwrap();
    fs::write(inner.join("plain/secret"), b"mine").unwrap();
    symlink("../secret", inner.join("file")).unwrap();
    symlink("..", inner.join("folder")).unwrap();
    symlink("../new", inner.join("dangling")).unwrap();
    symlink("ok", inner.join("inside")).unwrap();
    let mut g = Guest::in_folder(&inner);
    for name in ["file", "folder/secret", "folder/new", "dangling"] {
        for mode in [0, 2, 4, 8] {
            assert_eq!(g.open(name, mode), -1, "{name} {mode}");
        }
    }
    assert!(!outer.path().join("new").exists());
    assert_eq!(g.remove("folder/secret"), -1);
    assert_eq!(g.rename("ok", "folder/ok"), -1);
    let inside = g.open("inside", 0);
    assert_eq!(g.read(inside, 2), (b"ok".to_vec(), 0));

    // A handle that was good, and then the guest moves a link to where its folder was.
    let h = g.open("plain/secret", 2);
    assert_eq!(g.rename("plain", "moved"), 0);
    assert_eq!(g.rename("folder", "plain"), 0);
    assert_eq!(g.read(h, 6), (vec![], 6));
    assert_eq!(g.write(h, b"broken"), 6);
    assert_eq!(fs::read(outer.path().join("secret")).unwrap(), b"secret");
}

#[test]
fn times_are_virtual() {
    let mut g = Guest::new(Config {
        start_time_unix: 1_700_000_000,
        ..Config::default()
    });
    g.now = 12_345_678_912_345_678_912; // 12.345… s
    assert_eq!(g.plain(SYS_CLOCK, 0), 1234);
    assert_eq!(g.plain(SYS_TIME, 0), 1_700_000_012);
    assert_eq!(g.plain(SYS_TICKFREQ, 0), 1_000_000_000);
    assert_eq!(g.plain(SYS_ELAPSED, BUFFER), 0);
    assert_eq!(g.get(BUFFER, 8), 12_345_678_912u64.to_le_bytes());
    assert_eq!(g.plain(SYS_ELAPSED, FLASH), -1);
    assert_eq!(g.errno(), EFAULT);
}

#[test]
fn command_line_and_heap() {
    let mut g = Guest::new(Config {
        command_line: "run_addr 0x8000124".to_owned(),
        heap: Some([0x2000_0800, 0x2000_0C00, 0x2000_1000, 0x2000_0C00]),
        ..Config::default()
    });
    assert_eq!(g.call(SYS_GET_CMDLINE, &[BUFFER, 19]), 0);
    assert_eq!(g.get(BUFFER, 19), b"run_addr 0x8000124\0");
    assert_eq!(g.get(BLOCK + 4, 4), 18u32.to_le_bytes());
    assert_eq!(g.host.written(), [(BUFFER, 19), (BLOCK + 4, 4)]);
    assert_eq!(g.call(SYS_GET_CMDLINE, &[BUFFER, 18]), -1);
    assert_eq!(g.call(SYS_HEAPINFO, &[BUFFER]), 0);
    assert_eq!(g.get(BUFFER + 8, 4), 0x2000_1000u32.to_le_bytes());
    g.host = Semihosting::new(Config::default());
    assert_eq!(g.call(SYS_HEAPINFO, &[BUFFER]), 0);
    assert_eq!(g.get(BUFFER, 16), [0; 16]);
    assert_eq!(
        g.call(SYS_GET_CMDLINE, &[BUFFER, 1]),
        0,
        "an empty line is one"
    );
}

#[test]
fn exit_status() {
    let mut g = Guest::new(Config::default());
    let mut exit = |reason| g.host.call(SYS_EXIT, reason, &mut g.memory, 0);
    assert_eq!(exit(0x2_0026), Outcome::Exit(0));
    assert_eq!(exit(0x2_0023), Outcome::Exit(1), "run-time error");
    assert_eq!(exit(0), Outcome::Exit(1));
    assert_eq!(
        g.outcome(SYS_EXIT_EXTENDED, &[0x2_0026, 42]),
        Outcome::Exit(42)
    );
    assert_eq!(
        g.outcome(SYS_EXIT_EXTENDED, &[0x2_0026, u32::MAX]),
        Outcome::Exit(-1)
    );
    assert_eq!(
        g.outcome(SYS_EXIT_EXTENDED, &[0x2_0023, 0]),
        Outcome::Exit(1)
    );
    assert_eq!(g.plain(SYS_EXIT_EXTENDED, 0x4000_0000), -1, "bad pointer");
}

#[test]
fn errors_and_what_is_refused() {
    let mut g = Guest::new(Config::default());
    assert_eq!(g.errno(), 0);
    assert_eq!(g.call(SYS_ISERROR, &[0x8000_0000]), 1);
    assert_eq!(g.call(SYS_ISERROR, &[0]), 0);
    assert_eq!(g.call(SYS_ISERROR, &[0x7FFF_FFFF]), 0);
    assert_eq!(g.call(SYS_SYSTEM, &[NAME, 4]), -1);
    assert_eq!(g.errno(), 88);
    assert_eq!(g.plain(0x17, 0), -1);
    assert_eq!(operation_name(0x17), None);
    assert_eq!(operation_name(0x18), Some("SYS_EXIT"));
}

#[test]
fn bad_pointers_are_efault() {
    let mut g = Guest::new(Config::default());
    let with_block = [
        SYS_OPEN,
        SYS_CLOSE,
        SYS_WRITEC,
        SYS_WRITE0,
        SYS_WRITE,
        SYS_READ,
        SYS_ISERROR,
        SYS_ISTTY,
        SYS_SEEK,
        SYS_FLEN,
        SYS_TMPNAM,
        SYS_REMOVE,
        SYS_RENAME,
        SYS_GET_CMDLINE,
        SYS_HEAPINFO,
        SYS_EXIT_EXTENDED,
        SYS_ELAPSED,
    ];
    for op in with_block {
        for arg in [0x4000_0000, u32::MAX, END] {
            g.host.state.errno = 0;
            assert_eq!(g.plain(op, arg), -1, "operation {op:#x}");
            assert_eq!(g.errno(), EFAULT, "operation {op:#x}");
        }
    }
    assert_eq!(g.open(":tt", 4), 1);
    assert_eq!(g.call(SYS_WRITE, &[1, END - 4, 8]), -1);
    assert_eq!(g.call(SYS_WRITE, &[1, BUFFER, u32::MAX]), -1);
    assert_eq!(
        g.call(SYS_READ, &[1, FLASH, 8]),
        -1,
        "flash is not to be written"
    );
    assert_eq!(g.call(SYS_OPEN, &[NAME, 0, 5000]), -1);
    assert_eq!(g.errno(), 91);
    assert_eq!(g.call(SYS_HEAPINFO, &[FLASH]), -1);
}

#[test]
fn a_saved_state_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut g = Guest::in_folder(dir.path());
    g.host.push_input(b"xy");
    let h = g.open("log", 8);
    g.write(h, b"one ");
    let saved = g.host.save();
    g.write(h, b"two ");
    g.plain(SYS_READC, 0);
    g.call(SYS_CLOSE, &[h as u32]);
    // Back, and the same again: the bytes go to the same place.
    g.host.load(&saved).unwrap();
    assert_eq!(g.host.save(), saved);
    g.write(h, b"two ");
    assert_eq!(g.plain(SYS_READC, 0), i32::from(b'x'));
    assert_eq!(fs::read(dir.path().join("log")).unwrap(), b"one two ");
    assert!(g.host.load(&[0xFF; 40]).is_err());
}

/// Everything that can be done with files, from a handle of `log` on; what the guest sees of it.
fn work_with_files(g: &mut Guest, log: i32) -> Vec<(Vec<u8>, i32)> {
    let mut seen = Vec::new();
    let mut note = |result: i32| seen.push((Vec::new(), result));
    note(g.write(log, b"two "));
    note(g.call(SYS_SEEK, &[log as u32, 0]));
    let back = g.read(log, 20);
    let a = g.open("log", 8);
    note(a);
    note(g.write(a, b"three "));
    note(g.write(a, b"four"));
    note(g.call(SYS_FLEN, &[a as u32]));
    note(g.call(SYS_CLOSE, &[a as u32]));
    note(g.rename("log", "old"));
    note(g.open("log", 0));
    note(g.errno() as i32);
    let old = g.open("old", 0);
    note(old);
    let all = g.read(old, 64);
    note(g.remove("old"));
    note(g.remove("old"));
    note(g.errno() as i32);
    let gone = g.read(old, 4);
    note(g.open("new", 4));
    seen.extend([back, all, gone]);
    seen
}

#[test]
fn a_repeated_run_finds_in_the_journal_what_it_found_in_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mut g = Guest::in_folder(dir.path());
    g.host.keep_journal(true);
    let log = g.open("log", 6);
    g.write(log, b"one ");
    let saved = g.host.save();
    let seen = work_with_files(&mut g, log);
    let after = g.host.save();
    assert!(seen.contains(&(b"one two three four".to_vec(), 46)));
    assert!(path("new").exists() && !path("log").exists());

    // Behind its back: nothing is as the guest left it.
    fs::remove_file(path("new")).unwrap();
    fs::write(path("log"), b"somebody else's").unwrap();
    fs::write(path("old"), b"so is this").unwrap();
    for _ in 0..2 {
        g.host.load(&saved).unwrap();
        assert_eq!(work_with_files(&mut g, log), seen);
        assert_eq!(g.host.save(), after);
        assert!(!path("new").exists(), "not made again");
        assert_eq!(fs::read(path("log")).unwrap(), b"somebody else's");
        assert_eq!(fs::read(path("old")).unwrap(), b"so is this");
    }
    // It goes on in the folder where it was never before.
    assert_eq!(g.remove("old"), 0);
    assert!(!path("old").exists());
}

#[test]
fn another_run_meets_the_folder_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mut g = Guest::in_folder(dir.path());
    g.host.keep_journal(true);
    let log = g.open("log", 6);
    let start = g.host.save();
    g.write(log, b"one ");
    let saved = g.host.save();
    g.write(log, b"two ");
    fs::write(path("log"), b"........").unwrap();
    g.host.load(&saved).unwrap();
    g.host.forget_later();
    g.write(log, b"2nd ");
    assert_eq!(fs::read(path("log")).unwrap(), b"....2nd ");
    // What came before that still holds.
    g.host.load(&start).unwrap();
    g.write(log, b"one ");
    assert_eq!(fs::read(path("log")).unwrap(), b"....2nd ");
    // Something else than before, and nobody said so: better the truth than another call's answer.
    g.host.load(&start).unwrap();
    assert_eq!(g.call(SYS_FLEN, &[log as u32]), 8);
    // Without a journal, everything is done again.
    g.host.keep_journal(false);
    g.host.load(&start).unwrap();
    g.write(log, b"one ");
    assert_eq!(fs::read(path("log")).unwrap(), b"one 2nd ");
}

#[test]
fn the_state_is_the_same_with_and_without_a_journal() {
    let states = [false, true].map(|on| {
        let dir = tempfile::tempdir().unwrap();
        let mut g = Guest::in_folder(dir.path());
        g.host.keep_journal(on);
        let log = g.open("log", 6);
        g.write(log, b"one ");
        work_with_files(&mut g, log);
        g.host.save()
    });
    assert_eq!(states[0], states[1]);
}

proptest! {
    #[test]
    fn no_call_panics(op in 0u32..0x40, arg in prop_oneof![any::<u32>(), BLOCK..END], words in prop::collection::vec(prop_oneof![any::<u32>(), 0u32..16, BLOCK..END], 4)) {
        let mut g = Guest::new(Config::default());
        g.host.close_input();
        g.open(":tt", 0);
        g.open(":semihosting-features", 0);
        let _ = g.outcome(op, &words);
        let _ = g.host.call(op, arg, &mut g.memory, u128::MAX);
    }
}
