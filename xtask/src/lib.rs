//! What the chores of the repository and their tests share.

pub mod probes;
