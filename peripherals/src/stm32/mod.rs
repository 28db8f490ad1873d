//! STM32 devices.

pub mod dma_v2;
pub mod iwdg;
pub mod tim;
pub mod wwdg;

use crate::Model;

/// Models of this family.
pub const MODELS: &[Model] = &[
    Model {
        name: "stm32.tim",
        summary: "Advanced, general-purpose and basic timers (TIM1 to TIM14 of STM32F4)",
        build: tim::build,
    },
    Model {
        name: "stm32.dma.v2",
        summary: "DMA controller with eight streams (STM32F2, F4, F7)",
        build: dma_v2::build,
    },
    Model {
        name: "stm32.iwdg",
        summary: "Independent watchdog",
        build: iwdg::build,
    },
    Model {
        name: "stm32.wwdg",
        summary: "Window watchdog",
        build: wwdg::build,
    },
];
