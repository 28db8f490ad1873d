//! Nuclei Bumblebee (GD32VF103): a declared estimate.
//!
//! Two stages, in order. No public table of instruction times was found, so every cost here is an estimate in the
//! shape of a two-stage core: taken transfers refill one stage, load-use takes a cycle, the divider makes two quotient
//! bits each cycle.
//! Not modelled: ECLIC timing, flash and its prefetch, hardware for misaligned accesses (they trap here).

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
    Row::estimate(
        Class::Multiply,
        1,
        2,
        1,
        "single-cycle multiplier, result one later",
    ),
    Row::estimate(Class::Divide, 1, 17, 17, "two quotient bits each cycle"),
    Row::estimate(Class::LoadReserved, 1, 2, 0, "as LW"),
    Row::estimate(Class::StoreConditional, 1, 2, 0, "as LW"),
    Row::estimate(Class::Atomic, 2, 3, 0, "a load and a store"),
    Row::estimate(Class::Fence, 1, 1, 0, "nothing is outstanding"),
    Row::estimate(Class::FenceI, 2, 1, 0, "the fetch starts again"),
    Row::estimate(Class::CsrRead, 1, 1, 0, "read in the execute stage"),
    Row::estimate(Class::CsrWrite, 1, 1, 0, "written in the execute stage"),
    Row::estimate(Class::Ecall, 1, 1, 0, "before the trap"),
    Row::estimate(Class::Ebreak, 1, 1, 0, "before the trap"),
    Row::estimate(Class::Mret, 2, 1, 0, "a jump with its refill"),
    Row::estimate(Class::Wfi, 1, 1, 0, "before the sleep"),
    Row::estimate(Class::Illegal, 1, 1, 0, "before the trap"),
];

fn divide_cycles(_dividend: u32, _divisor: u32, _signed: bool) -> u8 {
    17
}

/// The model.
pub static BUMBLEBEE: Model = Model {
    name: "Bumblebee",
    rows: &ROWS,
    prediction: Prediction::None,
    refill: [
        Cost::estimate(1, "taken: the fetch starts again"),
        Cost::estimate(1, "register jump: the fetch starts again"),
    ],
    trap_entry: Cost::estimate(4, "trap entry: the pipeline is emptied and filled"),
    wake: Cost::estimate(1, "the end of WFI"),
    divide: (
        Cost::estimate(17, "two quotient bits each cycle"),
        Cost::estimate(17, "two quotient bits each cycle"),
    ),
    divide_cycles,
    traps_misaligned: true,
};
