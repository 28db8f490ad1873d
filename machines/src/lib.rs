//! Machines as data: chip and board files, their schema, and the builder from a file to a bus.
//!
//! [`MachineSpec::load`] reads a machine by name or from a file, [`MachineSpec::set`] changes one
//! value, [`MachineSpec::build`] makes the bus with memory and devices. [`detect()`] finds the machine
//! for a firmware. What a file may say is in [`mod@file`].
//!
//! A board of one's own is a few lines over a chip:
//!
//! ```
//! use machines::{MachineSpec, list};
//!
//! let board = r#"
//!     schema = 1
//!     name = "my-board"
//!     summary = "My board"
//!     chip = "stm32f407vg"
//!     console = "USART3"
//!     pin_names = { LED = "PE1" }
//!
//!     [[clock]]
//!     name = "HSE"
//!     hz = "25 MHz"
//!     source = "schematic, sheet 2"
//!
//!     [[part]]
//!     name = "D1"
//!     model = "ext.led"
//!     net = "LED"
//! "#;
//! let mut spec = MachineSpec::from_text("my-board.toml", board)?;
//! spec.set("flash.wait_states=5")?;
//! assert_eq!(spec.net("LED"), "PE1");
//! assert!(list().iter().any(|m| m.name == "stm32f407vg"));
//! # Ok::<(), machines::Errors>(())
//! ```

mod bare_bus;
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

pub use build::{BuildOptions, Catalogue, Create};
pub use detect::{Detection, ImageFacts, detect};
pub use errors::{Diagnostic, Errors};
pub use library::{Class, Entry, list};
pub use spec::MachineSpec;
pub use suggest::advice;
pub use value::{Hertz, Size, Sp, parse};
