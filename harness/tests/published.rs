//! Published measurements against our counts. `fixtures/timing/published/README.md` says how it works.
//!
//! Red when a count is not the recorded one: a change of a timing model shows which published figures it moves,
//! in the diff that `record` makes.

#[path = "published/code.rs"]
mod code;
#[path = "published/entry.rs"]
mod entry;
#[path = "published/run.rs"]
mod run;

use code::{Codes, RUNS};
use entry::Entry;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

/// Errors smaller than this, in percent, are rounding.
const SAME: f64 = 0.0005;

fn describe(e: &Entry, c: run::Count) -> String {
    let error = e.error(c.cycles);
    let error = match (e.is_open(), e.published == 0.0) {
        (true, _) => "open".to_owned(),
        (false, true) => format!("{error:+.2} cycles"),
        (false, false) => format!("{error:+.2} %"),
    };
    let estimated = if c.estimated > 0.0 {
        format!("  {:.0} % estimated", c.estimated)
    } else {
        String::new()
    };
    format!(
        "{:<36} {:>8.3} {:>8.3}  {error:>12}{estimated}",
        e.name, e.published, c.cycles
    )
}

/// The runs that have code of their own.
fn runs(e: &Entry) -> impl Iterator<Item = (usize, &'static str)> {
    let of_sequence = !e.method.is_of_firmware();
    RUNS.into_iter().enumerate().filter(move |_| of_sequence)
}

#[test]
fn entries_are_complete() {
    let all = entry::all();
    let names: Vec<&str> = all.iter().map(|e| e.name.as_str()).collect();
    for e in &all {
        for other in &e.contradicts {
            assert!(names.contains(&other.as_str()), "{}: {other}", e.name);
        }
        // Something that can be found again: an address.
        assert!(e.source.contains('/'), "{}: source", e.name);
        let given = (!e.body.is_empty(), !e.without.is_empty());
        let wanted = match e.method {
            entry::Method::Copies | entry::Method::Loop => (true, false),
            entry::Method::Pair => (true, true),
            _ => (false, false),
        };
        assert_eq!(given, wanted, "{}: body, without", e.name);
        let of_firmware = (!e.elf.is_empty(), !e.symbol.is_empty());
        let wanted = e.method.is_of_firmware();
        assert_eq!(of_firmware, (wanted, wanted), "{}: elf, symbol", e.name);
    }
    assert!(all.iter().filter(|e| e.pending.is_none()).count() >= 40);
}

#[test]
fn our_counts_are_the_recorded_ones() {
    let codes = code::load();
    let mut text = String::new();
    let mut wrong = String::new();
    let mut errors: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let all = entry::all();
    for e in &all {
        for (i, name) in runs(e) {
            let c = codes.get(&(e.name.clone(), (*name).to_owned()));
            let current = c.is_some_and(|c| code::is_current(e, i, c));
            assert!(current, "{}: code.txt is old; run `record`", e.name);
        }
        if e.pending.is_some() {
            continue;
        }
        let c = run::count(e, &codes).unwrap_or_else(|f| panic!("{}: {f}", e.name));
        let _ = writeln!(text, "{}", describe(e, c));
        if !e.is_open() && e.published != 0.0 {
            errors
                .entry(&e.core)
                .or_default()
                .push(e.error(c.cycles).abs());
        }
        if e.ours.is_none_or(|ours| (c.cycles - ours).abs() > SAME) {
            let recorded = e.ours.map_or("nothing".to_owned(), |o| o.to_string());
            let _ = writeln!(
                wrong,
                "{}: {recorded} recorded, {} now, {} published",
                e.name, c.cycles, e.published
            );
        }
    }
    println!("{:<36} published     ours         error\n{text}", "name");
    for (core, e) in errors {
        let worst = e.iter().copied().fold(0.0, f64::max);
        let exact = e.iter().filter(|e| **e < SAME).count();
        let mean = e.iter().sum::<f64>() / e.len() as f64;
        println!(
            "{core}: {} published, {exact} exact, mean error {mean:.2} %, worst {worst:.2} %",
            e.len()
        );
    }
    let mut pending: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for e in &all {
        if let Some(p) = &e.pending {
            pending.entry(p).or_default().push(&e.name);
        }
    }
    for (what, names) in pending {
        println!("pending {what}: {}", names.join(", "));
    }
    assert!(
        wrong.is_empty(),
        "counts have moved; `cargo test -p harness --test published -- --ignored record` if it is meant:\n{wrong}"
    );
}

#[test]
fn the_firmware_is_what_the_crate_gives() {
    let script = entry::folder().join("../../crates/p256/build.sh");
    let out = Command::new(script).arg("--check").output().expect("runs");
    let text = String::from_utf8_lossy(&out.stderr);
    match out.status.code() {
        Some(0) => {}
        Some(77) => eprintln!("skipped: {text}"),
        _ => panic!("{}{text}", String::from_utf8_lossy(&out.stdout)),
    }
}

#[test]
fn the_code_is_what_the_sequences_assemble_to() {
    let codes = code::load();
    let mut skipped = 0;
    for e in entry::all() {
        if !code::can_assemble(&e) {
            skipped += 1;
            continue;
        }
        for (i, name) in runs(&e) {
            let recorded = codes.get(&(e.name.clone(), (*name).to_owned()));
            assert_eq!(recorded, Some(&code::assemble(&e, i)), "{}", e.name);
        }
    }
    if skipped > 0 {
        eprintln!("skipped {skipped} entries: no cross compiler");
    }
}

/// Not a test: writes `code.txt` and the `ours` of the entries.
#[test]
#[ignore = "rewrites fixtures/timing/published"]
fn record() {
    let mut codes = code::load();
    let all = entry::all();
    let mut fresh = Codes::new();
    for e in &all {
        for (i, name) in runs(e) {
            let key = (e.name.clone(), (*name).to_owned());
            let old = codes.remove(&key).filter(|c| code::is_current(e, i, c));
            fresh.insert(key, old.unwrap_or_else(|| code::assemble(e, i)));
        }
    }
    code::save(&fresh);
    let accept = std::env::var_os("TICKSCOPE_ACCEPT_WORSE").is_some();
    let mut worse = String::new();
    for e in all.iter().filter(|e| e.pending.is_none()) {
        let c = run::count(e, &fresh).unwrap_or_else(|f| panic!("{}: {f}", e.name));
        let grown = |ours: &f64| e.error(c.cycles).abs() > e.error(*ours).abs() + SAME;
        let before = e.ours.filter(|_| !accept && !e.is_open());
        if let Some(ours) = before.filter(grown) {
            let _ = writeln!(worse, "{} (was {ours})", describe(e, c));
            continue;
        }
        write_ours(e, c.cycles);
    }
    assert!(
        worse.is_empty(),
        "not recorded, because the error has grown (TICKSCOPE_ACCEPT_WORSE=1 records it):\n{worse}"
    );
}

/// Writes the line `ours = ` of one entry behind `published = ` and changes nothing else.
fn write_ours(e: &Entry, ours: f64) {
    let text = std::fs::read_to_string(&e.file).expect("reads");
    let mut out = String::new();
    let mut here = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("name = ") {
            here = name.trim_matches('"') == e.name;
        }
        if here && line.starts_with("ours = ") {
            continue;
        }
        let _ = writeln!(out, "{line}");
        if here && line.starts_with("published = ") {
            let rounded = (ours * 1000.0).round() / 1000.0;
            let _ = writeln!(out, "ours = {rounded}");
        }
    }
    std::fs::write(&e.file, out).expect("writes");
}
