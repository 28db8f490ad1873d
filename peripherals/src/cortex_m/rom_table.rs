//! ROM table: where a debugger, or firmware that probes, finds the debug units.
//!
//! Modelled: entries, MEMTYPE and identification, read-only. Not modelled: nothing of this block.
//!
//! Window: 0xE00FF000, 4 KiB. Source: ARMv7-M ARM (DDI 0403E) C1.2, Cortex-M3 TRM (DDI 0337H) table 4-3.

use super::common::{class, id_register, part, part_number};
use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, NoticeKind, Ports, Width, device_state};
use serde::{Deserialize, Serialize};

/// MEMTYPE: system memory is visible to the debugger.
const MEMTYPE: u32 = 0xFCC;

/// Units, as offsets from the table with the bits "32-bit format" and "present": SCS, DWT, FPB, ITM,
/// TPIU, and the ETM as absent.
const V7M: [u32; 6] = [
    0xFFF0_F003,
    0xFFF0_2003,
    0xFFF0_3003,
    0xFFF0_1003,
    0xFFF4_1003,
    0xFFF4_2002,
];
/// SCS, DWT, BPU (Cortex-M0+ TRM, ROM table).
const V6M: [u32; 3] = [0xFFF0_F003, 0xFFF0_2003, 0xFFF0_3003];

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    /// Entries, instead of those of the core.
    entries: Option<Vec<u32>>,
    /// Words at 0xFD0 to 0xFEC (PID4 to 7, PID0 to 3) when the chip maker put in its own.
    pid: Option<[u32; 8]>,
}

/// The table.
#[derive(Serialize, Deserialize)]
pub struct RomTable {
    entries: Option<Vec<u32>>,
    pid: Option<[u32; 8]>,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let Parameters { entries, pid } = parameters(table)?;
    Ok(Box::new(RomTable { entries, pid }))
}

impl Device for RomTable {
    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn reset(&mut self, _ctx: &mut Ctx<'_>) {}

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        let register = offset & !3;
        let s = ctx.system();
        let entries: &[u32] = match &self.entries {
            Some(list) => list,
            None if s.is_v7m() => &V7M,
            None => &V6M,
        };
        let word = if let Some(&entry) = entries.get(register as usize / 4) {
            entry
        } else if register == MEMTYPE {
            1
        } else if let (Some(pid), 0xFD0..=0xFEC) = (&self.pid, register) {
            pid[(register as usize - 0xFD0) / 4]
        } else {
            // Part numbers of ARM's default tables (TRMs).
            let table = match part_number(s.cpuid) {
                part::M0 => 0x471,
                part::M0PLUS => 0x4C0,
                part::M3 => 0x4C3,
                part::M7 => 0x4C7,
                _ => 0x4C4,
            };
            id_register(register, table, class::ROM_TABLE).unwrap_or(0)
        };
        width.extract(word, offset)
    }

    fn write(&mut self, _offset: u32, _width: Width, _value: u32, ctx: &mut Ctx<'_>) {
        ctx.note(NoticeKind::Misuse, "write to a read-only table, ignored");
    }

    fn access(&self, _offset: u32, _write: bool, _bus: &Bus) -> Access {
        Access::Plain
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use crate::cortex_m::testing::Rig;

    #[test]
    fn the_table_of_the_core_or_of_the_chip() {
        let mut r = Rig::m4();
        r.add("cortex_m.rom_table", 0xE00F_F000, "");
        assert_eq!(r.read(0), 0xFFF0_F003);
        assert_eq!((r.read(0x14), r.read(0x18)), (0xFFF4_2002, 0));
        let ids: Vec<u32> = (0..12).map(|i| r.read(0xFD0 + 4 * i)).collect();
        assert_eq!(
            ids,
            [4, 0, 0, 0, 0xC4, 0xB4, 0x0B, 0, 0x0D, 0x10, 0x05, 0xB1]
        );
        let mut r = Rig::m4();
        let pid = "entries = [3]\npid = [0, 0, 0, 0, 0x13, 0x04, 0x0A, 0]";
        r.add("cortex_m.rom_table", 0xE00F_F000, pid);
        assert_eq!((r.read(0), r.read(4), r.read(0xFE0)), (3, 0, 0x13));
    }
}
