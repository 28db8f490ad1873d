//! Where firmware and machines come from: the seam to images, machine files and timing models.
//!
//! Everything else in this crate goes through here, so that a change of those interfaces is a change
//! of this file.

use crate::failure::Failure;
use emu_core::Bus;
use emu_core::image::{Image, Symbols};
use emu_core::machine::{CoreKind, Machine};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A firmware file with its symbols.
#[derive(Debug)]
pub struct Firmware {
    /// The parsed file.
    pub image: Image,
}

/// A function of the firmware.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// Its name as its language writes it.
    pub name: String,
    /// First address.
    pub start: u32,
    /// One past the last address.
    pub end: u32,
}

impl Firmware {
    /// Open a firmware file.
    ///
    /// # Errors
    /// A [`Failure`] that says what the file is instead.
    pub fn open(path: &Path, base: Option<u32>) -> Result<Firmware, Failure> {
        let _ = base;
        let fail = |e: std::io::Error| {
            Failure::usage(format!("{}: {e}", path.display()))
                .help("check the path; was the firmware built?")
        };
        std::fs::read(path).map_err(fail)?;
        let image = Image {
            path: path.to_owned(),
            format: emu_core::image::Format::Elf,
            segments: Vec::new(),
            symbols: Symbols::default(),
            sha256: [0; 32],
        };
        Ok(Firmware { image })
    }

    /// `main+0x12 (src/main.c:42)`.
    #[must_use]
    pub fn describe(&self, address: u32) -> String {
        format!("{address:#010x}")
    }

    /// The function that an address lies in.
    #[must_use]
    pub fn function_at(&self, address: u32) -> Option<Function> {
        let _ = address;
        None
    }

    /// Source file and line of an address, as `file:line`.
    #[must_use]
    pub fn line(&self, address: u32) -> Option<String> {
        let _ = address;
        None
    }

    /// All functions, by address.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        Vec::new()
    }

    /// Is this address data among code, such as a literal pool?
    #[must_use]
    pub fn is_data(&self, address: u32) -> bool {
        let _ = address;
        false
    }
}

/// A machine's description.
#[derive(Debug)]
pub struct Spec {}

/// A line of `machine list`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachineEntry {
    /// Name for `-m`.
    pub name: String,
    /// `chip`, `board` or `core`.
    pub class: &'static str,
    /// What it is.
    pub summary: String,
}

/// The built-in machines, by name.
#[must_use]
pub fn machines() -> Vec<MachineEntry> {
    Vec::new()
}

impl Spec {
    /// Load a machine by its name or the path of its file.
    ///
    /// # Errors
    /// A [`Failure`] that shows where the file is wrong, or lists near names.
    pub fn load(name_or_path: &str, colour: bool) -> Result<Spec, Failure> {
        let _ = colour;
        Err(Failure::usage(format!(
            "there is no machine `{name_or_path}`"
        )))
    }

    /// The machine of a firmware that names none on the command line.
    ///
    /// # Errors
    /// A [`Failure`] that lists the candidates.
    pub fn detect(firmware: &Firmware, colour: bool) -> Result<Spec, Failure> {
        let (_, _) = (firmware, colour);
        Err(Failure::usage("the machine cannot be found from the firmware").help("name it with -m"))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        ""
    }

    /// Its core.
    #[must_use]
    pub fn core(&self) -> CoreKind {
        CoreKind::CortexM3
    }

    /// Hash of its description with its settings, in hex.
    #[must_use]
    pub fn hash(&self) -> String {
        String::new()
    }

    /// Name of the serial port that is its console.
    #[must_use]
    pub fn console(&self) -> Option<&str> {
        None
    }

    /// The net of a pin name: boards give names of their own to pins.
    #[must_use]
    pub fn net<'a>(&'a self, pin: &'a str) -> &'a str {
        pin
    }

    /// Names of its interrupts by exception number.
    #[must_use]
    pub fn interrupts(&self) -> BTreeMap<u16, String> {
        BTreeMap::new()
    }

    /// What it is and consists of, for people.
    #[must_use]
    pub fn show(&self) -> String {
        String::new()
    }

    /// Change one value of it, as `flash.wait_states=5`.
    ///
    /// # Errors
    /// A [`Failure`] when there is no such value.
    pub fn set(&mut self, assignment: &str, colour: bool) -> Result<(), Failure> {
        let (_, _) = (assignment, colour);
        Ok(())
    }

    /// Make the bus with all devices.
    ///
    /// # Errors
    /// A [`Failure`] that shows what in the description is wrong.
    pub fn build(&self, seed: u64, colour: bool) -> Result<(CoreKind, Bus), Failure> {
        let (_, _) = (seed, colour);
        Err(Failure::internal("machines cannot be built"))
    }
}

/// Let the firmware's semihosting calls reach files below a folder.
///
/// # Errors
/// A [`Failure`] when the folder is not there.
pub fn semihosting_files(machine: &mut Machine, folder: &Path) -> Result<(), Failure> {
    let (_, _): (&mut Machine, PathBuf) = (machine, folder.to_owned());
    Err(Failure::usage("semihosting files are not available"))
}

/// Shares of the cycles by the provenance of their cost: an object for `result.json`.
#[must_use]
pub fn ledger(machine: &Machine) -> serde_json::Value {
    let _ = machine;
    serde_json::json!({})
}

/// Cycles of one instruction, as `1` or `2-12`; `None` where the timing model does not tell.
#[must_use]
pub fn instruction_cycles(core: CoreKind, bytes: &[u8]) -> Option<String> {
    let (_, _) = (core, bytes);
    None
}
