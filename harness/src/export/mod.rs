//! Exports: what a capture holds, in the formats of other tools.
//!
//! All of them draw on one stream of [`Change`]s. Time units are views that are rounded here and
//! nowhere else; NDJSON and CSV carry the exact cycle.

mod csv;
mod ndjson;
mod signals;
mod svg;
mod vcd;

pub use signals::{Change, Changes, Plan, Selection, Signal};

use crate::capture::Capture;
use crate::failure::Failure;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A format to export to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Value change dump, for GTKWave, Surfer, PulseView.
    Vcd,
    /// One change a line: `cycles,time_s,signal,value`.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// A timeline to look at.
    Svg,
}

impl Format {
    const ALL: [(&'static str, Format); 4] = [
        ("vcd", Format::Vcd),
        ("csv", Format::Csv),
        ("ndjson", Format::Ndjson),
        ("svg", Format::Svg),
    ];

    /// The format that a file's extension stands for.
    ///
    /// # Errors
    /// A [`Failure`] that lists the extensions.
    pub fn of(path: &Path) -> Result<Format, Failure> {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let found = Format::ALL
            .iter()
            .find(|(name, _)| extension.eq_ignore_ascii_case(name));
        found.map(|&(_, format)| format).ok_or_else(|| {
            let path = path.display();
            let message = if extension.is_empty() {
                format!("`{path}` has no extension that tells its format")
            } else {
                format!("`{path}`: the extension `.{extension}` is unknown")
            };
            Failure::usage(message).help("use .vcd, .csv, .ndjson or .svg")
        })
    }
}

/// Write a capture's signals in a format.
///
/// # Errors
/// What the output gives, and when the capture cannot be read any more.
pub fn export(
    capture: &Capture,
    plan: &Plan,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Vcd => vcd::write(capture, plan, out),
        Format::Csv => csv::write(capture, plan, out),
        Format::Ndjson => ndjson::write(capture, plan, out),
        Format::Svg => svg::write(capture, plan, out),
    }
}

/// Where exports shall go, checked before a run starts.
///
/// # Errors
/// A [`Failure`] for an unknown extension or a missing folder.
pub fn targets(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Format)>, Failure> {
    paths
        .iter()
        .map(|path| {
            let format = Format::of(path)?;
            crate::output::check(path)?;
            Ok((path.clone(), format))
        })
        .collect()
}

#[cfg(test)]
mod tests;
