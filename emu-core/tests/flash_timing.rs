//! Flash wait states: lines, prefetch, cache, replacement; alone and under a running core.
#![allow(clippy::unwrap_used)]

mod common;
use common::{code, rig, vectors};
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Stop};
use emu_core::timing::Fetch;
use emu_core::timing::flash::{Flash, Lines, Settings, Shape};

const BASE: u32 = 0x0800_0000;

fn flash(wait_states: u32, prefetch: bool, cache_lines: u32) -> Flash {
    let mut f = Flash::new(&Shape {
        base: BASE,
        size: 0x1_0000,
        aliases: vec![(0, 0x8000, 0x4000)],
        line_bytes: 16,
        instruction_cache: (cache_lines, 1),
        data_cache: (cache_lines, 1),
        unified: false,
    });
    f.set(Settings {
        wait_states,
        prefetch,
        instruction_cache: true,
        data_cache: true,
    });
    f
}

/// Fetch the first word of a line at cycle `now`, for good: how many cycles that waits.
fn fetch(f: &mut Flash, lines: &mut Lines, line: u32, now: u64) -> i32 {
    let mut w = f.walk(lines, now);
    let waited = w.word(BASE + 16 * line, 0) - 1;
    *lines = w.lines();
    f.keep();
    waited
}

#[test]
fn lines_are_those_of_the_region_and_its_aliases() {
    let f = flash(5, false, 0);
    assert_eq!(f.line_of(0x0800_0000), Some(0));
    assert_eq!(f.line_of(0x0800_000F), Some(0));
    assert_eq!(f.line_of(0x0800_0010), Some(1));
    assert_eq!(f.line_of(0x0800_FFFF), Some(0xFFF));
    assert_eq!(f.line_of(0x0801_0000), None);
    assert_eq!(f.line_of(0x2000_0000), None);
    assert_eq!(f.line_of(0x0000_0010), Some(0x401), "0x4000 is seen at 0");
    assert_eq!(f.line_of(0x0000_8000), None);
}

#[test]
fn without_wait_states_everything_is_free() {
    let mut f = flash(0, true, 64);
    let mut lines = Lines::NONE;
    assert!(!f.waits());
    for line in 0..200 {
        assert_eq!(fetch(&mut f, &mut lines, line, 7), 0);
        assert_eq!(f.walk(&lines, 7).data(Some(BASE + 16 * line)), 0);
    }
}

#[test]
fn without_cache_and_prefetch_each_change_of_line_waits() {
    let mut f = flash(3, false, 0);
    assert!(!f.is_cached());
    let mut lines = Lines::NONE;
    for (line, waits) in [(4, 3), (4, 0), (5, 3), (7, 3), (4, 3)] {
        // Long after each other: the port is free.
        let mut w = f.walk(&lines, 0);
        w.advance(100);
        lines = w.lines();
        assert_eq!(fetch(&mut f, &mut lines, line, 0), waits, "line {line}");
    }
}

#[test]
fn a_prefetch_hides_what_it_had_time_for() {
    // RM0090 §3.5.2: the next line is read while the present one executes.
    for (later, waits) in [(6, 5), (7, 4), (9, 2), (11, 0), (12, 0), (100, 0)] {
        let mut f = flash(5, true, 0);
        let mut w = f.walk(&Lines::NONE, 100);
        assert_eq!(w.word(BASE + 160, 0), 6, "there at the end of cycle 105");
        w.advance(later);
        assert_eq!(w.word(BASE + 176, 0) - 1, waits, "{later} later");
    }
    let mut f = flash(5, true, 0);
    let mut lines = Lines::NONE;
    assert_eq!(fetch(&mut f, &mut lines, 10, 0), 5);
    let mut w = f.walk(&lines, 0);
    w.advance(100);
    let lines = w.lines();
    assert_eq!(
        fetch(&mut f, &mut { lines }, 12, 0),
        5,
        "only the next line"
    );
    assert_eq!(fetch(&mut f, &mut { lines }, 9, 0), 5, "never backwards");
}

#[test]
fn the_cache_drops_the_least_recently_used_line() {
    let mut f = flash(5, false, 4);
    assert!(f.is_cached());
    let mut lines = Lines::NONE;
    for (i, line) in [1, 2, 3, 4, 1, 5].into_iter().enumerate() {
        // 1 is used again; 5 takes the place of 2.
        fetch(&mut f, &mut lines, line, 100 * i as u64);
    }
    for (line, hit) in [(1, true), (2, false), (3, true), (4, true), (5, true)] {
        assert_eq!(f.hits((line, 1)), hit, "line {line}");
    }
    assert!(f.hits((3, 3)) && !f.hits((1, 3)));
    f.invalidate();
    assert!((0..10).all(|line| !f.hits((line, 1))));
}

#[test]
fn data_reads_wait_for_the_port_and_have_their_own_cache() {
    let mut f = flash(5, false, 4);
    let mut w = f.walk(&Lines::NONE, 1000);
    assert_eq!(w.word(BASE, 0), 6);
    assert_eq!(
        w.data(Some(BASE + 0x100)),
        11,
        "behind the fetch that is on its way"
    );
    assert_eq!(w.data(Some(BASE + 0x104)), 0, "its line is cached");
    f.keep();
    assert!(f.hits_data(0x10) && !f.hits((0x10, 1)));
}

#[test]
fn a_restored_cache_knows_its_lines() {
    let mut f = flash(5, true, 4);
    let mut lines = Lines::NONE;
    for (i, line) in [1, 3, 5].into_iter().enumerate() {
        fetch(&mut f, &mut lines, line, 100 * i as u64);
    }
    let saved = f.saved();
    let mut g = flash(5, true, 4);
    let mut other = Lines::NONE;
    fetch(&mut g, &mut other, 9, 0);
    let generation = g.generation();
    assert!(g.is_alike(&saved) && !g.load(&saved), "the same settings");
    assert_eq!(f.canonical(), g.canonical());
    assert!(g.hits((1, 1)) && g.hits((3, 1)) && !g.hits((9, 1)));
    assert_ne!(g.generation(), generation, "what was known of it is stale");
    assert!(flash(3, true, 4).load(&saved), "other settings");
    assert!(!flash(5, true, 8).is_alike(&saved));
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
        // Each but the first is requested as soon as the three-word queue has room: 3 cycles before it is needed.
        assert_eq!(slow, 64 + 5 + 8 * 2);
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
