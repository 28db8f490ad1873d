//! Bench files: what is run, what is measured, what must hold.
//!
//! The matrix is the product of its lists; a list that is missing has one entry that changes nothing. Paths are
//! relative to the bench file.

use super::plot::PlotEntry;
use super::table::TableEntry;
use crate::failure::Failure;
use crate::signal::Signal;
use crate::stimuli::Stimuli;
use crate::units::Span;
use crate::until::Until;
use machines::source::{At, Source};
use machines::{Diagnostic, Errors, Sp};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A bench file (`bench.toml`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BenchFile {
    /// Version of this format: 1.
    pub schema: Sp<u32>,
    /// Name of the bench, as it stands in results.
    pub name: Sp<String>,
    /// What holds for all runs.
    #[serde(default)]
    pub defaults: Defaults,
    /// What is run: the product of these lists.
    pub matrix: Matrix,
    /// What is measured.
    #[serde(default)]
    pub signal: Vec<SignalEntry>,
    /// What must hold.
    #[serde(default)]
    pub budget: Vec<Budget>,
    /// Named sets of stimuli, for `matrix.stimuli`.
    #[serde(default)]
    pub stimuli: BTreeMap<String, Stimuli>,
    /// A TOML file with the figures of an earlier run, which must come out again: `--bless` writes it.
    pub baseline: Option<Sp<String>>,
    /// How far figures may be from the baseline. Without an entry: not at all.
    #[serde(default)]
    pub tolerance: Vec<Tolerance>,
    /// Tables for READMEs and step summaries: `--tables`, `--markdown`.
    #[serde(default)]
    pub table: Vec<TableEntry>,
    /// Pictures: `--plots`.
    #[serde(default)]
    pub plot: Vec<PlotEntry>,
}

/// What holds for all runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Machine, when the matrix has no list of them and the firmware does not tell.
    pub machine: Option<Sp<String>>,
    /// A run ends here: virtual time (`1s`) or cycles (`168000cy`).
    #[serde(rename = "for")]
    pub duration: Option<Sp<String>>,
    /// A run ends when this happens, as in `run --until`. Then `for` is a limit that must not be reached.
    #[serde(default)]
    pub until: Vec<Sp<String>>,
    /// What is before this time or cycle does not count.
    pub warmup: Option<Sp<String>>,
    /// Fail when the firmware uses something that is not modelled.
    #[serde(default)]
    pub strict: bool,
    /// Values of the machine to change, as in `run --set`.
    #[serde(default)]
    pub set: Vec<Sp<String>>,
    /// Words of the image to change before it runs, by symbol.
    #[serde(default)]
    pub poke: BTreeMap<String, u32>,
}

/// The product of these lists is run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Firmware files.
    pub firmware: Vec<Sp<FirmwareEntry>>,
    /// Machines.
    #[serde(default)]
    pub machine: Vec<Sp<String>>,
    /// Sets of machine values.
    #[serde(default)]
    pub settings: Vec<Settings>,
    /// Sets of words to change in the image.
    #[serde(default)]
    pub poke: Vec<Sp<Poke>>,
    /// Names of stimuli.
    #[serde(default)]
    pub stimuli: Vec<Sp<String>>,
    /// Seeds.
    #[serde(default)]
    pub seed: Vec<Sp<u64>>,
}

/// A firmware: its path, or a name and its path.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FirmwareEntry {
    /// The path; the name is that of the file without its extension.
    Path(String),
    /// With a name.
    Named(NamedFirmware),
}

/// A firmware with a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedFirmware {
    /// What results call it.
    pub name: String,
    /// The file.
    pub path: String,
    /// Its machine, when the matrix has no list of them.
    pub machine: Option<String>,
}

/// Values of the machine to change, under a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What results call it.
    pub name: Sp<String>,
    /// As in `run --set`.
    pub set: Vec<Sp<String>>,
}

/// Words to change in the image, under a name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Poke {
    /// What results call it.
    pub name: String,
    /// Values by symbol.
    #[serde(flatten)]
    pub words: BTreeMap<String, u32>,
}

/// A signal to measure.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalEntry {
    /// What results call it.
    pub name: Sp<String>,
    /// What it is made of: `PA5.rise`, `fn:gc_pause`, `irq:TIM2.assert..PA5.rise`.
    pub source: Sp<String>,
    /// Nominal period, as `1ms` or `168000cy`.
    pub period: Option<Sp<String>>,
    /// What periods are compared with: `nominal`, `mean` or `fit`. Nominal when there is a period, else the mean.
    pub reference: Option<Sp<String>>,
    /// Deadline of an interval: longer ones are counted by the metric `misses`.
    pub deadline: Option<Sp<String>>,
    /// Only these firmware names have it; all when empty.
    #[serde(default)]
    pub firmware: Vec<Sp<String>>,
    /// A run in which it never happens, or stops, is no failure.
    #[serde(default)]
    pub optional: bool,
}

/// Something that must hold in every run that has the signal.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The signal.
    pub signal: Sp<String>,
    /// `period.pp <= 200cy`, `latency.p99.9 < 2us`, `mmu(1ms) >= 0.5`.
    pub require: Sp<String>,
    /// Only for these firmware names; all when empty.
    #[serde(default)]
    pub firmware: Vec<Sp<String>>,
    /// Only for runs whose name contains all of these texts (`stimuli=storm`).
    #[serde(default, rename = "where")]
    pub only: Vec<String>,
}

/// How far a figure may be from the baseline.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// The signal; all when missing.
    pub signal: Option<Sp<String>>,
    /// The metric, as `period.max`; all when missing.
    pub metric: Option<Sp<String>>,
    /// `10cy` or `1%`.
    pub within: Sp<String>,
}

/// A bench file that was read and makes sense as far as it alone can tell.
#[derive(Clone, Debug)]
pub struct Bench {
    /// What it says.
    pub file: BenchFile,
    /// Where it is.
    pub path: PathBuf,
    sources: Vec<Source>,
    colour: bool,
}

impl Bench {
    /// Read a bench file.
    ///
    /// # Errors
    /// A [`Failure`] that shows the place in the file.
    pub fn open(path: &Path, colour: bool) -> Result<Bench, Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Failure::usage(format!("cannot read `{}`: {e}", path.display()))
                .help("name a bench file; its format is in examples/bench/README.md")
        })?;
        Bench::parse(path, &text, colour)
    }

    /// Read the text of a bench file.
    ///
    /// # Errors
    /// As [`Bench::open`].
    pub fn parse(path: &Path, text: &str, colour: bool) -> Result<Bench, Failure> {
        let sources = vec![Source {
            name: path.display().to_string().into(),
            text: text.into(),
        }];
        let file = machines::parse::<BenchFile>(text, 0).map_err(|e| {
            let at = At {
                source: 0,
                span: e.span().unwrap_or(0..0),
            };
            let title = match e.message() {
                m if m.contains("FirmwareEntry") => {
                    "a firmware is a path, or { name = \"..\", path = \"..\" }".to_owned()
                }
                m if m.contains("enum Names") => "this is a text, or a list of texts".to_owned(),
                m => m.to_owned(),
            };
            let wrong = Diagnostic::new(title).at(&sources, &at, "here");
            Failure::usage(Errors::from(wrong).render(colour))
        })?;
        let mut file = file;
        for stimuli in file.stimuli.values_mut() {
            let folder = path.parent().map(Path::to_owned).unwrap_or_default();
            *stimuli = std::mem::take(stimuli).located(sources.clone(), folder);
        }
        let bench = Bench {
            file,
            path: path.to_owned(),
            sources,
            colour,
        };
        bench.check()?;
        Ok(bench)
    }

    /// An error at a place of the file.
    #[must_use]
    pub fn wrong(&self, at: &At, title: impl Into<String>, help: impl Into<String>) -> Failure {
        let wrong = Diagnostic::new(title)
            .at(&self.sources, at, "")
            .help(help.into());
        Failure::usage(Errors::from(wrong).render(self.colour))
    }

    /// Line of a place, from 1.
    #[must_use]
    pub fn line(&self, at: &At) -> usize {
        let text = &self.sources[0].text;
        let upto = text.get(..at.span.start).unwrap_or(text);
        upto.matches('\n').count() + 1
    }

    /// A path as the file gives it, from where we are.
    #[must_use]
    pub fn resolve(&self, path: &str) -> PathBuf {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.join(path),
            _ => PathBuf::from(path),
        }
    }

    /// Read a duration.
    ///
    /// # Errors
    /// A [`Failure`] at its place.
    pub fn span(&self, text: &Sp<String>) -> Result<Span, Failure> {
        text.parse().map_err(|e: crate::units::SpanError| {
            self.wrong(&text.at, e.to_string(), "write 10us, 1.5ms, 2s or 1680cy")
        })
    }

    /// The conditions that end a run.
    ///
    /// # Errors
    /// A [`Failure`] at the place of one that is wrong.
    pub fn until(&self) -> Result<Vec<Until>, Failure> {
        let all = self.file.defaults.until.iter();
        all.map(|u| {
            let parsed = u.parse();
            parsed.map_err(|e: crate::until::UntilError| {
                self.wrong(&u.at, e.to_string(), "as in `tickscope run --until`")
            })
        })
        .collect()
    }

    /// The signal of an entry.
    ///
    /// # Errors
    /// A [`Failure`] at its place.
    pub fn signal(&self, entry: &SignalEntry) -> Result<Signal, Failure> {
        let parsed = entry.source.parse::<Signal>();
        let signal = parsed.map_err(|e| {
            self.wrong(
                &entry.source.at,
                e.to_string(),
                "the grammar is in `tickscope jitter --help`",
            )
        })?;
        Ok(Signal {
            name: entry.name.value.clone(),
            source: signal.source,
        })
    }

    fn check(&self) -> Result<(), Failure> {
        let f = &self.file;
        if f.schema.value != 1 {
            let title = format!("schema {} is unknown", f.schema.value);
            return Err(self.wrong(&f.schema.at, title, "this tool reads schema = 1"));
        }
        if f.matrix.firmware.is_empty() {
            let title = "the matrix has no firmware";
            return Err(self.wrong(&f.name.at, title, "matrix.firmware = [\"fw.elf\"]"));
        }
        if f.defaults.duration.is_none() && f.defaults.until.is_empty() {
            let help = "give [defaults] a limit: for = \"1s\"";
            return Err(self.wrong(&f.name.at, "nothing ends the runs", help));
        }
        for text in [&f.defaults.duration, &f.defaults.warmup]
            .into_iter()
            .flatten()
        {
            self.span(text)?;
        }
        self.until()?;
        let named = |s: &'_ Sp<String>| (s.value.clone(), s.at.clone());
        self.unique("stimuli", f.matrix.stimuli.iter().map(named))?;
        self.unique("machine", f.matrix.machine.iter().map(named))?;
        self.unique("settings", f.matrix.settings.iter().map(|s| named(&s.name)))?;
        let pokes = f.matrix.poke.iter();
        self.unique("poke", pokes.map(|p| (p.name.clone(), p.at.clone())))?;
        let firmware = f.matrix.firmware.iter();
        self.unique("firmware", firmware.map(|f| (f.name(), f.at.clone())))?;
        self.unique("signal", f.signal.iter().map(|s| named(&s.name)))?;
        for name in &f.matrix.stimuli {
            if !f.stimuli.contains_key(&name.value) {
                let known: Vec<&str> = f.stimuli.keys().map(String::as_str).collect();
                let title = format!("there are no stimuli `{}`", name.value);
                let help = match known.is_empty() {
                    true => format!("describe them in [stimuli.{}]", name.value),
                    false => format!("there are: {}", known.join(", ")),
                };
                return Err(self.wrong(&name.at, title, help));
            }
        }
        for s in &f.signal {
            let signal = self.signal(s)?;
            for text in [&s.period, &s.deadline].into_iter().flatten() {
                if matches!(self.span(text)?, Span::Cycles(0) | Span::Time(0)) {
                    let help = "write 10us, 1.5ms, 2s or 1680cy";
                    return Err(self.wrong(&text.at, "it must be longer than nothing", help));
                }
            }
            if let Some(d) = &s.deadline
                && !signal.source.is_interval()
            {
                let help = "an interval is A..B, fn:NAME or irq:NAME; for edges there is `period`";
                return Err(self.wrong(&d.at, "only intervals have a deadline", help));
            }
            if let Some(r) = &s.reference
                && !["nominal", "mean", "fit"].contains(&r.value.as_str())
            {
                let title = format!("`{}` is no reference", r.value);
                return Err(self.wrong(&r.at, title, "write nominal, mean or fit"));
            }
            if s.reference.as_ref().is_some_and(|r| r.value == "nominal") && s.period.is_none() {
                let title = "a nominal reference needs the nominal period";
                return Err(self.wrong(&s.name.at, title, "period = \"1ms\""));
            }
            self.known_firmware(&s.firmware)?;
        }
        let signals: Vec<&str> = f.signal.iter().map(|s| s.name.as_str()).collect();
        let named = f.budget.iter().map(|b| &b.signal);
        let named = named.chain(f.tolerance.iter().filter_map(|t| t.signal.as_ref()));
        for signal in named {
            if !signals.contains(&signal.as_str()) {
                let title = format!("there is no signal `{}`", signal.value);
                let help = format!("there are: {}", signals.join(", "));
                return Err(self.wrong(&signal.at, title, help));
            }
        }
        for b in &f.budget {
            self.known_firmware(&b.firmware)?;
        }
        for (n, seed) in f.matrix.seed.iter().enumerate() {
            if f.matrix.seed[..n].iter().any(|s| s.value == seed.value) {
                let title = format!("the matrix has the seed {} twice", seed.value);
                return Err(self.wrong(&seed.at, title, "one run of each is enough: they agree"));
            }
        }
        Ok(())
    }

    /// Are these names of firmware in the matrix?
    ///
    /// # Errors
    /// A [`Failure`] at the place of one that is not.
    pub fn known_firmware(&self, list: &[Sp<String>]) -> Result<(), Failure> {
        let firmware = self.file.matrix.firmware.iter();
        let names: Vec<String> = firmware.map(|f| f.name()).collect();
        match list.iter().find(|n| !names.contains(&n.value)) {
            None => Ok(()),
            Some(wrong) => {
                let title = format!("the matrix has no firmware `{}`", wrong.value);
                let help = format!("there are: {}", names.join(", "));
                Err(self.wrong(&wrong.at, title, help))
            }
        }
    }

    fn unique(&self, what: &str, names: impl Iterator<Item = (String, At)>) -> Result<(), Failure> {
        let mut seen: Vec<String> = Vec::new();
        for (name, at) in names {
            if name.trim().is_empty() {
                let title = format!("an entry of {what} has no name");
                return Err(self.wrong(&at, title, "give it one: results call it so"));
            }
            if seen.contains(&name) {
                let title = format!("two entries of {what} are called `{name}`");
                return Err(self.wrong(&at, title, "give each a name of its own: name = \"..\""));
            }
            seen.push(name);
        }
        Ok(())
    }
}

impl FirmwareEntry {
    /// What results call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            FirmwareEntry::Named(n) => n.name.clone(),
            FirmwareEntry::Path(p) => {
                let stem = Path::new(p).file_stem().unwrap_or_default();
                stem.to_string_lossy().into_owned()
            }
        }
    }

    /// The file, as it is written.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            FirmwareEntry::Named(n) => &n.path,
            FirmwareEntry::Path(p) => p,
        }
    }

    /// Its own machine.
    #[must_use]
    pub fn machine(&self) -> Option<&str> {
        match self {
            FirmwareEntry::Named(n) => n.machine.as_deref(),
            FirmwareEntry::Path(_) => None,
        }
    }
}
