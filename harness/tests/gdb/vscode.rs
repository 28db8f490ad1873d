//! `examples/vscode/`: the files parse and fit together, the task becomes ready, and what the extensions make of each
//! configuration leads to `main`.
//!
//! What they make of it was read in their sources: cortex-debug (src/external.ts, src/gdb.ts) selects an extended-remote
//! target and gives the commands to the console interpreter; cppdbg (MIEngine) selects a remote one. Both speak MI.

use crate::session::{Gdb, Tool, fits, fixture, have_gdb};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn read(name: &str) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("root");
    let path = root.join("examples/vscode/.vscode").join(name);
    let text = std::fs::read_to_string(&path).expect(name);
    serde_json::from_str(&text).expect(name)
}

fn text<'v>(of: &'v Value, field: &str) -> &'v str {
    let value = of[field].as_str();
    value.unwrap_or_else(|| panic!("no {field} in {of}"))
}

fn task(label: &str) -> Value {
    let tasks = read("tasks.json");
    let all = tasks["tasks"].as_array().expect("tasks");
    let found = all.iter().find(|t| t["label"] == label);
    found.unwrap_or_else(|| panic!("no task {label}")).clone()
}

/// A command of the console, as cortex-debug wraps it.
fn console(command: &str) -> String {
    format!(
        "-interpreter-exec console \"{}\"",
        command.replace('"', "\\\"")
    )
}

/// The task as VS Code starts it, in a folder with this firmware, but on a free port.
fn start(task: &Value, folder: &Path) -> Tool {
    assert_eq!(task["type"], "process");
    assert_eq!(task["command"], "tickscope");
    let arguments = task["args"].as_array().expect("arguments").iter();
    let arguments = arguments.map(|a| {
        let a = a.as_str().expect("text");
        a.replace("${workspaceFolder}", &folder.to_string_lossy())
            .replace("127.0.0.1:3333", "127.0.0.1:0")
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickscope"));
    command.args(arguments).current_dir(folder);
    let tool = Tool::spawn(&mut command);
    // VS Code is told of the start, and goes on when it sees the end.
    let background = &task["problemMatcher"]["background"];
    let said = tool.err();
    for pattern in ["beginsPattern", "endsPattern"] {
        let pattern = text(background, pattern).strip_prefix('^');
        let start = pattern.expect("the start of a line");
        assert!(
            !start.contains(['\\', '(', '[', '*', '.', '$']),
            "a plain text: {start}"
        );
        assert!(
            said.lines().any(|l| l.starts_with(start)),
            "no {start} in {said}"
        );
    }
    tool
}

fn session(configuration: &Value, firmware: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("build")).expect("created");
    let elf = folder.path().join("build/firmware.elf");
    std::fs::copy(fixture(firmware), &elf).expect("copied");
    let path = |field: &str| {
        let text = text(configuration, field);
        text.replace("${workspaceFolder}", &folder.path().to_string_lossy())
    };
    let server = task(text(configuration, "preLaunchTask"));
    task(text(configuration, "postDebugTask"));
    let tool = start(&server, folder.path());

    let mut script = vec!["-gdb-set mi-async on".to_owned()];
    let commands = |field: &str| {
        let list = configuration[field].as_array().expect("commands").iter();
        list.map(|c| console(c.as_str().expect("text")))
            .collect::<Vec<_>>()
    };
    let listens = &server["args"][3];
    match text(configuration, "type") {
        "cortex-debug" => {
            assert_eq!(configuration["servertype"], "external");
            assert_eq!(configuration["gdbPath"], crate::session::GDB);
            assert_eq!(configuration["gdbTarget"], *listens);
            script.push(format!("-file-exec-and-symbols \"{}\"", path("executable")));
            script.push(format!("-target-select extended-remote {}", tool.address));
            script.extend(commands("overrideLaunchCommands"));
            script.push(format!(
                "-break-insert -t {}",
                text(configuration, "runToEntryPoint")
            ));
        }
        "cppdbg" => {
            assert_eq!(configuration["MIMode"], "gdb");
            assert_eq!(configuration["miDebuggerPath"], crate::session::GDB);
            assert_eq!(configuration["miDebuggerServerAddress"], *listens);
            assert_eq!(configuration["stopAtEntry"], true);
            script.push(format!("-file-exec-and-symbols \"{}\"", path("program")));
            script.push(format!("-target-select remote {}", tool.address));
            script.push("-break-insert -t main".to_owned());
        }
        other => panic!("what is {other}?"),
    }
    let mut gdb = Gdb::start();
    // The same gdb understands MI commands by its console.
    for line in &script {
        let answer = gdb.ask(&format!(
            "interpreter-exec mi \"{}\"",
            line.replace('\\', "\\\\").replace('"', "\\\"")
        ));
        let good = answer.contains("^done") || answer.contains("^connected");
        assert!(good && !answer.contains("^error"), "{line}:\n{answer}");
    }
    for (command, expected) in [
        ("continue", "main ()"),
        ("next", "main ()"),
        ("info registers pc cycles", "pc\ncycles"),
    ] {
        let answer = gdb.ask(command);
        let good = fits(&answer, expected).or_else(|_| fits(&gdb.ask("frame"), expected));
        assert_eq!(good, Ok(()), "{}", gdb.transcript());
    }
    if configuration["type"] == "cortex-debug" {
        for line in commands("overrideResetCommands") {
            gdb.ask(&format!(
                "interpreter-exec mi \"{}\"",
                line.replace('"', "\\\"")
            ));
        }
        let at = gdb.ask("frame");
        assert!(!at.contains("main ()"), "reset: {at}");
    }
    gdb.quit();
    assert_eq!(tool.end().code, Some(0));
}

/// Configurations whose name begins so.
fn configurations(start: &str) -> Vec<Value> {
    let launch = read("launch.json");
    let all = launch["configurations"].as_array().expect("configurations");
    let found: Vec<Value> = all
        .iter()
        .filter(|c| text(c, "name").starts_with(start))
        .cloned()
        .collect();
    assert!(!found.is_empty(), "no configuration for {start}");
    found
}

#[test]
fn each_configuration_for_cortex_m_leads_to_main() {
    if !have_gdb() {
        return;
    }
    for start in ["Cortex-M", "Any core"] {
        for configuration in configurations(start) {
            session(&configuration, "blinky.stm32f407");
        }
    }
}

#[test]
fn each_configuration_for_riscv_leads_to_main() {
    if !have_gdb() {
        return;
    }
    for start in ["RISC-V", "Any core"] {
        for configuration in configurations(start) {
            session(&configuration, "blinky.rv32");
        }
    }
}

#[test]
fn the_end_task_ends_the_other() {
    let tasks = read("tasks.json");
    let end = task("tickscope: end");
    let input = &tasks["inputs"][0];
    assert_eq!(
        text(&end, "command"),
        format!("echo ${{input:{}}}", text(input, "id"))
    );
    assert_eq!(input["command"], "workbench.action.tasks.terminate");
    task(text(input, "args"));
}
