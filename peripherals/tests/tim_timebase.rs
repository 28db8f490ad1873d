//! Timers: time base, updates, interrupts, register access. Cycle numbers are computed by hand.
#![allow(clippy::unwrap_used)]

mod tim_rig;

use emu_core::{Ratio, Width};
use tim_rig::Rig;

const TIM: u32 = 0x4000_0000;
const CR1: u32 = TIM;
const DIER: u32 = TIM + 0x0C;
const SR: u32 = TIM + 0x10;
const EGR: u32 = TIM + 0x14;
const CNT: u32 = TIM + 0x24;
const PSC: u32 = TIM + 0x28;
const ARR: u32 = TIM + 0x2C;
const IRQ: u16 = 16 + 28;

/// A timer at half of the core's speed, as TIM2 is at 168 MHz.
fn half_speed(params: &str) -> Rig {
    let mut r = Rig::new(168_000_000, 84_000_000);
    r.add("stm32.tim", params, TIM, IRQ);
    r.start();
    r
}

/// A timer on the core clock that counts from the cycle of CEN.
fn full_speed(params: &str) -> Rig {
    let mut r = Rig::new(16_000_000, 16_000_000);
    r.add(
        "stm32.tim",
        &format!("enable_delay = 0\n{params}"),
        TIM,
        IRQ,
    );
    r.start();
    r
}

#[test]
fn period_is_exact() {
    let mut r = half_speed("width = 32");
    r.write(PSC, 1).write(ARR, 9).write(EGR, 1).write(SR, 0);
    r.write(DIER, 1);
    r.at(1000).write(CR1, 1);
    // Kernel tick 500 enables, tick 501 starts, and 10 * 2 ticks later is the update: tick 521.
    assert_eq!(r.irq_at(IRQ, 3000), Some(1042));
    assert_eq!(r.read(CNT), 0);
    r.write(SR, 0);
    assert!(!r.bus.system.line(IRQ));
    assert_eq!(r.irq_at(IRQ, 3000), Some(1082));
}

#[test]
fn cnt_is_exact_at_any_cycle() {
    let mut r = full_speed("");
    r.write(PSC, 2).write(EGR, 1).at(100).write(CR1, 1);
    for c in 100..200 {
        assert_eq!(u64::from(r.at(c).read(CNT)), (c - 100) / 3);
    }
    r.write(CNT, 0xFFF0);
    assert_eq!(r.at(199 + 47).read(CNT), 0xFFFF);
    assert_eq!(r.at(199 + 48).read(CNT), 0);
}

#[test]
fn flags_come_without_any_event() {
    let mut r = full_speed("");
    r.write(ARR, 99).write(TIM + 0x34, 40).write(SR, 0);
    r.at(10).write(CR1, 1);
    assert_eq!(
        r.bus.events.iter().count(),
        0,
        "nothing to see, nothing due"
    );
    assert_eq!(r.at(49).read(SR) & 3, 0);
    assert_eq!(r.at(50).read(SR) & 3, 2);
    assert_eq!(r.at(109).read(SR) & 1, 0);
    assert_eq!(r.at(110).read(SR) & 1, 1);
    // A flag stays until software clears it, and a million periods later there is one again.
    r.write(SR, !1);
    assert_eq!(r.read(SR) & 3, 2);
    assert_eq!(r.at(110 + 100_000_000).read(SR) & 3, 3);
    assert_eq!(r.at(110 + 100_000_007).read(CNT), 7);
    assert_eq!(r.bus.events.iter().count(), 0);
}

#[test]
fn prescaler_changes_at_the_update() {
    let mut r = full_speed("");
    r.write(ARR, 4).write(CR1, 1);
    r.at(2).write(PSC, 3);
    assert_eq!(r.read(PSC), 3);
    assert_eq!(r.at(4).read(CNT), 4);
    assert_eq!(r.at(5).read(CNT), 0); // update: from here four ticks to a count
    assert_eq!(r.at(8).read(CNT), 0);
    assert_eq!(r.at(9).read(CNT), 1);
    assert_eq!(r.at(25).read(CNT), 0);
}

#[test]
fn reload_is_buffered_only_with_arpe() {
    let mut r = full_speed("");
    r.write(ARR, 9).write(CR1, 1);
    r.at(3).write(ARR, 5);
    assert_eq!(r.at(6).read(CNT), 0);
    let mut r = full_speed("");
    r.write(ARR, 9).write(CR1, 0x81);
    r.at(3).write(ARR, 5);
    assert_eq!(r.at(9).read(CNT), 9);
    assert_eq!(r.at(10).read(CNT), 0);
    assert_eq!(r.at(16).read(CNT), 0);
}

#[test]
fn a_reload_below_the_counter_lets_it_run_through() {
    let mut r = full_speed("");
    r.write(ARR, 100).write(SR, 0).write(CR1, 1);
    r.at(50).write(ARR, 20);
    assert_eq!(r.at(0xFFFF).read(CNT), 0xFFFF);
    assert_eq!(r.at(0x1_0000).read(CNT), 0);
    assert_eq!(r.read(SR) & 1, 0, "no update on the way");
    assert_eq!(r.at(0x1_0000 + 21).read(SR) & 1, 1);
}

#[test]
fn ug_urs_and_udis() {
    let mut r = full_speed("");
    r.write(PSC, 7).write(EGR, 1);
    assert_eq!(r.read(SR) & 1, 1);
    assert_eq!(r.read(EGR), 0);
    r.write(SR, 0).write(CR1, 4).write(EGR, 1); // URS
    assert_eq!(r.read(SR) & 1, 0);
    // UDIS: the counter starts over, but the new prescaler waits.
    r.write(CR1, 3).write(PSC, 0);
    r.at(80).write(EGR, 1);
    assert_eq!((r.read(CNT), r.read(SR) & 1), (0, 0));
    assert_eq!(r.at(96).read(CNT), 2);
    r.write(CR1, 1).write(EGR, 1);
    assert_eq!(r.at(106).read(CNT), 10);
}

#[test]
fn one_pulse_stops_at_the_update() {
    let mut r = full_speed("");
    r.write(ARR, 9).write(DIER, 1).write(CR1, 9);
    assert_eq!(r.irq_at(IRQ, 100), Some(10));
    assert_eq!(r.read(CR1), 8);
    assert_eq!(r.at(1000).read(CNT), 0);
}

#[test]
fn down_counting() {
    let mut r = full_speed("");
    r.write(ARR, 9).write(CR1, 0x10).write(EGR, 1).write(SR, 0);
    assert_eq!(r.read(CNT), 9);
    r.write(CR1, 0x11);
    assert_eq!(r.at(9).read(CNT), 0);
    assert_eq!(r.read(SR) & 1, 0);
    assert_eq!(r.at(10).read(CNT), 9);
    assert_eq!(r.read(SR) & 1, 1);
}

#[test]
fn centre_aligned_updates_at_both_ends() {
    let mut r = full_speed("");
    r.write(ARR, 6)
        .write(CR1, 0x60)
        .write(SR, 0)
        .write(CR1, 0x61);
    assert_eq!(r.at(5).read(SR) & 1, 0);
    assert_eq!(r.at(6).read(SR) & 1, 1);
    assert_eq!((r.read(CNT), r.read(CR1) & 0x10), (6, 0x10));
    r.write(SR, 0);
    assert_eq!(r.at(11).read(CNT), 1);
    assert_eq!(r.read(SR) & 1, 0);
    assert_eq!(r.at(12).read(CNT), 0);
    assert_eq!((r.read(SR) & 1, r.read(CR1) & 0x10), (1, 0));
}

#[test]
fn repetition_counter_thins_updates() {
    let mut r = full_speed("kind = 'advanced'");
    // RCR counts from the next update event on.
    r.write(ARR, 9)
        .write(TIM + 0x30, 2)
        .write(EGR, 1)
        .write(SR, 0);
    r.write(DIER, 1).write(CR1, 1);
    assert_eq!(r.irq_at(IRQ + 1, 1000), Some(30)); // the `up` line
    assert_eq!(r.at(30_000_000).read(CNT), 0);
    r.write(SR, 0);
    assert_eq!(r.irq_at(IRQ + 1, 30_000_100), Some(30_000_030));
}

#[test]
fn a_zero_reload_value_blocks_the_counter() {
    let mut r = full_speed("");
    r.write(ARR, 0).write(SR, 0).write(CR1, 1).write(DIER, 1);
    assert_eq!(r.at(1000).read(CNT), 0);
    assert_eq!(r.read(SR) & 1, 0);
}

#[test]
fn disabling_holds_the_count() {
    let mut r = full_speed("");
    r.write(CR1, 1).at(50).write(CR1, 0);
    assert_eq!(r.at(100).read(CNT), 50);
    r.write(CR1, 1);
    assert_eq!(r.at(101).read(CNT), 51);
}

#[test]
fn a_clock_change_keeps_the_count_and_moves_the_update() {
    let mut r = full_speed("");
    r.write(ARR, 99).write(DIER, 1).write(CR1, 1).at(20);
    let ker = r.bus.clocks.find("ker").unwrap();
    let now = r.bus.now;
    r.bus.clocks.set_hz(ker, Ratio::hz(4_000_000), now);
    r.write(TIM + 0x50, 0); // any access lets the bus tell its devices
    assert_eq!(r.at(24).read(CNT), 21);
    assert_eq!(r.irq_at(IRQ, 1000), Some(20 + 80 * 4));
}

#[test]
fn registers_that_do_not_exist_read_as_zero() {
    let mut r = full_speed("width = 32");
    r.write(TIM + 0x44, 0x8000).write(TIM + 0x30, 5);
    assert_eq!((r.read(TIM + 0x44), r.read(TIM + 0x30)), (0, 0));
    assert_eq!(r.read(ARR), 0xFFFF_FFFF);
    let mut r = full_speed("kind = 'basic'");
    for reg in [0x08, 0x18, 0x1C, 0x20, 0x34, 0x40, 0x4C] {
        r.write(TIM + reg, u32::MAX);
        assert_eq!(r.read(TIM + reg), 0, "{reg:#x}");
    }
    r.write(CR1, 0xFFFF_FFFE).write(DIER, u32::MAX);
    assert_eq!((r.read(CR1), r.read(DIER)), (0x8E, 0x101));
}

#[test]
fn narrow_accesses() {
    let mut r = full_speed("width = 32");
    r.bus.write(PSC, Width::Half, 0x1234).unwrap();
    assert_eq!(r.read(PSC), 0x1234);
    r.bus.write(CNT + 2, Width::Half, 0x00AB).unwrap();
    assert_eq!(r.read(CNT), 0x00AB_0000);
    r.write(EGR, 3);
    r.bus.write(SR, Width::Byte, 0xFE).unwrap();
    assert_eq!(r.read(SR) & 3, 2);
    assert_eq!(r.bus.read(ARR + 2, Width::Half).unwrap(), 0xFFFF);
}

#[test]
fn a_debugger_changes_nothing() {
    let mut r = full_speed("");
    r.write(ARR, 99).write(CR1, 1).at(333);
    let before = r.bus.save_devices();
    assert_eq!(r.bus.peek(CNT, Width::Word).unwrap(), 33);
    assert_eq!(r.bus.peek(SR, Width::Word).unwrap() & 1, 1);
    assert_eq!(before, r.bus.save_devices());
}

#[test]
fn a_snapshot_continues() {
    let mut r = full_speed("");
    r.write(PSC, 3).write(ARR, 99).write(CR1, 1).at(55);
    let saved = r.bus.save_devices();
    let cnt = r.at(1234).read(CNT);
    let mut other = full_speed("");
    other.bus.load_devices(&saved).unwrap();
    assert_eq!(other.at(1234).read(CNT), cnt);
}

#[test]
fn wrong_parameters_are_told() {
    let error = |s: &str| {
        let e = peripherals::create("stm32.tim", s.parse().unwrap());
        e.err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(error("width = 24").contains("24"));
    assert!(error("kind = 'basic'\nchannels = 1").contains("at most 0"));
    assert!(error("chanels = 1").contains("chanels"));
}
