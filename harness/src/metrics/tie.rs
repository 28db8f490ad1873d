//! Time interval error: how far each edge lies from where an ideal clock of period T has it.

use super::rational::Rational;
use super::reference::{Kind, Period};
use super::scaled::{Scaled, Whole, on_values};
use super::sum;
use super::times::Times;
use super::view::{Envelope, envelope};
use super::worst::{Largest, Worst};
use serde::{Deserialize, Serialize};

/// Where the ideal clock starts: `a` in x_k = t_k - (a + k T).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offset {
    /// So that the squares of the errors are least: their mean is 0.
    #[default]
    LeastSquares,
    /// At the first edge: its error is 0.
    FirstEdge,
}

/// Time interval error of all edges, from edge 0. Cycles.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Tie {
    /// Where the ideal clock starts.
    pub offset: Offset,
    /// The latest edge less the earliest, exact.
    pub pp: Rational,
    /// The earliest edge: below 0 is early.
    pub min: f64,
    /// The latest edge.
    pub max: f64,
    /// The root of the mean square.
    pub rms: f64,
    /// The edges farthest from their places.
    pub worst: Vec<Worst<f64>>,
    /// Earliest and latest by stretches of edges, for plots.
    pub view: Envelope,
}

impl Tie {
    /// None with fewer than three edges when T was taken from them (a line through two points has no error), else with
    /// fewer than two.
    #[must_use]
    pub fn of(
        times: Times,
        t: Period,
        scaled: &Scaled,
        offset: Offset,
        worst: usize,
        points: usize,
    ) -> Option<Tie> {
        if times.edges() < Tie::needs(t.kind) {
            return None;
        }
        on_values!(scaled, v => of(times, v, scaled, offset, worst, points))
    }

    /// How many edges it needs.
    #[must_use]
    pub fn needs(kind: Kind) -> usize {
        if kind == Kind::Nominal { 2 } else { 3 }
    }
}

/// TIE in cycles against a clock that starts at the first edge, subtracted before anything is rounded.
#[must_use]
pub fn from_first(scaled: &Scaled) -> Vec<f64> {
    on_values!(scaled, v => about_first(v, scaled.den() as f64))
}

fn about_first<S: Whole>(values: &[S], den: f64) -> Vec<f64> {
    let Some(&first) = values.first() else {
        return Vec::new();
    };
    values
        .iter()
        .map(|v| v.minus(first).float() / den)
        .collect()
}

fn of<S: Whole>(
    times: Times,
    values: &[S],
    scaled: &Scaled,
    offset: Offset,
    worst: usize,
    points: usize,
) -> Option<Tie> {
    let (low, high) = (*values.iter().min()?, *values.iter().max()?);
    let mut x = about_first(values, scaled.den() as f64);
    if offset == Offset::LeastSquares {
        let mean = sum::mean(&x);
        x.iter_mut().for_each(|v| *v -= mean);
    }
    let rms = (sum::sum(x.iter().map(|v| v * v)) / x.len() as f64).sqrt();
    let index = |extreme: S| values.iter().position(|&v| v == extreme);
    Some(Tie {
        offset,
        pp: scaled.pp()?,
        min: x[index(low)?],
        max: x[index(high)?],
        rms,
        worst: farthest(times, values, &x, worst),
        view: envelope(&x, points),
    })
}

/// The farthest edges on both sides, found by exact comparison, then ordered by distance.
fn farthest<S: Whole>(times: Times, values: &[S], x: &[f64], most: usize) -> Vec<Worst<f64>> {
    let (mut late, mut early) = (Largest::new(most), Largest::new(most));
    for (k, &v) in values.iter().enumerate() {
        late.offer(v, || k);
        early.offer(std::cmp::Reverse(v), || k);
    }
    let mut edges: Vec<usize> = late.into_items().chain(early.into_items()).collect();
    edges.sort_unstable();
    edges.dedup();
    edges.sort_by(|&a, &b| x[b].abs().total_cmp(&x[a].abs()));
    edges.truncate(most);
    let at = |k: usize| Worst {
        index: k as u64,
        cycle: times.all()[k],
        value: x[k],
    };
    edges.into_iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::super::reference::Reference;
    use super::*;

    fn tie(times: &[u64], reference: Reference, offset: Offset) -> Option<Tie> {
        let times = Times::new(times).expect("ascending");
        let t = reference.of(times)?;
        Tie::of(times, t, &Scaled::of(times, t), offset, 3, 100)
    }

    #[test]
    fn one_late_edge() {
        let mut times: Vec<u64> = (0..10).map(|k| 1_000_000_000_000 + 100 * k).collect();
        times[4] += 7;
        let nominal = Reference::Nominal(Rational::whole(100));
        let t = tie(&times, nominal, Offset::FirstEdge).expect("edges");
        assert_eq!((t.min, t.max, t.pp), (0.0, 7.0, Rational::whole(7)));
        assert!((t.rms - (4.9f64).sqrt()).abs() < 1e-14);
        assert_eq!((t.worst[0].index, t.worst[0].value), (4, 7.0));
        assert_eq!(t.worst[0].cycle, times[4]);
        let t = tie(&times, nominal, Offset::LeastSquares).expect("edges");
        assert!((t.max - 6.3).abs() < 1e-12 && (t.min + 0.7).abs() < 1e-12);
        assert_eq!(t.pp, Rational::whole(7));
    }

    #[test]
    fn a_steady_clock_has_none_whatever_t() {
        let times: Vec<u64> = (0..10).map(|k| 7 + 168_001 * k).collect();
        for reference in [Reference::Mean, Reference::BestFit] {
            let t = tie(&times, reference, Offset::LeastSquares).expect("edges");
            assert_eq!((t.min, t.max, t.rms, t.pp), (0.0, 0.0, 0.0, Rational::ZERO));
        }
    }

    #[test]
    fn two_edges_have_none_of_their_own() {
        assert_eq!(tie(&[1, 5], Reference::Mean, Offset::FirstEdge), None);
        let nominal = Reference::Nominal(Rational::whole(3));
        let t = tie(&[1, 5], nominal, Offset::FirstEdge).expect("two edges do");
        assert_eq!(t.pp, Rational::whole(1));
        assert_eq!(tie(&[1], nominal, Offset::FirstEdge), None);
    }
}
