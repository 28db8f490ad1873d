//! `tickscope compare` from outside: real runs, captures and results of benches.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("root").to_owned()
}

fn fixture(name: &str) -> String {
    let elf = root().join("fixtures/elf").join(format!("{name}.elf"));
    elf.to_string_lossy().into_owned()
}

/// A folder, and the tool in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.file(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("read")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tickscope"))
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("TICKSCOPE_MACHINE")
            .env_remove("RUST_BACKTRACE")
            .env_remove("GITHUB_ACTIONS")
            .stdin(Stdio::null())
            .output()
            .expect("runs")
    }

    /// What it prints, when it ends with this code.
    fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let out = self.run(arguments);
        let said = String::from_utf8_lossy(&out.stderr);
        let text = String::from_utf8(out.stdout.clone()).expect("UTF-8");
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {text}{said}");
        text
    }

    /// It must fail for the user's reasons, and name these things.
    fn refused(&self, arguments: &[&str], names: &[&str]) {
        let out = self.run(arguments);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        for name in names {
            assert!(said.contains(name), "`{name}` is missing in: {said}");
        }
    }

    /// The lines of a comparison as JSON.
    fn lines(&self, code: i32, arguments: &[&str]) -> Vec<Value> {
        let mut all = arguments.to_vec();
        all.extend(["--ndjson", "-"]);
        let text = self.ends(code, &all);
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("JSON")
    }
}

fn of<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|l| l["type"] == kind).collect()
}

/// A figure by its table (its beginning) and name.
fn figure<'a>(lines: &'a [Value], table: &str, name: &str) -> &'a Value {
    let here = |l: &&Value| {
        let title = l["signal"].as_str().unwrap_or_default();
        l["type"] == "figure" && title.starts_with(table) && l["metric"] == name
    };
    let found = lines.iter().find(here);
    found.unwrap_or_else(|| panic!("no {table} {name}"))
}

#[test]
fn two_kernels_side_by_side() {
    let place = Place::new();
    let (a, b) = (
        fixture("kernel-8.stm32f407"),
        fixture("kernel-8-basepri.stm32f407"),
    );
    let lines = place.lines(
        0,
        &[
            "compare",
            &a,
            &b,
            "--for",
            "50ms",
            "--signal",
            "irq:PendSV",
            "--top",
            "0",
            "-q",
        ],
    );

    // Figures are those of `jitter`, and their difference is exact.
    let jitter = place.ends(
        0,
        &[
            "jitter",
            &a,
            &b,
            "--for",
            "50ms",
            "--signal",
            "irq:PendSV",
            "--ndjson",
            "-",
            "-q",
        ],
    );
    let jitter: Vec<Value> = jitter
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    let mut compared = 0;
    for pair in jitter.iter().filter(|l| l["run"] == "kernel-8.stm32f407") {
        let name = pair["metric"].as_str().expect("a name");
        let other = |l: &&Value| l["metric"] == pair["metric"] && l["run"] != pair["run"];
        let twin = jitter.iter().find(other).expect("the other run");
        let row = figure(&lines, "irq:PendSV", name);
        for (side, line) in [("from", pair), ("to", twin)] {
            let value = line.get("exact").unwrap_or(&line["value"]);
            assert_eq!(&row[side], value, "{name}");
        }
        if let (Some(from), Some(to)) = (row["from"].as_i64(), row["to"].as_i64()) {
            assert_eq!(row["difference"], to - from, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 5, "{compared}");
    assert_eq!(
        figure(&lines, "irq:PendSV", "duration.max")["verdict"],
        "worse"
    );
    assert_eq!(figure(&lines, "irq:PendSV", "mmu(1ms)")["verdict"], "worse");

    // Functions: the differences sum to that of the runs, and each is what `profile` counts.
    let functions: Vec<&Value> = of(&lines, "figure")
        .into_iter()
        .filter(|l| l["signal"] == "functions")
        .collect();
    let sum: i64 = functions
        .iter()
        .map(|l| l["difference"].as_i64().expect("whole"))
        .sum();
    assert_eq!(figure(&lines, "run", "cycles")["difference"], sum);
    let profile = |fw: &str, name: &str| {
        place.ends(
            0,
            &["profile", fw, "--for", "50ms", "--json", "r.json", "-q"],
        );
        let result: Value = serde_json::from_str(&place.read("r.json")).expect("JSON");
        let all = result["profile"]["functions"]
            .as_array()
            .expect("functions");
        let found = all.iter().find(|f| f["name"] == name).expect(name);
        found["cycles"].as_u64().expect("cycles")
    };
    let wait = figure(&lines, "functions", "k_wait");
    assert_eq!(wait["from"], profile(&a, "k_wait"));
    assert_eq!(wait["to"], profile(&b, "k_wait"));
    assert!(wait["difference"].as_i64().expect("whole") > 0);

    // The ledger sums to all cycles, twice.
    let ledger = of(&lines, "figure").into_iter();
    let ledger = ledger.filter(|l| l["signal"] == "cycles by what they were spent on");
    let total: u64 = ledger.map(|l| l["to"].as_u64().expect("whole")).sum();
    let cycles = figure(&lines, "run", "cycles")["to"].as_u64();
    assert_eq!(Some(total), cycles.map(|c| 2 * c));

    // The first difference is where the captures first differ.
    let parting = of(&lines, "first-difference")[0];
    let when = &parting["when"];
    let (at, same) = (
        &when["cycle"],
        when["same_events"].as_u64().expect("a number"),
    );
    assert!(same > 100, "{parting}");
    assert_eq!(when["next"][0]["cycle"], *at);
    assert!(when["next"][0]["function"].is_string() && when["next"][1]["line"].is_u64());
    assert!(parting["what"]["same_events"].as_u64() >= Some(same));
}

/// Events of a capture as `CYCLE NAME VALUE`, by another way than `compare` goes.
fn events(place: &Place, capture: &str) -> Vec<String> {
    let text = place.ends(0, &["export", capture, "-o", "events.csv"]);
    drop(text);
    let csv = place.read("events.csv");
    csv.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn captures_of_two_settings() {
    let place = Place::new();
    let fw = fixture("blinky.stm32f407");
    for (name, waits) in [("a.cap", "5"), ("b.cap", "6")] {
        let set = format!("flash.wait_states={waits}");
        place.ends(
            0,
            &[
                "run",
                &fw,
                "--set",
                &set,
                "--for",
                "20ms",
                "--capture",
                name,
                "-q",
            ],
        );
    }
    place.ends(
        0,
        &[
            "run",
            &fw,
            "--set",
            "flash.wait_states=5",
            "--for",
            "20ms",
            "--capture",
            "c.cap",
            "-q",
        ],
    );
    let lines = place.lines(0, &["compare", "a.cap", "b.cap", "c.cap"]);
    let partings = of(&lines, "first-difference");
    assert_eq!(partings.len(), 2);
    // The same settings give the same run.
    assert_eq!(partings[1]["run"], "c");
    assert!(partings[1]["when"].is_null() && partings[1]["what"].is_null());
    assert!(partings[1]["events"].as_u64() > Some(10));
    // Without the firmware there are addresses; with it, functions.
    let next = &partings[0]["when"]["next"][0];
    assert!(next["pc"].is_u64() && next["function"].is_null(), "{next}");
    let named = place.lines(0, &["compare", "a.cap", "b.cap", "--elf", &fw]);
    let parting = of(&named, "first-difference")[0];
    assert!(parting["when"]["next"][0]["function"].is_string());
    // Only edges are in a CSV: the first that differs cannot come before the first difference.
    let (a, b) = (events(&place, "a.cap"), events(&place, "b.cap"));
    let first = a.iter().zip(&b).find(|(x, y)| x != y);
    if let Some((x, y)) = first {
        let seconds = |l: &str| l.split(',').next().and_then(|s| s.parse::<f64>().ok());
        let edge = seconds(x).expect("a time").min(seconds(y).expect("a time"));
        let ps = |n: usize| {
            parting["when"]["next"][n]["ps"]
                .as_str()
                .and_then(|p| p.parse::<f64>().ok())
        };
        let at = ps(0).expect("ps").min(ps(1).expect("ps")) / 1e12;
        assert!(at <= edge * (1.0 + 1e-9), "{at} {edge}");
    }
    // A capture and a run of the same firmware with the same settings are the same.
    let text = place.ends(
        0,
        &[
            "compare",
            "a.cap",
            &fw,
            "--set",
            "flash.wait_states=5",
            "--for",
            "20ms",
            "-q",
        ],
    );
    assert!(text.contains("none: "), "{text}");
    // A capture that is cut off is told, and compared as far as it goes.
    let bytes = std::fs::read(place.file("a.cap")).expect("read");
    place.write("cut.cap", &bytes[..bytes.len() * 3 / 4]);
    let out = place.run(&["compare", "a.cap", "cut.cap"]);
    let said = String::from_utf8_lossy(&out.stderr);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(said.contains("`cut.cap` is damaged"), "{said}");
    assert!(text.contains("the damaged capture ends"), "{text}");
    let text = place.ends(3, &["compare", "a.cap", "cut.cap", "--fail"]);
    assert!(text.contains("cut is known up to cycle"), "{text}");
}

/// A bench over a kernel that a Poisson storm of interrupts disturbs, on a machine with these wait states.
fn bench(place: &Place, name: &str, waits: u32, seeds: std::ops::Range<u32>) -> String {
    let seeds: Vec<String> = seeds.map(|s| s.to_string()).collect();
    let text = format!(
        r#"
        schema = 1
        name = "kernel"
        [defaults]
        for = "20ms"
        warmup = "8ms"
        set = ["flash.wait_states={waits}"]
        [matrix]
        firmware = ['{}']
        stimuli = ["storm"]
        seed = [{}]
        [[stimuli.storm.interrupt]]
        irq = 3
        rate = "200kHz"
        poisson = true
        start = "8ms"
        [[signal]]
        name = "storm"
        source = "irq:RTC_WKUP"
        [[signal]]
        name = "tick"
        source = "irq:SysTick"
        "#,
        fixture("kernel-2.stm32f407"),
        seeds.join(", ")
    );
    let file = place.write(&format!("{name}.toml"), text);
    let result = format!("{name}.ndjson");
    place.ends(0, &["bench", &file, "--ndjson", &result, "-q"]);
    result
}

/// A metric by seed, as the bench has written it.
fn values(place: &Place, result: &str, signal: &str, metric: &str) -> Vec<f64> {
    let text = place.read(result);
    let lines = text
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
    lines
        .filter(|l| l["type"] == "metric" && l["signal"] == signal && l["metric"] == metric)
        .map(|l| l["value"].as_f64().expect("a number"))
        .collect()
}

#[test]
fn statistics_over_seeds() {
    let place = Place::new();
    let a = bench(&place, "a", 5, 1..15);
    let b = bench(&place, "b", 7, 1..15);
    let lines = place.lines(0, &["compare", &a, &b]);
    let row = figure(&lines, "storm", "duration.mean");
    let s = &row["statistics"];
    let (x, y) = (
        values(&place, &a, "storm", "duration.mean"),
        values(&place, &b, "storm", "duration.mean"),
    );
    assert_eq!((x.len(), y.len()), (14, 14));
    let distinct: std::collections::BTreeSet<String> = x.iter().map(f64::to_string).collect();
    assert!(
        distinct.len() > 5,
        "the seeds change the runs: {distinct:?}"
    );

    // Each figure again, straight from its definition.
    assert_eq!(s["runs"], serde_json::json!([14, 14]));
    let differences: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y - x).collect();
    let mut walsh: Vec<f64> = (0..14)
        .flat_map(|i| (i..14).map(move |j| (i, j)))
        .map(|(i, j)| (differences[i] + differences[j]) / 2.0)
        .collect();
    walsh.sort_by(f64::total_cmp);
    let near = |found: &Value, wanted: f64| {
        let found = found.as_f64().expect("a number");
        assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
    };
    near(&s["shift"], walsh[52]);
    let pairs = x.iter().flat_map(|x| y.iter().map(move |y| (x, y)));
    let sign = |(x, y): (&f64, &f64)| f64::from(y > x) - f64::from(y < x);
    near(&s["cliffs_delta"], pairs.map(sign).sum::<f64>() / 196.0);
    // Samples of the same size: both sorted, the mean distance of partners.
    let sorted = |v: &[f64]| {
        let mut v = v.to_vec();
        v.sort_by(f64::total_cmp);
        v
    };
    let moved = sorted(&x)
        .into_iter()
        .zip(sorted(&y))
        .map(|(x, y)| (x - y).abs());
    near(&s["wasserstein"], moved.sum::<f64>() / 14.0);
    near(&s["p"], wilcoxon(&differences));

    // Holm's correction over all tests of the comparison, by its definition.
    let tested: Vec<&Value> = of(&lines, "figure")
        .into_iter()
        .filter(|l| l.get("statistics").is_some())
        .collect();
    let p = |l: &Value, key: &str| l["statistics"][key].as_f64().expect("p");
    let mut raw: Vec<f64> = tested.iter().map(|l| p(l, "p")).collect();
    raw.sort_by(f64::total_cmp);
    for line in &tested {
        let mine = p(line, "p");
        let ranks = raw.iter().enumerate().filter(|(_, q)| **q <= mine);
        let wanted = ranks.map(|(k, q)| (q * (raw.len() - k) as f64).min(1.0));
        near(&line["statistics"]["p_holm"], wanted.fold(0.0, f64::max));
    }

    // Slower memory makes switches longer: significantly, so --fail fails; within a tolerance it does not.
    assert_eq!(row["verdict"], "worse", "{row}");
    let gate = ["compare", &a, &b, "--fail", "--signal", "storm"];
    let text = place.ends(3, &gate);
    assert!(
        text.contains("worse") && text.contains("14 pairs"),
        "{text}"
    );
    let mut wide = gate.to_vec();
    wide.extend(["--metric", "duration.mean", "--tolerance", "50%"]);
    let text = place.ends(0, &wide);
    assert!(text.contains("1 within the tolerance"), "{text}");
    // The other way round it is an improvement.
    let better = ["compare", &b, &a, "--fail", "--metric", "duration.mean"];
    let text = place.ends(0, &better);
    assert!(text.contains("2 better"), "{text}");
    // The tick does not depend on it.
    let tick = [
        "compare", &a, &b, "--fail", "--signal", "tick", "--metric", "count",
    ];
    place.ends(0, &tick);

    // With other seeds, the runs are independent.
    let c = bench(&place, "c", 7, 21..35);
    let text = place.ends(
        3,
        &["compare", &a, &c, "--fail", "--metric", "duration.mean"],
    );
    assert!(text.contains("Mann-Whitney"), "{text}");
    // With some more on one side, these are told, and fail.
    let more = bench(&place, "more", 5, 1..16);
    let text = place.ends(3, &["compare", &a, &more, "--fail"]);
    assert!(
        text.contains("stimuli=storm,seed=15") || text.contains("seed=15"),
        "{text}"
    );
    assert!(text.contains("missing in a, but in more"), "{text}");
    // A result is the same as itself.
    let text = place.ends(0, &["compare", &a, &a, "--fail"]);
    assert!(
        !text.contains("worse") && !text.contains("unsure"),
        "{text}"
    );

    // The same bytes each time.
    let all = |n: u32| {
        let (nd, md, html) = (format!("{n}.nd"), format!("{n}.md"), format!("{n}.html"));
        let text = place.ends(
            0,
            &[
                "compare",
                &a,
                &b,
                "-q",
                "--ndjson",
                &nd,
                "--markdown",
                &md,
                "--report",
                &html,
            ],
        );
        [text, place.read(&nd), place.read(&md), place.read(&html)]
    };
    assert_eq!(all(1), all(2));
}

/// Two-sided Wilcoxon p by going through all signs; ranks of ties are shared.
fn wilcoxon(differences: &[f64]) -> f64 {
    let d: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let rank = |v: f64| {
        let less = d.iter().filter(|x| x.abs() < v.abs()).count();
        let same = d.iter().filter(|x| x.abs() == v.abs()).count();
        2 * less + same + 1
    };
    let ranks: Vec<usize> = d.iter().map(|&v| rank(v)).collect();
    let total: usize = ranks.iter().sum();
    let sum = d
        .iter()
        .zip(&ranks)
        .filter(|(d, _)| **d > 0.0)
        .map(|(_, r)| r);
    let observed = (2 * sum.sum::<usize>()).abs_diff(total);
    let extreme = (0u32..1 << ranks.len()).filter(|signs| {
        let sum = ranks
            .iter()
            .enumerate()
            .filter(|(i, _)| signs >> i & 1 == 1);
        (2 * sum.map(|(_, r)| r).sum::<usize>()).abs_diff(total) >= observed
    });
    extreme.count() as f64 / f64::from(1u32 << ranks.len())
}

#[test]
fn one_run_is_no_statistics() {
    let place = Place::new();
    let a = bench(&place, "a", 5, 1..2);
    let b = bench(&place, "b", 7, 1..2);
    let lines = place.lines(3, &["compare", &a, &b, "--fail"]);
    assert!(
        of(&lines, "figure")
            .iter()
            .all(|l| l.get("statistics").is_none())
    );
    let row = figure(&lines, "storm", "duration.max");
    assert_eq!(row["verdict"], "worse");
    let text = place.ends(0, &["compare", &a, &b]);
    assert!(text.contains("one run is one sample"), "{text}");
    assert!(!text.contains("interval"), "{text}");
}

#[test]
fn results_of_runs() {
    let place = Place::new();
    let (a, b) = (
        fixture("kernel-8.stm32f407"),
        fixture("kernel-8-basepri.stm32f407"),
    );
    for (fw, name) in [(&a, "a.json"), (&b, "b.json")] {
        place.ends(0, &["profile", fw, "--for", "20ms", "--json", name, "-q"]);
    }
    place.ends(
        0,
        &["run", &a, "--for", "20ms", "--json", "plain.json", "-q"],
    );
    let lines = place.lines(0, &["compare", "a.json", "b.json", "--top", "0"]);
    // The same as when both run now.
    let now = place.lines(0, &["compare", &a, &b, "--for", "20ms", "--top", "0", "-q"]);
    let figures = |lines: &[Value]| -> Vec<Value> {
        let all = of(lines, "figure").into_iter();
        all.map(|l| {
            let mut l = l.clone();
            (l["run"], l["against"]) = (Value::Null, Value::Null);
            l
        })
        .collect()
    };
    assert_eq!(figures(&lines), figures(&now));
    // Numbers that no run can have are no defect of the tool.
    let mut wild: Value = serde_json::from_str(&place.read("a.json")).expect("JSON");
    for (part, key) in [
        ("kind", "issue"),
        ("kind", "sleep"),
        ("provenance", "exact"),
        ("provenance", "other"),
    ] {
        wild["ledger"][part][key] = u64::MAX.into();
    }
    let twin = wild["profile"]["functions"][0].clone();
    wild["profile"]["functions"][1] = twin;
    wild["profile"]["functions"][1]["cycles"] = u64::MAX.into();
    wild["cycles"] = u64::MAX.into();
    let wild = place.write("wild.json", wild.to_string());
    place.ends(0, &["compare", "a.json", &wild]);
    let text = place.ends(0, &["compare", "a.json", "plain.json"]);
    assert!(text.contains("plain has no profile"), "{text}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = Place::new();
    let fw = fixture("blinky.stm32f407");
    place.ends(
        0,
        &[
            "run",
            &fw,
            "--for",
            "5ms",
            "--capture",
            "a.cap",
            "--json",
            "a.json",
            "-q",
        ],
    );
    let bench = bench(&place, "a", 5, 1..3);
    let whole = place.read(&bench);
    let cut = place.write("cut.ndjson", &whole[..whole.len() / 2]);
    let lines: Vec<&str> = whole.lines().collect();
    let short = place.write("short.ndjson", lines[..lines.len() - 1].join("\n"));
    let json = place.read("a.json");
    let half = place.write("half.json", &json[..json.len() / 2]);
    let foreign = place.write("foreign.json", "{\n  \"name\": \"x\"\n}\n");
    let notes = place.write("notes.txt", "no firmware\n");
    place.refused(&["compare", &fw], &["nothing to be compared with"]);
    place.refused(&["compare", &fw, "none.elf"], &["none.elf", "help:"]);
    place.refused(
        &["compare", &bench, "a.cap"],
        &["cannot be compared", "a.cap", "a capture"],
    );
    place.refused(&["compare", "a.json", &bench], &["cannot be compared"]);
    place.refused(&["compare", "a.json", &fw], &["cannot be compared"]);
    place.refused(&["compare", &bench, &cut], &["cut.ndjson", "cut off"]);
    place.refused(
        &["compare", &bench, &short],
        &["its last line is no summary"],
    );
    place.refused(
        &["compare", "a.json", &half],
        &["half.json", "ends too early"],
    );
    place.refused(
        &["compare", "a.json", &foreign],
        &["foreign.json", "no result of a run"],
    );
    place.refused(
        &["compare", &notes, "a.cap", "--for", "1ms"],
        &["notes.txt"],
    );
    place.refused(
        &["compare", "a.cap", "a.cap", "--for", "1ms"],
        &["--for", "none is run"],
    );
    place.refused(
        &["compare", "a.json", "a.json", "--signal", "PA5"],
        &["--signal"],
    );
    place.refused(
        &["compare", &bench, &bench, "--signal", "tik"],
        &["`tik`", "tick"],
    );
    place.refused(&["compare", &bench, &bench, "--svg", "x.svg"], &["--svg"]);
    place.refused(
        &[
            "compare",
            "a.cap",
            "a.cap",
            "--elf",
            &fixture("kernel-8.stm32f407"),
        ],
        &["none of the captures"],
    );
    place.refused(
        &["compare", "a.cap", "a.cap", "--signal", "PQ99"],
        &["PQ99"],
    );
    place.refused(
        &["compare", "a.cap", "a.cap", "--tolerance", "much"],
        &["much", "1%"],
    );
    place.refused(
        &["compare", "a.cap", "a.cap", "--alpha", "2"],
        &["between 0 and 1"],
    );
    place.refused(&["compare", &fw, &fw, "--capture", "x.cap"], &["--capture"]);
    place.refused(
        &[
            "compare",
            "a.cap",
            "a.cap",
            "--ndjson",
            "-",
            "--markdown",
            "-",
        ],
        &["standard output"],
    );
}

#[test]
fn a_firmware_that_fails_is_worse() {
    let place = Place::new();
    let (good, bad) = (fixture("idle.stm32f407"), fixture("lockup.stm32f407"));
    let text = place.ends(3, &["compare", &good, &bad, "--for", "5ms", "--fail", "-q"]);
    assert!(text.contains("lockup ends otherwise than idle"), "{text}");
    place.ends(
        0,
        &["compare", &good, &good, "--for", "5ms", "--fail", "-q"],
    );
}

#[test]
fn pictures_and_pages() {
    let place = Place::new();
    let (a, b) = (
        fixture("kernel-8.stm32f407"),
        fixture("kernel-8-basepri.stm32f407"),
    );
    place.ends(
        0,
        &[
            "compare",
            &a,
            &b,
            "--for",
            "50ms",
            "--signal",
            "irq:PendSV",
            "--report",
            "r.html",
            "--svg",
            "p.svg",
            "--markdown",
            "s.md",
            "-q",
        ],
    );
    let page = place.read("r.html");
    for text in [
        "Comparison of kernel-8, kernel-8-basepri",
        "First difference of",
        "functions",
        "duration.max",
        "k_wait",
    ] {
        assert!(page.contains(text), "{text}");
    }
    // Verdicts are given when something shall fail.
    assert!(!page.contains("id=\"verdicts\""));
    place.ends(
        3,
        &[
            "compare",
            &a,
            &b,
            "--for",
            "50ms",
            "--signal",
            "irq:PendSV",
            "--report",
            "f.html",
            "--fail",
            "-q",
        ],
    );
    let judged = place.read("f.html");
    assert!(
        judged.contains("id=\"verdicts\"")
            && judged.contains("no worse than ")
            && judged.contains("cy of kernel-8")
    );
    assert!(place.read("p.svg").contains("kernel-8-basepri"));
    let summary = place.read("s.md");
    assert!(
        summary.starts_with("## kernel-8 against kernel-8-basepri"),
        "{summary}"
    );
    // Setting BASEPRI takes longer than CPSID, each time.
    let row = summary.lines().find(|l| l.starts_with("| duration.max | "));
    assert!(row.is_some_and(|r| r.contains("| +15cy")), "{summary}");
}
