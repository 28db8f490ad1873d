//! Options that `run`, `trace` and `profile` share.

use crate::console::UartSpec;
use crate::prepared::Setup;
use crate::signal::Signal;
use crate::units::Span;
use crate::until::Until;
use clap::{Args, ValueHint};
use std::path::PathBuf;

/// What runs, on what, how long, and where its results go.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// Firmware: ELF, Intel HEX, UF2, or a raw binary with --base
    #[arg(value_name = "FW", value_hint = ValueHint::FilePath)]
    pub firmware: PathBuf,

    /// Machine: a name from `tickscope machine list`, or the path of a machine file [default: found from the firmware]
    #[arg(short, long, value_name = "MACHINE", env = "TICKSCOPE_MACHINE")]
    pub machine: Option<String>,

    /// Change a value of the machine, as flash.wait_states=5
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,

    /// Load address of a raw binary
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub base: Option<u32>,

    /// End after this much virtual time (50ms, 10us, 2s) or this many cycles (1680cy)
    #[arg(long = "for", value_name = "TIME")]
    pub duration: Option<Span>,

    /// End at this cycle
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    pub cycles: Option<u64>,

    /// End when a port has sent a text ('uart:TEXT', 'uart.USART2:TEXT') or a pin gets a level ('pin:PA5=1')
    #[arg(long, value_name = "COND")]
    pub until: Vec<Until>,

    /// Where a serial port goes: NAME=stdio, =pty, =file:PATH, =tcp:[HOST:]PORT, =none
    #[arg(long = "uart", value_name = "NAME=SINK")]
    pub uarts: Vec<UartSpec>,

    /// Fail (exit code 4) when the firmware uses something that is not modelled
    #[arg(long)]
    pub strict: bool,

    /// Seed of the devices that make random data, and of random stimuli
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// What the world outside does: bytes, pin edges, interrupts, tolerances of clocks (TOML, or the result of a run for its input)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub stimuli: Option<PathBuf>,

    /// Write the result as JSON; `-` for standard output
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub json: Option<PathBuf>,

    /// Record what can be observed to a capture file
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub capture: Option<PathBuf>,

    /// Record a signal that needs watching, to be in the capture: fn:NAME, write:VAR, addr:0x08000100, rtt:0
    #[arg(long, value_name = "SIGNAL")]
    pub watch: Vec<Signal>,

    /// Change a word of the firmware's image before it runs, as bench_iterations=100
    #[arg(long, value_name = "SYMBOL=VALUE", value_parser = poke)]
    pub poke: Vec<(String, u32)>,

    /// Let semihosting calls reach files in this folder (they are refused without it)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub semihosting_dir: Option<PathBuf>,

    /// Do not run faster than real time
    #[arg(long)]
    pub pace: bool,

    /// Print the shares of the cycles by how well their cost is known and by what they were spent on
    #[arg(long)]
    pub ledger: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

impl RunOptions {
    /// What runs on what, without its stimuli.
    #[must_use]
    pub fn setup(&self, colour: bool) -> Setup<'_> {
        Setup {
            firmware: &self.firmware,
            base: self.base,
            machine: self.machine.as_deref(),
            set: &self.set,
            poke: &self.poke,
            seed: self.seed,
            stimuli: None,
            semihosting: self.semihosting_dir.as_deref(),
            colour,
        }
    }

    /// The limit, from either option.
    #[must_use]
    pub fn limit(&self) -> Option<Span> {
        self.cycles.map(Span::Cycles).or(self.duration)
    }

    /// Serial ports that the options name.
    pub fn port_names(&self) -> impl Iterator<Item = &str> {
        let waited = self.until.iter().filter_map(|u| match u {
            Until::Uart { port, .. } => port.as_deref(),
            Until::Pin { .. } => None,
        });
        self.uarts.iter().map(|u| u.port.as_str()).chain(waited)
    }
}

/// `SYMBOL=VALUE`.
fn poke(text: &str) -> Result<(String, u32), String> {
    let (symbol, value) = text.split_once('=').ok_or("write SYMBOL=VALUE")?;
    let value = address(value).map_err(|_| format!("`{value}` is no number of 32 bits"))?;
    Ok((symbol.trim().to_owned(), value))
}

/// An address, decimal or hex with `0x`.
pub(super) fn address(text: &str) -> Result<u32, String> {
    let plain = text.replace('_', "");
    let parsed = match plain.strip_prefix("0x").or(plain.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => plain.parse(),
    };
    parsed.map_err(|_| "write an address as 0x08000000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(address("0x0800_0000"), Ok(0x0800_0000));
        assert_eq!(address("4096"), Ok(4096));
        assert!(address("0x1_0000_0000").is_err() && address("").is_err());
    }
}
