//! Protocol buffers, as much as a Perfetto trace needs: the wire format and the fields that are used.
//!
//! Field numbers are those of `protos/perfetto/trace/` in the Perfetto sources; the file is named at each message.

/// A message in the making (<https://protobuf.dev/programming-guides/encoding/>).
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Empty it, to use its memory again.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// An unsigned number, an enumeration, or a signed number that is not negative (wire type 0).
    pub fn uint(&mut self, field: u32, value: u64) {
        self.varint(u64::from(field) << 3);
        self.varint(value);
    }

    /// Bytes (wire type 2).
    pub fn put(&mut self, field: u32, value: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// A text.
    pub fn text(&mut self, field: u32, value: &str) {
        self.put(field, value.as_bytes());
    }

    /// A message within this one.
    pub fn message(&mut self, field: u32, fill: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        fill(&mut inner);
        self.put(field, inner.bytes());
    }
}

/// `trace.proto`
pub mod trace {
    pub const PACKET: u32 = 1;
}

/// `trace_packet.proto`
pub mod packet {
    pub const TIMESTAMP: u32 = 8;
    pub const SEQUENCE_ID: u32 = 10;
    pub const TRACK_EVENT: u32 = 11;
    pub const INTERNED_DATA: u32 = 12;
    pub const SEQUENCE_FLAGS: u32 = 13;
    pub const TRACK_DESCRIPTOR: u32 = 60;
    /// SEQ_INCREMENTAL_STATE_CLEARED: names are defined from here on.
    pub const STATE_CLEARED: u64 = 1;
    /// SEQ_NEEDS_INCREMENTAL_STATE: names that were defined are used.
    pub const NEEDS_STATE: u64 = 2;
}

/// `interned_data/interned_data.proto`; entries are `EventName` and `DebugAnnotationName`.
pub mod interned {
    pub const EVENT_NAMES: u32 = 2;
    pub const ANNOTATION_NAMES: u32 = 3;
    pub const IID: u32 = 1;
    pub const NAME: u32 = 2;
}

/// `track_event/track_descriptor.proto`, `track_event/counter_descriptor.proto`
pub mod descriptor {
    pub const UUID: u32 = 1;
    pub const NAME: u32 = 2;
    pub const PARENT_UUID: u32 = 5;
    pub const COUNTER: u32 = 8;
    pub const CHILD_ORDERING: u32 = 11;
    pub const SIBLING_ORDER_RANK: u32 = 12;
    pub const DESCRIPTION: u32 = 14;
    /// ChildTracksOrdering.EXPLICIT: by rank.
    pub const BY_RANK: u64 = 3;
    pub const COUNTER_UNIT_NAME: u32 = 6;
}

/// `track_event/track_event.proto`
pub mod event {
    pub const DEBUG_ANNOTATION: u32 = 4;
    pub const TYPE: u32 = 9;
    pub const NAME_IID: u32 = 10;
    pub const TRACK_UUID: u32 = 11;
    pub const NAME: u32 = 23;
    pub const COUNTER_VALUE: u32 = 30;
    pub const SLICE_BEGIN: u64 = 1;
    pub const SLICE_END: u64 = 2;
    pub const INSTANT: u64 = 3;
    pub const COUNTER: u64 = 4;
}

/// `track_event/debug_annotation.proto`
pub mod annotation {
    pub const NAME_IID: u32 = 1;
    pub const UINT: u32 = 3;
    pub const POINTER: u32 = 7;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_format_is_that_of_the_guide() {
        // The guide's examples: field 1 is 150; field 2 is "testing"; field 3 holds the first message.
        let mut m = Message::default();
        m.uint(1, 150);
        assert_eq!(m.bytes(), [0x08, 0x96, 0x01]);
        m.clear();
        m.text(2, "testing");
        m.message(3, |m| m.uint(1, 150));
        assert_eq!(m.bytes(), b"\x12\x07testing\x1A\x03\x08\x96\x01");
        m.clear();
        m.uint(60, u64::MAX);
        assert_eq!(m.bytes().len(), 2 + 10);
    }
}
