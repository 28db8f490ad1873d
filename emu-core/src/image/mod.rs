//! Firmware images: ELF, Intel HEX, raw binary, UF2, and what their symbols tell.

use std::path::PathBuf;

/// A firmware file, parsed.
#[derive(Debug)]
pub struct Image {
    /// Where it came from.
    pub path: PathBuf,
    /// What it was.
    pub format: Format,
    /// Bytes to place in memory, by load address, ascending, not overlapping.
    pub segments: Vec<Segment>,
    /// Symbols; empty for formats without.
    pub symbols: Symbols,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

/// File format of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// ELF32.
    Elf,
    /// Intel HEX.
    Hex,
    /// Raw bytes.
    Bin,
    /// UF2.
    Uf2,
}

/// A run of bytes at a load address (`p_paddr` in ELF).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Load address.
    pub address: u32,
    /// Contents.
    pub bytes: Vec<u8>,
}

/// Functions, objects and lines.
#[derive(Debug, Default)]
pub struct Symbols {}
