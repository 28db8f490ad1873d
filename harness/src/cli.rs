//! The command line: its grammar, and which command does what.

use crate::commands;
use crate::failure::{EXIT_CODES, Exit, Failure};
use crate::terminal::Terminal;
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Runs firmware on a modelled microcontroller, with the exact cycle of every edge and interrupt.
#[derive(Debug, Parser)]
#[command(name = "tickscope", version, after_help = EXIT_CODES, max_term_width = 110)]
#[command(
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a firmware; its console is on standard output.
    #[command(after_help = EXIT_CODES)]
    Run(Box<commands::run::Arguments>),
    /// Run a firmware and write what its pins do.
    #[command(after_help = EXIT_CODES)]
    Trace(Box<commands::trace::Arguments>),
    /// Run a firmware and tell where its cycles went: by function, line and call path.
    #[command(after_help = EXIT_CODES)]
    Profile(Box<commands::profile::Arguments>),
    /// Tell the jitter of pins, interrupts, functions and variables, of one or more runs.
    #[command(after_help = commands::jitter::SIGNALS)]
    Jitter(Box<commands::jitter::Arguments>),
    /// Make the runs of a bench file and judge what they measure.
    #[command(after_help = commands::bench::EXIT_CODES)]
    Bench(Box<commands::bench::Arguments>),
    /// Compare runs, captures or results: figures side by side, the first difference, functions, statistics over seeds.
    #[command(after_help = commands::compare::AFTER_HELP)]
    Compare(Box<commands::compare::Arguments>),
    /// Let gdb attach to a firmware, from its reset on.
    Gdb(Box<commands::gdb::Arguments>),
    /// List, show and check machines.
    Machine(commands::machine::Arguments),
    /// List the instructions of a firmware.
    Disasm(commands::disasm::Arguments),
    /// Convert a capture to VCD, FST, sigrok, Perfetto, CSV, NDJSON or SVG.
    Export(commands::export::Arguments),
    /// Print a completion script for a shell.
    Completions(commands::completions::Arguments),
    /// Print the manual page.
    Man(commands::man::Arguments),
}

/// The grammar, for completions and the manual.
#[must_use]
pub fn grammar() -> clap::Command {
    Cli::command()
}

/// Parse the process's arguments and do what they ask for.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() {
                Exit::Usage as u8
            } else {
                Exit::Done as u8
            });
        }
    };
    let terminal = Terminal::new();
    let result = match cli.command {
        Command::Run(a) => commands::run::main(&a, &terminal),
        Command::Trace(a) => commands::trace::main(&a, &terminal),
        Command::Profile(a) => commands::profile::main(&a, &terminal),
        Command::Jitter(a) => commands::jitter::main(&a, &terminal),
        Command::Bench(a) => commands::bench::main(&a, &terminal),
        Command::Compare(a) => commands::compare::main(&a, &terminal),
        Command::Gdb(a) => commands::gdb::main(&a, &terminal),
        Command::Machine(a) => commands::machine::main(&a, &terminal),
        Command::Disasm(a) => commands::disasm::main(&a, &terminal),
        Command::Export(a) => commands::export::main(&a, &terminal),
        Command::Completions(a) => commands::completions::main(&a),
        Command::Man(a) => commands::man::main(&a),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            report(&terminal, &failure);
            ExitCode::from(failure.code as u8)
        }
    }
}

/// Print why a command could not do its work.
fn report(terminal: &Terminal, failure: &Failure) {
    // Diagnostics with a snippet of a file bring their own `error:`.
    let bare = failure
        .message
        .trim_start_matches(|c: char| c.is_ascii_digit() || "\x1b[;m".contains(c));
    if bare.starts_with("error") {
        terminal.say(&failure.message);
    } else {
        terminal.tell("error", &failure.message);
    }
    if let Some(help) = &failure.help {
        terminal.tell("help", help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        grammar().debug_assert();
    }

    #[test]
    fn help_tells_the_exit_codes() {
        let help = grammar().render_help().to_string();
        for code in ["124", "--strict", "Ctrl-C"] {
            assert!(help.contains(code), "{code}");
        }
    }
}
