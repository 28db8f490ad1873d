//! A generic RV32 core: a declared estimate.
//!
//! Three stages in order, one instruction each cycle, load-use of one cycle, no prediction, a pipelined multiplier and
//! a divider of one bit each cycle, hardware for misaligned accesses. No vendor's core is meant: every cost is an
//! estimate. For the shape of such cores compare the published pipelines of CV32E40P and Hazard3.

use super::{Cost, Model, Prediction, Row};
use crate::riscv::decode::Class;

static ROWS: [Row; Class::ALL.len()] = [
    Row::estimate(Class::Alu, 1, 1, 0, "one each cycle"),
    Row::estimate(Class::Load, 1, 2, 0, "load-use: one cycle between"),
    Row::estimate(Class::LoadSmall, 1, 2, 0, "load-use: one cycle between"),
    Row::estimate(Class::Store, 1, 1, 0, "buffered"),
    Row::estimate(Class::Branch, 1, 1, 0, "not taken"),
    Row::estimate(Class::Jump, 1, 1, 0, "a jump, before the refill"),
    Row::estimate(
        Class::JumpRegister,
        1,
        1,
        0,
        "a register jump, before the refill",
    ),
    Row::estimate(Class::Multiply, 1, 2, 1, "pipelined multiplier, two cycles"),
    Row::estimate(Class::Divide, 1, 33, 33, "one quotient bit each cycle"),
    Row::estimate(Class::LoadReserved, 1, 2, 0, "as LW"),
    Row::estimate(Class::StoreConditional, 1, 2, 0, "as LW"),
    Row::estimate(Class::Atomic, 2, 3, 0, "a load and a store"),
    Row::estimate(Class::Fence, 1, 1, 0, "nothing is outstanding"),
    Row::estimate(Class::FenceI, 3, 1, 0, "the fetch starts again"),
    Row::estimate(Class::CsrRead, 1, 1, 0, "read in the execute stage"),
    Row::estimate(Class::CsrWrite, 1, 1, 0, "written in the execute stage"),
    Row::estimate(Class::Ecall, 1, 1, 0, "before the trap"),
    Row::estimate(Class::Ebreak, 1, 1, 0, "before the trap"),
    Row::estimate(Class::Mret, 3, 1, 0, "a jump with its refill"),
    Row::estimate(Class::Wfi, 1, 1, 0, "before the sleep"),
    Row::estimate(Class::Illegal, 1, 1, 0, "before the trap"),
];

fn divide_cycles(_dividend: u32, _divisor: u32, _signed: bool) -> u8 {
    33
}

/// The model.
pub static RV32: Model = Model {
    name: "RV32",
    rows: &ROWS,
    prediction: Prediction::None,
    refill: [
        Cost::estimate(2, "taken: the fetch starts again"),
        Cost::estimate(2, "register jump: the fetch starts again"),
    ],
    trap_entry: Cost::estimate(4, "trap entry: the pipeline is emptied and filled"),
    wake: Cost::estimate(1, "the end of WFI"),
    divide: (
        Cost::estimate(33, "one quotient bit each cycle"),
        Cost::estimate(33, "one quotient bit each cycle"),
    ),
    divide_cycles,
    traps_misaligned: false,
};
