//! Variables whose values have names: `pxCurrentTCB` of a scheduler points to objects. Each value gets a track of its own.

use crate::capture::Record;
use crate::export::job::{ExportError, Job};
use crate::export::plan::Source;
use emu_core::ProbeKind;
use std::collections::{BTreeMap, BTreeSet};

/// A variable with more values than this is a number that looks like an address (the end of a heap).
const MAX_OBJECTS: usize = 256;

/// The variables of the plan whose values all have names (null pointers need none), with these values.
pub fn find(job: &Job<'_>) -> Result<BTreeMap<u16, BTreeSet<u32>>, ExportError> {
    let header = &job.capture.header;
    let mut values: BTreeMap<u16, BTreeSet<u32>> = BTreeMap::new();
    let shown = |v| job.plan.index(Source::Variable(v)).is_some();
    if !job.capture.summary.variables.iter().any(|&v| shown(v)) {
        return Ok(values);
    }
    let mut numbers = BTreeSet::new();
    for record in job.records()? {
        let Record::Event(event) = record else {
            continue;
        };
        let ProbeKind::Store { variable, value } = event.kind else {
            continue;
        };
        let null = value == 0 && !header.is_current_task(variable);
        if null || numbers.contains(&variable) || !shown(variable) {
            continue;
        }
        let known = values.entry(variable).or_default();
        let fits = known.contains(&value)
            || header.value_name(variable, value).is_some() && known.len() < MAX_OBJECTS;
        if fits {
            known.insert(value);
        } else {
            values.remove(&variable);
            numbers.insert(variable);
        }
    }
    Ok(values)
}
