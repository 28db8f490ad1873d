//! SiFive E31, as in the FE310-G002: five stages, one instruction each cycle, dynamic prediction.
//!
//! Sources, by what was read of them:
//! * [M] SiFive FE310-G000 Manual v3p2, §3.2 (fetch unit) and §3.3 (execution pipeline), §8.5 (interrupt latency);
//!   the E31 Core Complex Manual says the same with the larger predictor of the G002 (28/512/6 entries).
//! * [F] FU540-C000 Manual, §3.3, on the E51, the 64-bit relative of this core: most CSR writes flush the pipeline, five
//!   cycles (also quoted on forums.sifive.com/t/4369). The FE310 manual has no such sentence: an estimate here.
//! * [K] a published kernel on the FE310: with a multiplier that is free again after 5 cycles it comes out 11 %
//!   too fast, with 6 it fits. So the *result* of a multiplication is there after 5 cycles as [M] says, and the
//!   *unit* takes the next one after 6.
//! * [R] Rocket Chip (`Multiplier.scala`, `BTB.scala`), the public relative of this core: what the manual leaves
//!   open.
//!
//! Modelled: result latencies, the multiplier and divider that do one thing at a time, prediction and its
//! misses, CSR writes that flush (all of them; Rocket exempts mscratch, mepc, mcause and mtval). Not modelled:
//! instruction cache and QSPI (everything hits, as in ITIM), loads from an address whose store is still on its way
//! (five cycles), peripheral buses.

use super::{Cost, Model, Prediction, Row, bits};
use crate::riscv::decode::Class;

const ONE: Cost = Cost::exact(1, "one instruction each cycle (FE310 manual 3.3)");
const BYPASSED: Cost = Cost::exact(1, "bypassed, result in the next cycle (FE310 manual 3.3)");
const NO_UNIT: Cost = Cost::exact(0, "no multiplier or divider");
const FLUSH: Cost = Cost::estimate(
    6,
    "CSR write: the pipeline is flushed, five cycles more, as in the E51 (FU540 manual)",
);

const fn row(class: Class, issue: Cost, latency: Cost, unit: Cost) -> Row {
    Row {
        class,
        issue,
        latency,
        unit,
    }
}

static ROWS: [Row; Class::ALL.len()] = [
    row(Class::Alu, ONE, BYPASSED, NO_UNIT),
    row(
        Class::Load,
        ONE,
        Cost::exact(2, "LW: result after two cycles (FE310 manual 3.3)"),
        NO_UNIT,
    ),
    row(
        Class::LoadSmall,
        ONE,
        Cost::exact(
            3,
            "LH, LHU, LB, LBU: result after three cycles (FE310 manual 3.3)",
        ),
        NO_UNIT,
    ),
    row(Class::Store, ONE, BYPASSED, NO_UNIT),
    row(Class::Branch, ONE, BYPASSED, NO_UNIT),
    row(Class::Jump, ONE, BYPASSED, NO_UNIT),
    row(Class::JumpRegister, ONE, BYPASSED, NO_UNIT),
    row(
        Class::Multiply,
        ONE,
        Cost::exact(5, "MUL: result after five cycles (FE310 manual 3.3)"),
        Cost::measured(6, "MUL: the unit is free after six cycles (measured)"),
    ),
    row(
        Class::Divide,
        ONE,
        Cost::estimate(
            33,
            "DIV: 2 to 33 cycles by operands (FE310 manual 3.3), which ones as Rocket",
        ),
        Cost::estimate(
            33,
            "DIV: the unit is free with the result (FE310 manual 3.3)",
        ),
    ),
    row(
        Class::LoadReserved,
        ONE,
        Cost::estimate(2, "LR: as LW"),
        NO_UNIT,
    ),
    row(
        Class::StoreConditional,
        ONE,
        Cost::estimate(2, "SC: its result comes as a load's"),
        NO_UNIT,
    ),
    row(
        Class::Atomic,
        ONE,
        Cost::estimate(3, "AMO: a load, then its store"),
        NO_UNIT,
    ),
    row(
        Class::Fence,
        Cost::estimate(1, "FENCE: nothing is outstanding"),
        BYPASSED,
        NO_UNIT,
    ),
    row(
        Class::FenceI,
        Cost::estimate(
            6,
            "FENCE.I: a flush as of a CSR write; the cache is not modelled",
        ),
        BYPASSED,
        NO_UNIT,
    ),
    row(
        Class::CsrRead,
        ONE,
        Cost::exact(3, "CSR read: result after three cycles (FE310 manual 3.3)"),
        NO_UNIT,
    ),
    row(
        Class::CsrWrite,
        FLUSH,
        Cost::exact(3, "CSR read: result after three cycles (FE310 manual 3.3)"),
        NO_UNIT,
    ),
    row(Class::Ecall, ONE, BYPASSED, NO_UNIT),
    row(Class::Ebreak, ONE, BYPASSED, NO_UNIT),
    row(
        Class::Mret,
        Cost::estimate(6, "MRET: a flush as of a CSR write"),
        BYPASSED,
        NO_UNIT,
    ),
    row(Class::Wfi, ONE, BYPASSED, NO_UNIT),
    row(Class::Illegal, ONE, BYPASSED, NO_UNIT),
];

/// Quotient bits one a cycle, leading zeros skipped as in [R], within the documented 2 to 33.
fn divide_cycles(dividend: u32, divisor: u32, signed: bool) -> u8 {
    let magnitude = |v: u32| {
        if signed { (v as i32).unsigned_abs() } else { v }
    };
    let (n, d) = (magnitude(dividend), magnitude(divisor));
    if d == 0 {
        return 33;
    }
    (2 + (bits(n) + 1).saturating_sub(bits(d))).min(33)
}

/// The model.
pub static E31: Model = Model {
    name: "E31",
    rows: &ROWS,
    prediction: Prediction::Dynamic,
    refill: [
        Cost::estimate(
            3,
            "mispredicted: three cycles (FE310 manual 3.2); which ones are, as Rocket",
        ),
        Cost::estimate(
            3,
            "mispredicted: three cycles (FE310 manual 3.2); which ones are, as Rocket",
        ),
    ],
    // Four cycles from the signal to the first fetch of the handler [M 8.5], two more stages to its execution.
    trap_entry: Cost::estimate(
        6,
        "trap entry: first fetch after four (FE310 manual 8.5), two stages to execute",
    ),
    wake: Cost::estimate(1, "WFI: the clock is only stopped in this model"),
    divide: (
        Cost::exact(2, "DIV: at least two cycles (FE310 manual 3.3)"),
        Cost::exact(33, "DIV: at most 33 cycles (FE310 manual 3.3)"),
    ),
    divide_cycles,
    traps_misaligned: true,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisions_stay_in_the_documented_range() {
        for (n, d, signed, cycles) in [
            (0, 5, false, 2),
            (1, 2, false, 2),
            (5, 5, false, 3),
            (100, 7, false, 7),
            (u32::MAX, 1, false, 33),
            (u32::MAX, 1, true, 3),
            (0x8000_0000, 1, true, 33),
            (7, 0, true, 33),
        ] {
            assert_eq!(divide_cycles(n, d, signed), cycles, "{n:#x} / {d:#x}");
        }
    }
}
