//! Tasks of kernels that run on real machines, read out of memory.
#![allow(missing_docs)]

use emu_core::Cycles;
use emu_core::image::{Image, OpenOptions};
use emu_core::machine::{Machine, Options, Stop};
use emu_core::tasks::{ArmRegisters, Kernel, Reader, Saved, Task, Tasks};
use machines::{BuildOptions, MachineSpec};
use std::path::Path;

struct Rig {
    image: Image,
    machine: Machine,
    tasks: Tasks,
}

fn bytes(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    std::fs::read(path.join(file)).expect("a fixture")
}

impl Rig {
    /// A fixture at its reset; the last part of its name is the machine.
    fn new(file: &str) -> Rig {
        Rig::with(file, bytes(file))
    }

    fn with(file: &str, bytes: Vec<u8>) -> Rig {
        let image = Image::parse(file, bytes, &OpenOptions::default()).expect("an image");
        let name = image.machine_hint.clone().expect("its machine");
        let spec = MachineSpec::load(&name).expect("a known machine");
        let (kind, bus) = spec.build(&BuildOptions::default()).expect("it builds");
        let mut machine = Machine::new(kind, bus, Options::default()).expect("a machine");
        machine.load(&image).expect("it fits");
        machine.reset();
        let tasks = Tasks::find(&image, &Kernel::built_in()).expect("its kernel");
        Rig {
            image,
            machine,
            tasks,
        }
    }

    fn run(&mut self, until: u64) {
        let stop = self.machine.run_until(Cycles(until));
        assert_eq!(stop, Stop::Limit, "at {:?}", self.machine.now());
    }

    fn list(&mut self) -> Vec<Task> {
        self.tasks.list(&mut self.machine)
    }

    fn task(&mut self, name: &str) -> Task {
        let all = self.list();
        let task = all.iter().find(|t| t.name == name).cloned();
        task.unwrap_or_else(|| panic!("no {name} in {all:#?}"))
    }

    fn function(&self, pc: u32) -> &str {
        self.image.symbols.function_at(pc).map_or("?", |f| &f.name)
    }

    /// Run until a task goes on where its saved registers say, and compare them with those of the core.
    #[track_caller]
    fn goes_on_as_saved(&mut self, task: &Task) {
        let saved = task.registers.as_ref().expect("it sleeps");
        let pc = saved.pc().expect("a PC is saved");
        self.machine.add_breakpoint(pc);
        let limit = Cycles(self.machine.now().0 + 20_000_000);
        loop {
            match self.machine.run_until(limit) {
                Stop::Breakpoint => {}
                other => panic!("{} never goes on at {pc:#x}: {other:?}", task.name),
            }
            // The task itself: not another one at this place, and not before the switch.
            let now = self.list().into_iter().find(|t| t.id == task.id);
            let runs = now.expect("it still exists").running_on.is_some();
            if runs && self.sp() == saved.sp().expect("SP") {
                break;
            }
            self.machine.step();
        }
        self.machine.remove_breakpoint(pc);
        match saved {
            Saved::Arm(saved) => self.same_arm(saved),
            Saved::Riscv(saved) => {
                let core = self.machine.riscv_registers().expect("a RISC-V core");
                assert_eq!(saved.pc, Some(core.pc));
                for (n, value) in saved.x.iter().enumerate() {
                    let known = value.is_some();
                    assert_eq!(known, !matches!(n, 3 | 4), "x{n}");
                    assert!(value.is_none_or(|v| v == core.x[n]), "x{n}: {value:x?}");
                }
            }
        }
    }

    fn sp(&self) -> u32 {
        self.machine.registers().r[13]
    }

    fn same_arm(&self, saved: &ArmRegisters) {
        let core = self.machine.registers();
        assert_eq!(core.xpsr & 0x1FF, 0, "a task, not a handler");
        for (n, value) in saved.r.iter().enumerate() {
            assert_eq!(*value, Some(core.r[n]), "r{n}");
        }
        assert_eq!(saved.xpsr, Some(core.xpsr));
        for (n, value) in saved.s.iter().enumerate() {
            assert!(value.is_none_or(|v| v == core.s[n]), "s{n}: {value:x?}");
        }
        assert!(saved.fpscr.is_none_or(|v| v == core.fpscr));
    }
}

const FREERTOS: [&str; 6] = [
    "freertos/elf/v11.cortex-m0.elf",
    "freertos/elf/v11.cortex-m3.elf",
    "freertos/elf/v11.cortex-m4f.elf",
    "freertos/elf/v11.cortex-m33.elf",
    "freertos/elf/v11.rv32.elf",
    "freertos/elf/v10.cortex-m4f.elf",
];

#[test]
fn freertos_tasks_have_names_states_and_priorities() {
    for file in FREERTOS {
        let mut rig = Rig::new(file);
        assert_eq!(rig.tasks.kernel(), "FreeRTOS");
        assert!(!rig.tasks.is_guess());
        assert_eq!(rig.list(), [], "{file}: before the scheduler starts");
        rig.run(400_000);
        let timer = !file.contains("rv32");
        let expected = [
            (
                "delayed",
                if timer {
                    "blocked until tick .."
                } else {
                    "blocked until tick 5"
                },
                4,
            ),
            ("late", "blocked until tick 4294967293", 4),
            ("reader", "blocked", 3),
            ("notified", "blocked (waits for a notification)", 3),
            ("suspended", "suspended", 2),
            (
                "holder",
                "blocked until tick 100000",
                if timer { 5 } else { 2 },
            ),
            (
                "claimer",
                if timer {
                    "blocked until tick 100002"
                } else {
                    "blocked until tick 2"
                },
                5,
            ),
            ("deleted", "deleted", 3),
            ("IDLE", "ready", 0),
        ];
        let tasks = rig.list();
        for (name, state, priority) in expected {
            let task = rig.task(name);
            assert!(
                task.state.starts_with(state.trim_end_matches("..")),
                "{file}: {name} is {}",
                task.state
            );
            assert_eq!(task.priority, Some(priority), "{file}: {name}");
            assert_eq!(task.running_on, None, "{file}: {name}");
        }
        assert_eq!(
            rig.task("holder").base_priority,
            timer.then_some(2),
            "{file}: priority inheritance"
        );
        // Two tasks share the core.
        let mut states = [rig.task("busy").state, rig.task("ready").state];
        states.sort();
        assert_eq!(states, ["ready", "running"], "{file}");
        assert_eq!(tasks.len(), 11, "{file}");
        let running: Vec<&Task> = tasks.iter().filter(|t| t.running_on.is_some()).collect();
        assert_eq!(running.len(), 1, "{file}");
        assert_eq!(running[0].registers, None, "{file}: the core has them");
        let mut ids: Vec<u32> = tasks.iter().map(|t| t.id).collect();
        ids.dedup();
        assert!(ids.is_sorted() && ids.len() == 11 && ids[0] != 0, "{file}");
    }
}

#[test]
fn freertos_tasks_sleep_in_the_right_function_on_their_own_stack() {
    for file in FREERTOS {
        let mut rig = Rig::new(file);
        rig.run(400_000);
        for (name, functions) in [
            ("delayed", ["vTaskDelay", "vPortYield"]),
            ("late", ["vTaskDelay", "vPortYield"]),
            ("reader", ["xQueueReceive", "vPortYield"]),
            ("suspended", ["vTaskSuspend", "vPortYield"]),
            ("deleted", ["vTaskDelete", "vPortYield"]),
            // It never ran: at the start of its function.
            ("IDLE", ["prvIdleTask", "prvIdleTask"]),
        ] {
            let task = rig.task(name);
            let saved = task.registers.expect("it sleeps");
            let pc = saved.pc().expect("a PC is saved");
            let at = rig.function(pc);
            assert!(functions.contains(&at), "{file}: {name} is in {at}");
            let base = task.stack_base.expect("FreeRTOS tells");
            let sp = saved.sp().expect("SP");
            // 128 words for each.
            assert!(
                (base..=base + 512).contains(&sp),
                "{file}: {name} has SP {sp:#x}, its stack begins at {base:#x}"
            );
            // A leaf that yields: its caller is in LR.
            if let (Saved::Arm(r), "vPortYield") = (&saved, at) {
                let caller = rig.function(r.r[14].expect("LR") & !1);
                // Or a caller of that, after a tail call.
                let callers = [functions[0], name, "prvTaskExitError"];
                assert!(
                    callers.contains(&caller),
                    "{file}: {name} came from {caller}"
                );
            }
        }
    }
}

/// Register n of these two tasks holds `argument + n`.
#[test]
fn freertos_saves_the_registers_that_a_task_has() {
    for file in FREERTOS {
        let mut rig = Rig::new(file);
        rig.run(400_000);
        let mut seen = [false; 2];
        for round in 0..60u64 {
            rig.run(400_000 + round * 7_001);
            for (i, (name, argument)) in [("busy", 0x11000), ("ready", 0x22000)].iter().enumerate()
            {
                let Some(saved) = rig.task(name).registers else {
                    continue;
                };
                let loop_at = rig
                    .image
                    .symbols
                    .find("busy_loop")
                    .expect("a label")
                    .address;
                if saved.pc().is_none_or(|pc| pc.wrapping_sub(loop_at) > 6) {
                    continue; // not there yet
                }
                seen[i] = true;
                match saved {
                    Saved::Arm(r) => {
                        for n in (1..13).chain([14]) {
                            assert_eq!(r.r[n], Some(argument + n as u32), "{file}: r{n}");
                        }
                        assert_eq!(r.r[0], Some(*argument), "{file}");
                        let fpu = file.contains("m4f") || file.contains("m33");
                        for n in 0..32 {
                            let wanted = fpu.then_some(argument + n as u32);
                            assert_eq!(r.s[n], wanted, "{file}: s{n}");
                        }
                    }
                    Saved::Riscv(r) => {
                        for n in [1].into_iter().chain(5..32) {
                            assert_eq!(r.x[n], Some(argument + n as u32), "{file}: x{n}");
                        }
                    }
                }
            }
        }
        assert_eq!(seen, [true; 2], "{file}");
    }
}

#[test]
fn tasks_go_on_with_the_registers_that_were_shown() {
    for file in FREERTOS {
        for name in ["delayed", "busy", "ready"] {
            let mut rig = Rig::new(file);
            rig.run(403_000);
            let task = rig.task(name);
            // Without a timer nothing wakes it.
            if task.registers.is_some() && !(name == "delayed" && file.contains("rv32")) {
                rig.goes_on_as_saved(&task);
            }
        }
    }
    for file in [
        "elf/kernel-8.cortex-m4f.elf",
        "elf/kernel-8-basepri.cortex-m3.elf",
        "elf/kernel-8.cortex-m0.elf",
    ] {
        let mut rig = Rig::new(file);
        let sleeps = |t: &&Task| t.state.starts_with("sleeps") || t.state == "ready";
        let mut until = 0;
        while rig.list().iter().filter(sleeps).count() < 3 {
            until += 10_007;
            rig.run(until);
        }
        let ids: Vec<Task> = rig.list().iter().filter(sleeps).cloned().collect();
        for task in ids {
            // They change while others are waited for.
            let task = rig.list().into_iter().find(|t| t.id == task.id);
            let task = task.expect("it still exists");
            if task.registers.is_some() && sleeps(&&task) {
                rig.goes_on_as_saved(&task);
            }
        }
    }
}

#[test]
fn tasks_of_our_own_kernels() {
    let mut rig = Rig::new("elf/kernel-8.cortex-m4f.elf");
    assert_eq!(rig.tasks.kernel(), "fixture kernel");
    assert_eq!(rig.list(), [], "nothing was created");
    rig.run(400_000);
    let tasks = rig.list();
    assert_eq!(tasks.len(), 12);
    assert_eq!(rig.task("idle").running_on, Some(0));
    let receiver = rig.task("receiver");
    assert_eq!(receiver.summary(), "waiting, priority 0");
    let pc = receiver.registers.and_then(|r| r.pc()).expect("it sleeps");
    assert_eq!(rig.function(pc), "k_wait");
    let sleeper = tasks
        .iter()
        .find(|t| t.state.starts_with("sleeps until tick"));
    let pc = sleeper.and_then(|t| t.registers.as_ref()?.pc());
    assert_eq!(rig.function(pc.expect("one sleeps")), "k_sleep");

    let mut rig = Rig::new("study/elf/fixed-heap.stm32f407.elf");
    rig.run(5_000_000);
    assert_eq!(rig.tasks.kernel(), "study kernel");
    let tasks = rig.list();
    assert_eq!(tasks.iter().filter(|t| t.name == "load").count(), 8);
    for t in tasks.iter().filter(|t| t.running_on.is_none()) {
        let sp = t.registers.as_ref().and_then(Saved::sp).expect("it sleeps");
        let base = t.stack_base.expect("the kernel tells");
        assert!((base..base + 0x400).contains(&sp), "{t:#?}");
    }
}

/// The same file without the names of its debug sections.
fn stripped(file: &str) -> Vec<u8> {
    let mut bytes = bytes(file);
    for i in 0..bytes.len() - 7 {
        if &bytes[i..i + 7] == b".debug_" {
            bytes[i + 1] = b'x';
        }
    }
    bytes
}

#[test]
fn freertos_without_dwarf_is_a_guess_that_fits_the_usual_settings() {
    for file in FREERTOS {
        let mut known = Rig::new(file);
        let mut guessed = Rig::with(file, stripped(file));
        assert!(guessed.tasks.is_guess());
        assert_eq!(guessed.list(), []);
        known.run(400_000);
        guessed.run(400_000);
        let both = known.list().into_iter().zip(guessed.list());
        let mut count = 0;
        for (k, g) in both {
            assert_eq!((k.id, &k.name, k.priority), (g.id, &g.name, g.priority));
            assert_eq!(k.registers, g.registers, "{file}: {}", k.name);
            // Where it waits for a notification is behind members that depend on settings.
            if k.name != "notified" {
                assert_eq!(k.state, g.state, "{file}: {}", k.name);
            }
            count += 1;
        }
        assert_eq!(count, 11);
    }
    // Our own kernels have no usual offsets: no threads, rather than wrong ones.
    let bytes = stripped("elf/kernel-8.cortex-m4f.elf");
    let image = Image::parse("k", bytes, &OpenOptions::default()).expect("an image");
    assert!(Tasks::find(&image, &Kernel::built_in()).is_none());
}

/// Memory that holds anything, or that lists never end in.
struct Garbage {
    seed: u64,
    /// Chance of one in this for a pointer into RAM.
    pointers: u64,
    reads: usize,
}

impl Reader for Garbage {
    fn read(&mut self, _: u32, into: &mut [u8]) -> bool {
        self.reads += 1;
        for byte in into.iter_mut() {
            self.seed = self
                .seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (self.seed >> 40) as u8;
        }
        if (self.seed >> 50).is_multiple_of(self.pointers) && into.len() == 4 {
            into.copy_from_slice(&(0x2000_0000 + (self.seed >> 45 & 0xFFFC) as u32).to_le_bytes());
        }
        !(self.seed >> 33).is_multiple_of(100)
    }
}

#[test]
fn garbage_ends_and_gives_no_endless_lists() {
    for file in FREERTOS.iter().chain(&[
        "elf/kernel-8.cortex-m4f.elf",
        "study/elf/mn-list.stm32f407.elf",
    ]) {
        for whole in [true, false] {
            let bytes = if whole { bytes(file) } else { stripped(file) };
            let image = Image::parse(file, bytes, &OpenOptions::default()).expect("an image");
            let Some(tasks) = Tasks::find(&image, &Kernel::built_in()) else {
                continue;
            };
            for seed in 0..20 {
                let mut memory = Garbage {
                    seed,
                    pointers: 1 + seed % 4,
                    reads: 0,
                };
                assert!(tasks.list(&mut memory).len() <= 1025, "{file}");
                assert!(memory.reads < 1_000_000, "{file}: {} reads", memory.reads);
            }
        }
    }
}

/// Looking at each instruction from the reset on: start-up code, half-built lists, switches.
#[test]
fn any_moment_is_a_good_one_to_look() {
    let mut rig = Rig::new("freertos/elf/v11.cortex-m3.elf");
    let hash = |m: &Machine| m.state_hash();
    let (mut most, mut steps) = (0, 0);
    while steps < 6_000 {
        rig.machine.step();
        let tasks = rig.list();
        most = most.max(tasks.len());
        steps += usize::from(most > 0);
        assert!(tasks.len() <= 11 && rig.machine.now() < Cycles(1_000_000));
        let running = tasks.iter().filter(|t| t.running_on.is_some());
        assert_eq!(running.count(), usize::from(!tasks.is_empty()));
    }
    assert_eq!(most, 11);
    let before = hash(&rig.machine);
    rig.list();
    assert_eq!(hash(&rig.machine), before, "looking changes nothing");
}
