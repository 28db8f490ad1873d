//! `tickscope disasm`: the instructions of a firmware, by function, with their cycles.

use crate::cycles::{LEGEND, Price, Timing};
use crate::failure::Failure;
use crate::nearest::nearest;
use crate::output;
use crate::parts::{Firmware, Function, Spec};
use crate::terminal::Terminal;
use capstone::arch::arm::{ArchExtraMode, ArchMode};
use capstone::arch::riscv;
use capstone::prelude::*;
use clap::{Args, ValueHint};
use emu_core::image::Architecture;
use emu_core::timing::Provenance;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `disasm`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Firmware file
    #[arg(value_name = "FW", value_hint = ValueHint::FilePath)]
    firmware: PathBuf,

    /// Only this function
    #[arg(short, long, value_name = "NAME")]
    function: Option<String>,

    /// Machine whose core gives the cycles [default: found from the firmware]
    #[arg(short, long, value_name = "MACHINE")]
    machine: Option<String>,

    /// Insist on the cycles: fail when no machine is known [default: show them when one is]
    #[arg(long)]
    cycles: bool,

    /// Load address of a raw binary
    #[arg(long, value_name = "ADDR", value_parser = super::options::address)]
    base: Option<u32>,
}

/// List.
///
/// # Errors
/// A [`Failure`] for bad input and unknown functions.
pub fn main(arguments: &Arguments, terminal: &Terminal) -> Result<u8, Failure> {
    let firmware = Firmware::open(&arguments.firmware, arguments.base)?;
    let colour = terminal.colour();
    // Without a machine the listing has no cycles; that is no error here.
    let core = match &arguments.machine {
        Some(name) => Some(Spec::load(name, colour)?.core()),
        None => Spec::detect(&firmware, colour).ok().map(|(s, _)| s.core()),
    };
    let timing = core.map(Timing::new).transpose();
    let timing =
        timing.map_err(|e| Failure::internal(format!("the decoder does not start: {e}")))?;
    if timing.is_none() && arguments.cycles {
        return Err(
            Failure::usage("no machine is known that would tell the cycles".to_owned())
                .help("add -m MACHINE; `tickscope machine list` names them"),
        );
    }
    if timing.is_none() {
        terminal.tell(
            "note",
            "without a machine there are no cycles: add -m MACHINE",
        );
    }
    let functions = wanted(&firmware, arguments.function.as_deref())?;
    let riscv = match firmware.image.architecture {
        Some(a) => a == Architecture::RiscV,
        None => core.is_some_and(|c| c.is_riscv()),
    };
    let architecture = if riscv {
        Architecture::RiscV
    } else {
        Architecture::Arm
    };
    let disassembler = disassembler(architecture)?;
    let style = Style(terminal.colours_output());
    output::write_with(Path::new("-"), |out| {
        if timing.is_some() {
            writeln!(out, "{}\n", style.dim(&format!("; {LEGEND}")))?;
        }
        for function in &functions {
            list(
                &firmware,
                function,
                timing.as_ref(),
                &disassembler,
                style,
                out,
            )?;
        }
        Ok(())
    })?;
    Ok(0)
}

/// Colours, if any.
#[derive(Clone, Copy)]
struct Style(bool);

impl Style {
    fn code(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    /// `; 2=    load [stall 1]`, the figure in the colour of its provenance.
    fn price(self, price: &Price) -> String {
        let code = match price.provenance() {
            Provenance::Exact => "32",
            Provenance::Measured => "36",
            Provenance::Estimate => "33",
        };
        let figures = format!("{:<6}", price.figures());
        let reason = price.reason();
        format!("  ; {} {}", self.code(code, &figures), self.dim(&reason))
    }
}

fn disassembler(architecture: Architecture) -> Result<Capstone, Failure> {
    let built = match architecture {
        Architecture::Arm => Capstone::new()
            .arm()
            .mode(ArchMode::Thumb)
            .extra_mode([ArchExtraMode::MClass].into_iter())
            .build(),
        Architecture::RiscV => Capstone::new()
            .riscv()
            .mode(riscv::ArchMode::RiscV32)
            .extra_mode([riscv::ArchExtraMode::RiscVC].into_iter())
            .build(),
    };
    built.map_err(|e| Failure::internal(format!("the disassembler does not start: {e}")))
}

fn wanted(firmware: &Firmware, name: Option<&str>) -> Result<Vec<Function>, Failure> {
    let all = firmware.functions();
    let Some(name) = name else {
        if !all.is_empty() {
            return Ok(all);
        }
        // Without symbols each segment is listed as a whole.
        let segments = firmware.image.segments.iter();
        let whole = segments.map(|s| Function {
            name: format!("segment {:#010x}", s.address),
            start: s.address,
            end: s.address.saturating_add(s.bytes.len() as u32),
        });
        return Ok(whole.collect());
    };
    let mut hits: Vec<Function> = all.iter().filter(|f| f.name == name).cloned().collect();
    if hits.is_empty() {
        let last = |f: &&Function| f.name.rsplit("::").next() == Some(name);
        hits = all.iter().filter(last).cloned().collect();
    }
    if hits.is_empty() {
        let near = nearest(name, all.iter().map(|f| f.name.as_str()), 5);
        let failure = Failure::usage(format!("the firmware has no function `{name}`"));
        return Err(if near.is_empty() {
            failure.help("`tickscope disasm FW` lists all functions")
        } else {
            failure.help(format!("near: {}", near.join(", ")))
        });
    }
    Ok(hits)
}

fn list(
    firmware: &Firmware,
    function: &Function,
    timing: Option<&Timing>,
    disassembler: &Capstone,
    style: Style,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let title = format!("{:08x} <{}>:", function.start, function.name);
    writeln!(out, "{}", style.code("1", &title))?;
    let cycles = timing.map_or_else(BTreeMap::new, |t| cycles(firmware, function, t));
    let mut line = None;
    let mut at = function.start;
    while at < function.end {
        let bytes = bytes_at(firmware, at, (function.end - at).min(4));
        if bytes.len() < 2 {
            break;
        }
        if firmware.is_data(at) {
            at += data(out, at, &bytes)?;
            continue;
        }
        let here = firmware.line(at);
        if here.is_some() && here != line {
            let text = format!("          ; {}", here.as_deref().unwrap_or_default());
            writeln!(out, "{}", style.dim(&text))?;
            line = here;
        }
        let decoded = disassembler.disasm_count(&bytes, at.into(), 1);
        let decoded = decoded.ok().and_then(|d| {
            let i = d.iter().next()?;
            let name = i.mnemonic().unwrap_or_default().to_owned();
            Some((i.len(), name, i.op_str().unwrap_or_default().to_owned()))
        });
        let Some((length, mnemonic, operands)) = decoded else {
            at += data(out, at, &bytes[..2])?;
            continue;
        };
        let cycles = cycles.get(&at).map_or(String::new(), |c| style.price(c));
        let target = branch_target(&mnemonic, &operands);
        let target = target.and_then(|a| Some((a, firmware.function_at(a)?)));
        let target = target.map_or(String::new(), |(a, f)| match a - f.start {
            0 => format!(" <{}>", f.name),
            offset => format!(" <{}+{offset:#x}>", f.name),
        });
        let text = format!("{mnemonic:<8}{operands}{target}");
        let line = format!(
            "{at:8x}:  {:<10} {text:<32}{cycles}",
            halfwords(&bytes[..length])
        );
        writeln!(out, "{}", line.trim_end())?;
        at += length as u32;
    }
    writeln!(out)
}

/// Cycles by address, of each stretch of code between data.
fn cycles(firmware: &Firmware, function: &Function, timing: &Timing) -> BTreeMap<u32, Price> {
    let mut all = BTreeMap::new();
    let mut at = function.start;
    while at < function.end {
        let is_data = firmware.is_data(at);
        let same = |a: &u32| firmware.is_data(*a) == is_data;
        let halves = (at..function.end).step_by(2);
        let end = at + 2 * halves.take_while(same).count() as u32;
        if !is_data {
            let code = bytes_at(firmware, at, end - at);
            all.extend(timing.of(at, &code, &|a| bytes_at(firmware, a, 4)));
        }
        at = end;
    }
    all
}

/// Where a branch goes, from its text: `bl #0x80004bc`, `cbz r0, #0x8000700`.
fn branch_target(mnemonic: &str, operands: &str) -> Option<u32> {
    let branch = mnemonic.starts_with('b') || mnemonic.starts_with("cb");
    let (_, hex) = operands.rsplit_once("#0x")?;
    branch.then(|| u32::from_str_radix(hex, 16).ok())?
}

fn data(out: &mut dyn Write, at: u32, bytes: &[u8]) -> std::io::Result<u32> {
    match bytes {
        [a, b, c, d] if at.is_multiple_of(4) => {
            let word = u32::from_le_bytes([*a, *b, *c, *d]);
            writeln!(out, "{at:8x}:  {word:08x}   .word   {word:#010x}")?;
            Ok(4)
        }
        _ => {
            let half = u16::from_le_bytes([bytes[0], bytes[1]]);
            writeln!(out, "{at:8x}:  {half:04x}       .short  {half:#06x}")?;
            Ok(2)
        }
    }
}

fn halfwords(bytes: &[u8]) -> String {
    let halves = bytes.chunks_exact(2);
    let halves = halves.map(|h| format!("{:04x}", u16::from_le_bytes([h[0], h[1]])));
    halves.collect::<Vec<_>>().join(" ")
}

fn bytes_at(firmware: &Firmware, address: u32, most: u32) -> Vec<u8> {
    let inside = |s: &&emu_core::image::Segment| {
        address.wrapping_sub(s.address) < s.bytes.len() as u32 && address >= s.address
    };
    let Some(segment) = firmware.image.segments.iter().find(inside) else {
        return Vec::new();
    };
    let from = (address - segment.address) as usize;
    let to = segment.bytes.len().min(from + most as usize);
    segment.bytes[from..to].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disassembler_knows_text() {
        let d = disassembler(Architecture::Arm).expect("starts");
        let i = d.disasm_count(&[0x00, 0xBF], 0, 1).expect("decodes");
        assert_eq!(i.iter().next().and_then(|i| i.mnemonic()), Some("nop"));
    }

    #[test]
    fn branch_targets() {
        assert_eq!(branch_target("bl", "#0x80004bc"), Some(0x0800_04BC));
        assert_eq!(branch_target("cbz", "r0, #0x10"), Some(0x10));
        assert_eq!(branch_target("movs", "r0, #0x10"), None);
        assert_eq!(branch_target("bx", "lr"), None);
    }
}
