//! Speed of the emulator.
