//! Tasks of kernels whose structures lie in an ELF file, at rest (`data/kernels`): each description against the
//! structures of its kernel.
#![allow(missing_docs)]

use emu_core::image::{Image, OpenOptions};
use emu_core::tasks::{ArmRegisters, Kernel, Reader, Saved, Task, Tasks};
use std::path::Path;

/// Memory with what the file puts there.
struct Linked<'a>(&'a Image);

impl Reader for Linked<'_> {
    fn read(&mut self, address: u32, into: &mut [u8]) -> bool {
        self.0.segments.iter().any(|s| {
            let at = address.wrapping_sub(s.linked) as usize;
            let bytes = at.checked_add(into.len()).and_then(|e| s.bytes.get(at..e));
            bytes.is_some_and(|b| {
                into.copy_from_slice(b);
                true
            })
        })
    }
}

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kernels");
    std::fs::read(folder.join(name)).expect("a test file")
}

fn tasks(name: &str, bytes: Vec<u8>) -> (Image, Tasks, Vec<Task>) {
    let image = Image::parse(name, bytes, &OpenOptions::default()).expect("an image");
    let tasks = Tasks::find(&image, &Kernel::built_in()).expect("its kernel");
    let list = tasks.list(&mut Linked(&image));
    (image, tasks, list)
}

/// Registers of task `one` (base 0x1000) or `two` (0x2000): register n holds base + n, s n holds base + 0x100 + n.
fn check(image: &Image, task: &Task, exception: bool, float: bool) {
    let Some(Saved::Arm(r)) = &task.registers else {
        panic!("{task:#?}");
    };
    let base = if task.name == "one" { 0x1000 } else { 0x2000 };
    let address = |name: &str| image.symbols.find(name).expect("a function").address;
    for n in 4..12 {
        assert_eq!(r.r[n], Some(base + n as u32), "r{n} of {}", task.name);
    }
    assert_eq!(r.r[15], Some(address("sleep_here")));
    if exception {
        for n in [0, 1, 2, 3, 12] {
            assert_eq!(r.r[n], Some(base + n as u32), "r{n} of {}", task.name);
        }
        assert_eq!(r.r[14].map(|lr| lr & !1), Some(address("caller")));
        assert_eq!(r.xpsr, Some(0x0100_0000));
    } else {
        assert_eq!(r.r[0], None);
        assert_eq!(r.xpsr, None);
    }
    for n in 16..32 {
        let wanted = float.then_some(base + 0x100 + n as u32);
        assert_eq!(r.s[n], wanted, "s{n} of {}", task.name);
    }
}

/// SP is where the stack array ends, minus the words that are behind the frame.
fn check_stack(image: &Image, task: &Task, behind: u32) {
    let stack = image.symbols.find(&format!("{}_stack", task.name));
    let stack = stack.expect("its stack");
    let sp = task.registers.as_ref().and_then(Saved::sp);
    assert_eq!(
        sp,
        Some(stack.address + stack.size - behind),
        "{}",
        task.name
    );
    assert!(task.stack_base.is_none_or(|b| b == 0 || b == stack.address));
}

fn named<'a>(list: &'a [Task], name: &str) -> &'a Task {
    let found = list.iter().find(|t| t.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {list:#?}"))
}

#[test]
fn zephyr() {
    for (file, float) in [("zephyr.m0.elf", false), ("zephyr.m4f.elf", true)] {
        let (image, tasks, list) = tasks(file, bytes(file));
        assert_eq!((tasks.kernel(), tasks.is_guess()), ("Zephyr", false));
        assert_eq!(list.len(), 3);
        assert_eq!(named(&list, "idle").summary(), "running, priority 15");
        assert_eq!(named(&list, "one").summary(), "pending, priority -2");
        assert_eq!(named(&list, "two").summary(), "ready, priority 3");
        check(&image, named(&list, "one"), true, false);
        check_stack(&image, named(&list, "one"), 0);
        check_stack(&image, named(&list, "two"), 0);
        let Some(Saved::Arm(two)) = &named(&list, "two").registers else {
            panic!("two sleeps");
        };
        if float {
            assert_eq!(two.s[16], Some(16f32.to_bits()));
            assert_eq!(two.s[31], Some(31f32.to_bits()));
            assert_eq!((two.s[0], two.s[15]), (Some(0x2100), Some(0x210F)));
            assert_eq!(two.fpscr, Some(0x0300_0000));
        } else {
            assert_eq!(two.s, ArmRegisters::default().s);
        }
    }
}

#[test]
fn zephyr_without_dwarf_by_its_table_of_offsets() {
    for file in ["zephyr.m0.elf", "zephyr.m4f.elf"] {
        let (_, _, known) = tasks(file, bytes(file));
        let (image, tasks, guessed) = tasks(file, stripped(file));
        assert!(tasks.is_guess());
        let summaries = |list: &[Task]| -> Vec<(u32, String, String)> {
            let all = list.iter();
            all.map(|t| (t.id, t.name.clone(), t.summary())).collect()
        };
        assert_eq!(summaries(&known), summaries(&guessed));
        for name in ["one", "two"] {
            assert_eq!(
                named(&known, name).registers,
                named(&guessed, name).registers
            );
        }
        check(&image, named(&guessed, "one"), true, false);
    }
}

fn stripped(name: &str) -> Vec<u8> {
    let mut bytes = bytes(name);
    for i in 0..bytes.len() - 7 {
        if &bytes[i..i + 7] == b".debug_" {
            bytes[i + 1] = b'x';
        }
    }
    bytes
}

#[test]
fn threadx() {
    for (file, float) in [("threadx.m0.elf", false), ("threadx.m4f.elf", true)] {
        for bytes in [bytes(file), stripped(file)] {
            let (image, tasks, list) = tasks(file, bytes);
            assert_eq!(tasks.kernel(), "ThreadX");
            // The scheduler idles.
            assert_eq!((list[0].id, list[0].running_on), (1, Some(0)));
            assert_eq!(
                named(&list, "one").summary(),
                "waits for a semaphore, priority 5"
            );
            assert_eq!(named(&list, "two").summary(), "sleeping, priority 7");
            assert_eq!(list.len(), 3);
            check(&image, named(&list, "one"), true, false);
            check(&image, named(&list, "two"), true, float);
            check_stack(&image, named(&list, "one"), 0);
            check_stack(&image, named(&list, "two"), 0);
        }
    }
}

#[test]
fn riot() {
    for (file, float) in [("riot.m0.elf", false), ("riot.m4f.elf", true)] {
        let (image, tasks, list) = tasks(file, bytes(file));
        assert_eq!(tasks.kernel(), "RIOT");
        assert_eq!(list.len(), 3);
        assert_eq!(named(&list, "idle").running_on, Some(0));
        assert_eq!(
            named(&list, "one").summary(),
            "waits for a message, priority 7"
        );
        assert_eq!(named(&list, "two").summary(), "ready, priority 8");
        check(&image, named(&list, "one"), true, false);
        check(&image, named(&list, "two"), true, float);
        check_stack(&image, named(&list, "two"), 0);
    }
}

#[test]
fn chibios() {
    for (file, float) in [("chibios.m0.elf", false), ("chibios.m4f.elf", true)] {
        let (image, tasks, list) = tasks(file, bytes(file));
        assert_eq!(tasks.kernel(), "ChibiOS");
        assert_eq!(list.len(), 3);
        assert_eq!(named(&list, "idle").running_on, Some(0));
        let one = named(&list, "one");
        assert_eq!(
            one.summary(),
            "waits for a mutex, priority 128 (inherited, own 100)"
        );
        assert_eq!(named(&list, "two").summary(), "sleeping, priority 64");
        for task in [one, named(&list, "two")] {
            check(&image, task, false, float);
            check_stack(&image, task, 4);
        }
    }
}

#[test]
fn a_kernel_is_added_by_a_description() {
    let text = r#"
        name = "mine"
        detect = ["sched_threads"]
        task = "_thread"
        current = "sched_active_thread"
        [fields]
        name = "name"
        stack = "sp"
        priority = "pid"
        [[lists]]
        head = "sched_threads[2]"
        state = "number {}"
        number = "stack_size"
        [[frames]]
        architecture = "arm"
        words = "r4-r11 exc_return exception"
    "#;
    let kernel = Kernel::parse("mine.toml", text).expect("a description");
    let image = Image::parse("riot", bytes("riot.m4f.elf"), &OpenOptions::default());
    let image = image.expect("an image");
    let tasks = Tasks::find(&image, &[kernel]).expect("it fits");
    let list = tasks.list(&mut Linked(&image));
    assert_eq!(list.len(), 2);
    assert_eq!(named(&list, "one").summary(), "number 72, priority 2");
    check(&image, named(&list, "one"), true, false);

    for (wrong, message) in [
        (
            "exc_return exception\"",
            "`exc_retrun` in words is no register",
        ),
        ("architecture = \"arm\"", "`avr` is no architecture"),
        ("name = \"mine\"", "missing field `name`"),
        ("state = \"number {}\"", "there is no walk `lane`"),
        ("r4-r11", "`r11-r4` in words is no register"),
    ] {
        let by = match wrong {
            "r4-r11" => "r11-r4",
            "name = \"mine\"" => "",
            "architecture = \"arm\"" => "architecture = \"avr\"",
            "state = \"number {}\"" => "walk = \"lane\"",
            _ => "exc_retrun exception\"",
        };
        let error = Kernel::parse("mine.toml", &text.replace(wrong, by)).expect_err(wrong);
        let error = error.to_string();
        assert!(
            error.starts_with("kernel description mine.toml: "),
            "{error}"
        );
        assert!(error.contains(message), "{error}");
    }
}
