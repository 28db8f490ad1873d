//! Random pieces of programs.
//!
//! R4 is the base of the test device, R6 points into RAM, R9 is the base of the system control space, R7 counts
//! loops; R0 to R3, R5, R8 and R10 to R12 are free.

use super::assemble::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// One piece of a program.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub enum Piece {
    /// Instructions, and what they are for.
    Code(#[serde(skip)] &'static str, Vec<u16>),
    /// A call of one of the functions.
    Call(usize),
    /// A loop.
    Loop(u8, Vec<Piece>),
}

type Code = BoxedStrategy<Vec<u16>>;

fn low() -> impl Strategy<Value = u16> {
    prop_oneof![0u16..4, Just(5u16)]
}

fn free() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..4, Just(5u32), Just(8u32), 10u32..13]
}

/// 16-bit instructions without a branch.
fn narrow() -> impl Strategy<Value = u16> {
    prop_oneof![
        (low(), 0u16..256).prop_map(|(d, i)| 0x2000 | d << 8 | i), // movs
        (low(), 0u16..256).prop_map(|(d, i)| 0x2800 | d << 8 | i), // cmp
        (low(), low(), low()).prop_map(|(d, n, m)| 0x1800 | m << 6 | n << 3 | d), // adds
        (low(), low(), 0u16..16).prop_map(|(d, m, op)| 0x4000 | op << 6 | m << 3 | d),
        (low(), 0u16..16).prop_map(|(t, o)| 0x6800 | o << 6 | 6 << 3 | t), // ldr [r6]
        (low(), 0u16..16).prop_map(|(t, o)| 0x6000 | o << 6 | 6 << 3 | t), // str [r6]
        (low(), 0u16..32).prop_map(|(t, o)| 0x7000 | o << 6 | 6 << 3 | t), // strb [r6]
        low().prop_map(|t| 0x6820 | t),                                    // ldr [r4]: the cycle
        low().prop_map(|t| 0x60A0 | t),                                    // str [r4,#8]: log
        Just(0xBF00),
        (low(), 0u16..4).prop_map(|(t, o)| 0x4800 | t << 8 | o), // ldr [pc]
        (low(), 8u16..13).prop_map(|(d, m)| 0x4600 | m << 3 | d), // mov rd, high
        (0u16..2, low()).prop_map(|(h, m)| 0x4600 | 0x80 | m << 3 | (h * 2)), // mov r8/r10, rm
    ]
}

/// 32-bit instructions without a branch.
fn long() -> Code {
    let r = free;
    prop_oneof![
        (r(), r(), r()).prop_map(|(d, n, m)| wide(0xFBB0_F0F0 | n << 16 | d << 8 | m)), // udiv
        (r(), r(), r()).prop_map(|(d, n, m)| wide(0xFB90_F0F0 | n << 16 | d << 8 | m)), // sdiv
        (r(), r()).prop_map(|(n, m)| wide(0xFBA0_0100 | n << 16 | m)), // umull r0,r1
        (r(), r()).prop_map(|(n, m)| wide(0xFBC0_2300 | n << 16 | m)), // smlal r2,r3
        (r(), r(), r(), r())
            .prop_map(|(d, n, m, a)| wide(0xFB00_0000 | n << 16 | a << 12 | d << 8 | m)), // mla
        (r(), r(), r()).prop_map(|(d, n, m)| wide(0xEB10_0000 | n << 16 | d << 8 | m)), // adds.w
        (r(), 0u32..64).prop_map(|(t, o)| ldr_w(t, 6, o)),             // unaligned too
        (r(), 0u32..64).prop_map(|(t, o)| str_w(t, 6, o)),
        (0u32..16).prop_map(|o| wide(0xE9D6_0000 | 2 << 12 | 5 << 8 | o)), // ldrd r2,r5
        (0u32..16).prop_map(|o| wide(0xE9C6_0000 | 2 << 12 | 5 << 8 | o)), // strd r2,r5
        r().prop_map(|t| ldr_w(t, 4, 0)),
        r().prop_map(|t| str_w(t, 4, 8)),
        Just([wide(0xE856_0F01), wide(0xE846_0101)].concat()), // ldrex, strex
        Just(wide(0xF3BF_8F2F)),                               // clrex
    ]
    .boxed()
}

/// LDM, STM, PUSH and POP of many registers, those of the device among them.
fn multiple() -> Code {
    let list = prop_oneof![1u32..64, any::<u32>()].prop_map(|l| l & 0b1_1101_0010_1111 & !0x20);
    let two = list.prop_filter("two registers", |l| l.count_ones() >= 2);
    (0u8..8, two)
        .prop_map(|(kind, l)| match kind {
            0 => [vec![0x4635], wide(0xE8B5_0000 | l)].concat(), // mov r5,r6; ldm r5!
            1 => [vec![0x4635], wide(0xE8A5_0000 | l)].concat(), // stm r5!
            2 => [addw(5, 6, 0x80), wide(0xE935_0000 | l)].concat(), // ldmdb r5!
            3 => [addw(5, 6, 0x80), wide(0xE925_0000 | l)].concat(), // stmdb r5!
            4 => wide(0xE896_0000 | l),                          // ldm r6
            5 => wide(0xE894_000F),                              // ldm r4 of the device
            _ => [wide(0xE92D_0000 | l), wide(0xE8BD_0000 | l)].concat(),
        })
        .boxed()
}

fn float() -> Code {
    let s = || 0u32..20;
    prop_oneof![
        4 => (
            prop::sample::select(vec![
                0xEE30_0A00u32, 0xEE30_0A40, 0xEE20_0A00, 0xEE80_0A00, 0xEE00_0A00, 0xEE00_0A40, 0xEEA0_0A00,
                0xEE20_0A40,
            ]),
            s(), s(), s(),
        )
            .prop_map(|(op, d, n, m)| fp3(op, d, n, m)),
        3 => (
            prop::sample::select(vec![
                0xEEB1_0AC0u32, 0xEEB0_0AC0, 0xEEB1_0A40, 0xEEB0_0A40, 0xEEB4_0A40, 0xEEBD_0AC0, 0xEEB8_0AC0,
            ]),
            s(), s(),
        )
            .prop_map(|(op, d, m)| wide(op | fp_d(d) | m >> 1 | (m & 1) << 5)),
        1 => Just(wide(0xEEF1_FA10)), // vmrs apsr
        2 => (s(), free(), any::<bool>()).prop_map(|(n, t, read)| {
            let op = if read { 0xEE10_0A10 } else { 0xEE00_0A10 };
            wide(op | (n >> 1) << 16 | t << 12 | (n & 1) << 7)
        }),
        2 => (s(), 0u32..16, any::<bool>()).prop_map(|(d, o, load)| {
            wide(if load { 0xED96_0A00 } else { 0xED86_0A00 } | fp_d(d) | o)
        }),
        1 => (s(), 1u32..9, any::<bool>()).prop_map(|(d, n, load)| {
            let op = if load { 0xECB5_0A00 } else { 0xECA5_0A00 };
            [vec![0x4635], wide(op | fp_d(d) | n)].concat()
        }),
        1 => (s(), 1u32..9).prop_map(|(d, n)| {
            [wide(0xED2D_0A00 | fp_d(d) | n), wide(0xECBD_0A00 | fp_d(d) | n)].concat()
        }),
    ]
    .boxed()
}

fn in_it() -> Code {
    let simple = prop_oneof![narrow().prop_map(|h| vec![h]), long(), float()]
        .prop_filter("one instruction", |c| c.len() <= 2 && c[0] != 0xF3BF);
    (0u16..14, 1u16..16, vec(simple, 4))
        .prop_map(|(cond, mask, body)| {
            let n = 4 - mask.trailing_zeros() as usize;
            let mut out = vec![0xBF00 | cond << 4 | mask];
            // A comparison inside would make the rest depend on it: that is wanted.
            out.extend(body[..n].concat());
            out
        })
        .boxed()
}

/// Branches forward: conditional, compare-and-branch, at the end of an IT block, tables.
fn forward() -> Code {
    let over = || vec(narrow(), 1..5);
    prop_oneof![
        (0u16..14, over())
            .prop_map(|(c, o)| { [vec![0xD000 | c << 8 | (o.len() as u16 - 1)], o].concat() }),
        (0u16..4, any::<bool>(), over()).prop_map(|(n, not, o)| {
            let op = if not { 0xB900 } else { 0xB100 };
            [vec![op | (o.len() as u16 - 1) << 3 | n], o].concat()
        }),
        (0u16..14, over()).prop_map(|(c, o)| {
            [vec![0xBF08 | c << 4, 0xE000 | (o.len() as u16 - 1)], o].concat()
        }),
        // and r0,r0,#3; tbb [pc,r0]; four entries of one halfword each
        vec(narrow(), 4).prop_map(|o| {
            [
                wide(0xF000_0003),
                wide(0xE8DF_F000),
                vec![0x0302, 0x0504],
                o,
            ]
            .concat()
        }),
        // tbh [pc,r0,lsl #1]
        vec(narrow(), 4)
            .prop_map(|o| { [wide(0xF000_0003), wide(0xE8DF_F010), vec![4, 5, 6, 7], o].concat() }),
    ]
    .boxed()
}

/// What has to do with exceptions.
fn system() -> Code {
    let level = prop::sample::select(vec![0u32, 0x20, 0x40, 0x80, 0xC0]);
    let special = prop::sample::select(vec![16u32, 17, 18]);
    prop_oneof![
        2 => (0u32..6).prop_map(|n| [movw(0, n), str_w(0, 4, 0x20)].concat()), // pend IRQ n by the device
        2 => Just([load(0, 1 << 28), str_w(0, 9, 0xD04)].concat()), // PENDSVSET
        1 => Just([load(0, 1 << 26), str_w(0, 9, 0xD04)].concat()), // PENDSTSET
        1 => (0u32..6).prop_map(|n| [movw(0, n), str_w(0, 9, 0xF00)].concat()), // STIR
        1 => (0u32..64).prop_map(|n| [movw(0, n), str_w(0, 9, 0x280)].concat()), // ICPR
        1 => (1u32..64).prop_map(|n| {
            [movw(0, n), str_w(0, 9, 0x180), vec![0xBF00; 3], str_w(0, 9, 0x100)].concat() // ICER, ISER
        }),
        2 => Just(vec![0xDF00]), // svc
        2 => (special, level).prop_map(|(s, l)| [movw(1, l), msr(s, 1)].concat()),
        2 => vec(narrow(), 1..6).prop_map(|b| [vec![0xB672], b, vec![0xB662]].concat()),
        1 => vec(narrow(), 1..6).prop_map(|b| [vec![0xB671], b, vec![0xB661]].concat()), // cpsid f
        2 => Just([movw(1, 0), msr(17, 1), vec![0xB662]].concat()),
        1 => (0u32..21).prop_filter("known", |s| matches!(s, 0 | 5 | 8 | 9 | 16..=20)).prop_map(|s| mrs(0, s)),
        1 => Just([ldr_w(0, 9, 0x18), str_w(0, 4, 8)].concat()), // log CVR
        1 => Just([ldr_w(0, 9, 0xD04), str_w(0, 4, 8)].concat()), // log ICSR
        1 => (40u32..600).prop_map(|n| [movw(0, n), str_w(0, 9, 0x14)].concat()), // RVR
        1 => (30u32..300, 0u32..3).prop_map(|(n, k)| [movw(0, n), str_w(0, 4, 0x10 + 4 * k)].concat()),
        1 => Just(vec![0xBF30]), // wfi
        1 => Just(vec![0xBF20]), // wfe
        1 => Just(vec![0xBF40]), // sev
        1 => (0u32..4).prop_map(|n| [movw(0, n << 1 | (n & 1) << 4), str_w(0, 9, 0xD10)].concat()), // SCR
        1 => Just(vec![0xDE00]), // udf
        1 => (any::<bool>(), low()).prop_map(|(s, t)| {
            // A bus error.
            [load(1, 0x6000_0000), vec![if s { 0x6008 } else { 0x6808 } | t & 3]].concat()
        }),
        1 => (0u16..14, any::<bool>()).prop_map(|(c, f)| vec![0xBF08 | c << 4, if f { 0xDE00 } else { 0xDF01 }]),
        1 => any::<bool>().prop_map(|on| {
            let (fetch, put) = (mrs(0, 20), msr(20, 0));
            // FPCA off or on by CONTROL
            let change = wide(if on { 0xF040_0004 } else { 0xF020_0004 });
            [fetch, change, put, barrier()].concat()
        }),
    ]
    .boxed()
}

/// Code that is written and then executed.
fn modifying() -> Code {
    prop_oneof![
        // The instruction some halfwords ahead (in RAM; in flash the store is a bus error).
        (narrow(), 0u16..5).prop_map(|(insn, gap)| {
            let store = 0x8008 | (6 + gap) << 6; // strh r0,[r1,#]
            let mut out = vec![0x4679]; // mov r1,pc
            out.extend(movw(0, u32::from(insn)));
            out.push(store);
            out.extend(barrier());
            out.extend(vec![0xBF00; usize::from(gap)]);
            out.push(0xBF00);
            out
        }),
    ]
    .boxed()
}

/// Pieces without calls and loops.
fn flat() -> BoxedStrategy<Piece> {
    fn code(
        name: &'static str,
        s: impl Strategy<Value = Vec<u16>> + 'static,
    ) -> BoxedStrategy<Piece> {
        s.prop_map(move |c| Piece::Code(name, c)).boxed()
    }
    prop_oneof![
        6 => code("narrow", vec(narrow(), 1..4).boxed()),
        3 => code("wide", long()),
        3 => code("multiple", multiple()),
        4 => code("float", float()),
        3 => code("it", in_it()),
        2 => code("forward", forward()),
        5 => code("system", system()),
        1 => code("modifying", modifying()),
    ]
    .boxed()
}

/// Writes a function into RAM and calls it.
fn written() -> impl Strategy<Value = Piece> {
    (any::<u8>(), any::<bool>()).prop_map(|(imm, careful)| {
        let mut out = load(0, 0x4770_3000 | u32::from(imm)); // adds r0,#imm; bx lr
        out.extend(str_w(0, 6, 0x100));
        if careful {
            out.extend(barrier());
        }
        out.extend(addw(1, 6, 0x101));
        out.push(0x4788); // blx r1
        Piece::Code("written", out)
    })
}

fn piece() -> BoxedStrategy<Piece> {
    prop_oneof![
        16 => flat(),
        2 => (0usize..FUNCTIONS).prop_map(Piece::Call),
        1 => (1u8..5, vec(flat(), 1..5)).prop_map(|(n, b)| Piece::Loop(n, b)),
        1 => written(),
    ]
    .boxed()
}

/// How many functions there are to call.
pub const FUNCTIONS: usize = 5;

/// How a handler keeps registers.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub enum Frame {
    /// It keeps none and ends with BX LR.
    None,
    /// PUSH {r4-r7,lr} .. POP {r4-r7,pc}.
    Low,
    /// PUSH.W {r4-r11,lr} .. POP.W {r4-r11,pc}.
    All,
    /// Also VPUSH {s16-s23}.
    Float,
}

/// A whole program.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Program {
    pub main: Vec<Piece>,
    pub handlers: Vec<(Frame, Vec<Piece>)>,
    /// Condition of the conditional returns.
    pub cond: u16,
    /// SHPR2, SHPR3, IPR0, IPR1.
    pub priorities: [u32; 4],
    pub systick: u32,
    pub periods: [u32; 3],
    pub psp: bool,
    /// ASPEN and LSPEN of FPCCR.
    pub fpccr: u32,
    pub faults: bool,
    pub prigroup: u32,
}

pub fn program() -> impl Strategy<Value = Program> {
    let frame = prop_oneof![
        Just(Frame::None),
        Just(Frame::Low),
        Just(Frame::All),
        Just(Frame::Float)
    ];
    let handler = (frame, vec(flat(), 0..5));
    let priority = any::<[u8; 4]>().prop_map(|b| u32::from_le_bytes(b.map(|b| b & 0xE0)));
    let fpccr = prop_oneof![4 => Just(3u32), 1 => 0u32..4].prop_map(|b| b << 30);
    (
        vec(piece(), 1..40),
        vec(handler, 6),
        0u16..14,
        prop::array::uniform4(priority),
        40u32..700,
        prop::array::uniform3(30u32..400),
        any::<bool>(),
        fpccr,
        any::<bool>(),
        prop_oneof![3 => Just(0u32), 1 => 4u32..8],
    )
        .prop_map(
            |(main, handlers, cond, priorities, systick, periods, psp, fpccr, faults, prigroup)| {
                Program {
                    main,
                    handlers,
                    cond,
                    priorities,
                    systick,
                    periods,
                    psp,
                    fpccr,
                    faults,
                    prigroup,
                }
            },
        )
}
