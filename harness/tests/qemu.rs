//! QEMU as a functional oracle: the same text on the UART, the same registers and memory at the same place.
//! Without qemu-system-arm or gdb-multiarch these tests say so and pass.

mod firmware;

use emu_core::Cycles;
use emu_core::machine::Stop;
use firmware::{Run, folder};
use harness::parts::Firmware;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Is the program installed? Says so when it is not.
fn installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

#[test]
fn the_uart_says_what_it_says_under_qemu() {
    if !installed("qemu-system-arm") {
        return;
    }
    let out = Command::new(folder().join("qemu.sh"))
        .arg("--check")
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let wrong: Vec<&str> = text.lines().filter(|l| !l.starts_with("ok ")).collect();
    assert!(out.status.success(), "{}", wrong.join("\n"));
    assert!(text.lines().filter(|l| l.starts_with("ok ")).count() > 40);
}

/// A process that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where to stop, and how often to pass it before.
const STOPS: [(&str, u32); 4] = [
    ("main", 0),
    ("sort.part.0", 0),
    ("sort.part.0", 5),
    ("print", 0),
];

/// How many iterations the bench makes here: more than the first, and few.
const ITERATIONS: u32 = 3;

/// R0 to R12, SP, LR, PC, the flags, and memory.
#[derive(PartialEq, Eq, Debug)]
struct State {
    registers: [u32; 17],
    memory: Vec<u8>,
}

/// All RAM that the firmware uses but for the word `core_hz`: from its first counter to the top of the stack.
struct Used {
    start: u32,
    bss_end: u32,
    end: u32,
}

/// The states at all stops under QEMU, by GDB.
fn under_qemu(
    name: &str,
    machine: &[&str],
    stops: &[(u32, u32)],
    count: u32,
    used: &Used,
) -> Vec<State> {
    let elf = folder().join("elf").join(format!("{name}.elf"));
    let dir = tempfile::tempdir().expect("a folder");
    let socket = dir.path().join("gdb");
    let qemu = Command::new("qemu-system-arm")
        .args(machine)
        .args([
            "-icount",
            "shift=3,sleep=off",
            "-display",
            "none",
            "-monitor",
            "none",
        ])
        .args(["-semihosting-config", "enable=on,target=native"])
        .args([
            "-S",
            "-gdb",
            &format!("unix:{},server=on,wait=off", socket.display()),
            "-kernel",
        ])
        .arg(&elf)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    let _qemu = Killed(qemu.expect("starts"));
    let started = Instant::now();
    while !socket.exists() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "QEMU has no socket"
        );
        std::thread::sleep(Duration::from_millis(20));
    }

    let mut script = String::from("set confirm off\nset pagination off\nset remotetimeout 30\n");
    script += &format!("target remote {}\n", socket.display());
    for (i, (address, passes)) in stops.iter().enumerate() {
        script += &format!("tbreak *{address:#x}\n");
        if *passes > 0 {
            script += &format!("ignore $bpnum {passes}\n");
        }
        script += "continue\n";
        if i == 0 {
            script += &format!("set *(unsigned *){count:#x} = {ITERATIONS}\n");
        }
        let file = dir.path().join(i.to_string());
        let names = "$r0,$r1,$r2,$r3,$r4,$r5,$r6,$r7,$r8,$r9,$r10,$r11,$r12,$sp,$lr,$pc,$xpsr";
        let format = ["%08x "; 17].concat();
        script += &format!("printf \"STATE {format}\\n\",{names}\n");
        script += &format!(
            "dump binary memory {} {:#x} {:#x}\n",
            file.display(),
            used.start,
            used.end
        );
    }
    script += "kill\n";
    let commands = dir.path().join("commands");
    std::fs::write(&commands, script).expect("written");
    let out = Command::new("timeout")
        .args(["60", "gdb-multiarch", "-q", "-nx", "-batch", "-x"])
        .arg(&commands)
        .arg(&elf)
        .stdin(Stdio::null())
        .output()
        .expect("gdb runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let lines = text.lines().filter_map(|l| l.strip_prefix("STATE "));
    let states: Vec<State> = lines
        .enumerate()
        .map(|(i, l)| {
            let words = l
                .split_whitespace()
                .map(|w| u32::from_str_radix(w, 16).expect("hex"));
            let words: Vec<u32> = words.collect();
            State {
                registers: words.try_into().expect("17 registers"),
                memory: std::fs::read(dir.path().join(i.to_string())).expect("memory"),
            }
        })
        .collect();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert_eq!(states.len(), stops.len(), "{text}\n{errors}");
    states
}

fn here(name: &str, stops: &[(u32, u32)], count: u32, used: &Used) -> Vec<State> {
    let mut run = Run::new(name, false, &[]);
    let mut states = Vec::new();
    for (i, &(address, passes)) in stops.iter().enumerate() {
        run.machine.add_breakpoint(address);
        for _ in 0..=passes {
            let stop = run.machine.run_until(Cycles(100_000_000));
            assert_eq!(stop, Stop::Breakpoint, "at stop {i}");
        }
        run.machine.remove_breakpoint(address);
        if i == 0 {
            let bytes = ITERATIONS.to_le_bytes();
            assert_eq!(run.machine.write_memory(count, &bytes), 4);
        }
        let r = run.machine.registers();
        let mut registers = [0; 17];
        registers[..16].copy_from_slice(&r.r);
        registers[16] = r.xpsr;
        let mut memory = vec![0; (used.end - used.start) as usize];
        assert_eq!(
            run.machine.read_memory(used.start, &mut memory),
            memory.len()
        );
        states.push(State { registers, memory });
    }
    states
}

fn compare(name: &str, machine: &[&str]) {
    if !installed("qemu-system-arm") || !installed("gdb-multiarch") {
        return;
    }
    let path = folder().join("elf").join(format!("{name}.elf"));
    let firmware = Firmware::open(&path, None).expect("an image");
    let symbol = |n: &str| firmware.image.symbols.find(n).map(|s| s.address & !1);
    let stops = STOPS.map(|(n, passes)| (symbol(n).unwrap_or_else(|| panic!("no {n}")), passes));
    let count = symbol("bench_iterations").expect("bench_iterations");
    let used = Used {
        start: symbol("seed").expect("seed"),
        bss_end: symbol("_bss_end").expect("_bss_end"),
        end: symbol("_stack_top").expect("_stack_top"),
    };
    let theirs = under_qemu(name, machine, &stops, count, &used);
    let ours = here(name, &stops, count, &used);
    for ((a, b), stop) in ours.iter().zip(&theirs).zip(STOPS) {
        assert_eq!(
            format!("{:08x?}", a.registers),
            format!("{:08x?}", b.registers),
            "{name}: registers at {stop:?}"
        );
        // What lies below the stack pointer is dead: polls of devices have left their values there.
        let sp = a.registers[13];
        let differ = (used.start..used.end).zip(a.memory.iter().zip(&b.memory));
        let mut differ = differ.filter(|(at, _)| *at < used.bss_end || *at >= sp);
        let differ = differ.find(|(_, (a, b))| a != b);
        assert_eq!(
            differ, None,
            "first byte of memory that differs at {stop:?}"
        );
    }
}

#[test]
fn registers_and_memory_agree_on_lm3s6965evb() {
    compare(
        "intbench.lm3s6965",
        &["-M", "lm3s6965evb", "-serial", "null"],
    );
}

#[test]
fn registers_and_memory_agree_on_netduinoplus2() {
    let machine = ["-M", "netduinoplus2", "-serial", "null", "-serial", "null"];
    compare("intbench.cortex-m4f", &machine);
    compare("intbench.stm32f407", &machine);
}
