//! Profiles for people and other tools: cycles by function, by line and by call path.
//!
//! All figures come from one [`emu_core::profile::Profile`]; the own cycles of all functions, of exception entry and
//! return, of sleep and of what is left sum to the cycles of the run, exactly, in each output.

pub mod callgrind;
pub mod folded;
pub mod table;

use crate::capture::exception_name;
use crate::parts::{Firmware, Function};
use emu_core::profile::{Functions, Node, Origin, Profile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The address ranges of a firmware's functions, as the core wants them.
#[must_use]
pub fn functions(firmware: &Firmware) -> Functions {
    let all = firmware.functions().into_iter();
    Functions::new(all.map(|f| (f.start, f.end)))
}

/// Code in no function that the firmware names.
pub const NO_SYMBOL: &str = "[no symbol]";

/// A profile with names.
#[derive(Debug)]
pub struct Report<'a> {
    /// The counts.
    pub profile: &'a Profile,
    /// What the firmware calls things.
    pub firmware: &'a Firmware,
    interrupts: BTreeMap<u16, String>,
    ranges: Functions,
    names: BTreeMap<u32, Function>,
}

/// One function.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FunctionRow {
    /// Its name.
    pub name: String,
    /// First address, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Where it begins, `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Cycles of its own instructions.
    pub cycles: u64,
    /// These, and the cycles of all that it called.
    pub total: u64,
    /// Its own instructions.
    pub instructions: u64,
    /// How often it was entered at its first address.
    pub calls: u64,
}

/// One line of source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LineRow {
    /// `file:line`; empty when it is not known.
    pub line: String,
    /// The function that its instructions are in (inlined ones are in that of their caller).
    pub function: String,
    /// Cycles of its instructions.
    pub cycles: u64,
    /// Its instructions.
    pub instructions: u64,
}

/// Entry and return of one exception.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExceptionRow {
    /// Exception number.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// Cycles of entry and return.
    pub cycles: u64,
    /// How often it was entered.
    pub times: u64,
}

/// All of it, for `result.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProfileResult {
    /// The cycles that all others sum to.
    pub cycles: u64,
    /// Functions, most cycles first.
    pub functions: Vec<FunctionRow>,
    /// Lines, most cycles first.
    pub lines: Vec<LineRow>,
    /// Exceptions, by number.
    pub exceptions: Vec<ExceptionRow>,
    /// Asleep.
    pub sleep: u64,
    /// None of these: reset.
    pub other: u64,
}

impl<'a> Report<'a> {
    /// From the counts of a run of a firmware on a machine with these interrupts.
    #[must_use]
    pub fn new(
        profile: &'a Profile,
        firmware: &'a Firmware,
        interrupts: BTreeMap<u16, String>,
    ) -> Report<'a> {
        let names = firmware.functions().into_iter().map(|f| (f.start, f));
        Report {
            profile,
            firmware,
            interrupts,
            ranges: functions(firmware),
            names: names.collect(),
        }
    }

    /// The name of a function by its first address.
    #[must_use]
    pub fn name(&self, function: Option<u32>) -> &str {
        let function = function.and_then(|f| self.names.get(&f));
        function.map_or(NO_SYMBOL, |f| &f.name)
    }

    /// `[exception 15 SysTick]`.
    #[must_use]
    pub fn exception(&self, number: u16) -> String {
        let name = exception_name(number, &self.interrupts);
        format!("[exception {number} {name}]")
    }

    /// The function that an address lies in, by its first address.
    #[must_use]
    pub fn function_at(&self, address: u32) -> Option<u32> {
        self.ranges.at(address)
    }

    /// The function of a node of the call tree; `None` for the root and exceptions.
    fn function_of(&self, node: &Node) -> Option<Option<u32>> {
        match node.origin {
            Origin::Root | Origin::Exception(_) => None,
            Origin::Entry | Origin::Call(_) => Some(self.function_at(node.function)),
        }
    }

    /// Functions that were executed, most cycles first.
    #[must_use]
    pub fn functions(&self) -> Vec<FunctionRow> {
        let mut rows: BTreeMap<Option<u32>, FunctionRow> = BTreeMap::new();
        let new = |f: Option<u32>| FunctionRow {
            name: self.name(f).to_owned(),
            address: f.map(|a| format!("{a:#010x}")),
            line: f.and_then(|a| self.firmware.line(a)),
            cycles: 0,
            total: 0,
            instructions: 0,
            calls: 0,
        };
        for (&at, counts) in &self.profile.instructions {
            let f = self.function_at(at);
            let row = rows.entry(f).or_insert_with(|| new(f));
            row.cycles += counts.cycles;
            row.instructions += counts.times;
        }
        let tree = &self.profile.calls;
        let inclusive = tree.inclusive();
        for (i, node) in tree.nodes.iter().enumerate() {
            let Some(f) = self.function_of(node) else {
                continue;
            };
            let row = rows.entry(f).or_insert_with(|| new(f));
            row.calls += node.entered;
            // A recursive function's cycles count once, at its outermost call.
            let mut above = i;
            let outermost = loop {
                if above == 0 {
                    break true;
                }
                above = tree.nodes[above].parent;
                if self.function_of(&tree.nodes[above]) == Some(f) {
                    break false;
                }
            };
            if outermost {
                row.total += inclusive[i].0;
            }
        }
        let mut rows: Vec<FunctionRow> = rows.into_values().collect();
        rows.retain(|r| r.cycles > 0 || r.instructions > 0);
        rows.sort_by_key(|r| std::cmp::Reverse(r.cycles));
        rows
    }

    /// Lines that were executed, most cycles first.
    #[must_use]
    pub fn lines(&self) -> Vec<LineRow> {
        let mut rows: BTreeMap<(String, Option<u32>), (u64, u64)> = BTreeMap::new();
        for (&at, counts) in &self.profile.instructions {
            let line = self.firmware.line(at).unwrap_or_default();
            let row = rows.entry((line, self.function_at(at))).or_default();
            row.0 += counts.cycles;
            row.1 += counts.times;
        }
        let rows = rows.into_iter();
        let mut rows: Vec<LineRow> = rows
            .map(|((line, f), (cycles, instructions))| LineRow {
                line,
                function: self.name(f).to_owned(),
                cycles,
                instructions,
            })
            .collect();
        rows.sort_by_key(|r| std::cmp::Reverse(r.cycles));
        rows
    }

    /// Exceptions that were entered, by number.
    #[must_use]
    pub fn exceptions(&self) -> Vec<ExceptionRow> {
        let all = self.profile.exceptions.iter();
        all.map(|(&number, counts)| ExceptionRow {
            number,
            name: exception_name(number, &self.interrupts),
            cycles: counts.cycles,
            times: counts.times,
        })
        .collect()
    }

    /// Everything but call paths.
    #[must_use]
    pub fn result(&self) -> ProfileResult {
        ProfileResult {
            cycles: self.profile.cycles,
            functions: self.functions(),
            lines: self.lines(),
            exceptions: self.exceptions(),
            sleep: self.profile.sleep,
            other: self.profile.other,
        }
    }
}
