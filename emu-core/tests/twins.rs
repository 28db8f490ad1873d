//! The block-speed path and its single-step twin agree, cycle for cycle and hash for hash, on random programs
//! with interrupts at random times.
#![allow(clippy::unwrap_used)]

mod common;
use common::{code, rig_with, vectors};
use emu_core::machine::{CoreKind, Machine, Stop};
use emu_core::watchpoint::{Hit, WatchKind, WatchReport, Watchpoint};
use emu_core::{Bridge, Cycles, Ratio};
use proptest::prelude::*;

const MAIN: u32 = 0x200;
const HANDLER: u32 = 0x8000;

/// One piece of a random program; registers r0-r3 and r5 are free, r4 is the device, r6 points into RAM.
#[derive(Clone, Debug)]
enum Piece {
    Alu16(u16),
    Wide(u32),
    It { cond: u8, mask: u8, body: Vec<u16> },
    ItWide { cond: u8, body: u32 },
    SkipForward { cond: u8, over: Vec<u16> },
    PushPop(u8),
    Multiple { store: bool, list: u8 },
    ReadClock(u16),
    Log(u16),
    Pend(bool),
    Masked(Vec<u16>),
    Call,
    Loop { count: u8, body: Vec<u16> },
    Wfi,
}

fn reg() -> impl Strategy<Value = u16> {
    prop_oneof![0u16..4, Just(5u16)]
}

/// 16-bit instructions that stay inside the free registers and the RAM window.
fn narrow() -> impl Strategy<Value = u16> {
    prop_oneof![
        (reg(), 0u16..256).prop_map(|(d, i)| 0x2000 | d << 8 | i), // movs
        (reg(), 0u16..256).prop_map(|(d, i)| 0x3000 | d << 8 | i), // adds imm
        (reg(), 0u16..256).prop_map(|(d, i)| 0x2800 | d << 8 | i), // cmp imm
        (reg(), reg(), reg()).prop_map(|(d, n, m)| 0x1800 | m << 6 | n << 3 | d), // adds
        (reg(), reg(), 0u16..16).prop_map(|(d, m, op)| 0x4000 | op << 6 | m << 3 | d), // ALU, MUL among them
        (reg(), reg(), 0u16..32).prop_map(|(d, m, s)| s << 6 | m << 3 | d),            // lsls
        (reg(), 0u16..16).prop_map(|(t, o)| 0x6800 | o << 6 | 6 << 3 | t),             // ldr [r6,#]
        (reg(), 0u16..16).prop_map(|(t, o)| 0x6000 | o << 6 | 6 << 3 | t),             // str [r6,#]
        (reg(), 0u16..32).prop_map(|(t, o)| 0x7800 | o << 6 | 6 << 3 | t),             // ldrb
        (reg(), 0u16..32).prop_map(|(t, o)| 0x8000 | o << 6 | 6 << 3 | t),             // strh
        Just(0xBF00),                                                                  // nop
        (reg(), reg()).prop_map(|(d, m)| 0xB280 | m << 3 | d),                         // uxth
    ]
}

/// 32-bit instructions of ARMv7-M.
fn wide() -> impl Strategy<Value = u32> {
    let r = || reg().prop_map(u32::from);
    prop_oneof![
        (r(), r(), r()).prop_map(|(d, n, m)| 0xFBB0_F0F0 | n << 16 | d << 8 | m), // udiv
        (r(), r(), r()).prop_map(|(d, n, m)| 0xFB90_F0F0 | n << 16 | d << 8 | m), // sdiv
        (r(), r(), r()).prop_map(|(d, n, m)| 0xFBA0_0000 | n << 16 | d << 12 | 0x500 | m), // umull rd, r5
        (r(), r(), r(), r()).prop_map(|(d, n, m, a)| 0xFB00_0000 | n << 16 | a << 12 | d << 8 | m), // mla
        (r(), r(), r()).prop_map(|(d, n, m)| 0xEB10_0000 | n << 16 | d << 8 | m), // adds.w
        (r(), 0u32..64).prop_map(|(t, o)| 0xF8D6_0000 | t << 12 | o), // ldr.w [r6,#] (unaligned too)
        (r(), 0u32..64).prop_map(|(t, o)| 0xF8C6_0000 | t << 12 | o), // str.w
        (r(), 0u32..16).prop_map(|(t, o)| 0xE9D6_0000 | t << 12 | 5 << 8 | o), // ldrd rt, r5
        (r(), 0u32..256).prop_map(|(d, i)| 0xF04F_0000 | d << 8 | i), // mov.w
    ]
    .prop_filter("ldrd and umull want two registers", |w| {
        let same = w >> 12 & 15 == 5;
        !(same && (w >> 20 == 0xE9D || w >> 20 == 0xFBA))
    })
}

fn piece(v7: bool) -> BoxedStrategy<Piece> {
    let common = prop_oneof![
        6 => narrow().prop_map(Piece::Alu16),
        1 => (0u8..14, prop::collection::vec(narrow(), 1..5)).prop_map(|(cond, over)| Piece::SkipForward { cond, over }),
        1 => (1u8..64).prop_map(Piece::PushPop),
        1 => (any::<bool>(), 1u8..16).prop_map(|(store, list)| Piece::Multiple { store, list }),
        1 => reg().prop_map(Piece::ReadClock),
        1 => reg().prop_map(Piece::Log),
        1 => any::<bool>().prop_map(Piece::Pend),
        1 => prop::collection::vec(narrow(), 1..6).prop_map(Piece::Masked),
        1 => Just(Piece::Call),
        1 => (1u8..6, prop::collection::vec(narrow(), 1..6)).prop_map(|(count, body)| Piece::Loop { count, body }),
        1 => Just(Piece::Wfi),
    ];
    if !v7 {
        return common.boxed();
    }
    prop_oneof![
        12 => common,
        4 => wide().prop_map(Piece::Wide),
        3 => (0u8..14, 1u8..16, prop::collection::vec(narrow(), 4)).prop_map(|(cond, mask, body)| Piece::It { cond, mask, body }),
        2 => (0u8..14, wide()).prop_map(|(cond, body)| Piece::ItWide { cond, body }),
    ]
    .boxed()
}

fn emit(pieces: &[Piece]) -> Vec<u16> {
    let mut out = vec![
        0x2401, 0x07A4, // r4 = 0x4000_0000
        0x2601, 0x0776, // r6 = 0x2000_0000
        0x6125, // str r5,[r4,#16]: patched below to set the period from r7
    ];
    out.pop();
    out.extend([0x2725, 0x6127]); // movs r7,#0x25; str r7,[r4,#16]: interrupts every 37 to 73 cycles
    let top = out.len();
    for p in pieces {
        match p {
            Piece::Alu16(h) => out.push(*h),
            Piece::Wide(w) => out.extend([(w >> 16) as u16, *w as u16]),
            Piece::It { cond, mask, body } => {
                let n = 4 - mask.trailing_zeros() as usize;
                out.push(0xBF00 | u16::from(*cond) << 4 | u16::from(*mask));
                out.extend(&body[..n]);
            }
            Piece::ItWide { cond, body } => {
                out.extend([
                    0xBF08 | u16::from(*cond) << 4,
                    (body >> 16) as u16,
                    *body as u16,
                ]);
            }
            Piece::SkipForward { cond, over } => {
                // b<cond> past `over`: offset counts from the branch + 4.
                let n = over.len() as u16;
                out.push(0xD000 | u16::from(*cond) << 8 | (n.wrapping_sub(1) & 0xFF));
                out.extend(over);
            }
            Piece::PushPop(list) => {
                let list = u16::from(*list) & 0x2F;
                let list = if list == 0 { 1 } else { list };
                out.extend([0xB400 | list, 0xBC00 | list]);
            }
            Piece::Multiple { store, list } => {
                // mov r5,r6; ldm/stm r5!,{..}
                let op = if *store { 0xC000 } else { 0xC800 };
                out.extend([0x0035, op | 5 << 8 | u16::from(*list & 0xF)]);
            }
            Piece::ReadClock(r) => out.push(0x6820 | r),
            Piece::Log(r) => out.push(0x60A0 | r),
            Piece::Pend(sv) => out.push(if *sv { 0x60E5 } else { 0x6160 }),
            Piece::Masked(body) => {
                out.push(0xB672);
                out.extend(body);
                out.push(0xB662);
            }
            Piece::Call => out.extend([0xF000, 0xF800]), // patched below
            Piece::Loop { count, body } => {
                // A counter on the stack, so that the body may use every register.
                out.extend([0x2700 | u16::from(*count)]);
                let start = out.len();
                out.extend(body);
                out.push(0x3F01); // subs r7,#1
                let offset = start as i32 - (out.len() as i32 + 2);
                out.push(0xD100 | (offset as u16 & 0xFF)); // bne
            }
            Piece::Wfi => out.push(0xBF30),
        }
    }
    // b top (long form over a literal-free path): b.n reaches 2 KiB.
    let offset = top as i32 - (out.len() as i32 + 2);
    out.push(0xE000 | (offset as u16 & 0x7FF));
    // Calls go to a function that returns at once, behind everything.
    let function = out.len();
    out.extend([0x3001, 0x4770]);
    for i in 0..function {
        if out[i] == 0xF000 && out.get(i + 1) == Some(&0xF800) {
            let delta = ((function as i32 - i as i32 - 2) * 2) as u32;
            out[i] = 0xF000 | (delta >> 12 & 0x3FF) as u16;
            out[i + 1] = 0xF800 | (delta >> 1 & 0x7FF) as u16;
        }
    }
    out
}

fn segments(pieces: &[Piece]) -> Vec<(u32, Vec<u8>)> {
    // The handler logs, counts in RAM, and returns; it keeps r0 and r1 through the frame only.
    let handler = vec![
        0x60A0, // str r0,[r4,#8]
        0x1C71, // adds r1,r6,#1
        0x3110, // adds r1,#16... (an unused address)
        0x6B30, // ldr r0,[r6,#0x30]
        0x3001, // adds r0,#1
        0x6330, // str r0,[r6,#0x30]
        0x4770,
    ];
    vec![
        (0, vectors(MAIN, HANDLER, &[])),
        (MAIN, code(&emit(pieces))),
        (HANDLER, code(&handler)),
    ]
}

/// Memories and buses around the core.
#[derive(Clone, Debug)]
struct Around {
    /// Frequency of the bus that the device is on, in MHz, load and store periods, buffered stores.
    bridge: Option<(u64, u32, u32, bool)>,
    /// The device is at the single-cycle I/O port of a Cortex-M0+.
    io_port: bool,
    wait_states: u32,
    prefetch: bool,
    cached: bool,
    /// MUL takes 32 cycles on ARMv6-M.
    small_multiplier: bool,
}

fn around() -> impl Strategy<Value = Around> {
    let bridge = (1u64..=120, 0u32..5, 0u32..5, any::<bool>());
    (
        prop::option::of(bridge),
        any::<bool>(),
        prop_oneof![Just(0u32), 1u32..6],
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(bridge, io_port, wait_states, prefetch, cached, small_multiplier)| Around {
                bridge,
                io_port,
                wait_states,
                prefetch,
                cached,
                small_multiplier,
            },
        )
}

impl Around {
    fn set_up(&self, bus: &mut emu_core::Bus) {
        if let Some((mhz, read, write, posted)) = self.bridge {
            let clock = bus.clocks.add("PCLK", Ratio::hz(mhz * 1_000_000));
            bus.add_bridge(Bridge {
                name: "apb".into(),
                base: 0x4000_0000,
                size: 0x1_0000,
                clock,
                read,
                write,
                posted,
            });
        }
        if self.io_port {
            bus.set_io_port(0x4000_0000, 0x1000);
        }
        for (name, value) in [
            ("wait_states", self.wait_states),
            ("prefetch", u32::from(self.prefetch)),
            ("icache", u32::from(self.cached)),
            ("dcache", u32::from(self.cached)),
            ("icache_lines", 8),
            ("dcache_lines", 2),
        ] {
            bus.set_memory_parameter(&format!("flash.{name}"), value);
        }
        bus.set_memory_parameter("core.slow_multiplier", u32::from(self.small_multiplier));
    }
}

fn check(kind: CoreKind, pieces: &[Piece], around: &Around) -> Result<(), TestCaseError> {
    let segments = segments(pieces);
    let mut fast = rig_with(kind, false, &segments, |bus| around.set_up(bus));
    let mut slow = rig_with(kind, true, &segments, |bus| around.set_up(bus));
    for limit in [777u64, 3000, 9001] {
        let a = fast.machine.run_until(Cycles(limit));
        let b = slow.machine.run_until(Cycles(limit));
        prop_assert_eq!(&a, &b);
        {
            let (x, y) = (fast.log.lock().unwrap(), slow.log.lock().unwrap());
            let differ = x.iter().zip(y.iter()).position(|(p, q)| p != q);
            prop_assert_eq!(
                differ,
                None,
                "logs differ at {:?}: {:?} {:?}",
                differ,
                differ.map(|i| x[i]),
                differ.map(|i| y[i])
            );
            prop_assert_eq!(x.len(), y.len());
        }
        prop_assert_eq!(fast.machine.now(), slow.machine.now());
        prop_assert_eq!(fast.machine.instructions(), slow.machine.instructions());
        prop_assert_eq!(fast.machine.ledger(), slow.machine.ledger());
        prop_assert_eq!(fast.machine.registers(), slow.machine.registers());
        prop_assert_eq!(fast.machine.state_hash(), slow.machine.state_hash());
    }
    Ok(())
}

/// Something to watch among what the programs use, and where to stop for it.
fn watching() -> impl Strategy<Value = (Watchpoint, WatchReport)> {
    let address = prop_oneof![
        4 => 0x2000_0000u32..0x2000_0050,
        2 => 0x2000_7F60u32..0x2000_8000,
        1 => Just(common::DEVICE + 8),
    ];
    let kind = prop_oneof![
        Just(WatchKind::Read),
        Just(WatchKind::Write),
        Just(WatchKind::Access)
    ];
    let report = prop_oneof![Just(WatchReport::Before), Just(WatchReport::After)];
    (
        address,
        prop_oneof![Just(1u32), Just(2), Just(4), Just(12)],
        kind,
        report,
    )
        .prop_map(|(address, size, kind, report)| {
            let point = Watchpoint {
                address,
                size,
                kind,
            };
            (point, report)
        })
}

fn word_at(m: &mut Machine, point: &Watchpoint) -> [u8; 12] {
    let mut bytes = [0; 12];
    m.read_memory(point.address, &mut bytes[..point.size as usize]);
    bytes
}

/// Run to the limit and over every stop. Gives the hits, and where they were.
fn through(m: &mut Machine, limit: Cycles) -> Vec<(u64, Cycles, Hit)> {
    let mut hits = Vec::new();
    loop {
        match m.run_until(limit) {
            Stop::Limit => return hits,
            Stop::Watchpoint(hit) => {
                hits.push((m.instructions(), m.now(), hit));
                if hit.before {
                    let hash = m.state_hash();
                    assert_eq!(m.step_until(limit), Stop::Watchpoint(hit), "it hits again");
                    assert_eq!(m.state_hash(), hash, "and does nothing");
                    m.ignore_stops(true);
                    m.step_until(limit);
                    m.ignore_stops(false);
                }
            }
            other => panic!("{other:?}"),
        }
        assert!(hits.len() < 100_000, "no progress at {}", m.now());
    }
}

/// Step to the limit: whenever a watched byte has changed, the step has hit.
fn changes_hit(m: &mut Machine, point: &Watchpoint, limit: Cycles) -> Result<(), TestCaseError> {
    let mut before = word_at(m, point);
    while m.now() < limit {
        let stop = m.step_until(limit);
        let after = word_at(m, point);
        if after != before && point.kind != WatchKind::Read {
            prop_assert!(
                matches!(stop, Stop::Watchpoint(h) if h.write || h.kind == WatchKind::Access),
                "{:?} at {}",
                stop,
                m.now()
            );
        }
        before = after;
        if stop == Stop::Limit {
            break;
        }
    }
    Ok(())
}

fn check_watched(
    kind: CoreKind,
    pieces: &[Piece],
    around: &Around,
    (point, report): (Watchpoint, WatchReport),
) -> Result<(), TestCaseError> {
    let segments = segments(pieces);
    let limit = Cycles(5003);
    let mut plain = rig_with(kind, false, &segments, |bus| around.set_up(bus));
    prop_assert_eq!(plain.machine.run_until(limit), Stop::Limit);
    let mut all = Vec::new();
    for single_step in [false, true] {
        let mut r = rig_with(kind, single_step, &segments, |bus| around.set_up(bus));
        r.machine.set_watch_reporting(report);
        r.machine.set_watchpoints(&[point]);
        all.push(through(&mut r.machine, limit));
        prop_assert_eq!(&*plain.log.lock().unwrap(), &*r.log.lock().unwrap());
        prop_assert_eq!(plain.machine.now(), r.machine.now());
        prop_assert_eq!(plain.machine.instructions(), r.machine.instructions());
        prop_assert_eq!(plain.machine.ledger(), r.machine.ledger());
        prop_assert_eq!(plain.machine.registers(), r.machine.registers());
        prop_assert_eq!(plain.machine.state_hash(), r.machine.state_hash());
    }
    prop_assert_eq!(&all[0], &all[1]);
    let mut r = rig_with(kind, false, &segments, |bus| around.set_up(bus));
    r.machine.set_watch_reporting(WatchReport::After);
    r.machine.set_watchpoints(&[point]);
    changes_hit(&mut r.machine, &point, limit)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn v7m(pieces in prop::collection::vec(piece(true), 1..60), m3 in any::<bool>(), around in around()) {
        check(if m3 { CoreKind::CortexM3 } else { CoreKind::CortexM4f }, &pieces, &around)?;
    }

    #[test]
    fn watched(
        pieces in prop::collection::vec(piece(true), 1..60),
        kind in prop_oneof![
            Just(CoreKind::CortexM3),
            Just(CoreKind::CortexM4f),
            Just(CoreKind::CortexM7),
            Just(CoreKind::CortexM33)
        ],
        around in around(),
        watching in watching(),
    ) {
        check_watched(kind, &pieces, &around, watching)?;
    }

    #[test]
    fn watched_v6m(
        pieces in prop::collection::vec(piece(false), 1..60),
        around in around(),
        watching in watching(),
    ) {
        check_watched(CoreKind::CortexM0plus, &pieces, &around, watching)?;
    }

    #[test]
    fn v6m(pieces in prop::collection::vec(piece(false), 1..60), plus in any::<bool>(), around in around()) {
        check(if plus { CoreKind::CortexM0plus } else { CoreKind::CortexM0 }, &pieces, &around)?;
    }

    #[test]
    fn dual_issue(pieces in prop::collection::vec(piece(true), 1..60), m33 in any::<bool>(), around in around()) {
        check(if m33 { CoreKind::CortexM33 } else { CoreKind::CortexM7 }, &pieces, &around)?;
    }
}
