//! STM32 devices.

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[];
