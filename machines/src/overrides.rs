//! `--set PATH=VALUE`: changing one number of a machine without a file.
//!
//! A path is `LIST.NAME.FIELD`, as in `clock.HSE.hz`, `device.USART2.params.x`, `memory.sram1.size`,
//! or `core.irqs`. Short forms: a timing parameter by its name alone (`flash.wait_states`), a clock by
//! its name alone (`HSE`), an entry without its list (`USART2.x`, where `x` may be a parameter).

use crate::errors::{Diagnostic, Errors};
use crate::file::MachineFile;
use crate::source::Source;
use crate::spec::{MachineSpec, parse_layer};
use crate::suggest::advice;
use toml::{Table, Value};

/// Fields of a device that are not parameters of its model.
const DEVICE_FIELDS: [&str; 8] = [
    "model", "base", "size", "irq", "clock", "net", "params", "reset",
];

/// No path has more parts.
const MAX_DEPTH: usize = 16;

impl MachineSpec {
    /// Change one value, as `flash.wait_states=5`. A value that is not TOML is a text (`HSE=25MHz`).
    /// Timing parameters that are set so are pinned: the firmware cannot change them.
    ///
    /// # Errors
    /// There is no such value, or the new one does not fit.
    pub fn set(&mut self, assignment: &str) -> Result<(), Errors> {
        let Some((path, text)) = assignment.split_once('=') else {
            return Err(
                Diagnostic::new(format!("`{assignment}` is not an assignment"))
                    .help("write PATH=VALUE, as in flash.wait_states=5")
                    .into(),
            );
        };
        let (path, text) = (path.trim(), text.trim());
        let value = toml::from_str::<Table>(&format!("v = {text}"))
            .ok()
            .filter(|t| t.len() == 1)
            .and_then(|mut t| t.remove("v"))
            .unwrap_or_else(|| Value::String(text.to_owned()));
        let known = (path.split('.').count() <= MAX_DEPTH).then(|| layer(&self.file, path, value));
        let layer = known.flatten().ok_or_else(|| {
            let all = paths(&self.file);
            Diagnostic::new(format!("there is nothing called `{path}` in this machine")).help(
                advice("what can be set", path, all.iter().map(String::as_str)),
            )
        })?;
        let mut sources = self.sources.clone();
        sources.push(Source {
            name: format!("--set {assignment}").into(),
            text: toml::to_string(&layer)
                .map_err(|e| Diagnostic::new(e.to_string()))?
                .into(),
        });
        let over = parse_layer(&sources)?;
        let mut file = self.file.clone();
        let mut errors = Vec::new();
        let own = (
            file.name.clone(),
            file.summary.clone(),
            file.known_as.clone(),
        );
        file.lay_over(over, &sources, &mut errors);
        (file.name, file.summary, file.known_as) = own;
        (self.sources, self.file) = (sources, file);
        Ok(())
    }
}

/// The override as a machine file of its own.
fn layer(file: &MachineFile, path: &str, value: Value) -> Option<Table> {
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let found = match head {
        // Some timing parameters are the core's.
        "core" if file.timing.iter().any(|t| t.name.as_str() == path) => None,
        "core" if !rest.is_empty() => return Some(nest(&["core", rest], value)),
        "console" if rest.is_empty() => return Some(nest(&["console"], value)),
        "pin_names" if !rest.is_empty() => return Some(nest(&["pin_names", rest], value)),
        "interrupts" if file.interrupts.contains_key(rest) => {
            return Some(nest(&["interrupts", rest], value));
        }
        "timing" | "clock" | "memory" | "alias" | "window" | "bit_band" | "bus" | "device"
        | "part" => find(file, Some(head), rest),
        _ => None,
    };
    let (list, name, field) = found.or_else(|| {
        // Without its list a slip would be taken for a field: only fields that exist count.
        find(file, None, path).filter(|(list, _, field)| is_field(list, field))
    })?;
    let mut entry = match (list, field.as_str()) {
        ("timing", "" | "value") => {
            let mut t = nest(&["value"], value);
            t.insert("pinned".to_owned(), Value::Boolean(true));
            t
        }
        ("clock", "" | "hz") => nest(&["hz"], value),
        (_, "") => return None,
        ("device" | "part", field) => {
            let parts: Vec<&str> = field.split('.').collect();
            if DEVICE_FIELDS.contains(&parts[0]) {
                nest(&parts, value)
            } else {
                nest(&["params", field], value)
            }
        }
        (_, field) => nest(&[field], value),
    };
    entry.insert("name".to_owned(), Value::String(name));
    Some(nest(&[list], Value::Array(vec![Value::Table(entry)])))
}

/// Does an entry of this list have such a field? Any name may be a parameter of a device.
fn is_field(list: &str, field: &str) -> bool {
    let fields: &[&str] = match list {
        "timing" => &["", "value"],
        "clock" => &["", "hz", "of", "div", "core"],
        "memory" => &["kind", "base", "size", "guard", "load_extra", "execute"],
        "bus" => &[
            "base",
            "size",
            "clock",
            "read",
            "write",
            "posted",
            "single_cycle",
        ],
        "window" => &["base", "size", "holes"],
        "alias" | "bit_band" => &["base", "size", "target"],
        _ => return !field.is_empty(),
    };
    fields.contains(&field)
}

/// List, name and remaining path of the entry that the path means; the longest name wins.
fn find(
    file: &MachineFile,
    list: Option<&str>,
    path: &str,
) -> Option<(&'static str, String, String)> {
    names(file)
        .into_iter()
        .filter(|(l, _)| list.is_none_or(|list| list == *l))
        .filter_map(|(l, name)| {
            let rest = path.strip_prefix(name)?;
            let rest = match rest.strip_prefix('.') {
                Some(field) => field,
                None if rest.is_empty() => "",
                None => return None,
            };
            Some((l, name.to_owned(), rest.to_owned()))
        })
        .max_by_key(|(_, name, _)| name.len())
}

/// List and name of every entry.
fn names(file: &MachineFile) -> Vec<(&'static str, &str)> {
    let mut all: Vec<(&'static str, &str)> = Vec::new();
    macro_rules! add {
        ($($list:ident),*) => {
            $( all.extend(file.$list.iter().map(|e| (stringify!($list), e.name.as_str()))); )*
        };
    }
    add!(
        part, device, bus, bit_band, window, alias, memory, clock, timing
    );
    all
}

/// Paths worth telling to someone who looks for one.
fn paths(file: &MachineFile) -> Vec<String> {
    let mut all: Vec<String> = file.timing.iter().map(|t| t.name.value.clone()).collect();
    all.extend(
        file.clock
            .iter()
            .map(|c| format!("clock.{}.hz", c.name.value)),
    );
    all.extend(
        file.memory
            .iter()
            .map(|m| format!("memory.{}.size", m.name.value)),
    );
    for b in &file.bus {
        let name = &b.name.value;
        all.extend([format!("bus.{name}.read"), format!("bus.{name}.write")]);
    }
    for d in file.device.iter().chain(&file.part) {
        all.extend(
            d.params
                .iter()
                .filter(|(_, v)| !matches!(v.value, Value::Array(_) | Value::Table(_)))
                .map(|(p, _)| format!("device.{}.params.{p}", d.name.value)),
        );
    }
    all.extend(["core.irqs", "core.priority_bits", "core.vtor", "console"].map(str::to_owned));
    all
}

fn nest(path: &[&str], value: Value) -> Table {
    let mut table = Table::new();
    match path {
        [last] => {
            table.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            table.insert((*first).to_owned(), Value::Table(nest(rest, value)));
        }
        [] => {}
    }
    table
}
