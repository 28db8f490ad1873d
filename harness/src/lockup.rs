//! The post-mortem of a lockup: the core's own text (decoded fault, registers), and who called.
//!
//! There is no unwinding here: PC and LR are known, what an exception stacked is read from its
//! frame, and further callers are words on the stack that follow a call instruction. Some of those may
//! be stale; the text says so.

use crate::parts::Firmware;
use emu_core::machine::Machine;
use std::fmt::Write;

/// Words of stack that are searched for return addresses.
const SCAN: u32 = 256;
/// Probable callers that are shown.
const CALLERS: usize = 8;

/// What to print about a machine that has locked up.
#[must_use]
pub fn report(machine: &mut Machine, firmware: &Firmware, fault: &str) -> String {
    let r = machine.registers();
    let mut out = format!("the core locked up: {}\n\nbacktrace:\n", fault.trim_end());
    let _ = writeln!(out, "  pc {}", firmware.describe(r.r[15]));
    let lr = r.r[14];
    if is_exc_return(lr) {
        let psp = lr & 4 != 0;
        let (name, sp) = if psp { ("PSP", r.psp) } else { ("MSP", r.msp) };
        let _ = writeln!(
            out,
            "  lr {lr:#010x} (EXC_RETURN: the exception stacked on {name})"
        );
        // The frame is r0-r3, r12, lr, pc, xpsr (DDI 0403E B1.5.6).
        if let (Some(pc), Some(caller)) = (
            word(machine, sp.wrapping_add(24)),
            word(machine, sp.wrapping_add(20)),
        ) {
            let _ = writeln!(out, "  stacked pc {}", firmware.describe(pc));
            let _ = writeln!(out, "  stacked lr {}", firmware.describe(caller & !1));
        }
    } else {
        let _ = writeln!(out, "  lr {}", firmware.describe(lr & !1));
    }
    let callers = scan(machine, firmware, r.r[13]);
    if !callers.is_empty() {
        let _ = writeln!(
            out,
            "  probable callers, from the stack (some may be stale):"
        );
        for address in callers {
            let _ = writeln!(out, "     {}", firmware.describe(address));
        }
    }
    out.trim_end().to_owned()
}

fn is_exc_return(lr: u32) -> bool {
    lr >= 0xFFFF_FFE0
}

fn word(machine: &mut Machine, address: u32) -> Option<u32> {
    let mut bytes = [0; 4];
    (machine.read_memory(address, &mut bytes) == 4).then(|| u32::from_le_bytes(bytes))
}

/// Words on the stack that are return addresses: odd, in a function, after a BL or BLX.
fn scan(machine: &mut Machine, firmware: &Firmware, sp: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for i in 0..SCAN {
        let Some(value) = sp.checked_add(i * 4).and_then(|a| word(machine, a)) else {
            break;
        };
        let address = value & !1;
        if value & 1 == 1
            && firmware.function_at(address).is_some()
            && follows_call(machine, address)
            && found.last() != Some(&address)
        {
            found.push(address);
            if found.len() == CALLERS {
                break;
            }
        }
    }
    found
}

fn follows_call(machine: &mut Machine, address: u32) -> bool {
    let Some(before) = address.checked_sub(4).and_then(|a| word(machine, a)) else {
        return false;
    };
    let (first, second) = (before & 0xFFFF, before >> 16);
    // BL: 11110xxxxxxxxxxx 11x1xxxxxxxxxxxx; BLX Rm: 010001111xxxx000 (DDI 0403E A7.7.18, A7.7.19).
    let bl = first & 0xF800 == 0xF000 && second & 0xD000 == 0xD000;
    bl || second & 0xFF87 == 0x4780
}
