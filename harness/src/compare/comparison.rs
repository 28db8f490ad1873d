//! What comparing gives, whatever was compared.

use super::change::Verdict;
use super::first_difference::Parting;
use super::table::{Row, Table};
use serde::Serialize;

/// All that is to be told.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Comparison {
    /// What is compared: label and description.
    pub inputs: Vec<(String, String)>,
    /// What has to be said first.
    pub notes: Vec<String>,
    /// Figures.
    pub tables: Vec<Table>,
    /// Where runs part from the first: the run's label, and where.
    pub partings: Vec<(String, Parting)>,
    /// What is missing or went wrong.
    pub problems: Vec<Problem>,
}

/// Of what sort a problem is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One side does not have it.
    Missing,
    /// A run ended otherwise.
    Ending,
    /// There are too few runs to compare.
    Incomparable,
}

/// Something that is not a figure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// Of what sort.
    pub kind: Kind,
    /// Group of runs, where there are some.
    pub group: String,
    /// Signal; may be empty.
    pub signal: String,
    /// Metric; may be empty.
    pub metric: String,
    /// In words.
    pub text: String,
    /// Does it fail under `--fail`?
    pub fails: bool,
}

impl Comparison {
    /// Rows that are worse, with their table, and the run that is worse.
    pub fn worse(&self) -> impl Iterator<Item = (&Table, &Row, usize)> {
        self.with(Verdict::Worse)
    }

    /// Judged rows with this verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = (&Table, &Row, usize)> {
        let rows = self.tables.iter().filter(|t| t.judged);
        let rows = rows.flat_map(|t| t.rows.iter().map(move |r| (t, r)));
        rows.flat_map(move |(t, r)| {
            let changes = r.changes.iter().enumerate();
            let is =
                move |c: &Option<super::Change>| c.as_ref().is_some_and(|c| c.verdict == verdict);
            changes
                .filter(move |(_, c)| is(c))
                .map(move |(n, _)| (t, r, n))
        })
    }

    /// How many rows have each verdict, in the order of telling.
    #[must_use]
    pub fn counts(&self) -> Vec<(Verdict, usize)> {
        use Verdict::{Better, Changed, Missing, New, Same, Unsure, Within, Worse};
        let all = [Worse, Missing, New, Better, Changed, Unsure, Within, Same];
        all.map(|v| (v, self.with(v).count())).to_vec()
    }

    /// Under `--fail`: does it?
    #[must_use]
    pub fn fails(&self) -> bool {
        self.worse().next().is_some() || self.problems.iter().any(|p| p.fails)
    }
}
