//! The rules of the Cortex-M7 model, each on the smallest sequence (jnk0le/random, quinapalus, LLVM ARMScheduleM7.td).
#![allow(clippy::unwrap_used)]

mod common;
use common::rules::{NOP, decode, enter, pair, starts, taken};
use emu_core::machine::CoreKind;
use emu_core::timing::{self, Inputs, Pipe, Provenance, ZeroWait};

const M7: CoreKind = CoreKind::CortexM7;

/// First execute cycles of a sequence from 0x100.
fn at(code: &[&[u16]]) -> Vec<u32> {
    starts(M7, 0x100, &code.concat())
}

const ADD: &[u16] = &[0x18D1]; // adds r1,r2,r3
const ADD_OTHER: &[u16] = &[0x196C]; // adds r4,r5,r5
const AND: &[u16] = &[0xEA02, 0x0103]; // and.w r1,r2,r3
const ROR: &[u16] = &[0xEA82, 0x51B3]; // eor.w r1,r2,r3,ror #22
const ROR_OTHER: &[u16] = &[0xEA85, 0x54B5]; // eor.w r4,r5,r5,ror #22
const UBFX: &[u16] = &[0xF3C2, 0x0107]; // ubfx r1,r2,#0,#8
const UXTB: &[u16] = &[0xB2EC]; // uxtb r4,r5
const MUL: &[u16] = &[0xFB02, 0xF103]; // mul r1,r2,r3
const MUL_OTHER: &[u16] = &[0xFB05, 0xF405]; // mul r4,r5,r5
const LDR: &[u16] = &[0x6808]; // ldr r0,[r1]
const STR: &[u16] = &[0x6035]; // str r5,[r6]

#[test]
fn two_independent_instructions_issue_together() {
    assert_eq!(at(&[ADD, ADD_OTHER, ADD, ADD_OTHER]), [0, 0, 1, 1]);
    assert_eq!(at(&[NOP; 6]), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn what_pairs() {
    for (first, second, cycles, why) in [
        (ADD, ROR_OTHER, 0, "one shifter"),
        (ROR, ROR_OTHER, 1, "two shifted operands"),
        (ROR, ADD_OTHER, 0, "a shifted operand first"),
        (&[0x0051], ROR_OTHER, 1, "a shift, then a shifted operand"),
        (ROR, &[0x006C], 0, "a shifted operand, then a shift"),
        (UBFX, ADD_OTHER, 0, "a bit field first"),
        (ADD, UXTB, 1, "an extension second"),
        (UBFX, UXTB, 1, "two of them"),
        (UBFX, ROR_OTHER, 1, "a bit field, then a shifted operand"),
        (MUL, ADD_OTHER, 0, "a multiply first"),
        (ADD, MUL_OTHER, 0, "a multiply second"),
        (MUL, ROR_OTHER, 0, "a multiply and a shifter"),
        (MUL, MUL_OTHER, 1, "two multiplies"),
        (MUL, STR, 1, "a multiply and a store"),
        (STR, MUL_OTHER, 1, "a store and a multiply"),
        (STR, &[0x6075], 1, "two stores"),
        (LDR, STR, 0, "a load and a store"),
        (STR, LDR, 0, "a store and a load"),
        (LDR, &[0x684A], 0, "even and odd words of one base"),
        (LDR, &[0x688A], 1, "two even words"),
        (LDR, &[0x681A], 1, "loads through different bases"),
        (ADD, &[0xD000], 0, "a branch"),
        (&[0xD000], ADD, 0, "behind a branch that is not taken"),
        (ADD, &[0xBF08], 0, "IT"),
        (ADD, &[0xFBB5, 0xF4F6], 1, "a divide"),
        (ADD, &[0xCE30], 1, "LDM"),
        (&[0xB430], ADD, 1, "behind PUSH"),
        (ADD, &[0xF3EF, 0x8410], 1, "MRS"),
        (
            &[0x18D1],
            &[0xEB45, 0x0405],
            1,
            "the carry is not there yet",
        ),
    ] {
        assert_eq!(pair(M7, first, second), cycles, "{why}");
    }
}

#[test]
fn plain_additions_and_moves_run_early_as_the_first() {
    // movw r1; movt r1
    assert_eq!(pair(M7, &[0xF241, 0x0100], &[0xF2C1, 0x0100]), 0);
    // adds r1,r2,r3; ands r4,r1
    assert_eq!(pair(M7, ADD, &[0x400C]), 0, "from an addition");
    assert_eq!(pair(M7, AND, &[0x400C]), 1, "from the late ALU");
    // As an address: the next cycle from an early result, two from a late one.
    assert_eq!(pair(M7, ADD, &[0x680C]), 1, "ldr r4,[r1]");
    assert_eq!(pair(M7, AND, &[0x680C]), 2, "ldr r4,[r1]");
    // As the second of its cycle, an addition runs late.
    let second = at(&[ADD_OTHER, ADD, &[0x680C]]);
    assert_eq!(second, [0, 0, 2]);
    // A shifted operand wants its register early, too; the other one not.
    assert_eq!(
        pair(M7, AND, &[0xEA85, 0x54B1]),
        2,
        "eor.w r4,r5,r1,ror #22"
    );
    assert_eq!(
        pair(M7, AND, &[0xEA81, 0x54B5]),
        1,
        "eor.w r4,r1,r5,ror #22"
    );
}

#[test]
fn loads() {
    assert_eq!(pair(M7, LDR, &[0x4005]), 1, "ands r5,r0: late ALU");
    assert_eq!(pair(M7, &[0x7808], &[0x4005]), 2, "ldrb");
    assert_eq!(pair(M7, LDR, &[0x6802]), 2, "ldr r2,[r0]");
    assert_eq!(
        pair(M7, &[0x7808], &[0x5C45]),
        3,
        "ldrb, then ldrb r5,[r0,r1]"
    );
    assert_eq!(
        pair(M7, LDR, &[0x6030]),
        0,
        "str r0,[r6]: in the same cycle"
    );
    assert_eq!(pair(M7, &[0x7808], &[0x7030]), 0, "strb r0,[r6]");
    assert_eq!(pair(M7, LDR, &[0xFB00, 0xF405]), 2, "mul r4,r0,r5");
    // ldr r0,[r1],#4; ldr r2,[r1]: the new base in the next cycle.
    assert_eq!(pair(M7, &[0xF851, 0x0B04], &[0x680A]), 1);
}

#[test]
fn multiplies() {
    assert_eq!(pair(M7, MUL, &[0x400C]), 2, "into the ALU");
    let mla = &[0xFB02, 0x1103]; // mla r1,r2,r3,r1
    assert_eq!(pair(M7, mla, mla), 1, "into the accumulator");
    assert_eq!(pair(M7, MUL, mla), 1);
    assert_eq!(
        pair(M7, AND, mla),
        0,
        "the accumulator from the late ALU of the same cycle"
    );
    assert_eq!(pair(M7, mla, &[0xFB01, 0xF405]), 2, "into a factor");
    // smlal r0,r1,..: both accumulators.
    let smlal = &[0xFBC2, 0x0103];
    assert_eq!(pair(M7, smlal, smlal), 1);
}

#[test]
fn several_words_go_by_twos() {
    for (code, cycles) in [
        (&[0xCE30u16][..], 1), // ldm of two
        (&[0xC907], 2),        // of three
        (&[0xB5F0], 3),        // push of five
        (&[0xE9D1, 0x2300], 1),
        (&[0xECB1, 0x0A04], 2), // vldm of four
    ] {
        assert_eq!(pair(M7, code, NOP), cycles, "{code:x?}");
    }
}

#[test]
fn divides_take_what_their_operands_need() {
    let model = timing::model(M7);
    let insns = decode(M7, 0x100, &[0xFBB1, 0xF0F2, 0x4005]);
    for (n, m, cycles) in [(0u32, 5u32, 2), (1, 2, 3), (100, 7, 6), (u32::MAX, 1, 12)] {
        let inputs = Inputs {
            operand: model.operand_cycles(&insns[0], n, m),
            ..Inputs::PLAIN
        };
        let mut pipe = Pipe::SETTLED;
        model.step(&mut pipe, &insns[0], inputs, &mut ZeroWait);
        let next = model.step(&mut pipe, &insns[1], Inputs::PLAIN, &mut ZeroWait);
        assert_eq!(next.cycles, cycles, "{n} / {m}");
    }
}

#[test]
fn branches_are_predicted_by_their_direction() {
    let model = timing::model(M7);
    // subs r7,#1 or nops before; bne back; what follows.
    let run = |code: &[u16], is_taken: bool| {
        let mut pipe = Pipe::SETTLED;
        let insns = decode(M7, 0x100, code);
        let (next, before) = insns.split_last().unwrap();
        for insn in before {
            model.step(&mut pipe, insn, Inputs::PLAIN, &mut ZeroWait);
        }
        if is_taken {
            pipe = model.branched(&pipe);
        }
        model
            .step(&mut pipe, next, Inputs::PLAIN, &mut ZeroWait)
            .cycles
    };
    assert_eq!(run(&[0x3F01, 0xD1FD, 0xBF00], true), 1, "a loop goes on");
    assert_eq!(run(&[0x3F01, 0xD1FD, 0xBF00], false), 8, "a loop ends");
    let apart: Vec<u16> = [vec![0x3F01], vec![0xBF00; 7], vec![0xD1F5, 0xBF00]].concat();
    assert_eq!(run(&apart, false), 6, "its flags are old");
    assert_eq!(run(&[0xD002, 0xBF00], true), 4, "forwards");
    assert_eq!(run(&[0xD002, 0x18D1], false), 0, "forwards, not taken");
    assert_eq!(taken(M7, &[0xE002]), 1);
    assert_eq!(taken(M7, &[0xF000, 0xF802]), 1, "bl");
    assert_eq!(taken(M7, &[0x4770]), 3, "bx lr");
    assert_eq!(taken(M7, &[0xBD10]), 4, "pop {{r4,pc}}");
}

#[test]
fn a_loop_of_two_instructions_takes_a_cycle() {
    // subs r7,#1; bne: both in one cycle when predicted.
    let model = timing::model(M7);
    let insns = decode(M7, 0x100, &[0x3F01, 0xD1FD]);
    let mut pipe = Pipe::SETTLED;
    let mut cycles = 0;
    for _ in 0..10 {
        for insn in &insns {
            cycles += model
                .step(&mut pipe, insn, Inputs::PLAIN, &mut ZeroWait)
                .cycles;
        }
        pipe = model.branched(&pipe);
    }
    assert_eq!(cycles, 9);
}

#[test]
fn skipped_instructions_cost_as_much() {
    // jnk0le/random: a skipped LDM still takes all its cycles.
    let model = timing::model(M7);
    let insns = decode(M7, 0x100, &[0xBF08, 0xC9FC, 0xBF00]);
    for executed in [true, false] {
        let mut pipe = Pipe::SETTLED;
        model.step(&mut pipe, &insns[0], Inputs::PLAIN, &mut ZeroWait);
        model.step(
            &mut pipe,
            &insns[1],
            Inputs {
                executed,
                ..Inputs::PLAIN
            },
            &mut ZeroWait,
        );
        let next = model.step(&mut pipe, &insns[2], Inputs::PLAIN, &mut ZeroWait);
        assert_eq!(next.cycles, 3, "six registers, executed: {executed}");
    }
}

#[test]
fn single_precision_latencies() {
    let vadd: &[u16] = &[0xEE30, 0x0A81]; // vadd s0,s1,s2
    let vmul: &[u16] = &[0xEE20, 0x0A81];
    let vfma: &[u16] = &[0xEEA0, 0x0A81];
    let vmla: &[u16] = &[0xEE00, 0x0A81];
    let use_add: &[u16] = &[0xEE70, 0x2A23]; // vadd s5,s0,s7
    let use_mul: &[u16] = &[0xEE60, 0x2A23]; // vmul s5,s0,s7
    let other: &[u16] = &[0xEE73, 0x3AA3]; // vadd s7,s7,s7
    let store: &[u16] = &[0xED81, 0x0A00]; // vstr s0,[r1]
    for (first, next, cycles, what) in [
        (vadd, other, 1, "two FP instructions"),
        (vadd, use_add, 3, "vadd to vadd"),
        (vmul, use_add, 3, "vmul to vadd"),
        (vfma, use_mul, 5, "vfma to vmul"),
        (vmla, use_mul, 6, "vmla to vmul"),
        (vfma, vfma, 3, "vfma to its sum"),
        (vadd, store, 1, "vadd to vstr"),
        (vfma, store, 3, "vfma to vstr"),
        (vmla, store, 4, "vmla to vstr"),
        (vfma, other, 4, "no vadd for three cycles behind vfma"),
        (vadd, ADD, 0, "an integer beside it"),
        (&[0xED91, 0x0A00], use_add, 1, "vldr to vadd"),
        (&[0xEE00, 0x0A10], use_add, 3, "vmov from a core register"),
    ] {
        assert_eq!(pair(M7, first, next), cycles, "{what}");
    }
    // vdiv; an integer instruction in its cycle; nothing else until it is over. vsqrt the same.
    assert_eq!(at(&[&[0xEE80, 0x0A81], ADD, ADD_OTHER]), [0, 0, 16]);
    assert_eq!(at(&[&[0xEEB1, 0x0AC1], ADD, ADD_OTHER]), [0, 0, 14]);
}

#[test]
fn double_precision() {
    let next = |code: [u16; 2]| at(&[&code, ADD, ADD_OTHER])[2];
    assert_eq!(next([0xEE31, 0x0B02]), 2, "vadd.f64");
    assert_eq!(next([0xEE21, 0x0B02]), 5, "vmul.f64");
    assert_eq!(next([0xEE81, 0x0B02]), 30, "vdiv.f64");
    assert_eq!(next([0xEEA1, 0x0B02]), 8, "vfma.f64");
    assert_eq!(pair(M7, ADD, &[0xEE31, 0x0B02]), 1, "never the second");
}

#[test]
fn all_of_it_is_an_estimate() {
    for code in [&[0x2001u16][..], &[0x6808], &[0xE000], &[0xC90C], &[0x4348]] {
        assert_eq!(enter(M7, code, NOP, None).1, Provenance::Estimate);
        assert_eq!(enter(M7, code, NOP, Some(0x200)).1, Provenance::Estimate);
    }
}
