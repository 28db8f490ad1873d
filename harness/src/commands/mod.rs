//! The sub-commands, one file each, and what `run` and `trace` share.

pub mod bench;
pub mod compare;
pub mod completions;
pub mod disasm;
pub mod execute;
pub mod export;
pub mod gdb;
pub mod jitter;
pub mod machine;
pub mod man;
pub mod options;
pub mod profile;
pub mod result;
pub mod run;
pub mod trace;
