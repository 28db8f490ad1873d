//! One entry of the DWARF tree, with the attributes that matter here.

use super::index::Index;
use gimli::{AttributeValue, EndianSlice, LittleEndian, Operation, constants as dw};

pub(super) type Slice<'a> = EndianSlice<'a, LittleEndian>;
pub(super) type Dwarf<'a> = gimli::Dwarf<Slice<'a>>;
pub(super) type Unit<'a> = gimli::Unit<Slice<'a>>;
pub(super) type Raw<'a> = gimli::DebuggingInformationEntry<Slice<'a>>;

/// Where an entry is: in `.debug_types` (else in `.debug_info`), at an offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub(super) in_types: bool,
    pub(super) offset: usize,
}

pub(super) struct Die {
    pub place: Place,
    pub tag: dw::DwTag,
    pub name: Option<String>,
    pub linkage_name: Option<String>,
    /// `DW_AT_type`.
    pub kind: Option<Place>,
    /// What it completes, or is an instance of; of a declared type: its definition in a type unit.
    pub specification: Option<Place>,
    pub size: Option<u64>,
    pub encoding: Option<dw::DwAte>,
    /// Of an array's dimension.
    pub count: Option<u64>,
    /// Of a member.
    pub offset: Option<u64>,
    pub declaration: bool,
    /// Of a variable.
    pub address: Option<u32>,
    /// Of an enumerator.
    pub value: Option<i64>,
    bit_size: Option<u64>,
    bit_offset: Option<BitOffset>,
}

enum BitOffset {
    /// From the start of the structure (DWARF 4 and later).
    Data(u64),
    /// From the highest bit of the storage unit (DWARF 2 and 3).
    FromTop(u64),
}

impl Die {
    pub fn new(
        dwarf: &Dwarf<'_>,
        unit: &Unit<'_>,
        index: &Index,
        place: Place,
        raw: &Raw<'_>,
    ) -> Die {
        let value = |name| raw.attr_value(name);
        let text = |name| {
            let s = dwarf.attr_string(unit, raw.attr_value(name)?).ok()?;
            Some(String::from_utf8_lossy(s.slice()).into_owned())
        };
        let number = |name| raw.attr(name)?.udata_value();
        let reference = |name| index.target(unit, place, &raw.attr_value(name)?);
        let count = number(dw::DW_AT_count).or_else(|| {
            // An upper bound of -1 (as a signed form) is an array without elements.
            let bound = raw.attr(dw::DW_AT_upper_bound)?;
            match bound.sdata_value() {
                Some(-1) => Some(0),
                _ => bound.udata_value()?.checked_add(1),
            }
        });
        let flag = |name| matches!(raw.attr_value(name), Some(AttributeValue::Flag(true)));
        let bit_offset = number(dw::DW_AT_data_bit_offset).map(BitOffset::Data);
        let offset = member_offset(unit, value(dw::DW_AT_data_member_location));
        Die {
            place,
            tag: raw.tag,
            name: text(dw::DW_AT_name),
            linkage_name: text(dw::DW_AT_linkage_name)
                .or_else(|| text(dw::DW_AT_MIPS_linkage_name)),
            kind: reference(dw::DW_AT_type),
            specification: reference(dw::DW_AT_specification)
                .or_else(|| reference(dw::DW_AT_abstract_origin))
                .or_else(|| reference(dw::DW_AT_signature)),
            size: number(dw::DW_AT_byte_size),
            encoding: match value(dw::DW_AT_encoding) {
                Some(AttributeValue::Encoding(e)) => Some(e),
                _ => None,
            },
            count,
            offset: match (&bit_offset, offset) {
                (Some(BitOffset::Data(_)), _) => Some(0),
                // Members of a union need none.
                (_, None) if raw.tag == dw::DW_TAG_member => Some(0),
                (_, offset) => offset,
            },
            declaration: flag(dw::DW_AT_declaration),
            address: address(dwarf, unit, value(dw::DW_AT_location)),
            value: raw
                .attr(dw::DW_AT_const_value)
                .and_then(gimli::Attribute::sdata_value),
            bit_size: number(dw::DW_AT_bit_size),
            bit_offset: bit_offset.or_else(|| number(dw::DW_AT_bit_offset).map(BitOffset::FromTop)),
        }
    }

    /// Of a bit field: its lowest bit from `offset` on, and its width.
    pub fn bits(&self, size: impl Fn(Place) -> Option<u32>) -> Option<(u32, u32)> {
        let width = u32::try_from(self.bit_size?).ok()?;
        let lowest = match self.bit_offset.as_ref()? {
            BitOffset::Data(bit) => u32::try_from(*bit).ok()?,
            BitOffset::FromTop(bit) => {
                let bytes = match self.size {
                    Some(s) => u32::try_from(s).ok()?,
                    None => size(self.kind?)?,
                };
                let top = bytes.checked_mul(8)?;
                top.checked_sub(u32::try_from(*bit).ok()?)?
                    .checked_sub(width)?
            }
        };
        Some((lowest, width))
    }
}

fn member_offset(unit: &Unit<'_>, value: Option<AttributeValue<Slice<'_>>>) -> Option<u64> {
    match value? {
        AttributeValue::Exprloc(e) => {
            let mut operations = e.operations(unit.encoding());
            match operations.next().ok()?? {
                Operation::PlusConstant { value } => Some(value),
                Operation::UnsignedConstant { value } => Some(value),
                _ => None,
            }
        }
        other => other.udata_value(),
    }
}

fn address(
    dwarf: &Dwarf<'_>,
    unit: &Unit<'_>,
    value: Option<AttributeValue<Slice<'_>>>,
) -> Option<u32> {
    let AttributeValue::Exprloc(e) = value? else {
        return None;
    };
    let mut operations = e.operations(unit.encoding());
    let address = match operations.next().ok()?? {
        Operation::Address { address } => address,
        Operation::AddressIndex { index } => dwarf.address(unit, index).ok()?,
        _ => return None,
    };
    // What follows would compute: a part of a variable that was split up.
    match operations.next() {
        Ok(None) => u32::try_from(address).ok(),
        _ => None,
    }
}
