//! Jobs of a periodic task: release jitter, start latency, response time, deadlines.

use super::histogram::{Histogram, Summary};
use super::rational::Rational;
use super::reference::{Kind, Period, check_nominal};
use super::regularity::Regularity;
use super::scaled::Scaled;
use super::times::{BadInput, Times};
use super::worst::{Largest, Worst};
use serde::{Deserialize, Serialize};

/// One job of a task. Cycles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Job {
    /// When it became ready to run.
    pub release: u64,
    /// When it first ran; none if it never did.
    pub start: Option<u64>,
    /// When it was done; none if it never was.
    pub finish: Option<u64>,
    /// Cycles in the task's own context, when they are known.
    pub executed: Option<u64>,
}

/// What the task should do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TaskOptions {
    /// Its period in cycles.
    pub period: Option<Rational>,
    /// Its deadline in cycles after the release.
    pub deadline: Option<u64>,
    /// How many of the longest responses are listed.
    pub worst: usize,
}

/// How a task was scheduled. Cycles, but for counts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Scheduling {
    /// How many jobs.
    pub jobs: u64,
    /// Jobs that never started.
    pub unstarted: u64,
    /// Jobs that never finished.
    pub unfinished: u64,
    /// Release jitter, max(r_k - kT) - min(r_k - kT), exact: with a period, from one job.
    pub release_jitter: Option<Rational>,
    /// Releases against the period: drift, skipped and doubled ones.
    pub releases: Option<Regularity>,
    /// Start latency: release to start.
    pub start_latency: Option<Summary>,
    /// Response time: release to finish. Its p-p is the response jitter.
    pub response: Option<Summary>,
    /// Every response time with its count.
    pub response_histogram: Histogram,
    /// Execution time: observed, never a bound on the worst case.
    pub execution: Option<Summary>,
    /// Jobs that were not done by their deadline; those that never finished count only if `end` shows it has passed.
    pub misses: Option<u64>,
    /// The longest responses, by job from 0 and the cycle of its release.
    pub worst: Vec<Worst<u64>>,
}

impl Scheduling {
    /// Of jobs ascending by release, in a run that ends at cycle `end`.
    ///
    /// # Errors
    /// Jobs that are not ascending, or start or finish before they could; a period that cannot be one.
    pub fn new(jobs: &[Job], end: u64, options: &TaskOptions) -> Result<Scheduling, BadInput> {
        options.period.map_or(Ok(()), check_nominal)?;
        let releases: Vec<u64> = jobs.iter().map(|j| j.release).collect();
        let times = Times::new(&releases)?;
        for (index, job) in jobs.iter().enumerate() {
            let begin = job.start.unwrap_or(job.release);
            let after = [job.start, job.finish].into_iter().flatten();
            let early = after.filter(|&c| c < job.release || (c < begin && job.finish == Some(c)));
            if let Some(end) = early.min() {
                return Err(BadInput::Backwards { index, begin, end });
            }
        }
        let since = |f: fn(&Job) -> Option<u64>| -> Histogram {
            let found = jobs.iter().filter_map(|j| Some(length(f(j)? - j.release)));
            Histogram::of(found.collect())
        };
        let response = since(|j| j.finish);
        let mut largest = Largest::new(options.worst);
        for (i, j) in jobs.iter().enumerate() {
            if let Some(finish) = j.finish {
                largest.offer(finish - j.release, || Worst {
                    index: i as u64,
                    cycle: j.release,
                    value: finish - j.release,
                });
            }
        }
        let executed = jobs.iter().filter_map(|j| j.executed.map(length));
        let missed = |d: u64| {
            let late = |j: &&Job| j.finish.unwrap_or(end).saturating_sub(j.release) > d;
            jobs.iter().filter(late).count() as u64
        };
        Ok(Scheduling {
            jobs: jobs.len() as u64,
            unstarted: jobs.iter().filter(|j| j.start.is_none()).count() as u64,
            unfinished: jobs.iter().filter(|j| j.finish.is_none()).count() as u64,
            release_jitter: options.period.and_then(|t| release_jitter(times, t)),
            releases: options
                .period
                .and_then(|t| Regularity::of(times, t, options.worst)),
            start_latency: since(|j| j.start).summary(),
            response: response.summary(),
            response_histogram: response,
            execution: Histogram::of(executed.collect()).summary(),
            misses: options.deadline.map(missed),
            worst: largest.into_items().collect(),
        })
    }
}

fn length(cycles: u64) -> i64 {
    i64::try_from(cycles).unwrap_or(i64::MAX)
}

fn release_jitter(times: Times, t: Rational) -> Option<Rational> {
    let t = Period {
        kind: Kind::Nominal,
        cycles: t,
    };
    Scaled::of(times, t).pp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(release: u64, start: u64, finish: u64) -> Job {
        Job {
            release,
            start: Some(start),
            finish: Some(finish),
            executed: Some(5),
        }
    }

    #[test]
    fn a_task_with_a_late_and_a_lost_job() {
        let jobs = [
            job(1000, 1004, 1050),
            job(1103, 1103, 1190),
            job(1200, 1250, 1330),
            Job {
                start: None,
                finish: None,
                executed: None,
                ..job(1400, 0, 0)
            },
        ];
        let options = TaskOptions {
            period: Some(Rational::whole(100)),
            deadline: Some(100),
            worst: 2,
        };
        let s = Scheduling::new(&jobs, 1600, &options).expect("fine");
        assert_eq!(
            (s.jobs, s.unstarted, s.unfinished, s.misses),
            (4, 1, 1, Some(2))
        );
        // r_k - kT: 1000, 1003, 1000, 1100.
        assert_eq!(s.release_jitter, Some(Rational::whole(100)));
        assert_eq!(s.releases.map(|r| (r.skipped, r.doubled)), Some((1, 0)));
        assert_eq!(
            s.start_latency.map(|l| (l.min, l.max, l.count)),
            Some((0, 50, 3))
        );
        assert_eq!(
            s.response.map(|r| (r.min, r.max, r.pp)),
            Some((50, 130, 80))
        );
        assert_eq!(s.execution.map(|e| e.max), Some(5));
        let worst: Vec<_> = s.worst.iter().map(|w| (w.index, w.value)).collect();
        assert_eq!(worst, [(2, 130), (1, 87)]);
        // The lost job's deadline is not over yet.
        let s = Scheduling::new(&jobs, 1500, &options).expect("fine");
        assert_eq!(s.misses, Some(1));
    }

    #[test]
    fn nothing_and_nonsense() {
        let s = Scheduling::new(&[], 0, &TaskOptions::default()).expect("fine");
        assert_eq!(
            (s.jobs, s.response, s.misses, s.release_jitter),
            (0, None, None, None)
        );
        let plain = TaskOptions::default();
        assert!(Scheduling::new(&[job(10, 9, 20)], 50, &plain).is_err());
        assert!(Scheduling::new(&[job(10, 15, 12)], 50, &plain).is_err());
        assert!(Scheduling::new(&[job(10, 15, 20), job(9, 9, 9)], 50, &plain).is_err());
    }
}
