//! USART timing and flags.

#![allow(clippy::unwrap_used)]

mod stm32_bench;

use emu_core::{Access, Bus, DeviceId, Width};
use stm32_bench::*;

const U: u32 = 0x4000_4400;
const SR: u32 = U;
const DR: u32 = U + 0x04;
const BRR: u32 = U + 0x08;
const CR1: u32 = U + 0x0C;
const CR2: u32 = U + 0x10;
const CR3: u32 = U + 0x14;
const REC: u32 = 0x5000_0000;

const PE: u32 = 1 << 0;
const FE: u32 = 1 << 1;
const ORE: u32 = 1 << 3;
const IDLE: u32 = 1 << 4;
const RXNE: u32 = 1 << 5;
const TC: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
const UE_TE_RE: u32 = 1 << 13 | 1 << 3 | 1 << 2;
/// 8N1 at 16 MHz / 139.
const FRAME: u64 = 10 * 139;

fn usart() -> (Bus, DeviceId) {
    let mut b = bus();
    let id = add(&mut b, "USART2", "stm32.usart.v1", "", U);
    reset(&mut b);
    (b, id)
}

/// On at 16 MHz / 139, after the preamble.
fn on(cr1: u32, cr2: u32) -> Bus {
    let (mut b, _) = usart();
    start(&mut b, U, cr1, cr2);
    b
}

fn start(b: &mut Bus, base: u32, cr1: u32, cr2: u32) {
    w(b, base + 8, 0x8B);
    w(b, base + 0x10, cr2);
    w(b, base + 0xC, UE_TE_RE | cr1);
    wait(b, 2000);
}

#[test]
fn reset_values_and_names() {
    let (mut b, _) = usart();
    assert_eq!(r(&mut b, SR), TXE | TC);
    for o in (4..0x1C).step_by(4) {
        assert_eq!(r(&mut b, U + o), 0);
    }
    assert_eq!(b.register_name(U + 8), "USART2.BRR");
}

#[test]
fn a_byte_takes_ten_bits_and_no_cycle_more() {
    let mut b = on(0, 0);
    let t0 = at(&b);
    r(&mut b, SR);
    w(&mut b, DR, b'A'.into());
    // The byte moves to the shift register at once.
    assert_eq!(r(&mut b, SR) & (TXE | TC), TXE);
    wait(&mut b, FRAME - 1);
    assert_eq!((r(&mut b, SR) & TC, b.take_sent(0)), (0, vec![]));
    wait(&mut b, 1);
    assert_eq!((r(&mut b, SR) & TC, b.take_sent(0)), (TC, b"A".to_vec()));
    assert_eq!(at(&b), t0 + FRAME);
}

#[test]
fn the_second_byte_waits_in_dr_and_follows_without_a_gap() {
    let mut b = on(0, 0);
    let t0 = at(&b);
    r(&mut b, SR);
    w(&mut b, DR, 1);
    wait(&mut b, 100);
    w(&mut b, DR, 2);
    assert_eq!(r(&mut b, SR) & (TXE | TC), 0);
    assert_eq!(when(&mut b, SR, TXE, 5000), t0 + FRAME);
    assert_eq!(when(&mut b, SR, TC, 5000), t0 + 2 * FRAME);
    assert_eq!(b.take_sent(0), [1, 2]);
}

#[test]
fn a_preamble_comes_before_the_first_byte() {
    let (mut b, _) = usart();
    w(&mut b, BRR, 0x8B);
    w(&mut b, CR1, UE_TE_RE);
    r(&mut b, SR);
    w(&mut b, DR, 1);
    assert_eq!(r(&mut b, SR) & (TXE | TC), 0);
    assert_eq!(when(&mut b, SR, TXE, 5000), FRAME);
    assert_eq!(when(&mut b, SR, TC, 5000), 2 * FRAME);
}

#[test]
fn tx_moves_bit_by_bit_and_is_released_when_off() {
    let (mut b, id) = usart();
    record(&mut b, id, 0, REC);
    start(&mut b, U, 0, 0);
    let t0 = at(&b);
    w(&mut b, DR, 0x0F);
    wait(&mut b, 2 * FRAME);
    w(&mut b, CR1, 0);
    let bit = |n: u64| t0 + n * 139;
    assert_eq!(
        recorded(&mut b, REC),
        [
            (1, 0),
            (0, bit(0)),
            (1, bit(1)),
            (0, bit(5)),
            (1, bit(9)),
            (2, t0 + 2 * FRAME)
        ]
    );
}

#[test]
fn lengths_of_frames() {
    // M, PCE, PS in CR1; STOP in CR2; length in half bits.
    for (cr1, cr2, halves) in [
        (0, 0, 20),
        (1 << 12, 0, 22),
        (1 << 12 | 1 << 10, 2 << 12, 24),
        (0, 1 << 12, 19),
        (0, 3 << 12, 21),
    ] {
        let mut b = on(cr1, cr2);
        let t0 = at(&b);
        r(&mut b, SR);
        w(&mut b, DR, 0x55);
        let end = when(&mut b, SR, TC, 5000);
        assert_eq!(end - t0, halves * 139 / 2, "{cr1:#x} {cr2:#x}");
    }
}

#[test]
fn oversampling_by_8() {
    let (mut b, _) = usart();
    w(&mut b, BRR, 0x113); // 8 * 17 + 3 = 139
    w(&mut b, CR1, UE_TE_RE | 1 << 15);
    wait(&mut b, FRAME);
    r(&mut b, SR);
    w(&mut b, DR, 0);
    assert_eq!(when(&mut b, SR, TC, 5000), 2 * FRAME);
}

#[test]
fn a_clock_change_stretches_the_rest_of_a_frame() {
    let mut b = on(0, 0);
    let pclk = b.clocks.find("PCLK1").unwrap();
    let t0 = at(&b);
    r(&mut b, SR);
    w(&mut b, DR, 0);
    wait(&mut b, 390);
    // The kernel clock halves, the core does not; the bus tells devices after the next call.
    let now = b.now;
    b.clocks.set_hz(pclk, emu_core::Ratio::hz(8_000_000), now);
    r(&mut b, CR2);
    assert_eq!(when(&mut b, SR, TC, 5000), t0 + 390 + 2 * (FRAME - 390));
}

#[test]
fn host_bytes_take_their_frames() {
    let mut b = on(1 << 5, 0); // RXNEIE
    let t0 = at(&b);
    b.serial_in(0, b"xy");
    assert_eq!(when(&mut b, SR, RXNE, 5000), t0 + FRAME);
    assert!(b.system.line(16));
    assert_eq!(r(&mut b, DR), u32::from(b'x'));
    assert!(!b.system.line(16));
    assert_eq!(when(&mut b, SR, RXNE, 5000), t0 + 2 * FRAME);
    assert_eq!(b.read(DR, Width::Byte).unwrap(), u32::from(b'y'));
    // Idle for one frame: IDLE, once; cleared by SR, then DR.
    assert_eq!(when(&mut b, SR, IDLE, 5000), t0 + 3 * FRAME);
    r(&mut b, DR);
    assert_eq!(r(&mut b, SR) & IDLE, IDLE);
    r(&mut b, DR);
    assert_eq!(r(&mut b, SR) & IDLE, 0);
    wait(&mut b, 5 * FRAME);
    assert_eq!(r(&mut b, SR) & IDLE, 0);
}

#[test]
fn an_overrun_keeps_the_older_byte() {
    let mut b = on(1 << 5, 0);
    b.serial_in(0, b"abc");
    wait(&mut b, 3 * FRAME);
    assert_eq!(r(&mut b, SR) & (RXNE | ORE), RXNE | ORE);
    assert_eq!(r(&mut b, DR), u32::from(b'a'));
    assert_eq!(r(&mut b, SR) & (RXNE | ORE), 0);
    assert!(!b.system.line(16));
}

#[test]
fn bytes_to_a_receiver_that_is_off_are_lost() {
    let (mut b, _) = usart();
    b.serial_in(0, b"lost");
    start(&mut b, U, 0, 0);
    wait(&mut b, 10 * FRAME);
    assert_eq!(r(&mut b, SR) & RXNE, 0);
    assert!(misused(&b, "are lost"));
}

#[test]
fn no_baud_rate_hangs_nobody() {
    let (mut b, _) = usart();
    w(&mut b, CR1, UE_TE_RE);
    w(&mut b, DR, 1);
    wait(&mut b, 1_000_000);
    assert_eq!(r(&mut b, SR) & TXE, 0);
    assert!(misused(&b, "BRR"));
    // It goes on when BRR comes.
    w(&mut b, BRR, 0x10);
    wait(&mut b, 2 * 160);
    assert_eq!(b.take_sent(0), [1]);
}

#[test]
fn interrupts_and_dma_requests() {
    let (mut b, id) = usart();
    record(&mut b, id, 2, REC); // dma_tx
    record(&mut b, id, 3, REC + 0x1000); // dma_rx
    start(&mut b, U, 1 << 7, 0); // TXEIE
    assert!(b.system.line(16));
    w(&mut b, CR1, UE_TE_RE);
    assert!(!b.system.line(16));
    w(&mut b, CR3, 1 << 7 | 1 << 6);
    w(&mut b, DR, 1);
    w(&mut b, DR, 2);
    b.serial_in(0, b"z");
    wait(&mut b, FRAME);
    r(&mut b, DR);
    let t = 2000;
    assert_eq!(
        recorded(&mut b, REC),
        [(1, t), (0, t), (1, t + FRAME)],
        "request while DR is empty"
    );
    assert_eq!(
        recorded(&mut b, REC + 0x1000),
        [(1, t + FRAME), (0, t + FRAME)]
    );
}

#[test]
fn status_bits_are_cleared_by_writing_zero() {
    let mut b = on(1 << 6, 0); // TCIE
    assert!(b.system.line(16));
    w(&mut b, SR, !TC);
    assert_eq!(r(&mut b, SR), TXE);
    assert!(!b.system.line(16));
}

#[test]
fn two_ports_talk_over_their_pins() {
    let mut b = bus();
    let a = add(&mut b, "USART2", "stm32.usart.v1", "", U);
    let c = add(&mut b, "USART3", "stm32.usart.v1", "", U + 0x400);
    b.connect(a, 0, c, 0);
    reset(&mut b);
    start(&mut b, U + 0x400, 1 << 10, 0); // expects even parity
    start(&mut b, U, 1 << 10, 0);
    let t0 = at(&b);
    w(&mut b, DR, b'C'.into());
    // Complete in the middle of the stop bit.
    let t = when(&mut b, U + 0x400, RXNE, 5000);
    assert_eq!(t - t0, 9 * 139 + 139 / 2);
    assert_eq!(r(&mut b, U + 0x400) & (PE | FE), 0);
    assert_eq!(r(&mut b, U + 0x404), 0xC3);
    wait(&mut b, 139);
    // With odd parity on one side only the other side complains.
    w(&mut b, CR1, UE_TE_RE | 3 << 9);
    w(&mut b, DR, b'C'.into());
    wait(&mut b, FRAME);
    assert_eq!(r(&mut b, U + 0x400) & (PE | RXNE), PE | RXNE);
    r(&mut b, U + 0x404);
    assert_eq!(r(&mut b, U + 0x400) & PE, 0);
    // A break has no stop bit where one is due.
    w(&mut b, CR1, UE_TE_RE | 1);
    wait(&mut b, 2 * FRAME);
    assert_eq!(r(&mut b, U + 0x400) & (FE | RXNE), FE | RXNE);
    assert_eq!(r(&mut b, CR1) & 1, 0, "SBK is reset by hardware");
}

#[test]
fn flow_control() {
    let (mut b, id) = usart();
    record(&mut b, id, 1, REC); // RTS
    let driver = b.add(
        emu_core::Binding {
            name: "SYSCFG".to_owned(),
            base: REC + 0x2000,
            size: 0x400,
            ..Default::default()
        },
        peripherals::create("stm32.syscfg.f4", Default::default()).unwrap(),
    );
    b.connect(driver, 0, id, 1); // EXTICR1 as nCTS
    start(&mut b, U, 0, 0);
    w(&mut b, REC + 0x2008, 1);
    w(&mut b, CR3, 3 << 8);
    w(&mut b, DR, 1);
    wait(&mut b, 2 * FRAME);
    assert_eq!(b.take_sent(0), []);
    w(&mut b, REC + 0x2008, 0);
    assert_eq!(r(&mut b, SR) & 1 << 9, 1 << 9);
    wait(&mut b, FRAME);
    assert_eq!(b.take_sent(0), [1]);
    b.serial_in(0, b"q");
    wait(&mut b, FRAME);
    r(&mut b, DR);
    let levels: Vec<u32> = recorded(&mut b, REC).iter().map(|x| x.0).collect();
    assert_eq!(levels, [1, 0]);
}

#[test]
fn a_bare_machine_needs_no_set_up() {
    let mut b = bus();
    add(&mut b, "UART", "stm32.usart.v1", "no_setup = true", U);
    reset(&mut b);
    w(&mut b, DR, b'h'.into());
    w(&mut b, DR, b'i'.into());
    assert_eq!(b.take_sent(0), b"hi");
    assert_eq!(r(&mut b, SR) & (TXE | TC), TXE | TC);
    b.serial_in(0, b"yo");
    assert_eq!(r(&mut b, SR) & RXNE, RXNE);
    assert_eq!(r(&mut b, DR), u32::from(b'y'));
    assert_eq!(r(&mut b, DR), u32::from(b'o'));
    assert_eq!(r(&mut b, SR) & RXNE, 0);
}

#[test]
fn unmodelled_modes_are_told_and_polling_is_cheap() {
    let mut b = on(0, 0);
    w(&mut b, CR3, 1 << 3);
    assert!(b.notices.unmodelled().any(|n| n.what.contains("HDSEL")));
    assert_eq!(b.access_kind(SR, false), Access::Plain);
    assert_eq!(b.access_kind(DR, false), Access::Sync);
    assert_eq!(b.access_kind(DR, true), Access::Sync);
}

#[test]
fn a_debugger_changes_nothing() {
    let mut b = on(0, 0);
    b.serial_in(0, b"a");
    wait(&mut b, FRAME);
    let before = b.save_devices();
    b.peek(SR, Width::Word).unwrap();
    assert_eq!(b.peek(DR, Width::Word), Ok(u32::from(b'a')));
    assert_eq!(b.save_devices(), before);
}
