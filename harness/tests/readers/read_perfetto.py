"""Read a Perfetto trace with the protos of the PyPI package `perfetto`; print what it holds as JSON.

Checks what every reader relies on: tracks are described before they are used, names are defined, times do not go
back, and the slices of each track are nested.
"""

import json
import sys

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb

trace = pb.Trace()
with open(sys.argv[1], "rb") as f:
    trace.ParseFromString(f.read())

TrackEvent = pb.TrackEvent
Packet = pb.TracePacket
tracks, names, notes = {}, {}, {}
open_slices, events = {}, []
last = 0


def path(uuid):
    track = tracks[uuid]
    parent = path(track["parent"]) + "/" if track["parent"] else ""
    return parent + track["name"]


def value(note):
    kind = note.WhichOneof("value")
    return getattr(note, kind)


assert trace.packet[0].sequence_flags == Packet.SEQ_INCREMENTAL_STATE_CLEARED
for packet in trace.packet:
    assert packet.trusted_packet_sequence_id == trace.packet[0].trusted_packet_sequence_id != 0
    if packet.HasField("interned_data"):
        names |= {n.iid: n.name for n in packet.interned_data.event_names}
        notes |= {n.iid: n.name for n in packet.interned_data.debug_annotation_names}
    if packet.HasField("track_descriptor"):
        d = packet.track_descriptor
        assert d.uuid not in tracks and d.uuid != 0
        assert not d.HasField("parent_uuid") or d.parent_uuid in tracks
        tracks[d.uuid] = {
            "name": d.name,
            "parent": d.parent_uuid,
            "counter": d.HasField("counter"),
            "unit": d.counter.unit_name,
            "rank": d.sibling_order_rank,
            "by_rank": d.child_ordering == pb.TrackDescriptor.EXPLICIT,
            "description": d.description,
        }
    if not packet.HasField("track_event"):
        continue
    assert packet.sequence_flags == Packet.SEQ_NEEDS_INCREMENTAL_STATE
    assert packet.timestamp >= last, "time goes back"
    last = packet.timestamp
    e = packet.track_event
    track = path(e.track_uuid)
    assert tracks[e.track_uuid]["counter"] == (e.type == TrackEvent.TYPE_COUNTER)
    event = {
        "track": track,
        "type": TrackEvent.Type.Name(e.type).removeprefix("TYPE_").lower(),
        "ns": packet.timestamp,
        "name": names[e.name_iid] if e.name_iid else e.name,
    }
    event |= {notes[n.name_iid]: value(n) for n in e.debug_annotations}
    if e.type == TrackEvent.TYPE_SLICE_BEGIN:
        open_slices.setdefault(track, []).append(event)
    elif e.type == TrackEvent.TYPE_SLICE_END:
        begun = open_slices[track].pop()
        assert begun["cycle"] <= event["end_cycle"]
    elif e.type == TrackEvent.TYPE_COUNTER:
        event["value"] = e.counter_value
    events.append(event)

unbalanced = {t: len(s) for t, s in open_slices.items() if s}
assert not unbalanced, f"slices that do not end: {unbalanced}"
described = [{**t, "path": path(u)} for u, t in tracks.items()]
json.dump({"tracks": described, "events": events}, sys.stdout)
