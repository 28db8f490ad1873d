//! Levels of a signal from a value change dump (IEEE Std 1364-2005 §18).

use super::values::Level;
use crate::nearest::nearest;
use crate::units::AS_PER_S;
use vcd::{Command, Parser, Scope, ScopeItem, Value, Var};

/// What is wrong with a dump.
#[derive(Debug)]
pub(super) struct VcdError {
    pub what: String,
    pub help: Option<String>,
    /// It is the signal's name that is wrong, not the file.
    pub is_signal: bool,
}

impl VcdError {
    fn file(what: impl std::fmt::Display) -> VcdError {
        VcdError {
            what: what.to_string(),
            help: None,
            is_signal: false,
        }
    }

    fn signal(what: String, help: String) -> VcdError {
        VcdError {
            what,
            help: Some(help),
            is_signal: true,
        }
    }
}

/// The changes of a signal, in attoseconds, ascending; of several at one time the last.
pub(super) fn read(bytes: &[u8], signal: &str) -> Result<Vec<(u128, Level)>, VcdError> {
    let mut parser = Parser::new(bytes);
    let header = parser.parse_header().map_err(VcdError::file)?;
    let (scale, unit) = header
        .timescale
        .ok_or_else(|| VcdError::file("it has no $timescale"))?;
    let tick = AS_PER_S / u128::from(unit.divisor()) * u128::from(scale);
    let mut known = Vec::new();
    collect(&header.items, "", &mut known);
    let (name, bit) = split_bit(signal);
    let exact = known.iter().find(|(n, _)| n == signal).map(|k| (k, None));
    let found = exact.or_else(|| {
        let whole = known.iter().find(|(n, _)| n == name);
        whole.map(|k| (k, bit))
    });
    let Some(((_, var), bit)) = found else {
        let names: Vec<&str> = known.iter().map(|(n, _)| n.as_str()).collect();
        let near = nearest(signal, names.iter().copied(), 3);
        let list = if near.is_empty() { &names } else { &near };
        let shown = list[..list.len().min(12)].join(", ");
        let help = match (list.is_empty(), near.is_empty()) {
            (true, _) => "it has no signals".to_owned(),
            (_, true) => format!("its signals are: {shown}"),
            (_, false) => format!("near: {shown}"),
        };
        return Err(VcdError::signal(
            format!("there is no signal `{signal}`"),
            help,
        ));
    };
    // Bits are counted from the right end of the value.
    let place = match (var.size, bit) {
        (1, None) => 0,
        (size, Some(bit)) if bit < size => size - 1 - bit,
        (size, _) => {
            let help = format!(
                "name one bit, as {name}[0] to {name}[{}]",
                size.saturating_sub(1)
            );
            return Err(VcdError::signal(
                format!("`{signal}` is not one of its {size} bits"),
                help,
            ));
        }
    };
    let (mut now, mut changes): (u128, Vec<(u128, Level)>) = (0, Vec::new());
    for command in &mut parser {
        let value = match command.map_err(VcdError::file)? {
            Command::Timestamp(t) => {
                let t = u128::from(t).saturating_mul(tick);
                if t < now {
                    return Err(VcdError::file("its times are out of order"));
                }
                now = t;
                continue;
            }
            Command::ChangeScalar(id, value) if id == var.code => value,
            Command::ChangeVector(id, vector) if id == var.code => {
                // Short values are extended to the left, by 0 or by x and z.
                let missing = (var.size as usize).saturating_sub(vector.len());
                match ((place as usize).checked_sub(missing), vector.get(0)) {
                    (Some(i), _) => vector.get(i).unwrap_or(Value::X),
                    (None, Some(first @ (Value::X | Value::Z))) => first,
                    (None, _) => Value::V0,
                }
            }
            _ => continue,
        };
        let level = match value {
            Value::V0 => Level::Low,
            Value::V1 => Level::High,
            Value::X | Value::Z => Level::Float,
        };
        if changes.last().is_some_and(|c| c.0 == now) {
            changes.pop();
        }
        if changes.last().is_none_or(|c| c.1 != level) {
            changes.push((now, level));
        }
    }
    Ok(changes)
}

fn collect<'a>(items: &'a [ScopeItem], path: &str, into: &mut Vec<(String, &'a Var)>) {
    let full = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    for item in items {
        match item {
            ScopeItem::Scope(Scope {
                identifier, items, ..
            }) => collect(items, &full(identifier), into),
            ScopeItem::Var(var) => {
                let name = match var.index {
                    // The index of a single bit is part of its name.
                    Some(index) if var.size == 1 => format!("{}{index}", var.reference),
                    _ => var.reference.clone(),
                };
                into.push((full(&name), var));
            }
            _ => {}
        }
    }
}

/// `bus[3]` as `bus` and 3.
fn split_bit(signal: &str) -> (&str, Option<u32>) {
    let parts = signal
        .strip_suffix(']')
        .and_then(|s| s.rsplit_once('['))
        .and_then(|(name, bit)| Some((name.trim_end(), bit.trim().parse().ok()?)));
    parts.map_or((signal, None), |(name, bit)| (name, Some(bit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "$timescale 10 ns $end
$scope module top $end
$var wire 1 ! btn $end
$var wire 1 % pair [1] $end
$scope module sub $end
$var reg 4 # bus [3:0] $end
$upscope $end
$upscope $end
$enddefinitions $end
$dumpvars
0!
bx #
$end
#0
1%
#5
1!
b10 #
#7
0!
#7
1!
#9
z!
b1111 #
#9
";

    fn levels(signal: &str) -> Vec<(u128, Level)> {
        read(DUMP.as_bytes(), signal).expect("reads")
    }

    #[test]
    fn scalars_and_bits_of_vectors() {
        const NS10: u128 = 10_000_000_000;
        assert_eq!(
            levels("top.btn"),
            [
                (0, Level::Low),
                (5 * NS10, Level::High),
                (9 * NS10, Level::Float)
            ]
        );
        assert_eq!(levels("top.pair[1]"), [(0, Level::High)]);
        assert_eq!(
            levels("top.sub.bus[1]"),
            [(0, Level::Float), (5 * NS10, Level::High)]
        );
        assert_eq!(
            levels("top.sub.bus[3]"),
            [
                (0, Level::Float),
                (5 * NS10, Level::Low),
                (9 * NS10, Level::High)
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str, signal: &str| read(text.as_bytes(), signal).expect_err(signal);
        let e = error(DUMP, "top.bnt");
        assert!(e.is_signal && e.help.expect("help").contains("top.btn"));
        assert!(error(DUMP, "top.sub.bus").what.contains("4 bits"));
        assert!(error(DUMP, "top.sub.bus[4]").is_signal);
        let e = error("$enddefinitions $end\n#0\n", "x");
        assert!(e.what.contains("timescale"));
        assert!(!error("no dump", "x").is_signal);
        let backwards = DUMP.replace("#9\nz!", "#3\nz!");
        assert!(error(&backwards, "top.btn").what.contains("order"));
    }
}
