//! Assembly of an entry, and `code.txt` with the machine code, so that no cross compiler is needed to run it.

use super::entry::{Entry, Method, folder};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

/// Assembled code, to be placed at an address 32n.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    /// Where the measurement ends.
    pub end: usize,
    /// The exception handler, if there is one.
    pub handler: usize,
    /// Tells whether the text that it comes from is still the same.
    pub fingerprint: u64,
    pub bytes: Vec<u8>,
}

/// The two runs of an entry.
pub const RUNS: [&str; 2] = ["a", "b"];

fn lines(text: &str) -> String {
    text.split(';').fold(String::new(), |mut all, s| {
        let _ = writeln!(all, "{}", s.trim());
        all
    })
}

fn is_riscv(e: &Entry) -> bool {
    e.file.ends_with("riscv.toml")
}

/// The count that a loop starts from, and the sequence with its repetitions.
fn run(e: &Entry, run: usize) -> (usize, String) {
    let copies = |n| format!(".rept {n}\n{}.endr\n", lines(&e.body));
    match (e.method, run) {
        (Method::Copies, 0) => (1, copies(4)),
        (Method::Copies, _) => (1, copies(14)),
        (Method::Loop, 0) => (10, lines(&e.body)),
        (Method::Loop, _) => (110, lines(&e.body)),
        (Method::Pair, 0) => (1, lines(&e.without)),
        (Method::Pair, _) => (1, lines(&e.body)),
        // More one-cycle instructions than SysTick needs to become pending.
        (Method::Entry | Method::Exit | Method::Result | Method::Call, _) => {
            (1, ".rept 300\nnop\n.endr\n".to_owned())
        }
    }
}

/// The assembly of one run.
pub fn assembly(e: &Entry, index: usize) -> String {
    let (count, sequence) = run(e, index);
    let skew = ".hword 0xbf00\n".repeat(e.skew as usize);
    let setup = lines(&e.setup);
    if is_riscv(e) {
        // In the SRAM of the FE310 and of the CH32V003.
        let data = if e.core == "e31" {
            "0x80000800"
        } else {
            "0x20000400"
        };
        return format!(
            ".text\n.equ N, {count}\nstart:\nli a1, {data}\nli a5, N\n{setup}.option push\n.option norvc\n\
             fence\n.option pop\n.balign 32\n{sequence}end: nop\n1: j 1b\nhandler: j handler\n"
        );
    }
    // CPACR: full access to the FPU, DDI 0403E B3.2.20.
    let fpu = if e.fpu {
        "ldr r0, =0xE000ED88\nldr r1, =0xF00000\nstr r1, [r0]\ndsb\nisb\n.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,\
         16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\nvmov.f32 s\\n, #1.0\n.endr\n"
    } else {
        ""
    };
    // SysTick: reload 99, no matter what the current value is, core clock, interrupt on.
    let systick = if matches!(e.method, Method::Entry | Method::Exit) {
        "ldr r0, =0xE000E010\nmovs r1, #99\nstr r1, [r0, #4]\nmovs r1, #0\nstr r1, [r0, #8]\nmovs r1, #7\nstr r1, [r0]\n"
    } else {
        ""
    };
    // Back to the code from the pipeline's point of view: what the set-up did is over.
    format!(
        ".syntax unified\n.thumb\n.text\n.equ N, {count}\n.thumb_func\nstart:\nldr r4, =0x20000800\nldr r5, =0x20000C00\n\
         ldr r6, =0x20001000\n{fpu}movs r0, #1\nmovs r1, #2\nmovs r2, #3\nmovs r3, #4\nmovs r7, #N\n{setup}{systick}\
         b 990f\n.balign 32\n990: isb\n.hword 0xbf00, 0xbf00, 0xbf00, 0xbf00, 0xbf00, 0xbf00\n{skew}{sequence}\
         end: nop\n991: b 991b\n.balign 4\n.thumb_func\nhandler: bx lr\n.pool\n"
    )
}

/// FNV-1a: a change of the text is seen without a compiler.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
    })
}

/// The assembler and its options for an entry's core.
fn tools(e: &Entry) -> (&'static str, Vec<&'static str>) {
    let arm = "arm-none-eabi-";
    let hard = "-mfloat-abi=hard";
    match e.core.as_str() {
        "cortex-m0" => (arm, vec!["-mcpu=cortex-m0"]),
        "cortex-m0plus" => (arm, vec!["-mcpu=cortex-m0plus"]),
        "cortex-m3" => (arm, vec!["-mcpu=cortex-m3"]),
        "cortex-m4f" => (arm, vec!["-mcpu=cortex-m4", hard, "-mfpu=fpv4-sp-d16"]),
        "cortex-m7" => (arm, vec!["-mcpu=cortex-m7", hard, "-mfpu=fpv5-d16"]),
        "cortex-m33" => (arm, vec!["-mcpu=cortex-m33", hard, "-mfpu=fpv5-sp-d16"]),
        "e31" => (
            "riscv64-unknown-elf-",
            vec!["-march=rv32imac", "-mabi=ilp32"],
        ),
        "qingke-v2" => (
            "riscv64-unknown-elf-",
            vec!["-march=rv32ec", "-mabi=ilp32e"],
        ),
        other => panic!("{}: no assembler for {other}", e.name),
    }
}

/// Is the compiler for this entry installed?
pub fn can_assemble(e: &Entry) -> bool {
    let gcc = format!("{}gcc", tools(e).0);
    Command::new(gcc)
        .arg("--version")
        .output()
        .is_ok_and(|o| o.status.success())
}

fn call(program: &str, args: &[&str], what: &str) -> String {
    let out = Command::new(program).args(args).output().expect(program);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{what}: {program}: {errors}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Assembles one run.
pub fn assemble(e: &Entry, index: usize) -> Code {
    let text = assembly(e, index);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (source, object, binary) = (path("code.s"), path("code.o"), path("code.bin"));
    std::fs::write(&source, &text).expect("writes");
    let (prefix, mut args) = tools(e);
    args.extend(["-c", &source, "-o", &object]);
    // Relocations within the section are resolved by a link at 0.
    let linked = path("code.elf");
    call(&format!("{prefix}gcc"), &args, &e.name);
    let mut link = tools(e).1;
    link.extend([
        "-nostdlib",
        "-Wl,-Ttext=0,--entry=start,--no-warn-rwx-segments",
        &object,
        "-o",
        &linked,
    ]);
    call(&format!("{prefix}gcc"), &link, &e.name);
    let copy = ["-O", "binary", "-j", ".text", &linked, &binary];
    call(&format!("{prefix}objcopy"), &copy, &e.name);
    let symbols = call(&format!("{prefix}nm"), &[&linked], &e.name);
    let place = |symbol: &str| {
        let line = symbols.lines().find(|l| l.ends_with(&format!(" {symbol}")));
        let line = line.unwrap_or_else(|| panic!("{}: no {symbol}", e.name));
        usize::from_str_radix(&line[..8], 16).expect("hexadecimal") & !1
    };
    Code {
        end: place("end"),
        handler: place("handler"),
        fingerprint: fingerprint(&text),
        bytes: std::fs::read(&binary).expect("reads"),
    }
}

/// All machine code, by entry and run.
pub type Codes = BTreeMap<(String, String), Code>;

/// What `code.txt` holds.
pub fn load() -> Codes {
    let text = std::fs::read_to_string(folder().join("code.txt")).unwrap_or_default();
    let hex = |s: &str| u64::from_str_radix(s, 16).expect("hexadecimal");
    let lines = text
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty());
    lines
        .map(|line| {
            let f: Vec<&str> = line.split(' ').collect();
            let bytes = f[5].as_bytes().chunks(2);
            let bytes = bytes.map(|b| hex(std::str::from_utf8(b).expect("ASCII")) as u8);
            let code = Code {
                end: hex(f[2]) as usize,
                handler: hex(f[3]) as usize,
                fingerprint: hex(f[4]),
                bytes: bytes.collect(),
            };
            ((f[0].to_owned(), f[1].to_owned()), code)
        })
        .collect()
}

/// Writes `code.txt`.
pub fn save(codes: &Codes) {
    let mut text = String::from(
        "# Written by the test `record` from the entries: name, run, end, handler, fingerprint of the assembly, code.\n",
    );
    for ((name, run), c) in codes {
        let _ = write!(
            text,
            "{name} {run} {:x} {:x} {:x} ",
            c.end, c.handler, c.fingerprint
        );
        for b in &c.bytes {
            let _ = write!(text, "{b:02x}");
        }
        text.push('\n');
    }
    std::fs::write(folder().join("code.txt"), text).expect("writes");
}

/// Is this the code of what the entry says now?
pub fn is_current(e: &Entry, index: usize, code: &Code) -> bool {
    code.fingerprint == fingerprint(&assembly(e, index))
}
