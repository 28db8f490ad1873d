//! Timing probes: the records in `fixtures/elf/timing*.elf`, and what a machine measures for them.
//!
//! The format is `fixtures/timing/README.md`.

use anyhow::{Context, Result, bail};
use emu_core::machine::{Machine, Options, Stop};
use emu_core::{Cycles, Width};
use harness::parts::{Firmware, Spec, enable_semihosting};
use std::path::{Path, PathBuf};

/// Words in a record of the section `probes`.
const RECORD_WORDS: u32 = 8;

/// No probe firmware runs longer.
const LONGEST: Cycles = Cycles(1_000_000_000);

/// How well the expected count is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Truth {
    /// Documented without doubt.
    Exact,
    /// Measured on silicon and published.
    Measured,
    /// A documented range, or judgement.
    Estimate,
    /// Nobody documents it: nothing is expected.
    Open,
}

impl Truth {
    /// All, best first.
    pub const ALL: [Truth; 4] = [Truth::Exact, Truth::Measured, Truth::Estimate, Truth::Open];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Truth::Exact => "exact",
            Truth::Measured => "measured",
            Truth::Estimate => "estimate",
            Truth::Open => "open",
        }
    }
}

/// A probe and what it measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// Unique within its file.
    pub name: String,
    /// Cycles that it shall take; `None` when its truth is open.
    pub expected: Option<u32>,
    /// Cycles that it took.
    pub got: u32,
    /// How well `expected` is known.
    pub truth: Truth,
    /// Who says so.
    pub source: String,
    /// The rule in words.
    pub why: String,
}

impl Probe {
    /// It took what it shall, or nobody knows what that is.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.expected.is_none_or(|e| e == self.got)
    }
}

/// The folder of the fixtures.
#[must_use]
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

/// The names of the probe files, sorted: `timing.cortex-m0` and so on.
///
/// # Errors
/// When the folder cannot be read.
pub fn names() -> Result<Vec<String>> {
    let folder = fixtures().join("elf");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let file = entry?.file_name();
        let name = file.to_str().and_then(|n| n.strip_suffix(".elf"));
        if let Some(name) = name.filter(|n| n.starts_with("timing")) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Run a probe file to its end and read its records and results.
///
/// # Errors
/// When there is no such file, it is no probe file, or it does not end well.
pub fn run(name: &str, single_step: bool) -> Result<Vec<Probe>> {
    let path = fixtures().join("elf").join(format!("{name}.elf"));
    let firmware = Firmware::open(&path, None)?;
    let (spec, _) = Spec::detect(&firmware, false)?;
    let (core, bus) = spec.build(1, false)?;
    let mut machine = Machine::new(core, bus, Options { single_step })?;
    enable_semihosting(&mut machine, None)?;
    machine.load(&firmware.image)?;
    machine.reset();
    match machine.run_until(LONGEST) {
        Stop::Exit(0) => {}
        stop => bail!("{name} does not end well: {stop:?}"),
    }
    let symbol = |symbol: &str| {
        let found = firmware.image.symbols.find(symbol);
        found
            .map(|s| s.address)
            .with_context(|| format!("{name}: no symbol `{symbol}`"))
    };
    let (start, stop) = (symbol("__start_probes")?, symbol("__stop_probes")?);
    let results = symbol("timing_results")?;
    let memory = Memory { machine, name };
    (0..(stop - start) / (4 * RECORD_WORDS))
        .map(|i| memory.probe(start + i * 4 * RECORD_WORDS, results + 4 * i))
        .collect()
}

/// The memory of a machine that has run.
struct Memory<'a> {
    machine: Machine,
    name: &'a str,
}

impl Memory<'_> {
    fn word(&self, address: u32) -> Result<u32> {
        let memory = &self.machine.bus().memory;
        let word = memory.load(address, Width::Word);
        word.with_context(|| format!("{}: no memory at {address:#x}", self.name))
    }

    fn text(&self, mut address: u32) -> Result<String> {
        let memory = &self.machine.bus().memory;
        let mut text = Vec::new();
        loop {
            let byte = memory.load(address, Width::Byte);
            match byte.with_context(|| format!("{}: no text at {address:#x}", self.name))? {
                0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
                b => text.push(b as u8),
            }
            address += 1;
        }
    }

    fn probe(&self, record: u32, result: u32) -> Result<Probe> {
        let field = |n: u32| self.word(record + 4 * n);
        let text = |n: u32| self.text(field(n)?);
        let truth = *Truth::ALL
            .get(field(4)? as usize)
            .with_context(|| format!("{}: a record without a truth", self.name))?;
        Ok(Probe {
            name: text(5)?,
            expected: (truth != Truth::Open).then_some(field(3)?),
            got: self.word(result)?,
            truth,
            source: text(6)?,
            why: text(7)?,
        })
    }
}
