//! What the compiler recorded about the target: `.ARM.attributes` and `.riscv.attributes`.

use super::elf::Elf;
use object::LittleEndian;
use object::elf::FileHeader32;
use object::read::elf::{AttributeReader, AttributesSection};

/// Instruction set of an image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Architecture {
    /// 32-bit ARM.
    Arm,
    /// 32-bit RISC-V.
    RiscV,
}

/// Build attributes of the whole file; a field that the file does not give is `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attributes {
    /// `Tag_CPU_name`: `Cortex-M4`, or an architecture such as `7E-M`.
    pub cpu_name: Option<String>,
    /// `Tag_CPU_arch`: 11 v6-M, 10 v7, 13 v7E-M, 16 v8-M baseline, 17 v8-M mainline.
    pub cpu_arch: Option<u32>,
    /// `Tag_CPU_arch_profile`: `'A'`, `'R'`, `'M'`.
    pub profile: Option<char>,
    /// `Tag_FP_arch`: 0 none, 6 VFPv4-D16 (FPv4-SP), 8 FP for v8.
    pub fp_arch: Option<u32>,
    /// `Tag_ABI_VFP_args`: 1 when floats are passed in FP registers (hard-float ABI).
    pub vfp_args: Option<u32>,
    /// `Tag_RISCV_arch`: `rv32i2p1_m2p0_c2p0`.
    pub riscv_isa: Option<String>,
}

// Addenda to the ABI for the Arm Architecture (ABI-addenda), "Public attributes".
const CPU_NAME: u64 = 5;
const CPU_ARCH: u64 = 6;
const CPU_ARCH_PROFILE: u64 = 7;
const FP_ARCH: u64 = 10;
const ABI_VFP_ARGS: u64 = 28;
const COMPATIBILITY: u64 = 32;
// RISC-V ELF psABI, "Attributes".
const RISCV_ARCH: u64 = 5;

impl Attributes {
    pub(super) fn read(elf: &Elf, file: &[u8]) -> Attributes {
        let mut a = Attributes::default();
        // What was read before damage stays: attributes are hints.
        let _ = match elf.architecture {
            Architecture::Arm => elf
                .section(".ARM.attributes", file)
                .and_then(|data| each(data, b"aeabi", |r, tag| a.arm(r, tag))),
            Architecture::RiscV => elf
                .section(".riscv.attributes", file)
                .and_then(|data| each(data, b"riscv", |r, tag| a.riscv(r, tag))),
        };
        a
    }

    fn arm(&mut self, r: &mut AttributeReader<'_>, tag: u64) -> Option<()> {
        match tag {
            CPU_NAME => self.cpu_name = Some(text(r)?),
            CPU_ARCH => self.cpu_arch = Some(number(r)?),
            CPU_ARCH_PROFILE => self.profile = char::from_u32(number(r)?).filter(|&c| c != '\0'),
            FP_ARCH => self.fp_arch = Some(number(r)?),
            ABI_VFP_ARGS => self.vfp_args = Some(number(r)?),
            COMPATIBILITY => {
                number(r)?;
                text(r)?;
            }
            // Below 32 each tag has its own form; above, odd ones are strings.
            4 | 65.. if tag % 2 == 1 || tag == 4 => drop(text(r)?),
            _ => drop(r.read_integer().ok()?),
        }
        Some(())
    }

    fn riscv(&mut self, r: &mut AttributeReader<'_>, tag: u64) -> Option<()> {
        match tag {
            RISCV_ARCH => self.riscv_isa = Some(text(r)?),
            _ if tag % 2 == 1 => drop(text(r)?),
            _ => drop(r.read_integer().ok()?),
        }
        Some(())
    }
}

fn text(r: &mut AttributeReader<'_>) -> Option<String> {
    Some(String::from_utf8_lossy(r.read_string().ok()?).into_owned())
}

fn number(r: &mut AttributeReader<'_>) -> Option<u32> {
    r.read_integer().ok()?.try_into().ok()
}

/// Call `take` for each file-wide attribute of a vendor, until something is damaged.
fn each<'a>(
    data: &'a [u8],
    vendor: &[u8],
    mut take: impl FnMut(&mut AttributeReader<'a>, u64) -> Option<()>,
) -> Option<()> {
    let section = AttributesSection::<FileHeader32<LittleEndian>>::new(LittleEndian, data).ok()?;
    let mut subsections = section.subsections().ok()?;
    while let Some(sub) = subsections.next().ok()? {
        if sub.vendor() != vendor {
            continue;
        }
        let mut parts = sub.subsubsections();
        while let Some(part) = parts.next().ok()? {
            if part.tag() != object::elf::Tag_File {
                continue;
            }
            let mut reader = part.attributes();
            while let Some(tag) = reader.read_tag().ok()? {
                take(&mut reader, tag)?;
            }
        }
    }
    Some(())
}
