//! `tickscope jitter` from outside: tables, files, side by side, and what it says of too little.

mod tool;

use serde_json::Value;
use tool::{Folder, Ran, fixture};

fn jitter(folder: &Folder, firmware: &[&str], more: &[&str]) -> Ran {
    let files: Vec<String> = firmware.iter().map(|f| fixture(f)).collect();
    let mut arguments = vec!["jitter"];
    arguments.extend(files.iter().map(String::as_str));
    arguments.extend(["-q"]);
    arguments.extend(more);
    folder.run(&arguments)
}

/// The words of the line that starts with this.
#[track_caller]
fn row<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let words = text
        .lines()
        .map(|l| l.split_whitespace().collect::<Vec<_>>());
    let mut found = words.filter(|w| w.first() == Some(&start));
    found.next().unwrap_or_else(|| panic!("{start} in {text}"))
}

#[test]
fn a_table_is_what_it_was() {
    let folder = Folder::new();
    let signals = [
        "--signal",
        "irq:SysTick.enter",
        "--signal",
        "wait=irq:SysTick.assert..irq:SysTick.enter",
    ];
    let more = ["--for", "100ms", "--period", "1ms", "--warmup", "10ms"];
    let ran = jitter(
        &folder,
        &["blinky.stm32f407"],
        &[&signals[..], &more].concat(),
    )
    .ended(0);
    assert!(ran.err.is_empty(), "{}", ran.err);
    let wanted = "\
irq:SysTick.enter
  T = 168000 cycles (nominal)
  N = 89: too few for p90 and beyond
  RJ: n/a (deterministic)
  count                       90
  period.min            168000cy
  period.mean           168000cy
  period.max            168000cy
  period.pp                  0cy
  period.rms                 0cy
  period.p50            168000cy
  c2c.max                    0cy
  c2c.rms                    0cy
  tie.pp                     0cy
  tie.rms                    0cy
  mtie(16)                   0cy
  adev(1)                      0
  adev(16)                     0
  drift                     0ppm
  skipped                      0
  doubled                      0
  period in cycles
  168000  89  ████████████████████████████████████████████████████████████

wait  irq:SysTick.assert..irq:SysTick.enter
  N = 90: too few for p90 and beyond
  count                        90
  duration.min               12cy
  duration.mean              12cy
  duration.p50               12cy
  duration.max               12cy
  duration.pp                 0cy
  gap.min                167988cy
  share                7.14286e-5
  mmu(1ms)               0.999929
  mmu(10ms)              0.999929
  duration in cycles
";
    assert!(ran.out.starts_with(wanted), "{}", ran.out);
    assert!(
        ran.out.ends_with(
            "  12  90  ████████████████████████████████████████████████████████████\n\n"
        )
    );
}

/// What a terminal of 80 columns shows, from `script`, which is in util-linux.
fn in_terminal(folder: &Folder, columns: usize, no_colour: bool) -> Option<String> {
    let firmware = fixture("kernel-8.stm32f407");
    let tool = env!("CARGO_BIN_EXE_tickscope");
    let signals = "--signal write:k_current --signal fn:k_wait --signal sleep..wake";
    let line = format!(
        "stty cols {columns} rows 40; {tool} jitter {firmware} {firmware} {firmware} -q {signals} 2>/dev/null"
    );
    let mut command = std::process::Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .current_dir(folder.path(""));
    command
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("TICKSCOPE_MACHINE");
    if no_colour {
        command.env("NO_COLOR", "1");
    }
    match command.stdin(std::process::Stdio::null()).output() {
        Ok(out) => {
            let text = String::from_utf8(out.stdout).expect("UTF-8");
            assert!(out.status.success(), "{text}");
            Some(text)
        }
        Err(_) => {
            assert!(
                std::env::var_os("TICKSCOPE_REQUIRE_TOOLS").is_none(),
                "script is not installed"
            );
            eprintln!("skipped: script is not installed");
            None
        }
    }
}

#[test]
fn tables_fit_the_terminal_and_are_plain_when_asked() {
    let folder = Folder::new();
    for columns in [80, 60] {
        let Some(text) = in_terminal(&folder, columns, true) else {
            return;
        };
        assert!(!text.contains('\x1b'), "{text}");
        assert!(row(&text, "count").len() >= 3, "{text}");
        for line in text.lines() {
            assert!(line.trim_end().chars().count() <= columns, "{line}");
        }
    }
    let coloured = in_terminal(&folder, 80, false).expect("it was there");
    assert!(
        coloured.contains("\x1b[1mwrite:k_current\x1b[0m"),
        "{coloured}"
    );
    // Where it goes to a file it is plain, and as wide.
    let ran = jitter(&folder, &["kernel-8.stm32f407"], &["--signal", "fn:k_wait"]).ended(0);
    assert!(!ran.out.contains('\x1b'));
    assert!(
        ran.out.lines().all(|l| l.chars().count() <= 80),
        "{}",
        ran.out
    );
    // Waits that never ended are told.
    assert!(
        ran.out.contains("had no end when the run ended"),
        "{}",
        ran.out
    );
}

#[test]
fn runs_stand_side_by_side() {
    let folder = Folder::new();
    let names = [
        "kernel-2.stm32f407",
        "kernel-8.stm32f407",
        "kernel-8.stm32f407",
    ];
    let more = ["--signal", "write:k_current", "--ndjson", "n.ndjson"];
    let ran = jitter(&folder, &names, &more).ended(0);
    let text = &ran.out;
    // Two of one name are told apart.
    let head = text
        .lines()
        .find(|l| l.trim_start().starts_with("kernel-2.stm32f407  "));
    let head: Vec<&str> = head.expect("a head").split_whitespace().collect();
    assert_eq!(
        head,
        [
            "kernel-2.stm32f407",
            "2:kernel-8.stm32f407",
            "3:kernel-8.stm32f407"
        ]
    );
    assert_eq!(row(text, "count"), ["count", "58", "347", "347"]);
    assert_eq!(text.matches("RJ: n/a").count(), 1, "{text}");
    let all: Vec<Value> = folder
        .read("n.ndjson")
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    let counts: Vec<&Value> = all
        .iter()
        .filter(|v| v["metric"] == "count")
        .map(|v| &v["value"])
        .collect();
    assert_eq!(counts, [58, 347, 347]);
    // What only a later run has stands in its place: p90 of 346 periods, and not of 57.
    let more = ["--signal", "irq:PendSV", "--warmup", "0ms"];
    let text = jitter(&folder, &names[..2], &more).ended(0).out;
    let place = |name: &str| {
        text.find(&format!("  {name} "))
            .unwrap_or_else(|| panic!("{name}: {text}"))
    };
    assert_eq!(row(&text, "duration.p90")[1], "-", "{text}");
    assert!(
        place("duration.p50") < place("duration.p90")
            && place("duration.p90") < place("duration.max")
    );
}

#[test]
fn few_edges_are_told_and_no_figure_is_made_up() {
    for (n, time) in [(0, "3ms"), (1, "100ms"), (2, "1100ms"), (3, "2100ms")] {
        let folder = Folder::new();
        let signals = [
            "--signal",
            "PD12",
            "--signal",
            "on=PD12.rise..PD12.fall",
            "--for",
            time,
        ];
        let files = [
            "--ndjson",
            "n",
            "--histogram",
            "h",
            "--svg",
            "p.svg",
            "--report",
            "r.html",
        ];
        let ran = jitter(
            &folder,
            &["blinky.stm32f407"],
            &[&signals[..], &files].concat(),
        );
        // The firmware is in its start-up for longer than 3 ms.
        assert_eq!(
            ran.code,
            Some(if n < 2 { 2 } else { 0 }),
            "{n}: {}",
            ran.all()
        );
        assert_eq!(
            row(&ran.out, "count"),
            ["count", &n.to_string()],
            "{}",
            ran.out
        );
        let said = match n {
            0 | 1 => format!("N = {n}: a period needs 2 edges"),
            2 => "N = 1: too few for p50 and beyond".to_owned(),
            _ => "N = 2: too few for p50 and beyond".to_owned(),
        };
        assert!(ran.out.contains(&said), "{said}: {}", ran.out);
        assert_eq!(ran.out.contains("c2c.max"), n == 3, "{}", ran.out);
        assert_eq!(ran.out.contains("period.min"), n >= 2, "{}", ran.out);
        for text in [
            &ran.out,
            &folder.read("n"),
            &folder.read("h"),
            &folder.read("p.svg"),
        ] {
            let low = text.to_lowercase();
            assert!(
                !low.contains("nan") && !low.contains("inf") && !low.contains(".p50 "),
                "{text}"
            );
        }
        assert!(
            !folder.read("n").contains("\"metric\":\"period.p5"),
            "{}",
            folder.read("n")
        );
    }
}

#[test]
fn what_never_happens_is_2_with_help() {
    let folder = Folder::new();
    let ran = jitter(
        &folder,
        &["blinky.stm32f407"],
        &["--signal", "irq:EXTI0", "--for", "5ms"],
    )
    .ended(2);
    assert!(
        ran.err
            .contains("`irq:EXTI0` never happened in blinky.stm32f407"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("--for, --until"), "{}", ran.err);
    assert_eq!(
        row(&ran.out, "N"),
        ["N", "=", "0:", "there", "is", "no", "interval"]
    );
    // A second of warm-up of a run of 5 ms.
    let more = ["--signal", "irq:SysTick", "--for", "5ms", "--warmup", "1s"];
    jitter(&folder, &["blinky.stm32f407"], &more).ended(2);
    let more = [
        "--signal",
        "PD12",
        "--for",
        "5ms",
        "--metric",
        "period.p99.9",
    ];
    let ran = jitter(&folder, &["blinky.stm32f407"], &more).ended(2);
    assert!(ran.err.contains("period.p99.9"), "{}", ran.err);
}

#[test]
fn periods_and_references() {
    let folder = Folder::new();
    let with = |more: &[&str]| {
        let all = [&["--signal", "irq:SysTick.enter"], more].concat();
        jitter(&folder, &["kernel-8.stm32f407"], &all)
    };
    let mean = with(&[]).ended(0).out;
    assert!(mean.contains("T = 168000.011236 cycles (mean)"), "{mean}");
    assert!(!mean.contains("drift"), "{mean}");
    let nominal = with(&["--period", "1ms"]).ended(0).out;
    assert!(nominal.contains("T = 168000 cycles (nominal)"), "{nominal}");
    assert_eq!(row(&nominal, "drift"), ["drift", "0.066881ppm"]);
    let same = with(&["--period", "168000cy", "--reference", "nominal"])
        .ended(0)
        .out;
    assert_eq!(nominal, same);
    let fit = with(&["--period", "1ms", "--reference", "fit"])
        .ended(0)
        .out;
    assert!(fit.contains("T = 168000.064765 cycles (best fit)"), "{fit}");
    // The best fit leaves the least.
    let rms = |t: &str| {
        row(t, "tie.rms")[1]
            .trim_end_matches("cy")
            .parse::<f64>()
            .expect("a number")
    };
    assert!(rms(&fit) <= rms(&mean) && rms(&fit) <= rms(&nominal));
    // Half a tick: every second period is missing.
    let half = with(&["--period", "500us"]).ended(0).out;
    assert_eq!(row(&half, "skipped"), ["skipped", "89"]);
    let ran = with(&["--reference", "nominal"]).ended(2);
    assert!(ran.err.contains("--period 1ms"), "{}", ran.err);
    with(&["--period", "0ms"]).ended(2);
    // What was before the warm-up does not count, by time and by cycle.
    let late = with(&["--warmup", "50ms"]).ended(0).out;
    let count: u64 = row(&late, "count")[1].parse().expect("a number");
    assert!((40..60).contains(&count), "{late}");
    let by_time = with(&["--warmup", "0ms"]).ended(0).out;
    assert_eq!(by_time, with(&["--warmup", "0cy"]).ended(0).out);
    // Every metric that somebody asks for.
    let more = [
        "--metric",
        "mtie(64)",
        "--metric",
        "adev(4)",
        "--metric",
        "nperiod(2).pp",
    ];
    let text = with(&more).ended(0).out;
    for name in ["mtie(64)", "adev(4)", "nperiod(2).pp"] {
        assert_eq!(row(&text, name).len(), 2);
    }
    let ran = with(&["--metric", "duration.max"]).ended(2);
    assert!(ran.err.contains("a metric of intervals"), "{}", ran.err);
}

/// As `cyclictest --histogram` writes it: bins, then the lines with what was counted.
#[test]
fn histograms_in_the_format_of_cyclictest() {
    let folder = Folder::new();
    let more = [
        "--signal",
        "irq:SysTick.enter",
        "--signal",
        "w=irq:SysTick",
        "--histogram",
        "h.txt",
    ];
    let text = jitter(&folder, &["kernel-8.stm32f407"], &more).ended(0).out;
    let file = folder.read("h.txt");
    let parts: Vec<&str> = file.split("# irq:SysTick.enter of ").collect();
    let (first, second) = parts[1]
        .split_once("# w of kernel-8.stm32f407\n")
        .expect("two");
    for (part, count) in [(first, 89), (second, 90)] {
        let bins = part
            .lines()
            .filter(|l| l.starts_with(|c: char| c.is_ascii_digit()));
        let bins: Vec<(i64, u64)> = bins
            .map(|l| {
                let (value, n) = l.split_once(' ').expect("two numbers");
                (value.parse().expect("cycles"), n.parse().expect("a count"))
            })
            .collect();
        assert!(bins.is_sorted() && bins.len() > 3, "{part}");
        assert_eq!(bins.iter().map(|b| b.1).sum::<u64>(), count);
        let told = |name: &str| {
            let line = part.lines().find_map(|l| l.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name}: {part}"))
                .trim()
                .parse::<i64>()
                .expect("a number")
        };
        assert_eq!(told("# Total:"), count as i64);
        assert_eq!(told("# Min Latencies:"), bins[0].0);
        assert_eq!(told("# Max Latencies:"), bins[bins.len() - 1].0);
        assert_eq!(told("# Histogram Overflows:"), 0);
    }
    assert!(
        first.starts_with("kernel-8.stm32f407\n# Histogram\n167991 000003\n"),
        "{first}"
    );
    assert_eq!(row(&text, "167991")[..2], ["167991", "3"]);
}

#[test]
fn plots_of_each_kind_are_svg_with_what_they_show() {
    let folder = Folder::new();
    let names = ["kernel-2.stm32f407", "kernel-8.stm32f407"];
    let plot = |signal: &str, kind: &str| {
        let file = format!("{kind}.svg");
        let more = ["--signal", signal, "--svg", &file, "--plot", kind];
        let ran = jitter(&folder, &names, &more);
        (ran, file)
    };
    for (signal, kind, axis) in [
        ("write:k_current", "histogram", "period (cycles)"),
        ("fn:k_wait", "histogram", "duration (cycles)"),
        ("write:k_current", "time", "TIE (cycles)"),
        ("fn:k_wait", "time", "duration (cycles)"),
        ("write:k_current", "tail", "share beyond"),
        ("fn:k_wait", "tail", "share beyond"),
        ("fn:k_wait", "mmu", "least mutator share"),
    ] {
        let (ran, file) = plot(signal, kind);
        ran.ended(0);
        let text = folder.read(&file);
        let title = format!("{signal} ({signal})");
        for part in ["<svg", "</svg>", axis, signal, names[0], names[1]] {
            assert!(text.contains(part), "{kind} of {title}: {part}");
        }
        let shapes = text.matches("<path").count()
            + text.matches("<polyline").count()
            + text.matches("<rect").count();
        assert!(shapes > 2, "{kind} of {signal}: {shapes} shapes");
        assert!(
            !text.contains("NaN") && !text.contains("inf"),
            "{kind} of {signal}"
        );
        assert!(!text.contains("href") && !text.contains("<script"));
    }
    let (ran, file) = plot("PD12", "mmu");
    let ran = ran.ended(2);
    assert!(
        ran.err.contains("`PD12` has no mutator utilisation"),
        "{}",
        ran.err
    );
    assert!(
        ran.out.is_empty() && ran.err.contains("fn:NAME"),
        "{}",
        ran.err
    );
    assert_eq!(file, "mmu.svg");
}

#[test]
fn numbers_for_programs_are_exact() {
    let folder = Folder::new();
    let more = ["--signal", "s=irq:SysTick.enter", "--ndjson", "-"];
    let ran = jitter(&folder, &["kernel-8.stm32f407"], &more).ended(0);
    // Nothing but the lines.
    let all: Vec<Value> = ran
        .out
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    let mean = all
        .iter()
        .find(|v| v["metric"] == "period.mean")
        .expect("it");
    assert_eq!(mean["exact"], "14952001/89");
    assert_eq!(mean["unit"], "cy");
    assert_eq!(mean["n"], 90);
    assert_eq!(mean["source"], "irq:SysTick.enter");
    let max = all
        .iter()
        .find(|v| v["metric"] == "period.max")
        .expect("it");
    assert!(max["value"].is_u64() && max["exact"].is_null(), "{max}");
    assert!(
        all.iter()
            .all(|v| v["type"] == "metric" && v["value"].is_number())
    );
}

#[test]
fn outputs_are_checked_first_and_captures_need_their_own_firmware() {
    let folder = Folder::new();
    let more = ["--signal", "PD12", "--report", "no/such/r.html"];
    let ran = jitter(&folder, &["idle.stm32f407"], &more).ended(2);
    assert!(
        ran.err.contains("does not exist") && ran.out.is_empty(),
        "{}",
        ran.err
    );
    let (elf, other) = (fixture("idle.stm32f407"), fixture("idle.cortex-m4f"));
    folder
        .run(&["run", &elf, "-q", "--for", "20ms", "--capture", "c.cap"])
        .ended(0);
    let with =
        |elf: &str| folder.run(&["jitter", "c.cap", "--signal", "irq:SysTick", "--elf", elf]);
    with(&elf).ended(0);
    let ran = with(&other).ended(2);
    assert!(
        ran.err.contains("is not the firmware of `c.cap`"),
        "{}",
        ran.err
    );
    // A capture that was cut is read as far as it goes.
    let bytes = std::fs::read(folder.path("c.cap")).expect("read");
    std::fs::write(folder.path("cut.cap"), &bytes[..bytes.len() * 2 / 3]).expect("written");
    let ran = folder.run(&["jitter", "cut.cap", "--signal", "irq:SysTick"]);
    assert!(
        ran.err.contains("cut.cap") && !ran.err.contains("panicked"),
        "{}",
        ran.all()
    );
}
