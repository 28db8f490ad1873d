//! Steps and breakpoints: one instruction is one instruction, and looking does not change the run.
#![allow(clippy::unwrap_used)]

mod common;
use common::{Rig, code, rig, vectors};
use emu_core::Cycles;
use emu_core::bus::StopOn;
use emu_core::machine::{CoreKind, Stop};

const MAIN: u32 = 0x200;
const HANDLER: u32 = 0x800;
const M4: CoreKind = CoreKind::CortexM4;

fn firmware(main: &[u16], handler: &[u16]) -> Vec<(u32, Vec<u8>)> {
    vec![
        (0, vectors(MAIN, HANDLER, &[])),
        (MAIN, code(main)),
        (HANDLER, code(handler)),
    ]
}

fn machine(main: &[u16], handler: &[u16]) -> Rig {
    rig(M4, false, &firmware(main, handler))
}

fn pc(r: &Rig) -> u32 {
    r.machine.registers().r[15]
}

/// PC and the number of instructions after each step.
fn steps(r: &mut Rig, n: usize) -> Vec<(u32, u64)> {
    (0..n)
        .map(|_| {
            let before = r.machine.instructions();
            assert_eq!(r.machine.step(), Stop::Stepped, "at {:#x}", pc(r));
            (pc(r) - MAIN, r.machine.instructions() - before)
        })
        .collect()
}

#[test]
fn a_step_is_one_instruction_of_either_size() {
    // movs r0,#1; mov.w r1,#2; nop; add.w r0,r0,r1; nop
    let mut r = machine(
        &[
            0x2001, 0xF04F, 0x0102, 0xBF00, 0xEB00, 0x0001, 0xBF00, 0xE7FE,
        ],
        &[0x4770],
    );
    assert_eq!(steps(&mut r, 5), [(2, 1), (6, 1), (8, 1), (12, 1), (14, 1)]);
    assert_eq!(r.machine.registers().r[0], 3);
}

#[test]
fn a_step_is_one_instruction_inside_it_too() {
    // cmp r0,r0 (Z); itete eq; addeq r1,#1; addne r1,#2; addeq r1,#4; addne r1,#8; nop
    let mut r = machine(
        &[
            0x4280, 0xBF0B, 0x3101, 0x3102, 0x3104, 0x3108, 0xBF00, 0xE7FE,
        ],
        &[0x4770],
    );
    assert_eq!(
        steps(&mut r, 7),
        [(2, 1), (4, 1), (6, 1), (8, 1), (10, 1), (12, 1), (14, 1)]
    );
    assert_eq!(r.machine.registers().r[1], 5);
}

#[test]
fn a_step_over_skipped_loads_stores_and_divides() {
    // cmp r0,r0; ittt ne; ldrne r1,[r0]; udivne r1,r1,r1; strne r1,[r0]; nop
    let mut r = machine(
        &[
            0x4280, 0xBF1E, 0x6801, 0xFBB1, 0xF1F1, 0x6001, 0xBF00, 0xE7FE,
        ],
        &[0x4770],
    );
    assert_eq!(
        steps(&mut r, 6),
        [(2, 1), (4, 1), (6, 1), (10, 1), (12, 1), (14, 1)]
    );
}

#[test]
fn a_step_on_device_accesses_makes_them_once() {
    // movs r4,#1; lsls r4,r4,#30; str r4,[r4,#8]; ldr r0,[r4]; str r0,[r4,#8]; nop
    let mut r = machine(
        &[0x2401, 0x07A4, 0x60A4, 0x6820, 0x60A0, 0xBF00, 0xE7FE],
        &[0x4770],
    );
    let list = steps(&mut r, 6);
    assert_eq!(
        list.iter().map(|s| s.0).collect::<Vec<_>>(),
        [2, 4, 6, 8, 10, 12]
    );
    assert_eq!(r.log.lock().unwrap().len(), 2);
}

#[test]
fn a_step_on_a_branch_to_itself_and_a_loop() {
    let mut r = machine(&[0xE7FE], &[0x4770]);
    assert_eq!(steps(&mut r, 3), [(0, 1), (0, 1), (0, 1)]);
    // movs r0,#2; subs r0,#1; bne -; nop
    let mut r = machine(&[0x2002, 0x3801, 0xD1FD, 0xBF00, 0xE7FE], &[0x4770]);
    assert_eq!(
        steps(&mut r, 5).iter().map(|s| s.0).collect::<Vec<_>>(),
        [2, 4, 2, 4, 6]
    );
}

/// r4 = device; pends IRQ 1 (by offset 20), nop; handler: movs r0,#7; bx lr.
const PEND: [u16; 6] = [0x2401, 0x07A4, 0x2001, 0x6160, 0xBF00, 0xE7FE];

#[test]
fn a_step_never_makes_more_than_one_instruction_around_exceptions() {
    let mut r = machine(&PEND, &[0x2007, 0x3001, 0x4770]);
    let mut seen = Vec::new();
    for _ in 0..12 {
        let before = r.machine.instructions();
        assert_eq!(r.machine.step(), Stop::Stepped);
        let made = r.machine.instructions() - before;
        assert!(made <= 1, "{made} instructions in one step");
        seen.push(pc(&r));
    }
    assert!(
        seen.contains(&HANDLER) || seen.contains(&(HANDLER + 2)),
        "{seen:x?}"
    );
    assert!(seen.contains(&(MAIN + 10)), "returned: {seen:x?}");
}

#[test]
fn a_step_into_an_exception_stops_before_its_first_instruction() {
    let mut r = machine(&PEND, &[0x2007, 0x3001, 0x4770]);
    let mut seen = Vec::new();
    for _ in 0..8 {
        assert_eq!(r.machine.step(), Stop::Stepped);
        seen.push(pc(&r));
    }
    assert!(seen.contains(&HANDLER), "{seen:x?}");
}

#[test]
fn a_step_over_wfi_ends_behind_it() {
    // r4; r0=30: str r0,[r4,#4] raises IRQ 0 in 30 cycles; cpsid i; wfi; nop
    let mut r = machine(
        &[
            0x2401, 0x07A4, 0x201E, 0x6060, 0xB672, 0xBF30, 0xBF00, 0xE7FE,
        ],
        &[0x4770],
    );
    let list = steps(&mut r, 7);
    assert_eq!(
        list.iter().map(|s| s.0).collect::<Vec<_>>(),
        [2, 4, 6, 8, 10, 12, 14]
    );
}

#[test]
fn stepping_makes_the_same_run() {
    let main = [
        0x2401, 0x07A4, 0x2517, 0x6125, // interrupts every 23 to 45 cycles
        0x2601, 0x0776, // r6 = 0x2000_0000
        0x3001, 0x4281, 0xBF0C, 0x3201, 0x3301, 0x6030, 0x6832, 0xB40F, 0xBC0F, 0xE7F4,
    ];
    let handler = [0x60A0, 0x1C40, 0x4770];
    let mut free = machine(&main, &handler);
    let mut stepped = machine(&main, &handler);
    assert_eq!(free.machine.run_until(Cycles(2000)), Stop::Limit);
    while stepped.machine.instructions() < free.machine.instructions() {
        assert_eq!(stepped.machine.step(), Stop::Stepped);
    }
    for r in [&mut free, &mut stepped] {
        assert_eq!(r.machine.run_until(Cycles(2100)), Stop::Limit);
    }
    assert_eq!(free.machine.registers(), stepped.machine.registers());
    assert_eq!(*free.log.lock().unwrap(), *stepped.log.lock().unwrap());
    assert_eq!(free.machine.instructions(), stepped.machine.instructions());
    assert_eq!(free.machine.state_hash(), stepped.machine.state_hash());
}

// ----- breakpoints -----

/// A straight run: eight `adds r0,#1`, then `b .`.
fn straight() -> Rig {
    let mut main = vec![0x3001; 8];
    main.push(0xE7FE);
    machine(&main, &[0x4770])
}

#[test]
fn several_breakpoints_in_one_block() {
    let mut r = straight();
    for at in [2, 4, 10] {
        r.machine.add_breakpoint(MAIN + at);
    }
    for at in [2, 4, 10] {
        assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
        assert_eq!(pc(&r) - MAIN, at);
        assert_eq!(r.machine.registers().r[0], at / 2);
    }
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Limit);
    assert_eq!(r.machine.registers().r[0], 8);
}

#[test]
fn a_run_from_a_breakpoint_goes_on_when_the_block_is_split() {
    // An event 5 cycles on, and a breakpoint where the run starts.
    let mut r = straight();
    r.machine.add_breakpoint(MAIN + 2);
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
    let limit = Cycles(r.machine.now().0 + 3);
    assert_eq!(r.machine.run_until(limit), Stop::Limit);
    assert_eq!(r.machine.registers().r[0], 4);
}

#[test]
fn a_step_from_a_breakpoint_goes_on() {
    let mut r = straight();
    r.machine.add_breakpoint(MAIN + 2);
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
    assert_eq!(r.machine.step(), Stop::Stepped);
    assert_eq!(pc(&r), MAIN + 4);
    assert_eq!(r.machine.step(), Stop::Stepped);
    assert_eq!(pc(&r), MAIN + 6);
}

#[test]
fn a_breakpoint_on_a_wide_instruction_and_behind_it() {
    // nop; mov.w r1,#2; nop; b .
    let mut r = machine(&[0xBF00, 0xF04F, 0x0102, 0xBF00, 0xE7FE], &[0x4770]);
    r.machine.add_breakpoint(MAIN + 2);
    r.machine.add_breakpoint(MAIN + 6);
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
    assert_eq!((pc(&r), r.machine.registers().r[1]), (MAIN + 2, 0));
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
    assert_eq!((pc(&r), r.machine.registers().r[1]), (MAIN + 6, 2));
}

#[test]
fn a_breakpoint_inside_it_keeps_the_condition() {
    // cmp r0,r0; ittet eq; addeq; addeq; addne; addeq
    for (compare, total) in [(0x4280u16, 1 + 2 + 8), (0x2801, 4)] {
        for at in [4u32, 6, 8, 10, 12] {
            let main = [
                compare, 0xBF05, 0x3101, 0x3102, 0x3104, 0x3108, 0xBF00, 0xE7FE,
            ];
            let mut r = machine(&main, &[0x4770]);
            r.machine.add_breakpoint(MAIN + at);
            assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
            assert_eq!(pc(&r), MAIN + at);
            let it = r.machine.registers().xpsr & 0x0600_FC00;
            assert_eq!(it != 0, at < 12, "at {at}");
            assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Limit);
            assert_eq!(r.machine.registers().r[1], total, "at {at}");
        }
    }
}

#[test]
fn a_breakpoint_in_a_loop_stops_each_time() {
    // movs r0,#3; subs r0,#1; bne; b .
    let mut r = machine(&[0x2003, 0x3801, 0xD1FD, 0xE7FE], &[0x4770]);
    r.machine.add_breakpoint(MAIN + 2);
    for left in [3, 2, 1] {
        assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
        assert_eq!(r.machine.registers().r[0], left);
    }
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Limit);
    // b . with a breakpoint on itself.
    let mut r = machine(&[0xBF00, 0xE7FE], &[0x4770]);
    r.machine.add_breakpoint(MAIN + 2);
    for _ in 0..3 {
        let before = r.machine.instructions();
        assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
        assert_eq!(r.machine.instructions() - before, 1);
    }
}

#[test]
fn a_breakpoint_at_a_handler_stops_before_it() {
    let mut r = machine(&PEND, &[0x2007, 0x3001, 0x4770]);
    r.machine.add_breakpoint(HANDLER);
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Breakpoint);
    assert_eq!(pc(&r), HANDLER);
    assert_eq!(r.machine.registers().xpsr & 0x1FF, 17);
    assert_eq!(r.machine.run_until(Cycles(1000)), Stop::Limit);
    assert_eq!(r.machine.registers().xpsr & 0x1FF, 0);
}

#[test]
fn breakpoints_come_and_go_in_translated_code() {
    // adds r0,#1; adds r1,#1; b -4
    let mut r = machine(&[0x3001, 0x3101, 0xE7FC], &[0x4770]);
    assert_eq!(r.machine.run_until(Cycles(100)), Stop::Limit);
    r.machine.add_breakpoint(MAIN + 2);
    assert_eq!(r.machine.run_until(Cycles(200)), Stop::Breakpoint);
    r.machine.remove_breakpoint(MAIN + 2);
    assert_eq!(r.machine.run_until(Cycles(200)), Stop::Limit);
    r.machine.add_breakpoint(MAIN);
    assert_eq!(r.machine.run_until(Cycles(300)), Stop::Breakpoint);
}

#[test]
fn breakpoints_do_not_change_the_state() {
    let main = [
        0x2401, 0x07A4, 0x2517, 0x6125, // interrupts every 23 to 45 cycles
        0x3001, 0x4281, 0xBF0C, 0x3201, 0x3301, 0xFBB2, 0xF5F0, 0xB40F, 0xBC0F, 0xE7F5,
    ];
    let handler = [0x60A0, 0x1C40, 0x4770];
    let mut plain = machine(&main, &handler);
    let mut stopped = machine(&main, &handler);
    let breakpoints = [8, 12, 14, 16, 18, 22, 26];
    for at in breakpoints {
        stopped.machine.add_breakpoint(MAIN + at);
    }
    stopped.machine.add_breakpoint(HANDLER + 2);
    let limit = Cycles(3000);
    assert_eq!(plain.machine.run_until(limit), Stop::Limit);
    let mut stops = 0;
    loop {
        match stopped.machine.run_until(limit) {
            Stop::Breakpoint => stops += 1,
            Stop::Limit => break,
            other => panic!("{other:?}"),
        }
        assert!(stops < 100_000, "no progress at {:#x}", pc(&stopped));
    }
    assert!(stops > 100);
    assert_eq!(plain.machine.registers(), stopped.machine.registers());
    assert_eq!(*plain.log.lock().unwrap(), *stopped.log.lock().unwrap());
    assert_eq!(plain.machine.instructions(), stopped.machine.instructions());
    assert_eq!(plain.machine.state_hash(), stopped.machine.state_hash());
}

#[test]
fn a_breakpoint_where_a_limit_stopped_is_not_missed() {
    for limit in 1..12 {
        let mut r = straight();
        r.machine.add_breakpoint(MAIN + 8);
        let mut stop = r.machine.run_until(Cycles(limit));
        if stop == Stop::Limit {
            stop = r.machine.run_until(Cycles(1000));
        }
        assert_eq!(
            (stop, pc(&r)),
            (Stop::Breakpoint, MAIN + 8),
            "limit {limit}"
        );
    }
}

#[test]
fn limits_do_not_change_results() {
    let main = [
        0x2401, 0x07A4, 0x2517, 0x6125, 0x2601, 0x0776, // r6 = RAM
        0x3001, 0x4281, 0xBF0C, 0x3201, 0x3301, 0xFBB2, 0xF5F0, 0xB40F, 0xCE0E, 0x3E0C, 0xBC0F,
        0xBF30, 0xE7F2,
    ];
    let handler = [0x60A0, 0x1C40, 0x4770];
    for kind in [CoreKind::CortexM3, M4] {
        let mut whole = rig(kind, false, &firmware(&main, &handler));
        assert_eq!(whole.machine.run_until(Cycles(4000)), Stop::Limit);
        for stride in [1, 2, 3, 7, 19, 100] {
            let mut parts = rig(kind, false, &firmware(&main, &handler));
            for limit in (0..4000).step_by(stride) {
                assert_eq!(parts.machine.run_until(Cycles(limit)), Stop::Limit);
            }
            assert_eq!(parts.machine.run_until(Cycles(4000)), Stop::Limit);
            assert_eq!(*parts.log.lock().unwrap(), *whole.log.lock().unwrap());
            assert_eq!(parts.machine.registers(), whole.machine.registers());
            assert_eq!(parts.machine.instructions(), whole.machine.instructions());
            assert_eq!(
                parts.machine.state_hash(),
                whole.machine.state_hash(),
                "stride {stride}"
            );
        }
    }
}

#[test]
fn a_run_ends_at_the_handler_of_an_exception_that_is_waited_for() {
    let handler = [0x2007, 0x3001, 0x4770];
    let mut plain = machine(&PEND, &handler);
    plain.machine.run_until(Cycles(200));
    let mut r = machine(&PEND, &handler);
    let wanted = StopOn::Exception(17);
    r.machine.bus_mut().stop_on(StopOn::Exception(18));
    r.machine.bus_mut().stop_on(wanted.clone());
    assert_eq!(r.machine.run_until(Cycles(200)), Stop::Requested);
    assert_eq!(r.machine.registers().r[15], HANDLER);
    let met = r.machine.bus().met().to_vec();
    assert_eq!(met.len(), 1);
    assert_eq!((&met[0].condition, met[0].pc), (&wanted, HANDLER));
    assert_eq!(met[0].at, r.machine.now());
    assert_eq!(r.machine.bus_mut().take_met(), [wanted]);
    assert_eq!(r.machine.run_until(Cycles(200)), Stop::Limit);
    assert_eq!(r.machine.state_hash(), plain.machine.state_hash());
    // Taken back, it stops nothing.
    let mut r = machine(&PEND, &handler);
    r.machine.bus_mut().stop_on(StopOn::Exception(17));
    r.machine.bus_mut().forget_stop(&StopOn::Exception(17));
    assert_eq!(r.machine.run_until(Cycles(200)), Stop::Limit);
    assert_eq!(r.machine.bus().met(), []);
}

#[test]
fn a_reset_by_a_debugger_is_not_one_of_the_run() {
    let mut r = machine(&PEND, &[0x4770]);
    r.machine.bus_mut().stop_on(StopOn::Reset);
    r.machine.run_until(Cycles(50));
    r.machine.reset();
    assert_eq!(r.machine.bus().met(), []);
    assert_eq!(r.machine.run_until(Cycles(200)), Stop::Limit);
}
