//! Flash wait states: lines, prefetch, cache, replacement; alone and under a running core.
#![allow(clippy::unwrap_used)]

mod common;
use common::{code, rig, vectors};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Stop};
use emu_core::timing::flash::Flash;

fn flash(wait_states: u32, prefetch: bool, cache_lines: usize) -> Flash {
    let mut f = Flash::new(0x0800_0000, 0x1_0000, 16, cache_lines);
    f.wait_states = wait_states;
    f.prefetch = prefetch;
    f.cache = cache_lines > 0;
    f
}

#[test]
fn lines_are_those_of_the_region() {
    let f = flash(5, false, 0);
    assert_eq!(f.line_of(0x0800_0000), Some(0));
    assert_eq!(f.line_of(0x0800_000F), Some(0));
    assert_eq!(f.line_of(0x0800_0010), Some(1));
    assert_eq!(f.line_of(0x0800_FFFF), Some(0xFFF));
    assert_eq!(f.line_of(0x0801_0000), None);
    assert_eq!(f.line_of(0x2000_0000), None);
}

#[test]
fn without_wait_states_everything_is_free() {
    let mut f = flash(0, true, 64);
    for line in 0..200 {
        assert!(f.is_free(line));
        assert_eq!(f.penalty(line, 7), 0);
        f.touch(line, 7);
    }
}

#[test]
fn without_cache_and_prefetch_each_change_of_line_waits() {
    let mut f = flash(3, false, 0);
    for (line, penalty) in [(4, 3), (4, 0), (5, 3), (4, 3)] {
        assert_eq!(f.penalty(line, 100), penalty, "line {line}");
        f.touch(line, 100);
    }
}

#[test]
fn a_prefetch_hides_what_it_had_time_for() {
    // RM0090 §3.5.2: the next line is read while the present one executes.
    let mut f = flash(5, true, 0);
    f.touch(10, 100); // the next one is there at 106
    for (now, penalty) in [(100, 5), (101, 5), (102, 4), (105, 1), (106, 0), (500, 0)] {
        assert_eq!(f.penalty(11, now), penalty, "at {now}");
    }
    assert_eq!(f.penalty(12, 500), 5, "only the next line");
    assert_eq!(f.penalty(9, 500), 5, "never backwards");
}

#[test]
fn the_cache_drops_the_least_recently_used_line() {
    let mut f = flash(5, false, 4);
    for line in [1, 2, 3, 4] {
        f.touch(line, 0);
    }
    f.touch(1, 0); // used again
    f.touch(5, 0); // takes the place of 2
    for (line, free) in [(1, true), (2, false), (3, true), (4, true), (5, true)] {
        assert_eq!(f.is_free(line), free, "line {line}");
    }
    f.invalidate();
    assert!((0..10).all(|line| !f.is_free(line)));
}

#[test]
fn a_restored_cache_knows_its_lines() {
    let mut f = flash(5, true, 4);
    for line in [1, 2, 3] {
        f.touch(line, 0);
    }
    let bytes = emu_core::device::to_state(&f);
    let mut g: Flash = emu_core::device::from_state(&bytes).unwrap();
    g.restored();
    assert_eq!(f, g);
    assert!(g.is_free(1) && g.is_free(2) && !g.is_free(9));
}

/// Cycles of a sled of 64 NOPs and a loop of four, 8 times, up to a log write, with these settings.
fn run(wait: u32, prefetch: u32, cache: u32, single_step: bool) -> (u64, u64) {
    const MAIN: u32 = 0x200;
    let mut main = vec![0x2401, 0x07A4]; // r4 = device
    main.extend([0xBF00; 62]); // to the end of eight lines
    main.extend([0x60A0, 0x2108]); // log; movs r1,#8
    main.extend([0xBF00, 0xBF00, 0x3901, 0xD1FB]); // nop; nop; subs r1,#1; bne
    main.extend([0x60A0, 0xE7FE]); // log
    let segments = vec![(0, vectors(MAIN, MAIN, &[])), (MAIN, code(&main))];
    let mut r = rig(CoreKind::CortexM4, single_step, &segments);
    let bus = r.machine.bus_mut();
    bus.set_memory_parameter("flash.wait_states", wait);
    bus.set_memory_parameter("flash.prefetch", prefetch);
    bus.set_memory_parameter("flash.icache", cache);
    assert_eq!(r.machine.run_until(Cycles(5000)), Stop::Limit);
    let log = r.log.lock().unwrap();
    assert_eq!(log.len(), 2);
    (log[0].0, log[1].0 - log[0].0)
}

#[test]
fn wait_states_show_in_a_run_and_both_modes_agree() {
    for single_step in [false, true] {
        let (sled, looped) = run(0, 0, 0, single_step);
        assert_eq!(sled, 64, "one cycle each");
        // Eight lines of the sled and the one of the log.
        let (slow, _) = run(5, 0, 0, single_step);
        assert_eq!(slow, 64 + 9 * 5);
        // Eight NOPs in a line: of five wait states and one cycle for the line itself, nothing is left.
        let (ahead, _) = run(5, 1, 0, single_step);
        assert_eq!(ahead, 64 + 5, "only the first line waits");
        // The loop lies in one line after the first pass: with or without a cache it is free.
        let (_, cached) = run(5, 0, 1, single_step);
        assert!(
            cached >= looped && cached <= looped + 2 * 5,
            "{cached} {looped}"
        );
    }
    for (wait, prefetch, cache) in [(1, 0, 0), (2, 1, 0), (5, 0, 1), (5, 1, 1), (7, 1, 0)] {
        assert_eq!(
            run(wait, prefetch, cache, false),
            run(wait, prefetch, cache, true),
            "{wait} {prefetch} {cache}"
        );
    }
}
