//! From what a signal did to what is said about it: metrics by name, tables, pages.

mod figures;
mod lanes;
mod looked;
mod page;
mod picture;
mod place;
mod table;

pub use figures::{Figure, figures};
pub use lanes::lanes;
pub use looked::{Looked, look, page};
pub use page::{run as page_run, signal as page_signal};
pub use picture::{Plot, plot};
pub use place::{Places, Spot};
pub use table::{Column, table};

use crate::failure::Failure;
use crate::metrics::edges::{EdgeAnalysis, EdgeOptions};
use crate::metrics::intervals::{IntervalAnalysis, IntervalOptions};
use crate::metrics::name::Metric;
use crate::metrics::rational::Rational;
use crate::metrics::reference::Reference;
use crate::metrics::times::BadInput;
use crate::metrics::values::Values;
use crate::signal::Recorded;
use crate::timebase::Timebase;
use crate::units::Span;
use emu_core::Cycles;

/// What periods are compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Against {
    /// The nominal period when there is one, else the mean.
    Default,
    /// The nominal period.
    Nominal,
    /// The mean period.
    Mean,
    /// The best fit.
    Fit,
}

/// How a signal is looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct How {
    /// Nominal period.
    pub period: Option<Span>,
    /// What periods are compared with.
    pub against: Against,
    /// An interval that is longer has missed its deadline.
    pub deadline: Option<Span>,
    /// Metrics that somebody asks for, beside the usual ones.
    pub also: Vec<Metric>,
}

impl Default for How {
    fn default() -> How {
        How {
            period: None,
            against: Against::Default,
            deadline: None,
            also: Vec::new(),
        }
    }
}

/// What is known of a signal.
#[derive(Clone, PartialEq, Debug)]
pub enum Analysis {
    /// Of edges.
    Edges(Box<EdgeAnalysis>),
    /// Of intervals.
    Intervals(Box<IntervalAnalysis>),
}

impl Analysis {
    /// Look at a signal of a run that went from `start` to `end`.
    ///
    /// # Errors
    /// A [`Failure`] for a nominal period that cannot be one.
    pub fn of(
        signal: &Recorded,
        how: &How,
        timebase: &Timebase,
        (start, end): (u64, u64),
    ) -> Result<Analysis, Failure> {
        let hz = timebase.hz_at(Cycles(end));
        let core_hz = Rational::new(hz.num().into(), hz.den().into());
        let wrong = |e: BadInput| Failure::usage(format!("signal `{}`: {e}", signal.name));
        let usual = figures::usual();
        if signal.interval {
            let last = signal.ends.iter().copied().max().unwrap_or(end);
            let deadline = how.deadline.map(|d| cycles(d, timebase, end)).transpose()?;
            let mut options = IntervalOptions {
                run: Some((start, end.max(start).max(last))),
                // A part of a cycle too late is too late by the next one.
                deadline: deadline.map(|d| u64::try_from(d.num() / d.den()).unwrap_or(u64::MAX)),
                core_hz,
                ..IntervalOptions::default()
            };
            for metric in usual.iter().chain(&how.also) {
                options.need(*metric);
            }
            let analysis = IntervalAnalysis::new(&signal.intervals(), &options).map_err(wrong)?;
            return Ok(Analysis::Intervals(Box::new(analysis)));
        }
        let nominal = how.period.map(|p| cycles(p, timebase, end)).transpose()?;
        let mut options = EdgeOptions {
            reference: match (how.against, nominal) {
                (Against::Default | Against::Nominal, Some(t)) => Reference::Nominal(t),
                (Against::Fit, _) => Reference::BestFit,
                _ => Reference::Mean,
            },
            nominal,
            core_hz,
            ..EdgeOptions::default()
        };
        for metric in usual.iter().chain(&how.also) {
            options.need(*metric);
        }
        let analysis = match signal.opposite.is_empty() {
            true => EdgeAnalysis::new(&signal.times, &options),
            false => EdgeAnalysis::with_falls(&signal.times, &signal.opposite, &options),
        };
        let mut analysis = analysis.map_err(wrong)?;
        if signal.valued {
            analysis.values = Values::of(&signal.values, (start, end));
        }
        Ok(Analysis::Edges(Box::new(analysis)))
    }

    /// How many edges or intervals.
    #[must_use]
    pub fn n(&self) -> u64 {
        match self {
            Analysis::Edges(e) => e.edges,
            Analysis::Intervals(i) => i.count,
        }
    }
}

/// A span in core cycles, exactly, by the clock at the end of the run.
///
/// # Errors
/// A [`Failure`] when it cannot be expressed.
pub fn cycles(span: Span, timebase: &Timebase, end: u64) -> Result<Rational, Failure> {
    let exact = match span {
        Span::Cycles(n) => Some(Rational::whole(n)),
        Span::Time(t) => {
            let hz = timebase.hz_at(Cycles(end));
            // Without common factors of ten the product would not fit.
            let (mut t, mut per) = (t, crate::units::AS_PER_S);
            while t != 0 && t.is_multiple_of(10) && per > 1 {
                (t, per) = (t / 10, per / 10);
            }
            let num = i128::try_from(t).ok();
            let num = num.and_then(|t| t.checked_mul(hz.num().into()));
            let den = i128::try_from(per).ok();
            let den = den.and_then(|d| d.checked_mul(hz.den().into()));
            num.zip(den).and_then(|(n, d)| Rational::new(n, d))
        }
    };
    exact.ok_or_else(|| {
        Failure::usage(format!(
            "{span} cannot be expressed in cycles of this clock"
        ))
    })
}
