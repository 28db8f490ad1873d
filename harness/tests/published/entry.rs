//! The entries of `fixtures/timing/published/*.toml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How a count is made of two runs; see the README of the folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Copies,
    Loop,
    Pair,
    Entry,
    Exit,
    Result,
    Call,
}

impl Method {
    /// What the difference of the two runs is divided by.
    pub fn per(self) -> u64 {
        match self {
            Method::Copies => 10,
            Method::Loop => 100,
            _ => 1,
        }
    }

    /// Is it of a firmware file, with no sequence of its own?
    pub fn is_of_firmware(self) -> bool {
        matches!(self, Method::Result | Method::Call)
    }
}

/// One measurement.
#[derive(Clone, Debug)]
pub struct Entry {
    pub file: PathBuf,
    pub name: String,
    pub core: String,
    pub machine: String,
    pub set: Vec<String>,
    pub method: Method,
    pub in_ram: bool,
    pub fpu: bool,
    pub skew: i64,
    pub setup: String,
    pub body: String,
    pub without: String,
    /// The firmware file, what to look at in it, and which word of that.
    pub elf: String,
    pub symbol: String,
    pub index: usize,
    pub published: f64,
    /// `None` until it is recorded.
    pub ours: Option<f64>,
    pub source: String,
    pub truth: String,
    pub pending: Option<String>,
    pub contradicts: Vec<String>,
}

impl Entry {
    /// Does its source give a count?
    pub fn is_open(&self) -> bool {
        self.truth == "open"
    }

    /// Our error in percent of what is published; in cycles when that is zero.
    pub fn error(&self, ours: f64) -> f64 {
        let off = ours - self.published;
        if self.published == 0.0 {
            off
        } else {
            100.0 * off / self.published
        }
    }
}

/// The folder.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/timing/published")
}

const FIELDS: &[&str] = &[
    "name",
    "core",
    "machine",
    "pending",
    "set",
    "method",
    "code_in",
    "fpu",
    "skew",
    "setup",
    "body",
    "without",
    "elf",
    "symbol",
    "index",
    "published",
    "ours",
    "source",
    "says",
    "how",
    "chip",
    "clock",
    "wait_states",
    "truth",
    "why",
    "contradicts",
];

fn number(v: &toml::Value) -> Option<f64> {
    v.as_float().or_else(|| v.as_integer().map(|i| i as f64))
}

fn entry(file: &Path, t: &toml::Table, whole_file: Option<&str>) -> Entry {
    let name = t["name"].as_str().expect("name").to_owned();
    for key in t.keys() {
        assert!(
            FIELDS.contains(&key.as_str()),
            "{name}: unknown field {key}"
        );
    }
    let optional = |k: &str| {
        t.get(k)
            .map(|v| v.as_str().unwrap_or_else(|| panic!("{name}: {k}")))
    };
    let text = |k: &str| {
        let v = optional(k).unwrap_or_else(|| panic!("{name}: {k} is missing"));
        assert!(!v.is_empty(), "{name}: {k} is empty");
        v.to_owned()
    };
    let list = |k: &str| -> Vec<String> {
        let items = t.get(k).and_then(|v| v.as_array()).into_iter().flatten();
        items.map(|v| v.as_str().expect(k).to_owned()).collect()
    };
    // Not used by the tests, but a measurement without them is worth nothing.
    for k in ["says", "how", "chip", "clock", "why"] {
        text(k);
    }
    let waits = &t["wait_states"];
    let stated = waits.is_integer() || waits.as_str() == Some("not stated");
    assert!(stated, "{name}: wait_states");
    let method = match text("method").as_str() {
        "copies" => Method::Copies,
        "loop" => Method::Loop,
        "pair" => Method::Pair,
        "entry" => Method::Entry,
        "exit" => Method::Exit,
        "result" => Method::Result,
        "call" => Method::Call,
        other => panic!("{name}: method {other}"),
    };
    let truth = text("truth");
    assert!(
        ["measured", "exact", "open"].contains(&truth.as_str()),
        "{name}: truth {truth}"
    );
    let in_ram = match optional("code_in") {
        None | Some("flash") => false,
        Some("ram") => true,
        Some(other) => panic!("{name}: code_in {other}"),
    };
    Entry {
        file: file.to_owned(),
        core: text("core"),
        machine: text("machine"),
        set: list("set"),
        in_ram,
        fpu: t.get("fpu").is_some_and(|v| v.as_bool().expect("fpu")),
        skew: t.get("skew").map_or(0, |v| v.as_integer().expect("skew")),
        setup: optional("setup").unwrap_or("").to_owned(),
        body: optional("body").unwrap_or("").to_owned(),
        without: optional("without").unwrap_or("").to_owned(),
        elf: optional("elf").unwrap_or("").to_owned(),
        symbol: optional("symbol").unwrap_or("").to_owned(),
        index: t
            .get("index")
            .map_or(0, |v| v.as_integer().expect("index") as usize),
        published: number(&t["published"]).expect("published"),
        ours: t.get("ours").map(|v| number(v).expect("ours")),
        source: text("source"),
        truth,
        pending: optional("pending").or(whole_file).map(str::to_owned),
        contradicts: list("contradicts"),
        method,
        name,
    }
}

/// All entries, in the order of the files' names.
pub fn all() -> Vec<Entry> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("fixtures/timing/published")
        .map(|f| f.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let mut out = Vec::new();
    let mut names = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("reads");
        let table: toml::Table = text
            .parse()
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let pending = table.get("pending").and_then(|v| v.as_str());
        for t in table["measurement"].as_array().expect("[[measurement]]") {
            let e = entry(&file, t.as_table().expect("a table"), pending);
            assert!(names.insert(e.name.clone()), "{} is there twice", e.name);
            out.push(e);
        }
    }
    out
}
