//! Which line of the bench file is to blame for a run that cannot be made.
//!
//! Asked only when there is an error: the run is prepared again, with one thing of the file after the other.

use super::file::Bench;
use super::matrix::Run;
use crate::failure::{Exit, Failure};
use crate::job::Job;
use crate::parts::Firmware;
use crate::prepared::{Prepared, Setup};
use crate::signal::{Collector, Signal};
use machines::source::At;

/// The error with the place in the bench file, or else with the name of the run.
pub fn blame(bench: &Bench, run: &Run, failure: Failure) -> Failure {
    let found = match failure.code {
        Exit::Usage => find(bench, run),
        _ => None,
    };
    match found {
        Some((at, f)) => bench.wrong(&at, f.message, f.help.unwrap_or_default()),
        None => in_run(run, failure),
    }
}

/// The error with the name of the run.
pub fn in_run(run: &Run, failure: Failure) -> Failure {
    let message = format!("run `{}`: {}", run.id, failure.message);
    Failure { message, ..failure }
}

fn find(bench: &Bench, run: &Run) -> Option<(At, Failure)> {
    let (file, job) = (&bench.file, &run.job);
    let plain = Job {
        set: Vec::new(),
        poke: Vec::new(),
        stimuli: None,
        ..job.clone()
    };
    if let Err(e) = prepare(&plain) {
        let firmware = file.matrix.firmware.iter();
        let firmware = firmware.filter(|f| f.name() == run.firmware);
        let machines = file.matrix.machine.iter().chain(&file.defaults.machine);
        let readable = Firmware::open(&job.firmware, None).is_ok();
        let machines = machines.filter(|_| readable);
        let machine =
            machines.filter(|m| job.machine.as_ref().is_some_and(|n| n.ends_with(&m.value)));
        let at = machine
            .map(|m| &m.at)
            .chain(firmware.map(|f| &f.at))
            .next()?;
        return Some((at.clone(), e));
    }
    let settings = file.matrix.settings.iter().flat_map(|s| &s.set);
    for set in file.defaults.set.iter().chain(settings) {
        if !job.set.contains(&set.value) {
            continue;
        }
        let set_only = vec![set.value.clone()];
        if let Err(e) = prepare(&Job {
            set: set_only,
            ..plain.clone()
        }) {
            return Some((set.at.clone(), e));
        }
    }
    for poke in &file.matrix.poke {
        let words = poke.words.iter().map(|(k, v)| (k.clone(), *v)).collect();
        if let Err(e) = prepare(&Job {
            poke: words,
            ..plain.clone()
        }) {
            return Some((poke.at.clone(), e));
        }
    }
    if !file.defaults.poke.is_empty() {
        let words = file.defaults.poke.iter();
        let words = words.map(|(k, v)| (k.clone(), *v)).collect();
        if let Err(e) = prepare(&Job {
            poke: words,
            ..plain.clone()
        }) {
            return Some((file.name.at.clone(), e));
        }
    }
    for entry in &file.signal {
        let of = |s: &&Signal| s.name == entry.name.value;
        if let Some(signal) = job.signals.iter().find(of)
            && let Err(e) = watch(&plain, signal)
        {
            return Some((entry.source.at.clone(), e));
        }
    }
    let prepared = prepare(&plain).ok()?;
    for (text, until) in file.defaults.until.iter().zip(&job.until) {
        if let Err(e) = prepared.stop_on(until) {
            return Some((text.at.clone(), e));
        }
    }
    None
}

fn prepare(job: &Job) -> Result<Prepared, Failure> {
    let setup = Setup {
        firmware: &job.firmware,
        base: None,
        machine: job.machine.as_deref(),
        set: &job.set,
        poke: &job.poke,
        seed: job.seed,
        stimuli: job.stimuli.as_ref(),
        semihosting: None,
        colour: false,
    };
    Prepared::new(&setup, std::iter::empty())
}

fn watch(job: &Job, signal: &Signal) -> Result<(), Failure> {
    let mut prepared = prepare(job)?;
    let signals = std::slice::from_ref(signal);
    prepared.watch(signals)?;
    Collector::new(signals, &prepared.header()).map(drop)
}
