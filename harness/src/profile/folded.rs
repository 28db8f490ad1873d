//! Folded stacks: a line for each call path with its cycles, as `flamegraph.pl`, inferno and speedscope read them.

use super::Report;
use emu_core::profile::Origin;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Write all paths that have cycles of their own, sorted.
///
/// # Errors
/// What the writer gives.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let tree = &report.profile.calls;
    let mut paths: Vec<String> = Vec::with_capacity(tree.nodes.len());
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for node in &tree.nodes {
        let name = match node.origin {
            Origin::Root => String::new(),
            Origin::Exception(n) => report.exception(n),
            Origin::Entry | Origin::Call(_) => match report.function_at(node.function) {
                None => format!("{:#010x}", node.function),
                known => frame(report.name(known)),
            },
        };
        let path = match paths.get(node.parent).filter(|p| !p.is_empty()) {
            Some(caller) => format!("{caller};{name}"),
            None => name,
        };
        paths.push(path);
    }
    for (node, path) in tree.nodes.iter().zip(&paths) {
        *sums.entry(path).or_default() += node.cycles;
    }
    sums.insert("[sleep]", report.profile.sleep);
    sums.insert("[other]", report.profile.other);
    for (path, cycles) in sums.into_iter().filter(|s| s.1 > 0) {
        writeln!(out, "{path} {cycles}")?;
    }
    Ok(())
}

/// A name without what separates frames and lines.
fn frame(name: &str) -> String {
    name.replace(';', ",").replace(['\n', '\r'], " ")
}
