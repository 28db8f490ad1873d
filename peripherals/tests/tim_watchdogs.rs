//! The watchdogs: time-outs and windows at exact cycles.
#![allow(clippy::unwrap_used)]

mod tim_rig;

use emu_core::{Ratio, ResetCause};
use tim_rig::Rig;

const DOG: u32 = 0x4000_3000;
const IRQ: u16 = 16;

/// Cycle at which a reset is asked for.
fn reset_at(r: &mut Rig, limit: u64) -> Option<(u64, ResetCause)> {
    while r.bus.reset_request.is_none() {
        let next = r.bus.events.next_at();
        if next.0 > limit {
            r.at(limit);
            return None;
        }
        r.at(next.0);
    }
    r.bus.reset_request.map(|cause| (r.bus.now.0, cause))
}

mod iwdg {
    use super::*;

    const KR: u32 = DOG;
    const PR: u32 = DOG + 4;
    const RLR: u32 = DOG + 8;
    const SR: u32 = DOG + 0xC;

    /// A core at 16 MHz, so that an LSI tick is 500 cycles.
    fn rig(params: &str) -> Rig {
        let mut r = Rig::new(16_000_000, 32_000);
        r.add("stm32.iwdg", params, DOG, IRQ);
        r.start();
        r
    }

    #[test]
    fn first_time_out_counts_from_0xfff() {
        let mut r = rig("");
        r.write(KR, 0xCCCC);
        let due = 0x1000 * 4 * 500;
        let expected = Some((due, ResetCause::IndependentWatchdog));
        assert_eq!(reset_at(&mut r, 100_000_000), expected);
    }

    #[test]
    fn prescaler_and_reload() {
        let mut r = rig("");
        r.write(KR, 0xCCCC)
            .write(KR, 0x5555)
            .write(PR, 2)
            .write(RLR, 99);
        assert_eq!((r.read(PR), r.read(RLR), r.read(SR)), (2, 99, 3));
        assert_eq!(r.at(5 * 500 - 1).read(SR), 3);
        assert_eq!(r.at(5 * 500).read(SR), 0);
        r.at(10_000).write(KR, 0xAAAA);
        let due = 10_000 + 100 * 16 * 500;
        r.at(due - 1);
        assert_eq!(r.bus.reset_request, None);
        assert_eq!(reset_at(&mut r, due).map(|x| x.0), Some(due));
    }

    #[test]
    fn reloads_keep_it_quiet() {
        let mut r = rig("");
        r.write(KR, 0x5555)
            .write(RLR, 9)
            .write(KR, 0xCCCC)
            .write(KR, 0xAAAA);
        for i in 1..100 {
            r.at(i * 19_000).write(KR, 0xAAAA); // the time-out is 20 000 cycles
            assert_eq!(r.bus.reset_request, None);
        }
        assert_eq!(
            reset_at(&mut r, 10_000_000).map(|x| x.0),
            Some(99 * 19_000 + 20_000)
        );
    }

    #[test]
    fn registers_are_locked_without_the_key() {
        let mut r = rig("");
        r.write(PR, 3).write(RLR, 5);
        assert_eq!((r.read(PR), r.read(RLR)), (0, 0xFFF));
        r.write(KR, 0x5555).write(KR, 0xAAAA).write(PR, 3);
        assert_eq!(r.read(PR), 0, "any other key locks again");
        assert_eq!(r.bus.notices.all().len(), 2);
    }

    #[test]
    fn it_runs_on_its_own_oscillator_when_the_tree_has_none() {
        let mut r = rig("lsi = 40_000");
        let lsi = r.bus.clocks.find("ker").unwrap();
        let now = r.bus.now;
        r.bus.clocks.set_hz(lsi, Ratio::ZERO, now);
        r.write(KR, 0xCCCC);
        let due = 0x1000 * 4 * 400;
        assert_eq!(reset_at(&mut r, 100_000_000).map(|x| x.0), Some(due));
    }

    #[test]
    fn nothing_happens_before_it_is_started() {
        let mut r = rig("");
        assert_eq!(reset_at(&mut r, 1_000_000_000), None);
    }
}

mod wwdg {
    use super::*;

    const CR: u32 = DOG;
    const CFR: u32 = DOG + 4;
    const SR: u32 = DOG + 8;

    /// PCLK1 is a quarter of the core clock: a step is 16384 cycles.
    fn rig() -> Rig {
        let mut r = Rig::new(168_000_000, 42_000_000);
        r.add("stm32.wwdg", "", DOG, IRQ);
        r.start();
        r
    }
    const STEP: u64 = 4 * 4096;

    #[test]
    fn bites_when_t6_falls() {
        let mut r = rig();
        r.at(1000).write(CR, 0xC0 | 0x05);
        assert_eq!(r.at(STEP - 1).read(CR), 0xC5);
        assert_eq!(r.at(STEP).read(CR), 0xC4);
        // T goes 0x45 .. 0x40 in five steps of the free prescaler, and bites at the sixth.
        let expected = Some((6 * STEP, ResetCause::WindowWatchdog));
        assert_eq!(reset_at(&mut r, 100_000_000), expected);
    }

    #[test]
    fn early_wake_up_comes_at_0x40() {
        let mut r = rig();
        r.write(CFR, 0x27F).write(CR, 0xC3);
        assert_eq!(r.irq_at(IRQ, 10 * STEP), Some(3 * STEP));
        assert_eq!(r.read(SR), 1);
        r.write(CR, 0xC3).write(SR, 0);
        assert!(!r.bus.system.line(IRQ));
        assert_eq!(r.bus.reset_request, None);
        assert_eq!(r.irq_at(IRQ, 10 * STEP), Some(6 * STEP));
    }

    #[test]
    fn a_reload_before_the_window_bites() {
        let mut r = rig();
        r.write(CFR, 0x50).write(CR, 0xFF);
        r.at(0x2F * STEP); // T = 0x50: the window is open
        assert_eq!(r.read(CR), 0xD0);
        r.write(CR, 0xFF);
        assert_eq!(r.bus.reset_request, None);
        r.at(0x30 * STEP).write(CR, 0xFF);
        assert_eq!(r.bus.reset_request, Some(ResetCause::WindowWatchdog));
    }

    #[test]
    fn the_prescaler_lengthens_a_step() {
        let mut r = rig();
        r.write(CFR, 0x1FF).write(CR, 0xC1);
        assert_eq!(
            reset_at(&mut r, 1_000_000_000).map(|x| x.0),
            Some(2 * 8 * STEP)
        );
    }

    #[test]
    fn activated_with_t6_clear_it_bites_at_once() {
        let mut r = rig();
        r.at(5).write(CR, 0x80);
        assert_eq!(r.bus.reset_request, Some(ResetCause::WindowWatchdog));
    }

    #[test]
    fn a_clock_change_keeps_the_count() {
        let mut r = rig();
        r.write(CR, 0xC0);
        r.at(STEP / 2);
        let pclk = r.bus.clocks.find("ker").unwrap();
        let now = r.bus.now;
        r.bus.clocks.set_hz(pclk, Ratio::hz(21_000_000), now);
        r.write(SR, 0);
        // The second half of the step takes twice as long.
        assert_eq!(
            reset_at(&mut r, 1_000_000).map(|x| x.0),
            Some(STEP / 2 + STEP)
        );
    }
}
