//! `tickscope bench` on real firmware: what it ends with, what it writes, and that nothing that is wrong passes.

mod tool;

use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};
use tool::{Folder, Ran, fixture};

/// A tick of 1 kHz, and how long its interrupt waits, on a firmware that does nothing else: 30 ticks.
fn idle() -> String {
    format!(
        r#"schema = 1
name = "idle"
baseline = "baseline.toml"

[defaults]
for = "100ms"
warmup = "1ms"

[defaults.poke]
bench_iterations = 30

[matrix]
firmware = ["{}"]

[[signal]]
name = "tick"
source = "irq:SysTick.enter"
period = "1ms"

[[signal]]
name = "entry"
source = "irq:SysTick.assert..irq:SysTick.enter"

[[budget]]
signal = "tick"
require = "period.pp <= 9cy"

[[budget]]
signal = "entry"
require = "latency.max <= 12cy"
"#,
        fixture("idle.stm32f407")
    )
}

fn without_baseline(text: &str) -> String {
    text.replace("baseline = \"baseline.toml\"\n", "")
}

/// Run a bench file in a folder of its own.
fn bench(text: &str, arguments: &[&str]) -> (Folder, Ran) {
    let folder = Folder::new();
    folder.write("bench.toml", text);
    let mut all = vec!["bench", "bench.toml"];
    all.extend(arguments);
    let ran = folder.run(&all);
    (folder, ran)
}

fn lines(text: &str) -> Vec<Value> {
    let parsed = text.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().expect("JSON lines")
}

#[test]
fn what_holds_passes() {
    let (folder, ran) = bench(&without_baseline(&idle()), &[]);
    let ran = ran.ended(0);
    assert!(ran.err.is_empty(), "{}", ran.err);
    assert!(ran.out.starts_with("pass  idle.stm32f407  "), "{}", ran.out);
    assert!(ran.out.contains("idle: 1 runs, 3 passed\n"), "{}", ran.out);
    assert_eq!(folder.names(), ["bench.toml"]);
    let (_, quiet) = bench(&without_baseline(&idle()), &["-q"]);
    assert_eq!(quiet.ended(0).out, "idle: 1 runs, 3 passed\n");
}

#[test]
fn a_budget_that_does_not_hold_is_1() {
    let text = without_baseline(&idle()).replace("latency.max <= 12cy", "latency.max < 12cy");
    let ran = bench(&text, &["--annotate"]).1.ended(1);
    for part in [
        "FAIL  idle.stm32f407",
        "entry: latency.max < 12cy: it is 12cy; worst in systick_handler (",
        "1 failed",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    // The line of the source, by a path that GitHub finds in a repository.
    let line = ran
        .out
        .lines()
        .find(|l| l.starts_with("::error "))
        .expect("a line");
    let wanted = "::error file=apps/idle/main.c,line=10,title=idle.stm32f407 entry%3A latency.max::it is 12cy";
    assert_eq!(line, wanted);
}

#[test]
fn a_firmware_that_fails_is_1_and_figures_of_it_are_no_baseline() {
    let text = format!(
        "schema = 1\nname = \"bad\"\nbaseline = \"baseline.toml\"\ndefaults.for = \"1s\"\nmatrix.firmware = [\"{}\"]\n",
        fixture("lockup.stm32f407")
    );
    let (folder, ran) = bench(&text, &["--bless"]);
    let ran = ran.ended(1);
    assert!(
        ran.out.contains("run ends well: the core locked up: "),
        "{}",
        ran.out
    );
    assert!(
        ran.err.contains("baseline.toml was not written"),
        "{}",
        ran.err
    );
    assert_eq!(folder.names(), ["bench.toml"]);
}

#[test]
fn what_is_not_modelled_is_4_when_that_is_asked_for() {
    let text = format!(
        "schema = 1\nname = \"strict\"\n[defaults]\nfor = \"1s\"\n[matrix]\nfirmware = [\"{}\"]\n",
        fixture("fault-zoo.stm32f407")
    );
    bench(&text, &[]).1.ended(0);
    let ran = bench(&text.replace("[matrix]", "strict = true\n[matrix]"), &[])
        .1
        .ended(4);
    assert!(ran.out.contains("is not modelled"), "{}", ran.out);
}

#[test]
fn an_end_that_does_not_come_is_124() {
    let text = without_baseline(&idle()).replace("warmup =", "until = [\"uart:never\"]\nwarmup =");
    let text = text.replace("for = \"100ms\"", "for = \"20ms\"");
    let ran = bench(&text, &[]).1.ended(124);
    assert!(
        ran.out
            .contains("the limit was reached, before what `until` waits for"),
        "{}",
        ran.out
    );
    let comes = text.replace("uart:never", "uart:idle on");
    let ran = bench(&comes.replace("warmup = \"1ms\"", ""), &[]).1;
    // It ends before the first tick: then the signals are not there.
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(
        ran.out.contains("it never happened: irq:SysTick.enter"),
        "{}",
        ran.out
    );
}

#[test]
fn a_host_that_fails_is_5() {
    let ran = bench(&without_baseline(&idle()), &["--ndjson", "/dev/full"])
        .1
        .ended(5);
    assert!(
        ran.err.contains("/dev/full") && ran.err.contains("No space"),
        "{}",
        ran.err
    );
    let ran = bench(&without_baseline(&idle()), &["--junit", "no/such/j.xml"])
        .1
        .ended(2);
    assert!(ran.err.contains("does not exist"), "{}", ran.err);
}

#[test]
fn ctrl_c_is_130_and_leaves_nothing_behind() {
    let folder = Folder::new();
    let text = idle().replace("for = \"100ms\"", "for = \"20000s\"");
    let text = text.replace("bench_iterations = 30", "bench_iterations = 4000000000");
    folder.write("bench.toml", &text);
    let outputs = [
        "--junit",
        "j.xml",
        "--ndjson",
        "r.ndjson",
        "--markdown",
        "m.md",
        "--html",
        "p.html",
    ];
    let mut arguments = vec!["bench", "bench.toml", "--bless"];
    arguments.extend(outputs);
    let mut child = folder.command(&arguments).spawn().expect("starts");
    std::thread::sleep(Duration::from_millis(700));
    assert!(
        child.try_wait().expect("asked").is_none(),
        "it must still run"
    );
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.expect("kill").success());
    let end = Instant::now() + Duration::from_secs(20);
    let status = loop {
        if let Some(status) = child.try_wait().expect("asked") {
            break status;
        }
        assert!(Instant::now() < end, "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(130));
    assert_eq!(folder.names(), ["bench.toml"]);
}

#[test]
fn a_blessed_bench_passes_and_its_baseline_can_be_reviewed() {
    let folder = Folder::new();
    let text = idle().replace(
        "[[signal]]\nname = \"tick\"",
        "seed = [1, 2]\n[[signal]]\nname = \"tick\"",
    );
    folder.write("bench.toml", &text);
    let bench = |arguments: &[&str]| {
        let mut all = vec!["bench", "bench.toml"];
        all.extend(arguments);
        folder.run(&all)
    };
    let ran = bench(&[]).ended(2);
    assert!(
        ran.err.contains("cannot read the baseline") && ran.err.contains("--bless"),
        "{}",
        ran.err
    );
    let ran = bench(&["--bless"]).ended(0);
    assert!(ran.err.contains("wrote baseline.toml"), "{}", ran.err);
    let first = folder.read("baseline.toml");
    let ran = bench(&[]).ended(0);
    assert!(ran.out.contains("idle: 2 runs, 10 passed"), "{}", ran.out);
    bench(&["--bless", "--jobs", "1"]).ended(0);
    assert_eq!(first, folder.read("baseline.toml"));

    // One figure on a line, all sorted, nothing of this computer in it.
    let table: toml::Table = first.parse().expect("TOML");
    assert_eq!(table["schema"].as_integer(), Some(1));
    let heads: Vec<&str> = first.lines().filter(|l| l.starts_with('[')).collect();
    assert_eq!(
        heads,
        [
            "[run.\"seed=1\".signal.\"entry\"]",
            "[run.\"seed=1\".signal.\"tick\"]",
            "[run.\"seed=2\".signal.\"entry\"]",
            "[run.\"seed=2\".signal.\"tick\"]",
        ]
    );
    for part in first.split("\n[").skip(1) {
        let keys: Vec<&str> = part.lines().skip(1).filter(|l| !l.is_empty()).collect();
        assert!(keys.is_sorted() && keys.len() > 5, "{part}");
    }
    assert!(
        first.contains("\"period.mean\" = \"168000cy\"\n"),
        "{first}"
    );
    assert!(first.contains("\"latency.max\" = \"12cy\"\n"), "{first}");
    assert!(!first.contains("fixtures"), "{first}");
}

#[test]
fn whatever_differs_from_the_baseline_is_3() {
    let folder = Folder::new();
    folder.write("bench.toml", &idle());
    let run = || {
        folder.run(&[
            "bench",
            "bench.toml",
            "--junit",
            "j.xml",
            "--ndjson",
            "r.ndjson",
        ])
    };
    folder.run(&["bench", "bench.toml", "--bless"]).ended(0);
    let blessed = folder.read("baseline.toml");
    run().ended(0);

    let edited = |from: &str, to: &str, says: &str| {
        assert!(blessed.contains(from), "{from} in {blessed}");
        folder.write("baseline.toml", &blessed.replacen(from, to, 1));
        let ran = run().ended(3);
        assert!(ran.out.contains(says), "{says}: {}", ran.out);
        // All outputs tell of it, and agree on how much.
        let all = lines(&folder.read("r.ndjson"));
        let bad = all
            .iter()
            .filter(|l| l["type"] == "verdict" && l["status"] != "pass");
        let summary = all.last().expect("a summary");
        let counted =
            summary["failed"].as_u64().expect("n") + summary["errors"].as_u64().expect("n");
        assert_eq!(bad.count() as u64, counted);
        assert_eq!(summary["exit_code"], 3);
        let xml = folder.read("j.xml");
        let told = xml.matches("<failure ").count() + xml.matches("<error ").count();
        assert_eq!(told as u64, counted, "{xml}");
    };
    edited(
        "\"period.mean\" = \"168000cy\"",
        "\"period.mean\" = \"168001cy\"",
        "tick: period.mean 168001cy: it was 168001cy, it is 168000cy (-1)",
    );
    edited(
        "\"period.mean\" = \"168000cy\"\n",
        "",
        "not in the baseline: period.mean",
    );
    edited(
        "\"period.mean\"",
        "\"period.p99\"",
        "the baseline has 168000cy, but now there is none",
    );
    edited(
        "\"period.mean\" = \"168000cy\"",
        "\"period.mean\" = \"fast\"",
        "it was fast, it is 168000cy",
    );
    edited(
        ".signal.\"tick\"]",
        ".signal.\"tock\"]",
        "the signal `tock` of the baseline has gone",
    );
    edited(
        ".signal.\"tick\"]",
        ".signal.\"tock\"]",
        "tick as in the baseline: this signal is not in the baseline",
    );
    edited(
        "\"idle.stm32f407\".signal.\"entry\"",
        "\"other\".signal.\"entry\"",
        "the run `other` of the baseline is not in the bench any more",
    );
    folder.write("baseline.toml", "schema = 1\n");
    let ran = run().ended(3);
    assert!(
        ran.out
            .contains("this run is not in the baseline: --bless puts it in"),
        "{}",
        ran.out
    );

    // A changed machine is found out, and a tolerance forgives as much as it says.
    folder.write("baseline.toml", &blessed);
    folder.write(
        "bench.toml",
        &idle().replace(
            "warmup = \"1ms\"",
            "warmup = \"1ms\"\nset = [\"flash.wait_states=0\"]",
        ),
    );
    let ran = run().ended(3);
    assert!(
        ran.out.contains("entry: share 18/280721: it was"),
        "{}",
        ran.out
    );
    let changed = blessed.replacen(
        "\"period.mean\" = \"168000cy\"",
        "\"period.mean\" = \"168100cy\"",
        1,
    );
    folder.write("baseline.toml", &changed);
    for (within, code) in [("99cy", 3), ("100cy", 0), ("0.05%", 3), ("0.06%", 0)] {
        let tolerance = format!("[[tolerance]]\nmetric = \"period.mean\"\nwithin = \"{within}\"\n");
        folder.write("bench.toml", &(idle() + &tolerance));
        run().ended(code);
        let other = tolerance.replace("metric", "signal = \"entry\"\nmetric");
        folder.write("bench.toml", &(idle() + &other));
        run().ended(3);
    }

    // A file that is none.
    folder.write("bench.toml", &idle());
    folder.write("baseline.toml", "schema = 1\n[run.a]\nwrong = 1\n");
    let ran = run().ended(2);
    assert!(ran.err.contains("baseline.toml:3:"), "{}", ran.err);
    folder.write("baseline.toml", "schema = 9\n");
    let ran = run().ended(2);
    assert!(
        ran.err.contains("schema 9") && ran.err.contains("--bless"),
        "{}",
        ran.err
    );
    folder.write("bench.toml", &without_baseline(&idle()));
    let ran = folder.run(&["bench", "bench.toml", "--bless"]).ended(2);
    assert!(ran.err.contains("names no baseline"), "{}", ran.err);
}

#[test]
fn what_cannot_be_told_is_no_pass() {
    let plain = without_baseline(&idle());
    for (from, to, says) in [
        // A percentile that N does not support, a metric of another kind, one without its reference.
        (
            "period.pp <= 9cy",
            "period.p99 <= 900ms",
            "period.p99 needs 1000 periods (ten above the percentile); there are 29",
        ),
        (
            "period.pp <= 9cy",
            "latency.max <= 900ms",
            "latency.max is a metric of intervals",
        ),
        (
            "latency.max <= 12cy",
            "period.max <= 900ms",
            "period.max is a metric of edges",
        ),
        ("period.pp <= 9cy", "duty.pp <= 1", "falling edges"),
        (
            "period.pp <= 9cy",
            "mtie(64) <= 900ms",
            "mtie(64) needs 65 edges",
        ),
        (
            "period = \"1ms\"\n\n[[signal]]\nname = \"entry\"",
            "\n[[signal]]\nname = \"entry\"",
            "",
        ),
        ("period.pp <= 9cy", "adev(4) <= 9cy", "no limit for adev(4)"),
        (
            "latency.max <= 12cy",
            "mmu(900ms) >= 0",
            "mmu(900ms) needs a run of",
        ),
        (
            "period.pp <= 9cy",
            "comb.period <= 900",
            "no comb was found",
        ),
        // Signals that are not there: never, after the warm-up, not any more.
        (
            "source = \"irq:SysTick.enter\"",
            "source = \"irq:EXTI0.enter\"",
            "tick is there: it never happened after the warm-up: irq:EXTI0.enter",
        ),
        (
            "for = \"100ms\"\nwarmup = \"1ms\"",
            "for = \"20ms\"\nwarmup = \"1s\"",
            "it never happened after the warm-up",
        ),
        (
            "..irq:SysTick.enter",
            "..PD12.rise",
            "it never happened after the warm-up: irq:SysTick.assert..PD12.rise; 1 intervals had begun",
        ),
    ] {
        assert!(plain.contains(from), "{from}");
        let ran = bench(&plain.replacen(from, to, 1), &[]).1;
        if says.is_empty() {
            ran.ended(0);
            continue;
        }
        let ran = ran.ended(1);
        assert!(ran.out.contains(says), "{says}: {}", ran.out);
        assert!(ran.out.contains("could not be told"), "{}", ran.out);
    }
}

#[test]
fn signals_that_stop_are_told_with_and_without_a_period() {
    // SysTick is one of the first things that dma-timer's firmware does not use: TIM2 runs for a few milliseconds only.
    let text = format!(
        r#"schema = 1
name = "stops"
[defaults]
for = "1s"
[matrix]
firmware = ["{}"]
[[signal]]
name = "pwm"
source = "PA6.rise"
[[budget]]
signal = "pwm"
require = "period.pp <= 1ms"
"#,
        fixture("dma-timer.stm32f407")
    );
    let stops = "pwm is there: it stops at cycle ";
    let ran = bench(&text, &[]).1.ended(1);
    assert!(ran.out.contains(stops), "{}", ran.out);
    let with_period = text.replace("PA6.rise\"", "PA6.rise\"\nperiod = \"100us\"");
    let ran = bench(&with_period, &["--markdown", "-"]).1.ended(1);
    assert!(ran.out.contains(stops), "{}", ran.out);
    // The summary of the step says what is wrong, not only how often it happened.
    let row = ran
        .out
        .lines()
        .find(|l| l.starts_with("| dma-timer"))
        .expect("a row");
    assert!(row.contains("it stops at cycle"), "{row}");
    let optional = text.replace("PA6.rise\"", "PA6.rise\"\noptional = true");
    bench(&optional, &[]).1.ended(0);
    // Answers that do not come any more: begun, and never ended.
    let answers = text.replace("PA6.rise", "capture:TIM4.1..fn:small_ones");
    let answers = answers.replace("period.pp", "latency.max");
    let ran = bench(&answers, &[]).1;
    assert_ne!(ran.code, Some(0), "{}", ran.all());
    let late = text
        .replace("PA6.rise", "PA6.rise..PB0.rise")
        .replace("period.pp", "latency.max");
    let ran = bench(&late, &[]).1.ended(1);
    assert!(ran.out.contains("1 intervals had begun"), "{}", ran.out);
}

#[test]
fn deadlines_count_what_misses_them() {
    let plain = without_baseline(&idle()).replace("latency.max <= 12cy", "misses == 0");
    let with = |deadline: &str| {
        let to = format!("irq:SysTick.assert..irq:SysTick.enter\"\ndeadline = \"{deadline}\"");
        plain.replace("irq:SysTick.assert..irq:SysTick.enter\"", &to)
    };
    bench(&with("12cy"), &[]).1.ended(0);
    let ran = bench(&with("11cy"), &[]).1.ended(1);
    let says = "entry: misses == 0: it is 30; worst in systick_handler";
    assert!(ran.out.contains(says), "{}", ran.out);
    bench(&with("72ns"), &[]).1.ended(0);
    bench(&with("71ns"), &[]).1.ended(1);
    // Without a deadline nobody knows.
    let ran = bench(&plain, &[]).1.ended(1);
    assert!(ran.out.contains("could not be told"), "{}", ran.out);
}

#[test]
fn the_names_of_runs_tell_what_differs() {
    let folder = Folder::new();
    let text = format!(
        r#"schema = 1
name = "matrix"
defaults.for = "3ms"
stimuli.calm = {{}}
[stimuli.storm]
interrupt = [{{ irq = "EXTI2", rate = "20kHz", poisson = true }}]
[matrix]
firmware = [{{ name = "a", path = "{idle}", machine = "netduinoplus2" }}, "{idle}"]
settings = [{{ name = "fast", set = ["flash.wait_states=0"] }}, {{ name = "slow", set = ["flash.wait_states=7"] }}]
poke = [{{ name = "N=1", bench_iterations = 1 }}, {{ name = "N=2", bench_iterations = 2 }}]
stimuli = ["calm", "storm"]
seed = [3, 4]
machine = ["stm32f4discovery", "stm32f407vg"]
"#,
        idle = fixture("idle.stm32f407")
    );
    folder.write("bench.toml", &text);
    let ran = folder.run(&["bench", "bench.toml", "--list"]).ended(0);
    let names: Vec<&str> = ran.out.lines().collect();
    assert_eq!(names.len(), 64);
    assert_eq!(
        names[0],
        "fw=a,machine=stm32f4discovery,settings=fast,poke=N=1,stimuli=calm,seed=3"
    );
    assert_eq!(
        names[1],
        "fw=a,machine=stm32f4discovery,settings=fast,poke=N=1,stimuli=calm,seed=4"
    );
    assert_eq!(
        names[63],
        "fw=idle.stm32f407,machine=stm32f407vg,settings=slow,poke=N=2,stimuli=storm,seed=4"
    );
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 64);
    assert_eq!(folder.names(), ["bench.toml"]);
}

/// Two kernels under two stimuli, with seeds: enough runs to mix up.
fn busy() -> String {
    format!(
        r#"schema = 1
name = "busy & <loud> | \"x\""
[defaults]
for = "25ms"
[matrix]
firmware = [{{ name = "two", path = "{}" }}, {{ name = "eight", path = "{}" }}]
stimuli = ["calm", "storm"]
seed = [1, 2]
[stimuli.calm]
[stimuli.storm]
interrupt = [{{ irq = "RTC_WKUP", rate = "10kHz", poisson = true }}]
[[signal]]
name = "switch"
source = "write:k_current"
optional = true
[[signal]]
name = "tick <1 kHz> & co"
source = "irq:SysTick.assert..irq:SysTick.enter"
[[budget]]
signal = "tick <1 kHz> & co"
require = "latency.max <= 12cy"
[[budget]]
signal = "switch"
require = "period.p99.9 <= 1s"
where = ["storm"]
"#,
        fixture("kernel-2.stm32f407"),
        fixture("kernel-8.stm32f407")
    )
}

const OUTPUTS: [&str; 4] = ["j.xml", "r.ndjson", "m.md", "p.html"];

fn all_outputs(jobs: &str) -> (Folder, Ran) {
    let text = busy();
    let arguments = [
        "--jobs",
        jobs,
        "--annotate",
        "--junit",
        "j.xml",
        "--ndjson",
        "r.ndjson",
    ];
    let more = ["--markdown", "m.md", "--html", "p.html"];
    let all: Vec<&str> = arguments.iter().chain(&more).copied().collect();
    bench(&text, &all)
}

#[test]
fn one_thread_and_four_give_the_same_bytes() {
    let (one, four) = (all_outputs("1"), all_outputs("4"));
    assert_eq!(one.1.out, four.1.out);
    for name in OUTPUTS {
        assert!(one.0.read(name) == four.0.read(name), "{name} differs");
    }
    assert_eq!(one.1.code, Some(1), "{}", one.1.all());
    check_ndjson(&lines(&one.0.read("r.ndjson")));
    check_markdown(&one.0.read("m.md"));
    check_junit(&one.0);
    // Seeds do what they shall: the storm's edges differ, and nothing where nothing is random.
    let figures = |id: &str| -> Vec<Value> {
        let of = |l: &&Value| l["type"] == "metric" && l["run"] == id;
        let all = lines(&one.0.read("r.ndjson"));
        all.iter().filter(of).map(|l| l["value"].clone()).collect()
    };
    let calm = figures("fw=two,stimuli=calm,seed=1");
    assert!(calm.len() > 10);
    assert_eq!(calm, figures("fw=two,stimuli=calm,seed=2"));
    let storm = figures("fw=eight,stimuli=storm,seed=1");
    assert_ne!(storm, figures("fw=eight,stimuli=storm,seed=2"));
}

fn check_ndjson(all: &[Value]) {
    assert_eq!(all[0]["type"], "bench");
    assert_eq!(all[0]["schema"], 1);
    let summary = all.last().expect("a summary");
    assert_eq!(summary["type"], "summary");
    let of = |kind: &str| all.iter().filter(|l| l["type"] == kind).collect::<Vec<_>>();
    let (runs, verdicts, metrics) = (of("run"), of("verdict"), of("metric"));
    assert_eq!(runs.len(), 8);
    assert_eq!(summary["runs"], 8);
    for (status, field) in [("pass", "passed"), ("fail", "failed"), ("error", "errors")] {
        let n = verdicts.iter().filter(|v| v["status"] == status).count();
        assert_eq!(summary[field], n, "{field}");
    }
    for metric in &metrics {
        assert!(runs.iter().any(|r| r["id"] == metric["run"]), "{metric}");
        assert!(
            metric["value"].is_number() && metric["n"].as_u64() > Some(0),
            "{metric}"
        );
    }
    for run in &runs {
        assert_eq!(run["machine"], "stm32f4discovery");
        assert_eq!(run["sha256"].as_str().map(str::len), Some(64));
        assert_eq!(run["state_hash"].as_str().map(str::len), Some(64));
        assert!(metrics.iter().any(|m| m["run"] == run["id"]));
    }
    for v in verdicts.iter().filter(|v| v["status"] == "fail") {
        assert_eq!(v["place"]["function"], "systick_handler", "{v}");
        assert!(v["asked_at"].as_u64().is_some(), "{v}");
    }
}

/// Every table has as many cells in each row as it has columns, and nothing is HTML that should not be.
fn check_markdown(text: &str) {
    let mut columns = 0;
    let mut tables = 0;
    for line in text.lines() {
        if !line.starts_with('|') {
            columns = 0;
            continue;
        }
        let cells = line.replace("\\|", "").matches('|').count();
        if columns == 0 {
            (columns, tables) = (cells, tables + 1);
        }
        assert_eq!(cells, columns, "{line}");
    }
    assert_eq!(tables, 3, "{text}");
    let rest = text
        .replace("<details><summary>Figures</summary>", "")
        .replace("</details>", "");
    assert!(!rest.contains('<') && !rest.contains("NaN"), "{rest}");
    assert!(text.starts_with("## ❌ busy &amp; &lt;loud"), "{text}");
}

/// What Jenkins and GitLab need of a JUnit file, checked by a parser that is not ours.
const JUNIT_RULES: &str = r#"
import sys, xml.etree.ElementTree as E
root = E.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
total = dict(tests=0, failures=0, errors=0)
names = set()
for suite in root:
    assert suite.tag == "testsuite" and suite.get("name"), suite.attrib
    assert suite.get("name") not in names
    names.add(suite.get("name"))
    assert float(suite.get("time")) >= 0
    tags = [child.tag for child in suite]
    assert set(tags) <= {"properties", "testcase"}, tags
    # junit.xsd: properties come first, and once.
    assert tags.count("properties") <= 1 and ("properties" not in tags or tags[0] == "properties")
    for p in suite.iter("property"):
        assert p.get("name") and p.get("value") is not None
        assert "NaN" not in p.get("value") and "inf" not in p.get("value"), p.attrib
    cases = suite.findall("testcase")
    seen = set()
    count = dict(tests=len(cases), failures=0, errors=0)
    for case in cases:
        key = (case.get("classname"), case.get("name"))
        assert all(key) and key not in seen, key
        seen.add(key)
        assert len(case) <= 1
        for child in case:
            assert child.tag in ("failure", "error"), child.tag
            assert child.get("message") and child.get("type"), child.attrib
            count[child.tag + "s"] += 1
    for field, n in count.items():
        assert int(suite.get(field)) == n, (suite.attrib, field, n)
        total[field] += n
for field, n in total.items():
    assert int(root.get(field)) == n, (root.attrib, field, n)
print(total["tests"], total["failures"], total["errors"], len(names))
"#;

/// The four numbers that the rules count: cases, failures, errors, suites. None without Python, which is said.
fn junit(folder: &Folder) -> Option<String> {
    let path = folder.path("j.xml");
    let out = Command::new("python3")
        .args(["-c", JUNIT_RULES])
        .arg(path)
        .output();
    let Ok(out) = out else {
        assert!(
            std::env::var_os("TICKSCOPE_REQUIRE_TOOLS").is_none(),
            "python3 is not installed"
        );
        eprintln!("skipped: python3 is not installed");
        return None;
    };
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    Some(
        String::from_utf8(out.stdout)
            .expect("text")
            .trim()
            .to_owned(),
    )
}

fn check_junit(folder: &Folder) {
    let Some(counted) = junit(folder) else { return };
    let all = lines(&folder.read("r.ndjson"));
    let s = all.last().expect("a summary");
    let n = |f: &str| s[f].as_u64().expect("a number");
    let wanted = format!(
        "{} {} {} 8",
        n("passed") + n("failed") + n("errors"),
        n("failed"),
        n("errors")
    );
    assert_eq!(counted, wanted);
}

#[test]
fn what_is_said_of_the_whole_bench_is_in_every_output() {
    let folder = Folder::new();
    folder.write("bench.toml", &idle());
    folder.run(&["bench", "bench.toml", "--bless"]).ended(0);
    let more = "\n[run.\"gone\".signal.\"tick\"]\n\"count\" = \"1\"\n";
    folder.write("baseline.toml", &(folder.read("baseline.toml") + more));
    let arguments = [
        "bench",
        "bench.toml",
        "--junit",
        "j.xml",
        "--ndjson",
        "r.ndjson",
        "--markdown",
        "m.md",
    ];
    let ran = folder
        .run(&[&arguments[..], &["--html", "p.html", "--annotate"]].concat())
        .ended(3);
    let says = "the run `gone` of the baseline is not in the bench any more";
    for text in ["r.ndjson", "j.xml", "m.md", "p.html"].map(|n| folder.read(n)) {
        assert!(text.contains("gone"), "{text}");
    }
    let line = format!("::error file=bench.toml,line=3,title=run::{says}");
    assert!(ran.out.contains(&line), "{}", ran.out);
    if let Some(counted) = junit(&folder) {
        assert_eq!(counted, "6 1 0 2");
    }
    let all = lines(&folder.read("r.ndjson"));
    let verdict = all.iter().find(|l| l["status"] == "fail").expect("it");
    assert!(
        verdict["run"].is_null() && verdict["kind"] == "baseline",
        "{verdict}"
    );
}

#[test]
fn files_are_found_beside_the_bench_file() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("sub")).expect("made");
    std::fs::copy(fixture("idle.stm32f407"), folder.path("sub/fw.elf")).expect("copied");
    folder.write("sub/mine.toml", "schema = 1\nname = \"mine\"\nsummary = \"ours\"\nchip = \"stm32f407vg\"\n[[clock]]\nname = \"HSE\"\nhz = \"8 MHz\"\nsource = \"ours\"\n");
    let text = idle().replace(&fixture("idle.stm32f407"), "fw.elf");
    let text = text.replace("[matrix]", "[matrix]\nmachine = [\"mine.toml\"]");
    folder.write("sub/bench.toml", &text);
    folder
        .run(&["bench", "sub/bench.toml", "--bless", "--ndjson", "r.ndjson"])
        .ended(0);
    folder.run(&["bench", "sub/bench.toml"]).ended(0);
    assert_eq!(folder.names(), ["r.ndjson", "sub"]);
    assert!(folder.path("sub/baseline.toml").is_file());
    let all = lines(&folder.read("r.ndjson"));
    assert_eq!(
        (&all[1]["machine"], &all[1]["firmware"]),
        (&"mine".into(), &"fw".into())
    );
}
