//! Devices of the Cortex-M private peripheral bus: register views of `emu_core::cortex_m::System`.

mod common;
pub mod dwt;
pub mod fpb;
pub mod itm;
mod mpu;
pub mod nvic;
pub mod rom_table;
pub mod scs;
mod scs_exceptions;
mod scs_ids;
mod scs_names;
pub mod systick;
#[cfg(test)]
pub(crate) mod testing;
pub mod tpiu;

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
    Model {
        name: "cortex_m.dwt",
        summary: "Data watchpoint and trace: cycle counter, counters, cycle comparator",
        build: dwt::build,
    },
    Model {
        name: "cortex_m.itm",
        summary: "Instrumentation trace: stimulus ports",
        build: itm::build,
    },
    Model {
        name: "cortex_m.tpiu",
        summary: "Trace port interface",
        build: tpiu::build,
    },
    Model {
        name: "cortex_m.fpb",
        summary: "Flash patch and breakpoint unit",
        build: fpb::build,
    },
    Model {
        name: "cortex_m.rom_table",
        summary: "CoreSight ROM table",
        build: rom_table::build,
    },
];
