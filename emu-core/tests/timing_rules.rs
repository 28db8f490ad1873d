//! Each rule of the timing models on the smallest sequence that shows it, with its source.
//!
//! A cost is the distance from the first execute cycle of one instruction to that of the next.
#![allow(clippy::unwrap_used)]

mod common;
use common::rules::{NOP, cost, decode, enter, enter_with, pair, starts, taken};
use emu_core::decode::Insn;
use emu_core::machine::CoreKind;
use emu_core::timing::flash::{Flash, Lines, Settings, Shape};
use emu_core::timing::{self, Inputs, Pipe, Provenance, ZeroWait};

const M0: CoreKind = CoreKind::CortexM0;
const M0PLUS: CoreKind = CoreKind::CortexM0plus;
const M3: CoreKind = CoreKind::CortexM3;
const M4: CoreKind = CoreKind::CortexM4f;
const M7: CoreKind = CoreKind::CortexM7;

/// DDI 0432C table 3-1 and DDI 0484C table 3-1: encoding, taken, cycles on M0, cycles on M0+.
const ARMV6M: &[(&str, &[u16], bool, u32, u32)] = &[
    ("movs r0,#1", &[0x2001], false, 1, 1),
    ("adds r0,r1,r2", &[0x1888], false, 1, 1),
    ("muls r0,r1 (fast multiplier)", &[0x4348], false, 1, 1),
    ("nop", &[0xBF00], false, 1, 1),
    ("cpsid i", &[0xB672], false, 1, 1),
    ("ldr r0,[r1]", &[0x6808], false, 2, 2),
    ("ldrb r0,[r1]", &[0x7808], false, 2, 2),
    ("ldr r0,[pc]", &[0x4800], false, 2, 2),
    ("ldr r0,[sp]", &[0x9800], false, 2, 2),
    ("str r0,[r1]", &[0x6008], false, 2, 2),
    ("strh r0,[r1,r2]", &[0x5288], false, 2, 2),
    ("ldm r1!,{r0,r2,r3}", &[0xC90D], false, 4, 4),
    ("stm r1!,{r0,r2}", &[0xC105], false, 3, 3),
    ("push {r4,lr}", &[0xB510], false, 3, 3),
    ("pop {r4,r5}", &[0xBC30], false, 3, 3),
    ("pop {r4,pc}", &[0xBD10], true, 6, 5),
    ("b", &[0xE000], true, 3, 2),
    ("beq taken", &[0xD000], true, 3, 2),
    ("beq not taken", &[0xD000], false, 1, 1),
    ("bx lr", &[0x4770], true, 3, 2),
    ("blx r1", &[0x4788], true, 3, 2),
    ("mov pc,r0", &[0x4687], true, 3, 2),
    ("add pc,r0", &[0x4487], true, 3, 2),
    ("bl", &[0xF000, 0xF800], true, 4, 3),
    ("mrs r0,primask", &[0xF3EF, 0x8010], false, 4, 3),
    ("msr primask,r0", &[0xF380, 0x8810], false, 4, 3),
    ("dmb", &[0xF3BF, 0x8F5F], false, 4, 3),
    ("dsb", &[0xF3BF, 0x8F4F], false, 4, 3),
    ("isb", &[0xF3BF, 0x8F6F], false, 4, 3),
];

#[test]
fn armv6m_table() {
    for &(what, code, is_taken, m0, m0plus) in ARMV6M {
        for (kind, expected) in [(M0, m0), (M0PLUS, m0plus)] {
            let found = if is_taken {
                enter(kind, code, NOP, Some(0x200))
            } else {
                enter(kind, code, NOP, None)
            };
            assert_eq!(found, (expected, Provenance::Exact), "{what} on {kind:?}");
        }
    }
}

#[test]
fn armv6m_has_no_pairing_and_no_interlock() {
    // ldr r0,[r1]; ldr r2,[r0]
    assert_eq!(pair(M0, &[0x6808], &[0x6802]), 2);
    // adds r1,#4; ldr r0,[r1]
    assert_eq!(pair(M0, &[0x3104], &[0x6808]), 1);
    // A wide target in the upper half of a word costs nothing more.
    assert_eq!(enter(M0, &[0xE000], &[0xF3BF, 0x8F5F], Some(0x202)).0, 3);
}

#[test]
fn the_small_multiplier_takes_32_cycles() {
    // DDI 0432C §1.2, DDI 0484C §1.3.
    for kind in [M0, M0PLUS] {
        let mut model = timing::model(kind);
        let insns = decode(kind, 0x100, &[0x4348, 0xBF00]);
        let muls = |model: &dyn timing::Model| {
            let mut pipe = Pipe::SETTLED;
            model.step(&mut pipe, &insns[0], Inputs::PLAIN, &mut ZeroWait);
            let next = model.step(&mut pipe, &insns[1], Inputs::PLAIN, &mut ZeroWait);
            (next.cycles, next.provenance)
        };
        assert!(!model.configure(&|_| None));
        assert_eq!(muls(&*model), (1, Provenance::Exact));
        assert!(model.configure(&|name| (name == "slow_multiplier").then_some(1)));
        assert_eq!(muls(&*model), (32, Provenance::Exact));
    }
}

/// One wait state; lines of four bytes, as STM32F0's prefetch buffer has them.
fn slow_flash(prefetch: bool) -> Flash {
    let mut flash = Flash::new(&Shape {
        base: 0,
        size: 0x1000,
        aliases: Vec::new(),
        line_bytes: 4,
        instruction_cache: (0, 1),
        data_cache: (0, 1),
        unified: false,
    });
    flash.set(Settings {
        wait_states: 1,
        prefetch,
        ..Settings::default()
    });
    flash
}

/// Cycles of `rounds` rounds of a loop at 0x100, by its code, from a flash.
fn rounds(kind: CoreKind, code: &[u16], rounds: u32, flash: Option<&mut Flash>) -> u32 {
    let model = timing::model(kind);
    let insns = decode(kind, 0x100, code);
    let mut pipe = Pipe::SETTLED;
    let mut walk = flash.map(|f| f.walk(&Lines::NONE, 0));
    let mut now = 0;
    for _ in 0..rounds {
        for insn in &insns {
            now += match &mut walk {
                Some(walk) => model.step(&mut pipe, insn, Inputs::PLAIN, walk).cycles,
                None => {
                    model
                        .step(&mut pipe, insn, Inputs::PLAIN, &mut ZeroWait)
                        .cycles
                }
            };
        }
        pipe = model.branched(&pipe);
    }
    now
}

#[test]
fn armv6m_fetch_waits_are_those_measured_on_stm32f0() {
    // jnk0le/cortexm-AES: one wait state with prefetch 0.3 to 1 % on long loops, 5.7 % on short ones with many
    // branches; about 45 % without prefetch.
    let body = |n: usize| -> Vec<u16> {
        let mut code = Vec::new();
        while code.len() < n {
            code.extend([0x1888, 0x4050, 0x6808, 0x1C49]); // adds; eors; ldr; adds
        }
        code.extend([0x3F01, 0xD1FE]); // subs; bne
        code
    };
    for (kind, n, prefetch, percent) in [
        (M0, 200, true, 0.1..1.0),
        (M0, 8, true, 3.0..9.0),
        (M0, 200, false, 30.0..50.0),
        (M0PLUS, 200, true, 0.1..1.0),
    ] {
        let code = body(n);
        let quick = f64::from(rounds(kind, &code, 50, None));
        let slow = f64::from(rounds(kind, &code, 50, Some(&mut slow_flash(prefetch))));
        let more = 100.0 * (slow / quick - 1.0);
        assert!(
            percent.contains(&more),
            "{n} instructions, prefetch {prefetch}: {more:.1} % more"
        );
    }
}

#[test]
fn what_fetch_adds_is_an_estimate_and_the_rest_is_not() {
    let model = timing::model(M0);
    let insns = decode(M0, 0x100, &[0x6808, 0xBF00, 0xBF00]);
    let mut pipe = Pipe::SETTLED;
    let mut flash = slow_flash(false);
    let mut walk = flash.walk(&Lines::NONE, 100);
    for (insn, provenances) in insns.iter().zip([[0, 0, 1], [2, 0, 0], [1, 0, 1]]) {
        let cost = model.step(&mut pipe, insn, Inputs::PLAIN, &mut walk);
        assert_eq!(cost.provenances(), provenances, "{:#x}", insn.address);
    }
}

// ----- Cortex-M3 and M4 -----

#[test]
fn data_processing_takes_one_cycle() {
    // DDI 0337E table 18-1, DDI 0439B table 3-1.
    for kind in [M3, M4] {
        for code in [
            &[0x2001u16][..],  // movs
            &[0x1888],         // adds
            &[0xF04F, 0x0001], // mov.w
            &[0xEA4F, 0x00C1], // lsl.w
            &[0xFA91, 0xF0A1], // rbit
            &[0xF3C1, 0x0007], // ubfx
            &[0xFB01, 0xF002], // mul
            &[0xBF00],         // nop
        ] {
            assert_eq!(
                enter(kind, code, NOP, None),
                (1, Provenance::Exact),
                "{code:x?}"
            );
        }
    }
}

#[test]
fn multiplies_differ_between_m3_and_m4() {
    // DDI 0337E table 18-1: MLA 2, long 3 to 5, long accumulate 4 to 7; DDI 0439B table 3-1: one cycle.
    for (code, m3) in [
        ([0xFB01, 0x3002], 2), // mla
        ([0xFB01, 0x3012], 2), // mls
        ([0xFB81, 0x0302], 3), // smull
        ([0xFBA1, 0x0302], 3), // umull
        ([0xFBC1, 0x0302], 4), // smlal
        ([0xFBE1, 0x0302], 4), // umlal
    ] {
        assert_eq!(cost(M3, &code), m3, "{code:x?}");
        assert_eq!(cost(M4, &code), 1, "{code:x?}");
    }
}

#[test]
fn m3_long_multiplies_stop_early() {
    // The range is DDI 0337E's; how operands map into it is an estimate.
    let model = timing::model(M3);
    let insn = |code: &[u16]| decode(M3, 0, code)[0];
    let (umull, smull) = (insn(&[0xFBA1, 0x0302]), insn(&[0xFB81, 0x0302]));
    let umlal = insn(&[0xFBE1, 0x0302]);
    assert!(model.depends_on_operands(umull.class) && model.depends_on_operands(umlal.class));
    for (n, m, extra) in [(1, 1, 0), (0x1_0000, 1, 1), (0x1_0000, 0xFFFF_FFFF, 2)] {
        assert_eq!(model.operand_cycles(&umull, n, m), extra);
    }
    assert_eq!(
        model.operand_cycles(&smull, 0xFFFF_FFFF, 1),
        0,
        "-1 is short"
    );
    assert_eq!(
        model.operand_cycles(&umlal, u32::MAX, u32::MAX),
        3,
        "4 to 7"
    );
    assert!(!timing::model(M4).depends_on_operands(umull.class));
}

#[test]
fn divides_take_2_to_12_by_their_quotient() {
    // DDI 0439B table 3-1, compendium.i-0.nl.
    let model = timing::model(M4);
    let insn = |code: &[u16]| decode(M4, 0, code)[0];
    let (sdiv, udiv) = (insn(&[0xFB91, 0xF0F2]), insn(&[0xFBB1, 0xF0F2]));
    assert!(model.depends_on_operands(udiv.class));
    let total = |i: &Insn, n, m| 2 + model.operand_cycles(i, n, m);
    assert_eq!(total(&udiv, 5, 8), 3, "the dividend is shorter");
    assert_eq!(total(&udiv, 5, 0), 2, "by zero");
    assert_eq!(total(&udiv, 7, 7), 5);
    assert_eq!(total(&udiv, u32::MAX, 1), 12);
    assert_eq!(total(&sdiv, (-100i32) as u32, 100), 5);
    assert_eq!(
        total(&sdiv, i32::MIN as u32, u32::MAX),
        total(&udiv, 1 << 31, 1)
    );
    for (n, m) in [(1u32, 1u32), (u32::MAX, 1), (1 << 31, 3), (0, 9), (9, 0)] {
        assert!((2..=12).contains(&total(&udiv, n, m)));
        assert!((2..=12).contains(&total(&sdiv, n, m)));
    }
}

#[test]
fn loads_pipeline_with_single_transfers() {
    // DDI 0439B §3.3.3; measured by jnk0le/random.
    let ldr = [0x6808]; // ldr r0,[r1]
    assert_eq!(pair(M4, &ldr, &[0x1889]), 2, "adds");
    assert_eq!(pair(M4, &ldr, &[0x684A]), 1, "ldr r2,[r1,#4]");
    assert_eq!(pair(M4, &ldr, &[0x604A]), 1, "str r2,[r1,#4]");
    assert_eq!(
        pair(M4, &ldr, &[0x6802]),
        2,
        "the next address is the loaded value"
    );
    assert_eq!(
        pair(M4, &ldr, &[0x6048]),
        1,
        "str r0,[r1,#4]: the loaded value is only data"
    );
    assert_eq!(pair(M4, &ldr, NOP), 1, "a NOP is absorbed");
    assert_eq!(pair(M4, &ldr, &[0xC90C]), 2, "LDM does not pair");
    assert_eq!(pair(M4, &ldr, &[0xE9D1, 0x2300]), 2, "LDRD does not pair");
}

#[test]
fn stores_are_buffered_unless_something_loads_behind_them() {
    // DDI 0439B §3.3.3; STR before a load measured by jnk0le/random.
    let (imm, reg) = ([0x6008], [0x5088]); // str r0,[r1]; str r0,[r1,r2]
    assert_eq!(pair(M4, &imm, &[0x1889]), 1);
    assert_eq!(pair(M4, &imm, &[0x604B]), 1, "store behind store");
    assert_eq!(pair(M4, &imm, &[0x684B]), 2, "load behind store");
    assert_eq!(pair(M4, &imm, &[0xC90C]), 2, "LDM behind store");
    assert_eq!(pair(M4, &reg, &[0x1889]), 2, "register offset");
    assert_eq!(pair(M4, &reg, NOP), 1, "which absorbs a NOP");
}

#[test]
fn multiple_transfers_take_one_and_n() {
    // DDI 0439B table 3-1.
    for kind in [M3, M4] {
        assert_eq!(cost(kind, &[0xC90C]), 3, "ldm of two");
        assert_eq!(cost(kind, &[0xC1F0]), 5, "stm of four");
        assert_eq!(cost(kind, &[0xB5F0]), 6, "push of five");
        assert_eq!(cost(kind, &[0xBCF0]), 5, "pop of four");
        assert_eq!(cost(kind, &[0xE8B1, 0x1F00]), 6, "ldm.w of five");
        assert_eq!(cost(kind, &[0xE9D1, 0x2300]), 3, "ldrd");
        assert_eq!(cost(kind, &[0xE9C1, 0x2300]), 3, "strd");
    }
}

#[test]
fn branches_refill() {
    // ARM KB ka8521 (three-word queue, P = 1 for direct branches); register branches measured (Embench, AES).
    for kind in [M3, M4] {
        for code in [
            &[0xE000u16][..],
            &[0xD000],
            &[0xB100],
            &[0xF000, 0xF800],
            &[0xF000, 0xB800],
        ] {
            assert_eq!(taken(kind, code), 2, "{code:x?}");
        }
        assert_eq!(cost(kind, &[0xD000]), 1, "not taken");
        assert_eq!(taken(kind, &[0x4770]), 2, "bx lr");
        assert_eq!(taken(kind, &[0x2001, 0x4700]), 3, "bx r0 behind movs r0");
        assert_eq!(taken(kind, &[0x2101, 0x4700]), 2, "bx r0 behind movs r1");
        assert_eq!(taken(kind, &[0xBD10]), 2 + 4, "pop {{r4,pc}}: N+4");
        assert_eq!(taken(kind, &[0xF8D1, 0xF000]), 5, "ldr pc");
        assert_eq!(taken(kind, &[0xE8D0, 0xF001]), 6, "tbb");
    }
}

#[test]
fn a_wide_target_that_straddles_words_waits_for_the_second() {
    // compendium.i-0.nl: alignment on M3 and M4.
    let wide = [0xF04F, 0x0001];
    assert_eq!(enter(M4, &[0xE000], &wide, Some(0x200)).0, 2);
    assert_eq!(enter(M4, &[0xE000], &wide, Some(0x202)).0, 3);
    assert_eq!(enter(M4, &[0xE000], NOP, Some(0x202)).0, 2);
}

#[test]
fn an_address_register_that_was_just_written_costs_one() {
    // DDI 0439B §3.3.3: no forwarding into the address generation.
    assert_eq!(pair(M4, &[0x3104], &[0x6808]), 2, "adds r1,#4; ldr r0,[r1]");
    assert_eq!(pair(M4, &[0x3104], &[0x6008]), 2, "adds r1,#4; str r0,[r1]");
    assert_eq!(
        pair(M4, &[0x3204], &[0x5888]),
        2,
        "adds r2,#4; ldr r0,[r1,r2]"
    );
    assert_eq!(
        pair(M4, &[0x3004], &[0x6008]),
        1,
        "adds r0,#4; str r0,[r1]: data is forwarded"
    );
    assert_eq!(
        pair(M4, &[0x3104], &[0x1888]),
        1,
        "adds r1,#4; adds r0,r1,r2"
    );
    assert_eq!(
        pair(M4, &[0x3104, 0xBF00], &[0x6808]),
        1,
        "one instruction between"
    );
}

#[test]
fn it_folds_behind_a_narrow_instruction() {
    // Measured (jnk0le/random, Embench): free behind a 16-bit instruction, else one cycle.
    let it = [0xBF08, 0x2001];
    assert_eq!(pair(M4, &[0x4281], &it), 0);
    assert_eq!(pair(M4, &[0xEBB1, 0x0F02], &it), 1);
    assert_eq!(cost(M4, &[0xBF08]), 1);
}

#[test]
fn aligned_wide_code_needs_no_more_than_a_cycle_each() {
    // ARM KB ka8521: three words of prefetch.
    let mov = [0xF04F, 0x0001];
    let code: Vec<u16> = mov.repeat(6);
    for kind in [M3, M4] {
        assert_eq!(starts(kind, 0x100, &code), [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn unaligned_wide_code_behind_a_multi_cycle_instruction_has_one_bubble() {
    // compendium.i-0.nl: groups of three or more unaligned wide instructions take one extra cycle.
    let mov = [0xF04F, 0x0001];
    for (wides, bubbles) in [(1, 0), (2, 0), (3, 1), (4, 1), (8, 1)] {
        // nop; nop; nop; ldm r1!,{r2,r3} (3 cycles) at 4n+2 - 2; then wide ones at 4n+2.
        let mut code = vec![0xBF00, 0xBF00, 0xBF00, 0xBF00, 0xC90C];
        code.extend(mov.repeat(wides));
        code.push(0xBF00);
        let all = starts(M4, 0x100, &code);
        let (first, end) = (all[5], all[5 + wides]);
        assert_eq!(end - first, wides as u32 + bubbles, "{wides}: {all:?}");
    }
}

#[test]
fn a_branch_that_is_not_taken_costs_more_only_when_the_queue_is_empty() {
    // jnk0le/random: it steals the fetch slot of its decode cycle.
    let narrow = starts(M4, 0x100, &[0xBF00, 0xBF00, 0xD000, 0xBF00, 0xBF00]);
    assert_eq!(narrow, [0, 1, 2, 3, 4]);
    // beq.w between wide ones, all aligned, right at the start of a stream.
    let mov = [0xF04F, 0x0001];
    let mut code = vec![0xF000, 0x8000];
    code.extend(mov.repeat(3));
    let wide = starts(M4, 0x100, &code);
    assert_eq!(wide[3] - wide[0], 4, "{wide:?}");
}

#[test]
fn unaligned_data_takes_more_accesses() {
    // DDI 0439B §3.3.2.
    for kind in [M3, M4] {
        let model = timing::model(kind);
        let more = |at: u32, bytes| model.unaligned_cycles(0x2000_0000 + at, bytes);
        assert_eq!([0, 1, 2, 3].map(|at| more(at, 4)), [0, 2, 1, 2]);
        assert_eq!([0, 1, 2, 3].map(|at| more(at, 2)), [0, 1, 0, 1]);
        assert_eq!([0, 1, 2, 3].map(|at| more(at, 1)), [0; 4]);
    }
}

#[test]
fn loads_from_different_slaves_do_not_pipeline() {
    // jnk0le/random: SRAM1, SRAM2 and CCM of an STM32F407.
    let model = timing::model(M4);
    let on = |slave| Inputs {
        slave,
        ..Inputs::PLAIN
    };
    // ldr r0,[r1]; ldr r2,[r3]
    let insns = decode(M4, 0x100, &[0x6808, 0x681A, 0xBF00]);
    for (first, second, cycles) in [(1, 1, 1), (1, 2, 2), (3, 2, 2)] {
        let mut pipe = Pipe::SETTLED;
        model.step(&mut pipe, &insns[0], on(first), &mut ZeroWait);
        let cost = model.step(&mut pipe, &insns[1], on(second), &mut ZeroWait);
        assert_eq!(cost.cycles, cycles, "slaves {first} and {second}");
    }
    assert!(model.slave_matters(None, &insns[0], Some(&insns[1])));
    assert!(!model.slave_matters(Some(&insns[2]), &insns[0], Some(&insns[2])));
}

#[test]
fn indexed_transfers_pipeline_on_m4_only() {
    // jnk0le/random: M3 takes an indexed one only as the first of a run.
    let (plain, indexed) = ([0x6808], [0xF853, 0x2B04]); // ldr r0,[r1]; ldr r2,[r3],#4
    let same = |kind, first: &[u16], next: &[u16]| pair(kind, first, next);
    assert_eq!(same(M4, &plain, &indexed), 1);
    assert_eq!(same(M3, &plain, &indexed), 2);
    assert_eq!(same(M3, &indexed, &plain), 1);
    // ldr r2,[r3],#4 twice: the base was just written back.
    assert_eq!(same(M4, &indexed, &indexed), 2);
}

#[test]
fn skipped_instructions_take_one_cycle() {
    // DDI 0439B §3.3.2.
    for code in [&[0x6808u16][..], &[0xFB91, 0xF0F2], &[0xC90C], &[0x5088]] {
        let skipped = Inputs {
            executed: false,
            ..Inputs::PLAIN
        };
        assert_eq!(enter_with(M4, code, &[0x6808], None, skipped).cycles, 1);
    }
}

#[test]
fn fp_latencies() {
    // DDI 0439B table 7-1; results one instruction late (gcc cortex-m4.md).
    assert_eq!(cost(M4, &[0xEE30, 0x0A00]), 1, "vadd");
    assert_eq!(cost(M4, &[0xEE20, 0x0A00]), 1, "vmul");
    // vadd s4,s5,s6 takes none of their results: it waits for the FPU; a NOP does not.
    let other = [0xEE32, 0x2A83];
    for (code, busy, what) in [
        ([0xEE00, 0x0A00], 3, "vmla"),
        ([0xEEA0, 0x0A00], 3, "vfma"),
        ([0xEE80, 0x0A00], 14, "vdiv"),
        ([0xEEB1, 0x0AC0], 14, "vsqrt"),
    ] {
        assert_eq!(pair(M4, &code, &other), busy, "{what}");
        assert_eq!(cost(M4, &code), 1, "{what} beside integer code");
    }
    assert_eq!(cost(M4, &[0xED91, 0x0A00]), 2, "vldr.32");
    assert_eq!(cost(M4, &[0xED91, 0x0B00]), 3, "vldr.64");
    assert_eq!(cost(M4, &[0xED81, 0x0A00]), 2, "vstr.32");
    assert_eq!(cost(M4, &[0xECB1, 0x0A04]), 5, "vldm of four");
    assert_eq!(cost(M4, &[0xED2D, 0x8A10]), 17, "vpush of sixteen");
    assert_eq!(cost(M4, &[0xEE00, 0x0A10]), 1, "vmov s0,r0");
    assert_eq!(cost(M4, &[0xEC51, 0x0A10]), 2, "vmov r0,r1,s0,s1");
    // vadd s0,s0,s0; vadd s2,s0,s0 against vadd s2,s3,s3
    assert_eq!(pair(M4, &[0xEE30, 0x0A00], &[0xEE30, 0x1A00]), 2);
    assert_eq!(pair(M4, &[0xEE30, 0x0A00], &[0xEE31, 0x1AA1]), 1);
}

#[test]
fn declared_estimates_are_marked_so() {
    let cases = [
        (M4, [0xF3BF, 0x8F5F]),
        (M4, [0xF3EF, 0x8010]),
        (M3, [0xFBB1, 0xF0F2]),
    ];
    for (kind, code) in cases {
        assert_eq!(
            enter(kind, &code, NOP, None).1,
            Provenance::Estimate,
            "{code:x?}"
        );
    }
}

#[test]
fn exception_cycles() {
    // J. Yiu's latency table; DDI 0337E §5.7; DDI 0439B §3.9.1.
    for (kind, entry, tail) in [
        (M0, 16, 10),
        (M0PLUS, 15, 9),
        (M3, 12, 6),
        (M4, 12, 6),
        (M7, 12, 6),
    ] {
        let model = timing::model(kind);
        let e = model.exceptions();
        assert_eq!((e.entry, e.tail_chain), (entry, tail), "{kind:?}");
    }
    let model = timing::model(M4);
    assert_eq!(
        (model.exceptions().exit, model.exceptions().fp_words),
        (10, 17)
    );
    assert!(model.exceptions().continues_multiple);
    assert!(!timing::model(M0).exceptions().continues_multiple);
}
