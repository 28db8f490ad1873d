//! `cargo xtask accuracy`: write `ACCURACY.md` from the timing probes and the published measurements.

use crate::measurements::{self, Measurement};
use crate::probes::{self, Probe, Truth};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The page.
#[must_use]
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ACCURACY.md")
}

/// Write the page, beside it first and then over it.
///
/// # Errors
/// When a probe file does not run, or the page cannot be written.
pub fn write() -> Result<()> {
    let path = path();
    let beside = path.with_extension("tmp");
    std::fs::write(&beside, page()?)
        .and_then(|()| std::fs::rename(&beside, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The text of the page.
///
/// # Errors
/// When a probe file does not run or a measurement cannot be read.
pub fn page() -> Result<String> {
    let mut cores = Vec::new();
    for name in probes::names()? {
        let core = name.strip_prefix("timing.").unwrap_or(&name).to_owned();
        cores.push((core, probes::run(&name, false)?));
    }
    let measurements = measurements::read()?;
    let mut page = String::from(HEAD);
    probe_summary(&mut page, &cores)?;
    measurement_summary(&mut page, &measurements)?;
    let mut sources = Sources::default();
    for (core, probes) in &cores {
        probe_table(&mut page, core, probes, &mut sources)?;
    }
    measurement_tables(&mut page, &measurements, &mut sources)?;
    sources.write(&mut page)?;
    Ok(page)
}

const HEAD: &str = "# Accuracy

What the timing models give, beside what is documented or has been measured on silicon.
This page is written by `cargo xtask accuracy`; a test fails when it is not what the models give.

- **exact**: a vendor's or ARM's text gives the count without doubt.
- **measured**: published measurements on silicon agree.
- **estimate**: a documented range, or judgement.
- **open**: nobody documents it; what we get is listed, nothing is asserted.

A **bold** number differs from what is expected. Memory has no wait states unless a row says so.

";

/// The sources cited so far, by number.
#[derive(Default)]
struct Sources(Vec<String>);

impl Sources {
    fn cite(&mut self, source: &str) -> usize {
        if let Some(i) = self.0.iter().position(|s| s == source) {
            return i + 1;
        }
        self.0.push(source.to_owned());
        self.0.len()
    }

    fn write(&self, page: &mut String) -> Result<()> {
        writeln!(page, "## Sources\n")?;
        for (i, source) in self.0.iter().enumerate() {
            writeln!(page, "{}. {}", i + 1, cell(source))?;
        }
        Ok(())
    }
}

/// Text that does not end a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn probe_summary(page: &mut String, cores: &[(String, Vec<Probe>)]) -> Result<()> {
    writeln!(page, "## Probes\n")?;
    writeln!(
        page,
        "One rule of a pipeline each, as a short sequence between two cycle reads: [fixtures/timing](fixtures/timing/README.md).\n"
    )?;
    writeln!(
        page,
        "| core | probes | agree | differ | exact | measured | estimate | open |"
    )?;
    writeln!(page, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
    for (core, probes) in cores {
        let count = |truth| probes.iter().filter(|p| p.truth == truth).count();
        let asserted = probes.len() - count(Truth::Open);
        let differ = probes.iter().filter(|p| !p.agrees()).count();
        write!(
            page,
            "| {core} | {} | {} | {differ} ",
            probes.len(),
            asserted - differ
        )?;
        for truth in Truth::ALL {
            write!(page, "| {} ", count(truth))?;
        }
        writeln!(page, "|")?;
    }
    writeln!(page)?;
    Ok(())
}

fn probe_table(
    page: &mut String,
    core: &str,
    probes: &[Probe],
    sources: &mut Sources,
) -> Result<()> {
    writeln!(page, "## Probes: {core}\n")?;
    writeln!(page, "| probe | rule | truth | expected | ours | source |")?;
    writeln!(page, "|---|---|---|--:|--:|--:|")?;
    for p in probes {
        let expected = p.expected.map_or(String::from("–"), |e| e.to_string());
        let ours = if p.agrees() {
            p.got.to_string()
        } else {
            format!("**{}**", p.got)
        };
        writeln!(
            page,
            "| {} | {} | {} | {expected} | {ours} | {} |",
            p.name,
            cell(&p.why),
            p.truth.name(),
            sources.cite(&p.source)
        )?;
    }
    writeln!(page)?;
    Ok(())
}

/// The cores of the measurements, sorted.
fn measured_cores(all: &[Measurement]) -> Vec<&str> {
    let mut cores: Vec<&str> = all.iter().map(|m| m.core.as_str()).collect();
    cores.sort_unstable();
    cores.dedup();
    cores
}

fn measurement_summary(page: &mut String, all: &[Measurement]) -> Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(page, "## Published measurements\n")?;
    writeln!(
        page,
        "Sequences with a published count: [fixtures/timing/published](fixtures/timing/published/README.md). \
         The error is ours against the published count; mean and worst are of its magnitude.\n"
    )?;
    writeln!(
        page,
        "| core | entries | compared | equal | mean error | worst error |"
    )?;
    writeln!(page, "|---|--:|--:|--:|--:|--:|")?;
    for core in measured_cores(all) {
        let of_core = || all.iter().filter(move |m| m.core == core);
        let errors: Vec<f64> = of_core().filter_map(Measurement::error).collect();
        let equal = errors.iter().filter(|e| e.abs() < 0.05).count();
        let (mean, worst) = if errors.is_empty() {
            (String::from("–"), String::from("–"))
        } else {
            let sum: f64 = errors.iter().map(|e| e.abs()).sum();
            let worst = errors.iter().fold(0.0, |a: f64, e| a.max(e.abs()));
            (
                format!("{:.1} %", sum / errors.len() as f64),
                format!("{worst:.1} %"),
            )
        };
        writeln!(
            page,
            "| {core} | {} | {} | {equal} | {mean} | {worst} |",
            of_core().count(),
            errors.len()
        )?;
    }
    writeln!(page)?;
    Ok(())
}

fn measurement_tables(page: &mut String, all: &[Measurement], sources: &mut Sources) -> Result<()> {
    for core in measured_cores(all) {
        writeln!(page, "## Published measurements: {core}\n")?;
        writeln!(
            page,
            "| measurement | what | chip, clock, wait states | truth | published | ours | error | source |"
        )?;
        writeln!(page, "|---|---|---|---|--:|--:|--:|--:|")?;
        for m in all.iter().filter(|m| m.core == core) {
            let ours = match (m.ours, m.error()) {
                (None, _) => String::from("not run"),
                (Some(o), Some(e)) if e.abs() >= 0.05 => format!("**{o}**"),
                (Some(o), _) => o.to_string(),
            };
            let error = m
                .error()
                .map_or(String::from("–"), |e| format!("{e:+.1} %"));
            let chip = if m.chip.is_empty() {
                String::new()
            } else {
                format!("{}, ", m.chip)
            };
            writeln!(
                page,
                "| {} | {} | {}{}, {} | {} | {} | {ours} | {error} | {} |",
                m.name,
                cell(&m.why),
                cell(&chip),
                cell(&m.clock),
                m.wait_states,
                m.truth,
                m.published,
                sources.cite(&m.source)
            )?;
        }
        writeln!(page)?;
    }
    Ok(())
}
