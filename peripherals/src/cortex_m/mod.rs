//! Devices of the Cortex-M private peripheral bus: register views of `emu_core::cortex_m::System`.

mod common;
mod mpu;
pub mod nvic;
pub mod scs;
mod scs_ids;
mod scs_names;
pub mod systick;
#[cfg(test)]
pub(crate) mod testing;

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[
    Model {
        name: "cortex_m.systick",
        summary: "System timer, with ICTR and ACTLR",
        build: systick::build,
    },
    Model {
        name: "cortex_m.nvic",
        summary: "Interrupt controller registers",
        build: nvic::build,
    },
    Model {
        name: "cortex_m.scs",
        summary: "System control block, MPU, debug control and FPU control",
        build: scs::build,
    },
];
