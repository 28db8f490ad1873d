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
    /// Flash wait states; a text where the source does not give a number.
    pub wait_states: WaitStates,
    /// `exact`, `measured` or `open`.
    pub truth: String,
    /// What is measured.
    pub why: String,
}

/// Flash wait states, or what is said in place of a number.
#[derive(Clone, Deserialize, Debug)]
#[serde(untagged)]
pub enum WaitStates {
    /// A number.
    Number(u32),
    /// `not stated` and the like.
    Text(String),
}

impl std::fmt::Display for WaitStates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WaitStates::Number(n) => write!(f, "{n}"),
            WaitStates::Text(t) => write!(f, "{t}"),
        }
    }
}

impl Measurement {
    /// How far we are off, in percent (infinite where zero was published); nothing when there is nothing to
    /// compare.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        let ours = self.ours.filter(|_| self.truth != "open")?;
        if ours == self.published {
            return Some(0.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(published: f64, ours: Option<f64>, truth: &str) -> Measurement {
        Measurement {
            name: String::new(),
            core: String::new(),
            published,
            ours,
            source: String::new(),
            chip: String::new(),
            clock: String::new(),
            wait_states: WaitStates::Number(0),
            truth: truth.to_owned(),
            why: String::new(),
        }
    }

    #[test]
    fn the_error_has_a_sign_and_only_comparable_entries_have_one() {
        assert_eq!(entry(200.0, Some(199.0), "measured").error(), Some(-0.5));
        assert_eq!(entry(4.0, Some(5.0), "exact").error(), Some(25.0));
        assert_eq!(entry(0.0, Some(0.0), "measured").error(), Some(0.0));
        assert_eq!(
            entry(0.0, Some(1.0), "measured").error(),
            Some(f64::INFINITY)
        );
        assert_eq!(entry(4.0, None, "measured").error(), None);
        assert_eq!(entry(4.0, Some(5.0), "open").error(), None);
    }

    #[test]
    fn whole_and_broken_counts_and_fields_of_others_are_read() {
        let text = r#"
            [[measurement]]
            name = "a"
            core = "cortex-m4f"
            machine = "cortex-m4f"
            method = "loop"
            published = 7.5
            ours = 7
            source = "s"
            clock = "16 MHz"
            wait_states = 0
            truth = "measured"
            why = "w"
        "#;
        let file: File = toml::from_str(text).expect("an entry");
        assert_eq!(file.measurement[0].ours, Some(7.0));
        assert_eq!(file.measurement[0].published, 7.5);
    }
}
