use super::*;
use std::collections::BTreeMap;

fn page(report: &Report) -> String {
    let mut out = Vec::new();
    write(&mut out, report).expect("written");
    String::from_utf8(out).expect("text")
}

/// Every text of it is this one.
fn report(name: &str) -> Report {
    let text = || name.to_owned();
    let signal = Signal {
        name: text(),
        source: text(),
        quantity: text(),
        unit: text(),
        n: 1,
        reference: text(),
        events: Events::Edges(vec![100]),
        value_name: text(),
        values: vec![0.25],
        histogram: vec![(-3, 1)],
        percentiles: vec![Percentile {
            name: text(),
            value: -3,
            supported: false,
        }],
        metrics: vec![Metric {
            name: text(),
            value: text(),
            unit: text(),
        }],
        spectrum: vec![(0.0, 1.0)],
        comb: Some(text()),
        worst: vec![Worst {
            index: 0,
            cycle: 100,
            seconds: 1e-6,
            deviation: f64::NAN,
            pc: Some(0x0800_0100),
            function: text(),
            line: text(),
        }],
        mmu: vec![(10, 0.5)],
    };
    let lane = Lane {
        name: text(),
        group: Group::Tasks,
        changes: vec![(0, 1)],
        names: BTreeMap::from([(1, text())]),
    };
    let run = Run {
        label: text(),
        firmware: text(),
        machine: text(),
        seed: Some(7),
        core_hz: 16e6,
        cycles: 1000,
        clock: Vec::new(),
        signals: vec![signal],
        lanes: vec![lane],
    };
    Report {
        title: text(),
        tool: text(),
        command: text(),
        notes: vec![text()],
        runs: vec![run.clone(), run],
        verdicts: vec![Verdict {
            name: text(),
            wanted: text(),
            got: text(),
            passed: false,
            place: text(),
        }],
        tables: vec![Table {
            title: text(),
            columns: vec![text()],
            rows: vec![vec![text()]],
        }],
    }
}

#[test]
fn no_text_becomes_markup() {
    let evil = "</script><script>alert(1)</script>\"'<!--<b onclick=x>";
    let (plain, page) = (page(&report("plain")), page(&report(evil)));
    for what in ["<script", "</script>", "<!--", "<b ", "alert(1)</"] {
        let count = |p: &str| p.matches(what).count();
        assert_eq!(count(&page), count(&plain), "{what}");
    }
    // It is there, as text.
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(page(&report("x")), page(&report("x")));
}

#[test]
fn nothing_at_all_is_a_page() {
    for r in [
        Report::default(),
        Report {
            runs: vec![Run::default()],
            ..Report::default()
        },
        Report {
            runs: vec![Run {
                signals: vec![Signal::default()],
                ..Run::default()
            }],
            ..Report::default()
        },
    ] {
        let page = page(&r);
        assert!(page.ends_with("</html>\n"));
        assert!(!page.contains("NaN"), "{page}");
    }
}

#[test]
fn every_placeholder_is_filled() {
    let page = page(&report("x"));
    let html = page.split("<script").next().expect("head");
    assert!(!html.contains("{{"), "{html}");
    for colours in [palette::LIGHT, palette::DARK] {
        assert!(page.contains(&palette::css(&colours)));
    }
}

#[test]
fn the_policy_allows_these_scripts_and_no_network() {
    let page = page(&report("x"));
    assert!(page.contains("content=\"default-src 'none'; script-src 'sha256-"));
    assert!(!page.contains("unsafe-inline"));
    assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--"));
    for what in ["http://", "https://", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!page.contains(what), "{what}");
    }
}

#[test]
fn the_data_is_json() {
    let page = page(&report("</script>"));
    let (_, rest) = page.split_once("id=\"data\">").expect("data");
    let (json, _) = rest.split_once("</script>").expect("its end");
    let data: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(data["runs"][0]["lanes"][0]["name"], "</script>");
    assert_eq!(data["signals"][0][1]["run"], 1);
    // 100, doubled by zigzag: 200 = 0xC8 0x01.
    assert_eq!(data["signals"][0][0]["at"], pack::base64(&[0xC8, 1]));
}

#[test]
fn an_unsupported_percentile_is_marked() {
    let mut r = report("x");
    assert!(page(&r).contains("\u{2212}3†"));
    for run in &mut r.runs {
        run.signals[0].percentiles[0].supported = true;
    }
    assert!(!page(&r).contains('†'));
}
