//! Runs side by side: their figures, where they part, which functions take longer, and whether differences over many
//! seeds are more than chance.
//!
//! Three sorts of things can be compared: runs (firmware that runs now, or captures), results of single runs
//! (`result.json`), and results of benches (`result.ndjson`). Each becomes a [`Comparison`], which is shown as text,
//! Markdown, lines of JSON, or a page. One run is one sample: single runs are compared exactly, and statistics are made
//! only over runs with different seeds or stimuli.

pub mod bench_result;
pub mod benches;
pub mod change;
pub mod comparison;
pub mod direction;
pub mod facts;
pub mod first_difference;
pub mod functions;
pub mod input;
pub mod markdown;
pub mod ndjson;
pub mod page;
pub mod run_file;
pub mod samples;
pub mod selection;
pub mod signals;
pub mod table;
pub mod text;
pub mod tolerance;

pub use change::{Change, Judge, Statistics, Verdict};
pub use comparison::{Comparison, Kind, Problem};
pub use direction::Direction;
pub use table::{Row, Table};
pub use tolerance::Tolerance;
