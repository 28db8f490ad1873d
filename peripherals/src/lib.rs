//! peripherals
