//! TI (Stellaris) devices.

mod ids;
pub mod uart;
mod uart_line;

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[Model {
    name: "ti.uart",
    summary: "Stellaris UART (PL011)",
    build: uart::build,
}];
