//! Runs side by side: where they part, which functions take longer, and whether figures differ over many runs.

pub mod first_difference;
pub mod functions;
