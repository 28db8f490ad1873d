//! What `run` does, `gdb` does: captures, results, limits, conditions, serial ports, input; and `run --gdb`.

use crate::same_run::{TYPED, plain};
use crate::session::{Ended, Gdb, Session, Tool, fixture, have_gdb};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Paths in a folder of a test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn json(&self, name: &str) -> Value {
        let bytes = std::fs::read(self.path(name)).expect("a result");
        serde_json::from_slice(&bytes).expect("JSON")
    }
}

/// All that must be the same in two results.
#[track_caller]
fn assert_same(a: &Value, b: &Value, what: &str) {
    for field in [
        "stop",
        "cycles",
        "instructions",
        "time",
        "state_hash",
        "uarts",
        "inputs",
        "notices",
        "clock_segments",
        "ledger",
    ] {
        assert_eq!(a[field], b[field], "{what}: {field}");
    }
    let records = |v: &Value| v["capture"]["records"].clone();
    assert_eq!(records(a), records(b), "{what}: records");
}

#[track_caller]
fn assert_same_file(a: &str, b: &str, what: &str) {
    let (a, b) = (std::fs::read(a), std::fs::read(b));
    let same = a.expect("a capture") == b.expect("a capture");
    assert!(
        same,
        "{what}: the captures differ; `tickscope diff` tells where"
    );
}

#[test]
fn there_and_back_again_the_capture_is_that_of_a_plain_run() {
    let folder = Folder::new();
    let stimuli = folder.path("typed.toml");
    std::fs::write(&stimuli, TYPED).expect("written");
    let (a, b) = (folder.path("plain"), folder.path("gdb"));
    let cases: [(&str, &str, &[&str]); 4] = [
        ("kernel-8.cortex-m4f", "apps/", &[]),
        ("echo.cortex-m3", "main.c:26", &["--stimuli", &stimuli]),
        // The clock changes on the way.
        (
            "blinky.stm32f407",
            "apps/blinky/main.c:10",
            &["--for", "30ms"],
        ),
        ("intbench.rv32", "main", &[]),
    ];
    for (name, place, arguments) in cases {
        let with = |path| [&["--capture", path], arguments].concat();
        let run = plain(name, &with(&a));
        let json = folder.path("run.json");
        let arguments = [&with(&b)[..], &["--json", &json]].concat();
        let Some(mut s) = Session::start(name, &arguments) else {
            return;
        };
        for _ in 0..5 {
            s.ask("stepi 7");
        }
        s.play(&[
            ("reverse-stepi 20", ""),
            ("break main", "Breakpoint 1"),
            ("continue", "Breakpoint 1, main"),
            ("reverse-continue", "No more reverse-execution history"),
            ("continue", "Breakpoint 1, main"),
            ("next", ""),
            ("next", ""),
        ]);
        if place.contains(':') {
            s.play(&[
                (&format!("break {place}"), "Breakpoint 2"),
                ("continue", "Breakpoint 2"),
                ("continue", "Breakpoint 2"),
                ("reverse-continue", "Breakpoint 2"),
            ]);
        }
        s.play(&[("stepi 300", ""), ("reverse-stepi 7", ""), ("delete", "")]);
        let limited = arguments.contains(&"--for");
        let end = match limited {
            true => "the limit was reached\nSIGXCPU",
            false => "exited",
        };
        s.play(&[("continue", end)]);
        if limited {
            s.play(&[("reverse-stepi 40", ""), ("detach", "detached")]);
        }
        let ended = s.end();
        let under = folder.json("run.json");
        assert_eq!(ended.code.map(i64::from), under["stop"]["code"].as_i64());
        assert_same(&under, &run, name);
        assert_same_file(&a, &b, name);
        let uarts = run["uarts"].as_array().expect("ports").iter();
        let text: String = uarts.filter_map(|u| u["text"].as_str()).collect();
        assert_eq!(ended.out, text, "{name}: nothing is printed twice");
    }
}

#[test]
fn a_change_in_the_past_makes_another_capture() {
    let folder = Folder::new();
    let (a, b) = (folder.path("straight"), folder.path("detour"));
    let (first, second) = (folder.path("a.json"), folder.path("b.json"));
    let start =
        |capture, json| Session::start("blinky.cortex-m3", &["--capture", capture, "--json", json]);
    let here = [
        ("break apps/blinky/main.c:10", "Breakpoint 1"),
        ("ignore 1 4", "Will ignore"),
        ("continue", "Breakpoint 1, systick_handler"),
        ("print milliseconds", "= 4"),
    ];
    let change = [
        ("set var milliseconds = 900", ""),
        ("delete", ""),
        ("continue", "exited normally"),
    ];
    let Some(mut s) = start(&a, &first) else {
        return;
    };
    s.play(&here);
    s.play(&change);
    assert_eq!(s.end().code, Some(0));
    let Some(mut s) = start(&b, &second) else {
        return;
    };
    s.play(&here);
    s.play(&[
        ("continue 300", "Breakpoint 1, systick_handler"),
        ("print milliseconds", "= 304"),
    ]);
    while s.number("milliseconds") > 4 {
        s.play(&[("reverse-continue", "systick_handler")]);
    }
    s.play(&change);
    let ended = s.end();
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.err.contains("note: gdb has changed the past"),
        "{}",
        ended.err
    );
    assert_same(&folder.json("b.json"), &folder.json("a.json"), "changed");
    assert_same_file(&a, &b, "changed");
    let steps = plain("blinky.cortex-m3", &[]);
    assert_ne!(steps["cycles"], folder.json("a.json")["cycles"]);
}

#[test]
fn a_limit_and_a_condition_are_stops() {
    let folder = Folder::new();
    let json = folder.path("run.json");
    let name = "blinky.stm32f407";
    let condition = ["--until", "pin:PD13=1"];
    let run = plain(name, &condition);
    let Some(mut s) = Session::start(name, &[&condition[..], &["--json", &json]].concat()) else {
        return;
    };
    s.play(&[("continue", "pin:PD13=1 happened\nSIGTRAP\n!exited")]);
    assert_eq!(Some(s.number("$cycles")), run["cycles"].as_u64());
    s.play(&[
        ("reverse-stepi 3", ""),
        ("stepi 3", ""),
        ("detach", "detached"),
    ]);
    assert_eq!(s.end().code, Some(0));
    assert_same(&folder.json("run.json"), &run, "until");

    let run = plain(name, &["--cycles", "1000000"]);
    let Some(mut s) = Session::start(name, &["--cycles", "1000000", "--json", &json]) else {
        return;
    };
    let told = "the limit was reached\nSIGXCPU\n!exited";
    s.play(&[
        ("continue", told),
        ("continue", told),
        ("stepi", "SIGXCPU"),
        ("reverse-stepi", ""),
        ("continue", told),
        ("detach", "detached"),
    ]);
    assert_eq!(s.end().code, Some(0));
    assert_same(&folder.json("run.json"), &run, "cycles");

    // What --until waits for does not come.
    let arguments = [&condition[..], &["--cycles", "50000", "--json", &json]].concat();
    let Some(mut s) = Session::start(name, &arguments) else {
        return;
    };
    s.play(&[("continue", "SIGXCPU"), ("detach", "detached")]);
    assert_eq!(s.end().code, Some(124));
    assert_eq!(folder.json("run.json")["stop"]["reason"], "limit");
}

#[test]
fn kill_and_ctrl_c_leave_whole_files() {
    let folder = Folder::new();
    let (json, capture) = (folder.path("run.json"), folder.path("capture"));
    let arguments = ["--json", &*json, "--capture", &*capture];
    for (by_gdb, code, reason) in [(true, 0, "killed"), (false, 130, "interrupted")] {
        let Some(mut s) = Session::start("idle.cortex-m4f", &arguments) else {
            return;
        };
        s.play(&[
            ("break systick_handler", "Breakpoint 1"),
            ("continue", "systick_handler"),
            ("continue 3", "systick_handler"),
        ]);
        let far = s.number("$cycles");
        // Files tell how far it came, not where gdb looked last.
        s.play(&[("reverse-continue", "systick_handler")]);
        if by_gdb {
            s.play(&[("kill", "killed")]);
        } else {
            let pid = s.tool.id().to_string();
            let sent = Command::new("kill").args(["-INT", &pid]).status();
            assert!(sent.expect("kill").success());
        }
        let ended = s.tool.end();
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        let result = folder.json("run.json");
        assert_eq!(result["stop"]["reason"], reason);
        assert_eq!(result["cycles"].as_u64(), Some(far));
        let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
            .args(["export", &capture, "-o", &folder.path("out.csv")])
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success() && !said.contains("damaged"), "{said}");
    }
}

/// The address in a note such as `USART listens on ADDRESS`.
fn address_of(tool: &Tool, port: &str) -> String {
    let said = tool.err();
    let (_, rest) = said
        .split_once(&format!("{port} listens on "))
        .unwrap_or_else(|| panic!("no address of {port} in {said}"));
    rest.split_whitespace().next().expect("a word").to_owned()
}

/// Reads until this has come; all of it.
#[track_caller]
fn heard(stream: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 512];
    while !String::from_utf8_lossy(&all).contains(text) {
        match stream.read(&mut buffer) {
            Ok(n @ 1..) => all.extend_from_slice(&buffer[..n]),
            other => panic!("{other:?} after {}", String::from_utf8_lossy(&all)),
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn a_serial_port_echoes_what_is_typed_once() {
    let folder = Folder::new();
    for name in ["echo.cortex-m4f", "echo.cortex-m0"] {
        let (json, capture) = (folder.path("run.json"), folder.path("capture"));
        let arguments = ["--uart=USART=tcp:0", "--json", &json, "--capture", &capture];
        let Some(mut s) = Session::start(name, &arguments) else {
            return;
        };
        let mut line = TcpStream::connect(address_of(&s.tool, "USART")).expect("it listens");
        let patience = Some(Duration::from_secs(20));
        line.set_read_timeout(patience).expect("a limit");
        // It stands in front of the first byte when the line is typed.
        s.play(&[
            ("break main.c:26", "Breakpoint 1"),
            ("break finish", "Breakpoint 2"),
        ]);
        line.write_all(b"he").expect("typed");
        s.play(&[
            ("continue", "Breakpoint 1"),
            ("continue", "Breakpoint 1"),
            ("reverse-continue", "Breakpoint 1"),
            ("continue", "Breakpoint 1"),
            ("delete 1", ""),
        ]);
        line.write_all(b"llo\nq").expect("typed");
        s.play(&[
            ("continue", "Breakpoint 2, finish (status=0)"),
            ("reverse-stepi 2000", ""),
            ("continue", "Breakpoint 2, finish (status=0)"),
            ("continue", "exited normally"),
        ]);
        let text = heard(&mut line, "overruns");
        assert_eq!(text.matches("hello\n").count(), 1, "{text}");
        assert!(text.contains("echo: 6 bytes, 0 overruns"), "{text}");
        assert_eq!(s.end().code, Some(0));

        // The result has the input: with it the run can be repeated.
        let result = folder.json("run.json");
        let inputs = result["inputs"].as_array().expect("inputs").iter();
        let typed: String = inputs.filter_map(|i| i["hex"].as_str()).collect();
        assert_eq!(typed, "68656c6c6f0a71", "{name}");
        let again = plain(name, &["--stimuli", &json]);
        for field in ["cycles", "instructions", "uarts"] {
            assert_eq!(again[field], result[field], "{name}: {field}");
        }
    }
}

#[test]
fn input_that_a_change_in_the_past_has_cut_off_is_not_in_the_result() {
    let folder = Folder::new();
    let (json, capture) = (folder.path("run.json"), folder.path("capture"));
    let arguments = ["--uart=USART=tcp:0", "--json", &json, "--capture", &capture];
    let Some(mut s) = Session::start("echo.cortex-m4f", &arguments) else {
        return;
    };
    let mut line = TcpStream::connect(address_of(&s.tool, "USART")).expect("it listens");
    s.play(&[
        ("break main.c:26", "Breakpoint 1"),
        ("break finish", "Breakpoint 2"),
    ]);
    line.write_all(b"a").expect("typed");
    s.play(&[("continue", "Breakpoint 1")]);
    line.write_all(b"bcq").expect("typed");
    s.play(&[
        ("continue 2", "Breakpoint 1"),
        ("reverse-continue", "Breakpoint 1"),
        ("reverse-continue", "Breakpoint 1"),
        // Back where `b` had not come. `a` has been counted there.
        ("set var count = 7", ""),
    ]);
    line.write_all(b"xq").expect("typed");
    s.play(&[
        ("delete 1", ""),
        ("continue", "Breakpoint 2"),
        ("continue", "exited normally"),
    ]);
    let ended = s.end();
    assert!(
        ended.err.contains("gdb has changed the past"),
        "{}",
        ended.err
    );
    let result = folder.json("run.json");
    let inputs = result["inputs"].as_array().expect("inputs").iter();
    let typed: String = inputs.filter_map(|i| i["hex"].as_str()).collect();
    assert_eq!(typed, "617871");
    let uarts = result["uarts"].as_array().expect("ports").iter();
    let texts: String = uarts.filter_map(|u| u["text"].as_str()).collect();
    assert!(texts.contains("ends\nax\necho: 8 bytes"), "{texts}");
}

#[test]
fn rtt_is_drained_at_its_cycles() {
    let folder = Folder::new();
    let (a, b) = (folder.path("plain"), folder.path("gdb"));
    let json = folder.path("run.json");
    let name = "rtt.cortex-m4f";
    let run = plain(name, &["--capture", &a]);
    let Some(mut s) = Session::start(name, &["--capture", &b, "--json", &json]) else {
        return;
    };
    s.play(&[
        ("break rtt_put if c == '5'", "Breakpoint 1"),
        ("continue", "Breakpoint 1"),
        ("stepi 1000", ""),
        ("reverse-stepi 3000", ""),
        ("delete", ""),
        ("continue", "exited normally"),
    ]);
    let ended = s.end();
    assert_eq!(ended.out.matches("RTT line 5").count(), 1, "{}", ended.out);
    assert_same(&folder.json("run.json"), &run, name);
    assert_same_file(&a, &b, name);

    let condition = ["--until", "uart.rtt0:line 3"];
    let run = plain(name, &condition);
    let Some(mut s) = Session::start(name, &[&condition[..], &["--json", &json]].concat()) else {
        return;
    };
    s.play(&[
        ("continue", "line 3 happened\nSIGTRAP"),
        ("detach", "detached"),
    ]);
    assert_eq!(s.end().code, Some(0));
    assert_same(&folder.json("run.json"), &run, "until");
}

/// `run --gdb` on a free port.
fn running(name: &str, arguments: &[&str]) -> Tool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickscope"));
    command.arg("run").arg(fixture(name));
    command.args(["--gdb", "127.0.0.1:0"]).args(arguments);
    Tool::spawn(&mut command)
}

#[test]
fn gdb_comes_and_goes_while_it_runs() {
    if !have_gdb() {
        return;
    }
    let folder = Folder::new();
    let json = folder.path("run.json");
    let long = ["--poke", "bench_iterations=40000000", "--json", &json];
    let tool = running("idle.cortex-m4f", &long);
    assert!(tool.err().contains("note: running, and waiting for gdb on"));
    std::thread::sleep(Duration::from_millis(100));
    let mut gdb = Gdb::start();
    let attach = format!("target remote {}", tool.address);
    gdb.ask(&attach);
    let mut s = Session { tool, gdb };
    let first = s.number("ticks");
    assert!(first > 10, "it ran: {first}");
    assert_eq!(s.number("ticks"), first, "it stands");
    s.play(&[
        ("break systick_handler", "Breakpoint 1"),
        ("continue", "systick_handler ()"),
        ("reverse-continue", "systick_handler ()"),
        ("reverse-continue", "systick_handler ()"),
        ("detach", "detached"),
    ]);
    std::thread::sleep(Duration::from_millis(100));
    s.play(&[(&attach, "Remote debugging using\n!refused\n!timed out")]);
    let second = s.number("ticks");
    assert!(second > first + 10, "it ran on: {first}, {second}");
    s.play(&[("kill", "killed")]);
    assert_eq!(s.end().code, Some(0));
    assert_eq!(folder.json("run.json")["stop"]["reason"], "killed");
}

#[test]
fn without_gdb_it_is_any_run() {
    let folder = Folder::new();
    let json = folder.path("run.json");
    let name = "kernel-8.cortex-m4f";
    let tool = running(name, &["--json", &json, "--history", "0"]);
    let Ended { code, out, .. } = tool.end();
    let run = plain(name, &[]);
    assert_eq!(code.map(i64::from), run["stop"]["code"].as_i64());
    assert_same(&folder.json("run.json"), &run, name);
    let uarts = run["uarts"].as_array().expect("ports").iter();
    let text: String = uarts.filter_map(|u| u["text"].as_str()).collect();
    assert_eq!(out, text);
}

#[test]
fn with_room_for_the_start_only_it_goes_back_all_the_same() {
    let Some(mut s) = Session::start("blinky.cortex-m3", &["--history", "0"]) else {
        return;
    };
    s.play(&[
        ("break apps/blinky/main.c:10", "Breakpoint 1"),
        ("ignore 1 49", "Will ignore"),
        ("continue", "Breakpoint 1"),
        ("print milliseconds", "= 49"),
        ("reverse-continue", "Breakpoint 1"),
        ("print milliseconds", "= 48"),
        ("kill", "killed"),
    ]);
}

/// What the tool says of a command line that it refuses.
fn refused(arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(arguments)
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{said}");
    said
}

#[test]
fn addresses_are_checked() {
    let firmware = fixture("blinky.cortex-m3");
    let firmware = firmware.to_str().expect("a path");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("its address").to_string();
    for (arguments, why) in [
        (["gdb", firmware, "--listen", "nonsense"], "HOST:PORT"),
        (["gdb", firmware, "--listen", "127.0.0.1:70000"], "no port"),
        (["run", firmware, "--gdb", "unix:"], "unix:PATH"),
        (["gdb", firmware, "--listen", &taken], "--listen"),
        (["run", firmware, "--gdb", &taken], "--gdb"),
        (["run", firmware, "--history", "4"], "--gdb"),
    ] {
        let said = refused(&arguments);
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    let said = refused(&["gdb", firmware, "--stdio", "--uart", "USART=stdio"]);
    assert!(said.contains("gdb's"), "{said}");
    // A firmware that ends by itself, so that nobody needs to attach.
    let out = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(["run", firmware, "--gdb", "0.0.0.0:0"])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{said}");
    assert!(said.contains("warning: who can reach 0.0.0.0:"), "{said}");
    assert!(Path::new(firmware).is_file());
}
