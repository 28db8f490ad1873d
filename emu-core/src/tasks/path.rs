//! Paths to values: parsed, resolved against DWARF once, then followed in memory.

use super::Reader;
use crate::image::{Image, Shape, TypeId, Types};

/// Most elements that one `[]` gives.
const ELEMENTS: u32 = 1024;
/// Longest name behind a pointer, in bytes.
const LONGEST_NAME: u32 = 64;

/// A path that was resolved: where to start, what to add and to load.
#[derive(Clone, Debug)]
pub(super) struct Path {
    start: u32,
    steps: Vec<Step>,
    leaf: Leaf,
    /// Type at its end.
    pub kind: Option<TypeId>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Add(u32),
    Load,
    Each { stride: u32, count: u32 },
}

/// What is at the end.
#[derive(Clone, Copy, Debug)]
enum Leaf {
    Number { size: u32, signed: bool },
    Bits { lowest: u32, width: u32 },
    Text(u32),
    Place,
}

/// Resolves paths.
pub(super) struct Resolver<'a> {
    pub image: &'a Image,
    pub types: Types,
    /// The firmware's own table of offsets.
    pub offsets: Vec<u32>,
}

/// Where a path begins.
#[derive(Clone, Copy)]
pub(super) enum From {
    /// At the variable that its first name is.
    Variable,
    /// At a place of this type, whose address comes later.
    Place(Option<TypeId>),
}

impl Resolver<'_> {
    /// The first of the alternatives that this firmware has.
    pub fn path(&self, text: &str, from: From) -> Option<Path> {
        text.split('|').find_map(|t| self.one(t.trim(), from))
    }

    /// An address for a variable, its type, and its size when that is all that is known.
    pub fn variable(&self, name: &str) -> Option<(u32, Option<TypeId>, u32)> {
        let symbol = self.image.symbols.find(name);
        let known = self.types.variables(name);
        let typed = known.iter().find(|v| v.kind.is_some());
        let address = typed.and_then(|v| v.address).or(symbol.map(|s| s.address));
        let size = symbol.map_or(0, |s| s.size);
        Some((address?, typed.and_then(|v| v.kind), size))
    }

    fn one(&self, text: &str, from: From) -> Option<Path> {
        let mut rest = text;
        let mut path = Path {
            start: 0,
            steps: Vec::new(),
            leaf: Leaf::Place,
            kind: None,
        };
        let mut bytes = 0;
        let mut usual = None;
        let mut bits = None;
        match from {
            From::Place(kind) => path.kind = kind,
            From::Variable => {
                let name = take_name(&mut rest);
                (path.start, path.kind, bytes) = self.variable(name)?;
            }
        }
        let mut first = matches!(from, From::Place(_));
        while !rest.is_empty() {
            if let Some(r) = rest.strip_prefix("->") {
                rest = r;
                path.dereference(&self.types)?;
                first = true;
            } else if let Some(r) = rest.strip_prefix("[]") {
                rest = r;
                let at = take_usual(&mut rest)?;
                path.each(&self.types, self.number(at.0)?, bytes)?;
            } else if let Some(r) = rest.strip_prefix('[') {
                let (index, r) = r.split_once(']')?;
                rest = r;
                path.element(&self.types, index.parse().ok()?)?;
            } else {
                rest = match rest.strip_prefix('.') {
                    Some(r) => r,
                    None if first => rest,
                    None => return None,
                };
                first = false;
                let name = take_name(&mut rest);
                let (at, leaf) = take_usual(&mut rest)?;
                usual = leaf;
                if path.kind.is_some() {
                    bits = path.member(&self.types, name)?;
                } else {
                    path.steps.push(Step::Add(self.number(at)??));
                }
            }
        }
        path.leaf = match (path.kind, bits) {
            (_, Some((lowest, width))) => Leaf::Bits { lowest, width },
            (Some(kind), None) => leaf_of(&self.types, kind),
            (None, None) => usual.unwrap_or(Leaf::Number {
                size: 4,
                signed: false,
            }),
        };
        Some(path)
    }

    /// The value of `44` or `#7-32`; `Some(None)` when nothing was said.
    fn number(&self, text: &str) -> Option<Option<u32>> {
        if text.is_empty() {
            return Some(None);
        }
        let Some(entry) = text.strip_prefix('#') else {
            return Some(Some(text.parse().ok()?));
        };
        let (entry, less) = entry.split_once('-').unwrap_or((entry, "0"));
        let entry: usize = entry.parse().ok()?;
        let offset = self.offsets.get(entry).filter(|o| **o != u32::MAX)?;
        Some(Some(offset.checked_sub(less.parse().ok()?)?))
    }
}

/// A variable or member; `::` belongs to it.
fn take_name<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(['.', '[', '@', '-']).unwrap_or(rest.len());
    let (name, r) = rest.split_at(end);
    *rest = r;
    name
}

/// `@44:u8`: the number, and what is there.
fn take_usual<'a>(rest: &mut &'a str) -> Option<(&'a str, Option<Leaf>)> {
    let Some(r) = rest.strip_prefix('@') else {
        return Some(("", None));
    };
    let end = r
        .char_indices()
        .find(|&(i, c)| matches!(c, '.' | '[') || r[i..].starts_with("->"))
        .map_or(r.len(), |(i, _)| i);
    let (usual, r) = r.split_at(end);
    *rest = r;
    let (number, kind) = usual.split_once(':').unwrap_or((usual, ""));
    let leaf = match kind {
        "" => None,
        "u8" => Some((1, false)),
        "i8" => Some((1, true)),
        "u16" => Some((2, false)),
        "i16" => Some((2, true)),
        "i32" => Some((4, true)),
        text => {
            return Some((
                number,
                Some(Leaf::Text(text.strip_prefix("text")?.parse().ok()?)),
            ));
        }
    };
    Some((
        number,
        leaf.map(|(size, signed)| Leaf::Number { size, signed }),
    ))
}

fn leaf_of(types: &Types, kind: TypeId) -> Leaf {
    match types.shape(kind) {
        Some(Shape::Integer { size, signed }) => Leaf::Number { size, signed },
        Some(Shape::Enumeration { size }) => Leaf::Number {
            size,
            signed: false,
        },
        Some(Shape::Pointer { .. }) => Leaf::Number {
            size: 4,
            signed: false,
        },
        Some(Shape::Array { element, count }) if types.size(element) == Some(1) => {
            Leaf::Text(count)
        }
        _ => Leaf::Place,
    }
}

impl Path {
    /// A path to the place where it begins.
    pub fn here(kind: Option<TypeId>, start: u32) -> Path {
        Path {
            start,
            steps: Vec::new(),
            leaf: Leaf::Number {
                size: 4,
                signed: false,
            },
            kind,
        }
    }

    /// The same, some bytes further.
    pub fn plus(&self, bytes: u32) -> Path {
        let mut path = self.clone();
        path.steps.push(Step::Add(bytes));
        if matches!(path.leaf, Leaf::Place) {
            path.leaf = Leaf::Number {
                size: 4,
                signed: false,
            };
        }
        path
    }

    /// The same, with all elements of an array.
    pub fn each_of(mut self, stride: u32, count: u32) -> Path {
        let count = count.min(ELEMENTS);
        self.steps.push(Step::Each { stride, count });
        self
    }

    /// How far it leads when it follows no pointer.
    pub fn offset(&self) -> u32 {
        let offsets = self.steps.iter().map(|s| match s {
            Step::Add(n) => *n,
            _ => 0,
        });
        offsets.fold(0, u32::wrapping_add)
    }

    fn dereference(&mut self, types: &Types) -> Option<()> {
        if let Some(kind) = self.kind {
            let Some(Shape::Pointer { target }) = types.shape(kind) else {
                return None;
            };
            self.kind = target;
        }
        self.steps.push(Step::Load);
        Some(())
    }

    fn each(&mut self, types: &Types, stride: Option<u32>, bytes: u32) -> Option<()> {
        let (stride, count) = match self.kind {
            Some(kind) => {
                let Some(Shape::Array { element, count }) = types.shape(kind) else {
                    return None;
                };
                self.kind = Some(element);
                (types.size(element)?, count)
            }
            None => (stride?, bytes.checked_div(stride?)?),
        };
        let count = count.min(ELEMENTS);
        self.steps.push(Step::Each { stride, count });
        Some(())
    }

    fn element(&mut self, types: &Types, index: u32) -> Option<()> {
        let Some(kind) = self.kind else {
            // Without types only the first is where the array is.
            return (index == 0).then_some(());
        };
        let Some(Shape::Array { element, count }) = types.shape(kind) else {
            return None;
        };
        self.kind = Some(element);
        let offset = index.checked_mul(types.size(element)?)?;
        self.steps.push(Step::Add(offset));
        (index < count).then_some(())
    }

    fn member(&mut self, types: &Types, name: &str) -> Option<Option<(u32, u32)>> {
        let member = types.member(self.kind?, name)?;
        self.kind = Some(member.kind);
        self.steps.push(Step::Add(member.offset));
        Some(member.bits)
    }

    /// The type that the pointer at its end points to.
    pub fn target(&self, types: &Types) -> Option<TypeId> {
        match types.shape(self.kind?)? {
            Shape::Pointer { target } => target,
            _ => None,
        }
    }

    /// All places that it leads to, from an address.
    pub fn places(&self, memory: &mut dyn Reader, from: u32) -> Vec<u32> {
        let mut places = vec![from.wrapping_add(self.start)];
        for step in &self.steps {
            let mut next = Vec::new();
            for place in places {
                match *step {
                    Step::Add(n) => next.push(place.wrapping_add(n)),
                    Step::Load => next.extend(word(memory, place).filter(|p| *p != 0)),
                    Step::Each { stride, count } => {
                        let each = (0..count).map(|i| place.wrapping_add(i.wrapping_mul(stride)));
                        next.extend(each);
                    }
                }
                if next.len() >= ELEMENTS as usize {
                    break;
                }
            }
            places = next;
        }
        places
    }

    /// The one place that it leads to, or the first.
    pub fn place(&self, memory: &mut dyn Reader, from: u32) -> Option<u32> {
        self.places(memory, from).first().copied()
    }

    /// The number there.
    pub fn number(&self, memory: &mut dyn Reader, from: u32) -> Option<i64> {
        let place = self.place(memory, from)?;
        self.number_at(memory, place)
    }

    /// All numbers there.
    pub fn numbers(&self, memory: &mut dyn Reader, from: u32) -> Vec<i64> {
        let places = self.places(memory, from);
        places
            .into_iter()
            .filter_map(|p| self.number_at(memory, p))
            .collect()
    }

    /// The number as an address.
    pub fn pointer(&self, memory: &mut dyn Reader, from: u32) -> Option<u32> {
        self.number(memory, from).map(|n| n as u32)
    }

    fn number_at(&self, memory: &mut dyn Reader, place: u32) -> Option<i64> {
        let (size, signed) = match self.leaf {
            Leaf::Number { size, signed } if size <= 8 => (size, signed),
            Leaf::Bits { lowest, width } if lowest + width <= 64 && width < 64 => {
                let mut bytes = [0; 8];
                let n = (lowest + width).div_ceil(8) as usize;
                if !memory.read(place, &mut bytes[..n]) {
                    return None;
                }
                let value = u64::from_le_bytes(bytes) >> lowest & ((1 << width) - 1);
                return Some(value as i64);
            }
            _ => return None,
        };
        let mut bytes = [0; 8];
        if size == 0 || !memory.read(place, &mut bytes[..size as usize]) {
            return None;
        }
        let shift = 64 - 8 * size;
        let value = i64::from_le_bytes(bytes);
        Some(if signed {
            value << shift >> shift
        } else {
            value
        })
    }

    /// The text there: an array of characters, or what a pointer leads to.
    pub fn text(&self, memory: &mut dyn Reader, from: u32) -> Option<String> {
        let (place, length) = match self.leaf {
            Leaf::Text(length) => (self.place(memory, from)?, length),
            _ => (
                self.pointer(memory, from).filter(|p| *p != 0)?,
                LONGEST_NAME,
            ),
        };
        let mut text = Vec::new();
        for i in 0..length.min(LONGEST_NAME) {
            let mut byte = [0];
            if !memory.read(place.wrapping_add(i), &mut byte) || byte[0] == 0 {
                break;
            }
            text.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&text);
        let shown = |c: char| if c.is_control() { '?' } else { c };
        let text: String = text.chars().map(shown).collect();
        (!text.is_empty()).then_some(text)
    }
}

/// A word of memory.
pub(super) fn word(memory: &mut dyn Reader, address: u32) -> Option<u32> {
    let mut bytes = [0; 4];
    memory
        .read(address, &mut bytes)
        .then(|| u32::from_le_bytes(bytes))
}
