//! The Cortex-M exception model: ARMv6-M and ARMv7-M.
//!
//! [`system`] holds the state behind the system control space (what is pending, enabled and active,
//! fault status, vector table). The devices of the `peripherals` crate are register views of it.

pub mod system;
pub mod trace;

pub use system::{Architecture, EXCEPTIONS, Masks, Mpu, System, number};
pub use trace::Trace;
