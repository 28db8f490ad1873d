//! Published measurements: the entries of `fixtures/timing/published/*.toml`.
//!
//! How they run is the business of their own test, which also says that `ours` is what we measure.

use crate::probes::fixtures;
use anyhow::{Context, Result};
use serde::Deserialize;

/// What somebody has published, and what we get for it.
#[derive(Clone, Deserialize, Debug)]
pub struct Measurement {
    /// Unique name.
    pub name: String,
    /// The core, by its name in machine files.
    pub core: String,
    /// Published cycles.
    pub published: f64,
    /// Our cycles; absent when it has not been run.
    pub ours: Option<f64>,
    /// Who, and where.
    pub source: String,
    /// The chip, when it is known.
    #[serde(default)]
    pub chip: String,
    /// Core clock.
    pub clock: String,
    /// Flash wait states.
    pub wait_states: u32,
    /// `exact`, `measured` or `open`.
    pub truth: String,
    /// What is measured.
    pub why: String,
}

impl Measurement {
    /// How far we are off, in percent; nothing when there is nothing to compare.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        let ours = self.ours.filter(|_| self.truth != "open")?;
        if self.published == 0.0 {
            return (ours == 0.0).then_some(0.0);
        }
        Some((ours - self.published) / self.published * 100.0)
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    measurement: Vec<Measurement>,
}

/// All entries, in the order of their files and in them.
///
/// # Errors
/// When a file cannot be read or an entry lacks a field.
pub fn read() -> Result<Vec<Measurement>> {
    let folder = fixtures().join("timing/published");
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(&folder)? {
            files.push(entry?.path());
        }
    }
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let parsed: File = toml::from_str(&text).with_context(|| format!("{}", file.display()))?;
        all.extend(parsed.measurement);
    }
    Ok(all)
}
