//! The built program, run in a folder of its own.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a command has left.
pub struct Ran {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// It must have ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    /// Both outputs, for messages.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }
}

/// `fixtures/elf/NAME.elf`.
pub fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let path = root.expect("root").join("fixtures/elf");
    let path = path.join(format!("{name}.elf"));
    assert!(path.is_file(), "{}", path.display());
    path.to_string_lossy().into_owned()
}

/// A folder for the files of a test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    /// Path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Write a file.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// Read a file.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Names of the files in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let all = std::fs::read_dir(self.0.path()).expect("the folder");
        let mut all: Vec<String> = all
            .map(|e| e.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        all.sort();
        all
    }

    /// The program with these arguments, in this folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickscope"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        for name in ["TICKSCOPE_MACHINE", "RUST_BACKTRACE", "GITHUB_ACTIONS"] {
            command.env_remove(name);
        }
        command
    }

    /// Run it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let out = self.command(arguments).output().expect("runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran {
            code: out.status.code(),
            out: text(out.stdout),
            err: text(out.stderr),
        }
    }
}
