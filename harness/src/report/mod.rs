//! Reports that people look at: one self-contained page, and pictures for READMEs.
//!
//! [`write`] makes the page: tables as plain HTML, and the data of plots and timeline, packed, for the scripts beside this
//! file, which only draw. It works offline; its content security policy lets it run nothing but these scripts and fetch nothing.
//! [`svg`] makes pictures of the same plots.

mod data;
mod html;
mod pack;
mod palette;
mod plots;
mod sections;
mod signals;
pub mod svg;
#[cfg(test)]
mod tests;

pub use data::{
    ClockSegment, Events, Group, Lane, Metric, Percentile, Report, Run, Signal, Table, Verdict,
    Worst,
};

pub(crate) use html::grouped;
use html::{InScript, Text};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// One scope for all scripts, and nothing of them outside of it.
const SCRIPT: &str = concat!(
    "(() => {\n'use strict';\n",
    include_str!("unpack.js"),
    include_str!("format.js"),
    include_str!("search.js"),
    include_str!("theme.js"),
    include_str!("view.js"),
    include_str!("plot.js"),
    include_str!("histogram.js"),
    include_str!("curves.js"),
    include_str!("lanes.js"),
    include_str!("timeline.js"),
    include_str!("main.js"),
    "})();\n",
);

/// Write the page. The same report gives the same bytes.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let style = style();
    let groups = signals::group(report);
    for piece in PAGE.split_inclusive("}}") {
        let (text, name) = match piece.rsplit_once("{{") {
            Some((text, name)) => (text, name.trim_end_matches('}')),
            None => (piece, ""),
        };
        out.write_all(text.as_bytes())?;
        match name {
            "title" => write!(out, "{}", Text(&report.title))?,
            "policy" => write!(
                out,
                "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
                source(SCRIPT),
                source(&style)
            )?,
            "style" => out.write_all(style.as_bytes())?,
            "head" => sections::head(out, report)?,
            "signals" => signals::write(out, report, &groups)?,
            "timeline" => sections::timeline(out, report)?,
            "tables" => sections::tables(out, report)?,
            "data" => {
                let plots = plots::Plots::of(report, &groups);
                serde_json::to_writer(InScript(out), &plots)?;
            }
            "script" => out.write_all(SCRIPT.as_bytes())?,
            _ => {}
        }
    }
    Ok(())
}

fn style() -> String {
    STYLE
        .replace("/*light-runs*/", &palette::css(&palette::LIGHT))
        .replace("/*dark-runs*/", &palette::css(&palette::DARK))
}

/// What a content security policy calls an inline script or style.
fn source(text: &str) -> String {
    format!("sha256-{}", pack::base64(&Sha256::digest(text)))
}
