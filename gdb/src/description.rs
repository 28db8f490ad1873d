//! The target description: the registers, as XML (gdb manual, "Target Description Format").
//!
//! It says that there is no operating system. A gdb for many targets takes a plain ELF file for a Linux program
//! otherwise: backtraces end at code below 0x8000, and steps are made with breakpoints.

use crate::registers::types::Flags;
use crate::registers::{Register, Table, Type};
use std::fmt::Write;

/// The target description of a machine with these registers.
pub fn target(table: &Table) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n\
         <architecture>{}</architecture>\n<osabi>none</osabi>\n",
        table.architecture
    );
    // Numbers may go forth and back between features, but each is told once.
    let mut features: Vec<&str> = Vec::new();
    for r in table.rows() {
        if !features.contains(&r.feature) {
            features.push(r.feature);
        }
    }
    for feature in features {
        let rows: Vec<&Register> = table
            .rows()
            .iter()
            .filter(|r| r.feature == feature)
            .collect();
        let _ = writeln!(xml, "<feature name=\"{feature}\">");
        for r in &rows {
            if let Type::Flags(flags) = r.kind {
                define(&mut xml, flags);
            }
        }
        for r in rows {
            register(&mut xml, r);
        }
        xml.push_str("</feature>\n");
    }
    xml.push_str("</target>\n");
    xml
}

/// A type of named bits, with the types of its fields. Every register has its own.
fn define(xml: &mut String, flags: &Flags) {
    let id = flags.id;
    for f in flags.fields.iter().filter(|f| !f.values.is_empty()) {
        let _ = writeln!(xml, "  <enum id=\"{id}_{}\" size=\"4\">", f.name);
        for (name, value) in f.values {
            let _ = writeln!(xml, "    <evalue name=\"{name}\" value=\"{value}\"/>");
        }
        xml.push_str("  </enum>\n");
    }
    let _ = writeln!(xml, "  <flags id=\"{id}\" size=\"4\">");
    for f in flags.fields {
        let _ = write!(
            xml,
            "    <field name=\"{}\" start=\"{}\" end=\"{}\"",
            f.name, f.low, f.high
        );
        if !f.values.is_empty() {
            let _ = write!(xml, " type=\"{id}_{}\"", f.name);
        }
        xml.push_str("/>\n");
    }
    xml.push_str("  </flags>\n");
}

fn register(xml: &mut String, r: &Register) {
    let kind = match r.kind {
        Type::Plain(name) => name,
        Type::Flags(flags) => flags.id,
    };
    let _ = write!(
        xml,
        "  <reg name=\"{}\" bitsize=\"{}\" regnum=\"{}\" type=\"{kind}\"",
        r.name, r.bits, r.number
    );
    if let Some(group) = r.group {
        let _ = write!(xml, " group=\"{group}\"");
    }
    if !r.saved {
        xml.push_str(" save-restore=\"no\"");
    }
    xml.push_str("/>\n");
}
