//! The timeline of a report: pins, exceptions, tasks, functions, values and sleep of a capture.

use crate::capture::{Capture, CaptureError, Header};
use crate::export::{Changes, Plan, Selection, Shape, Source};
use crate::report::{Group, Lane};
use std::collections::BTreeMap;

/// Changes that a page can hold at most in a lane; of a busier one only the first are shown.
pub const MOST: usize = 400_000;
/// A variable that has held so many different objects is no task.
const TASKS: usize = 256;

/// All lanes of a capture, and remarks on what they leave out.
///
/// # Errors
/// [`CaptureError`] when the file has gone.
pub fn lanes(capture: &Capture) -> Result<(Vec<Lane>, Vec<String>), CaptureError> {
    let selection = Selection {
        exceptions: true,
        sleep: true,
        places: true,
        variables: true,
        ..Selection::default()
    };
    let plan = Plan::new(capture, &selection);
    // Instants have no length that could be drawn.
    let shown = |shape| !matches!(shape, Shape::Pulse);
    let mut lanes: Vec<Lane> = plan
        .signals
        .iter()
        .map(|s| Lane {
            name: s.name.strip_prefix("exc.").unwrap_or(&s.name).to_owned(),
            group: match s.source {
                Source::Exception(_) => Group::Exceptions,
                Source::Sleep => Group::Sleep,
                Source::Variable(_) => Group::Values,
                _ => Group::Pins,
            },
            changes: s
                .initial
                .map(|v| (capture.header.start, v))
                .into_iter()
                .collect(),
            names: BTreeMap::new(),
        })
        .collect();
    let mut left_out = vec![0u64; lanes.len()];
    for change in Changes::new(&plan, capture.records()?) {
        let lane = &mut lanes[change.signal];
        if lane.changes.len() < MOST {
            lane.changes.push((change.at.0, change.value));
        } else {
            left_out[change.signal] += 1;
        }
    }
    let mut remarks = Vec::new();
    for (lane, n) in lanes.iter().zip(&left_out).filter(|(_, n)| **n > 0) {
        let last = lane.changes.last().map_or(0, |c| c.0);
        remarks.push(format!(
            "The lane {} ends at cycle {last}: {n} later changes are left out.",
            lane.name
        ));
    }
    for (lane, signal) in lanes.iter_mut().zip(&plan.signals) {
        if let Source::Variable(variable) = signal.source {
            name_tasks(lane, &capture.header, variable);
        }
    }
    let mut signals = plan.signals.iter();
    lanes.retain(|_| signals.next().is_some_and(|s| shown(s.shape)));
    Ok((lanes, remarks))
}

/// A variable whose values all have names tells which task runs.
fn name_tasks(lane: &mut Lane, header: &Header, variable: u16) {
    let mut names = BTreeMap::new();
    for &(_, value) in &lane.changes {
        let null = value == 0 && !header.is_current_task(variable);
        if null || names.contains_key(&value) {
            continue;
        }
        match header.value_name(variable, value) {
            Some(name) if names.len() < TASKS => drop(names.insert(value, name)),
            _ => return,
        }
    }
    if !names.is_empty() {
        lane.group = Group::Tasks;
        lane.names = names;
    }
}
