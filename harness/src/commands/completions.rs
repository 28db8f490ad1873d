//! `tickscope completions`: a completion script for a shell.

use crate::cli::grammar;
use crate::failure::Failure;
use crate::output;
use clap::Args;
use clap_complete::Shell;
use std::path::Path;

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

/// Print the script.
///
/// # Errors
/// A [`Failure`] when standard output fails.
pub fn main(arguments: &Arguments) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut grammar(), "tickscope", &mut script);
    output::write_with(Path::new("-"), |out| out.write_all(&script))?;
    Ok(0)
}
