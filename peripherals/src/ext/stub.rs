//! A register file without behaviour, for what nobody has modelled yet.
//!
//! Modelled: names, reset values, widths, read-only and write-only access, byte and half-word
//! accesses. Each register that the firmware touches is told once. Not modelled: any behaviour.
//!
//! Registers may be 8, 16 or 32 bits wide at any offset. Of registers at the same offset (alternate
//! views in an SVD) the first counts.

use crate::{ParameterError, parameters};
use emu_core::{Access, Bus, Ctx, Device, NoticeKind, Ports, Width, device_state};
use serde::{Deserialize, Serialize};

/// What may be done to a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Rw,
    Ro,
    Wo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterParameters {
    name: String,
    offset: u32,
    #[serde(default)]
    reset: u32,
    #[serde(default)]
    access: Kind,
    /// Width in bits: 8, 16 or 32.
    #[serde(default)]
    bits: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    registers: Vec<RegisterParameters>,
}

#[derive(Serialize, Deserialize)]
struct Register {
    name: String,
    offset: u32,
    bytes: u32,
    reset: u32,
    value: u32,
    kind: Kind,
}

/// The register file, in order of offsets.
#[derive(Serialize, Deserialize)]
pub struct Stub {
    registers: Vec<Register>,
}

pub(super) fn build(table: toml::Table) -> Result<Box<dyn Device>, ParameterError> {
    let p: Parameters = parameters(table)?;
    let mut registers = p
        .registers
        .into_iter()
        .map(register)
        .collect::<Result<Vec<_>, _>>()?;
    registers.sort_by_key(|r| r.offset);
    registers.dedup_by_key(|r| r.offset);
    Ok(Box::new(Stub { registers }))
}

fn register(p: RegisterParameters) -> Result<Register, ParameterError> {
    let bits = p.bits.unwrap_or(32);
    if !matches!(bits, 8 | 16 | 32) {
        return Err(ParameterError(format!(
            "register {}: bits = {bits}, but a register has 8, 16 or 32",
            p.name
        )));
    }
    if bits < 32 && p.reset >> bits != 0 {
        return Err(ParameterError(format!(
            "register {}: reset = {:#x} does not fit {bits} bits",
            p.name, p.reset
        )));
    }
    Ok(Register {
        name: p.name,
        offset: p.offset,
        bytes: bits / 8,
        reset: p.reset,
        value: p.reset,
        kind: p.access,
    })
}

impl Stub {
    /// The register that has the byte at an offset.
    fn find(&self, offset: u32) -> Option<usize> {
        let end = self.registers.partition_point(|r| r.offset <= offset);
        // Offsets are unique, so at most four registers start close enough.
        (end.saturating_sub(4)..end).rev().find(|&i| {
            let r = &self.registers[i];
            offset - r.offset < r.bytes
        })
    }

    /// Tell about each register that an access touches.
    fn tell(&self, offset: u32, width: Width, ctx: &mut Ctx<'_>) {
        let mut last = None;
        let mut found = false;
        for byte in offset..offset.saturating_add(width.bytes()) {
            let i = self.find(byte);
            found |= i.is_some();
            if i != last
                && let Some(i) = i
            {
                ctx.note(NoticeKind::StubRegister, &self.registers[i].name);
            }
            last = i;
        }
        if !found {
            let what = format!("{offset:#05x}: no such register");
            ctx.note(NoticeKind::UnmappedAddress, &what);
        }
    }
}

impl Device for Stub {
    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn reset(&mut self, _ctx: &mut Ctx<'_>) {
        for r in &mut self.registers {
            r.value = r.reset;
        }
    }

    fn read(&mut self, offset: u32, width: Width, ctx: &mut Ctx<'_>) -> u32 {
        if !ctx.is_debug() {
            self.tell(offset, width, ctx);
        }
        (0..width.bytes()).fold(0, |value, i| {
            let byte = self.find(offset + i).map_or(0, |n| {
                let r = &self.registers[n];
                let shift = 8 * (offset + i - r.offset);
                if r.kind == Kind::Wo {
                    0
                } else {
                    (r.value >> shift) & 0xFF
                }
            });
            value | byte << (8 * i)
        })
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, ctx: &mut Ctx<'_>) {
        self.tell(offset, width, ctx);
        for i in 0..width.bytes() {
            if let Some(n) = self.find(offset + i) {
                let r = &mut self.registers[n];
                if r.kind != Kind::Ro {
                    let shift = 8 * (offset + i - r.offset);
                    let byte = (value >> (8 * i)) & 0xFF;
                    r.value = (r.value & !(0xFF << shift)) | byte << shift;
                }
            }
        }
    }

    fn access(&self, _offset: u32, _write: bool, _bus: &Bus) -> Access {
        Access::Plain
    }

    fn register(&self, offset: u32) -> Option<String> {
        self.find(offset).map(|i| self.registers[i].name.clone())
    }

    device_state!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cortex_m::testing::Rig;
    use emu_core::Width::{Byte, Half};

    const FILE: &str = r#"
        registers = [
            { name = "DR", offset = 8, access = "wo" },
            { name = "CR1", offset = 0, reset = 0x0000_8003 },
            { name = "SR", offset = 4, reset = 0xC0, access = "ro" },
            { name = "C1", offset = 12, reset = 0x5A, bits = 8 },
            { name = "C2", offset = 13, bits = 8 },
            { name = "CR1_ALT", offset = 0 },
        ]
    "#;

    fn rig() -> Rig {
        let mut r = Rig::m4();
        r.add("stub.registers", 0x4000_0000, FILE);
        r
    }

    #[test]
    fn values_are_kept_and_told_once() {
        let mut r = rig();
        assert_eq!(r.read(0), 0x8003);
        r.write(0, 0x1234_5678);
        r.write_as(2, Byte, 0xAB);
        assert_eq!(r.read_as(2, Half), 0x12AB);
        let all = r.bus.notices.all();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].kind, NoticeKind::StubRegister);
        assert_eq!(all[0].what, "STUB.REGISTERS.CR1");
        assert_eq!(all[0].count, 4);
        r.bus.reset_devices(emu_core::ResetCause::Pin);
        assert_eq!(r.read(0), 0x8003);
    }

    #[test]
    fn access_rights() {
        let mut r = rig();
        r.write(4, 0);
        assert_eq!(r.read(4), 0xC0);
        r.write(8, 7);
        assert_eq!(r.read(8), 0);
    }

    #[test]
    fn narrow_neighbours() {
        let mut r = rig();
        r.write_as(13, Byte, 0x99);
        assert_eq!(r.read(12), 0x0000_995A);
        assert!(r.noted("C1") && r.noted("C2"));
        assert_eq!(r.read(0x40), 0);
        assert!(r.noted("0x040"));
        assert_eq!(r.bus.register_name(0x4000_0004), "STUB.REGISTERS.SR");
    }

    #[test]
    fn a_debugger_leaves_no_trace() {
        let mut r = rig();
        assert_eq!(r.peek(0), 0x8003);
        assert!(r.bus.notices.all().is_empty());
    }

    #[test]
    fn bad_files_are_refused() {
        for (text, word) in [
            (
                r#"registers = [{ name = "A", offset = 0, bits = 12 }]"#,
                "12",
            ),
            (
                r#"registers = [{ name = "A", offset = 0, bits = 8, reset = 256 }]"#,
                "fit",
            ),
            (
                r#"registers = [{ name = "A", offset = 0, access = "x" }]"#,
                "x",
            ),
            (r#"registers = [{ offset = 0 }]"#, "name"),
        ] {
            let error = crate::create("stub.registers", text.parse().expect("toml"))
                .err()
                .expect("refused");
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
