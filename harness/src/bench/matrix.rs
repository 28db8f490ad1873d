//! From a matrix to runs: the product of its lists, each run with a name that tells which it is.

use super::file::Bench;
use crate::failure::Failure;
use crate::job::Job;
use crate::signal::Signal;
use machines::Sp;

/// One run of a bench.
#[derive(Clone, Debug)]
pub struct Run {
    /// `fw=coop,poke=M=2,seed=1`: only the lists that have more than one entry.
    pub id: String,
    /// Which entry of each list of the matrix it is: `("poke", "M=2")`.
    pub parts: Vec<(&'static str, String)>,
    /// Name of its firmware.
    pub firmware: String,
    /// Name of its stimuli.
    pub stimuli: Option<String>,
    /// What is run.
    pub job: Job,
}

impl Run {
    /// Is this a part of its name (`poke=M=2`)? Parts that its name leaves out count, too.
    #[must_use]
    pub fn has(&self, part: &str) -> bool {
        let told = part.split_once('=');
        told.is_some_and(|(key, name)| self.parts.iter().any(|(k, v)| *k == key && v == name))
    }
}

impl Bench {
    /// All runs, in the order of the file: firmware first, seeds last.
    ///
    /// # Errors
    /// A [`Failure`] at the place in the file.
    pub fn runs(&self) -> Result<Vec<Run>, Failure> {
        let (m, d) = (&self.file.matrix, &self.file.defaults);
        let limit = d.duration.as_ref().map(|s| self.span(s)).transpose()?;
        let warmup = d.warmup.as_ref().map(|s| self.span(s)).transpose()?;
        let until = self.until()?;
        let machine_of = |name: &str| match name.ends_with(".toml") {
            true => self.resolve(name).display().to_string(),
            false => name.to_owned(),
        };
        let mut runs = Vec::new();
        for firmware in &m.firmware {
            let name = firmware.name();
            let path = self.resolve(firmware.path());
            if !path.is_file() {
                let title = format!("there is no file `{}`", path.display());
                let help = "paths are relative to the bench file; was it built?";
                return Err(self.wrong(&firmware.at, title, help));
            }
            let default = d.machine.as_ref().map(|m| m.value.as_str());
            let fallback = firmware.machine().or(default).map(machine_of);
            let signals = self.signals_of(&name)?;
            for machine in one_or_all(&m.machine) {
                for settings in one_or_all(&m.settings) {
                    for poke in one_or_all(&m.poke) {
                        for stimuli in one_or_all(&m.stimuli) {
                            for seed in one_or_all(&m.seed) {
                                let stimuli = stimuli.map(|s| s.value.clone());
                                let mut id = vec![("fw", name.clone(), m.firmware.len())];
                                let mut part = |key, value: Option<String>, n| {
                                    id.extend(value.map(|v| (key, v, n)));
                                };
                                part("machine", machine.map(|m| m.value.clone()), m.machine.len());
                                let chosen = settings.map(|s| s.name.value.clone());
                                part("settings", chosen, m.settings.len());
                                part("poke", poke.map(|p| p.name.clone()), m.poke.len());
                                part("stimuli", stimuli.clone(), m.stimuli.len());
                                part("seed", seed.map(|s| s.value.to_string()), m.seed.len());
                                let set = d.set.iter().chain(settings.iter().flat_map(|s| &s.set));
                                let words = poke.iter().flat_map(|p| &p.words);
                                let words = d.poke.iter().chain(words);
                                runs.push(Run {
                                    id: joined(&id),
                                    parts: id.into_iter().map(|(k, v, _)| (k, v)).collect(),
                                    firmware: name.clone(),
                                    stimuli: stimuli.clone(),
                                    job: Job {
                                        firmware: path.clone(),
                                        machine: machine
                                            .map(|m| machine_of(&m.value))
                                            .or_else(|| fallback.clone()),
                                        set: set.map(|s| s.value.clone()).collect(),
                                        poke: words.map(|(k, v)| (k.clone(), *v)).collect(),
                                        seed: seed.map_or(0, |s| s.value),
                                        limit,
                                        until: until.clone(),
                                        strict: d.strict,
                                        signals: signals.clone(),
                                        warmup,
                                        stimuli: stimuli
                                            .and_then(|s| self.file.stimuli.get(&s).cloned()),
                                    },
                                });
                            }
                        }
                    }
                }
            }
        }
        Ok(runs)
    }

    fn signals_of(&self, firmware: &str) -> Result<Vec<Signal>, Failure> {
        let of = |list: &[Sp<String>]| list.is_empty() || list.iter().any(|n| n.value == firmware);
        let all = self.file.signal.iter().filter(|s| of(&s.firmware));
        all.map(|s| self.signal(s)).collect()
    }
}

/// Each entry of a list, or nothing once.
fn one_or_all<T>(list: &[T]) -> Vec<Option<&T>> {
    match list.is_empty() {
        true => vec![None],
        false => list.iter().map(Some).collect(),
    }
}

/// The parts of a name that tell runs apart; the first one when none does.
fn joined(parts: &[(&str, String, usize)]) -> String {
    let telling = parts.iter().filter(|p| p.2 > 1);
    let telling: Vec<String> = telling.map(|(k, v, _)| format!("{k}={v}")).collect();
    match telling.is_empty() {
        true => parts[0].1.clone(),
        false => telling.join(","),
    }
}
