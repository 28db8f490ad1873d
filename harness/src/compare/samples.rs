//! Which runs of two benches are compared with which: a run is one sample.

use super::bench_result::{BenchRun, Sample};
use std::collections::BTreeSet;

/// How the runs of a group are compared.
#[derive(Clone, PartialEq, Debug)]
pub enum Design<'a> {
    /// One run with one run: exactly.
    Exact(&'a BenchRun, &'a BenchRun),
    /// Runs in pairs of the same seed and stimuli.
    Paired(Vec<(&'a BenchRun, &'a BenchRun)>),
    /// Independent runs: no seed is on both sides.
    Unpaired(Vec<&'a BenchRun>, Vec<&'a BenchRun>),
}

/// How to compare, and what has to be told about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan<'a> {
    /// How; `None` when the runs cannot be compared.
    pub design: Option<Design<'a>>,
    /// Samples that only the first or only the second side has, though others are on both.
    pub alone: [Vec<&'a Sample>; 2],
    /// What a reader must know.
    pub note: String,
}

/// Plan the comparison of the runs of a group.
#[must_use]
pub fn plan<'a>(a: &[&'a BenchRun], b: &[&'a BenchRun]) -> Plan<'a> {
    let pairs = a.iter().filter_map(|&x| {
        let y = b.iter().find(|y| y.sample == x.sample)?;
        Some((x, *y))
    });
    let pairs: Vec<(&BenchRun, &BenchRun)> = pairs.collect();
    let common: BTreeSet<&Sample> = pairs.iter().map(|p| &p.0.sample).collect();
    let alone = |runs: &[&'a BenchRun]| -> Vec<&'a Sample> {
        let samples = runs.iter().map(|r| &r.sample);
        samples.filter(|s| !common.contains(s)).collect()
    };
    let told = match pairs.is_empty() {
        true => [Vec::new(), Vec::new()],
        false => [alone(a), alone(b)],
    };
    let with = |design, note: String| Plan {
        design: Some(design),
        alone: told.clone(),
        note,
    };
    let single = "one run is one sample: differences are exact, no statistics are made";
    match (pairs.as_slice(), a, b) {
        ([], [x], [y]) => with(
            Design::Exact(x, y),
            format!("{single}; {} against {}", x.sample, y.sample),
        ),
        ([], [_, _, ..], [_, _, ..]) => {
            let note = format!(
                "{} runs against {} with other seeds or stimuli: Mann-Whitney",
                a.len(),
                b.len()
            );
            with(Design::Unpaired(a.to_vec(), b.to_vec()), note)
        }
        ([], _, _) => Plan {
            design: None,
            alone: told.clone(),
            note: format!(
                "{} and {} runs, and no seed is on both sides: run both with the same seeds",
                a.len(),
                b.len()
            ),
        },
        ([(x, y)], _, _) => with(Design::Exact(x, y), format!("{single} ({})", x.sample)),
        _ if one_sample(pairs.iter().map(|p| p.0)) && one_sample(pairs.iter().map(|p| p.1)) => {
            let (x, y) = pairs[0];
            let note = format!(
                "the seeds change nothing here, so {} runs are one sample: differences are exact, no statistics are made",
                pairs.len()
            );
            with(Design::Exact(x, y), note)
        }
        _ => {
            let note = format!(
                "{} pairs of runs with the same seed and stimuli: Wilcoxon",
                pairs.len()
            );
            with(Design::Paired(pairs), note)
        }
    }
}

/// Did all of them measure the same in everything? Then they are one run, made again and again.
fn one_sample<'a>(mut runs: impl Iterator<Item = &'a BenchRun>) -> bool {
    let first = runs.next();
    runs.all(|r| first.is_some_and(|f| f.figures == r.figures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::rational::Rational;
    use crate::metrics::value::{MetricValue, Unit};

    fn runs(of: &[(u64, u64)]) -> Vec<BenchRun> {
        let run = |&(seed, value): &(u64, u64)| BenchRun {
            id: format!("seed={seed}"),
            group: String::new(),
            sample: Sample {
                stimuli: None,
                seed,
            },
            stop: "limit".to_owned(),
            code: 0,
            figures: vec![(
                "s".to_owned(),
                "period.pp".to_owned(),
                MetricValue::exact(Rational::whole(value), Unit::Cycles),
            )],
        };
        of.iter().map(run).collect()
    }

    fn planned(a: &[(u64, u64)], b: &[(u64, u64)]) -> (String, [usize; 2]) {
        let (a, b) = (runs(a), runs(b));
        let (a, b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
        let plan = plan(&a, &b);
        let name = match plan.design {
            None => "none".to_owned(),
            Some(Design::Exact(x, y)) => format!("exact {} {}", x.sample.seed, y.sample.seed),
            Some(Design::Paired(p)) => format!("paired {}", p.len()),
            Some(Design::Unpaired(a, b)) => format!("unpaired {} {}", a.len(), b.len()),
        };
        (name, plan.alone.map(|s| s.len()))
    }

    #[test]
    fn seeds_decide() {
        let none = [0, 0];
        assert_eq!(planned(&[(1, 5)], &[(1, 6)]), ("exact 1 1".into(), none));
        assert_eq!(planned(&[(1, 5)], &[(2, 6)]), ("exact 1 2".into(), none));
        let (a, b) = ([(1, 5), (2, 7)], [(2, 6), (1, 8)]);
        assert_eq!(planned(&a, &b), ("paired 2".into(), none));
        let b = [(3, 6), (4, 8), (5, 1)];
        assert_eq!(planned(&a, &b), ("unpaired 2 3".into(), none));
        let b = [(1, 6), (2, 8), (3, 1)];
        assert_eq!(planned(&a, &b), ("paired 2".into(), [0, 1]));
        assert_eq!(planned(&a, &[(2, 6)]), ("exact 2 2".into(), [1, 0]));
        assert_eq!(planned(&a, &[(9, 6)]), ("none".into(), none));
    }

    #[test]
    fn seeds_that_change_nothing_are_no_samples() {
        let (a, b) = ([(1, 5), (2, 5), (3, 5)], [(1, 6), (2, 6), (3, 6)]);
        assert_eq!(planned(&a, &b).0, "exact 1 1");
        // One side that random stimuli do not move any more is a result.
        let b = [(1, 6), (2, 7), (3, 6)];
        assert_eq!(planned(&a, &b).0, "paired 3");
    }
}
