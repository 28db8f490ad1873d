//! Which signals and metrics of results are compared.

use super::bench_result::BenchResult;
use crate::failure::Failure;
use crate::nearest::nearest;

/// What of the results is compared; nothing for all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// Names of signals.
    pub signals: Vec<String>,
    /// Names of metrics.
    pub metrics: Vec<String>,
}

impl Selection {
    /// Is everything that it names in one of the results?
    ///
    /// # Errors
    /// A [`Failure`] that lists what there is.
    pub fn check(&self, results: &[BenchResult]) -> Result<(), Failure> {
        let figures = || {
            results
                .iter()
                .flat_map(|r| &r.runs)
                .flat_map(|r| &r.figures)
        };
        let known = |wanted: &[String], all: Vec<&str>, what: &str| {
            let unknown = wanted.iter().find(|w| !all.contains(&w.as_str()));
            match unknown {
                None => Ok(()),
                Some(name) => {
                    let mut listed: Vec<&str> = Vec::new();
                    for name in &all {
                        if !listed.contains(name) {
                            listed.push(name);
                        }
                    }
                    let message = format!("no result has a {what} `{name}`");
                    let help = match nearest(name, listed.iter().copied(), 1).first() {
                        Some(near) => {
                            format!("did you mean `{near}`? there are: {}", listed.join(", "))
                        }
                        None => format!("there are: {}", listed.join(", ")),
                    };
                    Err(Failure::usage(message).help(help))
                }
            }
        };
        known(
            &self.signals,
            figures().map(|f| f.0.as_str()).collect(),
            "signal",
        )?;
        known(
            &self.metrics,
            figures().map(|f| f.1.as_str()).collect(),
            "metric",
        )
    }

    /// Is this figure compared?
    #[must_use]
    pub fn takes(&self, signal: &str, metric: &str) -> bool {
        let of = |list: &[String], name: &str| list.is_empty() || list.iter().any(|n| n == name);
        of(&self.signals, signal) && of(&self.metrics, metric)
    }
}
