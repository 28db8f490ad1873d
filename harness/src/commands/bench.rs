//! `tickscope bench`: the runs of a bench file, and whether what they measure holds.

use crate::bench::baseline::{self, Baseline};
use crate::bench::verdict::Verdict;
use crate::bench::{self, Bench, Outcome, junit, markdown, ndjson, plot, table};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output;
use crate::report;
use crate::terminal::Terminal;
use clap::{Args, ValueHint};
use std::path::{Path, PathBuf};

/// What ends a bench, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    everything holds
  1    a budget does not hold, or a firmware failed
  2    wrong usage or bad input; nothing was written
  3    a figure is not what the baseline says, or there is none
  4    a firmware used something that is not modelled, under strict = true
  5    internal error, or the host failed
  124  a run reached its limit before what `until` waits for
  130  interrupted by Ctrl-C";

/// Arguments of `bench`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// A bench file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,

    /// Runs side by side [default: all cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,

    /// Write the figures as the new baseline
    #[arg(long)]
    bless: bool,

    /// Write JUnit XML
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    junit: Option<PathBuf>,

    /// Write one JSON object for each run, metric and verdict
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    ndjson: Option<PathBuf>,

    /// Write Markdown for the summary of a CI step
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    markdown: Option<PathBuf>,

    /// Write the tables of the file as Markdown
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    tables: Option<PathBuf>,

    /// Write the plots of the file, as SVG, to a folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    plots: Option<PathBuf>,

    /// Write a page with plots
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    html: Option<PathBuf>,

    /// Print `::error` lines for GitHub Actions [default: when GITHUB_ACTIONS is set]
    #[arg(long)]
    annotate: bool,

    /// List the runs and make none
    #[arg(long)]
    list: bool,

    /// Print failures only
    #[arg(short, long)]
    quiet: bool,
}

/// Run and judge.
///
/// # Errors
/// A [`Failure`] for bad input, and for outputs that cannot be written.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let Arguments {
        file,
        jobs,
        bless,
        html,
        quiet,
        ..
    } = arguments;
    let outputs = [
        &arguments.junit,
        &arguments.ndjson,
        &arguments.markdown,
        &arguments.tables,
        html,
    ];
    for path in outputs.into_iter().flatten() {
        if path != Path::new("-") {
            output::check(path)?;
        }
    }
    let bench = Bench::open(file, terminal.colour())?;
    bench::check(&bench)?;
    if arguments.list {
        let names: Vec<String> = bench.runs()?.into_iter().map(|r| r.id).collect();
        return print(&format!("{}\n", names.join("\n")));
    }
    let wanted = [
        (&arguments.tables, bench.file.table.is_empty(), "table"),
        (&arguments.plots, bench.file.plot.is_empty(), "plot"),
    ];
    for (path, none, what) in wanted {
        if path.is_some() && none {
            return Err(
                Failure::usage(format!("the bench file has no {what}")).help(format!(
                    "describe it in [[{what}]]; leave out --{what}s until then"
                )),
            );
        }
    }
    let target = baseline::path(&bench);
    let baseline = match (&target, bless) {
        (Some(path), false) => Some(Baseline::read(path, terminal.colour())?),
        (Some(path), true) => {
            output::check(path)?;
            None
        }
        (None, true) => {
            return Err(Failure::usage("the bench names no baseline to bless")
                .help("add a line: baseline = \"baseline.toml\""));
        }
        (None, false) => None,
    };
    let threads = jobs.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let interrupt = Interrupt::install();
    terminal.status(&format!("0/{} runs", bench.runs()?.len()));
    let outcome = bench::run(
        &bench,
        threads,
        html.is_some() || arguments.plots.is_some() && plot::needs_edges(&bench),
        &interrupt,
        &mut |done, all, run| {
            let failed = run.verdicts.iter().filter(|v| !v.passed()).count();
            let mark = match failed {
                0 => String::new(),
                n => format!(", {n} failed"),
            };
            terminal.status(&format!("{done}/{all} runs, {}{mark}", run.id));
        },
    );
    terminal.clear_status();
    let mut outcome = outcome?;
    match (&baseline, &target) {
        (Some(baseline), _) => baseline.compare(&bench, &mut outcome),
        (None, Some(path)) if outcome.is_broken() => terminal.say(&format!(
            "tickscope: {} was not written: a run did not end well, or a signal was not there",
            path.display()
        )),
        (None, Some(path)) => {
            let text = Baseline::of(&outcome.runs).text(&outcome.name);
            output::write_with(path, |w| w.write_all(text.as_bytes()))?;
            terminal.say(&format!("tickscope: wrote {}", path.display()));
        }
        (None, None) => {}
    }
    if let Some(path) = &arguments.junit {
        output::write_with(path, |w| junit::write(&outcome, w))?;
    }
    if let Some(path) = &arguments.ndjson {
        output::write_with(path, |w| ndjson::write(&outcome, w))?;
    }
    let tables = table::markdown(&bench, &outcome)?;
    if let Some(path) = &arguments.markdown {
        output::write_with(path, |w| markdown::write(&outcome, &tables, w))?;
    }
    if let Some(path) = &arguments.tables {
        output::write_with(path, |w| w.write_all(tables.as_bytes()))?;
    }
    if let Some(folder) = &arguments.plots {
        draw(&bench, &outcome, folder, terminal)?;
    }
    if let Some(path) = html {
        let page = bench::page::report(&outcome);
        output::write_with(path, |w| report::write(w, &page))?;
    }
    let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|v| v == "true");
    if arguments.annotate || on_github {
        for line in markdown::annotations(&outcome) {
            print(&format!("{line}\n"))?;
        }
    }
    let quiet = *quiet;
    print(&summary(&outcome, quiet, terminal.colours_output()))?;
    Ok(outcome.exit_code())
}

/// Write the plots, and say what is missing in them.
fn draw(
    bench: &Bench,
    outcome: &Outcome,
    folder: &Path,
    terminal: &Terminal,
) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| {
        Failure::usage(format!(
            "cannot make the folder `{}`: {e}",
            folder.display()
        ))
    })?;
    for picture in plot::draw(bench, outcome)? {
        let path = folder.join(picture.file);
        output::write_with(&path, |w| w.write_all(picture.svg.as_bytes()))?;
        for item in picture.missing {
            terminal.say(&format!("tickscope: {}: nothing of {item}", path.display()));
        }
    }
    Ok(())
}

fn print(text: &str) -> Result<u8, Failure> {
    output::write_with(Path::new("-"), |w| w.write_all(text.as_bytes()))?;
    Ok(0)
}

/// What a person reads: failures with all that is known, and a line for each run.
fn summary(outcome: &Outcome, quiet: bool, colour: bool) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    let paint = |code: &str, text: &str| match colour {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let width = outcome.runs.iter().map(|r| r.id.chars().count()).max();
    let width = width.unwrap_or(0).min(60);
    for run in &outcome.runs {
        let failed: Vec<&Verdict> = run.verdicts.iter().filter(|v| !v.passed()).collect();
        if failed.is_empty() && quiet {
            continue;
        }
        let word = match failed.is_empty() {
            true => paint("32", "pass"),
            false => paint("1;31", "FAIL"),
        };
        let passed = run.verdicts.len() - failed.len();
        let _ = writeln!(
            out,
            "{word}  {:width$}  {:.6} s, {} cycles, {passed} of {} hold",
            run.id,
            run.seconds,
            run.cycles,
            run.verdicts.len()
        );
        for v in failed {
            let _ = writeln!(out, "      {}", line(v));
        }
    }
    for v in outcome.verdicts.iter().filter(|v| !v.passed()) {
        let _ = writeln!(out, "{}  {}", paint("1;31", "FAIL"), line(v));
    }
    let (passed, failed, errors) = outcome.counts();
    let _ = write!(
        out,
        "{}: {} runs, {passed} passed",
        outcome.name,
        outcome.runs.len()
    );
    for (n, what) in [(failed, "failed"), (errors, "could not be told")] {
        if n > 0 {
            let _ = write!(out, ", {}", paint("1;31", &format!("{n} {what}")));
        }
    }
    out.push('\n');
    out
}

fn line(v: &Verdict) -> String {
    use std::fmt::Write;
    let mut text = v.title();
    if !v.wanted.is_empty() {
        let _ = write!(text, " {}", v.wanted);
    }
    let _ = write!(text, ": {}", v.message);
    if let Some(place) = &v.place {
        let _ = write!(text, "; worst in {place}");
    }
    text
}
