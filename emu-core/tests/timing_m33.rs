//! The rules of the Cortex-M33 model on sequences that were published with their cycles (jnk0le/random, SLOTHY).
#![allow(clippy::unwrap_used)]

mod common;
use common::rules::{NOP, cost, decode, enter, pair, starts, taken};
use emu_core::machine::CoreKind;
use emu_core::timing::{self, Inputs, Pipe, Provenance, ZeroWait};

const M33: CoreKind = CoreKind::CortexM33;

/// Cycles of a loop: its body, with the branch back at its end, until its first instruction starts again.
fn round(code: &[u16]) -> u32 {
    let model = timing::model(M33);
    let mut pipe = Pipe::SETTLED;
    let insns = decode(M33, 0x100, code);
    let mut now = 0;
    let mut first = Vec::new();
    for _ in 0..4 {
        for (i, insn) in insns.iter().enumerate() {
            now += model
                .step(&mut pipe, insn, Inputs::PLAIN, &mut ZeroWait)
                .cycles;
            if i == 0 {
                first.push(now);
            }
        }
        pipe = model.branched(&pipe);
    }
    assert_eq!(first[3] - first[2], first[2] - first[1]);
    first[3] - first[2]
}

#[test]
fn loops_as_published() {
    // jnk0le/random: "subs r7,#1; bne": 1 and 2 cycles.
    assert_eq!(round(&[0x3F01, 0xD1FD]), 3);
    // "subs r7,#1; add r0,r1; bne": 1, 1, and 1.
    assert_eq!(round(&[0x3F01, 0x4408, 0xD1FC]), 3);
    // "subs r7,#1; ldmia r6!,{r0-r3}; bne": 1, 4, and 1.
    assert_eq!(round(&[0x3F01, 0xCE0F, 0xD1FC]), 6);
    // The decrement in a 32-bit encoding: nothing to pair with.
    assert_eq!(round(&[0xF1B7, 0x0701, 0xD1FC]), 3);
}

#[test]
fn pairs_of_narrow_instructions() {
    let (adds, ldr, it) = ([0x1888], [0x6808], [0xBF08]);
    assert_eq!(pair(M33, &adds, NOP), 0, "NOP behind data processing");
    assert_eq!(pair(M33, &ldr, NOP), 0, "NOP behind a load");
    assert_eq!(pair(M33, &adds, &it), 0, "IT");
    assert_eq!(pair(M33, &adds, &[0xD000]), 0, "a branch");
    assert_eq!(pair(M33, &adds, &[0x18D1]), 1, "two of data processing");
    assert_eq!(pair(M33, &ldr, &[0x18D1]), 1, "load and data processing");
    assert_eq!(pair(M33, NOP, &adds), 1, "NOP first");
    assert_eq!(pair(M33, &[0xEB01, 0x0002], NOP), 1, "a wide one first");
    assert_eq!(pair(M33, &adds, &[0xF000, 0x8000]), 1, "a wide branch");
    // adds; nop; nop: the pair is full. A branch that is not taken costs nothing.
    assert_eq!(starts(M33, 0x100, &[0x1888, 0xBF00, 0xBF00]), [0, 0, 1]);
    assert_eq!(starts(M33, 0x100, &[0x1888, 0xD000, 0x18D1]), [0, 0, 1]);
}

#[test]
fn a_loaded_value_is_there_in_the_second_cycle() {
    let ldr = [0x6808]; // ldr r0,[r1]
    assert_eq!(pair(M33, &ldr, &[0x1882]), 2, "adds r2,r0,r2");
    assert_eq!(pair(M33, &ldr, &[0x6802]), 2, "ldr r2,[r0]");
    assert_eq!(pair(M33, &ldr, &[0x6048]), 1, "str r0,[r1,#4]");
    assert_eq!(pair(M33, &ldr, &[0x684A]), 1, "ldr r2,[r1,#4]");
    assert_eq!(
        pair(M33, &ldr, &[0xFB02, 0x0203]),
        1,
        "mla r2,r2,r3,r0: accumulator"
    );
    assert_eq!(
        pair(M33, &ldr, &[0xFB00, 0x2203]),
        2,
        "mla r2,r0,r3,r2: factor"
    );
    assert_eq!(pair(M33, &ldr, &[0xFA50, 0xF282]), 2, "uxtab r2,r0,r2");
    assert_eq!(
        starts(M33, 0x100, &[0x6808, 0x684A, 0x1883]),
        [0, 1, 3],
        "the second load counts"
    );
}

#[test]
fn late_operations_take_two_cycles_to_their_result() {
    let use_r0 = [0x1882]; // adds r2,r0,r2
    for (code, latency, what) in [
        ([0xEB01, 0x0002], 1, "add.w"),
        ([0xEB01, 0x0082], 1, "add.w, lsl: SLOTHY"),
        ([0xEA81, 0x50B2], 2, "eor.w, ror"),
        ([0xF481, 0x50FE], 2, "eor.w, shifted constant"),
        ([0xF081, 0x301B], 1, "eor.w, constant pattern"),
        ([0xFB01, 0xF002], 2, "mul.w"),
        ([0xFA51, 0xF082], 2, "uxtab"),
        ([0xFA91, 0xF002], 2, "sadd16"),
        ([0xEAC1, 0x0002], 2, "pkhbt"),
        ([0xF361, 0x0007], 1, "bfi"),
        ([0xF3C1, 0x0007], 1, "ubfx"),
    ] {
        assert_eq!(pair(M33, &code, &use_r0), latency, "{what}");
        assert_eq!(pair(M33, &code, &[0x18D1]), 1, "{what}, not used");
    }
    // Chains through the accumulator: one cycle each.
    let mla = [0xFB02, 0x0003]; // mla r0,r2,r3,r0
    assert_eq!(pair(M33, &mla, &mla), 1);
    assert_eq!(
        pair(M33, &[0xEA81, 0x50B2], &mla),
        1,
        "from a shifted operand"
    );
    assert_eq!(pair(M33, &mla, &[0xFB00, 0xF203]), 2, "into a factor");
    let smlal = [0xFBC2, 0x0103];
    assert_eq!(pair(M33, &smlal, &smlal), 1);
    assert_eq!(pair(M33, &mla, &[0x6008]), 1, "into a store");
}

#[test]
fn late_instructions_that_set_flags_take_two_cycles() {
    assert_eq!(
        pair(M33, &[0x4351], &[0x1898]),
        2,
        "muls (also Arm KA001260)"
    );
    assert_eq!(pair(M33, &[0xFB01, 0xF102], &[0x1898]), 1, "mul.w");
    assert_eq!(
        pair(M33, &[0xF491, 0x51FE], &[0x1898]),
        2,
        "eors.w, shifted constant"
    );
    assert_eq!(pair(M33, &[0xF45F, 0x51FE], &[0x1898]), 1, "movs.w");
    assert_eq!(pair(M33, &[0xEA91, 0x51B2], &[0x1898]), 1, "eors.w, ror");
}

#[test]
fn skipped_instructions_are_nops() {
    let model = timing::model(M33);
    // it eq; addseq.w r0,r1,#0x1fc0; adds r3,r0
    let insns = decode(M33, 0x100, &[0xBF08, 0xF511, 0x50FE, 0x18C3]);
    for (executed, cycles) in [(true, 2), (false, 1)] {
        let mut pipe = Pipe::SETTLED;
        model.step(&mut pipe, &insns[0], Inputs::PLAIN, &mut ZeroWait);
        let inputs = Inputs {
            executed,
            ..Inputs::PLAIN
        };
        model.step(&mut pipe, &insns[1], inputs, &mut ZeroWait);
        let next = model.step(&mut pipe, &insns[2], Inputs::PLAIN, &mut ZeroWait);
        // The flags do not come late here: addseq does not set them inside IT in a 16-bit form, the wide one does.
        assert_eq!(next.cycles, cycles, "executed: {executed}");
    }
}

#[test]
fn several_words_take_a_cycle_each() {
    assert_eq!(cost(M33, &[0xC90C]), 1, "ldm of two, NOP in its last cycle");
    assert_eq!(pair(M33, &[0xC90C], &[0x1940]), 2, "ldm of two");
    assert_eq!(pair(M33, &[0xB5F0], &[0x18D1]), 5, "push of five");
    assert_eq!(pair(M33, &[0xE9D1, 0x2300], &[0x1940]), 2, "ldrd");
    assert_eq!(pair(M33, &[0xE9C1, 0x2300], &[0x1940]), 2, "strd");
    assert_eq!(pair(M33, &[0xECB1, 0x0A04], &[0x1888]), 4, "vldm of four");
    assert_eq!(pair(M33, &[0xED91, 0x0B00], &[0x1888]), 2, "vldr.64");
    assert_eq!(taken(M33, &[0xBD10]), 5, "pop {{r4,pc}}: an estimate");
}

#[test]
fn the_fpu() {
    let fma = [0xEEA0, 0x0A81]; // vfma.f32 s0,s1,s2
    let (vadd, mov) = ([0xEE30, 0x0A00], [0x1888]);
    let other = [0xEE32, 0x2A83]; // vadd s4,s5,s6
    assert_eq!(pair(M33, &fma, &mov), 1, "integer code goes on");
    assert_eq!(
        pair(M33, &fma, &other),
        3,
        "no FP instruction for two cycles"
    );
    assert_eq!(pair(M33, &fma, &fma), 3, "into the accumulator");
    assert_eq!(pair(M33, &fma, &[0xEDD2, 0x2A00]), 3, "nor vldr");
    assert_eq!(pair(M33, &fma, &[0xED81, 0x0A00]), 4, "vstr of its result");
    assert_eq!(pair(M33, &vadd, &vadd), 2);
    assert_eq!(pair(M33, &vadd, &other), 1);
    // vldr s0,[r1]; vadd s0,s0,s0
    assert_eq!(pair(M33, &[0xED91, 0x0A00], &vadd), 1);
    assert_eq!(
        pair(M33, &[0xEE80, 0x0A00], &mov),
        1,
        "vdiv beside integer code"
    );
}

#[test]
fn estimates_are_marked_so() {
    for code in [&[0xFBB1u16, 0xF0F2][..], &[0xF3BF, 0x8F5F]] {
        assert_eq!(enter(M33, code, NOP, None).1, Provenance::Estimate);
    }
    for code in [&[0x4770u16][..], &[0xBD10]] {
        assert_eq!(enter(M33, code, NOP, Some(0x200)).1, Provenance::Estimate);
    }
    for code in [&[0x1888u16][..], &[0x6808], &[0xC90C]] {
        assert_eq!(enter(M33, code, &[0x18D1], None).1, Provenance::Measured);
    }
}

#[test]
fn divides_take_2_to_11() {
    let model = timing::model(M33);
    let udiv = decode(M33, 0, &[0xFBB1, 0xF0F2])[0];
    let total = |n, m| 2 + model.operand_cycles(&udiv, n, m);
    assert_eq!((total(0, 1), total(1, 2), total(7, 7)), (2, 3, 5));
    assert_eq!(total(u32::MAX, 1), 11);
}
