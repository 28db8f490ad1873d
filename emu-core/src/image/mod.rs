//! Firmware images: ELF, Intel HEX, raw binary, UF2, and what their symbols and lines tell.
//!
//! The format is found from the contents, never from the file's name. Whatever the bytes are, the answer is an
//! [`Image`] or an [`ImageError`] that names the remedy; nothing here panics on bad input.

mod attributes;
mod demangle;
mod elf;
mod error;
mod hex;
mod lines;
mod load;
mod sniff;
mod symbols;
mod types;
mod uf2;

pub use attributes::{Architecture, Attributes};
pub use demangle::demangle;
pub use elf::Section;
pub use error::{ErrorKind, ImageError};
pub use lines::{Frame, Lines, Location};
pub use symbols::{CodeKind, CodeRange, Symbol, SymbolKind, Symbols};
pub use types::{Member, Shape, TypeId, Types, Variable};

use sha2::{Digest, Sha256};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A firmware file, parsed.
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
    /// Entry address that the file names (ELF `e_entry`, HEX start record). A Cortex-M starts from its
    /// vector table, whatever this says; a RISC-V core starts here.
    pub entry: Option<u32>,
    /// Instruction set, when the format tells it.
    pub architecture: Option<Architecture>,
    /// What the compiler says of the core that it built for.
    pub attributes: Attributes,
    /// Machine that the firmware names itself: note section `.note.tickscope`, name `tickscope`, type 1.
    pub machine_hint: Option<String>,
    /// GNU build id.
    pub build_id: Option<Vec<u8>>,
    /// UF2 family id.
    pub uf2_family: Option<u32>,
    sections: Vec<Section>,
    file: Arc<Vec<u8>>,
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
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// Load address.
    pub address: u32,
    /// Address for which it is linked: where start-up code copies it to, when that is another one.
    pub linked: u32,
    /// Contents.
    pub bytes: Vec<u8>,
}

impl Segment {
    /// One past the last address.
    #[must_use]
    pub fn end(&self) -> u64 {
        u64::from(self.address) + self.bytes.len() as u64
    }
}

// Contents would bury the rest: messages show sizes.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}..{:#010x}", self.address, self.end())
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("path", &self.path)
            .field("format", &self.format)
            .field("segments", &self.segments)
            .field("symbols", &self.symbols.iter().count())
            .finish_non_exhaustive()
    }
}

/// What the user says of a file that it does not say itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OpenOptions {
    /// Load address of a raw binary (`--base`).
    pub base: Option<u32>,
}

/// Larger files are refused before they are read: no microcontroller image comes near.
const LARGEST_FILE: u64 = 512 << 20;

impl Image {
    /// Read and parse a firmware file.
    ///
    /// # Errors
    /// [`ImageError`] when the file cannot be read or is not usable firmware.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Image, ImageError> {
        let name = path.display().to_string();
        let fail = |kind| ImageError::new(&name, kind);
        let io = |e: std::io::Error| fail(ErrorKind::Io(e));
        if path.is_dir() {
            return Err(fail(ErrorKind::Directory));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .map_err(io)?
            .take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(fail(ErrorKind::TooLarge));
        }
        Image::parse(&name, bytes, options)
    }

    /// Parse firmware; `name` stands for the file in messages.
    ///
    /// # Errors
    /// [`ImageError`] when the bytes are not usable firmware.
    pub fn parse(
        name: &str,
        bytes: impl Into<Vec<u8>>,
        options: &OpenOptions,
    ) -> Result<Image, ImageError> {
        let bytes = bytes.into();
        Image::from_contents(name, bytes, *options).map_err(|kind| ImageError::new(name, kind))
    }

    /// Raw bytes at an address, whatever they look like.
    ///
    /// # Errors
    /// [`ImageError`] when there are none, or they would end past 4 GiB.
    pub fn raw(name: &str, base: u32, bytes: impl Into<Vec<u8>>) -> Result<Image, ImageError> {
        let mut image = Image::empty(name, Format::Bin, Arc::new(bytes.into()));
        image
            .place_raw(base)
            .map_err(|kind| ImageError::new(name, kind))?;
        Ok(image)
    }

    /// Contents of an ELF section, such as `.defmt` or `.embedded_test`.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        let s = self.sections.iter().find(|s| s.name == name)?;
        self.file.get(s.file_range.clone()?)
    }

    /// All ELF sections.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    fn empty(name: &str, format: Format, file: Arc<Vec<u8>>) -> Image {
        Image {
            path: PathBuf::from(name),
            format,
            segments: Vec::new(),
            symbols: Symbols::default(),
            sha256: Sha256::digest(file.as_slice()).into(),
            entry: None,
            architecture: None,
            attributes: Attributes::default(),
            machine_hint: None,
            build_id: None,
            uf2_family: None,
            sections: Vec::new(),
            file,
        }
    }

    fn from_contents(name: &str, bytes: Vec<u8>, options: OpenOptions) -> Result<Image, ErrorKind> {
        if bytes.is_empty() {
            return Err(ErrorKind::Empty);
        }
        let format = sniff::format(&bytes);
        if let (Some(format), Some(_)) = (format, options.base) {
            return Err(ErrorKind::BaseNotNeeded(format));
        }
        let mut image = Image::empty(name, format.unwrap_or(Format::Bin), Arc::new(bytes));
        match (format, options.base) {
            (Some(Format::Elf), _) => image.read_elf()?,
            (Some(Format::Hex), _) => {
                let hex = hex::parse(&image.file)?;
                image.segments = hex.segments;
                image.entry = hex.entry;
            }
            (Some(Format::Uf2), _) => {
                let uf2 = uf2::parse(&image.file)?;
                image.segments = uf2.segments;
                image.uf2_family = uf2.family;
            }
            (_, Some(base)) => image.place_raw(base)?,
            (_, None) => return Err(sniff::not_firmware(&image.file)),
        }
        Ok(image)
    }

    fn place_raw(&mut self, base: u32) -> Result<(), ErrorKind> {
        if self.file.is_empty() {
            return Err(ErrorKind::Empty);
        }
        let mut pieces = load::Pieces::default();
        pieces.add(base, self.file.to_vec(), || "the file".to_owned())?;
        self.segments = pieces.segments(load::Join::Keep)?;
        Ok(())
    }

    fn read_elf(&mut self) -> Result<(), ErrorKind> {
        let elf = elf::Elf::parse(&self.file)?;
        self.segments = elf.segments(&self.file)?;
        self.entry = Some(elf.entry);
        self.architecture = Some(elf.architecture);
        self.attributes = Attributes::read(&elf, &self.file);
        for note in elf.notes(&self.file) {
            match (note.name, note.kind) {
                (b"tickscope", 1) => {
                    let text = String::from_utf8_lossy(note.desc);
                    self.machine_hint = Some(text.trim_end_matches('\0').to_owned());
                }
                (b"GNU", 3) => self.build_id = Some(note.desc.to_vec()),
                _ => {}
            }
        }
        self.symbols = Symbols::read(&elf, &self.file);
        self.sections = elf.sections;
        Ok(())
    }
}
