//! Sequences of instructions through the timing models.

use emu_core::decode::{Decoder, Insn};
use emu_core::machine::CoreKind;
use emu_core::timing::{self, Cost, Inputs, Pipe, Provenance, ZeroWait};

pub const NOP: &[u16] = &[0xBF00];

pub fn decode(kind: CoreKind, at: u32, code: &[u16]) -> Vec<Insn> {
    let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
    Decoder::new(kind.architecture(), kind.has_fpu())
        .unwrap()
        .run(at, &bytes, 0)
}

/// Step over `before`, then over the first instruction of `next`: the cost of that last step.
pub fn enter(
    kind: CoreKind,
    before: &[u16],
    next: &[u16],
    taken_to: Option<u32>,
) -> (u32, Provenance) {
    let cost = enter_with(kind, before, next, taken_to, Inputs::PLAIN);
    (cost.cycles, cost.provenance)
}

/// The same with these inputs for the last instruction of `before`.
pub fn enter_with(
    kind: CoreKind,
    before: &[u16],
    next: &[u16],
    taken_to: Option<u32>,
    inputs: Inputs,
) -> Cost {
    let model = timing::model(kind);
    let mut pipe = Pipe::SETTLED;
    let insns = decode(kind, 0x100, before);
    for (i, insn) in insns.iter().enumerate() {
        let last = i + 1 == insns.len();
        let inputs = if last { inputs } else { Inputs::PLAIN };
        model.step(&mut pipe, insn, inputs, &mut ZeroWait);
    }
    if taken_to.is_some() {
        pipe = model.branched(&pipe);
    }
    let at = taken_to.unwrap_or(0x100 + 2 * before.len() as u32);
    let next = decode(kind, at, next)[0];
    model.step(&mut pipe, &next, Inputs::PLAIN, &mut ZeroWait)
}

/// First execute cycle of each instruction of a sequence.
pub fn starts(kind: CoreKind, at: u32, code: &[u16]) -> Vec<u32> {
    let model = timing::model(kind);
    let mut pipe = Pipe::SETTLED;
    let mut now = 0;
    let mut all = Vec::new();
    for insn in &decode(kind, at, code) {
        now += model
            .step(&mut pipe, insn, Inputs::PLAIN, &mut ZeroWait)
            .cycles;
        all.push(now);
    }
    all
}

/// In sequence, before a NOP.
pub fn cost(kind: CoreKind, code: &[u16]) -> u32 {
    enter(kind, code, NOP, None).0
}

/// In sequence, before another instruction.
pub fn pair(kind: CoreKind, code: &[u16], next: &[u16]) -> u32 {
    enter(kind, code, next, None).0
}

/// A taken branch to an aligned 16-bit instruction.
pub fn taken(kind: CoreKind, code: &[u16]) -> u32 {
    enter(kind, code, NOP, Some(0x200)).0
}
