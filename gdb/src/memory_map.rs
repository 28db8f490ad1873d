//! The memory map that gdb is told: memory with its aliases, and everything else as RAM (peripherals, holes), so that
//! gdb asks instead of refusing by itself. Flash is told apart: gdb programs it by `load`, and sets hardware
//! breakpoints there.

use emu_core::memory::{Memory, MemoryKind};
use std::fmt::Write;

/// Block size in bytes that flash is erased in by `load`, whatever the chip's sectors: small, so that what is beside
/// the loaded program (a boot loader, settings) stays.
pub const BLOCK: u32 = 0x400;

/// The memory map as XML (gdb manual, "Memory Map Format").
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
            let block = u64::from(BLOCK).min(end - start);
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
