//! RV32: the block-speed path and its single-step twin agree, cycle for cycle and hash for hash, on random programs
//! with interrupts at random times.
#![allow(clippy::unwrap_used)]

mod riscv_rig;
use emu_core::Cycles;
use emu_core::machine::{CoreKind, Machine, Stop};
use emu_core::watchpoint::{Hit, WatchKind, WatchReport, Watchpoint};
use proptest::prelude::*;
use riscv_rig::*;

/// One piece of a random program; a0 to a5 are free, s0 is the device, s1 points into RAM, t0 and t1 are scratch.
#[derive(Clone, Debug)]
enum Piece {
    One(u32),
    Compressed(u16, u16),
    Skip {
        funct3: u32,
        a: u32,
        b: u32,
        over: Vec<u32>,
    },
    Loop {
        count: i32,
        body: Vec<u32>,
    },
    Call,
    Chase(u32),
    Masked(Vec<u32>),
    Reserve {
        rd: u32,
        rs: u32,
        body: Vec<u32>,
    },
    Raise,
    Wfi,
}

fn reg() -> impl Strategy<Value = u32> {
    10u32..16
}

fn plain() -> impl Strategy<Value = u32> {
    prop_oneof![
        (0u32..8, reg(), reg(), reg()).prop_map(|(f, d, a, b)| r(0, f, d, a, b)),
        (reg(), reg(), reg()).prop_map(|(d, a, b)| r(0x20, 0, d, a, b)), // sub
        (reg(), reg(), -2048i32..2048).prop_map(|(d, a, n)| addi(d, a, n)),
        (reg(), reg(), -2048i32..2048).prop_map(|(d, a, n)| i(0x13, 7, d, a, n)), // andi
        (reg(), any::<u32>()).prop_map(|(d, n)| lui(d, n)),
        (0u32..4, reg(), reg(), reg()).prop_map(|(f, d, a, b)| r(1, f, d, a, b)), // mul
        (4u32..8, reg(), reg(), reg()).prop_map(|(f, d, a, b)| r(1, f, d, a, b)), // div
        (prop_oneof![Just(0u32), Just(4)], reg(), 0i32..256).prop_map(|(f, d, o)| load(f, d, 9, o)),
        (prop_oneof![Just(1u32), Just(5)], reg(), 0i32..128).prop_map(|(f, d, o)| load(
            f,
            d,
            9,
            2 * o
        )),
        (reg(), 0i32..64).prop_map(|(d, o)| load(2, d, 9, 4 * o)),
        (0u32..3, reg(), 0i32..64).prop_map(|(f, s, o)| store(f, s, 9, 4 * o)),
    ]
}

fn single() -> impl Strategy<Value = u32> {
    prop_oneof![
        12 => plain(),
        // Anything may be misaligned here, and traps on some cores.
        1 => (prop_oneof![Just(1u32), Just(2)], reg(), 0i32..250).prop_map(|(f, d, o)| load(f, d, 9, o)),
        1 => (1u32..3, reg(), 0i32..250).prop_map(|(f, s, o)| store(f, s, 9, o)),
        1 => reg().prop_map(|d| load(2, d, 8, 0)),          // the device's clock
        1 => reg().prop_map(|s| store(2, s, 8, 8)),         // its log
        1 => (reg(), prop_oneof![Just(MCYCLE), Just(CYCLE), Just(0xB02u32), Just(MSTATUS), Just(0x344u32)])
            .prop_map(|(d, n)| csr(2, d, n, 0)),
        1 => (reg(), reg()).prop_map(|(d, s)| csr(1, d, 0x340, s)),
        1 => (prop_oneof![Just(0u32), Just(1), Just(4), Just(8), Just(0x14), Just(0x1C)], reg(), reg())
            .prop_map(|(f, d, s)| amo(f, d, 9, s)),
        1 => Just(ECALL),
        1 => Just(0xFFFF_FFFFu32),
        1 => reg().prop_map(|d| load(2, d, 8, 0x400)),      // nothing there
    ]
}

fn piece() -> impl Strategy<Value = Piece> {
    let body = || prop::collection::vec(plain(), 1..6);
    // c.addi, c.mv, c.add, c.lw and c.sw by s1.
    let narrow = || {
        prop_oneof![
            (reg(), 0u32..31).prop_map(|(d, n)| (1 | d << 7 | n << 2) as u16),
            (reg(), reg()).prop_map(|(d, s)| (0x8002 | d << 7 | s << 2) as u16),
            (reg(), reg()).prop_map(|(d, s)| (0x9002 | d << 7 | s << 2) as u16),
            (reg(), 0u32..8).prop_map(|(d, o)| (0x4080 | o << 10 | (d - 8) << 2) as u16),
            (reg(), 0u32..8).prop_map(|(s, o)| (0xC080 | o << 10 | (s - 8) << 2) as u16),
        ]
    };
    prop_oneof![
        8 => single().prop_map(Piece::One),
        4 => (narrow(), narrow()).prop_map(|(a, b)| Piece::Compressed(a, b)),
        2 => (prop_oneof![Just(0u32), Just(1), Just(4), Just(5), Just(6), Just(7)], reg(), reg(), body())
            .prop_map(|(funct3, a, b, over)| Piece::Skip { funct3, a, b, over }),
        2 => (1i32..6, body()).prop_map(|(count, body)| Piece::Loop { count, body }),
        1 => Just(Piece::Call),
        2 => reg().prop_map(Piece::Chase),
        1 => body().prop_map(Piece::Masked),
        1 => (reg(), reg(), prop::collection::vec(plain(), 0..3))
            .prop_map(|(rd, rs, body)| Piece::Reserve { rd, rs, body }),
        1 => Just(Piece::Raise),
        1 => Just(Piece::Wfi),
    ]
}

/// Bytes of a program: set-up, the pieces in a loop for ever, a function, the handler.
fn program(pieces: &[Piece]) -> Vec<u8> {
    const HANDLER: u32 = 0x4000;
    let mut code: Vec<u8> = Vec::new();
    let word = |code: &mut Vec<u8>, w: u32| code.extend(w.to_le_bytes());
    for w in [
        lui(8, DEVICE),
        lui(9, RAM),
        lui(2, RAM + 0x8000),
        lui(5, FLASH + HANDLER),
        csr(1, 0, MTVEC, 5),
        lui(5, 0x1000),
        addi(5, 5, -2048), // bit 11
        csr(1, 0, MIE, 5),
        addi(5, 0, 41),
        store(2, 5, 8, 16), // interrupts every 41 to 82 cycles
        csr(6, 0, MSTATUS, 8),
        jal(0, 8), // over the function
        RET,
    ] {
        word(&mut code, w);
    }
    let function = code.len() as i32 - 4;
    let top = code.len() as i32;
    for p in pieces {
        match p {
            Piece::One(w) => word(&mut code, *w),
            Piece::Compressed(a, b) => code.extend([a.to_le_bytes(), b.to_le_bytes()].concat()),
            Piece::Skip { funct3, a, b, over } => {
                word(
                    &mut code,
                    branch(*funct3, *a, *b, 4 * over.len() as i32 + 4),
                );
                over.iter().for_each(|w| word(&mut code, *w));
            }
            Piece::Loop { count, body } => {
                word(&mut code, addi(5, 0, *count));
                body.iter().for_each(|w| word(&mut code, *w));
                word(&mut code, addi(5, 5, -1));
                word(&mut code, branch(1, 5, 0, -4 * (body.len() as i32 + 1)));
            }
            Piece::Call => {
                let at = code.len() as i32;
                word(&mut code, jal(1, function - at));
            }
            Piece::Chase(d) => {
                // An address out of what was just loaded, so that it is not known at the block's entry.
                for w in [
                    load(2, *d, 9, 0x40),
                    i(0x13, 7, 6, *d, 0x7E), // andi t1, d, 0x7e: may be misaligned
                    r(0, 0, 6, 6, 9),
                    load(2, *d, 6, 0),
                    store(2, *d, 9, 0x40),
                    load(2, 6, 9, 0x44),
                    i(0x13, 7, 6, 6, 0x3C),
                    r(0, 0, 6, 6, 9),
                    store(1, *d, 6, 2),
                ] {
                    word(&mut code, w);
                }
            }
            Piece::Masked(body) => {
                word(&mut code, csr(7, 0, MSTATUS, 8));
                body.iter().for_each(|w| word(&mut code, *w));
                word(&mut code, csr(6, 0, MSTATUS, 8));
            }
            Piece::Reserve { rd, rs, body } => {
                word(&mut code, amo(2, *rd, 9, 0));
                body.iter().for_each(|w| word(&mut code, *w));
                word(&mut code, amo(3, *rd, 9, *rs));
            }
            Piece::Raise => word(&mut code, store(2, 0, 8, 20)),
            Piece::Wfi => word(&mut code, WFI),
        }
    }
    let at = code.len() as i32;
    word(&mut code, jal(0, top - at));
    assert!(code.len() < HANDLER as usize);
    code.resize(HANDLER as usize, 0);
    // Interrupts: lower the line, log the cause. Exceptions: go on four bytes behind.
    for w in [
        csr(2, 28, MCAUSE, 0),
        store(2, 28, 8, 8),
        branch(4, 28, 0, 16), // negative: an interrupt
        csr(2, 29, MEPC, 0),
        addi(29, 29, 4),
        csr(1, 0, MEPC, 29),
        store(2, 0, 8, 4),
        load(2, 29, 9, 0x200),
        addi(29, 29, 1),
        store(2, 29, 9, 0x200),
        MRET,
    ] {
        word(&mut code, w);
    }
    code
}

fn check(kind: CoreKind, pieces: &[Piece]) -> Result<(), TestCaseError> {
    let code = program(pieces);
    let mut fast = Rig::new(kind, false, &code);
    let mut slow = Rig::new(kind, true, &code);
    for limit in [777u64, 3000, 9001, 20_011] {
        let a = fast.machine.run_until(Cycles(limit));
        let b = slow.machine.run_until(Cycles(limit));
        prop_assert_eq!(&a, &b);
        let (x, y) = (fast.log(), slow.log());
        let differ = x.iter().zip(&y).position(|(p, q)| p != q);
        prop_assert_eq!(differ, None, "at {:?}", differ.map(|i| (x[i], y[i])));
        prop_assert_eq!(x.len(), y.len());
        prop_assert_eq!(fast.machine.now(), slow.machine.now());
        prop_assert_eq!(fast.machine.instructions(), slow.machine.instructions());
        prop_assert_eq!(fast.machine.ledger(), slow.machine.ledger());
        prop_assert_eq!(
            fast.machine.riscv_registers(),
            slow.machine.riscv_registers()
        );
        prop_assert_eq!(fast.machine.state_hash(), slow.machine.state_hash());
    }
    prop_assert!(!fast.log().is_empty());
    Ok(())
}

/// Something to watch among what the programs use, and where to stop for it.
fn watching() -> impl Strategy<Value = (Watchpoint, WatchReport)> {
    let address = prop_oneof![
        4 => RAM..RAM + 0x90,
        2 => RAM + 0x1F8..RAM + 0x208,
        1 => Just(DEVICE + 8),
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
    (point, report): (Watchpoint, WatchReport),
) -> Result<(), TestCaseError> {
    let code = program(pieces);
    let limit = Cycles(5003);
    let mut plain = Rig::new(kind, false, &code);
    prop_assert_eq!(plain.machine.run_until(limit), Stop::Limit);
    let mut all = Vec::new();
    for single_step in [false, true] {
        let mut r = Rig::new(kind, single_step, &code);
        r.machine.set_watch_reporting(report);
        r.machine.set_watchpoints(&[point]);
        all.push(through(&mut r.machine, limit));
        prop_assert_eq!(plain.log(), r.log());
        prop_assert_eq!(plain.machine.now(), r.machine.now());
        prop_assert_eq!(plain.machine.instructions(), r.machine.instructions());
        prop_assert_eq!(plain.machine.ledger(), r.machine.ledger());
        prop_assert_eq!(plain.machine.riscv_registers(), r.machine.riscv_registers());
        prop_assert_eq!(plain.machine.state_hash(), r.machine.state_hash());
    }
    prop_assert_eq!(&all[0], &all[1]);
    let mut r = Rig::new(kind, false, &code);
    r.machine.set_watchpoints(&[point]);
    changes_hit(&mut r.machine, &point, limit)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn e31(pieces in prop::collection::vec(piece(), 1..60)) {
        check(CoreKind::E31, &pieces)?;
    }

    #[test]
    fn watched(
        pieces in prop::collection::vec(piece(), 1..60),
        kind in prop_oneof![Just(CoreKind::E31), Just(CoreKind::Bumblebee), Just(CoreKind::Rv32)],
        watching in watching(),
    ) {
        check_watched(kind, &pieces, watching)?;
    }

    #[test]
    fn rv32(pieces in prop::collection::vec(piece(), 1..60), two in any::<bool>()) {
        check(if two { CoreKind::Bumblebee } else { CoreKind::Rv32 }, &pieces)?;
    }
}
