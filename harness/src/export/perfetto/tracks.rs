//! Which tracks a trace has: one for each signal, in groups; one for each object that a pointer points to.

use super::pointers;
use super::trace::{Layout, Name, Track};
use crate::export::job::{ExportError, Job};
use crate::export::plan::{Shape, Signal, Source};
use emu_core::Cycles;
use std::collections::{BTreeMap, BTreeSet};

/// The tracks of a trace and the names of what is on them.
pub struct Tracks {
    /// The CPU's track, if it is shown.
    pub cpu: Option<Track>,
    pub modes: [Name; 3],
    pub pend: Name,
    pub reset: Name,
    /// Names of clock changes, by cycle.
    pub clocks: BTreeMap<Cycles, Name>,
    /// The track of each source, with the name of its slices.
    pub sources: BTreeMap<Source, (Track, Name)>,
    /// The tracks of sources that are counters.
    pub counters: BTreeMap<Source, Track>,
    /// Places where only entries were recorded.
    pub instants: BTreeSet<u16>,
    /// Objects that a variable points to.
    pub objects: BTreeMap<u16, BTreeMap<u32, (Track, Name)>>,
}

impl Tracks {
    /// Lay out the tracks of an export.
    pub fn new(job: &Job<'_>, layout: &mut Layout) -> Result<Tracks, ExportError> {
        let (header, plan) = (&job.capture.header, job.plan);
        let pointers = pointers::find(job)?;
        let of_cpu = |s: &Signal| matches!(s.source, Source::Exception(_) | Source::Sleep);
        let shows_cpu = plan.signals.iter().any(of_cpu);
        let segments = job.capture.summary.timebase.segments().iter();
        let clock = |hz: f64| format!("clock {} MHz", (hz / 1e3).round() / 1e3);
        let mut tracks = Tracks {
            cpu: shows_cpu.then(|| layout.track("CPU", None)),
            modes: ["thread", "handler", "sleep"].map(|n| layout.name(n)),
            pend: layout.name("pend"),
            reset: layout.name("reset"),
            clocks: segments
                .map(|s| {
                    let hz = s.hz.num() as f64 / s.hz.den().max(1) as f64;
                    (s.from, layout.name(&clock(hz)))
                })
                .collect(),
            sources: BTreeMap::new(),
            counters: BTreeMap::new(),
            instants: BTreeSet::new(),
            objects: BTreeMap::new(),
        };
        for (&variable, addresses) in &pointers {
            let parent = layout.group(&format!("Tasks ({})", header.variable(variable)));
            let track = |&address: &u32| {
                let name = header.value_name(variable, address).unwrap_or_default();
                let track = layout.track(&name, Some(parent));
                (address, (track, layout.name(&name)))
            };
            let objects = addresses.iter().map(track).collect();
            tracks.objects.insert(variable, objects);
        }
        let high = layout.name("high");
        let mut groups: BTreeMap<&str, Track> = BTreeMap::new();
        for signal in &plan.signals {
            let source = signal.source;
            let mut group = |layout: &mut Layout, name: &'static str| {
                Some(*groups.entry(name).or_insert_with(|| layout.group(name)))
            };
            let (name, parent, slice) = match source {
                Source::Sleep => continue,
                Source::Variable(v) if pointers.contains_key(&v) => continue,
                Source::Variable(v) => {
                    let parent = group(layout, "Variables");
                    let track = layout.counter(&header.variable(v), "", parent);
                    tracks.counters.insert(source, track);
                    continue;
                }
                Source::Capture(..) => {
                    let parent = group(layout, "Timer captures");
                    let track = layout.counter(&signal.name, "ticks", parent);
                    tracks.counters.insert(source, track);
                    continue;
                }
                Source::Net(_) => (signal.name.clone(), group(layout, "Pins"), Some(high)),
                Source::Exception(n) => (header.exception(n), group(layout, "Exceptions"), None),
                Source::Tx(_) | Source::Rx(_) => {
                    (signal.name.clone(), group(layout, "Serial ports"), None)
                }
                Source::Itm(_) => (signal.name.clone(), group(layout, "ITM"), None),
                Source::Place(p) => {
                    if signal.shape == Shape::Pulse {
                        tracks.instants.insert(p);
                    }
                    (header.place(p), group(layout, "Places"), None)
                }
            };
            let track = layout.track(&name, parent);
            let slice = slice.unwrap_or_else(|| layout.name(&name));
            tracks.sources.insert(source, (track, slice));
        }
        Ok(tracks)
    }
}
