//! Encodings with what the timing models and the core loop need to know of them, at least one of each class.
#![allow(clippy::unwrap_used)]

use emu_core::cortex_m::Architecture;
use emu_core::decode::{Class, Decoder, Insn};
use std::collections::HashSet;

const PC: u16 = 1 << 15;
const LR: u16 = 1 << 14;
const SP: u16 = 1 << 13;

/// Text, encoding, class, registers written, registers that make the address, count.
type Row = (&'static str, &'static [u16], Class, u16, u16, u8);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("adds r0,r1,r2", &[0x1888], Class::Alu, 1, 0, 1),
    ("mov.w r0,#1", &[0xF04F, 0x0001], Class::Alu, 1, 0, 1),
    ("add r8,r1", &[0x4488], Class::Alu, 1 << 8, 0, 1),
    ("ubfx r0,r1,#0,#8", &[0xF3C1, 0x0007], Class::Alu, 1, 0, 1),
    ("sub sp,#8", &[0xB082], Class::Alu, SP, 0, 1),
    ("adr r0", &[0xA000], Class::Alu, 1, 0, 1),
    ("nop", &[0xBF00], Class::Nop, 0, 0, 1),
    ("nop.w", &[0xF3AF, 0x8000], Class::Nop, 0, 0, 1),
    ("pld [r1]", &[0xF891, 0xF000], Class::Nop, 0, 1 << 1, 1),
    ("ldr r0,[r1,#4]", &[0x6848], Class::Load, 1, 1 << 1, 1),
    ("ldr r0,[r1,r2]", &[0x5888], Class::Load, 1, 6, 1),
    ("ldrsh r0,[r1,r2]", &[0x5E88], Class::Load, 1, 6, 1),
    ("ldr r0,[pc]", &[0x4800], Class::Load, 1, PC, 1),
    ("ldr r3,[sp,#4]", &[0x9B01], Class::Load, 1 << 3, SP, 1),
    ("ldr.w r0,[r1],#4", &[0xF851, 0x0B04], Class::Load, 3, 1 << 1, 1),
    ("ldrsb.w r0,[r1,r2,lsl #2]", &[0xF911, 0x0022], Class::Load, 1, 6, 1),
    ("ldrex r0,[r1]", &[0xE851, 0x0F00], Class::Load, 1, 1 << 1, 1),
    ("ldrexb r0,[r1]", &[0xE8D1, 0x0F4F], Class::Load, 1, 1 << 1, 1),
    ("str r0,[r1,#4]", &[0x6048], Class::Store, 0, 1 << 1, 1),
    ("strb r0,[r1,r2]", &[0x5488], Class::Store, 0, 6, 1),
    ("str.w r0,[r1,#4]!", &[0xF841, 0x0F04], Class::Store, 2, 1 << 1, 1),
    ("strex r2,r0,[r1]", &[0xE841, 0x0200], Class::StoreExclusive, 1 << 2, 1 << 1, 1),
    ("strexh r2,r0,[r1]", &[0xE8C1, 0x0F52], Class::StoreExclusive, 1 << 2, 1 << 1, 1),
    ("ldm r1!,{r2,r3}", &[0xC90C], Class::LoadMultiple, 0xE, 1 << 1, 2),
    ("ldm r1,{r1,r3}", &[0xC90A], Class::LoadMultiple, 0xA, 1 << 1, 2),
    ("pop {r4,r5}", &[0xBC30], Class::LoadMultiple, 0x30 | SP, SP, 2),
    ("ldmdb r1,{r2,r3,r4}", &[0xE911, 0x001C], Class::LoadMultiple, 0x1C, 1 << 1, 3),
    ("stm r1!,{r2,r3}", &[0xC10C], Class::StoreMultiple, 2, 1 << 1, 2),
    ("push {r4,lr}", &[0xB510], Class::StoreMultiple, SP, SP, 2),
    ("push.w {r4-r8,lr}", &[0xE92D, 0x41F0], Class::StoreMultiple, SP, SP, 6),
    ("ldrd r2,r3,[r1]", &[0xE9D1, 0x2300], Class::LoadDual, 0xC, 1 << 1, 2),
    ("ldrd r2,r3,[r1],#8", &[0xE8F1, 0x2302], Class::LoadDual, 0xE, 1 << 1, 2),
    ("strd r2,r3,[r1,#-8]!", &[0xE961, 0x2302], Class::StoreDual, 2, 1 << 1, 2),
    ("b", &[0xE7FE], Class::Branch, PC, 0, 1),
    ("b.w", &[0xF000, 0xB800], Class::Branch, PC, 0, 1),
    ("beq", &[0xD0FE], Class::BranchConditional, PC, 0, 1),
    ("bne.w", &[0xF040, 0x8000], Class::BranchConditional, PC, 0, 1),
    ("bl", &[0xF000, 0xF800], Class::BranchLink, PC | LR, 0, 1),
    ("bx lr", &[0x4770], Class::BranchRegister, PC, 0, 1),
    ("blx r1", &[0x4788], Class::BranchRegister, PC | LR, 0, 1),
    ("ldr pc,[r1]", &[0xF8D1, 0xF000], Class::LoadPc, PC, 1 << 1, 1),
    ("ldr pc,[sp],#4", &[0xF85D, 0xFB04], Class::LoadPc, PC | SP, SP, 1),
    ("pop {r4,pc}", &[0xBD10], Class::LoadMultiplePc, 0x10 | SP | PC, SP, 2),
    ("pop.w {r4-r6,pc}", &[0xE8BD, 0x8070], Class::LoadMultiplePc, 0x70 | SP | PC, SP, 4),
    ("tbb [r0,r1]", &[0xE8D0, 0xF001], Class::TableBranch, PC, 3, 1),
    ("tbh [r0,r1,lsl #1]", &[0xE8D0, 0xF011], Class::TableBranch, PC, 3, 1),
    ("mov pc,r0", &[0x4687], Class::MovePc, PC, 0, 1),
    ("add pc,r0", &[0x4487], Class::MovePc, PC, 0, 1),
    ("cbz r0", &[0xB100], Class::CompareBranch, PC, 0, 1),
    ("cbnz r0", &[0xB900], Class::CompareBranch, PC, 0, 1),
    ("muls r0,r1", &[0x4348], Class::Multiply, 1, 0, 1),
    ("mul r0,r1,r2", &[0xFB01, 0xF002], Class::Multiply, 1, 0, 1),
    ("smulbb r0,r1,r2", &[0xFB11, 0xF002], Class::Multiply, 1, 0, 1),
    ("mla r0,r1,r2,r3", &[0xFB01, 0x3002], Class::MultiplyAccumulate, 1, 0, 1),
    ("mls r0,r1,r2,r3", &[0xFB01, 0x3012], Class::MultiplyAccumulate, 1, 0, 1),
    ("umull r0,r3,r1,r2", &[0xFBA1, 0x0302], Class::MultiplyLong, 9, 0, 1),
    ("smull r0,r3,r1,r2", &[0xFB81, 0x0302], Class::MultiplyLong, 9, 0, 1),
    ("umlal r0,r3,r1,r2", &[0xFBE1, 0x0302], Class::MultiplyAccumulateLong, 9, 0, 1),
    ("umaal r0,r3,r1,r2", &[0xFBE1, 0x0362], Class::MultiplyAccumulateLong, 9, 0, 1),
    ("sdiv r0,r1,r2", &[0xFB91, 0xF0F2], Class::Divide, 1, 0, 1),
    ("udiv r0,r1,r2", &[0xFBB1, 0xF0F2], Class::Divide, 1, 0, 1),
    ("it eq", &[0xBF08], Class::It, 0, 0, 1),
    ("mrs r0,ipsr", &[0xF3EF, 0x8005], Class::Mrs, 1, 0, 1),
    ("msr primask,r0", &[0xF380, 0x8810], Class::Msr, 0, 0, 1),
    ("cpsid i", &[0xB672], Class::Cps, 0, 0, 1),
    ("dsb", &[0xF3BF, 0x8F4F], Class::Barrier, 0, 0, 1),
    ("isb", &[0xF3BF, 0x8F6F], Class::Barrier, 0, 0, 1),
    ("clrex", &[0xF3BF, 0x8F2F], Class::Alu, 0, 0, 1),
    ("svc #1", &[0xDF01], Class::Svc, 0, 0, 1),
    ("bkpt #0xab", &[0xBEAB], Class::Bkpt, 0, 0, 1),
    ("wfi", &[0xBF30], Class::Wfi, 0, 0, 1),
    ("wfi.w", &[0xF3AF, 0x8003], Class::Wfi, 0, 0, 1),
    ("wfe", &[0xBF20], Class::Wfe, 0, 0, 1),
    ("sev", &[0xBF40], Class::Sev, 0, 0, 1),
    ("yield", &[0xBF10], Class::Yield, 0, 0, 1),
    ("vadd.f32 s0,s0,s0", &[0xEE30, 0x0A00], Class::FpAlu, 0, 0, 1),
    ("vcmp.f32 s0,s1", &[0xEEB4, 0x0A60], Class::FpAlu, 0, 0, 1),
    ("vmla.f32 s0,s0,s0", &[0xEE00, 0x0A00], Class::FpMultiplyAccumulate, 0, 0, 1),
    ("vfma.f32 s0,s0,s0", &[0xEEA0, 0x0A00], Class::FpMultiplyAccumulate, 0, 0, 1),
    ("vdiv.f32 s0,s0,s0", &[0xEE80, 0x0A00], Class::FpDivide, 0, 0, 1),
    ("vsqrt.f32 s0,s0", &[0xEEB1, 0x0AC0], Class::FpDivide, 0, 0, 1),
    ("vldr s0,[r1]", &[0xED91, 0x0A00], Class::FpLoad, 0, 1 << 1, 1),
    ("vldr d0,[r1]", &[0xED91, 0x0B00], Class::FpLoad, 0, 1 << 1, 2),
    ("vstr s0,[r1]", &[0xED81, 0x0A00], Class::FpStore, 0, 1 << 1, 1),
    ("vldm r1!,{s0-s3}", &[0xECB1, 0x0A04], Class::FpLoadMultiple, 2, 1 << 1, 4),
    ("vpush {s16-s31}", &[0xED2D, 0x8A10], Class::FpStoreMultiple, SP, SP, 16),
    ("vmov s0,r0", &[0xEE00, 0x0A10], Class::FpMoveCore, 0, 0, 1),
    ("vmov r0,s0", &[0xEE10, 0x0A10], Class::FpMoveCore, 1, 0, 1),
    ("vmov r0,r1,s0,s1", &[0xEC51, 0x0A10], Class::FpMoveCore2, 3, 0, 2),
    ("udf #0", &[0xDE00], Class::Undefined, 0, 0, 1),
];

fn decode(architecture: Architecture, fpu: bool, code: &[u16]) -> Vec<Insn> {
    let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
    Decoder::new(architecture, fpu)
        .unwrap()
        .run(0x0800_0000, &bytes, 0)
}

#[test]
fn each_encoding_has_its_class_registers_and_size() {
    for &(text, code, class, writes, address, count) in TABLE {
        let list = decode(Architecture::V7EM, true, code);
        assert_eq!(list.len(), 1, "{text}");
        let i = list[0];
        assert_eq!(i.class, class, "{text}");
        assert_eq!(usize::from(i.size), 2 * code.len(), "{text}");
        assert_eq!(i.count, count, "{text}: count");
        // Nothing depends on whether a branch counts PC, or a call LR, as written.
        let cared = match class {
            Class::Svc => !(PC | LR),
            _ => !PC,
        };
        assert_eq!(i.writes.0 & cared, writes & cared, "{text}: writes");
        if class != Class::Nop {
            assert_eq!(i.address_reads.0, address, "{text}: address");
        }
    }
}

#[test]
fn the_table_has_every_class() {
    let classes: HashSet<Class> = TABLE.iter().map(|r| r.2).collect();
    let source = include_str!("../src/decode/insn.rs");
    let list = source
        .split_once("pub enum Class {")
        .and_then(|(_, rest)| rest.split_once('}'))
        .unwrap()
        .0;
    for name in list.lines().filter_map(|l| l.trim().strip_suffix(',')) {
        let found = classes.iter().any(|c| format!("{c:?}") == name);
        assert!(found || name.contains(' '), "{name} has no row");
    }
}

#[test]
fn armv6m_refuses_what_it_does_not_have() {
    for (text, code) in [
        ("mov.w", [0xF04F, 0x0001]),
        ("udiv", [0xFBB1, 0xF0F2]),
        ("ldrd", [0xE9D1, 0x2300]),
        ("b.w", [0xF000, 0xB800]),
        ("vadd", [0xEE30, 0x0A00]),
    ] {
        let i = decode(Architecture::V6M, false, &code)[0];
        assert_eq!(i.class, Class::Undefined, "{text}");
    }
    for code in [
        [0xF000, 0xF800],
        [0xF3EF, 0x8010],
        [0xF380, 0x8810],
        [0xF3BF, 0x8F4F],
    ] {
        let i = decode(Architecture::V6M, false, &code)[0];
        assert_ne!(i.class, Class::Undefined, "{code:x?}");
    }
}

#[test]
fn armv8m_has_acquire_release_and_more_fp() {
    for (text, code, class, writes, width) in [
        ("lda r0,[r1]", [0xE8D1, 0x0FAF], Class::Load, 1, 4),
        ("ldab r0,[r1]", [0xE8D1, 0x0F8F], Class::Load, 1, 1),
        ("stl r0,[r1]", [0xE8C1, 0x0FAF], Class::Store, 0, 4),
        ("stlh r0,[r1]", [0xE8C1, 0x0F9F], Class::Store, 0, 2),
        ("ldaex r0,[r1]", [0xE8D1, 0x0FEF], Class::Load, 1, 4),
        (
            "stlex r2,r0,[r1]",
            [0xE8C1, 0x0FE2],
            Class::StoreExclusive,
            4,
            4,
        ),
        ("vmaxnm.f32 s0,s1,s2", [0xFE80, 0x0A81], Class::FpAlu, 0, 0),
        ("vseleq.f32 s0,s1,s2", [0xFE00, 0x0A81], Class::FpAlu, 0, 0),
        ("vrinta.f32 s0,s1", [0xFEB8, 0x0A60], Class::FpAlu, 0, 0),
        ("tt r0,r1", [0xE841, 0xF000], Class::Alu, 1, 0),
        ("sg", [0xE97F, 0xE97F], Class::Nop, 0, 0),
        ("msr psplim,r0", [0xF380, 0x880B], Class::Msr, 0, 0),
        ("mrs r0,psplim", [0xF3EF, 0x800B], Class::Mrs, 1, 0),
    ] {
        let i = decode(Architecture::V8M, true, &code)[0];
        assert_eq!((i.class, i.writes.0), (class, writes), "{text}");
        assert_eq!(i.addressing.map_or(0, |a| a.width), width, "{text}");
    }
}

#[test]
fn fp_without_an_fpu_is_undefined() {
    let i = decode(Architecture::V7EM, false, &[0xEE30, 0x0A00])[0];
    assert_eq!(i.class, Class::Undefined);
}

#[test]
fn bytes_that_are_cut_short_end_the_run() {
    let d = Decoder::new(Architecture::V7EM, true).unwrap();
    assert!(d.run(0, &[], 0).is_empty());
    assert!(d.run(0, &[0x00], 0).is_empty());
    assert!(d.run(0, &[0x4F, 0xF0], 0).is_empty(), "half of a wide one");
    assert_eq!(d.run(0, &[0x00, 0xBF, 0x4F, 0xF0], 0).len(), 1);
}

#[test]
fn an_it_state_at_the_start_reaches_the_first_instructions() {
    let d = Decoder::new(Architecture::V7EM, true).unwrap();
    // ITSTATE in front of the second of ITE EQ: NE, last one.
    let list = d.run(0, &[0x01, 0x31, 0x01, 0x31], 0x18);
    assert_eq!((list[0].condition, list[1].condition), (1, 14));
}
