//! SiFive devices.

pub mod gpio;
pub mod uart;

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[
    Model {
        name: "sifive.uart",
        summary: "SiFive UART with 8-deep FIFOs",
        build: uart::build,
    },
    Model {
        name: "sifive.gpio",
        summary: "SiFive GPIO controller, 32 pins",
        build: gpio::build,
    },
];
