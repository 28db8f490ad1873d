//! What ARMv8-M without the Security Extension does otherwise than ARMv7-M: EXC_RETURN, stack limits, instructions.
#![allow(clippy::unwrap_used)]

mod common;
use common::{Rig, code, rig, vectors};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Registers, Stop};

const M33: CoreKind = CoreKind::CortexM33;
const MAIN: u32 = 0x200;
const HANDLER: u32 = 0x800;
const HARD: u32 = 0x840;
const USAGE: u32 = 0x880;
const HERE: u16 = 0xE7FE;
/// CFSR.STKOF and INVPC.
const STKOF: u32 = 1 << 20;
const INVPC: u32 = 1 << 18;

/// Main code and a handler for all but faults, in which the program stays.
fn play(single_step: bool, main: &[u16], handler: &[u16], usage_enabled: bool) -> Rig {
    let table = vectors(MAIN, HANDLER, &[(3, HARD), (6, USAGE)]);
    let segments = [
        (0, table),
        (MAIN, code(main)),
        (HANDLER, code(handler)),
        (HARD, code(&[HERE])),
        (USAGE, code(&[HERE])),
    ];
    let mut r = rig(M33, single_step, &segments);
    let system = &mut r.machine.bus_mut().system;
    system.cpacr = 0xF << 20;
    if usage_enabled {
        system.shcsr_enable |= 1 << 18;
        system.refresh();
    }
    assert_eq!(r.machine.run_until(Cycles(400)), Stop::Limit);
    r
}

/// The registers in the end, the same in both modes.
fn registers(main: &[u16], handler: &[u16]) -> Registers {
    let [a, b] = [false, true].map(|single| play(single, main, handler, true));
    assert_eq!(a.machine.registers(), b.machine.registers());
    assert_eq!(a.machine.state_hash(), b.machine.state_hash());
    a.machine.registers()
}

fn word(r: &Rig, address: u32) -> u32 {
    r.machine
        .bus()
        .memory
        .load(address, emu_core::Width::Word)
        .unwrap()
}

#[test]
fn exc_return_says_non_secure() {
    let svc = &[0xDF00, HERE];
    let stay = &[HERE];
    assert_eq!(registers(svc, stay).r[14], 0xFFFF_FFB8, "thread, MSP");
    // movw r0,#0x6000; movt r0,#0x2000; msr psp,r0; movs r0,#2; msr control,r0; isb
    let on_psp = [
        0xF246, 0x0000, 0xF2C2, 0x0000, 0xF380, 0x8809, 0x2002, 0xF380, 0x8814, 0xF3BF, 0x8F6F,
    ];
    let r = registers(&[&on_psp[..], svc].concat(), stay);
    assert_eq!(r.r[14], 0xFFFF_FFBC, "thread, PSP");
    // vmov s0,r0; mrs r3,control: FPCA, but no SFPA.
    let with_fp = [&on_psp[..], &[0xEE00, 0x0A10, 0xF3EF, 0x8314], svc].concat();
    let r = registers(&with_fp, stay);
    assert_eq!((r.r[14], r.r[3]), (0xFFFF_FFAC, 6), "thread, PSP, FP frame");
    // udf in the handler: UsageFault has the same priority, so it is a HardFault.
    let r = registers(svc, &[0xDE00]);
    assert_eq!(
        (r.r[14], r.xpsr & 0x1FF),
        (0xFFFF_FFB0, 3),
        "from a handler"
    );
}

#[test]
fn a_handler_returns() {
    // svc; adds r5,#1; b .
    let r = registers(&[0x2500, 0xDF00, 0x3501, HERE], &[0x4770]);
    assert_eq!((r.r[5], r.xpsr & 0x1FF), (1, 0));
    // From a nested level to thread mode: allowed, NONBASETHRDENA is one.
    // With an FP frame: vmov s0,r0; svc; vmov r4,s0 while the handler writes s0.
    let main = [0x2007, 0xEE00, 0x0A10, 0xDF00, 0xEE10, 0x4A10, HERE];
    let handler = [0x2009, 0xEE00, 0x0A10, 0x4770];
    assert_eq!(registers(&main, &handler).r[4], 7);
}

#[test]
fn values_of_armv7m_are_refused() {
    // mvn r0,#6 (0xFFFFFFF9); bx r0
    for single in [false, true] {
        let r = play(single, &[0xDF00, HERE], &[0xF06F, 0x0006, 0x4700], true);
        assert_eq!(r.machine.registers().xpsr & 0x1FF, 6);
        assert_eq!(r.machine.bus().system.cfsr, INVPC);
    }
}

#[test]
fn a_push_below_the_limit_is_a_usage_fault_of_its_instruction() {
    // movw r0,#0x7ff8; movt r0,#0x2000; msr msplim,r0; mrs r1,msplim; add r0,#4; mov sp,r0;
    // push {r4}; the second push is below the limit.
    let main = [
        0xF647, 0x70F8, 0xF2C2, 0x0000, 0xF380, 0x880A, 0xF3EF, 0x810A, 0x3004, 0x4685, 0xB410,
        0xB410, HERE,
    ];
    for single in [false, true] {
        for usage_enabled in [true, false] {
            let r = play(single, &main, &[HERE], usage_enabled);
            let regs = r.machine.registers();
            let system = &r.machine.bus().system;
            // The frame has no place either: the handler runs with the stack at its limit.
            assert_eq!(system.cfsr, STKOF);
            assert_eq!(system.hfsr, if usage_enabled { 0 } else { 1 << 30 });
            assert_eq!(regs.xpsr & 0x1FF, if usage_enabled { 6 } else { 3 });
            assert_eq!(
                (regs.r[13], regs.msplim, regs.r[1]),
                (0x2000_7FF8, 0x2000_7FF8, 0x2000_7FF8)
            );
            assert_eq!(word(&r, 0x2000_7FF4), 0, "nothing was written below");
        }
    }
}

#[test]
fn an_exception_whose_frame_has_no_place_is_a_stack_overflow() {
    // On PSP with 16 bytes above its limit: svc.
    // movw r0,#0x6000; movt r0,#0x2000; msr psplim,r0; adds r0,#16; msr psp,r0; movs r0,#2; msr control,r0; isb; svc
    let main = [
        0xF246, 0x0000, 0xF2C2, 0x0000, 0xF380, 0x880B, 0x3010, 0xF380, 0x8809, 0x2002, 0xF380,
        0x8814, 0xF3BF, 0x8F6F, 0xDF00, HERE,
    ];
    for single in [false, true] {
        let r = play(single, &main, &[HERE], true);
        let regs = r.machine.registers();
        assert_eq!((regs.psp, regs.psplim), (0x2000_6000, 0x2000_6000));
        assert_eq!(r.machine.bus().system.cfsr, STKOF);
        assert_eq!(word(&r, 0x2000_5FF0), 0, "nothing was pushed");
        // UsageFault and SVCall have the same priority: the lower number goes first.
        assert_eq!((regs.xpsr & 0x1FF, regs.r[14]), (6, 0xFFFF_FFBC));
    }
}

#[test]
fn a_reset_clears_the_limits() {
    let main = [0xF647, 0x70F8, 0xF2C2, 0x0000, 0xF380, 0x880A, HERE];
    let mut r = play(false, &main, &[HERE], true);
    assert_eq!(r.machine.registers().msplim, 0x2000_7FF8);
    let snapshot = r.machine.snapshot();
    r.machine.reset();
    assert_eq!(r.machine.registers().msplim, 0);
    r.machine.restore(&snapshot).unwrap();
    assert_eq!(r.machine.registers().msplim, 0x2000_7FF8);
}

#[test]
fn its_instructions_run() {
    // movs r1,#1; lsls r1,r1,#29 (RAM); movs r0,#42; stl r0,[r1]; lda r2,[r1]; ldaex r3,[r1]; adds r3,#1;
    // stlex r4,r3,[r1]; lda r5,[r1]; sg; tt r6,r1
    let main = [
        0x2101, 0x0749, 0x202A, 0xE8C1, 0x0FAF, 0xE8D1, 0x2FAF, 0xE8D1, 0x3FEF, 0x3301, 0xE8C1,
        0x3FE4, 0xE8D1, 0x5FAF, 0xE97F, 0xE97F, 0xE841, 0xF600, HERE,
    ];
    let r = registers(&main, &[HERE]);
    assert_eq!((r.r[2], r.r[3], r.r[4], r.r[5]), (42, 43, 0, 43));
    assert_ne!(r.r[6] & 1 << 18, 0, "TT: readable");
    assert_eq!(r.xpsr & 0x1FF, 0, "no fault");
    // vmov s1,r0; vmaxnm.f32 s0,s1,s1; vmov r7,s0
    let main = [0x202A, 0xEE00, 0x0A90, 0xFE80, 0x0AA0, 0xEE10, 0x7A10, HERE];
    assert_eq!(registers(&main, &[HERE]).r[7], 42);
    // blxns r0 needs the Security Extension.
    assert_eq!(registers(&[0x4784], &[HERE]).xpsr & 0x1FF, 6);
}
