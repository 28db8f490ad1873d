//! Types and variables from DWARF, parsed when first asked for.
//!
//! Enough to find a value in memory: where a variable is, what it is, where in it a member lies. Looked at are
//! variables and types outside functions, in namespaces, in C++ classes and in type units; C, C++, Rust and
//! TinyGo write these alike.
//!
//! Not read: variables within functions, thread-local ones, variants of Rust enums, compressed debug sections,
//! split DWARF (`.dwo`). Damaged DWARF gives fewer answers, nothing worse: each walk is bounded.

mod die;
mod index;

use super::Image;
use die::{Die, Dwarf, Place};
use gimli::{EndianSlice, LittleEndian, SectionId, constants as dw};
use index::Index;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Longest chain of references that is followed (typedefs, qualifiers, anonymous members).
const DEPTH: usize = 32;

/// The types of an image.
#[derive(Default)]
pub struct Types {
    file: Arc<Vec<u8>>,
    sections: Vec<(SectionId, Range<usize>)>,
    index: OnceLock<Index>,
}

/// A type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeId(Place);

/// A variable with a place of its own in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable {
    /// Its name, with its namespaces.
    pub name: String,
    /// Its address; `None` for one that is only declared, or that the linker threw away.
    pub address: Option<u32>,
    /// Its type.
    pub kind: Option<TypeId>,
}

/// What a type is, behind typedefs and qualifiers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// An integer, a character, a boolean.
    Integer {
        /// Bytes.
        size: u32,
        /// Two's complement?
        signed: bool,
    },
    /// A floating-point number.
    Float {
        /// Bytes.
        size: u32,
    },
    /// An enumeration.
    Enumeration {
        /// Bytes.
        size: u32,
    },
    /// A pointer or a C++ reference.
    Pointer {
        /// To what; `None` for `void`.
        target: Option<TypeId>,
    },
    /// An array.
    Array {
        /// Of what.
        element: TypeId,
        /// How many, in all dimensions together; zero when it is open.
        count: u32,
    },
    /// A structure, union or class.
    Structure {
        /// Bytes.
        size: u32,
    },
}

/// A member of a structure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Bytes from the start of the structure.
    pub offset: u32,
    /// Its type.
    pub kind: TypeId,
    /// Of a bit field: its lowest bit, counted from `offset`, and its width.
    pub bits: Option<(u32, u32)>,
}

impl Types {
    /// The types of an image. Nothing is parsed yet.
    #[must_use]
    pub fn of(image: &Image) -> Types {
        let debug = image
            .sections
            .iter()
            .filter(|s| s.name.starts_with(".debug_") && !s.compressed);
        let sections = debug.filter_map(|s| {
            let id = NEEDED.into_iter().find(|id| id.name() == s.name)?;
            Some((id, s.file_range.clone()?))
        });
        Types {
            file: Arc::clone(&image.file),
            sections: sections.collect(),
            index: OnceLock::new(),
        }
    }

    /// Does the file describe types that can be read?
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.sections
            .iter()
            .any(|(id, r)| *id == SectionId::DebugInfo && !r.is_empty())
    }

    /// The variables of a name (C++ and Rust: `namespace::name`, or the linkage name), those with an address
    /// first. A name can have several: `static` ones of different files.
    #[must_use]
    pub fn variables(&self, name: &str) -> Vec<Variable> {
        let places = self.index().variables.get(name);
        let mut found: Vec<Variable> = places
            .into_iter()
            .flatten()
            .filter_map(|&p| self.variable(name, p))
            .collect();
        found.sort_by_key(|v| v.address.is_none());
        found
    }

    /// All variables with an address whose type is this one or an array of it, by address.
    #[must_use]
    pub fn variables_of(&self, kind: TypeId) -> Vec<Variable> {
        let wanted = self.strip(kind);
        let is_wanted = |v: &Variable| {
            let mut id = v.kind.map(|k| self.strip(k));
            if let Some(Shape::Array { element, .. }) = id.and_then(|i| self.shape(i)) {
                id = Some(self.strip(element));
            }
            id.is_some_and(|id| id == wanted || self.same(id, wanted))
        };
        let all = self.index().variables.iter();
        let all = all.flat_map(|(name, places)| places.iter().map(move |p| (name, p)));
        let mut found: Vec<Variable> = all
            .filter_map(|(name, &p)| self.variable(name, p))
            .filter(|v| v.address.is_some() && is_wanted(v))
            .collect();
        found.sort_by_key(|v| v.address);
        found.dedup_by_key(|v| v.address);
        found
    }

    /// The structure, union, class, enumeration, typedef or base type of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<TypeId> {
        self.index().types.get(name)?.first().map(|p| TypeId(*p))
    }

    /// What a type is. `None` for functions, `void`, and what is not understood.
    #[must_use]
    pub fn shape(&self, id: TypeId) -> Option<Shape> {
        let die = self.die(self.strip(id))?;
        let size = die.size.and_then(|s| u32::try_from(s).ok());
        Some(match die.tag {
            dw::DW_TAG_base_type => match die.encoding? {
                dw::DW_ATE_float => Shape::Float { size: size? },
                e => Shape::Integer {
                    size: size?,
                    signed: matches!(e, dw::DW_ATE_signed | dw::DW_ATE_signed_char),
                },
            },
            dw::DW_TAG_enumeration_type => Shape::Enumeration { size: size? },
            dw::DW_TAG_pointer_type
            | dw::DW_TAG_reference_type
            | dw::DW_TAG_rvalue_reference_type => Shape::Pointer {
                target: die.kind.map(TypeId),
            },
            dw::DW_TAG_array_type => {
                let mut count = Some(1u32);
                for child in self.children(die.place) {
                    if matches!(
                        child.tag,
                        dw::DW_TAG_subrange_type | dw::DW_TAG_enumeration_type
                    ) {
                        let n = child.count.and_then(|n| u32::try_from(n).ok());
                        count = count.and_then(|c| c.checked_mul(n?));
                    }
                }
                Shape::Array {
                    element: TypeId(die.kind?),
                    count: count.unwrap_or(0),
                }
            }
            tag if index::is_structure(tag) => Shape::Structure {
                size: if die.declaration { 0 } else { size? },
            },
            _ => return None,
        })
    }

    /// Size of a type in bytes.
    #[must_use]
    pub fn size(&self, id: TypeId) -> Option<u32> {
        let mut id = id;
        let mut factor = 1u32;
        for _ in 0..DEPTH {
            match self.shape(id)? {
                Shape::Array { element, count } => {
                    factor = factor.checked_mul(count)?;
                    id = element;
                }
                Shape::Pointer { .. } => return factor.checked_mul(4),
                Shape::Integer { size, .. }
                | Shape::Float { size }
                | Shape::Enumeration { size }
                | Shape::Structure { size } => return factor.checked_mul(size),
            }
        }
        None
    }

    /// A member of a structure, also one within an anonymous structure or union, or of a base class.
    #[must_use]
    pub fn member(&self, id: TypeId, name: &str) -> Option<Member> {
        self.member_within(id, name, 0)
    }

    fn member_within(&self, id: TypeId, name: &str, depth: usize) -> Option<Member> {
        let die = self.die(self.strip(id))?;
        if depth > DEPTH || !index::is_structure(die.tag) {
            return None;
        }
        let members = self.children(die.place);
        let named = members
            .iter()
            .filter(|m| m.tag == dw::DW_TAG_member && m.name.as_deref() == Some(name));
        let direct = named.into_iter().find_map(|m| {
            Some(Member {
                offset: u32::try_from(m.offset?).ok()?,
                kind: TypeId(m.kind?),
                bits: m.bits(|k| self.size(TypeId(k))),
            })
        });
        direct.or_else(|| {
            let transparent = members.iter().filter(|m| {
                let anonymous = m.tag == dw::DW_TAG_member && m.name.is_none();
                anonymous || m.tag == dw::DW_TAG_inheritance
            });
            transparent.into_iter().find_map(|m| {
                let inner = self.member_within(TypeId(m.kind?), name, depth + 1)?;
                let offset = u32::try_from(m.offset?).ok()?;
                Some(Member {
                    offset: offset.checked_add(inner.offset)?,
                    ..inner
                })
            })
        })
    }

    /// The names of an enumeration with their values, in the order of the source.
    #[must_use]
    pub fn enumerators(&self, id: TypeId) -> Vec<(String, i64)> {
        let children = self.children(self.strip(id).0);
        let values = children
            .into_iter()
            .filter(|c| c.tag == dw::DW_TAG_enumerator);
        values.filter_map(|c| Some((c.name?, c.value?))).collect()
    }

    /// Name of a type, as the source has it (typedefs keep theirs).
    #[must_use]
    pub fn name(&self, id: TypeId) -> Option<String> {
        self.die(id)?.name
    }

    /// The type behind typedefs and qualifiers; a structure that is only declared becomes the one of its name.
    fn strip(&self, id: TypeId) -> TypeId {
        let mut id = id;
        for _ in 0..DEPTH {
            let Some(die) = self.die(id) else { return id };
            match die.tag {
                dw::DW_TAG_typedef
                | dw::DW_TAG_const_type
                | dw::DW_TAG_volatile_type
                | dw::DW_TAG_restrict_type
                | dw::DW_TAG_atomic_type
                | dw::DW_TAG_immutable_type => match die.kind {
                    Some(next) => id = TypeId(next),
                    None => return id,
                },
                _ if die.declaration => {
                    // By signature (a type unit) or by name.
                    let next = die.specification.map(TypeId);
                    let next = next.or_else(|| self.named(die.name.as_deref()?));
                    match next.filter(|n| *n != id) {
                        Some(next) => id = next,
                        None => return id,
                    }
                }
                _ => return id,
            }
        }
        id
    }

    /// The same structure as another file's DWARF describes it?
    fn same(&self, a: TypeId, b: TypeId) -> bool {
        let (Some(a), Some(b)) = (self.die(a), self.die(b)) else {
            return false;
        };
        a.name.is_some() && (a.tag, &a.name, a.size) == (b.tag, &b.name, b.size)
    }

    fn variable(&self, name: &str, place: Place) -> Option<Variable> {
        let die = self.die(TypeId(place))?;
        let kind = die.kind.or_else(|| {
            let origin = self.die(TypeId(die.specification?))?;
            origin.kind
        });
        Some(Variable {
            name: name.to_owned(),
            // The linker sets addresses of variables that it threw away to zero.
            address: die.address.filter(|a| *a != 0 && *a != u32::MAX),
            kind: kind.map(TypeId),
        })
    }

    fn index(&self) -> &Index {
        self.index
            .get_or_init(|| self.dwarf().map(|d| Index::new(&d)).unwrap_or_default())
    }

    fn die(&self, id: TypeId) -> Option<Die> {
        let dwarf = self.dwarf()?;
        self.index().read(&dwarf, id.0)
    }

    fn children(&self, of: Place) -> Vec<Die> {
        let dwarf = self.dwarf();
        dwarf.map_or_else(Vec::new, |d| self.index().children(&d, of))
    }

    fn dwarf(&self) -> Option<Dwarf<'_>> {
        if !self.is_available() {
            return None;
        }
        let bytes = |id| {
            let range = self.sections.iter().find(|(s, _)| *s == id);
            range.and_then(|(_, r)| self.file.get(r.clone()))
        };
        let load = |id| {
            let bytes = bytes(id).unwrap_or_default();
            Ok::<_, gimli::Error>(EndianSlice::new(bytes, LittleEndian))
        };
        gimli::Dwarf::load(load).ok()
    }
}

/// The sections that types are in; a unit cannot be opened without its line table.
const NEEDED: [SectionId; 8] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugTypes,
];

impl fmt::Debug for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Types")
            .field("available", &self.is_available())
            .field("loaded", &self.index.get().is_some())
            .finish()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
