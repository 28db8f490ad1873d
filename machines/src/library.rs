//! The machine files that are built into the program.

use crate::file::MachineFile;
use crate::source::Source;
use crate::value;

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../", $path)))),*]
    };
}

/// Path and text of every built-in file.
pub(crate) const FILES: &[(&str, &str)] = files![
    "boards/bluepill.toml",
    "boards/lm3s6965evb.toml",
    "boards/netduinoplus2.toml",
    "boards/stm32f4discovery.toml",
    "chips/bumblebee.toml",
    "chips/cortex-m0.toml",
    "chips/cortex-m0plus.toml",
    "chips/cortex-m3.toml",
    "chips/cortex-m4f.toml",
    "chips/cortex-m33.toml",
    "chips/cortex-m7.toml",
    "chips/e31.toml",
    "chips/lm3s6965.toml",
    "chips/nrf52840.toml",
    "chips/rp2040.toml",
    "chips/samd21g18.toml",
    "chips/samd51j19.toml",
    "chips/rv32.toml",
    "chips/stm32f103xb.toml",
    "chips/stm32f405rg.toml",
    "chips/stm32f407vg.toml",
    "chips/stm32f40x-registers.toml",
    "chips/stm32f40x-signals.toml",
    "chips/stm32f40x.toml",
    "cores/armv6m.toml",
    "cores/armv7m.toml",
    "cores/bare.toml",
    "cores/riscv.toml",
];

/// What a built-in machine is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A microcontroller.
    Chip,
    /// A board with a chip and parts.
    Board,
    /// A core with memory and at most a serial port: no real chip, or one whose devices are not modelled.
    Bare,
}

/// One built-in machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Name for `-m`.
    pub name: String,
    /// What it is, in one line.
    pub summary: String,
    /// Which kind of machine.
    pub class: Class,
    /// The chip of a board.
    pub chip: Option<String>,
}

/// Name of a machine from the path of its file.
fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".toml").unwrap_or(file)
}

/// The built-in file of that name, whatever the case.
#[must_use]
pub fn find(name: &str) -> Option<Source> {
    let (path, text) = FILES
        .iter()
        .find(|(path, _)| stem(path).eq_ignore_ascii_case(name))?;
    Some(Source {
        name: (*path).into(),
        text: (*text).into(),
    })
}

/// The built-in machines that can be run, ordered by name.
#[must_use]
pub fn list() -> Vec<Entry> {
    let mut all: Vec<Entry> = files()
        .filter_map(|(path, file)| entry(path, &file))
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Every built-in file, read by itself.
pub(crate) fn files() -> impl Iterator<Item = (&'static str, MachineFile)> {
    FILES
        .iter()
        .filter_map(|(path, text)| Some((*path, value::parse(text, 0).ok()?)))
}

fn entry(path: &str, file: &MachineFile) -> Option<Entry> {
    if file.partial.as_ref().is_some_and(|p| p.value) {
        return None;
    }
    let class = match (&file.chip, &file.base) {
        (Some(_), _) => Class::Board,
        (None, Some(base)) if matches!(base.value.as_str(), "bare" | "riscv") => Class::Bare,
        (None, None) if file.device.is_empty() => Class::Bare,
        _ => Class::Chip,
    };
    Some(Entry {
        name: stem(path).to_owned(),
        summary: file.summary.as_ref().map(|s| s.value.clone())?,
        class,
        chip: file.chip.as_ref().map(|c| c.value.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_readable_and_bears_its_name() {
        for (path, text) in FILES {
            let file: MachineFile = value::parse(text, 0).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!(file.name.expect("has a name").value, stem(path));
            assert!(file.summary.is_some(), "{path} has no summary");
        }
    }

    #[test]
    fn the_list_has_chips_boards_and_bare_cores_but_no_parts() {
        let list = list();
        let class = |name: &str| list.iter().find(|e| e.name == name).map(|e| e.class);
        assert_eq!(class("stm32f407vg"), Some(Class::Chip));
        assert_eq!(class("stm32f4discovery"), Some(Class::Board));
        assert_eq!(class("cortex-m0"), Some(Class::Bare));
        assert_eq!(class("stm32f40x"), None);
        assert_eq!(class("armv7m"), None);
    }
}
