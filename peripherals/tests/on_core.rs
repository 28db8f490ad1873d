//! The devices of the private peripheral bus seen by firmware on the real core.
#![allow(clippy::unwrap_used)]

use emu_core::cortex_m::{Architecture, System};
use emu_core::image::Image;
use emu_core::machine::{CoreKind, Machine, Options};
use emu_core::memory::MemoryKind;
use emu_core::{Binding, Bus, ClockTree, Cycles, IoWindow, Ratio, Width};

const MAIN: u32 = 0x200;
const DATA: u32 = 0x180;
const HANDLER: u32 = 0x1000;
const RAM: u32 = 0x2000_0000;

/// A Cortex-M4F with SysTick, NVIC, SCS and DWT that starts at [`MAIN`] with R4 to R7 to be loaded
/// from `data`; every exception goes to `handler`.
fn machine(single_step: bool, data: [u32; 4], main: &[u16], handler: &[u16]) -> Machine {
    let mut system = System::new(Architecture::V7EM, 4, 32);
    system.cpuid = 0x410F_C241;
    system.has_fpu = true;
    let mut bus = Bus::new(system, ClockTree::new("HCLK", Ratio::hz(100_000_000)));
    bus.memory.add("flash", MemoryKind::Flash, 0, 0x1_0000);
    bus.memory.add("ram", MemoryKind::Ram, RAM, 0x1_0000);
    bus.add_window(IoWindow {
        base: 0xE000_0000,
        size: 0x10_0000,
        holes_fault: false,
    });
    for (name, model, base, size) in [
        ("SYSTICK", "cortex_m.systick", 0xE000_E000, 0x100),
        ("NVIC", "cortex_m.nvic", 0xE000_E100, 0x400),
        ("SCS", "cortex_m.scs", 0xE000_ED00, 0x300),
        ("DWT", "cortex_m.dwt", 0xE000_1000, 0x1000),
    ] {
        let binding = Binding {
            name: name.to_owned(),
            base,
            size,
            ..Binding::default()
        };
        let device = peripherals::create(model, toml::Table::new()).unwrap();
        bus.add(binding, device);
    }
    let mut table = vec![RAM + 0x8000, MAIN | 1];
    table.resize(48, HANDLER | 1);
    let words = |w: &[u32]| w.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let halves = |h: &[u16]| h.iter().flat_map(|h| h.to_le_bytes()).collect::<Vec<u8>>();
    let start = [0x20C0, 0x0040, 0xC8F0]; // movs r0,#192; lsls r0,r0,#1; ldm r0!,{r4-r7}
    let code = [&start[..], main].concat();
    let segments = [
        (0, words(&table)),
        (DATA, words(&data)),
        (MAIN, halves(&code)),
        (HANDLER, halves(handler)),
    ];
    let mut flash = vec![0; 0x2000];
    for (address, bytes) in segments {
        flash[address as usize..][..bytes.len()].copy_from_slice(&bytes);
    }
    let mut machine = Machine::new(CoreKind::CortexM4f, bus, Options { single_step }).unwrap();
    machine
        .load(&Image::raw("test", 0, flash).unwrap())
        .unwrap();
    machine.reset();
    machine
}

fn ram(machine: &mut Machine, count: u32) -> Vec<u32> {
    (0..count)
        .map(|i| machine.bus_mut().peek(RAM + 4 * i, Width::Word).unwrap())
        .collect()
}

const NOP: u16 = 0xBF00;
const LOOP: u16 = 0xE7FE;
const BX_LR: u16 = 0x4770;

#[test]
fn a_systick_handler_sees_its_own_latency() {
    let mut main = vec![
        0x6065, // str r5,[r4,#4]  RVR
        0x60A5, // str r5,[r4,#8]  CVR
        0x6026, // str r6,[r4]     CSR
    ];
    main.extend([NOP; 600]);
    main.push(LOOP);
    let handler = [
        0x68A0, // ldr r0,[r4,#8]  CVR
        0x6821, // ldr r1,[r4]     CSR
        0xC703, // stm r7!,{r0,r1}
        BX_LR,
    ];
    for single_step in [false, true] {
        let data = [0xE000_E010, 99, 7, RAM];
        let mut m = machine(single_step, data, &main, &handler);
        m.run_until(Cycles(450));
        // Twelve cycles after the step to zero the counter reads 100 - 12, and the flag is up.
        let seen = ram(&mut m, 8);
        assert_eq!(seen, [88, 0x1_0007].repeat(4), "single step {single_step}");
    }
}

#[test]
fn cyccnt_measures_a_stretch_of_code() {
    let mut main = vec![
        0x6067, // str r7,[r4,#4]  CYCCNT = 0
        0x6026, // str r6,[r4]     CTRL.CYCCNTENA
        0x6860, // ldr r0,[r4,#4]
    ];
    main.extend([NOP; 50]);
    main.extend([
        0x6861, // ldr r1,[r4,#4]
        0x1A09, // subs r1,r1,r0
        0x6029, // str r1,[r5]
        LOOP,
    ]);
    let mut elapsed = Vec::new();
    for single_step in [false, true] {
        let data = [0xE000_1000, RAM, 1, 0];
        let mut m = machine(single_step, data, &main, &[LOOP]);
        let demcr = 0xE000_EDFC;
        m.bus_mut().write(demcr, Width::Word, 1 << 24).unwrap();
        m.run_until(Cycles(300));
        elapsed.push(ram(&mut m, 1)[0]);
    }
    assert_eq!(elapsed[0], elapsed[1]);
    // 50 NOPs, and one cycle for the first load: it absorbs the NOP behind it (DDI 0439B §3.3.3).
    assert_eq!(elapsed[0], 51);
}

#[test]
fn pendsv_is_taken_right_after_the_store_to_icsr() {
    let main = [
        0x6065, // str r5,[r4,#4]  ICSR.PENDSVSET
        0x2001, // movs r0,#1
        0x6038, // str r0,[r7]
        LOOP,
    ];
    let handler = [
        0x6860, // ldr r0,[r4,#4]  ICSR
        0x6839, // ldr r1,[r7]
        0x6078, // str r0,[r7,#4]
        0x60B9, // str r1,[r7,#8]
        BX_LR,
    ];
    for single_step in [false, true] {
        let data = [0xE000_ED00, 1 << 28, 0, RAM];
        let mut m = machine(single_step, data, &main, &handler);
        m.run_until(Cycles(200));
        let seen = ram(&mut m, 3);
        assert_eq!(seen[0], 1, "the thread goes on");
        assert_eq!(seen[1], 1 << 11 | 14, "RETTOBASE, VECTACTIVE");
        assert!(seen[2] <= 1);
    }
}

#[test]
fn vectpending_knows_the_masks_of_the_core() {
    let main = [
        0x2040, // movs r0,#0x40
        0xF380, 0x8811, // msr BASEPRI,r0
        0x6065, // str r5,[r4,#4]     ICSR.PENDSVSET, masked by BASEPRI
        0x6860, // ldr r0,[r4,#4]
        0x6038, // str r0,[r7]
        0x2000, // movs r0,#0
        0xF380, 0x8810, // msr PRIMASK,r0
        0xB672, // cpsid i
        0xF380, 0x8811, // msr BASEPRI,r0
        0x6860, // ldr r0,[r4,#4]
        0x6078, // str r0,[r7,#4]
        LOOP,
    ];
    for single_step in [false, true] {
        let data = [0xE000_ED00, 1 << 28, 0, RAM];
        let mut m = machine(single_step, data, &main, &[LOOP]);
        m.bus_mut().system.set_priority_byte(14, 0x80);
        m.run_until(Cycles(200));
        assert_eq!(ram(&mut m, 2), [1 << 28, 1 << 28 | 14 << 12]);
    }
}

#[test]
fn a_reset_from_firmware_starts_again() {
    let main = [
        0x683A, // ldr r2,[r7]
        0x3201, // adds r2,#1
        0x603A, // str r2,[r7]
        0x60E5, // str r5,[r4,#12]  AIRCR
        LOOP,
    ];
    let data = [0xE000_ED00, 0x05FA_0004, 0, RAM];
    let mut m = machine(false, data, &main, &[LOOP]);
    m.run_until(Cycles(1000));
    let starts = ram(&mut m, 1)[0];
    assert!(starts > 3, "{starts} starts");
}
