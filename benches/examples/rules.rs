//! What the rules of the timing model cost the emulator: loops of six instructions that differ in what their cycles
//! depend on, on one Cortex-M4F, in processor time of one thread, best of three.
//! `cargo run --release -p benches --example rules`

use benches::cpu_seconds;
use emu_core::Cycles;
use emu_core::image::Image;
use emu_core::machine::{Machine, Options, Stop};
use machines::{BuildOptions, MachineSpec};

/// Where the loop is.
const CODE: u32 = 0x100;
/// Pages that do not meet in the engine's TLB. A slot in RAM that holds a pointer to [`DATA`].
const SLOT: u32 = 0x2000_1000;
const DATA: u32 = 0x2000_2100;

/// What the loop shows and its code, which counts R0 down. R1 points to RAM, R2 to flash, R3 to a pointer to RAM.
const LOOPS: &[(&str, u32, &[u16])] = &[
    (
        "nothing from data: the cost is looked up",
        5_000_000,
        // adds r4,#1; adds r5,#1; adds r6,#1; eors r4,r5; subs r0,#1; bne
        &[0x3401, 0x3501, 0x3601, 0x406C, 0x3801, 0xD1F9],
    ),
    (
        "which slaves two loads go to",
        5_000_000,
        // ldr r4,[r1]; ldr r5,[r2]; adds r6,#1; adds r7,#1; subs r0,#1; bne
        &[0x680C, 0x6815, 0x3601, 0x3701, 0x3801, 0xD1F9],
    ),
    (
        "the same, by a pointer in memory",
        5_000_000,
        // ldr r4,[r3]; ldr r5,[r4]; ldr r6,[r1]; adds r7,#1; subs r0,#1; bne
        &[0x681C, 0x6825, 0x680E, 0x3701, 0x3801, 0xD1F9],
    ),
    (
        "the same, by a pointer that only a hook sees",
        2_000_000,
        // ldrb r4,[r3]; add r4,r1; ldr r4,[r4]; ldr r5,[r2]; subs r0,#1; bne
        &[0x781C, 0x440C, 0x6824, 0x6815, 0x3801, 0xD1F9],
    ),
    (
        "a condition whose flags are gone at the end",
        2_000_000,
        // ands r4,r5; it eq; addeq r6,#1; adds r7,#1; subs r0,#1; bne
        &[0x402C, 0xBF08, 0x3601, 0x3701, 0x3801, 0xD1F9],
    ),
    (
        "operands of a divide",
        2_000_000,
        // udiv r4,r6,r7; adds r5,#1; adds r6,#1; adds r5,#1; subs r0,#1; bne
        &[0xFBB6, 0xF4F7, 0x3501, 0x3601, 0x3501, 0x3801, 0xD1F8],
    ),
    (
        "unaligned data",
        200_000,
        // ldr.w r4,[r1,#1]; adds r5,#1; adds r6,#1; adds r5,#1; subs r0,#1; bne
        &[0xF8D1, 0x4001, 0x3501, 0x3601, 0x3501, 0x3801, 0xD1F8],
    ),
];

fn machine(code: &[u16], times: u32) -> Result<(Machine, u32), String> {
    let spec = MachineSpec::load("cortex-m4f").map_err(|e| e.to_string())?;
    let (kind, bus) = spec
        .build(&BuildOptions::default())
        .map_err(|e| e.to_string())?;
    let mut machine = Machine::new(kind, bus, Options::default()).map_err(|e| e.to_string())?;
    let mut bytes = vec![0; CODE as usize + 2 * code.len() + 2];
    bytes[..8].copy_from_slice(&[0, 0x80, 0, 0x20, 1, 1, 0, 0]);
    for (i, h) in code.iter().chain(&[0xBE00]).enumerate() {
        let at = CODE as usize + 2 * i;
        bytes[at..at + 2].copy_from_slice(&h.to_le_bytes());
    }
    let image = Image::raw("loop", 0, bytes).map_err(|e| e.to_string())?;
    machine.load(&image).map_err(|e| e.to_string())?;
    machine.reset();
    machine.write_memory(SLOT, &DATA.to_le_bytes());
    let mut r = machine.registers();
    r.r[0] = times;
    (r.r[1], r.r[2], r.r[3]) = (DATA, 0, SLOT);
    (r.r[6], r.r[7]) = (1000, 7);
    machine.set_registers(&r);
    let end = CODE + 2 * code.len() as u32;
    machine.add_breakpoint(end);
    Ok((machine, end))
}

fn main() -> Result<(), String> {
    println!(
        "| what the cycles depend on | cycles | ns for a round | ns more |\n|---|--:|--:|--:|"
    );
    let mut plain = None;
    for &(what, times, code) in LOOPS {
        let mut best = f64::MAX;
        let mut cycles = 0;
        for _ in 0..3 {
            let (mut machine, end) = machine(code, times)?;
            let start = cpu_seconds();
            let stop = machine.run_until(Cycles::MAX);
            let seconds = cpu_seconds() - start;
            if stop != Stop::Breakpoint || machine.registers().r[15] != end {
                return Err(format!("{what}: {stop:?}"));
            }
            cycles = machine.now().0;
            best = best.min(seconds / f64::from(times) * 1e9);
        }
        let base = *plain.get_or_insert(best);
        println!(
            "| {what} | {:.0} | {best:.1} | {:.1} |",
            cycles as f64 / f64::from(times),
            best - base
        );
    }
    Ok(())
}
