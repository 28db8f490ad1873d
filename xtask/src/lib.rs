//! What the chores of the repository and their tests share.

pub mod accuracy;
pub mod measurements;
pub mod probes;
