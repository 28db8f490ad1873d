//! Why a file is not usable firmware, and what to do about it.

use super::Format;
use std::fmt;

/// A file is not usable firmware. Displays as one screen: the problem, then `help:` with the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {kind}\n  help: {}", kind.help())]
pub struct ImageError {
    file: String,
    kind: ErrorKind,
}

impl ImageError {
    pub(super) fn new(file: &str, kind: ErrorKind) -> ImageError {
        ImageError {
            file: file.to_owned(),
            kind,
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

/// What is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It cannot be read.
    Io(std::io::Error),
    /// It is a folder.
    Directory,
    /// It has no bytes.
    Empty,
    /// It is larger than any firmware.
    TooLarge,
    /// It is of a kind that no format here matches; the text names it.
    NotFirmware(String, &'static str),
    /// It may be a raw binary, but nobody said where it goes.
    BaseMissing,
    /// A load address was given for a format that has its own.
    BaseNotNeeded(Format),
    /// ELF: for another processor, width or byte order; the text names it.
    WrongTarget(String),
    /// ELF: headers point behind the end of the file.
    Truncated {
        /// What lies outside.
        what: String,
        /// Bytes that the file must have.
        needed: u64,
        /// Bytes that it has.
        size: u64,
    },
    /// ELF: the headers contradict each other or the format.
    Damaged(String),
    /// ELF: an object file or library, not linked.
    NotLinked,
    /// There are no bytes to load.
    NothingToLoad,
    /// Two parts claim the same address.
    Overlap {
        /// First part, in words.
        first: String,
        /// Second part, in words.
        second: String,
        /// The first address that both claim.
        address: u32,
    },
    /// A part ends past 4 GiB.
    TooHigh(String),
    /// HEX: a bad line.
    Hex {
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// UF2: a bad block.
    Uf2 {
        /// Block index in the file, from 0.
        block: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// UF2: parts for several families in one file.
    Uf2Families(Vec<Option<u32>>),
}

fn family(id: &Option<u32>) -> String {
    id.map_or("none".to_owned(), |id| format!("{id:#010x}"))
}

impl Format {
    fn words(self) -> &'static str {
        match self {
            Format::Elf => "ELF",
            Format::Hex => "Intel HEX",
            Format::Bin => "raw binary",
            Format::Uf2 => "UF2",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Io(e) => write!(f, "cannot be read: {e}"),
            ErrorKind::Directory => write!(f, "is a folder"),
            ErrorKind::Empty => write!(f, "is empty"),
            ErrorKind::TooLarge => write!(f, "is larger than {} MiB", super::LARGEST_FILE >> 20),
            ErrorKind::NotFirmware(what, _) => write!(f, "is {what}, not firmware"),
            ErrorKind::BaseMissing => {
                write!(
                    f,
                    "is not ELF, Intel HEX or UF2; as a raw binary it needs a load address"
                )
            }
            ErrorKind::BaseNotNeeded(format) => write!(
                f,
                "is {}, which has its own addresses, but --base was given",
                format.words()
            ),
            ErrorKind::WrongTarget(what) => write!(
                f,
                "is an ELF for {what}; tickscope runs 32-bit little-endian ARM and RISC-V"
            ),
            ErrorKind::Truncated { what, needed, size } => write!(
                f,
                "is cut short or damaged: {what} ends at byte {needed}, the file has {size}"
            ),
            ErrorKind::Damaged(what) => write!(f, "is a damaged ELF: {what}"),
            ErrorKind::NotLinked => write!(f, "is an object file that was not linked"),
            ErrorKind::NothingToLoad => write!(f, "has nothing to load into memory"),
            ErrorKind::Overlap {
                first,
                second,
                address,
            } => write!(f, "{first} and {second} overlap at {address:#010x}"),
            ErrorKind::TooHigh(what) => write!(f, "{what} ends past the 4 GiB of address space"),
            ErrorKind::Hex { line, problem } => write!(f, "line {line}: {problem}"),
            ErrorKind::Uf2 { block, problem } => write!(f, "UF2 block {block}: {problem}"),
            ErrorKind::Uf2Families(ids) => {
                let ids: Vec<String> = ids.iter().map(family).collect();
                write!(f, "has parts for several UF2 families ({})", ids.join(", "))
            }
        }
    }
}

impl ErrorKind {
    /// What the user can do.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            ErrorKind::Io(e) if e.kind() == std::io::ErrorKind::NotFound => {
                "check the path; was the firmware built?"
            }
            ErrorKind::Io(_) => "check the path and its permissions",
            ErrorKind::Directory => "give the firmware file in it",
            ErrorKind::Empty => "build the firmware again; did the linker or objcopy fail?",
            ErrorKind::TooLarge => "is it the firmware, or a disk image?",
            ErrorKind::NotFirmware(_, help) => help,
            ErrorKind::BaseMissing => {
                "give the address of its first byte, for example --base 0x08000000, or use the ELF"
            }
            ErrorKind::BaseNotNeeded(_) => "leave --base out",
            ErrorKind::WrongTarget(_) => {
                "build for the microcontroller (for example arm-none-eabi-gcc, or cargo build --target thumbv7em-none-eabihf)"
            }
            ErrorKind::Truncated { .. } | ErrorKind::Damaged(_) => "copy or build the file again",
            ErrorKind::NotLinked => "give the linked program (often .elf or .axf)",
            ErrorKind::NothingToLoad => {
                "check the linker script; a debug-only file (objcopy --only-keep-debug) has no code"
            }
            ErrorKind::Overlap { .. } => {
                "check the load addresses (LMA, `AT>`) in the linker script, or how the files were merged"
            }
            ErrorKind::TooHigh(_) => "check the load address",
            ErrorKind::Hex { .. } => "copy or build the file again; HEX files must stay unedited",
            ErrorKind::Uf2 { .. } => "copy or build the file again",
            ErrorKind::Uf2Families(_) => "give a UF2 that was made for one chip, or the ELF",
        }
    }
}
