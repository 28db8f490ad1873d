//! Names of places, exceptions and pins.

use emu_core::cortex_m::number;
use emu_core::image::Image;
use emu_core::machine::Machine;
use emu_core::nearest::nearest;
use emu_core::riscv::{self, lines};
use emu_core::{Bus, NetId};
use std::collections::BTreeMap;

static NO_PINS: BTreeMap<String, String> = BTreeMap::new();
static NO_INTERRUPTS: BTreeMap<u16, String> = BTreeMap::new();

/// What the firmware and the machine's description know of names.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The firmware, for functions and lines.
    pub image: Option<&'a Image>,
    /// The board's names of pins, with the chip's name of each.
    pub pins: &'a BTreeMap<String, String>,
    /// Interrupts by exception number (16 + IRQ).
    pub interrupts: &'a BTreeMap<u16, String>,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Context {
            image: None,
            pins: &NO_PINS,
            interrupts: &NO_INTERRUPTS,
        }
    }
}

impl Context<'_> {
    /// `0x080001a4 main+0x12 (main.c:42)`, as much of it as is known.
    pub fn describe(&self, address: u32) -> String {
        let text = self.image.map(|i| i.symbols.describe(address));
        match text.filter(|t| !t.starts_with("0x")) {
            Some(text) => format!("{address:#010x} {text}"),
            None => format!("{address:#010x}"),
        }
    }

    /// `SysTick`, `TIM2 (IRQ 28)`, `IRQ 28`; on RISC-V `timer interrupt`, `illegal instruction`.
    pub fn exception(&self, machine: &Machine, n: u16) -> String {
        let general = if machine.kind().is_riscv() {
            trap_name(n)
        } else {
            exception_name(n)
        };
        let own = self.interrupts.get(&n).filter(|_| n >= number::IRQ0);
        // `timer` says no more than `timer interrupt`.
        match own.filter(|name| !general.starts_with(name.as_str())) {
            Some(name) => format!("{name} ({general})"),
            None => general,
        }
    }

    /// The net of a pin, by the board's name or the chip's, in whatever case.
    pub fn pin(&self, bus: &Bus, name: &str) -> Result<(NetId, String), String> {
        let same = |n: &str| n.eq_ignore_ascii_case(name);
        let board = self.pins.iter().find(|(own, _)| same(own));
        let net = board.map_or(name, |(_, net)| net);
        let found = bus.nets.names().position(|n| n.eq_ignore_ascii_case(net));
        if let Some(i) = found {
            let id = NetId(i as u16);
            let chip = bus.nets.name(id);
            let shown = match board {
                Some((own, _)) if own != chip => format!("{own} ({chip})"),
                _ => chip.to_owned(),
            };
            return Ok((id, shown));
        }
        let known = self.pins.keys().map(String::as_str).chain(bus.nets.names());
        let near = nearest(name, known, 4);
        Err(match (bus.nets.is_empty(), near.is_empty()) {
            (true, _) => format!("no pin '{name}': this machine has no pins"),
            (_, false) => format!("no pin '{name}'; near: {}", near.join(", ")),
            (_, true) => {
                let first: Vec<&str> = bus.nets.names().take(6).collect();
                format!(
                    "no pin '{name}'; the machine has {} pins: {}, …",
                    bus.nets.len(),
                    first.join(", ")
                )
            }
        })
    }
}

/// `SysTick`, `IRQ 28`: exceptions of Cortex-M by their number.
#[must_use]
pub fn exception_name(n: u16) -> String {
    match n {
        number::RESET => "Reset".to_owned(),
        number::NMI => "NMI".to_owned(),
        number::HARD_FAULT => "HardFault".to_owned(),
        number::MEM_MANAGE => "MemManage".to_owned(),
        number::BUS_FAULT => "BusFault".to_owned(),
        number::USAGE_FAULT => "UsageFault".to_owned(),
        number::SVCALL => "SVCall".to_owned(),
        number::DEBUG_MONITOR => "DebugMonitor".to_owned(),
        number::PENDSV => "PendSV".to_owned(),
        number::SYSTICK => "SysTick".to_owned(),
        number::IRQ0.. => format!("IRQ {}", n - number::IRQ0),
        _ => format!("exception {n}"),
    }
}

/// Traps of RISC-V by their number (see [`lines::number`]).
pub fn trap_name(n: u16) -> String {
    let Some(cause) = n.checked_sub(number::IRQ0) else {
        let name = riscv::EXCEPTIONS.get(usize::from(n)).copied();
        return name.map_or_else(|| format!("trap {n}"), str::to_owned);
    };
    match u32::from(cause) {
        lines::SOFTWARE => "software interrupt".to_owned(),
        lines::TIMER => "timer interrupt".to_owned(),
        lines::EXTERNAL => "external interrupt".to_owned(),
        c @ lines::LOCAL.. => format!("local interrupt {}", c - lines::LOCAL),
        c => format!("interrupt {c}"),
    }
}

/// Where the machine will go on.
pub fn pc(machine: &Machine) -> u32 {
    machine.registers().r[15]
}
