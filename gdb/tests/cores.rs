//! Every core in real gdb: registers, flags, read-only ones, calls by hand.

mod chips;
mod common;

use common::{Outcome, expect, gdb_session, have_gdb};
use emu_core::Cycles;
use emu_core::machine::Stop;
use gdb::Options;

const CORTEX_M: &[(&str, &str)] = &[
    ("cortex-m0", "blinky.cortex-m0.elf"),
    ("cortex-m0plus", "blinky.cortex-m0plus.elf"),
    ("cortex-m3", "blinky.cortex-m3.elf"),
    ("cortex-m4f", "blinky.cortex-m4f.elf"),
    ("cortex-m7", "blinky.cortex-m7.elf"),
    ("cortex-m33", "blinky.cortex-m33.elf"),
];

const RISCV: &[(&str, &str)] = &[
    ("e31", "blinky.e31.elf"),
    ("rv32", "blinky.rv32.elf"),
    ("bumblebee", "timing.bumblebee.elf"),
];

/// Runs a script on each of these; `None` without gdb or fixtures.
fn on_each(
    machines: &[(&str, &str)],
    script: &[&str],
    mut check: impl FnMut(&str, &str),
) -> Option<()> {
    if !have_gdb() {
        return None;
    }
    for (name, fixture) in machines {
        let (mut machine, firmware) = chips::with_fixture(name, fixture)?;
        let options = Options {
            firmware: Some(firmware),
            ..Options::default()
        };
        let s = gdb_session(&mut machine, &options, script);
        assert!(
            matches!(s.outcome, Ok(Outcome::Detached)),
            "{name}: {:?}\n{}",
            s.outcome,
            s.text
        );
        let lines = || s.text.lines();
        let bad = lines().find(|l| {
            let warning = l.contains("arning") && !l.contains("File transfers from remote");
            warning
                || ["runcated", "internal-error", "Invalid"]
                    .iter()
                    .any(|b| l.contains(b))
        });
        assert_eq!(bad, None, "{name}:\n{}", s.text);
        check(name, &s.text);
        // Nothing of gdb's is left behind.
        let stop = machine.run_until(Cycles(machine.now().0 + 1000));
        assert_eq!(stop, Stop::Limit, "{name}");
    }
    Some(())
}

/// The values that gdb printed as `$1 = …`, `$2 = …`.
fn printed(text: &str) -> Vec<&str> {
    let values = text.lines().filter(|l| l.starts_with('$'));
    values
        .filter_map(|l| l.split_once(" = ").map(|(_, value)| value))
        .collect()
}

#[test]
fn cortex_m() {
    let script = [
        "info all-registers",
        "info registers system",
        "break main",
        "continue",
        "p $xpsr",
        "p $xpsr & 0x1ff",
        "p sizeof($cycles)",
        "p $cycles > 10",
        "set $cycles = 1",
        "set $r3 = 0x1234",
        "p/x $r3",
        "set $primask = 1",
        "p $primask",
        "set $primask = 0",
        "set $psp = 0x20000800",
        "p $psp",
        "set $sp = $sp - 8",
        "p $sp == $msp",
        "set $sp = $sp + 8",
        "detach",
    ];
    on_each(CORTEX_M, &script, |name, text| {
        let values = printed(text);
        let flags = values[0];
        assert!(
            flags.starts_with('[') && flags.contains(" T ISR=Thread ]"),
            "{name}: {flags}"
        );
        assert_eq!(values[1..4], ["0", "8", "1"], "{name}");
        assert_eq!(
            values[4..],
            ["0x1234", "1", "(void *) 0x20000800", "1"],
            "{name}:\n{text}"
        );
        expect(text, &["Could not write register \"cycles\"", "E01"]);
        let has = |register: &str| text.lines().any(|l| l.starts_with(&format!("{register} ")));
        for register in [
            "r0", "sp", "lr", "pc", "xpsr", "msp", "psp", "primask", "control",
        ] {
            assert!(has(register), "{name}: {register}\n{text}");
        }
        let v7m = !name.starts_with("cortex-m0");
        let fpu = ["cortex-m4f", "cortex-m7", "cortex-m33"].contains(&name);
        for (register, there) in [
            ("basepri", v7m),
            ("faultmask", v7m),
            ("d15", fpu),
            ("s31", fpu),
            ("fpscr", fpu),
            ("msplim", name == "cortex-m33"),
            ("psplim", name == "cortex-m33"),
        ] {
            assert_eq!(has(register), there, "{name}: {register}");
        }
    });
}

#[test]
fn fp_registers_are_floats_and_doubles() {
    let script = [
        "set $d3 = 1.5",
        "p $d3",
        "p/x $s6",
        "p/x $s7",
        "set $s7 = 2.5",
        "p $s7",
        "p/x $s6",
        "set $fpscr = 0x03c00010",
        "p $fpscr",
        "set $fpscr = 0",
        "set $basepri = 0x40",
        "p/x $basepri",
        "set $faultmask = 1",
        "p $faultmask",
        "set $faultmask = 0",
        "set $basepri = 0",
        "detach",
    ];
    on_each(&CORTEX_M[3..], &script, |name, text| {
        let expected = [
            "1.5",
            "0x0",
            "0x3ff80000",
            "2.5",
            "0x0",
            "[ DN FZ RMode=RZ IXC ]",
            "0x40",
            "1",
        ];
        assert_eq!(printed(text), expected, "{name}:\n{text}");
    });
}

#[test]
fn risc_v() {
    let script = [
        "info all-registers",
        "info registers csr",
        "stepi 3",
        "p $mstatus",
        "set $mstatus = 0x88",
        "p $mstatus",
        "set $mstatus = 0x1800",
        "set $mepc = 0x20000101",
        "p/x $mepc",
        "set $mscratch = 0xdeadbeef",
        "p/x $mscratch",
        "set $mcause = 0x80000007",
        "p $mcause",
        "p $mcycle == $cycles",
        "p $minstret",
        "set $minstret = 1000",
        "p $minstret",
        "p $mhartid",
        "p $priv",
        "info registers priv",
        "info threads",
        "p/x $misa",
        "set $t3 = 5",
        "p $t3",
        "p $s0 == $fp && $x28 == 5",
        "set $misa = 0",
        "set $mip = 0x80",
        "set $mhartid = 3",
        "set $cycles = 1",
        "set $zero = 1",
        "p $zero",
        "detach",
    ];
    on_each(RISCV, &script, |name, text| {
        let expected = [
            "[ MPP=Machine ]",
            "[ MIE MPIE MPP=User ]",
            "0x20000100",
            "0xdeadbeef",
            "[ Interrupt Code=7 ]",
            "1",
            "3",
            "1000",
            "0",
            "3",
            "0x40101105",
            "5",
            "1",
            "0",
        ];
        assert_eq!(printed(text), expected, "{name}:\n{text}");
        let refused = ["misa", "mip", "mhartid", "cycles"]
            .map(|r| format!("Could not write register \"{r}\"; remote failure reply 'E01'"));
        expect(text, &["prv:3 [Machine]", "machine mode"]);
        expect(text, &refused.each_ref().map(String::as_str));
        for csr in [
            "mstatus",
            "misa",
            "mie",
            "mtvec",
            "mcounteren",
            "mscratch",
            "mepc",
            "mcause",
            "mtval",
            "mip",
            "mcycle",
            "mcycleh",
            "minstret",
            "minstreth",
            "mvendorid",
            "marchid",
            "mimpid",
            "mhartid",
            "pmpcfg0",
            "pmpaddr15",
        ] {
            let line = |l: &str| l.starts_with(&format!("{csr} "));
            assert!(text.lines().any(line), "{name}: {csr}\n{text}");
        }
    });
}

#[test]
fn stack_limits_of_armv8m() {
    let script = [
        "set $msplim = 0x20000100",
        "set $psplim = 0x20000208",
        "stepi",
        "p $msplim",
        "p $psplim",
        "detach",
    ];
    on_each(&CORTEX_M[5..], &script, |_, text| {
        let expected = ["(void *) 0x20000100", "(void *) 0x20000208"];
        assert_eq!(printed(text), expected, "{text}");
    });
}

#[test]
fn all_registers_in_one_packet() {
    let script = [
        "set remote set-register-packet off",
        "break main",
        "continue",
        "set $saved = $sp",
        "set $sp = $sp - 16",
        "p $sp == $saved - 16",
        "set $sp = $saved",
        "set $pc = $pc + 4",
        "p (long)$pc == (long)&main + 4",
        "set $pc = (long)&main",
        "stepi",
        "p (long)$pc > (long)&main",
        "p $sp <= $saved",
        "set $cycles = 1",
        "p $cycles > 10",
        "detach",
    ];
    let machines = [CORTEX_M[1], CORTEX_M[3], CORTEX_M[5], RISCV[1]];
    on_each(&machines, &script, |name, text| {
        assert_eq!(printed(text), ["1"; 5], "{name}:\n{text}");
    });
}

#[test]
fn calls_by_hand_leave_everything_as_it_was() {
    for (name, fixture) in [
        ("cortex-m0", "blinky.cortex-m0.elf"),
        ("cortex-m33", "blinky.cortex-m33.elf"),
        ("rv32", "blinky.rv32.elf"),
    ] {
        let script = [
            "break print",
            "continue",
            "delete",
            "finish",
            "p $pc",
            "p $sp",
            "p/x $ra + $lr",
            "call led_set(1, 0)",
            "p $pc",
            "p $sp",
            "p/x $ra + $lr",
            "detach",
        ];
        let checked = on_each(&[(name, fixture)], &script, |_, text| {
            let values = printed(text);
            let n = values.len();
            assert!(n >= 4, "{text}");
            assert!(!text.contains("interrupted"), "{text}");
            let half = n / 2;
            assert_eq!(values[..half], values[half..], "{name}:\n{text}");
        });
        if checked.is_none() {
            return;
        }
    }
}
