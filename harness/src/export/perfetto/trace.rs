//! A trace in the making: tracks, and slices, instants and counters on them.
//!
//! Names are interned: all are defined in the first packet, events refer to them by number. Times are nanoseconds
//! since power-on, rounded; the exact cycle is an annotation of each event.

use super::proto::{Message, annotation, descriptor, event, interned, packet, trace};
use crate::timebase::Timebase;
use emu_core::Cycles;
use std::io::{self, Write};

/// Attoseconds in a nanosecond.
const AS_PER_NS: u128 = 1_000_000_000;
/// All packets are of one sequence.
const SEQUENCE: u64 = 1;

/// A track, by its number. Numbers start with 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Track(u64);

/// A name that was interned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name(u64);

/// What an annotation of an event says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Note {
    /// The cycle of the event.
    Cycle,
    /// The cycle at which a slice ends.
    EndCycle,
    /// The cycle of the first byte of a text.
    FirstCycle,
    /// Address of the instruction.
    Pc,
    /// A value.
    Value,
    /// The handler was entered straight from another one.
    TailChained,
}

impl Note {
    const NAMES: [(Note, &'static str); 6] = [
        (Note::Cycle, "cycle"),
        (Note::EndCycle, "end_cycle"),
        (Note::FirstCycle, "first_cycle"),
        (Note::Pc, "pc"),
        (Note::Value, "value"),
        (Note::TailChained, "tail_chained"),
    ];

    fn iid(self) -> u64 {
        self as u64 + 1
    }
}

/// What the trace has, before its first event.
#[derive(Default)]
pub struct Layout {
    tracks: Vec<Message>,
    names: Vec<String>,
}

impl Layout {
    /// A track; `parent` groups tracks, which are then shown in the order in which they were added.
    pub fn track(&mut self, name: &str, parent: Option<Track>) -> Track {
        self.describe(name, parent, |_| {})
    }

    /// A track that holds other tracks.
    pub fn group(&mut self, name: &str) -> Track {
        self.describe(name, None, |m| {
            m.uint(descriptor::CHILD_ORDERING, descriptor::BY_RANK);
        })
    }

    /// A track of a number that changes.
    pub fn counter(&mut self, name: &str, unit: &str, parent: Option<Track>) -> Track {
        self.describe(name, parent, |m| {
            m.message(descriptor::COUNTER, |m| {
                if !unit.is_empty() {
                    m.text(descriptor::COUNTER_UNIT_NAME, unit);
                }
            });
        })
    }

    fn describe(
        &mut self,
        name: &str,
        parent: Option<Track>,
        more: impl FnOnce(&mut Message),
    ) -> Track {
        let uuid = self.tracks.len() as u64 + 1;
        let mut m = Message::default();
        m.uint(descriptor::UUID, uuid);
        m.text(descriptor::NAME, name);
        if let Some(Track(parent)) = parent {
            m.uint(descriptor::PARENT_UUID, parent);
            m.uint(descriptor::SIBLING_ORDER_RANK, uuid);
        }
        more(&mut m);
        self.tracks.push(m);
        Track(uuid)
    }

    /// A text that the person sees who clicks on the first track.
    pub fn describe_run(&mut self, text: &str) {
        if let Some(first) = self.tracks.first_mut() {
            first.text(descriptor::DESCRIPTION, text);
        }
    }

    /// Define a name.
    pub fn name(&mut self, name: &str) -> Name {
        let known = self.names.iter().position(|n| n == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        Name(index as u64 + 1)
    }

    /// Write the tracks and names, and go on to the events.
    pub fn start<'a, W: Write>(self, timebase: &'a Timebase, out: W) -> io::Result<Trace<'a, W>> {
        let mut trace = Trace {
            timebase,
            out,
            depths: vec![0; self.tracks.len()],
            packet: Message::default(),
            event: Message::default(),
        };
        let entry = |m: &mut Message, list, iid, name: &str| {
            m.message(list, |m| {
                m.uint(interned::IID, iid);
                m.text(interned::NAME, name);
            });
        };
        trace.packet(|m| {
            m.uint(packet::SEQUENCE_FLAGS, packet::STATE_CLEARED);
            m.message(packet::INTERNED_DATA, |m| {
                for (name, iid) in self.names.iter().zip(1..) {
                    entry(m, interned::EVENT_NAMES, iid, name);
                }
                for (note, name) in Note::NAMES {
                    entry(m, interned::ANNOTATION_NAMES, note.iid(), name);
                }
            });
        })?;
        for track in &self.tracks {
            trace.packet(|m| m.put(packet::TRACK_DESCRIPTOR, track.bytes()))?;
        }
        Ok(trace)
    }
}

/// What an event is called.
#[derive(Clone, Copy)]
enum Title<'t> {
    None,
    Interned(Name),
    Text(&'t str),
}

/// Writes events.
pub struct Trace<'a, W> {
    timebase: &'a Timebase,
    out: W,
    /// Open slices of each track.
    depths: Vec<u32>,
    packet: Message,
    event: Message,
}

impl<W: Write> Trace<'_, W> {
    fn packet(&mut self, fill: impl FnOnce(&mut Message)) -> io::Result<()> {
        self.packet.clear();
        self.packet.uint(packet::SEQUENCE_ID, SEQUENCE);
        fill(&mut self.packet);
        self.event.clear();
        self.event.put(trace::PACKET, self.packet.bytes());
        self.out.write_all(self.event.bytes())
    }

    fn event(
        &mut self,
        at: Cycles,
        kind: u64,
        Track(track): Track,
        title: Title<'_>,
        value: Option<u32>,
        notes: &[(Note, u64)],
    ) -> io::Result<()> {
        let ns = (self.timebase.attoseconds(at).saturating_add(AS_PER_NS / 2)) / AS_PER_NS;
        let mut m = std::mem::take(&mut self.event);
        m.clear();
        m.uint(event::TYPE, kind);
        m.uint(event::TRACK_UUID, track);
        match title {
            Title::None => {}
            Title::Interned(Name(iid)) => m.uint(event::NAME_IID, iid),
            Title::Text(text) => m.text(event::NAME, text),
        }
        if let Some(value) = value {
            m.uint(event::COUNTER_VALUE, value.into());
        }
        for &(note, value) in notes {
            m.message(event::DEBUG_ANNOTATION, |m| {
                m.uint(annotation::NAME_IID, note.iid());
                let field = match note {
                    Note::Pc => annotation::POINTER,
                    _ => annotation::UINT,
                };
                m.uint(field, value);
            });
        }
        self.packet(|p| {
            p.uint(packet::TIMESTAMP, u64::try_from(ns).unwrap_or(u64::MAX));
            p.uint(packet::SEQUENCE_FLAGS, packet::NEEDS_STATE);
            p.put(packet::TRACK_EVENT, m.bytes());
        })
    }

    /// A slice begins, within those that are open on its track.
    pub fn begin(
        &mut self,
        at: Cycles,
        track: Track,
        name: Name,
        notes: &[(Note, u64)],
    ) -> io::Result<()> {
        self.depths[track.0 as usize - 1] += 1;
        let notes = [&[(Note::Cycle, at.0)], notes].concat();
        self.event(
            at,
            event::SLICE_BEGIN,
            track,
            Title::Interned(name),
            None,
            &notes,
        )
    }

    /// Is a slice open on this track?
    pub fn is_open(&self, track: Track) -> bool {
        self.depths[track.0 as usize - 1] > 0
    }

    /// The innermost slice of a track ends, if one is open.
    pub fn end(&mut self, at: Cycles, track: Track) -> io::Result<()> {
        if !self.is_open(track) {
            return Ok(());
        }
        self.depths[track.0 as usize - 1] -= 1;
        let notes = [(Note::EndCycle, at.0)];
        self.event(at, event::SLICE_END, track, Title::None, None, &notes)
    }

    /// Something happens.
    pub fn instant(
        &mut self,
        at: Cycles,
        track: Track,
        name: Name,
        notes: &[(Note, u64)],
    ) -> io::Result<()> {
        let notes = [&[(Note::Cycle, at.0)], notes].concat();
        self.event(
            at,
            event::INSTANT,
            track,
            Title::Interned(name),
            None,
            &notes,
        )
    }

    /// A text.
    pub fn say(&mut self, at: Cycles, track: Track, text: &str, first: Cycles) -> io::Result<()> {
        let notes = [(Note::Cycle, at.0), (Note::FirstCycle, first.0)];
        self.event(at, event::INSTANT, track, Title::Text(text), None, &notes)
    }

    /// A counter has another value.
    pub fn count(&mut self, at: Cycles, track: Track, value: u32) -> io::Result<()> {
        let notes = [(Note::Cycle, at.0)];
        self.event(at, event::COUNTER, track, Title::None, Some(value), &notes)
    }

    /// All slices end.
    pub fn finish(&mut self, at: Cycles) -> io::Result<()> {
        for uuid in 1..=self.depths.len() as u64 {
            while self.is_open(Track(uuid)) {
                self.end(at, Track(uuid))?;
            }
        }
        self.out.flush()
    }
}
