//! The format of machine files.
//!
//! A file is a layer: whatever it says is laid over the file that it names as its `base` (or `chip`).
//! Entries of lists are known by their `name`; an entry with a known name changes only the fields
//! that it gives.

use crate::value::{Hertz, Size, Sp};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeMap;

/// The version of the format.
pub const SCHEMA: u32 = 1;

/// A machine file: a chip, a board, or a part of a chip family.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MachineFile {
    /// Version of this format: 1.
    pub schema: Option<Sp<u32>>,
    /// Name by which `-m` finds it; the same as the file's name.
    pub name: Option<Sp<String>>,
    /// What it is, in one line.
    #[serde(skip_serializing)]
    pub summary: Option<Sp<String>>,
    /// Where the numbers of this file are from, when an entry does not say so itself.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
    /// The machine that this one is laid over: a name, or a path that ends in `.toml`.
    #[serde(skip_serializing)]
    pub base: Option<Sp<String>>,
    /// The chip of a board; the same as `base`.
    #[serde(skip_serializing)]
    pub chip: Option<Sp<String>>,
    /// Only a base for others; it is not listed and cannot be run.
    #[serde(rename = "abstract", skip_serializing)]
    pub partial: Option<Sp<bool>>,
    /// Other names that a hint in a firmware may use for it.
    #[serde(skip_serializing)]
    pub known_as: Vec<Sp<String>>,
    /// Devices and parts of the base that this machine does not have.
    #[serde(skip_serializing)]
    pub remove: Vec<Sp<String>>,
    /// The CPU.
    pub core: Core,
    /// Names of the interrupts, each with its number.
    pub interrupts: BTreeMap<String, Sp<u16>>,
    /// Clocks.
    pub clock: Vec<Clock>,
    /// Memory regions.
    pub memory: Vec<Memory>,
    /// Second places at which memory is seen.
    pub alias: Vec<Alias>,
    /// Windows of the address space in which devices live.
    pub window: Vec<Window>,
    /// Bit-band aliases.
    pub bit_band: Vec<BitBand>,
    /// Buses on which an access takes longer, or less, than in memory.
    pub bus: Vec<Bus>,
    /// Pins as nets: names, or ranges such as `PA[0-15]`.
    pub nets: Vec<Sp<String>>,
    /// Alternate functions of pins: `PA2 = { AF7 = "USART2.TX" }`.
    pub pins: BTreeMap<String, BTreeMap<String, Sp<Functions>>>,
    /// Names of the board for pins: `LED_GREEN = "PD12"`.
    pub pin_names: BTreeMap<String, Sp<String>>,
    /// Devices on the bus.
    pub device: Vec<Device>,
    /// Parts on the board, which hang on pins.
    pub part: Vec<Device>,
    /// Signals from one device to another.
    pub wire: Vec<Wire>,
    /// Parameters of the memory system's timing.
    pub timing: Vec<Timing>,
    /// The serial device that is the console.
    pub console: Option<Sp<String>>,
}

/// The CPU.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Core {
    /// `cortex-m0`, `cortex-m0plus`, `cortex-m3`, `cortex-m4`, `cortex-m4f`, `cortex-m7`, `cortex-m33`, `e31`, `bumblebee` or `rv32`.
    pub kind: Option<Sp<String>>,
    /// Implemented bits of each interrupt priority.
    pub priority_bits: Option<Sp<u8>>,
    /// External interrupts; on RISC-V the lines into the hart, by their bit in mip: 32.
    pub irqs: Option<Sp<u16>>,
    /// Address of the vector table after a reset; on RISC-V where execution starts when the firmware names no entry
    /// point.
    pub vtor: Option<Sp<u32>>,
    /// MPU regions; 0 when there is no MPU.
    pub mpu_regions: Option<Sp<u8>>,
    /// CPUID register.
    pub cpuid: Option<Sp<u32>>,
    /// The clock of SysTick when CTRL.CLKSOURCE is 0; the core clock when none is given.
    pub systick_ref: Option<Sp<String>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}

/// A clock.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Name, such as `PCLK1`.
    pub name: Sp<String>,
    /// Frequency after power-on; 0 when it stands still.
    pub hz: Option<Sp<Hertz>>,
    /// It is this clock, divided by `div`, at any time.
    pub of: Option<Sp<String>>,
    /// Divider of `of`.
    pub div: Option<Sp<u32>>,
    /// It is the clock of the core, in whose cycles time is counted.
    pub core: Option<Sp<bool>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}

/// Kind of a memory region.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Erased to 0xFF; stores go to the guard or are a bus error.
    Flash,
    /// Read, write, execute.
    Ram,
    /// Stores are a bus error.
    Rom,
}

/// A memory region.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Name, such as `sram1`.
    pub name: Sp<String>,
    /// What it is.
    pub kind: Option<Sp<Kind>>,
    /// First address, a multiple of 4096.
    pub base: Option<Sp<u32>>,
    /// Size in bytes, a multiple of 4096.
    pub size: Option<Sp<Size>>,
    /// The device that decides about stores to it.
    pub guard: Option<Sp<String>>,
    /// Cycles that every load takes longer than in the fastest memory (parameter `NAME.load_extra`).
    pub load_extra: Option<Sp<u32>>,
    /// Instructions can be fetched from it (unless this is `false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execute: Option<Sp<bool>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}

/// A bus behind a bridge, or the single-cycle I/O port of the core.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// Name, such as `apb1`.
    pub name: Sp<String>,
    /// First address of what it reaches, a multiple of 4096.
    pub base: Option<Sp<u32>>,
    /// Size in bytes of what it reaches, a multiple of 4096.
    pub size: Option<Sp<Size>>,
    /// The clock of the bus.
    pub clock: Option<Sp<String>>,
    /// Periods of that clock from the start of a load's data phase to its end; the core has one cycle of
    /// its own for it, the rest it waits. 0: nothing is waited for.
    pub read: Option<Sp<u32>>,
    /// The same for a store.
    pub write: Option<Sp<u32>>,
    /// Stores are buffered (unless this is `false`): the core waits only while the bridge is busy.
    pub posted: Option<Sp<bool>>,
    /// It is the single-cycle I/O port of a Cortex-M0+; it has no clock and no periods.
    pub single_cycle: Option<Sp<bool>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}

/// A second place at which memory is seen.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// Name, such as `boot`.
    pub name: Sp<String>,
    /// First address, a multiple of 4096.
    pub base: Option<Sp<u32>>,
    /// Size in bytes, a multiple of 4096.
    pub size: Option<Sp<Size>>,
    /// The address in a memory region that its first byte stands for.
    pub target: Option<Sp<u32>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}

/// What an address without a device does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Holes {
    /// Reads as zero and ignores writes, with one notice.
    Zero,
    /// Bus error.
    Fault,
}

/// A window in which devices live.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Name, such as `peripherals`.
    pub name: Sp<String>,
    /// First address, a multiple of 4096.
    pub base: Option<Sp<u32>>,
    /// Size in bytes, a multiple of 4096.
    pub size: Option<Sp<Size>>,
    /// What an address without a device does.
    pub holes: Option<Sp<Holes>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}

/// A bit-band alias: each of its words is one bit of the target.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BitBand {
    /// Name, such as `sram`.
    pub name: Sp<String>,
    /// First address of the alias.
    pub base: Option<Sp<u32>>,
    /// Size of the alias in bytes (32 times that of the target).
    pub size: Option<Sp<Size>>,
    /// Address of the first bit.
    pub target: Option<Sp<u32>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}

/// A device on the bus, or a part on the board.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Name, such as `USART2`.
    pub name: Sp<String>,
    /// Its model, such as `stm32.usart.v1`.
    pub model: Option<Sp<String>>,
    /// First address of its registers.
    pub base: Option<Sp<u32>>,
    /// Size of its register window in bytes.
    pub size: Option<Sp<Size>>,
    /// Interrupt number of each of its interrupt ports.
    #[serde(default)]
    pub irq: BTreeMap<String, Sp<u16>>,
    /// Clock of each of its clock ports; a port that is not given gets the clock of its own name.
    #[serde(default)]
    pub clock: BTreeMap<String, Sp<String>>,
    /// Net of each of its net ports, or one name for the only one; a port that is not given gets the
    /// net of its own name, if there is one.
    pub net: Option<NetBinding>,
    /// Parameters of the model. A text `$clock.NAME.hz` stands for the frequency of that clock.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub params: BTreeMap<String, Sp<toml::Value>>,
    /// The output that resets it, such as `RCC.APB1RSTR.17`.
    pub reset: Option<Sp<String>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}

/// Nets of a device's ports.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum NetBinding {
    /// The net of its only net port.
    Only(Sp<String>),
    /// Port by port.
    Ports(BTreeMap<String, Sp<String>>),
}

impl<'de> Deserialize<'de> for NetBinding {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<NetBinding, D::Error> {
        // By hand: an untagged enum would lose the places of the values.
        struct V;
        impl<'de> de::Visitor<'de> for V {
            type Value = NetBindingRaw;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a net's name, or a table of ports and nets")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<NetBindingRaw, E> {
                Ok(NetBindingRaw::Only(v.to_owned()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<NetBindingRaw, A::Error> {
                Deserialize::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(NetBindingRaw::Ports)
            }
        }
        enum NetBindingRaw {
            Only(String),
            Ports(BTreeMap<String, Sp<String>>),
        }
        impl<'de> Deserialize<'de> for NetBindingRaw {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<NetBindingRaw, D::Error> {
                d.deserialize_any(V)
            }
        }
        let raw = Sp::<NetBindingRaw>::deserialize(d)?;
        Ok(match raw.value {
            NetBindingRaw::Only(value) => NetBinding::Only(Sp { value, at: raw.at }),
            NetBindingRaw::Ports(p) => NetBinding::Ports(p),
        })
    }
}

/// One or several functions that share a pin's alternate function number.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Functions {
    /// `"USART2.TX"`.
    One(String),
    /// `["TIM2.CH1", "TIM2.ETR"]`.
    Several(Vec<String>),
}

impl Functions {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Functions::One(f) => std::slice::from_ref(f),
            Functions::Several(f) => f.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Functions {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Functions, D::Error> {
        struct V;
        impl<'de> de::Visitor<'de> for V {
            type Value = Functions;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a function such as \"USART2.TX\", or a list of them")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Functions, E> {
                Ok(Functions::One(v.to_owned()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Functions, A::Error> {
                Deserialize::deserialize(de::value::SeqAccessDeserializer::new(seq))
                    .map(Functions::Several)
            }
        }
        d.deserialize_any(V)
    }
}

/// A signal from an output of one device to an input of another.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// `DEVICE.OUTPUT`, such as `USART2.dma_tx`.
    pub from: Sp<String>,
    /// `DEVICE.INPUT`, such as `DMA1.s6.c4`.
    pub to: Sp<String>,
}

/// A parameter of the memory system's timing.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Name, such as `flash.wait_states`.
    pub name: Sp<String>,
    /// Value after power-on.
    pub value: Option<Sp<u32>>,
    /// The firmware cannot change it (`--set` does this).
    pub pinned: Option<Sp<bool>>,
    /// Where this is written.
    #[serde(skip_serializing)]
    pub source: Option<Sp<String>>,
}
