//! Runs side by side: a queue of runs, threads that take from it, and results in the order of the matrix.

use super::blame::{blame, in_run};
use super::file::Bench;
use super::judge::judge;
use super::matrix::Run;
use super::{Outcome, RunOutcome};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crossbeam_channel::unbounded;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is told while a bench runs: runs that are done, of how many, and the name of the last one.
pub type OnDone<'a> = &'a mut dyn FnMut(usize, usize, &RunOutcome);

/// Make all runs on `threads` threads; `keep` when a page needs the single edges.
///
/// # Errors
/// A [`Failure`] for what is wrong with the input of any run: then there is no result. Ctrl-C ends it, too.
pub fn run(
    bench: &Bench,
    threads: usize,
    keep: bool,
    interrupt: &Interrupt,
    on_done: OnDone<'_>,
) -> Result<Outcome, Failure> {
    let runs = bench.runs()?;
    let next = AtomicUsize::new(0);
    let (sender, receiver) = unbounded::<(usize, Result<RunOutcome, Failure>)>();
    let mut results: Vec<Option<RunOutcome>> = runs.iter().map(|_| None).collect();
    let mut failed: Option<(usize, Failure)> = None;
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, runs.len().max(1)) {
            let (sender, next, runs) = (sender.clone(), &next, &runs);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(run) = runs.get(n).filter(|_| !interrupt.is_raised()) else {
                        return;
                    };
                    let result = one(bench, run, keep, interrupt);
                    if sender.send((n, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut done = 0;
        for (n, result) in receiver {
            match result {
                Ok(outcome) => {
                    done += 1;
                    on_done(done, runs.len(), &outcome);
                    results[n] = Some(outcome);
                }
                Err(e) => {
                    // The first in the order of the matrix, whichever thread was faster.
                    if failed.as_ref().is_none_or(|(first, _)| n < *first) {
                        failed = Some((n, e));
                    }
                    next.store(runs.len(), Ordering::Relaxed);
                }
            }
        }
    });
    if let Some((_, failure)) = failed {
        return Err(failure);
    }
    if interrupt.is_raised() {
        return Err(Failure::interrupted());
    }
    Ok(Outcome {
        name: bench.file.name.value.clone(),
        file: bench.path.display().to_string(),
        runs: results.into_iter().flatten().collect(),
        verdicts: Vec::new(),
    })
}

fn one(bench: &Bench, run: &Run, keep: bool, interrupt: &Interrupt) -> Result<RunOutcome, Failure> {
    let work = std::panic::AssertUnwindSafe(|| {
        let done = run.job.run(interrupt);
        let done = done.map_err(|e| blame(bench, run, e))?;
        judge(bench, run, done, keep).map_err(|e| in_run(run, e))
    });
    // A defect of ours in one run shall be told as one, with its name.
    std::panic::catch_unwind(work).unwrap_or_else(|_| {
        let defect = Failure::internal("the tool panicked; this is a defect of it");
        Err(in_run(run, defect))
    })
}
