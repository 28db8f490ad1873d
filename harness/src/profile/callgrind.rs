//! The callgrind format, which KCachegrind, QCachegrind and `callgrind_annotate` read: cycles and instructions by
//! instruction and source line, and calls with what they cost.
//!
//! Exceptions are functions of their own, which call their handlers; sleep and what is left are functions, too. Calls of
//! a recursive function count at each level, as in Callgrind's own files.

use super::Report;
use emu_core::profile::Origin;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// What costs are written for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Unit {
    /// A function by its first address; `None` for code without symbols.
    Function(Option<u32>),
    Exception(u16),
    Sleep,
    Other,
}

/// Calls from one instruction to one function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Calls {
    target: u32,
    count: u64,
    cycles: u64,
    instructions: u64,
}

#[derive(Debug, Default)]
struct Body {
    own: BTreeMap<u32, (u64, u64)>,
    calls: BTreeMap<(u32, Unit), Calls>,
}

/// Write the profile of a run of `command`.
///
/// # Errors
/// What the writer gives.
pub fn write(report: &Report<'_>, command: &str, out: &mut dyn Write) -> io::Result<()> {
    let bodies = bodies(report);
    let p = report.profile;
    writeln!(out, "# callgrind format")?;
    writeln!(out, "version: 1")?;
    writeln!(out, "creator: {}", crate::TOOL)?;
    writeln!(out, "cmd: {}", command.replace('\n', " "))?;
    writeln!(out, "part: 1")?;
    writeln!(out, "positions: instr line")?;
    writeln!(out, "event: Cycles : Core cycles")?;
    writeln!(out, "event: Instructions : Instructions executed")?;
    writeln!(out, "events: Cycles Instructions")?;
    writeln!(out, "summary: {} {}\n", p.cycles, p.executed())?;
    writeln!(out, "ob={}", command.replace('\n', " "))?;
    let mut names = Names::default();
    for (&unit, body) in &bodies {
        function(report, &mut names, unit, body, out)?;
    }
    writeln!(out, "\ntotals: {} {}", p.cycles, p.executed())
}

fn bodies(report: &Report<'_>) -> BTreeMap<Unit, Body> {
    let p = report.profile;
    let mut bodies: BTreeMap<Unit, Body> = BTreeMap::new();
    let mut own = |unit: Unit, at: u32, cycles: u64, times: u64| {
        if cycles > 0 || times > 0 {
            let counts = bodies.entry(unit).or_default().own.entry(at).or_default();
            counts.0 += cycles;
            counts.1 += times;
        }
    };
    for (&at, c) in &p.instructions {
        own(
            Unit::Function(report.function_at(at)),
            at,
            c.cycles,
            c.times,
        );
    }
    for (&n, c) in &p.exceptions {
        own(Unit::Exception(n), 0, c.cycles, 0);
    }
    own(Unit::Sleep, 0, p.sleep, 0);
    own(Unit::Other, 0, p.other, 0);
    let inclusive = p.calls.inclusive();
    for (node, inclusive) in p.calls.nodes.iter().zip(inclusive) {
        let parent = &p.calls.nodes[node.parent];
        let caller = match parent.origin {
            Origin::Root => continue,
            Origin::Exception(n) => Unit::Exception(n),
            _ => Unit::Function(report.function_at(parent.function)),
        };
        let site = match node.origin {
            Origin::Call(site) => site,
            _ => 0,
        };
        let target = Unit::Function(report.function_at(node.function));
        let body = bodies.entry(caller).or_default();
        let calls = body.calls.entry((site, target)).or_default();
        calls.target = node.function;
        calls.count += node.entered;
        calls.cycles += inclusive.0;
        calls.instructions += inclusive.1;
    }
    bodies
}

/// Names are written once, and by their number from then on.
#[derive(Debug, Default)]
struct Names {
    files: BTreeMap<String, usize>,
    functions: BTreeMap<Unit, usize>,
}

impl Names {
    fn file(&mut self, name: &str) -> String {
        let next = self.files.len() + 1;
        match self.files.get(name) {
            Some(n) => format!("({n})"),
            None => {
                self.files.insert(name.to_owned(), next);
                format!("({next}) {name}")
            }
        }
    }

    fn function(&mut self, report: &Report<'_>, unit: Unit) -> String {
        let next = self.functions.len() + 1;
        if let Some(n) = self.functions.get(&unit) {
            return format!("({n})");
        }
        self.functions.insert(unit, next);
        let name = match unit {
            Unit::Function(f) => report.name(f).replace(['\n', '\r'], " "),
            Unit::Exception(n) => report.exception(n),
            Unit::Sleep => "[sleep]".to_owned(),
            Unit::Other => "[other]".to_owned(),
        };
        format!("({next}) {name}")
    }
}

/// File and line of an address.
fn place(report: &Report<'_>, at: u32) -> (String, u32) {
    let lines = report.firmware.image.symbols.lines();
    match lines.location(at) {
        Some(l) if at != 0 => (l.file, l.line),
        _ => ("???".to_owned(), 0),
    }
}

fn function(
    report: &Report<'_>,
    names: &mut Names,
    unit: Unit,
    body: &Body,
    out: &mut dyn Write,
) -> io::Result<()> {
    let start = match unit {
        Unit::Function(Some(f)) => f,
        _ => 0,
    };
    let home = place(report, start).0;
    writeln!(out, "\nfl={}", names.file(&home))?;
    writeln!(out, "fn={}", names.function(report, unit))?;
    let mut file = home.clone();
    let mut calls = body.calls.iter().peekable();
    let sites = body.calls.keys().map(|k| k.0);
    let mut places: Vec<u32> = body.own.keys().copied().chain(sites).collect();
    places.sort_unstable();
    places.dedup();
    for at in places {
        let (here, line) = place(report, at);
        if here != file {
            let key = if here == home { "fe" } else { "fi" };
            writeln!(out, "{key}={}", names.file(&here))?;
            file = here;
        }
        if let Some((cycles, times)) = body.own.get(&at) {
            writeln!(out, "{at:#x} {line} {cycles} {times}")?;
        }
        while let Some((&(_, callee), c)) = calls.next_if(|(k, _)| k.0 == at) {
            let (to_file, to_line) = place(report, c.target);
            writeln!(out, "cfi={}", names.file(&to_file))?;
            writeln!(out, "cfn={}", names.function(report, callee))?;
            writeln!(out, "calls={} {:#x} {to_line}", c.count.max(1), c.target)?;
            writeln!(out, "{at:#x} {line} {} {}", c.cycles, c.instructions)?;
        }
    }
    Ok(())
}
