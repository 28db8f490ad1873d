use super::*;
use crate::image::OpenOptions;
use std::path::Path;

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    std::fs::read(folder.join(name)).unwrap()
}

fn types(name: &str) -> Types {
    Types::of(&Image::parse(name, fixture(name), &OpenOptions::default()).unwrap())
}

#[test]
fn nothing_is_parsed_before_it_is_asked_for() {
    let t = types("elf/kernel-8.cortex-m4f.elf");
    assert!(t.is_available() && t.index.get().is_none());
    assert!(t.named("k_task").is_some());
    assert!(t.index.get().is_some());
}

#[test]
fn members_have_offsets_and_types() {
    let t = types("elf/kernel-8.cortex-m4f.elf");
    let task = t.named("k_task").unwrap();
    assert_eq!(t.shape(task), Some(Shape::Structure { size: 28 }));
    let offset = |name| t.member(task, name).map(|m| m.offset);
    assert_eq!(offset("sp"), Some(0));
    assert_eq!(offset("priority"), Some(16));
    assert_eq!(offset("name"), Some(24));
    assert_eq!(offset("nothing"), None);
    let next = t.member(task, "next").unwrap().kind;
    let Some(Shape::Pointer { target: Some(to) }) = t.shape(next) else {
        panic!("next is a pointer");
    };
    assert_eq!(t.name(to).as_deref(), Some("k_task"));
    // A member of a structure that is a member, through its typedef.
    let queue = t.named("k_queue").unwrap();
    let used = t.member(queue, "used").unwrap();
    assert_eq!(used.offset, 16);
    assert_eq!(t.member(used.kind, "waiting").unwrap().offset, 4);
    let word = t.member(queue, "capacity").unwrap().kind;
    let unsigned = Shape::Integer {
        size: 4,
        signed: false,
    };
    assert_eq!(t.shape(word), Some(unsigned));
    assert_eq!(t.name(word).as_deref(), Some("uint32_t"));
}

#[test]
fn anonymous_unions_are_seen_through() {
    let t = types("study/elf/edf-rbtree.stm32f407.elf");
    let node = t.named("ready_node").unwrap();
    let tree = t.member(node, "tree").unwrap();
    assert_eq!(tree.offset, 0);
    assert_eq!(t.member(tree.kind, "parent").unwrap().offset, 8);
    assert_eq!(t.size(node), Some(16));
}

#[test]
fn variables_have_addresses_and_arrays_have_lengths() {
    let t = types("elf/kernel-8.cortex-m4f.elf");
    let v = t.variables("tasks").remove(0);
    let Some(Shape::Array { element, count }) = t.shape(v.kind.unwrap()) else {
        panic!("tasks is an array");
    };
    assert_eq!((t.size(element), count), (Some(28), 8));
    assert_eq!(t.size(v.kind.unwrap()), Some(224));
    let image = Image::parse(
        "k",
        fixture("elf/kernel-8.cortex-m4f.elf"),
        &OpenOptions::default(),
    )
    .unwrap();
    for name in ["tasks", "k_current", "sleeping", "idle_task"] {
        let symbol = image.symbols.find(name).unwrap().address;
        assert_eq!(t.variables(name)[0].address, Some(symbol), "{name}");
    }
    let all = t.variables_of(t.named("k_task").unwrap());
    let names: Vec<&str> = all.iter().map(|v| v.name.as_str()).collect();
    for name in ["tasks", "reporter", "collector", "receiver", "idle_task"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert_eq!(names.len(), 5);
}

/// Whatever is in the sections, questions end, without a panic.
#[test]
fn damaged_dwarf_gives_fewer_answers_and_nothing_worse() {
    let whole = fixture("elf/kernel-2.cortex-m0.elf");
    let good = Image::parse("k", whole.clone(), &OpenOptions::default()).unwrap();
    let debug: Vec<Range<usize>> = good
        .sections
        .iter()
        .filter(|s| s.name.starts_with(".debug_"))
        .filter_map(|s| s.file_range.clone())
        .collect();
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    let mut answers = 0;
    for round in 0..150 {
        let mut bytes = whole.clone();
        for _ in 0..=round {
            let range = &debug[random() % debug.len()];
            bytes[range.start + random() % range.len()] = random() as u8;
        }
        let Ok(image) = Image::parse("k", bytes, &OpenOptions::default()) else {
            continue;
        };
        let t = Types::of(&image);
        for name in t.index().types.keys() {
            let id = t.named(name).unwrap();
            answers += usize::from(t.shape(id).is_some());
            let _ = (t.size(id), t.member(id, "priority"), t.enumerators(id));
        }
        for name in t.index().variables.keys() {
            answers += t.variables(name).len();
        }
        if let Some(id) = t.named("k_task") {
            let _ = t.variables_of(id);
        }
    }
    assert!(answers > 100);
}
