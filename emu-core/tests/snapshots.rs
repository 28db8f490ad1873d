//! Snapshots of code that changes: translated and decoded code is kept where it holds, and only there.
#![allow(clippy::unwrap_used)]

mod common;
mod riscv_rig;

use common::{code, rig, vectors};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Machine, Stop};
use riscv_rig::{RAM, RET, addi, bytes, i, jal, lui, r, store};

/// A loop that writes an instruction into RAM and calls it, over and over: r0 sums up what the written ones add, r2
/// counts the rounds. A word of data lies near the code in RAM.
fn arm() -> Vec<(u32, Vec<u8>)> {
    let main = [
        0x4907, // ldr r1, =0x2000_0100
        0x4C08, // ldr r4, =0x2000_0101
        0x4E08, // ldr r6, =0x3000 (adds r0, #0)
        0x2000, // movs r0, #0
        0x2200, // movs r2, #0
        0x4D08, // ldr r5, =0x4770 (bx lr)
        0x804D, // strh r5, [r1, #2]
        // loop:
        0x08D3, // lsrs r3, r2, #3: the same instruction for eight rounds
        0xB2DB, // uxtb r3, r3
        0x4333, // orrs r3, r6
        0x800B, // strh r3, [r1]
        0x67CA, // str r2, [r1, #124]
        0x47A0, // blx r4
        0x3201, // adds r2, #1
        0xE7F7, // b loop
        0xBF00, //
        // literals
        0x0100, 0x2000, 0x0101, 0x2000, 0x3000, 0x0000, 0x4770, 0x0000,
    ];
    vec![
        (0, vectors(0x100, 0x180, &[])),
        (0x100, code(&main)),
        (0x180, code(&[0xE7FE])),
    ]
}

/// The same for RV32: x10 sums up, x12 counts.
fn rv32() -> Vec<u8> {
    let add = addi(10, 10, 0);
    let code = [
        lui(9, RAM),
        lui(14, add),
        addi(14, 14, (add & 0xFFF) as i32),
        lui(15, RET),
        addi(15, 15, (RET & 0xFFF) as i32),
        store(2, 15, 9, 4),
        // The loop.
        i(0x13, 5, 13, 12, 3),   // srli a3, a2, 3
        i(0x13, 7, 13, 13, 255), // andi a3, a3, 255
        i(0x13, 1, 13, 13, 20),  // slli a3, a3, 20
        r(0, 6, 13, 13, 14),     // or a3, a3, a4
        store(2, 13, 9, 0),
        store(2, 12, 9, 128),
        0x0000_100F,         // fence.i
        i(0x67, 0, 1, 9, 0), // jalr ra, 0(s1)
        addi(12, 12, 1),
        jal(0, -36),
    ];
    bytes(&code)
}

fn random(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (*seed >> 33) as usize % below
}

/// Where it is, and all that it is.
fn state(m: &Machine) -> (Cycles, u64, [u8; 32]) {
    (m.now(), m.instructions(), m.state_hash())
}

fn back_and_forth(mut m: Machine, mut twin: Machine, what: &str) {
    const STEP: u64 = 333;
    let mut all = Vec::new();
    for n in 0..60 {
        let snapshot = match all.last() {
            Some((last, _)) => m.snapshot_after(last),
            None => m.snapshot(),
        };
        assert_eq!(snapshot.position(), m.position());
        all.push((snapshot, state(&m)));
        assert_eq!(m.run_until(Cycles(n * STEP)), Stop::Limit, "{what}");
        assert_eq!(twin.run_until(Cycles(n * STEP)), Stop::Limit, "{what}");
        assert_eq!(state(&m), state(&twin), "{what}: twins in slice {n}");
    }
    let mut seed = 7;
    for _ in 0..80 {
        let from = random(&mut seed, all.len() - 4);
        m.restore(&all[from].0).unwrap();
        assert_eq!(all[from].1, state(&m), "{what}: restored {from}");
        for n in from..from + 3 {
            m.run_until(Cycles(n as u64 * STEP));
            assert_eq!(all[n + 1].1, state(&m), "{what}: from {from} to {n}");
        }
    }
}

#[test]
fn code_that_writes_itself_goes_back_too() {
    for kind in [
        CoreKind::CortexM0,
        CoreKind::CortexM3,
        CoreKind::CortexM4,
        CoreKind::CortexM7,
    ] {
        for single_step in [false, true] {
            let m = || rig(kind, single_step, &arm()).machine;
            let mut probe = m();
            probe.run_until(Cycles(50_000));
            let r = probe.registers().r;
            let rounds = u64::from(r[2]);
            let sum: u64 = (0..rounds).map(|n| n >> 3 & 0xFF).sum();
            let off = sum.abs_diff(u64::from(r[0]));
            assert!(
                rounds > 500 && off <= 0xFF,
                "{kind:?} works: {rounds}, {off}"
            );
            back_and_forth(
                m(),
                rig(kind, !single_step, &arm()).machine,
                &format!("{kind:?}"),
            );
        }
    }
}

#[test]
fn code_that_writes_itself_goes_back_too_on_rv32() {
    for kind in [CoreKind::Rv32, CoreKind::E31] {
        for single_step in [false, true] {
            let m = |single_step| riscv_rig::Rig::new(kind, single_step, &rv32()).machine;
            let mut probe = m(single_step);
            probe.run_until(Cycles(50_000));
            let x = probe.riscv_registers().unwrap().x;
            let rounds = u64::from(x[12]);
            let sum: u64 = (0..rounds).map(|n| n >> 3 & 0xFF).sum();
            let off = sum.abs_diff(u64::from(x[10]));
            assert!(
                rounds > 500 && off <= 0xFF,
                "{kind:?} works: {rounds}, {off}"
            );
            back_and_forth(m(single_step), m(!single_step), &format!("{kind:?}"));
        }
    }
}

/// What a debugger writes over flash goes back, and forth.
#[test]
fn flash_goes_back() {
    // movs r0, #0; movs r1, #0; loop: adds r0, #1; adds r1, #2; b loop
    let program = [
        (0, vectors(0x100, 0x180, &[])),
        (0x100, code(&[0x2000, 0x2100, 0x3001, 0x3102, 0xE7FC])),
    ];
    for kind in [CoreKind::CortexM0, CoreKind::CortexM4] {
        let mut m = rig(kind, false, &program).machine;
        let sum = |m: &Machine| m.registers().r[0];
        m.run_until(Cycles(2_000));
        let (before, was, sum_before) = (m.snapshot(), state(&m), sum(&m));
        m.run_until(Cycles(4_000));
        let (after, sum_after) = (state(&m), sum(&m));
        assert_eq!(m.write_memory(0x104, &[5, 0x30]), 2, "adds r0, #5");
        m.run_until(Cycles(6_000));
        let (changed, was_changed) = (m.snapshot_after(&before), state(&m));
        let ratio = (sum(&m) - sum_after) / (sum_after - sum_before);
        assert!((4..=5).contains(&ratio), "it matters: {ratio}");
        m.run_until(Cycles(8_000));
        let later = state(&m);
        for _ in 0..2 {
            m.restore(&before).unwrap();
            assert_eq!(was, state(&m));
            m.run_until(Cycles(4_000));
            assert_eq!(after, state(&m));
            m.restore(&changed).unwrap();
            assert_eq!(was_changed, state(&m));
            m.run_until(Cycles(8_000));
            assert_eq!(later, state(&m));
        }
    }
}

#[test]
fn a_snapshot_of_another_machine_is_refused() {
    let m3 = rig(CoreKind::CortexM3, false, &arm()).machine;
    let mut rv = riscv_rig::Rig::new(CoreKind::Rv32, false, &rv32()).machine;
    let before = rv.state_hash();
    assert!(rv.restore(&m3.snapshot()).is_err());
    assert_eq!(before, rv.state_hash());
}
