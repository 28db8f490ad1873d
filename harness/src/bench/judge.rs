//! From a run to its verdicts: did it end well, are its signals there, do the budgets hold.

use super::budget::Requirement;
use super::file::{Bench, Budget, SignalEntry};
use super::matrix::Run;
use super::select;
use super::verdict::{Kind, Place, Status, Verdict};
use super::{RunOutcome, SignalOutcome};
use crate::analysis::{Against, Analysis, How, Places, figures};
use crate::failure::{Exit, Failure};
use crate::job::Done;
use crate::outcome::Outcome;
use crate::run_result::{self, hex};
use crate::signal::Recorded;
use crate::timebase::Timebase;
use crate::units::AS_PER_S;
use emu_core::{Cycles, NoticeKind};

/// A signal that is silent for longer than this many of its periods has stopped.
const SILENT_PERIODS: f64 = 10.0;
/// And for longer than this share of the run with a nominal period; without one, by its longest gap, half of it: firmware that
/// prints what it has measured is silent for a while.
const SILENT_SHARE: f64 = 0.1;
const SILENT_SHARE_WITHOUT: f64 = 0.5;

/// Judge a run that is over. `keep` keeps the single edges.
///
/// # Errors
/// A [`Failure`] for what the bench file asks for and cannot be.
pub fn judge(bench: &Bench, run: &Run, done: Done, keep: bool) -> Result<RunOutcome, Failure> {
    let waited = !run.job.until.is_empty();
    let places = Places(Some(&done.firmware));
    let mut verdicts = vec![ended(run, &done.outcome, waited)];
    let mut signals = Vec::new();
    let entries: Vec<&SignalEntry> = {
        let all = bench.file.signal.iter();
        let of = |s: &&SignalEntry| done.signals.iter().any(|r| r.name == s.name.value);
        all.filter(of).collect()
    };
    for (entry, mut recorded) in entries.into_iter().zip(done.signals) {
        let mut budgets = Vec::new();
        for budget in bench.file.budget.iter().filter(|b| b.fits(run)) {
            if budget.signal.value == entry.name.value {
                budgets.push((budget, Requirement::of(bench, budget)?));
            }
        }
        let mut how = how(bench, entry)?;
        let hz = done.timebase.hz_at(Cycles(done.cycles));
        how.also = budgets.iter().map(|(_, r)| r.metric).collect();
        how.also.extend(select::wanted(bench, &entry.name)?);
        let analysis = Analysis::of(&recorded, &how, &done.timebase, (done.start, done.cycles))?;
        let worst = worst(&analysis, &recorded, places);
        verdicts.extend(presence(
            bench,
            run,
            entry,
            &recorded,
            (done.start, done.cycles),
            &how,
            &done.timebase,
        ));
        for (budget, requirement) in budgets {
            let mut v = requirement.judge(&analysis, hz);
            v.run.clone_from(&run.id);
            v.signal.clone_from(&entry.name.value);
            v.asked_at = Some(bench.line(&budget.require.at));
            if !v.passed() {
                v.place.clone_from(&worst);
            }
            verdicts.push(v);
        }
        let figures = figures(&analysis, &how.also);
        if !keep {
            recorded = Recorded {
                name: recorded.name,
                source: recorded.source,
                interval: recorded.interval,
                valued: recorded.valued,
                merged: recorded.merged,
                strays: recorded.strays,
                open: recorded.open,
                waiting: recorded.waiting,
                ..Recorded::default()
            };
        }
        signals.push(SignalOutcome {
            name: entry.name.value.clone(),
            n: analysis.n(),
            figures,
            analysis,
            recorded,
            worst,
        });
    }
    let seconds = done.timebase.attoseconds(Cycles(done.cycles)) as f64 / AS_PER_S as f64;
    let hz = done.timebase.hz_at(Cycles(done.cycles));
    let gaps = done.notices.iter().filter(|n| n.kind != NoticeKind::Misuse);
    Ok(RunOutcome {
        id: run.id.clone(),
        firmware: run.firmware.clone(),
        path: run.job.firmware.display().to_string(),
        sha256: hex(&done.firmware.image.sha256),
        machine: done.header.machine.clone(),
        machine_hash: done.header.machine_hash.clone(),
        set: run.job.set.clone(),
        poke: run.job.poke.clone(),
        stimuli: run.stimuli.clone(),
        seed: run.job.seed,
        stop: Some(run_result::Stop::new(&done.outcome, waited)),
        cycles: done.cycles,
        instructions: done.instructions,
        seconds,
        core_hz: hz.as_f64(),
        state_hash: done.state_hash,
        unmodelled: gaps
            .map(|n| format!("{} at {}", n.what, done.firmware.describe(n.pc)))
            .collect(),
        signals,
        verdicts,
        timebase: done.timebase,
    })
}

/// How the entry of a signal wants it to be looked at.
fn how(bench: &Bench, entry: &SignalEntry) -> Result<How, Failure> {
    let period = entry.period.as_ref().map(|p| bench.span(p)).transpose()?;
    let deadline = entry.deadline.as_ref();
    let deadline = deadline.map(|d| bench.span(d)).transpose()?;
    let against = match entry.reference.as_ref().map(|r| r.value.as_str()) {
        Some("nominal") => Against::Nominal,
        Some("mean") => Against::Mean,
        Some("fit") => Against::Fit,
        _ => Against::Default,
    };
    Ok(How {
        period,
        against,
        deadline,
        ..How::default()
    })
}

/// Did the run end as it should?
fn ended(run: &Run, outcome: &Outcome, waited: bool) -> Verdict {
    let code = outcome.exit_code(waited);
    let (status, exit) = match outcome {
        Outcome::Internal(_) | Outcome::Unmodelled | Outcome::Interrupted => (Status::Error, code),
        _ if code == Exit::Done as u8 => (Status::Pass, code),
        Outcome::Limit | Outcome::Asleep => (Status::Fail, code),
        // The firmware's own status could be any number.
        _ => (Status::Fail, Exit::Firmware as u8),
    };
    let detail = match outcome {
        Outcome::Lockup(text) => format!("{outcome}: {text}"),
        Outcome::Limit | Outcome::Asleep if waited => {
            format!("{outcome}, before what `until` waits for")
        }
        _ => outcome.to_string(),
    };
    Verdict {
        run: run.id.clone(),
        kind: Kind::Run,
        status,
        signal: String::new(),
        metric: String::new(),
        wanted: "ends well".to_owned(),
        got: outcome.to_string(),
        message: if status == Status::Pass {
            String::new()
        } else {
            detail
        },
        place: None,
        asked_at: None,
        exit,
    }
}

/// Is the signal there, from the begin to the end?
fn presence(
    bench: &Bench,
    run: &Run,
    entry: &SignalEntry,
    recorded: &Recorded,
    (start, end): (u64, u64),
    how: &How,
    timebase: &Timebase,
) -> Option<Verdict> {
    let verdict = |message: String| Verdict {
        run: run.id.clone(),
        kind: Kind::Signal,
        status: Status::Error,
        signal: entry.name.value.clone(),
        metric: String::new(),
        wanted: "is there".to_owned(),
        got: format!("{} times", recorded.len()),
        message,
        place: None,
        asked_at: Some(bench.line(&entry.source.at)),
        exit: Exit::Firmware as u8,
    };
    let (Some(&first), Some(&last)) = (recorded.times.first(), recorded.times.last()) else {
        if entry.optional {
            return None;
        }
        let more = match recorded.open {
            0 => String::new(),
            n => format!("; {n} intervals had begun at the end of the run"),
        };
        let from = if start > 0 { " after the warm-up" } else { "" };
        return Some(verdict(format!(
            "it never happened{from}: {}{more}",
            recorded.source
        )));
    };
    if entry.optional {
        return None;
    }
    let whole = end.saturating_sub(start) as f64;
    if let Some(begin) = recorded.waiting {
        let lengths = recorded.intervals().into_iter().map(|(b, e)| e - b);
        let longest = lengths.max().unwrap_or(0) as f64;
        let open = end.saturating_sub(begin);
        if open as f64 > (SILENT_PERIODS * longest).max(SILENT_SHARE_WITHOUT * whole) {
            return Some(verdict(format!(
                "what began at cycle {begin} had no end when the run ended, {open} cycles later"
            )));
        }
    }
    let (before, after) = (first.saturating_sub(start), end.saturating_sub(last));
    let Some(period) = how.period else {
        let gaps = recorded.times.windows(2).map(|w| w[1] - w[0]);
        let longest = gaps.max().unwrap_or(u64::MAX) as f64;
        let stopped = after as f64 > (SILENT_PERIODS * longest).max(SILENT_SHARE_WITHOUT * whole);
        return stopped.then(|| {
            verdict(format!(
                "it stops at cycle {last}, {after} cycles before the end of the run"
            ))
        });
    };
    let period = crate::analysis::cycles(period, timebase, end)
        .ok()?
        .as_f64();
    let most = (SILENT_PERIODS * period).max(SILENT_SHARE * whole);
    if after as f64 > most {
        let text = format!("it stops at cycle {last}, {after} cycles before the end of the run");
        return Some(verdict(text));
    }
    if before as f64 > most {
        let text = format!("it starts at cycle {first} only, {before} cycles after the begin");
        return Some(verdict(text));
    }
    None
}

/// The worst edge or interval, and who caused it.
fn worst(analysis: &Analysis, recorded: &Recorded, places: Places<'_>) -> Option<Place> {
    let (index, cycle) = match analysis {
        Analysis::Edges(e) => {
            let worst = e.period.as_ref()?.worst.first()?;
            (worst.index, worst.cycle)
        }
        Analysis::Intervals(i) => {
            let worst = i.worst.first()?;
            (worst.index, worst.cycle)
        }
    };
    let pc = *recorded.pcs.get(usize::try_from(index).ok()?)?;
    let spot = places.of(pc);
    Some(Place {
        cycle,
        pc,
        function: spot.function,
        file: spot.file,
        line: spot.line,
    })
}

impl Budget {
    /// Is it for this run?
    pub(super) fn fits(&self, run: &Run) -> bool {
        let named = self.firmware.iter().any(|f| f.value == run.firmware);
        (self.firmware.is_empty() || named) && self.only.iter().all(|part| run.id.contains(part))
    }
}
