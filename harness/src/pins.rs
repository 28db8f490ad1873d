//! Pins by name, with an answer that lists them when a name is wrong.

use crate::failure::Failure;
use crate::nearest::nearest;
use emu_core::NetId;
use emu_core::nets::Nets;
use std::collections::BTreeMap;

/// The net of this name, in whatever case it is written.
///
/// # Errors
/// A [`Failure`] that lists the pins of the machine.
pub fn find(nets: &Nets, name: &str) -> Result<NetId, Failure> {
    if let Some(id) = nets.find(name) {
        return Ok(id);
    }
    let exact = nets.names().position(|n| n.eq_ignore_ascii_case(name));
    exact
        .map(|i| NetId(i as u16))
        .ok_or_else(|| unknown(name, &nets.names().collect::<Vec<_>>()))
}

/// The failure for a pin that is not among `known`.
#[must_use]
pub fn unknown(name: &str, known: &[&str]) -> Failure {
    let failure = Failure::usage(format!("the machine has no pin `{name}`"));
    let near = nearest(name, known.iter().copied(), 3);
    let list = grouped(known.iter().copied());
    match (near.is_empty(), list.is_empty()) {
        (_, true) => failure.help("this machine has no pins"),
        (true, _) => failure.help(format!("its pins are: {list}")),
        (false, _) => failure.help(format!("near: {}; all pins: {list}", near.join(", "))),
    }
}

/// `PA0-15 PB0-15 LED`: names that differ only in a final number, as ranges.
#[must_use]
pub fn grouped<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut groups: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for name in names {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        match name[stem.len()..].parse() {
            Ok(n) => groups.entry(stem).or_default().push(n),
            Err(_) => drop(groups.entry(name).or_default()),
        }
    }
    let mut out = Vec::new();
    for (stem, mut numbers) in groups {
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() {
            out.push(stem.to_owned());
        }
        for run in numbers.chunk_by(|a, b| a + 1 == *b) {
            out.push(match (run.first(), run.last()) {
                (Some(a), Some(b)) if a != b => format!("{stem}{a}-{b}"),
                (Some(a), _) => format!("{stem}{a}"),
                _ => continue,
            });
        }
    }
    out.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_in_any_case_and_lists_otherwise() {
        let mut nets = Nets::default();
        for n in ["PA0", "PA1", "PA2", "PB7", "LED", "PA5"] {
            nets.add(n);
        }
        assert_eq!(find(&nets, "pb7").expect("found"), NetId(3));
        let e = find(&nets, "PZ9").expect_err("unknown").to_string();
        assert!(e.contains("no pin `PZ9`"), "{e}");
        assert!(e.contains("LED PA0-2 PA5 PB7"), "{e}");
    }
}
