//! The execution engine: Unicorn, and nothing but Unicorn.
//!
//! This is the only place that names it (and so the border of its GPL-2.0). [`internals`] holds what
//! leans on the insides of exactly one version; [`engine`] sets it up and drives it; [`cpu`] is a view of
//! the Cortex-M registers inside it, [`riscv`] the same for RV32.

pub mod cpu;
pub mod engine;
pub mod internals;
pub mod riscv;

pub use cpu::Cpu;
pub use engine::{Engine, Flow, Host, Isa, TlbAccess};
pub use riscv::RiscvCpu;
