//! A real ELF, made by arm-none-eabi-gcc from `data/lines.c`: what is loaded, named and located.
#![allow(clippy::unwrap_used)]

use emu_core::image::{Architecture, CodeKind, Format, Image, OpenOptions, SymbolKind};
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn open(name: &str) -> Image {
    Image::open(&data(name), &OpenOptions::default()).unwrap()
}

#[test]
fn segments_go_to_their_load_addresses() {
    let image = open("lines.elf");
    assert_eq!(image.format, Format::Elf);
    assert_eq!(image.architecture, Some(Architecture::Arm));
    assert_eq!(image.segments[0].address, 0);
    let stack = u32::from_le_bytes(image.segments[0].bytes[..4].try_into().unwrap());
    assert_eq!(stack, 0x2000_4000);
    // The initial value of `counter` lies in flash, not in RAM where it is used.
    assert_eq!(image.segments[1].bytes, [7, 0, 0, 0]);
    assert!(u64::from(image.segments[1].address) == image.segments[0].end());
    assert_eq!(image.symbols.find("counter").unwrap().address, 0x2000_0000);
    let reset = image.symbols.find("Reset_Handler").unwrap().address;
    assert_eq!(image.entry, Some(reset | 1));
}

#[test]
fn elf_headers_in_the_first_segment_are_not_firmware() {
    let image = open("boot.elf");
    assert_eq!(image.segments[0].address, 0x0800_4000);
    let stack = u32::from_le_bytes(image.segments[0].bytes[..4].try_into().unwrap());
    assert_eq!(stack, 0x2000_4000);
    assert_eq!(
        image
            .symbols
            .describe(image.symbols.find("work").unwrap().address),
        "work (lines.c:30)"
    );
}

#[test]
fn notes_and_attributes() {
    let image = open("lines.elf");
    assert_eq!(image.machine_hint.as_deref(), Some("cortex-m4f"));
    assert_eq!(image.build_id.as_ref().unwrap().len(), 20);
    let a = &image.attributes;
    assert_eq!(a.cpu_name.as_deref(), Some("7E-M"));
    assert_eq!((a.cpu_arch, a.profile), (Some(13), Some('M')));
    assert_eq!((a.fp_arch, a.vfp_args), (Some(6), Some(1)));
    assert_eq!(image.section(".data"), Some(&[7, 0, 0, 0][..]));
    assert_eq!(image.section(".bss"), None);
    assert!(image.section(".comment").unwrap().starts_with(b"GCC"));
}

#[test]
fn functions_without_the_thumb_bit() {
    let symbols = open("lines.elf").symbols;
    let at = |address| symbols.function_at(address).map(|s| s.name.as_str());
    let main = symbols.find("main").unwrap();
    assert_eq!(main.address & 1, 0);
    assert_eq!(main.kind, SymbolKind::Function);
    assert_eq!(at(main.address), Some("main"));
    assert_eq!(at(main.address + main.size - 1), Some("main"));
    // Of the names for one address the strong one is shown.
    let weak = symbols.find("SysTick_Handler").unwrap();
    assert_eq!(at(weak.address), Some("Default_Handler"));
    // No type and no size: up to the next symbol; local labels are not functions.
    let untyped = symbols.find("untyped").unwrap().address;
    assert_eq!(at(untyped), Some("untyped"));
    assert_eq!(at(untyped + 2), Some("untyped"));
    assert_eq!(at(untyped + 4), Some("work"));
    assert_eq!(symbols.find("inner").unwrap().kind, SymbolKind::Label);
    assert_eq!(at(0), None);
    assert_eq!(at(0x2000_0000), None);
    assert_eq!(symbols.object_at(0x2000_0023).unwrap().name, "zeroes");
    assert!(symbols.find("dead_function").is_none());
    assert!(symbols.iter().all(|s| !s.name.starts_with('$')));
    assert!(symbols.iter().is_sorted_by_key(|s| s.address));
}

#[test]
fn literal_pools_are_data() {
    let symbols = open("lines.elf").symbols;
    let work = symbols.find("work").unwrap();
    let last = work.address + work.size - 4;
    assert!(!symbols.is_data(work.address));
    assert!(symbols.is_data(last));
    assert!(symbols.is_data(0x2000_0000));
    assert!(symbols.is_data(0), "the vector table");
    assert!(
        !symbols.is_data(work.address + work.size),
        "the next function"
    );
    let pool = symbols
        .code_ranges()
        .iter()
        .find(|r| r.start <= last && last < r.end);
    assert_eq!(pool.unwrap().kind, CodeKind::Data);
    assert_eq!(pool.unwrap().start, work.address + work.size - 12);
}

#[test]
fn lines_and_inlined_frames() {
    let symbols = open("lines.elf").symbols;
    assert!(symbols.lines().is_available());
    let work = symbols.find("work").unwrap();
    let main = symbols.find("main").unwrap();
    let lines = |function: &emu_core::image::Symbol| -> Vec<u32> {
        let mut seen: Vec<u32> = (function.address..function.address + function.size)
            .step_by(2)
            .filter(|&a| !symbols.is_data(a))
            .filter_map(|a| Some(symbols.lines().location(a)?.line))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    };
    // `dead_function` is thrown away, with lines 19 to 28 from address 0 on: it must not hide the living.
    assert_eq!(lines(work), [30, 35, 36, 37]);
    assert_eq!(lines(main), [39, 40, 41]);

    // Somewhere in `work`, `bump` is inlined from line 34.
    let inlined = (work.address..work.address + work.size)
        .step_by(2)
        .map(|a| symbols.lines().frames(a))
        .find(|frames| frames.len() == 2)
        .unwrap();
    assert_eq!(inlined[0].function.as_deref(), Some("bump"));
    assert_eq!(inlined[0].location.as_ref().unwrap().line, 30);
    assert_eq!(inlined[1].function.as_deref(), Some("work"));
    assert_eq!(inlined[1].location.as_ref().unwrap().line, 34);
    assert_eq!(inlined[1].location.as_ref().unwrap().file_name(), "lines.c");
    assert_eq!(
        symbols.lines().frames(main.address)[0].function.as_deref(),
        Some("main")
    );
    assert!(symbols.lines().frames(0x1234_5678).is_empty());
    assert_eq!(symbols.lines().location(0xFFFF_FFFF), None);
}

#[test]
fn addresses_for_people() {
    let symbols = open("lines.elf").symbols;
    let main = symbols.find("main").unwrap().address;
    assert_eq!(symbols.describe(main), "main (lines.c:39)");
    assert_eq!(symbols.describe(main + 8), "main+0x8 (lines.c:41)");
    assert_eq!(symbols.describe(0x2000_0008), "zeroes+0x4");
    assert_eq!(symbols.describe(0x4000_0000), "0x40000000");
}
