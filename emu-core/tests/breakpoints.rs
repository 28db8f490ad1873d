//! Breakpoints and steps when a run is cut into slices, as a debugger does it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{DEVICE, code, rig, vectors};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Stop};

/// Reset at 0x100: a loop of three instructions from 0x104.
fn program() -> Vec<(u32, Vec<u8>)> {
    vec![
        (0, vectors(0x100, 0x180, &[])),
        // movs r0, #0; movs r1, #0; loop: adds r0, #1; adds r1, #2; b loop
        (0x100, code(&[0x2000, 0x2100, 0x3001, 0x3102, 0xE7FC])),
        (0x180, code(&[0xE7FE])),
    ]
}

#[test]
fn a_slice_that_ends_on_a_breakpoint_does_not_hide_it() {
    let hits = |slice: u64| {
        let mut m = rig(CoreKind::CortexM3, false, &program()).machine;
        m.add_breakpoint(0x106);
        let mut hits = Vec::new();
        let mut limit = 0;
        while hits.len() < 20 {
            limit += slice;
            match m.run_until(Cycles(limit)) {
                Stop::Breakpoint => hits.push((m.now(), m.registers().r[0])),
                Stop::Limit => {}
                other => panic!("{other:?}"),
            }
        }
        hits
    };
    let whole = hits(1_000_000);
    assert!(whole.windows(2).all(|w| w[1].1 == w[0].1 + 1));
    for slice in 1..8 {
        let registers = |h: Vec<(Cycles, u32)>| h.into_iter().map(|h| h.1).collect::<Vec<_>>();
        assert_eq!(
            registers(hits(slice)),
            registers(whole.clone()),
            "slices of {slice} cycles"
        );
    }
}

#[test]
fn a_step_of_a_sleeping_core_ends_when_it_wakes() {
    // cpsid i; ldr r0, [pc, #8]; movs r1, #200; str r1, [r0, #4]; wfi; adds r2, #1; b .; (pad) device
    let words = [
        0xB672, 0x4803, 0x21C8, 0x6041, 0xBF30, 0x3201, 0xE7FE, 0xBF00, 0x0000, 0x4000,
    ];
    assert_eq!(DEVICE, 0x4000_0000);
    let mut m = rig(
        CoreKind::CortexM3,
        false,
        &[
            (0, vectors(0x100, 0x180, &[])),
            (0x100, code(&words)),
            (0x180, code(&[0xE7FE])),
        ],
    )
    .machine;
    for _ in 0..4 {
        assert_eq!(m.step(), Stop::Stepped);
    }
    assert_eq!(m.registers().r[15], 0x108);
    assert_eq!(m.step_until(Cycles(20)), Stop::Limit, "WFI sleeps");
    assert!(m.is_asleep());
    assert_eq!(
        m.step_until(Cycles(50)),
        Stop::Limit,
        "and goes on sleeping"
    );
    assert_eq!(m.step(), Stop::Stepped);
    assert!(!m.is_asleep());
    assert_eq!(
        m.registers().r[15],
        0x10A,
        "nothing but the WFI was executed"
    );
    assert_eq!(m.registers().r[2], 0);

    // The same with a breakpoint behind the WFI, in slices: PRIMASK is set, so no handler comes between.
    let mut m = rig(
        CoreKind::CortexM3,
        false,
        &[
            (0, vectors(0x100, 0x180, &[])),
            (0x100, code(&words)),
            (0x180, code(&[0xE7FE])),
        ],
    )
    .machine;
    m.add_breakpoint(0x10A);
    assert_eq!(m.run_until(Cycles(50)), Stop::Limit);
    assert_eq!(m.run_until(Cycles(100)), Stop::Limit);
    assert_eq!(m.run_until(Cycles(1000)), Stop::Breakpoint);
    assert_eq!(m.registers().r[15], 0x10A);
}

#[test]
fn a_run_goes_on_from_a_breakpoint_whose_block_is_cut() {
    let mut m = rig(CoreKind::CortexM3, false, &program()).machine;
    m.add_breakpoint(0x104);
    m.add_breakpoint(0x106);
    let mut seen = Vec::new();
    for _ in 0..6 {
        assert_eq!(m.run_until(Cycles(1000)), Stop::Breakpoint);
        seen.push(m.registers().r[15]);
    }
    assert_eq!(seen, [0x104, 0x106, 0x104, 0x106, 0x104, 0x106]);
    assert_eq!(m.step(), Stop::Stepped, "a step leaves a breakpoint");
    assert_eq!(m.registers().r[15], 0x108);
}

#[test]
fn code_that_a_debugger_loads_runs_as_if_it_had_been_there() {
    // movs r0, #0; movs r1, #12; cmp r0, r1; push {r3, lr}; bcs .+8; adds r0, #4; cmp r0, r1; bne .-2; b .
    let words = [
        0x2000, 0x210C, 0x4288, 0xB508, 0xD202, 0x3004, 0x4288, 0xD1FC, 0xE7FE,
    ];
    let run = |reload: bool| {
        let segments = [(0, vectors(0x100, 0x180, &[])), (0x100, code(&words))];
        let mut m = rig(CoreKind::CortexM4f, false, &segments).machine;
        if reload {
            m.bus_mut().program(0x100, &[0xFF; 18]).unwrap();
            m.bus_mut().program(0x100, &segments[1].1).unwrap();
        }
        m.run_until(Cycles(1000));
        (m.now(), m.instructions(), m.registers())
    };
    assert_eq!(run(true), run(false));
}
