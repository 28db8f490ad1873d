//! STM32 devices.

mod crc;
mod dbgmcu;
mod deadline;
pub mod dma_v2;
mod exti;
mod flash_f1;
mod flash_f4;
mod flash_key;
mod gpio;
mod gpio_f1;
pub mod iwdg;
mod oscillator;
mod pwr_f4;
mod rcc_f1;
mod rcc_f4;
mod registers;
mod rng;
mod syscfg_f4;
pub mod tim;
mod uid;
mod usart;
pub mod wwdg;

use crate::Model;

/// Models of this family.
#[rustfmt::skip]
pub const MODELS: &[Model] = &[
    Model { name: "stm32.rcc.f1", summary: "Reset and clock control of STM32F101/102/103", build: rcc_f1::build },
    Model { name: "stm32.flash.f1", summary: "Flash interface of STM32F101/102/103", build: flash_f1::build },
    Model { name: "stm32.gpio.v1", summary: "GPIO port with CRL and CRH (STM32F1)", build: gpio_f1::build },
    Model { name: "stm32.afio.f1", summary: "Remapping and EXTI sources of STM32F1", build: gpio_f1::build_afio },
    Model { name: "stm32.rcc.f4", summary: "Reset and clock control of STM32F405/407/415/417", build: rcc_f4::build },
    Model { name: "stm32.flash.f4", summary: "Flash interface of STM32F405/407/415/417", build: flash_f4::build },
    Model { name: "stm32.pwr.f4", summary: "Power control of STM32F405/407/415/417", build: pwr_f4::build },
    Model { name: "stm32.gpio.v2", summary: "GPIO port with MODER (all but STM32F1)", build: gpio::build },
    Model { name: "stm32.usart.v1", summary: "USART with SR and DR (STM32F1, F2, F4, L1)", build: usart::build },
    Model { name: "stm32.exti", summary: "External interrupt controller with 23 lines", build: exti::build },
    Model { name: "stm32.syscfg.f4", summary: "System configuration controller of STM32F4", build: syscfg_f4::build },
    Model { name: "stm32.rng", summary: "Random number generator with a seeded sequence", build: rng::build },
    Model { name: "stm32.crc", summary: "CRC-32 unit with a fixed polynomial", build: crc::build },
    Model { name: "stm32.uid", summary: "Unique device id, flash size and calibration words", build: uid::build },
    Model { name: "stm32.dbgmcu", summary: "Debug MCU configuration and device id", build: dbgmcu::build },
    Model { name: "stm32.tim", summary: "Advanced, general-purpose and basic timers (TIM1 to TIM14 of STM32F4)", build: tim::build },
    Model { name: "stm32.dma.v2", summary: "DMA controller with eight streams (STM32F2, F4, F7)", build: dma_v2::build },
    Model { name: "stm32.iwdg", summary: "Independent watchdog", build: iwdg::build },
    Model { name: "stm32.wwdg", summary: "Window watchdog", build: wwdg::build },
];
