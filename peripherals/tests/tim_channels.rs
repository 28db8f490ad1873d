//! Timers: outputs, PWM, capture, slave modes. Cycle numbers are computed by hand.
#![allow(clippy::unwrap_used)]

mod tim_rig;

use emu_core::probe::ProbeMask;
use emu_core::{DeviceId, ProbeEvent, ProbeKind};
use std::sync::{Arc, Mutex};
use tim_rig::{PROBE, Rig};

const TIM: u32 = 0x4000_0000;
const CR1: u32 = TIM;
const CR2: u32 = TIM + 0x04;
const SMCR: u32 = TIM + 0x08;
const DIER: u32 = TIM + 0x0C;
const SR: u32 = TIM + 0x10;
const EGR: u32 = TIM + 0x14;
const CCMR1: u32 = TIM + 0x18;
const CCER: u32 = TIM + 0x20;
const CNT: u32 = TIM + 0x24;
const ARR: u32 = TIM + 0x2C;
const CCR1: u32 = TIM + 0x34;
const CCR2: u32 = TIM + 0x38;
const BDTR: u32 = TIM + 0x44;
const IRQ: u16 = 16 + 28;

/// A timer on the core clock that counts from the cycle of CEN; its outputs CH1..CH4 and TRGO go to
/// the probe's inputs 0..4, the probe's outputs 0..9 go to its inputs.
fn rig(params: &str) -> (Rig, DeviceId) {
    let mut r = Rig::new(16_000_000, 16_000_000);
    let params = format!("enable_delay = 0\n{params}");
    let tim = r.add("stm32.tim", &params, TIM, IRQ);
    for i in 0..5 {
        r.bus.connect(tim, i, r.probe, i);
    }
    for i in 0..10 {
        r.bus.connect(r.probe, i, tim, i);
    }
    r.start();
    (r, tim)
}

#[test]
fn pwm_edges() {
    let (mut r, _) = rig("");
    r.write(ARR, 9)
        .write(CCR1, 3)
        .write(CCMR1, 0x60)
        .write(CCER, 1);
    r.at(100).write(CR1, 1).at(125);
    // High while CNT < 3: from the moment the output is enabled, as CNT is 0.
    let expected = [(0, 1), (103, 0), (110, 1), (113, 0), (120, 1), (123, 0)];
    assert_eq!(r.edges(0), expected);
}

#[test]
fn pwm_compare_preload_waits_for_the_update() {
    let (mut r, _) = rig("");
    r.write(ARR, 9)
        .write(CCMR1, 0x68)
        .write(CCR1, 3)
        .write(EGR, 1);
    r.write(CCER, 1).write(CR1, 1);
    r.at(1).write(CCR1, 7).at(20);
    assert_eq!(r.edges(0), [(0, 1), (3, 0), (10, 1), (17, 0), (20, 1)]);
}

#[test]
fn pwm2_with_inverted_polarity_is_pwm1() {
    let (mut r, _) = rig("");
    r.write(ARR, 9)
        .write(CCR1, 4)
        .write(CCMR1, 0x70)
        .write(CCER, 3);
    r.write(CR1, 1).at(15);
    assert_eq!(r.edges(0), [(0, 1), (4, 0), (10, 1), (14, 0)]);
}

#[test]
fn centre_aligned_pwm() {
    let (mut r, _) = rig("");
    r.write(ARR, 8)
        .write(CCR1, 4)
        .write(CCMR1, 0x60)
        .write(CCER, 1);
    r.write(CR1, 0x61).at(40);
    // Up: high while CNT < 4. Down: high again from CNT = 4 (at 12), low at CNT = 4 going up (20).
    assert_eq!(
        r.edges(0),
        [(0, 1), (4, 0), (12, 1), (20, 0), (28, 1), (36, 0)]
    );
}

#[test]
fn toggle_active_inactive_and_forced() {
    let (mut r, _) = rig("");
    r.write(ARR, 9).write(CCR1, 2).write(CCR2, 5);
    r.write(CCMR1, 0x1030)
        .write(CCER, 0x11)
        .write(CR1, 1)
        .at(30);
    assert_eq!(r.edges(0), [(2, 1), (12, 0), (22, 1)]);
    assert_eq!(r.edges(1), [(5, 1)]);
    r.write(CCMR1, 0x4050); // force both
    assert_eq!(r.edges(1).last(), Some(&(30, 0)));
    assert_eq!(r.edges(0).len(), 3, "was high already");
}

#[test]
fn toggles_that_nobody_saw_are_counted() {
    let (mut r, _) = rig("");
    r.write(ARR, 9)
        .write(CCR1, 2)
        .write(CCMR1, 0x30)
        .write(CR1, 1);
    r.at(10_000_005).write(CCER, 1); // 1 000 001 matches
    assert_eq!(r.edges(0), [(10_000_005, 1)]);
}

#[test]
fn compare_beyond_the_reload_value_flags_at_the_overflow() {
    let (mut r, _) = rig("");
    r.write(ARR, 9)
        .write(CCR1, 50)
        .write(SR, 0)
        .write(DIER, 2)
        .write(CR1, 1);
    assert_eq!(r.irq_at(IRQ, 100), Some(10));
}

#[test]
fn compare_with_zero_flags_at_the_reload() {
    let (mut r, _) = rig("");
    r.write(ARR, 9)
        .write(CCR1, 0)
        .write(SR, 0)
        .write(DIER, 2)
        .write(CR1, 1);
    assert_eq!(r.irq_at(IRQ, 100), Some(10));
}

#[test]
fn capture_and_overcapture() {
    let (mut r, _) = rig("");
    r.write(CCMR1, 0x01)
        .write(CCER, 1)
        .write(DIER, 2)
        .write(CR1, 1);
    r.at(123).write(PROBE, 1);
    assert!(r.bus.system.line(IRQ));
    assert_eq!(r.read(CCR1), 123);
    assert!(!r.bus.system.line(IRQ), "reading CCR1 clears CC1IF");
    r.at(150).write(PROBE, 0); // not the edge
    assert_eq!(r.read(SR) & 2, 0);
    r.at(200).write(PROBE, 1);
    r.at(210).write(PROBE, 0);
    r.at(220).write(PROBE, 1);
    assert_eq!(r.read(SR) & 0x202, 0x202);
    assert_eq!(r.read(CCR1), 220);
    r.write(CCR1, 5);
    assert_eq!(r.read(CCR1), 220, "read-only when capturing");
}

#[test]
fn capture_of_a_pulse_by_two_channels_of_one_input() {
    let (mut r, _) = rig("");
    // IC1 rising on TI1, IC2 falling on TI1 (indirect): the PWM input mode without the reset.
    r.write(CCMR1, 0x0201).write(CCER, 0x31).write(CR1, 1);
    r.at(40).write(PROBE, 1);
    r.at(65).write(PROBE, 0);
    assert_eq!((r.read(CCR1), r.read(CCR2)), (40, 65));
}

#[test]
fn capture_on_both_edges_with_prescaler() {
    let (mut r, _) = rig("");
    r.write(CCMR1, 0b0101).write(CCER, 0xB).write(CR1, 1); // every second edge
    r.at(10).write(PROBE, 1);
    assert_eq!(r.read(SR) & 2, 0);
    r.at(17).write(PROBE, 0);
    assert_eq!(r.read(CCR1), 17);
}

/// (cycle, device, channel, value) of recorded captures.
type Captures = Arc<Mutex<Vec<(u64, u16, u8, u32)>>>;

fn recorded_captures(r: &mut Rig) -> Captures {
    let seen = Captures::default();
    let into = seen.clone();
    let flush = move |events: Vec<ProbeEvent>| {
        for e in &events {
            if let ProbeKind::TimerCapture {
                device,
                channel,
                value,
            } = e.kind
            {
                into.lock().unwrap().push((e.at.0, device, channel, value));
            }
        }
        events
    };
    let mask = ProbeMask {
        timers: true,
        ..ProbeMask::default()
    };
    r.bus.probes.attach(mask, Box::new(flush));
    seen
}

#[test]
fn captures_are_recorded_with_timer_channel_and_value() {
    let (mut r, tim) = rig("");
    let seen = recorded_captures(&mut r);
    // As above, with a capture by software, and edges that no channel takes.
    r.write(CCMR1, 0x0201).write(CCER, 0x31);
    r.at(10).write(CR1, 1);
    r.at(40).write(PROBE, 1);
    r.at(65).write(PROBE, 0);
    r.at(70).write(EGR, 4);
    r.write(CCER, 0);
    r.at(80).write(PROBE, 1);
    r.bus.probes.detach();
    assert_eq!(
        *seen.lock().unwrap(),
        [(40, tim.0, 1, 30), (65, tim.0, 2, 55), (70, tim.0, 2, 60)]
    );
}

#[test]
fn software_capture() {
    let (mut r, _) = rig("");
    r.write(CCMR1, 0x01).write(CCER, 1).write(CR1, 1);
    r.at(77).write(EGR, 2);
    assert_eq!(r.read(CCR1), 77);
}

#[test]
fn main_output_enable_gates_an_advanced_timer() {
    let (mut r, _) = rig("kind = 'advanced'");
    r.write(ARR, 9)
        .write(CCR1, 3)
        .write(CCMR1, 0x60)
        .write(CCER, 1);
    r.write(CR1, 1).at(21);
    assert_eq!(r.edges(0), []);
    r.write(BDTR, 0x8000).at(31);
    assert_eq!(r.edges(0), [(21, 1), (23, 0), (30, 1)]);
    // A break by software takes it away and raises the `brk` line.
    r.write(DIER, 0x80).write(EGR, 0x80);
    assert_eq!(r.edges(0).last(), Some(&(31, 0)));
    assert!(r.bus.system.line(IRQ));
    assert_eq!(r.read(BDTR) & 0x8000, 0);
    // With AOE the next update brings it back.
    r.write(BDTR, 0x4000).at(45);
    assert_eq!(r.edges(0)[4..], [(40, 1), (43, 0)]);
}

#[test]
fn external_clock_mode_1_counts_edges() {
    let (mut r, _) = rig("");
    r.write(SMCR, 0x57).write(CR1, 1); // TI1FP1
    for i in 0..6 {
        r.at(100 + 10 * i).write(PROBE, (i % 2 == 0).into());
    }
    assert_eq!(r.at(10_000).read(CNT), 3);
    assert_eq!(r.bus.events.iter().count(), 0);
}

#[test]
fn encoder_counts_both_ways() {
    let (mut r, _) = rig("");
    r.write(SMCR, 3).write(CR1, 1);
    let step = |r: &mut Rig, i: u32, level: u32| {
        r.write(PROBE + 4 * i, level);
    };
    for (i, level) in [(0, 1), (1, 1), (0, 0), (1, 0), (0, 1)] {
        step(&mut r, i, level);
    }
    assert_eq!((r.read(CNT), r.read(CR1) & 0x10), (5, 0));
    step(&mut r, 0, 0);
    step(&mut r, 1, 1);
    assert_eq!((r.read(CNT), r.read(CR1) & 0x10), (3, 0x10));
}

#[test]
fn reset_and_gated_mode() {
    let (mut r, _) = rig("");
    r.write(ARR, 999)
        .write(SR, 0)
        .write(SMCR, 0x54)
        .write(CR1, 1);
    r.at(300).write(PROBE, 1);
    assert_eq!(r.read(CNT), 0);
    assert_eq!(r.read(SR) & 0x41, 0x41, "trigger and update");
    assert_eq!(r.at(310).read(CNT), 10);
    r.write(SMCR, 0x55).at(320).write(PROBE, 0);
    assert_eq!(r.at(500).read(CNT), 20);
    r.write(PROBE, 1);
    assert_eq!(r.at(505).read(CNT), 25);
}

#[test]
fn trigger_mode_makes_one_delayed_pulse() {
    let (mut r, _) = rig("");
    // One pulse: 5 cycles after the trigger, 10 long (RM0090 §18.3.10).
    r.write(CCMR1, 0x70)
        .write(CCR1, 5)
        .write(ARR, 14)
        .write(CCER, 1);
    r.write(SMCR, 0x66).write(CR1, 8); // TI2FP2
    r.at(200).write(PROBE + 4, 1).at(300);
    assert_eq!(r.edges(0), [(205, 1), (215, 0)]);
    assert_eq!(r.read(CR1), 8);
}

#[test]
fn one_timer_clocks_another() {
    const SLAVE: u32 = 0x4000_0400;
    let mut r = Rig::new(16_000_000, 16_000_000);
    let a = r.add("stm32.tim", "enable_delay = 0", TIM, IRQ);
    let b = r.add("stm32.tim", "width = 32", SLAVE, IRQ + 1);
    r.bus.connect(a, 4, b, 6); // TRGO -> ITR1
    r.start();
    r.write(ARR, 9).write(CR2, 0x20); // update
    r.write(SLAVE + 8, 0x17).write(SLAVE, 1); // external clock from ITR1
    r.write(SLAVE + 0x2C, 4)
        .write(SLAVE + 0x10, 0)
        .write(SLAVE + 0x0C, 1);
    r.write(CR1, 1);
    assert_eq!(r.at(39).read(SLAVE + 0x24), 3);
    assert_eq!(r.irq_at(IRQ + 1, 1000), Some(50));
    assert_eq!(r.read(SLAVE + 0x24), 0);
}

#[test]
fn trgo_sources() {
    let trgo = |mms: u32| {
        let (mut r, _) = rig("");
        r.write(ARR, 9).write(CCR1, 4).write(CCMR1, 0x60);
        r.write(CR2, mms << 4).at(5).write(CR1, 1).at(16);
        r.edges(4)
    };
    assert_eq!(trgo(0), []);
    assert_eq!(trgo(1), [(5, 1)]);
    assert_eq!(trgo(2), [(15, 1), (15, 0)]);
    assert_eq!(trgo(3), [(9, 1), (9, 0)]);
    assert_eq!(trgo(4), [(0, 1), (9, 0), (15, 1)]);
}

#[test]
fn two_interrupt_sources_share_a_line() {
    let (mut r, _) = rig("");
    r.write(ARR, 9)
        .write(CCR1, 4)
        .write(SR, 0)
        .write(DIER, 3)
        .write(CR1, 1);
    assert_eq!(r.irq_at(IRQ, 100), Some(4));
    r.at(12).write(SR, !2);
    assert!(r.bus.system.line(IRQ), "UIF holds it");
    r.write(SR, !1);
    assert!(!r.bus.system.line(IRQ));
    assert_eq!(r.irq_at(IRQ, 100), Some(14));
}
