//! Captures: a run's observations in cycles, in a compact file that is only appended to.
//!
//! ```text
//! file     = magic "TICKCAP\n", u16 version, u32 length of the header, header (JSON), record...
//! record   = varint cycles since the record before, u8 kind, payload, [zigzag varint PC delta]
//! trailer  = a record of kind End: number of records before it, clock segments, "TICKEND\n"
//! ```
//! Integers of fixed size are little-endian; varints are LEB128. The final cycle of the run is the
//! cycle of the End record. A file without it was cut off: the reader says so and how far it came.
//!
//! A [`Writer`] is fed by probes through a bounded channel and writes in its own thread. When
//! it cannot keep up, the machine waits: nothing is lost, and virtual time does not move.

mod reader;
mod record;
mod varint;
mod writer;

pub use reader::{Capture, CaptureError, Ending, Records, Summary};
pub use record::Record;
pub use writer::Writer;

use emu_core::Ratio;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The first bytes of a capture.
pub const MAGIC: &[u8; 8] = b"TICKCAP\n";
/// The last bytes of a complete capture.
pub const END_MAGIC: &[u8; 8] = b"TICKEND\n";
/// Version of the records. Readers refuse other versions.
pub const VERSION: u16 = 2;
/// Variables by which kernels say which task runs: FreeRTOS, RIOT, ThreadX, and our own.
pub const CURRENT_TASK: [&str; 5] = [
    "pxCurrentTCB",
    "sched_active_thread",
    "_tx_thread_current_ptr",
    "study_current",
    "k_current",
];
/// A header longer than this is not believed.
const MAX_HEADER: u32 = 16 << 20;

/// What a capture says about the run it comes from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Version of this header's fields.
    pub schema: u32,
    /// Tool and version that wrote it.
    pub tool: String,
    /// SHA-256 of the firmware file, in hex.
    pub elf_sha256: String,
    /// Name of the machine.
    pub machine: String,
    /// Hash of the machine's description with its settings, in hex.
    pub machine_hash: String,
    /// Seed of the run.
    pub seed: u64,
    /// Core frequency at the start, in Hz.
    pub core_hz: Ratio,
    /// Cycle at which recording began.
    pub start: u64,
    /// Names of the nets by their number.
    pub nets: Vec<String>,
    /// Nets that were high when recording began.
    pub high: Vec<u16>,
    /// Names that the board gives to pins, and their nets.
    pub pins: BTreeMap<String, String>,
    /// Names of the serial ports by their number.
    pub ports: Vec<String>,
    /// What the machine calls its interrupts, by exception number.
    pub interrupts: BTreeMap<u16, String>,
    /// Names of the devices by their number.
    pub devices: Vec<String>,
    /// Watched places in the code, by their number.
    pub places: Vec<String>,
    /// Watched variables, by their number.
    pub variables: Vec<String>,
    /// Data objects of the firmware, by address, when variables are watched: what a pointer points to.
    pub objects: BTreeMap<u32, DataObject>,
}

/// A data object of the firmware.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DataObject {
    /// Size in bytes.
    pub size: u32,
    /// Its symbol.
    pub name: String,
}

impl Header {
    /// Version of the fields that this tool writes.
    pub const SCHEMA: u32 = 2;

    /// What a value of a variable is called: the object that it points to, or the task of a variable that tells which one runs;
    /// `None` for a plain number.
    #[must_use]
    pub fn value_name(&self, variable: u16, value: u32) -> Option<String> {
        let object = self.object(value);
        if object.is_some() || !self.is_current_task(variable) {
            return object;
        }
        // A small number is an index, a large one an object on a heap.
        Some(match value {
            0..0x1000 => format!("task {value}"),
            _ => format!("task {value:#010x}"),
        })
    }

    /// Does this variable tell which task runs?
    #[must_use]
    pub fn is_current_task(&self, variable: u16) -> bool {
        let name = self.variables.get(usize::from(variable));
        name.is_some_and(|n| CURRENT_TASK.contains(&n.as_str()))
    }

    /// What a pointer points to: `idle_task`, `tasks+0x38`; `None` for what is no known object.
    #[must_use]
    pub fn object(&self, address: u32) -> Option<String> {
        let (&start, object) = self.objects.range(..=address).next_back()?;
        match address - start {
            0 => Some(object.name.clone()),
            n if n < object.size => Some(format!("{}+{n:#x}", object.name)),
            _ => None,
        }
    }

    /// Name of a net; one that the header does not know is shown by its number.
    #[must_use]
    pub fn net(&self, id: u16) -> String {
        named(&self.nets, id, "net")
    }

    /// Name of an exception: `SysTick`, `USART2`, `IRQ38`.
    #[must_use]
    pub fn exception(&self, number: u16) -> String {
        exception_name(number, &self.interrupts)
    }

    /// Name of a serial port.
    #[must_use]
    pub fn port(&self, id: u8) -> String {
        named(&self.ports, id.into(), "uart")
    }

    /// Name of a device.
    #[must_use]
    pub fn device(&self, id: u16) -> String {
        named(&self.devices, id, "device")
    }

    /// Name of a watched place.
    #[must_use]
    pub fn place(&self, id: u16) -> String {
        named(&self.places, id, "place")
    }

    /// Name of a watched variable.
    #[must_use]
    pub fn variable(&self, id: u16) -> String {
        named(&self.variables, id, "variable")
    }
}

fn named(names: &[String], id: u16, what: &str) -> String {
    let name = names.get(usize::from(id)).cloned();
    name.unwrap_or_else(|| format!("{what}{id}"))
}

/// Name of an exception on a machine with these interrupts: `SysTick`, `USART2`, `IRQ38`.
#[must_use]
pub fn exception_name(number: u16, interrupts: &BTreeMap<u16, String>) -> String {
    // RISC-V cores bring names for the low numbers too.
    let name = match number {
        n if n < 16 && interrupts.contains_key(&n) => &interrupts[&n],
        1 => "Reset",
        2 => "NMI",
        3 => "HardFault",
        4 => "MemManage",
        5 => "BusFault",
        6 => "UsageFault",
        11 => "SVCall",
        12 => "DebugMonitor",
        14 => "PendSV",
        15 => "SysTick",
        n => match interrupts.get(&n) {
            Some(name) => name,
            None if n >= 16 => return format!("IRQ{}", n - 16),
            None => return format!("exception{n}"),
        },
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
