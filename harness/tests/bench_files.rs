//! Bench files that are wrong: each error names file and line, and what to do. Nothing is written.

mod tool;

use tool::{Folder, fixture};

/// A bench that passes; every wrong one is this with one thing changed.
const GOOD: &str = r#"schema = 1
name = "good"

[defaults]
for = "20ms"
warmup = "1ms"
until = ["uart.USART2:blinky"]
set = ["flash.wait_states=5"]

[defaults.poke]
bench_iterations = 3

[matrix]
firmware = [{ name = "idle", path = "idle.elf" }]
machine = ["stm32f4discovery"]
seed = [7]
stimuli = ["calm"]

[[matrix.settings]]
name = "five"
set = ["flash.wait_states=5"]

[[matrix.poke]]
name = "short"
bench_iterations = 2000

[stimuli.calm]

[[signal]]
name = "tick"
source = "irq:SysTick.enter"
period = "1ms"
reference = "mean"

[[signal]]
name = "entry"
source = "irq:SysTick.assert..irq:SysTick.enter"
deadline = "50cy"

[[budget]]
signal = "tick"
require = "period.pp <= 400cy"

[[tolerance]]
metric = "period.max"
within = "2%"
"#;

/// What is changed, to what, a text on the line of the error, and what the error says.
const WRONG: &[(&str, &str, &str, &[&str])] = &[
    // Not what the format is made of.
    ("name = \"good\"", "name = ", "name = ", &["string"]),
    (
        "[defaults]",
        "[default]",
        "[default]",
        &["default", "expected"],
    ),
    (
        "for = \"20ms\"",
        "fro = \"20ms\"",
        "fro",
        &["`fro`", "`for`"],
    ),
    ("seed = [7]", "seed = [\"7\"]", "seed", &["u64"]),
    ("seed = [7]", "seed = [-7]", "seed", &["-7"]),
    ("seed = [7]", "seed = 7", "seed", &["sequence"]),
    ("[matrix]", "[matrix]\nnoise = 1", "noise", &["`noise`"]),
    ("name = \"good\"\n", "", "schema = 1", &["name"]),
    (
        "bench_iterations = 2000",
        "bench_iterations = -2",
        "matrix.poke",
        &["-2"],
    ),
    (
        "bench_iterations = 3",
        "bench_iterations = 4294967296",
        "4294967296",
        &["4294967296", "u32"],
    ),
    (
        "{ name = \"idle\", path = \"idle.elf\" }",
        "{ file = \"idle.elf\" }",
        "idle.elf",
        &["a firmware is a path"],
    ),
    (
        "{ name = \"idle\", path = \"idle.elf\" }",
        "7",
        "firmware = ",
        &["a firmware is a path"],
    ),
    // Values that make no sense.
    (
        "schema = 1",
        "schema = 2",
        "schema",
        &["schema 2", "schema = 1"],
    ),
    (
        "for = \"20ms\"",
        "for = \"20\"",
        "for = ",
        &["unit", "1.5ms"],
    ),
    (
        "for = \"20ms\"",
        "for = \"20 parsecs\"",
        "for = ",
        &["unit", "1.5ms"],
    ),
    (
        "warmup = \"1ms\"",
        "warmup = \"soon\"",
        "warmup",
        &["number is missing", "1.5ms"],
    ),
    (
        "uart.USART2:blinky",
        "whenever",
        "until",
        &["whenever", "--until"],
    ),
    (
        "period = \"1ms\"",
        "period = \"0ms\"",
        "period = ",
        &["longer than nothing"],
    ),
    (
        "reference = \"mean\"",
        "reference = \"best\"",
        "reference",
        &["`best`", "nominal, mean or fit"],
    ),
    (
        "period = \"1ms\"\nreference = \"mean\"",
        "reference = \"nominal\"",
        "name = \"tick\"",
        &["nominal", "period ="],
    ),
    (
        "deadline = \"50cy\"",
        "deadline = \"50\"",
        "deadline",
        &["unit"],
    ),
    (
        "period = \"1ms\"\n",
        "deadline = \"1ms\"\n",
        "deadline = \"1ms\"",
        &["only intervals", "period"],
    ),
    (
        "irq:SysTick.enter\"\nperiod",
        "irk:SysTick\"\nperiod",
        "irk",
        &["`irk:`", "irq:TIM2"],
    ),
    (
        "irq:SysTick.assert..irq:SysTick.enter",
        "irq:SysTick.assert..",
        "..",
        &["a part of it is missing"],
    ),
    (
        "period.pp <= 400cy",
        "period.pp",
        "require",
        &["compares nothing", "<= 200cy"],
    ),
    (
        "period.pp <= 400cy",
        "perod.pp <= 400cy",
        "require",
        &["perod", "period"],
    ),
    (
        "period.pp <= 400cy",
        "period.p100 <= 400cy",
        "require",
        &["p99"],
    ),
    (
        "period.pp <= 400cy",
        "period.pp <= lots",
        "require",
        &["lots"],
    ),
    (
        "metric = \"period.max\"",
        "metric = \"period.most\"",
        "period.most",
        &["period.most", "baseline"],
    ),
    (
        "within = \"2%\"",
        "within = \"a bit\"",
        "within",
        &["a bit", "10cy or 1%"],
    ),
    (
        "within = \"2%\"",
        "within = \"-2%\"",
        "within",
        &["-2%", "10cy or 1%"],
    ),
    // Names of nothing, and names of two things.
    (
        "stimuli = [\"calm\"]",
        "stimuli = [\"storm\"]",
        "storm",
        &["storm", "calm"],
    ),
    (
        "signal = \"tick\"",
        "signal = \"tock\"",
        "tock",
        &["tock", "tick, entry"],
    ),
    (
        "name = \"entry\"",
        "name = \"tick\"",
        "[[signal]] 2",
        &["two entries of signal", "tick"],
    ),
    (
        "name = \"entry\"",
        "name = \"\"",
        "name = \"\"",
        &["no name"],
    ),
    ("seed = [7]", "seed = [7, 8, 7]", "seed", &["seed 7 twice"]),
    (
        "machine = [\"stm32f4discovery\"]",
        "machine = [\"microbit\", \"microbit\"]",
        "machine",
        &["two entries of machine"],
    ),
    (
        "[[budget]]\n",
        "[[budget]]\nfirmware = [\"other\"]\n",
        "other",
        &["other", "idle"],
    ),
    (
        "[[budget]]\n",
        "[[budget]]\nwhere = [\"seed=9\"]\n",
        "signal = \"tick\"",
        &["no run has this budget", "idle"],
    ),
    (
        "firmware = [{ name = \"idle\", path = \"idle.elf\" }]",
        "firmware = []",
        "name = \"good\"",
        &["no firmware", "fw.elf"],
    ),
    (
        "for = \"20ms\"\nwarmup = \"1ms\"\nuntil = [\"uart.USART2:blinky\"]\n",
        "",
        "name = \"good\"",
        &["nothing ends the runs", "for = \"1s\""],
    ),
    // What only machine and firmware tell.
    (
        "idle.elf\" }",
        "gone.elf\" }",
        "gone.elf",
        &["there is no file", "was it built"],
    ),
    (
        "idle.elf\" }",
        "bench.toml\" }",
        "firmware",
        &["bench.toml"],
    ),
    (
        "machine = [\"stm32f4discovery\"]",
        "machine = [\"stm32f4disco\"]",
        "machine",
        &["stm32f4disco", "stm32f4discovery"],
    ),
    (
        "machine = [\"stm32f4discovery\"]",
        "machine = [\"mine.toml\"]",
        "machine",
        &["mine.toml"],
    ),
    (
        "set = [\"flash.wait_states=5\"]\n\n[[matrix.poke]]",
        "set = [\"flash.wait_stats=5\"]\n\n[[matrix.poke]]",
        "wait_stats",
        &["wait_stats"],
    ),
    (
        "bench_iterations = 2000",
        "bench_iteration = 2",
        "[[matrix.poke]]",
        &["bench_iteration"],
    ),
    (
        "bench_iterations = 3",
        "bench_iteration = 3",
        "name = \"good\"",
        &["bench_iteration"],
    ),
    (
        "uart.USART2:blinky",
        "uart.USART9:blinky",
        "until",
        &["USART9", "USART2"],
    ),
    (
        "irq:SysTick.enter\"\nperiod",
        "irq:SysTik.enter\"\nperiod",
        "SysTik",
        &["SysTik", "SysTick"],
    ),
    (
        "irq:SysTick.enter\"\nperiod",
        "fn:mian\"\nperiod",
        "fn:mian",
        &["mian", "main"],
    ),
    (
        "irq:SysTick.enter\"\nperiod",
        "PX5.fall\"\nperiod",
        "PX5",
        &["PX5", "PA0-15"],
    ),
    (
        "irq:SysTick.enter\"\nperiod",
        "write:mili\"\nperiod",
        "write:mili",
        &["mili"],
    ),
    (
        "irq:SysTick.enter\"\nperiod",
        "uart:USART8.tx\"\nperiod",
        "USART8",
        &["USART8", "USART2"],
    ),
];

/// The line that the marker is on; of `[[signal]] 2` the name in that entry.
fn line_of(text: &str, marker: &str) -> usize {
    let from = match marker {
        "[[signal]] 2" => text.rfind("[[signal]]").expect("two") + "[[signal]]\n".len(),
        _ => text
            .find(marker)
            .unwrap_or_else(|| panic!("{marker} in {text}")),
    };
    text[..from].matches('\n').count() + 1
}

fn folder() -> Folder {
    let folder = Folder::new();
    std::fs::copy(fixture("idle.stm32f407"), folder.path("idle.elf")).expect("copied");
    folder
}

#[test]
fn the_good_one_is_good() {
    let folder = folder();
    // It waits for a text that never comes; everything else is right.
    folder.write("bench.toml", GOOD);
    let ran = folder.run(&["bench", "bench.toml"]).ended(124);
    assert!(
        ran.out.contains("before what `until` waits for"),
        "{}",
        ran.all()
    );
    assert!(
        ran.out.contains("1 runs, 1 passed, 1 failed"),
        "{}",
        ran.all()
    );
}

#[test]
fn each_error_names_its_line_and_a_remedy() {
    let mut faults = Vec::new();
    for (n, (from, to, marker, says)) in WRONG.iter().enumerate() {
        let folder = folder();
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        folder.write("bench.toml", &text);
        let ran = folder.run(&[
            "bench",
            "bench.toml",
            "--ndjson",
            "r.ndjson",
            "--junit",
            "j.xml",
        ]);
        let place = format!("bench.toml:{}:", line_of(&text, marker));
        let mut missing: Vec<&str> = says
            .iter()
            .copied()
            .filter(|s| !ran.err.contains(s))
            .collect();
        if !ran.err.contains(&place) {
            missing.push(&place);
        }
        let sane = ran.code == Some(2)
            && ran.out.is_empty()
            && ran.err.starts_with("error: ")
            && ran.err.lines().count() < 20
            && !ran.err.contains("panicked")
            && !ran.err.contains('\x1b')
            && folder.names() == ["bench.toml", "idle.elf"];
        if !sane || !missing.is_empty() {
            faults.push(format!(
                "{n}: `{to}`: {:?} {:?}, missing {missing:?}:\n{}",
                ran.code,
                folder.names(),
                ran.all()
            ));
        }
    }
    assert!(
        faults.is_empty(),
        "{}\n{} faults",
        faults.join("\n"),
        faults.len()
    );
}

#[test]
fn files_that_are_not_there_or_no_text() {
    let folder = folder();
    let ran = folder.run(&["bench", "nothing.toml"]).ended(2);
    assert!(ran.err.contains("nothing.toml") && ran.err.contains("examples/bench/README.md"));
    let ran = folder.run(&["bench", "idle.elf"]).ended(2);
    assert!(ran.err.contains("idle.elf"), "{}", ran.err);
    let ran = folder.run(&["bench", "."]).ended(2);
    assert!(ran.err.contains("cannot read"), "{}", ran.err);
}
