//! Whole runs of the fixtures through the program: console, exit codes, results, traces, determinism.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const BOARD: &str = "stm32f4discovery";

fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("root");
    root.join("fixtures/elf")
        .join(name)
        .to_string_lossy()
        .into_owned()
}

fn expected(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("root");
    std::fs::read_to_string(root.join("fixtures/expected").join(name)).expect("expected text")
}

fn tickscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args(arguments)
        .env_remove("TICKSCOPE_MACHINE")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("runs")
}

fn run(arguments: &[&str]) -> Output {
    let fw = fixture("blinky.stm32f407.elf");
    let mut all = vec!["run", &fw, "-m", BOARD];
    all.extend(arguments);
    tickscope(&all)
}

fn code(out: &Output, code: i32) {
    assert_eq!(
        out.status.code(),
        Some(code),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

fn result(arguments: &[&str]) -> Value {
    let mut all = vec!["--json", "-"];
    all.extend(arguments);
    let out = run(&all);
    serde_json::from_slice(&out.stdout).expect("a result on standard output")
}

/// Lines that start with `~` may differ between machines.
fn without_notes(text: &str) -> String {
    let lines = text.lines().filter(|l| !l.starts_with('~'));
    lines.map(|l| format!("{}\n", l.trim_end())).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("tempdir"))
    }
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }
    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.0.path()).expect("folder");
        entries.map(|e| e.expect("entry").path()).collect()
    }
}

#[test]
fn the_console_is_on_standard_output_and_nothing_else() {
    let out = run(&["--strict"]);
    code(&out, 0);
    let text = String::from_utf8_lossy(&out.stdout);
    assert_eq!(
        without_notes(&text),
        without_notes(&expected("blinky.stm32f407.txt"))
    );
}

#[test]
fn the_machine_is_found_from_the_firmware() {
    let said = |out: &Output| String::from_utf8_lossy(&out.stderr).into_owned();
    let fw = fixture("blinky.stm32f407.elf");
    let out = tickscope(&["run", &fw, "--for", "1ms"]);
    code(&out, 0);
    assert!(said(&out).contains("the machine is stm32f4discovery"));
    assert!(said(&out).contains("the firmware names"), "{}", said(&out));
    // Without its note section it could be for any chip of the family.
    let dir = Folder::new();
    let other = dir.path("fw.elf");
    let mut bytes = std::fs::read(&fw).expect("fixture");
    let note = b"stm32f4discovery";
    let at = bytes.windows(note.len()).position(|w| w == note);
    let at = at.expect("the fixture names its machine");
    bytes[at..at + note.len()].fill(b'?');
    std::fs::write(&other, bytes).expect("written");
    let out = tickscope(&["run", &other]);
    code(&out, 2);
    for part in [
        "several machines fit",
        "stm32f407vg ",
        "stm32f4discovery ",
        "it loads at 0x08000000",
        "help: name one of them, as in -m ",
    ] {
        assert!(said(&out).contains(part), "`{part}`: {}", said(&out));
    }
    assert!(said(&out).lines().count() < 20, "{}", said(&out));
    code(&tickscope(&["run", &other, "-m", BOARD, "--for", "1ms"]), 0);
}

#[test]
fn results_repeat_bit_for_bit_with_and_without_capture() {
    let dir = Folder::new();
    let strip = |mut v: Value| {
        let fields = v.as_object_mut().expect("object");
        fields.remove("host");
        fields.remove("capture");
        v
    };
    let first = strip(result(&[]));
    assert_eq!(first["stop"]["reason"], "exit");
    assert_eq!(first, strip(result(&[])));
    let captured = strip(result(&["--capture", &dir.path("x.cap")]));
    assert_eq!(first, captured, "a capture does not change the run");
    assert_eq!(first["notices"].as_array().map(Vec::len), Some(0));
    let last = first["clock_segments"]
        .as_array()
        .and_then(|s| s.last())
        .expect("segments");
    assert_eq!(last["hz"], 168_000_000);
}

#[test]
fn a_listing_has_cycles_and_literals() {
    let fw = fixture("blinky.stm32f407.elf");
    let out = tickscope(&["disasm", &fw, "--function", "main"]);
    code(&out, 0);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    for part in [
        "<main>:",
        "; 2~     branch taken",
        "1=/2~  branch taken [refill 1]",
        "<main+0x",
        ".word   0x",
        "wfi ",
        "main.c:",
        "<board_init>",
        "= documented, ~ measured",
    ] {
        assert!(text.contains(part), "`{part}`: {text}");
    }
    let insisting = tickscope(&["disasm", "--cycles", &fw, "--function", "main"]);
    code(&insisting, 0);
    assert_eq!(insisting.stdout, out.stdout);
    let folder = tempfile::tempdir().expect("a folder");
    let raw = folder.path().join("raw.bin");
    std::fs::write(&raw, [0; 64]).expect("written");
    let raw = raw.to_string_lossy();
    let nowhere = tickscope(&["disasm", "--cycles", &raw, "--base", "0x60000000"]);
    code(&nowhere, 2);
    let text = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert!(text.contains("no machine is known"), "{text}");
    let out = tickscope(&["disasm", &fw, "--function", "mian"]);
    code(&out, 2);
    assert!(String::from_utf8_lossy(&out.stderr).contains("main"));
}

#[test]
fn the_ledger_sums_up() {
    let r = result(&["--for", "100500us"]);
    let cycles = r["cycles"].as_u64().expect("cycles");
    let part = |table: &str, name: &str| r["ledger"][table][name].as_u64().expect(name);
    for table in ["provenance", "kind"] {
        let names = r["ledger"][table].as_object().expect("object").keys();
        let sum: u64 = names.map(|k| part(table, k)).sum();
        assert_eq!(sum, cycles, "{table}");
        assert!(part(table, "other") < 100, "{table}: {}", r["ledger"]);
    }
    assert!(
        part("kind", "sleep") > cycles * 9 / 10,
        "also one that goes on"
    );
    for kind in ["issue", "refill", "stall", "wait", "exception"] {
        assert!(part("kind", kind) > 0, "{kind}");
    }
    // Sleep and the M4's exception entry are documented.
    let exact = part("kind", "sleep") + part("kind", "exception");
    assert!(part("provenance", "exact") > exact);
    let out = run(&["--for", "10ms", "--ledger"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    for part in [
        "\n  exact ",
        " % ",
        "\n  wait states ",
        "\n  sleep ",
        "\n  total ",
    ] {
        assert!(said.contains(part), "`{part}`: {said}");
    }
}

#[test]
fn limits_and_conditions() {
    let r = result(&["--for", "10ms"]);
    assert_eq!(r["stop"]["reason"], "limit");
    assert!(r["time"]["ps"].as_str().expect("ps").starts_with("1000000"));
    let r = result(&["--cycles", "100000"]);
    assert_eq!(r["stop"]["code"], 0);
    let over = r["cycles"].as_u64().expect("cycles") - 100_000;
    assert!(
        over < 100,
        "at most the instruction that was running: {over}"
    );
    let r = result(&["--until", "uart:2 s:"]);
    assert_eq!(r["stop"]["detail"], "uart:2 s:");
    let r = result(&["--until", "pin:PD13=1", "--for", "1s"]);
    assert_eq!(r["stop"]["reason"], "until");
    code(&run(&["--until", "uart:never", "--for", "10ms"]), 124);
}

#[test]
fn a_trace_has_the_edges_of_the_leds() {
    let dir = Folder::new();
    let (csv, vcd) = (dir.path("t.csv"), dir.path("t.vcd"));
    let fw = fixture("blinky.stm32f407.elf");
    let out = tickscope(&[
        "trace",
        &fw,
        "-m",
        BOARD,
        "--gpio",
        "PD12,PD13,PD14,PD15",
        "-o",
        &csv,
        "-o",
        &vcd,
    ]);
    code(&out, 0);
    let csv = std::fs::read_to_string(&csv).expect("csv");
    let times: Vec<f64> = csv
        .lines()
        .skip(1)
        .filter(|l| l.contains("PD12") && l.ends_with(",1"))
        .map(|l| l.split(',').nth(1).expect("time").parse().expect("seconds"))
        .collect();
    assert_eq!(times.len(), 5, "{csv}");
    let asked = |l: &str| l.contains(",PD1");
    assert!(
        csv.lines().skip(1).all(asked),
        "only the pins asked for: {csv}"
    );
    for pair in times.windows(2) {
        assert!((pair[1] - pair[0] - 1.0).abs() < 1e-4, "{times:?}");
    }
    assert!(
        std::fs::read_to_string(&vcd)
            .expect("vcd")
            .contains("PD15 $end")
    );
    assert_eq!(dir.files().len(), 2, "nothing else is left");
}

#[test]
fn pins_are_known_by_the_names_of_the_board_and_wrong_ones_listed() {
    let dir = Folder::new();
    let fw = fixture("blinky.stm32f407.elf");
    let vcd = dir.path("t.vcd");
    let out = tickscope(&["trace", &fw, "-m", BOARD, "--gpio", "PZ1", "-o", &vcd]);
    code(&out, 2);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        said.contains("no pin `PZ1`") && said.contains("PA0-15"),
        "{said}"
    );
    assert!(dir.files().is_empty());
}

#[test]
fn an_export_of_a_capture_is_the_trace() {
    let dir = Folder::new();
    let (cap, one, two) = (
        dir.path("x.cap"),
        dir.path("1.ndjson"),
        dir.path("2.ndjson"),
    );
    let fw = fixture("blinky.stm32f407.elf");
    let read = |p: &str| std::fs::read(p).expect(p);
    let names = |p: &str| -> std::collections::BTreeSet<String> {
        let text = String::from_utf8(read(p)).expect("text");
        let lines = text
            .lines()
            .map(|l| serde_json::from_str(l).expect("an object"));
        lines
            .filter_map(|v: Value| v["sig"].as_str().map(str::to_owned))
            .collect()
    };
    code(
        &tickscope(&["trace", &fw, "-m", BOARD, "--capture", &cap, "-o", &one]),
        0,
    );
    code(&tickscope(&["export", &cap, "-o", &two]), 0);
    let pin = |n: &String| n.starts_with('P');
    assert!(names(&one).iter().all(pin), "{:?}", names(&one));
    // The same with everything else beside the pins; the trace records no more than it shows.
    let also = ["--also", "exceptions,sleep,uart"];
    let trace = ["trace", &fw, "-m", BOARD, "-o", &one];
    code(&tickscope(&[&trace[..], &also].concat()), 0);
    code(
        &tickscope(&[&["export", &cap, "-o", &two][..], &also].concat()),
        0,
    );
    for name in ["exc.SysTick", "sleep", "USART2.tx", "PD12"] {
        assert!(names(&one).contains(name), "{name}: {:?}", names(&one));
    }
    assert!(!read(&one).is_empty());
    assert_eq!(read(&one), read(&two));
    // A capture that is cut off is told, and what is left can be had.
    let cut = dir.path("cut.cap");
    let bytes = read(&cap);
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    let out = tickscope(&["export", &cut, "-o", &two]);
    code(&out, 2);
    assert!(String::from_utf8_lossy(&out.stderr).contains("--recover"));
    let recover = ["export", &cut, "--recover", "-o", &two];
    code(&tickscope(&[&recover[..], &also].concat()), 0);
    assert!(read(&one).starts_with(&read(&two)) && !read(&two).is_empty());
}

#[test]
fn ctrl_c_leaves_whole_files() {
    let dir = Folder::new();
    let (json, log) = (dir.path("r.json"), dir.path("u.txt"));
    let fw = fixture("idle.stm32f407.elf");
    let sink = format!("USART2=file:{log}");
    let child = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args([
            "run", &fw, "-m", BOARD, "--pace", "--json", &json, "--uart", &sink,
        ])
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    std::thread::sleep(std::time::Duration::from_millis(700));
    let id = child.id().to_string();
    Command::new("kill")
        .args(["-INT", &id])
        .status()
        .expect("kill");
    let out = child.wait_with_output().expect("ends");
    assert_eq!(out.status.code(), Some(130));
    let r: Value = serde_json::from_slice(&std::fs::read(&json).expect("result")).expect("whole");
    assert_eq!(r["stop"]["reason"], "interrupted");
    assert_eq!(dir.files().len(), 2);
}

#[test]
fn a_dialogue_over_standard_input_and_output() {
    use std::io::{Read, Write};
    let dir = Folder::new();
    let json = dir.path("r.json");
    let fw = fixture("echo.stm32f407.elf");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tickscope"))
        .args([
            "run",
            &fw,
            "-m",
            BOARD,
            "--uart",
            "USART2=stdio",
            "--for",
            "10s",
            "--pace",
        ])
        .args(["--json", &json])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdout = child.stdout.take().expect("stdout");
    let mut heard = String::new();
    while !heard.ends_with("ends\n") && !heard.ends_with("ends\r\n") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).expect("the banner");
        heard.push(char::from(byte[0]));
    }
    let mut stdin = child.stdin.take().expect("stdin");
    stdin.write_all(b"hello\rq").expect("writes");
    drop(stdin);
    stdout.read_to_string(&mut heard).expect("the rest");
    let out = child.wait_with_output().expect("ends");
    code(&out, 0);
    assert!(heard.contains("hello\r\n"), "{heard}");
    let r: Value = serde_json::from_slice(&std::fs::read(&json).expect("result")).expect("JSON");
    assert_eq!(r["stop"]["reason"], "exit");
    assert_eq!(r["inputs"][0]["hex"], "68656c6c6f0d71");
}

/// RTT, ITM and semihosting speak by themselves, and who reads RTT makes no difference to the guest.
#[test]
fn text_that_needs_no_uart() {
    let dir = Folder::new();
    let fw = fixture("rtt.cortex-m4f.elf");
    let result = |arguments: &[&str]| -> Value {
        let run = ["run", &fw, "--for", "1s", "--json", "-"];
        let out = tickscope(&[&run[..], arguments].concat());
        code(&out, 0);
        serde_json::from_slice(&out.stdout).expect("a result")
    };
    let r = result(&[]);
    let text = |name: &str| {
        let all = r["uarts"].as_array().expect("uarts");
        let port = all.iter().find(|u| u["name"] == name).expect(name);
        port["text"].as_str().expect("text").to_owned()
    };
    assert!(text("rtt0").starts_with("RTT line 0,") && text("rtt0").ends_with("none came\n"));
    assert_eq!(text("rtt0").lines().count(), 10, "nothing is lost");
    assert_eq!(text("ITM"), "ITM line\n");
    assert_eq!(text("semihosting"), "semihosting line\n");
    assert_eq!(text("USART"), "rtt: done\n");
    let rtt1 = &r["uarts"].as_array().and_then(|u| u.last()).expect("rtt1")["channel"];
    assert_eq!(rtt1, "Samples");

    let (zero, one) = (dir.path("0.txt"), dir.path("1.bin"));
    let files = [format!("rtt0=file:{zero}"), format!("rtt1=file:{one}")];
    let cap = dir.path("x.cap");
    let read = result(&["--uart", &files[0], "--uart", &files[1], "--capture", &cap]);
    let clocked = result(&["--until", "uart.rtt0:line 2", "--until", "uart:none came\n"]);
    assert_eq!(clocked["stop"]["detail"], "uart.rtt0:line 2");
    assert_eq!(read["state_hash"], r["state_hash"]);
    assert_eq!(read["cycles"], r["cycles"]);
    assert_eq!(std::fs::read_to_string(&zero).expect("rtt0"), text("rtt0"));
    let bytes: Vec<u8> = (0xF0..0xF8).collect();
    assert_eq!(std::fs::read(&one).expect("rtt1"), bytes);

    let out = tickscope(&["run", &fw]);
    code(&out, 0);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    for part in [
        "RTT line 0,",
        "[ITM] ITM line",
        "[USART] rtt: done",
        "[rtt0] ",
    ] {
        assert!(said.contains(part), "`{part}`: {said}");
    }
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        told.contains("`Samples` is rtt1") && !told.contains("rtt0"),
        "{told}"
    );
}

/// The transmit pin moves bit by bit: another tool's decoder reads the text from the waveform.
#[test]
fn sigrok_decodes_the_console_from_its_pin() {
    let dir = Folder::new();
    let vcd = dir.path("uart.vcd");
    let fw = fixture("blinky.stm32f407.elf");
    let out = tickscope(&[
        "trace", &fw, "-m", BOARD, "--for", "20ms", "--gpio", "PA2", "-o", &vcd,
    ]);
    code(&out, 0);
    let decoded = Command::new("sigrok-cli")
        .args(["-I", "vcd:downsample=1000000", "-i", &vcd])
        .args(["-P", "uart:rx=PA2:baudrate=115200", "-A", "uart=rx-data"])
        .output();
    let decoded = match decoded {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("sigrok-cli is not installed: this test is skipped");
            return;
        }
        other => other.expect("sigrok-cli"),
    };
    let lines = String::from_utf8_lossy(&decoded.stdout).into_owned();
    let bytes = lines
        .lines()
        .filter_map(|l| u8::from_str_radix(l.rsplit(' ').next()?, 16).ok());
    let text: Vec<u8> = bytes.collect();
    assert!(!text.is_empty(), "{lines}");
    assert!(
        out.stdout.starts_with(&text[..19]),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

#[test]
fn a_lockup_tells_registers_fault_and_callers() {
    // Reset runs into UDF, and so does HardFault.
    let mut words = vec![0x2000_1000u32, 0x41];
    words.resize(16, 0x51);
    words.extend([
        0xBF00_DE00,
        0xBF00_BF00,
        0xBF00_BF00,
        0xBF00_BF00,
        0xBF00_DE00,
    ]);
    let dir = Folder::new();
    let bin = dir.path("fault.bin");
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    std::fs::write(&bin, bytes).expect("written");
    let out = tickscope(&["run", &bin, "--base", "0", "-m", "cortex-m3"]);
    code(&out, 1);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    for part in [
        "locked up",
        "UNDEFINSTR",
        "FORCED",
        "pc 00000050",
        "backtrace:",
        "stacked pc 0x00000040",
    ] {
        assert!(said.contains(part), "`{part}` is missing in: {said}");
    }
    assert!(said.lines().count() < 40, "{said}");
}

#[test]
fn the_ledger_of_a_risc_v_run_sums_up() {
    let fw = fixture("intbench.e31.elf");
    let out = tickscope(&["run", &fw, "--ledger", "--json", "-"]);
    code(&out, 0);
    let r: Value = serde_json::from_slice(&out.stdout).expect("a result on standard output");
    let cycles = r["cycles"].as_u64().expect("cycles");
    let part = |table: &str, name: &str| r["ledger"][table][name].as_u64().expect(name);
    for table in ["provenance", "kind"] {
        let names = r["ledger"][table].as_object().expect("object").keys();
        let sum: u64 = names.map(|k| part(table, k)).sum();
        assert_eq!(sum, cycles, "{table}");
        assert!(part(table, "other") < 100, "{table}: {}", r["ledger"]);
    }
    for kind in ["issue", "refill", "stall"] {
        assert!(part("kind", kind) > cycles / 100, "{kind}: {}", r["ledger"]);
    }
    // What the manual says, and prediction.
    for provenance in ["exact", "estimate"] {
        assert!(part("provenance", provenance) > 0, "{provenance}");
    }
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("\n  refill "), "{said}");
}
