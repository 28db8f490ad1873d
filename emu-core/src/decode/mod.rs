//! Decoding for timing, listings and exact stops: what an instruction is, reads and writes.

pub mod insn;
pub mod thumb;

pub use insn::{Class, Insn, RegisterSet};
pub use thumb::Decoder;
