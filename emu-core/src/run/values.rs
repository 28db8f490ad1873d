//! What core registers hold inside a block, as far as its instructions tell: a constant, an entry value plus a
//! constant, or what memory holds at such an address. It lets the addresses of most accesses and the outcome of most
//! conditions be worked out when the block is entered.

use crate::decode::{Class, Insn, RegisterSet};

/// Places of one base are told apart up to this distance in bytes.
const NEAR: u32 = 1 << 20;
/// How often a value may come from memory.
const MAX_LOADS: usize = 2;

/// A value: that of a register at the block's entry (or zero) plus `offsets[0]`; the word in memory there plus
/// `offsets[1]`; and so on, `loads` times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value {
    /// The register; `None` for a constant.
    pub register: Option<u8>,
    /// What is added at each step.
    pub offsets: [u32; MAX_LOADS + 1],
    /// How many words are read from memory.
    pub loads: u8,
}

impl Value {
    fn constant(n: u32) -> Value {
        Value {
            register: None,
            offsets: [n, 0, 0],
            loads: 0,
        }
    }

    fn of_register(n: u8) -> Value {
        Value {
            register: Some(n),
            offsets: [0; 3],
            loads: 0,
        }
    }

    /// Is it the same whenever the block runs?
    pub fn as_constant(&self) -> Option<u32> {
        (self.register.is_none() && self.loads == 0).then_some(self.offsets[0])
    }

    /// With something added.
    pub fn plus(mut self, n: u32) -> Value {
        let last = &mut self.offsets[usize::from(self.loads)];
        *last = last.wrapping_add(n);
        self
    }

    /// The word that memory holds there.
    fn loaded(mut self) -> Option<Value> {
        self.loads += 1;
        (usize::from(self.loads) <= MAX_LOADS).then_some(self)
    }

    /// The value, when the block is entered; `None` when a word on the way is not plain memory.
    #[inline]
    pub fn get(
        &self,
        register: impl Fn(u8) -> u32,
        load: impl Fn(u32) -> Option<u32>,
    ) -> Option<u32> {
        let mut v = self
            .register
            .map_or(0, register)
            .wrapping_add(self.offsets[0]);
        for i in 0..usize::from(self.loads) {
            v = load(v)?.wrapping_add(self.offsets[i + 1]);
        }
        Some(v)
    }
}

/// A store of the block so far.
struct Stored {
    at: Value,
    bytes: u32,
    /// A whole word of which the value is known.
    value: Option<Value>,
}

/// The registers and the memory at one point of a block.
pub struct Values {
    registers: [Option<Value>; 16],
    stores: Vec<Stored>,
    /// It stored somewhere that is not known.
    stored_anywhere: bool,
}

impl Values {
    /// Each register holds what it holds.
    pub fn at_entry() -> Values {
        Values {
            registers: std::array::from_fn(|n| Some(Value::of_register(n as u8))),
            stores: Vec::new(),
            stored_anywhere: false,
        }
    }

    /// What a register holds; `None` when it is not known.
    pub fn of(&self, register: u8) -> Option<Value> {
        self.registers[usize::from(register & 15)]
    }

    /// Go past an instruction. `known` reads words that cannot change.
    pub fn step(&mut self, insn: &Insn, known: &dyn Fn(u32) -> Option<u32>) {
        let predicated = insn.is_predicated();
        let results = if predicated {
            Vec::new()
        } else {
            self.results(insn, known)
        };
        let back = self.written_back(insn).filter(|_| !predicated);
        self.store(insn);
        for r in insn.writes.iter() {
            self.registers[r] = None;
        }
        for (register, value) in results.into_iter().chain(back) {
            self.registers[usize::from(register & 15)] = value;
        }
    }

    fn plus(&self, register: u8, n: u32) -> Option<Value> {
        self.of(register).map(|v| v.plus(n))
    }

    /// The address of a transfer without index register.
    fn place(&self, insn: &Insn) -> Option<Value> {
        let a = insn.addressing.filter(|a| a.index.is_none())?;
        if a.base == 15 {
            let pc = insn.address.wrapping_add(4) & !3;
            return Some(Value::constant(pc.wrapping_add(a.displacement as u32)));
        }
        self.plus(a.base, a.displacement as u32)
    }

    /// The word at a place, as far as the block's own stores tell.
    fn word(&self, at: Value, known: &dyn Fn(u32) -> Option<u32>) -> Option<Value> {
        if let Some(v) = at.as_constant().and_then(known) {
            return Some(Value::constant(v));
        }
        if self.stored_anywhere {
            return None;
        }
        let (base, start) = split(&at);
        for s in self.stores.iter().rev() {
            let (other, there) = split(&s.at);
            let ahead = start.wrapping_sub(there);
            let behind = there.wrapping_sub(start);
            let apart =
                base == other && ((s.bytes..NEAR).contains(&ahead) || (4..NEAR).contains(&behind));
            if base == other && ahead == 0 && s.bytes == 4 {
                return s.value;
            }
            if !apart {
                return None;
            }
        }
        at.loaded()
    }

    fn store(&mut self, insn: &Insn) {
        let words = u32::from(insn.count);
        let bytes = match insn.class {
            Class::Store => u32::from(insn.addressing.map_or(4, |a| a.width)),
            Class::StoreMultiple | Class::FpStoreMultiple | Class::StoreDual | Class::FpStore => {
                4 * words
            }
            Class::StoreExclusive => {
                self.stored_anywhere = true;
                return;
            }
            _ => return,
        };
        let Some(at) = self.place(insn) else {
            self.stored_anywhere = true;
            return;
        };
        let value = match insn.class {
            Class::Store if bytes == 4 && !insn.is_predicated() => {
                insn.reads.iter().next().and_then(|r| self.of(r as u8))
            }
            _ => None,
        };
        self.stores.push(Stored { at, bytes, value });
    }

    /// The registers that an instruction computes in a way that is followed, and their values.
    fn results(&self, insn: &Insn, known: &dyn Fn(u32) -> Option<u32>) -> Vec<(u8, Option<Value>)> {
        let words = |first: Value| {
            let list = insn.register_list();
            list.iter()
                .enumerate()
                .map(|(i, r)| (r as u8, self.word(first.plus(4 * i as u32), known)))
                .collect()
        };
        match (insn.class, self.place(insn)) {
            (Class::Load, Some(at)) if insn.addressing.is_some_and(|a| a.width == 4) => {
                let back = insn
                    .addressing
                    .filter(|a| a.writeback)
                    .map(|a| usize::from(a.base));
                let to = insn.writes.iter().find(|&r| Some(r) != back);
                to.map(|r| (r as u8, self.word(at, known)))
                    .into_iter()
                    .collect()
            }
            (Class::LoadMultiple, Some(at)) => words(at),
            (Class::LoadDual, Some(at)) => [(12, 0), (8, 4)]
                .into_iter()
                .map(|(field, more)| {
                    let to = (insn.raw >> field & 15) as u8;
                    (to, self.word(at.plus(more), known))
                })
                .collect(),
            (Class::Alu, _) => self.computed(insn).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The register that a simple data-processing instruction computes.
    fn computed(&self, insn: &Insn) -> Option<(u8, Option<Value>)> {
        let raw = insn.raw;
        let low = |at: u32| (raw >> at & 7) as u8;
        let constant = |n| Some(Value::constant(n));
        if insn.size == 2 {
            // DDI 0403E A5.2: the 16-bit encodings of MOV, ADD, SUB with a constant.
            let (to, value) = match raw >> 8 {
                0x00 if raw & 0xC0 == 0 => (low(0), self.of(low(3))), // MOVS
                0x20..=0x27 => (low(8), constant(raw & 0xFF)),
                0x30..=0x37 => (low(8), self.plus(low(8), raw & 0xFF)),
                0x38..=0x3F => (low(8), self.plus(low(8), (raw & 0xFF).wrapping_neg())),
                0x1C | 0x1D => (low(0), self.plus(low(3), raw >> 6 & 7)),
                0x1E | 0x1F => (low(0), self.plus(low(3), (raw >> 6 & 7).wrapping_neg())),
                0x46 => (
                    (raw & 7 | raw >> 4 & 8) as u8,
                    self.of((raw >> 3 & 15) as u8),
                ),
                0xA8..=0xAF => (low(8), self.plus(13, (raw & 0xFF) * 4)),
                0xB0 if raw & 0x80 == 0 => (13, self.plus(13, (raw & 0x7F) * 4)),
                0xB0 => (13, self.plus(13, ((raw & 0x7F) * 4).wrapping_neg())),
                _ => return None,
            };
            return (to != 15).then_some((to, value));
        }
        let (to, from) = ((raw >> 8 & 15) as u8, (raw >> 16 & 15) as u8);
        let imm12 = wide_imm12(raw);
        let imm16 = imm12 | raw >> 4 & 0xF000;
        let value = match raw & 0xFBF0_8000 {
            0xF240_0000 => constant(imm16), // MOVW
            0xF2C0_0000 => {
                let low = self.of(to).and_then(|v| v.as_constant());
                low.map(|v| Value::constant(v & 0xFFFF | imm16 << 16)) // MOVT
            }
            _ if from == 15 => return None,
            0xF200_0000 => self.plus(from, imm12), // ADDW
            0xF2A0_0000 => self.plus(from, imm12.wrapping_neg()), // SUBW
            // ADD and SUB with a modified immediate.
            0xF100_0000 => self.plus(from, expanded(imm12)),
            0xF1A0_0000 => self.plus(from, expanded(imm12).wrapping_neg()),
            _ => return None,
        };
        (to != 15).then_some((to, value))
    }

    /// The base register of a transfer that writes it back, and its value.
    fn written_back(&self, insn: &Insn) -> Option<(u8, Option<Value>)> {
        let a = insn.addressing.filter(|a| a.writeback)?;
        let words = 4 * u32::from(insn.count);
        let loads_base = insn.class != Class::FpLoadMultiple
            && insn
                .register_list()
                .meets(RegisterSet::one(u32::from(a.base)));
        let by = |up: bool, n: u32| self.plus(a.base, if up { n } else { n.wrapping_neg() });
        let value = match insn.class {
            Class::LoadMultiple | Class::LoadMultiplePc if loads_base => return None,
            Class::LoadMultiple
            | Class::LoadMultiplePc
            | Class::StoreMultiple
            | Class::FpLoadMultiple
            | Class::FpStoreMultiple => by(a.displacement >= 0, words),
            // Encoding T4 of LDR and STR: U is bit 9, an 8-bit constant.
            Class::Load | Class::Store if insn.size == 4 => {
                by(insn.raw >> 9 & 1 != 0, insn.raw & 0xFF)
            }
            // LDRD and STRD: U is bit 23, an 8-bit count of words.
            Class::LoadDual | Class::StoreDual => {
                by(insn.raw >> 23 & 1 != 0, 4 * (insn.raw & 0xFF))
            }
            _ => None,
        };
        Some((a.base, value))
    }
}

/// What a place is relative to, and its last offset.
fn split(at: &Value) -> (Value, u32) {
    let last = usize::from(at.loads);
    let mut base = *at;
    base.offsets[last] = 0;
    (base, at.offsets[last])
}

/// `i:imm3:imm8` of a 32-bit instruction.
pub fn wide_imm12(raw: u32) -> u32 {
    raw & 0xFF | raw >> 4 & 0x700 | raw >> 15 & 0x800
}

/// ThumbExpandImm (DDI 0403E A5.3.2).
pub fn expanded(imm12: u32) -> u32 {
    let byte = imm12 & 0xFF;
    match imm12 >> 8 {
        0 => byte,
        1 => byte * 0x0001_0001,
        2 => byte * 0x0100_0100,
        3 => byte * 0x0101_0101,
        _ => (0x80 | byte & 0x7F).rotate_right(imm12 >> 7),
    }
}
