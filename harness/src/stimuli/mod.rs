//! Stimuli: what the world outside does to a machine, as a file that can be replayed to the bit.
//!
//! `tickscope run FW --stimuli FILE` (also `trace`, `profile` and `gdb`) reads them from a TOML file; bench files hold the same
//! tables. All four kinds may come several times:
//!
//! ```toml
//! [[uart]]                  # bytes into a serial port
//! port = "USART2"           # the machine's name; or pin = "PA3" with a baud: bit by bit on that pin
//! at = "10ms"               # or a cycle, "1680cy"; 0 by default
//! text = "hello\n"          # or hex = "00 ff", or file = "input.bin"
//! baud = 115200             # by the sender's own clock; without it at the rate that the firmware has set
//! ppm = -200                # how far that clock is off
//! repeat = { every = "5ms", count = 100 }
//!
//! [[pin]]                   # levels of a pin
//! pin = "PA0"               # the chip's name or the board's
//! edges = ["1ms 1", "1.5ms 0", "2ms z"]     # z: the pin floats; or
//! # wave = { hz = 1000, duty = "50%", phase = "10us", ppm = 20 }    or period = "168cy" in place of hz; or
//! # vcd = { file = "in.vcd", signal = "top.btn" }
//! drive = "push-pull"       # or open-drain, or pull
//! initial = "z"             # before the first edge
//!
//! [[interrupt]]             # a storm on an interrupt line
//! irq = "EXTI1"             # the machine's name or a number
//! every = "1ms"             # or rate = "1kHz"; with poisson = true these are averages
//! jitter = "±10us"          # uniform, does not add up
//! start = "10ms"            # stop = "1s", count = 1000
//!
//! [[clock]]                 # how an oscillator is off
//! clock = "HSE"
//! ppm = 20
//! drift = "0.5ppm/s"        # applied every drift_step = "100ms"
//! noise = { ppm = 2, every = "1ms", kind = "white" }    # or walk
//! ```
//!
//! **Time.** A time in seconds is true time: the stimulus happens at the first cycle that is not before it, also when the
//! firmware changes its clock and when its oscillator is off. A time in cycles is a core cycle. An event of cycle *t*
//! happens before the first instruction that starts later than *t*. Stimuli run on over resets of the chip.
//!
//! **Bytes.** With a baud rate and a port, each byte arrives whole at the end of its ten bits; a firmware that reads too slowly
//! gets overruns. A rate that is more than 5 % off the firmware's is a framing error. What really is on the line of a
//! wrong rate is seen with `pin`. Bytes that come before the firmware has set up its port are lost, as on the wire.
//!
//! **Pins.** A stimulus is clipped to the pin beside what the board has there: it wins over a button's resistor. When firmware or
//! another part drives against it, the pin reads low.
//!
//! **Interrupts.** A line is asserted for an instant. On Cortex-M that pends the interrupt until its handler is entered;
//! while it is pending or its own device holds the line up, another one is lost. With `width` the line stays up for that long; RISC-V
//! needs one, since its lines are levels.
//!
//! **Clocks.** The record of a run is in core cycles, so an offset of the core's oscillator does not change the cycles of the code:
//! it changes how long they are in seconds (a segment of the time base for each step), and how fast all clocks from other
//! oscillators are against the core. Offsets have a resolution of 0.001 ppm. Steps of drift and noise are a change of clock
//! each: 1000 a second are fine, 1 000 000 are slow.
//!
//! **Randomness** (`poisson`, `jitter`, `noise`) comes from `--seed` and the index of the entry among its kind, in integers
//! only: the same on every host. [`peripherals::ext::stimulus`] documents the generator and the distributions,
//! so that they can be made again elsewhere.
//!
//! **Recorded input.** What was typed into a run stands in the result of `--json`; that file is a stimuli file too
//! (`--stimuli result.json`): its input comes again at its cycles.

mod attach;
mod clock;
pub mod file;
mod interrupt;
mod pin;
mod recorded;
pub mod schema;
mod uart;
pub mod values;
mod vcd;

use crate::failure::Failure;
use crate::parts::Spec;
use emu_core::Bus;
use machines::source::{At, Source};
use machines::{Diagnostic, Errors, Sp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Files that are larger are no stimuli files.
const MAX_FILE: u64 = 64 << 20;

/// All stimuli of a run.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stimuli {
    /// Bytes into serial ports.
    pub uart: Vec<Sp<file::Uart>>,
    /// Levels of pins.
    pub pin: Vec<Sp<file::Pin>>,
    /// Interrupt storms.
    pub interrupt: Vec<Sp<file::Interrupt>>,
    /// Tolerances of oscillators.
    pub clock: Vec<Sp<file::Clock>>,
    #[serde(skip)]
    origin: Origin,
}

/// Where stimuli were written.
#[derive(Clone, Debug, Default)]
struct Origin {
    sources: Vec<Source>,
    folder: PathBuf,
}

impl Stimuli {
    /// Read a TOML text; `path` stands for it in messages, and files that it names are relative to its folder.
    ///
    /// # Errors
    /// What is wrong with the text, with its line and column.
    pub fn from_toml_str(text: &str, path: &Path) -> Result<Stimuli, Errors> {
        let source = Source {
            name: path.display().to_string().into(),
            text: text.into(),
        };
        let sources = vec![source];
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        match machines::parse::<Stimuli>(text, 0) {
            Ok(stimuli) => Ok(stimuli.located(sources, folder)),
            Err(e) => {
                let at = At {
                    source: 0,
                    span: e.span().unwrap_or(0..0),
                };
                let message = e.message().trim().to_owned();
                Err(Diagnostic::new("this is not a valid stimuli file")
                    .at(&sources, &at, message)
                    .into())
            }
        }
    }

    /// Say where stimuli that are part of another file were written: its sources, by which [`machines::parse`] has
    /// numbered the places, and the folder that paths are relative to.
    #[must_use]
    pub fn located(self, sources: Vec<Source>, folder: PathBuf) -> Stimuli {
        Stimuli {
            origin: Origin { sources, folder },
            ..self
        }
    }

    /// Read a stimuli file, or the input that a result of `--json` has recorded.
    ///
    /// # Errors
    /// A [`Failure`] that shows what is wrong with it.
    pub fn open(path: &Path, colour: bool) -> Result<Stimuli, Failure> {
        let text = read_text(path)?;
        let read = if path.extension().is_some_and(|e| e == "json") {
            recorded::from_result(&text, path)
        } else {
            Stimuli::from_toml_str(&text, path)
        };
        read.map_err(|e| Failure::usage(e.render(colour)))
    }

    /// As [`Stimuli::attach`], for a command.
    ///
    /// # Errors
    /// A [`Failure`] that shows everything that is wrong with them on this machine.
    pub fn attach_to(&self, spec: &Spec, bus: &mut Bus, colour: bool) -> Result<[u8; 32], Failure> {
        self.attach(spec, bus)
            .map_err(|e| Failure::usage(e.render(colour)))
    }

    /// An error at a place of the file.
    fn wrong(&self, title: impl Into<String>, at: &At, label: impl Into<String>) -> Diagnostic {
        Diagnostic::new(title).at(&self.origin.sources, at, label)
    }
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let failed = |why: String| Failure::usage(format!("cannot read {}: {why}", path.display()));
    let bytes = read_file(path).map_err(failed)?;
    String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))
}

/// The contents of a file of reasonable size.
fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let known = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if !known.is_file() || known.len() > MAX_FILE {
        return Err(format!("it is no file of at most {} MiB", MAX_FILE >> 20));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}
