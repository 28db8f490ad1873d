//! Exports: what a capture holds, in the formats of other tools.
//!
//! All but Perfetto's draw on one stream of [`Change`]s. Time units are views that are rounded here and
//! nowhere else; NDJSON, CSV and Perfetto's annotations carry the exact cycle. Exports are streams: their
//! memory does not grow with the capture.

mod changes;
mod csv;
mod fst;
mod job;
mod ndjson;
mod perfetto;
mod plan;
mod sigrok;
mod svg;
mod vcd;

pub use changes::{Change, Changes};
pub use job::{ExportError, Job};
pub use plan::{Plan, Selection, Shape, Signal, Source};
pub use sigrok::SampleRate;

use crate::failure::Failure;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

/// Where an export goes. Some formats fill in lengths when they are known.
pub trait Output: Write + Seek {}

impl<T: Write + Seek> Output for T {}

/// A format to export to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Value change dump, for GTKWave, Surfer, PulseView.
    Vcd,
    /// GTKWave's compressed waveforms, also for Surfer.
    Fst,
    /// A session of sigrok: PulseView and its protocol decoders.
    Sigrok,
    /// A trace for ui.perfetto.dev.
    Perfetto,
    /// One change a line: `cycles,time_s,signal,value`.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// A timeline to look at.
    Svg,
}

impl Format {
    const ALL: [(&'static str, Format); 8] = [
        ("vcd", Format::Vcd),
        ("fst", Format::Fst),
        ("sr", Format::Sigrok),
        ("perfetto-trace", Format::Perfetto),
        ("pftrace", Format::Perfetto),
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
            let known: Vec<String> = Format::ALL.iter().map(|(n, _)| format!(".{n}")).collect();
            Failure::usage(message).help(format!("use one of {}", known.join(", ")))
        })
    }

    /// Can it show this signal at all?
    #[must_use]
    pub fn shows(self, signal: &Signal) -> bool {
        self != Format::Sigrok || !matches!(signal.shape, Shape::Vector(_))
    }
}

/// Write a capture's signals in a format.
///
/// # Errors
/// What the output gives, and when the capture cannot be read any more or does not fit the format.
pub fn export(job: &Job<'_>, format: Format, out: &mut dyn Output) -> Result<(), ExportError> {
    match format {
        Format::Vcd => vcd::write(job, out),
        Format::Fst => fst::write(job, out),
        Format::Sigrok => sigrok::write(job, out),
        Format::Perfetto => perfetto::write(job, out),
        Format::Csv => csv::write(job, out),
        Format::Ndjson => ndjson::write(job, out),
        Format::Svg => svg::write(job, out),
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

/// A signal's name in VCD and FST, where a space ends a name and a dot is a level of the hierarchy.
fn wire_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && c != '.';
    name.chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests;
