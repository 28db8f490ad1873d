//! Machines as data: chip and board files, their schema, and the builder from a file to a bus.
//!
//! [`MachineSpec::load`] reads a machine by name or from a file, [`MachineSpec::set`] changes one
//! value, [`MachineSpec::build`] makes the bus with memory and devices. [`detect()`] finds the machine
//! for a firmware. What a file may say is in [`file`].

mod build;
mod check;
pub mod detect;
pub mod errors;
pub mod file;
pub mod library;
mod merge;
mod nets;
mod overrides;
pub mod schema;
pub mod source;
mod spec;
mod suggest;
mod value;
mod wiring;

pub use build::{BuildOptions, Catalogue};
pub use detect::{Detection, ImageFacts, detect};
pub use errors::{Diagnostic, Errors};
pub use library::{Class, Entry, list};
pub use spec::MachineSpec;
pub use value::{Hertz, Size, Sp};
