//! DMA: streams against a device that records, with exact cycles. A beat with one memory access takes
//! 5 + 4 cycles here.
#![allow(clippy::unwrap_used)]

mod tim_rig;

use emu_core::Width;
use tim_rig::{PROBE, RAM, Rig};

const DMA: u32 = 0x4002_6000;
const LISR: u32 = DMA;
const HISR: u32 = DMA + 4;
const LIFCR: u32 = DMA + 8;
const IRQ: u16 = 16 + 11;
const BEAT: u64 = 9;

const EN: u32 = 1;
const HTIE: u32 = 1 << 3;
const TCIE: u32 = 1 << 4;
const M2P: u32 = 1 << 6;
const M2M: u32 = 2 << 6;
const CIRC: u32 = 1 << 8;
const PINC: u32 = 1 << 9;
const MINC: u32 = 1 << 10;
const PHALF: u32 = 1 << 11;
const PWORD: u32 = 2 << 11;
const MWORD: u32 = 2 << 13;
const DBM: u32 = 1 << 18;
const CT: u32 = 1 << 19;

const HT0: u32 = 1 << 4;
const TC0: u32 = 1 << 5;
const TE0: u32 = 1 << 3;

fn cr(s: u32) -> u32 {
    DMA + 0x10 + 0x18 * s
}

/// The probe's outputs 0..8 are the requests of channel 0 of the streams, output 8 is s0.c4.
fn rig(params: &str) -> Rig {
    let mut r = Rig::new(168_000_000, 84_000_000);
    let dma = r.add("stm32.dma.v2", params, DMA, IRQ);
    for s in 0..8 {
        r.bus.connect(r.probe, s, dma, 8 * s);
    }
    r.bus.connect(r.probe, 8, dma, 4);
    r.start();
    r
}

/// Program a stream: items, peripheral and memory address.
fn program(r: &mut Rig, s: u32, items: u32, peripheral: u32, memory: u32) {
    r.write(cr(s) + 4, items)
        .write(cr(s) + 8, peripheral)
        .write(cr(s) + 0xC, memory);
}

fn words(r: &mut Rig, from: u32, n: u32) -> Vec<u32> {
    (0..n).map(|i| r.read(from + 4 * i)).collect()
}

#[test]
fn memory_to_peripheral_runs_while_the_request_is_up() {
    let mut r = rig("");
    for i in 0..4 {
        r.write(RAM + 4 * i, 0x100 + i);
    }
    program(&mut r, 0, 4, PROBE + 0x3C, RAM);
    r.at(50).write(cr(0), M2P | MINC | PWORD | TCIE | EN);
    assert_eq!(r.at(90).read(cr(0) + 4), 4, "no request yet");
    r.at(100).write(PROBE, 1).at(100 + 2 * BEAT);
    assert_eq!(r.read(cr(0) + 4), 2);
    assert_eq!(r.read(LISR), HT0);
    r.at(500);
    let writes = r.writes.lock().unwrap().clone();
    let expected: Vec<_> = (0..4)
        .map(|i| (100 + BEAT * (i + 1), 15, 0x100 + i as u32))
        .collect();
    assert_eq!(writes[1..], expected);
    assert_eq!(r.read(cr(0)) & EN, 0);
    assert_eq!(r.read(LISR), HT0 | TC0);
    assert_eq!(u64::from(r.bus.system.line(IRQ)), 1);
    r.write(LIFCR, TC0);
    assert!(!r.bus.system.line(IRQ));
    assert_eq!(r.read(LISR), HT0);
}

#[test]
fn peripheral_to_memory_one_item_for_each_pulse() {
    let mut r = rig("");
    program(&mut r, 1, 3, PROBE + 0x3C, RAM);
    r.write(PROBE + 0x3C, 0x41); // reads give 0x41, 0x42, ...
    r.write(cr(1), MINC | TCIE | EN);
    for i in 0..3u32 {
        r.at(100 + 20 * u64::from(i)).write(PROBE + 4, 2);
        r.at(100 + 20 * u64::from(i) + BEAT - 1);
        assert_eq!(r.read(cr(1) + 4), 3 - i);
        r.at(100 + 20 * u64::from(i) + BEAT);
        assert_eq!(r.read(cr(1) + 4), 2 - i);
    }
    assert_eq!(r.read(RAM), 0x0043_4241);
    assert_eq!(r.irq_at(IRQ + 1, 200), Some(140 + BEAT));
    assert_eq!(r.read(LISR), TC0 << 6 | HT0 << 6);
}

#[test]
fn circular_with_half_transfer_interrupts() {
    let mut r = rig("");
    for i in 0..4 {
        r.write(RAM + 4 * i, i);
    }
    program(&mut r, 0, 4, PROBE + 0x3C, RAM);
    r.write(cr(0), M2P | MINC | PWORD | CIRC | HTIE | TCIE | EN);
    r.at(1000).write(PROBE, 1);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let at = r.irq_at(IRQ, 5000).unwrap();
        seen.push((at - 1000, r.read(LISR)));
        r.write(LIFCR, 0x3D);
    }
    let half = 2 * BEAT;
    assert_eq!(
        seen,
        [
            (half, HT0),
            (2 * half, TC0),
            (3 * half, HT0),
            (4 * half, TC0)
        ]
    );
    assert_eq!(r.read(cr(0)) & EN, EN);
    assert_eq!(r.read(cr(0) + 4), 4, "reloaded");
    let writes: Vec<u32> = r.writes.lock().unwrap()[1..].iter().map(|w| w.2).collect();
    assert_eq!(writes, [0, 1, 2, 3, 0, 1, 2, 3]);
}

#[test]
fn double_buffer_changes_sides() {
    let mut r = rig("");
    program(&mut r, 0, 2, PROBE + 0x3C, RAM);
    r.write(cr(0) + 0x10, RAM + 0x100); // M1AR
    r.write(PROBE + 0x3C, 7);
    r.write(cr(0), MINC | PWORD | MWORD | DBM | EN);
    r.write(PROBE, 1).at(2 * BEAT);
    assert_eq!(r.read(cr(0)) & CT, CT);
    // The idle buffer may be changed, the one in use may not.
    r.write(cr(0) + 0xC, RAM + 0x200);
    r.at(6 * BEAT).write(PROBE, 0);
    assert_eq!(words(&mut r, RAM, 2), [7, 8]);
    assert_eq!(words(&mut r, RAM + 0x100, 2), [9, 10]);
    assert_eq!(words(&mut r, RAM + 0x200, 2), [11, 12]);
    assert_eq!(
        (r.read(cr(0)) & (CT | EN), r.read(LISR) & TE0),
        (CT | EN, 0)
    );
    r.write(cr(0) + 0x10, RAM);
    assert_eq!((r.read(cr(0)) & EN, r.read(LISR) & TE0), (0, TE0));
}

#[test]
fn memory_to_memory() {
    let mut r = rig("memory_to_memory = true");
    for i in 0..8 {
        r.write(RAM + 4 * i, 0x1111_0000 * i + i);
    }
    program(&mut r, 7, 8, RAM, RAM + 0x1000);
    r.at(10)
        .write(cr(7), M2M | PINC | MINC | PWORD | MWORD | TCIE | EN);
    assert_eq!(r.irq_at(IRQ + 7, 1000), Some(10 + 8 * BEAT));
    let from = words(&mut r, RAM, 8);
    assert_eq!(words(&mut r, RAM + 0x1000, 8), from);
    assert_eq!(r.read(HISR), (HT0 | TC0) << 22);
}

#[test]
fn memory_to_memory_needs_a_controller_that_can() {
    let mut r = rig("");
    program(&mut r, 0, 8, RAM, RAM + 0x1000);
    r.write(cr(0), M2M | PINC | MINC | EN);
    assert_eq!(r.at(10_000).read(cr(0) + 4), 8);
    assert_eq!(r.bus.notices.all().len(), 1);
}

#[test]
fn packing_and_unpacking() {
    // Bytes from the peripheral to words in memory, through the FIFO.
    let mut r = rig("");
    program(&mut r, 0, 8, PROBE + 0x3C, RAM);
    r.write(PROBE + 0x3C, 0x10);
    r.write(cr(0) + 0x14, 4); // DMDIS
    r.write(cr(0), MINC | MWORD | EN).write(PROBE, 1);
    assert_eq!(
        r.at(15).read(cr(0) + 4),
        5,
        "three beats without memory take 5 each"
    );
    assert_eq!(r.read(RAM), 0);
    assert_eq!(r.at(15 + 9).read(RAM), 0x1312_1110);
    r.at(1000);
    assert_eq!(r.read(RAM + 4), 0x1716_1514);
    // Words in memory to half-words at the peripheral.
    let mut r = rig("");
    r.write(RAM, 0xBBBB_AAAA);
    program(&mut r, 0, 2, PROBE + 0x3C, RAM);
    r.write(cr(0) + 0x14, 4);
    r.write(cr(0), M2P | MINC | PHALF | MWORD | EN)
        .write(PROBE, 1);
    r.at(1000);
    let writes = r.writes.lock().unwrap()[1..].to_vec();
    assert_eq!(writes, [(9, 15, 0xAAAA), (14, 15, 0xBBBB)]);
}

#[test]
fn priorities_decide_at_each_beat() {
    let mut r = rig("");
    for s in [0, 1, 2] {
        program(&mut r, s, 2, PROBE + 0x30 + 4 * s, RAM);
    }
    r.write(cr(0), M2P | EN).write(cr(1), M2P | EN);
    r.write(cr(2), M2P | 3 << 16 | EN);
    r.at(100).write(PROBE + 4, 1);
    r.at(101).write(PROBE, 1).write(PROBE + 8, 1).at(1000);
    let order: Vec<u16> = r.writes.lock().unwrap()[3..]
        .iter()
        .map(|w| w.1 - 12)
        .collect();
    // Stream 1 is under way when the others come; then the urgent one, then by number.
    assert_eq!(order, [1, 2, 2, 0, 0, 1]);
}

#[test]
fn a_bus_error_disables_the_stream() {
    let mut r = rig("unreachable = [{ base = 0x1000_0000, size = 0x1_0000 }]");
    for (s, memory) in [(0, 0x1000_0000), (1, 0x9000_0000)] {
        program(&mut r, s, 4, PROBE + 0x3C, memory);
        r.write(cr(s), MINC | 1 << 2 | EN).write(PROBE + 4 * s, 1);
        let now = r.bus.now.0;
        r.at(now + 100);
        assert_eq!(r.read(cr(s)) & EN, 0);
        assert_eq!(r.read(LISR) >> (6 * s) & 0x3D, TE0);
        assert!(r.bus.system.line(IRQ + s as u16));
    }
}

#[test]
fn disabling_in_the_middle_completes_the_beat_and_sets_tc() {
    let mut r = rig("");
    program(&mut r, 0, 10, PROBE + 0x3C, RAM);
    r.write(cr(0), M2P | MINC | EN).write(PROBE, 1);
    r.at(BEAT + 3).write(cr(0), M2P | MINC);
    assert_eq!(r.read(cr(0)) & EN, EN, "until the beat is done");
    assert_eq!(r.at(2 * BEAT).read(cr(0)) & EN, 0);
    assert_eq!((r.read(cr(0) + 4), r.read(LISR)), (8, TC0));
    assert_eq!(r.at(1000).read(cr(0) + 4), 8);
}

#[test]
fn disabling_flushes_the_fifo_in_whole_items() {
    let mut r = rig("");
    program(&mut r, 0, 8, PROBE + 0x3C, RAM);
    r.write(RAM, u32::MAX).write(PROBE + 0x3C, 0x10);
    r.write(cr(0) + 0x14, 4); // DMDIS
    r.write(cr(0), MINC | MWORD | EN).write(PROBE, 1);
    r.at(11).write(PROBE, 0).at(20).write(cr(0), 0);
    assert_eq!(r.read(RAM), 0x0012_1110);
    assert_eq!((r.read(cr(0) + 4), r.read(LISR) & TC0), (5, TC0));
}

#[test]
fn an_access_that_takes_the_request_back_stops_the_beats() {
    let mut r = rig("");
    for (i, v) in [1, 1, 0, 1].into_iter().enumerate() {
        r.write(RAM + 4 * i as u32, v);
    }
    // The written value is the new level of the request, as the data register of a UART lowers it.
    program(&mut r, 0, 4, PROBE, RAM);
    r.write(cr(0), M2P | MINC | PWORD | EN).write(PROBE, 1);
    assert_eq!(r.at(1000).read(cr(0) + 4), 1);
    r.write(PROBE, 1);
    assert_eq!(r.at(1000 + BEAT).read(cr(0) + 4), 0);
}

#[test]
fn only_the_selected_channel_counts() {
    let mut r = rig("");
    program(&mut r, 0, 2, PROBE + 0x3C, RAM);
    r.write(cr(0), 4 << 25 | M2P | EN).write(PROBE, 1);
    assert_eq!(r.at(100).read(cr(0) + 4), 2);
    r.write(PROBE + 0x20, 1);
    assert_eq!(r.at(200).read(cr(0) + 4), 0);
}

#[test]
fn registers() {
    let mut r = rig("");
    assert_eq!(r.read(cr(3) + 0x14), 0x21);
    r.write(cr(3), !EN);
    assert_eq!(r.read(cr(3)), 0x0FEF_FFFE);
    r.write(LISR, u32::MAX);
    assert_eq!(r.read(LISR), 0);
    assert_eq!(
        r.bus.register_name(cr(5) + 0xC).rsplit('.').next(),
        Some("S5M0AR")
    );
}

#[test]
fn a_timer_update_feeds_a_port() {
    const TIM: u32 = 0x4000_0000;
    let mut r = Rig::new(168_000_000, 168_000_000);
    let dma = r.add("stm32.dma.v2", "", DMA, IRQ);
    let tim = r.add("stm32.tim", "enable_delay = 0", TIM, 70);
    r.bus.connect(tim, 5, dma, 8 * 2 + 3); // dma_up -> s2.c3
    r.start();
    for i in 0..3 {
        r.bus.write(RAM + i, Width::Byte, 0xA0 + i).unwrap();
    }
    program(&mut r, 2, 3, PROBE + 0x3C, RAM);
    r.write(cr(2), 3 << 25 | M2P | MINC | TCIE | EN);
    r.write(TIM + 0x2C, 99)
        .write(TIM + 0x0C, 1 << 8)
        .write(TIM, 1);
    assert_eq!(r.irq_at(IRQ + 2, 10_000), Some(300 + BEAT));
    let writes = r.writes.lock().unwrap().clone();
    let expected = [100, 200, 300].map(|c| (c + BEAT, 15, 0xA0 - 1 + c as u32 / 100));
    assert_eq!(writes, expected);
}

#[test]
fn a_dma_burst_of_a_timer_writes_several_registers() {
    const TIM: u32 = 0x4000_0000;
    let mut r = Rig::new(168_000_000, 168_000_000);
    let dma = r.add("stm32.dma.v2", "", DMA, IRQ);
    let tim = r.add("stm32.tim", "enable_delay = 0", TIM, 70);
    r.bus.connect(tim, 5, dma, 0);
    r.start();
    for i in 0..3 {
        r.write(RAM + 4 * i, 10 * (i + 1));
    }
    program(&mut r, 0, 3, TIM + 0x4C, RAM);
    r.write(cr(0), M2P | MINC | PWORD | MWORD | EN);
    r.write(TIM + 0x48, 2 << 8 | 13); // three transfers from CCR1 on
    r.write(TIM + 0x2C, 99)
        .write(TIM + 0x0C, 1 << 8)
        .write(TIM, 1);
    r.at(100 + 3 * BEAT);
    let ccr: Vec<u32> = (0..4).map(|i| r.read(TIM + 0x34 + 4 * i)).collect();
    assert_eq!(ccr, [10, 20, 30, 0]);
    assert_eq!(r.read(cr(0)) & EN, 0);
}

#[test]
fn a_snapshot_in_the_middle_of_a_beat_continues() {
    let start = || {
        let mut r = rig("memory_to_memory = true");
        for i in 0..8 {
            r.write(RAM + 4 * i, i + 1);
        }
        program(&mut r, 0, 8, RAM, RAM + 0x1000);
        r.write(cr(0), M2M | PINC | MINC | PWORD | MWORD | EN);
        r
    };
    let mut a = start();
    a.at(3 * BEAT + 2);
    let (saved, events) = (a.bus.save_devices(), a.bus.events.clone());
    let mut b = start();
    b.at(3 * BEAT + 2);
    b.write(DMA + 0x10, 0); // disturb it, then go back
    b.bus.load_devices(&saved).unwrap();
    b.bus.events = events;
    assert_eq!(b.at(8 * BEAT).read(LISR), a.at(8 * BEAT).read(LISR));
    assert_eq!(
        words(&mut b, RAM + 0x1000, 8),
        words(&mut a, RAM + 0x1000, 8)
    );
}

#[test]
fn wrong_parameters_are_told() {
    let e = peripherals::create("stm32.dma.v2", "m2m = true".parse().unwrap());
    assert!(e.err().unwrap().to_string().contains("m2m"));
}
