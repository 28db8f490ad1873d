//! Which names there are, and in which unit an entry is.

use super::die::{Die, Dwarf, Place, Raw, Slice, Unit};
use gimli::{AttributeValue, UnitHeader, UnitOffset, UnitType, constants as dw};
use std::collections::BTreeMap;

/// Most children of an entry that are looked at: members, enumerators.
const CHILDREN: usize = 65_536;

#[derive(Default)]
pub(super) struct Index {
    units: Vec<Extent>,
    /// Type units by signature: the place of their type.
    signatures: BTreeMap<u64, Place>,
    /// Types by name; definitions only.
    pub types: BTreeMap<String, Vec<Place>>,
    /// Variables by name and by linkage name.
    pub variables: BTreeMap<String, Vec<Place>>,
}

/// A unit: where its header is, and where it ends.
#[derive(Clone, Copy)]
struct Extent {
    start: Place,
    end: usize,
}

pub(super) fn is_structure(tag: dw::DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_structure_type | dw::DW_TAG_union_type | dw::DW_TAG_class_type
    )
}

/// What can have entries of interest inside.
fn is_scope(tag: dw::DwTag) -> bool {
    is_structure(tag)
        || matches!(
            tag,
            dw::DW_TAG_compile_unit
                | dw::DW_TAG_partial_unit
                | dw::DW_TAG_type_unit
                | dw::DW_TAG_namespace
                | dw::DW_TAG_module
        )
}

impl Index {
    pub fn new(dwarf: &Dwarf<'_>) -> Index {
        let mut index = Index::default();
        let mut headers = Vec::new();
        let mut infos = dwarf.units();
        while let Ok(Some(h)) = infos.next() {
            headers.push((false, h));
        }
        let mut types = dwarf.type_units();
        while let Ok(Some(h)) = types.next() {
            headers.push((true, h));
        }
        // All extents and signatures first: entries refer to each other in any order.
        for (in_types, header) in &headers {
            index.add_unit(*in_types, header);
        }
        index.units.sort_by_key(|u| u.start);
        for (in_types, header) in headers {
            if let (Some(start), Ok(unit)) = (start(in_types, &header), dwarf.unit(header)) {
                index.walk(dwarf, &unit, start);
            }
        }
        index
    }

    fn add_unit(&mut self, in_types: bool, header: &UnitHeader<Slice<'_>>) {
        let Some(start) = start(in_types, header) else {
            return;
        };
        let end = start.offset.saturating_add(header.length_including_self());
        self.units.push(Extent { start, end });
        if let UnitType::Type {
            type_signature,
            type_offset,
        } = header.type_()
        {
            let offset = start.offset.saturating_add(type_offset.0);
            self.signatures
                .insert(type_signature.0, Place { in_types, offset });
        }
    }

    /// Take up the names of a unit.
    fn walk(&mut self, dwarf: &Dwarf<'_>, unit: &Unit<'_>, start: Place) {
        let Ok(mut entries) = unit.entries_raw(None) else {
            return;
        };
        let mut scopes: Vec<(isize, String)> = Vec::new();
        let mut skip_below = isize::MAX;
        let mut raw = Raw::null();
        while !entries.is_empty() {
            let depth = entries.next_depth();
            let offset = entries.next_offset();
            if depth > skip_below {
                let Ok(abbreviation) = entries.read_abbreviation() else {
                    return;
                };
                let Some(a) = abbreviation else { continue };
                if entries.skip_attributes(a.attributes()).is_err() {
                    return;
                }
                continue;
            }
            skip_below = isize::MAX;
            match entries.read_entry(&mut raw) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(_) => return,
            }
            scopes.retain(|(d, _)| *d < depth);
            if !is_scope(raw.tag) {
                skip_below = depth;
            }
            let place = Place {
                in_types: start.in_types,
                offset: start.offset.saturating_add(offset.0),
            };
            self.take(dwarf, unit, place, &raw, depth, &mut scopes);
        }
    }

    fn take(
        &mut self,
        dwarf: &Dwarf<'_>,
        unit: &Unit<'_>,
        place: Place,
        raw: &Raw<'_>,
        depth: isize,
        scopes: &mut Vec<(isize, String)>,
    ) {
        let variable = raw.tag == dw::DW_TAG_variable;
        let kind = is_structure(raw.tag)
            || matches!(
                raw.tag,
                dw::DW_TAG_enumeration_type | dw::DW_TAG_typedef | dw::DW_TAG_base_type
            );
        if !variable && !kind && !is_scope(raw.tag) {
            return;
        }
        let die = Die::new(dwarf, unit, self, place, raw);
        let qualify = |name: &str| {
            let parts = scopes.iter().map(|(_, s)| s.as_str());
            parts.chain([name]).collect::<Vec<_>>().join("::")
        };
        if kind && !die.declaration {
            if let Some(name) = &die.name {
                self.types.entry(qualify(name)).or_default().push(place);
            }
        } else if variable {
            let origin = die.specification.and_then(|p| self.read(dwarf, p));
            let name = die.name.as_deref().map(&qualify);
            let name = name.or_else(|| origin.as_ref()?.name.clone());
            let linkage = die
                .linkage_name
                .or_else(|| origin.as_ref()?.linkage_name.clone());
            for name in name.into_iter().chain(linkage) {
                self.variables.entry(name).or_default().push(place);
            }
        }
        if is_scope(raw.tag) && depth > 0 {
            scopes.push((depth, die.name.unwrap_or_default()));
        }
    }

    /// The entry that an attribute refers to.
    pub fn target(
        &self,
        unit: &Unit<'_>,
        from: Place,
        value: &AttributeValue<Slice<'_>>,
    ) -> Option<Place> {
        match value {
            AttributeValue::UnitRef(UnitOffset(offset)) => {
                let gimli::UnitSectionOffset(base) = unit.header.offset();
                Some(Place {
                    in_types: from.in_types,
                    offset: base.checked_add(*offset)?,
                })
            }
            AttributeValue::DebugInfoRef(o) => Some(Place {
                in_types: false,
                offset: o.0,
            }),
            AttributeValue::DebugTypesRef(signature) => self.signatures.get(&signature.0).copied(),
            _ => None,
        }
    }

    /// The entry at a place.
    pub fn read(&self, dwarf: &Dwarf<'_>, place: Place) -> Option<Die> {
        let (unit, offset) = self.unit(dwarf, place)?;
        let mut entries = unit.entries_raw(Some(offset)).ok()?;
        let mut raw = Raw::null();
        let is_entry = entries.read_entry(&mut raw).ok()?;
        is_entry.then(|| Die::new(dwarf, &unit, self, place, &raw))
    }

    /// The entries directly below one.
    pub fn children(&self, dwarf: &Dwarf<'_>, of: Place) -> Vec<Die> {
        let mut children = Vec::new();
        let Some((unit, offset)) = self.unit(dwarf, of) else {
            return children;
        };
        let Ok(mut entries) = unit.entries_raw(Some(offset)) else {
            return children;
        };
        let base = of.offset - offset.0;
        let mut raw = Raw::null();
        let top = entries.next_depth();
        if !matches!(entries.read_entry(&mut raw), Ok(true)) || !raw.has_children {
            return children;
        }
        while !entries.is_empty() && children.len() < CHILDREN {
            let depth = entries.next_depth();
            let offset = entries.next_offset();
            match entries.read_entry(&mut raw) {
                Ok(true) if depth == top + 1 => {
                    let place = Place {
                        in_types: of.in_types,
                        offset: base + offset.0,
                    };
                    children.push(Die::new(dwarf, &unit, self, place, &raw));
                }
                Ok(true) => {}
                Ok(false) if depth <= top + 1 => break,
                Ok(false) => {}
                Err(_) => break,
            }
        }
        children
    }

    fn unit<'a>(&self, dwarf: &Dwarf<'a>, place: Place) -> Option<(Unit<'a>, UnitOffset)> {
        let i = self.units.partition_point(|u| u.start <= place);
        let extent = self.units[i.checked_sub(1)?];
        if extent.start.in_types != place.in_types || place.offset >= extent.end {
            return None;
        }
        let header = if place.in_types {
            let mut units = dwarf.type_units();
            loop {
                let header = units.next().ok()??;
                if start(true, &header)? == extent.start {
                    break header;
                }
            }
        } else {
            let at = gimli::DebugInfoOffset(extent.start.offset);
            dwarf.debug_info.header_from_offset(at).ok()?
        };
        let unit = dwarf.unit(header).ok()?;
        Some((unit, UnitOffset(place.offset - extent.start.offset)))
    }
}

fn start(in_types: bool, header: &UnitHeader<Slice<'_>>) -> Option<Place> {
    let gimli::UnitSectionOffset(offset) = header.offset();
    Some(Place { in_types, offset })
}
