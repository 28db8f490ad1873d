//! All metrics of one edge list, in one value for reports.

use super::allan::Allan;
use super::comb::Comb;
use super::cycle_to_cycle::CycleToCycle;
use super::duty::Duty;
use super::mtie::{Mtie, mtie};
use super::n_period::NPeriod;
use super::period::PeriodJitter;
use super::rational::Rational;
use super::reference::{Period, Reference, check_nominal};
use super::regularity::Regularity;
use super::scaled::Scaled;
use super::spectrum::Spectrum;
use super::sweep::powers_and;
use super::tie::{self, Offset, Tie};
use super::times::{BadInput, Times};
use super::values::Values;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::thread;

/// How edges are analysed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EdgeOptions {
    /// Where T is taken from.
    pub reference: Reference,
    /// The nominal period in cycles, for drift and for skipped and doubled periods. A nominal `reference` is it, too.
    pub nominal: Option<Rational>,
    /// Where TIE's ideal clock starts.
    pub offset: Offset,
    /// Core frequency in Hz, for views in seconds.
    pub core_hz: Option<Rational>,
    /// n and m beside the powers of two.
    pub also: BTreeSet<u64>,
    /// How many of the worst periods and edges are listed, and of the spectrum's peaks.
    pub worst: usize,
    /// Points in a plot.
    pub points: usize,
}

impl Default for EdgeOptions {
    fn default() -> EdgeOptions {
        EdgeOptions {
            reference: Reference::default(),
            nominal: None,
            offset: Offset::default(),
            core_hz: None,
            also: BTreeSet::new(),
            worst: 10,
            points: 2048,
        }
    }
}

impl EdgeOptions {
    /// The nominal period, from `nominal` or a nominal `reference`.
    #[must_use]
    pub fn nominal_period(&self) -> Option<Rational> {
        match self.reference {
            Reference::Nominal(t) => Some(self.nominal.unwrap_or(t)),
            Reference::Mean | Reference::BestFit => self.nominal,
        }
    }
}

/// Everything about one edge list. What too few edges do not allow is absent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EdgeAnalysis {
    /// How many edges.
    pub edges: u64,
    /// Cycle of the first edge.
    pub first: Option<u64>,
    /// Cycle of the last edge.
    pub last: Option<u64>,
    /// T, and which one it is. Absent below two edges, unless it is nominal.
    pub reference: Option<Period>,
    /// Core frequency in Hz, when it was told.
    pub core_hz: Option<Rational>,
    /// Period jitter: from two edges.
    pub period: Option<PeriodJitter>,
    /// Cycle-to-cycle jitter: from three edges.
    pub cycle_to_cycle: Option<CycleToCycle>,
    /// N-period jitter for n = 1, 2, 4, … and those asked for.
    pub n_period: Vec<NPeriod>,
    /// Time interval error: from three edges, with a nominal T from two.
    pub tie: Option<Tie>,
    /// MTIE for n = 1, 2, 4, … and those asked for.
    pub mtie: Vec<Mtie>,
    /// Allan deviation for m = 1, 2, 4, … and those asked for: from three edges.
    pub allan: Vec<Allan>,
    /// Drift, skipped and doubled periods: with a nominal period, from two edges.
    pub regularity: Option<Regularity>,
    /// Spectrum of TIE: from 16 edges.
    pub spectrum: Option<Spectrum>,
    /// The comb, when there is one: from nine edges.
    pub comb: Option<Comb>,
    /// High time and duty cycle, when the falling edges were given.
    pub duty: Option<Duty>,
    /// What the events carry, when their values were given.
    pub values: Option<Values>,
}

impl EdgeAnalysis {
    /// Analyses ascending stamps in cycles.
    ///
    /// # Errors
    /// Stamps that are not ascending or too far apart, and a nominal period that cannot be one.
    pub fn new(times: &[u64], options: &EdgeOptions) -> Result<EdgeAnalysis, BadInput> {
        options.reference.check()?;
        options.nominal_period().map_or(Ok(()), check_nominal)?;
        let times = Times::new(times)?;
        let reference = options.reference.of(times);
        let mut analysis = EdgeAnalysis {
            edges: times.edges() as u64,
            first: times.all().first().copied(),
            last: times.all().last().copied(),
            reference,
            core_hz: options.core_hz,
            period: reference.and_then(|t| PeriodJitter::of(times, t, options.worst)),
            cycle_to_cycle: CycleToCycle::of(times, options.worst),
            n_period: Vec::new(),
            tie: None,
            mtie: Vec::new(),
            allan: Vec::new(),
            regularity: options
                .nominal_period()
                .and_then(|t| Regularity::of(times, t, options.worst)),
            spectrum: None,
            comb: None,
            duty: None,
            values: None,
        };
        if let Some(t) = reference {
            analysis.add_long_term(times, t, options);
        }
        Ok(analysis)
    }

    /// As [`EdgeAnalysis::new`], of rising edges, with high time and duty cycle from the falling edges.
    ///
    /// # Errors
    /// As [`EdgeAnalysis::new`], for both lists.
    pub fn with_falls(
        rises: &[u64],
        falls: &[u64],
        options: &EdgeOptions,
    ) -> Result<EdgeAnalysis, BadInput> {
        let mut analysis = EdgeAnalysis::new(rises, options)?;
        analysis.duty = Duty::of(Times::new(rises)?, Times::new(falls)?);
        Ok(analysis)
    }

    /// What looks at many periods together, in two threads that do not see each other.
    fn add_long_term(&mut self, times: Times, t: Period, options: &EdgeOptions) {
        let windows = powers_and(&options.also, times.periods() as u64);
        let scaled = Scaled::of(times, t);
        let errors = tie::from_first(&scaled);
        thread::scope(|scope| {
            let beside = scope.spawn(|| {
                let spectrum = Spectrum::of(errors, t, options.worst, options.points);
                let n_period = windows.iter().map(|&n| NPeriod::of(times, t, n));
                (spectrum, Comb::of(times), n_period.flatten().collect())
            });
            self.tie = Tie::of(
                times,
                t,
                &scaled,
                options.offset,
                options.worst,
                options.points,
            );
            if self.tie.is_some() {
                self.mtie = mtie(scaled, &windows);
            }
            let allan = windows.iter().map(|&m| Allan::of(times, t, m));
            self.allan = allan.flatten().collect();
            // A panic there is a defect; it goes on here.
            (self.spectrum, self.comb, self.n_period) = beside
                .join()
                .unwrap_or_else(|p| std::panic::resume_unwind(p));
        });
    }

    /// How many periods: one less than edges.
    #[must_use]
    pub fn periods(&self) -> u64 {
        self.edges.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_edges_are_a_clear_state() {
        let options = EdgeOptions {
            nominal: Some(Rational::whole(100)),
            ..EdgeOptions::default()
        };
        for n in 0..4u64 {
            let times: Vec<u64> = (0..n).map(|k| 50 + k * 101).collect();
            let a = EdgeAnalysis::new(&times, &options).expect("ascending");
            assert_eq!(a.edges, n);
            assert_eq!(a.periods(), n.saturating_sub(1));
            assert_eq!(a.first, times.first().copied());
            assert_eq!(a.reference.is_some(), n >= 2);
            assert_eq!(a.period.is_some(), n >= 2);
            assert_eq!(a.regularity.is_some(), n >= 2);
            assert_eq!(a.cycle_to_cycle.is_some(), n >= 3);
            assert_eq!(a.tie.is_some(), n >= 3);
            assert_eq!(a.mtie.is_empty(), n < 3);
            assert_eq!(a.allan.len(), usize::from(n >= 3));
            assert_eq!((a.spectrum, a.comb, a.duty), (None, None, None));
        }
    }

    #[test]
    fn all_edges_in_one_cycle_give_no_nan() {
        let a = EdgeAnalysis::new(&[9; 40], &EdgeOptions::default()).expect("ascending");
        let text = serde_json::to_string(&a).expect("JSON");
        assert!(!text.contains("NaN") && a.allan.is_empty() && a.spectrum.is_none());
        assert_eq!(a.period.expect("periods").summary.max, 0);
    }

    #[test]
    fn bad_input_is_an_error() {
        let options = EdgeOptions::default();
        assert!(EdgeAnalysis::new(&[3, 2], &options).is_err());
        assert!(EdgeAnalysis::with_falls(&[1, 2], &[3, 2], &options).is_err());
        let nominal = EdgeOptions {
            nominal: Some(Rational::ZERO),
            ..EdgeOptions::default()
        };
        assert!(EdgeAnalysis::new(&[1, 2], &nominal).is_err());
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let rises: Vec<u64> = (0..200u64).map(|k| k * 1000 + k * k % 7).collect();
        let falls: Vec<u64> = rises.iter().map(|t| t + 400).collect();
        let options = EdgeOptions {
            also: BTreeSet::from([3, 10]),
            nominal: Some(Rational::whole(1000)),
            ..EdgeOptions::default()
        };
        let a = EdgeAnalysis::with_falls(&rises, &falls, &options).expect("ascending");
        assert_eq!(
            a.mtie.iter().map(|m| m.n).collect::<Vec<_>>(),
            [1, 2, 3, 4, 8, 10, 16, 32, 64, 128]
        );
        let text = toml::to_string(&a).expect("TOML");
        assert_eq!(toml::from_str::<EdgeAnalysis>(&text).expect("TOML"), a);
        let text = toml::to_string(&options).expect("TOML");
        assert_eq!(toml::from_str::<EdgeOptions>(&text).expect("TOML"), options);
    }
}
