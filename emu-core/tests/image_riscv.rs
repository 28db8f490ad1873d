//! A RISC-V ELF, laid out by hand: architecture, attributes, mapping symbols, symbols without sizes.
#![allow(clippy::unwrap_used)]

use emu_core::image::{Architecture, CodeKind, Image, OpenOptions, SymbolKind};

/// name, type, flags, address, contents, link, info, entry size
type Section<'a> = (&'a str, u32, u32, u32, Vec<u8>, u32, u32);

fn words(list: &[u32]) -> Vec<u8> {
    list.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn symbol(name: u32, value: u32, size: u32, info: u8, section: u16) -> Vec<u8> {
    let mut s = words(&[name, value, size]);
    s.extend([info, 0]);
    s.extend(section.to_le_bytes());
    s
}

/// One load segment that holds the first section, then all sections and their headers.
fn elf(sections: &[Section]) -> Vec<u8> {
    let mut names = vec![0u8];
    let mut contents: Vec<u8> = Vec::new();
    let mut headers = vec![0u8; 40];
    let start = 52 + 32;
    for (name, kind, flags, address, bytes, link, info) in sections {
        let at = (start + contents.len()) as u32;
        let len = bytes.len() as u32;
        let name_at = names.len() as u32;
        headers.extend(words(&[
            name_at, *kind, *flags, *address, at, len, *link, *info, 4, 16,
        ]));
        names.extend(name.as_bytes());
        names.push(0);
        contents.extend(bytes);
    }
    let names_at = (start + contents.len()) as u32;
    headers.extend(words(&[
        0,
        3,
        0,
        0,
        names_at,
        names.len() as u32,
        0,
        0,
        1,
        0,
    ]));
    contents.extend(&names);
    let count = sections.len() as u16 + 2;
    let (first, code) = (sections[0].3, sections[0].4.len() as u32);
    let mut file = b"\x7FELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xF3\0".to_vec();
    file.extend(words(&[1, first, 52, (start + contents.len()) as u32, 0]));
    for half in [52, 32, 1, 40, count, count - 1] {
        file.extend(u16::to_le_bytes(half));
    }
    file.extend(words(&[1, start as u32, first, first, code, code, 5, 4]));
    file.extend(contents);
    file.extend(headers);
    file
}

fn attributes() -> Vec<u8> {
    let isa = b"rv32i2p1_m2p0_c2p0\0";
    // Stack alignment 16, ISA string, no unaligned access.
    let mut body = vec![4, 16, 5];
    body.extend(isa);
    body.extend([6, 0]);
    let inner = 5 + body.len() as u32;
    let mut section = vec![b'A'];
    section.extend((4 + 6 + inner).to_le_bytes());
    section.extend(b"riscv\0\x01");
    section.extend(inner.to_le_bytes());
    section.extend(body);
    section
}

fn image() -> Image {
    const GLOBAL: u8 = 0x10;
    let strings = b"\0_start\0trap\0$xrv32imac\0$d\0.L12\0".to_vec();
    let at = |name: &str| {
        let bytes = strings
            .windows(name.len())
            .position(|w| w == name.as_bytes());
        bytes.unwrap() as u32
    };
    let symbols = [
        symbol(0, 0, 0, 0, 0),
        symbol(at("$xrv32imac"), 0x2000_0000, 0, 0, 1),
        symbol(at("$d"), 0x2000_0008, 0, 0, 1),
        symbol(at(".L12"), 0x2000_0002, 0, 0, 1),
        symbol(at("_start"), 0x2000_0000, 0, GLOBAL, 1),
        // An odd address would be a Thumb function on ARM; here it is an address.
        symbol(at("trap"), 0x2000_0005, 0, GLOBAL | 2, 1),
    ]
    .concat();
    let file = elf(&[
        (".text", 1, 6, 0x2000_0000, vec![0x13; 12], 0, 0),
        (".riscv.attributes", 0x7000_0003, 0, 0, attributes(), 0, 0),
        (".symtab", 2, 0, 0, symbols, 4, 4),
        (".strtab", 3, 0, 0, strings, 0, 0),
    ]);
    Image::parse("fw", file, &OpenOptions::default()).unwrap()
}

#[test]
fn architecture_and_attributes() {
    let image = image();
    assert_eq!(image.architecture, Some(Architecture::RiscV));
    assert_eq!(
        image.attributes.riscv_isa.as_deref(),
        Some("rv32i2p1_m2p0_c2p0")
    );
    assert_eq!(image.attributes.cpu_name, None);
    assert_eq!(image.segments[0].address, 0x2000_0000);
    assert_eq!(image.segments[0].bytes, [0x13; 12]);
}

#[test]
fn symbols() {
    let symbols = image().symbols;
    let start = symbols.find("_start").unwrap();
    assert_eq!(start.kind, SymbolKind::Function);
    assert_eq!(symbols.find("trap").unwrap().address, 0x2000_0005);
    let at = |a| symbols.function_at(a).map(|s| s.name.as_str());
    assert_eq!(at(0x2000_0004), Some("_start"));
    assert_eq!(
        at(0x2000_000B),
        Some("trap"),
        "up to the end of the section"
    );
    assert_eq!(at(0x2000_000C), None);
    assert!(symbols.find(".L12").is_none());
    let kinds: Vec<_> = symbols
        .code_ranges()
        .iter()
        .map(|r| (r.start, r.end, r.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            (0x2000_0000, 0x2000_0008, CodeKind::RiscV),
            (0x2000_0008, 0x2000_000C, CodeKind::Data)
        ]
    );
    assert!(!symbols.lines().is_available());
    assert_eq!(symbols.describe(0x2000_0002), "_start+0x2");
}
