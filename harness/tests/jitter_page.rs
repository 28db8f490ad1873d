//! The page of a real run of a real firmware, opened in headless Chromium and clicked through. Without Chromium this says so
//! and passes, unless TICKSCOPE_REQUIRE_TOOLS is set.

mod tool;
#[allow(dead_code)]
mod webdriver;

use serde_json::{Value, json};
use std::path::PathBuf;
use tool::{Folder, fixture};
use webdriver::Browser;

/// Two kernels side by side: which task runs, and how long a tick waits.
fn report() -> Folder {
    let folder = Folder::new();
    let (two, eight) = (fixture("kernel-2.stm32f407"), fixture("kernel-8.stm32f407"));
    let ran = folder.run(&[
        "jitter",
        &eight,
        &two,
        "-q",
        "--report",
        "report.html",
        "--ndjson",
        "-",
        "--signal",
        "switch=write:k_current",
        "--signal",
        "wait=irq:SysTick.assert..irq:SysTick.enter",
        "--signal",
        "PE1.both",
    ]);
    folder.write("r.ndjson", &ran.ended(0).out);
    folder
}

fn text(browser: &Browser, script: &str) -> String {
    let v = browser.eval(script);
    v.as_str()
        .unwrap_or_else(|| panic!("{script}: {v}"))
        .replace('\u{202F}', "")
}

fn quiet(browser: &Browser) {
    let said = browser.log("browser");
    assert!(said.is_empty(), "{said:#?}");
    let mut pages = 0;
    for entry in browser.log("performance") {
        let event: Value =
            serde_json::from_str(entry["message"].as_str().expect("text")).expect("JSON");
        let message = &event["message"];
        let document = message["params"]["documentURL"]
            .as_str()
            .unwrap_or_default();
        if message["method"] == "Network.requestWillBeSent" && !document.starts_with("chrome:") {
            let url = message["params"]["request"]["url"].as_str().expect("URL");
            assert!(
                url.starts_with("file://") && url.ends_with("/report.html"),
                "asked for {url}"
            );
            pages += 1;
        }
    }
    assert!(pages > 0, "the log tells of requests");
}

fn picture(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("TICKSCOPE_SCREENSHOTS") {
        let file = PathBuf::from(folder).join(format!("{name}.png.base64"));
        std::fs::write(file, browser.screenshot()).expect("written");
    }
}

#[test]
fn the_page_of_a_real_run_tells_what_the_run_did() {
    let folder = report();
    let Some(browser) = Browser::start(1280, 1000) else {
        return;
    };
    browser.open(&folder.path("report.html"));
    browser.wait("return document.documentElement.dataset.ready");
    assert_eq!(
        browser.eval("return document.title"),
        "Jitter of kernel-8.stm32f407, kernel-2.stm32f407"
    );
    picture(&browser, "real");

    // The figures are those that programs get.
    let whole = text(&browser, "return document.body.innerText");
    let lines = folder.read("r.ndjson");
    let lines: Vec<Value> = lines
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    let value = |run: &str, signal: &str, metric: &str| {
        let of = |l: &&Value| l["run"] == run && l["signal"] == signal && l["metric"] == metric;
        lines.iter().find(of).expect(metric)["value"].to_string()
    };
    let cells = text(
        &browser,
        "return [...document.querySelectorAll('#signal-0 tr')].map((r) => [...r.cells].map((c) => c.innerText.trim()).join('|')).join('\\n')",
    );
    for metric in ["count", "period.min", "period.max", "period.pp"] {
        let row = format!(
            "{metric}|{}|{}|",
            value("kernel-8.stm32f407", "switch", metric),
            value("kernel-2.stm32f407", "switch", metric)
        );
        assert!(cells.contains(&row), "{row} in {cells}");
    }
    for part in ["stm32f4discovery", "168 MHz", "k_switch", "kernel.c:"] {
        assert!(whole.contains(part), "{part} in {whole}");
    }
    assert!(
        !whole.contains("NaN") && !whole.contains("undefined"),
        "{whole}"
    );

    // Lanes of pins, exceptions, sleep, and of the tasks by their names.
    let data = "const d = JSON.parse(document.getElementById('data').textContent); return d.runs.map((r) => r.lanes.map((l) => [l.group, l.name, Object.values(l.names)]))";
    let lanes = browser.eval(data);
    for run in [0, 1] {
        let all = lanes[run].as_array().expect("lanes");
        let has = |group: &str, name: &str| all.iter().any(|l| l[0] == group && l[1] == name);
        for (group, name) in [
            ("exceptions", "SysTick"),
            ("exceptions", "PendSV"),
            ("pins", "PE1"),
            ("sleep", "sleep"),
            ("tasks", "var.k_current"),
        ] {
            assert!(has(group, name), "{group} {name}: {all:#?}");
        }
        let tasks = all.iter().find(|l| l[0] == "tasks").expect("tasks");
        let names = tasks[2].as_array().expect("names");
        for task in ["reporter", "idle_task", "tasks"] {
            assert!(names.contains(&json!(task)), "{task}: {names:?}");
        }
    }
    // Each row that the pointer meets on the way down tells of itself.
    let place = browser.eval(
        "const c = document.querySelector('#timeline canvas'); c.scrollIntoView({block: 'start'}); const r = c.getBoundingClientRect(); return [r.left, r.top, r.width, Math.min(r.height, innerHeight - r.top)].map(Math.round)",
    );
    let [left, top, width, height] = [0, 1, 2, 3].map(|i| place[i].as_i64().expect("a place"));
    let mut tips = String::new();
    for y in (60..height - 5).step_by(11) {
        browser.mouse(&[(left + width / 2, top + y)], false);
        let script = "const t = document.querySelector('#timeline .tip'); return t.hidden ? '' : t.innerText";
        tips += &text(&browser, script);
        tips.push('\n');
    }
    for row in ["PE1", "PendSV", "SysTick", "idle_task", "reporter"] {
        assert!(tips.contains(row), "{row}: {tips}");
    }
    picture(&browser, "real-hover");

    // The worst edge of the first run opens the timeline around itself.
    let shown = "const d = document.querySelector('#timeline canvas').dataset; return [Number(d.from), Number(d.to), Number(d.focus), d.run]";
    let worst: i64 = text(
        &browser,
        "return document.querySelector('#signal-0 button.jump').innerText",
    )
    .parse()
    .expect("a cycle");
    browser.click("#signal-0 button.jump");
    let at = browser.eval(shown);
    assert_eq!(at[2], worst);
    let edge = |i: usize| at[i].as_f64().expect("a cycle");
    assert!(edge(0) < worst as f64 && (worst as f64) < edge(1), "{at}");
    picture(&browser, "real-worst");

    // The intervals have plots of their own: durations and the mutator's share.
    browser.click("#tab-1");
    let plots = browser.eval("return [...document.querySelectorAll('#signal-1 figure')].map((f) => [f.dataset.plot, f.querySelector('canvas').dataset.drawMs !== undefined])");
    let plots = plots.to_string();
    assert!(
        plots.contains("[\"histogram\",true]") && plots.contains("[\"values\",true]"),
        "{plots}"
    );
    picture(&browser, "real-intervals");
    browser.click("#tab-2");
    let third = text(
        &browser,
        "return document.getElementById('signal-2').innerText",
    );
    assert!(
        third.contains("PE1.both") && third.contains("N = "),
        "{third}"
    );
    quiet(&browser);
}
