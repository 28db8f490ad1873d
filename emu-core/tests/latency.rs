//! Exception latencies that the manuals give, seen from firmware.
#![allow(clippy::unwrap_used)]

mod common;
use common::{code, rig, vectors};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Stop};

const MAIN: u32 = 0x200;
const HANDLER: u32 = 0x800;

/// r4 = device; arms IRQ 0 in 40 cycles, then a NOP sled. The handler logs at once, lowers the line, and goes on.
fn firmware() -> Vec<(u32, Vec<u8>)> {
    let mut main = vec![
        0x2401, 0x07A4, // movs r4,#1; lsls r4,r4,#30
        0x2528, // movs r5,#40
        0x6065, // str r5,[r4,#4]
    ];
    main.extend([0xBF00; 200]); // nop
    main.push(0xE7FE); // b .
    let handler = vec![
        0x60A5, // str r5,[r4,#8]     log
        0x2000, // movs r0,#0
        0x6060, // str r0,[r4,#4]     lower the line
        0x4770, // bx lr
    ];
    vec![
        (0, vectors(MAIN, HANDLER, &[])),
        (MAIN, code(&main)),
        (HANDLER, code(&handler)),
    ]
}

fn latency(kind: CoreKind, single_step: bool) -> (u64, u64) {
    let mut r = rig(kind, single_step, &firmware());
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Limit);
    let asserted = r.machine.bus().system.pended_at(16).0;
    let log = r.log.lock().unwrap();
    assert_eq!(log.len(), 1, "{log:?}");
    (asserted, log[0].0)
}

#[test]
fn entry_on_a_nop_sled() {
    for (kind, cycles) in [
        (CoreKind::CortexM3, 12),
        (CoreKind::CortexM4, 12),
        (CoreKind::CortexM4f, 12),
        (CoreKind::CortexM7, 12),
        (CoreKind::CortexM33, 12),
        (CoreKind::CortexM0, 16),
        (CoreKind::CortexM0plus, 15),
    ] {
        for single_step in [false, true] {
            let (asserted, first) = latency(kind, single_step);
            assert_eq!(
                first - asserted,
                cycles,
                "{kind:?}, single step {single_step}"
            );
        }
    }
}

#[test]
fn tail_chain_takes_six_cycles() {
    // IRQ 0's handler pends IRQ 1 and returns; IRQ 1's handler logs.
    let mut main = vec![0x2401, 0x07A4, 0x2528, 0x6065];
    main.extend([0xBF00; 200]);
    main.push(0xE7FE);
    let first = vec![
        0x2000, 0x6060, // lower the line
        0x2001, 0x6160, // pend IRQ 1 (same priority: waits)
        0x60A0, // log
        0x4770, // bx lr
    ];
    let second = vec![0x60A5, 0x4770];
    let segments = vec![
        (0, vectors(MAIN, HANDLER, &[(17, 0x840)])),
        (MAIN, code(&main)),
        (HANDLER, code(&first)),
        (0x840, code(&second)),
    ];
    for single_step in [false, true] {
        let mut r = rig(CoreKind::CortexM4, single_step, &segments);
        r.machine.run_until(Cycles(1000));
        let log = r.log.lock().unwrap();
        // str at t takes one cycle (nothing loads behind it), bx at t+1, the next handler's str six later.
        assert_eq!(log[1].0 - log[0].0, 1 + 6, "{log:?}");
    }
}

#[test]
fn lazy_stacking_is_paid_at_the_first_fp_instruction() {
    // The handler logs, uses an FP register, and logs again. Was the FP context of main in use, 17 words are written first.
    let second_log = |main_uses_fp: bool, single_step: bool| {
        let mut main = Vec::new();
        main.extend(match main_uses_fp {
            true => [0xEE00, 0x1A10],  // vmov s0,r1
            false => [0xF3AF, 0x8000], // nop.w
        });
        main.extend([0x2401, 0x07A4, 0x2528, 0x6065]);
        main.extend([0xBF00; 200]);
        main.push(0xE7FE);
        let handler = vec![
            0x60A5, // log
            0xEE00, 0x5A90, // vmov s1,r5
            0x60A5, // log
            0x2000, 0x6060, 0x4770, // lower the line, return
        ];
        let segments = vec![
            (0, vectors(MAIN, HANDLER, &[])),
            (MAIN, code(&main)),
            (HANDLER, code(&handler)),
        ];
        let mut r = rig(CoreKind::CortexM4f, single_step, &segments);
        r.machine.bus_mut().system.cpacr = 0xF << 20;
        r.machine.run_until(Cycles(1000));
        let log = r.log.lock().unwrap();
        log[1].0 - log[0].0
    };
    for single_step in [false, true] {
        let plain = second_log(false, single_step);
        assert_eq!(second_log(true, single_step), plain + 17);
    }
}
