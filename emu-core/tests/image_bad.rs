//! Files that are not usable firmware: each error names the thing and the remedy, and no bytes make it panic.
#![allow(clippy::unwrap_used)]

use emu_core::image::{ErrorKind, Image, OpenOptions, demangle};
use proptest::prelude::*;
use std::path::Path;

const ELF: &[u8] = include_bytes!("data/lines.elf");

fn error(bytes: &[u8]) -> String {
    let e = Image::parse("fw.elf", bytes, &OpenOptions::default()).unwrap_err();
    let text = e.to_string();
    assert!(text.starts_with("fw.elf: "), "{text}");
    assert!(text.contains("\n  help: "), "{text}");
    assert!(text.lines().count() <= 4, "one screen: {text}");
    text
}

fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = ELF.to_vec();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

fn word(at: usize) -> u32 {
    u32::from_le_bytes(ELF[at..at + 4].try_into().unwrap())
}

/// File offset of a program header field.
fn segment(index: usize, field: usize) -> usize {
    word(28) as usize + 32 * index + field
}
const P_OFFSET: usize = 4;
const P_VADDR: usize = 8;
const P_PADDR: usize = 12;
const P_FILESZ: usize = 16;

#[test]
fn cut_short() {
    assert!(error(&ELF[..40]).contains("the ELF header ends at byte 52, the file has 40"));
    assert!(error(&ELF[..60]).contains("the program headers end"));
    assert!(error(&ELF[..9000]).contains("the section headers end"));
    assert!(error(&changed(segment(0, P_FILESZ), &[0xFF; 4])).contains("load segment 0"));
}

#[test]
fn for_something_else() {
    let x86_64 = [
        b"\x7FELF\x02\x01\x01",
        &[0; 9][..],
        &[2, 0, 62, 0],
        &[0; 44],
    ]
    .concat();
    assert!(error(&x86_64).contains("64-bit x86-64 (a program for this PC"));
    assert!(error(&changed(18, &[3, 0])).contains("an ELF for x86;"));
    let big = [
        b"\x7FELF\x01\x02\x01",
        &[0; 9][..],
        &[0, 2, 0, 40],
        &[0; 32],
    ]
    .concat();
    assert!(error(&big).contains("big-endian ARM"));
    assert!(error(&changed(16, &[1, 0])).contains("object file that was not linked"));
}

#[test]
fn nothing_or_too_much() {
    let mut none = changed(segment(0, P_FILESZ), &[0; 4]);
    none[segment(1, P_FILESZ)..][..4].fill(0);
    assert!(error(&none).contains("nothing to load"));
    let low = (word(segment(1, P_PADDR)) - 4).to_le_bytes();
    let text = error(&changed(segment(1, P_PADDR), &low));
    assert!(
        text.contains("load segment 0 at 0x00000000 and load segment 1 at 0x000000"),
        "{text}"
    );
    assert!(error(&changed(segment(1, P_PADDR), &[0xFE, 0xFF, 0xFF, 0xFF])).contains("4 GiB"));
}

#[test]
fn physical_addresses_that_are_all_zero_say_nothing() {
    let mut file = changed(segment(0, P_PADDR), &[0; 4]);
    file[segment(1, P_PADDR)..][..4].fill(0);
    let image = Image::parse("fw.elf", file, &OpenOptions::default()).unwrap();
    assert_eq!(image.segments[1].address, word(segment(1, P_VADDR)));
    assert_ne!(word(segment(1, P_OFFSET)), 0);
}

#[test]
fn files() {
    let open = |p: &Path| {
        Image::open(p, &OpenOptions::default())
            .unwrap_err()
            .to_string()
    };
    let folder = tempfile::tempdir().unwrap();
    assert!(open(&folder.path().join("missing.elf")).contains("was the firmware built?"));
    assert!(open(folder.path()).contains("is a folder"));
    let empty = folder.path().join("empty.bin");
    std::fs::write(&empty, b"").unwrap();
    assert!(open(&empty).contains("is empty"));
}

#[test]
fn raw_binaries_need_a_base() {
    let bytes = [0x00, 0x40, 0x00, 0x20, 0x95, 0x00, 0x00, 0x00];
    assert!(error(&bytes).contains("--base 0x08000000"));
    let with =
        |base, bytes: &[u8]| Image::parse("fw.bin", bytes, &OpenOptions { base: Some(base) });
    let image = with(0x0800_0000, &bytes).unwrap();
    assert_eq!(image.segments[0].address, 0x0800_0000);
    assert_eq!(image.segments[0].bytes, bytes);
    assert!(
        with(0xFFFF_FFFC, &bytes)
            .unwrap_err()
            .to_string()
            .contains("4 GiB")
    );
    // A base that would be ignored is an error; text with a base is what the user says it is.
    let e = with(0x0800_0000, ELF).unwrap_err();
    assert!(matches!(e.kind(), ErrorKind::BaseNotNeeded(_)));
    assert!(with(0, b"hello").is_ok());
    assert_eq!(
        Image::raw("x", 0x10, b":00000001FF").unwrap().segments[0].address,
        0x10
    );
}

/// Use everything that is computed later than parsing.
fn exercise(image: &Image) {
    let mut addresses = vec![0, 1, 0x44, 0x78, 0x2000_0000, u32::MAX];
    addresses.extend(image.symbols.iter().flat_map(|s| {
        let _ = s.demangled();
        [s.address, s.address.wrapping_add(s.size)]
    }));
    for a in addresses {
        let _ = image.symbols.describe(a);
        let _ = image.symbols.is_data(a);
        let _ = image.symbols.lines().frames(a);
    }
    for s in image.sections() {
        let _ = image.section(&s.name);
    }
    assert!(
        image
            .segments
            .windows(2)
            .all(|w| w[0].end() <= u64::from(w[1].address))
    );
}

fn never_panics(mut file: Vec<u8>, changes: &[(usize, u8)], cut: usize) {
    for &(at, value) in changes {
        let at = at % file.len();
        file[at] = value;
    }
    file.truncate(file.len().saturating_sub(cut));
    if let Ok(image) = Image::parse("x", file, &OpenOptions::default()) {
        exercise(&image);
    }
}

fn hex() -> Vec<u8> {
    b":020000040800F2\n:0400000001020304F2\n:0400000508000125C9\n:020000021000EC\n:04FFFE0001020304F5\n:00000001FF\n".to_vec()
}

fn uf2() -> Vec<u8> {
    let mut file = Vec::new();
    for n in 0..3u32 {
        let mut b = b"UF2\nWQ]\x9E".to_vec();
        for w in [0x2000, 0x1000_0000 + 256 * n, 256, n, 3, 0xE48B_FF56] {
            b.extend(w.to_le_bytes());
        }
        b.resize(508, n as u8);
        b.extend(0x0AB1_6F30u32.to_le_bytes());
        file.extend(b);
    }
    file
}

/// Bytes that are likely to matter: headers, tables and debug sections, with values at the edges.
fn changes(len: usize) -> impl Strategy<Value = Vec<(usize, u8)>> {
    let value = prop_oneof![any::<u8>(), Just(0), Just(0xFF), Just(0x7F), Just(0x80)];
    let at = prop_oneof![0..len, 0..len.min(200), len.saturating_sub(900)..len];
    prop::collection::vec((at, value), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_elf_panics(changes in changes(ELF.len()), cut in prop_oneof![4 => Just(0usize), 1 => 0..ELF.len()]) {
        never_panics(ELF.to_vec(), &changes, cut);
    }

    #[test]
    fn no_debug_information_panics(changes in prop::collection::vec((0x2004usize..0x2a9c, any::<u8>()), 1..30)) {
        never_panics(ELF.to_vec(), &changes, 0);
    }

    #[test]
    fn no_hex_panics(changes in changes(hex().len()), cut in 0usize..20) {
        never_panics(hex(), &changes, cut);
    }

    #[test]
    fn no_uf2_panics(changes in changes(uf2().len()), cut in 0usize..20) {
        never_panics(uf2(), &changes, cut);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), magic in 0usize..4) {
        let start = [&b"\x7FELF\x01\x01\x01"[..], b":", b"UF2\nWQ]\x9E", b""][magic];
        let file = [start, &bytes].concat();
        if let Ok(image) = Image::parse("x", file, &OpenOptions::default()) {
            exercise(&image);
        }
    }

    #[test]
    fn no_name_panics(tail in "[_A-Za-z0-9$.]{0,60}", head in prop::sample::select(vec!["_Z", "_ZN", "_R", "_RNv", "_ZNSt", "_ZTv", ""])) {
        let name = format!("{head}{tail}");
        prop_assert!(demangle(&name).len() <= 4096.max(name.len()));
    }
}
