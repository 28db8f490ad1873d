//! Machines.
pub mod errors;
pub mod file;
pub mod source;
pub mod suggest;
pub mod value;
