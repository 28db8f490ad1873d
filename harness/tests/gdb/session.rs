//! A session: `tickscope gdb` with a fixture, and a real gdb-multiarch that is given command after command.
//!
//! Each command has a deadline of its own, and the session has one. When gdb does not answer in time, both programs are ended, and the test
//! fails with the name of the command and all that was said before it.
#![allow(dead_code)]

use std::fmt::Write as _;
use std::io::{PipeReader, Read, Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The gdb that knows all our cores.
pub const GDB: &str = "gdb-multiarch";
/// A command that takes longer hangs. Far more than any takes, for slow machines that build at the same time.
const COMMAND: Duration = Duration::from_secs(40);
/// And a session of more.
const SESSION: Duration = Duration::from_secs(300);
/// So do two programs that do not come to their ends.
const END: Duration = Duration::from_secs(20);
/// gdb takes no second Ctrl-C before the first was answered: only one that came too early is sent again, after this.
const AGAIN: Duration = Duration::from_secs(5);

/// Is gdb there? Says so when not; that is a failure with `TICKSCOPE_REQUIRE_TOOLS` in the environment.
pub fn have_gdb() -> bool {
    let probe = Command::new(GDB).args(["-nx", "--version"]).output();
    let there = probe.is_ok_and(|out| out.status.success());
    if !there {
        let required = std::env::var_os("TICKSCOPE_REQUIRE_TOOLS").is_some();
        assert!(
            !required,
            "{GDB} is not installed, and TICKSCOPE_REQUIRE_TOOLS is set"
        );
        eprintln!("skipped: {GDB} is not installed");
    }
    there
}

/// `fixtures/elf/NAME.elf`.
pub fn fixture(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let path = root.expect("root").join("fixtures/elf");
    let path = path.join(format!("{name}.elf"));
    assert!(path.is_file(), "{}", path.display());
    path
}

/// The tool, waiting for gdb.
pub struct Tool {
    child: Child,
    /// What comes after `target remote`.
    pub address: String,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    /// Its standard input stays open until this is dropped.
    pub stdin: Option<ChildStdin>,
}

/// How the tool ended.
pub struct Ended {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output: the console of the firmware.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Tool {
    /// `tickscope gdb` on a free port, with a fixture and more arguments.
    pub fn start(name: &str, arguments: &[&str]) -> Tool {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickscope"));
        command.arg("gdb").arg(fixture(name));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        Tool::spawn(&mut command)
    }

    /// A command that waits for gdb, and says where.
    pub fn spawn(command: &mut Command) -> Tool {
        for name in ["TICKSCOPE_MACHINE", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tickscope starts");
        let out = gather(child.stdout.take().expect("a pipe"));
        let err = gather(child.stderr.take().expect("a pipe"));
        let stdin = child.stdin.take();
        let mut tool = Tool {
            child,
            address: String::new(),
            out,
            err,
            stdin,
        };
        let start = Instant::now();
        loop {
            let said = tool.err();
            if let Some(address) = waiting_on(&said) {
                tool.address = address;
                return tool;
            }
            let over = tool.child.try_wait().expect("our child");
            assert!(
                over.is_none() && start.elapsed() < END,
                "no note that it waits for gdb ({over:?}):\n{said}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Standard output so far.
    pub fn out(&self) -> String {
        self.out.lock().expect("whole").clone()
    }

    /// Standard error so far.
    pub fn err(&self) -> String {
        self.err.lock().expect("whole").clone()
    }

    /// Wait until it has ended by itself.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        drop(self.stdin.take());
        let Some(status) = ends(&mut self.child, END) else {
            panic!("tickscope does not end:\n{}\n{}", self.out(), self.err());
        };
        // The threads see the ends of the pipes soon after.
        std::thread::sleep(Duration::from_millis(50));
        Ended {
            code: status.code(),
            out: self.out(),
            err: self.err(),
        }
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the note `waiting for gdb on ADDRESS (…)`, once the line is whole.
fn waiting_on(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("waiting for gdb on ")?;
    let (line, _) = rest.split_once('\n')?;
    Some(line.split(' ').next()?.to_owned())
}

fn gather(mut from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let all = Arc::new(Mutex::new(String::new()));
    let to = Arc::clone(&all);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            to.lock()
                .expect("whole")
                .push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    });
    all
}

fn ends(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("our child") {
            return Some(status);
        }
        if start.elapsed() > within {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// gdb, and somebody who types.
pub struct Gdb {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    /// What came and belongs to no answer yet.
    pending: String,
    transcript: String,
    asked: usize,
    started: Instant,
    deadline: Duration,
}

impl Gdb {
    /// gdb without any target.
    pub fn start() -> Gdb {
        let (reader, writer) = pipe().expect("a pipe");
        let mut child = Command::new(GDB)
            .args(["-nx", "-q", "-iex", "set prompt", "-iex", "set confirm off"])
            .args(["-iex", "set pagination off", "-iex", "set width 0"])
            .args([
                "-iex",
                "set history size 0",
                "-iex",
                "set style enabled off",
            ])
            // The port is there, or there is a mistake; and a hang has a name before a minute is over.
            .args([
                "-iex",
                "set tcp auto-retry off",
                "-iex",
                "set remotetimeout 30",
            ])
            .env("HOME", "/nonexistent")
            .env_remove("DEBUGINFOD_URLS")
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().expect("a second handle"))
            .stderr(writer)
            .spawn()
            .expect("gdb starts");
        let stdin = child.stdin.take();
        Gdb {
            child,
            stdin,
            output: listen(reader),
            pending: String::new(),
            transcript: String::new(),
            asked: 0,
            started: Instant::now(),
            deadline: COMMAND,
        }
    }

    /// Type a command, and wait for all of its answer.
    #[track_caller]
    pub fn ask(&mut self, command: &str) -> String {
        self.type_in(command);
        self.answer(command, None)
    }

    /// Type a command that does not end, and interrupt it as Ctrl-C does.
    #[track_caller]
    pub fn interrupt(&mut self, command: &str, after: Duration) -> String {
        self.type_in(command);
        std::thread::sleep(after);
        self.ctrl_c();
        self.answer(command, Some(AGAIN))
    }

    fn ctrl_c(&self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
    }

    fn type_in(&mut self, command: &str) {
        self.asked += 1;
        let text = format!("{command}\necho \\n@@{}\\n\n", self.asked);
        let _ = writeln!(self.transcript, "(gdb) {command}");
        let stdin = self.stdin.as_mut().expect("not closed");
        if let Err(e) = stdin.write_all(text.as_bytes()) {
            panic!("gdb is gone at '{command}' ({e}):\n{}", self.transcript);
        }
    }

    #[track_caller]
    fn answer(&mut self, command: &str, interrupt: Option<Duration>) -> String {
        let mark = format!("\n@@{}\n", self.asked);
        let until = (Instant::now() + self.deadline).min(self.started + SESSION);
        loop {
            if let Some(at) = self.pending.find(&mark) {
                let rest = self.pending.split_off(at + mark.len());
                let answer = std::mem::replace(&mut self.pending, rest);
                let answer = answer[..at].trim().to_owned();
                let _ = writeln!(self.transcript, "{answer}");
                return answer;
            }
            let left = until.saturating_duration_since(Instant::now());
            let wait = interrupt.map_or(left, |again| again.min(left));
            match self.output.recv_timeout(wait) {
                Ok(bytes) => self.pending.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout) if Instant::now() < until => self.ctrl_c(),
                Err(e) => {
                    let _ = self.child.kill();
                    let why = match e {
                        RecvTimeoutError::Timeout => "gdb does not answer",
                        RecvTimeoutError::Disconnected => "gdb ended",
                    };
                    panic!("{why} at '{command}':\n{}{}", self.transcript, self.pending);
                }
            }
        }
    }

    /// Everything up to now.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// End of input: gdb kills what it debugs and ends.
    #[track_caller]
    pub fn quit(mut self) {
        drop(self.stdin.take());
        assert!(
            ends(&mut self.child, END).is_some(),
            "gdb does not end:\n{}",
            self.transcript
        );
    }
}

impl Drop for Gdb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(mut from: PipeReader) -> Receiver<Vec<u8>> {
    let (to, output) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.send(buffer[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    output
}

/// Both, connected.
pub struct Session {
    pub tool: Tool,
    pub gdb: Gdb,
}

impl Session {
    /// A fixture at its reset with gdb attached; `None` when there is no gdb.
    #[track_caller]
    pub fn start(name: &str, arguments: &[&str]) -> Option<Session> {
        let tool = || Tool::start(name, arguments);
        have_gdb().then(|| Session::attach(name, tool()))
    }

    /// The same with another ELF below `fixtures`, on a machine that it does not name.
    #[track_caller]
    pub fn start_other(name: &str, machine: &str) -> Option<Session> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let path = root.expect("root").join(format!("fixtures/{name}.elf"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickscope"));
        command.arg("gdb").arg(path).args(["--machine", machine]);
        command.args(["--listen", "127.0.0.1:0"]);
        let (_, file) = name.rsplit_once('/').expect("in a folder");
        have_gdb().then(|| Session::attach(file, Tool::spawn(&mut command)))
    }

    #[track_caller]
    fn attach(name: &str, tool: Tool) -> Session {
        let mut gdb = Gdb::start();
        let answer = gdb.ask(&format!("target remote {}", tool.address));
        assert!(
            answer.contains(&format!("symbols from target:/{name}.elf")),
            "no symbols from the stub:\n{answer}"
        );
        Session { tool, gdb }
    }

    /// Type a command; its answer.
    #[track_caller]
    pub fn ask(&mut self, command: &str) -> String {
        self.gdb.ask(command)
    }

    /// Play commands; each answer must be as [`fits`] says.
    #[track_caller]
    pub fn play(&mut self, script: &[(&str, &str)]) {
        for (command, expected) in script {
            let answer = self.gdb.ask(command);
            if let Err(line) = fits(&answer, expected) {
                panic!(
                    "'{command}': expected{} {line:?} in:\n{answer}\n--- the session:\n{}--- the console:\n{}",
                    if line.starts_with('!') { " no" } else { "" },
                    self.gdb.transcript(),
                    self.tool.out(),
                );
            }
        }
    }

    /// An expression as an unsigned number.
    #[track_caller]
    pub fn number(&mut self, expression: &str) -> u64 {
        let answer = self.gdb.ask(&format!("output/u {expression}"));
        let value = answer.parse();
        value.unwrap_or_else(|_| panic!("'{expression}' is no number: {answer}"))
    }

    /// End gdb, then wait for the tool.
    #[track_caller]
    pub fn end(self) -> Ended {
        let Session { tool, gdb } = self;
        gdb.quit();
        tool.end()
    }
}

/// Each line of `expected` must be part of a line of the answer, in this order; `…` stands for anything. A line that
/// begins with `!` must be nowhere. The line that does not fit otherwise.
pub fn fits<'e>(answer: &str, expected: &'e str) -> Result<(), &'e str> {
    let mut lines = answer.lines();
    for line in expected.lines().filter(|l| !l.is_empty()) {
        let good = match line.strip_prefix('!') {
            Some(never) => !answer.lines().any(|l| line_fits(l, never)),
            None => lines.any(|l| line_fits(l, line)),
        };
        if !good {
            return Err(line);
        }
    }
    Ok(())
}

fn line_fits(line: &str, expected: &str) -> bool {
    let mut rest = line;
    expected.split('…').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

#[test]
fn answers_are_compared_line_by_line() {
    let answer = "Breakpoint 1, main () at a.c:14\n14\tboard_init();\n";
    assert_eq!(fits(answer, "Breakpoint 1, main…a.c\nboard_init"), Ok(()));
    assert_eq!(fits(answer, "board\nBreakpoint"), Err("Breakpoint"));
    assert_eq!(fits(answer, "main…:15"), Err("main…:15"));
    assert_eq!(fits(answer, "!SIGTRAP\nmain"), Ok(()));
    assert_eq!(fits(answer, "!main"), Err("!main"));
}

#[test]
fn a_command_that_hangs_is_named() {
    if !have_gdb() {
        return;
    }
    let mut gdb = Gdb::start();
    assert_eq!(gdb.ask("print 6 * 7"), "$1 = 42");
    gdb.deadline = Duration::from_millis(300);
    let hangs = std::panic::AssertUnwindSafe(|| gdb.ask("shell sleep 20"));
    let panic = std::panic::catch_unwind(hangs).expect_err("it hangs");
    let said = panic.downcast_ref::<String>().expect("a text");
    assert!(
        said.starts_with("gdb does not answer at 'shell sleep 20'"),
        "{said}"
    );
    assert!(said.contains("(gdb) print 6 * 7\n$1 = 42"), "{said}");
}

#[test]
fn the_note_names_the_address() {
    let note = "note: waiting for gdb on 127.0.0.1:4711 (gdb-multiarch -ex 'target remote";
    assert_eq!(waiting_on(note), None, "not whole");
    let note = format!("note: the machine is m\n{note} 127.0.0.1:4711')\n");
    assert_eq!(waiting_on(&note).as_deref(), Some("127.0.0.1:4711"));
}
