//! Devices of the Cortex-M private peripheral bus: register views of `emu_core::cortex_m::System`.

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[];
