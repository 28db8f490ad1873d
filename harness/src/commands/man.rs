//! `tickscope man`: the manual page, or a folder with a page for each sub-command.

use crate::cli::grammar;
use crate::failure::Failure;
use crate::output;
use clap::{Args, ValueHint};
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Arguments of `man`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Write a page for each sub-command into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

/// Print or write the pages.
///
/// # Errors
/// A [`Failure`] when they cannot be written.
pub fn main(arguments: &Arguments) -> Result<u8, Failure> {
    let Some(folder) = &arguments.dir else {
        output::write_with(Path::new("-"), |mut out| {
            Man::new(grammar()).render(&mut out)
        })?;
        return Ok(0);
    };
    let mut all = vec![grammar()];
    for sub in grammar().get_subcommands() {
        let name: &'static str =
            Box::leak(format!("tickscope-{}", sub.get_name()).into_boxed_str());
        all.push(sub.clone().name(name));
    }
    for command in all {
        let path = folder.join(format!("{}.1", command.get_name()));
        output::write_with(&path, |mut out| Man::new(command).render(&mut out))?;
    }
    Ok(0)
}
