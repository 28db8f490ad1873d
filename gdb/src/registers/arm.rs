//! Registers of Cortex-M cores (gdb manual, "ARM Features").
//!
//! Numbers 0 to 40 are the same for every core; a core leaves out what it lacks. The stack limits of ARMv8-M are not
//! part of gdb's own features of this profile; gdb shows them because they are in one that it knows.
//!
//! Source of the fields: ARMv7-M ARM (DDI 0403E) B1.4; ARMv8-M ARM (DDI 0553) D1.2.

use super::types::{Field, Flags, bit, named};
use super::{Place, Register, Type, cycles, row};
use emu_core::cortex_m::Architecture;

const PROFILE: &str = "org.gnu.gdb.arm.m-profile";
const SYSTEM: &str = "org.gnu.gdb.arm.m-system";
const VFP: &str = "org.gnu.gdb.arm.vfp";

const WORD: Type = Type::Plain("uint32");
const DATA: Type = Type::Plain("data_ptr");

/// IPSR; interrupts are shown as numbers, 16 and up.
const EXCEPTION: Field = named(
    "ISR",
    0,
    8,
    &[
        ("Thread", 0),
        ("Reset", 1),
        ("NMI", 2),
        ("HardFault", 3),
        ("MemManage", 4),
        ("BusFault", 5),
        ("UsageFault", 6),
        ("SVCall", 11),
        ("DebugMonitor", 12),
        ("PendSV", 14),
        ("SysTick", 15),
    ],
);

const XPSR_V6M: Flags = Flags {
    id: "xpsr_type",
    fields: &[
        bit("N", 31),
        bit("Z", 30),
        bit("C", 29),
        bit("V", 28),
        bit("T", 24),
        EXCEPTION,
    ],
};

const XPSR_V7M: Flags = Flags {
    id: "xpsr_type",
    fields: &[
        bit("N", 31),
        bit("Z", 30),
        bit("C", 29),
        bit("V", 28),
        bit("Q", 27),
        bit("T", 24),
        bit("IT7", 15),
        bit("IT6", 14),
        bit("IT5", 13),
        bit("IT4", 12),
        bit("IT3", 11),
        bit("IT2", 10),
        bit("IT1", 26),
        bit("IT0", 25),
        EXCEPTION,
    ],
};

const XPSR_DSP: Flags = Flags {
    id: "xpsr_type",
    fields: &[
        bit("N", 31),
        bit("Z", 30),
        bit("C", 29),
        bit("V", 28),
        bit("Q", 27),
        bit("T", 24),
        bit("GE3", 19),
        bit("GE2", 18),
        bit("GE1", 17),
        bit("GE0", 16),
        bit("IT7", 15),
        bit("IT6", 14),
        bit("IT5", 13),
        bit("IT4", 12),
        bit("IT3", 11),
        bit("IT2", 10),
        bit("IT1", 26),
        bit("IT0", 25),
        EXCEPTION,
    ],
};

const CONTROL: Flags = Flags {
    id: "control_type",
    fields: &[bit("nPRIV", 0), bit("SPSEL", 1)],
};

const CONTROL_FP: Flags = Flags {
    id: "control_type",
    fields: &[bit("nPRIV", 0), bit("SPSEL", 1), bit("FPCA", 2)],
};

const FPSCR: Flags = Flags {
    id: "fpscr_type",
    fields: &[
        bit("N", 31),
        bit("Z", 30),
        bit("C", 29),
        bit("V", 28),
        bit("AHP", 26),
        bit("DN", 25),
        bit("FZ", 24),
        named(
            "RMode",
            22,
            23,
            &[("RN", 0), ("RP", 1), ("RM", 2), ("RZ", 3)],
        ),
        bit("IDC", 7),
        bit("IXC", 4),
        bit("UFC", 3),
        bit("OFC", 2),
        bit("DZC", 1),
        bit("IOC", 0),
    ],
};

/// BFD's name of an architecture.
pub fn bfd_name(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::V6M => "armv6-m",
        // BFD has no name of its own for ARMv7-M.
        Architecture::V7M => "armv7",
        Architecture::V7EM => "armv7e-m",
        Architecture::V8M => "armv8-m.main",
    }
}

/// The registers of a core of this architecture.
pub fn rows(architecture: Architecture, fpu: bool) -> Vec<Register> {
    let core = |n: u8| {
        let (name, kind) = match n {
            13 => ("sp".to_owned(), DATA),
            14 => ("lr".to_owned(), WORD),
            15 => ("pc".to_owned(), Type::Plain("code_ptr")),
            n => (format!("r{n}"), WORD),
        };
        row(usize::from(n), name, PROFILE, kind, Place::Core(n))
    };
    let system = |number, name: &str, kind, place| Register {
        group: Some("system"),
        ..row(number, name, SYSTEM, kind, place)
    };
    let xpsr = match architecture {
        Architecture::V6M => &XPSR_V6M,
        Architecture::V7M => &XPSR_V7M,
        Architecture::V7EM | Architecture::V8M => &XPSR_DSP,
    };
    let control = if fpu { &CONTROL_FP } else { &CONTROL };

    let mut rows: Vec<Register> = (0..16).map(core).collect();
    rows.push(row(16, "xpsr", PROFILE, Type::Flags(xpsr), Place::Xpsr));
    rows.push(row(17, "msp", SYSTEM, DATA, Place::Msp));
    rows.push(row(18, "psp", SYSTEM, DATA, Place::Psp));
    rows.push(system(19, "primask", WORD, Place::Primask));
    if architecture >= Architecture::V7M {
        rows.push(system(20, "basepri", WORD, Place::Basepri));
        rows.push(system(21, "faultmask", WORD, Place::Faultmask));
    }
    rows.push(system(22, "control", Type::Flags(control), Place::Control));
    if fpu {
        rows.extend((0..16).map(|n| Register {
            bits: 64,
            ..row(
                23 + usize::from(n),
                format!("d{n}"),
                VFP,
                Type::Plain("ieee_double"),
                Place::Double(n),
            )
        }));
        rows.push(Register {
            group: Some("float"),
            ..row(39, "fpscr", VFP, Type::Flags(&FPSCR), Place::Fpscr)
        });
    }
    rows.push(cycles(40));
    if architecture == Architecture::V8M {
        for (number, name, place) in [(41, "msplim", Place::Msplim), (42, "psplim", Place::Psplim)]
        {
            rows.push(Register {
                general: false,
                ..system(number, name, DATA, place)
            });
        }
    }
    rows
}
