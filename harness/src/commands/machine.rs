//! `tickscope machine`: which machines there are, what they consist of, whether a file is right.

use crate::failure::Failure;
use crate::output;
use crate::parts::{Spec, machines};
use crate::terminal::Terminal;
use clap::{Args, Subcommand, ValueHint};
use std::path::Path;

/// Arguments of `machine`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// List the built-in machines.
    List,
    /// Show a machine: clocks, memory, devices, interrupts, pins.
    Show {
        /// Name, or path of a machine file
        machine: String,
        /// Change a value of the machine, as flash.wait_states=5
        #[arg(long = "set", value_name = "PATH=VALUE")]
        set: Vec<String>,
    },
    /// Check machine files: read them and build the machine.
    Check {
        /// Names, or paths of machine files
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        machines: Vec<String>,
    },
}

/// List, show or check.
///
/// # Errors
/// A [`Failure`] that shows where a machine file is wrong.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let stdout = Path::new("-");
    match &arguments.action {
        Action::List => {
            let all = machines();
            let width = all.iter().map(|m| m.name.len()).max().unwrap_or(0);
            output::write_with(stdout, |out| {
                for m in &all {
                    writeln!(out, "{:width$}  {:5}  {}", m.name, m.class, m.summary)?;
                }
                Ok(())
            })?;
        }
        Action::Show { machine, set } => {
            let mut spec = Spec::load(machine, terminal.colour())?;
            for assignment in set {
                spec.set(assignment, terminal.colour())?;
            }
            let text = spec.show(terminal.colour())?;
            output::write_with(stdout, |out| writeln!(out, "{}", text.trim_end()))?;
        }
        Action::Check { machines } => {
            let mut failed = None;
            for name in machines {
                let checked = Spec::load(name, terminal.colour())
                    .and_then(|spec| spec.build(0, terminal.colour()));
                match checked {
                    Ok(_) => terminal.say(&format!("{name}: good")),
                    Err(e) => {
                        if let Some(before) = failed.replace(e) {
                            terminal.say(&before.to_string());
                        }
                    }
                }
            }
            if let Some(failure) = failed {
                return Err(failure);
            }
        }
    }
    Ok(0)
}
