//! Watchpoints: what hits, where the machine stops, and that the state there is that of a breakpoint or a step.
#![allow(clippy::unwrap_used)]

mod common;
mod riscv_rig;

use common::{DEVICE, Rig, code, rig_with, vectors};
use emu_core::Cycles;
use emu_core::bus::BitBand;
use emu_core::machine::{CoreKind, Machine, Stop};
use emu_core::watchpoint::{Hit, Master, WatchKind, WatchReport, Watchpoint};
use riscv_rig as rv;

const MAIN: u32 = 0x200;
const HANDLER: u32 = 0x300;
const RAM: u32 = 0x2000_0000;
/// The stack pointer at reset.
const STACK: u32 = 0x2000_8000;
const END: Cycles = Cycles(1000);

/// Puts the device into r4 and the start of RAM into r6.
const BASES: [u16; 4] = [0x2401, 0x07A4, 0x2601, 0x0776];

fn machine(kind: CoreKind, main: &[u16]) -> Rig {
    let mut all = BASES.to_vec();
    all.extend(main);
    all.push(0xE7FE); // b .
    let segments = [
        (0, vectors(MAIN, HANDLER, &[])),
        (MAIN, code(&all)),
        (HANDLER, code(&[0xBF00, 0x4770])), // nop; bx lr
    ];
    let mut r = rig_with(kind, false, &segments, |bus| {
        bus.add_bit_band(BitBand {
            base: 0x2200_0000,
            size: 0x0010_0000,
            target: RAM,
        });
    });
    if kind.has_fpu() {
        r.machine.bus_mut().system.cpacr = 0xF << 20;
    }
    r
}

fn watch(m: &mut Machine, address: u32, size: u32, kind: WatchKind) {
    m.set_watchpoints(&[Watchpoint {
        address,
        size,
        kind,
    }]);
}

fn pc(m: &Machine) -> u32 {
    m.registers().r[15]
}

fn hit(stop: Stop) -> Hit {
    match stop {
        Stop::Watchpoint(hit) => hit,
        other => panic!("{other:?}"),
    }
}

/// The instruction behind `before` hits; `first` is the first byte that does. Both ways to stop leave the states that a
/// breakpoint and a step leave.
fn hits(before: &[u16], insn: &[u16], (address, size, kind): (u32, u32, WatchKind), first: u32) {
    let main = [before, insn].concat();
    let at = MAIN + 2 * (BASES.len() + before.len()) as u32;
    let write = kind == WatchKind::Write;
    let what = format!("{insn:x?}");
    for cores in [CoreKind::CortexM4f, CoreKind::CortexM7, CoreKind::CortexM33] {
        let mut plain = machine(cores, &main).machine;
        plain.add_breakpoint(at);
        assert_eq!(plain.run_until(END), Stop::Breakpoint, "{what}");
        let there = plain.state_hash();
        assert_eq!(plain.step(), Stop::Stepped);
        let behind = (pc(&plain), plain.state_hash());

        let mut m = machine(cores, &main).machine;
        watch(&mut m, address, size, kind);
        let found = hit(m.run_until(END));
        let wanted = Hit {
            address: first,
            watched: first,
            kind,
            write,
            by: Master::Core,
            before: true,
        };
        assert_eq!(found, wanted, "{what}");
        assert_eq!(pc(&m), at, "{what}");
        assert_eq!(m.state_hash(), there, "{what}: nothing was done");
        assert_eq!(m.step(), Stop::Watchpoint(wanted), "{what}: again");
        m.ignore_stops(true);
        assert_eq!(m.step(), Stop::Stepped);
        m.ignore_stops(false);
        assert_eq!((pc(&m), m.state_hash()), behind, "{what}");
        assert_eq!(m.run_until(END), Stop::Limit, "{what}: once");

        let mut m = machine(cores, &main).machine;
        watch(&mut m, address, size, kind);
        m.set_watch_reporting(WatchReport::After);
        let found = hit(m.run_until(END));
        let wanted = Hit {
            before: false,
            ..wanted
        };
        assert_eq!(found, wanted, "{what}");
        assert_eq!((pc(&m), m.state_hash()), behind, "{what}");
        assert_eq!(m.run_until(END), Stop::Limit, "{what}: once");
    }
}

/// Nothing in it hits.
fn passes(kind: CoreKind, main: &[u16], (address, size, watched): (u32, u32, WatchKind)) {
    let mut m = machine(kind, main).machine;
    watch(&mut m, address, size, watched);
    assert_eq!(m.run_until(END), Stop::Limit, "{main:x?}");
}

use WatchKind::{Access, Read, Write};

#[test]
fn single_transfers() {
    hits(&[], &[0x60B0], (RAM + 8, 4, Write), RAM + 8); // str r0, [r6, #8]
    hits(&[], &[0x68B0], (RAM + 8, 4, Read), RAM + 8); // ldr r0, [r6, #8]
    hits(&[], &[0x7270], (RAM + 9, 1, Write), RAM + 9); // strb r0, [r6, #9]
    hits(&[], &[0x60B0], (RAM + 9, 1, Write), RAM + 9);
    hits(&[], &[0x60B0], (RAM, 64, Write), RAM + 8);
    passes(CoreKind::CortexM4f, &[0x60B0], (RAM + 8, 4, Read));
    passes(CoreKind::CortexM4f, &[0x68B0], (RAM + 8, 4, Write));
    passes(CoreKind::CortexM4f, &[0x60B0], (RAM + 12, 4, Access));
    passes(CoreKind::CortexM4f, &[0x60B0], (RAM + 4, 4, Access));
    // str.w r0, [r6, #6]: unaligned
    hits(&[], &[0xF8C6, 0x0006], (RAM + 8, 4, Write), RAM + 8);
    hits(&[], &[0xF8D6, 0x0006], (RAM + 8, 4, Read), RAM + 8);
}

#[test]
fn any_word_of_a_longer_transfer() {
    for n in 0..4 {
        let at = |base: u32| base + 4 * n;
        hits(&[], &[0xB40F], (at(STACK - 16), 4, Write), at(STACK - 16)); // push {r0-r3}
        hits(&[], &[0xBC0F], (at(STACK), 4, Read), at(STACK)); // pop {r0-r3}
        hits(&[], &[0xC60F], (at(RAM), 4, Write), at(RAM)); // stm r6!, {r0-r3}
        hits(&[], &[0xCE0F], (at(RAM), 4, Read), at(RAM)); // ldm r6!, {r0-r3}
        hits(&[], &[0xEC86, 0x0A04], (at(RAM), 4, Write), at(RAM)); // vstm r6, {s0-s3}
        hits(&[], &[0xEC96, 0x0A04], (at(RAM), 4, Read), at(RAM)); // vldm r6, {s0-s3}
    }
    for n in 0..2 {
        let at = RAM + 8 + 4 * n;
        hits(&[], &[0xE9C6, 0x0102], (at, 4, Write), at); // strd r0, r1, [r6, #8]
        hits(&[], &[0xE9D6, 0x0102], (at, 4, Read), at); // ldrd r0, r1, [r6, #8]
    }
    // Transfers that end before it, and begin in another page: push of 13 registers.
    let page = STACK - 0x400;
    let low = [0xF2AD, 0x3DE0]; // sub sp, #0x3E0
    hits(&low, &[0xE92D, 0x1FFF], (page - 8, 4, Write), page - 8);
    passes(CoreKind::CortexM4f, &[0xB40F], (STACK, 16, Access));
    passes(CoreKind::CortexM4f, &[0xB40F], (STACK - 20, 4, Access));
}

#[test]
fn only_what_is_executed() {
    // cmp r6, #0; it eq; streq r0, [r6]
    passes(
        CoreKind::CortexM3,
        &[0x2E00, 0xBF08, 0x6030],
        (RAM, 4, Access),
    );
    // cmp r6, #0; it ne; strne r0, [r6]
    hits(&[0x2E00, 0xBF18], &[0x6030], (RAM, 4, Write), RAM);
    // strex r0, r1, [r6] without a reservation, and with one
    passes(CoreKind::CortexM3, &[0xE846, 0x1000], (RAM, 4, Access));
    let reserved = [0xE856, 0x1F00]; // ldrex r1, [r6]
    hits(&reserved, &[0xE846, 0x1000], (RAM, 4, Write), RAM);
}

#[test]
fn aliases_devices_and_flash() {
    // The flash at 0, watched at its alias: ldr r0, [pc, #0]
    let mut m = machine(CoreKind::CortexM3, &[0x4800]).machine;
    watch(&mut m, 0x0800_020C, 4, Read);
    let found = hit(m.run_until(END));
    assert_eq!((found.address, found.watched), (0x20C, 0x0800_020C));
    assert_eq!(pc(&m), MAIN + 8);
    // One bit of RAM: movs r5, #0x22; lsls r5, #24; str r0, [r5, #0x28] is bit 2 of the second byte.
    let bit = [0x2522, 0x062D, 0x62A8];
    let mut m = machine(CoreKind::CortexM3, &bit).machine;
    watch(&mut m, RAM + 1, 1, Write);
    let found = hit(m.run_until(END));
    assert_eq!((found.address, found.watched), (0x2200_0028, RAM + 1));
    passes(CoreKind::CortexM3, &bit, (RAM, 1, Write));
    // A register of a device: str r0, [r4, #8]
    let mut r = machine(CoreKind::CortexM0, &[0x60A0]);
    watch(&mut r.machine, DEVICE + 8, 4, Write);
    assert_eq!(hit(r.machine.run_until(END)).address, DEVICE + 8);
    assert!(r.log.lock().unwrap().is_empty(), "not written yet");
    r.machine.ignore_stops(true);
    r.machine.step();
    assert_eq!(r.log.lock().unwrap().len(), 1);
}

#[test]
fn what_a_debugger_does_hits_nothing() {
    let mut m = machine(CoreKind::CortexM3, &[]).machine;
    watch(&mut m, RAM, 4, Access);
    m.write_memory(RAM, &[1, 2, 3, 4]);
    m.read_memory(RAM, &mut [0; 4]);
    watch(&mut m, DEVICE + 8, 4, Access);
    m.write_memory(DEVICE + 8, &[1, 2, 3, 4]);
    m.read_memory(DEVICE + 8, &mut [0; 4]);
    assert_eq!(m.run_until(END), Stop::Limit);
}

#[test]
fn the_stacking_of_an_exception_stops_behind_it() {
    for kind in [CoreKind::CortexM0, CoreKind::CortexM4f] {
        // str r0, [r4, #12] pends PendSV
        let mut m = machine(kind, &[0x60E0, 0xBF00]).machine;
        watch(&mut m, STACK - 4, 4, Write);
        let found = hit(m.run_until(END));
        assert_eq!((found.by, found.before), (Master::Other, false));
        assert_eq!((pc(&m), m.registers().xpsr & 0x1FF), (HANDLER, 14));
        assert_eq!(m.run_until(END), Stop::Limit);
        watch(&mut m, STACK - 32, 4, Read);
        let mut m = machine(kind, &[0x60E0, 0xBF00]).machine;
        watch(&mut m, STACK - 32, 4, Read);
        let found = hit(m.run_until(END));
        assert_eq!((found.by, found.write), (Master::Other, false));
        assert_eq!(pc(&m), MAIN + 10, "returned");
    }
}

#[test]
fn ignored_stops_come_back() {
    // str r0, [r6, #8]; nop; str r0, [r6, #8]
    let mut m = machine(CoreKind::CortexM3, &[0x60B0, 0xBF00, 0x60B0]).machine;
    watch(&mut m, RAM + 8, 4, Write);
    m.add_breakpoint(MAIN + 10);
    m.ignore_stops(true);
    while pc(&m) != MAIN + 12 {
        assert_eq!(m.step(), Stop::Stepped);
    }
    m.ignore_stops(false);
    assert!(hit(m.run_until(END)).before);
    assert_eq!(pc(&m), MAIN + 12);
    m.set_watchpoints(&[]);
    assert_eq!(m.run_until(END), Stop::Limit);
}

#[test]
fn a_step_ends_in_the_handler_of_a_fault() {
    for (kind, number) in [(CoreKind::CortexM0, 3), (CoreKind::CortexM4f, 3)] {
        let mut m = machine(kind, &[0xDE00]).machine; // udf
        m.add_breakpoint(MAIN + 8);
        assert_eq!(m.run_until(END), Stop::Breakpoint);
        let before = m.instructions();
        assert_eq!(m.step(), Stop::Stepped);
        assert_eq!((pc(&m), m.registers().xpsr & 0x1FF), (HANDLER, number));
        assert_eq!(m.instructions(), before, "nothing was executed");
        assert_eq!(m.step(), Stop::Stepped);
        assert_eq!((pc(&m), m.instructions()), (HANDLER + 2, before + 1));
    }
}

#[test]
fn a_call_that_waits_for_input_leaves_the_state_before_it() {
    use emu_core::semihosting::Config;
    // movs r0, #7 (SYS_READC); bkpt 0xAB
    let mut main = machine(CoreKind::CortexM3, &[0x2007, 0xBEAB]).machine;
    main.enable_semihosting(Config::default());
    main.add_breakpoint(MAIN + 10);
    assert_eq!(main.run_until(END), Stop::Breakpoint);
    let wanted = (main.now(), main.instructions(), main.state_hash());
    assert_eq!(main.run_until(END), Stop::AwaitsInput);
    assert_eq!((main.now(), main.instructions(), main.state_hash()), wanted);
    let mut free = machine(CoreKind::CortexM3, &[0x2007, 0xBEAB]).machine;
    free.enable_semihosting(Config::default());
    assert_eq!(free.run_until(END), Stop::AwaitsInput);
    assert_eq!((free.now(), free.instructions(), free.state_hash()), wanted);

    let call = rv::bytes(&[
        rv::addi(10, 0, 7),
        0x01F0_1013,
        0x0010_0073,
        0x4070_5013,
        rv::LOOP,
    ]);
    let mut main = rv::Rig::new(CoreKind::Rv32, false, &call).machine;
    main.enable_semihosting(Config::default());
    main.add_breakpoint(rv::FLASH + 8);
    assert_eq!(main.run_until(END), Stop::Breakpoint);
    let wanted = (main.now(), main.instructions(), main.state_hash());
    assert_eq!(main.run_until(END), Stop::AwaitsInput);
    assert_eq!((main.now(), main.instructions(), main.state_hash()), wanted);
}

// ----- RISC-V -----

fn riscv(kind: CoreKind, body: &[u32]) -> Machine {
    let mut all = vec![
        rv::lui(9, rv::RAM),
        rv::lui(5, rv::FLASH + 0x1000),
        rv::csr(1, 0, rv::MTVEC, 5),
    ];
    all.extend(body);
    all.push(rv::LOOP);
    let mut bytes = rv::bytes(&all);
    bytes.resize(0x1000, 0);
    bytes.extend(rv::bytes(&[rv::NOP, rv::LOOP]));
    rv::Rig::new(kind, false, &bytes).machine
}

fn riscv_hits(before: &[u32], insn: u32, (address, size, kind): (u32, u32, WatchKind), first: u32) {
    let body = [before, &[insn]].concat();
    let at = rv::FLASH + 4 * (3 + before.len()) as u32;
    for core in [CoreKind::Rv32, CoreKind::E31, CoreKind::Bumblebee] {
        let pc = |m: &Machine| m.riscv_registers().unwrap().pc;
        let mut plain = riscv(core, &body);
        plain.add_breakpoint(at);
        assert_eq!(plain.run_until(END), Stop::Breakpoint);
        let there = plain.state_hash();
        assert_eq!(plain.step(), Stop::Stepped);
        let behind = plain.state_hash();
        let mut m = riscv(core, &body);
        watch(&mut m, address, size, kind);
        let found = hit(m.run_until(END));
        assert_eq!((found.address, found.before), (first, false), "{insn:x}");
        assert_eq!((pc(&m), m.state_hash()), (at + 4, behind), "{insn:x}");
        assert_eq!(m.run_until(END), Stop::Limit, "{insn:x}");
        let mut m = riscv(core, &body);
        m.set_watch_reporting(WatchReport::Before);
        watch(&mut m, address, size, kind);
        let found = hit(m.run_until(END));
        assert_eq!((found.address, found.before), (first, true), "{insn:x}");
        assert_eq!((pc(&m), m.state_hash()), (at, there), "{insn:x}");
        m.ignore_stops(true);
        assert_eq!(m.step(), Stop::Stepped);
        assert_eq!(m.state_hash(), behind, "{insn:x}");
    }
}

#[test]
fn riscv_stops_behind_the_instruction() {
    const AT: u32 = rv::RAM;
    riscv_hits(&[], rv::store(2, 10, 9, 8), (AT + 8, 4, Write), AT + 8);
    riscv_hits(&[], rv::load(2, 10, 9, 8), (AT + 8, 4, Read), AT + 8);
    riscv_hits(&[], rv::store(0, 10, 9, 9), (AT + 8, 4, Write), AT + 9);
    riscv_hits(&[], rv::load(5, 10, 9, 10), (AT + 11, 1, Read), AT + 11);
    riscv_hits(&[], rv::amo(0, 10, 9, 11), (AT, 4, Write), AT);
    riscv_hits(&[], rv::amo(0, 10, 9, 11), (AT, 4, Access), AT);
    riscv_hits(&[], rv::amo(2, 10, 9, 0), (AT, 4, Read), AT); // lr.w
    let reserve = [rv::amo(2, 10, 9, 0)];
    riscv_hits(&reserve, rv::amo(3, 10, 9, 11), (AT, 4, Write), AT); // sc.w
    // A constant beside the code, and a device.
    let flash = [rv::lui(12, rv::FLASH)];
    riscv_hits(
        &flash,
        rv::load(2, 10, 12, 4),
        (rv::FLASH + 4, 4, Read),
        rv::FLASH + 4,
    );
    let device = [rv::lui(12, rv::DEVICE)];
    riscv_hits(
        &device,
        rv::store(2, 10, 12, 8),
        (rv::DEVICE + 8, 4, Write),
        rv::DEVICE + 8,
    );
    // sc.w without a reservation
    let mut m = riscv(CoreKind::Rv32, &[rv::amo(3, 10, 9, 11)]);
    watch(&mut m, AT, 4, Access);
    assert_eq!(m.run_until(END), Stop::Limit);
}

#[test]
fn a_riscv_step_ends_in_the_handler_of_a_trap() {
    let mut m = riscv(CoreKind::E31, &[rv::ECALL]);
    m.add_breakpoint(rv::FLASH + 12);
    assert_eq!(m.run_until(END), Stop::Breakpoint);
    let before = m.instructions();
    assert_eq!(m.step(), Stop::Stepped);
    assert_eq!(m.riscv_registers().unwrap().pc, rv::FLASH + 0x1000);
    assert_eq!(m.instructions(), before, "nothing was executed");
}
