//! What an instruction's cost takes from data: conditions, operand values, and where accesses go.
//!
//! A [`Site`] is an instruction of a block with such inputs; when each can be read is worked out once. The inputs of
//! all sites of a block, read, are a [`Key`]: with the pipe at the entry it determines the block's cost.

use super::blocks::moves_words;
use super::conditions::{self, Compared, Side};
use super::values::{Value, Values};
use crate::decode::Insn;
use crate::timing::{Inputs, Model};

/// Sites that a block may have: one with more runs in parts.
pub const MAX_SITES: usize = 16;

/// When an input can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// At the block's entry.
    Entry,
    /// Nothing from it on in the block changes it: at the block's end.
    End,
    /// At the instruction itself, by a hook on it.
    Hook,
}

/// How it is known that a condition holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// By the flags.
    Flags(When),
    /// By values that are there at the entry.
    Values(Compared<Value>),
    /// By registers that nothing changes any more, at the block's end.
    Registers(Compared<Side>),
}

impl Condition {
    /// When it is known.
    #[must_use]
    pub fn when(&self) -> When {
        match self {
            Condition::Flags(w) => *w,
            Condition::Values(_) => When::Entry,
            Condition::Registers(_) => When::End,
        }
    }
}

/// The address of an access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address {
    /// From values at the entry: a base, and an index register with its left shift.
    Entry(Value, Option<(u8, u8)>),
    /// From registers later: base, index, offset.
    Late(u8, Option<(u8, u8)>, u32, When),
}

impl Address {
    /// When it is known.
    #[must_use]
    pub fn when(&self) -> When {
        match self {
            Address::Entry(..) => When::Entry,
            Address::Late(_, _, _, when) => *when,
        }
    }
}

/// An instruction whose cost hangs on data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site {
    /// Index in the block.
    pub index: usize,
    /// Its condition can fail.
    pub condition: Option<Condition>,
    /// Its operands' values matter: registers, known when.
    pub operands: Option<(u8, u8, When)>,
    /// The bus slave that it accesses matters.
    pub address: Option<Address>,
}

impl Site {
    fn times(&self) -> impl Iterator<Item = When> {
        [
            self.condition.map(|c| c.when()),
            self.operands.map(|o| o.2),
            self.address.map(|a| a.when()),
        ]
        .into_iter()
        .flatten()
    }

    /// Can any input be read only once the block runs?
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.times().any(|w| w != When::Entry)
    }

    /// Does it need a hook on the instruction?
    #[must_use]
    pub fn is_hooked(&self) -> bool {
        self.times().any(|w| w == When::Hook)
    }
}

/// The inputs of a block's sites: a byte for each, bit 0 executed, bits 1 to 3 the slave, bits 4 to 7 more cycles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Key(pub u128);

impl Key {
    /// The byte of a site; zero for those that a block runs in parts for.
    #[must_use]
    pub fn byte(self, site: usize) -> u8 {
        self.0.checked_shr(8 * site as u32).unwrap_or(0) as u8
    }

    /// Replace the byte of a site.
    pub fn set(&mut self, site: usize, byte: u8) {
        self.0 = self.0 & !(0xFF << (8 * site)) | u128::from(byte) << (8 * site);
    }

    /// Only the first `sites` sites.
    #[must_use]
    pub fn first(self, sites: usize) -> Key {
        if sites >= MAX_SITES {
            self
        } else {
            Key(self.0 & ((1 << (8 * sites)) - 1))
        }
    }

    /// What the timing model sees of a site.
    #[must_use]
    pub fn inputs(self, number: usize, site: &Site) -> Inputs {
        let byte = self.byte(number);
        let extra = byte >> 4;
        Inputs {
            executed: site.condition.is_none() || byte & 1 != 0,
            operand: if site.operands.is_some() { extra } else { 0 },
            slave: byte >> 1 & 7,
            data: 0,
            io_port: false,
        }
    }
}

/// The byte of inputs.
#[must_use]
pub fn byte(executed: bool, slave: u8, extra: u8) -> u8 {
    u8::from(executed) | (slave & 7) << 1 | extra.min(15) << 4
}

/// When the slave of an access matters whatever its neighbours are.
#[derive(Clone, Copy, Debug)]
pub struct Matters {
    /// Of loads and multiple transfers: some memory is slower than another.
    pub differ: bool,
    /// Of all: there is a single-cycle I/O port.
    pub port: bool,
}

/// Find the sites of a block, and the addresses of accesses that are always the same. `known` reads words of memory that cannot change.
pub fn find(
    insns: &[Insn],
    model: &dyn Model,
    slave: Matters,
    known: &dyn Fn(u32) -> Option<u32>,
) -> (Vec<Site>, Vec<(usize, u32)>) {
    let mut sites = Vec::new();
    let mut constant = Vec::new();
    let mut values = Values::at_entry();
    // The last comparison that set the flags, with its index and its values.
    let mut compared: Option<(usize, Compared<Side>, Option<Compared<Value>>)> = None;
    for (index, insn) in insns.iter().enumerate() {
        let (before, from) = (&insns[..index], &insns[index..]);
        let unwritten =
            |registers: u16, insns: &[Insn]| !insns.iter().any(|i| i.writes.0 & registers != 0);
        let condition = insn.is_predicated().then(|| {
            if !before.iter().any(|i| i.sets_flags) {
                return Condition::Flags(When::Entry);
            }
            if let Some((at, sides, entry)) = compared
                && conditions::tells(sides.test, insn.condition)
            {
                if let Some(values) = entry {
                    return Condition::Values(values);
                }
                if from.iter().any(|i| i.sets_flags)
                    && unwritten(conditions::registers(&sides), &insns[at..])
                {
                    return Condition::Registers(sides);
                }
            }
            Condition::Flags(if from.iter().any(|i| i.sets_flags) {
                When::Hook
            } else {
                When::End
            })
        });
        let operands = model.depends_on_operands(insn.class).then(|| {
            let (n, m) = ((insn.raw >> 16 & 15) as u8, (insn.raw & 15) as u8);
            let used = 1 << n | 1 << m;
            let when = if unwritten(used, before) {
                When::Entry
            } else if unwritten(used, from) {
                When::End
            } else {
                When::Hook
            };
            (n, m, when)
        });
        let matters = insn.addressing.is_some()
            && (slave.port
                || slave.differ && moves_words(insn)
                || model.slave_matters(before.last(), insn, insns.get(index + 1)));
        let address = if matters {
            match place(insn, &values, |used| unwritten(used, from)) {
                Place::Known(address) => {
                    constant.push((index, address));
                    None
                }
                Place::From(address) => Some(address),
            }
        } else {
            None
        };
        if condition.is_some() || operands.is_some() || address.is_some() {
            sites.push(Site {
                index,
                condition,
                operands,
                address,
            });
        }
        if insn.sets_flags {
            compared =
                conditions::comparison(insn).map(|c| (index, c, conditions::at_entry(&c, &values)));
        }
        values.step(insn, known);
    }
    (sites, constant)
}

enum Place {
    /// The same each time.
    Known(u32),
    /// From registers or values.
    From(Address),
}

/// How the address of a transfer is found.
fn place(insn: &Insn, values: &Values, unwritten_from_here: impl Fn(u16) -> bool) -> Place {
    let Some(a) = insn.addressing else {
        return Place::Known(0);
    };
    let offset = a.displacement as u32;
    if a.base == 15 && a.index.is_none() {
        return Place::Known((insn.address.wrapping_add(4) & !3).wrapping_add(offset));
    }
    if let Some(base) = values.of(a.base).filter(|_| a.base != 15) {
        let base = base.plus(offset);
        match (base.as_constant(), a.index) {
            (Some(address), None) => return Place::Known(address),
            (None, None) => return Place::From(Address::Entry(base, None)),
            (_, Some((index, shift))) => {
                let index = values.of(index).filter(|v| v.loads == 0);
                if let Some(index) = index {
                    let base = base.plus(index.offsets[0] << shift);
                    return Place::From(Address::Entry(base, index.register.map(|r| (r, shift))));
                }
            }
        }
    }
    let used = 1 << a.base | a.index.map_or(0, |(r, _)| 1 << r);
    let when = if unwritten_from_here(used) {
        When::End
    } else {
        When::Hook
    };
    Place::From(Address::Late(a.base, a.index, offset, when))
}
