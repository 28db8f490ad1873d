//! The input that a run has recorded in its result, as stimuli.

use super::Stimuli;
use super::file::Uart;
use super::values::Time;
use crate::units::Span;
use machines::{Diagnostic, Errors, Sp};
use serde::Deserialize;
use std::path::Path;

/// What is needed of `result.json`.
#[derive(Deserialize)]
struct Recorded {
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    cycle: u64,
    uart: String,
    hex: String,
}

/// The input of a result, each piece at its cycle.
pub(super) fn from_result(text: &str, path: &Path) -> Result<Stimuli, Errors> {
    let recorded: Recorded = serde_json::from_str(text).map_err(|e| {
        let title = format!("{}: this is not a result of a run: {e}", path.display());
        Diagnostic::new(title)
            .help("stimuli are a TOML file, or what `tickscope run --json` has written")
    })?;
    fn sp<T>(value: T) -> Option<Sp<T>> {
        let at = Default::default();
        Some(Sp { value, at })
    }
    let uart = recorded.inputs.into_iter().filter_map(|input| {
        sp(Uart {
            port: sp(input.uart),
            at: sp(Time(Span::Cycles(input.cycle))),
            hex: sp(input.hex),
            ..Uart::default()
        })
    });
    Ok(Stimuli {
        uart: uart.collect(),
        ..Stimuli::default()
    })
}
