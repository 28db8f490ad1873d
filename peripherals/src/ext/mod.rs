//! Parts that hang on pins, stimuli from outside, and the stand-in for devices that nobody has modelled.

pub mod button;
pub mod led;
pub mod square_wave;
pub mod stimulus;
pub mod stub;

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[
    Model {
        name: "stub.registers",
        summary: "Named registers without behaviour",
        build: stub::build,
    },
    Model {
        name: "ext.button",
        summary: "Push button",
        build: button::build,
    },
    Model {
        name: "ext.led",
        summary: "Light-emitting diode",
        build: led::build,
    },
    Model {
        name: "ext.square_wave",
        summary: "Square wave generator",
        build: square_wave::build,
    },
];
