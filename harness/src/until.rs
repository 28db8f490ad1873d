//! What `--until` waits for: a text on a serial port, or a level of a pin.

use std::fmt;
use std::str::FromStr;

/// A condition that ends a run at its exact cycle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Until {
    /// `uart:TEXT`, or `uart.NAME:TEXT` for one port.
    Uart {
        /// The port; any when `None`.
        port: Option<String>,
        /// What it shall have sent.
        text: Vec<u8>,
    },
    /// `pin:PA5=1`: the pin changes to this level.
    Pin {
        /// The pin.
        pin: String,
        /// Its new level.
        level: bool,
    },
}

/// A text that is no condition.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} (write 'uart:TEXT', 'uart.USART2:TEXT' or 'pin:PA5=1')")]
pub struct UntilError(String);

impl FromStr for Until {
    type Err = UntilError;

    fn from_str(s: &str) -> Result<Until, UntilError> {
        let err = |what: &str| UntilError(what.to_owned());
        let (kind, rest) = s
            .split_once(':')
            .ok_or_else(|| err("the kind of condition is missing"))?;
        match kind.split_once('.').unwrap_or((kind, "")) {
            ("uart", port) => {
                let text = unescape(rest).map_err(UntilError)?;
                let most = emu_core::bus::MAX_TAIL;
                if text.is_empty() || text.len() > most {
                    return Err(UntilError(format!("the text must have 1 to {most} bytes")));
                }
                let port = (!port.is_empty()).then(|| port.to_owned());
                Ok(Until::Uart { port, text })
            }
            ("pin", "") => {
                let (pin, level) = rest
                    .split_once('=')
                    .ok_or_else(|| err("the level of the pin is missing"))?;
                let level = match level.to_ascii_lowercase().as_str() {
                    "1" | "high" => true,
                    "0" | "low" => false,
                    _ => return Err(err("the level of a pin is 0 or 1")),
                };
                if pin.is_empty() {
                    return Err(err("the name of the pin is missing"));
                }
                let pin = pin.to_owned();
                Ok(Until::Pin { pin, level })
            }
            _ => Err(UntilError(format!("`{kind}` is no kind of condition"))),
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Until::Uart { port, text } => {
                let dot = if port.is_some() { "." } else { "" };
                let port = port.as_deref().unwrap_or_default();
                write!(f, "uart{dot}{port}:{}", text.escape_ascii())
            }
            Until::Pin { pin, level } => write!(f, "pin:{pin}={}", u8::from(*level)),
        }
    }
}

/// The bytes of a text with `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN`.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        out.push(match chars.next() {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('x') => {
                let hex: String = chars.by_ref().take(2).collect();
                match u8::from_str_radix(&hex, 16) {
                    Ok(b) if hex.len() == 2 => b,
                    _ => return Err(format!("`\\x{hex}` is no byte")),
                }
            }
            Some(c) => return Err(format!("`\\{c}` is no escape")),
            None => return Err("the text ends with a single `\\`".to_owned()),
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_conditions() {
        let u = |s: &str| s.parse::<Until>().expect(s);
        let uart = |port: Option<&str>, text: &[u8]| Until::Uart {
            port: port.map(str::to_owned),
            text: text.to_vec(),
        };
        assert_eq!(u("uart:ready"), uart(None, b"ready"));
        assert_eq!(u("uart:a:b=c"), uart(None, b"a:b=c"));
        assert_eq!(
            u(r"uart.USART2:ok\r\n\x00"),
            uart(Some("USART2"), b"ok\r\n\0")
        );
        assert_eq!(u("pin:PA5=1").to_string(), "pin:PA5=1");
        assert_eq!(u(r"uart.USART2:ok\r").to_string(), r"uart.USART2:ok\r");
    }

    #[test]
    fn refuses_the_rest() {
        for bad in [
            "",
            "uart",
            "uart:",
            "pin:PA5",
            "pin:PA5=2",
            "pin:=1",
            "x:y",
            r"uart:\q",
            r"uart:\x1",
            "uart:\\",
        ] {
            let e = bad.parse::<Until>().expect_err(bad).to_string();
            assert!(e.contains("pin:PA5=1"), "{e}");
        }
    }
}
