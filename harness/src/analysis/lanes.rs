//! The timeline of a report: pins, exceptions, tasks and sleep of a capture, as values that change.

use crate::capture::{Capture, CaptureError};
use crate::export::{Plan, Selection};
use crate::report::{Group, Lane};
use std::collections::BTreeMap;

/// Changes that a page can hold at most; of busier lanes only the first are shown.
pub const MOST: usize = 400_000;

/// All lanes of a capture.
///
/// # Errors
/// [`CaptureError`] when the file has gone.
pub fn lanes(capture: &Capture) -> Result<Vec<Lane>, CaptureError> {
    let plan = Plan::new(
        capture,
        &Selection {
            pins: None,
            exceptions: true,
            sleep: true,
            uart: false,
        },
    );
    let mut lanes: Vec<Lane> = plan
        .signals
        .iter()
        .map(|s| {
            let (name, group) = match s.name.strip_prefix("exc.") {
                Some(name) => (name.to_owned(), Group::Exceptions),
                None if s.name == "sleep" => (s.name.clone(), Group::Sleep),
                None => (s.name.clone(), Group::Pins),
            };
            Lane {
                name,
                group,
                changes: vec![(capture.header.start, s.initial.into())],
                names: BTreeMap::new(),
            }
        })
        .collect();
    for change in plan.changes(capture)? {
        let lane = &mut lanes[change.signal];
        if lane.changes.len() < MOST {
            lane.changes.push((change.at.0, change.value.into()));
        }
    }
    Ok(lanes)
}
