//! What the units of the private peripheral bus have in common.

use emu_core::{Ctx, NoticeKind, Width};

/// CPUID.PARTNO of the cores that differ in their identification registers (TRMs, CPUID).
pub(crate) mod part {
    pub const M0: u32 = 0xC20;
    pub const M0PLUS: u32 = 0xC60;
    pub const M3: u32 = 0xC23;
    pub const M7: u32 = 0xC27;
}

/// CPUID.PARTNO.
pub(crate) fn part_number(cpuid: u32) -> u32 {
    (cpuid >> 4) & 0xFFF
}

/// Component classes (CoreSight architecture, CIDR1).
pub(crate) mod class {
    pub const ROM_TABLE: u32 = 0x1;
    pub const CORESIGHT: u32 = 0x9;
    pub const GENERIC_IP: u32 = 0xE;
}

/// A register of the identification block at the end of a 4 KiB unit (`offset` is 0xFD0 to 0xFFC),
/// for an ARM part (JEP106 0x3B, continuation 4).
pub(crate) fn id_register(offset: u32, part: u32, class: u32) -> Option<u32> {
    Some(match offset {
        0xFD0 => 0x04,
        0xFD4..=0xFDC | 0xFEC => 0,
        0xFE0 => part & 0xFF,
        0xFE4 => 0xB0 | (part >> 8),
        0xFE8 => 0x0B,
        0xFF0 => 0x0D,
        0xFF4 => class << 4,
        0xFF8 => 0x05,
        0xFFC => 0xB1,
        _ => return None,
    })
}

/// The architecture defines only word accesses to most of these registers (DDI 0403E B3.1.1). The
/// bus hands narrow ones to the byte lanes; the firmware is told.
pub(crate) fn note_narrow(ctx: &mut Ctx<'_>, register: &str, width: Width) {
    if width != Width::Word {
        let what = format!("{register}: access is not a word (UNPREDICTABLE)");
        ctx.note(NoticeKind::Misuse, &what);
    }
}

/// Software lock of a CoreSight unit (LAR, LSR).
pub(crate) mod lock {
    /// The key that opens it (CoreSight architecture, LAR).
    pub const KEY: u32 = 0xC5AC_CE55;
    /// LSR of a unit that has the lock: present, and locked or not.
    pub fn status(locked: bool) -> u32 {
        if locked { 3 } else { 1 }
    }
}
