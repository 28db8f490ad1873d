//! Devices of the RISC-V platform: core-local and platform-level interrupts.

pub mod clint;
pub mod plic;

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[
    Model {
        name: "riscv.clint",
        summary: "Core-local interruptor: software interrupt, mtime, mtimecmp",
        build: clint::build,
    },
    Model {
        name: "riscv.plic",
        summary: "Platform-level interrupt controller for one hart",
        build: plic::build,
    },
];
