//! What gdb is told of the target: registers and memory, as XML.

use crate::arch::{Register, Shape};
use emu_core::cortex_m::Architecture;
use emu_core::memory::{Memory, MemoryKind};
use std::fmt::Write;

/// The target description (gdb manual, "ARM Features").
pub fn target(architecture: Architecture, shape: Shape) -> String {
    let name = match architecture {
        Architecture::V6M => "armv6-m",
        // BFD has no name of its own for ARMv7-M.
        Architecture::V7M => "armv7",
        Architecture::V7EM => "armv7e-m",
        Architecture::V8M => "armv8-m.main",
    };
    let mut xml = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n\
         <architecture>{name}</architecture>\n"
    );
    let mut feature = "";
    for r in Register::all().filter(|r| r.exists(shape)) {
        let (of, name, kind) = entry(r);
        if of != feature {
            if !feature.is_empty() {
                xml.push_str("</feature>\n");
            }
            let _ = writeln!(xml, "<feature name=\"{of}\">");
            feature = of;
        }
        let (bits, number) = (r.size() * 8, r.number());
        let _ = writeln!(
            xml,
            "  <reg name=\"{name}\" bitsize=\"{bits}\" regnum=\"{number}\" {kind}/>"
        );
    }
    xml.push_str("</feature>\n</target>\n");
    xml
}

/// Feature, name and remaining attributes of a register.
fn entry(r: Register) -> (&'static str, String, &'static str) {
    const PROFILE: &str = "org.gnu.gdb.arm.m-profile";
    const SYSTEM: &str = "org.gnu.gdb.arm.m-system";
    const VFP: &str = "org.gnu.gdb.arm.vfp";
    match r {
        Register::Core(13) => (PROFILE, "sp".to_owned(), "type=\"data_ptr\""),
        Register::Core(14) => (PROFILE, "lr".to_owned(), "type=\"uint32\""),
        Register::Core(15) => (PROFILE, "pc".to_owned(), "type=\"code_ptr\""),
        Register::Core(n) => (PROFILE, format!("r{n}"), "type=\"uint32\""),
        Register::Xpsr => (PROFILE, "xpsr".to_owned(), "type=\"uint32\""),
        Register::Msp => (SYSTEM, "msp".to_owned(), "type=\"data_ptr\""),
        Register::Psp => (SYSTEM, "psp".to_owned(), "type=\"data_ptr\""),
        Register::Primask => (
            SYSTEM,
            "primask".to_owned(),
            "type=\"uint32\" group=\"system\"",
        ),
        Register::Basepri => (
            SYSTEM,
            "basepri".to_owned(),
            "type=\"uint32\" group=\"system\"",
        ),
        Register::Faultmask => (
            SYSTEM,
            "faultmask".to_owned(),
            "type=\"uint32\" group=\"system\"",
        ),
        Register::Control => (
            SYSTEM,
            "control".to_owned(),
            "type=\"uint32\" group=\"system\"",
        ),
        Register::Double(n) => (VFP, format!("d{n}"), "type=\"ieee_double\""),
        Register::Fpscr => (VFP, "fpscr".to_owned(), "type=\"uint32\" group=\"float\""),
        // gdb must not put it back after a call of a function by hand: time only goes forwards.
        Register::Cycles => (
            "org.tickscope.time",
            "cycles".to_owned(),
            "type=\"uint64\" group=\"system\" save-restore=\"no\"",
        ),
    }
}

/// Block size that flash is erased in, whatever the chip's sectors: `load` only needs it to be there.
const BLOCK: u64 = 0x400;

/// The memory map: memory with its aliases, and everything else as RAM (peripherals, holes), so that gdb asks
/// instead of refusing by itself.
pub fn memory_map(memory: &Memory) -> String {
    let mut ranges: Vec<(u64, u64, MemoryKind)> = memory
        .regions()
        .iter()
        .map(|r| (u64::from(r.base), u64::from(r.size()), r.kind))
        .collect();
    for a in memory.aliases() {
        if let Some(region) = memory.region_at(a.base) {
            ranges.push((u64::from(a.base), u64::from(a.size), region.kind));
        }
    }
    ranges.sort_by_key(|r| r.0);

    let mut xml = String::from(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" \
         \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n",
    );
    let mut at = 0u64;
    for (base, size, kind) in ranges {
        // gdb refuses maps that overlap: the first one wins.
        let end = base + size;
        let base = base.max(at);
        if base >= end {
            continue;
        }
        range(&mut xml, at, base, MemoryKind::Ram);
        range(&mut xml, base, end, kind);
        at = end;
    }
    range(&mut xml, at, 1 << 32, MemoryKind::Ram);
    xml.push_str("</memory-map>\n");
    xml
}

fn range(xml: &mut String, start: u64, end: u64, kind: MemoryKind) {
    if start >= end {
        return;
    }
    let head = |kind: &str| {
        format!(
            "  <memory type=\"{kind}\" start=\"{start:#x}\" length=\"{:#x}\"",
            end - start
        )
    };
    match kind {
        MemoryKind::Ram => xml.push_str(&(head("ram") + "/>\n")),
        MemoryKind::Rom => xml.push_str(&(head("rom") + "/>\n")),
        MemoryKind::Flash => {
            let block = BLOCK.min(end - start);
            let _ = writeln!(
                xml,
                "{}><property name=\"blocksize\">{block:#x}</property></memory>",
                head("flash")
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emu_core::memory::Alias;

    #[test]
    fn description_of_each_kind_of_core() {
        let names = |a, v7m, fpu| {
            let xml = target(a, Shape { v7m, fpu });
            let features = xml.matches("<feature").count();
            assert_eq!(features, xml.matches("</feature>").count());
            (
                features,
                xml.matches("<reg ").count(),
                xml.contains("basepri"),
                xml.contains("\"d15\""),
            )
        };
        assert_eq!(
            names(Architecture::V6M, false, false),
            (3, 22, false, false)
        );
        assert_eq!(names(Architecture::V7M, true, false), (3, 24, true, false));
        assert_eq!(names(Architecture::V7EM, true, true), (4, 41, true, true));
    }

    #[test]
    fn memory_map_covers_all_addresses_once() {
        let mut m = Memory::default();
        m.add("flash", MemoryKind::Flash, 0x0800_0000, 0x10_0000);
        m.add("ram", MemoryKind::Ram, 0x2000_0000, 0x2_0000);
        m.add("top", MemoryKind::Rom, 0xFFFF_0000, 0x1_0000);
        m.add_alias(Alias {
            base: 0,
            size: 0x10_0000,
            target: 0x0800_0000,
        });
        let xml = memory_map(&m);
        let number = |line: &str, key: &str| {
            let from = line.find(key).map_or(0, |i| i + key.len() + 4);
            let digits = line[from..].split('"').next().unwrap_or_default();
            u64::from_str_radix(digits, 16).unwrap_or(u64::MAX)
        };
        let mut at = 0;
        for line in xml.lines().filter(|l| l.contains("<memory type")) {
            assert_eq!(number(line, "start"), at, "{line}");
            at += number(line, "length");
        }
        assert_eq!(at, 1 << 32);
        assert_eq!(xml.matches("type=\"flash\"").count(), 2, "the alias too");
        assert_eq!(xml.matches("type=\"rom\"").count(), 1);
    }
}
