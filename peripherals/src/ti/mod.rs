//! TI (Stellaris) devices.

pub mod gpio;
pub mod gptm;
mod ids;
pub mod sysctl;
mod sysctl_clock;
pub mod uart;
mod uart_line;

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[
    Model {
        name: "ti.uart",
        summary: "Stellaris UART (PL011)",
        build: uart::build,
    },
    Model {
        name: "ti.gpio",
        summary: "Stellaris GPIO port",
        build: gpio::build,
    },
    Model {
        name: "ti.gptm",
        summary: "Stellaris general-purpose timer",
        build: gptm::build,
    },
    Model {
        name: "ti.sysctl",
        summary: "Stellaris system control and clocks",
        build: sysctl::build,
    },
];
