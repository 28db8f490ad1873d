//! The registers of a core as gdb sees them: a table, made for the machine.
//!
//! The table says which registers there are, with their numbers in the protocol, names, sizes and types. The target
//! description ([`crate::description`]) and the packets `g`, `G`, `p` and `P` ([`wire`]) follow it; [`values`] knows
//! where each of them is in the machine.
//!
//! The rows are in the order of their numbers, because that is gdb's order of the `g` packet. The packet ends before
//! the first register that is not [`Register::general`]; gdb asks for the others when it needs them.

mod arm;
mod riscv;
pub mod types;
mod values;
pub mod wire;

pub use types::Type;
pub use values::Values;

use emu_core::machine::Machine;

/// Where a register is in the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// R0 to R12, SP, LR, PC of a Cortex-M.
    Core(u8),
    /// xPSR.
    Xpsr,
    /// Main stack pointer.
    Msp,
    /// Process stack pointer.
    Psp,
    /// Limit of the main stack.
    Msplim,
    /// Limit of the process stack.
    Psplim,
    /// PRIMASK.
    Primask,
    /// BASEPRI.
    Basepri,
    /// FAULTMASK.
    Faultmask,
    /// CONTROL.
    Control,
    /// D0 to D15.
    Double(u8),
    /// FPSCR.
    Fpscr,
    /// x0 to x31 of a RISC-V core.
    X(u8),
    /// PC of a RISC-V core.
    Pc,
    /// A control and status register.
    Csr(u16),
    /// The privilege mode of a RISC-V core.
    Privilege,
    /// The present cycle.
    Cycles,
}

/// A row of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Register {
    /// Its number in the protocol.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// The feature of the target description that it belongs to.
    pub feature: &'static str,
    /// Its size in bits, a multiple of 8 and no more than 64.
    pub bits: u32,
    /// How gdb shows it.
    pub kind: Type,
    /// The group of `info registers GROUP`, when it is not that of its type.
    pub group: Option<&'static str>,
    /// Does gdb put it back after a call of a function by hand?
    pub saved: bool,
    /// Is it in the `g` packet?
    pub general: bool,
    /// Where it is.
    pub place: Place,
}

impl Register {
    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.bits as usize / 8
    }
}

/// All registers of a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// BFD's name of the architecture.
    pub architecture: &'static str,
    rows: Vec<Register>,
}

impl Table {
    /// The registers of this machine's core.
    pub fn of(machine: &Machine) -> Table {
        let (architecture, mut rows) = if machine.kind().is_riscv() {
            (
                "riscv:rv32",
                riscv::rows(|csr| machine.riscv_csr(csr).is_some()),
            )
        } else {
            let architecture = machine.bus().system.architecture;
            (
                arm::bfd_name(architecture),
                arm::rows(architecture, machine.bus().system.has_fpu),
            )
        };
        rows.sort_by_key(|r| r.number);
        Table { architecture, rows }
    }

    /// All of them, in the order of their numbers.
    pub fn rows(&self) -> &[Register] {
        &self.rows
    }

    /// Those in the `g` packet.
    pub fn general(&self) -> impl Iterator<Item = &Register> {
        self.rows.iter().take_while(|r| r.general)
    }

    /// The one of this number.
    pub fn get(&self, number: usize) -> Option<&Register> {
        let at = self.rows.binary_search_by_key(&number, |r| r.number);
        at.ok().map(|i| &self.rows[i])
    }
}

/// A register in the `g` packet whose type gdb knows.
fn row(
    number: usize,
    name: impl Into<String>,
    feature: &'static str,
    kind: Type,
    place: Place,
) -> Register {
    Register {
        number,
        name: name.into(),
        feature,
        bits: 32,
        kind,
        group: None,
        saved: true,
        general: true,
        place,
    }
}

/// The cycle counter of the machine. gdb must not put it back after a call of a function by hand: time only goes
/// forwards.
fn cycles(number: usize) -> Register {
    Register {
        bits: 64,
        group: Some("general"),
        saved: false,
        general: false,
        ..row(
            number,
            "cycles",
            "org.tickscope.time",
            Type::Plain("uint64"),
            Place::Cycles,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emu_core::cortex_m::Architecture::{V6M, V7EM, V7M, V8M};
    use std::collections::BTreeSet;

    #[test]
    fn tables_are_sound() {
        let tables = [
            arm::rows(V6M, false),
            arm::rows(V7M, false),
            arm::rows(V7EM, true),
            arm::rows(V8M, true),
            riscv::rows(|_| true),
        ];
        for mut rows in tables {
            rows.sort_by_key(|r| r.number);
            let table = Table {
                architecture: "",
                rows,
            };
            let distinct = |f: fn(&Register) -> String| {
                let all: BTreeSet<String> = table.rows().iter().map(f).collect();
                all.len() == table.rows().len()
            };
            assert!(distinct(|r| r.number.to_string()));
            assert!(distinct(|r| r.name.clone()));
            assert!(distinct(|r| format!("{:?}", r.place)));
            let general = table.general().count();
            let after = &table.rows()[general..];
            assert!(after.iter().all(|r| !r.general), "no gap in the g packet");
            for r in table.rows() {
                assert!(r.bits % 8 == 0 && r.bits <= 64, "{}", r.name);
                assert_eq!(table.get(r.number), Some(r));
            }
            assert_eq!(table.get(99_999), None);
            assert!(after.iter().any(|r| r.place == Place::Cycles));
        }
    }
}
