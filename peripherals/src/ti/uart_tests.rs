use super::*;
use crate::cortex_m::testing::Rig;
use emu_core::ResetCause;

const BASE: u32 = 0x4000_C000;
/// IRQ 0 of the rig.
const IRQ: u16 = 16;
const EIGHT_BITS: u32 = 0x60;
/// 10 bits at a divisor of 2: 32 cycles a bit.
const CHARACTER: u64 = 320;

/// An enabled UART with 8N1 at 32 cycles a bit.
fn rig(lcrh: u32) -> Rig {
    let mut r = Rig::m4();
    r.add("ti.uart", BASE, "");
    r.write(CTL, 0);
    r.write(IBRD, 2);
    r.write(FBRD, 0);
    r.write(LCRH, EIGHT_BITS | lcrh);
    r.write(CTL, CTL_UARTEN | CTL_TXE | CTL_RXE);
    r
}

#[test]
fn reset_values() {
    let mut r = Rig::m4();
    r.add("ti.uart", BASE, "");
    assert_eq!((r.read(FR), r.read(CTL), r.read(IFLS)), (0x90, 0x300, 0x12));
    assert_eq!(
        (r.read(0xFE0), r.read(0xFE8), r.read(0xFFC)),
        (0x11, 0x18, 0xB1)
    );
}

#[test]
fn a_character_leaves_after_ten_bits() {
    let mut r = rig(0);
    r.at(1000).write(DR, u32::from(b'A'));
    assert_eq!(
        r.read(FR),
        FR_TXFE | FR_RXFE | FR_BUSY,
        "already in the shift register"
    );
    r.write(DR, u32::from(b'B'));
    assert_eq!(r.read(FR), FR_TXFF | FR_RXFE | FR_BUSY);
    r.at(1000 + CHARACTER - 1);
    assert!(r.bus.take_sent(0).is_empty());
    r.at(1000 + CHARACTER);
    assert_eq!(r.bus.take_sent(0), b"A");
    r.at(1000 + 2 * CHARACTER);
    assert_eq!(r.bus.take_sent(0), b"B");
    assert_eq!(r.read(FR), FR_TXFE | FR_RXFE);
}

#[test]
fn the_fractional_divisor_is_exact_over_a_burst() {
    let mut r = Rig::m4();
    r.add("ti.uart", BASE, "");
    // 1 + 27/64: a bit has 22.75 cycles.
    r.write(IBRD, 1);
    r.write(FBRD, 27);
    r.write(LCRH, EIGHT_BITS | LCRH_FEN);
    r.write(CTL, CTL_UARTEN | CTL_TXE);
    for _ in 0..3 {
        r.write(DR, 0x55);
    }
    // 227.5, 455 and 682.5 cycles, rounded up to the cycle.
    let mut at = Vec::new();
    for c in 1..=700 {
        r.at(c);
        if !r.bus.take_sent(0).is_empty() {
            at.push(c);
        }
    }
    assert_eq!(at, [228, 455, 683]);
}

#[test]
fn a_divisor_counts_from_the_write_to_lcrh() {
    let mut r = rig(0);
    r.write(IBRD, 4);
    r.write(DR, 0x41);
    r.at(CHARACTER);
    assert_eq!(r.bus.take_sent(0), b"A");
    r.write(LCRH, EIGHT_BITS);
    r.write(DR, 0x42);
    r.at(CHARACTER + 639);
    assert!(r.bus.take_sent(0).is_empty());
    r.at(CHARACTER + 640);
    assert_eq!(r.bus.take_sent(0), b"B");
}

#[test]
fn fifo_holds_sixteen_behind_the_shift_register() {
    let mut r = rig(LCRH_FEN);
    for i in 0..17 {
        assert_eq!(r.read(FR) & FR_TXFF, 0, "{i}");
        r.write(DR, i);
    }
    assert_eq!(r.read(FR) & FR_TXFF, FR_TXFF);
    r.write(DR, 99);
    assert!(r.noted("DR"));
    r.at(17 * CHARACTER);
    assert_eq!(r.bus.take_sent(0), (0..17).collect::<Vec<u8>>());
}

#[test]
fn transmit_interrupt_on_the_way_down() {
    let mut r = rig(LCRH_FEN);
    r.write(IFLS, 0x12); // half
    r.write(IM, INT_TX);
    for i in 0..10 {
        r.write(DR, i);
    }
    assert_eq!(r.read(MIS), 0, "nine in the FIFO");
    r.at(CHARACTER - 1);
    assert!(!r.pending(IRQ));
    r.at(CHARACTER);
    assert!(r.pending(IRQ));
    assert_eq!(r.read(MIS), INT_TX);
    r.write(DR, 1);
    assert_eq!(r.read(RIS), 0, "above the level again");
    r.at(2 * CHARACTER);
    r.write(ICR, INT_TX);
    assert_eq!(r.read(RIS), 0);
}

#[test]
fn without_fifos_the_interrupt_comes_when_the_holding_register_empties() {
    let mut r = rig(0);
    r.write(DR, 1);
    assert_eq!(r.read(RIS), INT_TX);
    r.write(DR, 2);
    assert_eq!(r.read(RIS), 0);
    r.at(CHARACTER);
    assert_eq!(r.read(RIS), INT_TX);
}

#[test]
fn reception_at_the_baud_rate() {
    let mut r = rig(0);
    r.write(IM, INT_RX);
    r.at(50);
    r.bus.serial_in(0, b"Hi");
    r.at(50 + CHARACTER - 1);
    assert_eq!(r.read(FR) & FR_RXFE, FR_RXFE);
    r.at(50 + CHARACTER);
    assert!(r.pending(IRQ));
    assert_eq!(r.read(FR) & (FR_RXFE | FR_RXFF), FR_RXFF);
    assert_eq!(r.peek(DR), u32::from(b'H'), "a debugger takes nothing");
    assert_eq!(r.read(DR), u32::from(b'H'));
    assert_eq!(r.read(RIS), 0);
    r.at(50 + 2 * CHARACTER);
    assert_eq!(r.read(DR), u32::from(b'i'));
}

#[test]
fn overrun_keeps_the_old_character() {
    let mut r = rig(0);
    r.bus.serial_in(0, b"ab");
    r.at(2 * CHARACTER);
    assert_eq!(r.read(RIS) & INT_OE, INT_OE);
    assert_eq!(r.read(RSR), RSR_OE);
    assert_eq!(r.read(DR), u32::from(DR_OE) | u32::from(b'a'));
    assert_eq!(r.read(FR) & FR_RXFE, FR_RXFE);
    r.write(RSR, 0);
    assert_eq!(r.read(RSR), 0);
}

#[test]
fn fifo_level_and_timeout() {
    let mut r = rig(LCRH_FEN);
    r.write(IFLS, 0); // RX at 1/8: two characters
    r.bus.serial_in(0, b"xyz");
    r.at(CHARACTER);
    assert_eq!(r.read(RIS), 0);
    r.at(2 * CHARACTER);
    assert_eq!(r.read(RIS), INT_RX);
    r.at(3 * CHARACTER + 32 * 32 - 1);
    assert_eq!(r.read(RIS), INT_RX);
    r.at(3 * CHARACTER + 32 * 32);
    assert_eq!(r.read(RIS), INT_RX | INT_RT);
    r.read(DR);
    assert_eq!(r.read(RIS), INT_RX | INT_RT);
    r.read(DR);
    assert_eq!(r.read(RIS), INT_RT);
    r.read(DR);
    assert_eq!(r.read(RIS), 0);
}

#[test]
fn host_bytes_wait_for_the_receiver() {
    let mut r = Rig::m4();
    r.add("ti.uart", BASE, "");
    r.bus.serial_in(0, b"q");
    r.at(5000);
    r.write(IBRD, 2);
    r.write(LCRH, EIGHT_BITS);
    r.write(CTL, CTL_UARTEN | CTL_RXE);
    r.at(5000 + CHARACTER);
    assert_eq!(r.read(DR), u32::from(b'q'));
}

#[test]
fn loop_back() {
    let mut r = rig(0);
    r.write(CTL, CTL_UARTEN | CTL_TXE | CTL_RXE | CTL_LBE);
    r.write(DR, 0x5A);
    r.at(CHARACTER);
    assert_eq!(r.read(DR), 0x5A);
}

#[test]
fn the_line_moves_bit_by_bit_when_something_listens() {
    let mut r = Rig::m4();
    // A button shows the level: `pressed` drives its pin high.
    let probe = r.add("ext.button", 0, "active = \"high\"");
    let uart = r.add("ti.uart", BASE, "");
    r.bus.connect(uart, 0, probe, 0);
    r.bus.reset_devices(ResetCause::PowerOn);
    let pin = r.bus.nets.find("pin").expect("bound");
    assert!(r.bus.nets.level(pin), "idle");
    r.write(IBRD, 2);
    r.write(LCRH, EIGHT_BITS);
    r.write(CTL, CTL_UARTEN | CTL_TXE);
    r.write(DR, 0x0F);
    let levels: String = (0..11)
        .map(|bit| {
            r.at(32 * bit);
            let before = r.bus.nets.level(pin);
            r.at(32 * bit + 31);
            assert_eq!(r.bus.nets.level(pin), before, "bit {bit} is steady");
            if before { '1' } else { '0' }
        })
        .collect();
    assert_eq!(levels, "01111000011");
}

#[test]
fn a_clock_change_in_the_middle_of_a_character() {
    let mut r = Rig::m4();
    let ker = r.bus.clocks.add("ker", Ratio::hz(168_000_000));
    r.add("ti.uart", BASE, "");
    r.write(IBRD, 2);
    r.write(LCRH, EIGHT_BITS);
    r.write(CTL, CTL_UARTEN | CTL_TXE);
    r.write(DR, 0x41);
    r.at(160); // half of it has gone
    r.bus.clocks.set_hz(ker, Ratio::hz(84_000_000), Cycles(160));
    r.read(FR); // the next call delivers the change
    r.at(160 + 319);
    assert!(r.bus.take_sent(0).is_empty());
    r.at(160 + 320);
    assert_eq!(r.bus.take_sent(0), b"A");
}

#[test]
fn without_setup_nothing_leaves_unless_asked_for() {
    let mut r = Rig::m4();
    r.add("ti.uart", BASE, "");
    r.write(DR, 0x41);
    r.at(1_000_000);
    assert!(r.bus.take_sent(0).is_empty());
    assert_eq!(r.read(FR) & FR_BUSY, FR_BUSY);

    let mut r = Rig::m4();
    r.add("ti.uart", BASE, "no_setup = true");
    r.write(DR, 0x41);
    r.write(DR, 0x42);
    assert_eq!(r.bus.take_sent(0), b"AB");
    assert_eq!(r.read(FR), FR_TXFE | FR_RXFE);
    r.bus.serial_in(0, b"xy");
    assert_eq!((r.read(DR), r.read(DR)), (0x78, 0x79));
    assert_eq!(r.read(FR) & FR_RXFE, FR_RXFE);
    // Once the firmware sets a baud rate, time passes.
    r.write(IBRD, 2);
    r.write(LCRH, EIGHT_BITS);
    r.write(DR, 0x43);
    assert!(r.bus.take_sent(0).is_empty());
    r.at(CHARACTER);
    assert_eq!(r.bus.take_sent(0), b"C");
}
