use super::*;
use crate::cortex_m::testing::Rig;
use emu_core::Ratio;

const BASE: u32 = 0xE000_E000;
const RUN: u32 = ENABLE | CLKSOURCE;

fn rig() -> Rig {
    let mut r = Rig::m4();
    r.bus.clocks.add("ref", Ratio::hz(21_000_000));
    r.add("cortex_m.systick", BASE, "");
    r
}

/// Cycles at which SysTick pends up to `until`; each is cleared as a handler entry would.
fn pends(r: &mut Rig, until: u64) -> Vec<u64> {
    let mut at = Vec::new();
    while r.bus.events.next_at() <= Cycles(until) {
        let next = r.bus.events.next_at().0;
        r.at(next);
        if r.pending(SYSTICK) {
            at.push(next);
            r.bus.system.clear_pending(SYSTICK);
        }
    }
    r.at(until);
    at
}

#[test]
fn period_is_reload_plus_one() {
    let mut r = rig();
    r.at(100);
    r.write(RVR, 9);
    r.write(CVR, 0);
    r.write(CSR, RUN | TICKINT);
    // The tick after the start reloads; the step to zero is RELOAD ticks after that.
    assert_eq!(pends(&mut r, 140), [110, 120, 130, 140]);
}

#[test]
fn current_value_at_every_cycle() {
    let mut r = rig();
    r.at(100);
    r.write(RVR, 3);
    r.write(CSR, RUN);
    let seen: Vec<u32> = (100..112).map(|c| r.at(c).read(CVR)).collect();
    assert_eq!(seen, [0, 3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1]);
}

#[test]
fn countflag_is_set_on_the_step_to_zero_and_cleared_by_reading() {
    let mut r = rig();
    r.write(RVR, 9);
    r.write(CSR, RUN);
    assert_eq!(r.at(9).read(CSR), RUN);
    assert_eq!(r.at(10).peek(CSR), RUN | COUNTFLAG);
    assert_eq!(r.at(11).read(CSR), RUN | COUNTFLAG, "peek left it");
    assert_eq!(r.at(12).read(CSR), RUN);
    assert_eq!(r.at(19).read(CSR), RUN);
    assert_eq!(r.at(45).read(CSR), RUN | COUNTFLAG, "three wraps, one flag");
    assert_eq!(r.at(46).read(CSR), RUN);
}

#[test]
fn reading_the_flag_does_not_move_the_counter() {
    let mut r = rig();
    r.write(RVR, 9);
    r.write(CSR, RUN | TICKINT);
    for c in 0..30 {
        r.at(c).read(CSR);
        assert_eq!(r.read(CVR), (20 + 10 - (c as u32 % 10)) % 10);
    }
    assert_eq!(r.bus.events.next_at(), Cycles(30));
}

#[test]
fn a_write_to_cvr_clears_it_and_the_flag_and_pends_nothing() {
    let mut r = rig();
    r.write(RVR, 9);
    r.write(CSR, RUN | TICKINT);
    r.at(15);
    r.bus.system.clear_pending(SYSTICK);
    r.write(CVR, 0x1234);
    assert_eq!(r.read(CVR), 0);
    assert_eq!(r.read(CSR) & COUNTFLAG, 0);
    assert_eq!(r.at(16).read(CVR), 9, "the next tick reloads");
    assert_eq!(r.read(CSR) & COUNTFLAG, 0, "the reload sets no flag");
    assert!(!r.pending(SYSTICK));
    assert_eq!(pends(&mut r, 40), [25, 35]);
}

#[test]
fn a_new_reload_value_counts_from_the_next_wrap() {
    let mut r = rig();
    r.write(RVR, 9);
    r.write(CSR, RUN | TICKINT);
    r.at(5);
    r.write(RVR, 4);
    assert_eq!(r.read(CVR), 5);
    assert_eq!(pends(&mut r, 22), [10, 15, 20]);
    assert_eq!(r.read(CVR), 3);
}

#[test]
fn reload_zero_stops_after_the_next_wrap() {
    let mut r = rig();
    r.write(RVR, 9);
    r.write(CSR, RUN | TICKINT);
    r.at(3);
    r.write(RVR, 0);
    assert_eq!(pends(&mut r, 100), [10]);
    assert_eq!(r.read(CVR), 0);
    assert_eq!(r.read(CSR) & COUNTFLAG, COUNTFLAG);
    assert_eq!(r.at(200).read(CSR) & COUNTFLAG, 0);
}

#[test]
fn stopping_keeps_the_value_and_starting_goes_on() {
    let mut r = rig();
    r.write(RVR, 9);
    r.write(CSR, RUN | TICKINT);
    r.at(4);
    r.write(CSR, CLKSOURCE | TICKINT);
    assert_eq!(r.at(50).read(CVR), 6);
    r.write(CSR, RUN | TICKINT);
    assert_eq!(pends(&mut r, 70), [56, 66]);
}

#[test]
fn reference_clock_and_a_clock_change() {
    let mut r = rig();
    r.at(4); // the reference ticks at 8, 16, ...
    r.write(RVR, 9);
    r.write(CSR, ENABLE | TICKINT);
    assert_eq!(r.at(7).read(CVR), 0);
    assert_eq!(r.at(8).read(CVR), 9);
    assert_eq!(pends(&mut r, 100), [80]);
    // The core drops to 42 MHz at cycle 100, half a tick after 96: two core cycles a tick.
    let core = r.bus.clocks.core();
    r.bus
        .clocks
        .set_hz(core, Ratio::hz(42_000_000), Cycles(100));
    r.read(CVR); // the bus delivers the change with the next call
    assert_eq!(r.read(CVR), 8);
    assert_eq!(r.at(101).read(CVR), 7);
    assert_eq!(r.at(103).read(CVR), 6);
    assert_eq!(pends(&mut r, 130), [115]);
}

#[test]
fn calibration_and_absent_reference() {
    let mut r = Rig::m4();
    r.add(
        "cortex_m.systick",
        BASE,
        "tenms = 0x1234\nskew = true\nnoref = true",
    );
    assert_eq!(r.read(CALIB), 0xC000_1234);
    r.write(CSR, ENABLE);
    assert_eq!(r.read(CSR), RUN, "CLKSOURCE reads as one");
    assert!(
        crate::create(
            "cortex_m.systick",
            "tenms = 0x1000000".parse().expect("toml")
        )
        .is_err()
    );
}

#[test]
fn controller_type_and_narrow_access() {
    let mut r = rig();
    assert_eq!(r.read(ICTR), 2, "82 lines are three groups of 32");
    r.write_as(RVR, Width::Byte, 0x55);
    assert_eq!(r.read(RVR), 0x55);
    assert!(r.noted("SYST_RVR"));
}

#[test]
fn a_snapshot_continues() {
    let mut r = rig();
    r.write(RVR, 99);
    r.write(CSR, RUN | TICKINT);
    r.at(50);
    let state = r.bus.save_devices();
    r.write(CVR, 0);
    r.bus.load_devices(&state).expect("fits");
    assert_eq!(r.read(CVR), 50);
}

/// The timer as DDI 0403E B3.3.1 tells it, one tick after the other.
#[derive(Default)]
struct Ticked {
    control: u32,
    reload: u32,
    value: u32,
    flag: bool,
    pends: u32,
}

impl Ticked {
    fn tick(&mut self) {
        if self.control & ENABLE == 0 {
            return;
        }
        if self.value == 0 {
            self.value = self.reload;
            return;
        }
        self.value -= 1;
        if self.value == 0 {
            self.flag = true;
            self.pends += u32::from(self.control & TICKINT != 0);
        }
    }
}

#[test]
fn agrees_with_a_model_that_counts_every_tick() {
    let mut r = rig();
    let mut slow = Ticked::default();
    let mut pends = 0;
    let mut seed = 1u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let mut now = 0;
    for step in 0..20_000 {
        let gap = random(40);
        for c in now + 1..=now + gap {
            r.at(c);
            if r.pending(SYSTICK) {
                pends += 1;
                r.bus.system.clear_pending(SYSTICK);
            }
            // The reference clock has an eighth of the core's speed.
            if slow.control & CLKSOURCE != 0 || c % 8 == 0 {
                slow.tick();
            }
        }
        now += gap;
        match random(8) {
            0 => {
                let reload = random(14) as u32;
                r.write(RVR, reload);
                slow.reload = reload;
            }
            1 => {
                r.write(CVR, random(100) as u32);
                (slow.value, slow.flag) = (0, false);
            }
            2 => {
                let control = random(8) as u32;
                r.write(CSR, control);
                slow.control = control;
            }
            3 | 4 => {
                let flag = u32::from(std::mem::take(&mut slow.flag)) * COUNTFLAG;
                assert_eq!(r.read(CSR), slow.control | flag, "step {step}");
            }
            _ => assert_eq!(r.read(CVR), slow.value, "step {step}"),
        }
        assert_eq!(pends, slow.pends, "step {step}");
    }
    assert!(pends > 1000, "{pends} exceptions");
}
