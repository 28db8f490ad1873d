//! Small helpers that every register file of this family shares.

use emu_core::{Ctx, NoticeKind};

/// Name of the register at `offset` in a table of (offset, name).
pub(crate) fn name(table: &[(u32, &str)], offset: u32) -> Option<String> {
    table
        .iter()
        .find(|(o, _)| *o == offset & !3)
        .map(|(_, n)| (*n).to_owned())
}

/// The firmware touched an offset at which the manual has no register: it reads as zero.
pub(crate) fn reserved(ctx: &mut Ctx<'_>, offset: u32) {
    let what = format!("{:#04x}: reserved offset, reads as zero", offset & !3);
    ctx.note(NoticeKind::Misuse, &what);
}
