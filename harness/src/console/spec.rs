//! `--uart NAME=SINK` on the command line.

use std::path::PathBuf;
use std::str::FromStr;

/// Where a serial port goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sink {
    /// Standard input and output.
    Stdio,
    /// A new pseudo-terminal.
    Pty,
    /// A file that holds what was sent.
    File(PathBuf),
    /// A TCP server; the address as given.
    Tcp(String),
    /// Nowhere (the text is still in the results).
    Null,
}

/// A port and its sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UartSpec {
    /// Name of the port.
    pub port: String,
    /// Its sink.
    pub sink: Sink,
}

/// A text that is no `NAME=SINK`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} (write NAME=stdio, NAME=pty, NAME=file:PATH, NAME=tcp:[HOST:]PORT or NAME=none)")]
pub struct UartSpecError(String);

impl FromStr for UartSpec {
    type Err = UartSpecError;

    fn from_str(s: &str) -> Result<UartSpec, UartSpecError> {
        let (port, sink) = s
            .split_once('=')
            .ok_or_else(|| UartSpecError("the sink is missing".to_owned()))?;
        if port.is_empty() {
            return Err(UartSpecError("the name of the port is missing".to_owned()));
        }
        let (kind, rest) = sink.split_once(':').unwrap_or((sink, ""));
        let sink = match (kind, rest) {
            ("stdio", "") => Sink::Stdio,
            ("pty", "") => Sink::Pty,
            ("none", "") => Sink::Null,
            ("file", "") => return Err(UartSpecError("the path of the file is missing".into())),
            ("file", path) => Sink::File(path.into()),
            ("tcp", "") => return Err(UartSpecError("the TCP port is missing".to_owned())),
            ("tcp", address) => Sink::Tcp(address.to_owned()),
            _ => return Err(UartSpecError(format!("`{sink}` is no sink"))),
        };
        Ok(UartSpec {
            port: port.to_owned(),
            sink,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_refuses() {
        let u = |s: &str| s.parse::<UartSpec>().map(|u| u.sink);
        assert_eq!(u("USART2=stdio"), Ok(Sink::Stdio));
        assert_eq!(u("USART2=file:a=b:c"), Ok(Sink::File("a=b:c".into())));
        assert_eq!(
            u("U=tcp:[::1]:5000"),
            Ok(Sink::Tcp("[::1]:5000".to_owned()))
        );
        for bad in [
            "",
            "USART2",
            "=pty",
            "U=file:",
            "U=tcp",
            "U=serial",
            "U=stdio:x",
        ] {
            assert!(u(bad).is_err(), "{bad}");
        }
    }
}
