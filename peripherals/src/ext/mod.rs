//! Parts that hang on pins.

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[];
